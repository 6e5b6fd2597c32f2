/** Who is it, and may she pass? Functions over what a gallery finds near a probe. */
import { z } from "zod";
import { whyOf, type WantedThreshold } from "../calibrate/wanted";
import { UserError } from "../errors";
import { BLOCKED_GROUP } from "../people/people";
import type { DistanceKind, Near, NearAnchor, RosterPerson, Searchable } from "../search/roster";
import type { Candidate, Face, Identity, Outcome, Reason } from "../message";
import { isOpen, type Rule, scheduleSchema } from "./schedule";

/** τ; also as text, as a form gives it. */
export const thresholdSchema = z.preprocess(
  (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
  z.number().positive().max(100),
);

/** Of a hundred strangers one is 0.01. */
export const wantedSchema = z.number().min(1e-6).max(0.5);

export const distanceSchema = z.enum(["cohort", "euclidean"]);

export const matchOptionsSchema = z.object({
  /** What τ is compared with, see DistanceKind; a model without a cohort is compared by "euclidean". */
  distance: distanceSchema.default("cohort"),
  /** The gallery's model decides where it is not given. */
  threshold: thresholdSchema.optional(),
  /**
   * Share of strangers who may get a name; τ of "cohort" follows from it where none is given (lib/calibrate/wanted).
   */
  wanted: wantedSchema.optional(),
  /** How much nearer than the runner-up the nearest person must be. */
  margin: z.number().min(0).max(100).default(0.02),
  /** How many candidates to name. */
  topK: z.number().int().min(1).max(100).default(3),
  /** Milliseconds; a result for an older frame matches nobody. 0 is no bound. */
  maxAge: z.number().min(0).max(3_600_000).default(0),
  /** Groups of which a person must be in one to pass; none lets everybody pass. */
  groups: z.array(z.string().trim().toLowerCase().min(1)).max(50).default([]),
  /** When people may pass; none is always. */
  schedule: scheduleSchema.default([]),
});

export type MatchOptions = z.infer<typeof matchOptionsSchema>;

/** People whom anchors may rule out before the wanted number of others is found. */
const SPARE = 8;

/**
 * People near the probe, with those whom an anchor rules out: it lies nearer to the probe than any of their photos
 * does. Euclidean
 * whatever τ is compared with: anchor and photo are compared with one probe, and look alike, so that a cohort would
 * say the same of both.
 */
function ruleOut(found: readonly Near[], anchors: readonly NearAnchor[]): (Near & { ruledOut: boolean })[] {
  return found.map((near) => ({
    ...near,
    ruledOut: anchors.some(
      ({ against, distance }) => (against === null || against === near.person.id) && distance < near.euclidean,
    ),
  }));
}

function candidateOf({ person, distance, euclidean, photo, ruledOut }: Near & { ruledOut: boolean }): Candidate {
  return { name: person.name, distance, euclidean, photo, ...(ruledOut ? { ruledOut } : {}) };
}

/** What of a gallery decides how its people are compared. */
export type Compared = Pick<Searchable, "model" | "normalised" | "thresholdOf" | "thresholdWanted">;

type Judging = Pick<MatchOptions, "distance" | "threshold" | "wanted">;

/** How people of a gallery are compared, and the τ that goes with it. @param claim whom verification is about */
export function judgedBy(
  gallery: Compared,
  { distance, threshold, wanted }: Judging,
  claim?: string,
): { kind: DistanceKind; threshold: number; followed: WantedThreshold | undefined } {
  const kind = gallery.normalised ? distance : "euclidean";
  const followed =
    threshold === undefined && wanted !== undefined && kind === "cohort"
      ? gallery.thresholdWanted(wanted, claim)
      : undefined;
  return { kind, threshold: threshold ?? followed?.threshold ?? gallery.thresholdOf(kind), followed };
}

/** τ as it comes out, and why. */
export interface Ruling {
  threshold: number;
  /** A sentence. */
  why: string;
  /** What it follows from; null where τ is fixed. */
  wanted: WantedThreshold | null;
}

/** @param claim whom verification is about; anybody else's name stands for whoever has most photos */
export function ruleOf(gallery: Compared, options: Judging, claim?: string): Ruling {
  const { kind, threshold, followed } = judgedBy(gallery, options, claim);
  if (followed !== undefined) return { threshold, why: whyOf(followed), wanted: followed };
  const unmeasured =
    options.wanted === undefined || options.threshold !== undefined
      ? ""
      : kind === "euclidean"
        ? ": Euclidean distances do not say how many strangers come near"
        : ": nobody has measured how near strangers come to each other by it";
  return {
    threshold,
    why:
      options.threshold === undefined
        ? `τ ${threshold} is the model ${gallery.model}'s own${unmeasured}`
        : `τ ${threshold} is fixed`,
    wanted: null,
  };
}

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

const NOBODY = { name: null, person: null, groups: [] } as const;

function somebody({ id, name, groups }: RosterPerson): Pick<Identity, "name" | "person" | "groups"> {
  return { name, person: id, groups: [...groups] };
}

/**
 * 1:K. The nearest person is the identity if their distance is ≤ τ and nobody else is nearly as near; else the face is
 * unknown or ambiguous.
 * A person farther away than a negative anchor is no identity. An empty gallery gives `unknown`.
 */
export async function identify(
  probe: Float32Array,
  gallery: Searchable,
  options: MatchOptions,
  at = new Date(),
  judge: Judge = judgeAlone,
): Promise<Identity> {
  const { kind, threshold } = judgedBy(gallery, options);
  const anchors = gallery.anchors(probe);
  const found = ruleOut(
    await gallery.nearest(probe, Math.max(2, options.topK) + (anchors.length > 0 ? SPARE : 0), kind),
    anchors,
  );
  const [nearest] = found;
  const rivals = found
    .filter(({ ruledOut }) => !ruledOut)
    .map(({ person, distance, euclidean }): Rival => ({
      person,
      distance,
      spared: Math.min(
        Infinity,
        ...anchors
          .filter(({ against }) => against === null || against === person.id)
          .map((anchor) => anchor.distance - euclidean),
      ),
    }));
  const verdict = judge({ rivals, threshold, leastMargin: options.margin });
  const identity = {
    ...NOBODY,
    groups: [],
    threshold,
    candidates: found.slice(0, options.topK).map(candidateOf),
    ...said(verdict),
  };
  if (nearest === undefined) return { ...identity, outcome: "unknown", distance: null, reason: "empty_gallery" };
  if (verdict.rival === undefined || verdict.reason === "above_threshold")
    return {
      ...identity,
      outcome: "unknown",
      ...(nearest.ruledOut
        ? { distance: nearest.distance, reason: nearest.distance <= threshold ? "negative_anchor" : "above_threshold" }
        : { reason: "above_threshold" }),
    };
  if (verdict.reason === "margin" || verdict.reason === "undecided")
    return { ...identity, outcome: verdict.reason === "margin" ? "ambiguous" : "unknown", reason: verdict.reason };
  return admit(
    verdict.rival.person,
    { ...identity, ...somebody(verdict.rival.person), outcome: "match", reason: verdict.reason },
    options,
    at,
  );
}

/** What a message tells of a verdict. */
function said({ distance, margin, sure, frames }: Verdict): Pick<Identity, "distance" | "margin" | "sure" | "frames"> {
  return { distance, margin, ...(sure === undefined ? {} : { sure }), ...(frames === undefined ? {} : { frames }) };
}

/** 1:1. Is this the claimed person? Nobody else is considered. */
export async function verify(
  probe: Float32Array,
  claim: string,
  gallery: Searchable,
  options: MatchOptions,
  at = new Date(),
  judge: Judge = judgeAlone,
): Promise<Identity> {
  const { kind, threshold } = judgedBy(gallery, options, claim);
  const identity = { ...NOBODY, groups: [], threshold, margin: null };
  const claimed = await gallery.named(probe, claim, kind);
  if (claimed === undefined)
    return { ...identity, outcome: "unknown", distance: null, candidates: [], reason: "not_enrolled" };
  const [near] = ruleOut([claimed], gallery.anchors(probe)) as [Near & { ruledOut: boolean }];
  const verdict = judge({ rivals: near.ruledOut ? [] : [{ ...near, spared: Infinity }], threshold, leastMargin: 0 });
  const found = { ...identity, ...said(verdict), candidates: [candidateOf(near)] };
  if (verdict.rival === undefined)
    return {
      ...found,
      distance: near.distance,
      outcome: "unknown",
      reason: near.distance <= threshold ? "negative_anchor" : "above_threshold",
    };
  if (verdict.reason !== "below_threshold" && verdict.reason !== "track")
    return { ...found, outcome: "unknown", reason: verdict.reason };
  return admit(
    near.person,
    { ...found, ...somebody(near.person), outcome: "match", reason: verdict.reason },
    options,
    at,
  );
}

/**
 * Whether a person who was recognized may pass. Everybody is considered before, so that nobody is taken for somebody
 * of the
 * right group because she herself was left out.
 */
function admit(person: RosterPerson, match: Identity, { groups, schedule }: MatchOptions, at: Date): Identity {
  const reason = refusal(person, groups, schedule, at);
  return reason === undefined ? match : { ...match, outcome: "denied", reason };
}

function refusal(
  { groups, validFrom, validUntil }: RosterPerson,
  wanted: readonly string[],
  schedule: readonly Rule[],
  at: Date,
): Reason | undefined {
  if (groups.includes(BLOCKED_GROUP)) return "blocked";
  if (wanted.length > 0 && !groups.some((group) => wanted.includes(group))) return "not_in_group";
  if ((validFrom !== null && at.getTime() < validFrom) || (validUntil !== null && at.getTime() > validUntil))
    return "not_valid";
  return isOpen(schedule, at) ? undefined : "outside_schedule";
}

export interface DecideContext {
  gallery: Searchable;
  options: MatchOptions;
  /** The claimed name in verification; undefined identifies. */
  claim: string | undefined;
  /** Milliseconds since the frame was taken, or undefined for a photo. */
  age: number | undefined;
  /** When it is decided; now where it is not given. */
  at?: Date;
  /** What is known of the track besides; without it the face is judged alone. */
  judge?: Judge | undefined;
}

/** The identity of one face of a message: what the gate said comes first, then age and model, then the distances. */
export async function decide(
  face: Face,
  { gallery, options, claim, age, at = new Date(), judge }: DecideContext,
): Promise<Identity> {
  const nobody = (outcome: Outcome, reason: Reason): Identity => ({
    ...NOBODY,
    groups: [],
    outcome,
    distance: null,
    threshold: judgedBy(gallery, options, claim).threshold,
    margin: null,
    candidates: [],
    reason,
  });
  if (face.rejected !== undefined)
    return nobody(face.rejected === "bad_alignment" ? "noface" : "unknown", face.rejected);
  if (face.embedding === undefined)
    throw new UserError("a face in msg.faces has no embedding: put a facenet-embed node before this one.");
  if (options.maxAge > 0 && age !== undefined && age > options.maxAge) return nobody("unknown", "stale");
  if (gallery.size > 0 && face.model !== gallery.model) return nobody("unknown", "model_mismatch");
  return claim === undefined
    ? identify(face.embedding, gallery, options, at, judge)
    : verify(face.embedding, claim, gallery, options, at, judge);
}
