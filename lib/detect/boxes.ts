import type { Box, Face, FacePoints, Point } from "../message";
import type { Detection } from "./detector";

/** Area of the intersection over that of the union, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (!(width > 0 && height > 0)) return 0;
  const both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}

export function centreOf({ x, y, width, height }: Box): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

/** Boxes that overlap more than this are of one face. */
const ONE_FACE = 0.4;

/** Of detections of one face, as overlapping regions give them, the one with the best score. */
export function withoutDoubles<D extends { box: Box; score: number }>(detections: readonly D[]): D[] {
  const kept: D[] = [];
  for (const detection of detections.toSorted((a, b) => b.score - a.score)) {
    if (kept.every(({ box }) => overlap(box, detection.box) <= ONE_FACE)) kept.push(detection);
  }
  return kept;
}

/** Eyes nearer to each other than this are the same ones, in distances between the two. */
const SAME_EYE = 0.35;

/** Whether two faces have the same eyes: then they are one, however their boxes lie. */
export function sameEyes(
  a: Pick<FacePoints, "leftEye" | "rightEye"> | undefined,
  b: Pick<FacePoints, "leftEye" | "rightEye"> | undefined,
): boolean {
  if (a === undefined || b === undefined) return false;
  const apart = (from: Point, to: Point): number => Math.hypot(from.x - to.x, from.y - to.y);
  const near = SAME_EYE * Math.min(apart(a.leftEye, a.rightEye), apart(b.leftEye, b.rightEye));
  return apart(a.leftEye, b.leftEye) <= near && apart(a.rightEye, b.rightEye) <= near;
}

/** What the message tells of a detection. */
export function asFace({ box, score, points, foundBy }: Detection): Face {
  return {
    box,
    score,
    ...(points === undefined ? {} : { points }),
    ...(foundBy === undefined ? {} : { foundBy }),
  };
}
