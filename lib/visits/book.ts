/** Visits as they are kept: what face-presence writes, and what the sidebar, the API and face-attendance read. */
import type { EventEmitter } from "node:events";
import type { Receipt } from "../people/people";
import type { Refusal, StoreProblem } from "../people/store";
import type { Present } from "../visit";

/** Where somebody was, in the order in which they came there. */
export interface Stay {
  zone: string;
  camera: string;
  source: string;
  /** Milliseconds since the epoch; `until` is when they were last seen there. */
  from: number;
  until: number;
}

export interface VisitRecord extends Omit<Present, "camera" | "source" | "zone" | "denied" | "liveness"> {
  /** When it ended, that is when they were last seen; null as long as they are here. */
  until: number | null;
  stays: Stay[];
  /** Whether there is a picture. */
  pictured: boolean;
  /** Rises with every write of the book, over restarts too: who has read up to a revision asks for what came after. */
  revision: number;
}

/** What is put: the book itself knows the rest. */
export type NewVisitRecord = Omit<VisitRecord, "revision" | "pictured">;

/** What is kept beside a record: pictures as JPEG, embeddings tagged by their model. */
export interface Beside {
  snapshot?: Buffer | undefined;
  embedding?: { model: string; vector: Float32Array } | undefined;
}

/** A visit with all that is kept of it. */
export interface VisitContent extends Beside {
  record: NewVisitRecord;
}

export interface VisitQuery {
  person?: string | undefined;
  stranger?: string | undefined;
  zone?: string | undefined;
  /** Only people of the gallery, or only others. */
  known?: boolean | undefined;
  /** Visits that were not over at `from`, and had begun before `to`. */
  from?: number | undefined;
  to?: number | undefined;
  /** From the page before; the newest come first. */
  cursor?: string | undefined;
  limit?: number | undefined;
  /** So many are passed over first: of a list that is scrolled to any place. */
  offset?: number | undefined;
}

export interface VisitPage {
  visits: VisitRecord[];
  /** Undefined on the last page. */
  next: string | undefined;
}

/** Records are on the disk, and read from there: only who is here is in memory. */
export interface VisitBook {
  /** Those that have not ended; after a restart, as they were left. */
  readonly open: readonly VisitRecord[];
  /** The last revision that was written. */
  readonly revision: number;
  /**
   * On disk when it resolves. `beside` replaces what is there; without it that stays. A visit that was removed does
   * not come back: nothing of it is kept then.
   * @returns the record with its new revision
   * @throws StorageError when the disk refuses it
   */
  put(record: NewVisitRecord, beside?: Beside): Promise<VisitRecord>;
  get(visit: string): Promise<VisitRecord | undefined>;
  snapshot(visit: string): Promise<Buffer | undefined>;
  /** As it was put beside the record: after a restart a stranger is known again by it. */
  embedding(visit: string): Promise<Beside["embedding"]>;
  find(query: VisitQuery): Promise<VisitPage>;
  /** What was written after a revision, in that order, each record as it is now. */
  since(revision: number, limit: number): Promise<VisitRecord[]>;
  /** Deleted for real, with pictures and embeddings; so is what is older than the days that visits are kept. */
  remove(visits: readonly string[]): Promise<Receipt>;
  /** All visits of a person: of one who is forgotten. */
  removeOf(person: string): Promise<Receipt>;
}

export interface VisitEvents {
  /** What was written, as it is now; ids of what was deleted. */
  visits: [{ put: readonly VisitRecord[]; removed: readonly string[] }];
  /** What the disk refuses has changed. */
  disk: [];
}

/** A book as its gallery has it. */
export interface KeptVisits extends VisitBook, EventEmitter<VisitEvents> {
  /** How many are kept. */
  readonly size: number;
  /** How many there are, on whatever page. */
  count(query: VisitQuery): Promise<number>;
  /** Every zone that somebody was in. */
  readonly zones: readonly string[];
  /** How long a visit is kept after it ended, in ms. */
  readonly keepMs: number;
  /** What the disk refuses now; empty when all is well. Tried again and again. */
  readonly refusals: readonly Refusal[];
  /** What is wrong, or was found wrong since the start. */
  readonly problems: readonly StoreProblem[];
  /** All visits of strangers who are deleted. */
  removeOfStrangers(strangers: readonly string[]): Promise<Receipt>;
  /** Visits of a person who is somebody else now, or of a stranger who is known now. Cut short, it can be redone. */
  give(from: { person: string } | { stranger: string }, to: { id: string; name: string }): Promise<void>;
  /** Visits of people who are not in the gallery any more. @returns how many were deleted */
  removeOrphans(isKnown: (person: string) => boolean): Promise<number>;
  /** Delete what is too old; done by itself. @param now ms since the epoch @returns how many were deleted */
  sweep(now: number): Promise<number>;
  /** Embeddings of one model, those of the newest visits first. @param most of visits that are looked at */
  faces(model: string, most: number): AsyncIterable<{ number: number; vector: Float32Array }[]>;
  /** All of them, the oldest first, with their embeddings. */
  contents(): AsyncIterable<{ record: VisitRecord; embedding: Beside["embedding"] }[]>;
  /**
   * Add many that were kept elsewhere, all or nothing. What is here already, was deleted or is too old is passed over.
   * @returns how many were added
   * @throws StorageError when the disk refuses them
   */
  bring(visits: readonly VisitContent[]): Promise<number>;
  /** Visits by what faces() calls them; undefined where one is gone meanwhile. */
  numbered(numbers: readonly number[]): Promise<(VisitRecord | undefined)[]>;
  /** Nothing is written any more once this resolves. */
  close(): Promise<void>;
}
