import { move, transferableSymbol, valueSymbol } from "piscina";

/** A worker's answer whose buffers move to the asker instead of being copied. */
export function moving<T>(answer: T, buffers: readonly ArrayBuffer[]): T {
  // piscina wants it wrapped and gives the asker the answer itself.
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answer } as never) as T;
}
