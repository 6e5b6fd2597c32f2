import { z } from "zod";
import type { Box } from "../../message";
import type { Neighbourhood } from "../detector";
import { regionSchema, searchedPart } from "../region";
import { CASCADES, type CascadeShape } from "./cascade-file";
import { PRESETS } from "./presets";
import { bufferOf, bytesOf } from "./pyramid";
import { own } from "../../validate";

const MAX_SIDE = 10_000;
const side = z.number().int().min(0).max(MAX_SIDE);

/** What is not said is as in the preset for photos, as it always was. */
const DEFAULT = PRESETS.photo;

/** How the Haar cascade searches a picture. Parameter names are those of OpenCV's detectMultiScale. */
export const haarOptionsSchema = z
  .object({
    /** "native" is @u4/opencv4nodejs where it is installed. */
    engine: z.enum(["wasm", "native"]).default("wasm"),
    cascade: z
      .union([z.enum(CASCADES), z.string().endsWith(".xml")], {
        error: own("detect.cascadeForm"),
      })
      .default(DEFAULT.cascade),
    /** Step between scales, over 1: smaller finds more and takes longer. */
    scaleFactor: z.number().min(1.01).max(3).default(DEFAULT.scaleFactor),
    /** How many raw detections must agree. */
    minNeighbors: z.number().int().min(0).max(100).default(DEFAULT.minNeighbors),
    /** Smallest and largest face, in pixels of the picture; 0 is no bound. */
    minSize: side.default(0),
    maxSize: side.default(0),
    /**
     * The picture is scaled down to this width before the search, in pixels; 0 searches it as it is. "auto" takes the
     * width at which the
     * smallest face asked for just fills the cascade's window, with a little to spare: it finds nearly as many faces
     * in less time, but each
     * by fewer raw detections, so that minNeighbors must be lower.
     */
    workingWidth: z
      .union([z.literal("auto"), side], { error: own("detect.workingWidth") })
      .default(DEFAULT.workingWidth),
    /** The search stays inside. */
    region: regionSchema.optional(),
  })
  .refine(({ minSize, maxSize }) => maxSize === 0 || minSize <= maxSize, {
    path: ["maxSize"],
    error: own("detect.sizes"),
  });

export type HaarOptions = z.infer<typeof haarOptionsSchema>;

/** Side of the window of OpenCV's frontal cascades, in pixels. */
const WINDOW = 24;
/** "auto" leaves so much room between the smallest face and the window, measured by bench:working-width. */
const ROOM = 1.25;

/** Where in the picture to search, at which scale, and the way back. */
export interface SearchPlan {
  region: Box;
  /** Working pixels per pixel of the picture, at most 1. */
  scale: number;
  /** The picture that OpenCV searches, in working pixels. */
  working: { width: number; height: number };
  /** Bounds of a face in working pixels. */
  minSize: number;
  maxSize: number;
  /** What OpenCV lays out for this search. */
  buffer: { width: number; height: number };
  toFrame(box: Box): Box;
}

/** The window of OpenCV's frontal cascade. */
const FRONTAL: CascadeShape = { width: WINDOW, height: WINDOW, channels: 2 };

/**
 * OpenCV WASM has 1 GB in all, and breaks for good where that does not do. This leaves room for the picture itself and
 * for what else
 * lies there. A 12-megapixel photo takes 712 MB at a scaleFactor of 1.1, and is searched as it is.
 */
const MOST_BYTES = 740e6;
/** A step down where the picture is still too large; small ones, for the sizes that are searched change with it. */
const STEP = 0.98;

/**
 * A picture too large for OpenCV, at these options, is scaled down.
 * @returns undefined where nothing can be found: `nearby` lies outside of what the options allow, or the window of the
 * cascade does not fit in
 * @throws a sentence when the region lies outside the picture
 */
export function searchPlan(
  picture: { width: number; height: number },
  options: HaarOptions,
  nearby?: Neighbourhood,
  shape = FRONTAL,
): SearchPlan | undefined {
  const { whole, part: region } = searchedPart(picture, options.region, nearby);
  if (region === undefined) return undefined;
  const minSize = Math.max(options.minSize, nearby?.minSize ?? 0);
  const maxSize = Math.min(options.maxSize || Infinity, nearby?.maxSize ?? Infinity);
  const at = (scale: number): Pick<SearchPlan, "scale" | "working" | "minSize" | "maxSize"> => ({
    scale,
    working: { width: Math.round(region.width * scale), height: Math.round(region.height * scale) },
    minSize: Math.round(minSize * scale),
    maxSize: maxSize === Infinity ? 0 : Math.max(1, Math.round(maxSize * scale)),
  });
  const fits = ({ working }: Pick<SearchPlan, "working">): boolean =>
    working.width >= shape.width && working.height >= shape.height;
  for (
    let plan = at(workingScale(options.workingWidth, whole.width, minSize));
    fits(plan);
    plan = at(plan.scale * STEP)
  ) {
    const buffer = bufferOf({ ...plan, ...plan.working, scaleFactor: options.scaleFactor }, shape);
    if (bytesOf(buffer, shape) > MOST_BYTES) continue;
    const { scale } = plan;
    return {
      ...plan,
      region,
      buffer,
      toFrame: (box) => ({
        x: region.x + Math.round(box.x / scale),
        y: region.y + Math.round(box.y / scale),
        width: Math.round(box.width / scale),
        height: Math.round(box.height / scale),
      }),
    };
  }
  return undefined;
}

/** Working pixels per pixel of the picture. */
function workingScale(workingWidth: HaarOptions["workingWidth"], width: number, smallest: number): number {
  if (workingWidth === "auto") return smallest > 0 ? Math.min(1, (WINDOW * ROOM) / smallest) : 1;
  return workingWidth > 0 ? Math.min(1, workingWidth / width) : 1;
}
