/**
 * Who has to wait, after failures in a row: NIST SP 800-63B-4, 3.2.3. After five, at least thirty seconds before each
 * further one; after fifty, off until another factor: here a code for one time, which somebody with the permission
 * gives out, or their resetting it. Counted for each person and for the gate as a whole.
 *
 * Only numbers are kept. The wait is measured by a clock that is never set, and begins anew when the process does: no
 * change of the time of day, and no restart, shortens it.
 */
import { z } from "zod";
import { BoundedMap } from "../bounded-map";

/** Failures in a row that cost nothing. */
export const FREE_FAILURES = 5;
/** Before each further one, in milliseconds. */
export const WAIT_MS = 30_000;
/** Failures in a row after which it is off. */
export const MOST_FAILURES = 50;
/** People whose failures are counted; beyond that who failed longest ago is forgotten. */
const MOST_PEOPLE = 10_000;

const count = z.int().min(0);
export const lockoutsSchema = z.object({ gate: count, people: z.record(z.string(), count) });
/** As it is kept. */
export type KeptLockouts = z.infer<typeof lockoutsSchema>;

export interface Locked {
  reason: "locked" | "switched_off";
  /** Milliseconds until it may be tried again; 0 where only another factor helps. */
  wait: number;
}

interface Tally {
  failures: number;
  /** By the clock that is never set: of the last failure, or when the process began. */
  since: number;
}

export class Lockouts {
  readonly #elapsed: () => number;
  #gate: Tally;
  readonly #people = new BoundedMap<string, Tally>(MOST_PEOPLE);

  /** @param elapsed milliseconds by a clock that is never set */
  constructor(elapsed: () => number, kept: KeptLockouts = { gate: 0, people: {} }) {
    this.#elapsed = elapsed;
    const since = elapsed();
    this.#gate = { failures: kept.gate, since };
    for (const [person, failures] of Object.entries(kept.people)) this.#people.set(person, { failures, since });
  }

  /** Why nothing is tried now; undefined where it may be. @param person null is whoever it may be */
  refusal(person: string | null): Locked | undefined {
    const locks = [this.#gate, person === null ? undefined : this.#people.get(person)].flatMap((tally) =>
      tally === undefined ? [] : [this.#lockOf(tally)],
    );
    // Off is told before a wait; of two waits the longer.
    return (
      locks.find((lock) => lock?.reason === "switched_off") ??
      locks.filter((lock) => lock !== undefined).sort((a, b) => b.wait - a.wait)[0]
    );
  }

  /** Milliseconds until even a code for one time may be tried. */
  wait(person: string | null): number {
    const tallies = [this.#gate, ...(person === null ? [] : [this.#people.get(person) ?? { failures: 0, since: 0 }])];
    return Math.max(...tallies.map((tally) => this.#waitOf(tally)));
  }

  /** One more, before it is tried: who ends the process meanwhile has failed. */
  failed(person: string | null): void {
    const since = this.#elapsed();
    this.#gate = { failures: this.#gate.failures + 1, since };
    if (person !== null) this.#people.set(person, { failures: (this.#people.get(person)?.failures ?? 0) + 1, since });
  }

  /** It was none after all; the wait is not shortened. */
  takeBack(person: string | null): void {
    this.#gate.failures = Math.max(0, this.#gate.failures - 1);
    const tally = person === null ? undefined : this.#people.get(person);
    if (tally !== undefined) tally.failures = Math.max(0, tally.failures - 1);
  }

  /** Let in: nobody's failures stand in a row any more, but those of others. */
  succeeded(person: string): void {
    this.reset(person);
    this.#gate = { failures: 0, since: this.#elapsed() };
  }

  /** @param person null is the gate, and everybody */
  reset(person: string | null): void {
    if (person !== null) {
      this.#people.delete(person);
      return;
    }
    this.#gate = { failures: 0, since: this.#elapsed() };
    this.#people.clear();
  }

  /** Failures in a row. @param person null is the gate */
  failuresOf(person: string | null): number {
    return person === null ? this.#gate.failures : (this.#people.get(person)?.failures ?? 0);
  }

  get kept(): KeptLockouts {
    const people = [...this.#people].filter(([, { failures }]) => failures > 0);
    return {
      gate: this.#gate.failures,
      people: Object.fromEntries(people.map(([person, { failures }]) => [person, failures])),
    };
  }

  #lockOf(tally: Tally): Locked | undefined {
    if (tally.failures >= MOST_FAILURES) return { reason: "switched_off", wait: 0 };
    const wait = this.#waitOf(tally);
    return wait > 0 ? { reason: "locked", wait } : undefined;
  }

  #waitOf({ failures, since }: Tally): number {
    return failures < FREE_FAILURES ? 0 : Math.max(0, since + WAIT_MS - this.#elapsed());
  }
}
