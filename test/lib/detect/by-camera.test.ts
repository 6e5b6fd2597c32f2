import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ByCamera } from "../../../lib/detect/by-camera";
import { type Frame, MOST_CAMERAS } from "../../../lib/message";

const frameOf = (camera: number): Frame => ({
  source: `camera ${camera}`,
  sequence: 1,
  capturedAt: 1,
  width: 2,
  height: 2,
});

describe("what is known of cameras", () => {
  it("is kept of 256 that take turns, and of one more it is told that another made room", () => {
    let begun = 0;
    let forgotten = 0;
    const known = new ByCamera(
      () => (begun += 1),
      () => (forgotten += 1),
    );
    for (let round = 0; round < 3; round += 1)
      for (let camera = 0; camera < MOST_CAMERAS; camera += 1)
        assert.equal(known.of(frameOf(camera), undefined), camera + 1);
    assert.deepEqual([MOST_CAMERAS, begun, forgotten], [256, 256, 0]);
    known.of(frameOf(MOST_CAMERAS), undefined);
    assert.deepEqual([begun, forgotten], [257, 1]);
    // The one that was silent longest had to go.
    assert.equal(known.of(frameOf(1), undefined), 2);
    assert.equal(known.of(frameOf(0), undefined), 258);
  });

  it("begins anew where another region is searched", () => {
    let begun = 0;
    const known = new ByCamera(() => (begun += 1));
    const region = { x: 0, y: 0, width: 1, height: 1 };
    assert.deepEqual(
      [undefined, undefined, region, { ...region }, undefined].map((each) => known.of(frameOf(1), each)),
      [1, 1, 2, 2, 3],
    );
  });
});
