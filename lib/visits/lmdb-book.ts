/**
 * Visits on the disk, beside the people and sealed as they are: records and embeddings in LMDB, pictures as files; see
 * docs/gallery-format.md. Whatever a promise here has resolved for survives a power cut. Writes go on while what was
 * deleted is wiped.
 */
import { EventEmitter } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { BoundedMap } from "../bounded-map";
import { reasonOf, UserError } from "../errors";
import { namesIn, removeDurable } from "../files";
import { Backups } from "../people/lmdb/backups";
import { isSound } from "../people/lmdb/check";
import { ClosedNote } from "../people/lmdb/closed-note";
import { Database, freshOf } from "../people/lmdb/database";
import { Health, refusalOf } from "../people/lmdb/health";
import { tried } from "../people/lmdb/keys";
import { removeDatabase } from "../people/lmdb/open";
import { Pictures } from "../people/lmdb/pictures";
import { restoreNewest } from "../people/lmdb/restore";
import { noSecret, type Secret, Unsealable } from "../people/lmdb/secret";
import { heard } from "../observe/heard";
import type { Receipt } from "../people/people";
import type { Refusal, StoreProblem } from "../people/store";
import { asStorageError, StorageError, storageReasonOf } from "../storage";
import { phrase, type Sentence, worded } from "../words/sentence";
import { SerialQueue } from "../workers/serial-queue";
import type {
  Beside,
  KeptVisits,
  NewVisitRecord,
  VisitContent,
  VisitEvents,
  VisitPage,
  VisitQuery,
  VisitRecord,
} from "./book";
import {
  checkedVisit,
  faceIdOf,
  type Kept,
  packFace,
  packMeta,
  packNumber,
  packVisit,
  unpackFace,
  unpackMeta,
  unpackNumber,
  unpackVisit,
} from "./record";
import { type IndexedVisit, VisitIndex } from "./visit-index";

export interface BookOptions {
  /** Of the people's store, which is open, has the folder for itself and is closed after the book. */
  folder: string;
  /** As the people are sealed. */
  secret: Secret;
  /** How long a visit is kept after it ended, in ms. */
  keepMs: number;
  /** False keeps no pictures. */
  keepPictures?: boolean | undefined;
  /** What a person of the gallery is called: their name is kept there alone. */
  nameOf?: ((person: string) => string | undefined) | undefined;
  /** Hears of damage, and of what was done about it. */
  onProblem?: ((problem: StoreProblem) => void) | undefined;
  /** Visits that are kept at most: beyond them the oldest go. */
  most?: number | undefined;
  /** What is too old, by itself; milliseconds since the epoch. */
  now?: (() => number) | undefined;
}

const DATABASE = "visits.mdb";
const CLOSED = "visits-closed.json";
const META = "meta";
const KIND = "visits";
const OWN_FILE = /^visits(?:-recent)?\.mdb/;
/** Far more than 500 a day for two years. */
const MOST_VISITS = 500_000;
/** Records written or deleted in one transaction. */
const BATCH = 200;
/** Embeddings read before the event loop gets a turn: about a millisecond's. */
const READ_BATCH = 50;
/** How often it is looked whether something is too old, … */
const LOOK_MS = 3600_000;
/** … and how often such visits are deleted: that writes the whole database, and memory cards wear out. */
const EXPIRE_MS = 12 * LOOK_MS;
/** A first backup is made so long after a visit, … */
const SETTLE_MS = 15 * 60_000;
/** … others a day after the one before. */
const BACKUP_MS = 24 * LOOK_MS;
/** How often it is tried whether what was deleted can be wiped, which needs room. */
const WIPE_RETRY_MS = 10_000;
/** Writes that may wait for the disk. */
const MOST_WAITING = 1000;
/** Visits that were deleted while somebody may still write them. */
const MOST_GONE = 10_000;
const MOST_ON_A_PAGE = 500;
const NUMBER_DIGITS = 10;

/** @throws a sentence when it cannot be opened; StorageError when the disk refuses */
export async function openBook(options: BookOptions): Promise<LmdbVisitBook> {
  const book = new LmdbVisitBook(options);
  try {
    await book.start();
    return book;
  } catch (error) {
    throw asStorageError(error, options.folder, phrase("visits.cannotOpen"));
  }
}

/** Delete all visits, where none are kept any more. @param folder of the people's store */
export async function deleteBook(folder: string): Promise<void> {
  const path = join(folder, DATABASE);
  const [own, others] = [await filesOf(folder), await filesOf(join(folder, "backups"))];
  await rm(join(folder, KIND), { recursive: true, force: true });
  await new ClosedNote(path, join(folder, CLOSED)).remove();
  // With them what was set aside.
  await removeDurable([...own, ...others]);
}

async function filesOf(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((file) => OWN_FILE.test(file)).map((file) => join(folder, file));
}

export class LmdbVisitBook extends EventEmitter<VisitEvents> implements KeptVisits {
  readonly #options: BookOptions & { keepPictures: boolean; most: number; now: () => number };
  readonly #path: string;
  readonly #backups: Backups;
  readonly #closedNote: ClosedNote;
  readonly #pictures: Pictures<typeof KIND>;
  #database: Database | undefined;
  readonly #index = new VisitIndex();
  /** By number. */
  readonly #here = new Map<number, VisitRecord>();
  /** Ids of visits that were deleted: whoever still writes one finds it gone. */
  readonly #gone = new BoundedMap<string, true>(MOST_GONE);
  #revision = 0;
  #lastNumber = 0;
  /** Writes, one after the other. */
  readonly #writes = new SerialQueue();
  /** Wiping and backups, which take long and hold no write up. */
  readonly #upkeep = new SerialQueue();
  readonly #timers = new Map<"look" | "backup" | "wipe", NodeJS.Timeout>();
  #sweptAt = -Infinity;
  #changedSinceBackup = false;
  readonly #health: Health;
  #closed = false;

  /** Use openBook. */
  constructor({ keepPictures = true, most = MOST_VISITS, now = Date.now, ...options }: BookOptions) {
    super();
    // Every page of the sidebar listens.
    this.setMaxListeners(0);
    this.#options = { keepPictures, most, now, ...options };
    this.#health = new Health({
      where: "visits",
      onProblem: (problem) => options.onProblem?.(problem),
      onDisk: () => this.emit("disk"),
    });
    this.#path = join(options.folder, DATABASE);
    this.#backups = new Backups(options.folder, { prefix: "visits-", newestAlone: true });
    this.#closedNote = new ClosedNote(this.#path, join(options.folder, CLOSED));
    this.#pictures = this.#picturesWith(options.secret);
  }

  get open(): VisitRecord[] {
    return [...this.#here.values()].map((record) => this.#named(record));
  }

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#index.size;
  }

  get zones(): string[] {
    return this.#index.zones;
  }

  get keepMs(): number {
    return this.#options.keepMs;
  }

  get refusals(): Refusal[] {
    return this.#health.refusals;
  }

  get problems(): StoreProblem[] {
    return this.#health.problems;
  }

  async put(given: NewVisitRecord, { snapshot, embedding }: Beside = {}): Promise<VisitRecord> {
    const record = checkedVisit(given);
    const picture = this.#options.keepPictures ? snapshot : undefined;
    if (this.#writes.length >= MOST_WAITING) throw new UserError("visits.busy", { most: MOST_WAITING });
    return this.#write(async (database) => {
      if (this.#gone.has(record.visit)) return { ...record, pictured: false, revision: this.#revision };
      const known = this.#numberOf(record.visit);
      const before = known === undefined ? undefined : this.#read(known);
      const number = known ?? this.#lastNumber + 1;
      const kept: Kept = {
        ...record,
        pictured: picture !== undefined || (before?.pictured ?? false),
        embedded: embedding !== undefined || (before?.embedded ?? false),
        revision: this.#nextRevision(),
      };
      try {
        // The file first: after a crash the next visit of this number has it, or it goes with that.
        if (picture !== undefined) await this.#pictures.write([{ kind: KIND, id: idOf(number), bytes: picture }]);
        await database.write({
          put: [
            [visitKey(number), packVisit(this.#nameless(kept))],
            ...(known === undefined ? [[this.#idKey(record.visit), packNumber(number)] as const] : []),
            ...(embedding === undefined ? [] : [[faceKey(number), packFace(embedding)] as const]),
          ],
        });
      } catch (error) {
        if (picture !== undefined && before?.pictured !== true)
          await this.#pictures.remove(KIND, [idOf(number)]).catch(() => undefined);
        throw error;
      }
      this.#lastNumber = Math.max(this.#lastNumber, number);
      const told = this.#follow(number, kept);
      this.emit("visits", { put: [told], removed: [] });
      return told;
    });
  }

  async bring(visits: readonly VisitContent[]): Promise<number> {
    return this.#write(async (database) => {
      const oldest = this.#options.now() - this.#options.keepMs;
      const fresh = visits.filter(
        ({ record: { visit, until, lastSeen } }) =>
          (until ?? lastSeen) >= oldest && !this.#gone.has(visit) && this.#numberOf(visit) === undefined,
      );
      if (fresh.length === 0) return 0;
      const pictured = fresh.map(({ snapshot }) => (this.#options.keepPictures ? snapshot : undefined));
      const first = this.#lastNumber + 1;
      const kept = fresh.map(({ record, embedding }, at): Kept => ({
        ...checkedVisit(record),
        pictured: pictured[at] !== undefined,
        embedded: embedding !== undefined,
        revision: this.#nextRevision(),
      }));
      const files = pictured.flatMap((bytes, at) =>
        bytes === undefined ? [] : [{ kind: KIND, id: idOf(first + at), bytes } as const],
      );
      try {
        await this.#pictures.write(files);
        await database.write({
          put: kept.flatMap((each, at) => {
            const face = fresh[at]?.embedding;
            return [
              [visitKey(first + at), packVisit(this.#nameless(each))] as const,
              [this.#idKey(each.visit), packNumber(first + at)] as const,
              ...(face === undefined ? [] : [[faceKey(first + at), packFace(face)] as const]),
            ];
          }),
        });
      } catch (error) {
        await this.#pictures
          .remove(
            KIND,
            files.map(({ id }) => id),
          )
          .catch(() => undefined);
        throw error;
      }
      this.#lastNumber += kept.length;
      const put = kept.map((each, at) => this.#follow(first + at, each));
      this.emit("visits", { put, removed: [] });
      return kept.length;
    });
  }

  async *contents(): AsyncGenerator<{ record: VisitRecord; embedding: Beside["embedding"] }[]> {
    const all = this.#index.numbers();
    for (let at = 0; at < all.length; at += READ_BATCH) {
      await this.#opened().readable();
      yield all.slice(at, at + READ_BATCH).flatMap((number) => {
        const kept = this.#read(number);
        return kept === undefined ? [] : [{ record: this.#told(kept), embedding: this.#face(number) }];
      });
      await turn();
    }
  }

  async get(visit: string): Promise<VisitRecord | undefined> {
    const number = await this.#found(visit);
    const kept = number === undefined ? undefined : this.#read(number);
    return kept && this.#told(kept);
  }

  async snapshot(visit: string): Promise<Buffer | undefined> {
    const number = await this.#found(visit);
    if (number === undefined || this.#read(number)?.pictured !== true) return undefined;
    return this.#pictures.read(KIND, idOf(number));
  }

  async embedding(visit: string): Promise<Beside["embedding"]> {
    const number = await this.#found(visit);
    return number === undefined ? undefined : this.#face(number);
  }

  async find(query: VisitQuery): Promise<VisitPage> {
    const limit = Math.max(1, Math.min(MOST_ON_A_PAGE, query.limit ?? MOST_ON_A_PAGE / 5));
    await this.#opened().readable();
    const { numbers, next } = this.#index.page({ ...query, limit });
    return { visits: this.#readAll(numbers), next };
  }

  async count(query: VisitQuery): Promise<number> {
    return this.#index.count(query);
  }

  async since(revision: number, limit: number): Promise<VisitRecord[]> {
    await this.#opened().readable();
    return this.#readAll(this.#index.after(revision, limit));
  }

  /**
   * Embeddings of one model, those of the newest visits first. The event loop gets its turns.
   * @param most of visits that are looked at
   */
  async *faces(model: string, most: number): AsyncGenerator<{ number: number; vector: Float32Array }[]> {
    const all = this.#index.embedded(most);
    for (let at = 0; at < all.length; at += READ_BATCH) {
      await this.#opened().readable();
      yield all.slice(at, at + READ_BATCH).flatMap((number) => {
        const face = this.#face(number);
        return face === undefined || face.model !== model ? [] : [{ number, vector: face.vector }];
      });
      await turn();
    }
  }

  /** Visits by what faces() calls them; one that is gone meanwhile is left out. */
  async numbered(numbers: readonly number[]): Promise<(VisitRecord | undefined)[]> {
    await this.#opened().readable();
    return numbers.map((number) => {
      const kept = this.#read(number);
      return kept && this.#told(kept);
    });
  }

  async remove(visits: readonly string[]): Promise<Receipt> {
    return this.#remove(visits.join(","), null, () => visits.flatMap((visit) => this.#numberOf(visit) ?? []));
  }

  async removeOf(person: string): Promise<Receipt> {
    const name = this.#options.nameOf?.(person) ?? null;
    return this.#remove(person, name, () => this.#index.ofPerson(person));
  }

  async removeOfStrangers(strangers: readonly string[]): Promise<Receipt> {
    return this.#remove(strangers.join(","), null, () =>
      strangers.flatMap((stranger) => this.#index.ofStranger(stranger)),
    );
  }

  async give(from: { person: string } | { stranger: string }, to: { id: string; name: string }): Promise<void> {
    const all = "person" in from ? this.#index.ofPerson(from.person) : this.#index.ofStranger(from.stranger);
    for (let at = 0; at < all.length; at += BATCH)
      await this.#write(async (database) => {
        const changed = all.slice(at, at + BATCH).flatMap((number) => {
          const before = this.#read(number);
          // Somebody else's by now, or known as somebody else in spite of it.
          if (before === undefined || ("person" in from ? before.person !== from.person : before.person !== null))
            return [];
          const theirs = { person: to.id, name: to.name, confirmed: true, revision: this.#nextRevision() };
          return [[number, { ...before, ...theirs }] as const];
        });
        await database.write({
          put: changed.map(([number, kept]) => [visitKey(number), packVisit(this.#nameless(kept))]),
          // Whose they were is not to stay in old pages.
          replaces: changed.length > 0,
        });
        const put = changed.map(([number, kept]) => this.#follow(number, kept));
        if (put.length > 0) this.emit("visits", { put, removed: [] });
      });
    if (all.length > 0) this.#wipeLater(0);
  }

  async removeOrphans(isKnown: (person: string) => boolean): Promise<number> {
    // What was set aside may bring them back.
    if (this.problems.length > 0 || (await this.#backups.hasAsides())) return 0;
    let count = 0;
    for (const person of this.#index.orphans(isKnown)) count += (await this.removeOf(person)).visits;
    return count;
  }

  async sweep(now: number): Promise<number> {
    const before = now - this.#options.keepMs;
    const forgotten = [...this.#here].flatMap(([number, { lastSeen }]) => (lastSeen < before ? [number] : []));
    const expired = [...this.#index.expired(before, this.#options.most), ...forgotten];
    this.#sweptAt = performance.now();
    if (expired.length === 0) return 0;
    const { visits } = await this.#drop(expired);
    await this.#wipe().catch((error: unknown) => this.#tellOfWipe(error));
    return visits;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#health.close();
    await this.#writes.idle();
    await this.#upkeep.run(async () => {
      await this.#database?.close();
      if (!this.#health.damaged && this.#database !== undefined) await this.#closedNote.write();
    });
  }

  /** Called once, by openBook. */
  async start(): Promise<void> {
    await removeDatabase(freshOf(this.#path));
    let restored = (await this.#isToBeTrusted()) ? false : await this.#restore();
    await this.#closedNote.remove();
    try {
      await this.#load();
    } catch (error) {
      await this.#database?.close();
      // The disk refuses, or it is another version's: neither says that it is damaged.
      if (storageReasonOf(error) !== undefined || error instanceof UserError) throw error;
      restored = await this.#restore(error);
      await this.#load();
    }
    if (restored) await this.#pictures.sweep({ [KIND]: new Set(this.#index.numbers().map((number) => idOf(number))) });
    if (this.#opened().gone() !== undefined) this.#wipeLater(SETTLE_MS);
    this.#timers.set("look", setInterval(() => this.#look(), LOOK_MS).unref());
    // Not while the gallery opens.
    setImmediate(() => this.#look());
  }

  async #isToBeTrusted(): Promise<boolean> {
    if (await this.#backups.isLost(this.#path)) return false;
    return (await this.#closedNote.holds()) || (await isSound(this.#path));
  }

  #look(): void {
    if (this.#closed || performance.now() - this.#sweptAt < EXPIRE_MS) return;
    this.sweep(this.#options.now()).catch((error: unknown) => this.#tellOfWipe(error));
  }

  async #load(): Promise<void> {
    const { secret } = this.#options;
    const database = await this.#openWith(secret);
    this.#database = database;
    this.#here.clear();
    const meta = database.get(META);
    const found: IndexedVisit[] = [];
    let bad = 0;
    for await (const [key, value] of database.entries("visit:")) {
      const number = numberOf(key);
      const kept = tried(() => unpackVisit(value));
      if (kept === undefined) bad += 1;
      else {
        found.push(indexed(number, kept));
        if (kept.until === null) this.#here.set(number, recordOf(kept));
      }
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    this.#index.load(found);
    this.#revision = found.reduce(
      (largest, { revision }) => Math.max(largest, revision),
      meta === undefined ? 0 : readMeta(meta, this.#path),
    );
    if (meta === undefined) await database.write({ put: [[META, packMeta(this.#revision)]] });
    if (bad > 0) this.#tell("bad_record", phrase("visits.badRecords", { number: bad, folder: this.#options.folder }));
  }

  /** What was kept before there was a pass phrase is sealed with it first. */
  async #openWith(secret: Secret): Promise<Database> {
    if (!secret.encrypts) return Database.open(this.#path, noSecret);
    const plain = await Database.open(this.#path, noSecret);
    try {
      if (plain.get(META) !== undefined) await this.#convert(plain, secret);
    } catch (error) {
      if (!(error instanceof Unsealable)) throw error;
    } finally {
      await plain.close();
    }
    return Database.open(this.#path, secret);
  }

  /** From plain to encrypted; cut short, it is done again. */
  async #convert(plain: Database, secret: Secret): Promise<void> {
    const pictured = new Set<string>();
    let renamed: { number: number; visit: string }[] = [];
    const flush = async (): Promise<void> => {
      await plain.write({
        put: renamed.map(({ number, visit }) => [idKey(secret, visit), packNumber(number)]),
        remove: renamed.map(({ visit }) => idKey(noSecret, visit)),
      });
      renamed = [];
    };
    for await (const [key, value] of plain.entries("visit:")) {
      const number = numberOf(key);
      const kept = tried(() => unpackVisit(value));
      if (kept === undefined) continue;
      if (kept.pictured) pictured.add(idOf(number));
      if (renamed.push({ number, visit: kept.visit }) === BATCH) await flush();
    }
    await flush();
    await this.#picturesWith(noSecret).reseal(secret, { [KIND]: pictured });
    await plain.rewrite(secret);
    // Plain, and cannot be sealed anew.
    await this.#backups.removeAll();
    await this.#backups.removeAsides();
  }

  async #restore(cause?: unknown): Promise<true> {
    const { folder, secret } = this.#options;
    this.#health.tell(await restoreNewest(this.#backups, this.#path, { folder, of: "visits", secret, cause }));
    return true;
  }

  async #remove(id: string, name: string | null, numbers: () => readonly number[]): Promise<Receipt> {
    const dropped = await this.#drop(numbers);
    // What is damaged cannot be searched: it goes whole.
    const asides = dropped.visits === 0 ? 0 : await this.#backups.removeAsides();
    const backups = asides + (await this.#wipe().catch((error: unknown) => this.#refuseWipe(error)));
    return { what: "visit", id, name, at: Date.now(), photos: 0, ...dropped, backups };
  }

  /** In steps, so that others have their turn. */
  async #drop(
    which: readonly number[] | (() => readonly number[]),
  ): Promise<Pick<Receipt, "visits" | "embeddings" | "thumbnails">> {
    const sum = { visits: 0, embeddings: 0, thumbnails: 0 };
    const all = typeof which === "function" ? await this.#write(async () => which()) : which;
    for (let at = 0; at < all.length; at += BATCH) {
      await this.#write(async (database) => {
        const numbers = all.slice(at, at + BATCH);
        const gone = numbers.flatMap((number) => {
          const kept = this.#read(number);
          return kept === undefined ? [] : [kept];
        });
        // What could not be read has no name: its key goes all the same.
        await database.write({
          put: [[META, packMeta(this.#revision)]],
          makesRoom: true,
          remove: [
            ...numbers.flatMap((number) => [visitKey(number), faceKey(number)]),
            ...gone.map(({ visit }) => this.#idKey(visit)),
          ],
        });
        for (const number of numbers) this.#here.delete(number);
        this.#index.delete(numbers);
        const thumbnails = await this.#pictures.remove(KIND, numbers.map(idOf));
        sum.visits += gone.length;
        sum.embeddings += gone.filter(({ embedded }) => embedded).length;
        sum.thumbnails += thumbnails;
        for (const { visit, until } of gone) if (until === null) this.#gone.set(visit, true);
        this.emit("visits", { put: [], removed: gone.map(({ visit }) => visit) });
      });
      await turn();
    }
    return sum;
  }

  /** Nothing that was deleted is left in old pages, or in the backup. @returns how many backups held it */
  #wipe(): Promise<number> {
    return this.#upkeep.run(async () => {
      const database = this.#opened();
      const gone = database.gone();
      if (gone === undefined) return 0;
      const held = gone.length === 0 ? 0 : await this.#backups.purge(gone);
      // What was deleted since is in the backup still.
      await database.rewrite(undefined, new Set(gone));
      this.#health.taken("unwritable_backup");
      return held;
    });
  }

  /** @throws StorageError, told as what it is: deleted, but not wiped */
  #refuseWipe(error: unknown): never {
    const { folder } = this.#options;
    const refused = asStorageError(error, folder);
    this.#tellOfWipe(refused);
    if (!(refused instanceof StorageError)) throw refused;
    throw new StorageError({ reason: refused.reason, what: phrase("visits.notWiped"), folder, cause: error });
  }

  #tellOfWipe(error: unknown): void {
    const refused = asStorageError(error, this.#options.folder, phrase("visits.notWiped"));
    if (refused instanceof StorageError) this.#refused("unwritable_backup", refused);
    else
      this.#tell(
        "unwritable_backup",
        phrase("visits.backupFailed", { folder: this.#options.folder, reason: reasonOf(error) }),
      );
    this.#wipeLater(WIPE_RETRY_MS);
  }

  #wipeLater(ms: number): void {
    this.#after("wipe", ms, async () => {
      await this.#wipe().catch((error: unknown) => this.#tellOfWipe(error));
    });
  }

  /** A day after the one before, and not at once after the first visit. */
  async #backUpLater(): Promise<void> {
    if (this.#changedSinceBackup) return;
    this.#changedSinceBackup = true;
    const madeAt = await this.#backups.madeAt();
    const due = madeAt === undefined ? 0 : madeAt + BACKUP_MS - Date.now();
    // No later than a day from now, wherever the clock was when it was made.
    this.#after("backup", Math.max(SETTLE_MS, Math.min(BACKUP_MS, due)), async () => {
      this.#changedSinceBackup = false;
      await this.backup().catch((error: unknown) => this.#tellOfWipe(error));
    });
  }

  /** Made by itself too, once a day. @throws the system's error */
  async backup(): Promise<void> {
    await this.#upkeep.run(async () => {
      // A good one must not make room for this.
      if (!this.#health.damaged) await this.#backups.make(this.#opened(), Date.now());
    });
    this.#health.isOver("unwritable_backup");
  }

  #after(what: "backup" | "wipe", ms: number, work: () => Promise<void>): void {
    if (this.#closed) return;
    clearTimeout(this.#timers.get(what));
    this.#timers.set(what, setTimeout(() => heard("visits", work()), ms).unref());
  }

  #tell(code: StoreProblem["code"], sentence: Sentence): void {
    this.#health.tell({ code, ...worded(sentence) });
  }

  #refused(code: Refusal["code"], error: StorageError): void {
    this.#health.refused(code, error, () => this.#retry());
  }

  /** Whether the disk takes anything again. Never rejects. */
  async #retry(): Promise<void> {
    await this.#writes.run(async () => {
      if (this.#closed) return;
      const refused = await refusalOf(this.#options.folder, this.#opened());
      if (refused === undefined) this.#health.taken("unwritable_store");
      else this.#refused("unwritable_store", refused);
    });
  }

  #write<T>(work: (database: Database) => Promise<T>): Promise<T> {
    return this.#writes.run(async () => {
      if (this.#closed) throw new UserError("people.closed");
      const database = this.#opened();
      await database.readable();
      try {
        const result = await work(database);
        this.#health.taken("unwritable_store");
        heard("visits", this.#backUpLater());
        return result;
      } catch (error) {
        const refused = asStorageError(error, this.#options.folder);
        if (refused instanceof StorageError) this.#refused("unwritable_store", refused);
        throw refused;
      }
    });
  }

  /** Memory as the disk is now. @returns the record as it is told */
  #follow(number: number, kept: Kept): VisitRecord {
    this.#index.set(indexed(number, kept));
    const record = recordOf(kept);
    if (kept.until === null) this.#here.set(number, record);
    else this.#here.delete(number);
    return this.#named(record);
  }

  /** Rises over a backup too that took a damaged file's place: those that were lost lie before now. */
  #nextRevision(): number {
    this.#revision = Math.max(this.#revision + 1, Date.now());
    return this.#revision;
  }

  async #found(visit: string): Promise<number | undefined> {
    await this.#opened().readable();
    return this.#numberOf(visit);
  }

  /** While the database is readable. */
  #numberOf(visit: string): number | undefined {
    const value = this.#valueOf(this.#idKey(visit));
    const number = value === undefined ? undefined : tried(() => unpackNumber(value));
    // The number of a visit that was lost may be another's.
    return number !== undefined && this.#read(number)?.visit === visit ? number : undefined;
  }

  /** While the database is readable. */
  #read(number: number): Kept | undefined {
    const value = this.#valueOf(visitKey(number));
    return value === undefined ? undefined : tried(() => unpackVisit(value));
  }

  #readAll(numbers: readonly number[]): VisitRecord[] {
    return numbers.flatMap((number) => {
      const kept = this.#read(number);
      return kept === undefined ? [] : [this.#told(kept)];
    });
  }

  #face(number: number): Beside["embedding"] {
    const value = this.#valueOf(faceKey(number));
    return value === undefined ? undefined : tried(() => unpackFace(value));
  }

  /** A damaged value is left out, and told: the next start brings the backup. */
  #valueOf(key: string): Buffer | undefined {
    try {
      return this.#opened().get(key);
    } catch (error) {
      if (!(error instanceof Unsealable)) throw error;
      if (!this.#health.damaged)
        this.#tell(
          "damaged_record",
          phrase("visits.damagedRecord", { folder: this.#options.folder, reason: error.why }),
        );
      this.#health.damaged = true;
      return undefined;
    }
  }

  /** A person's name is kept with the person alone, so that it follows when it changes. */
  #nameless(kept: Kept): Kept {
    return kept.person !== null && this.#options.nameOf?.(kept.person) !== undefined ? { ...kept, name: null } : kept;
  }

  #told(kept: Kept): VisitRecord {
    return this.#named(recordOf(kept));
  }

  #named(record: VisitRecord): VisitRecord {
    return record.person === null ? record : { ...record, name: this.#options.nameOf?.(record.person) ?? record.name };
  }

  #picturesWith(secret: Secret): Pictures<typeof KIND> {
    return new Pictures(this.#options.folder, secret, (sentence) => this.#tell("damaged_picture", sentence), [KIND]);
  }

  #idKey(visit: string): string {
    return idKey(this.#options.secret, visit);
  }

  #opened(): Database {
    if (this.#database === undefined || this.#closed) throw new UserError("people.closed");
    return this.#database;
  }
}

const padded = (number: number): string => String(number).padStart(NUMBER_DIGITS, "0");
const visitKey = (number: number): string => `visit:${padded(number)}`;
const faceKey = (number: number): string => `face:${padded(number)}`;
const numberOf = (key: string): number => Number(key.slice(key.indexOf(":") + 1));
/** Of a picture. */
const idOf = (number: number): string => `visit-${number}`;
/** Ids come from elsewhere, and may be longer than LMDB's keys. */
const idKey = (secret: Secret, visit: string): string => `id:${secret.blind(faceIdOf(visit))}`;

function indexed(number: number, { stays, ...kept }: Kept): IndexedVisit {
  return { ...kept, number, zones: stays.map(({ zone }) => zone) };
}

function recordOf({ embedded: _embedded, ...record }: Kept): VisitRecord {
  return record;
}

/** @throws a sentence when it is a newer version's */
function readMeta(bytes: Buffer, file: string): number {
  try {
    return unpackMeta(bytes).revision;
  } catch (error) {
    throw new UserError("people.otherVersion", { file }, { cause: error });
  }
}
