/** LMDB as it is used here: sealed values, durable transactions, and a copy that holds nothing of what was deleted. */
import { chmod, open as openFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { PRIVATE_FILE, syncFolder } from "../../files";
import { SerialQueue } from "../../workers/serial-queue";
import { type Lmdb, LOCK_ENDING, openLmdb, removeDatabase } from "./open";
import { type Commit, Room } from "./room";
import type { Secret } from "./secret";

/** Records written or read before the event loop gets a turn. */
const BATCH = 500;
/** LMDB tells why a commit failed a moment after it tells that it did. */
const REASON_MS = 1000;

/**
 * Marks what may still lie in old pages or in a backup: followed by the key of a deleted record, or by nothing when a
 * record was
 * only changed. Written with the deletion itself, so that no crash forgets that there is something left to wipe.
 */
const GONE = "gone:";
/** A record that is written and deleted to look whether the database can grow. */
const TRIAL = "trial:";
const TRIAL_BYTES = 64 * 1024;

/** What is to be written and deleted in one transaction. */
export interface Changes {
  put?: Iterable<readonly [key: string, value: Uint8Array]>;
  remove?: Iterable<string>;
  /** What is overwritten must not be left in old pages either. */
  replaces?: boolean;
  /** Lets go of more than it takes: may use what is kept for that on a full disk. So does what only removes. */
  makesRoom?: boolean;
}

export class Database {
  readonly #path: string;
  #lmdb: Lmdb;
  /** Of a database that is written to. */
  #room: Room | undefined;
  #secret: Secret;
  /** LMDB may refuse all that comes after a failed commit (MDB_PANIC): the file is opened anew before the next. */
  #failed = false;
  #open = true;
  /** A commit's room is its own from the taking to the end. */
  readonly #commits = new SerialQueue();
  /** While the file gives way to another, and nothing can be read. Never rejects. */
  #givingWay: Promise<void> | undefined;
  /** Keys that were written while a new file is being made. */
  #touched: Set<string> | undefined;

  private constructor(path: string, { lmdb, room }: Opened, secret: Secret) {
    this.#path = path;
    this.#lmdb = lmdb;
    this.#room = room;
    this.#secret = secret;
  }

  /**
   * @param path of the file, made if it is missing; give it only a file that was checked, a damaged one may end the
   * process
   */
  static async open(path: string, secret: Secret): Promise<Database> {
    return new Database(path, await openWithRoom(path), secret);
  }

  /** Whether all that is in a file can be opened. @param path of a file that was checked */
  static async opens(path: string, secret: Secret): Promise<boolean> {
    const database = new Database(path, { lmdb: await openLmdb(path, { readOnly: true }) }, secret);
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

  /** Once it can be read, up to the end of this turn of the event loop. */
  async readable(): Promise<void> {
    while (this.#givingWay !== undefined) await this.#givingWay;
  }

  keys(prefix: string): string[] {
    return [...this.#lmdb.getKeys(rangeOf(prefix))];
  }

  /** All values under a prefix. The event loop gets its turns. @throws Unsealable */
  async *values(prefix: string): AsyncGenerator<Buffer> {
    for await (const [, value] of this.entries(prefix)) yield value;
  }

  /** All values under a prefix, with their keys. The event loop gets its turns. @throws Unsealable */
  async *entries(prefix: string): AsyncGenerator<[key: string, value: Buffer]> {
    for await (const keys of this.#batchesOf(prefix))
      for (const key of keys) {
        await this.readable();
        // Removed while others had their turn.
        const value = this.get(key);
        if (value !== undefined) yield [key, value];
      }
  }

  /** Keys under a prefix, in their order, as they are when it is their turn. The event loop gets its turns. */
  async *#batchesOf(prefix: string): AsyncGenerator<string[]> {
    const range = rangeOf(prefix);
    for (let last: string | undefined; ;) {
      await this.readable();
      // One more, because the last one comes again.
      const from = { ...range, ...(last === undefined ? {} : { start: last }), limit: BATCH + 1 };
      const keys = [...this.#lmdb.getKeys(from)].filter((key) => key !== last).slice(0, BATCH);
      if (keys.length === 0) return;
      yield keys;
      last = keys.at(-1);
      await turn();
    }
  }

  /** Keys of what was deleted and is still to be wiped; undefined when there is nothing to wipe. */
  gone(): string[] | undefined {
    const marks = this.keys(GONE);
    return marks.length === 0 ? undefined : marks.map((mark) => mark.slice(GONE.length)).filter((key) => key !== "");
  }

  /**
   * All or nothing. On disk when it resolves.
   * @throws the system's error when it cannot be written: then nothing of it was
   */
  async write({ put = [], remove = [], replaces = false, makesRoom = false }: Changes): Promise<void> {
    const records = [...put];
    const gone = [...remove].filter((key) => this.#lmdb.doesExist(key));
    const marks = [...gone, ...(replaces ? [""] : [])].map((key) => [GONE + key, Buffer.alloc(0)] as const);
    const sealed = [...records, ...marks].map(([key, value]) => [key, this.#secret.seal(value, key)] as const);
    await this.#commit({ remove: gone, put: sealed, makesRoom: makesRoom || records.length === 0 });
  }

  /** Look whether anything can be written. @throws the system's error when it cannot */
  async tryOut(): Promise<void> {
    await this.#commit({ put: [[TRIAL, this.#secret.seal(Buffer.alloc(TRIAL_BYTES), TRIAL)]] });
    await this.#commit({ put: [], remove: [TRIAL], makesRoom: true });
  }

  /** A copy for the backups, consistent while writes go on. On disk when it resolves. */
  async copyTo(path: string): Promise<void> {
    await rm(path, { force: true });
    try {
      await this.#lmdb.backup(path, true);
      await makeDurable(path);
    } catch (error) {
      // Half a copy is of no use, and takes the room that is missing.
      await rm(path, { force: true });
      throw error;
    }
  }

  /**
   * Write everything into a new file that takes this one's place. LMDB keeps what was deleted in pages it has not used
   * again, and copies whole pages; only a new file holds nothing of it, and no marks of it. What is written meanwhile
   * is copied after the rest, and waits for that alone; what is deleted meanwhile stays marked for the next time. One
   * at a time.
   * @param secret seals the new file; with another one nothing may be written meanwhile
   * @param wiped keys whose marks go, of those that gone() gave: others are still to be wiped from backups; without it
   * all marks go
   */
  async rewrite(secret = this.#secret, wiped?: ReadonlySet<string>): Promise<void> {
    await this.#commits.run(() => this.#reopenAfterFailure());
    const fresh = freshOf(this.#path);
    const touched = new Set<string>();
    this.#touched = touched;
    try {
      const copy = await this.#copyInto(fresh, secret, wiped);
      await this.#commits.run(async () => {
        await copy.finish(touched);
        await this.#giveWay(async () => {
          await rename(fresh, this.#path);
          this.#secret = secret;
        });
      });
    } catch (error) {
      await removeDatabase(fresh);
      throw error;
    } finally {
      this.#touched = undefined;
    }
    await removeDatabase(fresh);
    await syncFolder(dirname(this.#path));
  }

  async close(): Promise<void> {
    await this.#closeLmdb();
  }

  /**
   * All records but the marks that go, in a new file.
   * @returns what copies those that were touched since, as they are by then, and brings the file onto the disk
   */
  async #copyInto(
    fresh: string,
    secret: Secret,
    wiped: ReadonlySet<string> | undefined,
  ): Promise<{ finish: (touched: Iterable<string>) => Promise<void> }> {
    await removeDatabase(fresh);
    const { lmdb, room } = await openWithRoom(fresh, { noSync: true });
    const close = async (): Promise<void> => {
      await room.close();
      await lmdb.close();
    };
    const copy = async (all: Iterable<string[]> | AsyncIterable<string[]>): Promise<void> => {
      for await (const keys of all) {
        await this.readable();
        const put: (readonly [string, Buffer])[] = [];
        const remove: string[] = [];
        for (const key of keys) {
          const sealed = this.#lmdb.get(key);
          if (sealed === undefined) remove.push(key);
          else put.push([key, secret === this.#secret ? sealed : secret.seal(this.#secret.open(sealed, key), key)]);
        }
        // The new file lets go of more than it takes.
        const copied = { put, remove: remove.filter((key) => lmdb.doesExist(key)), makesRoom: true };
        await room.take(copied);
        await commit(lmdb, copied);
      }
    };
    try {
      await copy(this.#unmarked(wiped));
      // The longest part of it, while writes go on.
      await makeDurable(fresh);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      finish: async (touched) => {
        try {
          await copy(batches([...touched]));
        } finally {
          await close();
        }
        await makeDurable(fresh);
      },
    };
  }

  async *#unmarked(wiped: ReadonlySet<string> | undefined): AsyncGenerator<string[]> {
    const stays = (key: string): boolean =>
      !key.startsWith(GONE) || (wiped !== undefined && key !== GONE && !wiped.has(key.slice(GONE.length)));
    for await (const keys of this.#batchesOf("")) yield keys.filter(stays);
  }

  async #closeLmdb(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#room?.close();
    await this.#lmdb.close();
  }

  async #openLmdb(): Promise<void> {
    // Tried again before the next write when it fails.
    this.#failed = true;
    ({ lmdb: this.#lmdb, room: this.#room } = await openWithRoom(this.#path));
    this.#open = true;
    this.#failed = false;
  }

  /** Close the file, and open it again, or what has its name by then. */
  async #giveWay(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const work = async (): Promise<void> => {
      await this.#closeLmdb();
      try {
        await meanwhile();
      } finally {
        // A virus scanner may hold the file: the old one serves on.
        await this.#openLmdb();
      }
    };
    const done = work();
    this.#givingWay = done
      .catch(() => undefined)
      .finally(() => {
        this.#givingWay = undefined;
      });
    await done;
  }

  #commit(changes: Commit): Promise<void> {
    return this.#commits.run(async () => {
      await this.#reopenAfterFailure();
      await this.#room?.take(changes);
      for (const key of [...(changes.remove ?? []), ...changes.put.map(([name]) => name)]) this.#touched?.add(key);
      try {
        await commit(this.#lmdb, changes);
      } catch (error) {
        this.#failed = true;
        throw error;
      }
    });
  }

  async #reopenAfterFailure(): Promise<void> {
    if (this.#failed) await this.#giveWay();
  }
}

/**
 * The one place where LMDB is written to, so that no promise of it is unheard: one that fails ends Node-RED.
 * @throws what LMDB says of the disk; then nothing was written
 */
async function commit(lmdb: Lmdb, { put, remove = [] }: Commit): Promise<void> {
  try {
    // As a child, because what a plain transaction has written before it throws stays.
    await lmdb.childTransaction(() => {
      for (const key of remove) lmdb.removeSync(key);
      for (const [key, value] of put) lmdb.putSync(key, value);
    });
  } catch (error) {
    const { commitError } = error as { commitError?: Promise<unknown> };
    throw commitError === undefined ? error : await reasonOf(commitError, error);
  }
}

/** Why a commit failed, which LMDB tells by the rejection of a promise. */
async function reasonOf(commitError: Promise<unknown>, otherwise: unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, REASON_MS, otherwise);
  });
  try {
    return await Promise.race([commitError.catch((reason: unknown) => reason), late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Opened {
  lmdb: Lmdb;
  room?: Room;
}

/** To be written to. */
async function openWithRoom(path: string, options: { noSync?: true } = {}): Promise<Required<Opened>> {
  const lmdb = await openLmdb(path, options);
  try {
    const room = await Room.open(path, lmdb);
    await room.keep();
    return { lmdb, room };
  } catch (error) {
    await lmdb.close();
    throw error;
  }
}

/** A file that is being written to take another's place; a crash leaves it behind. */
export const freshOf = (path: string): string => `${path}.new`;

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
