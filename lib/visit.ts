/**
 * What the message contract says of visits: who is here, since when, and how sure that is. One visit is one person
 * from the time they come into the sight of any camera of a gallery until they have been out of sight for a while.
 */
import { z } from "zod";
import { parseOptions } from "./validate";

/**
 * `arrived`: somebody is here, seen more than once, and it is not settled who. `confirmed`: it is settled who it is,
 * or that it is nobody of the gallery. `changed`: they are in another zone, or the evidence says by now that they are
 * somebody else. `left`: they have been out of sight long enough. Each is told once.
 */
export const VISIT_EVENTS = ["arrived", "confirmed", "changed", "left"] as const;
export type VisitEvent = (typeof VISIT_EVENTS)[number];

/** How a face was examined for being one of flesh and blood, and no picture of it; never a proof (face-liveness). */
export interface Liveness {
  /** `failed` denies; `unsure` says nothing; `passed` says that a challenge was met, cues alone never say it. */
  result: "passed" | "failed" | "unsure";
  /** What one can see in passing, or the challenge: the head turned, colours flashed by the screen. */
  by: "cues" | "turn" | "flash";
  /** Milliseconds since the epoch. */
  at: number;
}

/** Somebody who is here. */
export interface Present {
  /** Id of the visit; never used again. */
  visit: string;
  /** Id in the gallery; null as long as it is not settled, and of a stranger. */
  person: string | null;
  name: string | null;
  groups: string[];
  /** Whether it is settled who this is: `person`, or nobody of the gallery. */
  confirmed: boolean;
  /** Id of the group of strangers that they were put into, where the gallery keeps strangers. */
  stranger?: string | undefined;
  /** Milliseconds since the epoch: when they were first, … */
  since: number;
  /** … and last seen with a face that tells who they are. */
  lastSeen: number;
  /** Where they were last seen: the camera's id, … */
  camera: string;
  /** … its name, … */
  source: string;
  /** … and the zone that it looks at. */
  zone: string;
  /** What τ was compared with, of the latest decision for `person`; null where there is none. */
  distance: number | null;
  threshold: number | null;
  /** How sure it is that it is `person`, or nobody of the gallery: 0 to 1. */
  sure: number;
  /** In how many frames a face of them was embedded anew. */
  frames: number;
  /** Why face-match lets `person` pass nowhere, by its latest decision; absent where it does. */
  denied?: string | undefined;
  liveness?: Liveness | undefined;
}

/** `msg.visit`: what has happened to somebody's visit. */
export interface Visit extends Present {
  event: VisitEvent;
  /** Whom they were taken for until now, where `changed` tells that they are somebody else; null is nobody. */
  was?: Pick<Present, "person" | "name"> | undefined;
  /** Id of the gallery's node. */
  gallery: string;
  /** Id of the face-presence node that tells it, of whose cameras alone it speaks. */
  node?: string | undefined;
  /** Since they came, in milliseconds. */
  duration: number;
  /** Zones in the order in which they were seen there, each once. */
  zones: string[];
  /** Who else is here. */
  others: Present[];
  /** Of the face, a JPEG; absent where the gallery keeps no pictures. */
  snapshot?: Buffer | undefined;
  /** When this was told, in milliseconds since the epoch. */
  at: number;
  /** Larger than of everything that was told before it by this gallery. */
  sequence: number;
  /** See lib/presence/seal.ts: proves that it comes from this Node-RED since its start, and is unchanged. */
  seal?: string | undefined;
}

/** `msg.presence`: who is here, all of them, settled or not. */
export interface Presence {
  gallery: string;
  /** Id of the face-presence node that tells it, of whose cameras alone it speaks. */
  node?: string | undefined;
  at: number;
  sequence: number;
  here: Present[];
  seal?: string | undefined;
}

const time = z.number().min(0).describe("Milliseconds since the epoch.");
const id = z.string().min(1).max(300);

export const livenessSchema = z.object({
  result: z.enum(["passed", "failed", "unsure"]).describe("passed: a challenge was met; failed denies."),
  by: z.enum(["cues", "turn", "flash"]).describe("What was seen in passing, or the challenge."),
  at: time,
});

export const presentSchema = z.object({
  visit: id.describe("Id of the visit; never used again."),
  person: id.nullable().describe("null as long as it is not settled, and of a stranger."),
  name: z.string().nullable(),
  groups: z.array(z.string()),
  confirmed: z.boolean().describe("Whether it is settled who this is: person, or nobody of the gallery."),
  stranger: id.optional().describe("Id of the group of strangers that they were put into."),
  since: time.describe("When they were first seen."),
  lastSeen: time.describe("When they were last seen."),
  camera: id.describe("Id of the camera that saw them last."),
  source: z.string().describe("Its name."),
  zone: z.string().describe("The zone that it looks at."),
  distance: z.number().nullable().describe("What τ was compared with; null where there is none."),
  threshold: z.number().nullable(),
  sure: z.number().min(0).max(1).describe("How sure it is that it is this person, or nobody of the gallery."),
  frames: z.number().int().min(0).describe("In how many frames a face of them was embedded anew."),
  denied: z.string().min(1).max(100).optional().describe("Why face-match lets this person pass nowhere."),
  liveness: livenessSchema.optional(),
});

/** Far more than ever stand before the cameras of one gallery. */
const MAX_PRESENT = 1000;

const told = {
  gallery: id.describe("Id of the gallery's node."),
  node: id.optional().describe("Id of the face-presence node that tells it, of whose cameras alone it speaks."),
  at: time.describe("When this was told."),
  sequence: z.number().int().min(0).describe("Larger than of everything that this gallery told before."),
  seal: z.string().max(200).optional().describe("Proves that it comes from this Node-RED and is unchanged."),
};

export const visitSchema = presentSchema.extend({
  ...told,
  event: z.enum(VISIT_EVENTS).describe("Each is told once a visit, but changed."),
  was: presentSchema
    .pick({ person: true, name: true })
    .optional()
    .describe("Whom they were taken for until now, where changed tells that they are somebody else."),
  duration: z.number().min(0).describe("Since they came, in milliseconds."),
  zones: z.array(z.string()).describe("In the order in which they were seen there, each once."),
  others: z.array(presentSchema).max(MAX_PRESENT).describe("Who else is here."),
  snapshot: z.instanceof(Buffer).optional().meta({ description: "Of the face, a JPEG.", type: "Buffer" }),
});

export const presenceSchema = z.object({
  ...told,
  here: z.array(presentSchema).max(MAX_PRESENT).describe("Who is here, settled or not."),
});

/** `msg.visit`, checked; its seal is not. @throws a sentence that names the field that is wrong */
export const readVisit = (visit: unknown): Visit => parseOptions(visitSchema, visit, "msg.visit");

/** `msg.presence`, checked; its seal is not. @throws a sentence that names the field that is wrong */
export const readPresence = (presence: unknown): Presence => parseOptions(presenceSchema, presence, "msg.presence");
