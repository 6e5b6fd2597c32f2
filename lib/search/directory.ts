/**
 * Who is in the gallery, in memory, for lists and look-ups: people and photos, without pictures and embeddings. It
 * follows what is written to the store.
 */
import { NameTaken, NotFound } from "../people/errors";
import type { Person, Photo } from "../people/people";
import type { PeopleStore, StoreChange } from "../people/store";
import type { PeoplePage, PersonEntry } from "./entries";

export interface PeopleQuery {
  /** Part of the name or the notes. */
  search?: string | undefined;
  group?: string | undefined;
  offset?: number | undefined;
  /** At most 1000; default 50. */
  limit?: number | undefined;
  sort?: "name" | "lastSeen" | "added" | undefined;
}

const DEFAULT_LIMIT = 50;
const MOST_LISTED = 1000;

const inOrder = new Intl.Collator("en", { sensitivity: "base", numeric: true });
/** By name; of two who are called alike the lower id first. */
const byName = (a: Person, b: Person): number => inOrder.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);

export class Directory {
  readonly #people = new Map<string, Person>();
  readonly #idByName = new Map<string, string>();
  readonly #photos = new Map<string, Photo>();
  readonly #photosByPerson = new Map<string, Set<string>>();
  readonly #photoByFile = new Map<string, string>();
  /** Later than what the person's record says: it is not sorted anew for that. */
  readonly #seenAt = new Map<string, number>();
  readonly #store: PeopleStore;
  readonly #hasThumbnail: (photo: Photo) => boolean;
  /** By name, but for those who have changed since. */
  #sorted: readonly Person[] = [];
  /** Ids of people who came, changed or left. */
  readonly #unsorted = new Set<string>();

  constructor(store: PeopleStore, hasThumbnail: (photo: Photo) => boolean) {
    this.#store = store;
    this.#hasThumbnail = hasThumbnail;
    for (const person of store.people()) this.#putPerson(person);
    for (const photo of store.photos()) this.#putPhoto(photo);
    store.on("change", this.#follow);
  }

  close(): void {
    this.#store.off("change", this.#follow);
  }

  get size(): number {
    return this.#people.size;
  }

  /** By name. Only who has changed is sorted anew: to compare names of many takes seconds. */
  get people(): readonly Person[] {
    if (this.#unsorted.size === 0) return this.#sorted;
    const others = this.#sorted.filter(({ id }) => !this.#unsorted.has(id));
    const changed = [...this.#unsorted].flatMap((id) => this.#people.get(id) ?? []).sort(byName);
    this.#unsorted.clear();
    this.#sorted = merged(others, changed);
    return this.#sorted;
  }

  get photos(): Iterable<Photo> {
    return this.#photos.values();
  }

  get photoCount(): number {
    return this.#photos.size;
  }

  /** Photos of the folder, as paths in it. */
  get files(): Iterable<string> {
    return this.#photoByFile.keys();
  }

  /** @param unused ids of people whose photos are all left out */
  list(
    { search = "", group, offset = 0, limit = DEFAULT_LIMIT, sort = "name" }: PeopleQuery,
    unused: ReadonlySet<string> = new Set(),
  ): PeoplePage {
    const wanted = folded(search.trim());
    const counts = new Map<string, number>();
    for (const { groups } of this.people) for (const each of groups) counts.set(each, (counts.get(each) ?? 0) + 1);
    const found = this.people.filter(
      ({ name, notes, groups }) =>
        (group === undefined || groups.includes(group)) &&
        (wanted === "" || folded(name).includes(wanted) || folded(notes).includes(wanted)),
    );
    const seenAt = ({ id, lastSeenAt }: Person): number => this.#seenAt.get(id) ?? lastSeenAt ?? 0;
    if (sort === "lastSeen") found.sort((a, b) => seenAt(b) - seenAt(a));
    if (sort === "added") found.sort((a, b) => b.createdAt - a.createdAt);
    return {
      total: found.length,
      groups: [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => inOrder.compare(a.name, b.name)),
      people: found
        .slice(offset, offset + Math.min(limit, MOST_LISTED))
        .map((person) => ({ ...this.#entryOf(person), out: unused.has(person.id) })),
    };
  }

  person(id: string): Person | undefined {
    const person = this.#people.get(id);
    return person && this.#present(person);
  }

  /** @throws NotFound */
  known(id: string): Person {
    const person = this.person(id);
    if (person === undefined) throw new NotFound("search.noPerson", { id: JSON.stringify(id) });
    return person;
  }

  named(name: string): Person | undefined {
    return this.person(this.#idByName.get(name) ?? "");
  }

  /** @throws NameTaken when somebody other than `id` is called so */
  refuseTaken(name: string, id?: string): void {
    const other = this.#idByName.get(name);
    if (other !== undefined && other !== id) throw new NameTaken("search.nameTaken", { name });
  }

  photosOf(personId: string): Photo[] {
    return [...(this.#photosByPerson.get(personId) ?? [])].flatMap((id) => this.#photos.get(id) ?? []);
  }

  photo(id: string): Photo | undefined {
    return this.#photos.get(id);
  }

  /** @throws NotFound when the person has no such photo */
  photoOf(personId: string, photoId: string): Photo {
    const photo = this.#photos.get(photoId);
    if (photo?.personId !== personId) throw new NotFound("search.noPhoto", { id: JSON.stringify(photoId) });
    return photo;
  }

  photoIn(file: string): Photo | undefined {
    return this.#photos.get(this.#photoByFile.get(file) ?? "");
  }

  /** @param at ms since the epoch */
  saw(id: string, at: number): void {
    if (this.#people.has(id)) this.#seenAt.set(id, at);
  }

  readonly #follow = ({ removed, put }: StoreChange): void => {
    for (const { id } of removed.photos) this.#removePhoto(id);
    for (const { id } of removed.people) this.#removePerson(id);
    for (const person of put.people) this.#putPerson(person);
    for (const photo of put.photos) this.#putPhoto(photo);
  };

  #putPerson(person: Person): void {
    const before = this.#people.get(person.id);
    if (before !== undefined && before.name !== person.name) this.#freeName(before);
    this.#people.set(person.id, person);
    this.#idByName.set(person.name, person.id);
    this.#unsorted.add(person.id);
  }

  #removePerson(id: string): void {
    const person = this.#people.get(id);
    if (person !== undefined) this.#freeName(person);
    this.#photosByPerson.delete(id);
    this.#seenAt.delete(id);
    this.#people.delete(id);
    this.#unsorted.add(id);
  }

  /** Unless it is another's by now: two may give theirs to each other at once. */
  #freeName({ id, name }: Person): void {
    if (this.#idByName.get(name) === id) this.#idByName.delete(name);
  }

  #putPhoto(photo: Photo): void {
    this.#photos.set(photo.id, photo);
    const photos = this.#photosByPerson.get(photo.personId) ?? new Set();
    this.#photosByPerson.set(photo.personId, photos.add(photo.id));
    if (photo.origin.by === "folder") this.#photoByFile.set(photo.origin.file, photo.id);
  }

  #removePhoto(id: string): void {
    const photo = this.#photos.get(id);
    if (photo === undefined) return;
    this.#photos.delete(id);
    this.#photosByPerson.get(photo.personId)?.delete(id);
    if (photo.origin.by === "folder" && this.#photoByFile.get(photo.origin.file) === id)
      this.#photoByFile.delete(photo.origin.file);
  }

  #present(person: Person): Person {
    const lastSeenAt = this.#seenAt.get(person.id);
    return lastSeenAt === undefined ? person : { ...person, lastSeenAt };
  }

  #entryOf(of: Person): Omit<PersonEntry, "out"> {
    const { notes: _notes, ...person } = this.#present(of);
    const photos = this.photosOf(person.id);
    return {
      ...person,
      photos: photos.length,
      thumbnail: photos.find((photo) => this.#hasThumbnail(photo))?.id ?? null,
    };
  }
}

/** Both by name. */
function merged(many: readonly Person[], few: readonly Person[]): Person[] {
  const all: Person[] = [];
  let taken = 0;
  for (const person of few) {
    let end = many.length;
    let place = taken;
    while (place < end) {
      const middle = (place + end) >>> 1;
      if (byName(many[middle] as Person, person) < 0) place = middle + 1;
      else end = middle;
    }
    for (; taken < place; taken += 1) all.push(many[taken] as Person);
    all.push(person);
  }
  for (; taken < many.length; taken += 1) all.push(many[taken] as Person);
  return all;
}

/** As search compares: no matter how accents and capitals are written. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase("en");
}
