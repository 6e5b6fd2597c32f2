import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Free now what this thread needs no more. V8 waits until a heap has grown by tens of megabytes, and what lies beside
 * it, weights that were read and are with the engine now, hardly counts: a worker that has loaded would keep them for
 * good. Some milliseconds; for once after loading.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
