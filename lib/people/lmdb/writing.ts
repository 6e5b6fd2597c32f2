/** How records come to the disk: each write all or nothing, one after the other, told once it is there. */
import { UserError } from "../../errors";
import { asStorageError, StorageError } from "../../storage";
import { phrase } from "../../words/sentence";
import type { UnknownGroup } from "../people";
import { packAnchor, packEmbedding, packPerson, packPhoto, packUnknown } from "../records";
import type { Records, StoreChange } from "../store";
import type { BackingUp } from "./backing-up";
import type { Core } from "./core";
import type { Database } from "./database";
import { existing } from "./memory";
import { type Picture, pictureId, pictureIdsOf, type PictureKind } from "./pictures";

/** Of a change. */
const NOTHING = { people: [], photos: [], embeddings: [], anchors: [], unknowns: [] };

/** It was deleted; what is left in old pages and backups is wiped later. */
class NotWiped extends StorageError {}

/** What a commit puts and takes away, … */
interface Committed {
  put?: Partial<StoreChange["put"]>;
  removed?: Partial<StoreChange["removed"]>;
}

/** … and what it does to the database beside. */
interface CommitOptions {
  /** Keys that go. */
  remove?: readonly string[];
  /** What is overwritten must not be left in old pages either. */
  replaces?: boolean;
}

export class Writing {
  readonly #core: Core;
  readonly #backingUp: BackingUp;
  readonly #listeners: () => readonly ((change: StoreChange) => void)[];
  /** What is written, and not told yet. */
  #untold: StoreChange | undefined;

  /** @param listeners who follows what is written */
  constructor(core: Core, backingUp: BackingUp, listeners: () => readonly ((change: StoreChange) => void)[]) {
    this.#core = core;
    this.#backingUp = backingUp;
    this.#listeners = listeners;
  }

  /** A change; a backup follows once there are no more for a while. @throws StorageError when the disk refuses it */
  write<T>(work: (database: Database) => Promise<T>, settleMs?: number): Promise<T> {
    return this.#core.exclusively(async () => {
      if (this.#core.closed) throw new UserError("people.closed");
      const { folder } = this.#core;
      try {
        return await work(this.#core.opened());
      } catch (error) {
        const refused = asStorageError(error, folder);
        if (refused instanceof StorageError && !(refused instanceof NotWiped))
          this.#backingUp.refused(
            "unwritable_store",
            new StorageError({ reason: refused.reason, folder, cause: error }),
          );
        throw refused;
      } finally {
        this.#backingUp.settle(settleMs);
        this.#tellOfChange();
      }
    });
  }

  /** The one way records are written, once a write: to the disk, then to memory; then whoever follows is told. */
  async commit(
    database: Database,
    { put = {}, removed = {} }: Committed,
    { remove = [], replaces = false }: CommitOptions = {},
  ): Promise<void> {
    const { keys, memory } = this.#core;
    const change: StoreChange = { put: { ...NOTHING, ...put }, removed: { ...NOTHING, ...removed } };
    const { people, photos, embeddings, anchors, unknowns } = change.put;
    await database.write({
      put: [
        ...people.map((person) => [keys.of("person", person.id), packPerson(person)] as const),
        ...photos.map((photo) => [keys.of("photo", photo.id), packPhoto(photo)] as const),
        ...embeddings.map((embedding) => [keys.ofEmbedding(embedding), packEmbedding(embedding)] as const),
        ...anchors.map((anchor) => [keys.of("anchor", anchor.id), packAnchor(anchor)] as const),
        ...unknowns.map((group) => [keys.of("unknown", group.id), packUnknown(group)] as const),
      ],
      remove,
      replaces,
    });
    memory.follow(change);
    const isEmpty = [...Object.values(put), ...Object.values(removed)].every(({ length }) => length === 0);
    if (!isEmpty) this.#untold = change;
  }

  /** As PeopleStore's putMany. @param insteadOf a stranger who goes */
  async putMany(
    { people = [], photos = [], anchors = [], unknowns = [] }: Records,
    { insteadOf, settleMs }: { insteadOf?: string | undefined; settleMs?: number } = {},
  ): Promise<void> {
    const { memory, keys, pictures: files } = this.#core;
    await this.write(async (database) => {
      const pictures = [
        ...photos.flatMap(({ photo: { id }, bytes, thumbnail }) => [
          ...pictureOf("photos", id, bytes),
          ...pictureOf("thumbnails", id, thumbnail),
        ]),
        ...unknowns.flatMap(({ group, pictures: added }) => newPicturesOf(group, added)),
      ];
      const fresh = pictures.filter(({ kind, id }) => kind === "unknowns" || !memory.photos.has(id));
      const known = insteadOf === undefined ? [] : existing(memory.unknowns, [insteadOf]);
      try {
        // Files first: a crash leaves at worst some that no record names, and the next start deletes them.
        await files.write(pictures);
        await this.commit(
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
          { remove: insteadOf === undefined ? [] : [keys.of("unknown", insteadOf)] },
        );
      } catch (error) {
        for (const kind of ["photos", "thumbnails", "unknowns"] as const)
          await files
            .remove(
              kind,
              fresh.filter((picture) => picture.kind === kind).map(({ id }) => id),
            )
            .catch(() => undefined);
        throw error;
      }
      if (insteadOf === undefined) return;
      await files.remove("unknowns", known.flatMap(pictureIdsOf));
      await this.purgeDropped(database);
    }, settleMs);
  }

  /** @returns how many backups held it @throws NotWiped when the disk refuses */
  purgeDropped(database: Database): Promise<number> {
    return this.#backingUp.purge(database).catch((error: unknown) => {
      const { folder } = this.#core;
      const refused = asStorageError(error, folder);
      if (!(refused instanceof StorageError)) throw error;
      this.#backingUp.tell(refused);
      throw new NotWiped({ reason: refused.reason, what: phrase("people.notWiped"), folder, cause: error });
    });
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
    for (const listener of this.#listeners())
      try {
        listener(change);
      } catch (error) {
        faults.push(error);
      }
    if (faults.length > 0) throw faults[0];
  }
}

function pictureOf(kind: PictureKind, id: string, bytes: Buffer | undefined): Picture[] {
  return bytes === undefined ? [] : [{ kind, id, bytes }];
}

/** The last of those that the group counts. */
function newPicturesOf({ id, pictures: count }: UnknownGroup, added: readonly Buffer[]): Picture[] {
  return added.flatMap((bytes, index) => pictureOf("unknowns", pictureId(id, count - added.length + index), bytes));
}
