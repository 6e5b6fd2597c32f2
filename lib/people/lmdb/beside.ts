/** A database for what is kept beside the people, in a folder of its own in theirs, sealed as they are. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { closeToOthers } from "../../files";
import { phrase, worded } from "../../words/sentence";
import type { StoreProblem } from "../store";
import { Backups } from "./backups";
import { isSound } from "./check";
import { Database, freshOf } from "./database";
import { removeDatabase } from "./open";
import type { Secret } from "./secret";

export interface BesideOptions {
  /** Of the people's store, which is open, has the folder for itself and is closed after this. */
  folder: string;
  /** Of the folder and the file. */
  name: string;
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

/** Whether there is such a database. */
export async function isBeside({ folder, name }: Pick<BesideOptions, "folder" | "name">): Promise<boolean> {
  return (await stat(pathOf(folder, name)).catch(() => undefined)) !== undefined;
}

/**
 * One that is damaged is set aside, its newest backup takes its place, and both are told.
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
  const isGood = async (file: string): Promise<boolean> =>
    (await isSound(file)) && (!secret.encrypts || (await Database.opens(file, secret)));
  await closeToOthers(own);
  await removeDatabase(freshOf(path));
  const backups = new Backups(own);
  await backups.tidy(Date.now());
  if ((await isBeside({ folder, name })) && !(await isGood(path))) {
    const { aside, madeAt } = await backups.restore(path, Date.now(), isGood);
    const said = { folder: own, because: "", aside };
    onProblem(
      madeAt === undefined
        ? { code: "no_backup", ...worded(phrase("people.noBackup", said)) }
        : {
            code: "damaged_database",
            ...worded(phrase("people.damagedDatabase", { ...said, at: new Date(madeAt).toISOString() })),
          },
    );
  }
  return { database: await Database.open(path, secret), backups };
}

const pathOf = (folder: string, name: string): string => join(folder, name, `${name}.mdb`);
