/** Work that is done again after what it is about has changed, for a bounded share of the time. */
export class Again {
  readonly #work: () => Promise<unknown>;
  readonly #share: number;
  #outdated = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param work where it fails, what it made before stays until the next change
   * @param share of the time, above 0 and at most 1
   */
  constructor(work: () => Promise<unknown>, share: number) {
    this.#work = work;
    this.#share = share;
  }

  /** Do it soon, and not before this turn of the event loop is over. */
  later(): void {
    this.#outdated = true;
    if (this.#running !== undefined || this.#timer !== undefined || this.#closed) return;
    this.#after(0);
  }

  /** It was done by another way, as things are now. */
  done(): void {
    this.#outdated = false;
  }

  /** Once it was done for all that has changed, at once. */
  async settled(): Promise<void> {
    while ((this.#outdated || this.#running !== undefined) && !this.#closed) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#running ??= this.#run();
      await this.#running;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** @param ms from now */
  #after(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#outdated) this.#running ??= this.#run();
    }, ms);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const start = performance.now();
    this.#outdated = false;
    await this.#work().catch(() => undefined);
    this.#running = undefined;
    if (this.#outdated && !this.#closed) this.#after((performance.now() - start) / this.#share);
  }
}
