import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { DLIB_RESNET } from "../../../lib/embed/descriptor";
import { CHIP_SIDE, DlibResNet } from "../../../lib/embed/dlib-resnet";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import type { EmbeddingNet } from "../../../lib/embed/net";
import { loadDlibOnnx } from "../../../lib/embed/onnx-net";
import { tensorEngine } from "../../../lib/tensor/engine";
import { installationOf } from "../../../lib/tensor/engines";
import { portrait, PORTRAITS } from "../../support/photos";
import { pattern } from "../../support/pattern";

/** What the issue allows; measured are 5 × 10⁻⁷. */
const LARGEST_DIFFERENCE = 1e-4;

describe("dlib's network as an ONNX model", () => {
  let resnet: DlibResNet;
  let net: EmbeddingNet;
  before(async () => {
    resnet = await DlibResNet.load(await tensorEngine("wasm"));
    net = await loadDlibOnnx("onnxruntime-web");
  });
  after(() => {
    resnet.dispose();
    net.dispose();
  });

  it("gives the embeddings that TF.js gives, one by one and in a batch", async () => {
    const chips = await Promise.all(
      (Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]).map(async (name) =>
        Float32Array.from(
          await sharp(await portrait(name))
            .resize(CHIP_SIDE, CHIP_SIDE)
            .raw()
            .toBuffer(),
        ),
      ),
    );
    const expected = resnet.run(chips);
    const together = await net.run(chips);
    const [alone] = await net.run([chips[1] as Float32Array]);
    const difference = (a: Float32Array, b: Float32Array): number =>
      Math.max(...a.map((value, index) => Math.abs(value - (b[index] as number))));
    assert.deepEqual(
      together.map(({ length }) => length),
      [128, 128, 128, 128, 128],
    );
    expected.forEach((embedding, index) =>
      assert.ok(difference(embedding, together[index] as Float32Array) < LARGEST_DIFFERENCE),
    );
    assert.ok(difference(expected[1] as Float32Array, alone as Float32Array) < LARGEST_DIFFERENCE);
    // Else the comparison would be between rows of zeros.
    assert.ok(difference(expected[0] as Float32Array, expected[1] as Float32Array) > 0.1);
  });

  it("says what to install where onnxruntime-node is not", async (test) => {
    if ((await installationOf("onnxruntime-node")) !== "") return test.skip("onnxruntime-node is installed");
    const embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ engine: "onnx" }));
    await assert.rejects(
      embedder.warmUp(),
      pattern(
        /the engine "ONNX" needs onnxruntime-node, which is not installed: run "npm /,
        /install onnxruntime-node".* or choose the engine "TF\.js WASM"/,
      ),
    );
    await embedder.close();
  });
});
