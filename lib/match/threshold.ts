/** τ of a decision, and why it is so. */
import { z } from "zod";
import { reasonOfThreshold, whyOf, type WantedThreshold, wantedThresholdSchema } from "../calibrate/wanted";
import type { DistanceKind, Searchable } from "../search/roster";
import type { MatchOptions } from "./options";
import { type Language, phrase, render, type Sentence } from "../words/sentence";

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

/** … in every language; `why` is English. */
export interface Ruled extends Ruling {
  sentence: Sentence;
}

export function rulingIn({ sentence, ...ruling }: Ruled, language: Language): Ruling {
  return { ...ruling, why: render(sentence, language) };
}

/** @param claim whom verification is about; anybody else's name stands for whoever has most photos */
export function ruleOf(gallery: Compared, options: Judging, claim?: string): Ruled {
  const { kind, threshold, followed } = judgedBy(gallery, options, claim);
  if (followed !== undefined)
    return { threshold, why: whyOf(followed), wanted: followed, sentence: reasonOfThreshold(followed) };
  const ruled = (sentence: Sentence): Ruled => {
    return { threshold, why: render(sentence, "en-US"), wanted: null, sentence };
  };
  if (options.threshold !== undefined) return ruled(phrase("match.fixed", { threshold }));
  const own = phrase("match.ofModel", { threshold, model: gallery.model });
  if (options.wanted === undefined) return ruled(own);
  return ruled(phrase(kind === "euclidean" ? "match.euclidean" : "match.unmeasured", { own }));
}
