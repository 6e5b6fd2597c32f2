/** An embedding network, whatever it runs on. Lives in a worker. */
import type { EngineName, Tf } from "../tensor/engine";
import { DlibResNet } from "./dlib-resnet";
import type { ModelDescriptor } from "./descriptor";
import { loadGraphNet } from "./graph-net";
import { loadDlibOnnx, loadOnnxNet } from "./onnx-net";

export interface EmbeddingNet {
  /** What it runs on, for people to read. */
  readonly engine: string;
  /** @param chips each inputSize × inputSize × 3 RGB, 0..255 @returns an embedding for each, as the network gives it */
  run(chips: readonly Float32Array[]): Promise<Float32Array[]>;
  /** Free its memory; not to be used afterwards. */
  dispose(): void;
}

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
    throw new Error(`the model ${descriptor.id} does not take a ${descriptor.inputSize} × ${descriptor.inputSize} ${descriptor.layout} picture (${(error as Error).message.split("\n")[0]}): mend inputSize or layout in its descriptor.`, { cause: error });
  }
  if (length === descriptor.dimensions) return net;
  net.dispose();
  throw new Error(`the model ${descriptor.id} gives embeddings of ${length ?? 0} dimensions, its descriptor says ${descriptor.dimensions}: mend the descriptor, or use the file it was written for.`);
}

async function open(descriptor: ModelDescriptor, tf: Tf, engine: EngineName): Promise<EmbeddingNet> {
  if (descriptor.format === "tfjs-graph") return loadGraphNet(descriptor, tf);
  if (descriptor.format === "onnx") return loadOnnxNet(descriptor);
  if (engine === "onnx") return loadDlibOnnx();
  const resnet = await DlibResNet.load(tf);
  return { engine: `TF.js ${tf.getBackend()}`, run: (chips) => Promise.resolve(resnet.run(chips)), dispose: () => resnet.dispose() };
}

const CHANNELS = 3;

/** Chips as the network's input: channels, layout and numbers as the descriptor says. */
export function toInput(descriptor: ModelDescriptor, chips: readonly Float32Array[]): Float32Array {
  const { inputSize, channelOrder, layout, normalization } = descriptor;
  const plane = inputSize * inputSize;
  const input = new Float32Array(chips.length * plane * CHANNELS);
  const mean = spread(descriptor.mean);
  const scale = spread(descriptor.scale);
  chips.forEach((chip, index) => {
    const whitening = normalization === "whiten" ? whiten(chip) : undefined;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        const value = chip[pixel * CHANNELS + (channelOrder === "rgb" ? channel : CHANNELS - 1 - channel)] as number;
        const at = layout === "nhwc" ? pixel * CHANNELS + channel : channel * plane + pixel;
        input[index * plane * CHANNELS + at] = whitening === undefined ? (value - (mean[channel] as number)) * (scale[channel] as number) : (value - whitening.mean) / whitening.deviation;
      }
    }
  });
  return input;
}

/** Per-image standardization (FaceNet, facenet.py: prewhiten): the deviation is at least 1/√n. */
function whiten(chip: Float32Array): { mean: number; deviation: number } {
  const mean = chip.reduce((sum, value) => sum + value, 0) / chip.length;
  const variance = chip.reduce((sum, value) => sum + (value - mean) ** 2, 0) / chip.length;
  return { mean, deviation: Math.max(Math.sqrt(variance), 1 / Math.sqrt(chip.length)) };
}

function spread(value: number | readonly [number, number, number]): readonly number[] {
  return typeof value === "number" ? [value, value, value] : value;
}
