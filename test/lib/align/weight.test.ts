import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { qualityWeight } from "../../../lib/align/weight";

const GOOD = { size: 60, blur: 60, pose: { yaw: 0, pitch: 0, roll: 0 } };
const FITS = 0.01;

describe("qualityWeight", () => {
  it("is 1 for a clear face from the front, and no more for a clearer one", () => {
    assert.deepEqual([qualityWeight(GOOD, FITS), qualityWeight({ ...GOOD, size: 500, blur: 4000 }, 0)], [1, 1]);
  });

  it("falls with every step of size, sharpness, turn and fit of the landmarks, and never to nothing", () => {
    const steps: [string, number[]][] = [
      ["size", [40, 24, 16, 11, 8].map((size) => qualityWeight({ ...GOOD, size }, FITS))],
      ["sharpness", [30, 12, 5, 2, 1, 0.4].map((blur) => qualityWeight({ ...GOOD, blur }, FITS))],
      ["turn", [0, 50, 60, 75, 90].map((yaw) => qualityWeight({ ...GOOD, pose: { yaw, pitch: 5, roll: 0 } }, FITS))],
      ["fit", [0.02, 0.03, 0.05, 0.08].map((residual) => qualityWeight(GOOD, residual))],
    ];
    for (const [what, weights] of steps) {
      assert.ok(
        weights.every(
          (weight, index) => weight > 0 && weight <= 1 && (index === 0 || weight < (weights[index - 1] as number)),
        ),
        `${what}: ${weights.join(" ")}`,
      );
    }
  });

  it("does not count a face less that is turned as people are who pass by", () => {
    assert.equal(qualityWeight({ ...GOOD, pose: { yaw: 30, pitch: -15, roll: 40 } }, FITS), 1);
  });

  it("takes what cannot be measured for poor, not for good", () => {
    for (const weight of [
      qualityWeight({ ...GOOD, blur: NaN }, FITS),
      qualityWeight({ ...GOOD, pose: { yaw: NaN, pitch: 0, roll: 0 } }, FITS),
      qualityWeight(GOOD, NaN),
    ])
      assert.ok(weight > 0 && weight < 0.05, String(weight));
  });
});
