/** The records of an open store, in memory as they are on the disk. */
import type { Anchor, Person, Photo, UnknownGroup } from "../people";
import type { StoreChange } from "../store";
import { pictureIdsOf, type PictureKind } from "./pictures";

export class Memory {
  readonly people = new Map<string, Person>();
  readonly photos = new Map<string, Photo>();
  readonly anchors = new Map<string, Anchor>();
  readonly unknowns = new Map<string, UnknownGroup>();
  readonly notes = new Map<string, unknown>();
  readonly #photosByPerson = new Map<string, Set<string>>();

  clear(): void {
    for (const map of [this.people, this.photos, this.anchors, this.unknowns, this.notes, this.#photosByPerson])
      map.clear();
  }

  /** As the disk is now. */
  follow({ removed, put }: StoreChange): void {
    for (const { id } of removed.photos) this.forgetPhoto(id);
    for (const { id } of removed.people) {
      this.people.delete(id);
      this.#photosByPerson.delete(id);
    }
    for (const { id } of removed.anchors) this.anchors.delete(id);
    for (const { id } of removed.unknowns) this.unknowns.delete(id);
    for (const person of put.people) this.people.set(person.id, person);
    for (const photo of put.photos) this.rememberPhoto(photo);
    for (const anchor of put.anchors) this.anchors.set(anchor.id, anchor);
    for (const group of put.unknowns) this.unknowns.set(group.id, group);
  }

  rememberPhoto(photo: Photo): void {
    this.photos.set(photo.id, photo);
    const photos = this.#photosByPerson.get(photo.personId) ?? new Set();
    this.#photosByPerson.set(photo.personId, photos.add(photo.id));
  }

  forgetPhoto(id: string): void {
    const photo = this.photos.get(id);
    this.photos.delete(id);
    if (photo !== undefined) this.#photosByPerson.get(photo.personId)?.delete(id);
  }

  photosOf(personId: string): Photo[] {
    return existing(this.photos, this.photoIdsOf(personId));
  }

  photoIdsOf(personId: string): string[] {
    return [...(this.#photosByPerson.get(personId) ?? [])];
  }

  /** Of those against a person. */
  anchorIdsOf(personId: string): string[] {
    return [...this.anchors.values()].filter(({ against }) => against === personId).map(({ id }) => id);
  }

  /** Of all pictures that a record names. */
  pictureIds(): Record<PictureKind, ReadonlySet<string>> {
    const photos = new Set(this.photos.keys());
    return {
      photos,
      thumbnails: photos,
      unknowns: new Set([...this.unknowns.values()].flatMap(pictureIdsOf)),
    };
  }
}

/** Those that are here. */
export function existing<T>(map: ReadonlyMap<string, T>, ids: readonly string[]): T[] {
  return ids.flatMap((id) => map.get(id) ?? []);
}
