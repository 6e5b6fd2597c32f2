/** What lies in a folder of pictures and is no picture of anybody. */
import { extname } from "node:path";

/**
 * Folders that a NAS, a desktop or a sync program keeps beside people's own: hidden ones; Synology's `@eaDir` and
 * `#recycle`, QNAP's `@Recycle`,
 * Windows' `$RECYCLE.BIN`, Syncthing's `~…`. Whoever is called so has `%40…` as a folder, as fileNameOf has it.
 */
const SYSTEM_FOLDER = new RegExp(
  `^[.@#$~]|^(?:${[
    "lost\\+found",
    "found\\.\\d{3}",
    "system volume information",
    "recycle[rd]?",
    "recycle bin",
    "trashbox",
    "lost\\.dir",
    "dfsrprivate",
    "_gsdata_",
    "_syncapp",
    "thumb(?:s|nails)",
    "__macosx",
    "network trash folder",
    "temporary items",
    "thevolumesettingsfolder",
  ].join("|")})$`,
  "iu",
);
/**
 * Their files: hidden ones, among them AppleDouble's `._Alice.jpg`, and what Syncthing has not finished or could not
 * decide.
 */
const SYSTEM_FILE = /^\.|^~(?:syncthing~|\$)/iu;
const SYNC_CONFLICT = /\.sync-conflict-\d{8}-\d{6}-\w+(?=\.[^.]+$)/iu;

/**
 * A second copy that a sync program keeps where two computers changed a file: Nextcloud's "Alice (conflicted copy
 * 2026-01-01 120000).jpg", Dropbox's in the language of its user, Seafile's "(SFConflict …)", ownCloud's
 * "Alice_conflict-20260101-120000.jpg", Synology's "…_Conflict.jpg". It shows Alice, and nobody is called so.
 */
const CONFLICT = "conflict|konflikt|conflit|conflito|衝突|冲突|競合|충돌";
const CONFLICT_COPY = new RegExp(
  `(?:[(\\[（][^()[\\]（）]*(?:${CONFLICT})[^()[\\]（）]*[)\\]）]|[._-](?:${CONFLICT})(?:[._-]?[\\d_-]+)?)` +
    "(?: ?\\(\\d+\\))?\\.[^.]+$",
  "iu",
);

/** Synology's, with the computer and the time: "Alice_NAS_Jan-01-120000-2026_Conflict.jpg". */
const SYNOLOGY_CONFLICT = /_[^_]+_[a-z]{3}-\d{2}-\d{6}-\d{4}_conflict(?=\.[^.]+$)/iu;

/** iCloud's of a photo that is not downloaded. */
const IN_CLOUD = /^\.(.+)\.icloud$/iu;
/** AppleDouble's, iCloud's, and what Syncthing has not finished. */
const BESIDE = [/^\._(.+)$/u, IN_CLOUD, /^~syncthing~(.+)\.tmp$/iu, /^\.syncthing\.(.+)\.tmp$/iu];

/** Folders in which Synology and QNAP keep small pictures of the photos beside them. */
export const THUMBNAIL_FOLDERS = ["@eaDir", ".@__thumb"];
/** QNAP's are called as the photo is, with their size before it. */
const THUMBNAIL_SIZE = /^(?:default|s\d{2,4})/u;

/** Of which file a system's file is a copy, or tells something; undefined: of none. @param name without its folder */
export function originalOf(name: string): string | undefined {
  for (const beside of BESIDE) {
    const original = beside.exec(name)?.[1];
    if (original !== undefined) return original;
  }
  if (SYNC_CONFLICT.test(name)) return name.replace(SYNC_CONFLICT, "");
  if (SYNOLOGY_CONFLICT.test(name)) return name.replace(SYNOLOGY_CONFLICT, "");
  const { index } = CONFLICT_COPY.exec(name) ?? {};
  return index === undefined ? undefined : name.slice(0, index).trimEnd() + extname(name);
}

/**
 * What of a photo is there instead of it where the photo itself is missing: a copy of a conflict, or that iCloud has
 * it elsewhere. What systems keep besides means nothing without it. @param name without its folder
 */
export function insteadOf(name: string): "conflict" | "cloud" | undefined {
  if (IN_CLOUD.test(name)) return "cloud";
  if (SYSTEM_FILE.test(name)) return undefined;
  return SYNC_CONFLICT.test(name) || CONFLICT_COPY.test(name) ? "conflict" : undefined;
}

/** Of which photos what lies in such a folder may be. @param thumbnail without its folder, as they are */
export function photosOf(thumbnail: string): string[] {
  return [thumbnail, thumbnail.replace(THUMBNAIL_SIZE, "")];
}

/** Whether a folder is the system's, and nobody's. */
export function isSystemFolder(name: string): boolean {
  return SYSTEM_FOLDER.test(name);
}

/** Whether a file is the system's, and shows nobody. @param name without its folder */
export function isSystemFile(name: string): boolean {
  return [SYSTEM_FILE, SYNC_CONFLICT, CONFLICT_COPY].some((kind) => kind.test(name));
}
