import type { Box, Face, FacePoints, Point } from "../message";
import type { Detection } from "./detector";

/** The distance of two points. */
export const apart = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

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

export type Eyes = Pick<FacePoints, "leftEye" | "rightEye">;

/** Whether two faces have the same eyes: then they are one, however their boxes lie. */
export function sameEyes(a: Eyes | undefined, b: Eyes | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const near = SAME_EYE * Math.min(apart(a.leftEye, a.rightEye), apart(b.leftEye, b.rightEye));
  return apart(a.leftEye, b.leftEye) <= near && apart(a.rightEye, b.rightEye) <= near;
}

/** A box, and where its face has its eyes if that is known. */
export interface Placed {
  box: Box;
  eyes: Eyes | undefined;
}

/** Where a box has its eyes when nobody knows better, as shares of its sides: cascades and networks differ little. */
const EYES_IN_BOX = { left: 0.3, right: 0.7, down: 0.38 };

/**
 * Whether two boxes hold the same eyes, so that both are of one face however they lie. A small face behind a large one
 * may be in a corner of its box: what counts is the circle inside, which a face fills.
 */
export function areOneFace(a: Placed, b: Placed): boolean {
  if (overlap(a.box, b.box) > ONE_FACE) return true;
  return sameEyes(a.eyes, b.eyes) || holds(a.box, eyesOf(b)) || holds(b.box, eyesOf(a));
}

function eyesOf({ box, eyes }: Placed): Eyes {
  if (eyes !== undefined) return eyes;
  const y = box.y + EYES_IN_BOX.down * box.height;
  return {
    leftEye: { x: box.x + EYES_IN_BOX.left * box.width, y },
    rightEye: { x: box.x + EYES_IN_BOX.right * box.width, y },
  };
}

function holds(box: Box, { leftEye, rightEye }: Eyes): boolean {
  const centre = centreOf(box);
  return [leftEye, rightEye].every(
    ({ x, y }) => Math.hypot((x - centre.x) / (box.width / 2), (y - centre.y) / (box.height / 2)) < 1,
  );
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
