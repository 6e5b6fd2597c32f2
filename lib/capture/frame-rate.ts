/** A frame rate for people: it is told anew when it has changed, not with every digit. */

/** Frames do not come by our clock: what differs by less is the same rate. */
const CHANGE = 0.25;
/** For so many looks, so that a single hiccup is not told. */
const LOOKS = 2;

export class FrameRate {
  #frames = 0;
  #since = performance.now();
  #told: number | undefined;
  #differing = 0;

  count(): void {
    this.#frames += 1;
  }

  /** Begin anew: the next rate is told in any case. @param now milliseconds */
  reset(now: number): void {
    this.#frames = 0;
    this.#since = now;
    this.#told = undefined;
    this.#differing = 0;
  }

  /**
   * Frames a second, rounded for people, when that is something new; undefined while it is not, or no frame came.
   * @param now milliseconds
   */
  changed(now: number): string | undefined {
    // A camera of one frame a minute is measured over that minute.
    if (this.#frames === 0 || now <= this.#since) return undefined;
    const rate = (this.#frames * 1000) / (now - this.#since);
    this.#frames = 0;
    this.#since = now;
    const differs = this.#told === undefined || Math.abs(rate - this.#told) > this.#told * CHANGE;
    this.#differing = differs ? this.#differing + 1 : 0;
    if (!differs || (this.#told !== undefined && this.#differing < LOOKS)) return undefined;
    this.#told = rate;
    this.#differing = 0;
    return rate >= 9.5 ? String(Math.round(rate)) : String(Number(rate.toPrecision(1)));
  }
}
