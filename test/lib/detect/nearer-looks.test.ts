import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NearerLooks } from "../../../lib/detect/nearer-looks";
import { type Sketch, sketchOf } from "../../../lib/detect/sketch";
import type { Box } from "../../../lib/message";

const SIZE = { width: 640, height: 480 };
const LEFT = { x: 0, y: 0, width: 340, height: 480 };
const RIGHT = { x: 300, y: 0, width: 340, height: 480 };

/** A wall, and a square of another grey on it; noise of some levels. */
function frame({ grey = 100, at, noise = 0 }: { grey?: number; at?: Box; noise?: number }): Sketch {
  const data = new Uint8Array(SIZE.width * SIZE.height * 3);
  let seed = 1;
  for (let y = 0, to = 0; y < SIZE.height; y += 1)
    for (let x = 0; x < SIZE.width; x += 1, to += 3) {
      const inside = at !== undefined && x >= at.x && y >= at.y && x < at.x + at.width && y < at.y + at.height;
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const value = (inside ? 180 : grey) + noise * ((seed / 2147483648) * 2 - 1);
      data.fill(value, to, to + 3);
    }
  return sketchOf({ data, ...SIZE });
}

/** What is looked at from nearer in each frame, one every 100 ms. */
function looksAt(sketches: readonly Sketch[]): (Box | undefined)[] {
  const looks = new NearerLooks(() => [LEFT, RIGHT]);
  return sketches.map((sketch, index) => {
    const capturedAt = 1000 + 100 * index;
    const box = looks.next({ capturedAt });
    looks.update({ ...SIZE, sequence: index, capturedAt }, sketch);
    return box;
  });
}

const times = (count: number, sketch: Sketch): Sketch[] => Array.from({ length: count }, () => sketch);

describe("what is looked at from nearer", () => {
  it("is each part of a new camera's frames once, one a frame, and of a still picture none for ten seconds", () => {
    const looked = looksAt(times(101, frame({})));
    assert.deepEqual(looked.slice(0, 3), [undefined, LEFT, RIGHT]);
    assert.ok(looked.slice(3).every((box) => box === undefined));
    const later = looksAt(times(110, frame({})));
    assert.deepEqual([later[101], later[102]], [LEFT, RIGHT]);
  });

  it("is what lies around a change, and each part at most once a second", () => {
    const moving = Array.from({ length: 40 }, (_, index) =>
      frame({ at: { x: 40 + 4 * index, y: 200, width: 20, height: 20 } }),
    );
    const looked = looksAt(moving);
    const after = looked.slice(3).filter((box) => box !== undefined);
    assert.ok(after.length >= 2 && after.length <= 4, `${after.length} looks in four seconds`);
    for (const { x, y, width, height } of after) {
      assert.ok(y < 200 && y + height > 220 && x + width > 60);
      assert.ok(width * height < 0.2 * LEFT.width * LEFT.height, `${width} × ${height}`);
    }
  });

  it("is nothing where only the light or noise has changed", () => {
    const [dark, light] = [frame({ grey: 80, noise: 12 }), frame({ grey: 110, noise: 12 })];
    const looked = looksAt([...times(20, dark), ...times(20, light), ...times(20, frame({ grey: 95, noise: 12 }))]);
    assert.deepEqual(
      looked.slice(3).filter((box) => box !== undefined),
      [],
    );
  });

  it("starts anew with frames of another size", () => {
    const looks = new NearerLooks(({ width }) => [{ x: 0, y: 0, width, height: width }]);
    const sketch = frame({});
    const next = (width: number, capturedAt: number): Box | undefined => {
      const box = looks.next({ capturedAt });
      looks.update({ width, height: width, sequence: 0, capturedAt }, sketch);
      return box;
    };
    const widths = [640, 640, 640, 320, 320, 320].map((width, index) => next(width, 1000 + 100 * index)?.width);
    assert.deepEqual(widths, [undefined, 640, undefined, undefined, 320, undefined]);
  });
});
