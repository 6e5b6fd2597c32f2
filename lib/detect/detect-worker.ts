import { decode } from "../image/decode";
import type { PixelSource, Pixels } from "../image/pixels";
import { NativeDetector } from "./native";
import type { Detection, DetectorEngine, DetectorOptions, Near } from "./options";
import { moving, onEngine, serve } from "../workers/serve";
import { withoutDoubles } from "./boxes";
import { type Look, lookAt } from "./look";
import { WasmDetector } from "./wasm";

export interface DetectTask {
  source: PixelSource;
  options: DetectorOptions;
  /** Whether to give back the pixels. */
  keep: boolean;
  /** For live frames; a photo is searched everywhere and nobody asks how its faces look. */
  follow?: Follow;
}

export interface Follow {
  /** Search only there; undefined is everywhere. */
  near: readonly Near[] | undefined;
}

export interface DetectResult {
  pixels: Pixels | undefined;
  /** Of the picture as shown. */
  width: number;
  height: number;
  detections: Detection[];
  /** Of each detection, where `follow` was asked for. */
  looks: Look[];
  /** Whether all of the picture was searched. */
  whole: boolean;
  /** Milliseconds. */
  decode: number;
  detect: number;
}

let wasm: Promise<WasmDetector> | undefined;
let native: NativeDetector | undefined;

function engine(name: DetectorOptions["engine"]): Promise<DetectorEngine> | DetectorEngine {
  if (name === "native") return (native ??= new NativeDetector());
  wasm ??= WasmDetector.load().catch((error: unknown) => {
    // Tried again with the next picture: there may be memory then.
    wasm = undefined;
    throw error;
  });
  return wasm;
}

export default serve(async (task: DetectTask | "farewell"): Promise<DetectResult | undefined> => {
  if (task !== "farewell") return detectTask(task);
  await native?.close();
  return undefined;
});

/** Runs in a worker: decode a picture unless that was done before, and find the faces. */
async function detectTask({ source, options, keep, follow }: DetectTask): Promise<DetectResult> {
  const detector = await engine(options.engine);
  const start = performance.now();
  const pixels = await decode(source);
  const decoded = performance.now();
  const { width, height } = pixels;
  const broke = (): string =>
    `OpenCV broke on a picture of ${width} × ${height} pixels and was restarted: send a smaller picture.`;
  const nearby = await onEngine(broke, () => searchNear(detector, pixels, options, follow));
  const detections = nearby ?? (await onEngine(broke, () => detector.detect(pixels, options)));
  const looks = follow === undefined ? [] : detections.map(({ box }) => lookAt(pixels, box));
  const result = {
    detections,
    looks,
    width,
    height,
    whole: nearby === undefined,
    decode: decoded - start,
    detect: performance.now() - decoded,
  };
  return keep ? moving({ ...result, pixels }, [pixels.data.buffer]) : { ...result, pixels: undefined };
}

/** @returns undefined where the whole picture is to be searched */
async function searchNear(
  detector: DetectorEngine,
  pixels: Pixels,
  options: DetectorOptions,
  follow: Follow | undefined,
): Promise<Detection[] | undefined> {
  if (follow?.near === undefined) return undefined;
  const found: Detection[][] = [];
  for (const near of follow.near) found.push(await detector.detect(pixels, options, near));
  if (follow.near.some(({ sure }, index) => sure && found[index]?.length === 0)) return undefined;
  return withoutDoubles(found.flat());
}
