import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { MOBILEFACENET } from "../../../lib/embed/descriptor";
import { toUnitLength } from "../../../lib/embed/distance";
import { loadNet } from "../../../lib/embed/load-net";
import type { EmbeddingNet } from "../../../lib/embed/net";
import { loadTfliteNet, loadTfliteOnnx } from "../../../lib/embed/tflite-net";
import { tensorEngine, type Tf } from "../../../lib/tensor/engine";
import { readTflite } from "../../../lib/tensor/tflite";
import { planOf } from "../../../lib/tensor/tflite-plan";
import { portrait, PORTRAITS } from "../../support/photos";
import { pattern } from "../../support/pattern";

const SIDE = 112;
/** What the issue allows, at length 1. */
const LARGEST_DIFFERENCE = 1e-5;
const PLAN = { runtime: "onnxruntime-web", instead: "" } as const;

const difference = (a: Float32Array, b: Float32Array): number =>
  Math.max(...toUnitLength(a).map((value, index) => Math.abs(value - (toUnitLength(b)[index] as number))));
const chip = (valueAt: (index: number) => number): Float32Array =>
  Float32Array.from({ length: SIDE * SIDE * 3 }, (_, index) => valueAt(index));
const CHIPS = [chip((index) => (index * 7919) % 251), chip((index) => (index * index + 1) % 241)];

/**
 * Every eighth number of what TensorFlow Lite's own interpreter (the WASM of the npm package @tensorflow/tfjs-tflite
 * 0.0.1-alpha.10)
 * makes of these chips with this file, at length 1.
 */
const BY_TENSORFLOW_LITE = [
  [
    -0.003486, 0.051622, -0.028626, 0.010014, 0.038314, 0.014116, -0.016731, 0.057539, -0.023591, 0.051445, -0.015521,
    0.008837, -0.026387, -0.002861, 0.01496, 0.19641, -0.007533, -0.140623, -0.161405, -0.043696, -0.08682, -0.000599,
    -0.07972, 0.155267,
  ],
  [
    -0.003891, -0.007994, -0.029248, 0.003443, 0.116396, 0.011891, -0.017618, 0.062948, -0.020007, 0.090651, -0.012878,
    0.029774, -0.014385, -0.00125, 0.011692, 0.180413, -0.010456, -0.158566, -0.102232, 0.019677, -0.079269, 0.00099,
    -0.06017, 0.144392,
  ],
];

/**
 * TF.js in JavaScript, which the WASM package brings. @tensorflow/tfjs-node has the same kernels by the same names.
 */
async function onAnotherBackend(tf: Tf, chips: readonly Float32Array[]): Promise<Float32Array[]> {
  await import(
    createRequire(require.resolve("@tensorflow/tfjs-backend-wasm")).resolve("@tensorflow/tfjs-backend-cpu")
  );
  await tf.setBackend("cpu");
  try {
    const net = await loadTfliteNet(MOBILEFACENET, tf);
    assert.equal(net.engine, "TF.js cpu");
    const embeddings = await net.run(chips);
    net.dispose();
    return embeddings;
  } finally {
    await tf.setBackend("wasm");
  }
}

describe("MobileFaceNet", () => {
  let tf: Tf;
  let net: EmbeddingNet;
  let onnx: EmbeddingNet;
  let photos: Float32Array[];
  before(async () => {
    tf = await tensorEngine("wasm");
    net = await loadTfliteNet(MOBILEFACENET, tf);
    onnx = await loadTfliteOnnx(MOBILEFACENET, "onnxruntime-web");
    photos = await Promise.all(
      (Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]).map(async (name) =>
        Float32Array.from(
          await sharp(await portrait(name))
            .resize(SIDE, SIDE)
            .raw()
            .toBuffer(),
        ),
      ),
    );
  });
  after(() => {
    net.dispose();
    onnx.dispose();
  });

  it("gives the numbers that TensorFlow Lite gives, on TF.js and as an ONNX model", async () => {
    for (const made of [await net.run(CHIPS), await onnx.run(CHIPS), await onAnotherBackend(tf, CHIPS)]) {
      made.forEach((embedding, index) => {
        assert.equal(embedding.length, 192);
        const unit = toUnitLength(embedding);
        (BY_TENSORFLOW_LITE[index] as number[]).forEach((expected, place) =>
          assert.ok(Math.abs((unit[8 * place] as number) - expected) < LARGEST_DIFFERENCE),
        );
      });
    }
  });

  it("gives the same on TF.js WASM and as an ONNX model, one by one and in a batch", async () => {
    const expected = await net.run(photos);
    const [alone] = await net.run([photos[1] as Float32Array]);
    assert.ok(difference(expected[1] as Float32Array, alone as Float32Array) < LARGEST_DIFFERENCE);
    assert.ok(difference(expected[0] as Float32Array, expected[1] as Float32Array) > 0.05, "of two people");
    const together = await onnx.run(photos);
    const [single] = await onnx.run([photos[1] as Float32Array]);
    expected.forEach((embedding, index) =>
      assert.ok(difference(embedding, together[index] as Float32Array) < LARGEST_DIFFERENCE),
    );
    assert.ok(difference(expected[1] as Float32Array, single as Float32Array) < LARGEST_DIFFERENCE);
  });

  it("keeps no activation once a batch is done, however many faces there were", async () => {
    await net.run(photos);
    const { numTensors, numBytes } = tf.memory();
    for (const batch of [photos, photos.slice(0, 1), [...photos, ...photos]]) await net.run(batch);
    assert.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes]);
    const other = await loadTfliteNet(MOBILEFACENET, tf);
    await other.run(photos.slice(0, 1));
    other.dispose();
    assert.equal(tf.memory().numTensors, numTensors, "nor weights once it is disposed");
  });

  it("that is damaged or missing says to install the package again", async () => {
    const folder = mkdtempSync(join(tmpdir(), "models-"));
    const file = join(folder, "MobileFaceNet.tflite");
    await assert.rejects(
      loadNet({ ...MOBILEFACENET, file }, "wasm", PLAN),
      /MobileFaceNet\.tflite cannot be read \(ENOENT\)/,
    );
    const bytes = readFileSync(MOBILEFACENET.file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(file, bytes);
    await assert.rejects(
      loadNet({ ...MOBILEFACENET, file }, "wasm", PLAN),
      pattern(
        /MobileFaceNet\.tflite is not the one of the descriptor /,
        /mobilefacenet-192: its sha256 is [0-9a-f]{64}, expected d8ba40c0/,
      ),
    );
    await assert.rejects(
      loadNet({ ...MOBILEFACENET, sha256: "0".repeat(64) }, "wasm", PLAN),
      /expected 0{64}\. Install this package again\./,
    );
  });
});

describe("a TFLite file", () => {
  const model = readTflite(readFileSync(MOBILEFACENET.file));

  it("is read as it lies, wherever its bytes begin", () => {
    const bytes = readFileSync(MOBILEFACENET.file);
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    assert.deepEqual(planOf(readTflite(moved.subarray(1))), planOf(model));
    const { layers, lengths } = planOf(model);
    const ofKind = (wanted: string): number => layers.filter(({ kind }) => kind === wanted).length;
    assert.deepEqual([ofKind("full"), ofKind("depthwise"), ofKind("sum"), lengths], [33, 17, 12, [192]]);
  });

  it("that is none, or holds another kind of network, is refused with the reason", async () => {
    assert.throws(() => readTflite(Buffer.from("<html>not found</html>")), /no TensorFlow Lite model/);
    assert.throws(() => readTflite(new Uint8Array(3)), /no TensorFlow Lite model/);
    const without = (name: string): typeof model => ({
      ...model,
      operators: model.operators.filter((operator) => operator.name !== name),
    });
    assert.throws(() => planOf(without("ABS")), /its SUB is no part of a PReLU after a convolution/);
    assert.throws(() => planOf(without("RELU")), /its ABS is no part of a PReLU after a convolution/);
    assert.throws(
      () => planOf({ ...model, tensors: model.tensors.map((tensor) => ({ ...tensor, values: undefined })) }),
      /its CONV_2D has no 32-bit weights/,
    );
    const text = Buffer.from("no network");
    const file = join(mkdtempSync(join(tmpdir(), "models-")), "mine.tflite");
    writeFileSync(file, text);
    const mine = { ...MOBILEFACENET, id: "mine", file, sha256: createHash("sha256").update(text).digest("hex") };
    for (const engine of ["wasm", "onnx"] as const)
      await assert.rejects(
        loadNet(mine, engine, PLAN),
        /mine\.tflite is no model that can be read here: it is no TensorFlow Lite model\. Convert it to ONNX/,
      );
  });
});
