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
import { ANCHORS, INPUT_SIDE, REGRESSED } from "./anchors";
import type { BlazefaceOptions } from "./options";

export const BLAZEFACE_FILE = assetFile("models", "BlazeFace.tflite");
const SHA256 = "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3";

export interface BlazefaceNet {
  /** What it runs on. */
  engine: string;
  /** @param input 192 × 192 × 3, −1…1 @returns 2,304 × 16 numbers and 2,304 scores, see anchors.ts */
  run(input: Float32Array): Promise<{ regressed: Float32Array; scores: Float32Array }>;
  dispose(): void;
}

const LENGTHS = [ANCHORS * REGRESSED, ANCHORS] as const;

/** @throws UserError when the file is missing or damaged */
async function readPlan(file: string): Promise<LayerPlan> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError("detect.modelUnreadable", { file, reason: error.code ?? "error" });
  });
  if (createHash("sha256").update(bytes).digest("hex") !== SHA256)
    throw new UserError("detect.modelDamaged", { file });
  const plan = planOf(readTflite(bytes));
  if (plan.lengths.join() !== LENGTHS.join())
    throw new Error(`its outputs have ${plan.lengths.join(" and ")} numbers`);
  return plan;
}

export async function loadOnTf(file = BLAZEFACE_FILE): Promise<BlazefaceNet> {
  const tf = await tensorEngine("wasm");
  const net = onTf(tf, await readPlan(file));
  return {
    engine: runsOn(tf),
    dispose: () => net.dispose(),
    run: async (input) => {
      const [regressed, scores] = (await net.run(input, [1, INPUT_SIDE, INPUT_SIDE, 3])) as [
        Float32Array,
        Float32Array,
      ];
      return { regressed, scores };
    },
  };
}

/** @throws EngineError when the runtime cannot be used */
export async function loadOnOnnx(
  name: RuntimeName = "onnxruntime-node",
  file = BLAZEFACE_FILE,
): Promise<BlazefaceNet> {
  const net = await openNetwork(onnxModel(await readPlan(file), INPUT_SIDE), [INPUT_SIDE, INPUT_SIDE, 3], name);
  return {
    engine: name,
    dispose: () => net.dispose(),
    run: async (input) => {
      const [row] = (await net.run([input])) as [Float32Array];
      return { regressed: row.subarray(0, LENGTHS[0]), scores: row.subarray(LENGTHS[0]) };
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
