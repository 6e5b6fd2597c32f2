/** Strangers as they are kept for review: grouped, with a few pictures, bounded in number and age. */
import type { Face } from "../message";
import { NotFound } from "./directory";
import type { Receipt, UnknownGroup } from "./people";
import type { PeopleStore } from "./store/store";
import { Unknowns, type UnknownsOptions } from "./unknowns";

/** How a stranger was seen. */
export interface Sight {
  /** Milliseconds since the epoch. */
  at: number;
  /** Names the camera. */
  source: string;
  /** The face cut out of its picture as a JPEG at most `side` pixels wide, or undefined where there is no picture. */
  crop: (side: number) => Promise<Buffer | undefined>;
}

/** A picture's side in pixels: enough to know somebody again, and to embed her anew for another model. */
const PICTURE_SIDE = 256;
/** How often whoever is too old goes. */
const SWEEP_MS = 600_000;
/** Writes that may wait for the disk; what comes more is written with a later sighting. */
const MOST_WAITING = 32;

export class Strangers {
  readonly #store: PeopleStore;
  readonly #unknowns: Unknowns;
  readonly #timer: NodeJS.Timeout;
  #work: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(store: PeopleStore, options: UnknownsOptions) {
    this.#store = store;
    this.#unknowns = new Unknowns(options, store.unknowns());
    this.#timer = setInterval(() => void this.sweep(Date.now()).catch(() => undefined), SWEEP_MS);
    this.#timer.unref();
  }

  /** Last seen first. */
  get list(): UnknownGroup[] {
    return this.#unknowns.records;
  }

  /** @throws NotFound */
  known(id: string): UnknownGroup {
    const record = this.#unknowns.record(id);
    if (record === undefined) throw new NotFound(`there is no stranger ${JSON.stringify(id)}: she may have been named, ignored or deleted meanwhile.`);
    return record;
  }

  /**
   * A face matched nobody. @returns the group where a visit begins, else undefined
   * @throws a sentence when it cannot be written; the face counts all the same
   */
  async saw({ embedding, quality }: Face, { at, source, crop }: Sight): Promise<UnknownGroup | undefined> {
    if (embedding === undefined || this.#closed) return undefined;
    const offered = this.#unknowns.offer({ embedding, quality, at, source });
    if (offered === undefined) return undefined;
    const { group, newVisit, wantsPicture, changed, evicted } = offered;
    if ((changed || wantsPicture) && this.#waiting < MOST_WAITING) {
      await this.#exclusively(async () => {
        if (evicted.length > 0) await this.#store.expireUnknowns(evicted);
        const picture = wantsPicture ? await crop(PICTURE_SIDE) : undefined;
        const live = this.#unknowns.record(group.id);
        // Deleted while the picture was cut.
        if (this.#closed || live === undefined) return;
        // A picture is counted once it is there to be asked for.
        await this.#store.putUnknown(picture === undefined ? live : { ...live, pictures: live.pictures + 1 }, picture === undefined ? [] : [picture]);
        if (picture !== undefined) this.#unknowns.pictureKept(group.id);
      });
    }
    return newVisit ? group : undefined;
  }

  /** @throws NotFound */
  async picture(id: string, index: number): Promise<Buffer | undefined> {
    this.known(id);
    return this.#store.unknownPicture(id, index);
  }

  /** @throws NotFound */
  async remove(id: string): Promise<Receipt> {
    this.known(id);
    return this.#exclusively(async () => {
      const receipt = await this.#store.removeUnknown(id);
      this.#unknowns.remove(id);
      return receipt;
    });
  }

  /** Delete whom nobody has seen for too long. @param now ms since the epoch @returns how many went */
  async sweep(now: number): Promise<number> {
    return this.#exclusively(async () => {
      if (this.#closed) return 0;
      const ids = this.#unknowns.expired(now);
      if (ids.length > 0) await this.#store.expireUnknowns(ids);
      return ids.length;
    });
  }

  /** Nothing is written any more once this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#work.catch(() => undefined);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const next = this.#work.then(work, work).finally(() => {
      this.#waiting -= 1;
    });
    this.#work = next.catch(() => undefined);
    return next;
  }
}
