/**
 * Which message a busy stage works on next. Frames are live: only the newest waiting one of each source is kept.
 * Messages without a source (photos somebody waits for) are queued, with a bound. Sources take turns.
 */
import { heard } from "../observe/heard";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";

export interface InboxOptions {
  /** "latest" keeps the newest waiting frame of a source; "queue" keeps all, up to `bound`. */
  policy: "latest" | "queue";
  /** How many may wait in the queue. */
  bound: number;
  /** How many sources may have a frame waiting at once. */
  maxSources?: number;
}

export interface Job {
  run: () => Promise<void>;
  /** Called instead of run when a newer frame took this one's place. */
  drop: () => void;
}

const DEFAULT_MAX_SOURCES = 64;

export class Inbox {
  readonly #options: InboxOptions;
  readonly #newest = new Map<string, Job>();
  readonly #queue: Job[] = [];
  readonly #dropped = new BoundedMap<string, number>(10 * DEFAULT_MAX_SOURCES);
  #busy = false;
  #queueTurn = false;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Frames of this source that newer ones replaced so far. */
  dropped(source: string): number {
    return this.#dropped.get(source) ?? 0;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#newest.size + this.#queue.length;
  }

  /** Take a job in. @throws Error when the queue is full. */
  offer(source: string | undefined, job: Job): void {
    if (this.#closed) {
      job.drop();
      return;
    }
    if (source === undefined || this.#options.policy === "queue") this.#enqueue(job);
    else this.#replace(source, job);
    heard("inbox", this.#work());
  }

  /** Drop all that waits; the running job ends by itself. */
  close(): void {
    this.#closed = true;
    for (const job of [...this.#newest.values(), ...this.#queue.splice(0)]) job.drop();
    this.#newest.clear();
  }

  #enqueue(job: Job): void {
    if (this.#queue.length >= this.#options.bound)
      throw new UserError("workers.tooManyWaiting", { most: this.#options.bound });
    this.#queue.push(job);
  }

  #replace(source: string, job: Job): void {
    const older = this.#newest.get(source);
    if (older === undefined && this.#newest.size >= (this.#options.maxSources ?? DEFAULT_MAX_SOURCES))
      throw new UserError("workers.tooManySources", { number: this.#newest.size });
    this.#newest.set(source, job);
    if (older === undefined) return;
    this.#dropped.set(source, this.dropped(source) + 1);
    older.drop();
  }

  #next(): Job | undefined {
    // A Map iterates in order of insertion, so the source that waited longest comes first; queue and frames take
    // turns.
    this.#queueTurn = !this.#queueTurn;
    const [source] = this.#newest.keys();
    if (source === undefined || (this.#queueTurn && this.#queue.length > 0)) return this.#queue.shift();
    const job = this.#newest.get(source);
    this.#newest.delete(source);
    return job;
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let job = this.#next(); job !== undefined; job = this.#next()) await job.run();
    } finally {
      this.#busy = false;
    }
  }
}
