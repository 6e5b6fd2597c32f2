/**
 * What a site knows of the log: of each record the version that was last the same here and there. Kept beside the
 * people, sealed as they are; without it nothing is lost, since all is compared again.
 */
import { z } from "zod";
import { idSchema, personSchema, photoSchema } from "../people/people";
import { type BesideOptions, openBeside } from "../people/lmdb/beside";
import type { Database } from "../people/lmdb/database";
import { asStorageError } from "../storage";
import { SerialQueue } from "../workers/serial-queue";
import { type Logged, RECORD_KINDS, type RecordKind } from "./change-log";
import { type Conflict, conflictSchema, type Deletion, deletionSchema } from "./conflicts";

const firstSchema = z.object({ number: z.int().min(1), site: z.string() });
/** Of people and photos alone. */
const baseSchema = z.union([personSchema, photoSchema]);

const knownSchema = z.object({
  /** Here; "" of what was never here. */
  id: z.string(),
  /** 0: nothing was ever the same; see next. */
  number: z.int().min(0),
  /** null: deleted. */
  digest: z.string().nullable(),
  base: baseSchema.optional(),
  first: firstSchema.optional(),
  /** It was deleted here, which the log does not know yet. */
  gone: z.literal(true).optional(),
  /** It is about to be written here: where it is, it is as that version. */
  next: z.object({ number: z.int(), digest: z.string() }).optional(),
  /** Of a book's entry: when it was, … */
  at: z.number().optional(),
  /** … of which book of this site it is, if it is from here, … */
  own: z.string().optional(),
  /** … and that the log has it no more, since it is too old where it is from. */
  over: z.literal(true).optional(),
});
export type Known = z.infer<typeof knownSchema>;

/** Of what the log has and nobody can read: no record's. */
export const UNREADABLE = "unreadable";

const metaSchema = z.object({
  /** Of this site. */
  site: z.string(),
  gallery: z.string().optional(),
  salt: z.base64().optional(),
  /** The log's, as this site saw them last. */
  epochs: z.array(z.object({ id: z.string(), from: z.number() })).optional(),
  /** All up to here was read. */
  followed: z.int().min(0),
  /** Rises with each start, here and in the people's database: a backup that took its place has an earlier one. */
  start: z.int().min(0),
  /** The log was read again from its beginning, and was as this store is; milliseconds since the epoch. */
  verifiedAt: z.number().nullable(),
  /** Whether entries of the book are among what was read. */
  takes: z.boolean().optional(),
});
export type Meta = z.infer<typeof metaSchema>;

/** Who is somebody else now. */
const mergedSchema = z.object({
  from: idSchema,
  into: idSchema,
  /** In the log; null until it has it. */
  number: z.int().min(1).nullable(),
});
export type KnownMerge = z.infer<typeof mergedSchema>;

/** What waits for whom it belongs to. */
const heldSchema = z.object({
  kind: z.enum(RECORD_KINDS),
  id: z.string(),
  number: z.int(),
  site: z.string(),
  at: z.number(),
  content: z.base64(),
});

const MOST_TOLD = 100;
const NUMBER_DIGITS = 16;

/** What is written at once. */
export interface KnownChanges {
  known?: Iterable<readonly [kind: RecordKind, logId: string, known: Known]>;
  /** What is not known any more. */
  unknown?: Iterable<readonly [kind: RecordKind, logId: string]>;
  meta?: Partial<Meta>;
  held?: Iterable<readonly [parent: string, held: Logged]>;
  let?: Iterable<string>;
  deletions?: readonly Deletion[];
  conflicts?: readonly Conflict[];
  merges?: readonly KnownMerge[];
  /** Nothing of what was there may stay in old pages. */
  wipes?: boolean;
}

export class KnownRecords {
  readonly #database: Database;
  /** What is written follows from what was: of two at once the second would take back what the first did. */
  readonly #writes = new SerialQueue();
  #meta: Meta;
  #conflicts: readonly (readonly [key: string, conflict: Conflict])[] = [];
  #deletions: readonly (readonly [key: string, deletion: Deletion])[] = [];
  readonly #merges = new Map<string, KnownMerge>();
  #sequence = 0;
  /** Under which key a record waits. */
  readonly #held = new Map<string, string>();

  private constructor(database: Database, meta: Meta) {
    this.#database = database;
    this.#meta = meta;
  }

  /** @param newSite makes the site's id where there is none @throws StorageError; then it is closed */
  static async open(options: BesideOptions, newSite: () => string): Promise<KnownRecords> {
    try {
      return await KnownRecords.#open(options, newSite);
    } catch (error) {
      throw asStorageError(error, options.folder);
    }
  }

  static async #open(options: BesideOptions, newSite: () => string): Promise<KnownRecords> {
    const { database } = await openBeside(options);
    try {
      return await KnownRecords.#from(database, newSite);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  static async #from(database: Database, newSite: () => string): Promise<KnownRecords> {
    const kept = database.get("meta");
    const meta =
      kept === undefined
        ? { site: newSite(), followed: 0, start: 0, verifiedAt: null }
        : metaSchema.parse(JSON.parse(kept.toString()));
    const known = new KnownRecords(database, meta);
    await known.#load();
    if (kept === undefined) await known.write({ meta });
    // A crash may have come between a deletion and this.
    if (database.gone() !== undefined) await database.rewrite();
    return known;
  }

  get meta(): Meta {
    return this.#meta;
  }

  /** The newest first. */
  get conflicts(): Conflict[] {
    return this.#conflicts.map(([, conflict]) => conflict).reverse();
  }

  /** That this site told the others of, the newest first. */
  get deletions(): Deletion[] {
    return this.#deletions.map(([, deletion]) => deletion).reverse();
  }

  /** Who is somebody else now: all whom the log does not know yet, and the last that it knows. */
  get merges(): ReadonlyMap<string, KnownMerge> {
    return this.#merges;
  }

  async get(kind: RecordKind, logId: string): Promise<Known | undefined> {
    await this.#database.readable();
    const kept = this.#database.get(keyOf(kind, logId));
    return kept === undefined ? undefined : knownSchema.parse(JSON.parse(kept.toString()));
  }

  /** @param beginning of the log's ids */
  async *all(kind: RecordKind, beginning = ""): AsyncGenerator<[logId: string, known: Known]> {
    const prefix = keyOf(kind, "");
    for await (const [key, value] of this.#database.entries(prefix + beginning))
      yield [key.slice(prefix.length), knownSchema.parse(JSON.parse(value.toString()))];
  }

  /** What waits for whom it belongs to; of one alone, or all. @param parent its log's id */
  async *held(parent = ""): AsyncGenerator<[key: string, held: Logged]> {
    for await (const [key, value] of this.#database.entries(`held:${parent}`)) {
      const { content, ...rest } = heldSchema.parse(JSON.parse(value.toString()));
      yield [key, { ...rest, content: Buffer.from(content, "base64") }];
    }
  }

  /** Under which key a record waits, if it does. */
  heldAs({ kind, id }: Pick<Logged, "kind" | "id">): string | undefined {
    return this.#held.get(`${kind}:${id}`);
  }

  get holds(): boolean {
    return this.#held.size > 0;
  }

  write(changes: KnownChanges): Promise<void> {
    return this.#writes.run(() => this.#write(changes));
  }

  async #write({
    known = [],
    unknown = [],
    meta,
    held = [],
    let: released = [],
    deletions = [],
    conflicts = [],
    merges = [],
    wipes = false,
  }: KnownChanges): Promise<void> {
    const put: (readonly [string, Buffer])[] = [];
    const remove: string[] = [...released];
    for (const [kind, logId, each] of known) put.push([keyOf(kind, logId), json(each)]);
    for (const [kind, logId] of unknown) remove.push(keyOf(kind, logId));
    const heldNow = [...held].map(([parent, each]) => [heldKey(parent, each), each] as const);
    for (const [key, { content, ...rest }] of heldNow) {
      const before = this.heldAs(rest);
      if (before !== undefined && before !== key) remove.push(before);
      put.push([key, json({ ...rest, content: content?.toString("base64") ?? "" })]);
    }
    const next = meta === undefined ? this.#meta : { ...this.#meta, ...meta };
    if (meta !== undefined) put.push(["meta", json(next)]);
    const newConflicts = conflicts.map((conflict) => [this.#numbered("conflict"), conflict] as const);
    const newDeletions = deletions.map((deletion) => [this.#numbered("deletion"), deletion] as const);
    for (const [key, value] of [...newConflicts, ...newDeletions]) put.push([key, json(value)]);
    // Few writes bring a merge: the others need not look for which are too many.
    const allMerges = merges.length === 0 ? undefined : this.#mergesWith(merges);
    for (const from of this.#merges.keys()) if (allMerges?.has(from) === false) remove.push(mergeKey(from));
    for (const merge of merges) if (allMerges?.has(merge.from)) put.push([mergeKey(merge.from), json(merge)]);
    const [allConflicts, allDeletions] = [
      [...this.#conflicts, ...newConflicts],
      [...this.#deletions, ...newDeletions],
    ];
    const over = new Set(
      [...allConflicts.slice(0, -MOST_TOLD), ...allDeletions.slice(0, -MOST_TOLD)].map(([key]) => key),
    );
    await this.#database.write({
      put: put.filter(([key]) => !over.has(key)),
      remove: [...remove, ...over],
      replaces: wipes,
    });
    const removed = new Set(remove);
    for (const [of, key] of this.#held) if (removed.has(key)) this.#held.delete(of);
    for (const [key, { kind, id }] of heldNow) this.#held.set(`${kind}:${id}`, key);
    this.#meta = next;
    this.#conflicts = allConflicts.slice(-MOST_TOLD);
    this.#deletions = allDeletions.slice(-MOST_TOLD);
    if (allMerges !== undefined) {
      this.#merges.clear();
      for (const [from, merge] of allMerges) this.#merges.set(from, merge);
    }
    if (wipes) await this.#database.rewrite();
  }

  /** Those before and these, but of what the log knows the last alone. */
  #mergesWith(merges: readonly KnownMerge[]): Map<string, KnownMerge> {
    const all = new Map([...this.#merges, ...merges.map((merge) => [merge.from, merge] as const)]);
    for (const { from } of overdue(all.values())) all.delete(from);
    return all;
  }

  /** People are deleted: what was said of them is of nobody any more. */
  forget(people: ReadonlySet<string>): Promise<void> {
    return this.#writes.run(() => this.#forget(people));
  }

  async #forget(people: ReadonlySet<string>): Promise<void> {
    const of = this.#conflicts.filter(([, { person }]) => person !== null && people.has(person));
    if (of.length === 0) return;
    await this.#database.write({ put: of.map(([key, conflict]) => [key, json({ ...conflict, person: null })]) });
    const forgotten = new Set(of.map(([key]) => key));
    this.#conflicts = this.#conflicts.map(([key, conflict]) =>
      forgotten.has(key) ? [key, { ...conflict, person: null }] : [key, conflict],
    );
  }

  /** Another log: nothing of the former is known. */
  beginAnew(meta: Partial<Meta>): Promise<void> {
    return this.#writes.run(() => this.#beginAnew(meta));
  }

  async #beginAnew(meta: Partial<Meta>): Promise<void> {
    const all = this.#database.keys("").filter((key) => key !== "meta" && !key.startsWith("gone:"));
    await this.#database.write({ remove: all });
    [this.#conflicts, this.#deletions] = [[], []];
    this.#merges.clear();
    this.#held.clear();
    await this.#write({ meta: { followed: 0, verifiedAt: null, ...meta }, wipes: true });
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#database.close();
  }

  async #load(): Promise<void> {
    const conflicts: [string, Conflict][] = [];
    const deletions: [string, Deletion][] = [];
    for await (const [key, value] of this.#database.entries("conflict:"))
      conflicts.push([key, conflictSchema.parse(JSON.parse(value.toString()))]);
    for await (const [key, value] of this.#database.entries("deletion:"))
      deletions.push([key, deletionSchema.parse(JSON.parse(value.toString()))]);
    [this.#conflicts, this.#deletions] = [conflicts, deletions];
    for await (const [, value] of this.#database.entries("merge:")) {
      const merge = mergedSchema.parse(JSON.parse(value.toString()));
      this.#merges.set(merge.from, merge);
    }
    for await (const [key, { kind, id }] of this.held()) this.#held.set(`${kind}:${id}`, key);
    for (const [key] of [...conflicts, ...deletions])
      this.#sequence = Math.max(this.#sequence, Number(key.slice(key.indexOf(":") + 1)) + 1);
  }

  #numbered(what: "conflict" | "deletion"): string {
    const key = `${what}:${String(this.#sequence).padStart(NUMBER_DIGITS, "0")}`;
    this.#sequence += 1;
    return key;
  }
}

/** Those of a log that are too many, the oldest. */
function overdue(merges: Iterable<KnownMerge>): KnownMerge[] {
  return [...merges]
    .filter(({ number }) => number !== null)
    .sort((one, other) => Number(one.number) - Number(other.number))
    .slice(0, -MOST_TOLD);
}

const mergeKey = (from: string): string => `merge:${from}`;
const keyOf = (kind: RecordKind, logId: string): string => `known:${kind}:${logId}`;
const heldKey = (parent: string, { kind, id }: Pick<Logged, "kind" | "id">): string => `held:${parent}:${kind}:${id}`;
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
