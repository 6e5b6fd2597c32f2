/** What a disk refuses, as one kind of error with a sentence for each reason. */
import { getSystemErrorName } from "node:util";
import { errorMessage, UserError } from "./errors";
import { phrase, type Sentence } from "./words/sentence";

/** HTTP's "Insufficient Storage" (RFC 4918, 11.5) where room is missing, else a server error. */
type Status = 507 | 500;

interface Refusal {
  status: Status;
  /** What is wrong, … */
  why: Sentence;
  /** … and the mend. */
  mend: Sentence;
}

const ROOM = phrase("storage.makeRoom");
const GONE = phrase("storage.lookMounted");

/** By the system's code (errno(3)) or LMDB's (lmdb.h). */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOSPC: { status: 507, why: phrase("storage.full"), mend: ROOM },
  EDQUOT: {
    status: 507,
    why: phrase("storage.quota"),
    mend: phrase("storage.raiseQuota"),
  },
  EFBIG: {
    status: 507,
    why: phrase("storage.fileTooLarge"),
    mend: phrase("storage.raiseFileSize"),
  },
  MDB_MAP_FULL: { status: 507, why: phrase("storage.cannotGrow"), mend: ROOM },
  EROFS: {
    status: 500,
    why: phrase("storage.readOnly"),
    mend: phrase("storage.mountWritable"),
  },
  EIO: {
    status: 500,
    why: phrase("storage.diskError"),
    mend: phrase("storage.copyIt"),
  },
  EACCES: { status: 500, why: phrase("storage.notAllowed"), mend: phrase("storage.allow") },
  EPERM: { status: 500, why: phrase("storage.notAllowed"), mend: phrase("storage.allow") },
  EMFILE: { status: 500, why: phrase("storage.openFiles"), mend: phrase("storage.raiseOpenFiles") },
  ENFILE: { status: 500, why: phrase("storage.openFilesAll"), mend: phrase("storage.endOthers") },
  ENOENT: { status: 500, why: phrase("storage.folderGone"), mend: GONE },
  // Of mkdir(2), where the file is what is asked for itself.
  EEXIST: { status: 500, why: phrase("storage.noFolder"), mend: phrase("storage.moveFile") },
  ENOTDIR: { status: 500, why: phrase("storage.noFolder"), mend: phrase("storage.moveFile") },
  ENODEV: { status: 500, why: phrase("storage.gone"), mend: GONE },
  ENXIO: { status: 500, why: phrase("storage.gone"), mend: GONE },
  ENOTCONN: { status: 500, why: phrase("storage.gone"), mend: GONE },
  ESTALE: { status: 500, why: phrase("storage.replaced"), mend: GONE },
  // Ours, of a database.
  REPLACED: { status: 500, why: phrase("storage.deleted"), mend: phrase("storage.putBack") },
  ETIMEDOUT: { status: 500, why: phrase("storage.silent"), mend: GONE },
  EBUSY: {
    status: 500,
    why: phrase("storage.held"),
    mend: phrase("storage.lookHeld"),
  },
  MDB_PANIC: {
    status: 500,
    why: phrase("storage.panic"),
    mend: phrase("storage.lookWorn"),
  },
};

const OTHER: Refusal = {
  status: 500,
  why: phrase("storage.refuses"),
  mend: phrase("storage.checkDisk"),
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
  what?: Sentence | undefined;
  /** Where it was to be written. */
  folder: string;
  /** What happens once it is mended. */
  afterwards?: Sentence | undefined;
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
    what = phrase("storage.nothing"),
    folder,
    afterwards = phrase("storage.goesOn"),
    cause,
  }: StorageFacts) {
    const { status, why, mend } = REFUSALS[reason] ?? OTHER;
    super(phrase("storage.refused", { what, why, reason, folder, mend, afterwards }), { cause });
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
  if (typeof code !== "number") return SAID.find(([pattern]) => pattern.test(errorMessage(error)))?.[1];
  const lmdb = LMDB_CODES.get(code);
  if (lmdb !== undefined) return lmdb;
  if (process.platform === "win32") return WINDOWS_FULL.has(code) ? "ENOSPC" : "EIO";
  const name = code > 0 ? getSystemErrorName(-code) : "";
  return name in REFUSALS ? name : undefined;
}

/** The same error, or as a StorageError where it comes from the disk. @param what was not done because of it */
export function asStorageError(error: unknown, folder: string, what?: Sentence): unknown {
  if (error instanceof StorageError && what === undefined) return error;
  const reason = storageReasonOf(error);
  return reason === undefined ? error : new StorageError({ reason, what, folder, cause: error });
}
