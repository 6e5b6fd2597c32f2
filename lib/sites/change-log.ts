/**
 * The log that the sites of one gallery share: what a site writes, every other reads in the same order. It knows no
 * person: contents come sealed (./sealing.ts). Its database is ./postgres; tests have one in memory.
 *
 * Of each record the log keeps the newest version alone, under the number that its change got. So a log never grows
 * beyond what is kept, a site that begins reads each record once, and what is deleted leaves a tombstone and nothing
 * else.
 */
import type { EventEmitter } from "node:events";
import type { UserError } from "../errors";

/**
 * In the order in which a site applies what one batch put: who stands behind needs who stands before. A merge says
 * that one person is another one now: it stands before the tombstone of the first, and is never changed.
 */
export const RECORD_KINDS = [
  "merge",
  "person",
  "photo",
  "picture",
  "thumbnail",
  "embedding",
  "anchor",
  "unknown",
  "checkIn",
] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

/** What a site says of a record. */
export interface Change {
  kind: RecordKind;
  /** Of the record, in its kind: at most 200 letters of no meaning to whoever reads the database. */
  id: string;
  /** Number of the version that it was made from; 0 where the site knows of none. */
  base: number;
  /** Sealed; null deletes. A deletion goes through whatever its base: who asked to be forgotten is. */
  content: Buffer | null;
}

/** A record as the log has it. */
export interface Logged {
  kind: RecordKind;
  id: string;
  /** Strictly rising in the gallery, with no gap that a reader could skip: 1 … 2^53 - 1. */
  number: number;
  /** Null: deleted. */
  content: Buffer | null;
  /** Id of the site that wrote it. */
  site: string;
  /** Milliseconds since the epoch, of the database's clock; for people to read, never to decide by. */
  at: number;
}

/**
 * Either all of it was written, and each change has its number, in its order; or nothing was, and these are the
 * records that others have changed since (a tombstone among them where one is gone).
 */
export type Pushed = { numbers: readonly number[] } | { stale: readonly Logged[] };

export interface Page {
  /** Rising numbers; empty when there is nothing newer. */
  changes: readonly Logged[];
  /** The newest number of the gallery. */
  head: number;
}

/**
 * What the log was from one start of its database to the next. Where the database was brought back from a copy, or a
 * standby that had not yet everything took over, an epoch begins at a head that was passed before: numbers above it
 * mean other changes now.
 */
export interface Epoch {
  /** Random, made with it. */
  id: string;
  /** The head when it began. */
  from: number;
}

/** Whose log it is, and what its contents are sealed with. */
export interface LogIdentity {
  /** Id of the gallery in its database, random, made with it: another id is another log. */
  gallery: string;
  /** 16 random bytes, made with it: with the pass phrase they make the key. */
  salt: Buffer;
  /** By which a site sees whether its key is the gallery's; null until the first site has given it. */
  check: string | null;
  /** In their order, the present one last: at least one, and at most 50. */
  epochs: readonly Epoch[];
}

/**
 * Up to which number what a site knows of the log is still so; what it knows above, it tells the log anew.
 * @param known the epochs that the log had when the site last asked @returns Infinity: all of it
 */
export function holdsUpTo(epochs: readonly Epoch[], known: readonly Epoch[]): number {
  const common = known.findLastIndex(({ id }) => epochs.some((each) => each.id === id));
  if (common < 0) return 0;
  const there = epochs.findIndex(({ id }) => id === known[common]?.id);
  return Math.min(...[...epochs.slice(there + 1), ...known.slice(common + 1)].map(({ from }) => from));
}

/** A site as the others see it. */
export interface SiteEntry {
  id: string;
  name: string;
  /** All up to here is done there: what was deleted is gone from its disk and memory. */
  followed: number;
  /** Milliseconds since the epoch, of the database's clock. */
  answeredAt: number;
}

export interface ChangeLogEvents {
  /** There is something new, or may be: read. */
  wake: [];
  /** Whether the database answers; the sentence says why it does not. */
  reachable: [boolean, UserError | undefined];
}

/**
 * Every call is bounded in time and rejects with a UserError where the database does not answer or refuses; nothing is
 * half-written then, or it was written whole and a second try is told `stale` with the same content.
 */
export interface ChangeLog extends EventEmitter<ChangeLogEvents> {
  /** Whether the login may only read. `push` rejects then. */
  readonly readOnly: boolean;
  /** Asked first of all, each time the database answers again. */
  identity(): Promise<LogIdentity>;
  /** @param check at most 200 letters; kept where none has been given yet @returns the one that is kept */
  giveCheck(check: string): Promise<string>;
  /** At most 1,000 changes and 32 MiB at once, of each record one. */
  push(changes: readonly Change[]): Promise<Pushed>;
  /** What came after a number, as much as fits in about 8 MiB. A head below that number: see Epoch. */
  after(number: number): Promise<Page>;
  /** Tombstones and merges alone, all that came after a number: what a site wipes before it recognizes again. */
  deletedAfter(number: number): Promise<readonly Logged[]>;
  /** One record as the log has it now; undefined where it never had one. */
  record(kind: RecordKind, id: string): Promise<Logged | undefined>;
  /** This site has done all up to here. */
  acknowledge(number: number): Promise<void>;
  sites(): Promise<SiteEntry[]>;
  /** A site that will not come back: nobody waits for its receipts any more. */
  removeSite(id: string): Promise<void>;
  close(): Promise<void>;
}
