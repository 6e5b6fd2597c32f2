import { createRequire } from "node:module";
import { reasonOf, UserError } from "../errors";
import { moving, serve } from "../workers/serve";
import { phrase, type Sentence } from "../words/sentence";
import { MAX_PIXELS } from "./limits";
import type { Pixels } from "./pixels";

export interface HeicTask {
  bytes: Uint8Array<ArrayBuffer>;
}

/** As much of `heic-decode` as is used. */
interface HeicImage {
  width: number;
  height: number;
  /** RGBA, 8 bits. */
  decode(): Promise<{ data: Uint8ClampedArray }>;
}

interface HeicDecode {
  all(input: { buffer: Uint8Array }): Promise<HeicImage[] & { dispose(): void }>;
}

const DECODER = "heic-decode";
const CHANNELS = 3;
const CHANNELS_WITH_ALPHA = 4;
const WHITE = 255;

function findDecoder(): HeicDecode {
  try {
    return createRequire(__filename)(DECODER) as HeicDecode;
  } catch (error) {
    throw new UserError("image.heicDecoder", { decoder: DECODER }, { cause: error });
  }
}

export default serve(heicTask);

/** Runs in a worker: the first picture of a HEIC file, turned upright by libheif, transparency on white. */
async function heicTask({ bytes }: HeicTask): Promise<Pixels> {
  const decoder = findDecoder();
  const images = await decoder.all({ buffer: bytes }).catch((error: unknown) => {
    throw damaged(reasonOf(error), error);
  });
  try {
    const [image] = images;
    if (image === undefined) throw damaged(phrase("image.heicEmpty"));
    const { width, height } = image;
    if (width * height > MAX_PIXELS) throw new UserError("image.tooLarge", { megapixels: MAX_PIXELS / 1e6 });
    const { data } = await image.decode().catch((error: unknown) => {
      throw damaged(reasonOf(error), error);
    });
    const pixels = { data: onWhite(data), width, height };
    return moving(pixels, [pixels.data.buffer]);
  } finally {
    images.dispose();
  }
}

function damaged(reason: Sentence | string, cause?: unknown): Error {
  return new UserError("image.heicUnreadable", { reason }, { cause });
}

function onWhite(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((rgba.length / CHANNELS_WITH_ALPHA) * CHANNELS);
  for (let from = 0, to = 0; from < rgba.length; from += CHANNELS_WITH_ALPHA, to += CHANNELS) {
    const alpha = (rgba[from + CHANNELS] as number) / WHITE;
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      rgb[to + channel] = Math.round((rgba[from + channel] as number) * alpha + WHITE * (1 - alpha));
    }
  }
  return rgb;
}
