import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { statisticsOf, statisticsSchema } from "../../../lib/calibrate/model-statistics";
import { seeded } from "../../../lib/calibrate/statistics";
import { type Comparison, measureTail, pairsOf, rateAt, type Tail } from "../../../lib/calibrate/tail";
import { thresholdFor, whyOf } from "../../../lib/calibrate/wanted";

const MODELS = ["dlib-resnet-v1", "mobilefacenet-192"] as const;
const WANTED = [0.1, 0.01, 0.001, 0.0001] as const;

/** FMR 10 ** (2 × (τ − 1) − 2), its bound twice that; means of three photos lie 0.1 nearer. */
const tail: Tail = {
  source: "made for a test",
  populations: [
    { name: "one", people: 100, comparisons: 4000 },
    { name: "other", people: 225, comparisons: 26_000 },
  ],
  points: [
    { threshold: 0, fmr: 1e-4, high: 2e-4 },
    { threshold: 1, fmr: 1e-2, high: 2e-2 },
  ],
  templates: [
    { photos: 1, nearer: 0 },
    { photos: 3, nearer: 0.1 },
  ],
};

const builtIn = (model: string): Tail => {
  const found = statisticsOf(model)?.tail;
  assert.ok(found, `${model} has no tail`);
  return found;
};

/** Strangers at distances around `middle`, each person nearer to all of them or farther by chance. */
function population(people: number, middle: number, seed: number): Comparison[] {
  const random = seeded(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const own = Array.from({ length: people }, () => 0.03 * normal());
  return Array.from({ length: people * people }, (_, index) => ({
    person: Math.floor(index / people),
    stranger: index % people,
  }))
    .filter(({ person, stranger }) => person !== stranger)
    .map(({ person, stranger }) => ({
      person,
      stranger,
      distance: middle + (own[person] as number) + (own[stranger] as number) + 0.08 * normal(),
    }));
}

/** P(middle + 0.03 a + 0.03 b + 0.08 c ≤ τ), by Abramowitz and Stegun 26.2.17. */
function truth(threshold: number, middle: number): number {
  const z = (middle - threshold) / Math.hypot(0.03, 0.03, 0.08);
  const t = 1 / (1 + 0.2316419 * z);
  return (
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  );
}

describe("the tail of d' between strangers", () => {
  it("bounds the true rate for nearly all samples of people, where pairs say it and beyond them", () => {
    let [kept, asked] = [0, 0];
    for (let seed = 1; seed <= 10; seed += 1) {
      const points = measureTail([population(50, 1.3, seed)]);
      for (const threshold of [1.15, 1.1, 1.05, 0.95]) {
        asked += 1;
        if (rateAt({ points, templates: [] }, threshold, 1).high >= truth(threshold, 1.3)) kept += 1;
      }
    }
    assert.ok(kept / asked >= 0.9, `${kept} of ${asked}`);
  });

  it("does not overstate: τ for one in a hundred is within a third of the distribution's width", () => {
    const { threshold } = thresholdFor(
      0.01,
      { ...tail, points: measureTail([population(150, 1.3, 5)]) },
      new Map([[1, 1]]),
    );
    assert.ok(truth(threshold, 1.3) <= 0.01 && truth(threshold + 0.03, 1.3) > 0.01, String(threshold));
  });

  it("is that of the population in which strangers come nearest", () => {
    const [far, near] = [population(80, 1.3, 1), population(60, 1.2, 2)];
    const at = (populations: Comparison[][]) => rateAt({ points: measureTail(populations), templates: [] }, 1, 1);
    const [both, alone] = [at([far, near]), at([near])];
    assert.ok(Math.abs(both.high / alone.high - 1) < 0.1 && both.high > 3 * at([far]).high);
  });

  it("goes on below what was measured, and never rises where τ falls", () => {
    const points = measureTail([population(70, 1.3, 3)]);
    const [first] = points as [Tail["points"][number]];
    assert.ok(first.high < 1e-7, "far beyond 2,415 pairs");
    let before = 1;
    for (let threshold = 1.3; threshold > -1; threshold -= 0.01) {
      const { fmr, high } = rateAt({ points, templates: [] }, threshold, 1);
      assert.ok(high <= before && fmr <= high && fmr >= 0);
      before = high;
    }
  });

  it("refuses people who are too few to say anything", () => {
    assert.throws(() => measureTail([population(10, 1.3, 1)]), /45 pairs of people are too few/);
    assert.equal(pairsOf(population(10, 1.3, 1)), 45);
  });
});

describe("τ from what is wanted of strangers", () => {
  it("is the largest at which the upper bound of strangers with a name is what is wanted", () => {
    const { threshold, strangers, people, photos } = thresholdFor(0.01, tail, new Map([[1, 5]]));
    // 1 − (1 − FMR)^5 = 0.01 where FMR is 0.002008, by its bound; 2 × 10^(2τ − 4) is that at τ 0.5009.
    assert.equal(threshold, 0.5008);
    assert.ok(strangers.high <= 0.01 && strangers.high > 0.00999 && Math.abs(strangers.share - 0.005) < 0.0001);
    assert.deepEqual([people, photos], [5, { least: 1, most: 1 }]);
  });

  it("is told with a bound that is rounded up: never less than may be", () => {
    const found = thresholdFor(0.01, tail, new Map([[1, 5]]));
    const told = (high: number): string => whyOf({ ...found, strangers: { share: 0.00501, high } });
    assert.match(told(0.00623), /expected 0\.5 %, upper 95 % bound 0\.63 %/);
    assert.match(told(0.0062), /expected 0\.5 %, upper 95 % bound 0\.62 %/);
  });

  it("takes people with several photos for what their mean is", () => {
    assert.equal(thresholdFor(0.01, tail, new Map([[3, 5]])).threshold, 0.4008);
    assert.equal(
      thresholdFor(0.01, tail, new Map([[2, 5]])).threshold,
      0.4008,
      "between two that were measured it is the nearer",
    );
    assert.equal(thresholdFor(0.01, tail, new Map([[900, 5]])).threshold, 0.4008);
    const mixed = thresholdFor(
      0.01,
      tail,
      new Map([
        [1, 3],
        [4, 2],
      ]),
    );
    assert.ok(mixed.threshold > 0.4008 && mixed.threshold < 0.5008);
    assert.deepEqual(mixed.photos, { least: 1, most: 4 });
  });

  it("never grows when people or photos are added, nor when fewer strangers are wanted", () => {
    for (const each of [tail, ...MODELS.map(builtIn)]) {
      let strictest = Infinity;
      for (const wanted of WANTED) {
        let before = Infinity;
        for (const people of [1, 2, 5, 49, 50, 1000, 100_000]) {
          const { threshold } = thresholdFor(wanted, each, new Map([[3, people]]));
          assert.ok(threshold <= before, `${wanted}, ${people} people`);
          before = threshold;
          assert.ok(threshold <= thresholdFor(wanted, each, new Map([[1, people]])).threshold);
          assert.ok(
            thresholdFor(
              wanted,
              each,
              new Map([
                [1, 1],
                [3, people],
              ]),
            ).threshold <= threshold,
          );
        }
        assert.ok(before < strictest, "100,000 people leave no rate that was measured");
        strictest = before;
      }
    }
  });

  it("judges an empty gallery as one with its first photo, and says that nobody is there", () => {
    const [empty, one] = [thresholdFor(0.01, tail, new Map()), thresholdFor(0.01, tail, new Map([[1, 1]]))];
    assert.deepEqual([empty.threshold, empty.people, empty.photos], [one.threshold, 0, { least: 0, most: 0 }]);
    assert.equal(
      thresholdFor(0.01, tail, new Map([[3, 0]])).threshold,
      one.threshold,
      "nobody has three photos any more",
    );
  });

  it("says whether its comparisons support so small a rate", () => {
    const supported = (wanted: number, people: number): boolean =>
      thresholdFor(wanted, tail, new Map([[1, people]])).supported;
    assert.deepEqual(
      [supported(0.0001, 1), supported(0.0001, 2), supported(0.01, 100), supported(0.01, 101)],
      [true, false, true, false],
      "30,000 pairs without an error support one in 10,000",
    );
    assert.equal(thresholdFor(0.01, tail, new Map()).comparisons, 30_000);
  });

  it("is never more than the tail was measured to", () => {
    assert.equal(thresholdFor(0.9, tail, new Map([[1, 1]])).threshold, 1);
  });

  for (const model of MODELS) {
    it(`rests on enough pairs of three populations for one stranger in 10,000, beside one person: ${model}`, () => {
      const { supported, comparisons, threshold } = thresholdFor(0.0001, builtIn(model), new Map([[1, 1]]));
      assert.ok(supported && comparisons >= 30_000);
      assert.ok(threshold > 0);
      assert.equal(builtIn(model).populations.length, 3);
    });
  }
});

describe("the statistics of a model pack", () => {
  const statistics = { model: "m", source: "", people: 2, photos: 4, genuine: [], impostor: [] };

  it("may have a tail, which ascends", () => {
    assert.deepEqual(statisticsSchema.parse({ ...statistics, tail }).tail, tail);
    assert.equal(statisticsSchema.parse(statistics).tail, undefined);
    for (const [wrong, why] of [
      [{ points: tail.points.toReversed() }, /must ascend in threshold, fmr and high/],
      [{ points: tail.points.slice(1) }, /expected array to have >=2 items/],
      [{ templates: tail.templates.toReversed() }, /must ascend in photos and nearer/],
    ] as const) {
      assert.throws(() => statisticsSchema.parse({ ...statistics, tail: { ...tail, ...wrong } }), why);
    }
  });
});
