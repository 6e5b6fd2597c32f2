/** Where a frame is worth a look from nearer: for faces that are too small for the network in the whole. Pure. */
import type { Box } from "../../message";
import { GRID, INPUT_SIDE } from "./anchors";
import type { BlazefaceOptions } from "./options";
import { AS_IT_IS, type View } from "./view";

/**
 * Parts have sides of this share of the frame's longer side; together they cover it, and overlap by more than what is
 * seen in the whole.
 */
const PART = 0.42;
const OVERLAP = 0.08;
/** Side of the network's input for a whole part: a face of 2.5 % of the frame's width is 13 pixels wide in it. */
const PART_SIDE = 224;

/** From this size on, in pixels of the input, the network finds a face in the whole. */
const SEEN = 18;

/** Smaller frames show no face that is too small to be seen and large enough to be of use. */
const LEAST_SIDE = 320;

/**
 * Parts of a frame that are looked at from nearer now and then.
 * @param whole that is searched @returns none where faces that small are not asked for, or would be of no use
 */
export function nearerParts(whole: Box, { minSize }: Pick<BlazefaceOptions, "minSize">): Box[] {
  const longer = Math.max(whole.width, whole.height);
  if (longer < LEAST_SIDE || minSize >= (SEEN * longer) / INPUT_SIDE) return [];
  const side = PART * longer;
  const [columns, rows] = [startsOf(whole.width, longer), startsOf(whole.height, longer)];
  return rows.flatMap((y) =>
    columns.map((x) => ({
      x: whole.x + x,
      y: whole.y + y,
      width: Math.min(side, whole.width),
      height: Math.min(side, whole.height),
    })),
  );
}

function startsOf(length: number, longer: number): number[] {
  const side = PART * longer;
  if (length <= side) return [0];
  const count = 1 + Math.ceil((length - side) / (side - OVERLAP * longer));
  return Array.from({ length: count }, (_, index) => ((length - side) * index) / (count - 1));
}

/** How a part of `whole`, or a part of one, is seen: all of them at the same scale. */
export function nearerView(whole: Box, part: Box): View {
  // Not larger than they are.
  const scale = Math.min(1, PART_SIDE / (PART * Math.max(whole.width, whole.height)));
  const side = GRID * Math.max(1, Math.ceil((Math.max(part.width, part.height) * scale) / GRID));
  return { ...AS_IT_IS, side };
}
