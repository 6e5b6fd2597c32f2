/**
 * What lies in a gallery's folder, found by looking at it: that works on network folders too, where watching does not.
 */
import type { Dirent } from "node:fs";
import { lstat, readdir, realpath, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative } from "node:path";
import { ignoreMissing, isAside, namesIn } from "../files";
import { OTHER_PICTURE_ENDINGS, PHOTO_ENDINGS } from "../image/photo-file";
import { insteadOf, isSystemFile, isSystemFolder, originalOf, photosOf, THUMBNAIL_FOLDERS } from "../system-files";

export interface Found {
  /** Photos by path relative to the folder, each with a stamp that changes when the file does. */
  photos: Map<string, string>;
  /** Pictures in formats that cannot be read. */
  foreign: Set<string>;
  /** Photos and folders of a person whose name is not in UTF-8, as old archives and network folders have it. */
  misnamed: Set<string>;
  /** Photos and folders of a person that are there but cannot be looked at just now, with the error's code or why. */
  unsure: Map<string, string>;
  /** What had another name, or none, by the time it was looked at. */
  vanished: Set<string>;
  /** What a crash left of photos that were being written. */
  leftovers: string[];
  /** What systems and sync programs keep of photos beside them: they show nobody, and go with whom they are of. */
  copies: string[];
  /** Copies of a conflict whose photo is not there, with what that is called. */
  alone: Map<string, string>;
  /** Which folder it was that stood by this name, so that another one in its place can be told. */
  identity: string;
  /** Nothing of people's own is in it, be it photos or not. */
  isEmpty: boolean;
}

/** Instead of an error's code: iCloud has the photo elsewhere. */
export const IN_CLOUD = "in iCloud";

/** Half of the threads that Node.js has for files: a slow network folder must not hold up everybody else's. */
const AT_ONCE = 2;

/** Whether a path lies in a folder; both real. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !isAbsolute(way);
}

/** Size and times: tells a change without reading. */
export async function stampOf(path: string): Promise<string | undefined> {
  const { size, mtimeMs, ctimeMs, isFile } = await describe(path);
  return isFile ? `${size} ${mtimeMs} ${ctimeMs}` : undefined;
}

/** Bytes of the photo when the stamp was taken. */
export function sizeIn(stamp: string): number {
  return Number(stamp.split(" ")[0]);
}

/** Whether it cannot be told that a photo is there or not. */
export function isUnsure({ unsure, vanished }: Found, file: string): boolean {
  return [file, dirname(file)].some((path) => unsure.has(path) || vanished.has(path));
}

/** Look at the folder and the folders in it. @throws the system's error when the folder itself cannot be read */
export async function scanFolder(folder: string): Promise<Found> {
  const root = await realpath(folder);
  const { dev, ino } = await stat(root, { bigint: true });
  const entries = await readdir(folder, { withFileTypes: true });
  const found: Found = {
    photos: new Map(),
    foreign: new Set(),
    misnamed: new Set(),
    unsure: new Map(),
    vanished: new Set(),
    leftovers: [],
    copies: [],
    alone: new Map(),
    identity: `${dev} ${ino}`,
    isEmpty: entries.every((entry) =>
      entry.isDirectory() ? isSystemFolder(entry.name) : isSystemFile(entry.name) && !isAside(entry.name),
    ),
  };
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => ({ file: entry.name, entry }));
  const folders = entries.filter((entry) => entry.isDirectory() && !isSystemFolder(entry.name));
  await eachOf(folders, async (of) => {
    const { name } = of;
    await surely(found, name, of, async () => {
      for (const entry of await readdir(join(folder, name), { withFileTypes: true }))
        files.push({ file: join(name, entry.name), entry });
    });
  });
  await eachOf(files, async ({ file, entry }) => {
    if (isAside(entry.name)) found.leftovers.push(file);
    const ending = extname(file).toLowerCase();
    if (entry.isDirectory()) return;
    if (isSystemFile(entry.name)) {
      if (originalOf(entry.name) !== undefined) found.copies.push(file);
      return;
    }
    if (OTHER_PICTURE_ENDINGS.has(ending)) found.foreign.add(file);
    if (!PHOTO_ENDINGS.has(ending)) return;
    await surely(found, file, entry, async () => {
      const path = join(folder, file);
      if (entry.isSymbolicLink() && !isInside(root, await realpath(path))) return;
      const stamp = await stampOf(path);
      if (stamp !== undefined) found.photos.set(file, stamp);
    });
  });
  tellCopies(found);
  // In order of name, so that a restart embeds, counts and breaks ties as the last one did.
  found.photos = new Map([...found.photos].sort(([a], [b]) => (a < b ? -1 : 1)));
  return found;
}

/** Of copies whose photo is not there: in which way, where it matters. */
function tellCopies({ copies, photos, foreign, unsure, alone }: Found): void {
  const instead = copies.flatMap((file) => {
    const [what, original] = [insteadOf(basename(file)), originalIn(file)];
    return what !== undefined && original !== undefined && isPicture(original) ? [{ file, what, original }] : [];
  });
  if (instead.length === 0) return;
  // A photo that was changed may have another ending by now.
  const there = new Set([...photos.keys(), ...foreign, ...unsure.keys()].map(withoutEnding));
  for (const { file, what, original } of instead)
    if (what === "conflict") {
      if (!there.has(withoutEnding(original))) alone.set(file, original);
    } else if (!photos.has(original)) unsure.set(original, IN_CLOUD);
}

function isPicture(file: string): boolean {
  const ending = extname(file).toLowerCase();
  return PHOTO_ENDINGS.has(ending) || OTHER_PICTURE_ENDINGS.has(ending);
}

const withoutEnding = (file: string): string => file.slice(0, file.length - extname(file).length);

/** Of which photo a copy is, by path relative to the folder; undefined: of none. */
export function originalIn(file: string): string | undefined {
  const original = originalOf(basename(file));
  return original === undefined ? undefined : join(dirname(file), original);
}

/** What systems keep of a photo beside it, by path relative to the folder. @throws the system's error */
export async function copiesOf(folder: string, photo: string): Promise<string[]> {
  const names = await namesIn(join(folder, dirname(photo)));
  return names.map((name) => join(dirname(photo), name)).filter((file) => originalIn(file) === photo);
}

/** Delete the small pictures that a NAS keeps of photos. @throws the system's error */
export async function removeThumbnails(folder: string, photos: readonly string[]): Promise<void> {
  const places = new Map<string, Set<string>>();
  for (const photo of photos)
    places.set(dirname(photo), (places.get(dirname(photo)) ?? new Set()).add(basename(photo)));
  for (const [place, names] of places)
    for (const of of THUMBNAIL_FOLDERS) {
      const path = join(folder, place, of);
      // A link leads elsewhere.
      if ((await lstat(path).catch(ignoreMissing))?.isDirectory() !== true) continue;
      for (const name of await namesIn(path))
        if (photosOf(name).some((photo) => names.has(photo)))
          await rm(join(path, name), { recursive: true, force: true });
      await rmdir(path).catch(() => undefined);
    }
}

async function describe(path: string): Promise<{ size: number; mtimeMs: number; ctimeMs: number; isFile: boolean }> {
  const stats = await stat(path);
  return { size: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs, isFile: stats.isFile() };
}

/** Stands for bytes that are no UTF-8 (Unicode 3.9, "U+FFFD Substitution of Maximal Subparts"). */
const REPLACED = "\ufffd";

/** What fails otherwise than by being gone (a network that hiccups, a permission) is unsure. */
async function surely(found: Found, file: string, entry: Dirent, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") found.unsure.set(file, code);
    // By a name that was mended in the reading nothing can be opened.
    else if (code === "ENOENT" && file.includes(REPLACED)) found.misnamed.add(file);
    // A link to what is gone stays one.
    else if (!entry.isSymbolicLink()) found.vanished.add(file);
  }
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
