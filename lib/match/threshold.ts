/** τ of a decision, and why it is so. */
import { z } from "zod";
import { whyOf, type WantedThreshold, wantedThresholdSchema } from "../calibrate/wanted";
import type { DistanceKind, Searchable } from "../search/roster";
import type { MatchOptions } from "./options";

/** What of a gallery decides how its people are compared. */
export type Compared = Pick<Searchable, "model" | "normalised" | "thresholdOf" | "thresholdWanted">;

type Judging = Pick<MatchOptions, "distance" | "threshold" | "wanted">;

/** How people of a gallery are compared, and the τ that goes with it. @param claim whom verification is about */
export function judgedBy(
  gallery: Compared,
  { distance, threshold, wanted }: Judging,
  claim?: string,
): { kind: DistanceKind; threshold: number; followed: WantedThreshold | undefined } {
  const kind = gallery.normalised ? distance : "euclidean";
  const followed =
    threshold === undefined && wanted !== undefined && kind === "cohort"
      ? gallery.thresholdWanted(wanted, claim)
      : undefined;
  return { kind, threshold: threshold ?? followed?.threshold ?? gallery.thresholdOf(kind), followed };
}

export const rulingSchema = z
  .object({
    threshold: z.number().describe("τ that decides now"),
    why: z.string().describe("A sentence"),
    wanted: wantedThresholdSchema.nullable().describe("What it follows from; null where τ is fixed"),
  })
  .meta({ id: "Threshold" });
/** τ as it comes out, and why. */
export type Ruling = z.infer<typeof rulingSchema>;

/** @param claim whom verification is about; anybody else's name stands for whoever has most photos */
export function ruleOf(gallery: Compared, options: Judging, claim?: string): Ruling {
  const { kind, threshold, followed } = judgedBy(gallery, options, claim);
  if (followed !== undefined) return { threshold, why: whyOf(followed), wanted: followed };
  const unmeasured =
    options.wanted === undefined || options.threshold !== undefined
      ? ""
      : kind === "euclidean"
        ? ": Euclidean distances do not say how many strangers come near"
        : ": nobody has measured how near strangers come to each other by it";
  return {
    threshold,
    why:
      options.threshold === undefined
        ? `τ ${threshold} is the model ${gallery.model}'s own${unmeasured}`
        : `τ ${threshold} is fixed`,
    wanted: null,
  };
}
