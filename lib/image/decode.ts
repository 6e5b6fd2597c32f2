/** Pictures to pixels. Runs in workers only; sharp (libvips) does the decoding. */
import sharp from "sharp";
import type { Box } from "../message";
import { MAX_PIXELS } from "./limits";
import { beginsLikePhoto } from "./photo-file";
import type { PixelSource, Pixels } from "./pixels";

const CHANNELS = 3;

// Frames differ, so a cache of operations only costs memory; the pool's workers are the parallelism.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Decode to RGB as a viewer shows it: EXIF rotation applied, grey and CMYK converted, transparency on white,
 * first frame of an animation.
 * @throws a sentence when it is no picture, is cut off, or is too large
 */
export async function decode(source: PixelSource): Promise<Pixels> {
  if ("pixels" in source) return source.pixels;
  const { bytes, raw } = source;
  if (raw !== undefined) {
    const expected = raw.width * raw.height * CHANNELS;
    if (bytes.byteLength !== expected) throw new Error(`msg.payload has ${bytes.byteLength} bytes, but a raw RGB frame of ${raw.width} × ${raw.height} has ${expected}: leave payload and msg.frame as the camera made them.`);
    return { data: bytes, width: raw.width, height: raw.height };
  }
  if (!beginsLikePhoto(bytes)) throw new Error(unsupported(bytes));
  try {
    const image = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS, autoOrient: true });
    const { data, info } = await image.flatten({ background: "#ffffff" }).toColourspace("srgb").raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    const rgb = info.channels === CHANNELS ? data : expandGrey(data, info.channels);
    // A copy in memory of its own: the decoder's cannot be moved to another thread.
    return { data: Uint8Array.from(rgb), width: info.width, height: info.height };
  } catch (error) {
    throw new Error(explain(error, bytes), { cause: error });
  }
}

/** libvips gives one channel for a grey picture. */
function expandGrey(data: Buffer, channels: number): Uint8Array {
  const rgb = new Uint8Array((data.length / channels) * CHANNELS);
  for (let from = 0, to = 0; from < data.length; from += channels, to += CHANNELS) rgb.fill(data[from] ?? 0, to, to + CHANNELS);
  return rgb;
}

function explain(error: unknown, bytes: Uint8Array): string {
  const said = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  if (/exceeds pixel limit/i.test(said)) return `the picture has more than ${MAX_PIXELS / 1e6} megapixels: scale it down before it comes here.`;
  if (/unsupported image format|input buffer (is empty|contains)/i.test(said)) return unsupported(bytes);
  return `the picture in msg.payload cannot be read (${said}): it may be cut off or damaged; send it again.`;
}

function unsupported({ byteLength }: Uint8Array): string {
  if (byteLength === 0) return "msg.payload is empty: send the file's bytes as they are.";
  return `msg.payload (${byteLength} bytes) is not a JPEG, PNG, WebP, GIF or AVIF picture: send the file's bytes as they are.`;
}

const RED_WEIGHT = 9798;
const GREEN_WEIGHT = 19235;
const BLUE_WEIGHT = 3735;
const HALF = 16384;
const SHIFT = 15;

/** Grey levels of a part of a picture, as OpenCV's cvtColor makes them (RGB2GRAY, 15-bit fixed point, modules/imgproc/src/color_rgb.simd.hpp). */
export function toGrey({ data, width }: Pixels, part: Box, grey: Uint8Array): void {
  for (let row = 0, to = 0; row < part.height; row += 1) {
    let from = ((part.y + row) * width + part.x) * CHANNELS;
    for (const end = to + part.width; to < end; from += CHANNELS, to += 1) {
      grey[to] = ((data[from] as number) * RED_WEIGHT + (data[from + 1] as number) * GREEN_WEIGHT + (data[from + 2] as number) * BLUE_WEIGHT + HALF) >> SHIFT;
    }
  }
}
