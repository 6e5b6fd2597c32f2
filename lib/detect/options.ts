import { z } from "zod";
import { UserError } from "../errors";
import type { Pixels } from "../image/pixels";
import type { Box, Point } from "../message";
import { CASCADES, type CascadeShape } from "./cascade-file";
import { bufferOf, bytesOf } from "./pyramid";

const MAX_SIDE = 10_000;
const side = z.number().int().min(0).max(MAX_SIDE);

/** "x, y, width, height" as the four. */
function fromText(value: unknown): unknown {
  const parts = typeof value === "string" ? value.split(",").map((part) => part.trim()) : [];
  const [x, y, width, height] = parts.map(Number);
  return parts.length === 4 && !parts.includes("") ? { x, y, width, height } : value;
}

/** Region of interest in pixels of the picture; also as text, "x, y, width, height". */
export const regionSchema = z.preprocess(
  fromText,
  z.object(
    { x: z.number().min(0), y: z.number().min(0), width: z.number().positive(), height: z.number().positive() },
    { error: "must be four numbers: x, y, width, height" },
  ),
);

/** How the Haar cascade looks at a picture. Parameter names are those of OpenCV's detectMultiScale. */
export const detectorOptionsSchema = z
  .object({
    /** "native" is @u4/opencv4nodejs where it is installed. */
    engine: z.enum(["wasm", "native"]).default("wasm"),
    cascade: z
      .union([z.enum(CASCADES), z.string().endsWith(".xml")], {
        error: `must be one of ${CASCADES.join(", ")} or the path of an .xml file`,
      })
      .default("frontalface_default"),
    /** Step between scales, over 1: smaller finds more and takes longer. */
    scaleFactor: z.number().min(1.01).max(3).default(1.1),
    /** How many raw detections must agree. */
    minNeighbors: z.number().int().min(0).max(100).default(5),
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
    workingWidth: z.union([z.literal("auto"), side], { error: 'must be "auto", a width in pixels, or 0' }).default(0),
    /** The search stays inside. */
    region: regionSchema.optional(),
  })
  .refine(({ minSize, maxSize }) => maxSize === 0 || minSize <= maxSize, {
    path: ["maxSize"],
    error: "the largest face is smaller than the smallest (minSize): nothing could be found",
  });

export type DetectorOptions = z.infer<typeof detectorOptionsSchema>;

/** detectMultiScale(gray, 1.3, 5), as in the program this package grew from. */
export const PRESET_ORIGINAL = { cascade: "frontalface_default", scaleFactor: 1.3, minNeighbors: 5 } as const;
/** Finer steps: finds more faces for about twice the time. For photos, which have time. */
export const PRESET_ACCURATE = { cascade: "frontalface_default", scaleFactor: 1.1, minNeighbors: 5 } as const;
/**
 * Nearly as many faces as PRESET_ACCURATE finds, fewer false boxes and two thirds of the time (npm run
 * bench:working-width). For frames.
 */
export const PRESET_LIVE = {
  cascade: "frontalface_default",
  scaleFactor: 1.1,
  minNeighbors: 3,
  workingWidth: "auto",
} as const;

/** Side of the window of OpenCV's frontal cascades, in pixels. */
const WINDOW = 24;
/** "auto" leaves so much room between the smallest face and the window, measured by bench:working-width. */
const ROOM = 1.25;

export interface Detection {
  box: Box;
  /** How many raw detections were merged into the box. */
  score: number;
}

/** A part of the picture where a face is expected, and its sizes; all in pixels of the picture. */
export interface Near {
  /** Whether the face is so sure to be there that the whole picture is worth a search when it is not. */
  sure: boolean;
  region: Box;
  minSize: number;
  maxSize: number;
}

export interface DetectorEngine {
  readonly name: string;
  /**
   * @param near searches only there; nothing is found where it lies outside the picture or the region of the options
   */
  detect(pixels: Pixels, options: DetectorOptions, near?: Near): Detection[] | Promise<Detection[]>;
}

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
 * @returns undefined where nothing can be found: `near` lies outside of what the options allow, or the window of the
 * cascade does not fit in
 * @throws a sentence when the region lies outside the picture
 */
export function searchPlan(
  picture: { width: number; height: number },
  options: DetectorOptions,
  near?: Near,
  shape = FRONTAL,
): SearchPlan | undefined {
  const whole = clip(options.region ?? { x: 0, y: 0, width: picture.width, height: picture.height }, picture);
  if (whole === undefined)
    throw new UserError(
      `the region of interest lies outside the picture (${picture.width} × ${picture.height}): set it in ` +
        "pixels of the picture, or clear it.",
    );
  const region =
    near === undefined
      ? whole
      : clip(near.region, { width: whole.x + whole.width, height: whole.y + whole.height }, whole);
  if (region === undefined) return undefined;
  const minSize = Math.max(options.minSize, near?.minSize ?? 0);
  const maxSize = Math.min(options.maxSize || Infinity, near?.maxSize ?? Infinity);
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
function workingScale(workingWidth: DetectorOptions["workingWidth"], width: number, smallest: number): number {
  if (workingWidth === "auto") return smallest > 0 ? Math.min(1, (WINDOW * ROOM) / smallest) : 1;
  return workingWidth > 0 ? Math.min(1, workingWidth / width) : 1;
}

/** The whole-pixel part of a box that lies in the picture (from `origin` on), or undefined where none does. */
export function clip(
  box: Box,
  picture: { width: number; height: number },
  origin: Point = { x: 0, y: 0 },
): Box | undefined {
  const x = Math.max(origin.x, Math.floor(box.x));
  const y = Math.max(origin.y, Math.floor(box.y));
  const width = Math.min(picture.width, Math.ceil(box.x + box.width)) - x;
  const height = Math.min(picture.height, Math.ceil(box.y + box.height)) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
