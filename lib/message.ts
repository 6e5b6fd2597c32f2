/**
 * The message contract, version 1: what rides on `msg` between the nodes, and the only place that parses it.
 * A message keeps all that other nodes put on it; each stage reads what it needs and adds one thing.
 */
import { z } from "zod";
import { UserError } from "./errors";
import { bytesIn, placeOfPicture, whatIs } from "./image/bytes-in";
import { READABLE_KINDS } from "./image/photo-file";
import { redact } from "./redact";
import { complaintsOf, own, parseOptions } from "./validate";
import { type Deny, denySchema, type Factor, factorSchema, type Grant, grantSchema } from "./grant";
import { type Liveness, livenessSchema, type Presence, presenceSchema, type Visit, visitSchema } from "./visit";
import { phrase } from "./words/sentence";

export const CONTRACT_VERSION = 1;

/** Points of a face (iBUG 300-W). */
const LANDMARKS = 68;

/** Side by side in pixels of the picture as shown (after EXIF rotation). */
export interface Point {
  x: number;
  y: number;
}

/** Axis-aligned rectangle; x, y is the top left corner; pixels of the picture as shown. */
export interface Box extends Point {
  width: number;
  height: number;
}

/** How `payload` holds the picture: a compressed file (JPEG, PNG, WebP, …) or packed 8-bit RGB, row by row. */
export type Encoding = "jpeg" | "rgb";

/** Where and when a picture was taken. A message without it (a photo from any other node) works at every stage. */
export interface Frame {
  /** Names the camera, for people. */
  source: string;
  /**
   * Id of the camera's node: two may have one name. What is remembered of a camera is kept under it, else under
   * `source`.
   */
  camera?: string | undefined;
  /** Counts the frames of one source, from 0. */
  sequence: number;
  /** Milliseconds since the epoch. */
  capturedAt: number;
  /** Pixels. */
  width: number;
  height: number;
  /** Absent means a compressed picture. */
  encoding?: Encoding | undefined;
  /** false: a photo of a folder, or a video read as fast as can be: no time lies between it and the one before. */
  live?: boolean | undefined;
  /** Of a browser's camera whose page shows colours: which challenge's, and since how many milliseconds. */
  flash?: { id: string; at: number } | undefined;
}

/** Face quality as measured before embedding. */
export interface Quality {
  /** Distance between the eyes' centres, in pixels of the picture. */
  size: number;
  /** Sharpness of the aligned chip: variance of its Laplacian, grey levels squared; below about 20 is a blur. */
  blur: number;
  /** Mean grey level of the face in the aligned chip, without the margin around it: 0 is black, 255 white. */
  exposure: number;
  /** Head pose in degrees, estimated from the landmarks; 0, 0, 0 looks into the camera. */
  pose: { yaw: number; pitch: number; roll: number };
  /**
   * How much an embedding of this face counts in a mean beside others of the same person, over 0 and at most 1: small,
   * blurred and turned
   * faces count less, for their embeddings are less like the person's others (lib/align/weight.ts). Of single frames
   * with 0.6 or more 92 % are
   * within τ of another photo of the person, from 0.4 on 79 %, from 0.2 on 42 %, below 3 % (MobileFaceNet,
   * bench/small-faces.ts).
   */
  weight: number;
}

/** `denied` is a person who was recognized and may not pass: blocked, of the wrong group, at the wrong time. */
export const OUTCOMES = ["match", "ambiguous", "unknown", "noface", "denied"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why an outcome came about. */
export const REASONS = [
  "below_threshold",
  "track",
  "undecided",
  "above_threshold",
  "margin",
  "negative_anchor",
  "blocked",
  "not_in_group",
  "not_valid",
  "outside_schedule",
  "empty_gallery",
  "not_enrolled",
  "no_detection",
  "too_small",
  "blurry",
  "bad_alignment",
  "occluded",
  "too_dark",
  "stale",
  "spoof",
  "model_mismatch",
] as const;
export type Reason = (typeof REASONS)[number];

/** What the quality gate can say of a detection that gets no embedding. */
const REJECT_REASONS = ["too_small", "blurry", "bad_alignment", "occluded", "too_dark"] as const satisfies Reason[];
export type RejectReason = (typeof REJECT_REASONS)[number];

/** One person of the gallery beside the probe. */
export interface Candidate {
  name: string;
  /**
   * What τ is compared with: the cohort-normalised distance d' to the mean of their photos (it may be below 0), or
   * the same as `euclidean`.
   */
  distance: number;
  /** Euclidean distance to the nearest of their photos. */
  euclidean: number;
  /** Id of that photo. */
  photo: string;
  /** Set when a negative example lay nearer: they were considered and ruled out. */
  ruledOut?: boolean | undefined;
}

export interface Identity {
  outcome: Outcome;
  /** null is nobody; the word for that lives in the locale. */
  name: string | null;
  /** Id of the person in the gallery, of a `match` or `denied`. */
  person: string | null;
  /** The person's groups. */
  groups: string[];
  /**
   * What τ is compared with, see Candidate: of the nearest person or, in verification, of the claimed one, over the
   * frames of the track where
   * it votes; null where none was measured.
   */
  distance: number | null;
  /** τ: a distance at or below it can be a match. */
  threshold: number;
  /** Distance of the runner-up minus distance of the nearest person; null without a runner-up. */
  margin: number | null;
  /** Nearest first, as this frame shows them. */
  candidates: Candidate[];
  reason: Reason;
  /** Of a track that votes, 0..1: see `sureOf` in lib/match/track-vote; absent where the face was decided alone. */
  sure?: number | undefined;
  /**
   * … in how many frames of it the face was embedded anew. A frame that shows the same as one before it adds none.
   */
  frames?: number | undefined;
}

/**
 * Points of a face, pixels of the picture as shown; left is where the picture's left is when the face is upright.
 * Detectors know the middle of the mouth or its corners, and the ears or not.
 */
export interface FacePoints {
  leftEye: Point;
  rightEye: Point;
  nose: Point;
  mouth?: Point | undefined;
  mouthLeft?: Point | undefined;
  mouthRight?: Point | undefined;
  leftEar?: Point | undefined;
  rightEar?: Point | undefined;
}

/**
 * How a face was found in a photo in which at first there was none: with room around it, part by part, in more light,
 * or the photo turned.
 */
export const FOUND_BY = ["margin", "larger", "lighter", "turned"] as const;
export type FoundBy = (typeof FOUND_BY)[number];

export interface Face {
  box: Box;
  /** Larger is surer. Of haar-detect it is how many raw detections the cascade merged into this box. */
  score: number;
  /** Of a detector that knows them. */
  points?: FacePoints | undefined;
  /** Absent where it was found at once. */
  foundBy?: FoundBy | undefined;
  /** Names the same face from frame to frame; never used again for another one. */
  track?: number | undefined;
  /**
   * Counts how often the face of a track stopped looking as it did before: turned, blurred or another person. Nothing
   * known of one look may be said of another.
   */
  look?: number | undefined;
  /** 68 points (iBUG 300-W order), pixels of the picture as shown. */
  landmarks?: Point[] | undefined;
  quality?: Quality | undefined;
  /** Set by the quality gate when the face gets no embedding. */
  rejected?: RejectReason | undefined;
  /** The aligned face as a JPEG, on demand. */
  chip?: Buffer | undefined;
  embedding?: Float32Array | undefined;
  /**
   * Milliseconds between this frame and the earlier one of the same track and look whose quality, embedding or
   * rejection this is; absent: found in this frame.
   */
  carriedAgeMs?: number | undefined;
  /** @deprecated The same under its name of before, for flows that read it. */
  carried?: number | undefined;
  /** How many frames of the track the embedding is the mean of. */
  fused?: number | undefined;
  /** Id of the model that made the embedding. */
  model?: string | undefined;
  identity?: Identity | undefined;
  /** Of face-liveness: the latest that was found out about the face of this track. */
  liveness?: Liveness | undefined;
}

/** Milliseconds by stage; `dropped` counts frames of this source that newer ones replaced. */
export interface Timing {
  decode?: number;
  detect?: number;
  align?: number;
  embed?: number;
  match?: number;
  /** From capture (or from arrival at the first stage) to the decision. */
  total?: number;
  dropped?: number;
}

/** What the nodes exchange; everything else on the message is left alone. */
export interface FaceMessage {
  payload?: unknown;
  frame?: Frame;
  faces?: Face[];
  /**
   * false: no face was looked for in this frame, since nothing in it had changed and nobody was in it before; `faces`
   * is empty then. Absent: it was searched.
   */
  searched?: boolean;
  face?: { version: number };
  /** What has happened to somebody's visit (face-presence). */
  visit?: Visit;
  /** Who is here (face-presence). */
  presence?: Presence;
  /** A second factor, given at a door. */
  factor?: Factor | string;
  /** What a door is to do (face-gate). */
  grant?: Grant;
  deny?: Deny;
  timing?: Timing;
  /** In place of a field of the node that reads it; that node checks it as it checks the field. τ of face-match: */
  threshold?: number;
  /** … the region that haar-detect searches, in pixels of the picture; also as text, "x, y, width, height": */
  region?: Box | string;
  /** … the greeting of tts-greet, with {names} in it; empty takes the language's own. */
  template?: string;
  [key: string]: unknown;
}

/** A picture as it came with a message. */
export interface Picture {
  bytes: Buffer;
  frame: Frame | undefined;
}

const finite = z.number();
const pixels = z.number().int().min(1).max(100_000);

const pointSchema = z.object({ x: finite, y: finite });
export const boxSchema = z.object({
  x: finite,
  y: finite,
  width: z.number().positive(),
  height: z.number().positive(),
});

/** What the page of a browser's camera says of a frame. */
export const flashSchema = z.object({
  id: z.string().max(100).describe("The challenge's."),
  at: z.coerce.number().min(-60_000).max(600_000).describe("Milliseconds since its first colour was shown."),
});

const frameSchema = z.object({
  source: z.string().min(1).max(300).transform(redact).describe("Names the camera, for people."),
  camera: z.string().min(1).max(300).optional().describe("Id of the camera's node; two may have one name."),
  sequence: z.number().int().min(0).describe("Counts the frames of one source, from 0."),
  capturedAt: z.number().min(0).describe("Milliseconds since the epoch."),
  width: pixels.describe("Pixels."),
  height: pixels.describe("Pixels."),
  encoding: z.enum(["jpeg", "rgb"]).optional().describe("Absent means a compressed picture."),
  live: z.boolean().optional().describe("false: a folder's photo, or a video read as fast as can be."),
  flash: flashSchema.optional().describe("Of a browser's camera whose page shows the colours of a challenge."),
});

const reasonSchema = z.enum(REASONS);
export const rejectReasonSchema = reasonSchema.extract(REJECT_REASONS);

const pointsSchema = z.looseObject({
  leftEye: pointSchema,
  rightEye: pointSchema,
  nose: pointSchema,
  mouth: pointSchema.optional(),
  mouthLeft: pointSchema.optional(),
  mouthRight: pointSchema.optional(),
  leftEar: pointSchema.optional(),
  rightEar: pointSchema.optional(),
});

export const qualitySchema = z.looseObject({
  size: z.number().min(0).describe("Between the eyes' centres, in pixels of the picture."),
  blur: z.number().min(0).describe("Variance of the chip's Laplacian, grey levels squared; below about 20 is a blur."),
  exposure: z.number().min(0).max(255).describe("Mean grey level of the face, 0 to 255."),
  pose: z.object({ yaw: finite, pitch: finite, roll: finite }).describe("Degrees; 0, 0, 0 looks into the camera."),
  weight: z.number().min(0).max(1).describe("How much the embedding counts beside others of the same person."),
});

const candidateSchema = z.looseObject({
  name: z.string(),
  distance: finite.describe("What τ is compared with: the cohort-normalised distance d', or the Euclidean one."),
  euclidean: z.number().min(0).describe("Euclidean distance to the nearest of their photos."),
  photo: z.string().describe("Id of that photo."),
  ruledOut: z.boolean().optional().describe("Considered and ruled out: a negative example lay nearer."),
});

const identitySchema = z.looseObject({
  outcome: z.enum(OUTCOMES),
  name: z.string().nullable().describe("null is nobody."),
  person: z.string().nullable().describe("Id of the person in the gallery, of a match or denied."),
  groups: z.array(z.string()),
  distance: finite.nullable().describe("What τ is compared with; null where none was measured."),
  threshold: finite.describe("τ: a distance at or below it can be a match."),
  margin: finite.nullable().describe("Distance of the runner-up minus that of the nearest; null without one."),
  candidates: z.array(candidateSchema).describe("Nearest first."),
  reason: reasonSchema,
  sure: z.number().min(0).max(1).optional().describe("How sure a track that votes is of its name."),
  frames: z.number().int().min(0).optional().describe("In how many frames of the track the face was embedded anew."),
});

/** An identity without what others may have put on it. */
export const bareIdentitySchema = identitySchema
  .extend({ candidates: z.array(candidateSchema.strip()).describe("Nearest first.") })
  .strip();

const faceSchema = z.looseObject({
  box: boxSchema.describe("Pixels of the picture as shown, after its EXIF rotation."),
  score: finite.default(0).describe("The detector's own; more is surer."),
  track: z.number().int().min(0).optional().describe("The same face from frame to frame; never used again."),
  look: z.number().int().min(0).optional().describe("Counts how often the face of a track changed its looks."),
  points: pointsSchema.optional().describe("Of a detector that knows them; left is the picture's left."),
  foundBy: z.enum(FOUND_BY).optional().describe("How it was found in a photo where at first there was no face."),
  landmarks: z
    .array(pointSchema)
    .length(LANDMARKS)
    .optional()
    .describe("68 points in the order of iBUG 300-W, pixels."),
  quality: qualitySchema.optional(),
  rejected: rejectReasonSchema.optional().describe("Why the face gets no embedding."),
  chip: z.instanceof(Buffer).optional().meta({ description: "The aligned face, a JPEG.", type: "Buffer" }),
  embedding: z
    .instanceof(Float32Array)
    .refine((numbers) => numbers.every(Number.isFinite), own("message.notFinite"))
    .optional()
    .meta({ description: "The network's numbers for this face.", type: "Float32Array" }),
  carriedAgeMs: z.number().min(0).optional().describe("Age of what an earlier frame of the track measured."),
  carried: z.number().min(0).optional().describe("carriedAgeMs under its name of before."),
  fused: z.number().int().min(1).optional().describe("How many frames of the track the embedding is the mean of."),
  model: z.string().optional().describe("Id of the network that made the embedding."),
  identity: identitySchema.optional(),
  liveness: livenessSchema.optional().describe("The latest that was found out about the face of this track."),
});

/** A cascade finds dozens at the worst; more than this is a mistake in the flow. */
const MAX_FACES = 1000;

const facesSchema = z.array(faceSchema).max(MAX_FACES);

const timingSchema = z.looseObject(
  Object.fromEntries(
    ["decode", "detect", "align", "embed", "match", "total", "dropped"].map((stage) => [stage, z.number().optional()]),
  ),
);

/** What the nodes exchange, as a schema: docs/message.schema.json is made of it (`npm run contract`). */
export const messageSchema = z.looseObject({
  payload: z.any().meta({ description: "At a detector's input: a picture's file as a Buffer, or as base64." }),
  frame: frameSchema.optional(),
  faces: facesSchema.optional(),
  searched: z.boolean().optional().describe("false: no face was looked for, since nothing changed in the frame."),
  face: z.looseObject({ version: z.literal(CONTRACT_VERSION) }).optional(),
  visit: visitSchema.optional().describe("What has happened to somebody's visit."),
  presence: presenceSchema.optional().describe("Who is here."),
  factor: z.union([factorSchema, z.string()]).optional().describe("A second factor; a text alone is a PIN."),
  grant: grantSchema.optional().describe("A door is to open now, until the time that it says; never retained."),
  deny: denySchema.optional().describe("Why a door stays shut."),
  timing: timingSchema.optional().describe("Milliseconds by stage."),
});

/**
 * Refuses a message of a newer version of the contract, whose fields may mean something else.
 * @throws a sentence that says which version it is, and what to do
 */
export function readVersion(message: FaceMessage): void {
  const face: unknown = message.face;
  if (face === undefined || face === null) return;
  const { version } = face as { version?: unknown };
  const what =
    typeof face !== "object" || Array.isArray(face)
      ? typeof face === "string"
        ? phrase("message.text")
        : whatIs(face)
      : version === undefined || (Number.isSafeInteger(version) && Number(version) >= 1)
        ? undefined
        : phrase("message.noVersion");
  if (what !== undefined) throw new UserError("message.faceField", { what });
  if (Number(version) > CONTRACT_VERSION)
    throw new UserError("message.newerVersion", { version: String(version), most: CONTRACT_VERSION });
}

/** The frame of a message, or undefined where it has none. @throws a sentence if `msg.frame` is no frame. */
export function readFrame(message: FaceMessage): Frame | undefined {
  if (message.frame === undefined || message.frame === null) return undefined;
  const parsed = frameSchema.safeParse(message.frame);
  if (!parsed.success)
    throw new UserError("message.noFrame", {
      complaints: complaintsOf(parsed.error, frameSchema, message.frame),
    });
  return parsed.data;
}

/**
 * Of so many cameras it is remembered at once what each showed before; of more the one that was silent longest is
 * forgotten, and begins anew with each frame. The largest is what a detector remembers of one: 180 kB at 1280 × 720,
 * 400 kB at 1920 × 1080 and 1.6 MB at 3840 × 2160.
 */
export const MOST_CAMERAS = 256;

/** What tells one camera from another: the newest frame of each wins, and each has its own tracks. */
export function cameraOf({ camera, source }: Pick<Frame, "camera" | "source">): string {
  return camera ?? source;
}

/**
 * The picture of a message. Text that holds one (base64, a data URI, a Buffer that went through JSON) is put back into
 * `payload` as the Buffer it stands for, so that it is read once and every later stage finds the same picture.
 * @throws a sentence that names the input and the mend if `msg.payload` is no picture's bytes
 */
export function readPicture(message: FaceMessage): Picture {
  const frame = readFrame(message);
  const { payload } = message;
  // Raw pixels may be anything, text too.
  const bytes = frame?.encoding === "rgb" && Buffer.isBuffer(payload) ? payload : bytesIn(payload);
  const place = bytes === undefined ? placeOfPicture(message) : undefined;
  if (place !== undefined) throw new UserError("message.pictureInside", { place });
  if (bytes === undefined)
    throw new UserError("message.noPicture", {
      what: whatIs(payload),
      kinds: READABLE_KINDS,
      binary: phrase("message.binary"),
    });
  if (bytes.length === 0) throw new UserError("message.emptyBuffer");
  if (bytes !== payload) message.payload = bytes;
  return { bytes, frame };
}

/** The detections of a message. @throws a sentence if `msg.faces` is missing or malformed (a NaN in a box, say). */
export function readFaces(message: FaceMessage): Face[] {
  if (message.faces === undefined) throw new UserError("message.noFaces");
  const parsed = facesSchema.safeParse(message.faces);
  if (!parsed.success)
    throw new UserError("message.notFaces", { complaints: complaintsOf(parsed.error, facesSchema, message.faces) });
  return parsed.data;
}

/**
 * What a message says in place of a field of a node; undefined where it says nothing.
 * @param schema the field's
 * @throws a sentence if it cannot be
 */
export function readOverride<S extends z.ZodType>(
  message: FaceMessage,
  field: "threshold" | "region" | "template",
  schema: S,
): z.infer<S> | undefined {
  const value = message[field];
  return value === undefined || value === null ? undefined : parseOptions(schema, value, `msg.${field}`);
}

/** Add times to a message's `timing`, in place. */
export function addTiming(message: FaceMessage, timing: Timing): void {
  message.timing = { ...message.timing, ...timing };
}
