/** After a change of the model: photos that are kept are embedded anew; the folder's are read anew anyway. */
import { asSentence } from "../errors";
import { heard } from "../observe/heard";
import type { Photo } from "../people/people";
import { StorageError } from "../storage";
import { phrase } from "../words/sentence";
import { SerialQueue } from "../workers/serial-queue";
import type { Enrolment } from "./enrolment";
import type { GalleryHost } from "./host";
import { bestOf, forEnrolment } from "./judge";
import type { Progress } from "./photo-folder";

export class EmbedAnew {
  readonly #host: GalleryHost;
  readonly #enrolment: Enrolment;
  readonly #onProgress: (progress: Progress) => void;
  #progress: Progress | undefined;
  /** Whether the disk refused an embedding. */
  #left = false;
  readonly #queue = new SerialQueue();

  constructor(host: GalleryHost, enrolment: Enrolment, onProgress: (progress: Progress) => void) {
    this.#host = host;
    this.#enrolment = enrolment;
    this.#onProgress = onProgress;
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#progress;
  }

  start(): void {
    heard(
      "gallery",
      this.#queue.run(() => this.#run()),
    );
  }

  /** The disk takes something again. */
  catchUp(): void {
    if (!this.#left) return;
    this.#left = false;
    this.start();
  }

  /** Once it has ended. Never rejects. */
  ended(): Promise<void> {
    return this.#queue.idle();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { store, directory, search, signal } = this.#host;
    const stale = [...directory.photos].filter(({ id, origin }) => origin.by !== "folder" && !search.roster.has(id));
    let lost = 0;
    for (const [index, photo] of stale.entries()) {
      if (signal.aborted) return;
      const bytes = photo.size > 0 ? await store.photoBytes(photo.id).catch(() => undefined) : undefined;
      const faces = bytes === undefined ? [] : await this.#enrolment.encode(bytes, true).catch(() => []);
      const vector = bestOf(forEnrolment(faces))?.embedding;
      // Not lost: its reading was interrupted.
      if (signal.aborted) return;
      if (vector === undefined) lost += 1;
      else if (!(await this.#keeps(photo, vector))) {
        this.#left = true;
        break;
      }
      this.#progress = { done: index + 1, total: stale.length };
      this.#onProgress(this.#progress);
    }
    this.#progress = undefined;
    if (stale.length > 0) this.#host.changed();
    if (lost > 0) this.#host.report("store", phrase("enrol.lost", { number: lost, model: this.#host.encoder.model }));
  }

  /** @returns false when the disk refuses it now */
  async #keeps({ id, personId }: Photo, vector: Float32Array): Promise<boolean> {
    try {
      await this.#host.exclusively(async () => {
        // Deleted meanwhile.
        if (this.#host.directory.photo(id)?.personId !== personId) return;
        await this.#host.store.putEmbeddings([this.#enrolment.embeddingOf(id, personId, vector)]);
      });
      return true;
    } catch (error) {
      if (error instanceof StorageError) return false;
      this.#host.report("store", asSentence(error));
      return true;
    }
  }
}
