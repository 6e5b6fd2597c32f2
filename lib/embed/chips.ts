/** The square that a network reads, cut by the template its model asks for. */
import { fitChip, middle } from "../align/chip";
import { fitSimilarity, invert, type Similarity } from "../image/transform";
import type { Box, Point } from "../message";
import type { ModelDescriptor } from "./descriptor";

/** Eyes, nose, mouth corners in InsightFace's 112 × 112 chip (insightface, face_align.py: arcface_dst). */
const ARCFACE_POINTS: readonly Point[] = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];
const ARCFACE_SIDE = 112;

/** From pixels of the network's input to pixels of the picture. */
export function chipPlace(descriptor: ModelDescriptor, box: Box, landmarks: readonly Point[] | undefined): Similarity {
  const side = descriptor.inputSize;
  if (descriptor.alignment === "box" || landmarks === undefined) {
    // The longer side with its padding; the original stretched the box, and Haar's boxes are square.
    const a = (Math.max(box.width, box.height) + 2 * descriptor.padding) / side;
    const half = (a * (side - 1)) / 2;
    return { a, b: 0, tx: box.x + box.width / 2 - 0.5 - half, ty: box.y + box.height / 2 - 0.5 - half };
  }
  if (descriptor.alignment === "dlib") return fitChip(landmarks, side).toPicture;
  const five = [
    middle(landmarks, 36, 41),
    middle(landmarks, 42, 47),
    landmarks[30] as Point,
    landmarks[48] as Point,
    landmarks[54] as Point,
  ];
  return invert(
    fitSimilarity(
      five,
      ARCFACE_POINTS.map(({ x, y }) => ({ x: (x * side) / ARCFACE_SIDE, y: (y * side) / ARCFACE_SIDE })),
    ),
  );
}
