/**
 * What a gallery's own photos, and where these are too few the model's statistics, say about τ. Plain values: it
 * travels as JSON.
 */
import { z } from "zod";
import { idSchema } from "../people/people";
import { distanceSchema } from "../search/distance-kind";
import { countSchema } from "../validate";
import { ratePointSchema, shareSchema } from "./figures";
import {
  type Histogram,
  identificationRate,
  rateCurve,
  type RatePoint,
  smallestRate,
  sum,
  trialsFor,
} from "./statistics";
import type { Tail } from "./tail";

const comparedSchema = z
  .number()
  .describe("What τ is compared with: the cohort-normalised distance, which may be below 0, or the Euclidean one");

export const photoOfSchema = z
  .object({ personId: idSchema, name: z.string(), photoId: idSchema })
  .meta({ id: "PhotoOf" });
export type PhotoOf = z.infer<typeof photoOfSchema>;

/** Two photos of two people. */
const nearPairSchema = z.object({ distance: comparedSchema, a: photoOfSchema, b: photoOfSchema });
export type NearPair = z.infer<typeof nearPairSchema>;

const outlierCodeSchema = z
  .enum(["nearer_to_other", "far_from_own"])
  .describe(
    "nearer_to_other: another person's photo is nearer than all others of their own: a wrong face, most likely; " +
      "far_from_own: farther than τ from all others of their own: poor, old or wrong",
  );
export type OutlierCode = z.infer<typeof outlierCodeSchema>;

const outlierSchema = z.object({
  photo: photoOfSchema,
  codes: z.array(outlierCodeSchema),
  own: comparedSchema.describe("Distance to the nearest other photo of the same person"),
  other: z
    .object({ photo: photoOfSchema, distance: comparedSchema })
    .nullable()
    .describe("The nearest photo of somebody else, if one is nearer than `own`"),
});
/** A photo that hurts. */
export type Outlier = z.infer<typeof outlierSchema>;

export const countedSchema = z
  .object({ counted: countSchema, of: countSchema })
  .describe("How many were measured, of how many; less where all would take too long");
export type Counted = z.infer<typeof countedSchema>;

const curvePointSchema = ratePointSchema
  .extend({
    // N is the number of what a probe is compared with: of embeddings by Euclidean distance, where those of one person
    // are alike, so that the truth is somewhat lower; of people by d'.
    fpir: z
      .object({ share: z.number(), high: z.number().describe("Upper 95 % bound") })
      .nullable()
      .describe("1:N, how often a stranger is taken for somebody of this gallery; null without impostor pairs"),
  })
  .meta({ id: "CurvePoint" });
export type CurvePoint = z.infer<typeof curvePointSchema>;

const histogramSchema = z
  .array(countSchema)
  .describe("Distances in bins of 0.01, the first of which begins at `from`");

/** Distances and what they say. */
const distancesSchema = z.object({
  from: z
    .number()
    .describe("Where the first bin begins: 0 of Euclidean distances, maybe less of cohort-normalised ones"),
  genuine: histogramSchema,
  impostor: histogramSchema,
  genuinePairs: countSchema,
  impostorPairs: countSchema,
  curve: z.array(curvePointSchema).describe("τ from `from` on, in steps of a bin"),
  supportedFmr: z
    .number()
    .nullable()
    .describe("The least FMR that so many impostor pairs can support (rule of three); null without any"),
});
export type Distances = z.infer<typeof distancesSchema>;

/** Distances of one model on a public set of photos. */
export interface ModelStatistics {
  /** Id of the model. */
  model: string;
  /** On what they were measured, when, by which command. */
  source: string;
  people: number;
  photos: number;
  genuine: Histogram;
  impostor: Histogram;
  /** Of d', from which τ follows that is wanted of strangers; without it only a fixed τ can be set. */
  tail?: Tail | undefined;
  /** The same photos by d', with nobody in the cohort but the built-in rows and the people of these photos. */
  cohort?: { from: number; genuine: Histogram; impostor: Histogram } | undefined;
}

const suggestionSchema = z.object({
  threshold: comparedSchema,
  from: z.enum(["own", "model"]).describe("Whose distances it rests on"),
  supported: z
    .boolean()
    .describe("false: no pairs support the wanted FMR; the threshold is that of the least FMR that can be supported"),
  fmr: shareSchema,
  fnmr: shareSchema.nullable(),
});
export type Suggestion = z.infer<typeof suggestionSchema>;

export const calibrationSchema = z
  .object({
    // "euclidean": of all pairs of photos. "cohort": d' of each photo to the template of the other photos of that
    // person (genuine) and, as if that person was a stranger, to the template of each other person (impostor).
    distance: distanceSchema.describe("What was measured"),
    threshold: comparedSchema.describe("τ as it is set"),
    wantedFmr: z.number(),
    pairsForWantedFmr: countSchema.describe(
      "How many impostor pairs without a false match it takes to support the wanted FMR",
    ),
    people: countedSchema,
    photos: countedSchema,
    comparablePhotos: countSchema.describe("Photos of people of whom there are at least two"),
    impostorPairs: countedSchema,
    seed: z.number().nullable().describe("With which people and pairs were drawn; null when all were measured"),
    own: distancesSchema,
    now: curvePointSchema.describe("The rates at τ as it is set, exactly"),
    model: distancesSchema
      .extend({ model: z.string(), source: z.string(), people: countSchema, photos: countSchema })
      .nullable(),
    suggestion: suggestionSchema.nullable().describe("null where nothing is known"),
    nearest: z
      .array(nearPairSchema)
      .describe("The pairs of people nearest to each other, each with their nearest photos"),
    outliers: z.array(outlierSchema).describe("Photos that hurt, the worst first"),
    outlierCount: countSchema.describe("How many there are; `outliers` has the worst of them"),
  })
  .meta({ id: "Calibration" });
export type Calibration = z.infer<typeof calibrationSchema>;

/**
 * @param size with how many embeddings, or templates, a stranger is compared
 * @param from where the first bin begins
 */
export function distancesOf(genuine: Histogram, impostor: Histogram, size: number, from = 0): Distances {
  const impostorPairs = sum(impostor);
  return {
    from,
    genuine,
    impostor,
    genuinePairs: sum(genuine),
    impostorPairs,
    curve: rateCurve(genuine, impostor, from).map((point) => inGallery(point, size)),
    supportedFmr: impostorPairs === 0 ? null : smallestRate(impostorPairs),
  };
}

/** A point of the curve with its 1:N rate. */
export function inGallery(point: RatePoint, size: number): CurvePoint {
  return {
    ...point,
    fpir:
      point.fmr === null
        ? null
        : { share: identificationRate(point.fmr.share, size), high: identificationRate(point.fmr.high, size) },
  };
}

/**
 * The largest τ at which FMR, by its upper bound, is at most the wanted one: by the gallery's own pairs where they are
 * enough, else by
 * the model's statistics, else by whichever has more pairs at the least FMR that these support.
 */
export function suggest(own: Distances, model: Distances | null, wantedFmr: number): Suggestion | null {
  const supports = ({ impostorPairs }: Distances): boolean => impostorPairs >= trialsFor(wantedFmr);
  if (supports(own)) return suggestion(own, "own", wantedFmr, true);
  if (model !== null && supports(model)) return suggestion(model, "model", wantedFmr, true);
  if (model !== null && model.impostorPairs >= own.impostorPairs)
    return suggestion(model, "model", model.supportedFmr, false);
  return suggestion(own, "own", own.supportedFmr, false);
}

function suggestion(
  { curve }: Distances,
  from: Suggestion["from"],
  fmr: number | null,
  supported: boolean,
): Suggestion | null {
  if (fmr === null) return null;
  const best = curve.findLast((point) => point.fmr !== null && point.fmr.high <= fmr);
  return best?.fmr == null ? null : { threshold: best.threshold, from, supported, fmr: best.fmr, fnmr: best.fnmr };
}
