import type { Box, Face, Point } from "../message";
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

/** What the message tells of a detection. */
export function asFace({ box, score, points }: Detection): Face {
  return points === undefined ? { box, score } : { box, score, points };
}
