/** BlazeFace's full-range network on TF.js WASM or onnxruntime. Runs in workers only. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { assetFile } from "../../assets";
import { UserError } from "../../errors";
import { runsOn, tensorEngine } from "../../tensor/engine";
import { judgeEngine } from "../../tensor/engines";
import { openNetwork, type RuntimeName } from "../../tensor/onnx-runtime";
import { readTflite } from "../../tensor/tflite";
import { onnxModel } from "../../tensor/tflite-onnx";
import { type LayerPlan, planOf } from "../../tensor/tflite-plan";
import { onTf } from "../../tensor/tflite-tf";
import { anchorsOf, INPUT_SIDE, REGRESSED } from "./anchors";
import type { BlazefaceOptions } from "./options";
import type { Sides } from "./view";

export const BLAZEFACE_FILE = assetFile("models", "BlazeFace.tflite");
const CHANNELS = 3;
const SHA256 = "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3";

export interface BlazefaceNet {
  /** What it runs on. */
  engine: string;
  /**
   * @param inputs each height × width × 3, −1…1; they cost what they have of pixels together
   * @param sides of each
   * @returns for each the 16 numbers and the score of its anchors, see anchors.ts
   */
  run(inputs: readonly Float32Array[], sides?: Sides): Promise<Seen[]>;
  dispose(): void;
}

interface Seen {
  regressed: Float32Array;
  scores: Float32Array;
}

const SQUARE: Sides = { width: INPUT_SIDE, height: INPUT_SIDE };
const LENGTHS = [anchorsOf(SQUARE) * REGRESSED, anchorsOf(SQUARE)] as const;

/** @throws UserError when the file is missing or damaged */
async function readPlan(file: string): Promise<LayerPlan> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError("detect.modelUnreadable", { file, reason: error.code ?? "error" });
  });
  if (createHash("sha256").update(bytes).digest("hex") !== SHA256)
    throw new UserError("detect.modelDamaged", { file });
  const plan = planOf(readTflite(bytes));
  if (plan.lengths.join() !== LENGTHS.join()) throw new UserError("tensor.tfliteLengths", { lengths: plan.lengths });
  return plan;
}

export async function loadOnTf(file = BLAZEFACE_FILE): Promise<BlazefaceNet> {
  const tf = await tensorEngine("wasm");
  const net = onTf(tf, await readPlan(file));
  return {
    engine: runsOn(tf),
    dispose: () => net.dispose(),
    run: async (inputs, { width, height } = SQUARE) => {
      const length = width * height * CHANNELS;
      const batch = inputs.length === 1 ? (inputs[0] as Float32Array) : new Float32Array(inputs.length * length);
      if (inputs.length > 1) inputs.forEach((input, index) => batch.set(input, index * length));
      const [regressed, scores] = (await net.run(batch, [inputs.length, height, width, CHANNELS])) as [
        Float32Array,
        Float32Array,
      ];
      const anchors = anchorsOf({ width, height });
      return inputs.map((_, index) => ({
        regressed: regressed.subarray(index * anchors * REGRESSED, (index + 1) * anchors * REGRESSED),
        scores: scores.subarray(index * anchors, (index + 1) * anchors),
      }));
    },
  };
}

/** @throws EngineError when the runtime cannot be used */
export async function loadOnOnnx(
  name: RuntimeName = "onnxruntime-node",
  file = BLAZEFACE_FILE,
): Promise<BlazefaceNet> {
  const model = onnxModel(await readPlan(file), INPUT_SIDE, true);
  const net = await openNetwork(model, [INPUT_SIDE, INPUT_SIDE, CHANNELS], name);
  return {
    engine: name,
    dispose: () => net.dispose(),
    run: async (inputs, { width, height } = SQUARE) => {
      const numbers = anchorsOf({ width, height }) * REGRESSED;
      return (await net.run(inputs, [height, width, CHANNELS])).map((row) => ({
        regressed: row.subarray(0, numbers),
        scores: row.subarray(numbers),
      }));
    },
  };
}

/** @throws UserError when the engine cannot be used here */
export async function loadBlazeface(engine: BlazefaceOptions["engine"]): Promise<BlazefaceNet> {
  if (engine === "wasm") return loadOnTf();
  const { usable, sentence } = await judgeEngine("onnx");
  if (usable) return loadOnOnnx();
  if (engine === "onnx") throw new UserError(sentence);
  return loadOnTf();
}
