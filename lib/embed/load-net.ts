/** Opens the network that a descriptor names. Runs in a worker. */
import { UserError } from "../errors";
import type { EngineName, Tf } from "../tensor/engine";
import type { ModelDescriptor } from "./descriptor";
import { DlibResNet } from "./dlib-resnet";
import { loadGraphNet } from "./graph-net";
import type { EmbeddingNet } from "./net";
import { loadDlibOnnx, loadOnnxNet } from "./onnx-net";

/**
 * Load a model and try it once, so that a wrong file is refused at deploy and not at the first visitor.
 * @throws a sentence when a file, an engine or the shape is wrong
 */
export async function loadNet(descriptor: ModelDescriptor, tf: Tf, engine: EngineName): Promise<EmbeddingNet> {
  const net = await open(descriptor, tf, engine);
  const blank = new Float32Array(descriptor.inputSize ** 2 * 3).fill(127);
  let length: number | undefined;
  try {
    length = (await net.run([blank]))[0]?.length;
  } catch (error) {
    net.dispose();
    throw new UserError(`the model ${descriptor.id} does not take a ${descriptor.inputSize} × ${descriptor.inputSize} ${descriptor.layout} picture (${(error as Error).message.split("\n")[0]}): mend inputSize or layout in its descriptor.`, { cause: error });
  }
  if (length === descriptor.dimensions) return net;
  net.dispose();
  throw new UserError(`the model ${descriptor.id} gives embeddings of ${length ?? 0} dimensions, its descriptor says ${descriptor.dimensions}: mend the descriptor, or use the file it was written for.`);
}

async function open(descriptor: ModelDescriptor, tf: Tf, engine: EngineName): Promise<EmbeddingNet> {
  if (descriptor.format === "tfjs-graph") return loadGraphNet(descriptor, tf);
  if (descriptor.format === "onnx") return loadOnnxNet(descriptor);
  if (engine === "onnx") return loadDlibOnnx();
  const resnet = await DlibResNet.load(tf);
  return { engine: `TF.js ${tf.getBackend()}`, run: (chips) => Promise.resolve(resnet.run(chips)), dispose: () => resnet.dispose() };
}
