import type { Box } from "../message";
import type { Pixels } from "./pixels";

const CHANNELS = 3;

/** Samples a side for one pixel of the patch, at most. */
const MAX_SAMPLES = 4;

/**
 * A small grey picture of a square of a larger one: each of its pixels is the mean of a few samples of (R + 2G + B) /
 * 4, which is
 * near enough to luminance to compare patches with each other. Outside the picture its border goes on.
 * @returns side × side values, 0..255
 */
export function greyPatch({ data, width, height }: Pixels, square: Box, side: number): Uint8Array<ArrayBuffer> {
  const patch = new Uint8Array(side * side);
  const step = square.width / side;
  const samples = Math.min(MAX_SAMPLES, Math.max(1, Math.round(step)));
  const weight = 4 * samples * samples;
  const places = (from: number, size: number): Int32Array =>
    Int32Array.from({ length: side * samples }, (_, index) =>
      Math.min(size - 1, Math.max(0, Math.floor(from + ((index + 0.5) * step) / samples))),
    );
  const columns = places(square.x, width);
  const rows = places(square.y, height);
  for (let row = 0, to = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1, to += 1) {
      let sum = 0;
      for (let v = row * samples; v < (row + 1) * samples; v += 1) {
        const line = (rows[v] as number) * width;
        for (let u = column * samples; u < (column + 1) * samples; u += 1) {
          const at = (line + (columns[u] as number)) * CHANNELS;
          sum += (data[at] as number) + 2 * (data[at + 1] as number) + (data[at + 2] as number);
        }
      }
      patch[to] = Math.round(sum / weight);
    }
  }
  return patch;
}
