/**
 * Whether a face that was turned has depth. A flat picture looks, from wherever it is seen, as a homography makes it;
 * of a head the nose goes farther to the side than eyes, brows and mouth do. A bent picture goes as its curve does,
 * which no nose has.
 */
import { eyesIn } from "../align/chip";
import type { Point } from "../message";
import { eliminate, fitHomography, project } from "./homography";

/** The side to which somebody turns, as they see it: to their left is to the right of the picture. */
export type Side = "left" | "right";

/** What is seen of a face that was turned as if it were flat. */
export interface OffPlane {
  /** How far the nose's tip went beyond the plane of the rest, to that side; in distances between the eyes. */
  nose: number;
  /** … and up (below 0) or down, as that of a head does that nods. */
  down: number;
  /** How much narrower the face became: 1 is not at all. */
  width: number;
}

export interface Parallax extends OffPlane {
  /** How far the nose's tip went to that side beyond a sheet that may also be bent, about any axis. */
  relief: number;
}

/** Brows, eyes and mouth (iBUG 300-W), without the jaw, whose outline is another one on a head that turned. */
const AROUND = [...range(17, 26), 36, 39, 42, 45, 48, 51, 54, 57];
const NOSE = range(27, 35);
/** What parallax is measured on. */
export const MEASURED: readonly number[] = [...AROUND, ...NOSE];
const TIP = [29, 30];

/** Directions of bends that are tried over half a turn. */
const AXES = 12;
/** Against a curve that the points hardly decide. */
const RIDGE = 1e-6;
/** The middle of the face, in distances between the eyes below them. */
const MIDDLE = 0.5;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/**
 * A third of the work of parallaxOf.
 * @param front and @param turned the 68 points of two frames, each in pixels of its own; only those MEASURED and
 * the eyes are looked at
 * @returns undefined where the points are no face's
 */
export function offPlaneOf(front: readonly Point[], turned: readonly Point[], side: Side): OffPlane | undefined {
  return beyondPlane(front, turned, side)?.seen;
}

/** As offPlaneOf, and beyond every bent sheet, too. */
export function parallaxOf(front: readonly Point[], turned: readonly Point[], side: Side): Parallax | undefined {
  const found = beyondPlane(front, turned, side);
  const unbent = found && withoutBend(found.from, found.beyond);
  return unbent && { ...found.seen, relief: ofTip(unbent) };
}

/** @returns besides, of what is MEASURED, where it was from the front and how far it went to the side */
function beyondPlane(
  front: readonly Point[],
  turned: readonly Point[],
  side: Side,
): { seen: OffPlane; from: Point[]; beyond: number[] } | undefined {
  const from = upright(front);
  const to = upright(turned);
  if (from === undefined || to === undefined) return undefined;
  const flat = fitHomography(
    AROUND.map((index) => to[index] as Point),
    AROUND.map((index) => from[index] as Point),
  );
  if (flat === undefined) return undefined;
  const sign = side === "left" ? 1 : -1;
  const off = MEASURED.map((index) => {
    const landed = project(flat, to[index] as Point);
    const { x, y } = from[index] as Point;
    return { x: (landed.x - x) * sign, y: landed.y - y };
  });
  const beyond = off.map(({ x }) => x);
  const [a, b, , d, e] = flat as [number, number, number, number, number];
  const seen = {
    nose: ofTip(beyond),
    down: ofTip(off.map(({ y }) => y)),
    width: Math.hypot(b, e) / Math.hypot(a, d),
  };
  return { seen, from: MEASURED.map((index) => from[index] as Point), beyond };
}

function ofTip(values: readonly number[]): number {
  return TIP.reduce((sum, index) => sum + (values[MEASURED.indexOf(index)] as number), 0) / TIP.length;
}

/** In distances between the eyes, from the middle between them, x along them. */
function upright(points: readonly Point[]): Point[] | undefined {
  const { leftEye, rightEye } = eyesIn(points);
  const [dx, dy] = [rightEye.x - leftEye.x, rightEye.y - leftEye.y];
  const square = dx * dx + dy * dy;
  if (!(square > 0) || !Number.isFinite(square)) return undefined;
  const [x0, y0] = [(leftEye.x + rightEye.x) / 2, (leftEye.y + rightEye.y) / 2];
  return points.map(({ x, y }) => ({
    x: ((x - x0) * dx + (y - y0) * dy) / square,
    y: ((y - y0) * dx - (x - x0) * dy) / square,
  }));
}

/** What is left of values when the sheet that fits them best is taken away, bent in one direction. */
function withoutBend(points: readonly Point[], values: readonly number[]): number[] | undefined {
  let best: { squares: number; left: number[] } | undefined;
  for (let axis = 0; axis < AXES; axis += 1) {
    const [cos, sin] = [Math.cos((axis * Math.PI) / AXES), Math.sin((axis * Math.PI) / AXES)];
    const terms = points.map(({ x, y }) => {
      const across = x * cos + (y - MIDDLE) * sin;
      // The last two are what turning the bent sheet adds in perspective.
      return [1, x, y, across ** 2, x * y, x * across ** 2];
    });
    const left = residuals(terms, values);
    if (left === undefined) continue;
    const squares = left.reduce((sum, value) => sum + value ** 2, 0);
    if (best === undefined || squares < best.squares) best = { squares, left };
  }
  return best?.left;
}

/** Of a least-squares fit. */
function residuals(terms: readonly (readonly number[])[], values: readonly number[]): number[] | undefined {
  const size = terms[0]?.length ?? 0;
  const normal = Array.from({ length: size }, (_, row) =>
    Float64Array.from({ length: size + 1 }, (__, column) =>
      terms.reduce(
        (sum, term, index) =>
          sum + (term[row] as number) * (column < size ? (term[column] as number) : (values[index] as number)),
        row === column ? RIDGE : 0,
      ),
    ),
  );
  const fitted = eliminate(normal);
  return fitted === undefined
    ? undefined
    : terms.map((term, index) =>
        term.reduce((rest, value, at) => rest - value * (fitted[at] as number), values[index] as number),
      );
}
