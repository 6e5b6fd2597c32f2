/**
 * Check-ins on disk, of all books of a gallery: a book is what one face-attendance node keeps. Beside the people,
 * sealed as they are. Whatever a promise here has resolved for survives a power cut; what was deleted is in no old
 * page.
 */
import { UserError } from "../errors";
import { heard } from "../observe/heard";
import type { Changes } from "../people/lmdb/database";
import type { BesideDatabase } from "../people/lmdb/beside";
import { pack, unpack } from "../people/records";
import { asStorageError } from "../storage";
import { SerialQueue } from "../workers/serial-queue";
import { type CheckIn, checkInSchema } from "./check-in";

/** How far a book has come. */
export interface Progress {
  /** The revision of the gallery's visits up to which they were read. */
  revision: number;
  /** The largest `order` that was told. */
  told: number;
  /** The largest `serial` and `order` that there were. */
  serial: number;
  order: number;
}

/** A visit whose check-in is the one before it, so that reading it again is none either. */
export interface Same {
  id: string;
  person: string;
}

/** What of a visit is known that came by message: where it was, as far as it was told. */
export interface Followed {
  visit: string;
  sequence: number;
  stays: { zone: string; source: string; camera: string; from: number; until: number }[];
}

/** One write. */
export interface Entry {
  rows?: readonly CheckIn[];
  sames?: readonly Same[];
  /** Visits that go on. */
  followed?: readonly Followed[] | undefined;
  progress?: Progress;
}

/** Where check-ins are kept. */
export interface LedgerSource {
  /** Whether there are some. */
  isThere(): Promise<boolean>;
  /** Opened for one ledger, which closes it. */
  open(): Promise<BesideDatabase>;
  folder: string;
  encrypted: boolean;
}

/** A database; in a test without backups. */
export type Opened = Pick<BesideDatabase, "database"> & Partial<BesideDatabase>;

/** A backup is made so long after a change: it writes the whole database, and memory cards wear out. */
const SETTLE_MS = 15 * 60_000;

const START: Progress = { revision: 0, told: 0, serial: 0, order: 0 };
const MARK = "sealed";
const KINDS = ["row", "same", "followed", "progress"] as const;
/** What is told of visits that never end is forgotten at some time. */
export const MOST_FOLLOWED = 500;

/** Of one book, in memory as long as the ledger is open. */
interface Shelf {
  rows: Map<string, CheckIn>;
  /** Of each person, in the order in which they happened. */
  byPerson: Map<string, CheckIn[]>;
  sames: Map<string, string>;
  followed: readonly Followed[];
  progress: Progress;
}

export class Ledger {
  readonly #database: BesideDatabase["database"];
  readonly #backups: BesideDatabase["backups"] | undefined;
  readonly #folder: string;
  readonly #shelves = new Map<string, Shelf>();
  readonly #work = new SerialQueue();
  #bad = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor({ database, backups }: Opened, folder: string) {
    this.#database = database;
    this.#backups = backups;
    this.#folder = folder;
  }

  /**
   * @param opened that nobody else has
   * @param folder for sentences
   * @param isKnown whether there is such a person: of others nothing is kept
   */
  static async open(
    opened: Opened,
    { folder, encrypted, isKnown }: { folder: string; encrypted: boolean; isKnown: (person: string) => boolean },
  ): Promise<Ledger> {
    const ledger = new Ledger(opened, folder);
    await ledger.#load();
    await ledger.#seal(encrypted);
    const strangers = [...ledger.#shelves.values()].flatMap(({ byPerson }) => [...byPerson.keys()]);
    await ledger.#forget(new Set(strangers.filter((person) => !isKnown(person))));
    // A crash may have left what was deleted in old pages.
    if (opened.database.gone() !== undefined) await ledger.#wipe();
    return ledger;
  }

  /** Records that are none, though they were sealed well. */
  get bad(): number {
    return this.#bad;
  }

  /** Of a book, in no order. */
  rows(book: string): IterableIterator<CheckIn> {
    return this.#shelf(book).rows.values();
  }

  row(book: string, id: string): CheckIn | undefined {
    return this.#shelf(book).rows.get(id);
  }

  /** Of a person, that count, the last one first, at most so many. */
  latest(book: string, person: string, most: number): CheckIn[] {
    const found: CheckIn[] = [];
    const rows = this.#shelf(book).byPerson.get(person) ?? [];
    for (let at = rows.length - 1; at >= 0 && found.length < most; at -= 1) {
      const row = rows[at];
      if (row?.removed === false) found.push(row);
    }
    return found;
  }

  /** Of a person, in the order in which they happened. */
  rowsOf(book: string, person: string): readonly CheckIn[] {
    return this.#shelf(book).byPerson.get(person) ?? [];
  }

  people(book: string): string[] {
    return [...this.#shelf(book).byPerson.keys()];
  }

  /** Whose visit it was that is no check-in of its own. */
  same(book: string, id: string): string | undefined {
    return this.#shelf(book).sames.get(id);
  }

  /** Visits that go on, as far as messages told; the one that was told of last is the last. */
  followed(book: string): readonly Followed[] {
    return this.#shelf(book).followed;
  }

  progress(book: string): Progress {
    return this.#shelf(book).progress;
  }

  /** One after the other, since what is decided rests on what is written. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(async () => {
      if (this.#closed) throw new UserError("people.closed");
      return work();
    });
  }

  /** All or nothing; called exclusively. @throws StorageError */
  async write(book: string, { rows = [], sames = [], followed, progress }: Entry): Promise<void> {
    const put: (readonly [string, Uint8Array])[] = [
      ...rows.map((row) => [keyOf("row", book, row.id), pack(row)] as const),
      ...sames.map((same) => [keyOf("same", book, same.id), pack(same)] as const),
    ];
    if (followed !== undefined) put.push([keyOf("followed", book, ""), pack(followed)]);
    if (progress !== undefined) put.push([keyOf("progress", book, ""), pack(progress)]);
    if (put.length === 0) return;
    await this.#commit({ put });
    const shelf = this.#shelf(book);
    for (const row of rows) remember(shelf, row);
    for (const { id, person } of sames) shelf.sames.set(id, person);
    if (followed !== undefined) shelf.followed = followed;
    if (progress !== undefined) shelf.progress = progress;
  }

  /**
   * Delete a person's check-ins of all books for real. Gone from the disk, backups too, when it resolves.
   * @returns how many there were
   */
  async forget(person: string): Promise<number> {
    return this.exclusively(() => this.#forget(new Set([person])));
  }

  /** Two people are one: check-ins of the first are the second's. */
  async merge(from: string, into: string): Promise<void> {
    await this.exclusively(async () => {
      const put: (readonly [string, Uint8Array])[] = [];
      const moved: (readonly [Shelf, CheckIn, CheckIn])[] = [];
      const sames: (readonly [Shelf, string])[] = [];
      for (const [book, shelf] of this.#shelves) {
        for (const row of shelf.rows.values()) {
          if (!names(row, from)) continue;
          const renamed = renamedIn(row, from, into);
          put.push([keyOf("row", book, row.id), pack(renamed)]);
          moved.push([shelf, row, renamed]);
        }
        for (const [id, person] of shelf.sames)
          if (person === from) {
            put.push([keyOf("same", book, id), pack({ id, person: into } satisfies Same)]);
            sames.push([shelf, id]);
          }
      }
      if (put.length === 0) return;
      await this.#commit({ put });
      for (const [shelf, , renamed] of moved) remember(shelf, renamed);
      for (const [shelf, id] of sames) shelf.sames.set(id, into);
    });
  }

  /** Nothing is written any more once this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    const pending = this.#timer !== undefined;
    clearTimeout(this.#timer);
    await this.#work.idle();
    try {
      if (pending) await this.backUp();
    } finally {
      await this.#database.close();
    }
  }

  async #forget(people: ReadonlySet<string>): Promise<number> {
    if (people.size === 0) return 0;
    const remove: string[] = [];
    const put: (readonly [string, Uint8Array])[] = [];
    const done: (() => unknown)[] = [];
    let rows = 0;
    for (const [book, shelf] of this.#shelves) {
      for (const row of shelf.rows.values()) {
        if (people.has(row.person)) {
          remove.push(keyOf("row", book, row.id));
          done.push(() => forgetRow(shelf, row));
          rows += 1;
        } else if ([...people].some((person) => names(row, person))) {
          // Somebody else's by now; that it was taken for the one who is forgotten goes with them.
          const kept = [...people].reduce((each, person) => renamedIn(each, person, null), row);
          put.push([keyOf("row", book, row.id), pack(kept)]);
          done.push(() => remember(shelf, kept));
        }
      }
      for (const [id, person] of shelf.sames)
        if (people.has(person)) {
          remove.push(keyOf("same", book, id));
          done.push(() => shelf.sames.delete(id));
        }
    }
    if (remove.length + put.length === 0) return 0;
    await this.#commit({ put, remove, replaces: put.length > 0 });
    for (const each of done) each();
    await this.#wipe(put.map(([key]) => key));
    return rows;
  }

  /** @param changed keys whose value of before is to be nowhere either */
  async #wipe(changed: readonly string[] = []): Promise<void> {
    try {
      await this.#backups?.purge([...(this.#database.gone() ?? []), ...changed]);
      await this.#database.rewrite();
    } catch (error) {
      throw asStorageError(error, this.#folder);
    }
  }

  /** What was written before there was a pass phrase is sealed anew. */
  async #seal(encrypted: boolean): Promise<void> {
    const mark = this.#database.get(MARK);
    const was = mark !== undefined && (unpack(mark).value as { encrypted?: boolean }).encrypted === true;
    if (mark !== undefined && was === encrypted) return;
    const put: (readonly [string, Uint8Array])[] = [[MARK, pack({ encrypted })]];
    if (mark !== undefined)
      for await (const entry of this.#database.entries("")) if (entry[0] !== MARK) put.push(entry);
    await this.#commit({ put, replaces: mark !== undefined });
    if (mark === undefined) return;
    await this.#wipe();
    // Plain, and cannot be sealed anew.
    await this.#backups?.removeAll();
    await this.#backups?.removeAsides();
  }

  async #load(): Promise<void> {
    for await (const [key, value] of this.#entries()) {
      const [kind = "", book = ""] = key.split(":");
      const shelf = (): Shelf => this.#shelf(book);
      const read = unpack(value).value;
      if (kind === "row") {
        const row = checkInSchema.safeParse(read);
        if (row.success) remember(shelf(), row.data);
        else this.#bad += 1;
      } else if (kind === "same") shelf().sames.set((read as Same).id, (read as Same).person);
      else if (kind === "followed") shelf().followed = read as Followed[];
      else if (kind === "progress") shelf().progress = read as Progress;
    }
  }

  /** Of every kind there is; beside them the database has marks of its own. */
  async *#entries(): AsyncGenerator<[key: string, value: Buffer]> {
    for (const kind of KINDS) yield* this.#database.entries(`${kind}:`);
  }

  async #commit(changes: Changes): Promise<void> {
    try {
      await this.#database.write(changes);
    } catch (error) {
      throw asStorageError(error, this.#folder);
    }
    if (this.#backups === undefined || this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      heard(
        "attendance",
        this.#work.run(() => this.backUp()),
      );
    }, SETTLE_MS);
    this.#timer.unref();
  }

  /** Made by itself, too. What the disk refuses is made up for after the next change. Never rejects. */
  async backUp(): Promise<void> {
    await this.#backups?.make(this.#database, Date.now()).catch(() => undefined);
  }

  #shelf(book: string): Shelf {
    let shelf = this.#shelves.get(book);
    if (shelf === undefined) {
      shelf = { rows: new Map(), byPerson: new Map(), sames: new Map(), followed: [], progress: START };
      this.#shelves.set(book, shelf);
    }
    return shelf;
  }
}

const keyOf = (kind: (typeof KINDS)[number], book: string, id: string): string => `${kind}:${book}:${id}`;

/** As it is now, in place of what it was. */
function remember(shelf: Shelf, row: CheckIn): void {
  forgetRow(shelf, row);
  shelf.rows.set(row.id, row);
  const own = shelf.byPerson.get(row.person) ?? [];
  shelf.byPerson.set(row.person, own);
  let at = own.length;
  for (let before = own[at - 1]; before !== undefined && isLater(before, row); before = own[at - 1]) at -= 1;
  own.splice(at, 0, row);
}

function forgetRow(shelf: Shelf, { id }: CheckIn): void {
  const was = shelf.rows.get(id);
  if (was === undefined) return;
  shelf.rows.delete(id);
  const own = shelf.byPerson.get(was.person) ?? [];
  const at = own.lastIndexOf(was);
  if (at >= 0) own.splice(at, 1);
  if (own.length === 0) shelf.byPerson.delete(was.person);
}

function isLater(a: CheckIn, b: CheckIn): boolean {
  return a.serial > b.serial || (a.serial === b.serial && a.at > b.at);
}

/** Whether it is, or was, somebody's. */
function names({ person, history }: CheckIn, of: string): boolean {
  return person === of || history.some(({ was }) => was?.person === of);
}

function renamedIn(row: CheckIn, from: string, into: string | null): CheckIn {
  return {
    ...row,
    person: row.person === from && into !== null ? into : row.person,
    history: row.history.map((change) =>
      change.was?.person === from ? { ...change, was: { ...change.was, person: into } } : change,
    ),
  };
}
