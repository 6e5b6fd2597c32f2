import { z } from "zod";

/** OpenCV's frontal cascades and its profile one, shipped in assets/cascades; a path ends in .xml. */
export const CASCADES = ["frontalface_default", "frontalface_alt", "frontalface_alt2", "profileface"] as const;

const side = z.number().int().min(0).max(10_000);

/** How the Haar cascade looks at a picture. Parameter names are those of OpenCV's detectMultiScale. */
export const detectorOptionsSchema = z.object({
  engine: z.enum(["auto", "wasm", "native"]).default("wasm"),
  cascade: z.union([z.enum(CASCADES), z.string().endsWith(".xml")]).default("frontalface_default"),
  /** Step between scales, over 1: smaller finds more and takes longer. */
  scaleFactor: z.number().min(1.01).max(3).default(1.1),
  /** How many raw detections must agree. */
  minNeighbors: z.number().int().min(0).max(100).default(5),
  /** Smallest and largest face, in pixels of the picture; 0 is no bound. */
  minSize: side.default(0),
  maxSize: side.default(0),
  /** The picture is scaled down to this width before the search, in pixels; 0 searches it as it is. */
  workingWidth: side.default(0),
  /** Region of interest in pixels of the picture; the search stays inside. */
  region: z.object({ x: z.number().min(0), y: z.number().min(0), width: z.number().positive(), height: z.number().positive() }).optional(),
});

export type DetectorOptions = z.infer<typeof detectorOptionsSchema>;

/** detectMultiScale(gray, 1.3, 5), as in the program this package grew from. */
export const PRESET_ORIGINAL = { cascade: "frontalface_default", scaleFactor: 1.3, minNeighbors: 5 } as const;
/** Finer steps: finds more faces for about twice the time. */
export const PRESET_ACCURATE = { cascade: "frontalface_default", scaleFactor: 1.1, minNeighbors: 5 } as const;
