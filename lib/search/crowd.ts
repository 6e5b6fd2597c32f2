/** How crowded the place is where an embedding lies: R(x), see lib/embed/normalise. */
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { type Chunk, FREE, type Hit, merge, scan } from "./scan";

/**
 * Rows of a crowd that are nobody's in the gallery; each is an owner of its own, below FREE, so that none is taken for
 * a person.
 */
export function nobodies(rows: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(rows * Int32Array.BYTES_PER_ELEMENT)).map((_, row) => FREE - 1 - row);
}

/** Nearest first; one more than R is the mean of, so that the person whom a probe is compared with can be left out. */
export function neighboursOf(crowd: Chunk, embedding: Float32Array): Hit[] {
  return scan([crowd], embedding, NEIGHBOURS + 1);
}

/** The nearest of a crowd and of others, whose nearest are known already. */
export function nearestOf(crowd: readonly Hit[], others: readonly Hit[]): Hit[] {
  return merge([crowd, others], NEIGHBOURS + 1);
}

/** R of an embedding. @param except the owner who is left out @param mean where there is nobody else: R0 */
export function crowding(neighbours: readonly Hit[], except: number, mean: number): number {
  const others = neighbours.filter(({ owner }) => owner !== except).slice(0, NEIGHBOURS);
  return others.length === 0 ? mean : others.reduce((sum, { distance }) => sum + distance, 0) / others.length;
}

/** ½ R by a cohort alone, of an embedding at length 1. */
export function halfBy({ rows, dimensions, mean }: Normalisation): (unit: Float32Array) => number {
  const crowd: Chunk = { values: rows, owners: nobodies(rows.length / dimensions), rows: rows.length / dimensions };
  return (unit) => crowding(neighboursOf(crowd, unit), FREE, mean) / 2;
}

/** Distance of two embeddings of one model. */
export type Measure = (a: Float32Array, b: Float32Array) => number;

/**
 * How far two faces are apart that are not both in the gallery: d' with the built-in cohort alone, else the Euclidean
 * distance.
 * R of each embedding is kept as long as the embedding is.
 */
export function measureOf(normalisation: Normalisation | undefined): Measure {
  if (normalisation === undefined) return euclideanDistance;
  const { mean } = normalisation;
  const halfOf = halfBy(normalisation);
  const known = new WeakMap<Float32Array, { unit: Float32Array; half: number }>();
  const lookUp = (embedding: Float32Array): { unit: Float32Array; half: number } => {
    const before = known.get(embedding);
    if (before !== undefined) return before;
    const unit = toUnitLength(embedding);
    const found = { unit, half: halfOf(unit) };
    known.set(embedding, found);
    return found;
  };
  return (a, b) => {
    const [one, other] = [lookUp(a), lookUp(b)];
    return euclideanDistance(one.unit, other.unit) - one.half - other.half + mean;
  };
}
