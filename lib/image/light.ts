/** What light falls on a face, and on what is around it. */
import type { Box, Picture } from "../message";
import { closedPicture, withPicture } from "./open-picture";

/** The picture is made as small as this: each pixel the mean of many. */
const COLUMNS = 32;
const ROWS = 24;
const CHANNELS = 3;
/** Of the box, that is skin: its middle. */
const SKIN = 0.5;
/** What is nearer to the box than this share of it is neither. */
const MARGIN = 0.4;

type Rgb = [red: number, green: number, blue: number];

/**
 * The mean colours of a face's middle and of everything away from all faces, 0..255. Costs the calling thread next to
 * nothing.
 * @param box of the face @param others boxes that are not around it either
 * @returns undefined where there is no room around the face
 * @throws a sentence when it is no picture
 */
export async function lightOn(
  picture: Picture,
  box: Box,
  others: readonly Box[],
): Promise<{ face: Rgb; around: Rgb } | undefined> {
  return withPicture(closedPicture(picture), async ({ image, width, height }) => {
    const { data, info } = await image
      .resize({ width: COLUMNS, height: ROWS, fit: "fill" })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels < CHANNELS) return undefined;
    const cells = Array.from({ length: COLUMNS * ROWS }, (_, at) => ({
      x: (((at % COLUMNS) + 0.5) * width) / COLUMNS,
      y: ((Math.floor(at / COLUMNS) + 0.5) * height) / ROWS,
      at: at * info.channels,
    }));
    const inside = (part: Box, share: number): ((cell: { x: number; y: number }) => boolean) => {
      const { x, y } = { x: part.x + part.width / 2, y: part.y + part.height / 2 };
      return (cell) =>
        Math.abs(cell.x - x) <= (part.width * share) / 2 && Math.abs(cell.y - y) <= (part.height * share) / 2;
    };
    const mean = (some: typeof cells): Rgb | undefined =>
      some.length === 0
        ? undefined
        : ([0, 1, 2].map(
            (channel) => some.reduce((sum, { at }) => sum + (data[at + channel] as number), 0) / some.length,
          ) as Rgb);
    const near = [box, ...others].map((each) => inside(each, 1 + 2 * MARGIN));
    const face = mean(cells.filter(inside(box, SKIN)));
    const around = mean(cells.filter((cell) => near.every((isNear) => !isNear(cell))));
    return face === undefined || around === undefined ? undefined : { face, around };
  });
}
