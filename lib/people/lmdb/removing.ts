/** How records, embeddings and pictures go: from the disk, and from old pages and backups. */
import type { Anchor, Photo, Receipt } from "../people";
import type { Core } from "./core";
import type { Database } from "./database";
import type { Embeddings } from "./embeddings";
import { kindOf, READERS, tried } from "./keys";
import { existing } from "./memory";
import { pictureIdsOf } from "./pictures";
import type { Writing } from "./writing";

export interface Ids {
  people?: readonly string[];
  photos?: readonly string[];
  anchors?: readonly string[];
  unknowns?: readonly string[];
}

type Dropped = Pick<Receipt, "photos" | "embeddings" | "thumbnails">;

export class Removing {
  readonly #core: Core;
  readonly #writing: Writing;

  constructor(core: Core, writing: Writing) {
    this.#core = core;
    this.#writing = writing;
  }

  /** @param anchors new ones, that come with what goes */
  async remove(
    about: Pick<Receipt, "what" | "id" | "name">,
    ids: Ids,
    anchors: readonly Anchor[] = [],
  ): Promise<Receipt> {
    return { ...about, at: Date.now(), visits: 0, ...(await this.wipe(ids, anchors)) };
  }

  /** @param anchors as remove */
  async wipe(ids: Ids, anchors: readonly Anchor[] = []): Promise<Dropped & Pick<Receipt, "backups">> {
    const { backups, memory } = this.#core;
    return this.#writing.write(async (database) => {
      // What is damaged cannot be searched: it goes whole, and first, so that no crash forgets it.
      const asides = await backups.removeAsides();
      const bad = this.#stillBad(database);
      const dropped = await this.#drop(database, ids, { added: anchors, besides: bad });
      if (asides + bad.length > 0) await this.#core.pictures.sweep(memory.pictureIds());
      return { ...dropped, backups: asides + (await this.#writing.purgeDropped(database)) };
    });
  }

  /** Gone now from records and pictures; from old pages and backups with the next backup. */
  async expire(ids: Ids, settleMs: number): Promise<void> {
    await this.#writing.write((database) => this.#drop(database, ids), settleMs);
  }

  /** As PeopleStore's removeEmbeddings. */
  async removeEmbeddings(
    all: Embeddings,
    {
      fingerprint,
      isGone,
      alone = false,
    }: { fingerprint: string; isGone: (photoId: string) => boolean; alone?: boolean },
  ): Promise<void> {
    const photos: string[] = [];
    for await (const { photoId } of all.all(fingerprint)) if (isGone(photoId)) photos.push(photoId);
    const { memory, keys } = this.#core;
    await this.#writing.write(async (database) => {
      const anchors = alone ? [] : [...memory.anchors.values()].filter((anchor) => anchor.fingerprint === fingerprint);
      const unknowns = (alone ? [] : [...memory.unknowns.values()])
        .filter(({ beside }) => beside?.fingerprint === fingerprint)
        .map(({ beside: _gone, ...group }) => group);
      const embeddings = photos.map((photoId) => ({ photoId, fingerprint }));
      await this.#writing.commit(
        database,
        { put: { unknowns }, removed: { embeddings, anchors } },
        {
          remove: [
            ...embeddings.map((embedding) => keys.ofEmbedding(embedding)),
            ...anchors.map(({ id }) => keys.of("anchor", id)),
          ],
          replaces: unknowns.length > 0,
        },
      );
      await this.#writing.purgeDropped(database);
    });
  }

  async #drop(
    database: Database,
    { people = [], photos = [], anchors = [], unknowns = [] }: Ids,
    { added = [], besides = [] }: { added?: readonly Anchor[]; besides?: readonly string[] } = {},
  ): Promise<Dropped> {
    const { memory, keys, pictures: files } = this.#core;
    const embeddings = photos.flatMap((id) => database.keys(keys.beforeEmbeddingsOf(id)));
    const removed = {
      people: existing(memory.people, people),
      photos: existing(memory.photos, photos),
      anchors: existing(memory.anchors, anchors),
      unknowns: existing(memory.unknowns, unknowns),
    };
    await this.#writing.commit(
      database,
      { put: { anchors: added }, removed },
      {
        remove: [
          ...people.map((id) => keys.of("person", id)),
          ...photos.map((id) => keys.of("photo", id)),
          ...anchors.map((id) => keys.of("anchor", id)),
          ...unknowns.map((id) => keys.of("unknown", id)),
          ...embeddings,
          ...besides,
        ],
      },
    );
    const vectors =
      removed.anchors.length +
      removed.unknowns.reduce((sum, { vectors: own, beside }) => sum + own.length + (beside?.vectors.length ?? 0), 0);
    // Records first: a crash leaves at worst files that no record names, and the next start deletes them.
    await files.remove("photos", photos);
    const thumbnails = await files.remove("thumbnails", photos);
    const pictures = await files.remove("unknowns", removed.unknowns.flatMap(pictureIdsOf));
    return {
      photos: removed.photos.length,
      embeddings: embeddings.length + vectors,
      thumbnails: thumbnails + pictures,
    };
  }

  /**
   * Records that cannot be read may be of whoever is being deleted. Some may have been overwritten since they were
   * found.
   */
  #stillBad(database: Database): string[] {
    const { health, memory } = this.#core;
    const bad = [...health.bad].filter((key) => {
      const value = tried(() => database.get(key));
      const record = value === undefined ? undefined : tried(() => READERS[kindOf(key)]?.(value));
      return record === undefined || (key.startsWith("photo:") && !memory.photos.has((record as Photo).id));
    });
    health.forgetBad();
    return bad;
  }
}
