/** From the places that changed to those that are searched. */
import type { Box, Frame } from "../message";

type Size = Pick<Frame, "width" | "height">;

/**
 * Room on each side of a place that changed, in sides of it: a face may move nothing but its mouth. At least, and in
 * pixels of the frame:
 */
const ROOM = 1.5;
const LEAST_ROOM = 96;
/** Of more than this share of a frame the whole is searched at about the same cost. */
const MOST_SHARE = 0.5;

/**
 * Places of a thumbnail with room around them, in pixels of its frame; those that then overlap are one.
 * @returns undefined where they are so much of it that all of it may as well be searched
 */
export function around(places: readonly Box[], { width, height }: Size, frame: Size): Box[] | undefined {
  const [scaleX, scaleY] = [frame.width / width, frame.height / height];
  let boxes: Box[] = [];
  for (const place of places) {
    let box = { x: place.x * scaleX, y: place.y * scaleY, width: place.width * scaleX, height: place.height * scaleY };
    const room = Math.max(LEAST_ROOM, ROOM * Math.max(box.width, box.height));
    box = inFrame(
      { x: box.x - room, y: box.y - room, width: box.width + 2 * room, height: box.height + 2 * room },
      frame,
    );
    // A face that lies in two of them must not be cut.
    for (let met = boxes.findIndex((each) => meet(each, box)); met >= 0; met = boxes.findIndex((e) => meet(e, box))) {
      box = union(box, boxes[met] as Box);
      boxes = boxes.toSpliced(met, 1);
    }
    boxes.push(box);
  }
  const area = boxes.reduce((sum, box) => sum + box.width * box.height, 0);
  return area > MOST_SHARE * frame.width * frame.height ? undefined : boxes;
}

function inFrame({ x, y, width, height }: Box, frame: Size): Box {
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  return {
    x: left,
    y: top,
    width: Math.min(frame.width, x + width) - left,
    height: Math.min(frame.height, y + height) - top,
  };
}

function meet(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function union(a: Box, b: Box): Box {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}
