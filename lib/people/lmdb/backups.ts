/**
 * Backups that rotate: the newest, one of about a day ago and one of about a week ago; and what to do when the
 * database is damaged.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { link, rename, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  PRIVATE_FILE,
  closeToOthers,
  ignoreMissing,
  isMissing,
  namesIn,
  removeDurable,
  syncFolder,
} from "../../files";
import { copyWithout } from "./check";
import { type Database, freshOf, makeDurable } from "./database";
import { removeDatabase } from "./open";

/** The newest first. */
const SLOTS = ["recent", "day", "week"] as const;
type Slot = (typeof SLOTS)[number];
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const ASIDE = /\.mdb\.damaged-/;
/** Somebody had a month to look at what was set aside. */
const ASIDE_MS = 30 * DAY_MS;

export class Backups {
  readonly #store: string;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #slots: readonly Slot[];

  /**
   * @param folder of the store
   * @param options `prefix` of the files' names, for a database beside the people's; `newestAlone` keeps no older ones
   */
  constructor(folder: string, { prefix = "", newestAlone = false } = {}) {
    this.#store = folder;
    this.#folder = join(folder, "backups");
    this.#prefix = prefix;
    this.#slots = newestAlone ? ["recent"] : SLOTS;
  }

  /** Make the newest one; older ones move on when their time has come. */
  async make(database: Database, now: number): Promise<void> {
    await closeToOthers(this.#folder);
    const fresh = freshOf(this.#pathOf("recent"));
    await database.copyTo(fresh);
    if (this.#slots.includes("day")) await this.#rotate(now);
    await move(fresh, this.#pathOf("recent"));
    await syncFolder(this.#folder);
  }

  /** When the newest was made, ms since the epoch; undefined where there is none. */
  madeAt(): Promise<number | undefined> {
    return timeOf(this.#pathOf("recent"));
  }

  /** Whether there is one. */
  async isThere(): Promise<boolean> {
    const times = await Promise.all(this.#slots.map((slot) => timeOf(this.#pathOf(slot))));
    return times.some((time) => time !== undefined);
  }

  /** Whether a database is gone by mistake: one that is new has no backup. @throws the system's error */
  async isLost(path: string): Promise<boolean> {
    return (await isMissing(path)) && (await this.isThere());
  }

  /**
   * Take records out of every backup: those that hold one are written anew, one that cannot be read is deleted.
   * @returns how many that were
   */
  async purge(gone: readonly string[]): Promise<number> {
    const changed = await Promise.all(this.#slots.map((slot) => this.#purgeOne(this.#pathOf(slot), gone)));
    return changed.filter(Boolean).length;
  }

  /** Delete all of them. */
  async removeAll(): Promise<void> {
    for (const slot of this.#slots) await removeDatabase(this.#pathOf(slot));
    await syncFolder(this.#folder).catch(ignoreMissing);
  }

  /**
   * Put a damaged database aside, where it is not gone, and the newest good backup in its place; backups that are no
   * good go aside too.
   * @returns where it is now, "" where it was gone, and when the backup was made; undefined when there is no good one
   * @throws the system's error when the disk refuses; then nothing was changed
   */
  async restore(
    path: string,
    now: number,
    isGood: (path: string) => Promise<boolean>,
  ): Promise<{ aside: string; madeAt: number | undefined }> {
    for (const slot of this.#slots) {
      const backup = this.#pathOf(slot);
      const madeAt = await timeOf(backup);
      if (madeAt === undefined) continue;
      if (!(await isGood(backup))) {
        await setAside(backup, now);
        continue;
      }
      // First the copy: on a full disk the damaged file is all there is.
      const fresh = freshOf(path);
      try {
        // Not copyFile: on XFS both files would share their place until one is written to, which needs room.
        await pipeline(createReadStream(backup), createWriteStream(fresh, { mode: PRIVATE_FILE }));
        await makeDurable(fresh);
      } catch (error) {
        await removeDatabase(fresh);
        throw error;
      }
      return { aside: basename(await replace(path, fresh, now)), madeAt };
    }
    return { aside: basename(await setAside(path, now)), madeAt: undefined };
  }

  /** Delete what was set aside. @param before ms since the epoch @returns how many there were */
  async removeAsides(before = Infinity): Promise<number> {
    const old: string[] = [];
    for (const path of await this.#asides()) if (((await timeOf(path)) ?? Infinity) < before) old.push(path);
    await removeDurable(old);
    return old.length;
  }

  /**
   * Delete what was set aside a month ago, and what a crash left half-written.
   * @returns whether there still is something set aside
   */
  async tidy(now: number): Promise<boolean> {
    await removeDatabase(freshOf(this.#pathOf("recent")));
    for (const slot of this.#slots) await removeDatabase(freshOf(this.#pathOf(slot)));
    await this.removeAsides(now - ASIDE_MS);
    return this.hasAsides();
  }

  async #rotate(now: number): Promise<void> {
    const [recent, day, week] = SLOTS.map((slot) => this.#pathOf(slot)) as [string, string, string];
    if (!(await isOlder(day, DAY_MS, now))) return;
    if (await isOlder(week, WEEK_MS, now)) await move(day, week);
    await move(recent, day);
  }

  /** Whether something is set aside, of the store or of what lies beside it. */
  async hasAsides(): Promise<boolean> {
    return (await this.#asides()).length > 0;
  }

  async #purgeOne(path: string, gone: readonly string[]): Promise<boolean> {
    const times = await stat(path).catch(() => undefined);
    if (times === undefined) return false;
    const fresh = freshOf(path);
    await removeDatabase(fresh);
    try {
      const held = await copyWithout(path, fresh, gone);
      if (held === 0) return false;
      if (held === undefined) await removeDatabase(path);
      else {
        await makeDurable(fresh);
        // Its age says when its turn is.
        await utimes(fresh, times.atime, times.mtime);
        await rename(fresh, path);
      }
      await syncFolder(this.#folder);
      return true;
    } finally {
      await removeDatabase(fresh);
    }
  }

  async #asides(): Promise<string[]> {
    const found: string[] = [];
    for (const folder of [this.#store, this.#folder])
      for (const file of await namesIn(folder)) if (ASIDE.test(file)) found.push(join(folder, file));
    return found;
  }

  #pathOf(slot: Slot): string {
    return join(this.#folder, `${this.#prefix}${slot}.mdb`);
  }
}

/** Its time is that of the setting aside from now on. @returns where it is now */
async function setAside(path: string, now: number): Promise<string> {
  const aside = await nameAside(path, now);
  await removeDatabase(path);
  return aside;
}

/**
 * As setAside, but what takes its place has its name at once: a crash in between leaves no gallery that begins empty.
 */
async function replace(path: string, fresh: string, now: number): Promise<string> {
  const aside = await nameAside(path, now);
  await rename(fresh, path);
  await syncFolder(dirname(path));
  return aside;
}

/**
 * Give it a second name, or where the file system knows no second names another one.
 * @returns "" where there is none
 */
async function nameAside(path: string, now: number): Promise<string> {
  const aside = `${path}.damaged-${new Date(now).toISOString().replaceAll(":", "-")}`;
  if ((await timeOf(path)) === undefined) return "";
  await link(path, aside).catch(() => rename(path, aside));
  await utimes(aside, now / 1000, now / 1000);
  return aside;
}

async function timeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/** One of the future is of a clock that was put back: nothing says how old it is. */
async function isOlder(path: string, ms: number, now: number): Promise<boolean> {
  const madeAt = await timeOf(path);
  return madeAt === undefined || now - madeAt > ms || madeAt - now > ms;
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch(ignoreMissing);
}
