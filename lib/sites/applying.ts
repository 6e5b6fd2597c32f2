/** What other sites wrote comes into this one's store: deletions first, then what was put, record by record. */
import { UserError } from "../errors";
import type { Person, Photo } from "../people/people";
import type { PeopleStore, PhotoContent } from "../people/store";
import { type Logged, RECORD_KINDS, type RecordKind } from "./change-log";
import { type Conflict, type First, isNewer, mergePeople, mergePhotos, nameAt, secondOf } from "./conflicts";
import { type Known, type KnownMerge, type KnownRecords, UNREADABLE } from "./known";
import {
  bodyOf,
  digestOf,
  embeddingOf,
  fromContent,
  isHere,
  isPictureKind,
  keyOf,
  logIdOf,
  type Merge,
  parentOf,
  putRecords,
  type Read,
  type RecordKey,
  type SharedRecord,
  StoreReader,
} from "./records";
import type { Sealing } from "./sealing";
import type { SharedBook, SharedEntry } from "./shared-book";

export interface ApplyingHost {
  readonly store: PeopleStore;
  readonly known: KnownRecords;
  readonly sealing: Sealing;
  /** False keeps no pictures of others either. */
  readonly keepPictures: boolean;
  /** Whether strangers are shared. */
  readonly strangers: boolean;
  /** Whose entries are shared; undefined as long as nobody keeps it here. */
  book: () => SharedBook | undefined;
  /** Whether people are recognized here by embeddings of a fingerprint. */
  uses: (fingerprint: string) => boolean;
  /**
   * Two people who are here are one now: what is kept of the first beside the store is the second's, and so are photos
   * that nobody else has. The first is deleted afterwards. Cut short, it can be redone.
   */
  merge: (merge: { from: Person; into: Person; photos: readonly Photo[] }) => Promise<void>;
  /** What is to go beside the store, before it goes from there. */
  wipe: (gone: { people: readonly Person[]; photos: readonly Photo[] }) => Promise<void>;
  /** It may differ from what the log has. */
  mark: (key: RecordKey) => void;
  /** What people call a site; undefined is this one. */
  nameOf: (site: string | undefined) => string;
}

/** A change that is news, with what was known of its record. */
interface News {
  change: Logged;
  known: Known | undefined;
}

/** What a batch of puts comes to. */
interface Outcome {
  writes: SharedRecord[];
  moves: Photo[];
  intents: [RecordKind, string, Known][];
  known: [RecordKind, string, Known][];
  held: [parent: string, held: Logged][];
  released: string[];
  conflicts: Conflict[];
}

/** Of people who were merged one after the other while a site was away. */
const MOST_HEIRS = 20;
const PEOPLE_AND_PHOTOS: ReadonlySet<RecordKind> = new Set(["person", "photo"]);

export class Applying {
  readonly #host: ApplyingHost;
  /** Who is about to be deleted: their names are free. */
  #leaving: ReadonlySet<string> = new Set();
  /** Of the log, which nobody here can read. */
  unreadable = 0;

  constructor(host: ApplyingHost) {
    this.#host = host;
  }

  /**
   * Nobody else may write to the store meanwhile. A crash at any moment leaves what can be applied again.
   * @param options `followed`: all up to here is done with these; `heirs`: what heirs() gave of them
   * @throws StorageError; a sentence where a newer version of the package wrote something
   */
  async apply(
    changes: readonly Logged[],
    { followed, heirs = [] }: { followed?: number | undefined; heirs?: readonly Logged[] } = {},
  ): Promise<void> {
    const { known } = this.#host;
    const all = await this.#newsIn(heirs.length === 0 ? changes : [...heirs, ...changes]);
    const gone = all.filter(({ change }) => change.content === null);
    const merges = all.filter(({ change }) => change.kind === "merge" && change.content !== null);
    const put = all.filter(({ change }) => change.kind !== "merge" && change.content !== null);
    const early = new Set(heirs);
    this.#leaving = this.#whoLeaves(gone, merges);
    await this.#put(put.filter(({ change }) => early.has(change)));
    const merged = await this.#merge(merges);
    await this.#remove(gone);
    this.#leaving = new Set();
    const others = put.filter(({ change }) => !early.has(change));
    await this.#besideBook(async () => {
      await this.#put(others);
      // What came before it was known that they are somebody else.
      await this.#release(new Set(merged.map((id) => `person:${id}`)));
    });
    if (followed !== undefined && followed !== known.meta.followed) await known.write({ meta: { followed } });
  }

  async #newsIn(changes: Iterable<Logged>): Promise<News[]> {
    const news: News[] = [];
    for (const change of changes) {
      if (change.kind === "checkIn" && this.#host.book() === undefined) continue;
      const before = await this.#host.known.get(change.kind, change.id);
      if (before === undefined || change.number > before.number) news.push({ change, known: before });
    }
    return news;
  }

  #whoLeaves(gone: readonly News[], merges: readonly News[]): Set<string> {
    const people = gone.filter(({ change }) => change.kind === "person");
    const ids = this.#localIds(people);
    return new Set([
      ...people.flatMap(({ change, known }) => known?.id || (ids.get(`person:${change.id}`) ?? [])),
      ...merges.flatMap(({ change }) => this.#readMerge(change)?.from ?? []),
    ]);
  }

  /**
   * What else of the log has to be here before changes are applied: into whom people of this site were merged.
   * @param record reads one of the log
   */
  async heirs(
    changes: readonly Logged[],
    record: (kind: RecordKind, id: string) => Promise<Logged | undefined>,
  ): Promise<Logged[]> {
    const { store, sealing } = this.#host;
    const found = new Map<string, Logged>();
    for (const change of changes) {
      let merge = this.#readMerge(change);
      if (merge === undefined || store.person(merge.from) === undefined) continue;
      // Whoever was merged twice meanwhile.
      for (let steps = 0; merge !== undefined && steps < MOST_HEIRS; steps += 1) {
        if (store.person(merge.into) !== undefined) break;
        const of = (kind: "person" | "merge", id: string): Promise<Logged | undefined> =>
          record(kind, logIdOf(sealing, { kind, id }));
        const person = await of("person", merge.into);
        const next: Logged | undefined =
          person === undefined || person.content === null ? await of("merge", merge.into) : person;
        if (next !== undefined && next.content !== null) found.set(`${next.kind} ${next.id}`, next);
        merge = next && this.#readMerge(next);
      }
    }
    return [...found.values()];
  }

  /** Nobody else writes to the book meanwhile. */
  async #besideBook(work: () => Promise<void>): Promise<void> {
    await (this.#host.book()?.exclusively(work) ?? work());
  }

  /** What waits for somebody who was deleted goes, here and there. */
  async removeOrphans(): Promise<void> {
    const { known, store, sealing, mark } = this.#host;
    if (!known.holds) return;
    const gone: [RecordKind, string, Known][] = [];
    const released: string[] = [];
    const keys: RecordKey[] = [];
    for await (const [key, held] of known.held()) {
      const read = this.#read(held);
      const parent = read && this.#awaitedOf(read.record);
      if (read === undefined || parent === undefined || isHere(store, parent)) continue;
      if ((await known.get(parent.kind, logIdOf(sealing, parent)))?.digest !== null) continue;
      const own = keyOf(read.record);
      gone.push([held.kind, held.id, { id: own.id, number: held.number, digest: digestOf(read.body), gone: true }]);
      released.push(key);
      keys.push(own);
    }
    if (released.length === 0) return;
    await known.write({ known: gone, let: released });
    for (const key of keys) mark(key);
  }

  /** @returns ids of those who are somebody else now */
  async #merge(news: readonly News[]): Promise<string[]> {
    if (news.length === 0) return [];
    const { store, known, sealing, merge } = this.#host;
    const merges: KnownMerge[] = [];
    for (const { change } of news) {
      const read = this.#readMerge(change);
      if (read === undefined) this.unreadable += 1;
      else merges.push({ ...read, number: change.number });
    }
    const all = new Map([...known.merges.values(), ...merges].map((each) => [each.from, each]));
    for (const { from: id } of merges) {
      const from = store.person(id);
      const into = this.#heirOf(id, all);
      if (from === undefined || into === undefined) continue;
      const photos: Photo[] = [];
      for (const photo of store.photos(id))
        if (((await known.get("photo", logIdOf(sealing, { kind: "photo", id: photo.id })))?.number ?? 0) === 0)
          photos.push(photo);
      await merge({ from, into, photos });
    }
    await known.write({
      merges,
      // The rest of it stands among the merges.
      known: news.map(({ change: { kind, id, number } }) => [kind, id, { id: "", number, digest: null }]),
    });
    return merges.map(({ from }) => from);
  }

  /** What a record waits for: whom it is of; where they are known to be somebody else, those. */
  #awaitedOf(record: SharedRecord): RecordKey | undefined {
    const parent = parentOf(record);
    if (record.kind !== "checkIn" || parent === undefined) return parent;
    const { merges } = this.#host.known;
    let { id } = parent;
    for (let steps = 0; steps < MOST_HEIRS; steps += 1) id = merges.get(id)?.into ?? id;
    return { ...parent, id };
  }

  /** Who somebody is now who was merged, as far as that is known and they are here. */
  #heirOf(id: string, merges: ReadonlyMap<string, KnownMerge> = this.#host.known.merges): Person | undefined {
    const { store } = this.#host;
    let heir = merges.get(id)?.into;
    for (let steps = 0; heir !== undefined && store.person(heir) === undefined && steps < MOST_HEIRS; steps += 1)
      heir = merges.get(heir)?.into;
    return heir === undefined || heir === id ? undefined : store.person(heir);
  }

  #readMerge(change: Logged): Merge | undefined {
    if (change.kind !== "merge" || change.content === null) return undefined;
    const read = this.#read(change);
    return read?.record.kind === "merge" ? read.record.value : undefined;
  }

  async #remove(news: readonly News[]): Promise<void> {
    if (news.length === 0) return;
    const { store, known, uses } = this.#host;
    const reader = new StoreReader(store);
    const book = this.#host.book();
    const ids = this.#localIds(news);
    const people = new Set<string>();
    const photos = new Set<string>();
    const anchors: string[] = [];
    const unknowns: string[] = [];
    const embeddings = new Map<string, Set<string>>();
    const conflicts: Conflict[] = [];
    const kept: RecordKey[] = [];
    const inOrder = [...news].sort(byKind);
    for (const { change, known: before } of inOrder) {
      const id = before?.id || ids.get(`${change.kind}:${change.id}`);
      // A book's entry goes with whom it is of, and when it is too old here.
      if (id === undefined || id === "" || change.kind === "checkIn") continue;
      const key = { kind: change.kind, id };
      if (change.kind === "person" && store.person(id) !== undefined) {
        people.add(id);
        const mine = await reader.read(key);
        if (mine !== undefined && !isUnchanged(before, digestOf(bodyOf(mine))))
          conflicts.push(conflictOf("deleted_there", null, change.site));
      } else if (change.kind === "photo" && store.photo(id) !== undefined) photos.add(id);
      else if (change.kind === "anchor") anchors.push(id);
      else if (change.kind === "unknown") unknowns.push(id);
      else if (change.kind === "embedding") {
        const { photoId, fingerprint } = embeddingOf(id);
        const photo = store.photo(photoId);
        if (photo === undefined || photos.has(photoId) || people.has(photo.personId)) continue;
        // Another site has changed its network; whoever recognizes by this one needs it.
        if (uses(fingerprint)) kept.push(key);
        else embeddings.set(fingerprint, (embeddings.get(fingerprint) ?? new Set()).add(photoId));
      } else kept.push(key);
    }
    await this.#wipe({ people: [...people], photos: [...photos] });
    const here = new Set(store.anchors().map(({ id }) => id));
    for (const id of anchors) if (here.has(id)) await store.removeAnchor(id);
    for (const [fingerprint, of] of embeddings)
      await store.removeEmbeddings(fingerprint, (photoId) => of.has(photoId), { alone: true });
    const strange = new Set(unknowns);
    const met = store.unknowns().filter(({ id }) => strange.has(id));
    if (met.length > 0) await store.removeUnknowns(met.map(({ id }) => id));
    await known.forget(people);
    await known.write({
      known: news.map(({ change: { kind, id, number }, known: before }) => {
        const stays = kind === "checkIn" && before?.digest && book?.get(before.id) !== undefined;
        return [kind, id, stays ? { ...before, number, over: true } : { id: "", number, digest: null }];
      }),
      let: news.flatMap(({ change }) => known.heldAs(change) ?? []),
      conflicts,
      wipes: news.some(
        ({ change, known: before }) => PEOPLE_AND_PHOTOS.has(change.kind) && before?.base !== undefined,
      ),
    });
    for (const key of kept) this.#host.mark(key);
  }

  async #wipe({ people, photos }: { people: string[]; photos: string[] }): Promise<void> {
    if (people.length + photos.length === 0) return;
    const { store } = this.#host;
    const all = new Set([...photos, ...people.flatMap((id) => store.photos(id).map((photo) => photo.id))]);
    await this.#host.wipe({
      people: people.flatMap((id) => store.person(id) ?? []),
      photos: [...all].flatMap((id) => store.photo(id) ?? []),
    });
    await store.removeMany({ people, photos });
  }

  /** What is here of which the log tells no more than that it is gone. */
  #localIds(news: readonly News[]): Map<string, string> {
    const wanted = new Set(news.flatMap(({ change, known }) => (known?.id ? [] : [`${change.kind}:${change.id}`])));
    const found = new Map<string, string>();
    if (wanted.size === 0) return found;
    const { store, sealing } = this.#host;
    const look = (kind: "person" | "photo" | "anchor" | "unknown", all: readonly { id: string }[]): void => {
      for (const { id } of all) {
        const key = `${kind}:${logIdOf(sealing, { kind, id })}`;
        if (wanted.has(key)) found.set(key, id);
      }
    };
    look("person", store.people());
    look("photo", store.photos());
    look("anchor", store.anchors());
    look("unknown", store.unknowns());
    return found;
  }

  async #put(news: readonly News[]): Promise<void> {
    if (news.length === 0) return;
    const { store, known, sealing, keepPictures } = this.#host;
    const book = this.#host.book();
    const outcome: Outcome = {
      writes: [],
      moves: [],
      intents: [],
      known: [],
      held: [],
      released: [],
      conflicts: [],
    };
    const reader = new StoreReader(store, book);
    const coming = new Set<string>();
    const marked: RecordKey[] = [];
    for (const { change, known: before } of [...news].sort(byKind)) {
      if (change.kind === "unknown" && !this.#host.strangers) continue;
      const read = this.#read(change);
      if (read === undefined) {
        this.unreadable += 1;
        const entry = { id: before?.id ?? "", number: change.number, digest: UNREADABLE };
        outcome.known.push([change.kind, change.id, entry]);
        continue;
      }
      const key = keyOf(read.record);
      const parent = parentOf(read.record);
      if (parent !== undefined && !isHere(store, parent) && !coming.has(`${parent.kind}:${parent.id}`)) {
        const theirs = await known.get(parent.kind, logIdOf(sealing, parent));
        const awaited = this.#awaitedOf(read.record) ?? parent;
        const isDead =
          awaited.id !== parent.id ||
          (theirs !== undefined && (theirs.digest === null || isDeletedHere(parent.kind, theirs)));
        if (isDead && (await reader.read(key)) !== undefined) {
          // Here it is somebody's who is there; nobody else can have it any more.
          const entry = { id: key.id, number: change.number, digest: digestOf(read.body) };
          outcome.known.push([change.kind, change.id, entry]);
          marked.push(key);
        } else if (isDead && this.#inherit(change, read, outcome)) marked.push(key);
        else outcome.held.push([logIdOf(sealing, awaited), change]);
        continue;
      }
      const waiting = known.heldAs(change);
      if (waiting !== undefined) outcome.released.push(waiting);
      const { isHere: stays, differs } = await this.#decide({ change, known: before }, read, reader, outcome);
      if (stays) coming.add(`${key.kind}:${key.id}`);
      if (differs) marked.push(key);
    }
    await this.#name(outcome);
    if (outcome.intents.length > 0) await known.write({ known: outcome.intents });
    await putRecords(store, outcome.writes, { keepPictures, book });
    for (const photo of outcome.moves) await this.#move(photo);
    await known.write({
      known: outcome.known,
      held: outcome.held,
      let: outcome.released,
      conflicts: outcome.conflicts,
    });
    for (const key of marked) this.#host.mark(key);
    await this.#release(coming);
  }

  /**
   * An entry of somebody who is somebody else by now, of a site that had not heard of it.
   * @returns whether it is theirs now, of which the log is to be told
   */
  #inherit(change: Logged, { record, body }: Read, { known, writes, released }: Outcome): boolean {
    if (record.kind !== "checkIn") return false;
    const { kind, id, number } = change;
    const book = this.#host.book();
    const heir = this.#heirOf(record.value.person);
    if (book === undefined || heir === undefined) return false;
    const entry = { id: record.value.id, number, digest: digestOf(body) };
    known.push([kind, id, { ...entry, ...knownOf(record.value, this.#host.known.meta.site) }]);
    writes.push({ kind: "checkIn", value: book.given(record.value, heir.id) });
    const waiting = this.#host.known.heldAs(change);
    if (waiting !== undefined) released.push(waiting);
    return true;
  }

  /** What waited for those who are here now. */
  async #release(coming: ReadonlySet<string>): Promise<void> {
    const { known, sealing } = this.#host;
    if (!known.holds) return;
    const news: News[] = [];
    for (const each of coming) {
      const [kind, id] = [each.slice(0, each.indexOf(":")), each.slice(each.indexOf(":") + 1)];
      if (kind !== "person" && kind !== "photo") continue;
      for await (const [, change] of known.held(`${logIdOf(sealing, { kind, id })}:`))
        if (change.kind !== "checkIn" || this.#host.book() !== undefined)
          news.push({ change, known: await known.get(change.kind, change.id) });
    }
    await this.#put(news);
  }

  /** Undefined where it is damaged, or nobody's who has the key. @throws a sentence where it is newer than this */
  #read({ kind, id, content }: Logged): Read | undefined {
    const { sealing } = this.#host;
    try {
      const read = fromContent(kind, sealing.open(kind, id, content ?? Buffer.alloc(0)), this.#host.book());
      return logIdOf(sealing, keyOf(read.record)) === id ? read : undefined;
    } catch (error) {
      if (error instanceof UserError) throw error;
      return undefined;
    }
  }

  /** @returns whether the record is here then, and whether this site has something to say to it */
  async #decide(
    { change, known: before }: News,
    { record, body, first }: Read,
    reader: StoreReader,
    outcome: Outcome,
  ): Promise<{ isHere: boolean; differs: boolean }> {
    const { kind, id: logId, number, site } = change;
    const key = keyOf(record);
    const theirs = digestOf(body);
    const entry: Known = {
      id: key.id,
      number,
      digest: theirs,
      ...(record.kind === "person" ? { base: record.value, first: first ?? { number, site } } : {}),
      ...(record.kind === "photo" ? { base: record.value } : {}),
      ...(record.kind === "checkIn" ? knownOf(record.value, this.#host.known.meta.site) : {}),
    };
    const write = (value: SharedRecord): void => {
      const next = { number, digest: digestOf(bodyOf(value)) };
      outcome.intents.push([kind, logId, { ...(before ?? { number: 0, digest: null }), id: key.id, next }]);
      if (value.kind === "photo" && this.#isElsewhere(value.value)) outcome.moves.push(value.value);
      else outcome.writes.push(value);
    };
    const isPicture = isPictureKind(record.kind);
    // A photo's picture never changes: it need not be read.
    const mine = isPicture && before !== undefined && before.digest === theirs ? record : await reader.read(key);
    if (mine === undefined) {
      const isOver = record.kind === "checkIn" && this.#isOver(entry);
      if (isOver && entry.own === undefined) {
        outcome.known.push([kind, logId, entry]);
        return { isHere: false, differs: false };
      }
      if (!isPicture && (isOver || isDeletedHere(kind, before))) {
        const { base: _base, ...rest } = entry;
        outcome.known.push([kind, logId, { ...rest, gone: true }]);
        return { isHere: false, differs: true };
      }
      outcome.known.push([kind, logId, entry]);
      write(record);
      return SILENT;
    }
    outcome.known.push([kind, logId, entry]);
    const own = digestOf(bodyOf(mine));
    if (own === theirs || isPicture) return SILENT;
    if (isUnchanged(before, own)) {
      write(record);
      return SILENT;
    }
    if (record.kind === "person" && mine.kind === "person") {
      const base = before?.base !== undefined && "name" in before.base ? before.base : undefined;
      const { value, both } = mergePeople(base, mine.value, record.value);
      if (both.length > 0) outcome.conflicts.push(conflictOf("edited_twice", key.id, site, both));
      write({ kind: "person", value });
      return SAID;
    }
    if (record.kind === "photo" && mine.kind === "photo") {
      const base = before?.base !== undefined && "personId" in before.base ? before.base : undefined;
      const { value } = mergePhotos(base, mine.value, record.value);
      if (mine.value.personId !== record.value.personId)
        outcome.conflicts.push(conflictOf("photo_twice", record.value.personId, site));
      write({ kind: "photo", value });
      return SAID;
    }
    if (record.kind === "checkIn" && mine.kind === "checkIn") {
      const { value, both } = this.#host.book()?.merge(mine.value, record.value) ?? { value: record.value, both: [] };
      if (both.length > 0) outcome.conflicts.push(conflictOf("corrected_twice", value.person, site, both));
      write({ kind: "checkIn", value });
      return SAID;
    }
    if (record.kind === "unknown" && mine.kind === "unknown" && isNewer(mine.value.group, record.value.group))
      return SAID;
    if (record.kind === "anchor") return SAID;
    write(record);
    return SILENT;
  }

  #isOver({ at = 0, own }: Known): boolean {
    return this.#host.book()?.isOver(at, own) === true;
  }

  /** Whether a photo is somebody else's here. */
  #isElsewhere({ id, personId }: Photo): boolean {
    const here = this.#host.store.photo(id);
    return here !== undefined && here.personId !== personId;
  }

  /** A photo is another person's, with all that belongs to it. */
  async #move(photo: Photo): Promise<void> {
    const { store } = this.#host;
    const here = store.photo(photo.id);
    if (here === undefined) return;
    const content: PhotoContent = {
      photo: { ...photo, size: here.size, origin: here.origin.by === "folder" ? here.origin : photo.origin },
      bytes: await store.photoBytes(photo.id),
      thumbnail: await store.thumbnail(photo.id),
      embeddings: (await store.embeddingsOf(photo.id)).map((each) => ({ ...each, personId: photo.personId })),
    };
    await store.removePhotos([photo.id]);
    await store.putMany({ photos: [content] });
  }

  /** No two people are to have one name: the second gets another, before anybody is written. */
  async #name(outcome: Outcome): Promise<void> {
    const written = outcome.writes.flatMap((each) => (each.kind === "person" ? [each.value] : []));
    if (written.length === 0) return;
    const { store, known, sealing } = this.#host;
    const all = new Map([...store.people(), ...written].map((person) => [person.id, person]));
    const byName = new Map<string, Person>();
    const entries = new Map(outcome.known.map(([kind, logId, entry]) => [`${kind}:${logId}`, entry]));
    const firstOf = async ({ id }: Person): Promise<First | undefined> => {
      const logId = logIdOf(sealing, { kind: "person", id });
      return (entries.get(`person:${logId}`) ?? (await known.get("person", logId)))?.first;
    };
    const changed = new Map<string, Person>();
    const taken = new Set([...all.values()].map(({ name }) => name));
    for (const person of all.values()) {
      if (this.#leaving.has(person.id)) continue;
      const other = byName.get(person.name);
      if (other === undefined) {
        byName.set(person.name, person);
        continue;
      }
      const firsts = new Map([
        [person.id, await firstOf(person)],
        [other.id, await firstOf(other)],
      ]);
      const second = secondOf(person, other, ({ id }) => firsts.get(id));
      const site = firsts.get(second.id)?.site;
      const renamed = { ...second, name: nameAt(second.name, this.#host.nameOf(site), (name) => taken.has(name)) };
      taken.add(renamed.name);
      byName.set(person.name, second === person ? other : person);
      byName.set(renamed.name, renamed);
      changed.set(renamed.id, renamed);
      outcome.conflicts.push(conflictOf("enrolled_twice", renamed.id, site ?? known.meta.site));
    }
    if (changed.size === 0) return;
    for (const person of changed.values()) this.#host.mark({ kind: "person", id: person.id });
    const others = outcome.writes.filter(({ kind }) => kind !== "person");
    const writes = new Map(written.map((person) => [person.id, changed.get(person.id) ?? person]));
    // Who gives a name away comes before who has it from now on.
    const givers = [...changed.values()].filter(({ id }) => !writes.has(id));
    outcome.writes.splice(
      0,
      outcome.writes.length,
      ...[...givers, ...writes.values()].map((value): SharedRecord => ({ kind: "person", value })),
      ...others,
    );
  }
}

const SILENT = { isHere: true, differs: false };
const SAID = { isHere: true, differs: true };

function conflictOf(rule: Conflict["rule"], person: string | null, site: string, fields: string[] = []): Conflict {
  return { at: Date.now(), rule, person, fields, site };
}

/** Whether what is here is as the site last knew it in the log, or as it was about to write it. */
function isUnchanged(known: Known | undefined, digest: string): boolean {
  return known !== undefined && (known.digest === digest || known.next?.digest === digest);
}

/** What is known of a book's entry. @param site id of this one */
export function knownOf({ at, site: from, book }: SharedEntry, site: string): Pick<Known, "at" | "own"> {
  return { at, ...(from === site ? { own: book } : {}) };
}

/** Of what is not here. */
export function isDeletedHere(kind: RecordKind, known: Known | undefined): boolean {
  if (known === undefined) return false;
  if (known.gone === true) return true;
  // It may be too old here, which is no deletion.
  if (kind === "checkIn") return false;
  return known.digest !== null && known.digest !== UNREADABLE && known.next === undefined;
}

function byKind(one: News, other: News): number {
  return (
    RECORD_KINDS.indexOf(one.change.kind) - RECORD_KINDS.indexOf(other.change.kind) ||
    one.change.number - other.change.number
  );
}
