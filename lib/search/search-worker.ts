import { serve } from "../workers/serve";
import { type Both, type Chunk, scan, scanBoth } from "./scan";
import { type Layout, sieveOf } from "./sieve";
import type { WasmMemory } from "./wasm";

export interface SearchTask {
  /** Over shared memory: nothing is copied. */
  chunks: Chunk[];
  probe: Float32Array;
  count: number;
  /** How many are sought by distance alone as well. */
  plain: number;
  /** Of a large index: the same embeddings as 8-bit numbers. */
  codes?: { memory: WasmMemory; layout: Layout } | undefined;
}

export default serve(({ chunks, probe, count, plain, codes }: SearchTask): Both => {
  if (codes !== undefined) return scanBoth(chunks, probe, count, plain, sieveOf(codes.memory, codes.layout, probe));
  return plain === 0 ? { biased: scan(chunks, probe, count), plain: [] } : scanBoth(chunks, probe, count, plain);
});
