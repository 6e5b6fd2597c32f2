/** Who is in the cohort of a gallery: everybody of it, the nearest counting, and the strangers who are kept. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { euclideanDistance, toUnitLength } from "../../../lib/embed/distance";
import { NEIGHBOURS, type Normalisation } from "../../../lib/embed/normalise";
import { Gallery } from "../../../lib/gallery/gallery";
import { oneStranger } from "../../../lib/unknowns/unknowns";
import { Roster } from "../../../lib/search/roster";
import { openStore } from "../../../lib/people/lmdb/store";
import { Templates } from "../../../lib/search/templates";
import type { Face } from "../../../lib/message";
import { seeded } from "../../../bench/statistics";
import { FakeEncoder } from "../../support/fake-encoder";

const DIMENSIONS = 32;
const MINUTE = 60_000;
const random = seeded(23);
const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());
const around = (centre: Float32Array, spread: number): Float32Array =>
  toUnitLength(centre.map((value) => value + spread * normal()));
const anywhere = (): Float32Array => around(new Float32Array(DIMENSIONS), 1);
const cohort = Array.from({ length: 40 }, anywhere);
/** Nothing is set aside: τ is far. */
const NORMALISATION: Normalisation = {
  rows: Float32Array.from(cohort.flatMap((row) => [...row])),
  dimensions: DIMENSIONS,
  mean: 1,
  threshold: 10,
};

/** R as it is defined: over all that are given. */
function crowding(unit: Float32Array, others: readonly Float32Array[]): number {
  const least = others
    .map((other) => euclideanDistance(unit, other))
    .sort((a, b) => a - b)
    .slice(0, NEIGHBOURS);
  return least.reduce((sum, distance) => sum + distance, 0) / least.length;
}

const openTemplates: Templates[] = [];

/** Templates of people of one photo each. */
function templatesOf(
  people: readonly Float32Array[],
  onProgress: (done: number, total: number) => void = () => undefined,
): Templates {
  const templates = new Templates({
    normalisation: NORMALISATION,
    photosOf: (owner) => [{ id: "photo", embedding: people[owner] as Float32Array, sure: false }],
    onProgress,
  });
  openTemplates.push(templates);
  for (const owner of people.keys()) templates.change(owner);
  return templates;
}

/** People in dense places and in empty ones. */
function crowd(count: number): Float32Array[] {
  const places = Array.from({ length: 12 }, (_, place) => ({ centre: anywhere(), spread: 0.02 * (1 + place) }));
  return Array.from({ length: count }, (_, index) => {
    const { centre, spread } = places[index % places.length] as (typeof places)[number];
    return around(centre, spread);
  });
}

describe("the cohort of a large gallery", () => {
  afterEach(async () => {
    for (const templates of openTemplates.splice(0)) await templates.close();
  });

  it("is everybody for every person, also for those after the first 512, all at once or one by one", async () => {
    const people = crowd(700);
    const templates = templatesOf(people);
    await templates.settle();
    const exact = (owner: number, there: number): number =>
      crowding(people[owner] as Float32Array, [
        ...cohort,
        ...people.slice(0, there).filter((_, other) => other !== owner),
      ]);
    for (let owner = 0; owner < people.length; owner += 7)
      assert.ok(Math.abs((templates.crowdingOf(owner) ?? NaN) - exact(owner, 700)) < 1e-5);
    // One more, right beside somebody: both know it.
    people.push(around(people[650] as Float32Array, 0.001));
    templates.change(700);
    await templates.settle();
    assert.ok(Math.abs((templates.crowdingOf(700) ?? NaN) - exact(700, 701)) < 1e-5, "at once");
    await templates.refreshed();
    assert.ok(Math.abs((templates.crowdingOf(650) ?? NaN) - exact(650, 701)) < 1e-5, "and the others soon");
  });

  it("is everybody for a probe in a gallery of any size: whoever came last and lies nearest counts", async () => {
    const people = crowd(3000);
    const probe = anywhere();
    // The last eleven lie around the probe, so that they alone are its cohort.
    for (let owner = people.length - NEIGHBOURS - 1; owner < people.length; owner += 1)
      people[owner] = around(probe, 0.05);
    const templates = templatesOf(people);
    for (const vector of [
      probe,
      ...Array.from({ length: 20 }, (_, index) => around(people[index * 149] as Float32Array, 0.05)),
      anywhere(),
    ]) {
      const unit = toUnitLength(vector);
      const found = await templates.nearest(vector, 4);
      const wanted = people
        .map((person, owner) => ({ owner, distance: euclideanDistance(unit, person) }))
        .sort((a, b) => a.distance - b.distance)
        // R(p) is the same for all but the nearest: the formula for those, and for the best of the rest.
        .map(({ owner, distance }, rank) => ({
          owner,
          distance:
            distance -
            (templates.crowdingOf(owner) ?? NaN) / 2 -
            (rank < 50 ? crowding(unit, [...cohort, ...people.filter((_, other) => other !== owner)]) / 2 : NaN) +
            1,
          plain: distance - (templates.crowdingOf(owner) ?? NaN) / 2,
        }));
      const common = crowding(unit, [...cohort, ...people]) / 2;
      const all = wanted
        .map(({ owner, distance, plain }) => ({
          owner,
          distance: Number.isNaN(distance) ? plain - common + 1 : distance,
        }))
        .sort((a, b) => a.distance - b.distance || a.owner - b.owner);
      assert.deepEqual(
        found.map(({ owner }) => owner),
        all.slice(0, 4).map(({ owner }) => owner),
      );
      for (const [place, { owner, distance }] of found.entries()) {
        assert.ok(Math.abs(distance - (all[place]?.distance ?? NaN)) < 1e-5);
        assert.ok(Math.abs((await templates.distanceTo(vector, owner)) - distance) < 1e-9);
      }
    }
  });

  it("is for a person of more than 2,048 those who are nearest, as good as all, and tells how far it is", async () => {
    const people = crowd(3000);
    const told: [number, number][] = [];
    const templates = templatesOf(people, (done, total) => told.push([done, total]));
    await templates.settle();
    let off = 0;
    for (let owner = 0; owner < people.length; owner += 30) {
      const exact = crowding(people[owner] as Float32Array, [
        ...cohort,
        ...people.filter((_, other) => other !== owner),
      ]);
      const difference = (templates.crowdingOf(owner) ?? NaN) - exact;
      assert.ok(difference > -1e-5, "never fewer than there are");
      off += difference / 100;
    }
    assert.ok(off < 0.01, `R is ${off} too large on average`);
    assert.deepEqual(told.at(-1), [3000, 3000]);
    assert.ok(
      told.length > 4 && told.every(([done, total], index) => total === 3000 && done >= (told[index - 1]?.[0] ?? 0)),
    );
  });
});

describe("a large gallery to which many come at once", () => {
  it("knows at once who was known, and who comes once they are compared", async () => {
    const people = crowd(4000);
    const templates = new Templates({
      normalisation: NORMALISATION,
      photosOf: (owner) => [{ id: "photo", embedding: people[owner] as Float32Array, sure: false }],
    });
    try {
      for (let owner = 0; owner < 3000; owner += 1) templates.change(owner);
      await templates.settle();
      for (let owner = 3000; owner < 4000; owner += 1) templates.change(owner);
      let all = false;
      const settled = templates.settle().finally(() => {
        all = true;
      });
      assert.equal((await templates.nearest(people[7] as Float32Array, 1))[0]?.owner, 7);
      assert.equal(all, false, "the others are still coming");
      await settled;
      assert.equal((await templates.nearest(people[3999] as Float32Array, 1))[0]?.owner, 3999);
      // Beside whoever was there before them, at least.
      const [most, least] = [3000, 3999].map((there) =>
        crowding(people[3999] as Float32Array, [...cohort, ...people.slice(0, there)]),
      ) as [number, number];
      const rated = templates.crowdingOf(3999) ?? NaN;
      assert.ok(rated > least - 1e-5 && rated < most + 0.05, `${rated} of ${least} to ${most}`);
    } finally {
      await templates.close();
    }
  });
});

const openGalleries: Gallery[] = [];

async function galleryIn(
  root: string,
  keepUnknownsMs: number | undefined,
): Promise<{ gallery: Gallery; roster: Roster }> {
  const encoder = Object.assign(new FakeEncoder(), { dimensions: DIMENSIONS, normalisation: NORMALISATION });
  const gallery = new Gallery({
    folder: join(root, "photos"),
    encoder,
    keepPhotos: false,
    keepUnknownsMs,
    interval: 1e6,
    store: await openStore({ folder: join(root, "people") }),
  });
  openGalleries.push(gallery);
  await gallery.start();
  assert.ok(gallery.roster instanceof Roster);
  return { gallery, roster: gallery.roster };
}

const faceOf = (embedding: Float32Array): Face => ({
  box: { x: 0, y: 0, width: 1, height: 1 },
  score: 1,
  embedding,
  model: "fake",
  quality: { size: 100, blur: 100, exposure: 120, weight: 1, pose: { yaw: 0, pitch: 0, roll: 0 } },
});
const sight = (at: number): { at: number; source: string; crop: () => Promise<undefined> } => ({
  at,
  source: "door",
  crop: () => Promise.resolve(undefined),
});

describe("strangers in the cohort of a gallery", () => {
  afterEach(async () => {
    for (const gallery of openGalleries.splice(0)) await gallery.close();
  });

  it(
    "are those whom the gallery keeps, as long as it keeps them, and nothing of them stays in memory that " +
      "threads share",
    async () => {
      const buffers: SharedArrayBuffer[] = [];
      const Original = globalThis.SharedArrayBuffer;
      globalThis.SharedArrayBuffer = class extends Original {
        constructor(length: number) {
          super(length);
          buffers.push(this);
        }
      } as typeof SharedArrayBuffer;
      const holds = (embedding: Float32Array): boolean =>
        buffers.some((buffer) => Buffer.from(buffer).includes(Buffer.from(Float32Array.from(embedding).buffer)));
      try {
        const root = mkdtempSync(join(tmpdir(), "cohort-"));
        const { gallery, roster } = await galleryIn(root, MINUTE);
        const [alice, bob] = [anywhere(), anywhere()];
        for (const [name, vector] of [
          ["Alice", alice],
          ["Bob", bob],
        ] as const)
          await gallery.enrol({ name, accept: ["resembles"] }, Buffer.from([...vector].join(" ")));
        const probe = around(alice, 0.1);
        const distance = async (): Promise<number> => {
          await roster.refreshed();
          return (await roster.nearest(probe, 1, "cohort"))[0]?.distance ?? NaN;
        };
        const formula = (strangers: readonly Float32Array[]): number =>
          euclideanDistance(probe, alice) -
          (crowding(probe, [...cohort, bob, ...strangers]) + crowding(alice, [...cohort, bob, ...strangers])) / 2 +
          1;
        const close = (found: number, wanted: number): void =>
          assert.ok(Math.abs(found - wanted) < 1e-5, `${found} is not ${wanted}`);
        close(await distance(), formula([]));
        const stranger = around(alice, 0.3);
        await gallery.sawUnknown(faceOf(stranger), sight(Date.now()));
        assert.ok(Math.abs(formula([stranger]) - formula([])) > 0.01, "they make the place more crowded");
        close(await distance(), formula([stranger]));
        assert.ok(holds(stranger));
        const [{ id } = assert.fail("nobody is kept")] = await gallery.unknowns();
        await gallery.removeUnknown(id);
        assert.equal(holds(stranger), false, "at once");
        close(await distance(), formula([]));
        // Another stays, and the gallery is told to keep none from now on.
        await gallery.sawUnknown(faceOf(stranger), sight(Date.now()));
        await gallery.close();
        buffers.length = 0;
        const none = await galleryIn(root, undefined);
        await none.gallery.sawUnknown(faceOf(around(alice, 0.3)), sight(Date.now()));
        await none.roster.refreshed();
        close((await none.roster.nearest(probe, 1, "cohort"))[0]?.distance ?? NaN, formula([]));
        assert.equal(holds(stranger), false);
      } finally {
        globalThis.SharedArrayBuffer = Original;
      }
    },
  );

  it("are one stranger by d' where there is a cohort: in a crowded place only who lies nearer", () => {
    const centre = anywhere();
    const crowded: Normalisation = {
      ...NORMALISATION,
      rows: Float32Array.from(Array.from({ length: 40 }, () => around(centre, 0.05)).flatMap((row) => [...row])),
      threshold: 0.9,
    };
    const [one, other] = [around(centre, 0.05), around(centre, 0.05)];
    assert.equal(oneStranger({ threshold: 0.6 })(one, other), true);
    assert.equal(oneStranger({ threshold: 0.6, normalisation: crowded })(one, other), false);
    assert.equal(oneStranger({ threshold: 0.6, normalisation: crowded })(one, one), true);
  });
});
