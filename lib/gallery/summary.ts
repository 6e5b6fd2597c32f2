/** A gallery in a few figures. */
import { USUAL_WANTED } from "../calibrate/wanted";
import { redact } from "../redact";
import { type Language, render } from "../words/sentence";
import type { GallerySummary } from "./figures";
import type { GalleryParts } from "./parts";

export function summaryOf(parts: GalleryParts, language: Language): GallerySummary {
  const { store, encoder, search, directory, folder, problems, networks, review, sharing } = parts;
  const { model, threshold, normalisation } = encoder;
  return {
    people: directory.size,
    photos: directory.photoCount,
    embeddings: search.roster.size,
    model,
    threshold,
    cohortThreshold: normalisation?.threshold ?? null,
    wanted: search.roster.thresholdWanted(USUAL_WANTED) ?? null,
    keepPhotos: parts.keepsPhotos,
    encrypted: store.encrypted,
    paused: folder.paused,
    unknowns: review.strangers.list.length,
    anchors: store.anchors().length,
    progress: parts.progress ?? null,
    site: sharing.summary,
    network: networks?.stateIn(language) ?? null,
    problems: problems.list.map(({ file, code, sentence }) => ({
      file,
      code,
      message: redact(render(sentence, language)),
    })),
  };
}
