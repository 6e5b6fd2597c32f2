import { z } from "zod";
import { pixelSource } from "../image/source";
import type { Face, Picture, Timing } from "../message";
import { StagePool } from "../workers/pool";
import { THREADS } from "../workers/threads";
import type { ModelDescriptor } from "./descriptor";
import type { EmbeddedFace, EmbedResult, EmbedTask } from "./embed-worker";
import { TrackMemory } from "./track-memory";

export const embedderOptionsSchema = z.object({
  /** What the networks run on. "onnx" runs the built-in ones on onnxruntime-node where it is installed. */
  engine: z.enum(["wasm", "tfjs-node", "onnx"]).default("wasm"),
  /** Smallest distance between the eyes, in pixels of the picture; 0 takes any. */
  minSize: z.number().min(0).max(1000).default(20),
  /** Least sharpness of the aligned chip (Quality.blur); 0 takes any. */
  minSharpness: z.number().min(0).max(10_000).default(0),
  /** Whether each face carries its aligned chip as a JPEG. */
  chips: z.boolean().default(false),
  /**
   * A face that is followed is embedded again after so many milliseconds at the latest; in between its embedding is carried on while it
   * looks the same. 0 embeds every face of every frame by itself.
   */
  reembedAfter: z.number().min(0).max(10_000).default(1000),
});

export type EmbedderOptions = z.infer<typeof embedderOptionsSchema>;

/** All nodes and galleries share these threads. */
const pool = new StagePool<EmbedTask, EmbedResult>(__dirname, "embed-worker", THREADS.networks);

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
  readonly #memory: TrackMemory;
  #open = true;

  constructor(model: ModelDescriptor, options: EmbedderOptions) {
    this.model = model;
    this.#options = options;
    this.#memory = new TrackMemory({ reembedAfter: options.reembedAfter, threshold: model.threshold, unitLength: model.l2Normalize });
    pool.acquire();
  }

  /** Load the networks now, so that the first person is not the slow one. @throws a sentence when the model cannot be used */
  async warmUp(): Promise<void> {
    await pool.run({ ...this.#settings(), source: undefined, boxes: [] });
  }

  /**
   * Landmarks, quality and embedding for each face; a face that the gate rejects has `rejected` and no embedding. Of faces that are
   * followed only those are looked at that must be; the others carry what was found before.
   * @throws a sentence when it is no picture, a box lies outside it, or the model cannot be used
   */
  async embed(picture: Picture, faces: readonly Face[]): Promise<Embedded> {
    const carried = faces.map((face) => this.#recall(face, picture));
    const anew = faces.filter((_, index) => carried[index] === undefined);
    if (anew.length === 0) return { faces: carried.filter((face) => face !== undefined), timing: { align: 0, embed: 0 }, engine: "" };
    let decoded = false;
    const result = await pool.runAgain(async () => {
      const { source, transfer } = await pixelSource(picture);
      decoded = "pixels" in source;
      return { task: { ...this.#settings(), source, boxes: anew.map(({ box }) => box) }, transfer };
    });
    const found = result.faces.values();
    const done = faces.map((face, index) => carried[index] ?? this.#learn(face, picture, found.next().value as EmbeddedFace));
    const decode = decoded ? {} : { decode: result.decode };
    return { faces: done, timing: { align: result.align, embed: result.embed, ...decode }, engine: result.engine };
  }

  #recall(face: Face, { frame }: Picture): Face | undefined {
    const known = this.#memory.recall(face, frame);
    return known === undefined ? undefined : this.#signed(known);
  }

  #learn(face: Face, { frame }: Picture, { landmarks, quality, rejected, embedding, chip }: EmbeddedFace): Face {
    const findings = { landmarks, quality, rejected, embedding, ...(chip === undefined ? {} : { chip: Buffer.from(chip) }) };
    return this.#signed(this.#memory.learn(face, frame, findings));
  }

  #signed(face: Face): Face {
    return { ...face, model: face.embedding === undefined ? undefined : this.model.id };
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
