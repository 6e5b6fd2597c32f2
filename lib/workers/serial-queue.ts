/** Work that must not overlap: one thing after the other, in the order in which it was asked for. */
export class SerialQueue {
  /** Never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** How much is asked for and has not ended. */
  get length(): number {
    return this.#length;
  }

  /** Begins once all that was asked for before has ended, however. @throws what the work throws, to this asker only */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    this.#length += 1;
    const done = this.#last.then(work).finally(() => {
      this.#length -= 1;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves once all that was asked for up to now has ended, however. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
