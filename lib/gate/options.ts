/** What a gate asks for before it lets anybody in. */
import { z } from "zod";
import { FACTOR_KINDS } from "../grant";
import { scheduleSchema } from "../match/schedule";

const MS = 1000;
const MOST_NAMES = 50;

/**
 * How far somebody must be live. `none` asks for nothing; `cues`: what can be seen in passing must not have failed;
 * `challenge`: one must have been met lately.
 */
export const LIVENESS = ["none", "cues", "challenge"] as const;

/** `any` takes every kind; `none` opens by the face alone. */
export const FACTORS = ["any", ...FACTOR_KINDS, "none"] as const;

/** Seconds of a form, as milliseconds. */
const seconds = (least: number, most: number, otherwise: number) =>
  z
    .number()
    .min(least)
    .max(most)
    .default(otherwise)
    .transform((value) => value * MS);

export const gateOptionsSchema = z.object({
  /** Groups of which a person must be in one; none lets everybody of the gallery pass. */
  groups: z.array(z.string().trim().toLowerCase().min(1)).max(MOST_NAMES).default([]),
  /** When people may pass; none is always. */
  schedule: scheduleSchema.default([]),
  /** Where people stand who want in; none is everywhere that the gallery's cameras look at. */
  zones: z.array(z.string().trim().min(1).max(300)).max(MOST_NAMES).default([]),
  /** Whether nobody else may be in the person's zone. */
  alone: z.boolean().default(false),
  liveness: z.enum(LIVENESS).default("cues"),
  /** How long ago a challenge may have been met. */
  challenge: seconds(1, 3600, 30),
  factor: z.enum(FACTORS).default("any"),
  /** Whether second factors are of the gallery, for all gates that share them, or of this gate alone. */
  shared: z.boolean().default(true),
  /**
   * How long ago a face, and what is told of who is here, may have been seen. Three seconds: somebody who turns away
   * to a keypad looks up again, and who walks off at 1.4 m/s is 4 m away, still before the door.
   */
  freshness: seconds(0.5, 30, 3),
  /** How long a second factor waits for the face, or the face for the second factor. */
  window: seconds(1, 120, 15),
  /** How long a grant holds. */
  pulse: seconds(0.5, 60, 5),
  /** How sure it must be that it is this person: Present.sure. */
  sure: z.number().min(0.5).max(1).default(0.95),
  /** Whether the log keeps a picture of the face. */
  pictures: z.boolean().default(false),
});

export type GateOptions = z.output<typeof gateOptionsSchema>;
