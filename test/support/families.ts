/** Embeddings of people who look alike, and of people who do not. */
import { seeded } from "../../lib/calibrate/statistics";
import { toUnitLength } from "../../lib/embed/distance";

/** So many of each family. */
const SIBLINGS = 4;

/** Draws embeddings of length 1. */
export class Faces {
  readonly #random: () => number;

  constructor(
    readonly dimensions: number,
    seed: number,
  ) {
    this.#random = seeded(seed);
  }

  anybody(): Float32Array {
    const random = this.#random;
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return toUnitLength(Float32Array.from({ length: this.dimensions }, normal));
  }

  /** Somebody whose embedding has this cosine to another, or to the middle of several. */
  like(others: readonly Float32Array[], cosine: number): Float32Array {
    const sum = Float32Array.from({ length: this.dimensions }, (_, axis) =>
      others.reduce((total, other) => total + (other[axis] as number), 0),
    );
    const noise = this.anybody();
    return toUnitLength(
      toUnitLength(sum).map((value, axis) => cosine * value + Math.sqrt(1 - cosine ** 2) * (noise[axis] as number)),
    );
  }

  /** Four people of each, who look alike as brothers and sisters may. */
  families(number: number): Float32Array[] {
    return Array.from({ length: number }, () => {
      const parent = this.anybody();
      return Array.from({ length: SIBLINGS }, () => this.like([parent], 0.75));
    }).flat();
  }
}
