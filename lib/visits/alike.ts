/** Was this face here before? The visits whose faces are most alike. */
import { UserError } from "../errors";
import type { Normalisation } from "../embed/normalise";
import { StagePool } from "../workers/pool";
import { SerialQueue } from "../workers/serial-queue";
import type { AlikeAnswer, AlikeTask } from "./alike-worker";
import type { KeptVisits, VisitRecord } from "./book";

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
/** Rows that a worker gets at once: with 512 dimensions 2 MB. */
const CHUNK = 1000;
/** Questions that wait; each takes some seconds in a large book. */
const MOST_WAITING = 4;

type Faces = Pick<KeptVisits, "faces" | "numbered">;

interface Candidate {
  number: number;
  distance: number;
}

/** Visits are read in turns of the event loop, and compared in a worker. */
export class Alike {
  readonly #visits: Faces;
  readonly #signal: AbortSignal;
  readonly #pool = new StagePool<AlikeTask, AlikeAnswer>(__dirname, "alike-worker", 1);
  readonly #questions = new SerialQueue();

  /** @param signal aborted when the gallery closes */
  constructor(visits: Faces, signal: AbortSignal) {
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
        const near = await this.#near(probes, by, limit);
        return await Promise.all(near.map((nearest) => this.#told(nearest)));
      } finally {
        await this.#pool.release();
      }
    });
  }

  /** Every visit is measured, or is farther by a bound than as many others as are wanted: see nearestRows. */
  async #near(
    probes: readonly Float32Array[],
    { model, normalisation }: AlikeBy,
    count: number,
  ): Promise<Candidate[][]> {
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
      const within = best.map((nearest) => nearest[count - 1]?.distance ?? Infinity);
      const found = await this.#pool.run(
        { probes, values, count, normalisation, within },
        { transfer: [values.buffer] },
      );
      for (const [at, near] of found.entries()) {
        const theirs = near.flatMap(({ row, distance }) => {
          const of = rows[row];
          return of === undefined ? [] : [{ number: of.number, distance }];
        });
        best[at] = [...(best[at] ?? []), ...theirs].sort((a, b) => a.distance - b.distance).slice(0, count);
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

  async #told(nearest: readonly Candidate[]): Promise<AlikeVisit[]> {
    const records = await this.#visits.numbered(nearest.map(({ number }) => number));
    return nearest.flatMap(({ distance }, at) => {
      const visit = records[at];
      return visit === undefined ? [] : [{ visit, distance }];
    });
  }
}
