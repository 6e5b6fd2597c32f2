/** Pictures to pixels. Runs in workers only; sharp (libvips) does the decoding. */
import type { Box } from "../message";
import { withPicture } from "./open-picture";
import type { PixelSource, Pixels } from "./pixels";

const CHANNELS = 3;

/**
 * Decode to RGB as a viewer shows it: EXIF rotation applied, grey and CMYK converted, transparency on white,
 * first frame of an animation.
 * @throws a sentence when it is no picture, is cut off, or is too large
 */
export async function decode(source: PixelSource): Promise<Pixels> {
  if ("pixels" in source) return source.pixels;
  return withPicture(source, async ({ image, width, height }) => {
    if (source.raw !== undefined) return { data: source.bytes, width, height };
    const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    const rgb = info.channels === CHANNELS ? data : expandGrey(data, info.channels);
    // A copy in memory of its own: the decoder's cannot be moved to another thread.
    return { data: Uint8Array.from(rgb), width: info.width, height: info.height };
  });
}

/** libvips gives one channel for a grey picture. */
function expandGrey(data: Buffer, channels: number): Uint8Array {
  const rgb = new Uint8Array((data.length / channels) * CHANNELS);
  for (let from = 0, to = 0; from < data.length; from += channels, to += CHANNELS)
    rgb.fill(data[from] ?? 0, to, to + CHANNELS);
  return rgb;
}

const RED_WEIGHT = 9798;
const GREEN_WEIGHT = 19235;
const BLUE_WEIGHT = 3735;
const HALF = 16384;
const SHIFT = 15;

/**
 * Grey levels of a part of a picture, as OpenCV's cvtColor makes them (RGB2GRAY, 15-bit fixed point,
 * modules/imgproc/src/color_rgb.simd.hpp).
 */
export function toGrey({ data, width }: Pixels, part: Box, grey: Uint8Array): void {
  for (let row = 0, to = 0; row < part.height; row += 1) {
    let from = ((part.y + row) * width + part.x) * CHANNELS;
    for (const end = to + part.width; to < end; from += CHANNELS, to += 1) {
      grey[to] =
        ((data[from] as number) * RED_WEIGHT +
          (data[from + 1] as number) * GREEN_WEIGHT +
          (data[from + 2] as number) * BLUE_WEIGHT +
          HALF) >>
        SHIFT;
    }
  }
}
