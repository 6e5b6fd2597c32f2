/** How the network sees a part of a picture: laid into its square, with room around it, turned. Pure. */
import { apply, type Similarity, warp } from "../../image/transform";
import type { Pixels } from "../../image/pixels";
import type { Box, Point } from "../../message";
import type { Detection } from "../detector";
import { INPUT_SIDE } from "./anchors";

export interface View {
  /** Quarter turns of the picture, clockwise. */
  turns: 0 | 1 | 2 | 3;
  /** Room on each side of the part, as a share of its side. */
  margin: number;
}

export const AS_IT_IS: View = { turns: 0, margin: 0 };

const CHANNELS = 3;
/** From 0…255 to −1…1. */
const HALF_RANGE = 127.5;
/** Beyond the picture: black where it is only laid into the square, as MediaPipe does, and grey in a margin. */
const BLACK = -1;
const GREY = 0;

/** From pixels of the network's input to pixels of the picture. */
export function placeOf(part: Box, { turns, margin }: View): Similarity {
  const scale = (Math.max(part.width, part.height) * (1 + 2 * margin)) / INPUT_SIDE;
  const [cos, sin] = (
    [
      [1, 0],
      [0, -1],
      [-1, 0],
      [0, 1],
    ] as const
  )[turns];
  const [a, b] = [scale * cos, scale * sin];
  const middle = (INPUT_SIDE - 1) / 2;
  return {
    a,
    b,
    tx: part.x + (part.width - 1) / 2 - (a * middle - b * middle),
    ty: part.y + (part.height - 1) / 2 - (b * middle + a * middle),
  };
}

/** What the network reads: 192 × 192 × 3, −1…1. */
export function inputOf(pixels: Pixels, part: Box, view: View): Float32Array {
  const place = placeOf(part, view);
  const input = warp(pixels, place, INPUT_SIDE);
  const around = view.margin > 0 ? GREY : BLACK;
  for (let row = 0, at = 0; row < INPUT_SIDE; row += 1)
    for (let column = 0; column < INPUT_SIDE; column += 1, at += CHANNELS) {
      const { x, y } = apply(place, { x: column, y: row });
      const inside = x >= part.x && y >= part.y && x <= part.x + part.width - 1 && y <= part.y + part.height - 1;
      for (let channel = at; channel < at + CHANNELS; channel += 1)
        input[channel] = inside ? (input[channel] as number) / HALF_RANGE - 1 : around;
    }
  return input;
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
