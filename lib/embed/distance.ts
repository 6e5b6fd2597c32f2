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
