/** The attendance books of a gallery: opened when they are needed, and kept in step with who is in the gallery. */
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import type { PeopleStore } from "../people/store";
import { AttendancePart } from "./archive";
import { Ledger, type LedgerSource } from "./ledger";

/** With these the people may be those of an earlier day: nobody is gone because they are not among them. */
const DAMAGED: ReadonlySet<string> = new Set(["damaged_database", "no_backup", "bad_record"]);

/** People who were deleted lately. */
const MOST_FORGOTTEN = 100;

export class Books {
  readonly #source: LedgerSource | undefined;
  readonly #store: PeopleStore;
  readonly #onError: (error: unknown) => void;
  #ledger: Promise<Ledger> | undefined;
  /** By person, also what has ended: whoever deleted them asks a moment later. */
  readonly #forgetting = new BoundedMap<string, Promise<number | undefined>>(MOST_FORGOTTEN);

  /** @param onError what a deletion that nobody waits for could not delete */
  constructor(source: LedgerSource | undefined, store: PeopleStore, onError: (error: unknown) => void) {
    this.#source = source;
    this.#store = store;
    this.#onError = onError;
  }

  /** @throws a sentence; StorageError */
  open(): Promise<Ledger> {
    const source = this.#source;
    if (source === undefined) return Promise.reject(new UserError("attendance.nowhere"));
    if (this.#ledger === undefined) {
      const opening = this.#openFrom(source);
      this.#ledger = opening;
      // Tried again by whoever asks next.
      opening.catch(() => {
        if (this.#ledger === opening) this.#ledger = undefined;
      });
    }
    return this.#ledger;
  }

  /** Check-ins of people who were deleted when a crash came in between are deleted. Never rejects. */
  async load(): Promise<void> {
    await this.#there().catch(this.#onError);
  }

  /** People are deleted, at once: one by one each would rewrite the whole database. */
  forget(people: readonly string[]): void {
    const done = this.#there().then((ledger) => ledger?.forget(people));
    for (const person of people) this.#forgetting.set(person, done);
    // Whoever waits for it hears it too.
    done.catch(this.#onError);
  }

  /** @returns how many check-ins were deleted with a person; undefined where there are no books */
  async forgotten(person: string): Promise<number | undefined> {
    return this.#forgetting.get(person);
  }

  /** Two people are one. */
  async merge(from: string, into: string): Promise<void> {
    await (await this.#there())?.merge(from, into);
  }

  /** For an export or an import. @param here ids of the nodes of books that are deployed */
  async part(here?: readonly string[]): Promise<AttendancePart> {
    return new AttendancePart(await this.#there(), () => this.open(), here);
  }

  /** Nothing is written any more once this resolves. Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#forgetting.values());
    await this.#ledger?.then((ledger) => ledger.close()).catch(() => undefined);
  }

  /** The ledger where there is one. */
  async #there(): Promise<Ledger | undefined> {
    return this.#ledger !== undefined || (await this.#source?.isThere()) === true ? this.open() : undefined;
  }

  async #openFrom(source: LedgerSource): Promise<Ledger> {
    const { folder, encrypted, onProblem } = source;
    const trusted = !this.#store.problems.some(({ code }) => DAMAGED.has(code));
    const isKnown = (person: string): boolean => !trusted || this.#store.person(person) !== undefined;
    const onError = this.#onError;
    return Ledger.open(await source.open(), { folder, encrypted, isKnown, onError, onProblem });
  }
}
