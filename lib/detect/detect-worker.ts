import { Fault } from "../errors";
import { decode } from "../image/decode";
import type { PixelSource, Pixels } from "../image/pixels";
import type { Box } from "../message";
import { moving, onEngine, serve } from "../workers/serve";
import { withoutDoubles } from "./boxes";
import type { CommonOptions, Detection, LoadedDetector, Neighbourhood } from "./detector";
import { detectorNamed } from "./detectors";
import { type Look, lookAt } from "./look";
import { type Sketch, sketchOf } from "./sketch";
import { phrase, type Sentence } from "../words/sentence";

export interface DetectTask {
  source: PixelSource;
  /** Id of the detector. */
  detector: string;
  /** Its own. */
  options: CommonOptions;
  /** Whether to give back the pixels. */
  keep: boolean;
  /** Whether it is no frame of a camera: then more may be tried. */
  photo: boolean;
  /** For live frames; a photo is searched everywhere and nobody asks how its faces look. */
  follow?: Follow;
}

export interface Follow {
  /** Search only there; undefined is everywhere. */
  nearby: readonly Neighbourhood[] | undefined;
  /** Where faces are expected. */
  expected: readonly Neighbourhood[];
  /** Is looked at from nearer besides, by a detector that does. */
  nearer?: Box | undefined;
}

export interface DetectResult {
  pixels: Pixels | undefined;
  /** Of the picture as shown. */
  width: number;
  height: number;
  detections: Detection[];
  /** What it ran on. */
  engine: string;
  /** Of each detection, where `follow` was asked for. */
  looks: Look[];
  /** Of a frame that is followed by a detector with nearer parts. */
  sketch: Sketch | undefined;
  /** Whether all of the picture was searched. */
  whole: boolean;
  /** Milliseconds. */
  decode: number;
  detect: number;
}

type Loading = Promise<LoadedDetector<CommonOptions>>;

/** By detector and engine. A worker is asked for one of them only, see the pools in face-detector.ts. */
const loaded = new Map<string, Loading>();

function load(id: string, name: string): Loading {
  const key = `${id} ${name}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const engine = detectorNamed(id).engines[name];
  if (engine === undefined) throw new Fault(`the detector ${id} has no engine ${name}`);
  const loading = Promise.resolve()
    .then(() => engine.load())
    .catch((error: unknown) => {
      // Tried again with the next picture: there may be memory then.
      loaded.delete(key);
      throw error;
    });
  loaded.set(key, loading);
  return loading;
}

export default serve(async (task: DetectTask | "farewell"): Promise<DetectResult | undefined> => {
  if (task !== "farewell") return detectTask(task);
  await Promise.all([...loaded.values()].map(async (loading) => (await loading).close?.()));
  return undefined;
});

/** Runs in a worker: decode a picture unless that was done before, and find the faces. */
async function detectTask({ source, detector: id, options, keep, photo, follow }: DetectTask): Promise<DetectResult> {
  const detector = await load(id, options.engine);
  const start = performance.now();
  const pixels = await decode(source);
  const decoded = performance.now();
  const { width, height } = pixels;
  const broke = (): Sentence => phrase("detect.broke", { engine: detector.name, width, height });
  const nearby = await onEngine(broke, () => searchNearby(detector, pixels, options, follow));
  const first = nearby ?? (await onEngine(broke, () => searchWhole(detector, pixels, options, follow)));
  const again = photo ? await onEngine(broke, () => detector.detectAgain?.(pixels, options, first)) : undefined;
  const detections = again ?? first;
  const looks = follow === undefined ? [] : detections.map(({ box }) => lookAt(pixels, box));
  const result = {
    detections,
    engine: detector.name,
    looks,
    sketch: follow === undefined || detector.follow === undefined ? undefined : sketchOf(pixels),
    width,
    height,
    whole: nearby === undefined,
    decode: decoded - start,
    detect: performance.now() - decoded,
  };
  return keep ? moving({ ...result, pixels }, [pixels.data.buffer]) : { ...result, pixels: undefined };
}

/** @returns undefined where the whole picture is to be searched */
async function searchNearby(
  detector: LoadedDetector<CommonOptions>,
  pixels: Pixels,
  options: CommonOptions,
  follow: Follow | undefined,
): Promise<Detection[] | undefined> {
  if (follow?.nearby === undefined || detector.follow !== undefined) return undefined;
  const found: Detection[][] = [];
  for (const neighbourhood of follow.nearby) found.push(await detector.detect(pixels, options, neighbourhood));
  if (follow.nearby.some(({ sure }, index) => sure && found[index]?.length === 0)) return undefined;
  return withoutDoubles(found.flat());
}

async function searchWhole(
  detector: LoadedDetector<CommonOptions>,
  pixels: Pixels,
  options: CommonOptions,
  follow: Follow | undefined,
): Promise<Detection[]> {
  if (follow === undefined || detector.follow === undefined) return detector.detect(pixels, options);
  return detector.follow(pixels, options, follow.expected, follow.nearer);
}
