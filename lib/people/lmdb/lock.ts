/** One Node-RED at a time uses a gallery. */
import { randomBytes } from "node:crypto";
import { readFile, readlink, realpath, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { heard } from "../../observe/heard";
import { UserError } from "../../errors";
import { PRIVATE_FILE } from "../../files";
import { inTime } from "../../workers/in-time";

const FILE = "in-use.json";
/** How a holder shows that it lives to whoever cannot see its process: on another computer, in another container. */
const TIMES = { beatMs: 2000, deadMs: 12_000 };
const LOOK_MS = 250;
/** Two that take over from a dead holder at the same moment: the later one's file stands, the earlier sees it. */
const SETTLE_MS = 20;
const TOKEN_BYTES = 8;

/** `space` is where the number of the process counts: a computer has many such spaces when it runs containers. */
const holderSchema = z.object({
  pid: z.number().int(),
  startedAt: z.string(),
  host: z.string(),
  space: z.string().default(""),
  token: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** Folders held by this process; each promise resolves when it is held no more. */
const held = new Map<string, Promise<void>>();

/** Waiting for whoever of this process has the folder: a gallery that closes while the next is opened. */
export interface HandOver {
  ms: number;
  signal: AbortSignal;
  /** Hears that it is waited. */
  onWait: () => void;
}

const NO_WAITING: HandOver = { ms: 0, signal: new AbortController().signal, onWait: () => undefined };

export interface Lock {
  release(): Promise<void>;
}

/**
 * At once when nobody has the folder, or a process that can be seen to be dead. A holder elsewhere is waited for until
 * it shows that it
 * lives, or has not for so long that it must be dead.
 * @throws a sentence that names the holder when the folder is in use
 */
export async function takeLock(folder: string, times = TIMES, handOver = NO_WAITING): Promise<Lock> {
  const place = await realpath(folder);
  const end = await hold(place, folder, handOver);
  const path = join(place, FILE);
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  try {
    await take(
      path,
      { pid: process.pid, startedAt: await startOf(process.pid), host: hostname(), space: await spaceOf(), token },
      times.deadMs,
    );
  } catch (error) {
    end();
    throw error;
  }
  const beat = setInterval(() => heard("lock", utimes(path, new Date(), new Date())), times.beatMs);
  beat.unref();
  return {
    async release() {
      clearInterval(beat);
      try {
        if ((await read(path))?.token === token) await rm(path, { force: true });
      } finally {
        end();
      }
    },
  };
}

/**
 * Within this process.
 * @returns what lets it go
 * @throws a sentence when it is not handed over in time; the signal's reason
 */
async function hold(place: string, folder: string, { ms, signal, onWait }: HandOver): Promise<() => void> {
  const end = performance.now() + ms;
  if (ms > 0 && held.has(place)) onWait();
  for (let other = held.get(place); other !== undefined; other = held.get(place)) {
    const left = end - performance.now();
    if (left > 0) await inTime(other, left, signal);
    signal.throwIfAborted();
    if (held.get(place) === other) throw new UserError("people.usedHere", { folder });
  }
  // Nothing runs between this and the look, so that of several who wait one has it.
  let letGo = (): void => undefined;
  held.set(
    place,
    new Promise<void>((resolve) => {
      letGo = resolve;
    }),
  );
  return () => {
    held.delete(place);
    letGo();
  };
}

async function take(path: string, holder: Holder, deadMs: number): Promise<void> {
  const text = JSON.stringify(holder);
  try {
    await writeFile(path, text, { flag: "wx", mode: PRIVATE_FILE });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      // Half of it would be somebody's.
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
  }
  const other = await read(path);
  if (other !== undefined && (await isAlive(path, other, holder, deadMs)))
    throw new UserError("people.usedElsewhere", {
      folder: path.slice(0, -FILE.length - 1),
      process: other.pid,
      host: other.host,
    });
  await writeFile(path, text, { mode: PRIVATE_FILE });
  await sleep(SETTLE_MS);
  if ((await read(path))?.token !== holder.token) throw new UserError("people.takenElsewhere", { file: path });
}

/** Undefined when there is none, or a crash left half of it. */
async function read(path: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

async function isAlive(
  path: string,
  { pid, startedAt, host, space }: Holder,
  self: Holder,
  deadMs: number,
): Promise<boolean> {
  if (host !== self.host || space !== self.space) return beats(path, deadMs);
  // Held by nobody in this process, so left by one that had its number before.
  if (pid === self.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process lives too.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  // Another process may have been given the number meanwhile; where nobody tells when it began, the holder must show
  // that it lives.
  return startedAt === "" ? beats(path, deadMs) : (await startOf(pid)) === startedAt;
}

/** Whether a holder touches its file. Clocks of two computers differ, so it is watched. */
async function beats(path: string, deadMs: number): Promise<boolean> {
  const first = await timeOf(path);
  for (const end = performance.now() + deadMs; performance.now() < end; await sleep(LOOK_MS))
    if ((await timeOf(path)) !== first) return true;
  return false;
}

async function timeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/** The space in which numbers of processes count, on Linux (namespaces(7)). */
async function spaceOf(): Promise<string> {
  return readlink("/proc/self/ns/pid").catch(() => "");
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
