import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  binOf,
  edgeOf,
  errorRate,
  identificationRate,
  MAX_BINS,
  rateCurve,
  seeded,
  shuffled,
  smallestRate,
  trialsFor,
  trimmed,
} from "../../../lib/calibrate/statistics";

const round = (value: number): number => Math.round(value * 10_000) / 10_000;

describe("errorRate", () => {
  it("is Wilson's interval where there are errors and others", () => {
    const rate = errorRate(5, 100);
    assert.deepEqual(
      [rate?.hits, rate?.total, rate?.share, round(rate?.low ?? 0), round(rate?.high ?? 0)],
      [5, 100, 0.05, 0.0215, 0.1118],
    );
  });

  it("is the rule of three where there is no error, or nothing else", () => {
    assert.deepEqual(errorRate(0, 120), { hits: 0, total: 120, share: 0, low: 0, high: 0.025 });
    assert.deepEqual(errorRate(100, 100), { hits: 100, total: 100, share: 1, low: 0.97, high: 1 });
  });

  it("is nothing without trials, and never beyond 1", () => {
    assert.equal(errorRate(0, 0), null);
    assert.equal(errorRate(0, 2)?.high, 1);
  });
});

describe("what pairs can support", () => {
  it("needs 30,000 impostor pairs for 1 in 10,000, of which 120 are too few", () => {
    assert.equal(trialsFor(0.0001), 30_000);
    assert.equal(smallestRate(120), 0.025);
    assert.equal(smallestRate(trialsFor(0.0001)), 0.0001);
  });
});

describe("identificationRate", () => {
  it("grows with the gallery", () => {
    assert.deepEqual(
      [1, 10, 1000].map((size) => round(identificationRate(0.001, size))),
      [0.001, 0.01, 0.6323],
    );
    assert.deepEqual([identificationRate(0, 1000), identificationRate(1, 5), identificationRate(1, 0)], [0, 1, 0]);
  });

  it("keeps the digits of a rate too small for 1 − (1 − FMR)^N", () => {
    assert.ok(Math.abs(identificationRate(1e-18, 10) / 1e-17 - 1) < 1e-12);
  });
});

describe("histograms", () => {
  it("put a distance on an edge below it, whatever the rounding", () => {
    for (let hundredths = 1; hundredths <= 200; hundredths += 1)
      assert.deepEqual([binOf(hundredths / 100), edgeOf(hundredths - 1)], [hundredths - 1, hundredths / 100]);
    assert.deepEqual([binOf(0), binOf(0.0101), binOf(1e9)], [0, 1, MAX_BINS - 1]);
  });

  it("end with their last full bin", () => {
    assert.deepEqual(trimmed(Float64Array.of(0, 2, 0, 1, 0, 0)), [0, 2, 0, 1]);
    assert.deepEqual(trimmed([]), []);
  });
});

describe("rateCurve", () => {
  it("gives FMR and FNMR at τ on each edge", () => {
    const points = rateCurve([2, 1, 1], [0, 0, 1, 3]);
    assert.deepEqual(
      points.map(({ threshold, fmr, fnmr }) => [threshold, fmr?.share, fnmr?.share]),
      [
        [0, 0, 1],
        [0.01, 0, 0.5],
        [0.02, 0, 0.25],
        [0.03, 0.25, 0],
        [0.04, 1, 0],
      ],
    );
  });

  it("knows nothing where there are no pairs", () => {
    assert.deepEqual(rateCurve([], []), [{ threshold: 0, fmr: null, fnmr: null }]);
    assert.deepEqual(
      rateCurve([], [1]).map(({ fnmr }) => fnmr),
      [null, null],
    );
  });
});

describe("shuffled", () => {
  it("repeats its draw and loses nothing", () => {
    const values = Array.from({ length: 50 }, (_, index) => index);
    assert.deepEqual(shuffled(values, seeded(3)), shuffled(values, seeded(3)));
    assert.deepEqual(
      shuffled(values, seeded(3)).sort((a, b) => a - b),
      values,
    );
  });
});
