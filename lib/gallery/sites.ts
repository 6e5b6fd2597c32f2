/** What a gallery tells of the sites that share it. */
import { z } from "zod";
import { conflictSchema, deletionSchema } from "../sites/conflicts";
import { countSchema } from "../validate";

const numberSchema = z.int().min(0);

export const siteSummarySchema = z.object({
  name: z.string(),
  reachable: z.boolean().describe("Whether the database answers, and this site follows it"),
  readOnly: z.boolean().describe("Whether the database's login may only read: what is changed here stays here"),
  waiting: countSchema.describe("Records that the other sites have not been told of"),
  followed: numberSchema.nullable().describe("Up to which change all is done here; null before the first answer"),
  head: numberSchema.nullable().describe("The newest change that this site knows of"),
  verifiedAt: z
    .number()
    .nullable()
    .describe("When the whole database was last compared with this site, and was the same; ms since the epoch"),
  verifying: z
    .number()
    .nullable()
    .describe("How much of the database is compared with this site now, in percent; null where nothing is"),
  differing: countSchema
    .nullable()
    .describe("Records that were not the same when they were compared last, since the start"),
  sites: countSchema.describe("How many share the gallery, this one among them"),
  conflicts: countSchema,
});
export type SiteSummary = z.infer<typeof siteSummarySchema>;

export const sitesSchema = z
  .object({
    site: siteSummarySchema,
    sites: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        here: z.boolean(),
        followed: numberSchema.describe("Up to which change all is done there: what was deleted is wiped"),
        answeredAt: z.number().describe("Milliseconds since the epoch, of the database's clock"),
      }),
    ),
    deletions: z
      .array(
        deletionSchema.extend({
          answered: z.array(z.string()).describe("Names of the sites that have wiped it"),
          missing: z.array(z.string()).describe("… and of those that have not answered"),
        }),
      )
      .describe("Of this site, the newest first, at most 100; of whom is not kept"),
    conflicts: z
      .array(conflictSchema.extend({ name: z.string().nullable(), siteName: z.string() }))
      .describe("The newest first, at most 100"),
  })
  .meta({ id: "Sites" });
export type Sites = z.infer<typeof sitesSchema>;
