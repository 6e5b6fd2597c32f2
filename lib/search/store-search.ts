/** Who can be recognized by one network, in memory, as the store has them: it follows what is written there. */
import type { Tail } from "../calibrate/tail";
import type { Normalisation } from "../embed/normalise";
import { isLeftOut, isSure } from "../people/marks";
import type { Anchor, PhotoEmbedding } from "../people/people";
import type { PeopleStore, StoreChange } from "../people/store";
import { Roster } from "./roster";

/** Of a network, what searching among its embeddings needs. */
export interface SearchedNetwork {
  readonly model: string;
  readonly fingerprint: string;
  /** τ of the Euclidean distance. */
  readonly threshold: number;
  readonly normalisation?: Normalisation | undefined;
  readonly tail?: Tail | undefined;
  /** Of its embeddings; without it the first one in the store tells. */
  readonly dimensions?: number;
}

export interface StoreSearchOptions {
  /** Embeddings of strangers who are kept, one of each: they join the cohort. */
  strangers: () => readonly Float32Array[];
  /** Templates of many people are being made and rated, and searches by "cohort" wait for it. */
  onProgress: (done: number, total: number) => void;
  /** τ that follows from what is wanted is another one, since the gallery measured its own people. */
  onThreshold: () => void;
}

export class StoreSearch {
  readonly roster: Roster;
  readonly #store: PeopleStore;
  readonly #fingerprint: string;
  /** Of the network's embeddings, once it is known. */
  #dimensions: number | undefined;
  /** Anchors and embeddings that cannot be compared with the others. */
  #strange = 0;

  /** People and anchors are here at once, photos with `load` and as they come. */
  constructor(store: PeopleStore, network: SearchedNetwork, { strangers, ...told }: StoreSearchOptions) {
    const { model, fingerprint, threshold, normalisation, tail, dimensions } = network;
    this.#store = store;
    this.#fingerprint = fingerprint;
    this.#dimensions = dimensions;
    this.roster = new Roster(model, {
      threshold,
      normalisation,
      tail,
      strangers: () => strangers().filter((vector) => this.fits(vector)),
      ...told,
    });
    for (const person of store.people()) this.roster.putPerson(person);
    for (const anchor of store.anchors()) this.#putAnchor(anchor);
    store.on("change", this.#follow);
  }

  /**
   * Read all embeddings, and make ready to search.
   * @returns how many there are, anchors among them, that cannot be compared with the others
   */
  async load(): Promise<number> {
    for await (const embedding of this.#store.embeddings(this.#fingerprint))
      // It was written meanwhile, and is newer here.
      if (!this.roster.has(embedding.photoId)) this.#putEmbedding(embedding);
    await this.roster.settled();
    return this.#strange;
  }

  /** Whether an embedding can be compared with the others: one that cannot must not take them with it. */
  fits({ length }: Float32Array): boolean {
    this.#dimensions ??= length;
    return length === this.#dimensions;
  }

  /** Undefined before the first embedding, where the network does not say. */
  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  async close(): Promise<void> {
    this.#store.off("change", this.#follow);
    await this.roster.close();
  }

  readonly #follow = ({ removed, put }: StoreChange): void => {
    const { roster } = this;
    for (const { id } of removed.anchors) roster.removeAnchor(id);
    for (const { id } of removed.photos) roster.removePhoto(id);
    for (const { id } of removed.people) roster.removePerson(id);
    for (const { photoId, fingerprint } of removed.embeddings)
      if (fingerprint === this.#fingerprint) roster.removePhoto(photoId);
    for (const person of put.people) roster.putPerson(person);
    for (const anchor of put.anchors) this.#putAnchor(anchor);
    for (const embedding of put.embeddings) this.#putEmbedding(embedding);
    for (const photo of put.photos) {
      roster.putSure(photo.id, isSure(photo));
      roster.putOut(photo.id, isLeftOut(photo));
    }
  };

  #putAnchor(anchor: Anchor): void {
    if (anchor.fingerprint !== this.#fingerprint) return;
    if (this.fits(anchor.vector)) this.roster.putAnchor(anchor);
    else this.#strange += 1;
  }

  /** Of a photo that is here, and is that person's. */
  #putEmbedding({ photoId, personId, fingerprint, vector }: PhotoEmbedding): void {
    const photo = this.#store.photo(photoId);
    if (fingerprint !== this.#fingerprint || photo?.personId !== personId) return;
    if (this.#store.person(personId) === undefined) return;
    if (this.fits(vector)) this.roster.putPhoto(photoId, personId, vector, isSure(photo), isLeftOut(photo));
    else this.#strange += 1;
  }
}
