import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fitHomography, type Homography, project } from "../../../lib/liveness/homography";
import type { Point } from "../../../lib/message";
import { numbers } from "../../support/moving-scene";

const TRUTH: Homography = [0.9, -0.1, 120, 0.05, 1.1, -40, 0.0004, -0.0003, 1];

/** Points of a face's size somewhere in a picture. */
function points(count: number, seed = 1): Point[] {
  const random = numbers(seed);
  return Array.from({ length: count }, () => ({ x: 500 + 90 * random(), y: 300 + 120 * random() }));
}

function largest(h: Homography, from: readonly Point[], to: readonly Point[]): number {
  return Math.max(
    ...from.map((point, index) => {
      const { x, y } = project(h, point);
      return Math.hypot(x - (to[index] as Point).x, y - (to[index] as Point).y);
    }),
  );
}

describe("the homography between two views", () => {
  it("is found again from points that follow it", () => {
    const from = points(27);
    const to = from.map((point) => project(TRUTH, point));
    const found = fitHomography(from, to) ?? assert.fail("none was found");
    assert.ok(largest(found, from, to) < 1e-6);
    // Elsewhere too, where no point was.
    const elsewhere = points(9, 2);
    assert.ok(
      largest(
        found,
        elsewhere,
        elsewhere.map((point) => project(TRUTH, point)),
      ) < 1e-6,
    );
  });

  it("is that of most points where some do not follow", () => {
    const from = points(27);
    const to = from.map((point, index) => {
      const { x, y } = project(TRUTH, point);
      return index % 5 === 0 ? { x: x + 12, y: y - 7 } : { x, y };
    });
    const found = fitHomography(from, to) ?? assert.fail("none was found");
    const follows = (_: Point, index: number): boolean => index % 5 !== 0;
    assert.ok(largest(found, from.filter(follows), to.filter(follows)) < 0.01);
  });

  it("is none of points on one line, of one place, of three, or that are no numbers", () => {
    const from = points(27);
    const line = from.map(({ x }) => ({ x, y: 2 * x }));
    assert.equal(fitHomography(line, line), undefined);
    const place = from.map(() => ({ x: 3, y: 4 }));
    assert.equal(fitHomography(place, from), undefined);
    assert.equal(fitHomography(from.slice(0, 3), from.slice(0, 3)), undefined);
    assert.equal(fitHomography([{ x: Number.NaN, y: 1 }, ...from.slice(1)], from), undefined);
  });
});
