/**
 * What a gallery keeps: people, their photos and embeddings, negative anchors and strangers. Types and the checks of
 * what comes in.
 */
import { z } from "zod";
import { said } from "../errors";
import { parseName } from "./names";

/** Whoever is in this group raises face-match's alarm. */
export const BLOCKED_GROUP = "blocked";

/** A person has room for notes, not for a diary. */
const MAX_NOTES = 10_000;
const MAX_GROUPS = 50;
const MAX_GROUP_LENGTH = 40;

export interface Person {
  /** 12 hex digits, random; stays when the name changes. */
  id: string;
  /** Unique in its gallery. */
  name: string;
  notes: string;
  /** Lower case: "family", "staff"; "blocked" raises the alarm. */
  groups: string[];
  /** Day on which the person agreed to be recognized, ISO 8601 (2026-11-24), or null. */
  consentOn: string | null;
  /** Milliseconds since the epoch between which they are let in, or null for no bound. */
  validFrom: number | null;
  validUntil: number | null;
  createdAt: number;
  lastSeenAt: number | null;
}

/** How a photo came into the gallery; "event": somebody said of an event who it was. */
export type Origin =
  { by: "folder"; file: string } | { by: "message" | "upload" | "capture" | "unknown" | "event" | "import" };

/** What was measured on the face of a photo. */
export interface PhotoQuality {
  /** Distance between the eyes' centres, in pixels. */
  size: number;
  /** Sharpness, see Quality.blur. */
  blur: number;
  /** Degrees; 0 looks into the camera. */
  yaw: number;
  pitch: number;
  roll: number;
  /** Mean grey level of the aligned chip, 0..255. */
  exposure: number;
}

export interface Photo {
  /** 16 hex digits of the picture's hash. */
  id: string;
  personId: string;
  origin: Origin;
  addedAt: number;
  /** Bytes of the kept picture; 0 when only its embeddings are kept. */
  size: number;
  quality: PhotoQuality | null;
  /** Codes of findings that somebody accepted, and "left_out" of a photo that is left out of recognition. */
  accepted: string[];
}

export interface PhotoEmbedding {
  photoId: string;
  personId: string;
  model: string;
  /** Of all that decides about the embedding; see FaceEncoder.fingerprint. */
  fingerprint: string;
  vector: Float32Array;
}

/** An embedding that is not somebody: whoever is farther from a probe than the anchor is not its identity. */
export interface Anchor {
  /** 12 hex digits, random. */
  id: string;
  /** The person it speaks against; null speaks against everybody. */
  against: string | null;
  note: string;
  createdAt: number;
  model: string;
  fingerprint: string;
  vector: Float32Array;
}

/** A stranger, seen once or many times. */
export interface UnknownGroup {
  /** 12 hex digits, random. */
  id: string;
  firstSeenAt: number;
  lastSeenAt: number;
  visits: number;
  model: string;
  fingerprint: string;
  /** A few that differ. */
  vectors: Float32Array[];
  /** How many pictures are kept. */
  pictures: number;
  /** Of another network, which the gallery changes to or has changed from. */
  beside?: Pick<UnknownGroup, "model" | "fingerprint" | "vectors"> | undefined;
}

/** "not": a face is not that person; "ignored": it is nobody; "is": somebody said who it was. */
export interface CorrectionEntry {
  /** Of the anchor, or of the photo. */
  id: string;
  at: number;
  what: "not" | "ignored" | "is";
  person: string | null;
  name: string | null;
  note: string;
}

/** What a deletion deleted. */
export interface Receipt {
  what: "person" | "photo" | "unknown" | "anchor";
  id: string;
  name: string | null;
  /** Milliseconds since the epoch. */
  at: number;
  photos: number;
  embeddings: number;
  thumbnails: number;
  /** Backups that were deleted or written anew because they held it. */
  backups: number;
}

/** Of a person, photo, anchor or stranger: a few hex digits. */
export const idSchema = z.string().regex(/^[0-9a-f]{8,64}$/);
/** Milliseconds since the epoch, as far as a Date goes (ECMAScript, "Time Values and Time Range"). */
export const timeSchema = z.number().int().min(0).max(8.64e15);

const time = timeSchema.nullable();
const groupName = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(MAX_GROUP_LENGTH)
  .regex(/^[^\p{Cc}\p{Cs},]+$/u, "must be a word without commas");
const name = z.string().transform((value, context) => {
  try {
    return parseName(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: said(error) });
    return z.NEVER;
  }
});

const fields = {
  name,
  notes: z.string().max(MAX_NOTES),
  groups: z
    .array(groupName)
    .max(MAX_GROUPS)
    .transform((groups) => [...new Set(groups)].sort()),
  consentOn: z.iso.date().nullable(),
  validFrom: time,
  validUntil: time,
};

const ordered = ({
  validFrom,
  validUntil,
}: {
  validFrom?: number | null | undefined;
  validUntil?: number | null | undefined;
}): boolean => validFrom == null || validUntil == null || validFrom <= validUntil;
const ORDER = "must not end before it begins";

/** What a new person is made of. */
export const personFieldsSchema = z
  .strictObject({
    ...fields,
    notes: fields.notes.default(""),
    groups: fields.groups.default([]),
    consentOn: fields.consentOn.default(null),
    validFrom: fields.validFrom.default(null),
    validUntil: fields.validUntil.default(null),
  })
  .refine(ordered, { path: ["validUntil"], message: ORDER });

/** What of a person can be changed. */
export const personPatchSchema = z
  .strictObject(fields)
  .partial()
  .refine(ordered, { path: ["validUntil"], message: ORDER });

/** A whole person, as an export brings one. */
export const personSchema = z
  .object({ ...fields, id: idSchema, createdAt: timeSchema, lastSeenAt: time })
  .refine(ordered, { path: ["validUntil"], message: ORDER });

export type PersonFields = z.infer<typeof personFieldsSchema>;
export type PersonPatch = z.infer<typeof personPatchSchema>;
