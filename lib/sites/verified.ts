/** What was found when the whole log was read again. */
import { z } from "zod";
import { countSchema } from "../validate";

export const verifiedSchema = z
  .object({
    records: countSchema,
    people: countSchema,
    photos: countSchema,
    digest: z.string().describe("Of all that the database has: the same at every site that has followed as far"),
    differing: countSchema.describe("Records that are not here as they are there"),
  })
  .meta({ id: "Verified" });
export type Verified = z.infer<typeof verifiedSchema>;
