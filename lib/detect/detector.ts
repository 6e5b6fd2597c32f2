import { availableParallelism } from "node:os";
import { pixelCache } from "../image/pixels";
import { pixelSource } from "../image/source";
import type { Face, Picture, Timing } from "../message";
import { StagePool } from "../workers/pool";
import type { DetectResult, DetectTask } from "./detect-worker";
import type { DetectorOptions } from "./options";

/** Detection is the stage that scales with cores; one is left for the embedding and one for Node-RED. */
const MAX_THREADS = Math.min(4, Math.max(1, availableParallelism() - 2));
/** Native OpenCV works in one worker only. */
const pools = { wasm: new StagePool<DetectTask, DetectResult>(__dirname, "detect-worker", MAX_THREADS), native: new StagePool<DetectTask, DetectResult>(__dirname, "detect-worker", 1) };

export interface Detected {
  /** One for each box, best score first; empty when none was found. */
  faces: Face[];
  width: number;
  height: number;
  timing: Required<Pick<Timing, "decode" | "detect">>;
}

/** Finds faces in pictures, in the shared workers. Close it when done. */
export class FaceDetector {
  readonly options: DetectorOptions;
  readonly #pool: StagePool<DetectTask, DetectResult>;
  #open = true;

  constructor(options: DetectorOptions) {
    this.options = options;
    this.#pool = pools[options.engine];
    this.#pool.acquire();
  }

  /** @throws a sentence when it is no picture or the engine or cascade is not to be had */
  async detect(picture: Picture): Promise<Detected> {
    const { source, transfer } = pixelSource(picture);
    const result = await this.#pool.run({ source, options: this.options }, { transfer });
    pixelCache.set(picture.bytes, result.pixels);
    const faces = result.detections.map(({ box, score }) => ({ box, score })).sort((a, b) => b.score - a.score);
    return { faces, width: result.pixels.width, height: result.pixels.height, timing: { decode: result.decode, detect: result.detect } };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#pool.release();
  }
}
