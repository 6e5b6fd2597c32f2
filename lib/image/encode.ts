import type { Picture } from "../message";
import { closedPicture, withPicture } from "./open-picture";

/** Compression of photos that are kept for enrolment: no artefact that an embedding would notice. */
const KEPT_QUALITY = 95;

/**
 * A picture as a JPEG file to keep, upright and without metadata (a phone's photo tells where it was taken).
 * @throws a sentence when it is no picture
 */
export async function toKeptJpeg(picture: Picture): Promise<Buffer> {
  return withPicture(closedPicture(picture), ({ image }) =>
    image.jpeg({ quality: KEPT_QUALITY, chromaSubsampling: "4:4:4" }).toBuffer(),
  );
}
