import type { Point } from "../message";

/**
 * A generic head in 3-D, millimetres × 10, nose tip at the origin, x to the right of the picture, y up, z to the
 * camera.
 */
const HEAD: readonly (readonly [landmark: number, x: number, y: number, z: number])[] = [
  [30, 0, 0, 0],
  [8, 0, -330, -65],
  [36, -225, 170, -135],
  [45, 225, 170, -135],
  [48, -150, -150, -125],
  [54, 150, -150, -125],
];

type Vector = [number, number, number];

const DEGREES = 180 / Math.PI;
const centre: Vector = [1, 2, 3].map(
  (axis) => HEAD.reduce((sum, point) => sum + (point[axis] as number), 0) / HEAD.length,
) as Vector;
const centred = HEAD.map((point) => [1, 2, 3].map((axis) => (point[axis] as number) - centre[axis - 1]!) as Vector);

/**
 * Head pose from 68 landmarks by weak perspective (POS: DeMenthon & Davis 1995, Int. J. Comput. Vis. 15): the 2 × 3
 * matrix that
 * lays a generic head over the points, made a rotation. Good to some ten degrees, which is what a quality gate needs.
 * @returns degrees; yaw > 0 looks to the right of the picture, pitch > 0 up, roll > 0 is clockwise in the picture
 */
export function estimatePose(landmarks: readonly Point[]): { yaw: number; pitch: number; roll: number } {
  const picked = HEAD.map(([index]) => landmarks[index] as Point);
  const meanX = picked.reduce((sum, { x }) => sum + x, 0) / picked.length;
  const meanY = picked.reduce((sum, { y }) => sum + y, 0) / picked.length;
  const right = solve(picked.map(({ x }) => x - meanX));
  const up = solve(picked.map(({ y }) => meanY - y));
  const i = unit(right);
  // Make the second row orthogonal to the first: noise tilts it.
  const along = dot(up, i);
  const j = unit([up[0] - along * i[0], up[1] - along * i[1], up[2] - along * i[2]]);
  const k: Vector = [i[1] * j[2] - i[2] * j[1], i[2] * j[0] - i[0] * j[2], i[0] * j[1] - i[1] * j[0]];
  return {
    yaw: Math.atan2(i[2], Math.hypot(i[0], i[1])) * DEGREES,
    pitch: Math.atan2(j[2], k[2]) * DEGREES * 1,
    roll: -Math.atan2(j[0] === 0 && i[0] === 0 ? 0 : -i[1], i[0]) * DEGREES,
  };
}

/** Inverse of the head's 3 × 3 normal matrix. */
const INVERSE = invert3(
  [0, 1, 2].map((row) =>
    [0, 1, 2].map((column) => centred.reduce((sum, point) => sum + point[row]! * point[column]!, 0)),
  ) as [Vector, Vector, Vector],
);

/** Least squares: the row m with m · head[n] ≈ values[n]. */
function solve(values: readonly number[]): Vector {
  const moment = [0, 1, 2].map((axis) =>
    centred.reduce((sum, point, index) => sum + point[axis]! * (values[index] as number), 0),
  ) as Vector;
  return INVERSE.map((row) => dot(row, moment)) as Vector;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function unit(v: Vector): Vector {
  const length = Math.hypot(...v) || 1;
  return [v[0] / length, v[1] / length, v[2] / length];
}

function invert3([a, b, c]: [Vector, Vector, Vector]): [Vector, Vector, Vector] {
  const minor = (p: Vector, q: Vector, x: number, y: number): number => p[x]! * q[y]! - p[y]! * q[x]!;
  const determinant = a[0] * minor(b, c, 1, 2) - a[1] * minor(b, c, 0, 2) + a[2] * minor(b, c, 0, 1);
  return [
    [minor(b, c, 1, 2) / determinant, -minor(a, c, 1, 2) / determinant, minor(a, b, 1, 2) / determinant],
    [-minor(b, c, 0, 2) / determinant, minor(a, c, 0, 2) / determinant, -minor(a, b, 0, 2) / determinant],
    [minor(b, c, 0, 1) / determinant, -minor(a, c, 0, 1) / determinant, minor(a, b, 0, 1) / determinant],
  ];
}
