import { z } from "zod";
import { regionSchema } from "../region";
import { own } from "../../validate";

const MAX_SIDE = 10_000;
const side = z.number().int().min(0).max(MAX_SIDE);

/** "onnx" is onnxruntime-node where it is installed, "wasm" is TF.js; "auto" is the faster one that can be used. */
export const BLAZEFACE_ENGINES = ["auto", "wasm", "onnx"] as const;

export const blazefaceOptionsSchema = z
  .object({
    engine: z.enum(BLAZEFACE_ENGINES).default("auto"),
    /** Least score of a face, 0 to 1. MediaPipe's own is 0.5. */
    minScore: z.number().min(0.05).max(0.99).default(0.5),
    /** Smallest and largest face, in pixels of the picture; 0 is no bound. */
    minSize: side.default(0),
    maxSize: side.default(0),
    /** The search stays inside. */
    region: regionSchema.optional(),
  })
  .refine(({ minSize, maxSize }) => maxSize === 0 || minSize <= maxSize, {
    path: ["maxSize"],
    error: own("detect.sizes"),
  });

export type BlazefaceOptions = z.infer<typeof blazefaceOptionsSchema>;
