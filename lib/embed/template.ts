import type { Quality } from "../message";

/** A mean is not moved less than by one part in so many good frames: what is seen now counts. */
const MOST_WEIGHT = 12;

/** Distance between the eyes from which more pixels tell nothing more: the chip's eyes are about that far apart. */
const FULL_SIZE = 60;
/** Sharpness from which a chip counts in full. */
const FULL_SHARPNESS = 60;

/** How much an embedding counts, 0..1: by size, sharpness and how frontal the face is. */
export function weightOf(quality: Quality | undefined): number {
  if (quality === undefined) return 1;
  const { size, blur, pose } = quality;
  const frontal = Math.max(0.1, Math.cos((pose.yaw * Math.PI) / 180) * Math.cos((pose.pitch * Math.PI) / 180));
  return Math.max(0.05, Math.min(1, size / FULL_SIZE) * Math.min(1, blur / FULL_SHARPNESS) * frontal);
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
