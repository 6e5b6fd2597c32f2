import { type Closed, withPicture } from "./open-picture";

/** A smaller JPEG for looking at. @param width most pixels across @throws a sentence when it is no picture */
export async function thumbnail(picture: Buffer | Closed, width: number, quality: number): Promise<Buffer> {
  return withPicture(Buffer.isBuffer(picture) ? { bytes: picture } : picture, ({ image }) =>
    image.resize({ width, withoutEnlargement: true }).jpeg({ quality }).toBuffer(),
  );
}
