import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Measured, measure, type MeasureTask } from "../../../lib/calibrate/measure";
import { seeded, sum, trimmed } from "../../../lib/calibrate/statistics";

const TASK = { threshold: 0.5, maxPairs: 1e6, seed: 1, maxNearest: 3, maxOutliers: 5 };

/** Photos on a line: for each person the places of theirs. */
function onLine(places: readonly number[][], fields: Partial<MeasureTask> = {}): Measured {
  const people = places.flatMap((own, person) => own.map(() => person));
  return measure({
    ...TASK,
    vectors: Float32Array.from(places.flat().flatMap((place) => [place, 0])),
    dimensions: 2,
    people: Int32Array.from(people),
    photos: Int32Array.from(people, (_, row) => row),
    ...fields,
  });
}

/** 30 people of 1 to 6 photos at random places in 40 dimensions, some near others. */
function crowd(): Pick<MeasureTask, "vectors" | "dimensions" | "people" | "photos"> {
  const random = seeded(5);
  const people = Array.from({ length: 30 }, (_, person) =>
    Array.from({ length: 1 + (person % 6) }, () => person),
  ).flat();
  const centres = Array.from({ length: 30 }, () => Array.from({ length: 40 }, () => random() / 8));
  const vectors = Float32Array.from(
    people.flatMap((person) => (centres[person] as number[]).map((value) => value + random() / 6)),
  );
  return {
    vectors,
    dimensions: 40,
    people: Int32Array.from(people),
    photos: Int32Array.from(people, (_, row) => row),
  };
}

describe("measure", () => {
  it("counts genuine and impostor pairs by distance, and those at or below τ", () => {
    const { genuine, impostor, genuineMatches, impostorMatches, impostorPairs } = onLine([
      [0, 0.25, 0.75],
      [1, 1.25],
    ]);
    // Distances of pairs, on edges of bins: 0.25, 0.5, 0.75 and 0.25; then 0.25 to 1.25.
    assert.deepEqual([genuine[24], genuine[49], genuine[74], sum(genuine)], [2, 1, 1, 4]);
    assert.deepEqual(
      [24, 49, 74, 99, 124].map((bin) => impostor[bin]),
      [1, 1, 1, 2, 1],
    );
    assert.deepEqual([genuineMatches, impostorMatches, impostorPairs, impostor.length], [3, 2, 6, 125]);
  });

  it("compares no photo with itself", () => {
    const { genuine, impostor, impostorPairs } = onLine([[0, 0], [0.5]], { photos: Int32Array.of(7, 7, 7) });
    assert.deepEqual([genuine, impostor, impostorPairs], [[], [], 0]);
  });

  it("names the nearest pairs of people, each once, by their nearest photos", () => {
    const { nearest } = onLine([[0, 1], [1.125, 1.25], [1.75], [9]], { maxNearest: 2 });
    assert.deepEqual(nearest, [
      { a: 2, b: 1, distance: 0.125 },
      { a: 4, b: 3, distance: 0.5 },
    ]);
  });

  it("finds photos that are nearer to somebody else, and those far from their own, the worst first", () => {
    const { outliers, outlierCount } = onLine([[0, 0.25, 3], [3.25, 3.375], [9], [20, 20.75]]);
    assert.deepEqual(outliers, [
      { row: 2, own: 2.75, other: { row: 3, distance: 0.25 } },
      { row: 6, own: 0.75, other: null },
      { row: 7, own: 0.75, other: null },
    ]);
    assert.equal(outlierCount, 3);
    assert.deepEqual(onLine([[0, 0.25, 3], [3.25, 3.375], [9], [20, 20.75]], { maxOutliers: 1 }).outlierCount, 3);
  });

  it("does not call the only photo of a person an outlier", () => {
    assert.deepEqual(onLine([[0], [0.1]]).outliers, []);
  });

  it("gives the same as comparing every pair, one by one", () => {
    const { vectors, dimensions, people, photos } = crowd();
    const apart = (a: number, b: number): number =>
      Math.hypot(
        ...Array.from(
          { length: dimensions },
          (_, index) => (vectors[a * dimensions + index] as number) - (vectors[b * dimensions + index] as number),
        ),
      );
    const rows = [...people.keys()];
    const strangers = rows
      .flatMap((a) =>
        rows.filter((b) => b < a && people[a] !== people[b]).map((b) => ({ a, b, distance: apart(a, b) })),
      )
      .sort((first, second) => first.distance - second.distance);
    const pairs = new Map(
      strangers
        .toReversed()
        .map((pair) => [[people[pair.a], people[pair.b]].sort((a, b) => (a ?? 0) - (b ?? 0)).join(" "), pair]),
    );
    const wanted = [...pairs.values()].sort((first, second) => first.distance - second.distance).slice(0, 10);
    const own = rows.map((a) =>
      Math.min(...rows.filter((b) => b !== a && people[a] === people[b]).map((b) => apart(a, b))),
    );
    const other = rows.map((a) => Math.min(...rows.filter((b) => people[a] !== people[b]).map((b) => apart(a, b))));
    const hurt = rows.filter(
      (a) => (own[a] as number) < Infinity && ((own[a] as number) > 0.45 || (other[a] as number) < (own[a] as number)),
    );
    // Both ways: all at once, and with comparisons that stop early.
    for (const maxPairs of [1e6, 10]) {
      const measured = measure({
        ...TASK,
        ...crowd(),
        photos,
        threshold: 0.45,
        maxPairs,
        maxNearest: 10,
        maxOutliers: 1000,
      });
      assert.deepEqual(
        measured.nearest.map(({ a, b }) => [a, b]),
        wanted.map(({ a, b }) => [a, b]),
      );
      assert.deepEqual(
        measured.outliers.map(({ row }) => row).sort((a, b) => a - b),
        hurt,
      );
      for (const outlier of measured.outliers)
        assert.ok(
          Math.abs(
            (outlier.other?.distance ?? own[outlier.row] ?? 0) -
              Math.min(own[outlier.row] as number, other[outlier.row] as number),
          ) < 1e-6,
        );
      assert.equal(measured.impostorPairs, strangers.length);
    }
    assert.ok(hurt.length > 5 && hurt.length < rows.length / 2, `${hurt.length} of ${rows.length} are no test`);
  });

  it("draws impostor pairs where there are too many, always the same", () => {
    const drawn = measure({ ...TASK, ...crowd(), maxPairs: 2000 });
    const all = measure({ ...TASK, ...crowd() });
    assert.deepEqual(drawn.genuine, all.genuine);
    assert.deepEqual(measure({ ...TASK, ...crowd(), maxPairs: 2000 }), drawn);
    assert.deepEqual(
      [drawn.impostorPairs, sum(drawn.impostor) < 2000, sum(all.impostor)],
      [all.impostorPairs, true, all.impostorPairs],
    );
    const mean = (counts: readonly number[]): number => sum(counts.map((count, bin) => count * bin)) / sum(counts);
    assert.ok(Math.abs(mean(drawn.impostor) - mean(all.impostor)) < 1);
  });

  it("says nothing of nobody", () => {
    assert.deepEqual(onLine([]), {
      from: 0,
      genuine: [],
      impostor: trimmed([]),
      genuineMatches: 0,
      impostorMatches: 0,
      impostorPairs: 0,
      nearest: [],
      outliers: [],
      outlierCount: 0,
    });
  });
});
