/**
 * Whether a face is covered: by a mask, a scarf or a hand over the mouth, by dark glasses over the eyes. What is
 * covered shows less structure than the rest of the face, and often another colour than the forehead.
 *
 * The bounds were chosen on 604 faces of LFW, its East Asian part and South Asian portraits: of them one is called
 * covered, who wears dark glasses; at a fifth of the size two. Of masks drawn over them 96 to 100 % are, of white ones
 * with folds 56 %, of dark glasses 53 to 64 % (docs/models.md).
 */

/** Of the chip that is judged, in pixels: dlib's. */
const SIDE = 150;
const CHANNELS = 3;

/** Left, right, top and bottom of a part of the chip in pixels, as the mean face has it; right and bottom outside. */
type Part = readonly [left: number, right: number, top: number, bottom: number];
const MOUTH: Part = [54, 96, 90, 120];
const LOWER_FACE: Part = [52, 98, 90, 122];
const EYES: readonly Part[] = [
  [36, 66, 36, 54],
  [84, 114, 36, 54],
];
const FOREHEAD: Part = [60, 90, 16, 32];
const CHEEKS: readonly Part[] = [
  [34, 56, 56, 66],
  [94, 116, 56, 66],
];
const FACE: Part = [30, 120, 30, 120];

/** A bare mouth shows at least 0.46 of the structure that the eyes show; a covered one less than this, … */
const BARE_MOUTH = 0.4;
/** … and less than this in standard deviations of the face's greys; or it shows less than these two … */
const FLAT_MOUTH = 0.3;
const COLOURED_MOUTH = { byEyes: 0.65, byFace: 0.45 } as const;
/** … in another colour than the forehead's, by so much of the face's light. */
const OTHER_COLOUR = 0.15;
/** Covered eyes show less structure than this, in standard deviations of the face's greys, … */
const BARE_EYES = 0.3;
/** … are darker than this share of the skin around them, … */
const DARK_EYES = 0.4;
/** … and the mouth shows more than they do by this factor. */
const MOUTH_OVER_EYES = 1.5;

/** Steps of grey are measured over so many pixels up and down: noise of single pixels counts less. */
const STEP = 2;
/** Greys: a face darker than this has no light to compare with. */
const LEAST_LIGHT = 10;

type Grey = (rgb: Float32Array, at: number) => number;
/** Grey level, blue and red beyond it (ITU-R BT.601). */
const grey: Grey = (rgb, at) =>
  0.299 * (rgb[at] as number) + 0.587 * (rgb[at + 1] as number) + 0.114 * (rgb[at + 2] as number);
const blue: Grey = (rgb, at) => 0.564 * ((rgb[at + 2] as number) - grey(rgb, at));
const red: Grey = (rgb, at) => 0.713 * ((rgb[at] as number) - grey(rgb, at));

/**
 * @param rgb the aligned chip, 150 × 150 × 3, 0 to 255
 * @returns whether mouth or eyes are covered; it says nothing of use of a face too small or blurred to show them
 */
export function isCovered(rgb: Float32Array): boolean {
  const mean = (of: Grey, part: Part): number => average(part, (at) => of(rgb, at));
  const meanOf = (of: Grey, parts: readonly Part[]): number =>
    parts.reduce((sum, part) => sum + mean(of, part), 0) / parts.length;
  const line = STEP * SIDE * CHANNELS;
  const step: Grey = (_, at) => Math.abs(grey(rgb, at + line) - grey(rgb, at - line));
  const eyes = meanOf(step, EYES);
  // One grey level is noise.
  const mouth = mean(step, MOUTH);
  const byEyes = mouth / (eyes + 1);
  const middle = mean(grey, FACE);
  const deviation = Math.sqrt(mean((_, at) => (grey(rgb, at) - middle) ** 2, FACE));
  const light = Math.max(LEAST_LIGHT, middle);
  const otherColour =
    Math.hypot(mean(blue, LOWER_FACE) - mean(blue, FOREHEAD), mean(red, LOWER_FACE) - mean(red, FOREHEAD)) / light;
  const isFlat = byEyes < BARE_MOUTH && mouth < FLAT_MOUTH * deviation;
  const isColoured = byEyes < COLOURED_MOUTH.byEyes && mouth < COLOURED_MOUTH.byFace * deviation;
  if (isFlat || (isColoured && otherColour > OTHER_COLOUR)) return true;
  const skin = (meanOf(grey, CHEEKS) + mean(grey, FOREHEAD)) / 2;
  return eyes < BARE_EYES * deviation && meanOf(grey, EYES) < DARK_EYES * skin && byEyes > MOUTH_OVER_EYES;
}

function average([left, right, top, bottom]: Part, of: (at: number) => number): number {
  let sum = 0;
  for (let row = top; row < bottom; row += 1)
    for (let column = left; column < right; column += 1) sum += of((row * SIDE + column) * CHANNELS);
  return sum / ((right - left) * (bottom - top));
}
