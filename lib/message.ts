/**
 * The message contract, version 1: what rides on `msg` between the nodes, and the only place that parses it.
 * A message keeps all that other nodes put on it; each stage reads what it needs and adds one thing.
 */
import { z } from "zod";
import { sentence } from "./validate";

export const CONTRACT_VERSION = 1;

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
  /** Names the camera; the newest frame of each source wins. */
  source: string;
  /** Counts the frames of one source, from 0. */
  sequence: number;
  /** Milliseconds since the epoch. */
  capturedAt: number;
  /** Pixels. */
  width: number;
  height: number;
  /** Absent means a compressed picture. */
  encoding?: Encoding | undefined;
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
}

/** `denied` is a person who was recognized and may not pass: blocked, of the wrong group, at the wrong time. */
export type Outcome = "match" | "ambiguous" | "unknown" | "noface" | "denied";

/** Why an outcome came about. */
export type Reason =
  | "below_threshold"
  | "above_threshold"
  | "margin"
  | "negative_anchor"
  | "blocked"
  | "not_in_group"
  | "not_valid"
  | "outside_schedule"
  | "empty_gallery"
  | "not_enrolled"
  | "no_detection"
  | "too_small"
  | "blurry"
  | "bad_alignment"
  | "stale"
  | "spoof"
  | "model_mismatch";

/** What the quality gate can say of a detection that gets no embedding. */
export type RejectReason = Extract<Reason, "too_small" | "blurry" | "bad_alignment">;

/** One person of the gallery beside the probe: the distance of the nearest of her embeddings. */
export interface Candidate {
  name: string;
  distance: number;
  /** Set when a negative anchor lay nearer: she was considered and ruled out. */
  ruledOut?: boolean;
}

export interface Identity {
  outcome: Outcome;
  /** null is nobody; the word for that lives in the locale. */
  name: string | null;
  /** Id of the person in the gallery, of a `match` or `denied`. */
  person: string | null;
  /** The person's groups. */
  groups: string[];
  /** Euclidean distance to the nearest person (or, in verification, to the claimed one); null where none was measured. */
  distance: number | null;
  /** τ: a distance at or below it can be a match. */
  threshold: number;
  /** Distance of the runner-up minus distance of the nearest person; null without a runner-up. */
  margin: number | null;
  /** Nearest first. */
  candidates: Candidate[];
  reason: Reason;
}

export interface Face {
  box: Box;
  /** How many raw detections the cascade merged into this box: more is surer. */
  score: number;
  /** Names the same face from frame to frame; never used again for another one. */
  track?: number | undefined;
  /** Counts how often the face of a track stopped looking as it did before: turned, blurred or another person. Nothing known of one look may be said of another. */
  look?: number | undefined;
  /** 68 points (iBUG 300-W order), pixels of the picture as shown. */
  landmarks?: Point[] | undefined;
  quality?: Quality | undefined;
  /** Set by the quality gate when the face gets no embedding. */
  rejected?: RejectReason | undefined;
  /** The aligned face as a JPEG, on demand. */
  chip?: Buffer | undefined;
  embedding?: Float32Array | undefined;
  /** Milliseconds between this frame and the earlier one of the same track and look whose quality, embedding or rejection this is; absent: found in this frame. */
  carried?: number | undefined;
  /** How many frames of the track the embedding is the mean of. */
  fused?: number | undefined;
  /** Id of the model that made the embedding. */
  model?: string | undefined;
  identity?: Identity | undefined;
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
  face?: { version: number };
  timing?: Timing;
  [key: string]: unknown;
}

/** A picture as it came with a message. */
export interface Picture {
  bytes: Buffer;
  frame: Frame | undefined;
}

const finite = z.number();
const pixels = z.number().int().min(1).max(100_000);

const frameSchema = z.object({
  source: z.string().min(1).max(300),
  sequence: z.number().int().min(0),
  capturedAt: z.number().min(0),
  width: pixels,
  height: pixels,
  encoding: z.enum(["jpeg", "rgb"]).optional(),
});

const boxSchema = z.object({ x: finite, y: finite, width: z.number().positive(), height: z.number().positive() });

/** A cascade finds dozens at the worst; more than this is a mistake in the flow. */
const MAX_FACES = 1000;

const facesSchema = z
  .array(
    z.looseObject({
      box: boxSchema,
      score: finite.default(0),
      track: z.number().int().min(0).optional(),
      look: z.number().int().min(0).optional(),
      landmarks: z.array(z.object({ x: finite, y: finite })).optional(),
      embedding: z.instanceof(Float32Array).optional(),
      model: z.string().optional(),
    }),
  )
  .max(MAX_FACES);

/** The frame of a message, or undefined where it has none. @throws a sentence if `msg.frame` is no frame. */
export function readFrame(message: FaceMessage): Frame | undefined {
  if (message.frame === undefined || message.frame === null) return undefined;
  const parsed = frameSchema.safeParse(message.frame);
  if (!parsed.success) throw new Error(`msg.frame is not a frame: ${sentence(parsed.error)}. Leave it as the camera node made it, or delete it.`);
  return parsed.data;
}

/** The picture of a message. @throws a sentence that names the input and the mend if `msg.payload` is no Buffer. */
export function readPicture(message: FaceMessage): Picture {
  const frame = readFrame(message);
  const { payload } = message;
  if (!(payload instanceof Uint8Array)) {
    const got = payload === null ? "null" : Array.isArray(payload) ? "an array" : typeof payload === "string" ? "text" : payload === undefined ? "nothing" : `a value of type ${typeof payload}`;
    throw new Error(`msg.payload is ${got}, not a picture: send a Buffer with a JPEG, PNG, WebP, GIF or AVIF file in it (a "file in" node set to "a single buffer object", an "http request" set to "a binary buffer").`);
  }
  if (payload.length === 0) throw new Error("msg.payload is an empty Buffer, not a picture: look at the node that made it; the file may have zero bytes.");
  return { bytes: Buffer.isBuffer(payload) ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), frame };
}

/** The detections of a message. @throws a sentence if `msg.faces` is missing or malformed (a NaN in a box, say). */
export function readFaces(message: FaceMessage): Face[] {
  if (message.faces === undefined) throw new Error("msg.faces is missing: put a haar-detect node before this one.");
  const parsed = facesSchema.safeParse(message.faces);
  if (!parsed.success) throw new Error(`msg.faces is not a list of detections: ${sentence(parsed.error)}.`);
  return parsed.data;
}

/** Add times to a message's `timing`, in place. */
export function addTiming(message: FaceMessage, timing: Timing): void {
  message.timing = { ...message.timing, ...timing };
}
