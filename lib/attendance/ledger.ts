/**
 * Check-ins on disk, of all books of a gallery: a book is what one face-attendance node keeps. Beside the people,
 * sealed as they are. Whatever a promise here has resolved for survives a power cut; what was deleted is in no old
 * page.
 */
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { UserError } from "../errors";
import { heard } from "../observe/heard";
import type { Changes } from "../people/lmdb/database";
import type { BesideDatabase } from "../people/lmdb/beside";
import { Health, refusalOf } from "../people/lmdb/health";
import { tried } from "../people/lmdb/keys";
import { pack, unpack } from "../people/records";
import type { StoreProblem } from "../people/store";
import { asStorageError, StorageError } from "../storage";
import { phrase, worded } from "../words/sentence";
import { SerialQueue } from "../workers/serial-queue";
import { type CheckIn, checkInSchema } from "./check-in";
import { expiredOf } from "./pairs";
import { type Calendar, monthStart } from "./time";

/** How far a book has come. */
export interface Progress {
  /** The revision of the gallery's visits up to which they were read. */
  revision: number;
  /** The largest `order` that was told. */
  told: number;
  /** The largest `serial` and `order` that there were. */
  serial: number;
  order: number;
  /** The largest `order` of other sites' check-ins that was looked at. */
  elsewhere?: number;
  /** What there was here before the sites shared their check-ins has no larger `order`: it stays as it is. */
  sharedSince?: number;
}

/** A visit whose check-in is the one before it, so that reading it again is none either. */
export interface Same {
  id: string;
  person: string;
  /** When, in milliseconds since the epoch. */
  at: number;
}

/** How long check-ins of a book are kept. */
export interface Keep {
  /** After the end of the month that they belong to. */
  days: number;
  calendar: Calendar;
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
  keep?: Keep | undefined;
  /** Whether another site told of these check-ins. */
  arrived?: boolean;
}

/** Their person was deleted here, or at another site. */
export type WhyForgotten = "forgotten" | "wiped";

export interface LedgerEvents {
  /** Check-ins of a book are new, or otherwise than they were. */
  put: [book: string, rows: readonly CheckIn[]];
  /** Check-ins are deleted: with their people, or because they are too old. */
  gone: [ids: readonly string[], why: WhyForgotten | "old"];
  /** Check-ins came from another site, or what was said of them there. */
  arrived: [];
  /** It is said for how long those of other sites are kept. */
  keep: [];
}

/** Where check-ins are kept. */
export interface LedgerSource {
  /** Whether there are some. */
  isThere(): Promise<boolean>;
  /** Opened for one ledger, which closes it. */
  open(): Promise<BesideDatabase>;
  folder: string;
  encrypted: boolean;
  onProblem?: LedgerOptions["onProblem"];
}

/** A database; in a test without backups. */
export type Opened = Pick<BesideDatabase, "database"> & Partial<BesideDatabase>;

/** A backup is made so long after a change: it writes the whole database, and memory cards wear out. */
const SETTLE_MS = 15 * 60_000;
/** How often it is tried whether a backup can be made, and wiped what was deleted: both need room. */
const WIPE_RETRY_MS = 10_000;
/** How often it is looked whether something is too old. */
const LOOK_MS = 3600_000;
const DAY_MS = 86_400_000;

const START: Progress = { revision: 0, told: 0, serial: 0, order: 0 };
const MARK = "sealed";
const KINDS = ["row", "same", "followed", "progress", "keep"] as const;
/** It was deleted; what is left in old pages and in the backup is wiped later. */
export class NotWiped extends StorageError {}

/** In place of a book's id: check-ins of other sites, which are in every book of the gallery. */
export const ELSEWHERE = "@sites";
/** What is told of visits that never end is forgotten at some time. */
export const MOST_FOLLOWED = 500;

/** Of one book, in memory as long as the ledger is open. */
interface Shelf {
  rows: Map<string, CheckIn>;
  /** Of each person, in the order in which they happened. */
  byPerson: Map<string, CheckIn[]>;
  sames: Map<string, Same>;
  followed: readonly Followed[];
  progress: Progress;
  /** Undefined of a book whose node no version that knows of an end has started. */
  keep: Keep | undefined;
}

export interface LedgerOptions {
  /** For sentences. */
  folder: string;
  encrypted: boolean;
  /** Whether there is such a person: of others nothing is kept. */
  isKnown: (person: string) => boolean;
  /** Hears what keeps old check-ins from being deleted; tried again. */
  onError?: (error: unknown) => void;
  /** Hears what the disk refuses, and that it takes something again. */
  health?: Health | undefined;
  /** Hears of records that are none, though they were sealed well. */
  onProblem?: ((problem: StoreProblem) => void) | undefined;
}

export class Ledger extends EventEmitter<LedgerEvents> {
  readonly #database: BesideDatabase["database"];
  readonly #backups: BesideDatabase["backups"] | undefined;
  readonly #folder: string;
  readonly #health: Health;
  readonly #shelves = new Map<string, Shelf>();
  readonly #work = new SerialQueue();
  #timer: NodeJS.Timeout | undefined;
  #wipeTimer: NodeJS.Timeout | undefined;
  /** Keys whose value of before may still be in the backup. */
  readonly #changed = new Set<string>();
  readonly #looking: NodeJS.Timeout;
  #closed = false;

  private constructor({ database, backups }: Opened, { folder, onError, health }: LedgerOptions) {
    super();
    // Every book listens.
    this.setMaxListeners(0);
    this.#database = database;
    this.#backups = backups;
    this.#folder = folder;
    this.#health = health ?? newHealth();
    this.#looking = setInterval(() => {
      this.sweep(Date.now()).catch((error: unknown) => onError?.(error));
    }, LOOK_MS);
    this.#looking.unref();
  }

  /** @param opened that nobody else has @throws StorageError; then it is closed */
  static async open(opened: Opened, options: LedgerOptions): Promise<Ledger> {
    const ledger = new Ledger(opened, options);
    try {
      const number = await ledger.#load();
      const { folder } = options;
      if (number > 0)
        options.onProblem?.({ code: "bad_record", ...worded(phrase("attendance.badRecords", { number, folder })) });
      await ledger.#seal(options.encrypted);
      const strangers = [...ledger.#shelves.values()].flatMap(({ byPerson }) => [...byPerson.keys()]);
      const unknown = new Set(strangers.filter((person) => !options.isKnown(person)));
      await ledger.#forget(unknown, "forgotten").catch((error: unknown) => {
        if (!(error instanceof NotWiped)) throw error;
      });
      // A crash may have left what was deleted in old pages.
      if (opened.database.gone() !== undefined)
        await ledger.#wipe().catch((error: unknown) => ledger.#wipeLater(error));
    } catch (error) {
      ledger.#closed = true;
      clearInterval(ledger.#looking);
      for (const timer of [ledger.#timer, ledger.#wipeTimer]) clearTimeout(timer);
      // It is opened anew by whoever asks next.
      await opened.database.close();
      throw asStorageError(error, options.folder);
    }
    return ledger;
  }

  /** Of a book, in no order. */
  rows(book: string): IterableIterator<CheckIn> {
    return this.#shelf(book).rows.values();
  }

  row(book: string, id: string): CheckIn | undefined {
    return this.#shelf(book).rows.get(id);
  }

  /** In whichever book it is; in several where they are about the same visits: then in the first by their ids. */
  find(id: string): { book: string; row: CheckIn } | undefined {
    let found: { book: string; row: CheckIn } | undefined;
    for (const [book, { rows }] of this.#shelves) {
      const row = rows.get(id);
      if (row !== undefined && (found === undefined || book < found.book)) found = { book, row };
    }
    return found;
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
    return this.#shelf(book).sames.get(id)?.person;
  }

  /** All of a book. */
  sames(book: string): IterableIterator<Same> {
    return this.#shelf(book).sames.values();
  }

  /** Ids of all, of nodes that are gone too. */
  books(): string[] {
    return [...this.#shelves].flatMap(([book, { rows, sames }]) => (rows.size + sames.size === 0 ? [] : [book]));
  }

  get isEmpty(): boolean {
    return this.books().length === 0;
  }

  /** Visits that go on, as far as messages told; the one that was told of last is the last. */
  followed(book: string): readonly Followed[] {
    return this.#shelf(book).followed;
  }

  progress(book: string): Progress {
    return this.#shelf(book).progress;
  }

  /** How long check-ins are kept; undefined where that was never said. */
  keep(book: string): Keep | undefined {
    return this.#shelf(book).keep;
  }

  /** What was before this moment is deleted, or about to be: the first one of a month. */
  keptFrom(book: string, now: number): number {
    const { keep } = this.#shelf(book);
    return keep === undefined ? -Infinity : monthStart(now - DAY_MS * keep.days, keep.calendar);
  }

  /** One after the other, since what is decided rests on what is written. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(async () => {
      if (this.#closed) throw new UserError("people.closed");
      return work();
    });
  }

  /** All or nothing; called exclusively. @throws StorageError */
  async write(
    book: string,
    { rows = [], sames = [], followed, progress, keep, arrived = false }: Entry,
  ): Promise<void> {
    const put: (readonly [string, Uint8Array])[] = [
      ...rows.map((row) => [keyOf("row", book, row.id), pack(row)] as const),
      ...sames.map((same) => [keyOf("same", book, same.id), pack(same)] as const),
    ];
    if (followed !== undefined) put.push([keyOf("followed", book, ""), pack(followed)]);
    if (progress !== undefined) put.push([keyOf("progress", book, ""), pack(progress)]);
    if (keep !== undefined) put.push([keyOf("keep", book, ""), pack(keep)]);
    if (put.length === 0) return;
    await this.#commit({ put });
    const shelf = this.#shelf(book);
    for (const row of rows) remember(shelf, row);
    for (const same of sames) shelf.sames.set(same.id, same);
    if (followed !== undefined) shelf.followed = followed;
    if (progress !== undefined) shelf.progress = progress;
    if (keep !== undefined) shelf.keep = keep;
    if (rows.length > 0) this.emit("put", book, rows);
    if (arrived) this.emit("arrived");
    if (keep !== undefined && book === ELSEWHERE) this.emit("keep");
  }

  /**
   * Delete what is too old, of every book, for real; done by itself. A shift is deleted whole, with the month in which
   * it began.
   * @param now ms since the epoch
   * @returns how many check-ins there were
   */
  async sweep(now: number): Promise<number> {
    return this.exclusively(async () => {
      const remove: string[] = [];
      const put: (readonly [string, Uint8Array])[] = [];
      const done: (() => unknown)[] = [];
      const old: string[] = [];
      let rows = 0;
      for (const [book, shelf] of this.#shelves) {
        const before = this.keptFrom(book, now);
        if (shelf.keep === undefined) continue;
        for (const [person, own] of shelf.byPerson) {
          // They may have come here and gone elsewhere.
          const all = [...own, ...this.#beside(book, person)];
          const expired = expiredOf(all, shelf.keep.calendar, before).filter(({ id }) => shelf.rows.has(id));
          rows += expired.length;
          for (const row of expired) {
            remove.push(keyOf("row", book, row.id));
            done.push(() => forgetRow(shelf, row));
            old.push(row.id);
          }
          // A year of somebody's takes some milliseconds.
          if (expired.length > 0) await turn();
        }
        for (const { id, at } of shelf.sames.values())
          if (at < before) {
            remove.push(keyOf("same", book, id));
            done.push(() => shelf.sames.delete(id));
          }
        const followed = shelf.followed.filter(({ stays }) => (stays.at(-1)?.until ?? 0) >= before);
        if (followed.length < shelf.followed.length) {
          put.push([keyOf("followed", book, ""), pack(followed)]);
          done.push(() => {
            shelf.followed = followed;
          });
        }
      }
      if (remove.length + put.length > 0) {
        await this.#commit({ put, remove, replaces: put.length > 0, makesRoom: true });
        for (const each of done) each();
        if (old.length > 0) this.emit("gone", old, "old");
      }
      // What the disk refused to wipe before is wiped too.
      if (this.#database.gone() !== undefined) await this.#wipe(put.map(([key]) => key));
      return rows;
    });
  }

  /**
   * Delete people's check-ins of all books for real. Gone from the disk, backups too, when it resolves.
   * @param why wiped: another site has deleted them
   * @returns how many there were
   */
  async forget(people: readonly string[], why: WhyForgotten = "forgotten"): Promise<number> {
    return this.exclusively(() => this.#forget(new Set(people), why));
  }

  /** Two people are one: check-ins of the first are the second's. */
  async merge(from: string, into: string): Promise<void> {
    const gone = new Set([from]);
    await this.exclusively(async () => {
      const put: (readonly [string, Uint8Array])[] = [];
      const moved: (readonly [book: string, Shelf, CheckIn])[] = [];
      const sames: (readonly [Shelf, Same])[] = [];
      for (const [book, shelf] of this.#shelves) {
        for (const row of shelf.rows.values()) {
          if (!names(row, gone)) continue;
          const renamed = renamedIn(row, gone, into);
          put.push([keyOf("row", book, row.id), pack(renamed)]);
          moved.push([book, shelf, renamed]);
        }
        for (const same of shelf.sames.values())
          if (same.person === from) {
            const renamed = { ...same, person: into };
            put.push([keyOf("same", book, same.id), pack(renamed)]);
            sames.push([shelf, renamed]);
          }
      }
      if (put.length === 0) return;
      await this.#commit({ put });
      for (const [, shelf, renamed] of moved) remember(shelf, renamed);
      for (const [shelf, same] of sames) shelf.sames.set(same.id, same);
      for (const [book, , renamed] of moved) this.emit("put", book, [renamed]);
    });
  }

  /**
   * Add what another computer has kept, all or nothing; it was told there. What is here already, and what is too old,
   * is passed over.
   * @returns how many check-ins were added
   * @throws StorageError
   */
  async bring(
    book: string,
    { rows, sames }: { rows: readonly CheckIn[]; sames: readonly Same[] },
    now: number,
  ): Promise<number> {
    return this.exclusively(async () => {
      const shelf = this.#shelf(book);
      const from = this.keptFrom(book, now);
      const elsewhere = this.#shelf(ELSEWHERE);
      const isHere = (id: string): boolean =>
        shelf.rows.has(id) ||
        shelf.sames.has(id) ||
        elsewhere.rows.has(id) ||
        (book === ELSEWHERE && this.find(id) !== undefined);
      const news = rows.filter(({ id, at }) => at >= from && !isHere(id));
      const others = sames.filter(({ id, at }) => at >= from && !isHere(id));
      const taken = new Map<string, CheckIn[]>();
      const takenOf = (person: string): CheckIn[] => {
        const own = taken.get(person) ?? (shelf.byPerson.get(person) ?? []).filter(({ order }) => order > 0);
        taken.set(person, own);
        return own;
      };
      const brought = news.map((row) => ({ ...row, order: 0, serial: serialOf(row, takenOf(row.person)) }));
      const serial = Math.max(shelf.progress.serial, ...brought.map((row) => row.serial));
      const progress = serial === shelf.progress.serial ? undefined : { ...shelf.progress, serial };
      await this.write(book, { rows: brought, sames: others, ...(progress === undefined ? {} : { progress }) });
      return brought.length;
    });
  }

  /** Nothing is written any more once this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    const pending = this.#timer !== undefined;
    for (const timer of [this.#timer, this.#wipeTimer]) clearTimeout(timer);
    clearInterval(this.#looking);
    await this.#work.idle();
    try {
      if (pending) await this.backUp();
    } finally {
      await this.#database.close();
    }
  }

  async #forget(people: ReadonlySet<string>, why: WhyForgotten): Promise<number> {
    if (people.size === 0) return 0;
    const remove: string[] = [];
    const put: (readonly [string, Uint8Array])[] = [];
    const done: (() => unknown)[] = [];
    const gone: string[] = [];
    const changed: [book: string, row: CheckIn][] = [];
    for (const [book, shelf] of this.#shelves) {
      for (const row of shelf.rows.values()) {
        if (people.has(row.person)) {
          remove.push(keyOf("row", book, row.id));
          done.push(() => forgetRow(shelf, row));
          gone.push(row.id);
        } else if (names(row, people)) {
          // Somebody else's by now; that it was taken for the one who is forgotten goes with them.
          const kept = renamedIn(row, people, null);
          put.push([keyOf("row", book, row.id), pack(kept)]);
          done.push(() => remember(shelf, kept));
          changed.push([book, kept]);
        }
      }
      for (const { id, person } of shelf.sames.values())
        if (people.has(person)) {
          remove.push(keyOf("same", book, id));
          done.push(() => shelf.sames.delete(id));
        }
    }
    if (remove.length + put.length === 0) {
      // Whoever waits for a receipt asks again, of what the disk refused to wipe.
      if (this.#database.gone() !== undefined) await this.#wipe();
      return 0;
    }
    await this.#commit({ put, remove, replaces: put.length > 0 });
    for (const each of done) each();
    if (gone.length > 0) this.emit("gone", gone, why);
    for (const [book, row] of changed) this.emit("put", book, [row]);
    await this.#wipe(put.map(([key]) => key));
    return gone.length;
  }

  /** Of a person, in other books: those of other sites, or beside these those of here. */
  #beside(book: string, person: string): CheckIn[] {
    return [...this.#shelves].flatMap(([each, { byPerson }]) =>
      each !== book && (each === ELSEWHERE || book === ELSEWHERE) ? (byPerson.get(person) ?? []) : [],
    );
  }

  /** @param changed keys whose value of before is to be nowhere either @throws StorageError; then it is tried again */
  async #wipe(changed: readonly string[] = []): Promise<void> {
    for (const key of changed) this.#changed.add(key);
    try {
      await this.#backups?.purge([...(this.#database.gone() ?? []), ...this.#changed]);
      await this.#database.rewrite();
    } catch (error) {
      const { reason } = refusedBy(error, this.#folder);
      const refused = new NotWiped({
        reason,
        what: phrase("attendance.notWiped"),
        folder: this.#folder,
        cause: error,
      });
      this.#wipeLater(refused);
      throw refused;
    }
    this.#changed.clear();
    this.#health.taken("unwritable_backup");
  }

  /** @param refused why it cannot be wiped, or backed up, now @throws what is no refusal of the disk */
  readonly #wipeLater = (refused: unknown): void => {
    if (!(refused instanceof StorageError)) throw refused;
    this.#health.refused("unwritable_backup", refused, async () => undefined);
    if (this.#closed) return;
    clearTimeout(this.#wipeTimer);
    this.#wipeTimer = setTimeout(() => {
      const again = this.#work.run(async () => {
        if (this.#database.gone() !== undefined) await this.#wipe();
        else await this.backUp();
      });
      heard("attendance", again);
    }, WIPE_RETRY_MS).unref();
  };

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

  /** @returns how many records are none: they do not take the others with them */
  async #load(): Promise<number> {
    let bad = 0;
    const timeless: (readonly [string, Uint8Array])[] = [];
    for await (const [key, value] of this.#entries()) {
      const [kind = "", book = ""] = key.split(":");
      const shelf = (): Shelf => this.#shelf(book);
      const read = tried(() => unpack(value).value);
      const row = kind === "row" ? checkInSchema.safeParse(read) : undefined;
      if (read === undefined || row?.success === false) bad += 1;
      else if (row !== undefined) remember(shelf(), row.data);
      else if (kind === "same") {
        // An earlier version's say no time: they are of now, so that they end some day.
        const same: Same = { at: Date.now(), ...(read as Omit<Same, "at">) };
        shelf().sames.set(same.id, same);
        if ((read as Partial<Same>).at === undefined) timeless.push([key, pack(same)]);
      } else if (kind === "followed") shelf().followed = read as Followed[];
      else if (kind === "progress") shelf().progress = read as Progress;
      else if (kind === "keep") shelf().keep = read as Keep;
    }
    if (timeless.length > 0) await this.#commit({ put: timeless });
    return bad;
  }

  /** Of every kind there is; beside them the database has marks of its own. */
  async *#entries(): AsyncGenerator<[key: string, value: Buffer]> {
    for (const kind of KINDS) yield* this.#database.entries(`${kind}:`);
  }

  async #commit(changes: Changes): Promise<void> {
    try {
      await this.#database.write(changes);
      this.#health.taken("unwritable_store");
    } catch (error) {
      const refused = asStorageError(error, this.#folder);
      if (refused instanceof StorageError) this.#refused(refused);
      throw refused;
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

  #refused(error: StorageError): void {
    this.#health.refused("unwritable_store", error, () => this.#retry());
  }

  /** Whether the disk takes anything again. Never rejects. */
  async #retry(): Promise<void> {
    await this.#work.run(async () => {
      if (this.#closed) return;
      const refused = await refusalOf(this.#folder, this.#database);
      if (refused === undefined) this.#health.taken("unwritable_store");
      else this.#refused(refused);
    });
  }

  /** Made by itself, too. What the disk refuses is told, and made up for. @throws what is no refusal of the disk */
  async backUp(): Promise<void> {
    try {
      await this.#backups?.make(this.#database, Date.now());
      if (this.#database.gone() === undefined) this.#health.taken("unwritable_backup");
    } catch (error) {
      this.#wipeLater(asStorageError(error, this.#folder, phrase("attendance.notBackedUp")));
    }
  }

  #shelf(book: string): Shelf {
    let shelf = this.#shelves.get(book);
    if (shelf === undefined) {
      shelf = {
        rows: new Map(),
        byPerson: new Map(),
        sames: new Map(),
        followed: [],
        progress: START,
        keep: undefined,
      };
      this.#shelves.set(book, shelf);
    }
    return shelf;
  }
}

/** @throws the error where it is no refusal of the disk */
function refusedBy(error: unknown, folder: string): StorageError {
  const refused = asStorageError(error, folder);
  if (refused instanceof StorageError) return refused;
  throw error;
}

/** Of a ledger of which nobody asks how its disk is. */
const newHealth = (): Health =>
  new Health({ where: "attendance", onProblem: () => undefined, onDisk: () => undefined });

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

/** Among check-ins that were taken here it has its forerunner's; those that came with it keep their order. */
function serialOf({ at, serial }: CheckIn, taken: readonly CheckIn[]): number {
  if (taken.length === 0) return serial;
  return taken.reduce((largest, each) => (each.at <= at ? Math.max(largest, each.serial) : largest), 0);
}

function isLater(a: CheckIn, b: CheckIn): boolean {
  return a.serial > b.serial || (a.serial === b.serial && a.at > b.at);
}

/** Whether it is, or was, that of one of these people. */
function names({ person, history, sending }: CheckIn, people: ReadonlySet<string>): boolean {
  return (
    people.has(person) || isOf(people, sending?.there?.person) || history.some(({ was }) => isOf(people, was?.person))
  );
}

export function renamedIn<Row extends Pick<CheckIn, "person" | "history" | "sending">>(
  row: Row,
  people: ReadonlySet<string>,
  into: string | null,
): Row {
  const { sending } = row;
  return {
    ...row,
    person: into !== null && people.has(row.person) ? into : row.person,
    ...(sending?.there !== undefined && isOf(people, sending.there.person)
      ? { sending: { ...sending, there: { ...sending.there, person: into } } }
      : {}),
    history: row.history.map((change) =>
      change.was !== null && isOf(people, change.was.person)
        ? { ...change, was: { ...change.was, person: into } }
        : change,
    ),
  };
}

function isOf(people: ReadonlySet<string>, person: string | null | undefined): boolean {
  return person != null && people.has(person);
}
