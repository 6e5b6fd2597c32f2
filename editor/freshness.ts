/** When a section of the sidebar loads what it shows: while it is visible, and once for a burst of events. */

/** Events of a busy gallery come in bursts. */
const DELAY_MS = 500;

export class Freshness {
  /** Whether something changed since it was loaded. */
  stale = true;
  readonly #load: () => void;
  #visible = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(load: () => void) {
    this.#load = load;
  }

  show(): void {
    this.#visible = true;
    if (this.stale) this.load();
  }

  hide(): void {
    this.#visible = false;
  }

  load(): void {
    this.stale = false;
    this.#load();
  }

  /** Something changed. */
  outdate(): void {
    this.stale = true;
    if (!this.#visible || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#visible) this.load();
    }, DELAY_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
