/**
 * How far apart two faces are for the place where they lie. A network puts some populations close together, so that
 * one threshold of the
 * Euclidean distance lets many strangers of those in. A face from a crowded place must come nearer to count: with
 * embeddings at length 1 and
 * R(x) the mean of the smallest distances of x to a cohort of other people,
 *
 *     d'(p, t) = d(p, t) − ½ (R(p) + R(t)) + R0
 *
 * (symmetric score normalisation with an adaptive cohort: Auckenthaler et al. 2000; Matějka et al., Interspeech 2017).
 */
import { type CohortFile, learnCohort, loadCohort } from "./cohort";
import type { ModelDescriptor } from "./descriptor";

/** What of a model's embeddings is needed for d'. */
export interface Normalisation {
  /** The cohort, row after row, each of length 1. */
  rows: Float32Array;
  dimensions: number;
  /** R0, which puts d' where d is: the mean R of faces in general. */
  mean: number;
  /** τ of d'. */
  threshold: number;
}

/** R(x) is the mean of so many distances. */
export const NEIGHBOURS = 10;

type Figures = Pick<Normalisation, "mean" | "threshold">;

/**
 * R0, and the τ at which one pair of strangers of a thousand matches (LFW, FMR 0.1 %; bench/populations.ts shows what
 * it does elsewhere).
 */
const BY_MODEL: Readonly<Record<string, Figures>> = {
  "dlib-resnet-v1": { mean: 0.391, threshold: 0.355 },
  "mobilefacenet-192": { mean: 1.101, threshold: 0.999 },
};

/** Of model packs, by model. */
const learned = new Map<string, Figures>();

/** Know what d' of a pack's model needs, or that it has no cohort. */
export function learnNormalisation(model: string, cohort: (CohortFile & Figures) | undefined): void {
  learnCohort(model, cohort);
  if (cohort === undefined) learned.delete(model);
  else learned.set(model, { mean: cohort.mean, threshold: cohort.threshold });
}

/**
 * @returns undefined for a model without a cohort: its embeddings are compared by Euclidean distance
 * @throws a sentence when the cohort's file is missing or damaged
 */
export async function normalisationOf({
  id,
  dimensions,
}: Pick<ModelDescriptor, "id" | "dimensions">): Promise<Normalisation | undefined> {
  const cohort = await loadCohort(id);
  const figures = Object.hasOwn(BY_MODEL, id) ? BY_MODEL[id] : learned.get(id);
  // Somebody's own descriptor may have a built-in id.
  return cohort === undefined || figures === undefined || cohort.dimensions !== dimensions
    ? undefined
    : { ...cohort, ...figures };
}
