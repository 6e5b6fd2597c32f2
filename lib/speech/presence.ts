/** Who was greeted and still stands there. */
import { BoundedMap } from "../bounded-map";

/** More people than ever stand before one camera; beyond this those seen longest ago are forgotten. */
export const MAX_PEOPLE = 10_000;

export class Presence {
  readonly #cooldownMs: number;
  readonly #now: () => number;
  readonly #lastSeen = new BoundedMap<string, number>(MAX_PEOPLE);

  /**
   * @param cooldown seconds that somebody must have been away
   * @param now milliseconds; by default a clock that nobody sets, as a Pi's is when it finds the network
   */
  constructor(cooldown: number, now: () => number = () => performance.now()) {
    this.#cooldownMs = cooldown * 1000;
    this.#now = now;
  }

  /**
   * Those among the people seen now who are not being greeted already: not seen within the cooldown.
   * Somebody who is greeted and stays is kept in mind, however long.
   */
  arrivals(names: readonly string[]): string[] {
    const now = this.#now();
    return [...new Set(names)].filter((name) => {
      const last = this.#lastSeen.get(name);
      const present = last !== undefined && now - last < this.#cooldownMs;
      if (present) this.#see(name, now);
      return !present;
    });
  }

  /** These were greeted now. */
  greeted(names: readonly string[]): void {
    for (const name of names) this.#see(name, this.#now());
  }

  #see(name: string, now: number): void {
    this.#lastSeen.set(name, now);
  }
}
