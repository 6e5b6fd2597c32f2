import { serve } from "../workers/serve";
import { type Both, type Chunk, scan, scanBoth } from "./scan";

export interface SearchTask {
  /** Over shared memory: nothing is copied. */
  chunks: Chunk[];
  probe: Float32Array;
  count: number;
  /** How many are sought by distance alone as well. */
  plain: number;
}

export default serve(({ chunks, probe, count, plain }: SearchTask): Both =>
  plain === 0 ? { biased: scan(chunks, probe, count), plain: [] } : scanBoth(chunks, probe, count, plain),
);
