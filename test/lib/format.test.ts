/** Numbers as people read them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { distanceText, fixed, percent, percentAtMost } from "../../lib/format";

describe("a distance as people read it", () => {
  it("is never a zero with a sign, however little it is below zero", () => {
    for (const distance of [0, -0, -0.001, -0.0049, 0.004, -Number.MIN_VALUE])
      assert.equal(distanceText(distance), "0.00");
    assert.equal(fixed(-0.0004, 3), "0.000");
  });

  it("keeps the sign of what is below zero: less their surroundings, photos may be nearer than alike", () => {
    assert.deepEqual([distanceText(-0.005), distanceText(-0.12), distanceText(0.456)], ["-0.01", "-0.12", "0.46"]);
  });

  it("is nothing where there is none", () => {
    assert.deepEqual([distanceText(null), distanceText(undefined)], ["", ""]);
  });
});

describe("a share in percent as people read it", () => {
  it("has two digits that count, and is the nearest", () => {
    assert.deepEqual(
      [0, 0.001231, 0.001279, 0.0000042, 0.07, 0.995, 1].map((share) => percent(share)),
      ["0", "0.12", "0.13", "0.00042", "7", "100", "100"],
    );
  });

  it("is never told smaller than it is where it bounds, nor larger for the sake of arithmetic", () => {
    assert.deepEqual(
      [0, 0.001231, 0.001279, 0.0000042, 0.07, 0.29, 0.1 + 0.2, 0.9901, 1].map((share) => percentAtMost(share)),
      ["0", "0.13", "0.13", "0.00042", "7", "29", "30", "100", "100"],
    );
  });
});
