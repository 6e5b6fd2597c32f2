import { z } from "zod";
import { calibrate } from "../../../lib/calibrate/calibrate";
import { statisticsOf } from "../../../lib/calibrate/model-statistics";
import { calibrationAnswer } from "./answers";
import { HttpError } from "../../common/answer-error";
import { queryOf } from "../../common/request";
import { ofGallery, type Route } from "./routes";

const calibrationQuery = z.object({
  /** τ as it is set; the model's where it is not given. */
  threshold: z.coerce.number().positive().max(100).optional(),
  /** Share of pairs of strangers that may match. */
  wantedFmr: z.coerce.number().gt(0).lt(1).default(0.001),
});

/** Calibrations at once, of all galleries: one worker makes one after the other, and each that waits holds a copy of its embeddings. */
const MOST_CALIBRATIONS = 4;
let calibrations = 0;

export const calibration: Route[] = [
  ofGallery({ method: "get", path: "/calibration", permission: "read", summary: "What the gallery's own photos, and the model's statistics, say about τ of the Euclidean distance", query: calibrationQuery, answers: calibrationAnswer }, async ({ gallery, request, response }) => {
    const { threshold, wantedFmr } = queryOf(request, calibrationQuery);
    if (calibrations >= MOST_CALIBRATIONS) throw new HttpError(503, "busy", `${MOST_CALIBRATIONS} calibrations are being made already: ask again in a moment.`);
    const { model, threshold: usual } = gallery.summary;
    const embeddings = [...gallery.embeddings()];
    const names = new Map(embeddings.map(({ personId }) => [personId, gallery.nameOf(personId) ?? personId]));
    calibrations += 1;
    const measured = await calibrate({ embeddings, names, threshold: threshold ?? usual, stats: statisticsOf(model), wantedFmr }).finally(() => { calibrations -= 1; });
    response.json(measured);
  }),
];
