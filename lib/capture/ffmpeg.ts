/** The one place that finds and starts ffmpeg: an argument array, never a shell, and always an end. */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { accessSync, chmodSync, constants, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { UserError } from "../errors";

export interface Ffmpeg {
  path: string;
  /** As it tells it: "5.1.9", "N-47683-g0e8eb07980". */
  version: string;
  /** Whether it is the old build of the optional dependency @ffmpeg-installer/ffmpeg. */
  bundled: boolean;
}

export type FfmpegProcess = ChildProcessByStdio<null, Readable, Readable>;

/** A second where nothing else runs; ten times that on a small computer that is busy. Longer is never. */
const PROBE_TIMEOUT_MS = 60_000;
/** How long ffmpeg may take to close its files when asked to, before it is killed. */
const KILL_AFTER_MS = 1000;

let found: Promise<Ffmpeg> | undefined;

/**
 * FFMPEG_PATH, else the one on PATH, else the optional dependency's. Looked for once.
 * @throws a sentence that says what to install
 */
export function findFfmpeg(): Promise<Ffmpeg> {
  found ??= search();
  // Somebody may install it while Node-RED runs.
  found.catch(() => {
    found = undefined;
  });
  return found;
}

async function search(): Promise<Ffmpeg> {
  const { FFMPEG_PATH } = process.env;
  if (FFMPEG_PATH) {
    const version = await versionOf(FFMPEG_PATH);
    if (version === undefined) throw new UserError("capture.ffmpegPath", { path: FFMPEG_PATH });
    return { path: FFMPEG_PATH, version, bundled: false };
  }
  const onPath = await versionOf("ffmpeg");
  if (onPath !== undefined) return { path: "ffmpeg", version: onPath, bundled: false };
  const path = bundledPath();
  const version = path === undefined ? undefined : await versionOf(path);
  if (path === undefined || version === undefined) throw new UserError("capture.ffmpegMissing");
  return { path, version, bundled: true };
}

/**
 * What ffmpeg says to a question (-version, -list_devices), whatever its exit code; undefined when it cannot be run.
 */
export function askFfmpeg(path: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      path,
      ["-hide_banner", ...args],
      { timeout: PROBE_TIMEOUT_MS, windowsHide: true },
      (error, stdout, stderr) => {
        // A number is its exit code; text (ENOENT, EACCES) or a kill says that it did not run to its end.
        resolve(error === null || typeof error.code === "number" ? `${stdout}${stderr}` : undefined);
      },
    );
  });
}

async function versionOf(path: string): Promise<string | undefined> {
  return /^ffmpeg version (\S+)/.exec((await askFfmpeg(path, ["-version"])) ?? "")?.[1];
}

/** The count of commits at ffmpeg 5.1, in versions like N-107615-g3ef5a1d. */
const COMMITS_AT_5_1 = 107_500;
const YEAR_AFTER_5_1 = 2023;

/**
 * A version as a number to compare, 501 for 5.1. What is built from git is told by its commits or its date and else
 * taken as new.
 */
export function releaseOf(version: string): number {
  const NEW = 501;
  const commits = /^N-(\d+)/.exec(version)?.[1];
  if (commits !== undefined) return Number(commits) >= COMMITS_AT_5_1 ? NEW : 0;
  const year = /\b(20\d\d)-\d\d-\d\d/.exec(version)?.[1];
  if (year !== undefined) return Number(year) >= YEAR_AFTER_5_1 ? NEW : 0;
  const release = /^n?(\d+)(?:\.(\d+))?/.exec(version);
  return release === null ? NEW : Number(release[1]) * 100 + Number(release[2] ?? 0);
}

/** The installer package's binary, made executable here because install scripts may not have run. */
function bundledPath(): string | undefined {
  let path: string;
  try {
    ({ path } = createRequire(__filename)("@ffmpeg-installer/ffmpeg") as { path: string });
  } catch {
    return undefined;
  }
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    // Not executable, or not there.
  }
  try {
    chmodSync(path, 0o755);
    return path;
  } catch {
    // Somebody else's file: run a copy.
  }
  try {
    const folder = mkdtempSync(join(tmpdir(), "ffmpeg-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const copy = join(folder, "ffmpeg");
    copyFileSync(path, copy);
    chmodSync(copy, 0o755);
    return copy;
  } catch {
    return undefined;
  }
}

const running = new Set<FfmpegProcess>();
// Nothing outlives Node-RED, however it ends by itself.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** What ffmpeg calls the pipe beside its standard output, on systems that know pipes by number. */
export const BESIDE_PIPE = 3;

/**
 * Start ffmpeg; each line of its standard error begins with [its level], behind its [component]. It reads nothing from
 * standard input and asks nothing.
 * @param beside whether it gets BESIDE_PIPE, and tells what streams there are in what it reads
 * @throws a sentence when there is no room for a process; an "error" event tells what is found later
 */
export function startFfmpeg({ path }: Ffmpeg, args: readonly string[], beside = false): FfmpegProcess {
  const said = beside ? ["-loglevel", "level+info", "-nostats"] : ["-loglevel", "level+warning"];
  const child = spawn(path, ["-hide_banner", "-nostdin", ...said, ...args], {
    stdio: ["ignore", "pipe", "pipe", ...(beside ? (["pipe"] as const) : [])],
    windowsHide: true,
  }) as FfmpegProcess;
  // Told a moment later: unheard it would end Node-RED.
  child.on("error", () => undefined);
  // Without room for its pipes it has none.
  if ((child.stdout as Readable | undefined) === undefined) throw new UserError("capture.openFiles");
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** What comes out of BESIDE_PIPE. */
export function besideOf(child: FfmpegProcess): Readable {
  return child.stdio[BESIDE_PIPE] as Readable;
}

/** End ffmpeg and wait until it has. */
export async function stopFfmpeg(child: FfmpegProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
    child.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
