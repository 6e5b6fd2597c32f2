/** What a disk refuses, as one kind of error with a sentence for each reason. */
import { getSystemErrorName } from "node:util";
import { UserError } from "./errors";

/** HTTP's "Insufficient Storage" (RFC 4918, 11.5) where room is missing, else a server error. */
type Status = 507 | 500;

interface Refusal {
  status: Status;
  /** What is wrong, … */
  why: string;
  /** … and the mend. */
  mend: string;
}

const ROOM = "make room on it";
const GONE = "look whether it is connected and mounted";

/** By the system's code (errno(3)) or LMDB's (lmdb.h). */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOSPC: { status: 507, why: "the disk is full", mend: ROOM },
  EDQUOT: {
    status: 507,
    why: "the disk space that Node-RED's user may use is used up",
    mend: "delete files of this user, or raise the quota",
  },
  EFBIG: {
    status: 507,
    why: "a file would be larger than the disk or the system allows",
    mend: "raise the limit (ulimit -f), or use another file system",
  },
  MDB_MAP_FULL: { status: 507, why: "the database cannot grow", mend: ROOM },
  EROFS: {
    status: 500,
    why: "the disk can only be read",
    mend: "look whether it is damaged (a worn memory card is), and mount it writable",
  },
  EIO: {
    status: 500,
    why: "the disk reports an error",
    mend: "look whether it is worn or badly connected, and copy what is on it",
  },
  EACCES: { status: 500, why: "Node-RED may not write there", mend: "let Node-RED's user write there" },
  EPERM: { status: 500, why: "Node-RED may not write there", mend: "let Node-RED's user write there" },
  EMFILE: { status: 500, why: "too many files are open", mend: "raise the limit of open files (ulimit -n)" },
  ENFILE: { status: 500, why: "too many files are open on this computer", mend: "end other programs" },
  ENOENT: { status: 500, why: "the folder or a file in it is gone", mend: GONE },
  ENOTDIR: { status: 500, why: "what should be a folder is a file", mend: "move that file away" },
  ENODEV: { status: 500, why: "the disk is gone", mend: GONE },
  ENXIO: { status: 500, why: "the disk is gone", mend: GONE },
  ENOTCONN: { status: 500, why: "the disk is gone", mend: GONE },
  ESTALE: { status: 500, why: "the network folder was replaced meanwhile", mend: GONE },
  ETIMEDOUT: { status: 500, why: "the disk does not answer", mend: GONE },
  EBUSY: {
    status: 500,
    why: "a file is held by another program",
    mend: "look whether a virus scanner or a backup program holds it",
  },
  MDB_PANIC: {
    status: 500,
    why: "the database had to stop after an error of the disk",
    mend: "look whether the disk is full or worn",
  },
};

const OTHER: Refusal = {
  status: 500,
  why: "the disk refuses",
  mend: "check that it is not full and that Node-RED may write there",
};

/** LMDB's own codes (lmdb.h). */
const LMDB_CODES: ReadonlyMap<number, string> = new Map([
  [-30792, "MDB_MAP_FULL"],
  [-30795, "MDB_PANIC"],
]);
/** Windows' codes of a full disk, which LMDB hands on (ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL). */
const WINDOWS_FULL: ReadonlySet<number> = new Set([39, 112]);
/** What LMDB's copy says without a code (strerror(3)). */
const SAID: readonly (readonly [RegExp, string])[] = [
  [/no space left|not enough space on the disk/i, "ENOSPC"],
  [/quota exceeded/i, "EDQUOT"],
  [/file too large/i, "EFBIG"],
  [/read-only file system/i, "EROFS"],
  [/input\/output error/i, "EIO"],
  [/permission denied/i, "EACCES"],
  [/too many open files/i, "EMFILE"],
];

export interface StorageFacts {
  /** Of the system or of LMDB, as ENOSPC. */
  reason: string;
  /** What was not done: "Alice was not deleted". */
  what?: string | undefined;
  /** Where it was to be written. */
  folder: string;
  /** What happens once it is mended. */
  afterwards?: string | undefined;
  cause?: unknown;
}

/**
 * The disk refused. What was asked for has not happened, unless the sentence says so; once the disk takes it again, so
 * does the
 * gallery, without a restart.
 */
export class StorageError extends UserError {
  /** For an HTTP answer: 507 where room is missing, else 500. */
  readonly status: Status;
  readonly code = "storage";
  readonly reason: string;

  constructor({
    reason,
    what = "nothing can be written",
    folder,
    afterwards = "it then goes on by itself",
    cause,
  }: StorageFacts) {
    const { status, why, mend } = REFUSALS[reason] ?? OTHER;
    super(`${what}: ${why} (${reason}, ${folder}). To mend it, ${mend}; ${afterwards}.`, { cause });
    this.status = status;
    this.reason = reason;
  }
}

/** The code of an error that comes from the disk; undefined of any other. */
export function storageReasonOf(error: unknown): string | undefined {
  if (error instanceof StorageError) return error.reason;
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code in REFUSALS ? code : undefined;
  if (typeof code !== "number") return SAID.find(([pattern]) => pattern.test(error.message))?.[1];
  const lmdb = LMDB_CODES.get(code);
  if (lmdb !== undefined) return lmdb;
  if (process.platform === "win32") return WINDOWS_FULL.has(code) ? "ENOSPC" : "EIO";
  const name = code > 0 ? getSystemErrorName(-code) : "";
  return name in REFUSALS ? name : undefined;
}

/** The same error, or as a StorageError where it comes from the disk. @param what was not done because of it */
export function asStorageError(error: unknown, folder: string, what?: string): unknown {
  if (error instanceof StorageError && what === undefined) return error;
  const reason = storageReasonOf(error);
  return reason === undefined ? error : new StorageError({ reason, what, folder, cause: error });
}
