/** A gallery out and in, as one zip; see docs/gallery-format.md. */
import type { GalleryHost } from "../enrol/host";
import { exportStore, type Imported, importInto } from "../people/archive";
import type { ArchivePart } from "../people/archive-part";
import type { Photo } from "../people/people";

export class Transfer {
  readonly #host: GalleryHost;
  readonly #bytesOf: (photo: Photo) => Promise<Buffer | undefined>;
  readonly #imports = new Set<Promise<unknown>>();

  /** @param bytesOf a photo as JPEG; undefined where it cannot be read */
  constructor(host: GalleryHost, bytesOf: (photo: Photo) => Promise<Buffer | undefined>) {
    this.#host = host;
    this.#bytesOf = bytesOf;
  }

  /** @param parts what comes along with the people */
  exportTo(write: (chunk: Uint8Array) => Promise<void>, parts: readonly ArchivePart[]): Promise<void> {
    return exportStore(this.#host.store, { write, bytesOf: this.#bytesOf, parts });
  }

  /** Add what an export holds to what is here. @throws a sentence when it is no export or a damaged one */
  async importFrom(zip: AsyncIterable<Uint8Array>, parts: readonly ArchivePart[]): Promise<Imported> {
    const { store, encoder, search, keepsPhotos, signal } = this.#host;
    const { model, fingerprint } = encoder;
    const { dimensions } = search;
    const importing = importInto(store, zip, {
      signal,
      spaces: new Map(dimensions === undefined ? [] : [[fingerprint, { model, dimensions }]]),
      keepPictures: keepsPhotos,
      parts,
      // Only what is written: a long upload holds nobody up.
      whileAdding: (add) =>
        this.#host.exclusively(async () => {
          this.#host.refuseClosed();
          try {
            return await add();
          } finally {
            await this.#host.search.roster.settled();
            this.#host.changed();
          }
        }),
    });
    this.#imports.add(importing);
    return importing.finally(() => this.#imports.delete(importing));
  }

  /** Once what is being added is added to its end. Never rejects. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#imports);
  }
}
