/** Euclidean distances of all pairs of photos, or of as many as can be waited for. Pure; runs in a worker. */
import { squaredUpTo } from "../embed/distance";
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
  /** Where the first bin of both histograms begins. */
  from: number;
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

/** Squared Euclidean distance of two rows; stops once it is beyond the limit, and is then merely beyond it. */
export function squared(vectors: Float32Array, dimensions: number, a: number, b: number, limit: number): number {
  return squaredUpTo(limit, vectors, a * dimensions, vectors, b * dimensions, dimensions);
}

/**
 * The nearest pairs of people seen so far. A pair once pushed out comes back only with a nearer photo: it is exact.
 */
export class NearestPeople {
  readonly #count: number;
  readonly #pairs: (RowPair & { key: string })[] = [];
  /** A pair must be nearer than this. */
  limit = Infinity;

  constructor(count: number) {
    this.#count = count;
  }

  /** @param pair of rows @param first the person of `a` @param second that of `b` */
  offer(pair: RowPair, first: number, second: number): void {
    const key = `${Math.min(first, second)} ${Math.max(first, second)}`;
    const known = this.#pairs.findIndex((each) => each.key === key);
    if (known >= 0) {
      if ((this.#pairs[known] as RowPair).distance <= pair.distance) return;
      this.#pairs.splice(known, 1);
    }
    this.#pairs.push({ ...pair, key });
    this.#pairs.sort((one, other) => one.distance - other.distance);
    this.#pairs.length = Math.min(this.#pairs.length, this.#count);
    if (this.#pairs.length === this.#count) this.limit = this.#pairs.at(-1)?.distance ?? Infinity;
  }

  get pairs(): RowPair[] {
    return this.#pairs.map(({ a, b, distance }) => ({ a, b, distance }));
  }
}

/** Counts distances by bin, and those at or below τ. */
export class Counter {
  readonly counts = new Float64Array(MAX_BINS);
  matches = 0;
  readonly #threshold: number;
  readonly #from: number;

  /** @param from where the first bin begins */
  constructor(threshold: number, from: number) {
    this.#threshold = threshold;
    this.#from = from;
  }

  add(distance: number): void {
    const bin = binOf(distance, this.#from);
    this.counts[bin] = (this.counts[bin] as number) + 1;
    if (distance <= this.#threshold) this.matches += 1;
  }
}

export function measure({
  vectors,
  dimensions,
  people,
  photos,
  threshold,
  maxPairs,
  seed,
  maxNearest,
  maxOutliers,
}: MeasureTask): Measured {
  const rows = people.length;
  const [genuine, impostor] = [new Counter(threshold, 0), new Counter(threshold, 0)];
  /** Squared distance to the nearest photo of the same person; 0 where there is none, so that nobody is nearer. */
  const own = new Float64Array(rows);
  for (let from = 0, to = 0; from < rows; from = to) {
    while (to < rows && people[to] === people[from]) to += 1;
    for (let a = from; a < to; a += 1) own[a] = Infinity;
    for (let a = from; a < to; a += 1) {
      for (let b = from; b < a; b += 1) {
        if (photos[a] === photos[b]) continue;
        const square = squared(vectors, dimensions, a, b, Infinity);
        genuine.add(Math.sqrt(square));
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
      const limit = all ? Infinity : Math.max(nearest.limit ** 2, bound[a] as number, bound[b] as number);
      const square = squared(vectors, dimensions, a, b, limit);
      const distance = Math.sqrt(square);
      if (all) impostor.add(distance);
      if (distance < nearest.limit) nearest.offer({ a, b, distance }, people[a] as number, people[b] as number);
      if (square < (bound[a] as number)) [bound[a], other[a]] = [square, b];
      if (square < (bound[b] as number)) [bound[b], other[b]] = [square, a];
    }
  }
  if (!all) {
    const random = seeded(seed);
    for (let drawn = 0; drawn < maxPairs; drawn += 1) {
      const [a, b] = [Math.floor(random() * rows), Math.floor(random() * rows)];
      if (people[a] !== people[b] && photos[a] !== photos[b])
        impostor.add(Math.sqrt(squared(vectors, dimensions, a, b, Infinity)));
    }
  }
  const outliers = findOutliers(own.map(Math.sqrt), bound.map(Math.sqrt), other, threshold);
  return {
    from: 0,
    genuine: trimmed(genuine.counts),
    impostor: trimmed(impostor.counts),
    genuineMatches: genuine.matches,
    impostorMatches: impostor.matches,
    impostorPairs,
    nearest: nearest.pairs,
    outliers: outliers.slice(0, maxOutliers),
    outlierCount: outliers.length,
  };
}

/**
 * The worst first: how much farther their own photos are than they may be.
 * @param own distance of each row to the others of its person; not above any where there is none
 * @param bound distance to `other`, a row of somebody else that is nearer, or −1
 */
export function findOutliers(
  own: Float64Array,
  bound: Float64Array,
  other: Int32Array,
  threshold: number,
): RowOutlier[] {
  const outliers: (RowOutlier & { excess: number })[] = [];
  own.forEach((distance, row) => {
    const near = (other[row] as number) < 0 ? null : { row: other[row] as number, distance: bound[row] as number };
    const excess = distance - Math.min(threshold, near?.distance ?? Infinity);
    if (near !== null || distance > threshold) outliers.push({ row, own: distance, other: near, excess });
  });
  return outliers
    .sort((a, b) => b.excess - a.excess)
    .map(({ row, own: distance, other: near }) => ({ row, own: distance, other: near }));
}
