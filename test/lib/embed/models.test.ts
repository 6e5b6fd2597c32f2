import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import {
  BUILT_IN_MODELS,
  DEFAULT_MODEL,
  DLIB_RESNET,
  MODEL_OF_OLD_NODES,
  ORIGINAL,
} from "../../../lib/embed/descriptor";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { toInput } from "../../../lib/embed/net";
import { findModel } from "../../../lib/models/find-model";
import { tinyGraphModel, tinyOnnxModel } from "../../support/tiny-models";

const COLOUR = { r: 200, g: 100, b: 50 };
const flat = (): Promise<Buffer> =>
  sharp({ create: { width: 64, height: 64, channels: 3, background: COLOUR } })
    .png()
    .toBuffer();
const BOX = { x: 8, y: 8, width: 32, height: 32 };

async function embeddingBy(descriptor: string): Promise<number[]> {
  const embedder = new FaceEmbedder(await findModel(descriptor), embedderOptionsSchema.parse({}));
  try {
    const { faces } = await embedder.embed({ bytes: await flat(), frame: undefined }, [{ box: BOX, score: 1 }]);
    return [...(faces[0]?.embedding ?? [])].map((value) => Math.round(value * 1000) / 1000);
  } finally {
    await embedder.close();
  }
}

describe("model registry", () => {
  let keepAlive: FaceEmbedder;
  before(async () => {
    keepAlive = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({}));
    await keepAlive.warmUp();
  });
  after(() => keepAlive.close());

  it("has MobileFaceNet as the default of new nodes, dlib's network, and the original's padded box", async () => {
    assert.deepEqual(BUILT_IN_MODELS, ["mobilefacenet-192", "dlib-resnet-v1", "dlib-resnet-v1-box50"]);
    assert.equal(DEFAULT_MODEL.id, "mobilefacenet-192");
    assert.deepEqual(
      [DLIB_RESNET.threshold, ORIGINAL.threshold, ORIGINAL.padding, ORIGINAL.alignment],
      [0.58, 0.7, 50, "box"],
    );
  });

  it("keeps dlib's network for a node that names none: it was made when there was no choice", async () => {
    assert.equal(MODEL_OF_OLD_NODES.id, "dlib-resnet-v1");
    for (const none of ["", undefined]) assert.equal(await findModel(none), DLIB_RESNET);
  });

  it("runs a TF.js graph model", async () => {
    assert.deepEqual(await embeddingBy(tinyGraphModel()), [200, 100, 50, 350]);
  });

  it("runs an ONNX model", async () => {
    assert.deepEqual(await embeddingBy(tinyOnnxModel()), [200, 100, 50, 350]);
  });

  it("feeds it as the descriptor says: order, mean, scale, length", async () => {
    assert.deepEqual(
      await embeddingBy(tinyOnnxModel({ id: "bgr", channelOrder: "bgr", mean: [50, 0, 0], scale: [1, 0.5, 0.5] })),
      [0, 50, 100, 150],
    );
    assert.deepEqual(
      await embeddingBy(tinyGraphModel({ id: "unit", l2Normalize: true })),
      [0.478, 0.239, 0.12, 0.837],
    );
  });

  it("whitens as FaceNet's prewhiten", () => {
    const chip = Float32Array.from({ length: 16 * 16 * 3 }, (_, index) => (index % 2) * 200);
    const input = toInput({ ...DLIB_RESNET, inputSize: 16, normalization: "whiten" }, [chip]);
    assert.deepEqual([...new Set(input)], [-1, 1]);
  });

  it("makes room for a new model when many were tried", async () => {
    for (let index = 0; index < 6; index += 1)
      assert.deepEqual(await embeddingBy(tinyGraphModel({ id: `try-${index}` })), [200, 100, 50, 350]);
  });

  it("refuses a file that is not the descriptor's", async () => {
    const path = tinyOnnxModel();
    writeFileSync(join(dirname(path), "tiny.onnx"), "something else");
    await assert.rejects(
      embeddingBy(path),
      /tiny\.onnx is not the one of the descriptor tiny-onnx: its sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}/,
    );
  });

  it("refuses a model whose shape is not the descriptor's", async () => {
    await assert.rejects(
      embeddingBy(tinyOnnxModel({ id: "five", dimensions: 5 })),
      /the model five gives embeddings of 4 dimensions, its descriptor says 5/,
    );
    await assert.rejects(
      embeddingBy(tinyOnnxModel({ id: "big", inputSize: 32 })),
      /the model big does not take a 32 × 32 nchw picture/,
    );
  });

  it("refuses a descriptor that is missing, malformed or without a hash", async () => {
    await assert.rejects(findModel("/nowhere/model.json"), /\/nowhere\/model\.json cannot be read \(ENOENT\)/);
    await assert.rejects(
      findModel("resnet"),
      /there is no model "resnet": choose mobilefacenet-192, dlib-resnet-v1 or dlib-resnet-v1-box50/,
    );
    await assert.rejects(findModel(tinyOnnxModel({ channelOrder: "rbg" })), /is malformed: channelOrder/);
    await assert.rejects(findModel(tinyOnnxModel({ sha256: undefined })), /has no sha256/);
    const path = tinyOnnxModel();
    writeFileSync(path, "{");
    await assert.rejects(findModel(path), /is not JSON/);
  });

  it("says what to install for an engine that is not there", async () => {
    const embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ engine: "tfjs-node" }));
    await assert.rejects(
      embedder.warmUp(),
      /@tensorflow\/tfjs-node is not installed: run "npm install @tensorflow\/tfjs-node"/,
    );
    await embedder.close();
  });
});
