import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { euclideanDistance, toUnitLength } from "../../../lib/embed/distance";
import { loadCohort } from "../../../lib/embed/cohort";
import { NEIGHBOURS, type Normalisation, normalisationOf } from "../../../lib/embed/normalise";
import { type Near, Roster, type RosterOptions } from "../../../lib/search/roster";
import { seeded } from "../../../bench/statistics";

const random = seeded(7);
const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());
/** A point near a centre, or anywhere. */
const around = (centre: Float32Array, spread: number): Float32Array =>
  centre.map((value) => value + spread * normal());
const anywhere = (dimensions: number): Float32Array => around(new Float32Array(dimensions), 1);

const open: Roster[] = [];

function rosterOf(options: Partial<RosterOptions>): Roster {
  const roster = new Roster("m", { threshold: 0.5, ...options });
  open.push(roster);
  return roster;
}

function enrol(roster: Roster, name: string, photos: readonly Float32Array[]): void {
  roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
  for (const [index, photo] of photos.entries()) roster.putPhoto(`${name} ${index}`, name, photo);
}

/** τ is so far that no photo is set aside: that is a test of its own (outliers.test.ts). */
const cohortOf = (rows: readonly Float32Array[], mean = 1): Normalisation => ({
  rows: Float32Array.from(rows.flatMap((row) => [...toUnitLength(row)])),
  dimensions: rows[0]?.length ?? 0,
  mean,
  threshold: 10,
});

/** The formula as it is written, over everything. */
class Plain {
  readonly #templates: Map<string, Float32Array>;
  readonly #others: Float32Array[];
  readonly #mean: number;

  constructor(
    people: ReadonlyMap<string, readonly Float32Array[]>,
    { rows, dimensions, mean }: Normalisation,
    strangers: readonly Float32Array[] = [],
  ) {
    this.#templates = new Map(
      [...people].map(([name, photos]) => {
        const units = photos.map(toUnitLength);
        return [
          name,
          toUnitLength(
            Float32Array.from({ length: dimensions }, (_, axis) =>
              units.reduce((sum, unit) => sum + (unit[axis] as number), 0),
            ),
          ),
        ];
      }),
    );
    this.#others = [
      ...Array.from({ length: rows.length / dimensions }, (_, row) =>
        rows.subarray(row * dimensions, (row + 1) * dimensions),
      ),
      ...strangers.map(toUnitLength),
    ];
    this.#mean = mean;
  }

  crowding(unit: Float32Array, except: string): number {
    const cohort = [
      ...this.#others,
      ...[...this.#templates].filter(([name]) => name !== except).map(([, template]) => template),
    ];
    const least = cohort
      .map((each) => euclideanDistance(unit, each))
      .sort((a, b) => a - b)
      .slice(0, NEIGHBOURS);
    return least.reduce((sum, distance) => sum + distance, 0) / least.length;
  }

  nearest(probe: Float32Array, count: number): [name: string, distance: number][] {
    const unit = toUnitLength(probe);
    return [...this.#templates]
      .map(([name, template]): [string, number] => [
        name,
        euclideanDistance(unit, template) -
          (this.crowding(unit, name) + this.crowding(template, name)) / 2 +
          this.#mean,
      ])
      .sort((a, b) => a[1] - b[1])
      .slice(0, count);
  }
}

async function assertSame(roster: Roster, plain: Plain, probe: Float32Array, count: number): Promise<void> {
  const found = await roster.nearest(probe, count, "cohort");
  const wanted = plain.nearest(probe, count);
  assert.deepEqual(
    found.map(({ person }) => person.name),
    wanted.map(([name]) => name),
  );
  for (const [place, { person, distance }] of found.entries()) {
    assert.ok(Math.abs(distance - (wanted[place]?.[1] ?? NaN)) < 1e-5, `${distance} is not ${wanted[place]?.[1]}`);
    assert.ok(Math.abs(((await roster.named(probe, person.name, "cohort"))?.distance ?? NaN) - distance) < 1e-9);
  }
}

describe("the cohort-normalised distance", () => {
  afterEach(async () => {
    for (const roster of open.splice(0)) await roster.close();
  });

  it("finds the nearest people exactly, as the formula over everybody does, wherever they lie", async () => {
    // Dense places and empty ones: there R differs most from person to person, and the Euclidean order is another.
    const centres = [0.02, 0.1, 0.4, 1].map((spread) => ({ centre: anywhere(32), spread }));
    const place = (): Float32Array => {
      const { centre, spread } = centres[Math.floor(random() * centres.length)] as (typeof centres)[number];
      return around(centre, spread);
    };
    const normalisation = cohortOf(Array.from({ length: 60 }, place));
    const strangers = Array.from({ length: 12 }, place);
    for (const count of [1, 3, 40, 300]) {
      const roster = rosterOf({ normalisation, strangers: () => strangers });
      const people = new Map(
        Array.from({ length: count }, (_, index) => {
          const own = place();
          return [`p${index}`, Array.from({ length: 1 + (index % 4) }, () => around(own, 0.05))] as const;
        }),
      );
      for (const [name, photos] of people) enrol(roster, name, photos);
      await roster.refreshed();
      const plain = new Plain(people, normalisation, strangers);
      let turned = 0;
      for (let probe = 0; probe < 40; probe += 1) {
        const known = [...people.values()][probe % count]?.[0] as Float32Array;
        const vector = probe % 2 === 0 ? place() : around(known, 0.05);
        await assertSame(roster, plain, vector, 5);
        const [euclidean] = await roster.nearest(vector, 1, "euclidean");
        if (euclidean?.person.name !== plain.nearest(vector, 1)[0]?.[0]) turned += 1;
      }
      assert.ok(count < 40 || turned > 0, "the data must tell the two distances apart");
    }
  });

  it("takes nobody new for the one whom they resemble while the others are measured", async () => {
    for (const count of [1, 40, 400]) {
      const centre = anywhere(32);
      const normalisation = cohortOf(
        Array.from({ length: 60 }, () => anywhere(32)),
        1,
      );
      const roster = rosterOf({ normalisation });
      const people = new Map<string, Float32Array[]>();
      for (let index = 0; index < count; index += 1) people.set(`p${index}`, [anywhere(32)]);
      people.set("Alice", [centre]);
      for (const [name, photos] of people) enrol(roster, name, photos);
      await roster.refreshed();
      const twin = around(centre, 0.25);
      people.set("Twin", [twin]);
      const plain = new Plain(people, normalisation);
      // Somewhat nearer to the new one, so that it is theirs once all are measured.
      const probe = toUnitLength(twin.map((value, axis) => 0.52 * value + 0.48 * (centre[axis] as number)));
      const [truly] = plain.nearest(probe, 1);
      assert.equal(truly?.[0], "Twin", "the data must tell the two apart");
      // Everybody is being measured when the new one comes, and is measured again thereafter.
      enrol(roster, "Late", [anywhere(32)]);
      await roster.settled();
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
      enrol(roster, "Twin", [twin]);
      const state = { isMeasured: false };
      const measured = roster.refreshed().finally(() => {
        state.isMeasured = true;
      });
      do {
        const [first] = await roster.nearest(probe, 1, "cohort");
        assert.equal(first?.person.name, "Twin", `beside ${count}`);
        await new Promise(setImmediate);
      } while (!state.isMeasured);
      await measured;
      assert.equal((await roster.nearest(probe, 1, "cohort"))[0]?.person.name, "Twin");
    }
  });

  it("is exact where the nearest are the probe's cohort, so that each is compared with another R", async () => {
    // All people but a few lie at one place, and the built-in cohort far from it: leaving one of them out moves R(p)
    // most.
    const normalisation = cohortOf(Array.from({ length: 12 }, () => anywhere(8)));
    const centre = anywhere(8);
    const people = new Map(
      Array.from({ length: 9 }, (_, index) => [`p${index}`, [around(centre, index < 4 ? 0.01 : 0.3)]] as const),
    );
    const roster = rosterOf({ normalisation });
    for (const [name, photos] of people) enrol(roster, name, photos);
    await roster.refreshed();
    const plain = new Plain(people, normalisation);
    for (let probe = 0; probe < 100; probe += 1)
      await assertSame(roster, plain, around(centre, 0.3 * random()), 1 + (probe % 4));
  });

  it(
    "is exact in a gallery that is shared out among workers and has more people than are compared with all " +
      "others",
    async () => {
      const cohort = await loadCohort("dlib-resnet-v1");
      assert.ok(cohort);
      const normalisation: Normalisation = { ...cohort, mean: 0.391, threshold: 0.355 };
      const rowAt = (row: number): Float32Array => cohort.rows.slice((row % 506) * 128, ((row % 506) + 1) * 128);
      const people = new Map(
        Array.from({ length: 3000 }, (_, index) => [`p${index}`, [around(rowAt(index), 0.08)]] as const),
      );
      const roster = rosterOf({ normalisation });
      for (const [name, photos] of people) enrol(roster, name, photos);
      await roster.refreshed();
      // By the roster's own distances to everybody, one by one.
      for (let probe = 0; probe < 2; probe += 1) {
        const vector = around(rowAt(probe * 83), 0.05);
        const all: [string, number][] = [];
        for (const name of people.keys())
          all.push([name, (await roster.named(vector, name, "cohort"))?.distance ?? NaN]);
        all.sort((a, b) => a[1] - b[1]);
        const found = await roster.nearest(vector, 5, "cohort");
        assert.deepEqual(
          found.map(({ person }) => person.name),
          all.slice(0, 5).map(([name]) => name),
        );
      }
    },
  );

  it("knows at once who was enrolled, whose photos changed, and who left; the others' R follows", async () => {
    const normalisation = cohortOf(Array.from({ length: 30 }, () => anywhere(16)));
    let strangers: Float32Array[] = [];
    const roster = rosterOf({ normalisation, strangers: () => strangers });
    const people = new Map<string, Float32Array[]>();
    const put = (name: string, photos: Float32Array[]): void => {
      people.set(name, photos);
      enrol(roster, name, photos);
    };
    for (let index = 0; index < 20; index += 1) put(`p${index}`, [anywhere(16), anywhere(16)]);
    const probe = anywhere(16);
    await roster.refreshed();
    await assertSame(roster, new Plain(people, normalisation), probe, 20);
    put("Alice", [around(probe, 0.01)]);
    assert.equal((await roster.nearest(probe, 1, "cohort"))[0]?.person.name, "Alice");
    assert.equal((await roster.named(probe, "Alice", "cohort"))?.photo, "Alice 0");
    roster.removePerson("p3");
    people.delete("p3");
    strangers = [around(probe, 0.2), anywhere(16)];
    roster.changeStrangers();
    roster.removePhoto("p5 1");
    people.set("p5", (people.get("p5") ?? []).slice(0, 1));
    await roster.refreshed();
    await assertSame(roster, new Plain(people, normalisation, strangers), probe, 20);
    roster.removePerson("Alice");
    people.delete("Alice");
    strangers = [];
    roster.changeStrangers();
    await roster.refreshed();
    await assertSame(roster, new Plain(people, normalisation), probe, 20);
    for (const name of people.keys()) roster.removePerson(name);
    assert.deepEqual(await roster.nearest(probe, 3, "cohort"), []);
    assert.equal(await roster.named(probe, "p1", "cohort"), undefined);
  });

  it("takes a person for the mean of their photos at length 1, and names the photo that is nearest", async () => {
    const normalisation = cohortOf(Array.from({ length: 30 }, () => anywhere(4)));
    const roster = rosterOf({ normalisation });
    // Photos of any length count alike.
    enrol(roster, "Alice", [Float32Array.of(5, 0, 0, 0), Float32Array.of(0, 0.1, 0, 0)]);
    enrol(roster, "Bob", [Float32Array.of(0, 0, 1, 1)]);
    const [half] = await roster.nearest(Float32Array.of(1, 1, 0, 0), 1, "cohort");
    const [corner] = await roster.nearest(Float32Array.of(1, 0, 0, 0), 1, "cohort");
    assert.equal(half?.person.name, "Alice");
    const at = (found: Near | undefined, probe: Float32Array): number =>
      (found?.distance ?? NaN) -
      1 +
      new Plain(
        new Map([
          ["Alice", [Float32Array.of(1, 1, 0, 0)]],
          ["Bob", [Float32Array.of(0, 0, 1, 1)]],
        ]),
        normalisation,
      ).crowding(toUnitLength(probe), "Alice") /
        2;
    // The mean is where the first probe is, and 45° from the second.
    assert.ok(
      Math.abs(
        at(corner, Float32Array.of(1, 0, 0, 0)) - at(half, Float32Array.of(1, 1, 0, 0)) - Math.sqrt(2 - Math.SQRT2),
      ) < 1e-6,
    );
    assert.deepEqual(
      [half?.photo, corner?.photo, corner?.euclidean],
      ["Alice 1", "Alice 1", Math.hypot(1, Math.fround(0.1))],
    );
    assert.deepEqual(roster.photosOf("Alice"), ["Alice 0", "Alice 1"], "every photo is kept");
  });

  it("compares by Euclidean distance where a model has no cohort, or somebody's has a built-in's name", async () => {
    assert.equal(await normalisationOf({ id: "somebody's", dimensions: 128 }), undefined);
    assert.equal(await normalisationOf({ id: "dlib-resnet-v1", dimensions: 64 }), undefined);
    assert.equal(
      await normalisationOf({ id: "dlib-resnet-v1-box50", dimensions: 128 }),
      undefined,
      "the original compares as ever",
    );
    const found = await normalisationOf({ id: "dlib-resnet-v1", dimensions: 128 });
    assert.deepEqual([found?.rows.length, found?.threshold], [506 * 128, 0.355]);
    const roster = rosterOf({});
    assert.deepEqual([roster.normalised, roster.thresholdOf("euclidean")], [false, 0.5]);
  });
});
