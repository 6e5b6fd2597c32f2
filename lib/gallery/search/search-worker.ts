import { serve } from "../../workers/serve";
import { type Chunk, scan } from "./scan";

export interface SearchTask {
  /** Over shared memory: nothing is copied. */
  chunks: Chunk[];
  probe: Float32Array;
  count: number;
}

export default serve(({ chunks, probe, count }: SearchTask) => scan(chunks, probe, count));
