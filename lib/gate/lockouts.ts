/**
 * Who has to wait, after failures in a row: NIST SP 800-63B-4, 3.2.3. After five, at least thirty seconds before each
 * further one; after fifty, off until another factor: here a code for one time, which somebody with the permission
 * gives out, or their resetting it. Counted for each person, over all gates that share their second factors, and for
 * the gate as a whole.
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
export const peopleSchema = z.record(z.string(), count);
export const lockoutsSchema = z.object({ gate: count, people: peopleSchema });
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

/** Failures in a row of each person. */
export class PeopleFailures {
  readonly #elapsed: () => number;
  readonly #tallies = new BoundedMap<string, Tally>(MOST_PEOPLE);

  /** @param elapsed milliseconds by a clock that is never set */
  constructor(elapsed: () => number, kept: KeptLockouts["people"] = {}) {
    this.#elapsed = elapsed;
    this.takeIn(kept);
  }

  of(person: string): Tally | undefined {
    return this.#tallies.get(person);
  }

  failed(person: string): void {
    this.#tallies.set(person, { failures: (this.of(person)?.failures ?? 0) + 1, since: this.#elapsed() });
  }

  takeBack(person: string): void {
    const tally = this.of(person);
    if (tally !== undefined) tally.failures = Math.max(0, tally.failures - 1);
  }

  /** @param person null is everybody */
  reset(person: string | null): void {
    if (person === null) this.#tallies.clear();
    else this.#tallies.delete(person);
  }

  /** Those of a gate that counted for itself, as often as it is told. */
  takeIn(kept: KeptLockouts["people"]): void {
    const since = this.#elapsed();
    for (const [person, failures] of Object.entries(kept))
      if (failures > (this.of(person)?.failures ?? 0)) this.#tallies.set(person, { failures, since });
  }

  get kept(): KeptLockouts["people"] {
    const failed = [...this.#tallies].filter(([, { failures }]) => failures > 0);
    return Object.fromEntries(failed.map(([person, { failures }]) => [person, failures]));
  }
}

export class Lockouts {
  readonly #elapsed: () => number;
  readonly #people: PeopleFailures;
  readonly #own: boolean;
  #gate: Tally;

  /**
   * @param elapsed milliseconds by a clock that is never set
   * @param shared failures of people, where other gates count them too
   */
  constructor(elapsed: () => number, kept: KeptLockouts = { gate: 0, people: {} }, shared?: PeopleFailures) {
    this.#elapsed = elapsed;
    this.#gate = { failures: kept.gate, since: elapsed() };
    this.#own = shared === undefined;
    this.#people = shared ?? new PeopleFailures(elapsed);
    this.#people.takeIn(kept.people);
  }

  /** Why nothing is tried now; undefined where it may be. @param person null is whoever it may be */
  refusal(person: string | null): Locked | undefined {
    const locks = [this.#gate, person === null ? undefined : this.#people.of(person)].flatMap((tally) =>
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
    const tallies = [this.#gate, ...(person === null ? [] : [this.#people.of(person) ?? { failures: 0, since: 0 }])];
    return Math.max(...tallies.map((tally) => this.#waitOf(tally)));
  }

  /** One more, before it is tried: who ends the process meanwhile has failed. */
  failed(person: string | null): void {
    this.#gate = { failures: this.#gate.failures + 1, since: this.#elapsed() };
    if (person !== null) this.#people.failed(person);
  }

  /** It was none after all; the wait is not shortened. */
  takeBack(person: string | null): void {
    this.#gate.failures = Math.max(0, this.#gate.failures - 1);
    if (person !== null) this.#people.takeBack(person);
  }

  /**
   * Let in: nobody's failures stand in a row any more, but those of others.
   * @param person null where no second factor was given: a face alone makes nobody's wrong PINs good
   */
  succeeded(person: string | null): void {
    if (person !== null) this.reset(person);
    this.#gate = { failures: 0, since: this.#elapsed() };
  }

  /** @param person null is the gate, and everybody */
  reset(person: string | null): void {
    this.#people.reset(person);
    if (person === null) this.#gate = { failures: 0, since: this.#elapsed() };
  }

  /** Failures in a row. @param person null is the gate */
  failuresOf(person: string | null): number {
    return person === null ? this.#gate.failures : (this.#people.of(person)?.failures ?? 0);
  }

  /** Of each person who has failed. */
  get people(): KeptLockouts["people"] {
    return this.#people.kept;
  }

  /** What the gate keeps; what others count too is kept for all. */
  get kept(): KeptLockouts {
    return { gate: this.#gate.failures, people: this.#own ? this.people : {} };
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
