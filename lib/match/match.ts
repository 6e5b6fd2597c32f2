/** Who is it, and may she pass? Functions over what a gallery finds near a probe. */
import { z } from "zod";
import { UserError } from "../errors";
import { BLOCKED_GROUP } from "../gallery/people";
import type { DistanceKind, Near, NearAnchor, RosterPerson, Searchable } from "../gallery/roster";
import type { Candidate, Face, Identity, Outcome, Reason } from "../message";
import { isOpen, type Rule, scheduleSchema } from "./schedule";

/** τ; also as text, as a form gives it. */
export const thresholdSchema = z.preprocess((value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value), z.number().positive().max(100));

export const distanceSchema = z.enum(["cohort", "euclidean"]);

export const matchOptionsSchema = z.object({
  /** What τ is compared with, see DistanceKind; a model without a cohort is compared by "euclidean". */
  distance: distanceSchema.default("cohort"),
  /** The gallery's model decides where it is not given. */
  threshold: thresholdSchema.optional(),
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
 * People near the probe, with those whom an anchor rules out: it lies nearer to the probe than any of their photos does. Euclidean
 * whatever τ is compared with: anchor and photo are compared with one probe, and look alike, so that a cohort would say the same of both.
 */
function ruleOut(found: readonly Near[], anchors: readonly NearAnchor[]): (Near & { ruledOut: boolean })[] {
  return found.map((near) => ({ ...near, ruledOut: anchors.some(({ against, distance }) => (against === null || against === near.person.id) && distance < near.euclidean) }));
}

function candidateOf({ person, distance, euclidean, photo, ruledOut }: Near & { ruledOut: boolean }): Candidate {
  return { name: person.name, distance, euclidean, photo, ...(ruledOut ? { ruledOut } : {}) };
}

/** How people of a gallery are compared, and the τ that goes with it. */
function judgedBy(gallery: Searchable, options: MatchOptions): { kind: DistanceKind; threshold: number } {
  const kind = gallery.normalised ? options.distance : "euclidean";
  return { kind, threshold: options.threshold ?? gallery.thresholdOf(kind) };
}

const NOBODY = { name: null, person: null, groups: [] } as const;

function somebody({ id, name, groups }: RosterPerson): Pick<Identity, "name" | "person" | "groups"> {
  return { name, person: id, groups: [...groups] };
}

/**
 * 1:K. The nearest person is the identity if their distance is ≤ τ and nobody else is nearly as near; else the face is unknown or ambiguous.
 * A person farther away than a negative anchor is no identity. An empty gallery gives `unknown`.
 */
export async function identify(probe: Float32Array, gallery: Searchable, options: MatchOptions, at = new Date()): Promise<Identity> {
  const { kind, threshold } = judgedBy(gallery, options);
  const anchors = gallery.anchors(probe);
  const found = ruleOut(await gallery.nearest(probe, Math.max(2, options.topK) + (anchors.length > 0 ? SPARE : 0), kind), anchors);
  const [first, second] = found.filter(({ ruledOut }) => !ruledOut);
  const [nearest] = found;
  // How much farther away each rival is: the runner-up, and whoever was said not to be the nearest.
  const behind = first === undefined ? [] : [...(second === undefined ? [] : [second.distance - first.distance]), ...anchors.filter(({ against }) => against === null || against === first.person.id).map(({ distance }) => distance - first.euclidean)];
  const margin = behind.length === 0 ? null : Math.min(...behind);
  const identity = { ...NOBODY, groups: [], threshold, candidates: found.slice(0, options.topK).map(candidateOf), margin };
  if (nearest === undefined) return { ...identity, outcome: "unknown", distance: null, reason: "empty_gallery" };
  if (first === undefined || !(first.distance <= threshold)) return { ...identity, outcome: "unknown", distance: nearest.distance, reason: nearest.ruledOut && nearest.distance <= threshold ? "negative_anchor" : "above_threshold" };
  // The runner-up counts however far τ is: two people at one distance cannot be told apart.
  if (margin !== null && (margin < options.margin || margin === 0)) return { ...identity, outcome: "ambiguous", distance: first.distance, reason: "margin" };
  return admit(first.person, { ...identity, ...somebody(first.person), outcome: "match", distance: first.distance, reason: "below_threshold" }, options, at);
}

/** 1:1. Is this the claimed person? Nobody else is considered. */
export async function verify(probe: Float32Array, claim: string, gallery: Searchable, options: MatchOptions, at = new Date()): Promise<Identity> {
  const { kind, threshold } = judgedBy(gallery, options);
  const identity = { ...NOBODY, groups: [], threshold, margin: null };
  const claimed = await gallery.named(probe, claim, kind);
  if (claimed === undefined) return { ...identity, outcome: "unknown", distance: null, candidates: [], reason: "not_enrolled" };
  const [near] = ruleOut([claimed], gallery.anchors(probe)) as [Near & { ruledOut: boolean }];
  const found = { ...identity, distance: near.distance, candidates: [candidateOf(near)] };
  if (!(near.distance <= threshold)) return { ...found, outcome: "unknown", reason: "above_threshold" };
  if (near.ruledOut) return { ...found, outcome: "unknown", reason: "negative_anchor" };
  return admit(near.person, { ...found, ...somebody(near.person), outcome: "match", reason: "below_threshold" }, options, at);
}

/**
 * Whether a person who was recognized may pass. Everybody is considered before, so that nobody is taken for somebody of the
 * right group because she herself was left out.
 */
function admit(person: RosterPerson, match: Identity, { groups, schedule }: MatchOptions, at: Date): Identity {
  const reason = refusal(person, groups, schedule, at);
  return reason === undefined ? match : { ...match, outcome: "denied", reason };
}

function refusal({ groups, validFrom, validUntil }: RosterPerson, wanted: readonly string[], schedule: readonly Rule[], at: Date): Reason | undefined {
  if (groups.includes(BLOCKED_GROUP)) return "blocked";
  if (wanted.length > 0 && !groups.some((group) => wanted.includes(group))) return "not_in_group";
  if ((validFrom !== null && at.getTime() < validFrom) || (validUntil !== null && at.getTime() > validUntil)) return "not_valid";
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
}

/** The identity of one face of a message: what the gate said comes first, then age and model, then the distances. */
export async function decide(face: Face, { gallery, options, claim, age, at = new Date() }: DecideContext): Promise<Identity> {
  const nobody = (outcome: Outcome, reason: Reason): Identity => ({ ...NOBODY, groups: [], outcome, distance: null, threshold: judgedBy(gallery, options).threshold, margin: null, candidates: [], reason });
  if (face.rejected !== undefined) return nobody(face.rejected === "bad_alignment" ? "noface" : "unknown", face.rejected);
  if (face.embedding === undefined) throw new UserError("a face in msg.faces has no embedding: put a facenet-embed node before this one.");
  if (options.maxAge > 0 && age !== undefined && age > options.maxAge) return nobody("unknown", "stale");
  if (gallery.size > 0 && face.model !== gallery.model) return nobody("unknown", "model_mismatch");
  return claim === undefined ? identify(face.embedding, gallery, options, at) : verify(face.embedding, claim, gallery, options, at);
}
