import type { Quality } from "../message";

/**
 * How like an embedding of a camera's frame is to one of another, clear photo of the same person: cosine, with
 * MobileFaceNet, by least
 * squares over 2,231 faces 20 to 110 px wide with noise, blur and H.264. It explains 61 % of the variance on other
 * people; sharpness says
 * most, and with dlib's network the same (bench/small-faces.ts).
 */
const LIKENESS = { base: 0.338, perOctaveOfSharpness: 0.065, perOctaveOfSize: 0.031, perResidual: -5.643 } as const;
/**
 * What was measured, beyond which nothing is known to change: sharpness, pixels between the eyes, and residual as a
 * part of the chip.
 */
export const SHARPNESS = [0.25, 32] as const;
export const SIZE = [6, 40] as const;
export const RESIDUAL = [0.015, 0.08] as const;
/**
 * Faces turned by up to so many degrees were as like to their photos as others; of more turned ones there were too few
 * to measure.
 */
const TURNED = 40;
/** Of the poorest: nobody counts for nothing. */
const LEAST_LIKENESS = 0.03;

/**
 * How much an embedding of such a face counts beside others of the same person: by sharpness, size, how well the
 * landmarks fit, and how
 * frontal it is. An embedding at length 1 is c of the person, where c is its likeness, and noise of variance 1 − c²
 * for the rest: in the
 * mean that is nearest to the person each weighs c / (1 − c²) (as by inverse variance: Cochran 1937, J. R. Stat. Soc.
 * 4).
 * @param residual how little the landmarks are a face's, see ChipFit
 * @returns see Quality.weight
 */
export function qualityWeight(
  { size, blur, pose }: Pick<Quality, "size" | "blur" | "pose">,
  residual: number,
): number {
  return (
    meritOf(likeness(within(blur, SHARPNESS), within(size, SIZE), within(residual, RESIDUAL)) * frontal(pose)) / MOST
  );
}

function likeness(sharpness: number, size: number, residual: number): number {
  return (
    LIKENESS.base +
    LIKENESS.perOctaveOfSharpness * Math.log2(sharpness) +
    LIKENESS.perOctaveOfSize * Math.log2(size) +
    LIKENESS.perResidual * residual
  );
}

/** 1 for a face that looks about into the camera, 0 for one from the side. */
function frontal({ yaw, pitch }: Quality["pose"]): number {
  return Math.min(
    1,
    Math.max(0, Math.cos((yaw * Math.PI) / 180) * Math.cos((pitch * Math.PI) / 180)) /
      Math.cos((TURNED * Math.PI) / 180),
  );
}

function meritOf(like: number): number {
  // Written so that a NaN is the poorest.
  const c = like > LEAST_LIKENESS ? like : LEAST_LIKENESS;
  return c / (1 - c * c);
}

function within(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value));
}

/** Of a sharp face, as large as the chip, whose landmarks fit as well as any. */
const MOST = meritOf(likeness(SHARPNESS[1], SIZE[1], RESIDUAL[0]));
