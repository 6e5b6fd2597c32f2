import type { Picture } from "../message";
import { decodeHeic } from "./heic";
import { closedPicture } from "./open-picture";
import { kindOf } from "./photo-file";
import { pixelCache, type PixelSource } from "./pixels";

/**
 * How a picture crosses to a worker: its pixels, if a stage before decoded them, else a copy of its bytes to move
 * there.
 * HEIC is decoded on the way, by its own worker: it takes a second, in which cameras' frames would wait.
 * @throws a sentence when a HEIC picture cannot be decoded
 */
export async function pixelSource(picture: Picture): Promise<{ source: PixelSource; transfer: ArrayBuffer[] }> {
  const { bytes, raw } = closedPicture(picture);
  const cached = pixelCache.take(picture.bytes);
  const pixels = cached ?? (raw === undefined && kindOf(bytes) === "heic" ? await decodeHeic(bytes) : undefined);
  if (pixels !== undefined) return { source: { pixels }, transfer: [pixels.data.buffer] };
  // A structured clone would copy the whole memory behind the Buffer, which may be a much larger slab.
  const copy = Uint8Array.from(bytes);
  return { source: { bytes: copy, raw }, transfer: [copy.buffer] };
}
