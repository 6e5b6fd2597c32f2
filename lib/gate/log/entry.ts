/**
 * One entry of a gate's log. Each has the hash of the one before it, so that none can be changed, taken out or put in
 * without every later one showing it. What is somebody's own (who, name, visit, picture) is not in it but beside it:
 * the entry has only a hash of it with random salt, which says nothing once it is deleted, and holds the chain.
 */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { DENY_REASONS, FACTOR_KINDS, type DenyReason } from "../../grant";
import { livenessSchema } from "../../visit";

/**
 * `grant`, `deny`: decisions. `began`: the gate began to run. `torn`: an end that a crash had left half-written was
 * cut off, `note` bytes. `cut`: entries that there had been were gone, `note` is the last that there had been.
 * `dropped`: the oldest made room, `note` is the first that is left. `forgot`: somebody was deleted, `note` entries
 * were theirs. `reset`, `factor_set`, `factor_removed`, `code_issued`: what was done in the editor.
 */
export const ENTRY_KINDS = [
  "grant",
  "deny",
  "began",
  "torn",
  "cut",
  "dropped",
  "forgot",
  "reset",
  "factor_set",
  "factor_removed",
  "code_issued",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

const SHA256 = /^[0-9a-f]{64}$/;
const hash = z.string().regex(SHA256);

export const entrySchema = z.object({
  sequence: z.int().min(1).describe("One more than of the entry before"),
  at: z.number().describe("Milliseconds since the epoch"),
  kind: z.enum(ENTRY_KINDS),
  reason: z.enum(DENY_REASONS).nullable(),
  factor: z.enum([...FACTOR_KINDS, "code"]).nullable(),
  note: z.number().nullable().describe("A number whose meaning the kind tells"),
  details: hash.nullable().describe("SHA-256 of the salt and what is kept beside the entry; null where nothing is"),
  previous: hash.describe("Hash of the entry before; zeros before the first"),
  hash: hash.describe("SHA-256 of all of this"),
});
export type Entry = z.infer<typeof entrySchema>;

/** Before the first entry. */
export const BEGINNING = "0".repeat(64);

export const detailsSchema = z.object({
  /** Base64. */
  salt: z.string(),
  person: z.string().nullable(),
  name: z.string().nullable(),
  visit: z.string().nullable(),
  /** Where, how far, how sure. */
  zone: z.string().nullable(),
  distance: z.number().nullable(),
  threshold: z.number().nullable(),
  sure: z.number().nullable(),
  liveness: livenessSchema.nullable(),
  /** SHA-256 of the picture. */
  picture: hash.nullable(),
});
export type Details = z.infer<typeof detailsSchema>;

const SALT_BYTES = 16;
export const newSalt = (): string => randomBytes(SALT_BYTES).toString("base64");

export interface NewEntry {
  at: number;
  kind: EntryKind;
  reason?: DenyReason | null;
  factor?: Entry["factor"];
  note?: number | null;
}

/** The hash of an entry: of its fields in this order, as JSON has them. */
export function hashOf({ sequence, at, kind, reason, factor, note, details, previous }: Omit<Entry, "hash">): string {
  return sha256(JSON.stringify([sequence, at, kind, reason, factor, note, details, previous]));
}

/** What an entry has of its details. */
export function commitmentOf(details: Details): string {
  const fields: readonly (keyof Details)[] = [
    "salt",
    "person",
    "name",
    "visit",
    "zone",
    "distance",
    "threshold",
    "sure",
    "liveness",
    "picture",
  ];
  return sha256(
    JSON.stringify(
      fields.map((field) => {
        const value = details[field];
        return typeof value === "object" && value !== null ? [value.result, value.by, value.at] : value;
      }),
    ),
  );
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @returns undefined where a line is no entry */
export function parseEntry(line: string): Entry | undefined {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
