import { setImmediate } from "node:timers/promises";
import { UserError } from "../errors";
import { StagePool } from "../workers/pool";
import { type Calibration, distancesOf, inGallery, type ModelStatistics, type PhotoOf, suggest } from "./calibration";
import { toUnitLength } from "../embed/distance";
import type { Comparison, KnownEmbedding } from "../search/known";
import type { Measured, MeasureTask } from "./measure";
import type { CohortTask } from "./measure-cohort";
import type { SpaceTask } from "./space";
import { errorRate, seeded, shuffled, sum, trialsFor } from "./statistics";

/** Of a gallery's photo, or of a benchmark's. */
export type LabelledEmbedding = Omit<KnownEmbedding, "sure"> & Partial<Pick<KnownEmbedding, "sure">>;

export interface CalibrateInput {
  /** Of one model, one a photo. */
  embeddings: readonly LabelledEmbedding[];
  /** With it d' is measured, else the Euclidean distance. */
  comparison?: Comparison | undefined;
  /** By id of the person. */
  names: ReadonlyMap<string, string>;
  /** τ as it is set. */
  threshold: number;
  /** Of the model; undefined where it was never measured. */
  stats: ModelStatistics | undefined;
  /** Share of pairs of strangers that may match, above 0 and below 1. */
  wantedFmr: number;
}

/** So many pairs are measured one by one, in some seconds. */
const MAX_PAIRS = 20_000_000;
/**
 * Of so many photos the nearest people are found exactly, in about half a minute; of more as many are drawn, by whole
 * people.
 */
const MAX_PHOTOS = 20_000;
/** By d' each is also compared with everybody to see how crowded it is there. */
const MAX_COHORT_PHOTOS = 8000;
/** Nobody needs more photos; genuine pairs grow with their square. */
const MAX_PHOTOS_OF_PERSON = 1000;
const MAX_NEAREST = 10;
const MAX_OUTLIERS = 100;
const SEED = 1;
/** Half a minute where nothing else runs, much longer where a camera has the machine. */
const TIMEOUT_MS = 600_000;
/** Embeddings copied before the event loop has its turn. */
const COPIED_AT_ONCE = 2000;

const pool = new StagePool<MeasureTask | CohortTask, Measured>(__dirname, "calibrate-worker", 1);

/**
 * Measure a gallery against itself, in a worker.
 * @throws a sentence when the wanted FMR is no share, or embeddings differ in length
 */
export async function calibrate(input: CalibrateInput): Promise<Calibration> {
  const { embeddings, names, comparison, threshold, stats, wantedFmr } = input;
  if (!(wantedFmr > 0 && wantedFmr < 1)) {
    throw new UserError("calibrate.wantedFmr", { fmr: wantedFmr });
  }
  const groups = byPerson(embeddings);
  const chosen = choose(groups, comparison === undefined ? MAX_PHOTOS : MAX_COHORT_PHOTOS);
  const rows = chosen.flat();
  const task = await pack(rows, threshold, comparison);
  pool.acquire();
  let measured: Measured;
  try {
    measured = await pool.run(task, { transfer: [task.vectors.buffer as ArrayBuffer], timeoutMs: TIMEOUT_MS });
  } finally {
    await pool.release();
  }

  const { from, genuine, impostor, genuineMatches, impostorMatches, impostorPairs, nearest, outliers } = measured;
  const size = comparison === undefined ? embeddings.length : groups.length;
  const own = distancesOf(genuine, impostor, size, from);
  const model = stats === undefined ? null : modelDistances(stats, comparison !== undefined, size);
  const photoOf = (row: number): PhotoOf => {
    const { personId, photoId } = rows[row] as LabelledEmbedding;
    return { personId, name: names.get(personId) ?? personId, photoId };
  };
  const drawn = rows.length < embeddings.length || own.impostorPairs < impostorPairs;
  return {
    distance: comparison === undefined ? "euclidean" : "cohort",
    threshold,
    wantedFmr,
    pairsForWantedFmr: trialsFor(wantedFmr),
    people: { counted: chosen.length, of: groups.length },
    photos: { counted: rows.length, of: embeddings.length },
    comparablePhotos: sum(chosen.filter((group) => group.length > 1).map(({ length }) => length)),
    impostorPairs: { counted: own.impostorPairs, of: impostorPairs },
    seed: drawn ? SEED : null,
    own,
    now: inGallery(
      {
        threshold,
        fmr: errorRate(impostorMatches, own.impostorPairs),
        fnmr: errorRate(own.genuinePairs - genuineMatches, own.genuinePairs),
      },
      size,
    ),
    model,
    suggestion: suggest(own, model, wantedFmr),
    nearest: nearest.map(({ a, b, distance }) => ({ distance, a: photoOf(a), b: photoOf(b) })),
    outliers: outliers.map(({ row, own: distance, other }) => ({
      photo: photoOf(row),
      codes: [
        ...(other === null ? [] : ["nearer_to_other" as const]),
        ...(distance > threshold ? ["far_from_own" as const] : []),
      ],
      own: distance,
      other: other === null ? null : { photo: photoOf(other.row), distance: other.distance },
    })),
    outlierCount: measured.outlierCount,
  };
}

/** What is known of the model; null where it was not measured by this distance. */
function modelDistances(stats: ModelStatistics, isCohort: boolean, size: number): Calibration["model"] {
  const { model, source, people, photos, cohort } = stats;
  const measured = isCohort ? cohort : { from: 0, genuine: stats.genuine, impostor: stats.impostor };
  if (measured === undefined) return null;
  const { from, genuine, impostor } = measured;
  return { model, source, people, photos, ...distancesOf(genuine, impostor, size, from) };
}

/** Embeddings of each person, in the order in which the gallery takes them. */
export function byPerson<T extends LabelledEmbedding>(embeddings: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const embedding of embeddings) {
    const group = groups.get(embedding.personId);
    if (group === undefined) groups.set(embedding.personId, [embedding]);
    else group.push(embedding);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => (a.photoId < b.photoId ? -1 : 1)));
}

/** As many embeddings as can be measured, of whole people. */
export function choose<T extends LabelledEmbedding>(groups: T[][], most: number): T[][] {
  const random = seeded(SEED);
  const bounded = groups.map((group) =>
    group.length <= MAX_PHOTOS_OF_PERSON ? group : shuffled(group, random).slice(0, MAX_PHOTOS_OF_PERSON),
  );
  if (sum(bounded.map(({ length }) => length)) <= most) return bounded;
  let room = most;
  return shuffled(bounded, random).filter(({ length }) => {
    room -= length;
    return room >= 0;
  });
}

async function pack(
  rows: readonly LabelledEmbedding[],
  threshold: number,
  comparison: Comparison | undefined,
): Promise<MeasureTask | CohortTask> {
  const bounds = { threshold, maxPairs: MAX_PAIRS, seed: SEED, maxNearest: MAX_NEAREST, maxOutliers: MAX_OUTLIERS };
  if (comparison !== undefined) return { ...(await packSpace(rows, comparison)), ...bounds };
  return { ...(await packRows(rows, rows[0]?.vector.length ?? 0)), ...bounds };
}

/** Of people one after the other, and what their embeddings are normalised by. @throws as calibrate */
export async function packSpace(rows: readonly LabelledEmbedding[], comparison: Comparison): Promise<SpaceTask> {
  const { normalisation } = comparison;
  const { dimensions } = normalisation;
  const { vectors, people } = await packRows(rows, dimensions);
  const strangers = comparison.strangers.filter(({ length }) => length === dimensions).map(toUnitLength);
  return {
    vectors,
    dimensions,
    people,
    normalisation,
    sure: Uint8Array.from(rows, ({ sure }) => Number(sure === true)),
    strangers: Float32Array.from(strangers.flatMap((stranger) => [...stranger])),
  };
}

async function packRows(
  rows: readonly LabelledEmbedding[],
  dimensions: number,
): Promise<Pick<MeasureTask, "vectors" | "dimensions" | "people" | "photos">> {
  const vectors = new Float32Array(rows.length * dimensions);
  const [people, photos] = [new Int32Array(rows.length), new Int32Array(rows.length)];
  const [personIndex, photoIndex] = [new Map<string, number>(), new Map<string, number>()];
  const indexIn = (map: Map<string, number>, id: string): number => {
    const index = map.get(id) ?? map.size;
    map.set(id, index);
    return index;
  };
  for (const [row, { personId, photoId, vector }] of rows.entries()) {
    if (vector.length !== dimensions) {
      throw new UserError("calibrate.mixed", { length: dimensions, other: vector.length });
    }
    vectors.set(vector, row * dimensions);
    people[row] = indexIn(personIndex, personId);
    photos[row] = indexIn(photoIndex, photoId);
    if (row % COPIED_AT_ONCE === COPIED_AT_ONCE - 1) await setImmediate();
  }
  return { vectors, dimensions, people, photos };
}
