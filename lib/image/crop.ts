/** A face cut out of a picture, small, to be looked at. */
import type { Box, Picture } from "../message";
import { closedPicture, withPicture } from "./open-picture";

/** What is left around the box, as a part of its longer side: hair and chin. */
const MARGIN = 0.35;
const QUALITY = 85;

/**
 * The surroundings of a box as a square JPEG at most `side` pixels wide, without metadata. Costs the calling thread
 * next to nothing.
 * @param box pixels of the picture as shown
 * @throws a sentence when it is no picture
 */
export async function cropFace(picture: Picture, box: Box, side: number): Promise<Buffer> {
  return withPicture(closedPicture(picture), async ({ image, width, height }) => {
    const wanted = Math.max(box.width, box.height) * (1 + 2 * MARGIN);
    const size = Math.max(1, Math.round(Math.min(wanted, width, height)));
    const left = within(box.x + box.width / 2 - size / 2, width - size);
    const top = within(box.y + box.height / 2 - size / 2, height - size);
    return image
      .extract({ left, top, width: size, height: size })
      .resize({ width: side, withoutEnlargement: true })
      .jpeg({ quality: QUALITY })
      .toBuffer();
  });
}

function within(value: number, most: number): number {
  return Math.round(Math.min(Math.max(0, value), Math.max(0, most)));
}
