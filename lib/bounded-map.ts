/**
 * A map of at most so many entries, in the order in which they were set: a new one beyond that takes the place of the
 * one that was set longest ago. Whoever wants what was *used* longest ago to go sets what they use.
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #most: number;
  readonly #onGone: (value: Value, key: Key) => void;

  /** @param onGone is told what had to make room */
  constructor(most: number, onGone: (value: Value, key: Key) => void = () => undefined) {
    super();
    this.#most = most;
    this.#onGone = onGone;
  }

  /** Sets it as the newest, even where it is there. */
  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#most) {
      const [[oldest, gone]] = this.entries() as unknown as [[Key, Value]];
      this.delete(oldest);
      this.#onGone(gone, oldest);
    }
    return this;
  }
}
