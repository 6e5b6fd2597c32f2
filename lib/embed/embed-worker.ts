import { reasonOf, UserError } from "../errors";
import { alignFaces, type Aligned, type Gate, type Located } from "../align/aligner";
import { type LandmarkFinder, LandmarkNet } from "../align/landmark-net";
import { loadLandmarkOnnx } from "../align/landmark-onnx";
import { warp } from "../image/transform";
import { BoundedMap } from "../bounded-map";
import { decode } from "../image/decode";
import { openPicture } from "../image/open-picture";
import type { PixelSource } from "../image/pixels";
import type { Point, Quality, RejectReason } from "../message";
import { EngineError, tensorEngine } from "../tensor/engine";
import type { EngineName } from "../tensor/engines";
import { isFatal, onEngine, serve } from "../workers/serve";
import { inBatches } from "./batches";
import { chipPlace } from "./chips";
import type { ModelDescriptor } from "./descriptor";
import { toUnitLength } from "./distance";
import { loadNet } from "./load-net";
import type { EmbeddingNet } from "./net";
import type { OnnxPlan } from "./onnx-net";
import { phrase, type Sentence } from "../words/sentence";

export interface EmbedTask {
  /** Undefined only loads the model. */
  source: PixelSource | undefined;
  located: Located[];
  model: ModelDescriptor;
  engine: EngineName;
  onnx: OnnxPlan;
  gate: Gate;
  /** Whether to give back the aligned chips as JPEG. */
  chips: boolean;
}

export interface EmbeddedFace {
  landmarks: Point[] | undefined;
  quality: Quality | undefined;
  /** See Aligned. */
  residual: number | undefined;
  rejected: RejectReason | undefined;
  embedding: Float32Array | undefined;
  chip: Uint8Array | undefined;
}

/** The engine failed: why. */
export interface Unusable {
  unusable: Sentence | string;
}

export interface EmbedResult {
  faces: EmbeddedFace[];
  /** What the network ran on. */
  engine: string;
  /** Milliseconds. */
  decode: number;
  align: number;
  embed: number;
}

/** A flow compares a few models at most; those of earlier deploys must not fill the memory. */
const MAX_MODELS = 4;

interface Loaded {
  landmarks: LandmarkFinder;
  net: EmbeddingNet;
}

const models = new BoundedMap<string, Promise<Loaded>>(MAX_MODELS, (evicted) => {
  // One that could not be loaded has told whoever asked for it.
  evicted.then(({ net }) => net.dispose()).catch(() => undefined);
});
/** Of this thread's engine, for all models. */
let landmarkFinder: Promise<LandmarkFinder> | undefined;

async function load(model: ModelDescriptor, engine: EngineName, onnx: OnnxPlan): Promise<Loaded> {
  const key = JSON.stringify([engine, onnx.runtime, model]);
  const loading = models.get(key) ?? loadAll(model, engine, onnx);
  models.set(key, loading);
  try {
    return await loading;
  } catch (error) {
    // Whoever asks again has a reason: a file was mended, or the flow deployed.
    models.delete(key);
    throw error;
  }
}

async function loadAll(model: ModelDescriptor, engine: EngineName, onnx: OnnxPlan): Promise<Loaded> {
  return { net: await loadNet(model, engine, onnx), landmarks: await loadLandmarks(engine) };
}

async function loadLandmarks(engine: EngineName): Promise<LandmarkFinder> {
  landmarkFinder ??= engine === "onnx" ? loadLandmarkOnnx() : tensorEngine(engine).then((tf) => LandmarkNet.load(tf));
  try {
    return await landmarkFinder;
  } catch (error) {
    landmarkFinder = undefined;
    throw error;
  }
}

export default serve(async (task: EmbedTask): Promise<EmbedResult | Unusable> => {
  try {
    return await embedTask(task);
  } catch (error) {
    // A trap of WASM must end this worker; it is not for another engine to be tried in its stead.
    if (!(error instanceof EngineError) || (task.engine === "wasm" && isFatal(error))) throw error;
    return { unusable: reasonOf(error) };
  }
});

/** Runs in a worker: landmarks, gate and embedding of the boxes of one picture, all faces in one batch. */
async function embedTask({ source, located, model, engine, onnx, gate, chips }: EmbedTask): Promise<EmbedResult> {
  const { net, landmarks } = await load(model, engine, onnx);
  if (source === undefined) return { faces: [], engine: net.engine, decode: 0, align: 0, embed: 0 };
  const start = performance.now();
  const pixels = await decode(source);
  const decoded = performance.now();
  const boxes = located.map(({ box }) => box);
  const outside = boxes.find(
    (box) => box.x + box.width <= 0 || box.y + box.height <= 0 || box.x >= pixels.width || box.y >= pixels.height,
  );
  if (outside !== undefined)
    throw new UserError("embed.outside", {
      ...outside,
      pictureWidth: pixels.width,
      pictureHeight: pixels.height,
    });
  const broke = (): Sentence =>
    phrase("embed.broke", {
      engine: net.engine,
      faces: boxes.length,
      width: pixels.width,
      height: pixels.height,
    });
  const align = (): Promise<Aligned[]> => inBatches(located, (some) => alignFaces(landmarks, pixels, some, gate));
  const aligned: (Aligned | undefined)[] =
    model.alignment === "box" ? boxes.map(() => undefined) : await onEngine(broke, align);
  const cut = boxes.map((box, index) =>
    aligned[index]?.rejected === undefined
      ? warp(pixels, chipPlace(model, box, aligned[index]?.landmarks), model.inputSize)
      : undefined,
  );
  const alignedAt = performance.now();
  const kept = cut.filter((chip) => chip !== undefined);
  const embeddings = await onEngine(broke, () => inBatches(kept, (some) => net.run(some)));
  const embedded = performance.now();
  let next = 0;
  const faces: EmbeddedFace[] = [];
  for (const [index, chip] of cut.entries()) {
    const face = aligned[index];
    const embedding = chip === undefined ? undefined : finish(model, embeddings[next++] as Float32Array);
    faces.push({
      landmarks: face?.landmarks,
      quality: face?.quality,
      residual: face?.residual,
      rejected: face?.rejected,
      embedding,
      chip: chips && chip !== undefined ? await toJpeg(chip, model.inputSize) : undefined,
    });
  }
  return {
    faces,
    engine: net.engine,
    decode: decoded - start,
    align: alignedAt - decoded,
    embed: embedded - alignedAt,
  };
}

/** @throws when the network gave a NaN, which would match nobody and be nobody's fault */
function finish(model: ModelDescriptor, embedding: Float32Array): Float32Array {
  const length = Math.hypot(...embedding);
  if (!Number.isFinite(length)) throw new UserError("embed.noNumber", { model: model.id });
  return model.l2Normalize ? toUnitLength(embedding) : embedding;
}

async function toJpeg(chip: Float32Array, side: number): Promise<Uint8Array> {
  const { image } = await openPicture({
    bytes: Uint8Array.from(chip, Math.round),
    raw: { width: side, height: side },
  });
  return image.jpeg().toBuffer();
}
