/** Tries an engine, in a worker of the process that is there for it. */
import { serve } from "../workers/serve";
import { tryTensorFlow } from "./engine";
import type { NativeEngine } from "./engines";
import { tryOnnxRuntime } from "./onnx-runtime";

export default serve((engine: NativeEngine) => (engine === "onnx" ? tryOnnxRuntime() : tryTensorFlow()));
