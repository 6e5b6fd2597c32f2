/**
 * What is known of the models that ship with the package or come as packs, for galleries too small to know it of their
 * own.
 */
import { z } from "zod";
import type { ModelStatistics } from "./calibration";
import { STATISTICS as DLIB_RESNET_V1 } from "./dlib-resnet-v1";
import { TAIL as DLIB_RESNET_V1_TAIL } from "./dlib-resnet-v1.tail";
import { STATISTICS as MOBILEFACENET_192 } from "./mobilefacenet-192";
import { TAIL as MOBILEFACENET_192_TAIL } from "./mobilefacenet-192.tail";
import { MAX_BINS } from "./statistics";
import type { Tail } from "./tail";
import { own } from "../validate";

const BUILT_IN: ReadonlyMap<string, ModelStatistics> = new Map(
  [
    { ...DLIB_RESNET_V1, tail: DLIB_RESNET_V1_TAIL },
    { ...MOBILEFACENET_192, tail: MOBILEFACENET_192_TAIL },
  ].map((statistics) => [statistics.model, statistics]),
);

const count = z.number().int().min(0);
const histogram = z.array(count).max(MAX_BINS);
const rate = z.number().gt(0).max(1);

const ascends = <T>(rows: readonly T[], pick: (row: T) => number): boolean =>
  rows.every((row, index) => index === 0 || pick(row) > pick(rows[index - 1] as T));

const tailSchema = z.strictObject({
  source: z.string().max(1000),
  populations: z
    .array(z.strictObject({ name: z.string().max(100), people: count, comparisons: count }))
    .min(1)
    .max(100),
  points: z
    .array(z.strictObject({ threshold: z.number(), fmr: rate, high: rate }))
    .min(2)
    .max(1000)
    .refine(
      (points) =>
        ascends(points, ({ threshold }) => threshold) &&
        ascends(points, ({ fmr }) => fmr) &&
        ascends(points, ({ high }) => high),
      own("calibrate.ascendPoints"),
    ),
  templates: z
    .array(z.strictObject({ photos: z.number().int().min(1), nearer: z.number().min(0) }))
    .min(1)
    .max(100)
    .refine(
      (templates) => ascends(templates, ({ photos }) => photos) && ascends(templates, ({ nearer }) => nearer),
      own("calibrate.ascendTemplates"),
    ),
}) satisfies z.ZodType<Tail>;

/** Statistics as a model pack has them in JSON. */
export const statisticsSchema = z.strictObject({
  model: z.string(),
  source: z.string().max(1000),
  people: count,
  photos: count,
  genuine: histogram,
  impostor: histogram,
  cohort: z.strictObject({ from: z.number().min(-2).max(2), genuine: histogram, impostor: histogram }).optional(),
  tail: tailSchema.optional(),
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
