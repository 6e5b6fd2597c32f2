import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { seeded } from "../../../bench/statistics";
import { statisticsOf } from "../../../lib/calibrate/model-statistics";
import { shuffled } from "../../../lib/calibrate/statistics";
import { thresholdFor, whyOf, type WantedThreshold } from "../../../lib/calibrate/wanted";
import { type Normalisation, normalisationOf } from "../../../lib/embed/normalise";
import { Roster } from "../../../lib/search/roster";
import { Faces } from "../../support/families";

const MODEL = { id: "mobilefacenet-192", dimensions: 192 };
const WANTED = 0.01;
const faces = new Faces(MODEL.dimensions, 11);
/** People as far from each other as those of the model's measurement: each beside another row of the cohort. */
const strange = (people: number, { rows, dimensions }: Normalisation): Float32Array[] =>
  Array.from({ length: people }, (_, index) => {
    const row = (index * dimensions) % rows.length;
    return faces.like([rows.subarray(row, row + dimensions)], 0.7);
  });
const normalisation = async (): Promise<Normalisation> => (await normalisationOf(MODEL)) ?? assert.fail("no cohort");
const tail = statisticsOf(MODEL.id)?.tail;
assert.ok(tail);

describe("τ from a gallery's own people", () => {
  const open: Roster[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((roster) => roster.close()));
  });

  async function galleryOf(
    people: readonly (readonly [string, Float32Array])[],
    strangers: readonly Float32Array[] = [],
  ): Promise<Roster> {
    const roster = new Roster(MODEL.id, {
      threshold: 1.054,
      normalisation: await normalisation(),
      tail,
      strangers: () => strangers,
    });
    open.push(roster);
    for (const [name, vector] of people) {
      roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
      roster.putPhoto(`photo of ${name}`, name, vector);
    }
    return roster;
  }
  const named = (people: readonly Float32Array[]) =>
    people.map((vector, index) => [`person ${String(index).padStart(4, "0")}`, vector] as const);
  const ruled = async (roster: Roster): Promise<WantedThreshold> => {
    await roster.refreshed();
    return roster.thresholdWanted(WANTED) ?? assert.fail("no τ");
  };
  const byModel = (people: number): number => thresholdFor(WANTED, tail, new Map([[1, people]])).threshold;

  it("is that of the model where few people are there", async () => {
    const few = await ruled(await galleryOf(named(faces.families(5))));
    assert.deepEqual([few.tail, few.own, few.threshold], ["model", null, byModel(20)]);
    assert.match(whyOf(few), /from 52,760 comparisons of different people/);
  });

  it("is that of the model where its people look no more alike than those of the model's measurement", async () => {
    const usual = await ruled(await galleryOf(named(strange(30, await normalisation()))));
    assert.deepEqual(
      [usual.tail, usual.own?.people, usual.own?.comparisons, usual.comparisons, usual.threshold],
      ["model", 30, 435, 52_760, byModel(30)],
    );
    assert.ok((usual.own?.nearer ?? 1) < 0);
    assert.match(whyOf(usual), /from 52,760 comparisons of different people; 435 in this gallery come no nearer/);
  });

  it("is stricter where its people look alike, by as much as they come nearer, also in verification", async () => {
    const roster = await galleryOf(named(faces.families(7)));
    const alike = await ruled(roster);
    const { nearer = 0 } = alike.own ?? {};
    assert.ok(nearer > 0.05, `nearer by ${nearer}`);
    assert.deepEqual([alike.tail, alike.comparisons, alike.own?.comparisons], ["gallery", 378, 378]);
    assert.ok(Math.abs(alike.threshold - (byModel(28) - nearer)) < 2e-4, `${alike.threshold}`);
    assert.match(
      whyOf(alike),
      /from 378 comparisons of people in this gallery, who come 0\.\d{3} nearer to each other than those of the model/,
    );
    assert.ok(!alike.supported, "378 comparisons do not support one in 2,800");
    const claimed = roster.thresholdWanted(WANTED, "person 0003");
    assert.ok(claimed?.tail === "gallery" && Math.abs(claimed.threshold - (byModel(1) - nearer)) < 2e-4);
  });

  it("follows as people come and go", async () => {
    const people = named(faces.families(7));
    const roster = await galleryOf(people.slice(0, 20));
    assert.equal((await ruled(roster)).own, null);
    for (const [name, vector] of people.slice(20)) {
      roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
      roster.putPhoto(`photo of ${name}`, name, vector);
    }
    assert.equal((await ruled(roster)).tail, "gallery");
    for (const [name] of people.slice(20)) roster.removePerson(name);
    assert.equal((await ruled(roster)).own, null);
  });

  it("is never looser since people come, whoever they are, until somebody leaves", async () => {
    const roster = await galleryOf(named(faces.families(7)));
    let before = (await ruled(roster)).threshold;
    for (const [index, vector] of strange(60, await normalisation()).entries()) {
      roster.putPerson({ id: `new ${index}`, name: `new ${index}`, groups: [], validFrom: null, validUntil: null });
      roster.putPhoto(`photo of new ${index}`, `new ${index}`, vector);
      if (index % 20 !== 19) continue;
      const { threshold } = await ruled(roster);
      assert.ok(threshold <= before, `${before} → ${threshold} with ${29 + index} people`);
      before = threshold;
    }
    roster.removePerson("new 0");
    assert.ok((await ruled(roster)).threshold > before, "it was measured anew");
  });

  it("is the same whatever the order in which people came, and when it is asked for again", async () => {
    const people = named(faces.families(7));
    const [one, other] = [await galleryOf(people), await galleryOf(shuffled([...people], seeded(3)))];
    assert.deepEqual((await ruled(one)).own, (await ruled(other)).own);
    other.changeStrangers();
    assert.deepEqual((await ruled(one)).own, (await ruled(other)).own);
  });

  it("is stricter where strangers who are kept come nearer than the model says", async () => {
    const people = strange(30, await normalisation());
    const strangers = Array.from({ length: 45 }, (_, index) =>
      faces.like([people[index % 30] as Float32Array, people[(index + 7) % 30] as Float32Array], 0.9),
    );
    const { tail: decides, own } = await ruled(await galleryOf(named(people), strangers));
    assert.deepEqual([decides, own?.strangers], ["gallery", 45]);
  });

  it("does not become stricter since people who are known were kept as strangers", async () => {
    const people = strange(30, await normalisation());
    const strangers = Array.from({ length: 45 }, (_, index) => faces.like([people[index % 30] as Float32Array], 0.6));
    const { tail: decides, own, threshold } = await ruled(await galleryOf(named(people), strangers));
    assert.deepEqual([decides, own?.strangers, threshold], ["model", 45, byModel(30)]);
  });

  it("is measured off the event loop, and of a large gallery on a part of it", async () => {
    const roster = await galleryOf(named(strange(1000, await normalisation())));
    await roster.settled();
    let longest = 0;
    const start = performance.now();
    let last = start;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    const { own } = await ruled(roster);
    clearInterval(timer);
    assert.deepEqual([own?.people, own?.comparisons], [200, 19_900]);
    const all = performance.now() - start;
    assert.ok(longest < all / 2, `the event loop waited for ${longest} of ${all} ms`);
  });
});
