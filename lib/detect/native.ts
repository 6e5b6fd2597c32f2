/** Native OpenCV through @u4/opencv4nodejs, an optional accelerator found at run time; it needs a compiler and system OpenCV. */
import { createRequire } from "node:module";
import { UserError } from "../errors";
import { toGrey } from "../image/decode";
import { cascadeFile, type Detection, type DetectorEngine, searchPlan } from "./options";
import type { Box } from "../message";

interface NativeMat {
  resize(rows: number, cols: number, fx?: number, fy?: number, interpolation?: number): NativeMat;
  release(): void;
}

interface NativeCv {
  CV_8UC1: number;
  INTER_AREA: number;
  Mat: new (data: Buffer, rows: number, cols: number, type: number) => NativeMat;
  Size: new (width: number, height: number) => unknown;
  CascadeClassifier: new (path: string) => { detectMultiScale(grey: NativeMat, options: object): { objects: Box[]; numDetections: number[] } };
}

/** Without this the package's memory accounting aborts V8 beside sharp on Node 20. */
const REQUIRED_ENV = "OPENCV4NODEJS_DISABLE_EXTERNAL_MEM_TRACKING";

const MODULE = "@u4/opencv4nodejs";

/** Whether the accelerator is installed here. */
export function nativeInstalled(): boolean {
  try {
    createRequire(__filename).resolve(MODULE);
    return true;
  } catch {
    return false;
  }
}

let detector: DetectorEngine | undefined;

/** @throws a sentence when it is not installed or not safe to load */
export function nativeDetector(): DetectorEngine {
  detector ??= load();
  return detector;
}

function load(): DetectorEngine {
  if (!nativeInstalled()) throw new UserError(`the native engine ${MODULE} is not installed: run "npm install ${MODULE}" in the Node-RED user folder (it compiles and needs OpenCV), or choose the engine "OpenCV WASM".`);
  if (process.env[REQUIRED_ENV] !== "1") throw new UserError(`the native engine ${MODULE} needs the environment variable ${REQUIRED_ENV}=1 where Node-RED starts, or it ends the whole process: set it, or choose the engine "OpenCV WASM".`);
  const cv = (createRequire(__filename)(MODULE) as { default?: NativeCv } & NativeCv);
  return create(cv.default ?? cv);
}

function create(cv: NativeCv): DetectorEngine {
  const cascades = new Map<string, InstanceType<NativeCv["CascadeClassifier"]>>();
  return {
    name: "native",
    detect(pixels, options, near): Detection[] {
      const plan = searchPlan(pixels, options, near);
      if (plan === undefined) return [];
      const cascade = cascades.get(options.cascade) ?? new cv.CascadeClassifier(cascadeFile(options.cascade));
      cascades.set(options.cascade, cascade);
      const bytes = Buffer.alloc(plan.region.width * plan.region.height);
      toGrey(pixels, plan.region, bytes);
      const cut = new cv.Mat(bytes, plan.region.height, plan.region.width, cv.CV_8UC1);
      const grey = plan.scale === 1 ? cut : cut.resize(Math.round(plan.region.height * plan.scale), Math.round(plan.region.width * plan.scale), 0, 0, cv.INTER_AREA);
      try {
        const { objects, numDetections } = cascade.detectMultiScale(grey, {
          scaleFactor: options.scaleFactor,
          minNeighbors: options.minNeighbors,
          minSize: new cv.Size(plan.minSize, plan.minSize),
          ...(plan.maxSize > 0 ? { maxSize: new cv.Size(plan.maxSize, plan.maxSize) } : {}),
        });
        return objects.map((box, index) => ({ box: plan.toFrame(box), score: numDetections[index] ?? 0 }));
      } finally {
        for (const mat of new Set([grey, cut])) mat.release();
      }
    },
  };
}
