/** The file beside a database in which LMDB notes who reads it, by memory that is mapped onto it. */
import { open, rm, stat } from "node:fs/promises";

/** What LMDB appends to the database's path. */
export const LOCK_ENDING = "-lock";

/** Whole pages for LMDB's table of 126 readers (8,272 bytes; lmdb.h, mdb_env_set_maxreaders). */
const LOCK_BYTES = 12_288;
/** What stat(2) counts in. */
const BLOCK_BYTES = 512;
const PRIVATE_FILE = 0o600;

/**
 * Call it before a database is opened that nobody else has open. LMDB makes this file without room for it on the disk:
 * on a full one
 * the first write to the mapped memory ends the process (SIGBUS).
 * @throws the system's error when there is no room
 */
export async function allocateLock(path: string): Promise<void> {
  const lock = path + LOCK_ENDING;
  const there = await stat(lock).catch(() => undefined);
  // Windows tells of no blocks, and has no such files with holes.
  if (there !== undefined && there.size >= LOCK_BYTES && (there.blocks ?? Infinity) * BLOCK_BYTES >= LOCK_BYTES)
    return;
  try {
    const file = await open(lock, "w", PRIVATE_FILE);
    try {
      await file.writeFile(Buffer.alloc(LOCK_BYTES));
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(lock, { force: true });
    throw error;
  }
}
