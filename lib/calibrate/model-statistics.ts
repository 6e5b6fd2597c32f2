/** What is known of the models that ship with the package or come as packs, for galleries too small to know it of their own. */
import { z } from "zod";
import type { ModelStatistics } from "./calibration";
import { STATISTICS as DLIB_RESNET_V1 } from "./dlib-resnet-v1";
import { STATISTICS as MOBILEFACENET_192 } from "./mobilefacenet-192";
import { MAX_BINS } from "./statistics";

const BUILT_IN: ReadonlyMap<string, ModelStatistics> = new Map([DLIB_RESNET_V1, MOBILEFACENET_192].map((statistics) => [statistics.model, statistics]));

const count = z.number().int().min(0);
const histogram = z.array(count).max(MAX_BINS);

/** Statistics as a model pack has them in JSON. */
export const statisticsSchema = z.strictObject({
  model: z.string(),
  source: z.string().max(1000),
  people: count,
  photos: count,
  genuine: histogram,
  impostor: histogram,
}) satisfies z.ZodType<ModelStatistics>;

/** Of packs, once their model was found. */
const learned = new Map<string, ModelStatistics>();

/** Know the statistics of a pack's model, or that there are none. */
export function learnStatistics(model: string, statistics: ModelStatistics | undefined): void {
  if (statistics === undefined) learned.delete(model);
  else learned.set(model, statistics);
}

/** @returns undefined for a model that was never measured, or a pack's that nobody has asked for */
export function statisticsOf(model: string): ModelStatistics | undefined {
  return BUILT_IN.get(model) ?? learned.get(model);
}
