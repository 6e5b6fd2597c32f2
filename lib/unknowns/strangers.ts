/** Strangers as they are kept for review: grouped, with a few pictures, bounded in number and age. */
import { heard } from "../observe/heard";
import type { Face } from "../message";
import { NotFound } from "../people/errors";
import type { Anchor, Receipt, UnknownGroup } from "../people/people";
import { StorageError } from "../storage";
import { seenBy } from "./seen-by";
import type { NewPhoto, PeopleStore, StoreChange } from "../people/store";
import { Unknowns, type UnknownsOptions } from "./unknowns";
import { SerialQueue } from "../workers/serial-queue";

/** How a stranger was seen. */
export interface Sight {
  /** Milliseconds since the epoch. */
  at: number;
  /** Names the camera. */
  source: string;
  /** The face cut out of its picture as a JPEG at most `side` pixels wide, or undefined where there is no picture. */
  crop: (side: number) => Promise<Buffer | undefined>;
}

/** A picture's side in pixels: enough to know somebody again, and to embed them anew for another model. */
const PICTURE_SIDE = 256;
/** How often whoever is too old goes. */
const SWEEP_MS = 600_000;
/** Writes that may wait for the disk; what comes more is written with a later sighting. */
const MOST_WAITING = 32;

/** What is seen is here first, and is written when it is worth it; all else follows the store. */
export class Strangers {
  readonly #store: PeopleStore;
  readonly #fingerprint: string;
  readonly #unknowns: Unknowns;
  readonly #timer: NodeJS.Timeout;
  /** Groups that are to be written, each with its new pictures: they wait while the disk refuses. */
  readonly #unwritten = new Map<string, Buffer[]>();
  /** Groups that are to be deleted. */
  readonly #gone = new Set<string>();
  readonly #work = new SerialQueue();
  #closed = false;

  constructor(store: PeopleStore, options: UnknownsOptions) {
    this.#store = store;
    this.#fingerprint = options.fingerprint;
    this.#unknowns = new Unknowns(
      options,
      store.unknowns().map((group) => seenBy(options.fingerprint, group)),
    );
    store.on("change", this.#follow);
    this.#timer = setInterval(() => heard("unknowns", this.sweep(Date.now())), SWEEP_MS);
    this.#timer.unref();
  }

  /** Last seen first. */
  get list(): UnknownGroup[] {
    return this.#unknowns.records;
  }

  /** Id of the group whose stranger a face is, if any. */
  groupOf(embedding: Float32Array): string | undefined {
    return this.#unknowns.groupOf(embedding);
  }

  has(id: string): boolean {
    return this.#unknowns.record(id) !== undefined;
  }

  /** @throws NotFound */
  known(id: string): UnknownGroup {
    const record = this.#unknowns.record(id);
    if (record === undefined) throw new NotFound("unknowns.gone", { id: JSON.stringify(id) });
    return record;
  }

  /**
   * A face matched nobody. @returns the group where a visit begins, else undefined
   * @throws a sentence when it cannot be written; the face counts all the same. What the disk refuses is written
   * later, and told by the store
   */
  async saw({ embedding, quality }: Face, { at, source, crop }: Sight): Promise<UnknownGroup | undefined> {
    if (embedding === undefined || this.#closed) return undefined;
    const offered = this.#unknowns.offer({ embedding, quality, at, source });
    if (offered === undefined) return undefined;
    const { group, newVisit, wantsPicture, changed, evicted } = offered;
    for (const id of evicted) this.#gone.add(id);
    if ((changed || wantsPicture) && this.#work.length < MOST_WAITING) {
      await this.#exclusively(async () => {
        const picture = wantsPicture ? await crop(PICTURE_SIDE) : undefined;
        if (this.#closed) return;
        this.#unwritten.set(group.id, [
          ...(this.#unwritten.get(group.id) ?? []),
          ...(picture === undefined ? [] : [picture]),
        ]);
        await this.#writeWaiting();
      });
    }
    return newVisit ? group : undefined;
  }

  /** Write what the disk refused before. @throws a sentence when it cannot be written for another reason */
  catchUp(): Promise<void> {
    return this.#exclusively(() => this.#writeWaiting());
  }

  /** @throws NotFound */
  async picture(id: string, index: number): Promise<Buffer | undefined> {
    this.known(id);
    return this.#store.unknownPicture(id, index);
  }

  /**
   * What another network knows of a stranger, if they are here still; undefined takes it away.
   * @throws StorageError
   */
  putBeside(id: string, beside: UnknownGroup["beside"]): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#closed) return;
      const group = this.#unknowns.putBeside(id, beside);
      // One that waits for the disk takes it along.
      if (group !== undefined && !this.#unwritten.has(id)) await this.#store.putUnknown(group);
    });
  }

  /** @throws NotFound; StorageError */
  remove(id: string): Promise<Receipt> {
    return this.#letGo([id], () => this.#store.removeUnknowns([id]));
  }

  /** Several at once; who is not here any more is passed over. @throws StorageError */
  removeMany(ids: readonly string[]): Promise<Receipt> {
    const there = ids.filter((id) => this.has(id));
    return this.#letGo(there, () => this.#store.removeUnknowns(there));
  }

  /** From now on they are nobody. @throws NotFound; StorageError */
  ignore(id: string, anchors: readonly Anchor[]): Promise<Receipt> {
    return this.#letGo([id], () => this.#store.ignoreUnknown(id, anchors));
  }

  /** From now on they are somebody. @throws NotFound; StorageError */
  name(id: string, photos: readonly NewPhoto[]): Promise<void> {
    return this.#letGo([id], () =>
      this.#store.putMany({ people: photos.map(({ person }) => person), photos }, { insteadOf: id }),
    );
  }

  /** Delete whom nobody has seen for too long. @param now ms since the epoch @returns how many went */
  async sweep(now: number): Promise<number> {
    return this.#exclusively(async () => {
      if (this.#closed) return 0;
      const ids = this.#unknowns.expired(now);
      for (const id of ids) this.#gone.add(id);
      await this.#writeWaiting();
      return ids.length;
    });
  }

  /** Nothing is written any more once this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#work.idle();
    await this.#writeWaiting().catch(() => undefined);
    this.#store.off("change", this.#follow);
  }

  readonly #follow = ({ removed, put }: StoreChange): void => {
    for (const { id } of removed.unknowns) {
      this.#unknowns.remove(id);
      this.#unwritten.delete(id);
    }
    // Whoever made room meanwhile stays gone.
    for (const group of put.unknowns)
      if (!this.#gone.has(group.id)) this.#unknowns.follow(seenBy(this.#fingerprint, group));
  };

  /** What the disk refuses waits on. */
  async #writeWaiting(): Promise<void> {
    try {
      const gone = [...this.#gone];
      if (gone.length > 0) await this.#store.expireUnknowns(gone);
      for (const id of gone) this.#gone.delete(id);
      for (const [id, pictures] of this.#unwritten) {
        const live = this.#unknowns.record(id);
        if (live !== undefined)
          await this.#store.putUnknown({ ...live, pictures: live.pictures + pictures.length }, pictures);
        this.#unwritten.delete(id);
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }

  /** @throws NotFound */
  #letGo<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#exclusively(async () => {
      for (const id of ids) this.known(id);
      const done = await work();
      // Of one that waits for the disk no change tells.
      for (const id of ids) {
        this.#unknowns.remove(id);
        this.#unwritten.delete(id);
      }
      return done;
    });
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(work);
  }
}
