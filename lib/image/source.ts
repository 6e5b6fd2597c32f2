import type { Picture } from "../message";
import { pixelCache, type PixelSource } from "./pixels";

/** How a picture crosses to a worker: its pixels, if a stage before decoded them, else a copy of its bytes to move there. */
export function pixelSource(picture: Picture): { source: PixelSource; transfer: ArrayBuffer[] } {
  const pixels = pixelCache.take(picture.bytes);
  if (pixels !== undefined) return { source: { pixels }, transfer: [pixels.data.buffer] };
  // A structured clone would copy the whole memory behind the Buffer, which may be a much larger slab.
  const bytes = Uint8Array.from(picture.bytes);
  const { frame } = picture;
  return { source: { bytes, raw: frame?.encoding === "rgb" ? { width: frame.width, height: frame.height } : undefined }, transfer: [bytes.buffer] };
}
