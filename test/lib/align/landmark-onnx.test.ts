import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { LANDMARK_INPUT, LandmarkNet } from "../../../lib/align/landmark-net";
import { loadLandmarkOnnx } from "../../../lib/align/landmark-onnx";
import { tensorEngine } from "../../../lib/tensor/engine";
import { portrait } from "../../support/photos";

describe("the landmark network as an ONNX model", () => {
  it("finds landmarks where TF.js finds them, within a ten-thousandth of the crop", async () => {
    const crops = await Promise.all(
      (["green", "blonde"] as const).map(async (name) =>
        Float32Array.from(
          await sharp(await portrait(name))
            .resize(LANDMARK_INPUT, LANDMARK_INPUT)
            .raw()
            .toBuffer(),
        ),
      ),
    );
    const expected = (await LandmarkNet.load(await tensorEngine("wasm"))).run(crops);
    const found = await (await loadLandmarkOnnx("onnxruntime-web")).run(crops);
    assert.deepEqual(
      found.map(({ length }) => length),
      [136, 136],
    );
    found.forEach((fractions, crop) =>
      fractions.forEach((value, index) =>
        assert.ok(Math.abs(value - ((expected[crop] as Float32Array)[index] as number)) < 1e-4),
      ),
    );
    // Else it would compare one answer with itself.
    assert.ok(
      (found[0] as Float32Array).some(
        (value, index) => Math.abs(value - ((found[1] as Float32Array)[index] as number)) > 0.01,
      ),
    );
  });
});
