/** Weight files in TF.js's format: a manifest of names, shapes and 8-bit quantization beside one .bin. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { z } from "zod";
import { UserError } from "../errors";
import { parseOptions } from "../validate";

const manifestSchema = z.array(
  z.object({
    paths: z.array(z.string()).min(1),
    weights: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int().positive()),
        dtype: z.literal("float32"),
        quantization: z.object({ dtype: z.literal("uint8"), scale: z.number(), min: z.number() }).optional(),
      }),
    ),
  }),
);

export interface Weight {
  shape: number[];
  values: Float32Array;
}

/** Mean colour that dlib's and face-api's networks subtract (dlib, input_rgb_image), … */
export const MEAN_RGB = [122.782, 117.001, 104.298] as const;
/** … and what they divide by then: values of a colour from 0 to 255 are about −0.5 to 0.5. */
export const RANGE = 255;

const FLOAT_BYTES = 4;

/**
 * Read all weights of a manifest, dequantized: value = byte × scale + min (TF.js converter, quantization.py).
 * @throws a sentence when the files are missing, cut off or of another format
 */
export async function readWeights(manifestPath: string): Promise<Map<string, Weight>> {
  const groups = parseOptions(
    manifestSchema,
    JSON.parse(await readFile(manifestPath, "utf8")),
    `the weight manifest ${manifestPath} is damaged`,
  );
  const weights = new Map<string, Weight>();
  for (const { paths, weights: entries } of groups) {
    const bytes = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(dirname(manifestPath), path)))));
    let offset = 0;
    for (const { name, shape, quantization } of entries) {
      const length = shape.reduce((product, side) => product * side, 1);
      const size = quantization === undefined ? length * FLOAT_BYTES : length;
      if (offset + size > bytes.length) throw new UserError("tensor.weightsCut", { path: manifestPath, name });
      const part = bytes.subarray(offset, offset + size);
      weights.set(name, {
        shape,
        values:
          quantization === undefined
            ? new Float32Array(Uint8Array.from(part).buffer)
            : Float32Array.from(part, (byte) => byte * quantization.scale + quantization.min),
      });
      offset += size;
    }
  }
  return weights;
}

/** A weight by name. @throws a sentence when the file has none of that name */
export function weightOf(weights: ReadonlyMap<string, Weight>, name: string): Weight {
  const weight = weights.get(name);
  if (weight === undefined) throw new UserError("tensor.weightMissing", { name });
  return weight;
}

/** Path of a file that ships in @vladmandic/face-api. */
export function faceApiFile(name: string): string {
  return join(dirname(createRequire(__filename).resolve("@vladmandic/face-api/package.json")), "model", name);
}
