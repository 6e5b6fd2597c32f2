/** Databases that may be damaged, looked at from a safe distance: by a process of its own. */
import { execFile } from "node:child_process";
import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf, UserError } from "../../errors";
import { childArguments } from "../../workers/child";
import { StorageError } from "../../storage";
import { REFUSED, type Task, UNSOUND } from "./check-child";
import { LOCK_ENDING } from "./open";

/** Time of a check, whatever the size, and for each megabyte: a slow SD card reads ten in a second. */
const TIMEOUT_MS = 60_000;
const TIMEOUT_MS_PER_MEGABYTE = 1000;
const MEGABYTE = 2 ** 20;
/** How a system ends a process that reads what is not there. */
const CRASHES: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP"]);
/** Where Windows' own codes of crashes begin (NTSTATUS, severity error). */
const WINDOWS_CRASH = 0xc000_0000;

/** Whether a database can be read from end to end. @throws a sentence when that cannot be told */
export async function isSound(path: string): Promise<boolean> {
  return (await runChild({ path })) !== undefined;
}

/**
 * Copy a database without some of its records. The copy has no page of the original, is not yet synced, and is of no
 * use when none was held.
 * @returns how many it held; undefined when it cannot be read from end to end
 */
export async function copyWithout(
  path: string,
  copy: string,
  without: readonly string[],
): Promise<number | undefined> {
  return runChild({ path, copy: { path: copy, without } });
}

async function runChild(task: Task): Promise<number | undefined> {
  const { size } = await stat(task.path);
  const timeout = TIMEOUT_MS + Math.ceil(size / MEGABYTE) * TIMEOUT_MS_PER_MEGABYTE;
  try {
    return await new Promise<number | undefined>((done, fail) => {
      const child = execFile(
        process.execPath,
        childArguments(__dirname, "check-child"),
        { timeout, windowsHide: true },
        (error, held) => {
          if (error === null) done(Number(held));
          else if (isCrash(error)) done(undefined);
          else if (error.code === REFUSED)
            fail(new StorageError({ reason: held, folder: dirname(task.path), cause: error }));
          // A full process table or memory says nothing about the file: better no gallery for now than one restored
          // for nothing.
          else
            fail(
              new UserError(
                "people.unchecked",
                { file: task.path, reason: error.signal ?? error.code ?? reasonOf(error) },
                { cause: error },
              ),
            );
        },
      );
      // It may have crashed before it read its task.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(JSON.stringify(task));
    });
  } finally {
    await rm(task.path + LOCK_ENDING, { force: true });
  }
}

function isCrash({
  code,
  signal,
}: {
  code?: number | string | null | undefined;
  signal?: NodeJS.Signals | null | undefined;
}): boolean {
  return (
    code === UNSOUND || (typeof code === "number" && code >= WINDOWS_CRASH) || (signal != null && CRASHES.has(signal))
  );
}
