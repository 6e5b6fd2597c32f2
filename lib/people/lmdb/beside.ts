/** A database for what is kept beside the people, in a folder of its own in theirs, sealed as they are. */
import { join } from "node:path";
import { closeToOthers, isMissing } from "../../files";
import type { StoreProblem } from "../store";
import { Backups } from "./backups";
import { Database, freshOf } from "./database";
import { removeDatabase } from "./open";
import { isGood, restoreNewest } from "./restore";
import type { Secret } from "./secret";

export interface BesideOptions {
  /** Of the people's store, which is open, has the folder for itself and is closed after this. */
  folder: string;
  /** Of the folder and the file. */
  name: "attendance" | "sites";
  /** As the people are sealed. */
  secret: Secret;
  /** Hears of damage, and of what was done about it. */
  onProblem?: ((problem: StoreProblem) => void) | undefined;
}

export interface BesideDatabase {
  database: Database;
  /** Of its own. */
  backups: Backups;
}

/** Whether there is such a database, or what is left of it. @throws the system's error */
export async function isBeside({ folder, name }: Pick<BesideOptions, "folder" | "name">): Promise<boolean> {
  return !(await isMissing(pathOf(folder, name))) || new Backups(join(folder, name)).isThere();
}

/**
 * One that is damaged is set aside, its newest backup takes its place, also where it is gone, and all is told.
 * @throws the system's error
 */
export async function openBeside({
  folder,
  name,
  secret,
  onProblem = () => undefined,
}: BesideOptions): Promise<BesideDatabase> {
  const own = join(folder, name);
  const path = pathOf(folder, name);
  await closeToOthers(own);
  await removeDatabase(freshOf(path));
  const backups = new Backups(own);
  await backups.tidy(Date.now());
  if ((await backups.isLost(path)) || (!(await isMissing(path)) && !(await isGood(path, secret))))
    onProblem(await restoreNewest(backups, path, { folder: own, of: name, secret }));
  return { database: await Database.open(path, secret), backups };
}

const pathOf = (folder: string, name: string): string => join(folder, name, `${name}.mdb`);
