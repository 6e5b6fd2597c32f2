/** The rows of a matrix that are nearest to a probe, as the gallery decides about strangers: by d', or Euclidean. */
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { halfBy } from "../search/crowd";

export interface NearRow {
  row: number;
  distance: number;
}

export interface Near {
  /** Row after row, as long as a probe. */
  values: Float32Array;
  /** How many are wanted. */
  count: number;
  /** With it distances are d', else Euclidean. */
  normalisation: Normalisation | undefined;
  /** What is farther is not wanted. */
  within: number;
}

/** A bound is looked for by one of so many of the cohort. */
const STRIDE = 8;
/** What the order of a sum may change in a mean of distances. */
const SLACK = 1e-9;

/** @returns the nearest first; exact: each row has been measured, or is farther by a bound than `count` others */
export function nearestRows(probe: Float32Array, { values, count, normalisation, within }: Near): NearRow[] {
  const { length } = probe;
  const distanceTo = normalisation === undefined ? euclidean(probe) : normalised(probe, normalisation);
  const best: NearRow[] = [];
  let worst = within;
  for (let row = 0; row * length < values.length; row += 1) {
    const distance = distanceTo(values.subarray(row * length, (row + 1) * length), worst);
    if (distance === undefined || !(distance <= worst)) continue;
    let at = best.length;
    while (at > 0 && (best[at - 1] as NearRow).distance > distance) at -= 1;
    best.splice(at, 0, { row, distance });
    if (best.length > count) best.pop();
    if (best.length === count) worst = Math.min(worst, (best[count - 1] as NearRow).distance);
  }
  return best;
}

/** @returns undefined where it is farther than `worst` */
type DistanceTo = (other: Float32Array, worst: number) => number | undefined;

const euclidean =
  (probe: Float32Array): DistanceTo =>
  (other) =>
    euclideanDistance(probe, other);

/**
 * d' = d − ½ R(p) − ½ R(t) + R0. R(t) takes a look at the whole cohort. The nearest of a part of the cohort are not
 * nearer than those of all of it, so that R of a part is at least R: with it d' comes out too small, if anything, and
 * what is too far even so need not be measured.
 */
function normalised(probe: Float32Array, normalisation: Normalisation): DistanceTo {
  const half = halfBy(normalisation);
  const atMostHalf = halfBy(partOf(normalisation));
  const own = toUnitLength(probe);
  const offset = normalisation.mean - half(own);
  return (other, worst) => {
    const unit = toUnitLength(other);
    const distance = euclideanDistance(own, unit) + offset;
    return distance - atMostHalf(unit) - SLACK > worst ? undefined : distance - half(unit);
  };
}

/** Each eighth row of the cohort, where these are enough for a mean. */
function partOf(normalisation: Normalisation): Normalisation {
  const { rows, dimensions } = normalisation;
  const all = rows.length / dimensions;
  const some = Math.ceil(all / STRIDE);
  if (some < NEIGHBOURS + 1) return normalisation;
  const part = new Float32Array(some * dimensions);
  for (let row = 0; row < some; row += 1)
    part.set(rows.subarray(row * STRIDE * dimensions, (row * STRIDE + 1) * dimensions), row * dimensions);
  return { ...normalisation, rows: part };
}
