import { Fault } from "../errors";
import type { Pixels } from "./pixels";
import type { Point } from "../message";

/** Similarity: x' = a·x − b·y + tx, y' = b·x + a·y + ty. */
export interface Similarity {
  a: number;
  b: number;
  tx: number;
  ty: number;
}

export function apply({ a, b, tx, ty }: Similarity, { x, y }: Point): Point {
  return { x: a * x - b * y + tx, y: b * x + a * y + ty };
}

export function scaleOf({ a, b }: Similarity): number {
  return Math.hypot(a, b);
}

/** The way back. */
export function invert({ a, b, tx, ty }: Similarity): Similarity {
  const square = a * a + b * b;
  const ia = a / square;
  const ib = -b / square;
  return { a: ia, b: ib, tx: -(ia * tx - ib * ty), ty: -(ib * tx + ia * ty) };
}

/**
 * The similarity that brings `from` nearest to `to` in the least-squares sense, without reflection
 * (Umeyama 1991, IEEE PAMI 13(4), eq. 40–43; in the plane it has this closed form).
 * @throws Error when the points coincide
 */
export function fitSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  const count = Math.min(from.length, to.length);
  const centre = (points: readonly Point[]): Point => {
    let x = 0;
    let y = 0;
    for (let index = 0; index < count; index += 1) {
      x += (points[index] as Point).x;
      y += (points[index] as Point).y;
    }
    return { x: x / count, y: y / count };
  };
  const p = centre(from);
  const q = centre(to);
  let dot = 0;
  let cross = 0;
  let spread = 0;
  for (let index = 0; index < count; index += 1) {
    const fx = (from[index] as Point).x - p.x;
    const fy = (from[index] as Point).y - p.y;
    const gx = (to[index] as Point).x - q.x;
    const gy = (to[index] as Point).y - q.y;
    dot += fx * gx + fy * gy;
    cross += fx * gy - fy * gx;
    spread += fx * fx + fy * fy;
  }
  if (!(spread > 0)) throw new Fault("the landmarks lie on one point");
  const a = dot / spread;
  const b = cross / spread;
  return { a, b, tx: q.x - (a * p.x - b * p.y), ty: q.y - (b * p.x + a * p.y) };
}

const CHANNELS = 3;
/**
 * A picture is shrunk by this factor at most before it is read: beyond that it is so large that noise averages out
 * anyway.
 */
const MAX_SHRINK = 8;

/**
 * Cut a square out of a picture: each pixel of the target is mapped by `toPicture` and read bilinearly. Where the
 * target is coarser
 * than the picture nothing may alias: from twice as coarse its pixels are averaged in blocks first, before that
 * several samples
 * are. Outside the picture is black.
 * @returns side × side × 3 values, 0..255
 */
export function warp(pixels: Pixels, toPicture: Similarity, side: number): Float32Array {
  const scale = scaleOf(toPicture);
  // Not rounded: blocks larger than a pixel of the target would blur it.
  const factor = Math.min(MAX_SHRINK, Math.floor(scale));
  if (factor < 2) return read(pixels, toPicture, side, Math.max(1, Math.round(scale)));
  const { x, y, width, height } = reach(toPicture, side, factor);
  const left = Math.max(0, x);
  const top = Math.max(0, y);
  const blocks = shrink(
    pixels,
    {
      left,
      top,
      columns: Math.floor((Math.min(pixels.width, x + width) - left) / factor),
      rows: Math.floor((Math.min(pixels.height, y + height) - top) / factor),
    },
    factor,
  );
  // The middle of a block is where its average belongs.
  const { a, b, tx, ty } = toPicture;
  const place = (value: number, from: number): number => (value - from + 0.5) / factor - 0.5;
  return read(blocks, { a: a / factor, b: b / factor, tx: place(tx, left), ty: place(ty, top) }, side, 1);
}

/** The part of the picture that the target and one block around it covers. */
function reach(
  toPicture: Similarity,
  side: number,
  factor: number,
): { x: number; y: number; width: number; height: number } {
  const corners = [
    { x: 0, y: 0 },
    { x: side, y: 0 },
    { x: 0, y: side },
    { x: side, y: side },
  ].map((corner) => apply(toPicture, corner));
  const [xs, ys] = [corners.map((corner) => corner.x), corners.map((corner) => corner.y)];
  const x = Math.floor(Math.min(...xs)) - 2 * factor;
  const y = Math.floor(Math.min(...ys)) - 2 * factor;
  return {
    x,
    y,
    width: Math.ceil(Math.max(...xs)) + 2 * factor - x,
    height: Math.ceil(Math.max(...ys)) + 2 * factor - y,
  };
}

interface Values {
  data: Uint8Array | Float32Array;
  width: number;
  height: number;
}

/** Averages of factor × factor pixels. */
function shrink(
  { data, width }: Pixels,
  { left, top, columns, rows }: { left: number; top: number; columns: number; rows: number },
  factor: number,
): Values {
  const small = {
    data: new Float32Array(Math.max(0, columns) * Math.max(0, rows) * CHANNELS),
    width: Math.max(0, columns),
    height: Math.max(0, rows),
  };
  const weight = 1 / (factor * factor);
  const step = factor * CHANNELS;
  for (let row = 0; row < small.height * factor; row += 1) {
    let from = ((top + row) * width + left) * CHANNELS;
    let to = Math.floor(row / factor) * small.width * CHANNELS;
    for (let column = 0; column < small.width; column += 1, to += CHANNELS) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (const end = from + step; from < end; from += CHANNELS) {
        red += data[from] as number;
        green += data[from + 1] as number;
        blue += data[from + 2] as number;
      }
      (small.data[to] as number) += red * weight;
      (small.data[to + 1] as number) += green * weight;
      (small.data[to + 2] as number) += blue * weight;
    }
  }
  return small;
}

/** @param samples a side for each pixel of the target */
function read(
  { data, width, height }: Values,
  { a, b, tx, ty }: Similarity,
  side: number,
  samples: number,
): Float32Array {
  const out = new Float32Array(side * side * CHANNELS);
  const weight = 1 / (samples * samples);
  let to = 0;
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1, to += CHANNELS) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let part = 0; part < samples * samples; part += 1) {
        const u = column + ((part % samples) + 0.5) / samples - 0.5;
        const v = row + (Math.floor(part / samples) + 0.5) / samples - 0.5;
        const x = a * u - b * v + tx;
        const y = b * u + a * v + ty;
        const left = Math.floor(x);
        const top = Math.floor(y);
        if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) continue;
        const fx = x - left;
        const fy = y - top;
        const at = (top * width + left) * CHANNELS;
        const below = at + width * CHANNELS;
        const w00 = (1 - fx) * (1 - fy);
        const w10 = fx * (1 - fy);
        const w01 = (1 - fx) * fy;
        const w11 = fx * fy;
        red +=
          (data[at] as number) * w00 +
          (data[at + 3] as number) * w10 +
          (data[below] as number) * w01 +
          (data[below + 3] as number) * w11;
        green +=
          (data[at + 1] as number) * w00 +
          (data[at + 4] as number) * w10 +
          (data[below + 1] as number) * w01 +
          (data[below + 4] as number) * w11;
        blue +=
          (data[at + 2] as number) * w00 +
          (data[at + 5] as number) * w10 +
          (data[below + 2] as number) * w01 +
          (data[below + 5] as number) * w11;
      }
      out[to] = red * weight;
      out[to + 1] = green * weight;
      out[to + 2] = blue * weight;
    }
  }
  return out;
}
