import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rateOf, reportOf } from "../../../lib/liveness/figures";

const near = (value: number, wanted: number): void =>
  assert.ok(Math.abs(value - wanted) < 5e-5, `${value} is not ${wanted}`);

describe("figures of presentation attack detection", () => {
  it("bound a rate exactly, as Clopper and Pearson do", () => {
    // Without an error the bounds have a closed form: 1 − α^(1/n).
    near(rateOf(0, 10).atMost, 1 - 0.05 ** (1 / 10));
    near(rateOf(0, 10).high, 1 - 0.025 ** (1 / 10));
    near(rateOf(0, 150).atMost, 0.01977);
    near(rateOf(10, 10).low, 0.025 ** (1 / 10));
    assert.deepEqual([rateOf(0, 10).low, rateOf(10, 10).high, rateOf(10, 10).atMost], [0, 1, 1]);
    // R: binom.test(1, 10)$conf.int, binom.test(5, 10), binom.test(3, 150).
    near(rateOf(1, 10).low, 0.002529);
    near(rateOf(1, 10).high, 0.445016);
    near(rateOf(5, 10).low, 0.187086);
    near(rateOf(5, 10).high, 0.812914);
    near(rateOf(1, 1).low, 0.025);
  });

  it("mirror: errors and successes change places", () => {
    for (const [errors, total] of [
      [2, 7],
      [13, 40],
      [499, 1000],
      [4000, 5000],
    ] as const) {
      near(rateOf(errors, total).low, 1 - rateOf(total - errors, total).high);
      const { low, rate, atMost, high } = rateOf(errors, total);
      assert.ok(low < rate && rate < atMost && atMost < high);
    }
  });

  it("count attacks by species, the worst, and everything but a pass against genuine people", () => {
    const many = (
      species: "genuine" | "print" | "phone",
      verdict: "passed" | "failed" | "unsure" | "none",
      count: number,
    ): { species: typeof species; verdict: typeof verdict }[] =>
      Array.from({ length: count }, () => ({ species, verdict }));
    const report = reportOf([
      ...many("genuine", "passed", 7),
      ...many("genuine", "unsure", 1),
      ...many("genuine", "failed", 1),
      ...many("genuine", "none", 1),
      ...many("print", "failed", 8),
      ...many("print", "none", 2),
      ...many("phone", "passed", 1),
      ...many("phone", "unsure", 4),
    ]);
    assert.deepEqual(
      report.apcer.map(({ species, errors, total }) => [species, errors, total]),
      [
        ["print", 0, 10],
        ["phone", 1, 5],
      ],
    );
    assert.deepEqual([report.worst, report.bpcer?.errors, report.bpcer?.total], ["phone", 3, 10]);
  });

  it("say nothing of what nobody presented; of equal rates the one with fewer trials is the worst", () => {
    assert.deepEqual(reportOf([{ species: "genuine", verdict: "passed" }]).apcer, []);
    assert.equal(reportOf([{ species: "genuine", verdict: "passed" }]).worst, null);
    const attacks = reportOf([
      { species: "print", verdict: "failed" },
      { species: "print", verdict: "failed" },
      { species: "mask", verdict: "failed" },
    ]);
    assert.deepEqual([attacks.worst, attacks.bpcer], ["mask", null]);
  });
});
