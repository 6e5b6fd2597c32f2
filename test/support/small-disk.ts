/** Disks that can be full: a small file system, and a limit of file sizes where no file system may be mounted. */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "../../lib/speech/command";

/** Smaller than any page, so that nothing fits any more. */
const CRUMB_BYTES = 512;
const FILL_BYTES = 64 * 1024;

export interface SmallDisk {
  folder: string;
  /** No byte fits any more, or only some. */
  fill(left?: number): void;
  /** There is room again. */
  empty(): void;
  unmount(): void;
}

/** Why no file system can be mounted here, or false when one can. */
export function noMount(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "needs root on Linux, to mount a small file system";
  const folder = mkdtempSync(join(tmpdir(), "mount-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
  if (status === 0) spawnSync("umount", [folder]);
  return status === 0 ? false : "this container may mount no file system";
}

/** Why no limit of file sizes can be set for a process, or false when it can. */
export function noLimit(): string | false {
  return process.platform === "linux" && spawnSync("prlimit", ["--version"]).status === 0
    ? false
    : "needs prlimit (util-linux)";
}

export function smallDisk(megabytes: number, folder = mkdtempSync(join(tmpdir(), "disk-"))): SmallDisk {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  const filling = join(folder, "filling");
  return {
    folder,
    fill: (left = 0) => {
      for (const bytes of [FILL_BYTES, CRUMB_BYTES]) writeUntilFull(filling, Buffer.alloc(bytes));
      truncateSync(filling, Math.max(0, statSync(filling).size - left));
    },
    empty: () => rmSync(filling, { force: true }),
    unmount: () => void execFileSync("umount", ["-l", folder]),
  };
}

/** Found now: a test may hide programs later. */
const prlimit = which("prlimit") ?? "prlimit";

/** From now on, no file of a process may be written to beyond so many bytes. */
export function limitFiles(pid: number, bytes: number | "unlimited"): void {
  execFileSync(prlimit, ["--pid", String(pid), `--fsize=${bytes}:`]);
}

/** From now on, a process may have only so many files open. */
export function limitDescriptors(pid: number, most: number): void {
  execFileSync(prlimit, ["--pid", String(pid), `--nofile=${most}:`]);
}

/** Of a process whose files may not grow any more while the "disk" is full. */
export function limitedDisk(pid: number): SmallDisk {
  return {
    folder: mkdtempSync(join(tmpdir(), "disk-")),
    fill: () => limitFiles(pid, 0),
    empty: () => limitFiles(pid, "unlimited"),
    unmount: () => undefined,
  };
}

function writeUntilFull(path: string, bytes: Buffer): void {
  const file = openSync(path, "a");
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
