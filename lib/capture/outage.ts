/**
 * When to warn of a camera that is lost: at once, then at growing intervals, so that the log of a night is read in the
 * morning.
 */

const FIRST_WAIT_MS = 60_000;
const FACTOR = 5;
const MOST_WAIT_MS = 24 * 60 * 60 * 1000;
/** A camera that ran this long was well again: its next loss is news. */
const WELL_MS = 60_000;
/** So many different reasons are told at once; a camera that makes up new ones waits like the others. */
const MOST_REASONS = 8;

export class Outage {
  readonly #told = new Set<string>();
  #nextAt = -Infinity;
  #wait = FIRST_WAIT_MS;
  #connectedAt: number | undefined;

  /** @param now in ms, of a clock that never goes back */
  connected(now: number): void {
    this.#connectedAt = now;
  }

  /** Somebody has stopped it: what comes after is another matter. */
  over(): void {
    this.#told.clear();
    this.#nextAt = -Infinity;
    this.#wait = FIRST_WAIT_MS;
    this.#connectedAt = undefined;
  }

  /**
   * Whether this loss is worth a warning: the first, one for a new reason, or one after the wait.
   * @param now as in connected
   */
  lost(reason: string, now: number): boolean {
    if (this.#connectedAt !== undefined && now - this.#connectedAt >= WELL_MS) this.over();
    this.#connectedAt = undefined;
    // Ports, seconds and sizes differ; the reason is the same.
    const kind = reason.replaceAll(/\d+/g, "0");
    if (now < this.#nextAt && (this.#told.has(kind) || this.#told.size >= MOST_REASONS)) return false;
    this.#told.add(kind);
    if (now >= this.#nextAt) {
      this.#nextAt = now + this.#wait;
      this.#wait = Math.min(this.#wait * FACTOR, MOST_WAIT_MS);
    }
    return true;
  }
}
