/** The gallery as matching reads it: embeddings and who owns them, in memory, no disk. */
import { euclideanDistance } from "../embed/distance";
import type { Anchor, Person } from "./people";
import { checkProbe, EmbeddingIndex } from "./search/embedding-index";

export type RosterPerson = Pick<Person, "id" | "name" | "groups" | "validFrom" | "validUntil">;

/** Somebody beside a probe. */
export interface Near {
  person: RosterPerson;
  distance: number;
}

/** A negative anchor beside a probe. */
export interface NearAnchor {
  /** Id of the person it speaks against; null is everybody. */
  against: string | null;
  distance: number;
}

/** What matching asks of a gallery. */
export interface Searchable {
  /** Id of the model of every embedding here. */
  readonly model: string;
  /** The model's own τ. */
  readonly threshold: number;
  /** How many embeddings there are. */
  readonly size: number;
  /**
   * The `count` nearest people, nearest first; the distance of a person is that of the nearest of her embeddings.
   * @throws a sentence when the probe's length is not the gallery's or it holds a NaN or an infinity
   */
  nearest(probe: Float32Array, count: number): Promise<Near[]>;
  /** A person by name with her distance, Infinity where she has no embedding; undefined when nobody is called so. @throws as nearest */
  named(probe: Float32Array, name: string): Near | undefined;
  anchors(probe: Float32Array): NearAnchor[];
}

/** An embedding in memory. */
interface Row {
  owner: number;
  handle: number;
}

export class Roster implements Searchable {
  readonly model: string;
  readonly threshold: number;
  /** Made with the first embedding, which tells the dimensions. */
  #index: EmbeddingIndex | undefined;
  /** Nobody else ever gets a place that was somebody's, so that a search under way names nobody wrongly. */
  readonly #people: (RosterPerson | undefined)[] = [];
  readonly #ownerById = new Map<string, number>();
  readonly #ownerByName = new Map<string, number>();
  readonly #rows = new Map<string, Row>();
  readonly #photosByOwner = new Map<number, Set<string>>();
  readonly #anchors = new Map<string, Anchor>();

  constructor(model: string, threshold: number) {
    this.model = model;
    this.threshold = threshold;
  }

  get size(): number {
    return this.#rows.size;
  }

  async nearest(probe: Float32Array, count: number): Promise<Near[]> {
    // The index checks the length as well, but there is none in an empty gallery.
    checkProbe(probe);
    if (this.#index === undefined || this.size === 0) return [];
    const hits = await this.#index.nearest(probe, count);
    return hits.flatMap(({ owner, distance }) => {
      const person = this.#people[owner];
      return person === undefined ? [] : [{ person, distance }];
    });
  }

  named(probe: Float32Array, name: string): Near | undefined {
    const owner = this.#ownerByName.get(name);
    const person = owner === undefined ? undefined : this.#people[owner];
    if (owner === undefined || person === undefined) return undefined;
    return { person, distance: this.#index?.nearestOf(probe, owner) ?? Infinity };
  }

  anchors(probe: Float32Array): NearAnchor[] {
    return [...this.#anchors.values()].map(({ against, vector }) => ({ against, distance: euclideanDistance(probe, vector) }));
  }

  /** Add a person, or what changed of one. */
  putPerson({ id, name, groups, validFrom, validUntil }: RosterPerson): void {
    const owner = this.#ownerById.get(id) ?? this.#people.length;
    const before = this.#people[owner];
    if (before !== undefined && before.name !== name) this.#ownerByName.delete(before.name);
    this.#people[owner] = { id, name, groups, validFrom, validUntil };
    this.#ownerById.set(id, owner);
    this.#ownerByName.set(name, owner);
  }

  removePerson(id: string): void {
    const owner = this.#ownerById.get(id);
    if (owner === undefined) return;
    for (const photoId of this.photosOf(id)) this.removePhoto(photoId);
    this.#ownerByName.delete(this.#people[owner]?.name ?? "");
    this.#ownerById.delete(id);
    this.#people[owner] = undefined;
  }

  /** @throws Error when the person is not here, or the embedding's length is not the gallery's */
  putPhoto(photoId: string, personId: string, vector: Float32Array): void {
    const owner = this.#ownerById.get(personId);
    if (owner === undefined) throw new Error(`there is no person ${personId} for the photo ${photoId}`);
    this.removePhoto(photoId);
    this.#index ??= new EmbeddingIndex(vector.length);
    this.#rows.set(photoId, { owner, handle: this.#index.add(owner, vector) });
    const photos = this.#photosByOwner.get(owner) ?? new Set();
    this.#photosByOwner.set(owner, photos.add(photoId));
  }

  removePhoto(photoId: string): void {
    const row = this.#rows.get(photoId);
    if (row === undefined) return;
    this.#index?.remove(row.handle);
    this.#rows.delete(photoId);
    this.#photosByOwner.get(row.owner)?.delete(photoId);
  }

  has(photoId: string): boolean {
    return this.#rows.has(photoId);
  }

  /** The photos of a person that have an embedding. */
  photosOf(personId: string): string[] {
    return [...(this.#photosByOwner.get(this.#ownerById.get(personId) ?? -1) ?? [])];
  }

  /** A copy. */
  embeddingOf(photoId: string): Float32Array | undefined {
    const row = this.#rows.get(photoId);
    return row === undefined ? undefined : this.#index?.embedding(row.handle);
  }

  /** Every embedding with its photo and person. */
  *embeddings(): Generator<{ photoId: string; personId: string; vector: Float32Array }> {
    for (const [photoId, { owner }] of this.#rows) {
      const person = this.#people[owner];
      const vector = this.embeddingOf(photoId);
      if (person !== undefined && vector !== undefined) yield { photoId, personId: person.id, vector };
    }
  }

  putAnchor(anchor: Anchor): void {
    this.#anchors.set(anchor.id, anchor);
  }

  removeAnchor(id: string): void {
    this.#anchors.delete(id);
  }

  async close(): Promise<void> {
    await this.#index?.close();
  }
}
