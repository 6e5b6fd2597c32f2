/** What the API answers of gates. */
import { z } from "zod";
import { detailsSchema, entrySchema } from "../lib/gate/log/entry";
import { FAULTS } from "../lib/gate/log/verify";
import { FACTOR_KINDS } from "../lib/grant";
import { countSchema } from "../lib/validate";

const lock = {
  failures: countSchema.describe("In a row"),
  off: z.boolean().describe("Until somebody resets it, or a code for one time is used"),
  wait: z.number().describe("Milliseconds until it may be tried again"),
};

export const gateAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    ...lock,
    shared: z.boolean().describe("Whether second factors are the gallery's, for all gates that share them"),
    sealed: z.boolean().describe("Whether the gallery's pass phrase seals what is kept: without it short PINs fall"),
    people: z
      .array(
        z.object({
          person: z.string(),
          name: z.string().nullable().describe("null: deleted from the gallery"),
          kinds: z.array(z.enum(FACTOR_KINDS)).describe("Second factors that are kept"),
          codes: z.array(z.number()).describe("Until when each code for one time can be used"),
          ...lock,
        }),
      )
      .describe("Who has a second factor, or failed since they were let in last"),
  })
  .meta({ id: "Gate" });

export type GateAnswer = z.infer<typeof gateAnswer>;

export const logRow = entrySchema
  .extend({
    known: detailsSchema.omit({ salt: true }).nullable().describe("null: there was nothing, or it was deleted"),
    pictured: z.boolean(),
  })
  .meta({ id: "GateLogRow" });

export type GateLogRow = z.infer<typeof logRow>;

const loggedAnswer = z.object({ sequence: z.int(), hash: z.string() });
export const verificationAnswer = z
  .object({
    ok: z.boolean(),
    entries: countSchema,
    first: z.int().nullable(),
    last: loggedAnswer.nullable(),
    forgotten: countSchema.describe("Entries whose details were deleted with a person"),
    broken: z
      .object({ sequence: z.int(), fault: z.enum(FAULTS) })
      .nullable()
      .describe("Where it breaks first"),
  })
  .meta({ id: "GateLogVerification" });

export type GateLogVerification = z.infer<typeof verificationAnswer>;
