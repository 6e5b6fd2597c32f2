/**
 * What this site has to tell the others: what of its store differs from what it knows of the log. No list of what was
 * done is kept: after a crash the store is compared with what is known, and what differs is told.
 */
import type { Person } from "../people/people";
import type { PeopleStore, StoreChange } from "../people/store";
import { isDeletedHere, knownOf } from "./applying";
import type { Change, RecordKind } from "./change-log";
import type { Deletion } from "./conflicts";
import { type Known, type KnownRecords, UNREADABLE } from "./known";
import {
  beforeEmbeddings,
  bodyOf,
  digestOf,
  embeddingId,
  isPictureKind,
  logIdOf,
  type RecordKey,
  type SharedRecord,
  StoreReader,
  toContent,
} from "./records";
import type { Sealing } from "./sealing";
import type { SharedBook, WhyGone } from "./shared-book";

export interface TellingOptions {
  store: PeopleStore;
  known: KnownRecords;
  /** Whether strangers are shared. */
  strangers: boolean;
  /** Whose entries are shared; undefined as long as nobody keeps it here. */
  book: () => SharedBook | undefined;
  /** How long it may be news to others that somebody was seen, in ms. */
  seenMs: number;
  /** After how long entries of whom another site has deleted go from the log, if that did not delete them, in ms. */
  wipedMs: number;
}

/** One change, and what is known of its record once the log has it. */
export interface Prepared {
  key: RecordKey;
  change: Change;
  known: Known;
}

/** Of a batch: below the log's own bounds. */
const MOST_TOLD = 200;
const MOST_TOLD_BYTES = 8 * 2 ** 20;
/** Of the store: at which start of the site it was there. */
const START_NOTE = "sites start";
/**
 * Who was merged, and what the book says of them since, before whoever is gone for it; then what recognition needs,
 * pictures last.
 */
const ORDER: readonly RecordKind[] = [
  "merge",
  "checkIn",
  "person",
  "photo",
  "embedding",
  "anchor",
  "unknown",
  "thumbnail",
  "picture",
];
/** Entries that are too old here and of a site that does not delete them: so long after, the log loses them, too. */
const OVERDUE_MS = 31 * 86_400_000;
/** An entry goes with the shift that it ends, which may have begun so long before. */
const NEAR_MS = 16 * 3_600_000;
/** What tells that records may be missing here which nobody has deleted. */
const LOSSES: ReadonlySet<string> = new Set(["damaged_database", "no_backup", "bad_record", "damaged_record"]);

export class Telling {
  readonly #store: PeopleStore;
  readonly #known: KnownRecords;
  readonly #strangers: boolean;
  readonly #book: () => SharedBook | undefined;
  #seenMs: number;
  /** A set of keys, and so never more than there are records. */
  readonly #dirty = new Map<RecordKind, Set<string>>(ORDER.map((kind) => [kind, new Set()]));
  /**
   * People who were only seen: not worth a change of their own yet; and when it is due, of performance.now(). When
   * they were seen does not matter for it: clocks of sites differ.
   */
  readonly #seen = new Map<string, number>();
  /** When the log was told of people last: of performance.now(), since the start. */
  readonly #toldAt = new Map<string, number>();
  /** What was removed since, and is not written down. */
  #removed: RecordKey[] = [];
  /** Entries of the book that were too old here: of this site's own the log is told. */
  #old: string[] = [];
  /** Those of people whom another site has deleted, and when it is due to look at them, of performance.now(). */
  readonly #wiped = new Map<string, number>();
  readonly #wipedMs: number;
  /** Whether records may be missing that nobody has deleted: a backup took the people's place, or some are damaged. */
  #heals: boolean;

  constructor({ store, known, strangers, book, seenMs, wipedMs }: TellingOptions) {
    this.#store = store;
    this.#known = known;
    this.#strangers = strangers;
    this.#book = book;
    this.#seenMs = seenMs;
    this.#wipedMs = wipedMs;
    const noted = store.note(START_NOTE);
    const { start } = known.meta;
    this.#heals =
      store.problems.some(({ code }) => LOSSES.has(code)) ||
      (start > 0 && (typeof noted !== "number" || noted < start));
    for (const { from, number } of known.merges.values()) if (number === null) this.mark({ kind: "merge", id: from });
  }

  /** Records that the others have not been told of, or that are not looked at yet. */
  get waiting(): number {
    return [...this.#dirty.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** It may differ from what the log has. */
  mark({ kind, id }: RecordKey): void {
    if (id === "" || (kind === "unknown" && !this.#strangers)) return;
    if (kind === "checkIn" && this.#book() === undefined) return;
    this.#dirty.get(kind)?.add(id);
  }

  /** When somebody who was only seen is to be told of, of performance.now(); Infinity where nobody is. */
  get seenDue(): number {
    let soonest = Infinity;
    for (const due of this.#seen.values()) soonest = Math.min(soonest, due);
    return soonest;
  }

  /** Whoever was only seen is told now, where it is due. @param all and whoever is seen from now on */
  markSeen(all = false): void {
    if (all) this.#seenMs = 0;
    const now = performance.now();
    for (const [id, due] of this.#seen) if (all || due <= now) this.mark({ kind: "person", id });
  }

  /** Somebody is somebody else from now on: on disk when it resolves, and told before they are gone. */
  async merged(from: string, into: string): Promise<void> {
    await this.#known.write({ merges: [{ from, into, number: null }] });
    this.mark({ kind: "merge", id: from });
  }

  /** The store has changed: by people here, or by what was applied. */
  follow({ removed, put }: StoreChange): void {
    const gone = keysIn(removed);
    for (const key of gone) this.#removed.push(key);
    for (const key of [...gone, ...keysIn(put)]) this.mark(key);
  }

  /** Entries of the book are deleted. */
  followGone(ids: readonly string[], why: WhyGone): void {
    const due = performance.now() + this.#wipedMs;
    for (const id of ids) {
      // Whoever has deleted them tells it itself, where it has their entries; it may have given them to somebody else.
      if (why === "wiped") {
        this.#wiped.set(id, due);
        continue;
      }
      if (why === "old") this.#old.push(id);
      else this.#removed.push({ kind: "checkIn", id });
      this.mark({ kind: "checkIn", id });
    }
  }

  /** When entries of whom another site has deleted are to be looked at; Infinity where there are none. */
  get wipedDue(): number {
    let soonest = Infinity;
    for (const due of this.#wiped.values()) soonest = Math.min(soonest, due);
    return soonest;
  }

  /** Entries of whom another site has deleted, and which it has not: they go from the log, too. */
  async #buryWiped(sealing: Sealing): Promise<void> {
    const now = performance.now();
    const known: [RecordKind, string, Known][] = [];
    for (const [id, due] of this.#wiped) {
      if (due > now) continue;
      const logId = logIdOf(sealing, { kind: "checkIn", id });
      const found = await this.#known.get("checkIn", logId);
      if (found === undefined || found.digest === null || this.#book()?.get(id) !== undefined) this.#wiped.delete(id);
      else known.push(["checkIn", logId, { ...found, id, gone: true }]);
    }
    if (known.length === 0) return;
    await this.#known.write({ known });
    for (const [, , { id }] of known) {
      this.#wiped.delete(id);
      this.mark({ kind: "checkIn", id });
    }
  }

  /** Of what was deleted here only that it was: the log may be far. */
  async bury(sealing: Sealing): Promise<void> {
    if (this.#old.length > 0) await this.#buryOld(sealing);
    if (this.wipedDue <= performance.now()) await this.#buryWiped(sealing);
    if (this.#removed.length === 0) return;
    const removed = this.#removed.splice(0);
    const known: [RecordKind, string, Known][] = [];
    let wipes = false;
    try {
      for (const key of removed) {
        const logId = logIdOf(sealing, key);
        // All of a photo's, which the store does not name.
        if (key.kind === "photo")
          for await (const [, { id, digest }] of this.#known.all("embedding", beforeEmbeddings(sealing, key.id)))
            if (digest !== null) this.mark({ kind: "embedding", id });
        const found = await this.#known.get(key.kind, logId);
        if (found === undefined || found.digest === null) continue;
        const { base, ...before } = found;
        if ((await this.#reader().read(key)) !== undefined) continue;
        known.push([key.kind, logId, { ...before, id: key.id, gone: true }]);
        wipes ||= base !== undefined;
      }
      const people = new Set(removed.flatMap(({ kind, id }) => (kind === "person" ? [id] : [])));
      if (people.size > 0) await this.#known.forget(people);
      if (known.length > 0) await this.#known.write({ known, wipes });
      // Looked at before it was written down, it would have been taken for one that is too old here.
      for (const [kind, , { id }] of known) if (kind === "checkIn") this.mark({ kind, id });
    } catch (error) {
      this.#removed = [...removed, ...this.#removed];
      throw error;
    }
  }

  /** Of entries that were too old here: the log loses this site's own, and those that nobody else deletes. */
  async #buryOld(sealing: Sealing): Promise<void> {
    const old = this.#old.splice(0);
    const known: [RecordKind, string, Known][] = [];
    try {
      for (const id of old) {
        const logId = logIdOf(sealing, { kind: "checkIn", id });
        const found = await this.#known.get("checkIn", logId);
        if (found === undefined || found.digest === null || this.#book()?.get(id) !== undefined) continue;
        if (found.over === true) known.push(["checkIn", logId, { id: "", number: found.number, digest: null }]);
        else if (found.own !== undefined) known.push(["checkIn", logId, { ...found, id, gone: true }]);
      }
      for await (const [logId, each] of this.#known.all("checkIn")) {
        const { id, digest, at = 0, own, gone } = each;
        if (digest === null || digest === UNREADABLE || gone === true || own !== undefined) continue;
        if (this.#book()?.isOver(at + OVERDUE_MS, undefined) !== true || this.#book()?.get(id) !== undefined) continue;
        known.push(["checkIn", logId, { ...each, gone: true }]);
      }
      for (const [kind, , { id, gone }] of known) if (gone === true) this.mark({ kind, id });
      if (known.length > 0) await this.#known.write({ known });
    } catch (error) {
      this.#old = [...old, ...this.#old];
      throw error;
    }
  }

  /** What differs from what is known of the log is to be told, or was not told before a crash. */
  async compare(sealing: Sealing): Promise<void> {
    const { meta } = this.#known;
    const here = new Map<RecordKind, Set<string>>(ORDER.map((kind) => [kind, new Set()]));
    for await (const key of this.keys()) {
      here.get(key.kind)?.add(key.id);
      this.mark(key);
    }
    let lost = false;
    for (const kind of ORDER) {
      if (isPictureKind(kind) || kind === "merge" || (kind === "checkIn" && this.#book() === undefined)) continue;
      const missing: [RecordKind, string][] = [];
      for await (const [logId, known] of this.#known.all(kind)) {
        if (here.get(kind)?.has(known.id) === true) continue;
        if (kind === "checkIn") {
          const { id, digest, at = 0, own, gone } = known;
          if (digest === null || digest === UNREADABLE) continue;
          if (gone === true) this.mark({ kind, id });
          else if (this.#book()?.isOver(at - NEAR_MS, own) === true) this.#old.push(id);
          else missing.push([kind, logId]);
          continue;
        }
        if (!isDeletedHere(kind, known)) continue;
        if (this.#heals && known.gone !== true) missing.push([kind, logId]);
        else this.#removed.push({ kind, id: known.id });
      }
      lost ||= missing.length > 0;
      if (missing.length > 0) await this.#known.write({ unknown: missing });
    }
    for (const key of this.#removed) {
      this.mark(key);
      if (key.kind === "photo")
        for (const part of ["picture", "thumbnail"] as const) this.mark({ kind: part, id: key.id });
    }
    await this.bury(sealing);
    if (lost) {
      for (const kind of ["picture", "thumbnail"] as const) {
        const missing: [RecordKind, string][] = [];
        for await (const [logId, { id }] of this.#known.all(kind))
          if (!here.get("photo")?.has(id)) missing.push([kind, logId]);
        await this.#known.write({ unknown: missing });
      }
    }
    const start = meta.start + 1;
    await this.#store.putNote(START_NOTE, start);
    await this.#known.write({ meta: { start, ...(lost ? { followed: 0 } : {}) } });
    this.#heals = false;
  }

  /**
   * The database was set back to an older state: what it lost comes from here, and what was deleted stays so.
   * @param number up to which what is known still holds
   */
  async rewind(number: number): Promise<void> {
    for (const kind of ORDER) {
      const known: [RecordKind, string, Known][] = [];
      const unknown: [RecordKind, string][] = [];
      for await (const [logId, each] of this.#known.all(kind)) {
        if (each.number <= number) continue;
        if (each.digest === null || each.gone === true)
          known.push([kind, logId, { id: each.id, number: 0, digest: null, gone: true }]);
        else unknown.push([kind, logId]);
        this.mark({ kind, id: each.id });
      }
      await this.#known.write({ known, unknown });
    }
    const merges = [...this.#known.merges.values()].filter((merge) => (merge.number ?? 0) > number);
    await this.#known.write({
      meta: { followed: 0, verifiedAt: null },
      merges: merges.map((merge) => ({ ...merge, number: null })),
    });
    for (const { from } of merges) this.mark({ kind: "merge", id: from });
  }

  /** Of all that is shared and here. */
  async *keys(): AsyncGenerator<RecordKey> {
    yield* keysOf("person", this.#store.people());
    yield* partsOf(this.#store.photos());
    for await (const each of this.#store.embeddings()) yield { kind: "embedding", id: embeddingId(each) };
    yield* keysOf("anchor", this.#store.anchors());
    if (this.#strangers) yield* keysOf("unknown", this.#store.unknowns());
    for (const id of this.#book()?.ids() ?? []) yield { kind: "checkIn", id };
  }

  #reader(): StoreReader {
    return new StoreReader(this.#store, this.#book());
  }

  /** The next of what differs from what is known of the log, as it is now. */
  async take(sealing: Sealing): Promise<Prepared[]> {
    const batch: Prepared[] = [];
    let bytes = 0;
    for (const kind of ORDER) {
      const dirty = this.#dirty.get(kind) ?? new Set<string>();
      const reader = this.#reader();
      for (const id of dirty) {
        if (batch.length >= MOST_TOLD || bytes >= MOST_TOLD_BYTES) return batch;
        dirty.delete(id);
        const key = { kind, id };
        try {
          const prepared = await this.#prepare(key, sealing, reader);
          if (prepared === undefined) continue;
          batch.push(prepared);
          bytes += prepared.change.content?.length ?? 0;
        } catch (error) {
          for (const each of [key, ...batch.map(({ key: taken }) => taken)]) this.mark(each);
          throw error;
        }
      }
    }
    return batch;
  }

  /** Undefined where the log has it as it is here. */
  async #prepare(key: RecordKey, sealing: Sealing, reader: StoreReader): Promise<Prepared | undefined> {
    const { kind, id } = key;
    if (kind === "person") this.#seen.delete(id);
    const logId = logIdOf(sealing, key);
    const known = await this.#known.get(kind, logId);
    const base = known?.number ?? 0;
    if (kind === "merge") {
      const merge = this.#known.merges.get(id);
      if (merge?.number !== null) return undefined;
      const body = bodyOf({ kind, value: merge });
      const content = sealing.seal(kind, logId, toContent(key, body));
      return { key, change: { kind, id: logId, base, content }, known: { id, number: base, digest: digestOf(body) } };
    }
    const isPicture = isPictureKind(kind);
    const photoIsHere = isPicture && this.#store.photo(id) !== undefined;
    const isThere = known !== undefined && known.digest !== null && known.gone !== true;
    // A photo's picture never changes: it need not be read.
    if (photoIsHere && isThere) return undefined;
    const record = await reader.read(key);
    if (record === undefined) {
      if (photoIsHere || !isDeletedHere(kind, known)) return undefined;
      return { key, change: { kind, id: logId, base, content: null }, known: { id: "", number: base, digest: null } };
    }
    const body = bodyOf(record);
    const digest = digestOf(body);
    if (isThere && known.digest === digest) return undefined;
    if (record.kind === "person" && this.#isOnlySeen(record.value, known)) {
      const due = (this.#toldAt.get(id) ?? -Infinity) + this.#seenMs;
      if (performance.now() < due) {
        this.#seen.set(id, due);
        return undefined;
      }
    }
    const first =
      record.kind === "person" && known?.digest !== null && known?.digest !== UNREADABLE ? known?.first : undefined;
    const content = sealing.seal(kind, logId, toContent(key, body, first));
    return {
      key,
      change: { kind, id: logId, base, content },
      known: {
        id,
        number: base,
        digest,
        ...baseOf(record),
        ...(record.kind === "checkIn" ? knownOf(record.value, this.#known.meta.site) : {}),
        ...(first === undefined ? {} : { first }),
      },
    };
  }

  /** Whether all is known of somebody but when they were seen last. */
  #isOnlySeen(person: Person, known: Known | undefined): boolean {
    const before = known?.base;
    if (before === undefined || !("name" in before)) return false;
    return digestOf(bodyOf({ kind: "person", value: { ...person, lastSeenAt: before.lastSeenAt } })) === known?.digest;
  }

  /**
   * The log has taken a batch.
   * @returns whether it has nothing that this site has not followed
   */
  async told(batch: readonly Prepared[], numbers: readonly number[]): Promise<boolean> {
    const { meta, merges: all } = this.#known;
    const deletions: Deletion[] = [];
    const merges = batch.flatMap(({ key }, index) => {
      const merge = key.kind === "merge" ? all.get(key.id) : undefined;
      return merge === undefined ? [] : [{ ...merge, number: numbers[index] ?? null }];
    });
    const hasPerson = batch.some(({ key, change }) => key.kind === "person" && change.content === null);
    const known = batch.map(({ key, change, known: each }, index): [RecordKind, string, Known] => {
      const number = numbers[index] ?? 0;
      if (key.kind === "person" && change.content !== null) this.#toldAt.set(key.id, performance.now());
      else if (key.kind === "person") this.#toldAt.delete(key.id);
      const isTold = key.kind === "person" || (key.kind === "photo" && !hasPerson) || key.kind === "anchor";
      if (change.content === null && isTold) deletions.push({ number, kind: key.kind, at: Date.now() });
      return [
        change.kind,
        change.id,
        {
          ...each,
          number,
          ...(key.kind === "person" && change.content !== null
            ? { first: each.first ?? { number, site: meta.site } }
            : {}),
        },
      ];
    });
    // What only we have written need not be read again.
    const last = numbers.at(-1) ?? 0;
    const isNext = numbers[0] === meta.followed + 1 && last === meta.followed + numbers.length;
    await this.#known.write({ known, deletions, merges, ...(isNext ? { meta: { followed: last } } : {}) });
    return isNext;
  }
}

const keysOf = (kind: RecordKind, records: readonly { id: string }[]): RecordKey[] =>
  records.map(({ id }) => ({ kind, id }));

/** Of what a change says. */
const keysIn = ({ people, photos, embeddings, anchors, unknowns }: StoreChange["removed"]): RecordKey[] => [
  ...keysOf("person", people),
  ...partsOf(photos),
  ...embeddings.map((each): RecordKey => ({ kind: "embedding", id: embeddingId(each) })),
  ...keysOf("anchor", anchors),
  ...keysOf("unknown", unknowns),
];

/** Of photos, with their pictures. */
const partsOf = (photos: readonly { id: string }[]): RecordKey[] =>
  (["photo", "picture", "thumbnail"] as const).flatMap((kind) => keysOf(kind, photos));

function baseOf(record: SharedRecord): Pick<Known, "base"> {
  return record.kind === "person" || record.kind === "photo" ? { base: record.value } : {};
}
