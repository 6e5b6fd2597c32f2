/** What a node opens as soon as its disk takes it: until then whoever asks for it is told what the disk refuses. */
import { type Patience, whenDiskTakes } from "../../lib/people/lmdb/open-patiently";
import { StorageError } from "../../lib/storage";

export interface Patient<T> {
  /** Once it is open. Rejects with what is no refusal of the disk, or when the waiting is ended. */
  opened: Promise<T>;
  /** Rejects at once while the disk refuses it. */
  now: () => Promise<T>;
}

/** @param onRefused the disk refuses it, for another reason than before; it is tried again */
export function openPatiently<T>(
  open: () => Promise<T>,
  { onRefused, ...patience }: Omit<Patience, "onWait" | "handOverMs"> & { onRefused: (error: StorageError) => void },
): Patient<T> {
  let refused: StorageError | undefined;
  let tried = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    tried = resolve;
  });
  const attempt = async (): Promise<T> => {
    try {
      const result = await open();
      refused = undefined;
      return result;
    } catch (error) {
      const isNews = error instanceof StorageError && error.reason !== refused?.reason;
      refused = error instanceof StorageError ? error : undefined;
      if (isNews && !patience.signal.aborted) onRefused(error);
      throw error;
    } finally {
      tried();
    }
  };
  const opened = whenDiskTakes(attempt, { ...patience, onWait: () => undefined });
  return {
    opened,
    now: async () => {
      await first;
      if (refused !== undefined && !patience.signal.aborted) throw refused;
      return opened;
    },
  };
}
