/** Fake programs: shell scripts on a PATH of the test's own. */
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const PATH = process.env["PATH"] ?? "";

/** A folder with these programs, and it alone on the PATH; `beside` keeps the rest behind it. */
export function withPrograms(programs: Readonly<Record<string, string>>, { beside = false } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "programs-"));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\nhere="\${0%/*}"\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  process.env["PATH"] = beside ? `${folder}${delimiter}${PATH}` : folder;
  return folder;
}

export function restorePath(): void {
  process.env["PATH"] = PATH;
}

/**
 * Resolves when the condition holds.
 * @throws when that takes more than a minute, which is long on a busy computer too
 */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const POLL_MS = 20;
  for (
    const deadline = Date.now() + 60_000;
    !condition();
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    })
  ) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

/** Whether a process of this id runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether a program of this name is on the PATH. */
export function isInstalled(program: string): boolean {
  return PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}
