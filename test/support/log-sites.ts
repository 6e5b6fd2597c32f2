/** Lines of sites to a log in PostgreSQL, for tests. */
import { once } from "node:events";
import { inspect } from "node:util";
import { sentenceOf, type UserError } from "../../lib/errors";
import { openPostgresLog, type PostgresLog, type Timing } from "../../lib/sites/postgres/log";
import type { PostgresOptions } from "../../lib/sites/postgres/options";
import { PASSWORD } from "./postgres";

/** Quick to try again. A busy computer is silent for seconds. */
export const QUICK: Partial<Timing> = { retryMs: 50, pollMs: 1000, idleMs: 60_000, connectMs: 60_000 };
/** Quick to find that nobody answers, too; for what has made its tables before. */
export const IMPATIENT: Partial<Timing> = { ...QUICK, idleMs: 3000, connectMs: 3000 };

export const siteOf = (number: number): { id: string; name: string } => ({
  id: String(number).padStart(24, "0"),
  name: `Site ${number}`,
});

/** Of what one test opens; they end with it. */
export class Opened {
  readonly #logs: PostgresLog[] = [];

  open(options: PostgresOptions, site = siteOf(1), timing: Partial<Timing> = QUICK): PostgresLog {
    const log = openPostgresLog(options, site, timing);
    this.#logs.push(log);
    return log;
  }

  /** One that has asked whose log it is. */
  async begin(options: PostgresOptions, site = siteOf(1), timing: Partial<Timing> = QUICK): Promise<PostgresLog> {
    const log = this.open(options, site, timing);
    await log.identity();
    return log;
  }

  async end(): Promise<void> {
    await Promise.all(this.#logs.splice(0).map((log) => log.close()));
  }
}

/** The next time that it is told whether the database answers. */
export async function reachable(log: PostgresLog): Promise<[boolean, UserError | undefined]> {
  return (await once(log, "reachable")) as [boolean, UserError | undefined];
}

/** Why no connection comes to be, in both languages. @throws when one does, or when a secret is told */
export async function refusal(options: PostgresOptions, timing = QUICK): Promise<string> {
  const log = openPostgresLog(options, siteOf(1), timing);
  try {
    const [isReachable, reason] = await reachable(log);
    if (isReachable || reason === undefined) throw new Error("it connected");
    const asked = await log.identity().catch((error: unknown) => error);
    for (const each of [reason, asked])
      if (inspect(each, { depth: 9, showHidden: true }).includes(PASSWORD)) throw new Error("it tells the password");
    return `${sentenceOf(reason)} ${sentenceOf(reason, "zh-TW")}`;
  } finally {
    await log.close();
  }
}
