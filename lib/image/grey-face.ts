/** A face as a small grey picture in which the eyes always have the same distance. */
import type { Picture, Point } from "../message";
import { firstOf } from "./grey-thumbnail";
import { closedPicture, withPicture } from "./open-picture";

/** Grey levels 0..255, row by row, and which part of the picture they are. */
export interface GreyFace {
  data: Uint8Array;
  width: number;
  height: number;
  /** The upper left corner, pixels of the picture as shown. */
  left: number;
  top: number;
  /** Pixels of the picture in one pixel of this. */
  scale: number;
}

/** Between the eyes, in pixels of the grey picture. */
export const GREY_EYES = 40;
/** What is shown, in distances between the eyes: to each side of the middle between them, above it and below. */
const SIDEWAYS = 1.4;
const ABOVE = 0.9;
const BELOW = 1.9;

/**
 * Costs the calling thread next to nothing.
 * @param eyes the middles of both eyes, pixels of the picture as shown
 * @throws a sentence when it is no picture
 */
export async function greyFace(picture: Picture, eyes: { leftEye: Point; rightEye: Point }): Promise<GreyFace> {
  const { leftEye: a, rightEye: b } = eyes;
  const apart = Math.max(1, Math.hypot(b.x - a.x, b.y - a.y));
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  return withPicture(closedPicture(picture), async ({ image, width, height }) => {
    const left = within(middle.x - SIDEWAYS * apart, width - 2);
    const top = within(middle.y - ABOVE * apart, height - 2);
    const part = {
      left,
      top,
      width: Math.max(2, within(middle.x + SIDEWAYS * apart, width) - left),
      height: Math.max(2, within(middle.y + BELOW * apart, height) - top),
    };
    const scale = apart / GREY_EYES;
    const size = {
      width: Math.max(2, Math.round(part.width / scale)),
      height: Math.max(2, Math.round(part.height / scale)),
    };
    const { data, info } = await image
      .extract(part)
      .resize({ ...size, fit: "fill" })
      .greyscale()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data: firstOf(data, info.channels), width: info.width, height: info.height, left, top, scale };
  });
}

/** From pixels of the picture to those of the grey face. */
export function intoGrey({ left, top, scale }: GreyFace, { x, y }: Point): Point {
  return { x: (x - left + 0.5) / scale - 0.5, y: (y - top + 0.5) / scale - 0.5 };
}

function within(value: number, most: number): number {
  return Math.round(Math.min(Math.max(0, value), Math.max(0, most)));
}
