/**
 * The one way to open LMDB. Where that fails half-way, lmdb-js 3.5.6 frees the same memory twice (env.cpp, openEnv and
 * closeEnv), which ends the process (SIGSEGV): so whatever LMDB needs to open is got before it, and let go for it.
 */
import { closeSync, openSync, rmSync, type Stats } from "node:fs";
import { chmod, open as openFile, rm, stat } from "node:fs/promises";
import { open, type RootDatabase } from "lmdb";
import { PRIVATE_FILE } from "../../files";

export type Lmdb = RootDatabase<Buffer, string>;

/** What LMDB appends to the database's path. */
export const LOCK_ENDING = "-lock";
/** What takes the room for a new database, up to the moment in which LMDB makes it. */
const ROOM_ENDING = "-room";

/** Whole pages for LMDB's table of 126 readers (8,272 bytes; lmdb.h, mdb_env_set_maxreaders). */
const LOCK_BYTES = 12_288;
/** LMDB begins with two pages; nobody else takes so much within a millisecond. */
const NEW_BYTES = 2 ** 20;
/** LMDB opens the lock, the database, and the database for what is synced at once (mdb.c, mdb_env_open). */
const DESCRIPTORS = 4;
/** What stat(2) counts in. */
const BLOCK_BYTES = 512;

/**
 * @param path made if it is missing; nobody else has it open
 * @throws the system's error when there is no room, or it may not be opened
 */
export async function openLmdb(path: string, options: { noSync?: true; readOnly?: true } = {}): Promise<Lmdb> {
  await allocateLock(path);
  const room = path + ROOM_ENDING;
  const isNew = ((await stat(path).catch(() => undefined))?.size ?? 0) === 0 && options.readOnly !== true;
  let lmdb: Lmdb;
  try {
    if (isNew) await allocate(room, NEW_BYTES);
    checkDescriptors(isNew ? room : path, options.readOnly === true ? "r" : "r+");
    // From here to LMDB's opening nobody else of this process has a turn.
    if (isNew) rmSync(room);
    // Without overlapping syncs a write that has resolved is on the disk; with batches of an event turn LMDB has a
    // promise of each commit
    // of its own that nobody hears of.
    lmdb = open<Buffer, string>({
      path,
      noSubdir: true,
      encoding: "binary",
      overlappingSync: false,
      eventTurnBatching: false,
      noMemInit: false,
      cache: false,
      ...options,
    });
  } finally {
    await rm(room, { force: true });
  }
  await Promise.all([path, path + LOCK_ENDING].map((file) => chmod(file, PRIVATE_FILE).catch(() => undefined)));
  return lmdb;
}

/** Whether so many bytes of a file have their place on the disk; where the file system compresses some seem not to. */
export function isAllocated({ blocks }: Pick<Stats, "blocks">, bytes: number): boolean {
  // Windows tells of no blocks, and has no such files with holes.
  return ((blocks as number | undefined) ?? Infinity) * BLOCK_BYTES >= bytes;
}

/** Delete a database's files. */
export async function removeDatabase(path: string): Promise<void> {
  for (const file of [path, path + LOCK_ENDING, path + ROOM_ENDING]) await rm(file, { force: true });
}

/**
 * LMDB makes its lock without room for it on the disk: on a full one the first write to the memory that is mapped onto
 * it ends the process (SIGBUS).
 */
async function allocateLock(path: string): Promise<void> {
  const lock = path + LOCK_ENDING;
  const there = await stat(lock).catch(() => undefined);
  if (there !== undefined && there.size >= LOCK_BYTES && isAllocated(there, LOCK_BYTES)) return;
  await allocate(lock, LOCK_BYTES);
}

/** A file of zeros, or none. */
async function allocate(path: string, bytes: number): Promise<void> {
  try {
    const file = await openFile(path, "w", PRIVATE_FILE);
    try {
      await file.writeFile(Buffer.alloc(bytes));
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** @throws the system's error when the file cannot be opened as often as LMDB does, or not at all */
function checkDescriptors(path: string, flags: "r" | "r+"): void {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS) opened.push(openSync(path, flags));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
