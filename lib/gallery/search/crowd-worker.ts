import { serve } from "../../workers/serve";
import { rateAll } from "./crowd";
import type { Chunk } from "./scan";

export interface CrowdTask {
  /** Over shared memory. */
  part: Chunk;
  crowd: Chunk;
  mean: number;
}

export default serve(({ part, crowd, mean }: CrowdTask) => rateAll(part, crowd, mean));
