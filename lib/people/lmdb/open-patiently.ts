/** A store that cannot be opened yet: another gallery still closes it, or the disk refuses. */
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../../storage";
import { phrase, type Sentence } from "../../words/sentence";
import { type LmdbStore, openStore, type StoreOptions } from "./store";

/** Why a gallery is not open yet. */
export interface Waiting {
  for: "handOver" | "disk";
  /** What is waited for, for people. */
  sentence: Sentence;
}

export interface Patience {
  /** Ends the waiting. */
  signal: AbortSignal;
  onWait: (waiting: Waiting) => void;
  /** How long another gallery of this process may take to close, in ms. */
  handOverMs?: number;
  /** Between two tries whether the disk takes anything, in ms. */
  retryMs?: number;
}

const HAND_OVER_MS = 60_000;
const RETRY_MS = 3000;

/** @throws as openStore, but a StorageError only when the waiting is ended; the signal's reason */
export async function openPatiently(options: StoreOptions, patience: Patience): Promise<LmdbStore> {
  const { signal, onWait, handOverMs = HAND_OVER_MS } = patience;
  const handOver = {
    ms: handOverMs,
    signal,
    onWait: () => onWait({ for: "handOver", sentence: phrase("people.waitsForHandOver") }),
  };
  return whenDiskTakes(() => openStore({ ...options, handOver }), patience);
}

/** Try it until the disk takes it. @throws as the work, but a StorageError only when the waiting is ended */
export async function whenDiskTakes<T>(
  work: () => Promise<T>,
  { signal, onWait, retryMs = RETRY_MS }: Patience,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageError) || signal.aborted) throw error;
      onWait({ for: "disk", sentence: error.sentence });
      await sleep(retryMs, undefined, { signal });
    }
  }
}
