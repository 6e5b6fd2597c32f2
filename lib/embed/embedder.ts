import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { eyesIn } from "../align/chip";
import { pixelSource } from "../image/source";
import type { Face, Picture, Timing } from "../message";
import { Fault, oneAfterOther, UserError } from "../errors";
import {
  candidates,
  type EngineChoice,
  type EngineName,
  ENGINES,
  forgetFailedEngines,
  installationOf,
  judgeEngine,
  NATIVE_MODULES,
  ruleOutEngine,
} from "../tensor/engines";
import { StagePool } from "../workers/pool";
import { THREADS } from "../workers/threads";
import type { ModelDescriptor } from "./descriptor";
import type { EmbeddedFace, EmbedResult, EmbedTask, Unusable } from "./embed-worker";
import type { OnnxPlan } from "./onnx-net";
import { type Contender, onceEach } from "./one-face";
import { TrackMemory } from "./track-memory";
import { phrase } from "../words/sentence";

/**
 * Smaller faces tell hardly anything of who it is: on frames as a camera makes them (noise, blur, H.264;
 * bench/small-faces.ts) one of 270
 * genuine pairs below 7 px is within τ, and up to 0.16 % of strangers' pairs where clean photos have 0.08
 * (MobileFaceNet). From 8 to 9 px
 * one genuine pair of five is within τ, of other people than those on whom it was chosen one of eighteen, and
 * strangers 0.08 %.
 */
const LEAST_SIZE = 8;

export const embedderOptionsSchema = z.object({
  /**
   * What the networks run on. "auto" is the fastest that can be used here; another one that cannot be used is an
   * error.
   */
  engine: z.enum(["auto", ...ENGINES]).default("auto"),
  /** Smallest distance between the eyes, in pixels of the picture; 0 takes any. */
  minSize: z.number().min(0).max(1000).default(LEAST_SIZE),
  /** Least sharpness of the aligned chip (Quality.blur); 0 takes any. */
  minSharpness: z.number().min(0).max(10_000).default(0),
  /** Whether each face carries its aligned chip as a JPEG. */
  chips: z.boolean().default(false),
  /**
   * A face that is followed is embedded again after so many milliseconds at the latest; in between its embedding is
   * carried on while it
   * looks the same. 0 embeds every face of every frame by itself.
   */
  reembedAfter: z.number().min(0).max(10_000).default(1000),
  /** Whether covered faces (a mask, dark glasses) get an embedding all the same. */
  covered: z.boolean().default(false),
  /** Whether boxes that hold the same eyes are all given back, and not only the one that is aligned best. */
  everyBox: z.boolean().default(false),
});

export type EmbedderOptions = z.infer<typeof embedderOptionsSchema>;

type Pool = StagePool<EmbedTask, EmbedResult | Unusable>;

const poolOf = (threads: number): Pool => new StagePool(__dirname, "embed-worker", threads);

/**
 * All nodes and galleries share these threads. Each engine has its own: two backends of TF.js in one thread get in
 * each other's way.
 */
const pools: Readonly<Record<EngineName, Pool>> = {
  onnx: poolOf(THREADS.networks),
  // It has threads of its own, and keeps what it computes with in one place for the whole process (tfjs_backend.cc).
  "tfjs-node": poolOf(1),
  wasm: poolOf(THREADS.networks),
};

/** What is optional and can be installed later. */
const OPTIONAL_MODULES = [...Object.values(NATIVE_MODULES), "onnxruntime-web", "@tensorflow/tfjs-converter"];

/** What was opened at deploy. */
export interface Opened {
  /** What the network runs on. */
  engine: string;
  /** Why faster engines that are installed are not used, each a sentence. */
  passedOver: UserError[];
}

export interface Embedded {
  faces: Face[];
  timing: Required<Pick<Timing, "align" | "embed">> & Pick<Timing, "decode">;
  /** What the network ran on; "" where every face was carried and it did not run. */
  engine: string;
}

interface Plan {
  engine: EngineName;
  onnx: OnnxPlan;
}

const CLOSED = "this stage is closed";

/** A native engine that was found usable failed when it was to load a network. */
class EngineRuledOut extends UserError {}

/** There is no other; memory may come back. */
class WasmFailed extends UserError {}
const WASM_RETRY_MS = 10_000;

/** Turns detections into embeddings, in the shared workers. Close it when done. */
export class FaceEmbedder {
  readonly model: ModelDescriptor;
  readonly #options: EmbedderOptions;
  readonly #memory: TrackMemory;
  #open = true;
  #opening: Promise<Opened> | undefined;
  /** What was decided at the opening; this one uses the pool of its engine. */
  #plan: Plan | undefined;
  /**
   * Why the engine or the model cannot be used. That is not tried again before what is installed or lies there
   * changes.
   */
  #refused: { error: UserError; stamp: string; until: number } | undefined;

  constructor(model: ModelDescriptor, options: EmbedderOptions) {
    this.model = model;
    this.#options = options;
    this.#memory = new TrackMemory({
      reembedAfter: options.reembedAfter,
      threshold: model.threshold,
      unitLength: model.l2Normalize,
    });
    forgetFailedEngines();
  }

  /**
   * Load the networks now, so that the first person is not the slow one.
   * @throws a sentence when the model or engine cannot be used
   */
  warmUp(): Promise<Opened> {
    return this.#opened();
  }

  /**
   * Landmarks, quality and embedding for each face; a face that the gate rejects has `rejected` and no embedding. Of
   * faces that are
   * followed only those are looked at that must be; the others carry what was found before. Of boxes that hold the
   * same eyes only the best aligned one is given back.
   * @throws a sentence when it is no picture, a box lies outside it, or the model cannot be used
   */
  async embed(picture: Picture, faces: readonly Face[]): Promise<Embedded> {
    const known = faces.map((face) => this.#recall(face, picture));
    const anew = faces.filter((_, index) => known[index] === undefined);
    if (anew.length === 0)
      return {
        faces: this.#once(known.filter((face) => face !== undefined)),
        timing: { align: 0, embed: 0 },
        engine: "",
      };
    await this.#opened();
    let decoded = false;
    const result = await this.#run(async () => {
      const { source, transfer } = await pixelSource(picture);
      decoded = "pixels" in source;
      return { source, located: anew.map(({ box, points }) => ({ box, points })), transfer };
    });
    const found = result.faces.values();
    const done = faces.map(
      (face, index) => known[index] ?? this.#learn(face, picture, found.next().value as EmbeddedFace),
    );
    const decode = decoded ? {} : { decode: result.decode };
    return {
      faces: this.#once(done),
      timing: { align: result.align, embed: result.embed, ...decode },
      engine: result.engine,
    };
  }

  #once(contenders: readonly Contender[]): Face[] {
    return this.#options.everyBox ? contenders.map(({ face }) => face) : onceEach(contenders);
  }

  #recall(face: Face, { frame }: Picture): Contender | undefined {
    const known = this.#memory.recall(face, frame);
    return known === undefined ? undefined : { face: this.#signed(known), ...this.#memory.alignmentOf(face, frame) };
  }

  #learn(
    face: Face,
    { frame }: Picture,
    { landmarks, quality, residual, rejected, embedding, chip }: EmbeddedFace,
  ): Contender {
    const findings = {
      landmarks,
      quality,
      rejected,
      embedding,
      ...(chip === undefined ? {} : { chip: Buffer.from(chip) }),
    };
    return {
      face: this.#signed(this.#memory.learn(face, frame, findings, residual)),
      eyes: landmarks === undefined ? undefined : eyesIn(landmarks),
      residual,
    };
  }

  #signed(face: Face): Face {
    return { ...face, model: face.embedding === undefined ? undefined : this.model.id };
  }

  async close(): Promise<void> {
    this.#open = false;
    await this.#release();
  }

  /** Once; and again after a failure that may pass, or when what is installed or the model's file changed. */
  async #opened(): Promise<Opened> {
    this.#opening ??= this.#start();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #start(): Promise<Opened> {
    const stamp = await this.#stamp();
    if (this.#refused !== undefined && this.#refused.stamp === stamp && performance.now() < this.#refused.until)
      throw this.#refused.error;
    this.#refused = undefined;
    try {
      return await this.#openFirst();
    } catch (error) {
      if (error instanceof UserError)
        this.#refused = {
          error,
          stamp,
          until: error instanceof WasmFailed ? performance.now() + WASM_RETRY_MS : Infinity,
        };
      throw error;
    }
  }

  /** The first engine that can be used and takes the model. */
  async #openFirst(): Promise<Opened> {
    const choice: EngineChoice = this.#options.engine;
    const passedOver: UserError[] = [];
    for (const engine of candidates(choice, this.model.format === "tfjs-graph")) {
      const { usable, installed, sentence } = await judgeEngine(engine);
      if (!usable && choice !== "auto") throw new UserError(sentence);
      if (!usable && installed) passedOver.push(new UserError(sentence));
      if (!usable) continue;
      try {
        this.#acquire({ engine, onnx: await this.#onnxPlan() });
        return {
          engine: (await this.#run(() => Promise.resolve({ source: undefined, located: [], transfer: [] }))).engine,
          passedOver,
        };
      } catch (error) {
        await this.#release();
        if (!(error instanceof EngineRuledOut) || choice !== "auto") throw error;
        passedOver.push(error);
      }
    }
    throw new UserError(oneAfterOther(passedOver.map(({ sentence }) => sentence)) ?? phrase("tensor.none"));
  }

  #acquire(plan: Plan): void {
    // It may have been closed meanwhile; the pool would live on.
    if (!this.#open) throw new Fault(CLOSED);
    this.#plan = plan;
    pools[plan.engine].acquire();
  }

  async #release(): Promise<void> {
    const plan = this.#plan;
    this.#plan = undefined;
    if (plan !== undefined) await pools[plan.engine].release();
  }

  async #run(
    prepare: () => Promise<Pick<EmbedTask, "source" | "located"> & { transfer: ArrayBuffer[] }>,
  ): Promise<EmbedResult> {
    const plan = this.#plan;
    if (plan === undefined) throw new Fault(CLOSED);
    const { minSize, minSharpness, covered, chips } = this.#options;
    const answer = await pools[plan.engine].runAgain(async () => {
      const { transfer, ...picture } = await prepare();
      return {
        task: { ...picture, ...plan, model: this.model, gate: { minSize, minSharpness, covered }, chips },
        transfer,
      };
    });
    if (!("unusable" in answer)) return answer;
    // A worker that took another's place could not open what that one had: the next picture looks for an engine.
    this.#opening = undefined;
    await this.#release();
    if (plan.engine === "wasm") throw new WasmFailed("embed.wasmFailed", { reason: answer.unusable });
    throw new EngineRuledOut(await ruleOutEngine(plan.engine, answer.unusable));
  }

  /** Which runtime reads somebody's own ONNX model. */
  async #onnxPlan(): Promise<OnnxPlan> {
    if (this.model.format !== "onnx") return { runtime: "onnxruntime-node", instead: "" };
    const { usable, installed, mend } = await judgeEngine("onnx");
    return {
      runtime: usable ? "onnxruntime-node" : "onnxruntime-web",
      instead: installed && !usable ? mend : "",
    };
  }

  /** Of all whose change may mend what was refused. */
  async #stamp(): Promise<string> {
    const { file } = this.model;
    const files =
      file === ""
        ? []
        : await Promise.all(
            [file, dirname(file)].map((path) =>
              stat(path).then(
                ({ ino, ctimeMs, size }) => `${ino} ${ctimeMs} ${size}`,
                () => "",
              ),
            ),
          );
    return JSON.stringify([files, await Promise.all(OPTIONAL_MODULES.map(installationOf))]);
  }
}
