import sharp from "sharp";
import type { Picture } from "../../lib/message";
import { type PORTRAITS, portrait } from "./photos";

export interface Someone {
  who: keyof typeof PORTRAITS;
  /** Top left corner and side of the portrait, in pixels of the frame. */
  x: number;
  y: number;
  side: number;
}

const WIDTH = 640;
const HEIGHT = 480;

/** A frame of a camera with 30 frames a second, with portraits in it. */
export async function scene(sequence: number, people: readonly Someone[], source = "door"): Promise<Picture> {
  const composed = await Promise.all(
    people.map(async ({ who, x, y, side }) => ({
      input: await sharp(await portrait(who))
        .resize(side, side)
        .toBuffer(),
      left: x,
      top: y,
    })),
  );
  const bytes = await sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#556070" } })
    .composite(composed)
    .jpeg({ quality: 88 })
    .toBuffer();
  return {
    bytes,
    frame: {
      source,
      sequence,
      capturedAt: 1_000_000 + Math.round((sequence * 1000) / 30),
      width: WIDTH,
      height: HEIGHT,
    },
  };
}
