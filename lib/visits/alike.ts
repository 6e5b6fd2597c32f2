/** Was this face here before? The visits whose faces are most alike. */
import { UserError } from "../errors";
import type { Normalisation } from "../embed/normalise";
import { StagePool } from "../workers/pool";
import { SerialQueue } from "../workers/serial-queue";
import type { AlikeAnswer, AlikeTask } from "./alike-worker";
import type { KeptVisits, VisitRecord } from "./book";
import type { NearRow } from "./near-rows";

export interface AlikeVisit {
  visit: VisitRecord;
  /** By d' with the network's own cohort where it has one, else Euclidean: as strangers are told apart. */
  distance: number;
}

/** What decides. */
export interface AlikeBy {
  model: string;
  normalisation: Normalisation | undefined;
}

/** Visits that are looked at, the newest; a year of 500 a day. */
export const MOST_LOOKED_AT = 200_000;
/**
 * So many of the nearest by Euclidean distance are measured by d', each of which costs a comparison with the whole
 * cohort.
 * ½ R differs by some hundredths between faces, so that who is nearest by d' is among them.
 */
const MEASURED = 200;
/** Rows that a worker gets at once: with 512 dimensions 2 MB. */
const CHUNK = 1000;
/** Questions that wait; each takes some seconds in a large book. */
const MOST_WAITING = 4;

interface Candidate {
  number: number;
  vector: Float32Array;
  distance: number;
}

/** Visits are read in turns of the event loop, and compared in a worker. */
export class Alike {
  readonly #visits: KeptVisits;
  readonly #signal: AbortSignal;
  readonly #pool = new StagePool<AlikeTask, AlikeAnswer>(__dirname, "alike-worker", 1);
  readonly #questions = new SerialQueue();

  /** @param signal aborted when the gallery closes */
  constructor(visits: KeptVisits, signal: AbortSignal) {
    this.#visits = visits;
    this.#signal = signal;
  }

  /**
   * @param probes embeddings of the model
   * @returns of each probe at most `limit` visits, the nearest first
   * @throws a sentence when too many ask at once
   */
  find(probes: readonly Float32Array[], by: AlikeBy, limit: number): Promise<AlikeVisit[][]> {
    if (this.#questions.length >= MOST_WAITING) throw new UserError("visits.alikeBusy", { most: MOST_WAITING });
    return this.#questions.run(async () => {
      this.#pool.acquire();
      try {
        const near = await this.#near(probes, by);
        return await Promise.all(near.map((some, at) => this.#measured(probes[at] as Float32Array, some, by, limit)));
      } finally {
        await this.#pool.release();
      }
    });
  }

  async #near(probes: readonly Float32Array[], { model, normalisation }: AlikeBy): Promise<Candidate[][]> {
    const [first] = probes;
    const best: Candidate[][] = probes.map(() => []);
    if (first === undefined) return best;
    let waiting: { number: number; vector: Float32Array }[] = [];
    const flush = async (): Promise<void> => {
      const rows = waiting;
      waiting = [];
      if (rows.length === 0) return;
      const values = new Float32Array(rows.length * first.length);
      for (const [row, { vector }] of rows.entries()) values.set(vector, row * first.length);
      const unit = normalisation !== undefined;
      const answer = await this.#pool.run(
        { what: "near", probes, values, count: MEASURED, unit },
        { transfer: [values.buffer] },
      );
      const found: NearRow[][] = "rows" in answer ? answer.rows : [];
      for (const [at, near] of found.entries()) {
        const theirs = near.flatMap(({ row, distance }) => {
          const of = rows[row];
          return of === undefined ? [] : [{ ...of, distance }];
        });
        best[at] = [...(best[at] ?? []), ...theirs].sort((a, b) => a.distance - b.distance).slice(0, MEASURED);
      }
    };
    for await (const faces of this.#visits.faces(model, MOST_LOOKED_AT)) {
      this.#signal.throwIfAborted();
      // Somebody's own network may have changed its length under the same name.
      waiting.push(...faces.filter(({ vector }) => vector.length === first.length));
      if (waiting.length >= CHUNK) await flush();
    }
    await flush();
    return best;
  }

  async #measured(
    probe: Float32Array,
    candidates: readonly Candidate[],
    { normalisation }: AlikeBy,
    limit: number,
  ): Promise<AlikeVisit[]> {
    const vectors = candidates.map(({ vector }) => vector);
    const answer = await this.#pool.run({ what: "measure", probe, vectors, normalisation });
    const distances = "distances" in answer ? answer.distances : [];
    const nearest = candidates
      .map(({ number }, at) => ({ number, distance: distances[at] ?? Infinity }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, limit);
    const records = await this.#visits.numbered(nearest.map(({ number }) => number));
    return nearest.flatMap(({ distance }, at) => {
      const visit = records[at];
      return visit === undefined ? [] : [{ visit, distance }];
    });
  }
}
