/** The attendance books of a gallery: opened when they are needed, and kept in step with who is in the gallery. */
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import { heard } from "../observe/heard";
import { Health } from "../people/lmdb/health";
import { MAY_MISS, type PeopleStore, type Refusal } from "../people/store";
import { asStorageError, StorageError } from "../storage";
import { phrase } from "../words/sentence";
import { AttendancePart } from "./archive";
import { Ledger, type LedgerSource, NotWiped, type WhyForgotten } from "./ledger";

/** People who were deleted lately. */
const MOST_FORGOTTEN = 100;

export class Books {
  readonly #source: LedgerSource | undefined;
  readonly #store: PeopleStore;
  readonly #onError: (error: unknown) => void;
  readonly #health: Health;
  #ledger: Promise<Ledger> | undefined;
  /** By person, also what has ended: whoever deleted them asks a moment later. */
  readonly #forgetting = new BoundedMap<string, Promise<number | undefined>>(MOST_FORGOTTEN);
  /** People who were deleted, here or at another site, and whose check-ins the disk keeps for now. */
  readonly #unforgotten = new Map<string, WhyForgotten>();
  #closed = false;

  /**
   * @param onError what a deletion that nobody waits for could not delete, where it is no refusal of the disk
   * @param onDisk what the disk refuses has changed
   */
  constructor(
    source: LedgerSource | undefined,
    store: PeopleStore,
    onError: (error: unknown) => void,
    onDisk: () => void = () => undefined,
  ) {
    this.#source = source;
    this.#store = store;
    this.#onError = onError;
    this.#health = new Health({
      where: "attendance",
      onProblem: (problem) => source?.onProblem?.(problem),
      onDisk: () => {
        onDisk();
        this.#catchUp();
      },
    });
  }

  /** What the disk refuses now; empty when all is well. Tried again and again. */
  get refusals(): Refusal[] {
    return this.#health.refusals;
  }

  /** Whether check-ins of people who were deleted may still be on the disk, in backups too. */
  get unwiped(): boolean {
    return this.#unforgotten.size > 0 || this.refusals.length > 0;
  }

  /** @throws a sentence; StorageError */
  open(): Promise<Ledger> {
    const source = this.#source;
    if (source === undefined) return Promise.reject(new UserError("attendance.nowhere"));
    if (this.#ledger === undefined) {
      const opening = this.#openFrom(source);
      this.#ledger = opening;
      // Tried again by whoever asks next.
      opening.catch((error: unknown) => {
        if (this.#ledger === opening) this.#ledger = undefined;
        if (error instanceof StorageError) this.#health.refused("unwritable_store", error, () => this.#reopen());
      });
    }
    return this.#ledger;
  }

  /** Check-ins of people who were deleted when a crash came in between are deleted. Never rejects. */
  async load(): Promise<void> {
    await this.#there().catch(this.#tell);
  }

  /** People are deleted, at once: one by one each would rewrite the whole database. */
  forget(people: readonly string[]): void {
    // Whoever waits for it hears it too.
    this.#begin(people, "forgotten").catch(this.#tell);
  }

  /** The same of people whom another site has deleted: a receipt waits for it. @throws StorageError */
  async wipe(people: readonly string[]): Promise<void> {
    const done = this.#begin(people, "wiped");
    done.catch(this.#tell);
    await done;
  }

  #begin(people: readonly string[], why: WhyForgotten): Promise<number | undefined> {
    for (const person of people) this.#unforgotten.set(person, why);
    const done = this.#forget(people, why);
    for (const person of people) this.#forgetting.set(person, done);
    return done;
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
    this.#closed = true;
    this.#health.close();
    await Promise.allSettled(this.#forgetting.values());
    await this.#ledger?.then((ledger) => ledger.close()).catch(() => undefined);
  }

  /** @throws StorageError; then it is done once the disk takes it */
  async #forget(people: readonly string[], why: WhyForgotten): Promise<number | undefined> {
    try {
      const forgotten = await (await this.#there())?.forget(people, why);
      for (const person of people) this.#unforgotten.delete(person);
      return forgotten;
    } catch (error) {
      if (!(error instanceof NotWiped))
        throw asStorageError(error, this.#source?.folder ?? "", phrase("attendance.notForgotten"));
      for (const person of people) this.#unforgotten.delete(person);
      throw error;
    }
  }

  /** The disk takes something again: what waits is done. */
  #catchUp(): void {
    if (this.#closed || this.#unforgotten.size === 0) return;
    if (this.#health.refuses("unwritable_store")) return;
    for (const why of ["forgotten", "wiped"] as const) {
      const people = [...this.#unforgotten].flatMap(([person, each]) => (each === why ? [person] : []));
      if (people.length > 0) heard("attendance", this.#forget(people, why));
    }
  }

  /** Whether it can be opened again. Never rejects. */
  async #reopen(): Promise<void> {
    if (this.#closed) return;
    await this.open().then(
      () => this.#health.taken("unwritable_store"),
      () => undefined,
    );
  }

  /** What the disk refuses is told as that. */
  readonly #tell = (error: unknown): void => {
    if (!(error instanceof StorageError)) this.#onError(error);
  };

  /** The ledger where there is one. */
  async #there(): Promise<Ledger | undefined> {
    return this.#ledger !== undefined || (await this.#source?.isThere()) === true ? this.open() : undefined;
  }

  async #openFrom(source: LedgerSource): Promise<Ledger> {
    const { folder, encrypted, onProblem } = source;
    const trusted = !this.#store.problems.some(({ code }) => MAY_MISS.has(code));
    const isKnown = (person: string): boolean => !trusted || this.#store.person(person) !== undefined;
    try {
      const opened = await source.open();
      const options = { folder, encrypted, isKnown, onProblem, onError: this.#tell, health: this.#health };
      const ledger = await Ledger.open(opened, options);
      this.#health.taken("unwritable_store");
      return ledger;
    } catch (error) {
      throw asStorageError(error, folder, phrase("attendance.cannotOpen"));
    }
  }
}
