import { z } from "zod";
import { unknownSchema } from "../people/people";

export const unknownEntrySchema = unknownSchema
  .omit({ fingerprint: true })
  .extend({
    nearest: z
      .object({
        name: z.string(),
        distance: z
          .number()
          .describe(
            "What τ is compared with: the cohort-normalised distance, which may be below 0, or the Euclidean one",
          ),
      })
      .nullable()
      .describe("The person who is nearest, however far"),
  })
  .meta({ id: "Unknown" });
/** A stranger as the editor shows them. */
export type UnknownEntry = z.infer<typeof unknownEntrySchema>;
