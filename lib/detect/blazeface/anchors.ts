/**
 * From the numbers of BlazeFace's full-range network to faces, as MediaPipe does it (mediapipe/modules/face_detection,
 * face_detection_full_range.pbtxt; calculators/tflite/ssd_anchors_calculator.cc,
 * calculators/tensor/tensors_to_detections_calculator.cc, calculators/util/non_max_suppression_calculator.cc). Pure.
 */
import type { Point } from "../../message";
import { overlap, sameEyes } from "../boxes";
import type { Detection } from "../detector";

/** Side of the network's input as it was trained, in pixels. */
export const INPUT_SIDE = 192;
/** It halves its input so often that other sides must be multiples of this. */
export const GRID = 32;
/** One anchor in the middle of each cell of 4 × 4 pixels. */
const CELL = 4;
/** Centre and sides of the box, then x and y of six points: all in pixels from the anchor. */
export const REGRESSED = 16;

/** Boxes that overlap more are merged (min_suppression_threshold). */
const ONE_FACE = 0.3;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** How many anchors an input has. */
export function anchorsOf({ width, height }: { width: number; height: number }): number {
  return (width / CELL) * (height / CELL);
}

/**
 * Faces in pixels of the network's input, best first; boxes of one face are merged, each weighing its score.
 * @param regressed anchors × 16 @param scores of the anchors, before the sigmoid @param width of the input
 */
export function facesOf(
  regressed: Float32Array,
  scores: Float32Array,
  minScore: number,
  width = INPUT_SIDE,
): Detection[] {
  const found: Detection[] = [];
  for (let anchor = 0; anchor < scores.length; anchor += 1) {
    const score = sigmoid(scores[anchor] as number);
    if (score >= minScore) found.push(faceAt(regressed, anchor, score, width / CELL));
  }
  return merged(found);
}

function faceAt(regressed: Float32Array, anchor: number, score: number, cells: number): Detection {
  const x = ((anchor % cells) + 0.5) * CELL;
  const y = (Math.floor(anchor / cells) + 0.5) * CELL;
  const at = anchor * REGRESSED;
  const number = (index: number): number => regressed[at + index] as number;
  const point = (index: number): Point => ({ x: x + number(4 + 2 * index), y: y + number(5 + 2 * index) });
  const [width, height] = [number(2), number(3)];
  return {
    box: { x: x + number(0) - width / 2, y: y + number(1) - height / 2, width, height },
    score,
    // The network names them as the person has them: their right eye is the left one of who looks at the picture.
    points: {
      leftEye: point(0),
      rightEye: point(1),
      nose: point(2),
      mouth: point(3),
      leftEar: point(4),
      rightEar: point(5),
    },
  };
}

function merged(found: readonly Detection[]): Detection[] {
  let open = found.toSorted((a, b) => b.score - a.score);
  const kept: Detection[] = [];
  for (let [best] = open; best !== undefined; [best] = open) {
    const first = best;
    const same = open.filter((each) => each === first || overlap(each.box, first.box) > ONE_FACE);
    open = open.filter((each) => !same.includes(each));
    const face = mean(same);
    // A box in or around another one overlaps it little, and is the same face when it has its eyes.
    if (kept.every((each) => !sameEyes(each.points, face.points))) kept.push(face);
  }
  return kept;
}

/** The score is the best one's. */
function mean(same: readonly Detection[]): Detection {
  const all = same.reduce((sum, { score }) => sum + score, 0);
  const of = (value: (each: Detection) => number): number =>
    same.reduce((sum, each) => sum + value(each) * each.score, 0) / all;
  const [first] = same as [Detection];
  const points = Object.fromEntries(
    Object.keys(first.points as object).map((name) => {
      const place = (each: Detection): Point => (each.points as unknown as Record<string, Point>)[name] as Point;
      return [name, { x: of((each) => place(each).x), y: of((each) => place(each).y) }];
    }),
  ) as unknown as NonNullable<Detection["points"]>;
  return {
    box: {
      x: of(({ box }) => box.x),
      y: of(({ box }) => box.y),
      width: of(({ box }) => box.width),
      height: of(({ box }) => box.height),
    },
    score: first.score,
    points,
  };
}
