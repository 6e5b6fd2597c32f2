/** A gallery in a few figures. */
import { USUAL_WANTED, type WantedThreshold } from "../calibrate/wanted";
import type { Problem, Progress } from "../enrol/photo-folder";
import type { NetworkState } from "./network-state";
import type { GalleryParts } from "./parts";

export interface GallerySummary {
  people: number;
  photos: number;
  embeddings: number;
  model: string;
  /** τ of the Euclidean distance, … */
  threshold: number;
  /** … and of d'; null where the model has no cohort. */
  cohortThreshold: number | null;
  /**
   * τ of d' with one stranger of a hundred named, with the people who are here now; null where the model's d' was
   * never measured.
   */
  wanted: WantedThreshold | null;
  keepPhotos: boolean;
  encrypted: boolean;
  paused: boolean;
  unknowns: number;
  anchors: number;
  progress: Progress | null;
  /** Null where the gallery cannot change its network. */
  network: NetworkState | null;
  problems: Problem[];
}

export function summaryOf(parts: GalleryParts): GallerySummary {
  const { store, encoder, search, directory, folder, problems, networks, review } = parts;
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
    network: networks?.state ?? null,
    problems: problems.list,
  };
}
