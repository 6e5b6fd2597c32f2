/** The gallery as matching reads it: embeddings and who owns them, in memory, no disk. */
import { Fault } from "../errors";
import { BoundedMap } from "../bounded-map";
import { MOST_PEOPLE, MOST_PHOTOS, OwnTails } from "../calibrate/own-tail";
import type { Tail } from "../calibrate/tail";
import { thresholdFor, type WantedThreshold } from "../calibrate/wanted";
import { euclideanDistance } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import type { Anchor, Person } from "../people/people";
import { checkProbe, EmbeddingIndex } from "./embedding-index";
import type { DistanceKind } from "./distance-kind";
import type { Comparison, KnownEmbedding } from "./known";
import { type PhotoOf, Templates } from "./templates";

export type RosterPerson = Pick<Person, "id" | "name" | "groups" | "validFrom" | "validUntil">;

export type { DistanceKind };

/** What decides who somebody is, wherever nobody chose: d' where there is a cohort. */
export function usualKind({ normalised }: Pick<Searchable, "normalised">): DistanceKind {
  return normalised ? "cohort" : "euclidean";
}

/** Somebody beside a probe. */
export interface Near {
  person: RosterPerson;
  /** By the kind that was asked for; of "cohort" it may be below 0. */
  distance: number;
  /** Euclidean distance to the nearest of their photos. */
  euclidean: number;
  /** Id of that photo. */
  photo: string;
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
  /** Whether there is a cohort for the model: without one only "euclidean" can be asked for. */
  readonly normalised: boolean;
  /** The model's own τ of a kind. */
  thresholdOf(kind: DistanceKind): number;
  /**
   * τ of "cohort" at which at most this share of strangers gets a name, with the people and photos that are here now;
   * of a claim, at most
   * this share of others passes for that person, or for the one of most photos where nobody is called so. Undefined
   * where the tail of the model's d' was never measured.
   */
  thresholdWanted(strangers: number, claim?: string): WantedThreshold | undefined;
  /** How many embeddings there are. */
  readonly size: number;
  /**
   * The `count` nearest people, nearest first. Exact.
   * @throws a sentence when the probe's length is not the gallery's or it holds a NaN or an infinity
   */
  nearest(probe: Float32Array, count: number, kind: DistanceKind): Promise<Near[]>;
  /** A person by name, undefined when nobody is called so or there is no embedding of theirs. @throws as nearest */
  named(probe: Float32Array, name: string, kind: DistanceKind): Promise<Near | undefined>;
  /** Euclidean distances. */
  anchors(probe: Float32Array): NearAnchor[];
}

/** An embedding in memory. */
interface Row {
  owner: number;
  handle: number;
  /** Whether somebody said that it is this person, however far from their other photos. */
  sure: boolean;
}

/** An embedding that is left out. */
interface LeftOut extends Omit<Row, "handle"> {
  vector: Float32Array;
}

export interface RosterOptions {
  /** τ of the Euclidean distance. */
  threshold: number;
  /** Undefined for a model without a cohort. */
  normalisation?: Normalisation | undefined;
  /** Of its d' between strangers; undefined where it was never measured. */
  tail?: Tail | undefined;
  /** Embeddings of strangers who are kept, one of each: they join the cohort. */
  strangers?: () => readonly Float32Array[];
  /** Templates of many people are being made and rated, and searches by "cohort" wait for it. */
  onProgress?: (done: number, total: number) => void;
  /** τ that follows from what is wanted is another one, since the gallery measured its own people. */
  onThreshold?: () => void;
}

/** Shares of strangers for which τ is remembered; there are few, and anybody may ask for others. */
const MOST_WANTED = 16;

export class Roster implements Searchable {
  readonly model: string;
  readonly #options: RosterOptions;
  readonly #thresholds: Record<DistanceKind, number>;
  readonly #templates: Templates | undefined;
  readonly #tail: Tail | undefined;
  readonly #own: OwnTails | undefined;
  /** Made with the first embedding, which tells the dimensions. */
  #index: EmbeddingIndex | undefined;
  /** Nobody else ever gets a place that was somebody's, so that a search under way names nobody wrongly. */
  readonly #people: (RosterPerson | undefined)[] = [];
  readonly #ownerById = new Map<string, number>();
  readonly #ownerByName = new Map<string, number>();
  readonly #rows = new Map<string, Row>();
  /** Photos that somebody left out: kept, and compared with nobody. */
  readonly #out = new Map<string, LeftOut>();
  readonly #photosByOwner = new Map<number, Set<string>>();
  /** How many people have so many photos. */
  readonly #counts = new Map<number, number>();
  /** τ by the share of strangers, until photos come or go. */
  readonly #wanted = new BoundedMap<number, WantedThreshold>(MOST_WANTED);
  readonly #anchors = new Map<string, Anchor>();

  constructor(model: string, options: RosterOptions) {
    const { threshold, normalisation, tail, strangers = () => [] } = options;
    const { onProgress = () => undefined, onThreshold = () => undefined } = options;
    this.model = model;
    this.#options = options;
    this.#tail = normalisation === undefined ? undefined : tail;
    this.#own =
      normalisation === undefined || tail === undefined
        ? undefined
        : new OwnTails({
            tail,
            drawn: () => this.#drawn(),
            comparison: () => ({ normalisation, strangers: strangers() }),
            onChange: () => {
              this.#wanted.clear();
              onThreshold();
            },
          });
    this.#thresholds = { euclidean: threshold, cohort: normalisation?.threshold ?? threshold };
    this.#templates =
      normalisation === undefined
        ? undefined
        : new Templates({ normalisation, photosOf: (owner) => this.#photosOf(owner), strangers, onProgress });
  }

  get normalised(): boolean {
    return this.#templates !== undefined;
  }

  thresholdOf(kind: DistanceKind): number {
    return this.#thresholds[kind];
  }

  thresholdWanted(strangers: number, claim?: string): WantedThreshold | undefined {
    if (this.#tail === undefined) return undefined;
    if (claim !== undefined) {
      const photos =
        this.#photosByOwner.get(this.#ownerByName.get(claim) ?? -1)?.size ?? Math.max(1, ...this.#counts.keys());
      return thresholdFor(strangers, this.#tail, new Map([[photos, 1]]), this.#own?.now);
    }
    const known = this.#wanted.get(strangers);
    if (known !== undefined) return known;
    const found = thresholdFor(strangers, this.#tail, this.#counts, this.#own?.now);
    this.#wanted.set(strangers, found);
    return found;
  }

  get size(): number {
    return this.#rows.size;
  }

  async nearest(probe: Float32Array, count: number, kind: DistanceKind): Promise<Near[]> {
    // The index checks the length as well, but there is none in an empty gallery.
    checkProbe(probe);
    if (this.#index === undefined || this.size === 0) return [];
    const hits =
      kind === "cohort" ? await this.#templatesOf().nearest(probe, count) : await this.#index.nearest(probe, count);
    return hits.flatMap(({ owner, distance }) => this.#near(probe, owner, () => distance) ?? []);
  }

  async named(probe: Float32Array, name: string, kind: DistanceKind): Promise<Near | undefined> {
    checkProbe(probe);
    const owner = this.#ownerByName.get(name);
    // Nobody may leave in between, nor come.
    const there = owner !== undefined && this.#photosByOwner.get(owner)?.size;
    if (owner === undefined || !there) return undefined;
    const normalised = kind === "cohort" ? await this.#templatesOf().distanceTo(probe, owner) : undefined;
    return this.#near(probe, owner, (euclidean) => normalised ?? euclidean);
  }

  /** Strangers who are kept came or went. */
  changeStrangers(): void {
    this.#templates?.changeStrangers();
    this.#own?.change();
  }

  /** Once the templates of all people are made, as a search waits for it. */
  async settled(): Promise<void> {
    await this.#templates?.settle();
  }

  /** What d' is normalised by now; undefined where there is no cohort. */
  get comparison(): Comparison | undefined {
    const { normalisation, strangers = () => [] } = this.#options;
    return normalisation === undefined ? undefined : { normalisation, strangers: strangers() };
  }

  /** Once they are also compared with the cohort of now; that goes on by itself. */
  async refreshed(): Promise<void> {
    await this.#templates?.refreshed();
    await this.#own?.refreshed();
  }

  anchors(probe: Float32Array): NearAnchor[] {
    return [...this.#anchors.values()].map(({ against, vector }) => ({
      against,
      distance: euclideanDistance(probe, vector),
    }));
  }

  /** Add a person, or what changed of one. */
  putPerson({ id, name, groups, validFrom, validUntil }: RosterPerson): void {
    const owner = this.#ownerById.get(id) ?? this.#people.length;
    const before = this.#people[owner];
    if (before !== undefined && before.name !== name) this.#freeName(before.name, owner);
    this.#people[owner] = { id, name, groups, validFrom, validUntil };
    this.#ownerById.set(id, owner);
    this.#ownerByName.set(name, owner);
  }

  /** Unless it is another's by now: two may give theirs to each other at once. */
  #freeName(name: string, owner: number): void {
    if (this.#ownerByName.get(name) === owner) this.#ownerByName.delete(name);
  }

  removePerson(id: string): void {
    const owner = this.#ownerById.get(id);
    if (owner === undefined) return;
    for (const photoId of this.photosOf(id)) this.removePhoto(photoId);
    for (const [photoId, out] of this.#out) if (out.owner === owner) this.#out.delete(photoId);
    this.#freeName(this.#people[owner]?.name ?? "", owner);
    this.#ownerById.delete(id);
    this.#people[owner] = undefined;
  }

  /**
   * @param sure whether somebody said that it is this person: then it is never set aside
   * @param out whether somebody left it out of recognition
   * @throws Error when the person is not here, or the embedding's length is not the gallery's
   */
  putPhoto(photoId: string, personId: string, vector: Float32Array, sure = false, out = false): void {
    const owner = this.#ownerById.get(personId);
    if (owner === undefined) throw new Fault(`there is no person ${personId} for the photo ${photoId}`);
    this.removePhoto(photoId);
    if (out) {
      this.#out.set(photoId, { owner, vector, sure });
      return;
    }
    this.#index ??= new EmbeddingIndex(vector.length);
    this.#rows.set(photoId, { owner, handle: this.#index.add(owner, vector), sure });
    const photos = this.#photosByOwner.get(owner) ?? new Set();
    this.#photosByOwner.set(owner, photos.add(photoId));
    this.#count(photos.size - 1, photos.size);
    this.#templates?.change(owner);
  }

  /** Somebody is sure that a photo is that person's, or no longer. */
  putSure(photoId: string, sure: boolean): void {
    const row = this.#rows.get(photoId) ?? this.#out.get(photoId);
    if (row === undefined || row.sure === sure) return;
    row.sure = sure;
    if (this.#rows.has(photoId)) this.#templates?.change(row.owner);
  }

  /** Somebody leaves a photo out, or uses it again. */
  putOut(photoId: string, out: boolean): void {
    const row = this.#rows.get(photoId) ?? this.#out.get(photoId);
    const vector = this.embeddingOf(photoId) ?? this.#out.get(photoId)?.vector;
    const person = row && this.#people[row.owner];
    if (row === undefined || vector === undefined || person === undefined || this.#out.has(photoId) === out) return;
    this.putPhoto(photoId, person.id, vector, row.sure, out);
  }

  /** Photos of a person that are left out of their mean, by id, each with its d' to it (./outliers). */
  asideOf(personId: string): ReadonlyMap<string, number> {
    const owner = this.#ownerById.get(personId);
    return owner === undefined || this.#templates === undefined || !this.#photosByOwner.get(owner)?.size
      ? new Map()
      : this.#templates.asideOf(owner);
  }

  removePhoto(photoId: string): void {
    this.#out.delete(photoId);
    const row = this.#rows.get(photoId);
    if (row === undefined) return;
    this.#index?.remove(row.handle);
    this.#rows.delete(photoId);
    const photos = this.#photosByOwner.get(row.owner);
    photos?.delete(photoId);
    if (photos !== undefined) this.#count(photos.size + 1, photos.size);
    if (photos !== undefined && photos.size > 0) this.#templates?.change(row.owner);
    else this.#templates?.remove(row.owner);
  }

  /** Whether there is an embedding of a photo, used or left out. */
  has(photoId: string): boolean {
    return this.#rows.has(photoId) || this.#out.has(photoId);
  }

  /** The photos of a person that have an embedding and are not left out. */
  photosOf(personId: string): string[] {
    return [...(this.#photosByOwner.get(this.#ownerById.get(personId) ?? -1) ?? [])];
  }

  /** The photos of a person that are left out, by id, with their embeddings. */
  leftOutOf(personId: string): Map<string, Float32Array> {
    const owner = this.#ownerById.get(personId);
    return new Map([...this.#out].flatMap(([id, out]) => (out.owner === owner ? [[id, out.vector]] : [])));
  }

  /** Ids of people who are never recognized, since all of their photos that have an embedding are left out. */
  get unused(): Set<string> {
    const ids = new Set<string>();
    for (const { owner } of this.#out.values()) {
      const person = this.#people[owner];
      if (person !== undefined && !this.#photosByOwner.get(owner)?.size) ids.add(person.id);
    }
    return ids;
  }

  /** A copy; undefined of a photo that is left out. */
  embeddingOf(photoId: string): Float32Array | undefined {
    const row = this.#rows.get(photoId);
    return row === undefined ? undefined : this.#index?.embedding(row.handle);
  }

  /** Every embedding that is not left out, with its photo and person, and whether somebody is sure of it. */
  *embeddings(): Generator<KnownEmbedding> {
    for (const [photoId, { owner, sure }] of this.#rows) {
      const person = this.#people[owner];
      const vector = this.embeddingOf(photoId);
      if (person !== undefined && vector !== undefined) yield { photoId, personId: person.id, vector, sure };
    }
  }

  putAnchor(anchor: Anchor): void {
    this.#anchors.set(anchor.id, anchor);
  }

  removeAnchor(id: string): void {
    this.#anchors.delete(id);
  }

  async close(): Promise<void> {
    this.#own?.close();
    await Promise.all([this.#index?.close(), this.#templates?.close()]);
  }

  /** Somebody had so many photos, and has so many now. */
  #count(before: number, now: number): void {
    for (const [photos, more] of [
      [before, -1],
      [now, 1],
    ] as const) {
      const people = (this.#counts.get(photos) ?? 0) + more;
      if (photos === 0 || people === 0) this.#counts.delete(photos);
      else this.#counts.set(photos, people);
    }
    this.#wanted.clear();
    this.#own?.change(now < before);
  }

  /** A few photos of each of up to so many people, evenly among all. */
  #drawn(): KnownEmbedding[] {
    const people = this.#people.length;
    const places = Math.min(people, MOST_PEOPLE);
    return Array.from({ length: places }, (_, place) => {
      // The first who has any, of those for whom they stand.
      const end = Math.floor(((place + 1) * people) / places);
      let owner = Math.floor((place * people) / places);
      while (owner < end && !this.#photosByOwner.get(owner)?.size) owner += 1;
      return owner === end ? [] : this.#fewOf(owner);
    }).flat();
  }

  #fewOf(owner: number): KnownEmbedding[] {
    const personId = this.#people[owner]?.id ?? "";
    const ids = [...(this.#photosByOwner.get(owner) ?? [])].sort().slice(0, MOST_PHOTOS);
    return ids.flatMap((photoId) => {
      const vector = this.embeddingOf(photoId);
      return vector === undefined ? [] : [{ photoId, personId, vector, sure: this.#rows.get(photoId)?.sure ?? false }];
    });
  }

  #templatesOf(): Templates {
    if (this.#templates === undefined) throw new Fault(`there is no cohort for the model ${this.model}`);
    return this.#templates;
  }

  #photosOf(owner: number): PhotoOf[] {
    return [...(this.#photosByOwner.get(owner) ?? [])].flatMap((id) => {
      const embedding = this.embeddingOf(id);
      return embedding === undefined ? [] : [{ id, embedding, sure: this.#rows.get(id)?.sure ?? false }];
    });
  }

  /** Undefined of somebody who left, or of whom there is no embedding. @param distance by the Euclidean one */
  #near(probe: Float32Array, owner: number, distance: (euclidean: number) => number): Near | undefined {
    const person = this.#people[owner];
    const [nearest] = [...(this.#photosByOwner.get(owner) ?? [])]
      .flatMap((photo) => {
        const handle = this.#rows.get(photo)?.handle;
        return handle === undefined || this.#index === undefined
          ? []
          : [{ photo, euclidean: this.#index.distanceTo(probe, handle) }];
      })
      .sort((a, b) => a.euclidean - b.euclidean);
    return person === undefined || nearest === undefined
      ? undefined
      : { person, distance: distance(nearest.euclidean), ...nearest };
  }
}
