/**
 * The exact scan over a part of the embeddings; runs on the main thread for small galleries and in workers for large
 * ones.
 */

import { squaredUpTo } from "../embed/distance";

/** The distance of a person: that of the nearest of their embeddings, each less its bias. */
export interface Hit {
  owner: number;
  distance: number;
}

/** A part of the embeddings in memory that all threads share. */
export interface Chunk {
  /** rows × dimensions values, one embedding after the other. */
  values: Float32Array;
  /** For each row whose it is; FREE is nobody's. */
  owners: Int32Array;
  /** For each row what is taken off its distance; without it nothing is. */
  biases?: Float32Array;
  /** Rows in use, free ones among them included. */
  rows: number;
  /** Handle of its first row, in an index. */
  first?: number;
}

export const FREE = -1;

/**
 * Rows of a whole chunk: 33 MB with 128 dimensions. Memory grows by a chunk at a time, so that nothing is ever copied.
 */
export const CHUNK_ROWS = 65_536;

/** What rounding may lose between a distance and its square. */
const SLACK = 1 + 1e-12;

/**
 * The square that a distance must not exceed, for it less its bias to be at most `worst`; below 0 where none is so
 * small.
 */
function squareWithin(worst: number, bias: number): number {
  const most = worst + bias;
  return most < 0 ? -1 : most * most * SLACK;
}

/**
 * The `count` nearest owners of some chunks by distance less bias, nearest first, at one distance the lower owner.
 * Exact: a row is
 * left early only when what was summed up of its squared distance already exceeds what would put it among the nearest.
 */
export function scan(chunks: readonly Chunk[], probe: Float32Array, count: number): Hit[] {
  const dimensions = probe.length;
  const best: Hit[] = [];
  let worst = Infinity;
  let reach = Infinity;
  for (const { values, owners, biases, rows } of chunks) {
    if (biases === undefined) reach = squareWithin(worst, 0);
    for (let row = 0, at = 0; row < rows; row += 1, at += dimensions) {
      const owner = owners[row] as number;
      if (owner === FREE) continue;
      const bias = biases === undefined ? 0 : (biases[row] as number);
      if (biases !== undefined) reach = squareWithin(worst, bias);
      const sum = squaredUpTo(reach, probe, 0, values, at, dimensions);
      // Not the other way round: an embedding that holds a NaN is near to nobody.
      if (sum <= reach) {
        const distance = Math.sqrt(sum) - bias;
        if (distance <= worst) {
          worst = insert(best, { owner, distance }, count);
          if (biases === undefined) reach = squareWithin(worst, 0);
        }
      }
    }
  }
  return best;
}

/** The nearest by distance less bias, and the nearest by distance alone. */
export interface Both {
  biased: Hit[];
  plain: Hit[];
}

/** Passes over rows that need not be looked at. */
export interface Sieve {
  /**
   * @param first handle of the row from which on it looks @param end … and where it ends, in the same chunk
   * @param worst the distance less bias that a row must not exceed … @param worstPlain … or its distance alone
   * @returns the first that may be so near; `end` where there is none
   */
  next(first: number, end: number, worst: number, worstPlain: number): number;
}

/**
 * As `scan`, and in the same pass the `plainCount` nearest owners by distance alone.
 * @param sieve where there is one: it passes over no row that would be taken, so that the same are found
 */
export function scanBoth(
  chunks: readonly Chunk[],
  probe: Float32Array,
  count: number,
  plainCount: number,
  sieve?: Sieve,
): Both {
  const dimensions = probe.length;
  const [biased, plain]: [Hit[], Hit[]] = [[], []];
  let worst = Infinity;
  let worstPlain = plainCount === 0 ? -1 : Infinity;
  let reachPlain = worstPlain;
  for (const { values, owners, biases, rows, first = 0 } of chunks) {
    for (let row = 0; row < rows; row += 1) {
      if (sieve !== undefined) {
        row = sieve.next(first + row, first + rows, worst, worstPlain) - first;
        if (row === rows) break;
      }
      const owner = owners[row] as number;
      if (owner === FREE) continue;
      const bias = biases === undefined ? 0 : (biases[row] as number);
      const reach = Math.max(squareWithin(worst, bias), reachPlain);
      const sum = squaredUpTo(reach, probe, 0, values, row * dimensions, dimensions);
      if (!(sum <= reach)) continue;
      const distance = Math.sqrt(sum);
      if (distance - bias <= worst) worst = insert(biased, { owner, distance: distance - bias }, count);
      if (distance <= worstPlain) {
        worstPlain = insert(plain, { owner, distance }, plainCount);
        reachPlain = squareWithin(worstPlain, 0);
      }
    }
  }
  return { biased, plain };
}

/** The nearest of several scans over different rows. */
export function merge(parts: readonly (readonly Hit[])[], count: number): Hit[] {
  const best: Hit[] = [];
  for (const part of parts) for (const hit of part) insert(best, hit, count);
  return best;
}

/** Put a hit in its place, each owner once. @returns the distance beyond which nothing is among the `count` nearest */
function insert(best: Hit[], hit: Hit, count: number): number {
  const known = best.findIndex(({ owner }) => owner === hit.owner);
  if (known >= 0) {
    if ((best[known] as Hit).distance <= hit.distance) return limit(best, count);
    best.splice(known, 1);
  }
  let place = best.length;
  while (place > 0 && isBefore(hit, best[place - 1] as Hit)) place -= 1;
  best.splice(place, 0, hit);
  if (best.length > count) best.length = count;
  return limit(best, count);
}

function limit(best: readonly Hit[], count: number): number {
  return best.length < count ? Infinity : (best[count - 1] as Hit).distance;
}

function isBefore(a: Hit, b: Hit): boolean {
  return a.distance < b.distance || (a.distance === b.distance && a.owner < b.owner);
}
