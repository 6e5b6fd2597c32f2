/**
 * τ of a face-match node as it comes out for the chosen gallery, below the field of the strangers who may get a name.
 */
import type { WantedThreshold } from "../lib/calibrate/wanted";
import type { Ruling } from "../lib/match/threshold";
import { ApiError, getJson, pathOf } from "./api.js";
import { count, number, percent, sentences, t, type Values } from "./words.js";

/** People may be enrolled while the form is open. */
const AGAIN_MS = 3000;

/** What the form asks about; no gallery, or no share of strangers, says nothing. */
export interface Asked {
  gallery: string;
  question: string;
  strangers: string;
}

/** @param asked as the form stands now; asked for again while the line is in the page @returns asks at once */
export function showThreshold(line: HTMLElement, asked: () => Asked): () => void {
  let newest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    clearTimeout(timer);
    newest += 1;
    const mine = newest;
    const { gallery, question, strangers } = asked();
    const said = Number(strangers) > 0 && gallery !== "" ? await sayThreshold(gallery, { question, strangers }) : "";
    if (mine !== newest) return;
    if (line.textContent !== said) line.textContent = said;
    if (line.isConnected) timer = setTimeout(() => void look(), AGAIN_MS);
  };
  void look();
  return () => void look();
}

async function sayThreshold(gallery: string, query: { question: string; strangers: string }): Promise<string> {
  try {
    return sentenceOf(
      await getJson<Ruling>(`${pathOf(gallery, "threshold")}?${new URLSearchParams(query).toString()}`),
      query.question,
    );
  } catch (error) {
    // Not deployed yet, or by another id, as in a subflow.
    if (error instanceof ApiError) return t(error.status === 404 ? "forms.tau.undeployed" : "forms.tau.unknown");
    throw error;
  }
}

const READABLY = { maximumSignificantDigits: 2 };

function sentenceOf({ threshold, wanted }: Ruling, question: string): string {
  if (wanted === null) return t("forms.tau.own", { threshold: number(threshold, 3) });
  const { least, most } = wanted.photos;
  const values: Values = {
    threshold: number(threshold, 3),
    people: count("person", wanted.people),
    photos: least === most ? count("photo", least) : `${number(least)}–${count("photo", most)}`,
    share: percent(wanted.strangers.share, READABLY),
    high: percent(wanted.strangers.high, { ...READABLY, roundingMode: "ceil" }),
    comparisons: number(wanted.comparisons),
  };
  const whom = wanted.people === 0 ? "nobody" : question === "verify" ? "one" : "people";
  return sentences(
    t(`forms.tau.${whom}`, values),
    t(wanted.supported ? "forms.tau.measured" : "forms.tau.extrapolated", values),
    whoDecides(wanted),
  );
}

/** Whose people say how near strangers come: those of the network's measurement, or this gallery's. */
export function whoDecides({ tail, own }: Pick<WantedThreshold, "tail" | "own">): string {
  if (own === null) return t("forms.tau.by-model-few");
  return t(`forms.tau.by-${tail}`, { own: number(own.comparisons), nearer: number(own.nearer, 3) });
}
