import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readSets } from "../../bench/photos";
import { intervalOf } from "../../bench/population";
import { lacking, worstToBest } from "../../bench/populations";

describe("populations of the accuracy benchmark", () => {
  const root = mkdtempSync(join(tmpdir(), "sets-"));
  for (const person of ["north/Ann", "north/Bob", "south/Cid"]) {
    mkdirSync(join(root, person), { recursive: true });
    writeFileSync(join(root, person, "1.jpg"), "");
  }
  mkdirSync(join(root, "numbers"));
  writeFileSync(join(root, "numbers", "rows.f32"), "");
  const [north, south] = [join(root, "north"), join(root, "south")] as const;

  it("are the sets in a folder, one folder of people, or several folders as one", () => {
    assert.deepEqual(readSets(root), [
      { name: "north", roots: [north] },
      { name: "south", roots: [south] },
    ]);
    assert.deepEqual(readSets(north), [{ name: "north", roots: [north] }]);
    assert.deepEqual(readSets(`${north},${south}`), [{ name: "north + south", roots: [north, south] }]);
  });

  it("say which galleries they have too few photos for", () => {
    const photo = new Float32Array(2);
    const population = new Map([
      ["Ann", [photo, photo, photo]],
      ["Bob", [photo]],
    ]);
    assert.equal(lacking(population, 2, 1), undefined);
    assert.equal(lacking(population, 1, 3), undefined);
    assert.equal(lacking(population, 2, 3), "not measured: 1 people have 3 usable photos");
  });

  it("do not call a rate certain because nobody of a few was mistaken", () => {
    const none = intervalOf(Array.from({ length: 10 }, () => ({ hits: 0, total: 100 })));
    // Clopper & Pearson of 0 in 10.
    assert.deepEqual([none.low, Math.round(1e4 * none.high)], [0, 3085]);
    const all = intervalOf(Array.from({ length: 10 }, () => ({ hits: 100, total: 100 })));
    assert.deepEqual([Math.round(1e4 * all.low), all.high], [6915, 1]);
    const some = intervalOf([
      ...Array.from({ length: 50 }, () => ({ hits: 0, total: 2 })),
      ...Array.from({ length: 50 }, () => ({ hits: 1, total: 2 })),
    ]);
    assert.ok(some.low > 0.18 && some.low < 0.25 && some.high > 0.25 && some.high < 0.32, JSON.stringify(some));
  });

  it("are compared as worst to best, without a ratio where the best has none", () => {
    assert.equal(
      worstToBest(
        new Map([
          ["north", 0.02],
          ["south", 0.005],
        ]),
        2,
      ),
      "north 2.00 % : south 0.50 % = 4.0",
    );
    assert.equal(
      worstToBest(
        new Map([
          ["north", 0.02],
          ["south", 0],
        ]),
        2,
      ),
      "north 2.00 % : south 0.00 % no ratio: the best has none",
    );
    assert.equal(worstToBest(new Map([["north", 0.02]]), 2), "of one population alone");
  });
});
