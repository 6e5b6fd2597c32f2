/** What is wrong with a store, and what its disk refuses. */
import { tryDisk } from "../../files";
import { heard } from "../../observe/heard";
import { asStorageError, StorageError } from "../../storage";
import { phrase, worded } from "../../words/sentence";
import type { Refusal, StoreProblem } from "../store";
import type { Database } from "./database";

/** How often it is tried whether the disk takes anything again. */
const RETRY_MS = 3000;

export interface HealthHost {
  /** As of a Failure. */
  where: string;
  /** Hears of damage, and of what was done about it. */
  onProblem: (problem: StoreProblem) => void;
  /** What the disk refuses has changed. */
  onDisk: () => void;
}

export class Health {
  readonly #host: HealthHost;
  readonly #problems = new Map<string, StoreProblem>();
  readonly #refusals = new Map<Refusal["code"], StorageError>();
  /**
   * Keys of records that are none, though they were sealed well: set aside, on the disk and in the backups, and known
   * to nobody.
   */
  readonly bad = new Set<string>();
  #badTold = 0;
  /** Whether a record turned out damaged since the start: the next one looks at all of them. */
  damaged = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: HealthHost) {
    this.#host = host;
  }

  get problems(): StoreProblem[] {
    return [...this.#problems.values()];
  }

  get refusals(): Refusal[] {
    return [...this.#refusals].map(([code, error]) => ({ code, error }));
  }

  /** Told now, and as long as the gallery runs. */
  tell(problem: StoreProblem): void {
    this.#problems.set(problem.code, problem);
    this.#host.onProblem(problem);
  }

  isOver(code: StoreProblem["code"]): void {
    this.#problems.delete(code);
  }

  /** @param kindOf a key's kind of record */
  tellOfBad(folder: string, kindOf: (key: string) => string): void {
    if (this.bad.size === this.#badTold) return;
    this.#badTold = this.bad.size;
    const kinds = [...this.bad].map(kindOf);
    const counts = [...new Set(kinds)].map((kind) => `${kind}: ${kinds.filter((each) => each === kind).length}`);
    this.tell({
      code: "bad_record",
      ...worded(phrase("people.badRecords", { number: this.bad.size, folder, counts })),
    });
  }

  forgetBad(): void {
    this.bad.clear();
    this.#badTold = 0;
    this.isOver("bad_record");
  }

  refuses(code: Refusal["code"]): boolean {
    return this.#refusals.has(code);
  }

  /**
   * The disk refused: that is told until it takes something again, which is tried now and then.
   * @param retry tries it
   */
  refused(code: Refusal["code"], error: StorageError, retry: () => Promise<void>): void {
    const before = this.#refusals.get(code);
    this.#refusals.set(code, error);
    if (code === "unwritable_store" && !this.#closed) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => heard(this.#host.where, retry()), RETRY_MS).unref();
    }
    if (before?.reason !== error.reason) this.#host.onDisk();
  }

  taken(code: Refusal["code"]): void {
    if (this.#refusals.delete(code)) this.#host.onDisk();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
  }
}

/** Look whether the disk takes anything again. @returns why it does not */
export async function refusalOf(folder: string, database: Database): Promise<StorageError | undefined> {
  try {
    await tryDisk(folder);
    await database.tryOut();
    return undefined;
  } catch (error) {
    const refused = asStorageError(error, folder);
    return refused instanceof StorageError ? refused : new StorageError({ reason: "EIO", folder, cause: error });
  }
}
