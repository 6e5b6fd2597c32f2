/** A frame's small grey picture, by which it is seen whether anything in it changed. */
import type { Picture } from "../message";
import { ByPayload } from "./by-payload";
import { closedPicture, withPicture } from "./open-picture";

/**
 * Pixels of a frame that become one, in each direction. JPEG's own scaling: of each block of 8 × 8 only the mean is
 * computed (libjpeg-turbo's scaled decoding, which libvips calls "shrink on load").
 */
export const THUMBNAIL_STEP = 8;
const CHANNELS = 3;
/**
 * Of red, green and blue: what a JPEG holds as its brightness (JFIF 1.02; ITU-R BT.601), so that the grey picture is
 * the same whoever makes it. libvips' own grey is by light, and off by tens of levels where colours are strong.
 */
const LUMA: [number, number, number] = [0.299, 0.587, 0.114];

/** Grey levels 0..255, row by row. */
export interface Grey {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface Thumbnail {
  grey: Grey;
  /** Pixels of the picture as shown. */
  width: number;
  height: number;
}

/**
 * What stages share beside the message (docs/extending.md): the grey pictures of frames that were made where the
 * camera's video was decoded, so that no JPEG is decoded only to see that nothing in it changed. Without them the
 * result is the same, later.
 */
export const greysBeside = new ByPayload<Promise<Grey | undefined>>();

/**
 * @returns an eighth of a frame's width and height, at least one pixel; the decoding is done off the event loop
 * @throws as openPicture
 */
export async function greyThumbnail(picture: Picture): Promise<Thumbnail> {
  const beside = await greysBeside.get(picture.bytes);
  if (beside !== undefined && picture.frame !== undefined && fits(beside, picture.frame)) {
    const { width, height } = picture.frame;
    return { grey: beside, width, height };
  }
  const closed = closedPicture(picture);
  return withPicture(closed, async ({ image, width, height }) => {
    const size = { width: eighth(width), height: eighth(height) };
    if (closed.raw !== undefined)
      return { grey: { data: await greyOfRaw(closed.bytes, closed.raw, size), ...size }, width, height };
    // "fill": to this very size, whatever is left over at the edges.
    const small = image.resize({ ...size, fit: "fill" }).recomb([LUMA, LUMA, LUMA]);
    const { data, info } = await small.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { grey: { data: firstOf(data, info.channels), width: info.width, height: info.height }, width, height };
  });
}

/** Somebody may have said something else of the frame since. */
function fits({ width, height }: Grey, frame: { width: number; height: number }): boolean {
  return width === eighth(frame.width) && height === eighth(frame.height);
}

const eighth = (side: number): number => Math.max(1, Math.floor(side / THUMBNAIL_STEP));

/** The first channel alone: libvips may give a grey picture more than one. */
export function firstOf(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 1) return data;
  return Uint8Array.from({ length: data.length / channels }, (_, index) => data[index * channels] as number);
}

/**
 * So many of the 8 × 8 pixels are looked at in each direction, of each the green, which is most of its brightness; of
 * pictures larger than 1920 × 1080 fewer, so that their cost does not grow with them.
 */
const SAMPLES = 4;
const FEWER_SAMPLES = 2;
const MANY_VALUES = (1920 * 1080) / THUMBNAIL_STEP ** 2;
/** Looked at before the event loop gets a turn: about half a millisecond's work. */
const SAMPLES_AT_ONCE = 2 ** 17;

/** Much cheaper than libvips, which would take the means of all. The event loop gets its turns. */
async function greyOfRaw(
  rgb: Uint8Array,
  { width, height }: { width: number; height: number },
  size: { width: number; height: number },
): Promise<Uint8Array> {
  const data = new Uint8Array(size.width * size.height);
  const samples = data.length > MANY_VALUES ? FEWER_SAMPLES : SAMPLES;
  const stepX = width / size.width / samples;
  const stepY = height / size.height / samples;
  const columns = Int32Array.from({ length: size.width * samples }, (_, index) => Math.floor((index + 0.5) * stepX));
  const rowsAtOnce = Math.max(1, Math.floor(SAMPLES_AT_ONCE / (columns.length * samples)));
  for (let row = 0, to = 0; row < size.height; row += 1) {
    if (row > 0 && row % rowsAtOnce === 0)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    for (let column = 0; column < size.width; column += 1, to += 1) {
      let sum = 0;
      for (let v = 0; v < samples; v += 1) {
        const line = Math.floor((row * samples + v + 0.5) * stepY) * width;
        for (let u = 0; u < samples; u += 1)
          sum += rgb[(line + (columns[column * samples + u] as number)) * CHANNELS + 1] as number;
      }
      data[to] = Math.round(sum / (samples * samples));
    }
  }
  return data;
}
