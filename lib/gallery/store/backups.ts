/** Backups that rotate: the newest, one of about a day ago and one of about a week ago; and what to do when the database is damaged. */
import { execFile } from "node:child_process";
import { copyFile, chmod, open, rename, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { closeToOthers, syncFolder } from "../files";
import { type Database, removeDatabase } from "./database";

const SLOTS = ["recent", "day", "week"] as const;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** A gigabyte is read in seconds; a process that takes longer hangs. */
const CHECK_TIMEOUT_MS = 120_000;
const PRIVATE_FILE = 0o600;

export class Backups {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, "backups");
  }

  /** Make the newest one; older ones move on when their time has come. */
  async make(database: Database, now: number): Promise<void> {
    await closeToOthers(this.#folder);
    const fresh = join(this.#folder, "new.mdb");
    await database.copyTo(fresh);
    const [recent, day, week] = SLOTS.map((slot) => this.#pathOf(slot)) as [string, string, string];
    if (now - ((await timeOf(day)) ?? -Infinity) > DAY_MS) {
      if (now - ((await timeOf(week)) ?? -Infinity) > WEEK_MS) await move(day, week);
      await move(recent, day);
    }
    await move(fresh, recent);
    await syncFolder(this.#folder);
  }

  /** Delete all of them. @returns how many there were */
  async removeAll(): Promise<number> {
    let removed = 0;
    for (const slot of SLOTS) {
      if ((await timeOf(this.#pathOf(slot))) !== undefined) removed += 1;
      await removeDatabase(this.#pathOf(slot));
    }
    if (removed > 0) await syncFolder(this.#folder);
    return removed;
  }

  /**
   * Put a damaged database aside and the newest good backup in its place.
   * @returns where it is now, and when the backup was made; undefined when there is no good one
   */
  async restore(path: string, now: number): Promise<{ aside: string; madeAt: number | undefined }> {
    const aside = `${path}.damaged-${new Date(now).toISOString().replaceAll(":", "-")}`;
    await rename(path, aside);
    await removeDatabase(path);
    for (const slot of SLOTS) {
      const backup = this.#pathOf(slot);
      const madeAt = await timeOf(backup);
      if (madeAt === undefined || !(await isSound(backup))) continue;
      await copyFile(backup, path);
      await chmod(path, PRIVATE_FILE);
      await syncFile(path);
      await syncFolder(dirname(path));
      return { aside: basename(aside), madeAt };
    }
    return { aside: basename(aside), madeAt: undefined };
  }

  #pathOf(slot: (typeof SLOTS)[number]): string {
    return join(this.#folder, `${slot}.mdb`);
  }
}

/** Whether a database can be read from end to end; asked in a process of its own, which a damaged one may crash. */
export async function isSound(path: string): Promise<boolean> {
  // Under a loader of TypeScript this process's own flags bring it along.
  const program = join(__dirname, `check-child${extname(__filename)}`);
  return new Promise((done) => {
    execFile(process.execPath, [...process.execArgv.filter((flag) => !flag.startsWith("--test") && !flag.startsWith("--inspect")), program, path], { timeout: CHECK_TIMEOUT_MS, windowsHide: true }, (error) => done(error === null));
  });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function timeOf(path: string): Promise<number | undefined> {
  return stat(path).then(({ mtimeMs }) => mtimeMs, () => undefined);
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
