/**
 * A book beside the people, of entries that are each somebody's, which the sites share: the attendance book. What its
 * entries say a site does not know; it carries them, and asks the book what becomes of one that two sites changed.
 */
import type { EventEmitter } from "node:events";
import { z } from "zod";
import { idSchema, timeSchema } from "../people/people";

/** What a site has to know of an entry. */
const headSchema = z.object({
  id: z.string().min(1).max(200),
  /** Whose it is: without them it cannot be here. */
  person: idSchema,
  at: timeSchema,
  /** Where it is from, and of which book there. */
  site: z.object({ id: z.string().min(1).max(200), book: z.string().min(1).max(200) }),
});

export interface SharedEntry {
  id: string;
  person: string;
  /** When it was, in milliseconds since the epoch. */
  at: number;
  /** Id of the site that it is from. */
  site: string;
  /** Id of the book there. */
  book: string;
  /** JSON, with all that is the same at every site: equal bytes are equal entries. */
  body: Buffer;
}

/** With whom they are of, by people here, or by another site; or because they are too old here. */
export type WhyGone = "forgotten" | "wiped" | "old";

export interface SharedBookEvents {
  /** Entries are new, or otherwise than they were; or the book takes entries of others from now on. */
  change: [ids: readonly string[]];
  /** Entries are deleted: see WhyGone. */
  gone: [ids: readonly string[], why: WhyGone];
}

export interface SharedBook extends EventEmitter<SharedBookEvents> {
  /** Whether somebody keeps the book here; without them nothing of it comes here, and nothing goes to others. */
  readonly takes: boolean;
  ids(): Iterable<string>;
  get(id: string): SharedEntry | undefined;
  /** As this version keeps it. @throws what is none */
  read(entry: SharedEntry): SharedEntry;
  /** Whether an entry of that time is too old to be kept here. @param own the book of one that is from this site */
  isOver(at: number, own: string | undefined): boolean;
  /** An entry that two sites changed at once: see merge in lib/attendance. @returns what both changed, too */
  merge(mine: SharedEntry, theirs: SharedEntry): { value: SharedEntry; both: string[] };
  /** The same of two people who are one: what was said of the first is of the second. */
  given(entry: SharedEntry, into: string): SharedEntry;
  /** Called exclusively. @throws StorageError */
  put(entries: readonly SharedEntry[]): Promise<void>;
  /** Nobody else writes to the book meanwhile. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** @throws what is none */
export function entryOf(body: Buffer): SharedEntry {
  const { site, ...head } = headSchema.parse(JSON.parse(body.toString()));
  return { ...head, site: site.id, book: site.book, body };
}
