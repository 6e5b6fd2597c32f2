/** Frames of small cameras, for tests that take long: somebody walks through the picture and back. */
import sharp from "sharp";
import { type PORTRAITS, portrait } from "./photos";

const WIDTH = 320;
const HEIGHT = 240;
const SIDE = 150;
const STEPS = 8;

/** @param who nobody, where it is undefined @returns JPEGs of 320 × 240 */
export async function walkingFrames(who: keyof typeof PORTRAITS | undefined): Promise<Buffer[]> {
  const somebody =
    who === undefined
      ? undefined
      : await sharp(await portrait(who))
          .resize(SIDE, SIDE)
          .toBuffer();
  const empty = sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#556070" } });
  return Promise.all(
    Array.from({ length: STEPS }, (_, step) => {
      const left = 20 + Math.round(((WIDTH - SIDE - 40) * Math.min(step, STEPS - step)) / (STEPS / 2));
      return empty
        .clone()
        .composite(somebody === undefined ? [] : [{ input: somebody, left, top: 45 }])
        .jpeg({ quality: 85 })
        .toBuffer();
    }),
  );
}
