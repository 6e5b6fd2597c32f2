/** How many worker threads each stage may have, for the whole Node-RED. */
import { availableParallelism, totalmem } from "node:os";

export interface Threads {
  /** Detection: OpenCV and the cascades, about 60 MB a thread. */
  detect: number;
  /** Landmarks and embeddings: a copy of the networks a thread, about 165 MB. */
  networks: number;
  /** Large galleries; these threads share one copy of the embeddings. */
  search: number;
}

const MOST_A_STAGE = 4;
const GIGABYTE = 2 ** 30;

/**
 * One core is left for Node-RED and ffmpeg; detection and networks share the others, but have a thread each, so that
 * one frame is
 * searched while the one before is embedded. A stage's threads are its own: a thread that did everything would hold
 * everything, and
 * a long calibration would keep frames waiting. Networks get the larger half, since a face costs more there than a
 * frame's search,
 * but a gigabyte of memory each. A second thread starts only when two nodes have work at the same time.
 * @param cores that this process may use @param memory in bytes that it may use
 */
export function threadsFor(cores: number, memory: number): Threads {
  const workers = Math.max(2, cores - 1);
  const networks = Math.max(1, Math.min(Math.ceil(workers / 2), Math.floor(memory / GIGABYTE), MOST_A_STAGE));
  return {
    detect: Math.max(1, Math.min(workers - networks, MOST_A_STAGE)),
    networks,
    search: Math.min(MOST_A_STAGE, Math.max(2, cores)),
  };
}

/** Of this machine, or of the container that it is. */
export const THREADS = threadsFor(
  availableParallelism(),
  Math.min(totalmem(), process.constrainedMemory() || Infinity),
);
