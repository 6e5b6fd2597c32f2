import { z } from "zod";
import { pixelSource } from "../image/source";
import type { Face, Picture, Timing } from "../message";
import { StagePool } from "../workers/pool";
import type { ModelDescriptor } from "./descriptor";
import type { EmbedResult, EmbedTask } from "./embed-worker";

export const embedderOptionsSchema = z.object({
  /** What the networks run on. "onnx" runs the built-in ones on onnxruntime-node where it is installed. */
  engine: z.enum(["wasm", "tfjs-node", "onnx"]).default("wasm"),
  /** Smallest distance between the eyes, in pixels of the picture; 0 takes any. */
  minSize: z.number().min(0).max(1000).default(20),
  /** Least sharpness of the aligned chip (Quality.blur); 0 takes any. */
  minSharpness: z.number().min(0).max(10_000).default(0),
  /** Whether each face carries its aligned chip as a JPEG. */
  chips: z.boolean().default(false),
});

export type EmbedderOptions = z.infer<typeof embedderOptionsSchema>;

/** One thread keeps one copy of the networks in memory; all nodes and galleries share it. */
const pool = new StagePool<EmbedTask, EmbedResult>(__dirname, "embed-worker", 1);

export interface Embedded {
  faces: Face[];
  timing: Required<Pick<Timing, "align" | "embed">> & Pick<Timing, "decode">;
  /** What the network ran on. */
  engine: string;
}

/** Turns detections into embeddings, in the shared worker. Close it when done. */
export class FaceEmbedder {
  readonly model: ModelDescriptor;
  readonly #options: EmbedderOptions;
  #open = true;

  constructor(model: ModelDescriptor, options: EmbedderOptions) {
    this.model = model;
    this.#options = options;
    pool.acquire();
  }

  /** Load the networks now, so that the first person is not the slow one. @throws a sentence when the model cannot be used */
  async warmUp(): Promise<void> {
    await pool.run({ ...this.#settings(), source: undefined, boxes: [] });
  }

  /**
   * Landmarks, quality and embedding for each face; a face that the gate rejects has `rejected` and no embedding.
   * @throws a sentence when it is no picture, a box lies outside it, or the model cannot be used
   */
  async embed(picture: Picture, faces: readonly Face[]): Promise<Embedded> {
    if (faces.length === 0) return { faces: [], timing: { align: 0, embed: 0 }, engine: "" };
    const { source, transfer } = pixelSource(picture);
    const result = await pool.run({ ...this.#settings(), source, boxes: faces.map(({ box }) => box) }, { transfer });
    const done = faces.map((face, index) => {
      const { landmarks, quality, rejected, embedding, chip } = result.faces[index] as EmbedResult["faces"][number];
      return { ...face, landmarks, quality, rejected, embedding, model: embedding === undefined ? undefined : this.model.id, ...(chip === undefined ? {} : { chip: Buffer.from(chip) }) };
    });
    const decode = "pixels" in source ? {} : { decode: result.decode };
    return { faces: done, timing: { align: result.align, embed: result.embed, ...decode }, engine: result.engine };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await pool.release();
  }

  #settings(): Pick<EmbedTask, "model" | "engine" | "gate" | "chips"> {
    const { engine, minSize, minSharpness, chips } = this.#options;
    return { model: this.model, engine, gate: { minSize, minSharpness }, chips };
  }
}
