/** Tries an engine, in a worker of the process that is there for it. */
import { tryTensorFlow } from "./engine";
import type { NativeEngine } from "./engines";
import { tryOnnxRuntime } from "./onnx-runtime";

export default async function probeTask(engine: NativeEngine): Promise<void> {
  await (engine === "onnx" ? tryOnnxRuntime() : tryTensorFlow());
}
