/**
 * What must hold before anybody is let in, one rule each: a rule gives the reason why not. They are a value, so that a
 * test can leave each one out and see that the table of all conditions finds it.
 */
import type { DenyReason, Factor } from "../grant";
import { admitByGroups } from "../match/policy";
import type { Present } from "../visit";
import type { GateOptions } from "./options";

/** A clock beyond this is wrong, whichever way: what is said to be of the future does not count. */
const AHEAD_MS = 1000;

/** What was told of who is here, by `msg.presence` or `msg.visit`. */
export interface Told {
  gallery: string;
  /** Id of the face-presence that tells it. */
  node?: string | undefined;
  at: number;
  sequence: number;
  seal?: string | undefined;
}

/** Around a message of who is here. */
export interface Hearing {
  /** Milliseconds since the epoch. */
  now: number;
  /** Id of the gate's gallery. */
  gallery: string;
  /** Of the newest message that counted of the same face-presence; -1 before the first. */
  sequence: number;
  /** Whether a broker had kept the message. */
  retained: boolean;
  freshness: number;
  isSealed: (told: Told) => boolean;
}

/** As the gallery has a person now. */
export interface Known {
  name: string;
  groups: string[];
  validFrom: number | null;
  validUntil: number | null;
}

/** Around a person who is here. */
export interface Scene {
  now: number;
  options: GateOptions;
  /** How many others are in the same zone. */
  others: number;
  /** Undefined where the gallery has nobody of this id any more. */
  known: Known | undefined;
  /** Whether the gallery is open, … */
  open: boolean;
  /** … and compares by d' alone. */
  normalised: boolean;
  /** How long ago the newest message that counted came, of the face-presence that sees them. */
  told: number;
  /** Whether every rule held not longer ago than the window: then somebody may have turned to the keypad since. */
  shown: boolean;
}

/** Around a second factor. */
export interface Giving {
  now: number;
  options: GateOptions;
  retained: boolean;
  /** Whether a factor of this id was given before. */
  used: boolean;
}

type Rule<Subject, Circumstances> = (subject: Subject, around: Circumstances) => DenyReason | undefined;

export interface Rules {
  told: readonly Rule<Told, Hearing>[];
  present: readonly Rule<Present, Scene>[];
  factor: readonly Rule<Factor, Giving>[];
}

const unless = (holds: boolean, reason: DenyReason): DenyReason | undefined => (holds ? undefined : reason);

export const RULES: Rules = {
  told: [
    ({ gallery }, around) => unless(gallery === around.gallery, "other_gallery"),
    (told, { isSealed }) => unless(isSealed(told), "forged"),
    (_, { retained }) => unless(!retained, "retained"),
    ({ sequence }, around) => unless(sequence > around.sequence, "out_of_order"),
    ({ at }, { now, freshness }) => unless(isLately(at, now, freshness), "late"),
  ],
  // Those that no waiting mends come first: of somebody who is not in the group nobody cares whether they are alone.
  present: [
    (_, { open }) => unless(open, "gallery_closed"),
    ({ confirmed }) => unless(confirmed, "not_confirmed"),
    ({ person }) => unless(person !== null, "unknown_person"),
    (_, { known }) => unless(known !== undefined, "not_in_gallery"),
    (_, { known, options, now }) =>
      known === undefined ? undefined : (admitByGroups(known, options, new Date(now)) as DenyReason | undefined),
    (_, { normalised }) => unless(normalised, "not_normalised"),
    ({ distance, threshold }) => unless(isNumber(distance) && isNumber(threshold) && distance <= threshold, "too_far"),
    ({ sure }, { options }) => unless(sure >= options.sure, "not_sure"),
    ({ lastSeen }, { now, options, shown }) =>
      unless(isLately(lastSeen, now, shown ? options.window : options.freshness), "stale"),
    ({ liveness }, { options }) =>
      unless(options.liveness === "none" || liveness?.result !== "failed", "liveness_failed"),
    ({ liveness }, { options, now }) =>
      unless(
        options.liveness !== "challenge" ||
          (liveness?.result === "passed" && liveness.by !== "cues" && isLately(liveness.at, now, options.challenge)),
        "liveness_missing",
      ),
    (_, { options, others }) => unless(!options.alone || others === 0, "not_alone"),
    (_, { told, options, shown }) => unless(told <= (shown ? options.window : options.freshness), "not_told"),
  ],
  factor: [
    ({ kind }, { options: { factor } }) => unless(factor === "any" || factor === kind, "factor_kind"),
    (_, { retained }) => unless(!retained, "factor_retained"),
    ({ at }, { now, options }) => unless(at === undefined || isLately(at, now, options.window), "factor_late"),
    (_, { used }) => unless(!used, "factor_replayed"),
  ],
};

/** The first reason that a rule gives. */
export function refusalBy<Subject, Circumstances>(
  rules: readonly Rule<Subject, Circumstances>[],
  subject: Subject,
  around: Circumstances,
): DenyReason | undefined {
  for (const rule of rules) {
    const reason = rule(subject, around);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** No waiting changes these. */
const SETTLED: ReadonlySet<DenyReason> = new Set([
  "gallery_closed",
  "unknown_person",
  "not_in_gallery",
  "blocked",
  "not_in_group",
  "not_valid",
  "outside_schedule",
  "not_normalised",
  "liveness_failed",
  "several_people",
]);

export const isSettled = (reason: DenyReason): boolean => SETTLED.has(reason);

/**
 * A face was compared and was not somebody's, or was found to be a picture: what NIST SP 800-63B-4 (3.2.3) counts as a
 * failed attempt. Who is too far from the camera, or not alone, has failed at nothing.
 */
const FAILURES: ReadonlySet<DenyReason> = new Set(["unknown_person", "too_far", "not_sure", "liveness_failed"]);

export const isFailure = (reason: DenyReason): boolean => FAILURES.has(reason);

const isNumber = (value: number | null): value is number => value !== null && Number.isFinite(value);

/** Whether a time is not longer ago than it may be, nor of the future. */
function isLately(at: number, now: number, ms: number): boolean {
  return now - at <= ms && at - now <= AHEAD_MS;
}
