/** Files that survive a crash, and are nobody else's to read. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** No write takes this long; what is younger may be another Node-RED's, at work on the same folder. */
const STALE_MS = 60_000;
export const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const RANDOM_BYTES = 6;
/** More than the free pages that a file may have left. */
const TRIAL_BYTES = 64 * 1024;
const ASIDE = new RegExp(`^\\.[0-9a-f]{${2 * RANDOM_BYTES}}\\.tmp$`);

/** Whether a file is one that writeDurable had not finished. */
export function isAside(fileName: string): boolean {
  return ASIDE.test(fileName);
}

/** Make a folder, and those above it, private and on disk. One that is there already keeps its permissions. */
export async function makePrivateFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  if (first === undefined) return;
  // Each new folder is an entry of the one above it.
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Take a folder of our own away from everybody else, also one that a backup brought back open to all. */
export async function closeToOthers(path: string): Promise<void> {
  await makePrivateFolder(path);
  await chmod(path, PRIVATE_FOLDER);
}

/** A folder's entries are on disk only when it was synced too; Windows cannot and need not. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** For a file that may be missing. @throws what is wrong with it else */
export function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

/** @throws what is wrong with it where it cannot be told */
export async function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => {
      ignoreMissing(error);
      return true;
    },
  );
}

/** @returns none where there is no such folder @throws the system's error where it cannot be listed */
export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    ignoreMissing(error);
    return [];
  });
}

/** @returns undefined where there is no such file @throws the system's error where it cannot be read */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

/** Write a file whole or not at all: aside, synced, renamed. When it returns the file survives a power cut. */
export async function writeDurable(path: string, bytes: Uint8Array): Promise<void> {
  await writeRenamed(path, bytes);
  await syncFolder(dirname(path));
}

/** Write many files, each as writeDurable; their folders are synced once. */
export async function writeManyDurable(files: readonly (readonly [path: string, bytes: Uint8Array])[]): Promise<void> {
  for (const [path, bytes] of files) await writeRenamed(path, bytes);
  for (const folder of new Set(files.map(([path]) => dirname(path)))) await syncFolder(folder);
}

async function writeRenamed(path: string, bytes: Uint8Array): Promise<void> {
  const aside = asideIn(dirname(path));
  try {
    await writeSynced(aside, bytes);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

/** Look whether the disk takes anything, and leave nothing behind. @throws the system's error when it does not */
export async function tryDisk(folder: string): Promise<void> {
  const aside = asideIn(folder);
  try {
    // Random, because some file systems keep a file of zeros without room.
    await writeSynced(aside, randomBytes(TRIAL_BYTES));
  } finally {
    await rm(aside, { force: true });
  }
}

/** Where a file is written before it has its name. */
export function asideIn(folder: string): string {
  return join(folder, `.${randomBytes(RANDOM_BYTES).toString("hex")}.tmp`);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Delete files for good; some may be gone already. */
export async function removeDurable(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  for (const folder of new Set(paths.map(dirname))) {
    await syncFolder(folder).catch(ignoreMissing);
  }
}

/** Delete what a crash left half-written. */
export async function removeStale(paths: readonly string[]): Promise<void> {
  for (const path of paths) if (Date.now() - (await stat(path)).mtimeMs > STALE_MS) await rm(path, { force: true });
}
