import { decode } from "../image/decode";
import type { PixelSource, Pixels } from "../image/pixels";
import { nativeDetector } from "./native";
import type { Detection, DetectorEngine, DetectorOptions } from "./options";
import { moving } from "../workers/moving";
import { WasmDetector } from "./wasm";

export interface DetectTask {
  source: PixelSource;
  options: DetectorOptions;
}

export interface DetectResult {
  pixels: Pixels;
  detections: Detection[];
  /** Milliseconds. */
  decode: number;
  detect: number;
}

let wasm: Promise<WasmDetector> | undefined;

function engine(name: DetectorOptions["engine"]): Promise<DetectorEngine> | DetectorEngine {
  if (name === "native") return nativeDetector();
  wasm ??= WasmDetector.load();
  return wasm;
}

/** Runs in a worker: decode a picture unless that was done before, and find the faces. */
export default async function detectTask({ source, options }: DetectTask): Promise<DetectResult> {
  const detector = await engine(options.engine);
  const start = performance.now();
  const pixels = await decode(source);
  const decoded = performance.now();
  const detections = detector.detect(pixels, options);
  return moving({ pixels, detections, decode: decoded - start, detect: performance.now() - decoded }, [pixels.data.buffer]);
}
