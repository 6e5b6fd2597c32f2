import { createRequire } from "node:module";
import { errorMessage, UserError } from "../errors";
import { moving, serve } from "../workers/serve";
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
    throw new UserError(
      `it is a HEIC picture, as phones make them, and ${DECODER}, which reads them, is not installed: run ` +
        `"npm install ${DECODER}" in the Node-RED user folder, ` +
        "send a JPEG instead, or set the phone's camera to JPEG (iPhone: Settings, Camera, Formats, Most Compatible).",
      { cause: error },
    );
  }
}

export default serve(heicTask);

/** Runs in a worker: the first picture of a HEIC file, turned upright by libheif, transparency on white. */
async function heicTask({ bytes }: HeicTask): Promise<Pixels> {
  const decoder = findDecoder();
  const images = await decoder.all({ buffer: bytes }).catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    const [image] = images;
    if (image === undefined) throw damaged("it holds no picture");
    const { width, height } = image;
    if (width * height > MAX_PIXELS)
      throw new UserError(
        `the picture has more than ${MAX_PIXELS / 1e6} megapixels: scale it down before it comes here.`,
      );
    const { data } = await image.decode().catch((error: unknown) => {
      throw damaged(error);
    });
    const pixels = { data: onWhite(data), width, height };
    return moving(pixels, [pixels.data.buffer]);
  } finally {
    images.dispose();
  }
}

function damaged(cause: unknown): Error {
  const said = errorMessage(cause);
  return new UserError(`the HEIC picture cannot be read (${said}): save it as JPEG and send that.`, { cause });
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
