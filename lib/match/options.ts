/** What can be set of a decision. */
import { z } from "zod";
import { distanceSchema } from "../search/distance-kind";
import { scheduleSchema } from "./schedule";

/** τ; also as text, as a form gives it. */
export const thresholdSchema = z.preprocess(
  (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
  z.number().positive().max(100),
);

/** Of a hundred strangers one is 0.01. */
export const wantedSchema = z.number().min(1e-6).max(0.5);

export const matchOptionsSchema = z.object({
  /** What τ is compared with, see DistanceKind; a model without a cohort is compared by "euclidean". */
  distance: distanceSchema.default("cohort"),
  /** The gallery's model decides where it is not given. */
  threshold: thresholdSchema.optional(),
  /**
   * Share of strangers who may get a name; τ of "cohort" follows from it where none is given (lib/calibrate/wanted).
   */
  wanted: wantedSchema.optional(),
  /** How much nearer than the runner-up the nearest person must be. */
  margin: z.number().min(0).max(100).default(0.02),
  /** How many candidates to name. */
  topK: z.number().int().min(1).max(100).default(3),
  /** Milliseconds; a result for an older frame matches nobody. 0 is no bound. */
  maxAge: z.number().min(0).max(3_600_000).default(0),
  /** Groups of which a person must be in one to pass; none lets everybody pass. */
  groups: z.array(z.string().trim().toLowerCase().min(1)).max(50).default([]),
  /** When people may pass; none is always. */
  schedule: scheduleSchema.default([]),
});

export type MatchOptions = z.infer<typeof matchOptionsSchema>;
