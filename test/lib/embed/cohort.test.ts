import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seeded } from "../../../lib/calibrate/statistics";
import { loadCohort, packRows, unpackRows } from "../../../lib/embed/cohort";
import { euclideanDistance, toUnitLength } from "../../../lib/embed/distance";

/** So many of the smallest distances count. */
const NEAREST = 10;

function nearest(probe: Float32Array, rows: Float32Array, dimensions: number, except = -1): number[] {
  const all = Array.from({ length: rows.length / dimensions }, (_, row) =>
    row === except ? Infinity : euclideanDistance(probe, rows.subarray(row * dimensions, (row + 1) * dimensions)),
  );
  return all.sort((a, b) => a - b).slice(0, NEAREST);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Row after row of length 1, in a crowd: each is near a common one, as faces are. */
function crowd(count: number, dimensions: number, random: () => number): Float32Array {
  const rows = new Float32Array(count * dimensions);
  const common = Float32Array.from({ length: dimensions }, () => random() - 0.5);
  for (let row = 0; row < count; row += 1)
    rows.set(toUnitLength(common.map((value) => value + 0.6 * (random() - 0.5))), row * dimensions);
  return rows;
}

describe("a cohort", () => {
  /**
   * Mean distance of the first rows to the ten others that are nearest to each, in the file of 32-bit numbers; and of
   * all rows.
   */
  const ORIGINALS = [
    {
      model: "dlib-resnet-v1",
      dimensions: 128,
      first: [0.4051, 0.4456, 0.4442, 0.4386, 0.4038, 0.3653],
      all: 0.39149,
    },
    {
      model: "mobilefacenet-192",
      dimensions: 192,
      first: [1.0864, 1.0636, 1.1211, 1.1644, 1.1378, 1.0905],
      all: 1.10075,
    },
  ];

  for (const { model, dimensions, first, all } of ORIGINALS) {
    it(`of ${model} comes with the package: 506 rows of length 1, as far apart as they were in 32 bits`, async () => {
      const cohort = await loadCohort(model);
      assert.ok(cohort !== undefined);
      assert.deepEqual([cohort.dimensions, cohort.rows.length], [dimensions, 506 * dimensions]);
      const rows = Array.from({ length: 506 }, (_, row) =>
        cohort.rows.subarray(row * dimensions, (row + 1) * dimensions),
      );
      for (const row of rows) assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-6);
      const means = rows.map((row, index) => mean(nearest(row, cohort.rows, dimensions, index)));
      first.forEach((expected, index) =>
        assert.ok(
          Math.abs((means[index] as number) - expected) < 0.002,
          `row ${index}: ${means[index]}, in 32 bits ${expected}`,
        ),
      );
      assert.ok(Math.abs(mean(means) - all) < 0.001, `all: ${mean(means)}, in 32 bits ${all}`);
      assert.equal(await loadCohort(model), cohort, "read once");
    });
  }

  it("of a model that has none is none", async () => {
    for (const model of ["dlib-resnet-v1-box50", "my-facenet", "constructor", ""])
      assert.equal(await loadCohort(model), undefined);
  });

  it("in 8 bits is within 0.005 of what it was, for each of the ten nearest of a probe", () => {
    const random = seeded(7);
    for (const dimensions of [128, 192, 512]) {
      const rows = crowd(300, dimensions, random);
      const read = unpackRows(new Uint8Array(packRows(rows, dimensions).buffer), dimensions);
      const probes = crowd(20, dimensions, random);
      for (let from = 0; from < probes.length; from += dimensions) {
        const probe = probes.subarray(from, from + dimensions);
        const [before, after] = [nearest(probe, rows, dimensions), nearest(probe, read.rows, dimensions)];
        before.forEach((distance, index) => assert.ok(Math.abs(distance - (after[index] as number)) < 0.005));
      }
    }
  });
});
