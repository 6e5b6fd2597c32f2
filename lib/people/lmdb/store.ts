/**
 * The people on disk. Records and embeddings in LMDB, pictures as files beside it; see docs/gallery-format.md.
 * Whatever a promise here has resolved for survives a power cut. Its parts: opening.ts, memory.ts (records),
 * embeddings.ts, pictures.ts, writing.ts, removing.ts, backing-up.ts, health.ts (what is wrong).
 */
import { EventEmitter } from "node:events";
import { closeToOthers } from "../../files";
import { asStorageError } from "../../storage";
import { phrase } from "../../words/sentence";
import type { Anchor, Person, Photo, PhotoEmbedding, Receipt, UnknownGroup } from "../people";
import type { NewPhoto, PeopleStore, Records, Refusal, Space, StoreEvents, StoreProblem } from "../store";
import { BackingUp, VISIT_SETTLE_MS } from "./backing-up";
import { Core } from "./core";
import { Embeddings } from "./embeddings";
import { packNote } from "./keys";
import { type HandOver, type Lock, takeLock } from "./lock";
import { Opening } from "./opening";
import { pictureId } from "./pictures";
import { Removing } from "./removing";
import type { Secret } from "./secret";
import { Writing } from "./writing";

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

interface Parts {
  folder: string;
  onProblem: (problem: StoreProblem) => void;
  lock: Lock;
}

export class LmdbStore extends EventEmitter<StoreEvents> implements PeopleStore {
  readonly #lock: Lock;
  readonly #core: Core;
  readonly #opening: Opening;
  readonly #embeddings: Embeddings;
  readonly #backingUp: BackingUp;
  readonly #writing: Writing;
  readonly #removing: Removing;

  /** Use openStore. */
  constructor({ folder, onProblem, lock }: Parts) {
    super();
    this.#lock = lock;
    this.#core = new Core(folder, { where: "people", onProblem, onDisk: () => this.emit("disk") });
    this.#opening = new Opening(this.#core);
    this.#embeddings = new Embeddings(this.#core);
    this.#backingUp = new BackingUp(this.#core);
    this.#writing = new Writing(this.#core, this.#backingUp, () => this.rawListeners("change"));
    this.#removing = new Removing(this.#core, this.#writing);
  }

  /** Called once, by openStore. */
  async open(key: string | undefined): Promise<void> {
    if (await this.#opening.open(key)) this.#backingUp.settle();
  }

  get folder(): string {
    return this.#core.folder;
  }

  get encrypted(): boolean {
    return this.#core.secret.encrypts;
  }

  /** Seals what else is kept beside the people (lib/visits). */
  get secret(): Secret {
    return this.#core.secret;
  }

  /** What the disk refuses now; empty when all is well. Tried again and again. */
  get refusals(): Refusal[] {
    return this.#core.health.refusals;
  }

  /** What is wrong, or was found wrong since the start. */
  get problems(): StoreProblem[] {
    return this.#core.health.problems;
  }

  people(): Person[] {
    return [...this.#core.memory.people.values()];
  }

  person(id: string): Person | undefined {
    return this.#core.memory.people.get(id);
  }

  photos(personId?: string): Photo[] {
    const { memory } = this.#core;
    return personId === undefined ? [...memory.photos.values()] : memory.photosOf(personId);
  }

  photo(id: string): Photo | undefined {
    return this.#core.memory.photos.get(id);
  }

  anchors(): Anchor[] {
    return [...this.#core.memory.anchors.values()];
  }

  unknowns(): UnknownGroup[] {
    return [...this.#core.memory.unknowns.values()];
  }

  /** A small value kept under a key; undefined when there is none. */
  note(key: string): unknown {
    return this.#core.memory.notes.get(key);
  }

  async putPerson(person: Person): Promise<void> {
    await this.#writing.write(async (database) => {
      // What they were called before is not to stay in old pages.
      const replaces = this.#core.memory.people.has(person.id);
      await this.#writing.commit(database, { put: { people: [person] } }, { replaces });
    });
  }

  /** When people were seen last. Who is not here any more is passed over. */
  async seen(times: ReadonlyMap<string, number>): Promise<void> {
    await this.#writing.write(async (database) => {
      const people = [...times].flatMap(([id, lastSeenAt]) => {
        const person = this.person(id);
        return person === undefined ? [] : [{ ...person, lastSeenAt }];
      });
      await this.#writing.commit(database, { put: { people } });
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
  async putMany(records: Records, options: { insteadOf?: string | undefined; settleMs?: number } = {}): Promise<void> {
    await this.#writing.putMany(records, options);
  }

  /** Of photos that are here; another model's beside the first's. */
  async putEmbeddings(embeddings: readonly PhotoEmbedding[]): Promise<void> {
    const { photos } = this.#core.memory;
    await this.#writing.write((database) =>
      this.#writing.commit(database, { put: { embeddings: embeddings.filter(({ photoId }) => photos.has(photoId)) } }),
    );
  }

  /** All embeddings that were made alike, or all there are. The event loop gets its turns. */
  embeddings(fingerprint?: string): AsyncGenerator<PhotoEmbedding> {
    return this.#embeddings.all(fingerprint);
  }

  /** All that a photo has, of any model. */
  async embeddingsOf(photoId: string): Promise<PhotoEmbedding[]> {
    return this.#embeddings.ofPhoto(photoId);
  }

  /**
   * Delete embeddings and anchors that were made alike, where `isGone` says so; strangers lose what they have of it
   * beside. Gone from old pages and backups too.
   */
  async removeEmbeddings(
    fingerprint: string,
    isGone: (photoId: string) => boolean,
    options: { alone?: boolean } = {},
  ): Promise<void> {
    await this.#removing.removeEmbeddings(this.#embeddings, { fingerprint, isGone, ...options });
  }

  /**
   * What embeddings of one fingerprint have in common, by fingerprint: as the first one here that can be read has it.
   */
  async spaces(): Promise<Map<string, Space>> {
    return this.#embeddings.spaces();
  }

  /** Undefined when it is not kept, or damaged beyond repair. */
  photoBytes(id: string): Promise<Buffer | undefined> {
    return this.#core.pictures.read("photos", id);
  }

  thumbnail(id: string): Promise<Buffer | undefined> {
    return this.#core.pictures.read("thumbnails", id);
  }

  async putAnchor(anchor: Anchor): Promise<void> {
    await this.putMany({ anchors: [anchor] });
  }

  /** @param pictures new ones, beside those that are kept; group.pictures counts them already */
  async putUnknown(group: UnknownGroup, pictures: readonly Buffer[] = []): Promise<void> {
    await this.putMany({ unknowns: [{ group, pictures }] }, { settleMs: VISIT_SETTLE_MS });
  }

  async unknownPicture(id: string, index: number): Promise<Buffer | undefined> {
    const group = this.#core.memory.unknowns.get(id);
    return group === undefined || index < 0 || index >= group.pictures
      ? undefined
      : this.#core.pictures.read("unknowns", pictureId(id, index));
  }

  /** @param value anything that JSON can say; undefined deletes the note */
  async putNote(key: string, value: unknown): Promise<void> {
    const { keys, memory } = this.#core;
    await this.#writing.write(async (database) => {
      const place = keys.ofNote(key);
      await database.write(value === undefined ? { remove: [place] } : { put: [[place, packNote(key, value)]] });
      if (value === undefined) memory.notes.delete(key);
      else memory.notes.set(key, value);
    });
  }

  /**
   * Everything that is known of a person: photos, thumbnails, embeddings, anchors against them, and all of it in the
   * backups.
   */
  async removePerson(id: string): Promise<Receipt> {
    const { memory } = this.#core;
    return this.#removing.remove(
      { what: "person", id, name: this.person(id)?.name ?? null },
      { people: [id], photos: memory.photoIdsOf(id), anchors: memory.anchorIdsOf(id) },
    );
  }

  async removePhoto(id: string): Promise<Receipt> {
    return this.removePhotos([id]);
  }

  /**
   * Several at once: one by one each would rewrite the whole database. The receipt names them, separated by commas.
   */
  async removePhotos(ids: readonly string[]): Promise<Receipt> {
    return this.#removing.remove({ what: "photo", id: ids.join(","), name: null }, { photos: ids });
  }

  async removeAnchor(id: string): Promise<Receipt> {
    return this.#removing.remove({ what: "anchor", id, name: null }, { anchors: [id] });
  }

  async removeUnknown(id: string): Promise<Receipt> {
    return this.removeUnknowns([id]);
  }

  /** As removePhotos. */
  async removeUnknowns(ids: readonly string[]): Promise<Receipt> {
    return this.#removing.remove({ what: "unknown", id: ids.join(","), name: null }, { unknowns: ids });
  }

  /** A stranger is to be nobody from now on: anchors in their place, all or nothing. */
  async ignoreUnknown(id: string, anchors: readonly Anchor[]): Promise<Receipt> {
    return this.#removing.remove({ what: "unknown", id, name: null }, { unknowns: [id] }, anchors);
  }

  /**
   * Strangers whose time is over: gone now from the records and pictures, and from old pages and backups within a
   * quarter of an hour.
   */
  async expireUnknowns(ids: readonly string[]): Promise<void> {
    await this.#removing.expire({ unknowns: ids }, VISIT_SETTLE_MS);
  }

  /**
   * People with all that belongs to them, and photos, as removePerson and removePhoto, at once: one by one each would
   * rewrite the whole database.
   */
  async removeMany({ people, photos }: { people: readonly string[]; photos: readonly string[] }): Promise<void> {
    const { memory } = this.#core;
    await this.#removing.wipe({
      people,
      photos: [...photos, ...people.flatMap((id) => memory.photoIdsOf(id))],
      anchors: people.flatMap((id) => memory.anchorIdsOf(id)),
    });
  }

  /**
   * Made by itself too, soon after a change and when the store closes. Wipes what was deleted first.
   * @throws StorageError, which is told too
   */
  async backup(): Promise<void> {
    await this.#backingUp.make();
  }

  async close(): Promise<void> {
    const core = this.#core;
    if (core.closed) return;
    core.closed = true;
    const backUpAtTheEnd = this.#backingUp.end();
    core.health.close();
    try {
      await core.exclusively(async () => {
        await backUpAtTheEnd();
        await core.database?.close();
        if (!core.health.damaged) await this.#opening.noteClosed();
      });
    } finally {
      await this.#lock.release();
    }
  }
}
