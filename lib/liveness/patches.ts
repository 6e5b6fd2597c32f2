/**
 * Where small patches of a face have gone from one frame to the next, by normalised cross-correlation (Lewis 1995,
 * Fast Template Matching). A landmark network has learned what a face's shape is, and sees it in a bent picture of a
 * face too; patches know nothing of faces.
 */
import type { GreyFace } from "../image/grey-face";
import type { Point } from "../message";

/** Pixels to each side of a patch's middle. */
const HALF = 7;
/** So far a patch may have gone between two frames, in pixels: an eighth of the distance between the eyes. */
const REACH = 5;
const PATCH = 2 * HALF + 1;
const WINDOW = PATCH + 2 * REACH;
const TRIED = 2 * REACH + 1;

/** @returns where each point of `from` lies in `to`, both in pixels of the grey faces, and how alike it looks there */
export function follow(
  from: GreyFace,
  to: GreyFace,
  points: readonly Point[],
): { points: Point[]; likeness: number[] } {
  const found = points.map((point) => followOne(from, to, point));
  return { points: found.map(({ point }) => point), likeness: found.map(({ likeness }) => likeness) };
}

function followOne(from: GreyFace, to: GreyFace, { x, y }: Point): { point: Point; likeness: number } {
  const patch = cut(from, x - HALF, y - HALF, PATCH);
  const length = normalise(patch);
  const window = cut(to, x - HALF - REACH, y - HALF - REACH, WINDOW);
  const scores = new Float64Array(TRIED * TRIED);
  let best = 0;
  for (let at = 0; at < scores.length; at += 1) {
    scores[at] = length > 0 ? correlation(patch, length, window, at % TRIED, Math.floor(at / TRIED)) : 0;
    if ((scores[at] as number) > (scores[best] as number)) best = at;
  }
  const [column, row] = [best % TRIED, Math.floor(best / TRIED)];
  const score = (dx: number, dy: number): number | undefined =>
    column + dx < 0 || column + dx >= TRIED || row + dy < 0 || row + dy >= TRIED
      ? undefined
      : scores[best + dx + dy * TRIED];
  const likeness = scores[best] as number;
  return {
    point: {
      x: x - REACH + column + between(score(-1, 0), likeness, score(1, 0)),
      y: y - REACH + row + between(score(0, -1), likeness, score(0, 1)),
    },
    likeness,
  };
}

/** The top of a parabola through three neighbours, from the middle one. */
function between(before: number | undefined, top: number, after: number | undefined): number {
  if (before === undefined || after === undefined) return 0;
  const bend = before - 2 * top + after;
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend))) : 0;
}

/** A square read bilinearly; beyond the picture its border goes on. */
function cut({ data, width, height }: GreyFace, x: number, y: number, side: number): Float64Array {
  const square = new Float64Array(side * side);
  const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));
  for (let row = 0, to = 0; row < side; row += 1) {
    const v = clamp(y + row, height - 1);
    const top = Math.min(height - 2, Math.floor(v));
    for (let column = 0; column < side; column += 1, to += 1) {
      const u = clamp(x + column, width - 1);
      const left = Math.min(width - 2, Math.floor(u));
      const at = top * width + left;
      const [fx, fy] = [u - left, v - top];
      square[to] =
        (1 - fy) * ((1 - fx) * (data[at] as number) + fx * (data[at + 1] as number)) +
        fy * ((1 - fx) * (data[at + width] as number) + fx * (data[at + width + 1] as number));
    }
  }
  return square;
}

/** To zero mean, in place. @returns its length */
function normalise(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) {
    values[index] = (values[index] as number) - mean;
    squares += (values[index] as number) ** 2;
  }
  return Math.sqrt(squares);
}

function correlation(patch: Float64Array, length: number, window: Float64Array, left: number, top: number): number {
  let [sum, squares, product] = [0, 0, 0];
  for (let row = 0, at = 0; row < PATCH; row += 1) {
    const line = (top + row) * WINDOW + left;
    for (let column = 0; column < PATCH; column += 1, at += 1) {
      const value = window[line + column] as number;
      sum += value;
      squares += value * value;
      product += value * (patch[at] as number);
    }
  }
  const spread = squares - (sum * sum) / patch.length;
  return spread > 0 ? product / (length * Math.sqrt(spread)) : 0;
}
