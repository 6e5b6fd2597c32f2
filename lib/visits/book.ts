/** Visits as they are kept: what face-presence writes, and what the sidebar, the API and face-attendance read. */
import type { Receipt } from "../people/people";
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

export interface VisitRecord extends Omit<Present, "camera" | "source" | "zone" | "liveness"> {
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
   * On disk when it resolves. `beside` replaces what is there; without it that stays. A visit that was removed does not
   * come back: nothing of it is kept then.
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
