/** A face cut out of a picture, small, to be looked at. */
import sharp from "sharp";
import type { Box, Picture } from "../message";
import { MAX_PIXELS } from "./limits";
import { beginsLikePhoto } from "./photo-file";

/** What is left around the box, as a part of its longer side: hair and chin. */
const MARGIN = 0.35;
const QUALITY = 85;

/**
 * The surroundings of a box as a square JPEG at most `side` pixels wide, without metadata. Costs the calling thread next to nothing.
 * @param box pixels of the picture as shown
 * @throws a sentence when it is no picture
 */
export async function cropFace({ bytes, frame }: Picture, box: Box, side: number): Promise<Buffer> {
  const raw = frame?.encoding === "rgb" ? { raw: { width: frame.width, height: frame.height, channels: 3 as const } } : {};
  try {
    if (frame?.encoding !== "rgb" && !beginsLikePhoto(bytes)) throw new Error("another kind of file");
    const image = sharp(bytes, { ...raw, limitInputPixels: MAX_PIXELS, autoOrient: true });
    const { width, height } = "raw" in raw ? raw.raw : (await image.metadata()).autoOrient;
    const wanted = Math.max(box.width, box.height) * (1 + 2 * MARGIN);
    const size = Math.max(1, Math.round(Math.min(wanted, width, height)));
    const left = within(box.x + box.width / 2 - size / 2, width - size);
    const top = within(box.y + box.height / 2 - size / 2, height - size);
    return await image.extract({ left, top, width: size, height: size }).resize({ width: side, withoutEnlargement: true }).flatten({ background: "#ffffff" }).toColourspace("srgb").jpeg({ quality: QUALITY }).toBuffer();
  } catch (error) {
    throw new Error(`the face cannot be cut out of the picture (${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}): send the picture in which it was found.`, { cause: error });
  }
}

function within(value: number, most: number): number {
  return Math.round(Math.min(Math.max(0, value), Math.max(0, most)));
}
