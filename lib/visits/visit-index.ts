/**
 * Which visits there are, in memory, so that a page is found without reading the others: when, whose, where, and what
 * was written since. Columns of numbers, about 60 bytes a visit, beside each person's, stranger's and zone's name
 * once.
 */
import { UserError } from "../errors";
import type { VisitQuery, VisitRecord } from "./book";

/** What is known of a visit without reading it. */
export interface IndexedVisit extends Pick<VisitRecord, "since" | "until" | "person" | "stranger" | "revision"> {
  /** Of the record on the disk; rises with each new visit. */
  number: number;
  zones: readonly string[];
  /** Whether an embedding is kept. */
  embedded: boolean;
}

/** Of visits; `next` is undefined on the last page. */
export interface NumberPage {
  numbers: number[];
  next: string | undefined;
}

const FIRST_CAPACITY = 1024;
/** No name. */
const NONE = -1;
const CURSOR = /^(\d{1,16}(?:\.\d{1,16})?)-(\d{1,10})$/;

/** Names as small numbers, as long as somebody uses them. */
class Names {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  find(name: string): number {
    return this.#ids.get(name) ?? NONE;
  }

  take(name: string | null | undefined): number {
    if (name == null) return NONE;
    const id = this.#ids.get(name) ?? this.#free.pop() ?? this.#names.length;
    this.#ids.set(name, id);
    this.#names[id] = name;
    this.#uses[id] = (this.#uses[id] ?? 0) + 1;
    return id;
  }

  letGo(id: number): void {
    if (id === NONE) return;
    const uses = (this.#uses[id] ?? 0) - 1;
    this.#uses[id] = uses;
    if (uses > 0) return;
    this.#ids.delete(this.#names[id] ?? "");
    this.#names[id] = "";
    this.#free.push(id);
  }

  entries(): Iterable<[name: string, id: number]> {
    return this.#ids;
  }
}

/** By place; a place is a visit's number less `#base`. */
interface Columns {
  /** Milliseconds since the epoch; NaN where there is no visit. */
  since: Float64Array;
  /** Infinity as long as they are here. */
  until: Float64Array;
  revision: Float64Array;
  person: Int32Array;
  stranger: Int32Array;
  zones: Int32Array;
  embedded: Uint8Array;
}

export class VisitIndex {
  #columns = columnsOf(FIRST_CAPACITY);
  /** Number of the visit in the first place. */
  #base = 0;
  /** Places that were ever used. */
  #places = 0;
  /** Places by `since`, then by number. */
  #order: Int32Array = new Int32Array(FIRST_CAPACITY);
  #size = 0;
  /** Revisions as they rose, and whose; one that is not its visit's any more is passed over. */
  readonly #log: { revisions: number[]; numbers: number[] } = { revisions: [], numbers: [] };
  readonly #people = new Names();
  readonly #strangers = new Names();
  /** Of sets of zones, as JSON. */
  readonly #zones = new Names();

  get size(): number {
    return this.#size;
  }

  /** Many that were kept, in any order; nothing else is here yet. */
  load(visits: readonly IndexedVisit[]): void {
    if (visits.length === 0) return;
    this.#base = visits.reduce((least, { number }) => Math.min(least, number), Infinity);
    for (const visit of visits) this.#fill(visit);
    const { since } = this.#columns;
    const places = Int32Array.from(visits, ({ number }) => number - this.#base);
    this.#order = places.sort((a, b) => (since[a] as number) - (since[b] as number) || a - b);
    this.#size = visits.length;
    for (const { revision, number } of [...visits].sort((a, b) => a.revision - b.revision))
      this.#logged(revision, number);
  }

  /** New, or as it is now. Its revision is the largest. */
  set(visit: IndexedVisit): void {
    if (this.#size === 0) this.#clear(visit.number);
    const place = visit.number - this.#base;
    const before = place < this.#places ? this.#columns.since[place] : NaN;
    const isSame = before === visit.since;
    if (!isSame && !Number.isNaN(before)) this.#order.copyWithin(this.#positionOf(place), this.#positionOf(place) + 1);
    if (!isSame && !Number.isNaN(before)) this.#size -= 1;
    this.#fill(visit);
    if (!isSame) this.#insert(place);
    this.#logged(visit.revision, visit.number);
  }

  delete(numbers: readonly number[]): void {
    let gone = 0;
    for (const number of numbers) {
      const place = this.#placeOf(number);
      if (place === undefined) continue;
      this.#letGo(place);
      this.#columns.since[place] = NaN;
      gone += 1;
    }
    if (gone === 0) return;
    let kept = 0;
    for (let at = 0; at < this.#size; at += 1) {
      const place = this.#order[at] as number;
      if (!Number.isNaN(this.#columns.since[place])) this.#order[kept++] = place;
    }
    this.#size = kept;
    this.#shrink();
  }

  /** The newest first. @throws a sentence when the cursor is none */
  page({ limit = 100, offset = 0, ...query }: VisitQuery): NumberPage {
    const numbers: number[] = [];
    let passed = 0;
    for (const place of this.#matching(query)) {
      if (passed < offset) passed += 1;
      else if (numbers.length < limit) numbers.push(place + this.#base);
      else {
        const last = numbers.at(-1) as number;
        return { numbers, next: `${this.#columns.since[last - this.#base]}-${last}` };
      }
    }
    return { numbers, next: undefined };
  }

  /** How many there are, on whatever page. */
  count(query: VisitQuery): number {
    let count = 0;
    for (const _place of this.#matching({ ...query, cursor: undefined })) count += 1;
    return count;
  }

  /** Places, the newest visit first. */
  *#matching({
    person,
    stranger,
    zone,
    known,
    from = -Infinity,
    to = Infinity,
    cursor,
  }: VisitQuery): Generator<number> {
    const { until, person: people, stranger: strangers, zones } = this.#columns;
    const whose = person === undefined ? undefined : this.#people.find(person);
    const which = stranger === undefined ? undefined : this.#strangers.find(stranger);
    const where = zone === undefined ? undefined : this.#setsWith(zone);
    for (let at = this.#before(to, cursor) - 1; at >= 0; at -= 1) {
      const place = this.#order[at] as number;
      if ((until[place] as number) < from) continue;
      if (whose !== undefined && (whose === NONE || people[place] !== whose)) continue;
      if (which !== undefined && (which === NONE || strangers[place] !== which)) continue;
      if (known !== undefined && (people[place] !== NONE) !== known) continue;
      if (where !== undefined && !where.has(zones[place] as number)) continue;
      yield place;
    }
  }

  /** Whose revision is larger, in the order of the revisions. */
  after(revision: number, limit: number): number[] {
    const { revisions, numbers } = this.#log;
    const found: number[] = [];
    for (let at = firstAbove(revisions, revision); at < revisions.length && found.length < limit; at += 1)
      if (this.#isCurrent(at)) found.push(numbers[at] as number);
    return found;
  }

  /** Of all, the oldest first. */
  numbers(): number[] {
    return this.#where(() => true);
  }

  ofPerson(person: string): number[] {
    const id = this.#people.find(person);
    return id === NONE ? [] : this.#where((place) => this.#columns.person[place] === id);
  }

  ofStranger(stranger: string): number[] {
    const id = this.#strangers.find(stranger);
    return id === NONE ? [] : this.#where((place) => this.#columns.stranger[place] === id);
  }

  /** Everybody who is not in the gallery any more by what it says. */
  orphans(isKnown: (person: string) => boolean): string[] {
    return [...this.#people.entries()].flatMap(([person]) => (isKnown(person) ? [] : [person]));
  }

  /** Every zone that somebody was in. */
  get zones(): string[] {
    return [...new Set([...this.#zones.entries()].flatMap(([set]) => JSON.parse(set) as string[]))].sort();
  }

  /** Visits that were over before a time, the oldest first. @param most of all may stay: older ones go too */
  expired(before: number, most: number): number[] {
    const surplus = Math.max(0, this.#size - most);
    const found: number[] = [];
    for (let at = 0; at < this.#size; at += 1) {
      const place = this.#order[at] as number;
      const until = this.#columns.until[place] as number;
      if (until < before || (at < surplus && until !== Infinity)) found.push(place + this.#base);
    }
    return found;
  }

  /** Those of which an embedding is kept, the newest first. */
  embedded(most: number): number[] {
    const found: number[] = [];
    for (let at = this.#size - 1; at >= 0 && found.length < most; at -= 1) {
      const place = this.#order[at] as number;
      if (this.#columns.embedded[place] === 1) found.push(place + this.#base);
    }
    return found;
  }

  #where(is: (place: number) => boolean): number[] {
    const found: number[] = [];
    for (let at = 0; at < this.#size; at += 1) {
      const place = this.#order[at] as number;
      if (is(place)) found.push(place + this.#base);
    }
    return found;
  }

  #placeOf(number: number): number | undefined {
    const place = number - this.#base;
    return place >= 0 && place < this.#places && !Number.isNaN(this.#columns.since[place]) ? place : undefined;
  }

  #fill({ number, since, until, revision, person, stranger, zones, embedded }: IndexedVisit): void {
    const place = number - this.#base;
    this.#reach(place + 1);
    if (!Number.isNaN(this.#columns.since[place])) this.#letGo(place);
    const columns = this.#columns;
    columns.since[place] = since;
    columns.until[place] = until ?? Infinity;
    columns.revision[place] = revision;
    columns.person[place] = this.#people.take(person);
    columns.stranger[place] = this.#strangers.take(stranger);
    columns.zones[place] = this.#zones.take(JSON.stringify([...new Set(zones)].sort()));
    columns.embedded[place] = embedded ? 1 : 0;
  }

  #letGo(place: number): void {
    this.#people.letGo(this.#columns.person[place] as number);
    this.#strangers.letGo(this.#columns.stranger[place] as number);
    this.#zones.letGo(this.#columns.zones[place] as number);
  }

  #insert(place: number): void {
    if (this.#size === this.#order.length) this.#order = grown(this.#order, new Int32Array(2 * this.#size));
    const at = this.#countBefore(this.#columns.since[place] as number, place);
    this.#order.copyWithin(at + 1, at, this.#size);
    this.#order[at] = place;
    this.#size += 1;
  }

  /** Where a visit that is here stands in the order. */
  #positionOf(place: number): number {
    return this.#countBefore(this.#columns.since[place] as number, place);
  }

  /** How many come before one of this beginning in this place. */
  #countBefore(since: number, place: number): number {
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#order[middle] as number;
      const apart = (this.#columns.since[other] as number) - since || other - place;
      if (apart < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How many of the order come before a time, and before what was on the page before. */
  #before(to: number, cursor: string | undefined): number {
    const begun = to === Infinity ? this.#size : this.#countBefore(to, NONE);
    if (cursor === undefined) return begun;
    const [, since, number] = CURSOR.exec(cursor) ?? [];
    if (since === undefined) throw new UserError("visits.noCursor");
    return Math.min(begun, this.#countBefore(Number(since), Number(number) - this.#base));
  }

  #setsWith(zone: string): Set<number> {
    const found = new Set<number>();
    for (const [set, id] of this.#zones.entries()) if ((JSON.parse(set) as string[]).includes(zone)) found.add(id);
    return found;
  }

  #logged(revision: number, number: number): void {
    const { revisions, numbers } = this.#log;
    // Every visit is in it once or more often: what is outdated goes when it is the larger part.
    if (revisions.length > 2 * this.#size + FIRST_CAPACITY) {
      let kept = 0;
      for (let at = 0; at < revisions.length; at += 1) {
        if (!this.#isCurrent(at)) continue;
        revisions[kept] = revisions[at] as number;
        numbers[kept++] = numbers[at] as number;
      }
      revisions.length = kept;
      numbers.length = kept;
    }
    revisions.push(revision);
    numbers.push(number);
  }

  #isCurrent(at: number): boolean {
    const place = this.#placeOf(this.#log.numbers[at] as number);
    return place !== undefined && this.#columns.revision[place] === this.#log.revisions[at];
  }

  #clear(base: number): void {
    this.#base = base;
    this.#places = 0;
    this.#columns = columnsOf(FIRST_CAPACITY);
    this.#order = new Int32Array(FIRST_CAPACITY);
  }

  #reach(places: number): void {
    const { length } = this.#columns.since;
    if (places > length) this.#columns = copied(this.#columns, columnsOf(Math.max(places, 2 * length)));
    this.#places = Math.max(this.#places, places);
  }

  /** The oldest go first: their places are taken away once they are half of all. */
  #shrink(): void {
    let first = 0;
    while (first < this.#places && Number.isNaN(this.#columns.since[first])) first += 1;
    if (first === this.#places || first < FIRST_CAPACITY || first < this.#places / 2) return;
    const left = this.#places - first;
    const fresh = columnsOf(Math.max(FIRST_CAPACITY, left));
    for (const name of COLUMNS) fresh[name].set(this.#columns[name].subarray(first, this.#places));
    this.#columns = fresh;
    this.#order = this.#order.slice(0, Math.max(FIRST_CAPACITY, this.#size)).map((place) => place - first);
    this.#base += first;
    this.#places = left;
  }
}

const COLUMNS = ["since", "until", "revision", "person", "stranger", "zones", "embedded"] as const;

function columnsOf(capacity: number): Columns {
  return {
    since: new Float64Array(capacity).fill(NaN),
    until: new Float64Array(capacity),
    revision: new Float64Array(capacity),
    person: new Int32Array(capacity),
    stranger: new Int32Array(capacity),
    zones: new Int32Array(capacity),
    embedded: new Uint8Array(capacity),
  };
}

function copied(from: Columns, to: Columns): Columns {
  for (const name of COLUMNS) to[name].set(from[name]);
  return to;
}

function grown(from: Int32Array, to: Int32Array): Int32Array {
  to.set(from);
  return to;
}

/** The first place whose number is larger. */
function firstAbove(sorted: readonly number[], than: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= than) low = middle + 1;
    else high = middle;
  }
  return low;
}
