/**
 * Room on the disk for what LMDB is about to write: not asked for, but taken before, so that no commit meets a full
 * disk. Where the system refuses a write, LMDB 3.5.6 puts a sentence of up to 124 characters into 100 bytes (mdb.c,
 * mdb_page_flush), which now and then ends the process ("malloc(): invalid size").
 *
 * LMDB writes pages where they were before, and new ones after its last page. Zeros are appended to its file for all
 * of them: it is they that meet a full disk, a quota or a limit of file sizes, and that is an ordinary error. LMDB
 * never looks at how long its file is.
 *
 * What remains: a file system that writes anew instead of over what is there (btrfs, zfs) may be full nevertheless,
 * which is why free room is asked for as well; and a disk that breaks, or whose limit is lowered, in the milliseconds
 * between the last byte of the reserve, which is written before each commit, and the commit.
 */
import { type FileHandle, open as openFile, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isAllocated, type Lmdb } from "./open";

/** What is to be written and deleted in one transaction. Sealed already. */
export interface Commit {
  put: readonly (readonly [key: string, value: Buffer])[];
  remove?: readonly string[];
  /** Makes room on the whole: may use what is kept for that. */
  makesRoom?: boolean;
}

/** Beyond what a commit needs, for deletions on a full disk: one of a person with some hundred photos takes half. */
const KEPT_BYTES = 2 ** 20;
/** The file grows by an eighth of itself, within these bounds: most commits find their room there. */
const GROWTH = 1 / 8;
const LEAST_GROWTH_BYTES = 2 ** 20;
const MOST_GROWTH_BYTES = 16 * 2 ** 20;
/** Zeros are written in pieces of this size. */
const ZEROS = Buffer.alloc(2 ** 18);

/** Of file systems that write anew what is written over, as statfs(2) tells it: btrfs, zfs, bcachefs. */
const WRITE_ANEW: ReadonlySet<number> = new Set([0x9123683e, 0x2fc12fc1, 0xca451a4e]);

export class Room {
  readonly #lmdb: Lmdb;
  readonly #path: string;
  readonly #folder: string;
  readonly #file: FileHandle;
  /** Of the file, as far as it is allocated. */
  #bytes: number;
  /** Whether the file system tells that a file has a name. */
  readonly #isLinked: boolean;
  /** Whether some of it is not, as LMDB leaves it where it freed a page before it wrote it. */
  #hasHoles: boolean;

  private constructor(parts: {
    lmdb: Lmdb;
    path: string;
    file: FileHandle;
    bytes: number;
    hasHoles: boolean;
    isLinked: boolean;
  }) {
    this.#lmdb = parts.lmdb;
    this.#path = parts.path;
    this.#folder = dirname(parts.path);
    this.#file = parts.file;
    this.#bytes = parts.bytes;
    this.#hasHoles = parts.hasHoles;
    this.#isLinked = parts.isLinked;
  }

  /** Of a database that nobody writes to meanwhile. @param path of it, open as `lmdb` */
  static async open(path: string, lmdb: Lmdb): Promise<Room> {
    const file = await openFile(path, "r+");
    try {
      const stats = await file.stat();
      const { size, nlink } = stats;
      return new Room({ lmdb, path, file, bytes: size, hasHoles: !isAllocated(stats, size), isLinked: nlink > 0 });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** What is kept for deletions, as long as there is room: a full disk is told by the next commit. */
  async keep(): Promise<void> {
    const { pageSize, lastPageNumber } = statsOf(this.#lmdb);
    await this.#reach((lastPageNumber + 1) * pageSize + KEPT_BYTES).catch(() => undefined);
  }

  /**
   * Take the room for a commit, which must follow before the next call.
   * @throws as the system does, when there is none: then nothing was taken
   */
  async take(commit: Commit): Promise<void> {
    const { pageSize, lastPageNumber } = statsOf(this.#lmdb);
    const needed = pagesFor(this.#lmdb, commit) * pageSize;
    await this.#look();
    await this.#ask(commit, needed);
    if (this.#hasHoles) await this.#fill(pageSize);
    const used = (lastPageNumber + 1) * pageSize;
    await this.#reach(used + needed + (commit.makesRoom === true ? 0 : KEPT_BYTES));
    // A limit below what is there already, or a disk that became read-only. Nothing of LMDB's is so far back.
    await this.#file.write(ZEROS, 0, 1, this.#bytes - 1);
  }

  /** Of a copy that is written no more: it need not be longer than what is in it. */
  async giveBack(): Promise<void> {
    const { pageSize, lastPageNumber } = statsOf(this.#lmdb);
    this.#bytes = Math.min(this.#bytes, (lastPageNumber + 1) * pageSize);
    await this.#file.truncate(this.#bytes).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** What is written to a file that has no name any more is lost with the process. @throws ENOENT, or REPLACED */
  async #look(): Promise<void> {
    await stat(this.#path);
    if (!this.#isLinked || (await this.#file.stat()).nlink > 0) return;
    throw Object.assign(new Error("the database has no name any more"), { code: "REPLACED" });
  }

  /** @throws ENOSPC when the disk says that it has no room */
  async #ask({ makesRoom = false }: Commit, bytes: number): Promise<void> {
    const { type, bsize, bfree, bavail } = await statfs(this.#folder);
    if (makesRoom && !WRITE_ANEW.has(type)) return;
    // What is kept back for the system's own user is not for others.
    if (bsize * (process.getuid?.() === 0 ? bfree : bavail) >= bytes) return;
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  }

  /** Make the file at least so long, all of it allocated. */
  async #reach(bytes: number): Promise<void> {
    if (bytes <= this.#bytes) return;
    const { size } = await this.#file.stat();
    const growth = Math.min(MOST_GROWTH_BYTES, Math.max(LEAST_GROWTH_BYTES, bytes * GROWTH));
    try {
      await this.#append(size, Math.ceil(bytes + growth));
    } catch {
      await this.#append(size, bytes);
    }
  }

  async #append(from: number, to: number): Promise<void> {
    try {
      for (let at = from; at < to;) {
        const { bytesWritten } = await this.#file.write(ZEROS, 0, Math.min(ZEROS.length, to - at), at);
        at += bytesWritten;
      }
      // A network's file system may tell only now that it is full.
      await this.#file.datasync();
    } catch (error) {
      // Half of it is of no use, and takes the room that is missing. Windows shortens no file that is mapped.
      await this.#file.truncate(from).catch(() => undefined);
      throw error;
    }
    this.#bytes = Math.max(from, to);
  }

  /** Write zeros where zeros are read: then they are allocated. */
  async #fill(pageSize: number): Promise<void> {
    const piece = Buffer.alloc(ZEROS.length);
    for (let from = 0; from < this.#bytes; from += piece.length) {
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, from);
      for (let at = 0; at < bytesRead; at += pageSize) {
        const length = Math.min(pageSize, bytesRead - at);
        if (piece.compare(ZEROS, 0, length, at, at + length) === 0)
          await this.#file.write(ZEROS, 0, length, from + at);
      }
    }
    await this.#file.datasync();
    this.#hasHoles = false;
  }
}

/** What lmdb-js tells of a tree: the numbers of its pages. */
interface TreeStats {
  treeDepth: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

interface Stats extends TreeStats {
  pageSize: number;
  lastPageNumber: number;
  /** The list of free pages is a tree as well. */
  free: TreeStats;
}

export const statsOf = (lmdb: Lmdb): Stats => lmdb.getStats() as unknown as Stats;

/** A page begins with a header of 24 bytes (mdb.c, PAGEHDRSZ), a node in a page with one of 8 (NODESIZE). */
const HEADER_BYTES = 32;
/** A page number in the list of free ones (mdb.c, MDB_ID). */
const NUMBER_BYTES = 8;
/** The list is saved again as long as saving it changes it (mdb.c, mdb_freelist_save). */
const SAVES = 3;
/** A new root for each of both trees, and some more. */
const SPARE_PAGES = 16;

/** At most so many pages does LMDB append for a commit, even if none of its free ones fits. */
export function pagesFor(lmdb: Lmdb, { put, remove = [] }: Commit): number {
  const { pageSize, treeDepth, treeBranchPageCount, treeLeafPageCount, free } = statsOf(lmdb);
  const keys = put.length + remove.length;
  // Their pages go to the list of free ones.
  let replaced = 0;
  for (const key of [...remove, ...put.map(([name]) => name)])
    replaced += overflowPages(lmdb.get(key)?.length ?? 0, pageSize);
  // Whatever is changed is copied, from the leaf to the root; a page that became too empty is merged with its
  // neighbour.
  const copied = Math.min(2 * keys, treeLeafPageCount) + Math.min(2 * keys * treeDepth, treeBranchPageCount);
  let values = 0;
  let filled = 0;
  for (const [key, value] of put) {
    const own = overflowPages(value.length, pageSize);
    values += own;
    // A page that is split is half full then, and a node takes at most half a page.
    const node = HEADER_BYTES + Buffer.byteLength(key) + (own === 0 ? value.length : 0);
    filled += Math.min(1, (4 * node) / pageSize);
  }
  const split = Math.min(put.length, treeLeafPageCount + Math.ceil(filled));
  // Each split adds a key to the page above.
  const splitAbove = Math.ceil(split / 4) + treeDepth;
  const list = free.treeBranchPageCount + free.treeLeafPageCount + free.overflowPages;
  const freed = Math.ceil(((copied + replaced + list) * NUMBER_BYTES) / pageSize);
  return values + copied + split + splitAbove + SAVES * (list + freed) + SPARE_PAGES;
}

/** Pages of its own that a value has; one that is small lies in the leaf. */
function overflowPages(bytes: number, pageSize: number): number {
  return bytes < pageSize / 4 ? 0 : Math.ceil((bytes + HEADER_BYTES) / pageSize);
}
