import sharp from "sharp";
import type { Picture } from "../message";
import { MAX_PIXELS } from "./limits";
import { beginsLikePhoto } from "./photo-file";

/** Compression of photos that are kept for enrolment: no artefact that an embedding would notice. */
const KEPT_QUALITY = 95;

/**
 * A picture as a JPEG file to keep, upright and without metadata (a phone's photo tells where it was taken).
 * @throws a sentence when it is no picture
 */
export async function toKeptJpeg({ bytes, frame }: Picture): Promise<Buffer> {
  const raw = frame?.encoding === "rgb" ? { raw: { width: frame.width, height: frame.height, channels: 3 as const } } : {};
  try {
    if (frame?.encoding !== "rgb" && !beginsLikePhoto(bytes)) throw new Error("another kind of file");
    return await sharp(bytes, { ...raw, limitInputPixels: MAX_PIXELS, autoOrient: true }).flatten({ background: "#ffffff" }).toColourspace("srgb").jpeg({ quality: KEPT_QUALITY, chromaSubsampling: "4:4:4" }).toBuffer();
  } catch (error) {
    throw new Error(`msg.payload is not a picture that can be kept (${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}): send a JPEG, PNG, WebP, GIF or AVIF file.`, { cause: error });
  }
}
