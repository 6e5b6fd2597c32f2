/** Distances of all pairs of photos, or of as many as can be waited for. Pure; runs in a worker. */
import { binOf, type Histogram, MAX_BINS, seeded, trimmed } from "./statistics";

export interface MeasureTask {
  /** Embeddings one after the other, those of one person together. */
  vectors: Float32Array;
  dimensions: number;
  /** For each embedding the index of its person, ascending. */
  people: Int32Array;
  /** For each embedding the index of its photo: two of one photo are not compared. */
  photos: Int32Array;
  /** τ. */
  threshold: number;
  /** Up to so many pairs all impostor distances are measured, else so many are drawn. */
  maxPairs: number;
  seed: number;
  /** How many pairs of people and outliers to name, at most. */
  maxNearest: number;
  maxOutliers: number;
}

/** Two rows. */
export interface RowPair {
  a: number;
  b: number;
  distance: number;
}

export interface RowOutlier {
  row: number;
  own: number;
  other: { row: number; distance: number } | null;
}

export interface Measured {
  genuine: Histogram;
  impostor: Histogram;
  /** How many pairs are at or below τ. */
  genuineMatches: number;
  impostorMatches: number;
  /** How many impostor pairs there are; more than in the histogram when they were drawn. */
  impostorPairs: number;
  /** Pairs of people, nearest first, each once. */
  nearest: RowPair[];
  /** The worst first. */
  outliers: RowOutlier[];
  outlierCount: number;
}

/** Dimensions between two looks at whether a distance can still be small enough. */
const STRIDE = 16;

/** Squared distance of two rows; stops once it is beyond the limit, and is then merely beyond it. */
function squared(vectors: Float32Array, dimensions: number, a: number, b: number, limit: number): number {
  let total = 0;
  for (let from = 0; from < dimensions && total <= limit; from += STRIDE) {
    const to = Math.min(from + STRIDE, dimensions);
    for (let index = from; index < to; index += 1) {
      const difference = (vectors[a * dimensions + index] as number) - (vectors[b * dimensions + index] as number);
      total += difference * difference;
    }
  }
  return total;
}

/** The nearest pairs of people seen so far. A pair once pushed out comes back only with a nearer photo, so the result is exact. */
class NearestPeople {
  readonly #count: number;
  readonly #pairs: { key: string; a: number; b: number; square: number }[] = [];
  /** A pair must be nearer than this. */
  limit = Infinity;

  constructor(count: number) {
    this.#count = count;
  }

  offer(people: Int32Array, a: number, b: number, square: number): void {
    const key = `${Math.min(people[a] as number, people[b] as number)} ${Math.max(people[a] as number, people[b] as number)}`;
    const known = this.#pairs.findIndex((pair) => pair.key === key);
    if (known >= 0) {
      if ((this.#pairs[known] as { square: number }).square <= square) return;
      this.#pairs.splice(known, 1);
    }
    this.#pairs.push({ key, a, b, square });
    this.#pairs.sort((first, second) => first.square - second.square);
    this.#pairs.length = Math.min(this.#pairs.length, this.#count);
    if (this.#pairs.length === this.#count) this.limit = this.#pairs.at(-1)?.square ?? Infinity;
  }

  get pairs(): RowPair[] {
    return this.#pairs.map(({ a, b, square }) => ({ a, b, distance: Math.sqrt(square) }));
  }
}

/** Counts distances by bin, and those at or below τ. */
class Counter {
  readonly counts = new Float64Array(MAX_BINS);
  matches = 0;
  readonly #threshold: number;

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  add(square: number): void {
    const distance = Math.sqrt(square);
    const bin = binOf(distance);
    this.counts[bin] = (this.counts[bin] as number) + 1;
    if (distance <= this.#threshold) this.matches += 1;
  }
}

export function measure({ vectors, dimensions, people, photos, threshold, maxPairs, seed, maxNearest, maxOutliers }: MeasureTask): Measured {
  const rows = people.length;
  const genuine = new Counter(threshold);
  const impostor = new Counter(threshold);
  /** Squared distance to the nearest photo of the same person; 0 where there is none, so that nobody is nearer. */
  const own = new Float64Array(rows);
  for (let from = 0, to = 0; from < rows; from = to) {
    while (to < rows && people[to] === people[from]) to += 1;
    for (let a = from; a < to; a += 1) own[a] = Infinity;
    for (let a = from; a < to; a += 1) {
      for (let b = from; b < a; b += 1) {
        if (photos[a] === photos[b]) continue;
        const square = squared(vectors, dimensions, a, b, Infinity);
        genuine.add(square);
        if (square < (own[a] as number)) own[a] = square;
        if (square < (own[b] as number)) own[b] = square;
      }
    }
    for (let a = from; a < to; a += 1) if (own[a] === Infinity) own[a] = 0;
  }

  const all = (rows * (rows - 1)) / 2 <= maxPairs;
  const nearest = new NearestPeople(maxNearest);
  const other = new Int32Array(rows).fill(-1);
  /** Squared distance to `other`. */
  const bound = own.slice();
  let impostorPairs = 0;
  for (let a = 0; a < rows; a += 1) {
    for (let b = 0; b < a; b += 1) {
      if (people[a] === people[b] || photos[a] === photos[b]) continue;
      impostorPairs += 1;
      const square = squared(vectors, dimensions, a, b, all ? Infinity : Math.max(nearest.limit, bound[a] as number, bound[b] as number));
      if (all) impostor.add(square);
      if (square < nearest.limit) nearest.offer(people, a, b, square);
      if (square < (bound[a] as number)) [bound[a], other[a]] = [square, b];
      if (square < (bound[b] as number)) [bound[b], other[b]] = [square, a];
    }
  }
  if (!all) {
    const random = seeded(seed);
    for (let drawn = 0; drawn < maxPairs; drawn += 1) {
      const [a, b] = [Math.floor(random() * rows), Math.floor(random() * rows)];
      if (people[a] !== people[b] && photos[a] !== photos[b]) impostor.add(squared(vectors, dimensions, a, b, Infinity));
    }
  }
  const outliers = findOutliers(own, bound, other, threshold);
  return { genuine: trimmed(genuine.counts), impostor: trimmed(impostor.counts), genuineMatches: genuine.matches, impostorMatches: impostor.matches, impostorPairs, nearest: nearest.pairs, outliers: outliers.slice(0, maxOutliers), outlierCount: outliers.length };
}

/** The worst first: how much farther her own photos are than they may be. */
function findOutliers(own: Float64Array, bound: Float64Array, other: Int32Array, threshold: number): RowOutlier[] {
  const outliers: (RowOutlier & { excess: number })[] = [];
  own.forEach((square, row) => {
    const distance = Math.sqrt(square);
    const near = (other[row] as number) >= 0 ? { row: other[row] as number, distance: Math.sqrt(bound[row] as number) } : null;
    if (near !== null || distance > threshold) outliers.push({ row, own: distance, other: near, excess: distance - Math.min(threshold, near?.distance ?? Infinity) });
  });
  return outliers.sort((a, b) => b.excess - a.excess).map(({ row, own: distance, other: near }) => ({ row, own: distance, other: near }));
}
