import type { Quality } from "../message";

/** A mean is not moved less than by one part in so many good frames: what is seen now counts. */
const MOST_WEIGHT = 12;

/** How much an embedding counts, over 0 and at most 1; in full where nobody measured the face, or what is said is no such number. */
export function weightOf(quality: Pick<Quality, "weight"> | undefined): number {
  const weight = quality?.weight;
  return typeof weight === "number" && weight > 0 && weight <= 1 ? weight : 1;
}

/** The weighted mean of embeddings of one person. */
export class Template {
  readonly mean: Float32Array;
  readonly count: number;
  readonly #weight: number;

  private constructor(mean: Float32Array, count: number, weight: number) {
    this.mean = mean;
    this.count = count;
    this.#weight = weight;
  }

  static of(embedding: Float32Array, weight: number): Template {
    return new Template(embedding, 1, weight);
  }

  with(embedding: Float32Array, weight: number): Template {
    const share = weight / (this.#weight + weight);
    return new Template(this.mean.map((value, index) => value + share * ((embedding[index] as number) - value)), this.count + 1, Math.min(MOST_WEIGHT, this.#weight + weight));
  }
}
