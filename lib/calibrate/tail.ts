/**
 * How often a stranger's d' to one person is small: the tail of impostor distances, with its bound, for the population
 * in which strangers
 * come nearest. How near they come is measured in each population for itself, as far as thirty pairs of its people say
 * it. From there on all
 * fall as their excesses together do, as an exponential, which for distances errs on the strict side: their tails fall
 * faster (Scheirer et
 * al. 2011, Meta-recognition, IEEE TPAMI 33; Coles 2001, An introduction to statistical modeling of extreme values,
 * 4.2, with shape 0).
 */
import { Fault } from "../errors";
import { seeded } from "./statistics";

/** Of one model's d', plain values: it travels as JSON in the model's statistics. */
export interface Tail {
  /** On what it was measured, when, by which command. */
  source: string;
  /** Sets of people whom the model might put close together; each was measured for itself. */
  populations: {
    name: string;
    people: number;
    /** Pairs of different people who were compared, at least once. */
    comparisons: number;
  }[];
  /**
   * Ascending in every column. Between two points the logarithms of the rates are linear; so they go on below the
   * first and above the last.
   */
  points: TailPoint[];
  /**
   * How much nearer strangers lie to the mean of so many photos than to one photo, a distance from 0 on; ascending in
   * both. A person of
   * more photos than the last counts as the last, one between two as the larger.
   */
  templates: { photos: number; nearer: number }[];
}

export interface TailPoint {
  /** τ of d'. */
  threshold: number;
  /**
   * FMR: the share of strangers whose d' to one person, of one photo, is at most τ; of the population where it is
   * largest.
   */
  fmr: number;
  /** Upper 95 % bound of the FMR in each of the populations, by people. */
  high: number;
}

/** A stranger beside somebody who is enrolled, both as indices from 0. */
export interface Comparison {
  person: number;
  stranger: number;
  distance: number;
}

/**
 * So many pairs that match make a rate known to ± 30 % with 90 % confidence (rule of 30: Doddington et al. 2000,
 * Speech Communication 31).
 */
const RULE_OF_THIRTY = 30;
/** Upper end of the two-sided 95 % interval. */
const CONFIDENCE = 0.975;
const REPLICATES = 1000;
/** Beyond it nobody would set τ. */
const LARGEST_FMR = 0.3;
/** Of a gallery of a million people with one stranger of ten thousand wanted. */
const SMALLEST_FMR = 1e-10;
const POINTS_PER_DECADE = 4;
const GRID = 600;
/** The grid reaches this much farther than it must by the likeliest scale: a draw's may be larger. */
const ROOM = 1.5;

interface Population {
  /** Ascending by distance, the smallest LARGEST_FMR of them and a few more. */
  near: readonly Comparison[];
  /** How often each pair was compared; person × people + stranger. */
  times: Float64Array;
  people: number;
  /** Different pairs of people. */
  pairs: number;
}

/**
 * The points of a model's tail. People are drawn with replacement, as persons and strangers at once (two-way
 * bootstrap: Bolle, Ratha and
 * Pankanti 2004, Error analysis of pattern recognition systems, CVIU 93): comparisons with one person go together.
 * @param populations the comparisons of each population, as many times each pair as there were draws of photos and
 * galleries
 * @throws Error where a population has too few pairs
 */
export function measureTail(populations: readonly (readonly Comparison[])[], seed = 1): TailPoint[] {
  const prepared = populations.map(prepare);
  const turn = RULE_OF_THIRTY / Math.min(...prepared.map(({ pairs }) => pairs));
  const random = seeded(seed);
  const everybody = prepared.map(({ people }) => new Float64Array(people).fill(1));
  const { edges, scale } = fit(prepared, everybody, turn);
  const to = Math.min(...prepared.map(({ near }) => near.at(-1)?.distance ?? Infinity));
  const from = Math.min(...edges) - ROOM * Math.log(turn / SMALLEST_FMR) * scale;
  const grid = Float64Array.from({ length: GRID }, (_, index) => from + ((to - from) * index) / (GRID - 1));
  const once = fit(prepared, everybody, turn, grid).rates;
  const draws = Array.from(
    { length: REPLICATES },
    () =>
      fit(
        prepared,
        prepared.map(({ people }) => drawn(people, random)),
        turn,
        grid,
      ).rates,
  );
  const envelope = Array.from(grid, (threshold, index): TailPoint => {
    const fmr = Math.max(...once.map((rates) => rates[index] as number));
    const highs = prepared.map(
      (_, population) =>
        Float64Array.from(draws, (rates) => rates[population]?.[index] as number).sort()[
          Math.ceil(CONFIDENCE * REPLICATES) - 1
        ] as number,
    );
    return { threshold, fmr, high: Math.max(fmr, ...highs) };
  });
  return knotsOf(envelope);
}

function prepare(comparisons: readonly Comparison[]): Population {
  const people = comparisons.reduce((most, { person, stranger }) => Math.max(most, person, stranger), -1) + 1;
  const times = new Float64Array(people * people);
  for (const { person, stranger } of comparisons)
    times[person * people + stranger] = (times[person * people + stranger] as number) + 1;
  const pairs = pairsOf(comparisons);
  if (!isEnough(pairs))
    throw new Fault(
      `${pairs} pairs of people are too few to say how strangers are distributed: give a population of more people.`,
    );
  const ascending = comparisons.toSorted((a, b) => a.distance - b.distance);
  return { near: ascending.slice(0, Math.ceil(comparisons.length * LARGEST_FMR * 1.2)), times, people, pairs };
}

/** Whether thirty of so many pairs of people are few enough of them to be a tail. */
export function isEnough(pairs: number): boolean {
  return RULE_OF_THIRTY / pairs < LARGEST_FMR / 2;
}

/** How far a tail is known without following its fall: as far as thirty pairs of people show it. */
export interface Edge {
  /** Share of strangers: that of thirty pairs. */
  fmr: number;
  /** d' within which so many are. */
  threshold: number;
  /** Lower end of its two-sided 95 % interval, by people. */
  low: number;
  /** Pairs of different people. */
  pairs: number;
}

/** @throws Error where there are too few pairs */
export function edgeOf(comparisons: readonly Comparison[], seed = 1): Edge {
  const population = prepare(comparisons);
  const { people, pairs } = population;
  const random = seeded(seed);
  const fmr = RULE_OF_THIRTY / pairs;
  const edge = (weights: Float64Array): number => fit([population], [weights], fmr).edges[0] as number;
  const draws = Float64Array.from({ length: REPLICATES }, () => edge(drawn(people, random))).sort();
  return {
    fmr,
    threshold: edge(new Float64Array(people).fill(1)),
    low: draws[Math.floor((1 - CONFIDENCE) * REPLICATES)] as number,
    pairs,
  };
}

/** How many pairs of different people were compared, whoever of the two was enrolled. */
export function pairsOf(comparisons: readonly Pick<Comparison, "person" | "stranger">[]): number {
  return new Set(
    comparisons.map(({ person, stranger }) => `${Math.min(person, stranger)} ${Math.max(person, stranger)}`),
  ).size;
}

/** How often each of the people is drawn. */
function drawn(people: number, random: () => number): Float64Array {
  const weights = new Float64Array(people);
  for (let draw = 0; draw < people; draw += 1) {
    const who = Math.floor(random() * people);
    weights[who] = (weights[who] as number) + 1;
  }
  return weights;
}

/** What was fitted to populations, or to a draw of their people. */
interface Fitted {
  /** Of each population the distance at which its rate is that of the turn. */
  edges: number[];
  /** Of the exponential, from the edges of all populations: their mean excess, which is the likeliest. */
  scale: number;
  /** Of each population the rate at each distance of the grid. */
  rates: Float64Array[];
}

function fit(
  populations: readonly Population[],
  weights: readonly Float64Array[],
  turn: number,
  grid = new Float64Array(),
): Fitted {
  let [sum, weighed] = [0, 0];
  const edges: number[] = [];
  const rates = populations.map(({ near, times, people, pairs }, index) => {
    const own = weights[index] as Float64Array;
    let total = 0;
    for (let person = 0; person < people; person += 1) {
      const weight = own[person] as number;
      if (weight === 0) continue;
      for (let stranger = 0; stranger < people; stranger += 1)
        total += weight * (own[stranger] as number) * (times[person * people + stranger] as number);
    }
    const weightOf = ({ person, stranger }: Comparison): number => (own[person] as number) * (own[stranger] as number);
    let [tail, distances, at] = [0, 0, 0];
    while (at < near.length && tail < turn * total) {
      const each = near[at] as Comparison;
      tail += weightOf(each);
      distances += weightOf(each) * each.distance;
      at += 1;
    }
    const edge = near[at - 1]?.distance ?? 0;
    edges.push(edge);
    // A population counts by its pairs, however often they were compared.
    sum += (pairs / total) * (tail * edge - distances);
    weighed += (pairs / total) * tail;
    return Float64Array.from(grid, (distance) => {
      for (; at < near.length && (near[at] as Comparison).distance <= distance; at += 1)
        tail += weightOf(near[at] as Comparison);
      return tail / total;
    });
  });
  const scale = Math.max(sum / weighed, Number.EPSILON);
  for (const [population, each] of rates.entries()) {
    const edge = edges[population] as number;
    for (const [index, distance] of grid.entries())
      if (distance < edge) each[index] = turn * Math.exp((distance - edge) / scale);
  }
  return { edges, scale, rates };
}

/** A few points of a curve, evenly in the logarithm of its bound; rates rounded up, τ down. */
function knotsOf(curve: readonly TailPoint[]): TailPoint[] {
  const decades = Math.log10(LARGEST_FMR / SMALLEST_FMR);
  const knots: TailPoint[] = [];
  for (let step = Math.ceil(decades * POINTS_PER_DECADE); step >= 0; step -= 1) {
    const rate = LARGEST_FMR / 10 ** (step / POINTS_PER_DECADE);
    const after = curve.findIndex(({ high }) => high >= rate);
    if (after < 1) continue;
    const [a, b] = [curve[after - 1] as TailPoint, curve[after] as TailPoint];
    const way = Math.log(rate / a.high) / Math.log(b.high / a.high);
    const threshold = Math.floor(1e4 * (a.threshold + way * (b.threshold - a.threshold))) / 1e4;
    const fmr = Math.exp(Math.log(a.fmr) + way * Math.log(b.fmr / a.fmr));
    const before = knots.at(-1);
    if (before === undefined || threshold > before.threshold)
      knots.push({ threshold, fmr: roundedUp(Math.min(fmr, rate)), high: roundedUp(rate) });
  }
  return knots;
}

function roundedUp(rate: number): number {
  const unit = 10 ** (Math.floor(Math.log10(rate)) - 2);
  return Number((Math.ceil(rate / unit - 1e-9) * unit).toPrecision(3));
}

/** How much nearer strangers lie to the mean of so many photos than to one photo. */
export function nearerOf({ templates }: Pick<Tail, "templates">, photos: number): number {
  return (templates.find((each) => each.photos >= photos) ?? templates.at(-1))?.nearer ?? 0;
}

/** τ beside one photo of a person at which the upper bound of the FMR is so large. */
export function thresholdAt({ points }: Pick<Tail, "points">, rate: number): number {
  const above = points.findIndex(({ high }) => high >= rate);
  const after = Math.min(Math.max(above < 0 ? points.length - 1 : above, 1), points.length - 1);
  const [a, b] = [points[after - 1], points[after]];
  if (a === undefined || b === undefined) throw new Fault("a tail has fewer than two points");
  return a.threshold + (Math.log(rate / a.high) / Math.log(b.high / a.high)) * (b.threshold - a.threshold);
}

/**
 * How often a stranger is within τ of one person.
 * @param photos of how many photos the person's template is the mean, from 1 on
 */
export function rateAt(
  { points, templates }: Pick<Tail, "points" | "templates">,
  threshold: number,
  photos: number,
): { fmr: number; high: number } {
  const place = threshold + nearerOf({ templates }, photos);
  const above = points.findIndex((point) => point.threshold >= place);
  const after = Math.min(Math.max(above < 0 ? points.length - 1 : above, 1), points.length - 1);
  const [a, b] = [points[after - 1], points[after]];
  if (a === undefined || b === undefined) throw new Fault("a tail has fewer than two points");
  const way = (place - a.threshold) / (b.threshold - a.threshold);
  const between = (pick: "fmr" | "high"): number =>
    Math.min(1, Math.exp(Math.log(a[pick]) + way * Math.log(b[pick] / a[pick])));
  return { fmr: between("fmr"), high: between("high") };
}
