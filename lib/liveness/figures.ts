/**
 * How well presentation attacks are told, as ISO/IEC 30107-3 counts it: APCER a species of attack, of which the worst
 * counts, and BPCER of genuine presentations; each with the exact interval of Clopper and Pearson (1934, Biometrika
 * 26).
 */
import { z } from "zod";

/** What is held before a camera by a person who tries it: `genuine` is their own face. */
export const SPECIES = ["genuine", "print", "bent_print", "phone", "laptop", "video", "mask"] as const;
export type PresentedSpecies = (typeof SPECIES)[number];

/** `none`: no face was seen, or nothing was decided. */
const VERDICTS = ["passed", "failed", "unsure", "none"] as const;

/** More than anybody presents. */
const MOST = 5000;

export const presentationsSchema = z.strictObject({
  presentations: z
    .array(z.strictObject({ species: z.enum(SPECIES), verdict: z.enum(VERDICTS) }))
    .min(1)
    .max(MOST),
});
export type Presentations = z.infer<typeof presentationsSchema>["presentations"];

export interface Rate {
  errors: number;
  total: number;
  /** errors / total. */
  rate: number;
  /** The two-sided interval of 95 %. */
  low: number;
  high: number;
  /** With 95 % confidence it is at most this (one-sided): of 0 in 10, 0.26. */
  atMost: number;
}

export interface PadReport {
  /** Attacks that passed, by species. */
  apcer: ({ species: PresentedSpecies } & Rate)[];
  /** The species with the largest rate; of equal ones that with the larger bound. null without an attack. */
  worst: PresentedSpecies | null;
  /** Genuine presentations that did not pass; null without one. */
  bpcer: Rate | null;
}

const ALPHA = 0.05;
/** Halvings: beyond the digits of a double. */
const HALVINGS = 60;

/** @param errors of @param total, at least 1 */
export function rateOf(errors: number, total: number): Rate {
  return {
    errors,
    total,
    rate: errors / total,
    low: lowest(errors, total, ALPHA / 2),
    high: highest(errors, total, ALPHA / 2),
    atMost: highest(errors, total, ALPHA),
  };
}

/** The largest rate with which so few errors come about with this probability. */
function highest(errors: number, total: number, alpha: number): number {
  return errors === total ? 1 : solve((rate) => upTo(errors, total, rate) > alpha);
}

function lowest(errors: number, total: number, alpha: number): number {
  return errors === 0 ? 0 : solve((rate) => 1 - upTo(errors - 1, total, rate) < alpha);
}

/** Where something that holds for small rates ends to hold. */
function solve(holds: (rate: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Probability of at most so many of `total` (binomial), in logarithms: the coefficients outgrow a double. */
function upTo(most: number, total: number, rate: number): number {
  if (rate <= 0) return 1;
  if (rate >= 1) return most >= total ? 1 : 0;
  let logarithm = total * Math.log1p(-rate);
  let sum = Math.exp(logarithm);
  for (let count = 1; count <= most; count += 1) {
    logarithm += Math.log((total - count + 1) / count) + Math.log(rate) - Math.log1p(-rate);
    sum += Math.exp(logarithm);
  }
  return Math.min(1, sum);
}

export function reportOf(presentations: Presentations): PadReport {
  const of = (species: PresentedSpecies): Presentations => presentations.filter((each) => each.species === species);
  const passed = (some: Presentations): number => some.filter(({ verdict }) => verdict === "passed").length;
  const apcer = SPECIES.filter((species) => species !== "genuine" && of(species).length > 0).map((species) => ({
    species,
    ...rateOf(passed(of(species)), of(species).length),
  }));
  const [worst] = apcer.toSorted((a, b) => b.rate - a.rate || b.atMost - a.atMost);
  const genuine = of("genuine");
  return {
    apcer,
    worst: worst?.species ?? null,
    bpcer: genuine.length === 0 ? null : rateOf(genuine.length - passed(genuine), genuine.length),
  };
}
