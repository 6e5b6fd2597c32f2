/** LMDB as it is used here: sealed values, durable transactions, and a copy that holds nothing of what was deleted. */
import { chmod, open as openFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { syncFolder } from "../files";
import type { Secret } from "./secret";

const PRIVATE_FILE = 0o600;
/** Records written or read before the event loop gets a turn. */
const BATCH = 500;
const LOCK_ENDING = "-lock";

/**
 * Marks what may still lie in old pages or in a backup: followed by the key of a deleted record, or by nothing when a record was
 * only changed. Written with the deletion itself, so that no crash forgets that there is something left to wipe.
 */
const GONE = "gone:";

/** What is to be written and deleted in one transaction. */
export interface Changes {
  put?: Iterable<readonly [key: string, value: Uint8Array]>;
  remove?: Iterable<string>;
  /** What is overwritten must not be left in old pages either. */
  replaces?: boolean;
}

type Lmdb = RootDatabase<Buffer, string>;

export class Database {
  readonly #path: string;
  #lmdb: Lmdb;
  #secret: Secret;

  private constructor(path: string, lmdb: Lmdb, secret: Secret) {
    this.#path = path;
    this.#lmdb = lmdb;
    this.#secret = secret;
  }

  /** @param path of the file, made if it is missing; give it only a file that was checked, a damaged one may end the process */
  static async open(path: string, secret: Secret): Promise<Database> {
    return new Database(path, await openLmdb(path), secret);
  }

  /** Whether all that is in a file can be opened. @param path of a file that was checked */
  static async opens(path: string, secret: Secret): Promise<boolean> {
    const database = new Database(path, await openLmdb(path, { readOnly: true }), secret);
    try {
      for await (const value of database.values("")) value.fill(0);
      return true;
    } catch {
      return false;
    } finally {
      await database.close();
      await rm(path + LOCK_ENDING, { force: true });
    }
  }

  get(key: string): Buffer | undefined {
    const sealed = this.#lmdb.get(key);
    return sealed === undefined ? undefined : this.#secret.open(sealed, key);
  }

  keys(prefix: string): string[] {
    return [...this.#lmdb.getKeys(rangeOf(prefix))];
  }

  /** All values under a prefix. The event loop gets its turns. @throws Unsealable */
  async *values(prefix: string): AsyncGenerator<Buffer> {
    for (const keys of batches(this.keys(prefix))) {
      for (const key of keys) {
        // Removed while others had their turn.
        const value = this.get(key);
        if (value !== undefined) yield value;
      }
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  }

  /** Keys of what was deleted and is still to be wiped; undefined when there is nothing to wipe. */
  gone(): string[] | undefined {
    const marks = this.keys(GONE);
    return marks.length === 0 ? undefined : marks.map((mark) => mark.slice(GONE.length)).filter((key) => key !== "");
  }

  /** All or nothing. On disk when it resolves. */
  async write({ put = [], remove = [], replaces = false }: Changes): Promise<void> {
    const gone = [...remove].filter((key) => this.#lmdb.doesExist(key));
    const marks = [...gone, ...(replaces ? [""] : [])].map((key) => [GONE + key, Buffer.alloc(0)] as const);
    const sealed = [...put, ...marks].map(([key, value]) => [key, this.#secret.seal(value, key)] as const);
    await this.#lmdb.transaction(() => {
      for (const key of gone) void this.#lmdb.remove(key);
      for (const [key, value] of sealed) void this.#lmdb.put(key, value);
    });
  }

  /** A copy for the backups, consistent while writes go on. On disk when it resolves. */
  async copyTo(path: string): Promise<void> {
    await rm(path, { force: true });
    await this.#lmdb.backup(path, true);
    await makeDurable(path);
  }

  /**
   * Write everything into a new file that takes this one's place. LMDB keeps what was deleted in pages it has not used again, and
   * copies whole pages; only a new file holds nothing of it, and no marks of it. Nothing else may be written meanwhile.
   * @param secret seals the new file
   */
  async rewrite(secret = this.#secret): Promise<void> {
    const fresh = freshOf(this.#path);
    await removeDatabase(fresh);
    const target = await openLmdb(fresh, { noSync: true });
    try {
      for (const keys of batches(this.keys("").filter((key) => !key.startsWith(GONE)))) {
        await target.transaction(() => {
          for (const key of keys) {
            const sealed = this.#lmdb.get(key);
            if (sealed !== undefined) void target.put(key, secret === this.#secret ? sealed : secret.seal(this.#secret.open(sealed, key), key));
          }
        });
      }
    } finally {
      await target.close();
    }
    await makeDurable(fresh);
    await this.#lmdb.close();
    try {
      await rename(fresh, this.#path);
      this.#secret = secret;
    } finally {
      // A virus scanner may hold the file: the old one serves on.
      this.#lmdb = await openLmdb(this.#path);
    }
    await removeDatabase(fresh);
    await syncFolder(dirname(this.#path));
  }

  async close(): Promise<void> {
    await this.#lmdb.close();
  }
}

async function openLmdb(path: string, options: { noSync?: true; readOnly?: true } = {}): Promise<Lmdb> {
  // Without overlapping syncs a write that has resolved is on the disk.
  const lmdb = open<Buffer, string>({ path, noSubdir: true, encoding: "binary", overlappingSync: false, noMemInit: false, cache: false, ...options });
  await Promise.all([path, path + LOCK_ENDING].map((file) => chmod(file, PRIVATE_FILE).catch(() => undefined)));
  return lmdb;
}

/** A file that is being written to take another's place; a crash leaves it behind. */
export const freshOf = (path: string): string => `${path}.new`;

/** Delete a database's files. */
export async function removeDatabase(path: string): Promise<void> {
  for (const file of [path, path + LOCK_ENDING]) await rm(file, { force: true });
}

/** Private, and on the disk. */
export async function makeDurable(path: string): Promise<void> {
  await chmod(path, PRIVATE_FILE);
  const file = await openFile(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function rangeOf(prefix: string): { start?: string; end?: string } {
  return prefix === "" ? {} : { start: prefix, end: `${prefix}\uffff` };
}

function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += BATCH) yield items.slice(at, at + BATCH);
}
