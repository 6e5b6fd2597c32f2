/**
 * What the message contract says of doors: the second factor that somebody gives, and what face-gate decides. A grant
 * is told once, is never retained, and ends by itself.
 */
import { z } from "zod";
import { parseOptions } from "./validate";
import { type Liveness, livenessSchema } from "./visit";

/** What somebody knows, has, or was sent. */
export const FACTOR_KINDS = ["pin", "badge", "qr"] as const;
export type FactorKind = (typeof FACTOR_KINDS)[number];

/** `msg.factor`: a second factor, given at the door; a text alone is a PIN. */
export interface Factor {
  kind: FactorKind;
  /** The PIN as typed, the number of the badge, or the text of the QR code. */
  value: string;
  /** When it was given, in milliseconds since the epoch; absent is when the message came. */
  at?: number | undefined;
  /** Tells one use from another: the same id never counts twice. */
  id?: string | undefined;
  /** Whose it is said to be, by id or name: needed where several people stand before the door. */
  person?: string | undefined;
}

/**
 * Why nobody is let in. A closed list: of messages that do not count, of the face, of the second factor, of the lock,
 * and of the gate itself.
 */
export const DENY_REASONS = [
  "not_told",
  "forged",
  "other_gallery",
  "retained",
  "out_of_order",
  "late",
  "nobody_here",
  "not_confirmed",
  "unknown_person",
  "not_in_gallery",
  "blocked",
  "not_in_group",
  "not_valid",
  "outside_schedule",
  "not_normalised",
  "too_far",
  "not_sure",
  "stale",
  "liveness_failed",
  "liveness_missing",
  "not_alone",
  "several_people",
  "factor_missing",
  "factor_kind",
  "factor_retained",
  "factor_late",
  "factor_replayed",
  "factor_replaced",
  "factor_unset",
  "factor_wrong",
  "locked",
  "switched_off",
  "clock_jumped",
  "gallery_closed",
  "fault",
] as const;
export type DenyReason = (typeof DENY_REASONS)[number];

/** What a grant rests on. */
export interface Evidence {
  visit: string;
  distance: number;
  threshold: number;
  sure: number;
  liveness: Liveness | null;
  /** Null where the gate asks for none. */
  factor: FactorKind | "code" | null;
  zone: string;
  /** When the face was last seen. */
  lastSeen: number;
}

/** The entry of the gate's log: whoever keeps it elsewhere can prove that the log was not cut or written anew. */
export interface Logged {
  sequence: number;
  hash: string;
}

/** `msg.grant`. */
export interface Grant {
  id: string;
  /** Id and name of the gate's node. */
  gate: string;
  gateName: string;
  person: string;
  name: string;
  /** Milliseconds since the epoch: when it was granted, … */
  at: number;
  /** … and until when the door may be open. */
  until: number;
  evidence: Evidence;
  log: Logged;
}

/** `msg.deny`. */
export interface Deny {
  id: string;
  gate: string;
  gateName: string;
  reason: DenyReason;
  /** The reason as a sentence, in Node-RED's language. */
  text: string;
  at: number;
  /** Of whom it is, where that is known. */
  person: string | null;
  name: string | null;
  visit: string | null;
  /** Where it is locked: milliseconds until it may be tried again. */
  wait: number | null;
  /** Null where it could not be logged. */
  log: Logged | null;
}

const time = z.number().min(0).describe("Milliseconds since the epoch.");
const MOST_TEXT = 300;
const text = z.string().min(1).max(MOST_TEXT);

export const factorSchema = z.object({
  kind: z.enum(FACTOR_KINDS).describe("What somebody knows, has, or was sent."),
  value: z.string().min(1).max(1000).describe("The PIN as typed, the badge's number, or the QR code's text."),
  at: time.optional().describe("When it was given; absent is when the message came."),
  id: text.optional().describe("Tells one use from another: the same id never counts twice."),
  person: text.optional().describe("Whose it is said to be, by id or name."),
});

const logged = z.object({ sequence: z.number().int().min(1), hash: z.string() });

export const grantSchema = z.object({
  id: text,
  gate: text.describe("Id of the gate's node."),
  gateName: z.string(),
  person: text.describe("Id in the gallery."),
  name: z.string(),
  at: time,
  until: time.describe("Until when the door may be open."),
  evidence: z.object({
    visit: text,
    distance: z.number().describe("What τ was compared with."),
    threshold: z.number(),
    sure: z.number().min(0).max(1),
    liveness: livenessSchema.nullable(),
    factor: z
      .enum([...FACTOR_KINDS, "code"])
      .nullable()
      .describe("code: one for one time; null: none was asked for."),
    zone: z.string(),
    lastSeen: time,
  }),
  log: logged.describe("The entry of the gate's log."),
});

export const denySchema = z.object({
  id: text,
  gate: text,
  gateName: z.string(),
  reason: z.enum(DENY_REASONS),
  text: z.string().describe("The reason as a sentence."),
  at: time,
  person: text.nullable(),
  name: z.string().nullable(),
  visit: text.nullable(),
  wait: z.number().min(0).nullable().describe("Milliseconds until it may be tried again."),
  log: logged.nullable().describe("null where it could not be logged."),
});

/** `msg.factor`, checked. @throws a sentence that names the field that is wrong, and never the value */
export function readFactor(factor: unknown): Factor {
  return parseOptions(
    factorSchema,
    typeof factor === "string" ? { kind: "pin", value: factor } : factor,
    "msg.factor",
  );
}
