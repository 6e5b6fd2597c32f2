import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareProbes, drawEnrolments, type TemplatePhoto, WAYS } from "../../bench/templates";

const photo = (person: string, at: number | undefined, weight = 1): TemplatePhoto => ({
  person,
  embedding: at === undefined ? undefined : Float32Array.of(at),
  weight,
});
const rounded = (values: Iterable<number>): number[] => Array.from(values, (value) => Math.round(value * 1000) / 1000);

describe("several photos enrolled", () => {
  it("draws usable photos of those who have one more, and repeats its draws", () => {
    const photos = [
      photo("Ann", 0),
      photo("Ann", undefined),
      photo("Ann", 1),
      photo("Ann", 2),
      photo("Bob", 5),
      photo("Bob", 6),
    ];
    const draws = drawEnrolments(photos, 2, 20);
    assert.deepEqual([draws.length, [...new Set(draws.flatMap((draw) => [...draw.keys()]))]], [20, ["Ann"]]);
    assert.deepEqual(new Set(draws.flatMap((draw) => draw.get("Ann"))), new Set([0, 2, 3]));
    assert.ok(draws.every((draw) => new Set(draw.get("Ann")).size === 2));
    assert.deepEqual(draws, drawEnrolments(photos, 2, 20));
  });

  it("compares every other photo with the nearest, the mean or the weighted mean", () => {
    // Ann is enrolled at 0 and 4, of which the second counts a third; Bob at 10. Probes: Ann at 1, Ann without a face,
    // Bob at 8, a stranger at 20.
    const photos = [
      photo("Ann", 0, 0.6),
      photo("Ann", 4, 0.2),
      photo("Bob", 10),
      photo("Ann", 1),
      photo("Ann", undefined),
      photo("Bob", 8),
      photo("Cid", 20),
    ];
    const enrolments = [
      new Map([
        ["Ann", [0, 1]],
        ["Bob", [2]],
      ]),
    ];
    const distances = (way: keyof typeof WAYS): number[][] => {
      const { genuine, impostor } = compareProbes(photos, enrolments, WAYS[way]);
      assert.deepEqual(
        genuine.map(({ person, first }) => [person, first]),
        [
          ["Ann", true],
          ["Ann", false],
          ["Bob", true],
        ],
      );
      return [rounded(genuine.map(({ distance }) => distance)), rounded(impostor)];
    };
    assert.deepEqual(distances("nearest of the photos"), [
      [1, Infinity, 2],
      [4, 9, 10, 16, Infinity],
    ]);
    assert.deepEqual(distances("mean"), [
      [1, Infinity, 2],
      [6, 9, 10, 18, Infinity],
    ]);
    assert.deepEqual(distances("mean by size, sharpness, pose"), [
      [0, Infinity, 2],
      [7, 9, 10, 19, Infinity],
    ]);
  });
});
