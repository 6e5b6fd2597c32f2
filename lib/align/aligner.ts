/** From boxes to landmarks, quality and the place of the chip. Runs in workers only. */
import type { Pixels } from "../image/pixels";
import type { Box, Point, Quality, RejectReason } from "../message";
import { CHIP_PADDING, fitChip } from "./chip";
import { LANDMARK_COUNT, LANDMARK_INPUT, type LandmarkFinder } from "./landmark-net";
import { estimatePose } from "./pose";
import { apply, scaleOf, type Similarity, warp } from "./transform";
import { qualityWeight } from "./weight";

/**
 * Two looks at one box, the second a little wider and higher. On a face the network puts the landmarks in the same
 * places both
 * times; on a tie or a curtain it does not. Their mean tells where the face is and how it is turned.
 */
const LOOKS = [
  { side: 1, right: 0, down: 0.05 },
  { side: 1.15, right: 0.05, down: 0.02 },
] as const;

/**
 * A third look sees the face upright and centred, as the network was trained, in a square of this part of the chip, a
 * little lower.
 */
const UPRIGHT = { part: 0.8, down: 0.02 } as const;

/**
 * Bounds of the alignment gate, as fractions of the chip's side, chosen between the faces and the false boxes of group
 * photos:
 * on faces the looks differ by at most 0.057 and the landmarks fit within 0.059 (median 0.013 and 0.021);
 * the median false box has 0.10 and 0.10.
 */
const MAX_DISAGREEMENT = 0.062;
const MAX_RESIDUAL = 0.085;

/** Side of the chip on which sharpness and fit are measured, in pixels: dlib's. */
const MEASURE_SIDE = 150;

export interface Gate {
  /** Smallest distance between the eyes, in pixels. */
  minSize: number;
  /** Least sharpness, see Quality.blur. */
  minSharpness: number;
}

export interface Aligned {
  landmarks: Point[];
  quality: Quality;
  rejected: RejectReason | undefined;
}

/**
 * Find and judge the landmarks of every box, all in one batch; those of faces are then found again on the upright
 * face.
 */
export async function alignFaces(
  net: LandmarkFinder,
  pixels: Pixels,
  boxes: readonly Box[],
  gate: Gate,
): Promise<Aligned[]> {
  if (boxes.length === 0) return [];
  const found = await lookAll(
    net,
    pixels,
    boxes.flatMap((box) => LOOKS.map((look) => lookAt(box, look))),
  );
  const firsts = boxes.map((_, index) => agree(found.slice(index * LOOKS.length, (index + 1) * LOOKS.length)));
  const faces = firsts.filter(({ isFace }) => isFace);
  const seconds =
    faces.length === 0
      ? []
      : await lookAll(
          net,
          pixels,
          faces.map(({ landmarks }) => lookUpright(landmarks)),
        );
  const better = new Map(faces.map((face, index) => [face, seconds[index] as Point[]]));
  return firsts.map((first) => judge(pixels, first, better.get(first), gate));
}

async function lookAll(net: LandmarkFinder, pixels: Pixels, looks: readonly Similarity[]): Promise<Point[][]> {
  return (await net.run(looks.map((look) => warp(pixels, look, LANDMARK_INPUT)))).map((fractions, index) =>
    toPoints(fractions, looks[index] as Similarity),
  );
}

/** From pixels of the network's input to pixels of the picture. */
function lookAt(box: Box, { side, right, down }: (typeof LOOKS)[number]): Similarity {
  const a = (Math.max(box.width, box.height) * side) / LANDMARK_INPUT;
  const half = (a * (LANDMARK_INPUT - 1)) / 2;
  return { a, b: 0, tx: box.x + box.width * (0.5 + right) - half, ty: box.y + box.height * (0.5 + down) - half };
}

function toPoints(fractions: Float32Array, look: Similarity): Point[] {
  return Array.from({ length: LANDMARK_COUNT }, (_, index) =>
    apply(look, {
      x: (fractions[2 * index] as number) * LANDMARK_INPUT - 0.5,
      y: (fractions[2 * index + 1] as number) * LANDMARK_INPUT - 0.5,
    }),
  );
}

/** From pixels of the network's input to pixels of the picture, for a face whose landmarks are about known. */
function lookUpright(landmarks: readonly Point[]): Similarity {
  const { a, b, tx, ty } = fitChip(landmarks, LANDMARK_INPUT).toPicture;
  const margin = ((1 - UPRIGHT.part) * (LANDMARK_INPUT - 1)) / 2;
  const corner = apply({ a, b, tx, ty }, { x: margin, y: margin + UPRIGHT.down * LANDMARK_INPUT });
  return { a: a * UPRIGHT.part, b: b * UPRIGHT.part, tx: corner.x, ty: corner.y };
}

interface FirstLooks {
  /** The mean of both looks. */
  landmarks: Point[];
  isFace: boolean;
}

function agree(looks: readonly Point[][]): FirstLooks {
  const [first, second] = looks as [Point[], Point[]];
  const landmarks = first.map(({ x, y }, index) => ({
    x: (x + (second[index] as Point).x) / 2,
    y: (y + (second[index] as Point).y) / 2,
  }));
  const { residual, toPicture } = fitChip(landmarks, MEASURE_SIDE);
  const disagreement = rms(first, second) / (MEASURE_SIDE * scaleOf(toPicture));
  // Written so that a NaN is no face.
  return { landmarks, isFace: disagreement <= MAX_DISAGREEMENT && residual <= MAX_RESIDUAL };
}

function judge(pixels: Pixels, first: FirstLooks, upright: Point[] | undefined, gate: Gate): Aligned {
  // Where the upright look lost the face the first ones are still good.
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
  return { landmarks, quality, rejected: first.isFace ? reject(quality, gate) : "bad_alignment" };
}

function reject(quality: Quality, gate: Gate): RejectReason | undefined {
  if (quality.size < gate.minSize) return "too_small";
  return quality.blur < gate.minSharpness ? "blurry" : undefined;
}

function rms(a: readonly Point[], b: readonly Point[]): number {
  return Math.sqrt(
    a.reduce((sum, { x, y }, index) => sum + (x - (b[index] as Point).x) ** 2 + (y - (b[index] as Point).y) ** 2, 0) /
      a.length,
  );
}

/** Middle of landmarks from..to, both included. */
export function middle(landmarks: readonly Point[], from: number, to: number): Point {
  const part = landmarks.slice(from, to + 1);
  return {
    x: part.reduce((sum, { x }) => sum + x, 0) / part.length,
    y: part.reduce((sum, { y }) => sum + y, 0) / part.length,
  };
}

function eyeDistance(landmarks: readonly Point[]): number {
  const left = middle(landmarks, 36, 41);
  const right = middle(landmarks, 42, 47);
  return Math.hypot(right.x - left.x, right.y - left.y);
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
