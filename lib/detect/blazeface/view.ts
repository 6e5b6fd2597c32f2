/** How the network sees a part of a picture: laid into a rectangle, with room around it, turned. Pure. */
import { apply, type Similarity, warp } from "../../image/transform";
import type { Pixels } from "../../image/pixels";
import type { Box, Point } from "../../message";
import type { Detection } from "../detector";
import { GRID, INPUT_SIDE } from "./anchors";

export interface View {
  /** Quarter turns of the picture, clockwise. */
  turns: 0 | 1 | 2 | 3;
  /** Room on each side of the part, as a share of its longer side. */
  margin: number;
  /** Of the input, its longer side in pixels: a multiple of the network's grid. */
  side: number;
  /** Whether the input is square whatever the part is. */
  square: boolean;
}

/** Of the network's input, in pixels. */
export interface Sides {
  width: number;
  height: number;
}

export const AS_IT_IS: View = { turns: 0, margin: 0, side: INPUT_SIDE, square: false };

const CHANNELS = 3;
/** From 0…255 to −1…1. */
const HALF_RANGE = 127.5;
/** Beyond the picture: black where it is only laid into the rectangle, as MediaPipe does, and grey in a margin. */
const BLACK = -1;
const GREY = 0;

/** Where the input is coarser than this, the picture is averaged in blocks before it is read. */
const COARSE = 1.5;
/** Blocks are so large at most, and so many pixels of a side of one are averaged: noise is gone by then. */
const MOST_BLOCK = 8;
const MOST_SAMPLES = 4;

/**
 * As narrow as the picture allows, for what the network need not see costs nothing; square where the picture is turned
 * or has room around it.
 */
export function sidesOf(
  { width, height }: Pick<Box, "width" | "height">,
  { turns, margin, side, square }: View,
): Sides {
  if (square || turns !== 0 || margin > 0) return { width: side, height: side };
  const longer = Math.max(width, height);
  const fitting = (length: number): number =>
    Math.min(side, GRID * Math.max(1, Math.ceil((length * side) / longer / GRID)));
  return { width: fitting(width), height: fitting(height) };
}

/** From pixels of the network's input to pixels of the picture. */
export function placeOf(part: Box, view: View): Similarity {
  const { turns, margin, side } = view;
  const scale = (Math.max(part.width, part.height) * (1 + 2 * margin)) / side;
  const [cos, sin] = (
    [
      [1, 0],
      [0, -1],
      [-1, 0],
      [0, 1],
    ] as const
  )[turns];
  const [a, b] = [scale * cos, scale * sin];
  const { width, height } = sidesOf(part, view);
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  return {
    a,
    b,
    tx: part.x + (part.width - 1) / 2 - (a * x - b * y),
    ty: part.y + (part.height - 1) / 2 - (b * x + a * y),
  };
}

/** What the network reads: height × width × 3, −1…1. */
export function inputOf(pixels: Pixels, part: Box, view: View): Float32Array {
  return view.turns === 0 && view.margin === 0 ? laidInto(pixels, part, view) : turned(pixels, part, view);
}

function turned(pixels: Pixels, part: Box, view: View): Float32Array {
  const place = placeOf(part, view);
  const input = warp(pixels, place, view.side);
  const around = view.margin > 0 ? GREY : BLACK;
  for (let row = 0, at = 0; row < view.side; row += 1)
    for (let column = 0; column < view.side; column += 1, at += CHANNELS) {
      const { x, y } = apply(place, { x: column, y: row });
      const inside = x >= part.x && y >= part.y && x <= part.x + part.width - 1 && y <= part.y + part.height - 1;
      for (let channel = at; channel < at + CHANNELS; channel += 1)
        input[channel] = inside ? (input[channel] as number) / HALF_RANGE - 1 : around;
    }
  return input;
}

/** Rows or columns of the input in those of the blocks. */
interface Axis {
  /** First that shows the picture, and the one after the last. */
  from: number;
  to: number;
  /** Between which block and the next each lies, and how near to the next, 0…1. */
  before: Int32Array;
  share: Float32Array;
}

/** @param start of the first pixel, in blocks @param step a pixel, in blocks */
function axisOf(pixels: number, start: number, step: number, blocks: number): Axis {
  const last = Math.max(0, blocks - 1);
  const places = Float64Array.from({ length: pixels }, (_, index) => start + index * step);
  // Half a pixel beyond the middle of the outermost block is still the picture.
  const shown = (place: number): boolean => place > -0.5 - step / 2 && place < last + 0.5 + step / 2;
  const from = places.findIndex(shown);
  const before = Int32Array.from(places, (place) => Math.max(0, Math.min(last - 1, Math.floor(place))));
  const share = Float32Array.from(places, (place, index) =>
    Math.max(0, Math.min(1, place - (before[index] as number))),
  );
  return { from: Math.max(0, from), to: places.findLastIndex(shown) + 1, before, share };
}

/** As `turned` without turning, at a third of its time: it is in the way of every frame. */
function laidInto(pixels: Pixels, part: Box, view: View): Float32Array {
  const { width, height } = sidesOf(part, view);
  const { a: scale, tx, ty } = placeOf(part, view);
  const block = scale < COARSE ? 1 : Math.min(MOST_BLOCK, Math.max(2, Math.floor(scale)));
  const columns = Math.max(1, Math.floor(part.width / block));
  const rows = Math.max(1, Math.floor(part.height / block));
  const blocks = averaged(pixels, part, Math.min(block, part.width, part.height), columns, rows);
  const middle = (block - 1) / 2;
  const across = axisOf(width, (tx - part.x - middle) / block, scale / block, columns);
  const down = axisOf(height, (ty - part.y - middle) / block, scale / block, rows);
  const input = new Float32Array(width * height * CHANNELS).fill(BLACK);
  const [right, below] = [columns > 1 ? CHANNELS : 0, rows > 1 ? columns * CHANNELS : 0];
  for (let row = down.from; row < down.to; row += 1) {
    const line = (down.before[row] as number) * columns;
    const v = (down.share[row] as number) / HALF_RANGE;
    const upper = 1 / HALF_RANGE - v;
    let to = (row * width + across.from) * CHANNELS;
    for (let column = across.from; column < across.to; column += 1) {
      const u = across.share[column] as number;
      const [w00, w10, w01, w11] = [(1 - u) * upper, u * upper, (1 - u) * v, u * v];
      let at = (line + (across.before[column] as number)) * CHANNELS;
      for (const end = at + CHANNELS; at < end; at += 1, to += 1)
        input[to] =
          (blocks[at] as number) * w00 +
          (blocks[at + right] as number) * w10 +
          (blocks[at + below] as number) * w01 +
          (blocks[at + below + right] as number) * w11 -
          1;
    }
  }
  return input;
}

/** Means of squares of pixels, 0…255. */
function averaged({ data, width }: Pixels, part: Box, block: number, columns: number, rows: number): Float32Array {
  const samples = Math.min(block, MOST_SAMPLES);
  const offsets = Int32Array.from({ length: samples }, (_, index) => Math.floor(((index + 0.5) * block) / samples));
  const weight = 1 / (samples * samples);
  const means = new Float32Array(columns * rows * CHANNELS);
  for (let row = 0, to = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1, to += CHANNELS) {
      let red = 0;
      let green = 0;
      let blue = 0;
      const first = (part.y + row * block) * width + part.x + column * block;
      for (let v = 0; v < samples; v += 1) {
        const line = first + (offsets[v] as number) * width;
        for (let u = 0; u < samples; u += 1) {
          const at = (line + (offsets[u] as number)) * CHANNELS;
          red += data[at] as number;
          green += data[at + 1] as number;
          blue += data[at + 2] as number;
        }
      }
      means[to] = red * weight;
      means[to + 1] = green * weight;
      means[to + 2] = blue * weight;
    }
  return means;
}

/** A face of the network's input in the picture. */
export function toPicture({ box, score, points }: Detection, place: Similarity): Detection {
  const corners = [
    apply(place, { x: box.x, y: box.y }),
    apply(place, { x: box.x + box.width, y: box.y + box.height }),
  ] as const;
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const moved =
    points === undefined
      ? undefined
      : (Object.fromEntries(
          Object.entries(points as unknown as Record<string, Point>).map(([name, point]) => [
            name,
            apply(place, point),
          ]),
        ) as unknown as typeof points);
  return { box: { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y }, score, points: moved };
}
