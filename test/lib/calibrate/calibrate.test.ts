import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { calibrate, type LabelledEmbedding } from "../../../lib/calibrate/calibrate";
import { distancesOf, suggest } from "../../../lib/calibrate/calibration";
import { statisticsOf } from "../../../lib/calibrate/model-statistics";
import { sum } from "../../../lib/calibrate/statistics";
import { DLIB_RESNET, MOBILEFACENET } from "../../../lib/embed/descriptor";
import { normalisationOf } from "../../../lib/embed/normalise";

/** Photos on a line, named by person and count: a0, a1, b0, … */
function people(places: Record<string, number[]>): { embeddings: LabelledEmbedding[]; names: Map<string, string> } {
  const embeddings = Object.entries(places).flatMap(([personId, own]) =>
    own.map((place, index) => ({ personId, photoId: `${personId}${index}`, vector: Float32Array.of(place, 0) })),
  );
  return { embeddings, names: new Map(Object.keys(places).map((id) => [id, id.toUpperCase()])) };
}

/** So many distances, all in the bin that ends there. */
const at = (edge: number, count: number): number[] => [
  ...Array.from({ length: Math.round(edge * 100) - 1 }, () => 0),
  count,
];
const OPTIONS = { threshold: 0.5, stats: undefined, wantedFmr: 0.001 };

describe("calibrate", () => {
  it("measures a gallery: rates at τ, curve, nearest people, photos that hurt", async () => {
    const result = await calibrate({ ...OPTIONS, ...people({ a: [0, 0.25, 3], b: [3.25, 3.375], c: [9] }) });
    assert.deepEqual(
      [result.people, result.photos, result.impostorPairs, result.comparablePhotos, result.seed],
      [{ counted: 3, of: 3 }, { counted: 6, of: 6 }, { counted: 11, of: 11 }, 5, null],
    );
    assert.deepEqual(
      [result.now.fnmr?.hits, result.now.fnmr?.total, result.now.fmr?.hits, result.now.fmr?.total],
      [2, 4, 2, 11],
    );
    assert.ok(Math.abs((result.now.fpir?.share ?? 0) - (1 - (9 / 11) ** 6)) < 1e-12);
    assert.deepEqual(result.nearest[0], {
      distance: 0.25,
      a: { personId: "b", name: "B", photoId: "b0" },
      b: { personId: "a", name: "A", photoId: "a2" },
    });
    assert.deepEqual(
      result.nearest.map(({ distance }) => distance),
      [0.25, 5.625, 6],
    );
    assert.deepEqual(result.outliers, [
      {
        photo: { personId: "a", name: "A", photoId: "a2" },
        codes: ["nearer_to_other", "far_from_own"],
        own: 2.75,
        other: { photo: { personId: "b", name: "B", photoId: "b0" }, distance: 0.25 },
      },
    ]);
    assert.equal(result.own.curve.at(-1)?.fmr?.share, 1);
  });

  it("says that 120 impostor pairs cannot support 1 in 10,000", async () => {
    const { own, suggestion, pairsForWantedFmr } = await calibrate({
      ...OPTIONS,
      ...people(Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`p${index}`, [index]]))),
      wantedFmr: 0.0001,
    });
    assert.deepEqual([own.impostorPairs, own.supportedFmr, pairsForWantedFmr], [120, 0.025, 30_000]);
    assert.deepEqual(
      [suggestion?.from, suggestion?.supported, suggestion?.fmr.hits, suggestion?.threshold, suggestion?.fnmr],
      ["own", false, 0, 0.99, null],
    );
  });

  it("travels as JSON", async () => {
    for (const places of [{}, { a: [0] }, { a: [0, 1], b: [2] }] as Record<string, number[]>[]) {
      const result = await calibrate({ ...OPTIONS, ...people(places), stats: statisticsOf("dlib-resnet-v1") });
      assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
    }
  });

  it("knows nothing of an empty gallery but what is known of the model", async () => {
    const alone = await calibrate({ ...OPTIONS, ...people({}) });
    assert.deepEqual(
      [alone.suggestion, alone.model, alone.now, alone.own.supportedFmr],
      [null, null, { threshold: 0.5, fmr: null, fnmr: null, fpir: null }, null],
    );
    const { suggestion, model } = await calibrate({
      ...OPTIONS,
      ...people({}),
      stats: statisticsOf("dlib-resnet-v1"),
    });
    assert.deepEqual([suggestion?.from, suggestion?.supported, model?.people], ["model", true, 273]);
  });

  it("draws whole people where there are too many photos, and says so", async () => {
    const result = await calibrate({
      ...OPTIONS,
      ...people({
        ...Object.fromEntries(
          Array.from({ length: 30 }, (_, index) => [
            `p${index}`,
            Array.from({ length: 700 }, (_each, photo) => index + photo / 1e4),
          ]),
        ),
        crowd: Array.from({ length: 1100 }, () => 50),
      }),
    });
    assert.equal(result.photos.of, 22_100);
    assert.ok(result.photos.counted <= 20_000 && result.photos.counted > 19_000, `${result.photos.counted}`);
    // Of the crowd's 1,100 photos 1,000 may count.
    assert.ok([0, 1000 % 700].includes(result.photos.counted % 700), "a person was cut in two");
    assert.deepEqual([result.people.of, result.seed], [31, 1]);
    assert.ok(result.impostorPairs.counted <= 20_000_000 && result.impostorPairs.of > 150_000_000);
  });

  it("refuses a rate that is none, and embeddings of two models", async () => {
    for (const wantedFmr of [0, 1, NaN, -1])
      await assert.rejects(
        calibrate({ ...OPTIONS, ...people({}), wantedFmr }),
        /wanted false match rate is .*: give a share above 0 and below 1/,
      );
    const { embeddings, names } = people({ a: [1] });
    await assert.rejects(
      calibrate({
        ...OPTIONS,
        names,
        embeddings: [...embeddings, { personId: "b", photoId: "b0", vector: Float32Array.of(1, 2, 3) }],
      }),
      /2 and 3 dimensions .* one model/,
    );
  });
});

describe("suggest", () => {
  const small = distancesOf(at(0.3, 50), at(0.8, 300), 10);
  const large = distancesOf(at(0.3, 50), at(0.6, 3000), 10);

  it("goes by the gallery's own pairs where they support the rate", () => {
    const { threshold, from, supported, fmr } = suggest(small, large, 0.01) ?? assert.fail();
    assert.deepEqual([threshold, from, supported, fmr.high], [0.79, "own", true, 0.01]);
  });

  it("goes by the model's where they do not", () => {
    const { threshold, from, supported } = suggest(small, large, 0.001) ?? assert.fail();
    assert.deepEqual([threshold, from, supported], [0.59, "model", true]);
  });

  it("gives the least rate that can be supported where neither does, and says that it is not the wanted one", () => {
    const { threshold, from, supported, fmr } = suggest(small, large, 0.0001) ?? assert.fail();
    assert.deepEqual([threshold, from, supported, fmr.high], [0.59, "model", false, 0.001]);
    assert.equal(suggest(large, small, 0.0001)?.from, "own");
  });

  it("is strict where false matches lie low", () => {
    const twins = distancesOf(
      at(0.3, 50),
      at(0.2, 100).map((count, bin) => (bin === 4 ? 2 : count)),
      10,
    );
    assert.equal(suggest(twins, null, 0.03)?.threshold, 0.04);
  });
});

describe("statisticsOf", () => {
  it("has both networks on aligned faces, and no other", () => {
    for (const { id } of [DLIB_RESNET, MOBILEFACENET]) {
      const { model, people: count, photos, genuine, impostor, cohort } = statisticsOf(id) ?? assert.fail();
      assert.deepEqual([model, count, photos], [id, 273, 549]);
      assert.equal(sum(genuine) + sum(impostor), (photos * (photos - 1)) / 2);
      // By d' each photo once with each other person, and once with its own where they have another.
      assert.equal(sum(cohort?.impostor ?? []), photos * (count - 1));
      assert.ok(sum(cohort?.genuine ?? []) > 300 && sum(cohort?.genuine ?? []) < photos);
    }
    assert.equal(statisticsOf("dlib-resnet-v1-box50"), undefined);
  });

  it("suggests a τ near the model's own", () => {
    for (const { id, threshold } of [DLIB_RESNET, MOBILEFACENET]) {
      const { genuine, impostor } = statisticsOf(id) ?? assert.fail();
      const suggestion = suggest(distancesOf([], [], 1), distancesOf(genuine, impostor, 1), 0.001) ?? assert.fail();
      assert.ok(Math.abs(suggestion.threshold - threshold) <= 0.06 * threshold, `${id} ${suggestion.threshold}`);
    }
  });

  it("suggests a τ of d' near the model's own", async () => {
    for (const descriptor of [DLIB_RESNET, MOBILEFACENET]) {
      const { from, genuine, impostor } = statisticsOf(descriptor.id)?.cohort ?? assert.fail();
      const own = distancesOf([], [], 1);
      const { threshold } = suggest(own, distancesOf(genuine, impostor, 1, from), 0.001) ?? assert.fail();
      const usual = (await normalisationOf(descriptor))?.threshold ?? NaN;
      assert.ok(Math.abs(threshold - usual) <= 0.08 * usual, `${descriptor.id} ${threshold}, not ${usual}`);
    }
  });
});
