import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { calibrate, type LabelledEmbedding } from "../../../lib/calibrate/calibrate";
import { type CohortTask, measureCohort } from "../../../lib/calibrate/measure-cohort";
import { Space } from "../../../lib/calibrate/space";
import { seeded, sum } from "../../../lib/calibrate/statistics";
import { toUnitLength } from "../../../lib/embed/distance";
import type { Normalisation } from "../../../lib/embed/normalise";
import { Roster } from "../../../lib/search/roster";

const DIMENSIONS = 16;
const random = seeded(11);
const direction = (): Float32Array => toUnitLength(Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5));
const near = (centre: Float32Array, spread: number): Float32Array => {
  const step = direction();
  return toUnitLength(centre.map((value, axis) => value + spread * (step[axis] as number)));
};

/** Built-in rows of nobody. */
const COHORT = Array.from({ length: 40 }, direction);
const NORMALISATION: Normalisation = {
  rows: Float32Array.from(COHORT.flatMap((row) => [...row])),
  dimensions: DIMENSIONS,
  mean: 0.9,
  threshold: 0.6,
};
const STRANGERS = [direction(), direction()];

interface Placed extends LabelledEmbedding {
  person: number;
}

/** Six people of one to five photos, in two crowds, so that each is in the other's R. */
const PHOTOS: Placed[] = [direction(), direction()].flatMap((place, crowd) =>
  [1, 3, 5].flatMap((count, index) => {
    const centre = near(place, 0.5);
    const person = 3 * crowd + index;
    const photo = (at: number): Placed => {
      const vector = near(centre, 0.5);
      return { person, personId: `p${person}`, photoId: `p${person}-${at}`, vector };
    };
    return Array.from({ length: count }, (_, at) => photo(at));
  }),
);

/** The same with somebody else's face among one's five. */
const WRONG = PHOTOS.map((photo) =>
  photo.photoId === "p2-0" ? { ...photo, vector: near((PHOTOS[9] as Placed).vector, 0.1) } : photo,
);

const rosters: Roster[] = [];
/** A gallery as the product has it. */
async function galleryOf(photos: readonly LabelledEmbedding[]): Promise<Roster> {
  const roster = new Roster("test", { threshold: 1, normalisation: NORMALISATION, strangers: () => STRANGERS });
  rosters.push(roster);
  for (const { personId, photoId, vector } of photos) {
    roster.putPerson({ id: personId, name: personId, groups: [], validFrom: null, validUntil: null });
    roster.putPhoto(photoId, personId, vector);
  }
  await roster.refreshed();
  return roster;
}

function taskOf(photos: readonly Placed[], fields: Partial<CohortTask> = {}): CohortTask {
  return {
    vectors: Float32Array.from(photos.flatMap(({ vector }) => [...vector])),
    dimensions: DIMENSIONS,
    people: Int32Array.from(photos, ({ person }) => person),
    sure: new Uint8Array(photos.length),
    normalisation: NORMALISATION,
    strangers: Float32Array.from(STRANGERS.flatMap((stranger) => [...stranger])),
    threshold: 0.6,
    maxPairs: 1e6,
    seed: 1,
    maxNearest: 4,
    maxOutliers: 50,
    ...fields,
  };
}

const close = (actual: number | undefined, wanted: number | undefined, what: string): void => {
  assert.ok(Math.abs((actual ?? NaN) - (wanted ?? NaN)) < 1e-5, `${what}: ${actual}, not ${wanted}`);
};

describe("d' of a gallery against itself", () => {
  after(() => Promise.all(rosters.map((roster) => roster.close())));

  it("is to their own person what the gallery says that has not this photo, whatever it sets aside", async () => {
    for (const photos of [PHOTOS, WRONG]) {
      const space = new Space(taskOf(photos));
      for (const [row, { photoId, personId, vector }] of photos.entries()) {
        const roster = await galleryOf(photos.filter((photo) => photo.photoId !== photoId));
        const wanted = (await roster.named(vector, personId, "cohort"))?.distance;
        // Of one photo nothing is left to compare it with.
        if (wanted === undefined) assert.equal(space.own(row), undefined);
        else close(space.own(row), wanted, photoId);
      }
    }
    const aside = (await galleryOf(WRONG)).asideOf("p2");
    assert.deepEqual([...aside.keys()], ["p2-0"], "this is no test of photos that are set aside");
  });

  it("is to another person what the gallery says that has never seen whose photo it is", async () => {
    const space = new Space(taskOf(PHOTOS));
    for (const [row, { photoId, personId, vector }] of PHOTOS.entries()) {
      const roster = await galleryOf(PHOTOS.filter((photo) => photo.personId !== personId));
      for (const person of new Set(PHOTOS.map((photo) => photo.person))) {
        if (person === space.personOf(row)) continue;
        const wanted = (await roster.named(vector, `p${person}`, "cohort"))?.distance;
        close(space.other(row, person), wanted, `${photoId}, ${person}`);
      }
    }
  });

  it("does not change where a search stops early", async () => {
    const space = new Space(taskOf(PHOTOS));
    for (const limit of [-2, 0.3, 0.6, 1]) {
      const exact = space.other(0, 4);
      const bounded = space.other(0, 4, limit);
      if (exact <= limit) close(bounded, exact, `within ${limit}`);
      else assert.ok(bounded > limit, `${bounded} is not beyond ${limit}`);
    }
  });

  it("counts each photo once with its own, and once with each other person", async () => {
    const measured = measureCohort(taskOf(PHOTOS));
    const space = new Space(taskOf(PHOTOS));
    const own = PHOTOS.flatMap((_, row) => space.own(row) ?? []);
    const other = PHOTOS.flatMap(({ person }, row) =>
      [0, 1, 2, 3, 4, 5].filter((each) => each !== person).map((each) => space.other(row, each)),
    );
    assert.deepEqual([sum(measured.genuine), sum(measured.impostor), measured.impostorPairs], [16, 90, 90]);
    const within = (distances: readonly number[]): number => distances.filter((distance) => distance <= 0.6).length;
    assert.deepEqual([measured.genuineMatches, measured.impostorMatches], [within(own), within(other)]);
    const least = Math.min(...own, ...other);
    assert.ok(measured.from <= least && measured.from > least - 0.01 - 1e-9, `${measured.from} is no bin of ${least}`);
    const nearest = Math.min(...other);
    close(measured.nearest[0]?.distance, nearest, "the nearest pair");
  });

  it("finds the same nearest people and photos that hurt where pairs are only drawn", async () => {
    const [all, drawn] = [measureCohort(taskOf(WRONG)), measureCohort(taskOf(WRONG, { maxPairs: 50 }))];
    assert.deepEqual([drawn.nearest, drawn.outliers], [all.nearest, all.outliers]);
    assert.deepEqual(
      drawn.genuine.filter((count) => count > 0),
      all.genuine.filter((count) => count > 0),
    );
    const row = WRONG.findIndex(({ photoId }) => photoId === "p2-0");
    assert.deepEqual(
      [all.outliers[0]?.row, WRONG[all.outliers[0]?.other?.row ?? 0]?.personId],
      [row, WRONG[9]?.personId],
    );
  });

  it("is told by calibrate with whom a stranger is compared: people, each by one template", async () => {
    const roster = await galleryOf(PHOTOS);
    const names = new Map(PHOTOS.map(({ personId }) => [personId, personId]));
    const input = { embeddings: PHOTOS, names, threshold: -0.05, stats: undefined, wantedFmr: 0.01 };
    const { distance, threshold, now, own } = await calibrate({ ...input, comparison: roster.comparison });
    assert.deepEqual([distance, threshold, own.genuinePairs, own.impostorPairs], ["cohort", -0.05, 16, 90]);
    const { now: loose } = await calibrate({ ...input, threshold: 0.8, comparison: roster.comparison });
    assert.ok((now.fmr?.hits ?? NaN) < (loose.fmr?.hits ?? NaN));
    close(loose.fpir?.share, 1 - (1 - (loose.fmr?.share ?? NaN)) ** 6, "1:N");
  });

  it("knows nothing of a gallery of nobody, and of one person how near their photos are", async () => {
    const nothing = measureCohort({ ...taskOf(PHOTOS), vectors: new Float32Array(), people: new Int32Array() });
    assert.deepEqual([nothing.from, nothing.genuine, nothing.impostor, nothing.nearest], [0, [], [], []]);
    const alone = measureCohort(
      taskOf(
        PHOTOS.filter(({ person }) => person === 0 || person === 1)
          .slice(1)
          .map((photo) => ({ ...photo, person: 0, personId: "p0" })),
      ),
    );
    assert.deepEqual(
      [sum(alone.genuine), sum(alone.impostor), alone.outliers.every(({ other }) => other === null)],
      [3, 0, true],
    );
  });
});
