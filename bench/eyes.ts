/** Eyes as a check of what the face cascade found: a box in which an eye cascade finds none is taken for no face. */
import { basename } from "node:path";
import { warp } from "../lib/image/transform";
import { overlap } from "../lib/detect/boxes";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import type { WasmDetector } from "../lib/detect/haar/wasm";
import type { Pixels } from "../lib/image/pixels";
import type { Box } from "../lib/message";
import { parseOptions } from "../lib/validate";

export interface EyeCheck {
  name: string;
  /** Path of an eye cascade of OpenCV's; the package ships none. */
  cascade: string;
  /** How many eyes make a face. */
  least: 1 | 2;
  /** Whether the box is enlarged to ENLARGED before. */
  enlarged: boolean;
}

/** Eyes are looked for in this part of the box, from its top. */
const PART = 0.6;
/** OpenCV's own default for detectMultiScale. */
const NEIGHBOURS = 3;
/**
 * An eye cascade's window is as large as the eye of a face of 100 px; in a box of this side, in pixels, eyes are three
 * times as large.
 */
export const ENLARGED = 300;

/** @param cascades their paths */
export function eyeChecks(cascades: readonly string[]): EyeCheck[] {
  const short = (cascade: string): string => basename(cascade, ".xml").replace(/^haarcascade_/, "");
  return cascades.flatMap((cascade) =>
    [false, true].flatMap((enlarged) =>
      ([1, 2] as const).map((least) => ({
        name: `${least === 1 ? "one eye" : "two eyes"} by ${short(cascade)}${enlarged ? ", enlarged" : ""}`,
        cascade,
        least,
        enlarged,
      })),
    ),
  );
}

/**
 * How many eyes a face's box has, 0 to 2; two are apart, for the cascade may find one eye at two sizes.
 * @throws a sentence when the cascade cannot be read
 */
export function countEyes(detector: WasmDetector, pixels: Pixels, box: Box, { cascade, enlarged }: EyeCheck): number {
  const [picture, face] = enlarged ? enlarge(pixels, box) : [pixels, box];
  const options = parseOptions(
    haarOptionsSchema,
    { cascade, minNeighbors: NEIGHBOURS, region: { ...face, height: face.height * PART } },
    "--eyes",
  );
  const found = detector.detect(picture, options);
  const apart = found.some(({ box: one }, index) =>
    found.slice(0, index).some(({ box: other }) => overlap(one, other) === 0),
  );
  return apart ? 2 : Math.min(1, found.length);
}

/** The box as a picture of its own; one that is larger stays as it is. */
function enlarge(pixels: Pixels, box: Box): [Pixels, Box] {
  if (box.width >= ENLARGED) return [pixels, box];
  const a = box.width / ENLARGED;
  // Middles of pixels lie at whole numbers.
  const data = Uint8Array.from(
    warp(pixels, { a, b: 0, tx: box.x + (a - 1) / 2, ty: box.y + (a - 1) / 2 }, ENLARGED),
    Math.round,
  );
  return [
    { data, width: ENLARGED, height: ENLARGED },
    { x: 0, y: 0, width: ENLARGED, height: ENLARGED },
  ];
}
