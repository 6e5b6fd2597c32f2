/** When people were seen last, before it is written: they may be seen several times a second. */
import { StorageError } from "../storage";
import type { PeopleStore } from "./store";

export class LastSeen {
  readonly #store: PeopleStore;
  readonly #onError: (error: unknown) => void;
  #seen = new Map<string, number>();

  /** @param onError hears of what is no refusal of the disk, which the store tells */
  constructor(store: PeopleStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** @param at ms since the epoch */
  saw(personId: string, at: number): void {
    this.#seen.set(personId, at);
  }

  /** Write it down; whoever is gone meanwhile is passed over. Never rejects. */
  async flush(): Promise<void> {
    if (this.#seen.size === 0) return;
    const seen = this.#seen;
    this.#seen = new Map();
    try {
      await this.#store.seen(seen);
    } catch (error) {
      // They wait on, with who was seen since.
      this.#seen = new Map([...seen, ...this.#seen]);
      if (!(error instanceof StorageError)) this.#onError(error);
    }
  }
}
