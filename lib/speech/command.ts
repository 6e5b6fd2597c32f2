import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { reasonOf, UserError } from "../errors";
import { asStorageError } from "../storage";
import { phrase } from "../words/sentence";

/** Where a program is on the PATH, or undefined. */
export function which(program: string): string | undefined {
  // Not .cmd or .bat: those run in a shell.
  const ending = process.platform === "win32" ? ".exe" : "";
  // An empty entry would mean the folder that Node-RED was started in.
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter((entry) => entry !== "")) {
    const path = join(folder, program + ending);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

export interface CommandOptions {
  timeoutMs: number;
  /** Written to its standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Ends it at once. */
  signal?: AbortSignal | undefined;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Run a program with an argument array, never a shell, and an end.
 * @returns its standard output
 * @throws a sentence that names it
 */
export function run(
  program: string,
  args: readonly string[],
  { timeoutMs, input, env, signal }: CommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new UserError("speech.stopped", { program }));
      return;
    }
    const child = execFile(
      program,
      args,
      {
        timeout: timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: MAX_OUTPUT_BYTES,
        windowsHide: true,
        env: env ?? process.env,
      },
      (error, stdout, stderr) => {
        signal?.removeEventListener("abort", kill);
        if (error === null) resolve(stdout);
        else if (signal?.aborted === true) reject(new UserError("speech.stopped", { program }, { cause: error }));
        else if (error.killed === true)
          reject(new UserError("speech.late", { program, seconds: timeoutMs / 1000 }, { cause: error }));
        else
          reject(
            new UserError(
              "speech.failed",
              { program, reason: stderr.trim().split("\n").at(-1) || reasonOf(error) },
              { cause: error },
            ),
          );
      },
    );
    // execFile's own signal asks with SIGTERM, which a hanging program need not hear.
    const kill = (): void => {
      child.kill("SIGKILL");
    };
    signal?.addEventListener("abort", kill, { once: true });
    // A program that does not read ends with EPIPE here; its exit code says the rest.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input ?? "");
  });
}

/** A block of the usual file systems: where it fits, what was written before it was not cut short. */
const SPARE_BYTES = 4096;

/**
 * Gives the path of a WAV file in a folder that only this user can look into, and removes it afterwards.
 * @throws StorageError when the disk refuses
 */
export async function withWavFile<T>(work: (path: string) => Promise<T>): Promise<T> {
  const parent = tmpdir();
  try {
    const folder = await mkdtemp(join(parent, "greeting-"));
    try {
      return await work(join(folder, "greeting.wav"));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (error) {
    // A sentence of ours may hold words of a program, which are no error of this disk.
    throw error instanceof UserError ? error : asStorageError(error, parent, phrase("speech.notSpoken"));
  }
}

/**
 * Run a program that writes a WAV file. @returns the file
 * @throws StorageError when the disk did not take it: programs tell that each in their own words, are ended by the
 * system, or say nothing
 */
export function runIntoWav(
  program: string,
  argsFor: (path: string) => readonly string[],
  options: CommandOptions & { fileVariable?: string },
): Promise<Buffer> {
  return withWavFile(async (path) => {
    const { fileVariable, env = process.env } = options;
    let wav: Buffer | undefined;
    try {
      await run(program, argsFor(path), {
        ...options,
        env: fileVariable === undefined ? env : { ...env, [fileVariable]: path },
      });
      wav = await readFile(path).catch(() => undefined);
    } finally {
      await appendFile(path, Buffer.alloc(SPARE_BYTES), { mode: 0o600 });
    }
    if (wav === undefined || wav.length === 0)
      throw new UserError("speech.failed", { program, reason: phrase("speech.noSound") });
    return wav;
  });
}
