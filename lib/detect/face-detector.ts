import { Fault } from "../errors";
import { pixelCache } from "../image/pixels";
import { pixelSource } from "../image/source";
import { type Box, cameraOf, type Face, type Picture, type Timing } from "../message";
import { StagePool } from "../workers/pool";
import { asFace } from "./boxes";
import type { DetectResult, DetectTask, Follow } from "./detect-worker";
import type { CommonOptions, Detection, Detector, Neighbourhood } from "./detector";
import type { Look } from "./look";
import { clip } from "./region";
import type { Sketch } from "./sketch";
import type { Seen } from "./tracker";

type Pool = StagePool<DetectTask | "farewell", DetectResult>;

/** By detector and engine: each has threads of its own, shared by all who use it. */
const pools = new Map<string, Pool>();

function poolOf(detector: Detector, name: string): Pool {
  const key = `${detector.id} ${name}`;
  const known = pools.get(key);
  if (known !== undefined) return known;
  const engine = detector.engines[name];
  if (engine === undefined) throw new Fault(`the detector ${detector.id} has no engine ${name}`);
  const farewell = engine.closes === true ? "farewell" : undefined;
  const pool: Pool = new StagePool(__dirname, "detect-worker", engine.threads, farewell);
  pools.set(key, pool);
  return pool;
}

/** Of the black picture for the warm-up, in pixels. */
const WARM_UP_SIDE = 64;
const CHANNELS = 3;

export interface Detected {
  /** One for each box, best score first; empty when none was found. */
  faces: Face[];
  width: number;
  height: number;
  /** Whether all of it was searched. */
  whole: boolean;
  /** Of a frame that was left out, since nothing in it had changed. */
  searched?: false;
  timing: Required<Pick<Timing, "decode" | "detect">>;
}

export interface Searched extends Omit<Detected, "faces" | "searched"> {
  seen: Seen[];
  sketch: Sketch | undefined;
}

export interface FaceFinder {
  /**
   * Find the faces of a picture.
   * @param region in place of the options'
   * @param nearby searches only there; undefined is everywhere
   * @throws a sentence when it is no picture or the engine is not to be had
   */
  detect(picture: Picture, region?: Box, nearby?: readonly Neighbourhood[]): Promise<Detected>;
}

/** Finds faces in pictures by one of the detectors, in the shared workers. Close it when done. */
export class FaceDetector<Options extends CommonOptions = CommonOptions> implements FaceFinder {
  readonly options: Options;
  readonly #detector: Detector<Options>;
  readonly #pool: Pool;
  #open = true;

  constructor(detector: Detector<Options>, options: Options) {
    this.options = options;
    this.#detector = detector;
    this.#pool = poolOf(detector, options.engine);
    this.#pool.acquire();
  }

  /** Load the engine now, so that the first frame is not the slow one. @returns its name @throws as detect does */
  async warmUp(): Promise<string> {
    const { region: _elsewhere, ...options } = this.options;
    const frame = {
      source: "",
      sequence: 0,
      capturedAt: 0,
      width: WARM_UP_SIDE,
      height: WARM_UP_SIDE,
      encoding: "rgb",
    } as const;
    const { engine } = await this.#run(
      { bytes: Buffer.alloc(WARM_UP_SIDE * WARM_UP_SIDE * CHANNELS), frame },
      undefined,
      options,
    );
    return engine;
  }

  async detect(picture: Picture, region?: Box, nearby?: readonly Neighbourhood[]): Promise<Detected> {
    const follow = nearby === undefined ? undefined : { nearby, expected: [] };
    const {
      detections,
      engine: _engine,
      looks: _looks,
      sketch: _sketch,
      ...detected
    } = await this.#run(picture, follow, this.#within(region));
    return { ...detected, faces: byScore(detections).map(asFace) };
  }

  /**
   * Find the faces of a live frame, and how they look.
   * @param region in place of the options'
   * @throws as detect does
   */
  async search(picture: Picture, follow: Follow, region?: Box): Promise<Searched> {
    const { detections, engine: _engine, looks, ...detected } = await this.#run(picture, follow, this.#within(region));
    return {
      ...detected,
      seen: byScore(detections.map((detection, index) => ({ ...detection, look: looks[index] as Look }))),
    };
  }

  /** Parts of a frame of this size in which the detector finds smaller faces than in the whole. */
  nearerParts(frame: { width: number; height: number }): Box[] {
    const whole = this.options.region === undefined ? undefined : clip(this.options.region, frame);
    return this.#detector.nearerParts?.(whole ?? { x: 0, y: 0, ...frame }, this.options) ?? [];
  }

  #within(region: Box | undefined): CommonOptions {
    return region === undefined ? this.options : { ...this.options, region };
  }

  async #run(
    picture: Picture,
    follow: Follow | undefined,
    options: CommonOptions,
  ): Promise<Omit<DetectResult, "pixels" | "decode" | "detect"> & Pick<Detected, "timing">> {
    const camera = picture.frame === undefined ? undefined : cameraOf(picture.frame);
    const { pixels, decode, detect, ...found } = await this.#pool.runAgain(async () => {
      const { source, transfer } = await pixelSource(picture);
      return {
        task: {
          source,
          detector: this.#detector.id,
          options,
          keep: pixelCache.wanted(camera),
          photo: picture.frame === undefined,
          ...(follow === undefined ? {} : { follow }),
        },
        transfer,
      };
    });
    pixelCache.set(picture.bytes, pixels, camera);
    return { ...found, timing: { decode, detect } };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#pool.release();
  }
}

/**
 * Best first. Of one score the larger comes first, then what is left and above: OpenCV's threads find them in any
 * order.
 */
function byScore<D extends Detection>(detections: D[]): D[] {
  return detections.sort(
    (a, b) => b.score - a.score || b.box.width - a.box.width || a.box.x - b.box.x || a.box.y - b.box.y,
  );
}
