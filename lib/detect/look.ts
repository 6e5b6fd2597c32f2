/**
 * The fine structure of a face in a few hundred values, and whether another frame shows the very same. Cheap: a
 * fraction of a millisecond.
 */
import { greyPatch } from "../image/patch";
import type { Pixels } from "../image/pixels";
import type { Box } from "../message";

/** Side of the patch in its own pixels; a box is BOX_SIDE of them wide, so there is room around it. */
const PATCH_SIDE = 44;
const BOX_SIDE = 32;
/** The middle of the box, which holds eyes, nose and mouth and little of what is behind the head. */
const CORE_SIDE = 26;
const CORE_PIXELS = CORE_SIDE * CORE_SIDE;

/** What is coarser than this is taken out, in patch pixels to each side: all faces have dark eyes in a light field. */
const DETAIL = 5;
const MIDDLE = 128;

/**
 * At or above this likeness it is taken for the same face. Between photos of different people (9,000 comparisons, LFW)
 * the largest
 * was 0.77; between frames of one shot up to a second apart (a moving window, grain, H.264) 99.9 % were above 0.95.
 */
export const SAME_LOOK = 0.9;

/** 44 × 44 values around a box: how much lighter than its surroundings each place is, 128 is not at all. */
export type Look = Uint8Array<ArrayBuffer>;

export function lookAt(pixels: Pixels, box: Box): Look {
  const width = (Math.max(box.width, box.height) * PATCH_SIDE) / BOX_SIDE;
  return detail(
    greyPatch(
      pixels,
      { x: box.x + (box.width - width) / 2, y: box.y + (box.height - width) / 2, width, height: width },
      PATCH_SIDE,
    ),
  );
}

/** Each value less the mean of the square around it, by sums over rectangles. */
function detail(patch: Uint8Array): Look {
  const stride = PATCH_SIDE + 1;
  const sums = new Float64Array(stride * stride);
  for (let row = 0; row < PATCH_SIDE; row += 1) {
    let line = 0;
    for (let column = 0; column < PATCH_SIDE; column += 1) {
      line += patch[row * PATCH_SIDE + column] as number;
      sums[(row + 1) * stride + column + 1] = (sums[row * stride + column + 1] as number) + line;
    }
  }
  const look: Look = new Uint8Array(patch.length);
  for (let row = 0, at = 0; row < PATCH_SIDE; row += 1) {
    const [top, bottom] = [Math.max(0, row - DETAIL), Math.min(PATCH_SIDE, row + DETAIL + 1)];
    for (let column = 0; column < PATCH_SIDE; column += 1, at += 1) {
      const [left, right] = [Math.max(0, column - DETAIL), Math.min(PATCH_SIDE, column + DETAIL + 1)];
      const sum =
        (sums[bottom * stride + right] as number) -
        (sums[top * stride + right] as number) -
        (sums[bottom * stride + left] as number) +
        (sums[top * stride + left] as number);
      const around = sum / ((bottom - top) * (right - left));
      look[at] = Math.max(0, Math.min(255, Math.round(MIDDLE + (patch[at] as number) - around)));
    }
  }
  return look;
}

/**
 * From the core's pixels, counted from its centre, to the other patch's, counted from its centre: x' = a·x − b·y + u,
 * y' = b·x + a·y + v.
 */
interface Place {
  a: number;
  b: number;
  u: number;
  v: number;
}

const MIDDLE_PLACE: Place = { a: 1, b: 0, u: 0, v: 0 };
const COARSE_SHIFTS = [-4, -2, 0, 2, 4];
const ROUNDS = 10;
/** A round that gains less is the last. */
const LEAST_GAIN = 0.0005;
/** Boxes of one face do not jitter by more than this, in patch pixels and as a factor of size. */
const MAX_SHIFT = 7;
const MIN_SIZE = 0.75;
const MAX_SIZE = 1.33;

/** A look to which others are compared. */
export class ReferenceLook {
  /** Zero mean, length 1. */
  readonly #core: Float32Array;
  /** How the core changes with a, b, u, v: four values a pixel. */
  readonly #steepest = new Float32Array(4 * CORE_PIXELS);
  /** Inverse of the steepest images' normal matrix, row by row. */
  readonly #inverse: Float64Array | undefined;

  constructor(look: Look) {
    const core = new Float32Array(CORE_PIXELS);
    sample(look, MIDDLE_PLACE, core);
    normalise(core);
    this.#core = core;
    const at = (row: number, column: number): number =>
      core[
        Math.min(CORE_SIDE - 1, Math.max(0, row)) * CORE_SIDE + Math.min(CORE_SIDE - 1, Math.max(0, column))
      ] as number;
    const normal = new Float64Array(16);
    for (let row = 0, pixel = 0; row < CORE_SIDE; row += 1) {
      for (let column = 0; column < CORE_SIDE; column += 1, pixel += 1) {
        const dx = (at(row, column + 1) - at(row, column - 1)) / 2;
        const dy = (at(row + 1, column) - at(row - 1, column)) / 2;
        const x = column - (CORE_SIDE - 1) / 2;
        const y = row - (CORE_SIDE - 1) / 2;
        const steepest = [dx * x + dy * y, dy * x - dx * y, dx, dy];
        this.#steepest.set(steepest, 4 * pixel);
        for (let i = 0; i < 4; i += 1)
          for (let j = 0; j < 4; j += 1)
            (normal[4 * i + j] as number) += (steepest[i] as number) * (steepest[j] as number);
      }
    }
    this.#inverse = invert(normal);
  }

  /**
   * The largest correlation of the core with a patch, over shifts, sizes and turns such as a detector's boxes jitter
   * by:
   * inverse-compositional alignment (Baker & Matthews 2004, IJCV 56(3)), from the middle and, if that does not do,
   * from the best
   * place of a coarse grid.
   * @returns −1..1; 1 is the same but for light and contrast; −1 for a patch without any structure
   */
  likeness(look: Look): number {
    if (this.#inverse === undefined) return -1;
    const seen = new Float32Array(CORE_PIXELS);
    const fromMiddle = this.#align(look, MIDDLE_PLACE, seen);
    if (fromMiddle >= SAME_LOOK) return fromMiddle;
    let best = -1;
    let start = MIDDLE_PLACE;
    for (const v of COARSE_SHIFTS) {
      for (const u of COARSE_SHIFTS) {
        const place = { a: 1, b: 0, u, v };
        const value = this.#correlate(look, place, seen);
        if (value <= best) continue;
        best = value;
        start = place;
      }
    }
    return Math.max(fromMiddle, this.#align(look, start, seen));
  }

  #align(look: Look, start: Place, seen: Float32Array): number {
    let best = this.#correlate(look, start, seen);
    let place = start;
    for (let round = 0; round < ROUNDS && best > -1; round += 1) {
      place = this.#step(place, seen);
      const size = Math.hypot(place.a, place.b);
      if (!(Math.hypot(place.u, place.v) <= MAX_SHIFT && size > MIN_SIZE && size < MAX_SIZE)) break;
      const value = this.#correlate(look, place, seen);
      const gained = value - best;
      best = Math.max(best, value);
      if (gained < LEAST_GAIN) break;
    }
    return best;
  }

  #correlate(look: Look, place: Place, seen: Float32Array): number {
    sample(look, place, seen);
    if (!normalise(seen)) return -1;
    let sum = 0;
    for (let pixel = 0; pixel < CORE_PIXELS; pixel += 1)
      sum += (seen[pixel] as number) * (this.#core[pixel] as number);
    return sum;
  }

  /** One Gauss-Newton step: place ∘ (the step)⁻¹. */
  #step({ a, b, u, v }: Place, seen: Float32Array): Place {
    const right = [0, 0, 0, 0] as [number, number, number, number];
    for (let pixel = 0; pixel < CORE_PIXELS; pixel += 1) {
      const error = (seen[pixel] as number) - (this.#core[pixel] as number);
      for (let i = 0; i < 4; i += 1) (right[i] as number) += (this.#steepest[4 * pixel + i] as number) * error;
    }
    const inverse = this.#inverse as Float64Array;
    const step = [0, 1, 2, 3].map((i) =>
      right.reduce((sum, value, j) => sum + (inverse[4 * i + j] as number) * value, 0),
    ) as [number, number, number, number];
    const sa = 1 + step[0];
    const sb = step[1];
    const square = sa * sa + sb * sb;
    const ia = sa / square;
    const ib = -sb / square;
    const iu = -(ia * step[2] - ib * step[3]);
    const iv = -(ib * step[2] + ia * step[3]);
    return { a: a * ia - b * ib, b: a * ib + b * ia, u: a * iu - b * iv + u, v: b * iu + a * iv + v };
  }
}

/** Read the core's pixels bilinearly where `place` puts them; beyond the patch its border goes on. */
function sample(look: Look, { a, b, u, v }: Place, out: Float32Array): void {
  const centre = (PATCH_SIDE - 1) / 2;
  const last = PATCH_SIDE - 1.001;
  for (let row = 0, to = 0; row < CORE_SIDE; row += 1) {
    const y = row - (CORE_SIDE - 1) / 2;
    for (let column = 0; column < CORE_SIDE; column += 1, to += 1) {
      const x = column - (CORE_SIDE - 1) / 2;
      const px = Math.min(last, Math.max(0, a * x - b * y + u + centre));
      const py = Math.min(last, Math.max(0, b * x + a * y + v + centre));
      const left = Math.floor(px);
      const top = Math.floor(py);
      const fx = px - left;
      const fy = py - top;
      const at = top * PATCH_SIDE + left;
      out[to] =
        ((look[at] as number) * (1 - fx) + (look[at + 1] as number) * fx) * (1 - fy) +
        ((look[at + PATCH_SIDE] as number) * (1 - fx) + (look[at + PATCH_SIDE + 1] as number) * fx) * fy;
    }
  }
}

/** To zero mean and length 1, in place. @returns whether there is any contrast */
function normalise(values: Float32Array): boolean {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const length = Math.sqrt(squares - values.length * mean * mean);
  if (!(length > 1)) return false;
  for (let index = 0; index < values.length; index += 1) values[index] = ((values[index] as number) - mean) / length;
  return true;
}

/** Gauss-Jordan on a symmetric 4 × 4 matrix. @returns undefined where it has no inverse (a patch without structure) */
function invert(matrix: Float64Array): Float64Array | undefined {
  const m = Float64Array.from(matrix);
  const inverse = Float64Array.from({ length: 16 }, (_, index) => (index % 5 === 0 ? 1 : 0));
  for (let pivot = 0; pivot < 4; pivot += 1) {
    const value = m[5 * pivot] as number;
    if (!(Math.abs(value) > 1e-9)) return undefined;
    for (let column = 0; column < 4; column += 1) {
      (m[4 * pivot + column] as number) /= value;
      (inverse[4 * pivot + column] as number) /= value;
    }
    for (let row = 0; row < 4; row += 1) {
      if (row === pivot) continue;
      const factor = m[4 * row + pivot] as number;
      for (let column = 0; column < 4; column += 1) {
        (m[4 * row + column] as number) -= factor * (m[4 * pivot + column] as number);
        (inverse[4 * row + column] as number) -= factor * (inverse[4 * pivot + column] as number);
      }
    }
  }
  return inverse;
}
