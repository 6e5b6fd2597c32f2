/** A frame in a few thousand values, to tell where one differs from an earlier one. */
import { greyPatch } from "../image/patch";
import type { Pixels } from "../image/pixels";
import type { Box } from "../message";

/** Cells on the longer side of a frame. */
const CELLS = 64;
/** Grey levels; the noise of a webcam in a dim room changes a cell, a mean of sixteen pixels, by five at most. */
const CHANGE = 10;

/** 64 × 64 grey levels of the square that has the frame in its upper left corner. */
export type Sketch = Uint8Array<ArrayBuffer>;

export function sketchOf(pixels: Pixels): Sketch {
  const side = Math.max(pixels.width, pixels.height);
  return greyPatch(pixels, { x: 0, y: 0, width: side, height: side }, CELLS);
}

/**
 * What lies around all that has changed in a part of a frame, with a cell of room on each side; lighter or darker as a
 * whole is no change.
 * @param frame its width and height @returns undefined where nothing has
 */
export function changedIn(
  part: Box,
  frame: { width: number; height: number },
  before: Sketch,
  now: Sketch,
): Box | undefined {
  const cell = Math.max(frame.width, frame.height) / CELLS;
  const [left, top] = [Math.floor(part.x / cell), Math.floor(part.y / cell)];
  const [right, bottom] = [Math.ceil((part.x + part.width) / cell), Math.ceil((part.y + part.height) / cell)];
  const difference = (row: number, column: number): number =>
    (now[row * CELLS + column] as number) - (before[row * CELLS + column] as number);
  let sum = 0;
  for (let row = top; row < bottom; row += 1)
    for (let column = left; column < right; column += 1) sum += difference(row, column);
  const lighter = sum / ((right - left) * (bottom - top));
  const changed = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let row = top; row < bottom; row += 1)
    for (let column = left; column < right; column += 1) {
      if (Math.abs(difference(row, column) - lighter) < CHANGE) continue;
      changed.left = Math.min(changed.left, column);
      changed.right = Math.max(changed.right, column + 1);
      changed.top = Math.min(changed.top, row);
      changed.bottom = Math.max(changed.bottom, row + 1);
    }
  if (changed.right < changed.left) return undefined;
  const x = Math.max(part.x, (changed.left - 1) * cell);
  const y = Math.max(part.y, (changed.top - 1) * cell);
  return {
    x,
    y,
    width: Math.min(part.x + part.width, (changed.right + 1) * cell) - x,
    height: Math.min(part.y + part.height, (changed.bottom + 1) * cell) - y,
  };
}
