import { setImmediate } from "node:timers/promises";
import { UserError } from "../errors";
import { StagePool } from "../workers/pool";
import { type Calibration, distancesOf, inGallery, type ModelStatistics, type PhotoOf, suggest } from "./calibration";
import type { Measured, MeasureTask } from "./measure";
import { errorRate, seeded, shuffled, sum, trialsFor } from "./statistics";

export interface LabelledEmbedding {
  personId: string;
  photoId: string;
  vector: Float32Array;
}

export interface CalibrateInput {
  /** Of one model. */
  embeddings: readonly LabelledEmbedding[];
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
/** Of so many photos the nearest people are found exactly, in about half a minute; of more as many are drawn, by whole people. */
const MAX_PHOTOS = 20_000;
/** Nobody needs more photos; genuine pairs grow with their square. */
const MAX_PHOTOS_OF_PERSON = 1000;
const MAX_NEAREST = 10;
const MAX_OUTLIERS = 100;
const SEED = 1;
/** Half a minute where nothing else runs, much longer where a camera has the machine. */
const TIMEOUT_MS = 600_000;
/** Embeddings copied before the event loop has its turn. */
const COPIED_AT_ONCE = 2000;

const pool = new StagePool<MeasureTask, Measured>(__dirname, "calibrate-worker", 1);

/**
 * Measure a gallery against itself, in a worker.
 * @throws a sentence when the wanted FMR is no share, or embeddings differ in length
 */
export async function calibrate({ embeddings, names, threshold, stats, wantedFmr }: CalibrateInput): Promise<Calibration> {
  if (!(wantedFmr > 0 && wantedFmr < 1)) throw new UserError(`the wanted false match rate is ${wantedFmr}: give a share above 0 and below 1, 0.001 for one in a thousand.`);
  const groups = byPerson(embeddings);
  const chosen = choose(groups);
  const rows = chosen.flat();
  const task = await pack(rows, threshold);
  pool.acquire();
  let measured: Measured;
  try {
    measured = await pool.run(task, { transfer: [task.vectors.buffer as ArrayBuffer], timeoutMs: TIMEOUT_MS });
  } finally {
    await pool.release();
  }

  const { genuine, impostor, genuineMatches, impostorMatches, impostorPairs, nearest, outliers, outlierCount } = measured;
  const size = embeddings.length;
  const own = distancesOf(genuine, impostor, size);
  const model = stats === undefined ? null : { model: stats.model, source: stats.source, people: stats.people, photos: stats.photos, ...distancesOf(stats.genuine, stats.impostor, size) };
  const photoOf = (row: number): PhotoOf => {
    const { personId, photoId } = rows[row] as LabelledEmbedding;
    return { personId, name: names.get(personId) ?? personId, photoId };
  };
  const drawn = rows.length < embeddings.length || own.impostorPairs < impostorPairs;
  return {
    threshold,
    wantedFmr,
    pairsForWantedFmr: trialsFor(wantedFmr),
    people: { counted: chosen.length, of: groups.length },
    photos: { counted: rows.length, of: embeddings.length },
    comparablePhotos: sum(chosen.filter((group) => group.length > 1).map(({ length }) => length)),
    impostorPairs: { counted: own.impostorPairs, of: impostorPairs },
    seed: drawn ? SEED : null,
    own,
    now: inGallery({ threshold, fmr: errorRate(impostorMatches, own.impostorPairs), fnmr: errorRate(own.genuinePairs - genuineMatches, own.genuinePairs) }, size),
    model,
    suggestion: suggest(own, model, wantedFmr),
    nearest: nearest.map(({ a, b, distance }) => ({ distance, a: photoOf(a), b: photoOf(b) })),
    outliers: outliers.map(({ row, own: distance, other }) => ({
      photo: photoOf(row),
      codes: [...(other === null ? [] : ["nearer_to_other" as const]), ...(distance > threshold ? ["far_from_own" as const] : [])],
      own: distance,
      other: other === null ? null : { photo: photoOf(other.row), distance: other.distance },
    })),
    outlierCount,
  };
}

function byPerson(embeddings: readonly LabelledEmbedding[]): LabelledEmbedding[][] {
  const groups = new Map<string, LabelledEmbedding[]>();
  for (const embedding of embeddings) {
    const group = groups.get(embedding.personId);
    if (group === undefined) groups.set(embedding.personId, [embedding]);
    else group.push(embedding);
  }
  return [...groups.values()];
}

/** Embeddings by person, as many as can be measured. */
function choose(groups: LabelledEmbedding[][]): LabelledEmbedding[][] {
  const random = seeded(SEED);
  const bounded = groups.map((group) => (group.length <= MAX_PHOTOS_OF_PERSON ? group : shuffled(group, random).slice(0, MAX_PHOTOS_OF_PERSON)));
  if (sum(bounded.map(({ length }) => length)) <= MAX_PHOTOS) return bounded;
  let room = MAX_PHOTOS;
  return shuffled(bounded, random).filter(({ length }) => {
    room -= length;
    return room >= 0;
  });
}

async function pack(rows: readonly LabelledEmbedding[], threshold: number): Promise<MeasureTask> {
  const dimensions = rows[0]?.vector.length ?? 0;
  const vectors = new Float32Array(rows.length * dimensions);
  const [people, photos] = [new Int32Array(rows.length), new Int32Array(rows.length)];
  const [personIndex, photoIndex] = [new Map<string, number>(), new Map<string, number>()];
  const indexIn = (map: Map<string, number>, id: string): number => {
    const index = map.get(id) ?? map.size;
    map.set(id, index);
    return index;
  };
  for (const [row, { personId, photoId, vector }] of rows.entries()) {
    if (vector.length !== dimensions) throw new UserError(`embeddings of ${dimensions} and ${vector.length} dimensions cannot be calibrated together: give those of one model.`);
    vectors.set(vector, row * dimensions);
    people[row] = indexIn(personIndex, personId);
    photos[row] = indexIn(photoIndex, photoId);
    if (row % COPIED_AT_ONCE === COPIED_AT_ONCE - 1) await setImmediate();
  }
  return { vectors, dimensions, people, photos, threshold, maxPairs: MAX_PAIRS, seed: SEED, maxNearest: MAX_NEAREST, maxOutliers: MAX_OUTLIERS };
}
