/**
 * A linear map of embeddings, learned with the triplet loss of FaceNet (Schroff, Kalenichenko, Philbin 2015, eq. 2):
 * faces of one person come nearer, the nearest faces of others go away. It starts as the identity I and is held near
 * it:
 *
 *     mean over (A, P) of max(d²(A, P) − d²(A, N) + α, 0) + ½ λ |W − I|²,   d² between W x / |W x|
 */
import { toUnitLength } from "../lib/embed/distance";

/**
 * Which N an anchor and its positive get: "hard" is the nearest face of anybody else, "semi-hard" the nearest that is
 * farther than P (FaceNet, 3.2; there within a batch, here of all).
 */
export type Mining = "semi-hard" | "hard";

export interface Learning {
  mining: Mining;
  /** α, of squared distances at length 1. */
  margin: number;
  /** λ: how strongly the map is held near the identity. */
  hold: number;
  /** Steps of gradient descent, each over all pairs. */
  steps?: number;
}

export interface Projection {
  /** W, row after row. */
  weights: Float32Array;
  dimensions: number;
  /** Mean triplet loss before the first step and after the last. */
  loss: { before: number; after: number };
}

/** FaceNet's α. */
export const MARGIN = 0.2;
/** Gradient descent with momentum. */
const STEPS = 150;
const RATE = 0.5;
const MOMENTUM = 0.9;

/** The embedding mapped, at length 1. */
export function project({ weights, dimensions }: Projection, vector: Float32Array): Float32Array {
  return toUnitLength(times(weights, vector, dimensions));
}

function times(weights: Float32Array, vector: Float32Array, dimensions: number): Float32Array {
  const product = new Float32Array(dimensions);
  for (let row = 0; row < dimensions; row += 1) product[row] = dot(weights, row * dimensions, vector, dimensions);
  return product;
}

/** @param from where a begins */
function dot(a: Float32Array, from: number, b: Float32Array, length: number): number {
  let sum = 0;
  for (let axis = 0; axis < length; axis += 1) sum += (a[from + axis] as number) * (b[axis] as number);
  return sum;
}

function identity(dimensions: number): Float32Array {
  return new Float32Array(dimensions ** 2).map((_, index) => (index % (dimensions + 1) === 0 ? 1 : 0));
}

/**
 * @param people the embeddings of each person, of any length but 0; two people at least, one of them with two
 * @throws Error when there is no triplet
 */
export function learnProjection(
  people: readonly (readonly Float32Array[])[],
  { mining, margin, hold, steps = STEPS }: Learning,
): Projection {
  const owners = people.flatMap((own, owner) => own.map(() => owner));
  const inputs = people.flat().map(toUnitLength);
  const dimensions = inputs[0]?.length ?? 0;
  const paired = owners.some((owner, index) => owners[index - 1] === owner);
  if (!paired || new Set(owners).size < 2) {
    throw new Error("there is no triplet: it takes two photos of one person and one of another.");
  }
  const start = identity(dimensions);
  const weights = start.slice();
  const speed = new Float32Array(weights.length);
  let before = Number.NaN;
  for (let step = 0; step < steps; step += 1) {
    const { loss, gradient } = lossOf(weights, inputs, owners, { mining, margin });
    if (step === 0) before = loss;
    for (let index = 0; index < weights.length; index += 1) {
      const pull = (gradient[index] as number) + hold * ((weights[index] as number) - (start[index] as number));
      // The step is shorter where λ is large, or it would overshoot.
      speed[index] = MOMENTUM * (speed[index] as number) - (RATE / (1 + RATE * hold)) * pull;
      weights[index] = (weights[index] as number) + (speed[index] as number);
    }
  }
  const after = lossOf(weights, inputs, owners, { mining, margin }).loss;
  return { weights, dimensions, loss: { before, after } };
}

/** Mean triplet loss over all anchors and positives, and its gradient by W. @param inputs each of length 1 */
export function lossOf(
  weights: Float32Array,
  inputs: readonly Float32Array[],
  owners: readonly number[],
  { mining, margin }: Pick<Learning, "mining" | "margin">,
): { loss: number; gradient: Float32Array } {
  const dimensions = inputs[0]?.length ?? 0;
  const mapped = inputs.map((input) => times(weights, input, dimensions));
  const units = mapped.map(toUnitLength);
  const pulls = units.map(() => new Float32Array(dimensions));
  const far = new Float32Array(units.length);
  let [sum, pairs] = [0, 0];
  for (const [anchor, owner] of owners.entries()) {
    const unit = units[anchor] as Float32Array;
    for (const [other, there] of units.entries()) far[other] = 2 - 2 * dot(unit, 0, there, dimensions);
    for (const [positive, whose] of owners.entries()) {
      if (whose !== owner || positive === anchor) continue;
      pairs += 1;
      const near = far[positive] as number;
      const negative = nearestOther(far, owners, owner, mining === "hard" ? -Infinity : near);
      const loss = negative < 0 ? 0 : near - (far[negative] as number) + margin;
      if (loss <= 0) continue;
      sum += loss;
      // Of d² = 2 − 2 a·b at length 1.
      move(pulls[anchor] as Float32Array, units[negative], units[positive]);
      move(pulls[positive] as Float32Array, undefined, unit);
      move(pulls[negative] as Float32Array, unit, undefined);
    }
  }
  return { loss: sum / pairs, gradient: gradientOf(inputs, mapped, units, pulls, pairs) };
}

/** The nearest face of somebody else beyond a distance; −1 where there is none. */
function nearestOther(far: Float32Array, owners: readonly number[], owner: number, beyond: number): number {
  let [nearest, least] = [-1, Infinity];
  for (const [other, whose] of owners.entries()) {
    const distance = far[other] as number;
    if (whose === owner || distance <= beyond || distance >= least) continue;
    [nearest, least] = [other, distance];
  }
  return nearest;
}

function move(pull: Float32Array, more: Float32Array | undefined, less: Float32Array | undefined): void {
  for (let axis = 0; axis < pull.length; axis += 1) {
    pull[axis] = (pull[axis] as number) + 2 * ((more?.[axis] ?? 0) - (less?.[axis] ?? 0));
  }
}

/** Through y = z / |z| and z = W x. */
function gradientOf(
  inputs: readonly Float32Array[],
  mapped: readonly Float32Array[],
  units: readonly Float32Array[],
  pulls: readonly Float32Array[],
  pairs: number,
): Float32Array {
  const dimensions = inputs[0]?.length ?? 0;
  const gradient = new Float32Array(dimensions ** 2);
  for (const [index, input] of inputs.entries()) {
    const [unit, pull] = [units[index] as Float32Array, pulls[index] as Float32Array];
    const along = dot(unit, 0, pull, dimensions);
    const scale = 1 / (pairs * Math.hypot(...(mapped[index] as Float32Array)));
    for (let row = 0; row < dimensions; row += 1) {
      const part = scale * ((pull[row] as number) - along * (unit[row] as number));
      if (part === 0) continue;
      const from = row * dimensions;
      for (let axis = 0; axis < dimensions; axis += 1) {
        gradient[from + axis] = (gradient[from + axis] as number) + part * (input[axis] as number);
      }
    }
  }
  return gradient;
}
