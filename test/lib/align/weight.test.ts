import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { qualityWeight } from "../../../lib/align/weight";

const GOOD = { size: 80, blur: 200, pose: { yaw: 0, pitch: 0, roll: 0 } };

describe("qualityWeight", () => {
  it("weighs small, blurred and turned faces less", () => {
    const weights = [GOOD, { ...GOOD, size: 30 }, { ...GOOD, blur: 15 }, { ...GOOD, pose: { yaw: 60, pitch: 0, roll: 0 } }].map(qualityWeight);
    assert.deepEqual(weights.map((weight) => weight.toFixed(2)), ["1.00", "0.50", "0.25", "0.50"]);
  });
});
