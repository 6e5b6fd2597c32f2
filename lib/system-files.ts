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

/** Whether a folder is the system's, and nobody's. */
export function isSystemFolder(name: string): boolean {
  return SYSTEM_FOLDER.test(name);
}

/** Whether a file is the system's, and shows nobody. @param name without its folder */
export function isSystemFile(name: string): boolean {
  return SYSTEM_FILE.test(name);
}
