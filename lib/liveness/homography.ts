/**
 * The homography between two views of points: how a flat thing looks from elsewhere (Hartley & Zisserman 2004,
 * Multiple View Geometry, ch. 4: normalised direct linear transformation, algorithm 4.2).
 */
import type { Point } from "../message";

/** Row by row; the last of the nine is 1. */
export type Homography = readonly number[];

const UNKNOWNS = 8;
/** Rounds of iteratively reweighted least squares; the weights stand still after four. */
const ROUNDS = 5;
/** Tukey's bound for points that do not belong, in robust standard deviations (Huber & Ronchetti 2009). */
const TUKEY = 4.685;
/** From the median of absolute residuals to a standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** Residuals below it, in mean distances of the points from their centre, are rounding. */
const LEAST_SIGMA = 1e-6;

export function project(h: Homography, { x, y }: Point): Point {
  const [a, b, c, d, e, f, g, i, j] = h as [number, number, number, number, number, number, number, number, number];
  const w = g * x + i * y + j;
  return { x: (a * x + b * y + c) / w, y: (d * x + e * y + f) / w };
}

/**
 * The homography that brings `from` nearest to `to`; points that do not follow it count little or not at all.
 * @returns undefined where the points lie on one line, or are fewer than four
 */
export function fitHomography(from: readonly Point[], to: readonly Point[]): Homography | undefined {
  const a = normalisation(from);
  const b = normalisation(to);
  if (a === undefined || b === undefined || from.length < 4) return undefined;
  const p = from.map((point) => place(a, point));
  const q = to.map((point) => place(b, point));
  let weights = p.map(() => 1);
  let fitted: Homography | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = solve(p, q, weights);
    if (next === undefined) return undefined;
    fitted = next;
    const off = p.map((point, index) => {
      const landed = project(next, point);
      return Math.hypot(landed.x - (q[index] as Point).x, landed.y - (q[index] as Point).y);
    });
    const sigma = Math.max(LEAST_SIGMA, MAD_TO_SIGMA * median(off));
    weights = off.map((value) => Math.max(0, 1 - (value / (TUKEY * sigma)) ** 2) ** 2);
  }
  return fitted === undefined ? undefined : unnormalised(fitted, a, b);
}

interface Normalisation {
  x: number;
  y: number;
  scale: number;
}

/** To the centre, at a mean distance of √2 from it. */
function normalisation(points: readonly Point[]): Normalisation | undefined {
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  const spread = points.reduce((sum, point) => sum + Math.hypot(point.x - x, point.y - y), 0) / points.length;
  return spread > 0 && Number.isFinite(spread) ? { x, y, scale: Math.SQRT2 / spread } : undefined;
}

const place = ({ x, y, scale }: Normalisation, point: Point): Point => ({
  x: (point.x - x) * scale,
  y: (point.y - y) * scale,
});

function unnormalised(h: Homography, a: Normalisation, b: Normalisation): Homography | undefined {
  const forth = [a.scale, 0, -a.scale * a.x, 0, a.scale, -a.scale * a.y, 0, 0, 1];
  const back = [1 / b.scale, 0, b.x, 0, 1 / b.scale, b.y, 0, 0, 1];
  const whole = multiply(back, multiply(h, forth));
  const last = whole[UNKNOWNS] as number;
  return Math.abs(last) > 0 && whole.every(Number.isFinite) ? whole.map((value) => value / last) : undefined;
}

function multiply(a: Homography, b: Homography): Homography {
  return Array.from({ length: 9 }, (_, at) => {
    const row = Math.floor(at / 3);
    const column = at % 3;
    return [0, 1, 2].reduce((sum, k) => sum + (a[3 * row + k] as number) * (b[3 * k + column] as number), 0);
  });
}

/** Weighted least squares over two equations a point, with the last of the nine numbers 1. */
function solve(from: readonly Point[], to: readonly Point[], weights: readonly number[]): Homography | undefined {
  const normal = Array.from({ length: UNKNOWNS }, () => new Float64Array(UNKNOWNS + 1));
  from.forEach(({ x, y }, index) => {
    const weight = weights[index] as number;
    const { x: u, y: v } = to[index] as Point;
    for (const row of [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ])
      for (let i = 0; i < UNKNOWNS; i += 1)
        for (let j = 0; j <= UNKNOWNS; j += 1)
          ((normal[i] as Float64Array)[j] as number) += weight * (row[i] as number) * (row[j] as number);
  });
  const solution = eliminate(normal);
  return solution === undefined ? undefined : [...solution, 1];
}

/** A pivot below it, of equations whose numbers are about 1, says that the points do not decide. */
const LEAST_PIVOT = 1e-9;

/** Gauss with partial pivoting; the right side is the last column. @returns undefined where it has no one solution */
export function eliminate(rows: readonly Float64Array[]): number[] | undefined {
  const m = rows.map((row) => Float64Array.from(row));
  const size = m.length;
  for (let pivot = 0; pivot < size; pivot += 1) {
    let best = pivot;
    for (let row = pivot + 1; row < size; row += 1)
      if (Math.abs(m[row]![pivot]!) > Math.abs(m[best]![pivot]!)) best = row;
    [m[pivot], m[best]] = [m[best]!, m[pivot]!];
    const value = m[pivot]![pivot]!;
    if (!(Math.abs(value) > LEAST_PIVOT)) return undefined;
    for (let row = 0; row < size; row += 1) {
      if (row === pivot) continue;
      const factor = m[row]![pivot]! / value;
      for (let column = pivot; column <= size; column += 1) m[row]![column]! -= factor * m[pivot]![column]!;
    }
  }
  return m.map((row, index) => row[size]! / row[index]!);
}

/** @returns NaN of none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
