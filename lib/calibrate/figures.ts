/** A rate with its interval, and the rates at a threshold, as they are told: not in the workers, which only count. */
import { z } from "zod";
import { countSchema } from "../validate";

export const shareSchema = z
  .object({
    hits: countSchema,
    total: countSchema,
    share: z.number(),
    low: z.number().describe("95 % interval"),
    high: z.number(),
  })
  .meta({ id: "Share" });
export type Share = z.infer<typeof shareSchema>;

export const ratePointSchema = z.object({
  threshold: z.number().describe("τ"),
  fmr: shareSchema.nullable().describe("null without impostor pairs"),
  fnmr: shareSchema.nullable().describe("null without genuine pairs"),
});
export type RatePoint = z.infer<typeof ratePointSchema>;

export const ownTailSchema = z.object({
  nearer: z
    .number()
    // Where thirty pairs show it, by the upper 95 % bounds of both; below 0 where they stay farther away.
    .describe("How much nearer strangers come here than the model's tail says; above 0 τ is as much less"),
  people: countSchema,
  strangers: countSchema.describe("Who are kept"),
  comparisons: countSchema.describe("Pairs of different people"),
});
/** What a gallery's own people say of how near strangers come. */
export type OwnTail = z.infer<typeof ownTailSchema>;
