/**
 * What frames say of who somebody is, added up: a sequential test (Wald 1945, Annals of Mathematical Statistics 16) of
 * everybody who was named, and of "nobody of the gallery", each against the rest. A frame is worth the logarithm of
 * how much likelier what it shows is if it is them, in nats; what speaks for one speaks against all others, and no sum
 * falls below 0 (Page 1954, Biometrika 41), so that old errors are made good and a change is noticed.
 */
import { weightOf } from "../embed/template";
import { sureOf } from "../match/track-vote";
import type { Face, Identity } from "../message";

/** In place of a person's id: nobody of the gallery. */
export const NOBODY = "";

/**
 * How often a known person's single frame is within τ, by `quality.weight` from so much on (measured, see Quality in
 * lib/message.ts), …
 */
const FOUND: readonly (readonly [weight: number, share: number])[] = [
  [0.6, 0.92],
  [0.4, 0.79],
  [0.2, 0.42],
  [0, 0.03],
];
/** … and a stranger's, by the default of face-match: 1 in 100 gets a name. */
const FALSE = 0.01;
/**
 * The most that one frame says, in nats: pose, light and a resemblance are in several frames alike, so that no single
 * one may settle anything.
 */
export const MOST_A_FRAME = 3.2;
/** Where no track says how sure it is: the error of a distance, as a part of τ. */
const ERROR = 0.1;
/** A τ of d' may be near 0. */
const LEAST_ERROR = 0.02;

/** How much evidence settles who somebody is, in nats: from two, three and five good frames. */
export const ENOUGH = { quick: 3.25, normal: 6.5, strict: 13 } as const;
export type Strictness = keyof typeof ENOUGH;

/** People who are considered at once; of more whoever has least to say for themselves goes. */
const MOST_CONSIDERED = 8;
/** More than this many times what settles it is not counted, so that a mistake can be noticed in time. */
const MOST_TIMES = 2;

/** What one frame says. */
export interface Says {
  /** A person's id or NOBODY; undefined where it shows that somebody is here, and not who. */
  who: string | undefined;
  /** In nats; 0 where it does not say who. */
  nats: number;
}

/** @returns undefined where a face says nothing at all: it is covered, blurred, late, or none */
export function saysOf({ identity, quality }: Face): Says | undefined {
  if (identity === undefined) return undefined;
  const { outcome, person, reason } = identity;
  const [, found] = FOUND.find(([least]) => weightOf(quality) >= least) ?? [0, FALSE];
  switch (reason) {
    case "undecided":
    case "margin":
    case "negative_anchor":
      return { who: undefined, nats: 0 };
    case "above_threshold":
    case "empty_gallery":
    case "not_enrolled":
      return { who: NOBODY, nats: bounded(Math.log((1 - FALSE) / (1 - found)) * depthOf(identity)) };
    default:
      if ((outcome !== "match" && outcome !== "denied") || person === null || person === "") return undefined;
      return { who: person, nats: bounded(Math.log(found / FALSE) * depthOf(identity)) };
  }
}

function bounded(nats: number): number {
  return Math.min(MOST_A_FRAME, Math.max(0, nats));
}

/** How far the distance is on its side of τ, as the probability that it stays there: 0 to 1. */
function depthOf({ sure, distance, threshold }: Identity): number {
  if (distance === null) return 1;
  const error = Math.max(LEAST_ERROR, ERROR * Math.abs(threshold));
  return sure ?? sureOf(Math.abs(threshold - distance), error);
}

/** Who leads, and by how much. */
export interface Leader {
  who: string;
  /** Nats ahead of the next; over 0. */
  lead: number;
}

export class Evidence {
  readonly #enough: number;
  readonly #sums = new Map<string, number>();

  /** @param enough nats that settle it */
  constructor(enough: number) {
    this.#enough = enough;
  }

  add(who: string, nats: number): void {
    if (!(nats > 0)) return;
    for (const [other, sum] of this.#sums) {
      if (other === who) continue;
      if (sum > nats) this.#sums.set(other, sum - nats);
      else this.#sums.delete(other);
    }
    this.#sums.set(who, Math.min(MOST_TIMES * this.#enough, (this.#sums.get(who) ?? 0) + nats));
    if (this.#sums.size > MOST_CONSIDERED) {
      const [[least]] = [...this.#sums].sort(([, a], [, b]) => a - b) as [[string, number]];
      this.#sums.delete(least);
    }
  }

  /** What was found elsewhere of the same person counts too. */
  join(other: Evidence): void {
    for (const [who, sum] of other.#sums) this.add(who, sum);
  }

  /** As settled as can be: of a visit that was settled before a restart. */
  settle(who: string): void {
    this.#sums.clear();
    this.#sums.set(who, MOST_TIMES * this.#enough);
  }

  clear(): void {
    this.#sums.clear();
  }

  /** Two people turned out to be one. */
  rename(from: string, into: string): void {
    const sum = this.#sums.get(from);
    if (sum === undefined) return;
    this.#sums.delete(from);
    this.#sums.set(into, Math.max(sum, this.#sums.get(into) ?? 0));
  }

  /** Undefined while nothing was found, or two are equal. */
  get leader(): Leader | undefined {
    const [first, second] = [...this.#sums].sort(([, a], [, b]) => b - a);
    if (first === undefined) return undefined;
    const lead = first[1] - (second?.[1] ?? 0);
    return lead > 0 ? { who: first[0], lead } : undefined;
  }

  /** Who it is, once that is settled. */
  get settled(): string | undefined {
    const { leader } = this;
    return leader !== undefined && leader.lead >= this.#enough ? leader.who : undefined;
  }

  /** Whether it could not be settled more. */
  get isCertain(): boolean {
    return (this.leader?.lead ?? 0) >= MOST_TIMES * this.#enough;
  }

  /**
   * How sure it is that it is somebody, 0 to 1: the logistic function of half their lead, for frames of one person are
   * no independent witnesses. ½ where nothing speaks for them.
   */
  sureOf(who: string): number {
    const { leader } = this;
    return leader?.who === who ? 1 / (1 + Math.exp(-leader.lead / 2)) : 0.5;
  }
}
