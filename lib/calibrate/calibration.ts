/**
 * What a gallery's own photos, and where these are too few the model's statistics, say about τ. Plain values: it
 * travels as JSON.
 */
import type { DistanceKind } from "../search/roster";
import {
  type Histogram,
  identificationRate,
  rateCurve,
  type RatePoint,
  type Share,
  smallestRate,
  sum,
  trialsFor,
} from "./statistics";
import type { Tail } from "./tail";

/** Two photos of two people. */
export interface NearPair {
  distance: number;
  a: PhotoOf;
  b: PhotoOf;
}

export interface PhotoOf {
  personId: string;
  name: string;
  photoId: string;
}

/**
 * "nearer_to_other": another person's photo is nearer than all others of their own: a wrong face, most likely.
 * "far_from_own": farther than τ from all others of their own: poor, old or wrong.
 */
export type OutlierCode = "nearer_to_other" | "far_from_own";

/** A photo that hurts. */
export interface Outlier {
  photo: PhotoOf;
  codes: OutlierCode[];
  /** Distance to the nearest other photo of the same person. */
  own: number;
  /** The nearest photo of somebody else, if one is nearer than `own`. */
  other: { photo: PhotoOf; distance: number } | null;
}

/** How many were measured, of how many; less where all would take too long. */
export interface Counted {
  counted: number;
  of: number;
}

export interface CurvePoint extends RatePoint {
  /**
   * 1:N, how often a stranger is taken for somebody of this gallery, and its upper 95 % bound; null without impostor
   * pairs.
   * N is the number of what a probe is compared with: of embeddings by Euclidean distance, where those of one person
   * are alike, so that
   * the truth is somewhat lower; of people by d'.
   */
  fpir: { share: number; high: number } | null;
}

/** Distances and what they say. */
export interface Distances {
  /** Where the first bin of both histograms begins: 0 of Euclidean distances, maybe less of d'. */
  from: number;
  /** Bins of BIN_WIDTH. */
  genuine: Histogram;
  impostor: Histogram;
  genuinePairs: number;
  impostorPairs: number;
  /** τ from `from` on, in steps of BIN_WIDTH. */
  curve: CurvePoint[];
  /** The least FMR that so many impostor pairs can support (rule of three); null without any. */
  supportedFmr: number | null;
}

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

export interface Suggestion {
  threshold: number;
  /** Whose distances it rests on. */
  from: "own" | "model";
  /** False: no pairs support the wanted FMR; the threshold is that of the least FMR that can be supported. */
  supported: boolean;
  /** At the threshold, by the same distances. */
  fmr: Share;
  fnmr: Share | null;
}

export interface Calibration {
  /**
   * What was measured. "euclidean": of all pairs of photos. "cohort": d' of each photo to the template of the other
   * photos of that
   * person (genuine) and, as if that person was a stranger, to the template of each other person (impostor).
   */
  distance: DistanceKind;
  /** τ as it is set. */
  threshold: number;
  wantedFmr: number;
  /** How many impostor pairs without a false match it takes to support the wanted FMR. */
  pairsForWantedFmr: number;
  people: Counted;
  photos: Counted;
  /** Photos of people of whom there are at least two; the others make no genuine pair. */
  comparablePhotos: number;
  /** Genuine pairs are few and all measured. */
  impostorPairs: Counted;
  /** With which people and pairs were drawn, or null when all were measured. */
  seed: number | null;
  own: Distances;
  /** The rates at τ as it is set, exactly. */
  now: CurvePoint;
  model: (Distances & Pick<ModelStatistics, "model" | "source" | "people" | "photos">) | null;
  /** Null where nothing is known. */
  suggestion: Suggestion | null;
  /** The pairs of people nearest to each other, nearest first, each with their nearest photos. */
  nearest: NearPair[];
  /** Photos that hurt, the worst first. */
  outliers: Outlier[];
  /** How many there are; `outliers` has the worst of them. */
  outlierCount: number;
}

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
