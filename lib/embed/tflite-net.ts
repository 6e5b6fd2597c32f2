/** Embedding networks from a TFLite file, such as MobileFaceNet (Chen et al. 2018). Runs in workers only. */
import { readFile } from "node:fs/promises";
import { reasonOf, UserError } from "../errors";
import { runsOn, type Tf } from "../tensor/engine";
import { ONE_THREAD, openNetwork, type RuntimeName } from "../tensor/onnx-runtime";
import { readTflite } from "../tensor/tflite";
import { onnxModel } from "../tensor/tflite-onnx";
import { type LayerPlan, planOf } from "../tensor/tflite-plan";
import { onTf } from "../tensor/tflite-tf";
import { type ModelDescriptor, verifyFiles } from "./descriptor";
import { type EmbeddingNet, toInput } from "./net";

/** @throws UserError when the file is missing, not the descriptor's, or holds another kind of network */
async function readPlan(descriptor: ModelDescriptor): Promise<LayerPlan> {
  await verifyFiles(descriptor, [descriptor.file]);
  try {
    const plan = planOf(readTflite(await readFile(descriptor.file)));
    if (plan.outputs.length !== 1) throw new UserError("embed.outputs", { outputs: plan.outputs.length });
    return plan;
  } catch (error) {
    throw new UserError("embed.noNetwork", { file: descriptor.file, reason: reasonOf(error) }, { cause: error });
  }
}

export async function loadTfliteNet(descriptor: ModelDescriptor, tf: Tf): Promise<EmbeddingNet> {
  const plan = await readPlan(descriptor);
  const net = onTf(tf, plan);
  const dimensions = plan.lengths[0] as number;
  const side = descriptor.inputSize;
  return {
    get engine() {
      return runsOn(tf);
    },
    dispose: () => net.dispose(),
    run: async (chips) => {
      const [flat] = (await net.run(toInput(descriptor, chips), [chips.length, side, side, 3])) as [Float32Array];
      return chips.map((_, index) => flat.slice(index * dimensions, (index + 1) * dimensions));
    },
  };
}

/** @throws EngineError when the runtime cannot be used */
export async function loadTfliteOnnx(
  descriptor: ModelDescriptor,
  name: RuntimeName = "onnxruntime-node",
  options: object = ONE_THREAD,
): Promise<EmbeddingNet> {
  const side = descriptor.inputSize;
  const net = await openNetwork(onnxModel(await readPlan(descriptor), side), [side, side, 3], name, options);
  return {
    engine: name,
    dispose: () => net.dispose(),
    run: (chips) => net.run(chips.map((chip) => toInput(descriptor, [chip]))),
  };
}
