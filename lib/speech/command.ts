import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is on the PATH, or undefined. */
export function which(program: string): string | undefined {
  const endings = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const ending of endings) {
      const path = join(folder, program + ending);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}

export interface CommandOptions {
  timeoutMs: number;
  /** Written to its standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Run a program with an argument array, never a shell, and an end. @throws a sentence that names it */
export function run(program: string, args: readonly string[], { timeoutMs, input, env, signal }: CommandOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true, env: env ?? process.env, ...(signal === undefined ? {} : { signal }) }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else if (error.killed === true) reject(new Error(`${program} did not end within ${timeoutMs / 1000} seconds and was stopped.`, { cause: error }));
      else reject(new Error(`${program} failed: ${stderr.trim().split("\n").at(-1) || error.message}.`, { cause: error }));
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input ?? "");
  });
}
