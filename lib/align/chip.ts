/** dlib's aligned face chip: where the landmarks of a face belong in the square that the network reads. */
import type { FacePoints, Point } from "../message";
import { apply, fitSimilarity, invert, type Similarity } from "../image/transform";

/**
 * Average positions of landmarks 17–67 in a unit square (dlib, image_transforms/interpolation.h,
 * get_face_chip_details).
 */
const MEAN_X = [
  0.000213256, 0.0752622, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991, 0.98004, 0.490127,
  0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217, 0.613373, 0.121737, 0.187122, 0.265825,
  0.334606, 0.260918, 0.182743, 0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335, 0.254149, 0.340985,
  0.428858, 0.490127, 0.551395, 0.639268, 0.726104, 0.642159, 0.556721, 0.490127, 0.423532, 0.338094, 0.290379,
  0.428096, 0.490127, 0.552157, 0.689874, 0.553364, 0.490127, 0.42689,
];
const MEAN_Y = [
  0.106454, 0.038915, 0.0187482, 0.0344891, 0.0773906, 0.0773906, 0.0344891, 0.0187482, 0.038915, 0.106454, 0.203352,
  0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345, 0.587326, 0.216423, 0.178758, 0.179852,
  0.231733, 0.245099, 0.244077, 0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099, 0.780233, 0.745405,
  0.727388, 0.742578, 0.727388, 0.745405, 0.780233, 0.864805, 0.902192, 0.909281, 0.902192, 0.864805, 0.784792,
  0.778746, 0.785343, 0.778746, 0.784792, 0.824182, 0.831803, 0.824182,
];
const FIRST_MEAN = 17;

/** dlib leaves out the jaw, the brows and the lower lip, which move most. */
const EYES_NOSE_MOUTH = Array.from({ length: 68 }, (_, index) => index).filter(
  (index) => index >= 27 && (index < 55 || index > 59),
);

/**
 * Room around the unit square, as a fraction of it (dlib, dnn_face_recognition_ex.cpp: get_face_chip_details(shape,
 * 150, 0.25)).
 */
export const CHIP_PADDING = 0.25;

/** Where landmark `index` (17–67) belongs, as a fraction of the chip's side. */
export function meanPoint(index: number, padding: number): Point {
  const place = (mean: number): number => (padding + mean) / (2 * padding + 1);
  return { x: place(MEAN_X[index - FIRST_MEAN] as number), y: place(MEAN_Y[index - FIRST_MEAN] as number) };
}

/** The mean face's points that decide, as fractions of the chip's side. */
const TEMPLATE = EYES_NOSE_MOUTH.map((index) => meanPoint(index, CHIP_PADDING));

export interface ChipFit {
  /** From chip pixels to picture pixels. */
  toPicture: Similarity;
  /**
   * Root mean square distance of the landmarks to the template, as a fraction of the chip's side: how little this
   * looks like a face.
   */
  residual: number;
}

/** Lay dlib's chip over a face. @param side in pixels @throws Error when the landmarks coincide */
export function fitChip(landmarks: readonly Point[], side: number): ChipFit {
  const from = TEMPLATE.map(({ x, y }) => ({ x: x * side, y: y * side }));
  const to = EYES_NOSE_MOUTH.map((index) => landmarks[index] as Point);
  // Fitted from the face to the chip, as dlib does it, so that errors count in chip pixels.
  const toChip = fitSimilarity(to, from);
  let sum = 0;
  to.forEach((point, index) => {
    const target = from[index] as Point;
    const landed = apply(toChip, point);
    sum += (landed.x - target.x) ** 2 + (landed.y - target.y) ** 2;
  });
  return { toPicture: invert(toChip), residual: Math.sqrt(sum / to.length) / side };
}

const mean = (points: readonly Point[]): Point => ({
  x: points.reduce((sum, { x }) => sum + x, 0) / points.length,
  y: points.reduce((sum, { y }) => sum + y, 0) / points.length,
});

/** Middle of landmarks from..to, both included. */
export function middle(landmarks: readonly Point[], from: number, to: number): Point {
  return mean(landmarks.slice(from, to + 1));
}

/** The middles of both eyes. */
export function eyesIn(landmarks: readonly Point[]): Pick<FacePoints, "leftEye" | "rightEye"> {
  return { leftEye: middle(landmarks, 36, 41), rightEye: middle(landmarks, 42, 47) };
}

/** Where the mean face has its eyes, nose tip and the middle of its mouth, as fractions of the chip's side. */
const MEAN_POINTS = (
  [
    [36, 41],
    [42, 47],
    [30, 30],
    [48, 67],
  ] as const
).map(([from, to]) =>
  mean(Array.from({ length: to - from + 1 }, (_, index) => meanPoint(from + index, CHIP_PADDING))),
);

/**
 * Lay dlib's chip over a face by what the detector knows of it, however it is turned.
 * @param side in pixels
 * @returns from chip pixels to picture pixels; undefined where the points are no face's
 */
export function fitByPoints({ leftEye, rightEye, nose, ...rest }: FacePoints, side: number): Similarity | undefined {
  const corners = [rest.mouthLeft, rest.mouthRight].filter((point) => point !== undefined);
  const mouth = rest.mouth ?? (corners.length === 2 ? mean(corners) : undefined);
  const known = [leftEye, rightEye, nose, ...(mouth === undefined ? [] : [mouth])];
  const fit = fitSimilarity(
    MEAN_POINTS.slice(0, known.length).map(({ x, y }) => ({ x: x * side, y: y * side })),
    known,
  );
  const least = Number.EPSILON * side;
  return Math.hypot(fit.a, fit.b) > least && Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y) > 0
    ? fit
    : undefined;
}
