/**
 * Draws a cohort as the built-in ones were drawn (NOTICE): faces of nobody, each from a Gaussian fitted to
 * neighbouring faces, in the space of embeddings at length 1. No row is a person: one that comes too near to a real
 * face is drawn anew.
 */
import { UserError } from "../errors";
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { shuffled } from "../calibrate/statistics";

/** A face that shapes the cohort. */
export interface ShapingFace {
  person: string;
  /** At length 1. */
  unit: Float32Array;
}

export interface CohortPlan {
  rows: number;
  /** Faces to which each Gaussian is fitted, the one in its middle counted in. */
  neighbours: number;
  /** In [0, 1). */
  random: () => number;
}

export interface DrawnCohort {
  /** Row after row, each of length 1. */
  rows: Float32Array;
  /** Smallest distance of a row to a real face that shaped it, and the mean of each row's smallest. */
  nearest: number;
  meanNearest: number;
  /** Median distance of a real face to the nearest of another person. */
  apart: number;
}

/** As the built-in cohorts have. */
export const COHORT_PLAN = { rows: 506, neighbours: 40 } as const;
/**
 * A row nearer to a real face than this share of what faces are apart would be that face, nearly: of the built-in
 * cohorts the nearest row is at 0.51 (dlib-resnet-v1) and 0.72 (mobilefacenet-192) of it.
 */
const LEAST_SHARE = 0.5;
const MOST_DRAWS = 100;

/** @throws a sentence when the faces lie so that rows come too near to them again and again */
export function drawCohort(
  faces: readonly ShapingFace[],
  { rows: count, neighbours, random }: CohortPlan,
): DrawnCohort {
  const dimensions = faces[0]?.unit.length ?? 0;
  const apart = median(faces.map((face) => nearestOther(face, faces)));
  const rows = new Float32Array(count * dimensions);
  const order = shuffled(faces, random);
  let [nearest, sum] = [Infinity, 0];
  for (let row = 0; row < count; row += 1) {
    const around = neighboursOf(order[row % order.length] as ShapingFace, faces, neighbours);
    const drawn = drawAway(around, faces, LEAST_SHARE * apart, random);
    if (drawn === undefined) {
      throw new UserError("models.cohortUndrawn", { draws: MOST_DRAWS });
    }
    rows.set(drawn.row, row * dimensions);
    nearest = Math.min(nearest, drawn.nearest);
    sum += drawn.nearest;
  }
  return { rows, nearest, meanNearest: sum / count, apart };
}

/** A row that is nobody's face. */
function drawAway(
  around: readonly Float32Array[],
  faces: readonly ShapingFace[],
  least: number,
  random: () => number,
): { row: Float32Array; nearest: number } | undefined {
  for (let draw = 0; draw < MOST_DRAWS; draw += 1) {
    const row = drawNear(around, random);
    const nearest = faces.reduce((smallest, { unit }) => Math.min(smallest, euclideanDistance(row, unit)), Infinity);
    if (nearest >= least) return { row, nearest };
  }
  return undefined;
}

/**
 * Of a Gaussian with the mean and covariance of these. A sum of the deviations with normal weights has their
 * covariance.
 */
export function drawNear(around: readonly Float32Array[], random: () => number): Float32Array {
  const first = around[0] as Float32Array;
  const middle = first.map((_, axis) => around.reduce((sum, unit) => sum + (unit[axis] as number), 0) / around.length);
  const weights = around.map(() => normal(random) / Math.sqrt(around.length - 1));
  return toUnitLength(
    middle.map((value, axis) =>
      around.reduce((sum, unit, index) => sum + (weights[index] as number) * ((unit[axis] as number) - value), value),
    ),
  );
}

/** The faces nearest to one, itself among them. */
function neighboursOf({ unit }: ShapingFace, faces: readonly ShapingFace[], count: number): Float32Array[] {
  const distances = faces.map((face) => ({ unit: face.unit, distance: euclideanDistance(unit, face.unit) }));
  return distances
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map((face) => face.unit);
}

function nearestOther({ person, unit }: ShapingFace, faces: readonly ShapingFace[]): number {
  return faces.reduce(
    (smallest, face) => (face.person === person ? smallest : Math.min(smallest, euclideanDistance(unit, face.unit))),
    Infinity,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** A standard normal number (Box and Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
