import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FrameRate } from "../../../lib/capture/frame-rate";

/** What is told when so many frames come in each 2 s. */
function toldOf(rate: FrameRate, counts: readonly number[]): (string | undefined)[] {
  rate.reset(0);
  return counts.map((count, index) => {
    for (let frame = 0; frame < count; frame += 1) rate.count();
    return rate.changed((index + 1) * 2000);
  });
}

describe("FrameRate", () => {
  it("is told once while frames come about as fast", () => {
    assert.deepEqual(
      toldOf(new FrameRate(), [50, 48, 51, 55, 44, 50]).filter((each) => each !== undefined),
      ["25"],
    );
  });

  it("is told again when it stays changed, not after a hiccup", () => {
    assert.deepEqual(toldOf(new FrameRate(), [50, 50, 10, 50, 50, 20, 20, 20]), [
      "25",
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      "10",
      undefined,
    ]);
  });

  it("is that of the time between frames for a slow camera", () => {
    assert.deepEqual(
      toldOf(new FrameRate(), [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]).filter((each) => each !== undefined),
      ["0.1"],
    );
  });

  it("is told anew after a reset", () => {
    const rate = new FrameRate();
    assert.deepEqual([toldOf(rate, [20, 20])[0], toldOf(rate, [20, 20])[0]], ["10", "10"]);
  });
});
