/** What lies in a folder of pictures and is no picture of anybody. */

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
const SYSTEM_FILE = /^\.|^~(?:syncthing~|\$)|\.sync-conflict-\d{8}-\d{6}-\w+\.[^.]+$/iu;

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

/** Whether a folder is the system's, and nobody's. */
export function isSystemFolder(name: string): boolean {
  return SYSTEM_FOLDER.test(name);
}

/** Whether a file is the system's, and shows nobody. @param name without its folder */
export function isSystemFile(name: string): boolean {
  return SYSTEM_FILE.test(name) || CONFLICT_COPY.test(name);
}
