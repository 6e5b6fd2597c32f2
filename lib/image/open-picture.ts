/** The one way in which a picture is opened: what it is, how large it may be, and which way is up. */
import sharp from "sharp";
import { errorMessage, Fault, reasonOf, UserError } from "../errors";
import type { Picture } from "../message";
import { phrase, type Sentence } from "../words/sentence";
import { decodeHeic } from "./heic";
import { MAX_PIXELS } from "./limits";
import { kindOf, nameOfOther, READABLE_KINDS } from "./photo-file";

const CHANNELS = 3;
/** One that takes longer was made to: the largest that is allowed takes seconds, on a busy computer ten times that. */
const MOST_SECONDS = 60;

// Frames differ, so a cache of operations only costs memory; the pool's workers are the parallelism.
sharp.cache(false);
sharp.concurrency(1);

/** A picture to open: a file's bytes, or packed 8-bit RGB with its size. */
export interface Closed {
  bytes: Uint8Array;
  raw?: { width: number; height: number } | undefined;
}

export interface Opened {
  /** Nothing is decoded yet, except HEIC; upright, without transparency, sRGB. */
  image: sharp.Sharp;
  /** Pixels of the picture as shown. */
  width: number;
  height: number;
}

/**
 * Open a picture as a viewer shows it: turned as its EXIF says, transparency on white, colours in sRGB, first frame of
 * an animation.
 * @param seconds how long libvips may then work at it
 * @throws a sentence when it is no picture, is of a kind that cannot be read, or is too large
 */
export async function openPicture({ bytes, raw }: Closed, seconds = MOST_SECONDS): Promise<Opened> {
  if (raw !== undefined) return fromRaw(bytes, raw, seconds);
  const kind = kindOf(bytes);
  if (kind === undefined) throw new UserError(noPhoto(bytes));
  if (kind === "heic") {
    const { data, width, height } = await decodeHeic(bytes);
    return fromRaw(data, { width, height }, seconds);
  }
  try {
    // A warning (a stray byte behind the last marker) is no damage; whatever cannot be decoded is.
    const image = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS, autoOrient: true });
    const { width, height } = (await image.metadata()).autoOrient;
    const flat = image.timeout({ seconds }).flatten({ background: "#ffffff" }).toColourspace("srgb");
    return { image: flat, width, height };
  } catch (error) {
    throw new UserError(explainPicture(error), { cause: error });
  }
}

/** A message's picture, as it is opened. */
export function closedPicture({ bytes, frame }: Picture): Closed {
  return { bytes, raw: frame?.encoding === "rgb" ? { width: frame.width, height: frame.height } : undefined };
}

/**
 * Open a picture, and work with it as far as libvips goes.
 * @param work ends with a picture in memory @throws as openPicture, and a sentence when the picture turns out damaged
 */
export async function withPicture<T>(
  closed: Closed,
  work: (opened: Opened) => Promise<T>,
  seconds = MOST_SECONDS,
): Promise<T> {
  const opened = await openPicture(closed, seconds);
  return work(opened).catch((error: unknown) => {
    // A mistake of ours is not the picture's, nor is a sentence that `work` says itself.
    if ([TypeError, RangeError, Fault, UserError].some((kind) => error instanceof kind)) throw error;
    throw new UserError(explainPicture(error), { cause: error });
  });
}

function fromRaw(data: Uint8Array, { width, height }: { width: number; height: number }, seconds: number): Opened {
  const expected = width * height * CHANNELS;
  if (data.byteLength !== expected)
    throw new UserError("image.rawSize", { bytes: data.byteLength, width, height, expected });
  return {
    image: sharp(data, { raw: { width, height, channels: CHANNELS }, limitInputPixels: MAX_PIXELS }).timeout({
      seconds,
    }),
    width,
    height,
  };
}

/** The longest side of a JPEG that libjpeg writes, in pixels. */
const JPEG_SIDE = 65_500;

/** What libvips said while it decoded, as a sentence. */
function explainPicture(error: unknown): Sentence {
  const reason = errorMessage(error).split("\n")[0] ?? "";
  if (/exceeds pixel limit/i.test(reason)) return phrase("image.tooLarge", { megapixels: MAX_PIXELS / 1e6 });
  if (/too large for the JPEG format/i.test(reason)) return phrase("image.tooLong", { most: JPEG_SIDE });
  if (reason.startsWith("timeout: ")) return phrase("image.tooSlow");
  return phrase("image.unreadable", { reason: reasonOf(error) });
}

function noPhoto(bytes: Uint8Array): Sentence {
  if (bytes.byteLength === 0) return phrase("image.empty");
  const kind = nameOfOther(bytes) ?? phrase("image.noPicture");
  return phrase("image.otherKind", { kind, bytes: bytes.byteLength, kinds: READABLE_KINDS });
}
