/** One Node-RED at a time uses a gallery. */
import { randomBytes } from "node:crypto";
import { readFile, realpath, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const FILE = "in-use.json";
const PRIVATE_FILE = 0o600;
/** A holder on another computer shows by this that it lives, … */
const BEAT_MS = 10_000;
/** … and is taken for dead when it has not for so long. */
const DEAD_MS = 60_000;
/** Two that take over from a dead holder at the same moment: the later one's file stands, the earlier sees it. */
const SETTLE_MS = 20;
const TOKEN_BYTES = 8;

const holderSchema = z.object({ pid: z.number().int(), startedAt: z.string(), host: z.string(), token: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** Folders held by this process. */
const held = new Set<string>();

export interface Lock {
  release(): Promise<void>;
}

/** @throws a sentence that names the holder when the folder is in use */
export async function takeLock(folder: string): Promise<Lock> {
  const place = await realpath(folder);
  if (held.has(place)) throw new Error(`the people in ${folder} are used by another gallery of this Node-RED: give each gallery a folder of its own.`);
  held.add(place);
  const path = join(place, FILE);
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  try {
    await take(path, { pid: process.pid, startedAt: await startOf(process.pid), host: hostname(), token });
  } catch (error) {
    held.delete(place);
    throw error;
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  beat.unref();
  return {
    async release() {
      clearInterval(beat);
      if ((await read(path))?.token === token) await rm(path, { force: true });
      held.delete(place);
    },
  };
}

async function take(path: string, holder: Holder): Promise<void> {
  const text = JSON.stringify(holder);
  try {
    await writeFile(path, text, { flag: "wx", mode: PRIVATE_FILE });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const other = await read(path);
  if (other !== undefined && (await isAlive(path, other))) throw new Error(`the people in ${path.slice(0, -FILE.length - 1)} are in use by another Node-RED (process ${other.pid} on ${other.host}): only one can use a gallery at a time. End that one, or use another user folder.`);
  await writeFile(path, text, { mode: PRIVATE_FILE });
  await sleep(SETTLE_MS);
  if ((await read(path))?.token !== holder.token) throw new Error(`another Node-RED took the people in ${path} at the same moment: only one can use a gallery at a time.`);
}

/** Undefined when there is none, or a crash left half of it. */
async function read(path: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

async function isAlive(path: string, { pid, startedAt, host }: Holder): Promise<boolean> {
  if (host !== hostname()) return Date.now() - (await stat(path)).mtimeMs < DEAD_MS;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process lives too.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  // Another process may have been given the number meanwhile.
  return (await startOf(pid)) === startedAt;
}

/** When a process began, as far as the system tells without a program: field 22 of Linux' /proc/PID/stat (proc(5)). */
async function startOf(pid: number): Promise<string> {
  const START_FIELD = 22;
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets, and may hold spaces.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[START_FIELD - 3] ?? "";
  } catch {
    return "";
  }
}
