/**
 * The people on disk. Records and embeddings in LMDB, pictures as files beside it; see docs/gallery-format.md.
 * Whatever a promise here has resolved for survives a power cut.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { heard } from "../../observe/heard";
import { Fault, reasonOf, UserError } from "../../errors";
import { closeToOthers, isAside, removeDurable, tryDisk, writeDurable } from "../../files";
import { contentHash } from "../hash";
import { asStorageError, StorageError, storageReasonOf } from "../../storage";
import { phrase, worded } from "../../words/sentence";
import type { Anchor, Person, Photo, PhotoEmbedding, Receipt, UnknownGroup } from "../people";
import { isWaitingZip } from "../archive";
import { Backups } from "./backups";
import { isSound } from "./check";
import { ClosedNote } from "./closed-note";
import { Database, freshOf } from "./database";
import { type HandOver, type Lock, takeLock } from "./lock";
import { removeDatabase } from "./open";
import { type Picture, type PictureKind, Pictures } from "./pictures";
import {
  pack,
  packAnchor,
  packEmbedding,
  packPerson,
  packPhoto,
  packUnknown,
  unpack,
  unpackAnchor,
  unpackEmbedding,
  unpackPerson,
  unpackPhoto,
  unpackUnknown,
} from "../records";
import type { NewPhoto, PeopleStore, Records, Refusal, Space, StoreChange, StoreEvents, StoreProblem } from "../store";
import { makeSecret, noSecret, SALT_BYTES, type Secret, Unsealable } from "./secret";
import { SerialQueue } from "../../workers/serial-queue";

export interface StoreOptions {
  /** Made if it is missing; private. */
  folder: string;
  /** Pass phrase; without one nothing is encrypted. */
  key?: string | undefined;
  /** Hears of damage, and of what was done about it. */
  onProblem?: ((problem: StoreProblem) => void) | undefined;
  /** Waits for a gallery of this process that has the folder; without it the folder is in use at once. */
  handOver?: HandOver | undefined;
}

const DATABASE = "people.mdb";
const META = "store.json";
const CLOSED = "closed.json";
/** A backup is made so long after a change, … */
const SETTLE_MS = 60_000;
/** … and so long after one that comes with every visitor: it writes the whole database, and memory cards wear out. */
const VISIT_SETTLE_MS = 15 * 60_000;
/** How often it is tried whether the disk takes anything again. */
const RETRY_MS = 3000;
/** … and how often a backup, which needs more room. */
const WIPE_RETRY_MS = 10_000;
/**
 * A larger database is not copied while it closes: Node-RED waits fifteen seconds, and a slow memory card writes ten
 * megabytes in one.
 */
const MOST_COPIED_BYTES = 32 * 2 ** 20;
const FINGERPRINT_LENGTH = 16;
/** Embeddings read before the event loop gets a turn. */
const BATCH = 500;
const FORMAT_VERSION = 1;
/** What is sealed to tell the right pass phrase from a wrong one. */
const CHECK = "facenet";

/** Of a change. */
const NOTHING = { people: [], photos: [], embeddings: [], anchors: [], unknowns: [] };

const metaSchema = z.object({
  format: z.literal("facenet-people"),
  version: z.literal(FORMAT_VERSION),
  salt: z.base64().optional(),
  check: z.base64().optional(),
  converted: z.boolean().default(true),
});
type Meta = z.infer<typeof metaSchema>;

/**
 * @throws a sentence when the folder is in use, the pass phrase is wrong or missing, or the folder cannot be written
 * to
 */
export async function openStore({
  folder,
  key,
  onProblem = () => undefined,
  handOver,
}: StoreOptions): Promise<LmdbStore> {
  let lock: Lock | undefined;
  try {
    await closeToOthers(folder);
    lock = await takeLock(folder, undefined, handOver);
    const store = new LmdbStore({ folder, onProblem, lock });
    await store.open(key === "" ? undefined : key);
    return store;
  } catch (error) {
    await lock?.release();
    throw asStorageError(error, folder, phrase("people.cannotOpen"));
  }
}

/** It was deleted; what is left in old pages and backups is wiped later. */
class NotWiped extends StorageError {}

interface Parts {
  folder: string;
  onProblem: (problem: StoreProblem) => void;
  lock: Lock;
}

export class LmdbStore extends EventEmitter<StoreEvents> implements PeopleStore {
  readonly #parts: Parts;
  readonly #backups: Backups;
  readonly #closedNote: ClosedNote;
  readonly #people = new Map<string, Person>();
  readonly #photos = new Map<string, Photo>();
  readonly #photosByPerson = new Map<string, Set<string>>();
  readonly #anchors = new Map<string, Anchor>();
  readonly #unknowns = new Map<string, UnknownGroup>();
  readonly #notes = new Map<string, unknown>();
  #secret: Secret = noSecret;
  #database: Database | undefined;
  #pictures: Pictures;
  readonly #work = new SerialQueue();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, ms since the epoch. */
  #due = Infinity;
  /**
   * Keys of records that are none, though they were sealed well: set aside, on the disk and in the backups, and known
   * to nobody.
   */
  readonly #bad = new Set<string>();
  #badTold = 0;
  readonly #problems = new Map<string, StoreProblem>();
  /** Whether a record turned out damaged since the start: the next one looks at all of them. */
  #damaged = false;
  #closed = false;
  readonly #refusals = new Map<Refusal["code"], StorageError>();
  #retryTimer: NodeJS.Timeout | undefined;
  /** What is written, and not told yet. */
  #untold: StoreChange | undefined;

  /** Use openStore. */
  constructor(parts: Parts) {
    super();
    this.#parts = parts;
    this.#backups = new Backups(parts.folder);
    this.#closedNote = new ClosedNote(this.#pathOf(DATABASE), this.#pathOf(CLOSED));
    this.#pictures = this.#picturesWith(noSecret);
  }

  get folder(): string {
    return this.#parts.folder;
  }

  get encrypted(): boolean {
    return this.#secret.encrypts;
  }

  /** Seals what else is kept beside the people (lib/visits). */
  get secret(): Secret {
    return this.#secret;
  }

  /** What the disk refuses now; empty when all is well. Tried again and again. */
  get refusals(): Refusal[] {
    return [...this.#refusals].map(([code, error]) => ({ code, error }));
  }

  /** What is wrong, or was found wrong since the start. */
  get problems(): StoreProblem[] {
    return [...this.#problems.values()];
  }

  people(): Person[] {
    return [...this.#people.values()];
  }

  person(id: string): Person | undefined {
    return this.#people.get(id);
  }

  photos(personId?: string): Photo[] {
    if (personId === undefined) return [...this.#photos.values()];
    return [...(this.#photosByPerson.get(personId) ?? [])].flatMap((id) => this.#photos.get(id) ?? []);
  }

  photo(id: string): Photo | undefined {
    return this.#photos.get(id);
  }

  anchors(): Anchor[] {
    return [...this.#anchors.values()];
  }

  unknowns(): UnknownGroup[] {
    return [...this.#unknowns.values()];
  }

  /** A small value kept under a key; undefined when there is none. */
  note(key: string): unknown {
    return this.#notes.get(key);
  }

  async putPerson(person: Person): Promise<void> {
    await this.#write(async (database) => {
      // What they were called before is not to stay in old pages.
      await this.#commit(database, { put: { people: [person] } }, { replaces: this.#people.has(person.id) });
    });
  }

  /** When people were seen last. Who is not here any more is passed over. */
  async seen(times: ReadonlyMap<string, number>): Promise<void> {
    await this.#write(async (database) => {
      const people = [...times].flatMap(([id, lastSeenAt]) => {
        const person = this.#people.get(id);
        return person === undefined ? [] : [{ ...person, lastSeenAt }];
      });
      await this.#commit(database, { put: { people } });
    }, VISIT_SETTLE_MS);
  }

  /** With the person, all or nothing. */
  async addPhoto(added: NewPhoto): Promise<void> {
    await this.putMany({ people: [added.person], photos: [added] });
  }

  /**
   * All or nothing, and much faster than one by one: every commit waits for the disk.
   * @param insteadOf a stranger who goes
   */
  async putMany(
    { people = [], photos = [], anchors = [], unknowns = [] }: Records,
    { insteadOf, settleMs }: { insteadOf?: string | undefined; settleMs?: number } = {},
  ): Promise<void> {
    await this.#write(async (database) => {
      const pictures = [
        ...photos.flatMap(({ photo: { id }, bytes, thumbnail }) => [
          ...pictureOf("photos", id, bytes),
          ...pictureOf("thumbnails", id, thumbnail),
        ]),
        ...unknowns.flatMap(({ group: { id, pictures: count }, pictures: added }) =>
          added.flatMap((bytes, index) => pictureOf("unknowns", pictureId(id, count - added.length + index), bytes)),
        ),
      ];
      const fresh = pictures.filter(({ kind, id }) => kind === "unknowns" || !this.#photos.has(id));
      const known = insteadOf === undefined ? [] : of(this.#unknowns, [insteadOf]);
      try {
        // Files first: a crash leaves at worst some that no record names, and the next start deletes them.
        await this.#pictures.write(pictures);
        await this.#commit(
          database,
          {
            put: {
              people,
              photos: photos.map(({ photo }) => photo),
              embeddings: photos.flatMap(({ embeddings }) => embeddings),
              anchors,
              unknowns: unknowns.map(({ group }) => group),
            },
            removed: { unknowns: known },
          },
          { remove: insteadOf === undefined ? [] : [this.#key("unknown", insteadOf)] },
        );
      } catch (error) {
        for (const kind of ["photos", "thumbnails", "unknowns"] as const)
          await this.#pictures
            .remove(
              kind,
              fresh.filter((picture) => picture.kind === kind).map(({ id }) => id),
            )
            .catch(() => undefined);
        throw error;
      }
      if (insteadOf === undefined) return;
      await this.#pictures.remove("unknowns", known.flatMap(pictureIdsOf));
      await this.#purgeDropped(database);
    }, settleMs);
  }

  /** Of photos that are here; another model's beside the first's. */
  async putEmbeddings(embeddings: readonly PhotoEmbedding[]): Promise<void> {
    await this.#write((database) =>
      this.#commit(database, { put: { embeddings: embeddings.filter(({ photoId }) => this.#photos.has(photoId)) } }),
    );
  }

  /** All embeddings that were made alike, or all there are. The event loop gets its turns. */
  async *embeddings(fingerprint?: string): AsyncGenerator<PhotoEmbedding> {
    const ending = fingerprint === undefined ? "" : `:${shortened(fingerprint)}`;
    const all = await this.#exclusively(async () =>
      this.#opened()
        .keys("embedding:")
        .filter((key) => key.endsWith(ending)),
    );
    for (const keys of batchesOf(all)) {
      yield* await this.#exclusively(async () => keys.flatMap((key) => this.#embedding(key) ?? []));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    this.#tellOfBad();
  }

  /** All that a photo has, of any model. */
  async embeddingsOf(photoId: string): Promise<PhotoEmbedding[]> {
    return this.#exclusively(async () =>
      this.#opened()
        .keys(`embedding:${this.#secret.blind(photoId)}:`)
        .flatMap((key) => this.#embedding(key) ?? []),
    );
  }

  /**
   * Delete embeddings and anchors that were made alike, where `isGone` says so; strangers lose what they have of it
   * beside. Gone from old pages and backups too.
   */
  async removeEmbeddings(fingerprint: string, isGone: (photoId: string) => boolean): Promise<void> {
    const photos: string[] = [];
    for await (const { photoId } of this.embeddings(fingerprint)) if (isGone(photoId)) photos.push(photoId);
    await this.#write(async (database) => {
      const anchors = this.anchors().filter((anchor) => anchor.fingerprint === fingerprint);
      const unknowns = this.unknowns()
        .filter(({ beside }) => beside?.fingerprint === fingerprint)
        .map(({ beside: _gone, ...group }) => group);
      const embeddings = photos.map((photoId) => ({ photoId, fingerprint }));
      await this.#commit(
        database,
        { put: { unknowns }, removed: { embeddings, anchors } },
        {
          remove: [
            ...embeddings.map((embedding) => this.#embeddingKey(embedding)),
            ...anchors.map(({ id }) => this.#key("anchor", id)),
          ],
          replaces: unknowns.length > 0,
        },
      );
      await this.#purgeDropped(database);
    });
  }

  /**
   * What embeddings of one fingerprint have in common, by fingerprint: as the first one here that can be read has it.
   */
  async spaces(): Promise<Map<string, Space>> {
    const spaces = new Map<string, Space>();
    const learn = (
      { fingerprint, model }: Pick<PhotoEmbedding, "fingerprint" | "model">,
      vector: Float32Array | undefined,
    ): void => {
      if (vector !== undefined && !spaces.has(fingerprint))
        spaces.set(fingerprint, { model, dimensions: vector.length });
    };
    const seen = new Set<string>();
    for (const key of await this.#exclusively(async () => this.#opened().keys("embedding:"))) {
      const ending = key.slice(key.lastIndexOf(":"));
      const embedding = seen.has(ending) ? undefined : this.#embedding(key);
      if (embedding === undefined) continue;
      seen.add(ending);
      learn(embedding, embedding.vector);
    }
    for (const anchor of this.#anchors.values()) learn(anchor, anchor.vector);
    for (const group of this.#unknowns.values()) learn(group, group.vectors[0]);
    return spaces;
  }

  /** Undefined when it is not kept, or damaged beyond repair. */
  photoBytes(id: string): Promise<Buffer | undefined> {
    return this.#pictures.read("photos", id);
  }

  thumbnail(id: string): Promise<Buffer | undefined> {
    return this.#pictures.read("thumbnails", id);
  }

  async putAnchor(anchor: Anchor): Promise<void> {
    await this.putMany({ anchors: [anchor] });
  }

  /** @param pictures new ones, beside those that are kept; group.pictures counts them already */
  async putUnknown(group: UnknownGroup, pictures: readonly Buffer[] = []): Promise<void> {
    await this.putMany({ unknowns: [{ group, pictures }] }, { settleMs: VISIT_SETTLE_MS });
  }

  async unknownPicture(id: string, index: number): Promise<Buffer | undefined> {
    const group = this.#unknowns.get(id);
    return group === undefined || index < 0 || index >= group.pictures
      ? undefined
      : this.#pictures.read("unknowns", pictureId(id, index));
  }

  /** @param value anything that JSON can say; undefined deletes the note */
  async putNote(key: string, value: unknown): Promise<void> {
    await this.#write(async (database) => {
      const place = this.#noteKey(key);
      await database.write(value === undefined ? { remove: [place] } : { put: [[place, pack({ key, value })]] });
      if (value === undefined) this.#notes.delete(key);
      else this.#notes.set(key, value);
    });
  }

  /**
   * Everything that is known of a person: photos, thumbnails, embeddings, anchors against them, and all of it in the
   * backups.
   */
  async removePerson(id: string): Promise<Receipt> {
    return this.#remove(
      { what: "person", id, name: this.#people.get(id)?.name ?? null },
      { people: [id], photos: this.#photoIdsOf(id), anchors: this.#anchorIdsOf(id) },
    );
  }

  async removePhoto(id: string): Promise<Receipt> {
    return this.removePhotos([id]);
  }

  /**
   * Several at once: one by one each would rewrite the whole database. The receipt names them, separated by commas.
   */
  async removePhotos(ids: readonly string[]): Promise<Receipt> {
    return this.#remove({ what: "photo", id: ids.join(","), name: null }, { photos: ids });
  }

  async removeAnchor(id: string): Promise<Receipt> {
    return this.#remove({ what: "anchor", id, name: null }, { anchors: [id] });
  }

  async removeUnknown(id: string): Promise<Receipt> {
    return this.removeUnknowns([id]);
  }

  /** As removePhotos. */
  async removeUnknowns(ids: readonly string[]): Promise<Receipt> {
    return this.#remove({ what: "unknown", id: ids.join(","), name: null }, { unknowns: ids });
  }

  /** A stranger is to be nobody from now on: anchors in their place, all or nothing. */
  async ignoreUnknown(id: string, anchors: readonly Anchor[]): Promise<Receipt> {
    return this.#remove({ what: "unknown", id, name: null }, { unknowns: [id] }, anchors);
  }

  /**
   * Strangers whose time is over: gone now from the records and pictures, and from old pages and backups within a
   * quarter of an hour.
   */
  async expireUnknowns(ids: readonly string[]): Promise<void> {
    await this.#write((database) => this.#drop(database, { unknowns: ids }), VISIT_SETTLE_MS);
  }

  /**
   * People with all that belongs to them, and photos, as removePerson and removePhoto, at once: one by one each would
   * rewrite the whole database.
   */
  async removeMany({ people, photos }: { people: readonly string[]; photos: readonly string[] }): Promise<void> {
    await this.#wipe({
      people,
      photos: [...photos, ...people.flatMap((id) => this.#photoIdsOf(id))],
      anchors: people.flatMap((id) => this.#anchorIdsOf(id)),
    });
  }

  /**
   * Made by itself too, soon after a change and when the store closes. Wipes what was deleted first.
   * @throws StorageError, which is told too
   */
  async backup(): Promise<void> {
    try {
      await this.#exclusively(() => this.#backUp());
    } catch (error) {
      this.#tellOfBackup(error);
      throw asStorageError(error, this.#parts.folder);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const pending = this.#timer !== undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#retryTimer);
    try {
      await this.#exclusively(async () => {
        if (pending) await this.#backUpAtTheEnd().catch((error: unknown) => this.#tellOfBackup(error));
        await this.#database?.close();
        if (!this.#damaged) await this.#closedNote.write();
      });
    } finally {
      await this.#parts.lock.release();
    }
  }

  /**
   * What is left out is made up for after the next start: pictures are copied then, and a database that takes long.
   */
  async #backUpAtTheEnd(): Promise<void> {
    const { size } = await stat(this.#pathOf(DATABASE));
    if (size <= MOST_COPIED_BYTES) await this.#backUp(false);
  }

  /** Called once, by openStore. */
  async open(key: string | undefined): Promise<void> {
    const { meta, secret } = await this.#readMeta(key);
    this.#secret = secret;
    this.#pictures = this.#picturesWith(secret);
    const path = this.#pathOf(DATABASE);
    const asides = await this.#tidy(path);
    let restored = (await this.#isToBeTrusted(path)) ? false : await this.#restore(path);
    await this.#closedNote.remove();
    try {
      await this.#load(path);
    } catch (error) {
      await this.#database?.close();
      // The disk refuses, which says nothing of the database.
      if (storageReasonOf(error) !== undefined) throw error;
      // It was read from end to end before; what fails now is a record that was tampered with.
      restored = await this.#restore(path, error);
      await this.#load(path);
    }
    if (!meta.converted) await this.#convert(meta, secret);
    // Pictures without a record may be somebody's who was enrolled since the backup: they stay as long as what was set
    // aside.
    if (restored) await this.#tellOfLost();
    else if (!asides && this.#bad.size === 0) await this.#pictures.sweep(this.#pictureIds());
    this.#tellOfBad();
    if (this.#photos.size > 0 || this.#opened().gone() !== undefined) this.#settle();
  }

  /** Delete what a crash left half-written. @returns whether something was set aside in the last month */
  async #tidy(path: string): Promise<boolean> {
    await removeDatabase(freshOf(path));
    const { folder } = this.#parts;
    await removeDurable(
      (await readdir(folder)).filter((file) => isWaitingZip(file) || isAside(file)).map((file) => join(folder, file)),
    );
    return this.#backups.tidy(Date.now());
  }

  async #load(path: string): Promise<void> {
    for (const map of [this.#people, this.#photos, this.#photosByPerson, this.#anchors, this.#unknowns, this.#notes])
      map.clear();
    const database = await Database.open(path, this.#secret);
    this.#database = database;
    this.#bad.clear();
    await this.#eachOf("person", unpackPerson, (person) => remember(this.#people, person));
    await this.#eachOf("photo", unpackPhoto, (photo) => this.#remember(photo));
    await this.#eachOf("anchor", unpackAnchor, (anchor) => remember(this.#anchors, anchor));
    await this.#eachOf("unknown", unpackUnknown, (group) => remember(this.#unknowns, group));
    await this.#eachOf("note", unpackNote, ({ key, value }) => this.#notes.set(key, value));
    // Photos of somebody whose own record is bad.
    for (const { id, personId } of this.photos()) {
      if (this.#people.has(personId)) continue;
      this.#forget(id);
      this.#bad.add(this.#key("photo", id));
    }
  }

  /**
   * Every record of a kind that can be read; one that was sealed well and is none nevertheless does not take the
   * others with it.
   * @throws Unsealable
   */
  async #eachOf<T>(kind: RecordKind, unpackOne: (value: Buffer) => T, keep: (record: T) => void): Promise<void> {
    for await (const [key, value] of this.#opened().entries(`${kind}:`)) {
      const record = tried(() => unpackOne(value));
      if (record === undefined) this.#bad.add(key);
      else keep(record);
    }
  }

  #tellOfBad(): void {
    if (this.#bad.size === this.#badTold) return;
    this.#badTold = this.#bad.size;
    const kinds = [...this.#bad].map((key) => key.slice(0, key.indexOf(":")));
    const counts = [...new Set(kinds)].map((kind) => `${kind}: ${kinds.filter((each) => each === kind).length}`);
    this.#tell({
      code: "bad_record",
      ...worded(phrase("people.badRecords", { number: this.#bad.size, folder: this.#parts.folder, counts })),
    });
  }

  /** Told now, and as long as the gallery runs. */
  #tell(problem: StoreProblem): void {
    this.#problems.set(problem.code, problem);
    this.#parts.onProblem(problem);
  }

  async #readMeta(key: string | undefined): Promise<{ meta: Meta; secret: Secret }> {
    const text = await readFile(this.#pathOf(META), "utf8").catch(() => undefined);
    const parsed = text === undefined ? undefined : metaSchema.safeParse(parseJson(text));
    if (parsed?.success === false) throw new UserError("people.otherVersion", { file: this.#pathOf(META) });
    const meta = parsed?.data;
    if (meta?.salt !== undefined) return { meta, secret: await this.#unlock(meta, key) };
    if (key === undefined) {
      const plain: Meta = meta ?? { format: "facenet-people", version: FORMAT_VERSION, converted: true };
      if (meta === undefined) await this.#writeMeta(plain);
      return { meta: plain, secret: noSecret };
    }
    // New, or plain until now: what is there is sealed anew once it has been read.
    const salt = randomBytes(SALT_BYTES);
    const secret = await makeSecret(key, salt);
    const locked: Meta = {
      format: "facenet-people",
      version: FORMAT_VERSION,
      salt: salt.toString("base64"),
      check: secret.seal(Buffer.from(CHECK), META).toString("base64"),
      converted: meta === undefined,
    };
    await this.#writeMeta(locked);
    return { meta: locked, secret };
  }

  async #unlock({ salt = "", check = "" }: Meta, key: string | undefined): Promise<Secret> {
    if (key === undefined) throw new UserError("people.encrypted");
    const secret = await makeSecret(key, Buffer.from(salt, "base64"));
    try {
      secret.open(Buffer.from(check, "base64"), META);
    } catch (error) {
      throw new UserError("people.wrongPassPhrase", {}, { cause: error });
    }
    return secret;
  }

  /**
   * From plain to encrypted. A crash in between leaves a mixture that is read all the same, and sealed at the next
   * start.
   */
  async #convert(meta: Meta, secret: Secret): Promise<void> {
    const plain = this.#picturesWith(noSecret);
    await plain.reseal(secret, this.#pictureIds());
    // Keys are blinded too: written anew under their new names.
    const database = this.#opened();
    const embeddings: PhotoEmbedding[] = [];
    for await (const value of database.values("embedding:")) embeddings.push(unpackEmbedding(value));
    const put = [
      ...this.people().map((person) => [this.#key("person", person.id), packPerson(person)] as const),
      ...this.photos().map((photo) => [this.#key("photo", photo.id), packPhoto(photo)] as const),
      ...embeddings.map((embedding) => [this.#embeddingKey(embedding), packEmbedding(embedding)] as const),
      ...this.anchors().map((anchor) => [this.#key("anchor", anchor.id), packAnchor(anchor)] as const),
      ...this.unknowns().map((group) => [this.#key("unknown", group.id), packUnknown(group)] as const),
      ...[...this.#notes].map(([key, value]) => [this.#noteKey(key), pack({ key, value })] as const),
    ];
    const wanted = new Set(put.map(([key]) => key));
    await database.write({ put, remove: database.keys("").filter((key) => !wanted.has(key)) });
    await database.rewrite(secret);
    await this.#backups.removeAll();
    // Plain, and cannot be sealed anew.
    await this.#backups.removeAsides();
    await this.#pictures.sweep(this.#pictureIds());
    await this.#backups.make(database, Date.now());
    await this.#writeMeta({ ...meta, converted: true });
  }

  async #writeMeta(meta: Meta): Promise<void> {
    await writeDurable(this.#pathOf(META), Buffer.from(JSON.stringify(meta)));
  }

  /**
   * Whether the database is new, was closed well and is as it was then, or was read from end to end by a process of
   * its own.
   */
  async #isToBeTrusted(path: string): Promise<boolean> {
    return (await this.#closedNote.holds()) || (await this.#isGood(path));
  }

  async #isGood(path: string): Promise<boolean> {
    // Only whoever has the key can tell whether what is sealed is unharmed.
    return (await isSound(path)) && (!this.#secret.encrypts || (await Database.opens(path, this.#secret)));
  }

  async #restore(path: string, cause?: unknown): Promise<true> {
    const { aside, madeAt } = await this.#backups.restore(path, Date.now(), (backup) => this.#isGood(backup));
    const { folder } = this.#parts;
    const reason = cause === undefined ? undefined : reasonOf(cause);
    const because = reason === undefined ? "" : phrase("people.because", { reason });
    if (madeAt === undefined)
      this.#tell({
        code: "no_backup",
        ...worded(phrase("people.noBackup", { folder, because, aside })),
      });
    else
      this.#tell({
        code: "damaged_database",
        ...worded(phrase("people.damagedDatabase", { folder, because, aside, at: new Date(madeAt).toISOString() })),
      });
    return true;
  }

  async #tellOfLost(): Promise<void> {
    const count = await this.#pictures.countOthers(this.#pictureIds());
    if (count > 0)
      this.#tell({
        code: "lost_pictures",
        ...worded(phrase("people.lostPictures", { number: count, folder: this.#parts.folder })),
      });
  }

  #tellOfBackup(error: unknown): void {
    const refused = asStorageError(error, this.#parts.folder, phrase("people.noBackupPossible"));
    if (refused instanceof StorageError) this.#refused("unwritable_backup", refused);
    else
      this.#tell({
        code: "unwritable_backup",
        ...worded(phrase("people.backupFailed", { folder: this.#parts.folder, reason: reasonOf(error) })),
      });
    if (!this.#closed) this.#settle(refused instanceof StorageError ? WIPE_RETRY_MS : SETTLE_MS);
  }

  /** The disk refused: that is told until it takes something again, which is tried now and then. */
  #refused(code: Refusal["code"], error: StorageError): void {
    const before = this.#refusals.get(code);
    this.#refusals.set(code, error);
    if (code === "unwritable_store" && !this.#closed) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => heard("people", this.#retry()), RETRY_MS).unref();
    }
    if (before?.reason !== error.reason) this.emit("disk");
  }

  #taken(code: Refusal["code"]): void {
    if (this.#refusals.delete(code)) this.emit("disk");
  }

  /** Never rejects. */
  async #retry(): Promise<void> {
    const { folder } = this.#parts;
    await this.#exclusively(async () => {
      if (this.#closed) return;
      try {
        await tryDisk(folder);
        await this.#opened().tryOut();
      } catch (error) {
        const refused = asStorageError(error, folder);
        this.#refused(
          "unwritable_store",
          refused instanceof StorageError ? refused : new StorageError({ reason: "EIO", folder, cause: error }),
        );
        return;
      }
      // What could not be backed up or wiped meanwhile.
      if (this.#refusals.has("unwritable_backup")) this.#settle(0);
      this.#taken("unwritable_store");
    });
  }

  /** One embedding; a damaged one is left out, and told. */
  #embedding(key: string): PhotoEmbedding | undefined {
    try {
      const value = this.#opened().get(key);
      return value === undefined ? undefined : unpackEmbedding(value);
    } catch (error) {
      if (!(error instanceof Unsealable)) {
        this.#bad.add(key);
        return undefined;
      }
      if (!this.#damaged)
        this.#tell({
          code: "damaged_record",
          ...worded(phrase("people.damagedRecord", { folder: this.#parts.folder, reason: error.why })),
        });
      this.#damaged = true;
      return undefined;
    }
  }

  async #remove(
    about: Pick<Receipt, "what" | "id" | "name">,
    ids: Ids,
    anchors: readonly Anchor[] = [],
  ): Promise<Receipt> {
    return { ...about, at: Date.now(), visits: 0, ...(await this.#wipe(ids, anchors)) };
  }

  /** @param anchors new ones, that come with what goes */
  async #wipe(
    ids: Ids,
    anchors: readonly Anchor[] = [],
  ): Promise<Pick<Receipt, "photos" | "embeddings" | "thumbnails" | "backups">> {
    return this.#write(async (database) => {
      // What is damaged cannot be searched: it goes whole, and first, so that no crash forgets it.
      const asides = await this.#backups.removeAsides();
      const bad = this.#stillBad(database);
      const dropped = await this.#drop(database, ids, { added: anchors, besides: bad });
      if (asides + bad.length > 0) await this.#pictures.sweep(this.#pictureIds());
      return { ...dropped, backups: asides + (await this.#purgeDropped(database)) };
    });
  }

  /** @throws NotWiped when the disk refuses */
  #purgeDropped(database: Database): Promise<number> {
    return this.#purge(database).catch((error: unknown) => {
      const { folder } = this.#parts;
      const refused = asStorageError(error, folder);
      if (!(refused instanceof StorageError)) throw error;
      this.#tellOfBackup(refused);
      throw new NotWiped({
        reason: refused.reason,
        what: phrase("people.notWiped"),
        folder,
        cause: error,
      });
    });
  }

  /**
   * Nothing that was deleted or changed is left in old pages, nor what was deleted in a backup.
   * @returns how many backups held it
   */
  async #purge(database: Database): Promise<number> {
    const gone = database.gone();
    if (gone === undefined) return 0;
    const held = gone.length === 0 ? 0 : await this.#backups.purge(gone);
    await database.rewrite();
    return held;
  }

  /**
   * Records that cannot be read may be of whoever is being deleted. Some may have been overwritten since they were
   * found.
   */
  #stillBad(database: Database): string[] {
    const readers: Record<string, (value: Buffer) => unknown> = {
      person: unpackPerson,
      photo: unpackPhoto,
      anchor: unpackAnchor,
      unknown: unpackUnknown,
      note: unpackNote,
      embedding: unpackEmbedding,
    };
    const bad = [...this.#bad].filter((key) => {
      const value = tried(() => database.get(key));
      const record = value === undefined ? undefined : tried(() => readers[key.slice(0, key.indexOf(":"))]?.(value));
      return record === undefined || (key.startsWith("photo:") && !this.#photos.has((record as Photo).id));
    });
    this.#bad.clear();
    this.#badTold = 0;
    this.#problems.delete("bad_record");
    return bad;
  }

  async #drop(
    database: Database,
    { people = [], photos = [], anchors = [], unknowns = [] }: Ids,
    { added = [], besides = [] }: { added?: readonly Anchor[]; besides?: readonly string[] } = {},
  ): Promise<Pick<Receipt, "photos" | "embeddings" | "thumbnails">> {
    const embeddings = photos.flatMap((id) => database.keys(`embedding:${this.#secret.blind(id)}:`));
    const removed = {
      people: of(this.#people, people),
      photos: of(this.#photos, photos),
      anchors: of(this.#anchors, anchors),
      unknowns: of(this.#unknowns, unknowns),
    };
    await this.#commit(
      database,
      { put: { anchors: added }, removed },
      {
        remove: [
          ...people.map((id) => this.#key("person", id)),
          ...photos.map((id) => this.#key("photo", id)),
          ...anchors.map((id) => this.#key("anchor", id)),
          ...unknowns.map((id) => this.#key("unknown", id)),
          ...embeddings,
          ...besides,
        ],
      },
    );
    const vectors =
      removed.anchors.length +
      removed.unknowns.reduce((sum, { vectors: own, beside }) => sum + own.length + (beside?.vectors.length ?? 0), 0);
    // Records first: a crash leaves at worst files that no record names, and the next start deletes them.
    await this.#pictures.remove("photos", photos);
    const thumbnails = await this.#pictures.remove("thumbnails", photos);
    const pictures = await this.#pictures.remove("unknowns", removed.unknowns.flatMap(pictureIdsOf));
    return {
      photos: removed.photos.length,
      embeddings: embeddings.length + vectors,
      thumbnails: thumbnails + pictures,
    };
  }

  /** The one way records are written, once a write: to the disk, then to memory; then whoever follows is told. */
  async #commit(
    database: Database,
    { put = {}, removed = {} }: { put?: Partial<StoreChange["put"]>; removed?: Partial<StoreChange["removed"]> },
    { remove = [], replaces = false }: { remove?: readonly string[]; replaces?: boolean } = {},
  ): Promise<void> {
    const change: StoreChange = { put: { ...NOTHING, ...put }, removed: { ...NOTHING, ...removed } };
    const { people, photos, embeddings, anchors, unknowns } = change.put;
    await database.write({
      put: [
        ...people.map((person) => [this.#key("person", person.id), packPerson(person)] as const),
        ...photos.map((photo) => [this.#key("photo", photo.id), packPhoto(photo)] as const),
        ...embeddings.map((embedding) => [this.#embeddingKey(embedding), packEmbedding(embedding)] as const),
        ...anchors.map((anchor) => [this.#key("anchor", anchor.id), packAnchor(anchor)] as const),
        ...unknowns.map((group) => [this.#key("unknown", group.id), packUnknown(group)] as const),
      ],
      remove,
      replaces,
    });
    this.#follow(change);
    const isEmpty = [...Object.values(put), ...Object.values(removed)].every(({ length }) => length === 0);
    if (!isEmpty) this.#untold = change;
  }

  /** Memory as the disk is now. */
  #follow({ removed, put }: StoreChange): void {
    for (const { id } of removed.photos) this.#forget(id);
    for (const { id } of removed.people) {
      this.#people.delete(id);
      this.#photosByPerson.delete(id);
    }
    for (const { id } of removed.anchors) this.#anchors.delete(id);
    for (const { id } of removed.unknowns) this.#unknowns.delete(id);
    for (const person of put.people) remember(this.#people, person);
    for (const photo of put.photos) this.#remember(photo);
    for (const anchor of put.anchors) remember(this.#anchors, anchor);
    for (const group of put.unknowns) remember(this.#unknowns, group);
  }

  /**
   * Tell what was written, once nothing is left of what it took away. A listener that fails keeps none of the others
   * from hearing of it.
   * @throws what a listener threw
   */
  #tellOfChange(): void {
    const change = this.#untold;
    this.#untold = undefined;
    if (change === undefined) return;
    const faults: unknown[] = [];
    for (const listener of this.rawListeners("change"))
      try {
        listener(change);
      } catch (error) {
        faults.push(error);
      }
    if (faults.length > 0) throw faults[0];
  }

  async #backUp(pictures = true): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
    const database = this.#opened();
    await this.#purge(database);
    // A good one must not make room for this.
    if (this.#damaged) return;
    await this.#backups.make(database, Date.now());
    this.#problems.delete("unwritable_backup");
    if (pictures) await this.#pictures.copyNew();
    this.#taken("unwritable_backup");
  }

  /** A change; a backup follows once there are no more for a while. */
  #write<T>(work: (database: Database) => Promise<T>, settleMs = SETTLE_MS): Promise<T> {
    return this.#exclusively(async () => {
      if (this.#closed) throw new UserError("people.closed");
      try {
        return await work(this.#opened());
      } catch (error) {
        const refused = asStorageError(error, this.#parts.folder);
        if (refused instanceof StorageError && !(refused instanceof NotWiped))
          this.#refused(
            "unwritable_store",
            new StorageError({ reason: refused.reason, folder: this.#parts.folder, cause: error }),
          );
        throw refused;
      } finally {
        this.#settle(settleMs);
        this.#tellOfChange();
      }
    });
  }

  #settle(ms = SETTLE_MS): void {
    const due = performance.now() + ms;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => heard("people", this.backup()), ms).unref();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(work);
  }

  #opened(): Database {
    if (this.#database === undefined) throw new Fault("the gallery is not open.");
    return this.#database;
  }

  #remember(photo: Photo): void {
    this.#photos.set(photo.id, photo);
    const photos = this.#photosByPerson.get(photo.personId) ?? new Set();
    this.#photosByPerson.set(photo.personId, photos.add(photo.id));
  }

  #forget(id: string): void {
    const photo = this.#photos.get(id);
    this.#photos.delete(id);
    if (photo !== undefined) this.#photosByPerson.get(photo.personId)?.delete(id);
  }

  #photoIdsOf(personId: string): string[] {
    return [...(this.#photosByPerson.get(personId) ?? [])];
  }

  #anchorIdsOf(personId: string): string[] {
    return this.anchors()
      .filter(({ against }) => against === personId)
      .map(({ id }) => id);
  }

  #pictureIds(): Record<PictureKind, ReadonlySet<string>> {
    const photos = new Set(this.#photos.keys());
    return {
      photos,
      thumbnails: photos,
      unknowns: new Set(this.unknowns().flatMap(pictureIdsOf)),
    };
  }

  #picturesWith(secret: Secret): Pictures {
    return new Pictures(this.#parts.folder, secret, (sentence) =>
      this.#tell({ code: "damaged_picture", ...worded(sentence) }),
    );
  }

  #key(kind: RecordKind, id: string): string {
    return `${kind}:${this.#secret.blind(id)}`;
  }

  /** Of a key that may be longer than LMDB's can be, and have somebody's name in it. */
  #noteKey(key: string): string {
    return this.#key("note", contentHash(Buffer.from(key)));
  }

  #embeddingKey({ photoId, fingerprint }: Pick<PhotoEmbedding, "photoId" | "fingerprint">): string {
    return `embedding:${this.#secret.blind(photoId)}:${shortened(fingerprint)}`;
  }

  #pathOf(file: string): string {
    return join(this.#parts.folder, file);
  }
}

type RecordKind = "person" | "photo" | "anchor" | "unknown" | "note";

interface Ids {
  people?: readonly string[];
  photos?: readonly string[];
  anchors?: readonly string[];
  unknowns?: readonly string[];
}

function* batchesOf(keys: readonly string[]): Generator<string[]> {
  for (let at = 0; at < keys.length; at += BATCH) yield keys.slice(at, at + BATCH);
}

function remember<T extends { id: string }>(map: Map<string, T>, record: T): void {
  map.set(record.id, record);
}

function pictureOf(kind: PictureKind, id: string, bytes: Buffer | undefined): Picture[] {
  return bytes === undefined ? [] : [{ kind, id, bytes }];
}

const noteSchema = z.object({ key: z.string(), value: z.unknown() });
const unpackNote = (bytes: Buffer): z.infer<typeof noteSchema> => noteSchema.parse(unpack(bytes).value);

/** What it returns, or undefined where it throws. */
function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Those that are here. */
function of<T>(map: ReadonlyMap<string, T>, ids: readonly string[]): T[] {
  return ids.flatMap((id) => map.get(id) ?? []);
}

function pictureIdsOf({ id, pictures }: UnknownGroup): string[] {
  return Array.from({ length: pictures }, (_, index) => pictureId(id, index));
}

function pictureId(unknownId: string, index: number): string {
  return `${unknownId}-${index}`;
}

function shortened(fingerprint: string): string {
  return contentHash(Buffer.from(fingerprint)).slice(0, FINGERPRINT_LENGTH);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
