/**
 * What distances of genuine and impostor pairs say. An undetected face makes a distance of Infinity: it never matches.
 */

import { countAtMost, seeded, shuffled } from "../lib/calibrate/statistics";

export { countAtMost, seeded, type Share, wilson } from "../lib/calibrate/statistics";

export interface OperatingPoint {
  fmr: number;
  /** How many impostor pairs may match at this FMR; below 1 the pairs cannot support the figure. */
  allowed: number;
  /** The largest τ at which no more than these match. */
  threshold: number;
}

/** Where FMR is reached. @param impostor ascending */
export function operatingPoint(impostor: Float32Array, fmr: number): OperatingPoint {
  const allowed = Math.floor(impostor.length * fmr);
  return { fmr, allowed, threshold: below(impostor[allowed] ?? Infinity) };
}

/** The next smaller 32-bit float: distances are kept as such, and ties must not match. */
function below(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  bits.setUint32(0, bits.getUint32(0) - 1);
  return value > 0 ? bits.getFloat32(0) : 0;
}

/** Least of max(FMR, FNMR) over all τ. @param genuine and @param impostor ascending */
export function equalErrorRate(genuine: Float32Array, impostor: Float32Array): { eer: number; threshold: number } {
  let best = { eer: 1, threshold: 0 };
  let falses = 0;
  genuine.forEach((threshold, index) => {
    if (threshold === Infinity) return;
    while (falses < impostor.length && (impostor[falses] as number) <= threshold) falses += 1;
    const eer = Math.max(1 - (index + 1) / genuine.length, falses / impostor.length);
    if (eer < best.eer) best = { eer, threshold };
  });
  return best;
}

/**
 * Probability that a genuine pair is nearer than an impostor pair, ties half; an undetected genuine pair is never
 * nearer. Both ascending.
 */
export function areaUnderCurve(genuine: Float32Array, impostor: Float32Array): number {
  let sum = 0;
  let [nearer, tied] = [0, 0];
  for (const distance of genuine) {
    if (distance === Infinity) break;
    while (nearer < impostor.length && (impostor[nearer] as number) < distance) nearer += 1;
    tied = Math.max(tied, nearer);
    while (tied < impostor.length && (impostor[tied] as number) === distance) tied += 1;
    sum += impostor.length - tied + (tied - nearer) / 2;
  }
  return sum / (genuine.length * impostor.length);
}

export interface CurvePoint {
  threshold: number;
  fmr: number;
  fnmr: number;
}

/** DET curve, evenly in log FMR from one impostor pair to all of them. Both ascending. */
export function curve(genuine: Float32Array, impostor: Float32Array, points = 300): CurvePoint[] {
  const falses = new Set(
    Array.from({ length: points }, (_, index) => Math.round(impostor.length ** (index / (points - 1)))),
  );
  return [...falses].map((count) => {
    // Undetected faces match at no τ, however large.
    const threshold = Math.min(impostor[count - 1] as number, Number.MAX_VALUE);
    return {
      threshold,
      fmr: countAtMost(impostor, threshold) / impostor.length,
      fnmr: 1 - countAtMost(genuine, threshold) / genuine.length,
    };
  });
}

/**
 * 95 % interval of a share whose trials come in groups (all pairs of a person), by drawing the groups with replacement
 * (cluster bootstrap, Davison & Hinkley 1997, 3.8): pairs of one person succeed and fail together, which Wilson's
 * interval does not know.
 */
export function byGroups(
  groups: readonly { hits: number; total: number }[],
  replicates = 2000,
  seed = 1,
): { low: number; high: number } {
  const random = seeded(seed);
  const shares = Array.from({ length: replicates }, () => {
    let [hits, total] = [0, 0];
    for (let drawn = 0; drawn < groups.length; drawn += 1) {
      const group = groups[Math.floor(random() * groups.length)] as { hits: number; total: number };
      hits += group.hits;
      total += group.total;
    }
    return hits / total;
  }).sort((a, b) => a - b);
  return {
    low: shares[Math.floor(replicates * 0.025)] as number,
    high: shares[Math.ceil(replicates * 0.975) - 1] as number,
  };
}

export interface JudgedPair {
  distance: number;
  same: boolean;
}

/**
 * LFW's protocol (Huang et al. 2007, view 2): for each fold τ is what judges most pairs of all other folds right;
 * accuracy is measured
 * on the fold. A pair with an undetected face is an error whether same or not.
 * @returns mean accuracy and its standard error over the folds, and the mean τ
 */
export function crossValidate(folds: readonly (readonly JudgedPair[])[]): {
  accuracy: number;
  standardError: number;
  threshold: number;
} {
  const results = folds.map((fold, held) => {
    const threshold = bestThreshold(folds.filter((_, index) => index !== held).flat());
    return {
      threshold,
      accuracy:
        fold.filter(({ distance, same }) => distance < Infinity && distance <= threshold === same).length /
        fold.length,
    };
  });
  const accuracy = mean(results.map((result) => result.accuracy));
  const deviation = Math.sqrt(
    results.reduce((sum, result) => sum + (result.accuracy - accuracy) ** 2, 0) / (results.length - 1),
  );
  return {
    accuracy,
    standardError: deviation / Math.sqrt(results.length),
    threshold: mean(results.map((result) => result.threshold)),
  };
}

/** In the middle between the two distances where most pairs are judged right. */
function bestThreshold(pairs: readonly JudgedPair[]): number {
  const ascending = pairs.filter(({ distance }) => distance < Infinity).toSorted((a, b) => a.distance - b.distance);
  let right = ascending.filter(({ same }) => !same).length;
  let best = { right, threshold: 0 };
  ascending.forEach(({ distance, same }, index) => {
    right += same ? 1 : -1;
    if (right > best.right) best = { right, threshold: (distance + (ascending[index + 1]?.distance ?? distance)) / 2 };
  });
  return best.threshold;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Two-sided exact McNemar test: how likely pairs won and lost differ as much or more by chance (McNemar 1947). */
export function mcnemar(won: number, lost: number): number {
  const trials = won + lost;
  // In logarithms: half to the power of thousands is 0.
  let term = trials * Math.log(0.5);
  let tail = 0;
  for (let count = 0; count <= Math.min(won, lost); count += 1) {
    tail += Math.exp(term);
    term += Math.log((trials - count) / (count + 1));
  }
  return Math.min(1, 2 * tail);
}

/** Photos of people, and how far apart any two are. */
export interface Photos {
  /** Owner of each photo. */
  people: readonly string[];
  /** Distance of two photos by index; Infinity where a face was not detected. */
  distance(a: number, b: number): number;
}

/** Indices of the photos of each person. */
export function byPerson(people: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  people.forEach((person, index) => {
    const group = groups.get(person);
    if (group === undefined) groups.set(person, [index]);
    else group.push(index);
  });
  return [...groups.values()];
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)] as T;
}

function nearestOf(probe: number, gallery: readonly number[], photos: Photos): { index: number; distance: number } {
  let nearest = { index: -1, distance: Infinity };
  for (const index of gallery) {
    const distance = photos.distance(probe, index);
    if (distance < nearest.distance) nearest = { index, distance };
  }
  return nearest;
}

/**
 * One random photo of each person is enrolled, all others are probes.
 * @returns the share of right nearest people in each draw
 */
export function rankOne(photos: Photos, draws: number, seed = 1): { shares: number[]; probes: number } {
  const random = seeded(seed);
  const people = byPerson(photos.people);
  let probes = 0;
  const shares = Array.from({ length: draws }, () => {
    const gallery = people.map((group) => pick(group, random));
    const enrolled = new Set(gallery);
    let [right, total] = [0, 0];
    photos.people.forEach((person, probe) => {
      // Of whom there is one photo only, they are in the gallery to be mistaken for.
      if (enrolled.has(probe)) return;
      total += 1;
      const { index } = nearestOf(probe, gallery, photos);
      if (index >= 0 && photos.people[index] === person) right += 1;
    });
    probes += total;
    return right / total;
  });
  return { shares, probes };
}

export interface OpenSet {
  tpir: number;
  /** Known people's probes, by person. */
  known: { hits: number; total: number }[];
  /** How many probes of strangers there were, and how many of them may match at this FPIR. */
  strangers: number;
  allowed: number;
  threshold: number;
}

/**
 * Open set: half of the people are enrolled by one random photo each. FPIR is the share of photos of the others that
 * match anybody,
 * TPIR of the enrolled people's other photos that match the right person; τ from all draws together.
 */
export function openSet(photos: Photos, draws: number, fpir: number, seed = 1): OpenSet {
  const random = seeded(seed);
  const people = byPerson(photos.people);
  const strangers: number[] = [];
  const known: { distance: number; right: boolean; person: string }[] = [];
  for (let draw = 0; draw < draws; draw += 1) {
    const order = shuffled(people, random);
    const inside = order.slice(0, order.length >> 1);
    const gallery = inside.map((group) => pick(group, random));
    const enrolled = new Set(gallery);
    for (const probe of inside.flat()) {
      if (enrolled.has(probe)) continue;
      const { index, distance } = nearestOf(probe, gallery, photos);
      known.push({
        distance,
        right: index >= 0 && photos.people[index] === photos.people[probe],
        person: photos.people[probe] as string,
      });
    }
    for (const probe of order.slice(order.length >> 1).flat())
      strangers.push(nearestOf(probe, gallery, photos).distance);
  }
  const { allowed, threshold } = operatingPoint(Float32Array.from(strangers).sort(), fpir);
  const counts = new Map<string, { hits: number; total: number }>();
  for (const { distance, right, person } of known) {
    const own = counts.get(person) ?? { hits: 0, total: 0 };
    counts.set(person, { hits: own.hits + (right && distance <= threshold ? 1 : 0), total: own.total + 1 });
  }
  const groups = [...counts.values()];
  return {
    tpir: groups.reduce((sum, { hits }) => sum + hits, 0) / known.length,
    known: groups,
    strangers: strangers.length,
    allowed,
    threshold,
  };
}
