/** Rates, their bounds and histograms of distances; the benchmarks stand on them too. */
import type { RatePoint, Share } from "./figures";

export type { RatePoint, Share };

/** Two-sided 95 % of the normal distribution. */
const Z = 1.96;
/**
 * So many trials without a hit, and with 95 % confidence the rate is at most 3 in them (rule of three: Hanley &
 * Lippman-Hand 1983, JAMA 249).
 */
const RULE_OF_THREE = 3;

/** A share with Wilson's interval (Wilson 1927), which holds near 0 and 1 too. */
export function wilson(hits: number, total: number): Share {
  if (total === 0) return { hits, total, share: Number.NaN, low: 0, high: 1 };
  const share = hits / total;
  const centre = (share + (Z * Z) / (2 * total)) / (1 + (Z * Z) / total);
  const half = (Z / (1 + (Z * Z) / total)) * Math.sqrt((share * (1 - share)) / total + (Z * Z) / (4 * total * total));
  return { hits, total, share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * An error rate with its 95 % bounds: Wilson's, and the rule of three where no error was seen, or nothing but errors.
 * Pairs count as
 * independent; those of one person go together, so with few people the truth may lie farther out.
 * @returns null without trials: of nothing no rate is known
 */
export function errorRate(errors: number, trials: number): Share | null {
  if (trials === 0) return null;
  const rate = wilson(errors, trials);
  if (errors === 0) return { ...rate, low: 0, high: smallestRate(trials) };
  return errors === trials ? { ...rate, low: 1 - smallestRate(trials), high: 1 } : rate;
}

/** The least rate that so many trials can support: what may still be the truth when none of them is an error. */
export function smallestRate(trials: number): number {
  return Math.min(1, RULE_OF_THREE / trials);
}

/** How many trials without an error it takes to support a rate. */
export function trialsFor(rate: number): number {
  // 3 / 0.0001 must not become 30,001 by a rounding.
  return Math.ceil(RULE_OF_THREE / rate - 1e-6);
}

/**
 * False-positive identification rate: how often a stranger matches anybody among N enrolled, 1 − (1 − FMR)^N.
 * Comparisons count as
 * independent (ISO/IEC 19795-1; Grother & Phillips 2004, Models of large population recognition performance, CVPR).
 */
export function identificationRate(fmr: number, size: number): number {
  if (size === 0) return 0;
  // Not 1 − (1 − FMR)^N, which loses the digits of a small rate.
  return -Math.expm1(size * Math.log1p(-fmr));
}

/** Seeded numbers in [0, 1), so that a draw can be repeated (mulberry32, Tommy Ettinger 2017, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const all = [...values];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other] as T, all[last] as T];
  }
  return all;
}

/** How many of an ascending list are at or below the bound. */
export function countAtMost(ascending: Float32Array, bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Width of a histogram's bin, a distance. */
export const BIN_WIDTH = 0.01;
/** Distances beyond BIN_WIDTH times this, the largest τ there can be, fall into the last bin. */
export const MAX_BINS = 10_000;

/**
 * How many distances lie in (from + index × BIN_WIDTH, from + (index + 1) × BIN_WIDTH]; the first bin has `from` as
 * well. Euclidean
 * distances begin at 0; d' may be below.
 */
export type Histogram = number[];

/** @param from where the first bin begins; what lies below falls into it */
export function binOf(distance: number, from = 0): number {
  // A distance on an edge belongs below it, also where the division misses it by a rounding.
  return Math.min(MAX_BINS - 1, Math.max(0, Math.ceil((distance - from) / BIN_WIDTH - 1e-9) - 1));
}

/** τ at the upper edge of a bin. */
export function edgeOf(bin: number, from = 0): number {
  return Math.round((from + (bin + 1) * BIN_WIDTH) * 1e6) / 1e6;
}

/** A histogram without the empty bins behind the last full one. */
export function trimmed(counts: ArrayLike<number>): Histogram {
  let length = counts.length;
  while (length > 0 && counts[length - 1] === 0) length -= 1;
  return Array.from({ length }, (_, bin) => counts[bin] as number);
}

/** FMR and FNMR at τ on each edge of the bins, from where the first begins to where both histograms end. */
export function rateCurve(genuine: Histogram, impostor: Histogram, from = 0): RatePoint[] {
  const [genuines, impostors] = [sum(genuine), sum(impostor)];
  let [matched, falses] = [0, 0];
  const points: RatePoint[] = [{ threshold: from, fmr: errorRate(0, impostors), fnmr: errorRate(genuines, genuines) }];
  for (let bin = 0; bin < Math.max(genuine.length, impostor.length); bin += 1) {
    matched += genuine[bin] ?? 0;
    falses += impostor[bin] ?? 0;
    points.push({
      threshold: edgeOf(bin, from),
      fmr: errorRate(falses, impostors),
      fnmr: errorRate(genuines - matched, genuines),
    });
  }
  return points;
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
