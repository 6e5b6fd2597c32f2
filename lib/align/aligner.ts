/** From boxes to landmarks, quality and the place of the chip. Runs in workers only. */
import type { Pixels } from "../image/pixels";
import type { Box, FacePoints, Point, Quality, RejectReason } from "../message";
import { CHIP_PADDING, eyesIn, fitByPoints, fitChip } from "./chip";
import { LANDMARK_COUNT, LANDMARK_INPUT, type LandmarkFinder } from "./landmark-net";
import { isCovered } from "./occlusion";
import { estimatePose } from "./pose";
import { apply, scaleOf, type Similarity, warp } from "../image/transform";
import { qualityWeight } from "./weight";

/**
 * Two crops of one box, the second a little wider and higher. On a face the network puts the landmarks in the same
 * places both
 * times; on a tie or a curtain it does not. Their mean tells where the face is and how it is turned.
 */
const CROPS = [
  { side: 1, right: 0, down: 0.05 },
  { side: 1.15, right: 0.05, down: 0.02 },
] as const;

/**
 * A third crop has the face upright and centred, as the network was trained, in a square of this part of the chip, a
 * little lower.
 */
const UPRIGHT = { part: 0.8, right: 0, down: 0.02 } as const;

/**
 * Where the detector knows eyes, nose and mouth the first two crops turn the face upright by them: from 30° on the
 * network no longer finds the landmarks of a face as it lies. The second differs from the first as CROPS do.
 */
const CROPS_BY_POINTS = [UPRIGHT, { part: 0.92, right: 0.04, down: -0.005 }] as const;

/**
 * Where the landmarks' eyes lie farther than this from those of the detector, in distances between the eyes, the
 * landmarks are another thing's: half of that distance is more than an eye is wide. Of 187 usable faces of LFW and
 * South Asian people the median is 0.10 and the largest 0.32; of nine that were rejected six are beyond 0.5.
 */
const MAX_ASTRAY = 0.5;

/**
 * Bounds of the alignment gate, as fractions of the chip's side, chosen between the faces and the false boxes of group
 * photos:
 * on faces both crops' differ by at most 0.057 and the landmarks fit within 0.059 (median 0.013 and 0.021);
 * the median false box has 0.10 and 0.10.
 */
const MAX_DISAGREEMENT = 0.062;
const MAX_RESIDUAL = 0.085;

/** Side of the chip on which sharpness and fit are measured, in pixels: dlib's. */
const MEASURE_SIDE = 150;

/**
 * Least Quality.exposure. Of LFW's faces darkened, with a sensor's noise of two grey levels, 93 % of pairs are within
 * MobileFaceNet's τ at 20, 78 % at 14, 48 % at 10; detectors begin to lose them at 5.
 */
const LEAST_LIGHT = 8;

/** Smaller or softer faces show neither eyes nor mouth, covered or not: pixels between the eyes, Quality.blur. */
const LEAST_SHOWN = { size: 10, blur: 2 } as const;
/** Nor does one washed out by light: most Quality.exposure. Of 100 LFW photos the lightest face has 185. */
const MOST_LIGHT = 200;

export interface Gate {
  /** Smallest distance between the eyes, in pixels. */
  minSize: number;
  /** Least sharpness, see Quality.blur. */
  minSharpness: number;
  /** Whether covered faces pass. */
  covered?: boolean;
}

/** Where a detector found a face. */
export interface Located {
  box: Box;
  points?: FacePoints | undefined;
}

export interface Aligned {
  landmarks: Point[];
  quality: Quality;
  /** How little the landmarks are a face's, see ChipFit. */
  residual: number;
  rejected: RejectReason | undefined;
}

/**
 * Find and judge the landmarks of every box, all in one batch; those of faces are then found again on the upright
 * face.
 */
export async function alignFaces(
  net: LandmarkFinder,
  pixels: Pixels,
  located: readonly Located[],
  gate: Gate,
): Promise<Aligned[]> {
  if (located.length === 0) return [];
  const found = await findIn(net, pixels, located.flatMap(firstCrops));
  const firsts = located.map(({ points }, index) =>
    agree(found.slice(index * CROPS.length, (index + 1) * CROPS.length), points),
  );
  const faces = firsts.filter(({ isFace }) => isFace);
  const seconds =
    faces.length === 0
      ? []
      : await findIn(
          net,
          pixels,
          faces.map(({ landmarks }) => uprightCrop(landmarks)),
        );
  const better = new Map(faces.map((face, index) => [face, seconds[index] as Point[]]));
  return firsts.map((first) => judge(pixels, first, better.get(first), gate));
}

function firstCrops({ box, points }: Located): Similarity[] {
  const byPoints = points === undefined ? undefined : fitByPoints(points, LANDMARK_INPUT);
  return byPoints === undefined
    ? CROPS.map((crop) => cropAround(box, crop))
    : CROPS_BY_POINTS.map((crop) => cropInside(byPoints, crop));
}

async function findIn(net: LandmarkFinder, pixels: Pixels, crops: readonly Similarity[]): Promise<Point[][]> {
  return (await net.run(crops.map((crop) => warp(pixels, crop, LANDMARK_INPUT)))).map((fractions, index) =>
    toPoints(fractions, crops[index] as Similarity),
  );
}

/** From pixels of the network's input to pixels of the picture. */
function cropAround(box: Box, { side, right, down }: (typeof CROPS)[number]): Similarity {
  const a = (Math.max(box.width, box.height) * side) / LANDMARK_INPUT;
  const half = (a * (LANDMARK_INPUT - 1)) / 2;
  return { a, b: 0, tx: box.x + box.width * (0.5 + right) - half, ty: box.y + box.height * (0.5 + down) - half };
}

function toPoints(fractions: Float32Array, crop: Similarity): Point[] {
  return Array.from({ length: LANDMARK_COUNT }, (_, index) =>
    apply(crop, {
      x: (fractions[2 * index] as number) * LANDMARK_INPUT - 0.5,
      y: (fractions[2 * index + 1] as number) * LANDMARK_INPUT - 0.5,
    }),
  );
}

/** From pixels of the network's input to pixels of the picture, for a face whose landmarks are about known. */
function uprightCrop(landmarks: readonly Point[]): Similarity {
  return cropInside(fitChip(landmarks, LANDMARK_INPUT).toPicture, UPRIGHT);
}

/** A square of this part of the chip, in its middle but for `right` and `down`, as shares of the chip's side. */
function cropInside(chip: Similarity, { part, right, down }: Record<"part" | "right" | "down", number>): Similarity {
  const margin = ((1 - part) * (LANDMARK_INPUT - 1)) / 2;
  const corner = apply(chip, { x: margin + right * LANDMARK_INPUT, y: margin + down * LANDMARK_INPUT });
  return { a: chip.a * part, b: chip.b * part, tx: corner.x, ty: corner.y };
}

interface FirstLandmarks {
  /** The mean of both crops'. */
  landmarks: Point[];
  isFace: boolean;
  /** Of the detector. */
  points: FacePoints | undefined;
}

/** @param points of the detector, where it knows them */
function agree(found: readonly Point[][], points: FacePoints | undefined): FirstLandmarks {
  const [first, second] = found as [Point[], Point[]];
  const landmarks = first.map(({ x, y }, index) => ({
    x: (x + (second[index] as Point).x) / 2,
    y: (y + (second[index] as Point).y) / 2,
  }));
  const { residual, toPicture } = fitChip(landmarks, MEASURE_SIDE);
  const disagreement = rms(first, second) / (MEASURE_SIDE * scaleOf(toPicture));
  // Written so that a NaN is no face.
  const isFace =
    disagreement <= MAX_DISAGREEMENT && residual <= MAX_RESIDUAL && !(astray(landmarks, points) > MAX_ASTRAY);
  return { landmarks, isFace, points };
}

/** How far the eyes of the landmarks lie from those of the detector at most, in distances between its eyes. */
function astray(landmarks: readonly Point[], points: FacePoints | undefined): number {
  if (points === undefined) return 0;
  const { leftEye, rightEye } = points;
  const { leftEye: left, rightEye: right } = eyesIn(landmarks);
  return (
    Math.max(
      Math.hypot(left.x - leftEye.x, left.y - leftEye.y),
      Math.hypot(right.x - rightEye.x, right.y - rightEye.y),
    ) / Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y)
  );
}

function judge(pixels: Pixels, first: FirstLandmarks, upright: Point[] | undefined, gate: Gate): Aligned {
  // Where the upright crop lost the face the first ones are still good.
  const landmarks =
    upright !== undefined && fitChip(upright, MEASURE_SIDE).residual <= MAX_RESIDUAL ? upright : first.landmarks;
  const { toPicture, residual } = fitChip(landmarks, MEASURE_SIDE);
  const chip = warp(pixels, toPicture, MEASURE_SIDE);
  const measured = {
    size: eyeDistance(landmarks),
    blur: sharpness(chip, MEASURE_SIDE),
    exposure: exposure(chip, MEASURE_SIDE),
    pose: estimatePose(landmarks),
  };
  const quality: Quality = { ...measured, weight: qualityWeight(measured, residual) };
  const rejected = first.isFace ? reject(quality, chip, gate) : coveredByPoints(pixels, first, gate);
  return { landmarks, quality, residual, rejected };
}

function reject(quality: Quality, chip: Float32Array, gate: Gate): RejectReason | undefined {
  if (quality.size < gate.minSize) return "too_small";
  if (quality.blur < gate.minSharpness) return "blurry";
  // Written so that a NaN is too dark.
  if (!(quality.exposure >= LEAST_LIGHT)) return "too_dark";
  return gate.covered !== true && showsFeatures(quality) && isCovered(chip) ? "occluded" : undefined;
}

/** Whether there would be eyes and a mouth to be seen. */
function showsFeatures({ size, blur, exposure: light }: Pick<Quality, "size" | "blur" | "exposure">): boolean {
  return size >= LEAST_SHOWN.size && blur >= LEAST_SHOWN.blur && light <= MOST_LIGHT;
}

/** Under a mask the landmarks fit nowhere; the detector that saw eyes, nose and mouth tells where the face is. */
function coveredByPoints(pixels: Pixels, { points }: FirstLandmarks, { minSize }: Gate): RejectReason {
  const place = points === undefined ? undefined : fitByPoints(points, MEASURE_SIDE);
  if (points === undefined || place === undefined) return "bad_alignment";
  const chip = warp(pixels, place, MEASURE_SIDE);
  const size = Math.hypot(points.rightEye.x - points.leftEye.x, points.rightEye.y - points.leftEye.y);
  if (size < minSize) return "bad_alignment";
  const light = exposure(chip, MEASURE_SIDE);
  if (!(light >= LEAST_LIGHT)) return "too_dark";
  return showsFeatures({ size, blur: sharpness(chip, MEASURE_SIDE), exposure: light }) && isCovered(chip)
    ? "occluded"
    : "bad_alignment";
}

function rms(a: readonly Point[], b: readonly Point[]): number {
  return Math.sqrt(
    a.reduce((sum, { x, y }, index) => sum + (x - (b[index] as Point).x) ** 2 + (y - (b[index] as Point).y) ** 2, 0) /
      a.length,
  );
}

function eyeDistance(landmarks: readonly Point[]): number {
  const { leftEye, rightEye } = eyesIn(landmarks);
  return Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y);
}

/** Variance of the 4-neighbour Laplacian of the grey chip (Pech-Pacheco et al. 2000, ICPR): low is a blur. */
export function sharpness(rgb: Float32Array, side: number): number {
  const grey = new Float32Array(side * side);
  for (let index = 0; index < grey.length; index += 1) grey[index] = greyAt(rgb, index);
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < side - 1; row += 1) {
    for (let column = 1; column < side - 1; column += 1) {
      const at = row * side + column;
      const value =
        (grey[at - 1] as number) +
        (grey[at + 1] as number) +
        (grey[at - side] as number) +
        (grey[at + side] as number) -
        4 * (grey[at] as number);
      sum += value;
      squares += value * value;
    }
  }
  const count = (side - 2) * (side - 2);
  return squares / count - (sum / count) ** 2;
}

/**
 * Mean grey level of the chip without its margin: a bright window behind a dark face must not make it look well lit,
 * nor must the
 * black beyond the picture's edge darken it.
 */
export function exposure(rgb: Float32Array, side: number): number {
  const from = Math.round((side * CHIP_PADDING) / (1 + 2 * CHIP_PADDING));
  let sum = 0;
  for (let row = from; row < side - from; row += 1)
    for (let column = from; column < side - from; column += 1) sum += greyAt(rgb, row * side + column);
  return sum / (side - 2 * from) ** 2;
}

/** Grey level of a pixel (ITU-R BT.601). */
function greyAt(rgb: Float32Array, index: number): number {
  return (
    0.299 * (rgb[3 * index] as number) +
    0.587 * (rgb[3 * index + 1] as number) +
    0.114 * (rgb[3 * index + 2] as number)
  );
}
