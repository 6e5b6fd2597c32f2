/**
 * What a gallery keeps: people, their photos and embeddings, negative anchors and strangers. Each is stated
 * once, as a schema: types, checks of what is read and comes in, the API's answers and its description follow.
 */
import { z } from "zod";
import { UserError } from "../errors";
import { type Complaint, countSchema, own } from "../validate";
import { parseName } from "./names";

/** Whoever is in this group raises face-match's alarm. */
export const BLOCKED_GROUP = "blocked";

/** A person has room for notes, not for a diary. */
const MAX_NOTES = 10_000;
const MAX_GROUPS = 50;
const MAX_GROUP_LENGTH = 40;

/** Of a person, photo, anchor or stranger: a few hex digits. */
export const idSchema = z.string().regex(/^[0-9a-f]{8,64}$/);
/** Milliseconds since the epoch, as far as a Date goes (ECMAScript, "Time Values and Time Range"). */
export const timeSchema = z.number().int().min(0).max(8.64e15);

const time = timeSchema.nullable();
const model = z.string().max(200);
/** Of all that decides about the embedding; see FaceEncoder.fingerprint. */
const fingerprint = z.string().max(200);

/**
 * A person, as they are kept and told. Looser than what comes in, see personFieldsSchema: earlier versions took any
 * file's name.
 */
export const personSchema = z
  .object({
    id: idSchema.describe("12 hex digits, random; stays when the name changes"),
    name: z.string().min(1).max(1000).describe("Unique in its gallery"),
    notes: z.string().max(MAX_NOTES),
    groups: z
      .array(z.string().max(100))
      .max(100)
      .describe(`Lower case: "family", "staff"; "${BLOCKED_GROUP}" raises the alarm`),
    consentOn: z.iso.date().nullable().describe("Day on which the person agreed to be recognized"),
    validFrom: time.describe("Milliseconds since the epoch from which the person is let in; null is no bound"),
    validUntil: time.describe("… and until which"),
    createdAt: timeSchema.describe("Milliseconds since the epoch"),
    lastSeenAt: time.describe("Milliseconds since the epoch"),
  })
  .meta({ id: "Person" });
export type Person = z.infer<typeof personSchema>;

const originSchema = z
  .union([
    z.object({ by: z.literal("folder"), file: z.string().max(5000) }),
    z.object({ by: z.enum(["message", "upload", "capture", "unknown", "event", "import"]) }),
  ])
  .describe("How a photo came into the gallery; event: somebody said of an event who it was");
export type Origin = z.infer<typeof originSchema>;

const photoQualitySchema = z
  .object({
    size: z.number().describe("Distance between the eyes' centres, in pixels"),
    blur: z.number().describe("Variance of the aligned chip's Laplacian, grey levels squared: a blur has little"),
    exposure: z.number().describe("Mean grey level of the aligned chip, 0 to 255"),
    yaw: z.number().describe("Degrees; 0 looks into the camera"),
    pitch: z.number(),
    roll: z.number(),
  })
  .describe("What was measured on the face of a photo");
export type PhotoQuality = z.infer<typeof photoQualitySchema>;

export const photoSchema = z
  .object({
    id: idSchema.describe("16 hex digits of the picture's hash"),
    personId: idSchema,
    origin: originSchema,
    addedAt: timeSchema.describe("Milliseconds since the epoch"),
    size: countSchema.describe("Bytes of the kept picture; 0 when none is kept here"),
    quality: photoQualitySchema.nullable(),
    accepted: z
      .array(z.string().max(40))
      .max(50)
      .describe("Codes of findings that somebody accepted, and left_out of a photo that is left out"),
  })
  .meta({ id: "Photo" });
export type Photo = z.infer<typeof photoSchema>;

/** What of an embedding is no number. */
export const embeddingSchema = z.object({ photoId: idSchema, personId: idSchema, model, fingerprint });
export interface PhotoEmbedding extends z.infer<typeof embeddingSchema> {
  vector: Float32Array;
}

export const anchorSchema = z.object({
  id: idSchema.describe("12 hex digits, random"),
  against: idSchema.nullable().describe("The person it speaks against; null is everybody"),
  note: z.string().max(1000),
  createdAt: timeSchema.describe("Milliseconds since the epoch"),
  model,
  fingerprint,
});
/** An embedding that is not somebody: whoever is farther from a probe than the anchor is not its identity. */
export interface Anchor extends z.infer<typeof anchorSchema> {
  vector: Float32Array;
}

export const unknownSchema = z.object({
  id: idSchema.describe("12 hex digits, random"),
  firstSeenAt: timeSchema.describe("Milliseconds since the epoch"),
  lastSeenAt: timeSchema.describe("Milliseconds since the epoch"),
  visits: countSchema,
  model,
  fingerprint,
  pictures: countSchema.max(100).describe("How many are kept"),
});
/** A stranger, seen once or many times. */
export interface UnknownGroup extends z.infer<typeof unknownSchema> {
  /** A few that differ. */
  vectors: Float32Array[];
  /** Of another network, which the gallery changes to or has changed from. */
  beside?: Pick<UnknownGroup, "model" | "fingerprint" | "vectors"> | undefined;
}

export const correctionSchema = z
  .object({
    id: idSchema.describe("Of the negative anchor, or of the photo"),
    at: timeSchema.describe("Milliseconds since the epoch"),
    what: z
      .enum(["not", "ignored", "is"])
      .describe("not: this face is not that person; ignored: it is nobody; is: somebody said who it was"),
    person: idSchema.nullable(),
    name: z.string().nullable(),
    note: z.string().describe("The camera and the time at which it was seen; of an ignored stranger the time alone"),
  })
  .meta({ id: "Correction" });
export type CorrectionEntry = z.infer<typeof correctionSchema>;

export const receiptSchema = z
  .object({
    what: z.enum(["person", "photo", "unknown", "anchor", "visit"]),
    id: z.string(),
    name: z.string().nullable(),
    at: timeSchema.describe("Milliseconds since the epoch"),
    photos: countSchema,
    embeddings: countSchema,
    thumbnails: countSchema,
    visits: countSchema,
    backups: countSchema.describe("Backups that were deleted or written anew because they held it"),
    checkIns: countSchema.optional().describe("Of attendance books; absent where there are none"),
  })
  .meta({ id: "Receipt", description: "What a deletion deleted" });
export type Receipt = z.infer<typeof receiptSchema>;

const groupName = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(MAX_GROUP_LENGTH)
  .regex(/^[^\p{Cc}\p{Cs},]+$/u, own("people.group"));
const name = z.string().transform((value, context) => {
  try {
    return parseName(value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.addIssue({
      code: "custom",
      message: error.message,
      params: { sentence: error.sentence } satisfies Complaint,
    });
    return z.NEVER;
  }
});

/** What people may say of a person. */
const fields = {
  ...personSchema.pick({ notes: true, consentOn: true, validFrom: true, validUntil: true }).shape,
  name,
  groups: z
    .array(groupName)
    .max(MAX_GROUPS)
    .transform((groups) => [...new Set(groups)].sort()),
};

const ordered = ({
  validFrom,
  validUntil,
}: {
  validFrom?: number | null | undefined;
  validUntil?: number | null | undefined;
}): boolean => validFrom == null || validUntil == null || validFrom <= validUntil;
const ORDER = own("people.order");

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
export const importedPersonSchema = personSchema
  .extend(fields)
  .refine(ordered, { path: ["validUntil"], message: ORDER });

export type PersonFields = z.infer<typeof personFieldsSchema>;
export type PersonPatch = z.infer<typeof personPatchSchema>;
