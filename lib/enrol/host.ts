/** What the parts of a gallery share; each of them has one matter, and the gallery is the whole. */
import type { PhotoEmbedding } from "../people/people";
import type { PeopleStore } from "../people/store";
import type { Directory } from "../search/directory";
import type { StoreSearch } from "../search/store-search";
import type { Sentence } from "../words/sentence";
import type { PhotoEncoder } from "./photo-encoder";

export interface GalleryHost {
  readonly store: PeopleStore;
  readonly directory: Directory;
  /** What decides now; another one after a change of the network. */
  readonly encoder: PhotoEncoder;
  /** Who is known to it. */
  readonly search: StoreSearch;
  /** False keeps embeddings alone: no photo, no thumbnail. */
  readonly keepsPhotos: boolean;
  /** Aborted when the gallery closes. */
  readonly signal: AbortSignal;
  /** What the network to come makes of a picture of which no bytes are kept. */
  alsoOf(picture: Buffer): Promise<Pick<PhotoEmbedding, "model" | "fingerprint" | "vector">[]>;
  /** One change at a time: a look must not take for a stranger's what is just being enrolled. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** @throws a sentence when the gallery is closed */
  refuseClosed(): void;
  /** Who is known has changed. */
  changed(): void;
  /** Something is wrong with the gallery, and goes on being told. */
  report(code: "store" | "bad_record" | "network", sentence: Sentence): void;
}
