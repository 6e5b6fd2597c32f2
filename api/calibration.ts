import { z } from "zod";
import { UserError } from "../lib/errors";
import type { Gallery } from "../lib/gallery/gallery";
import { type DistanceKind, distanceSchema } from "../lib/search/distance-kind";
import type { KnownEmbedding } from "../lib/search/known";
import { calibrate } from "../lib/calibrate/calibrate";
import { calibrationSchema } from "../lib/calibrate/calibration";
import { galleryWorksSchema, tryGallery } from "../lib/calibrate/keep";
import { statisticsOf } from "../lib/calibrate/model-statistics";
import { HttpError } from "./http/answer-error";
import { queryOf } from "./http/request";
import { ofGallery, type Route } from "./routes";
import { phrase } from "../lib/words/sentence";

const LARGEST_THRESHOLD = 100;

const calibrationQuery = z.object({
  /** What is measured: d' where it is not given and the model has a cohort. */
  distance: distanceSchema.optional(),
  /** τ as it is set; the model's where it is not given. Of d' it may be below 0. */
  threshold: z.coerce.number().min(-LARGEST_THRESHOLD).max(LARGEST_THRESHOLD).optional(),
  /** Share of pairs of strangers that may match. */
  wantedFmr: z.coerce.number().gt(0).lt(1).default(0.001),
});

const trialQuery = z.object({
  /** τ of d' as it is set; the model's where it is not given. */
  threshold: z.coerce.number().min(-LARGEST_THRESHOLD).max(LARGEST_THRESHOLD).optional(),
  /** As face-match's. */
  margin: z.coerce.number().min(0).max(LARGEST_THRESHOLD).default(0.02),
});

/**
 * Calibrations at once, of all galleries: one worker makes one after the other, and each that waits holds a copy of
 * its embeddings.
 */
const MOST_CALIBRATIONS = 4;
let calibrations = 0;

const TRIAL =
  "Does it work? Each photo shown to the gallery without it, and the strangers who are kept; people who can " +
  "hardly be told apart; photos that are better left out, with the effect before and after";
const SUMMARY = "What the gallery's own photos, and the model's statistics, say about τ";

export const calibration: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/calibration",
      permission: "read",
      summary: SUMMARY,
      query: calibrationQuery,
      answers: calibrationSchema,
    },
    async ({ gallery, request }) => {
      const { distance, threshold, wantedFmr } = queryOf(request, calibrationQuery);
      const { model, threshold: euclidean, cohortThreshold } = gallery.summary;
      const kind = distance ?? (cohortThreshold === null ? "euclidean" : "cohort");
      refuseWrong(kind, threshold, cohortThreshold !== null);
      const measured = await inTurn(async () => {
        const comparison = kind === "cohort" ? gallery.comparison : undefined;
        const usual = comparison === undefined || cohortThreshold === null ? euclidean : cohortThreshold;
        const { embeddings, names } = knownOf(gallery);
        const stats = statisticsOf(model);
        return calibrate({ embeddings, names, comparison, threshold: threshold ?? usual, stats, wantedFmr });
      });
      return measured;
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/trial",
      permission: "read",
      summary: TRIAL,
      query: trialQuery,
      answers: galleryWorksSchema,
    },
    async ({ gallery, request }) => {
      const { threshold, margin } = queryOf(request, trialQuery);
      const { comparison, nearDuplicate } = gallery;
      if (comparison === undefined) {
        throw new UserError("api.noCohortHere");
      }
      const { threshold: usual } = comparison.normalisation;
      const tried = await inTurn(async () =>
        tryGallery({ ...knownOf(gallery), comparison, nearDuplicate, threshold: threshold ?? usual, margin }),
      );
      return tried;
    },
  ),
];

/** Every embedding, and who is who. */
function knownOf(gallery: Gallery): { embeddings: KnownEmbedding[]; names: Map<string, string> } {
  const embeddings = [...gallery.embeddings()];
  const names = new Map(embeddings.map(({ personId }) => [personId, gallery.nameOf(personId) ?? personId]));
  return { embeddings, names };
}

/** @throws HttpError where too many measure already */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (calibrations >= MOST_CALIBRATIONS) {
    throw new HttpError(503, "busy", phrase("api.calibrationsBusy", { most: MOST_CALIBRATIONS }));
  }
  calibrations += 1;
  try {
    return await work();
  } finally {
    calibrations -= 1;
  }
}

/** @throws a sentence when the gallery cannot be measured so */
function refuseWrong(kind: DistanceKind, threshold: number | undefined, hasCohort: boolean): void {
  if (kind === "cohort" && !hasCohort) {
    throw new UserError("api.noCohort");
  }
  if (kind === "euclidean" && threshold !== undefined && threshold <= 0) {
    throw new UserError("api.thresholdNotPositive", { threshold });
  }
}
