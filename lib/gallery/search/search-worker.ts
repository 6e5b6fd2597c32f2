import { type Chunk, type Hit, scan } from "./scan";

export interface SearchTask {
  /** Over shared memory: nothing is copied. */
  chunks: Chunk[];
  probe: Float32Array;
  count: number;
}

export default function search({ chunks, probe, count }: SearchTask): Hit[] {
  return scan(chunks, probe, count);
}
