/**
 * How long ago something was told whose time is by this computer's clock, where that may have been set since: by hand,
 * or from the network, minutes after the start of a computer that has no clock of its own.
 */

export interface Clock {
  /** Milliseconds since the epoch, by this computer's clock. */
  now(): number;
  /** Milliseconds by a clock that is never set. */
  elapsed(): number;
}

/** What differs by more was set; by less, two clocks that go differently. */
const JUMP_MS = 1000;
/** Of a clock that is set all the time. */
const MOST_SETTINGS = 10;

export class Age {
  readonly #clock: Clock;
  readonly #memoryMs: number;
  /** How far the one clock was behind the other. */
  #behind: number;
  /** The same before the clock was set, and when that was noticed, by the clock that is never set. */
  #before: { behind: number; noticed: number }[] = [];

  /** @param memoryMs what is older is not told from what is older still */
  constructor(memoryMs: number, clock: Clock = { now: () => Date.now(), elapsed: () => performance.now() }) {
    this.#memoryMs = memoryMs;
    this.#clock = clock;
    this.#behind = clock.elapsed() - clock.now();
  }

  /**
   * @param at milliseconds since the epoch, as the clock was when it was told
   * @returns milliseconds, by the setting of the clock that makes it newest; 0 of what is said to be of the future
   */
  of(at: number): number {
    const elapsed = this.#clock.elapsed();
    const behind = elapsed - this.#clock.now();
    if (Math.abs(behind - this.#behind) > JUMP_MS) this.#before.push({ behind: this.#behind, noticed: elapsed });
    this.#behind = behind;
    // Whatever was told by an earlier setting is older than that by now.
    this.#before = this.#before.slice(-MOST_SETTINGS).filter(({ noticed }) => elapsed - noticed <= this.#memoryMs);
    return Math.max(0, elapsed - at - Math.max(behind, ...this.#before.map((each) => each.behind)));
  }
}
