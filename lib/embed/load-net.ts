/** Opens the network that a descriptor names. Runs in a worker. */
import { errorMessage, reasonOf, UserError } from "../errors";
import { EngineError, runsOn, tensorEngine } from "../tensor/engine";
import type { EngineName } from "../tensor/engines";
import { isBuiltIn, type ModelDescriptor } from "./descriptor";
import { DlibResNet } from "./dlib-resnet";
import { loadGraphNet } from "./graph-net";
import type { EmbeddingNet } from "./net";
import { loadDlibOnnx, loadOnnxNet, type OnnxPlan } from "./onnx-net";
import { loadTfliteNet, loadTfliteOnnx } from "./tflite-net";

/**
 * Load a model and try it once, so that a wrong file is refused at deploy and not at the first visitor.
 * @throws UserError when a file or the shape is wrong, EngineError when the engine is
 */
export async function loadNet(descriptor: ModelDescriptor, engine: EngineName, onnx: OnnxPlan): Promise<EmbeddingNet> {
  const net = await open(descriptor, engine, onnx);
  const blank = new Float32Array(descriptor.inputSize ** 2 * 3).fill(127);
  let length: number | undefined;
  try {
    length = (await net.run([blank]))[0]?.length;
  } catch (error) {
    net.dispose();
    // Nobody wrote a descriptor of a built-in network: it fits.
    if (isBuiltIn(descriptor)) throw new EngineError(errorMessage(error), { cause: error });
    const { id: model, inputSize: side, layout } = descriptor;
    const reason = reasonOf(error);
    throw new UserError("embed.refusesPicture", { model, side, layout, reason }, { cause: error });
  }
  if (length === descriptor.dimensions) return net;
  net.dispose();
  const { id: model, dimensions } = descriptor;
  throw new UserError("embed.givesOther", { model, length: length ?? 0, dimensions });
}

async function open(descriptor: ModelDescriptor, engine: EngineName, onnx: OnnxPlan): Promise<EmbeddingNet> {
  if (descriptor.format === "onnx") return loadOnnxNet(descriptor, onnx);
  if (engine === "onnx" && descriptor.format !== "tfjs-graph")
    return descriptor.format === "tflite" ? loadTfliteOnnx(descriptor) : loadDlibOnnx();
  const tf = await tensorEngine(engine === "onnx" ? "wasm" : engine);
  if (descriptor.format === "tfjs-graph") return loadGraphNet(descriptor, tf);
  if (descriptor.format === "tflite") return loadTfliteNet(descriptor, tf);
  const resnet = await DlibResNet.load(tf);
  return {
    get engine() {
      return runsOn(tf);
    },
    run: (chips) => Promise.resolve(resnet.run(chips)),
    dispose: () => resnet.dispose(),
  };
}
