import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  areaUnderCurve,
  byGroups,
  countAtMost,
  crossValidate,
  curve,
  equalErrorRate,
  mcnemar,
  openSet,
  operatingPoint,
  rankOne,
  seeded,
  wilson,
} from "../../bench/statistics";

const floats = (...values: number[]): Float32Array => Float32Array.from(values);
const line = (count: number, from = 0): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => from + index / count);
const round = (value: number): number => Math.round(value * 10_000) / 10_000;

describe("statistics of the benchmarks", () => {
  it("gives Wilson's interval", () => {
    const { share, low, high } = wilson(95, 100);
    assert.deepEqual([share, round(low), round(high)], [0.95, 0.8882, 0.9785]);
    assert.deepEqual([wilson(0, 10).low, round(wilson(0, 10).high)], [0, 0.2775]);
  });

  it("takes the largest τ at which no more than the allowed impostors match, ties included", () => {
    const impostor = floats(0.1, 0.2, 0.2, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, 1);
    assert.equal(countAtMost(impostor, operatingPoint(impostor, 0.2).threshold), 1);
    assert.equal(countAtMost(impostor, operatingPoint(impostor, 0.4).threshold), 4);
    assert.deepEqual(
      [operatingPoint(impostor, 0.01).allowed, countAtMost(impostor, operatingPoint(impostor, 0.01).threshold)],
      [0, 0],
    );
  });

  it("finds EER and AUC, and counts what was not detected against them", () => {
    assert.equal(equalErrorRate(line(100), line(100, 2)).eer, 0);
    assert.equal(areaUnderCurve(line(100), line(100, 2)), 1);
    assert.equal(areaUnderCurve(line(10), line(10)), 0.5);
    // 2 of 4 genuine pairs undetected: never nearer.
    assert.equal(areaUnderCurve(floats(0.1, 0.2, Infinity, Infinity), floats(0.5, 0.6, Infinity)), 0.5);
    assert.equal(equalErrorRate(floats(0.1, 0.2, 0.3, Infinity), floats(0.5, 0.6, 0.7, 0.8)).eer, 0.25);
  });

  it("draws a curve that ends where even every distance matches, but for the undetected", () => {
    const points = curve(floats(0.1, 0.2, 0.3, Infinity), floats(0.25, 0.5, 0.6, Infinity), 50);
    assert.deepEqual(
      points.map(({ fmr, fnmr }) => [fmr, fnmr]),
      [
        [0.25, 0.5],
        [0.5, 0.25],
        [0.75, 0.25],
        [0.75, 0.25],
      ],
    );
  });

  it("knows that pairs of one person go together", () => {
    const alike = byGroups(Array.from({ length: 10 }, () => ({ hits: 9, total: 10 })));
    assert.deepEqual(alike, { low: 0.9, high: 0.9 });
    const apart = byGroups(Array.from({ length: 10 }, (_, index) => ({ hits: index === 0 ? 0 : 10, total: 10 })));
    assert.deepEqual([apart.low, apart.high], [0.7, 1]);
  });

  it("trains τ on the other folds and counts undetected faces as errors", () => {
    const fold = (shift: number) =>
      [0.1, 0.2, 0.3, 0.4].map((distance) => ({ distance: distance + shift, same: distance < 0.25 }));
    assert.deepEqual(crossValidate([fold(0), fold(0), fold(0)]), { accuracy: 1, standardError: 0, threshold: 0.25 });
    const { accuracy, standardError } = crossValidate([
      fold(0),
      fold(0),
      [
        { distance: Infinity, same: false },
        { distance: Infinity, same: true },
        { distance: 0.1, same: true },
        { distance: 0.4, same: false },
      ],
    ]);
    assert.deepEqual([round(accuracy), round(standardError)], [0.8333, 0.1667]);
  });

  it("says how likely a difference is chance", () => {
    assert.equal(mcnemar(3, 3), 1);
    assert.equal(round(mcnemar(6, 0)), 0.0313);
    assert.equal(round(mcnemar(1500, 1600)), 0.0754);
  });

  it("repeats its draws", () => {
    const [first, again] = [seeded(7), seeded(7)];
    assert.deepEqual([first(), first(), first()], [again(), again(), again()]);
  });

  it("counts rank-1 and open-set hits, with an undetected photo as a miss", () => {
    // Four people of three photos each on a line, 10 apart; the last photo was not detected.
    const people = ["a", "b", "c", "d"].flatMap((name) => [name, name, name]);
    const place = people.map((_, index) => Math.floor(index / 3) * 10 + (index % 3) / 10);
    const distance = (a: number, b: number): number =>
      a === 11 || b === 11 ? Infinity : Math.abs((place[a] as number) - (place[b] as number));
    const { shares, probes } = rankOne({ people, distance }, 3);
    assert.equal(probes, 24);
    // Photo 12 is the probe that fails (7 of 8), or it is enrolled, and both others of its person fail (6 of 8).
    assert.ok(
      shares.every((share) => share === 7 / 8 || share === 6 / 8),
      String(shares),
    );
    const open = openSet({ people: people.slice(0, 9), distance }, 20, 0.01);
    assert.deepEqual([open.tpir, open.known.reduce((sum, { total }) => sum + total, 0), open.strangers], [1, 40, 120]);
  });
});
