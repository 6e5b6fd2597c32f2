/**
 * How near strangers come to the people of one gallery, as its own photos and the strangers who are kept show it,
 * beside the tail of the model's d'. Photos of other people stand for strangers. Measured in a worker.
 */
import type { Comparison, KnownEmbedding } from "../search/known";
import { Again } from "../workers/again";
import { StagePool } from "../workers/pool";
import { byPerson, packSpace } from "./calibrate";
import type { OwnTail } from "./figures";
import type { OwnEdges, OwnTask } from "./own-edges";
import { type Edge, isEnough, type Tail, thresholdAt } from "./tail";

/** What is drawn of a larger gallery: then 19,900 pairs say it. */
export const MOST_PEOPLE = 200;
/** Of a person; more hardly change their mean. */
export const MOST_PHOTOS = 5;
/** Strangers and people come all day: at most so much of the time is spent on it. */
const SHARE = 0.02;
const TIMEOUT_MS = 600_000;

const pool = new StagePool<OwnTask, OwnEdges>(__dirname, "own-tail-worker", 1);

export interface OwnTailOptions {
  tail: Tail;
  /** Up to MOST_PHOTOS of each of up to MOST_PEOPLE. */
  drawn: () => readonly KnownEmbedding[];
  comparison: () => Comparison;
  /** What was measured is another one than before. */
  onChange: () => void;
}

/** Of a gallery as it is now, but for what came a moment ago. */
export class OwnTails {
  readonly #options: OwnTailOptions;
  readonly #again: Again;
  #now: OwnTail | undefined;
  /** Whether somebody left since it was measured. */
  #gone = false;
  #closed = false;

  constructor(options: OwnTailOptions) {
    this.#options = options;
    this.#again = new Again(() => this.#measure(), SHARE);
  }

  /** Undefined where there are too few people, or before it was measured. */
  get now(): OwnTail | undefined {
    return this.#now;
  }

  /** People, photos or strangers came or went. @param gone photos went */
  change(gone = false): void {
    this.#gone ||= gone;
    this.#again.later();
  }

  /** Once it is that of the gallery as it is now. */
  async refreshed(): Promise<void> {
    await this.#again.settled();
  }

  close(): void {
    this.#closed = true;
    this.#again.close();
  }

  async #measure(): Promise<void> {
    const { tail, drawn, comparison, onChange } = this.#options;
    const before = this.#now;
    const gone = this.#gone;
    this.#gone = false;
    const now = await ownTailOf(drawn(), comparison(), tail).catch((error: unknown) => {
      this.#gone ||= gone;
      throw error;
    });
    // Who comes does not loosen the door: that may be as much chance as before.
    const kept = now !== undefined && before !== undefined && !gone && now.strangers >= before.strangers;
    this.#now = kept ? { ...now, nearer: Math.max(now.nearer, before.nearer) } : now;
    if (!this.#closed && (now !== undefined || before !== undefined)) onChange();
  }
}

/** @param embeddings of people, in any order */
export async function ownTailOf(
  embeddings: readonly KnownEmbedding[],
  comparison: Comparison,
  tail: Tail,
): Promise<OwnTail | undefined> {
  const groups = byPerson(embeddings).sort(([a], [b]) => ((a?.personId ?? "") < (b?.personId ?? "") ? -1 : 1));
  const people = groups.length;
  if (people === 0) return undefined;
  const space = await packSpace(groups.flat(), comparison);
  const strangers = space.strangers.length / space.dimensions;
  if (!isEnough((people * (people - 1)) / 2) && !isEnough(people * strangers)) return undefined;
  pool.acquire();
  let edges: OwnEdges;
  try {
    edges = await pool.run({ ...space, templates: tail.templates }, { timeoutMs: TIMEOUT_MS });
  } finally {
    await pool.release();
  }
  const known = [edges.people, edges.strangers].filter((edge): edge is Edge => edge !== undefined);
  return {
    nearer: Math.max(...known.map(({ fmr, low }) => thresholdAt(tail, fmr) - low)),
    people,
    strangers: edges.strangers === undefined ? 0 : strangers,
    comparisons: known.reduce((sum, { pairs }) => sum + pairs, 0),
  };
}
