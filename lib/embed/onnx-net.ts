/**
 * Any ONNX model, through onnxruntime-node or onnxruntime-web, whichever is installed (both optional; the first is
 * faster).
 */
import { readFile } from "node:fs/promises";
import { reasonOf, UserError } from "../errors";
import {
  ONE_THREAD,
  onnxRuntime,
  openNetwork,
  type Ort,
  type OrtSession,
  type OrtTensor,
  type RuntimeName,
} from "../tensor/onnx-runtime";
import type { Sentence } from "../words/sentence";
import { type ModelDescriptor, verifyFiles } from "./descriptor";
import { dlibOnnxModel } from "./dlib-onnx";
import { CHIP_SIDE } from "./dlib-resnet";
import { type EmbeddingNet, toInput } from "./net";

/** Which runtime reads somebody's own ONNX model. */
export interface OnnxPlan {
  runtime: RuntimeName;
  /** Why it is not onnxruntime-node, where that is installed but cannot be used. */
  instead: Sentence | "";
}

/**
 * The built-in network on an ONNX runtime: onnxruntime-node is some four times as fast as TF.js WASM, onnxruntime-web
 * is slower.
 * @throws EngineError when the runtime cannot be used
 */
export async function loadDlibOnnx(
  name: RuntimeName = "onnxruntime-node",
  options: object = ONE_THREAD,
): Promise<EmbeddingNet> {
  return { engine: name, ...(await openNetwork(await dlibOnnxModel(), [CHIP_SIDE, CHIP_SIDE, 3], name, options)) };
}

/** @throws UserError when no runtime can be used, or the file is not the descriptor's or no ONNX model */
export async function loadOnnxNet(
  descriptor: ModelDescriptor,
  { runtime: name, instead }: OnnxPlan,
): Promise<EmbeddingNet> {
  const ort = runtimeFor(name, instead);
  await verifyFiles(descriptor, [descriptor.file]);
  const { inputSize, layout } = descriptor;
  let session: OrtSession;
  try {
    session = await ort.InferenceSession.create(new Uint8Array(await readFile(descriptor.file)), ONE_THREAD);
  } catch (error) {
    const reason = reasonOf(error);
    throw new UserError("embed.noOnnx", { file: descriptor.file, runtime: name, reason }, { cause: error });
  }
  const input = session.inputNames[0] as string;
  const output = session.outputNames[0] as string;
  // One by one: many published models have a fixed batch of 1.
  const runOne = async (chip: Float32Array): Promise<Float32Array> => {
    const dims = layout === "nhwc" ? [1, inputSize, inputSize, 3] : [1, 3, inputSize, inputSize];
    const result = await session.run({ [input]: new ort.Tensor("float32", toInput(descriptor, [chip]), dims) });
    return Float32Array.from((result[output] as OrtTensor).data);
  };
  return {
    engine: name,
    dispose: () => {
      session.release().catch(() => undefined);
    },
    run: async (chips) => {
      const embeddings: Float32Array[] = [];
      for (const chip of chips) embeddings.push(await runOne(chip));
      return embeddings;
    },
  };
}

function runtimeFor(name: RuntimeName, instead: Sentence | ""): Ort {
  try {
    return onnxRuntime(name);
  } catch (error) {
    if (instead !== "") throw new UserError("embed.onnxInstead", { instead }, { cause: error });
    throw new UserError("embed.needsOnnx", {}, { cause: error });
  }
}
