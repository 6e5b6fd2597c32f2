/** What a model is: enough to align, feed and judge any embedding network. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { z } from "zod";
import { assetFile } from "../assets";
import { UserError } from "../errors";
import { own } from "../validate";
import { phrase } from "../words/sentence";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, own("embed.sha256"));
const triple = z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])]);

export const descriptorSchema = z.strictObject({
  /** Names the model in `face.model`; embeddings of different ids are never compared. */
  id: z.string().regex(/^[\w.+-]{1,100}$/, own("embed.id")),
  format: z.enum(["dlib-resnet", "tfjs-graph", "onnx", "tflite"]),
  /** The .onnx, .tflite or model.json, relative to the descriptor; none for dlib's network. */
  file: z.string().default(""),
  /**
   * Of the .onnx or .tflite; of a model.json, of it and its weight files one after the other in the manifest's order.
   */
  sha256: sha256.optional(),
  /** Side of the square input, in pixels. */
  inputSize: z.number().int().min(16).max(1024),
  channelOrder: z.enum(["rgb", "bgr"]).default("rgb"),
  /** Order of the input's axes. */
  layout: z.enum(["nhwc", "nchw"]).default("nhwc"),
  /** What is subtracted from a channel, 0..255. */
  mean: triple.default(0),
  /** What the difference is multiplied by. */
  scale: triple.default(1),
  /** "whiten" instead subtracts the chip's own mean and divides by its deviation (FaceNet's prewhiten). */
  normalization: z.enum(["fixed", "whiten"]).default("fixed"),
  /**
   * dlib: dlib's chip. arcface: InsightFace's five points in 112 × 112. box: the detector's box with `padding`, not
   * aligned.
   */
  alignment: z.enum(["dlib", "arcface", "box"]),
  /** For "box": pixels of the picture added on each side. */
  padding: z.number().min(0).max(1000).default(0),
  dimensions: z.number().int().min(2).max(8192),
  /** Whether embeddings are scaled to length 1; dlib's must not be. */
  l2Normalize: z.boolean().default(false),
  distance: z.literal("euclidean").default("euclidean"),
  /** Default τ. */
  threshold: z.number().positive(),
  /** A photo this near to one of the same person adds nothing, as a share of τ. */
  nearDuplicate: z.number().min(0).max(1).default(0.32),
  licence: z.string().min(1),
});

export type ModelDescriptor = z.infer<typeof descriptorSchema>;

const dlib = {
  format: "dlib-resnet",
  inputSize: 150,
  mean: [122.782, 117.001, 104.298],
  scale: 1 / 255,
  dimensions: 128,
  licence: "weights CC0-1.0 (dlib), conversion MIT (@vladmandic/face-api)",
} as const;

/**
 * dlib's network on dlib's alignment; τ 0.58 is where one false match comes on a thousand pairs of strangers (LFW).
 * Recompressed (JPEG quality 95 to 40), scaled (0.5 to 1.3), cropped or turned by 3° a photo moves by at most 0.33 τ,
 * one in twenty
 * by more than 0.31; of 450 pairs of different LFW photos of one person the nearest two are 0.44 τ apart.
 */
export const DLIB_RESNET = descriptorSchema.parse({
  ...dlib,
  id: "dlib-resnet-v1",
  alignment: "dlib",
  threshold: 0.58,
});

/**
 * The program this package grew from: the box with 50 px around it, not aligned, τ 0.7. Far less accurate; for
 * comparison.
 */
export const ORIGINAL = descriptorSchema.parse({
  ...dlib,
  id: "dlib-resnet-v1-box50",
  alignment: "box",
  padding: 50,
  threshold: 0.7,
});

/**
 * MobileFaceNet (Chen, Liu, Gao, Han 2018, arXiv 1804.07573), trained with ArcFace's loss; NOTICE says where the file
 * comes from.
 * τ 1.054 is where one false match comes on a thousand pairs of strangers (LFW). Altered as above a photo moves by at
 * most 0.25 τ; of
 * 775 pairs of different LFW photos of one person the nearest two are 0.33 τ apart.
 */
export const MOBILEFACENET = descriptorSchema.parse({
  id: "mobilefacenet-192",
  format: "tflite",
  file: assetFile("models", "MobileFaceNet.tflite"),
  sha256: "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b",
  inputSize: 112,
  mean: 127.5,
  scale: 1 / 128,
  alignment: "arcface",
  dimensions: 192,
  l2Normalize: true,
  threshold: 1.054,
  nearDuplicate: 0.28,
  licence: "MIT (file: syaringan357), Apache-2.0 (network and weights: sirius-ai)",
});

/** Of new galleries and nodes: their forms write its id into the flow. */
export const DEFAULT_MODEL = MOBILEFACENET;

/**
 * Of nodes that name no model: they were made when there was no choice, and what they recognize must not change by an
 * update.
 */
export const MODEL_OF_OLD_NODES = DLIB_RESNET;

const BUILT_IN: ReadonlyMap<string, ModelDescriptor> = new Map(
  [MOBILEFACENET, DLIB_RESNET, ORIGINAL].map((model) => [model.id, model]),
);

/**
 * Of the built-in networks no two faces lie so far apart: the farthest of 149,763 pairs of strangers' photos are
 * within 1.17 (dlib) and
 * 1.79 (MobileFaceNet; bench/model-statistics.ts).
 */
export const LONGEST_DISTANCE = 2;

/** Ids of the models that come with the package. */
export const BUILT_IN_MODELS = [...BUILT_IN.keys()];

/** Whether the package brings its files, so that nobody can have described it wrongly. */
export function isBuiltIn({ id, file, format }: ModelDescriptor): boolean {
  return format === "dlib-resnet" || BUILT_IN.get(id)?.file === file;
}

/** Undefined where the package has no such model. */
export function builtInModel(id: string): ModelDescriptor | undefined {
  return BUILT_IN.get(id);
}

const REINSTALL = phrase("embed.packageAgainSentence");

/** @throws a sentence when the files are missing or not those of the descriptor */
export async function verifyFiles(descriptor: ModelDescriptor, files: readonly string[]): Promise<void> {
  const hash = createHash("sha256");
  for (const file of files) {
    try {
      for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    } catch (error) {
      const { code = "error" } = error as NodeJS.ErrnoException;
      const mend = isBuiltIn(descriptor) ? REINSTALL : phrase("embed.whereDescriptorSays", { model: descriptor.id });
      throw new UserError("embed.fileUnreadable", { file, code, mend }, { cause: error });
    }
  }
  const digest = hash.digest("hex");
  const mend = isBuiltIn(descriptor) ? REINSTALL : phrase("embed.downloadAgain");
  if (digest !== descriptor.sha256)
    throw new UserError("embed.otherFile", {
      file: files[0] ?? "",
      model: descriptor.id,
      digest,
      expected: descriptor.sha256 ?? "none",
      mend,
    });
}
