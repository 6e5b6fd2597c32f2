/** The metric of the embeddings, and the loss that shaped them. */
import { UserError } from "../errors";

/**
 * d(a, b) = √Σ(aᵢ − bᵢ)².
 * @throws a sentence when the vectors differ in length or hold no numbers
 */
export function euclideanDistance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new UserError("embed.otherDimensions", { length: a.length, other: b.length });
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] as number) - (b[index] as number);
    sum += difference * difference;
  }
  if (Number.isNaN(sum)) throw new UserError("embed.notANumber");
  return Math.sqrt(sum);
}

/** Whether it still matters is asked after every so many dimensions. */
const STRIDE = 32;

/**
 * d² of two rows of `dimensions` numbers, which begin at a place each; or what was summed up of it until it exceeded
 * `limit`: then it is merely beyond that.
 */
export function squaredUpTo(
  limit: number,
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  dimensions: number,
): number {
  let sum = 0;
  let index = 0;
  for (; index + STRIDE <= dimensions && sum <= limit; index += STRIDE) sum += stride(a, atA + index, b, atB + index);
  for (; index < dimensions && sum <= limit; index += 1) {
    const difference = (a[atA + index] as number) - (b[atB + index] as number);
    sum += difference * difference;
  }
  return sum;
}

/**
 * Squared distance over STRIDE dimensions; four sums at a time keep the processor's units busy.
 * Not `[first, second, third, fourth] = [0, 0, 0, 0]`: it reads better, and more than doubles the time of a search.
 */
function stride(a: Float32Array, from: number, b: Float32Array, at: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let index = 0; index < STRIDE; index += 4) {
    const d0 = (a[from + index] as number) - (b[at + index] as number);
    const d1 = (a[from + index + 1] as number) - (b[at + index + 1] as number);
    const d2 = (a[from + index + 2] as number) - (b[at + index + 2] as number);
    const d3 = (a[from + index + 3] as number) - (b[at + index + 3] as number);
    first += d0 * d0;
    second += d1 * d1;
    third += d2 * d2;
    fourth += d3 * d3;
  }
  return first + second + (third + fourth);
}

/** a · b, of which b may begin at a place in many rows. */
export function dotOf(a: Float32Array, b: Float32Array, at = 0): number {
  let sum = 0;
  for (let axis = 0; axis < a.length; axis += 1) sum += (a[axis] as number) * (b[at + axis] as number);
  return sum;
}

/** The vector scaled to length 1; one of length 0 as it is. */
export function toUnitLength(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : vector;
}

/**
 * Triplet loss max(d²(A, P) − d²(A, N) + α, 0) of an anchor, a positive (the same person) and a negative (another one)
 * (Schroff, Kalenichenko, Philbin 2015, FaceNet, eq. 2; there α = 0.2). A siamese network is trained until it is 0 for
 * most triplets.
 */
export function tripletLoss(
  anchor: Float32Array,
  positive: Float32Array,
  negative: Float32Array,
  alpha = 0.2,
): number {
  return Math.max(euclideanDistance(anchor, positive) ** 2 - euclideanDistance(anchor, negative) ** 2 + alpha, 0);
}
