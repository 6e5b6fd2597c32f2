import type { Quality } from "../message";

/** A mean is not moved less than by one part in so many good frames: what is seen now counts. */
const MOST_WEIGHT = 12;

/**
 * How much an embedding counts, over 0 and at most 1; in full where nobody measured the face, or what is said is no
 * such number.
 */
export function weightOf(quality: Pick<Quality, "weight"> | undefined): number {
  const weight = quality?.weight;
  return typeof weight === "number" && weight > 0 && weight <= 1 ? weight : 1;
}

/** The weighted mean of embeddings of one person. */
export class Template {
  readonly mean: Float32Array;
  readonly count: number;
  /** Weight of the clearest of them. */
  readonly best: number;
  readonly #weight: number;

  private constructor(mean: Float32Array, { count, best, weight }: { count: number; best: number; weight: number }) {
    this.mean = mean;
    this.count = count;
    this.best = best;
    this.#weight = weight;
  }

  static of(embedding: Float32Array, weight: number): Template {
    return new Template(embedding, { count: 1, best: weight, weight });
  }

  with(embedding: Float32Array, weight: number): Template {
    const share = weight / (this.#weight + weight);
    const mean = this.mean.map((value, index) => value + share * ((embedding[index] as number) - value));
    return new Template(mean, {
      count: this.count + 1,
      best: Math.max(this.best, weight),
      weight: Math.min(MOST_WEIGHT, this.#weight + weight),
    });
  }
}
