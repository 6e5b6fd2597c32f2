/**
 * The steps of a decision: whom a face is compared with, who is ruled out, how far ahead of the next the nearest must
 * be, and who may pass. A policy is a value that has them; each step can be replaced, and docs/extending.md says how.
 */
import { BLOCKED_GROUP } from "../people/people";
import type { Identity, Reason } from "../message";
import type { DistanceKind, Near, NearAnchor, RosterPerson, Searchable } from "../search/roster";
import type { MatchOptions } from "./options";
import { isOpen } from "./schedule";

/** Somebody whom nothing rules out, beside a face. */
export interface Rival {
  person: RosterPerson;
  /** What τ is compared with. */
  distance: number;
  /**
   * How much farther away than their nearest photo the nearest negative anchor against them lies, by Euclidean
   * distance; Infinity without one.
   */
  spared: number;
}

/** What was found of a face. */
export interface Standing {
  /** Nearest first. */
  rivals: readonly Rival[];
  threshold: number;
  /**
   * How much nearer than the runner-up the nearest must be; in verification nobody is compared, and it is not asked.
   */
  leastMargin: number;
}

/** What is said of it. */
export interface Verdict extends Pick<Identity, "margin" | "sure" | "frames"> {
  /** Who it is, or who comes nearest to it; undefined where there are no rivals. */
  rival: Rival | undefined;
  /** What was compared with τ: of this face, or of its track. */
  distance: number | null;
  reason: Extract<Reason, "below_threshold" | "track" | "above_threshold" | "undecided" | "margin">;
}

/** Decides who of the rivals a face is. */
export type Judge = (standing: Standing) => Verdict;

/**
 * How much farther away the next is than a rival: the runner-up, and whoever was said not to be them; null without
 * any.
 */
export function marginOf({ spared }: Pick<Rival, "spared">, behind: number | undefined): number | null {
  const margin = Math.min(behind ?? Infinity, spared);
  return margin === Infinity ? null : margin;
}

/** A face by itself, with nothing known of it from earlier frames. */
export function judgeAlone({ rivals: [first, second], threshold, leastMargin }: Standing): Verdict {
  if (first === undefined) return { rival: undefined, distance: null, margin: null, reason: "above_threshold" };
  const margin = marginOf(first, second === undefined ? undefined : second.distance - first.distance);
  const verdict = { rival: first, distance: first.distance, margin };
  if (!(first.distance <= threshold)) return { ...verdict, reason: "above_threshold" };
  return { ...verdict, reason: tooNear(margin, leastMargin) ? "margin" : "below_threshold" };
}

/** The runner-up counts however far τ is: two people at one distance cannot be told apart. */
export function tooNear(margin: number | null, least: number): boolean {
  return margin !== null && (margin < least || margin === 0);
}

/** Somebody near a face. */
export interface Considered extends Near {
  /** Whether something that people said speaks against them. */
  ruledOut: boolean;
  /** As of Rival. */
  spared: number;
}

export interface MatchPolicy {
  /** Whom τ is about: the claimed person in verification; undefined is anybody. */
  readonly claim: string | undefined;
  /** What is said where the search finds nobody. */
  readonly nobody: Extract<Reason, "empty_gallery" | "not_enrolled">;
  /** Whom the face is compared with, nearest first, at least two where there are so many. */
  search(probe: Float32Array, gallery: Searchable, wanted: Wanted): Promise<Near[]>;
  /** Who of them is ruled out. Everybody stays in the list: people see who was considered. */
  exclude(found: readonly Near[], anchors: readonly NearAnchor[]): Considered[];
  /** How much nearer than the runner-up the nearest must be, by what τ is compared with. */
  leastMargin(options: MatchOptions): number;
  /** Who of those whom nothing rules out it is. */
  judge: Judge;
  /** Why somebody who was recognized may not pass; undefined where they may. */
  admit(person: RosterPerson, options: MatchOptions, at: Date): Reason | undefined;
}

/** What a search is asked for. */
export interface Wanted {
  kind: DistanceKind;
  /** How many candidates people want to see. */
  topK: number;
  /** How many anchors are near: they may rule out as many people. */
  anchors: number;
}

/** People whom anchors may rule out before the wanted number of others is found. */
const SPARE = 8;

/**
 * Those whom an anchor rules out: it lies nearer to the probe than any of their photos does. Euclidean whatever τ is
 * compared with: anchor and photo are compared with one probe, and look alike, so that a cohort would say the same of
 * both.
 */
export function excludeByAnchors(found: readonly Near[], anchors: readonly NearAnchor[]): Considered[] {
  return found.map((near) => {
    const against = anchors.filter((anchor) => anchor.against === null || anchor.against === near.person.id);
    return {
      ...near,
      ruledOut: against.some(({ distance }) => distance < near.euclidean),
      spared: Math.min(Infinity, ...against.map(({ distance }) => distance - near.euclidean)),
    };
  });
}

/**
 * Whether a person who was recognized may pass. Everybody is considered before, so that nobody is taken for somebody
 * of the right group because they themselves were left out.
 */
export function admitByGroups(
  { groups, validFrom, validUntil }: Pick<RosterPerson, "groups" | "validFrom" | "validUntil">,
  { groups: wanted, schedule }: Pick<MatchOptions, "groups" | "schedule">,
  at: Date,
): Reason | undefined {
  if (groups.includes(BLOCKED_GROUP)) return "blocked";
  if (wanted.length > 0 && !groups.some((group) => wanted.includes(group))) return "not_in_group";
  if ((validFrom !== null && at.getTime() < validFrom) || (validUntil !== null && at.getTime() > validUntil))
    return "not_valid";
  return isOpen(schedule, at) ? undefined : "outside_schedule";
}

/** 1:K. The nearest person, if their distance is ≤ τ and nobody else is nearly as near. */
export const IDENTIFY: MatchPolicy = {
  claim: undefined,
  nobody: "empty_gallery",
  search: (probe, gallery, { kind, topK, anchors }) =>
    gallery.nearest(probe, Math.max(2, topK) + (anchors > 0 ? SPARE : 0), kind),
  exclude: excludeByAnchors,
  leastMargin: ({ margin }) => margin,
  judge: judgeAlone,
  admit: admitByGroups,
};

/** 1:1. Is this the claimed person? Nobody else is considered, so that no margin is asked for. */
export function verifying(claim: string): MatchPolicy {
  return {
    ...IDENTIFY,
    claim,
    nobody: "not_enrolled",
    search: async (probe, gallery, { kind }) => {
      const claimed = await gallery.named(probe, claim, kind);
      return claimed === undefined ? [] : [claimed];
    },
    exclude: (found, anchors) =>
      excludeByAnchors(found, anchors).map((considered) => ({ ...considered, spared: Infinity })),
    leastMargin: () => 0,
  };
}
