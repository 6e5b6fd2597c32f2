/** The network that decides who somebody is, and who is known to it. */
import { heard } from "../observe/heard";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import type { Face, Picture } from "../message";
import type { PeopleStore } from "../people/store";
import type { Searchable } from "../search/roster";
import { StoreSearch } from "../search/store-search";

/** Whoever decides faces does so several times a second. */
const BUSY_MS = 2000;
/** No search takes so long. */
const LAST_SEARCH_MS = 30_000;

export interface DecidingOptions {
  /** Embeddings of strangers who are kept, as a network has them. */
  strangers: (encoder: PhotoEncoder) => readonly Float32Array[];
  /** Searches wait until people of a large gallery can be compared. */
  onProgress: (done: number, total: number) => void;
  /** τ that follows from what is wanted is another one, since the gallery measured its own people. */
  onThreshold: () => void;
}

export class Deciding {
  readonly #store: PeopleStore;
  readonly #options: DecidingOptions;
  #encoder: PhotoEncoder;
  #search: StoreSearch;
  /** When a face was decided last, by a clock that is never put forward or back. */
  #decidedAt = -Infinity;
  /** Of networks that decided before: searches may be under way in them. */
  readonly #former = new Set<StoreSearch>();

  constructor(store: PeopleStore, encoder: PhotoEncoder, options: DecidingOptions) {
    this.#store = store;
    this.#options = options;
    this.#encoder = encoder;
    this.#search = this.#searchOf(encoder);
  }

  get encoder(): PhotoEncoder {
    return this.#encoder;
  }

  get search(): StoreSearch {
    return this.#search;
  }

  /** Whether faces are being decided right now. */
  get isBusy(): boolean {
    return performance.now() - this.#decidedAt < BUSY_MS;
  }

  /**
   * Faces as the network that decides has them, and who is known to it: while the gallery changes its network, and
   * after, a face of the other one is embedded anew. What cannot be is left as it is.
   * @param picture that the faces are in; undefined where there is none
   * @param speaks whether faces of another model are understood
   */
  async understand(
    faces: readonly Face[],
    picture: Picture | undefined,
    speaks: (model: string | undefined) => boolean,
  ): Promise<{ faces: Face[]; roster: Searchable }> {
    this.#decidedAt = performance.now();
    const { encoder } = this;
    const { roster } = this.search;
    const foreign = faces.filter(({ embedding, model }) => embedding !== undefined && speaks(model));
    if (foreign.length === 0 || picture === undefined || encoder.embedAnew === undefined)
      return { faces: [...faces], roster };
    const anew = await encoder.embedAnew(picture, foreign);
    const byFace = new Map(foreign.map((face, index) => [face, anew[index]]));
    return {
      faces: faces.map((face) => (byFace.get(face)?.embedding === undefined ? face : (byFace.get(face) ?? face))),
      roster,
    };
  }

  /**
   * Another network decides. Who is known is searched with the old one until the new one is ready and `commit` has
   * written it down.
   */
  async adopt(encoder: PhotoEncoder, commit: () => Promise<void>): Promise<void> {
    const search = this.#searchOf(encoder);
    try {
      await search.load();
      await commit();
    } catch (error) {
      await search.close();
      throw error;
    }
    const before = this.#search;
    this.#encoder = encoder;
    this.#search = search;
    this.#former.add(before);
    const leave = (): void =>
      heard(
        "gallery",
        before.close().finally(() => this.#former.delete(before)),
      );
    setTimeout(leave, LAST_SEARCH_MS).unref();
  }

  async close(): Promise<void> {
    await Promise.all([this.#search, ...this.#former].map((search) => search.close()));
  }

  #searchOf(encoder: PhotoEncoder): StoreSearch {
    const search: StoreSearch = new StoreSearch(this.#store, encoder, {
      strangers: () => this.#options.strangers(encoder),
      // Where the network changes, the old one decides until the new one is ready.
      onProgress: (done, total) => {
        if (search === this.#search) this.#options.onProgress(done, total);
      },
      onThreshold: () => {
        if (search === this.#search) this.#options.onThreshold();
      },
    });
    return search;
  }
}
