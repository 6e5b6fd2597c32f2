/** A damaged database gives way to its newest good backup. */
import { reasonOf } from "../../errors";
import { phrase, worded } from "../../words/sentence";
import type { StoreProblem } from "../store";
import type { Backups } from "./backups";
import { isSound } from "./check";
import { Database } from "./database";
import type { Secret } from "./secret";

/** Whether a database can be read from end to end, by a process of its own, and opened with this secret. */
export async function isGood(path: string, secret: Secret): Promise<boolean> {
  // Only whoever has the key can tell whether what is sealed is unharmed.
  return (await isSound(path)) && (!secret.encrypts || (await Database.opens(path, secret)));
}

/** What is told of each database. */
const SENTENCES = {
  people: { noBackup: "people.noBackup", damaged: "people.damagedDatabase", missing: "people.missingDatabase" },
  visits: { noBackup: "visits.noBackup", damaged: "visits.damagedDatabase", missing: "visits.missingDatabase" },
  attendance: {
    noBackup: "attendance.noBackup",
    damaged: "attendance.damagedDatabase",
    missing: "attendance.missingDatabase",
  },
  // Of these no backups are made: all is in the log.
  sites: { noBackup: "sites.noBackup", damaged: "sites.damagedDatabase", missing: "sites.noBackup" },
} as const;

export interface Damage {
  /** For sentences. */
  folder: string;
  /** Of what: its sentences. */
  of: keyof typeof SENTENCES;
  secret: Secret;
  /** What told that it is damaged, where that was not the reading from end to end. */
  cause?: unknown;
}

/** @returns what is to be told of it @throws the system's error when the disk refuses; then nothing was changed */
export async function restoreNewest(
  backups: Backups,
  path: string,
  { folder, of, secret, cause }: Damage,
): Promise<StoreProblem> {
  const { aside, madeAt } = await backups.restore(path, Date.now(), (backup) => isGood(backup, secret));
  const because = cause === undefined ? "" : phrase("people.because", { reason: reasonOf(cause) });
  const said = { folder, because, aside };
  if (madeAt === undefined) return { code: "no_backup", ...worded(phrase(SENTENCES[of].noBackup, said)) };
  const at = new Date(madeAt).toISOString();
  if (aside === "") return { code: "damaged_database", ...worded(phrase(SENTENCES[of].missing, { ...said, at })) };
  return { code: "damaged_database", ...worded(phrase(SENTENCES[of].damaged, { ...said, at })) };
}
