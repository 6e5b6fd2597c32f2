/** Who is it, and may they pass? Functions over what a gallery finds near a probe. */
import { UserError } from "../errors";
import type { Candidate, Face, Identity, Outcome, Reason } from "../message";
import type { RosterPerson, Searchable } from "../search/roster";
import type { MatchOptions } from "./options";
import { type Considered, IDENTIFY, type Judge, type MatchPolicy, type Verdict, verifying } from "./policy";
import { judgedBy } from "./threshold";

function candidateOf({ person, distance, euclidean, photo, ruledOut }: Considered): Candidate {
  return { name: person.name, distance, euclidean, photo, ...(ruledOut ? { ruledOut } : {}) };
}

const NOBODY = { name: null, person: null, groups: [] } as const;

function somebody({ id, name, groups }: RosterPerson): Pick<Identity, "name" | "person" | "groups"> {
  return { name, person: id, groups: [...groups] };
}

/** What a message tells of a verdict. */
function said({ distance, margin, sure, frames }: Verdict): Pick<Identity, "distance" | "margin" | "sure" | "frames"> {
  return { distance, margin, ...(sure === undefined ? {} : { sure }), ...(frames === undefined ? {} : { frames }) };
}

/** Who a probe is by a policy. @param at now where it is not given */
export async function decideBy(
  policy: MatchPolicy,
  probe: Float32Array,
  gallery: Searchable,
  options: MatchOptions,
  at = new Date(),
): Promise<Identity> {
  const { kind, threshold } = judgedBy(gallery, options, policy.claim);
  const anchors = gallery.anchors(probe);
  const found = policy.exclude(
    await policy.search(probe, gallery, { kind, topK: options.topK, anchors: anchors.length }),
    anchors,
  );
  const [nearest] = found;
  const verdict = policy.judge({
    rivals: found.filter(({ ruledOut }) => !ruledOut),
    threshold,
    leastMargin: policy.leastMargin(options),
  });
  const identity = {
    ...NOBODY,
    groups: [],
    threshold,
    candidates: found.slice(0, options.topK).map(candidateOf),
    ...said(verdict),
  };
  if (nearest === undefined) return { ...identity, outcome: "unknown", distance: null, reason: policy.nobody };
  const { rival, reason } = verdict;
  if (rival === undefined || reason === "above_threshold")
    return {
      ...identity,
      outcome: "unknown",
      ...(nearest.ruledOut
        ? { distance: nearest.distance, reason: nearest.distance <= threshold ? "negative_anchor" : "above_threshold" }
        : { reason: "above_threshold" }),
    };
  if (reason === "margin" || reason === "undecided")
    return { ...identity, outcome: reason === "margin" ? "ambiguous" : "unknown", reason };
  const refused = policy.admit(rival.person, options, at);
  return {
    ...identity,
    ...somebody(rival.person),
    ...(refused === undefined ? { outcome: "match", reason } : { outcome: "denied", reason: refused }),
  };
}

export interface DecideContext {
  gallery: Searchable;
  options: MatchOptions;
  /** The claimed name in verification; undefined identifies. */
  claim: string | undefined;
  /** How it is decided; as the claim says where it is not given. */
  policy?: MatchPolicy | undefined;
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
  { gallery, options, claim, policy, age, at = new Date(), judge }: DecideContext,
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
  if (face.embedding === undefined) throw new UserError("match.noEmbedding");
  if (options.maxAge > 0 && age !== undefined && age > options.maxAge) return nobody("unknown", "stale");
  if (gallery.size > 0 && face.model !== gallery.model) return nobody("unknown", "model_mismatch");
  const by = policy ?? (claim === undefined ? IDENTIFY : verifying(claim));
  return decideBy(judge === undefined ? by : { ...by, judge }, face.embedding, gallery, options, at);
}
