/** How a store comes to life: checked, restored where it is damaged, read, and sealed where a pass phrase is new. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAside, removeDurable } from "../../files";
import { storageReasonOf } from "../../storage";
import { phrase, worded } from "../../words/sentence";
import { isWaitingZip } from "../archive";
import type { PhotoEmbedding } from "../people";
import {
  packAnchor,
  packEmbedding,
  packPerson,
  packPhoto,
  packUnknown,
  unpackAnchor,
  unpackEmbedding,
  unpackPerson,
  unpackPhoto,
  unpackUnknown,
} from "../records";
import { ClosedNote } from "./closed-note";
import type { Core } from "./core";
import { Database, freshOf } from "./database";
import { kindOf, packNote, type RecordKind, tried, unpackNote } from "./keys";
import { META, type Meta, readMeta, writeMeta } from "./meta";
import { removeDatabase } from "./open";
import { isGood, restoreNewest } from "./restore";
import { noSecret, type Secret } from "./secret";

const CLOSED = "closed.json";

export class Opening {
  readonly #core: Core;
  readonly #closedNote: ClosedNote;

  constructor(core: Core) {
    this.#core = core;
    this.#closedNote = new ClosedNote(core.databasePath, core.pathOf(CLOSED));
  }

  /** Once. @returns whether a backup is to be made soon @throws a sentence when the pass phrase is wrong or missing */
  async open(key: string | undefined): Promise<boolean> {
    const { memory, health, folder } = this.#core;
    const { meta, secret } = await readMeta(this.#core.pathOf(META), key);
    this.#core.sealWith(secret);
    const path = this.#core.databasePath;
    const asides = await this.#tidy(path);
    let restored = (await this.#isToBeTrusted(path)) ? false : await this.#restore(path);
    await this.#closedNote.remove();
    try {
      await this.#load(path);
    } catch (error) {
      await this.#core.database?.close();
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
    else if (!asides && health.bad.size === 0) await this.#core.pictures.sweep(memory.pictureIds());
    health.tellOfBad(folder, kindOf);
    return memory.photos.size > 0 || this.#core.opened().gone() !== undefined;
  }

  /** Nothing is written any more: the database need not be read from end to end at the next start. */
  async noteClosed(): Promise<void> {
    await this.#closedNote.write();
  }

  /** Delete what a crash left half-written. @returns whether something was set aside in the last month */
  async #tidy(path: string): Promise<boolean> {
    await removeDatabase(freshOf(path));
    const { folder, backups } = this.#core;
    await removeDurable(
      (await readdir(folder)).filter((file) => isWaitingZip(file) || isAside(file)).map((file) => join(folder, file)),
    );
    return backups.tidy(Date.now());
  }

  async #load(path: string): Promise<void> {
    const { memory, health, keys } = this.#core;
    memory.clear();
    this.#core.database = await Database.open(path, this.#core.secret);
    health.bad.clear();
    await this.#eachOf("person", unpackPerson, (person) => memory.people.set(person.id, person));
    await this.#eachOf("photo", unpackPhoto, (photo) => memory.rememberPhoto(photo));
    await this.#eachOf("anchor", unpackAnchor, (anchor) => memory.anchors.set(anchor.id, anchor));
    await this.#eachOf("unknown", unpackUnknown, (group) => memory.unknowns.set(group.id, group));
    await this.#eachOf("note", unpackNote, ({ key, value }) => memory.notes.set(key, value));
    // Photos of somebody whose own record is bad.
    for (const { id, personId } of memory.photos.values()) {
      if (memory.people.has(personId)) continue;
      memory.forgetPhoto(id);
      health.bad.add(keys.of("photo", id));
    }
  }

  /**
   * Every record of a kind that can be read; one that was sealed well and is none nevertheless does not take the
   * others with it.
   * @throws Unsealable
   */
  async #eachOf<T>(kind: RecordKind, unpackOne: (value: Buffer) => T, keep: (record: T) => void): Promise<void> {
    for await (const [key, value] of this.#core.opened().entries(`${kind}:`)) {
      const record = tried(() => unpackOne(value));
      if (record === undefined) this.#core.health.bad.add(key);
      else keep(record);
    }
  }

  /**
   * From plain to encrypted. A crash in between leaves a mixture that is read all the same, and sealed at the next
   * start.
   */
  async #convert(meta: Meta, secret: Secret): Promise<void> {
    const { memory, keys, backups } = this.#core;
    const plain = this.#core.picturesWith(noSecret);
    await plain.reseal(secret, memory.pictureIds());
    // Keys are blinded too: written anew under their new names.
    const database = this.#core.opened();
    const embeddings: PhotoEmbedding[] = [];
    for await (const value of database.values("embedding:")) embeddings.push(unpackEmbedding(value));
    const put = [
      ...[...memory.people.values()].map((person) => [keys.of("person", person.id), packPerson(person)] as const),
      ...[...memory.photos.values()].map((photo) => [keys.of("photo", photo.id), packPhoto(photo)] as const),
      ...embeddings.map((embedding) => [keys.ofEmbedding(embedding), packEmbedding(embedding)] as const),
      ...[...memory.anchors.values()].map((anchor) => [keys.of("anchor", anchor.id), packAnchor(anchor)] as const),
      ...[...memory.unknowns.values()].map((group) => [keys.of("unknown", group.id), packUnknown(group)] as const),
      ...[...memory.notes].map(([key, value]) => [keys.ofNote(key), packNote(key, value)] as const),
    ];
    const wanted = new Set(put.map(([key]) => key));
    await database.write({ put, remove: database.keys("").filter((key) => !wanted.has(key)) });
    await database.rewrite(secret);
    await backups.removeAll();
    // Plain, and cannot be sealed anew.
    await backups.removeAsides();
    await this.#core.pictures.sweep(memory.pictureIds());
    await backups.make(database, Date.now());
    await writeMeta(this.#core.pathOf(META), { ...meta, converted: true });
  }

  /**
   * Whether the database is new, was closed well and is as it was then, or was read from end to end by a process of
   * its own.
   */
  async #isToBeTrusted(path: string): Promise<boolean> {
    if (await this.#core.backups.isLost(path)) return false;
    return (await this.#closedNote.holds()) || (await isGood(path, this.#core.secret));
  }

  async #restore(path: string, cause?: unknown): Promise<true> {
    const { folder, backups, health, secret } = this.#core;
    health.tell(await restoreNewest(backups, path, { folder, of: "people", secret, cause }));
    return true;
  }

  async #tellOfLost(): Promise<void> {
    const { folder, health, memory, pictures } = this.#core;
    const count = await pictures.countOthers(memory.pictureIds());
    if (count > 0)
      health.tell({
        code: "lost_pictures",
        ...worded(phrase("people.lostPictures", { number: count, folder })),
      });
  }
}
