import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { squaredUpTo, toUnitLength } from "../../../lib/embed/distance";
import type { Normalisation } from "../../../lib/embed/normalise";
import { Codes } from "../../../lib/search/codes";
import { EmbeddingIndex } from "../../../lib/search/embedding-index";
import { CHUNK_ROWS, type Sieve } from "../../../lib/search/scan";
import { sieveOf } from "../../../lib/search/sieve";
import { type PhotoOf, Templates } from "../../../lib/search/templates";
import { seeded } from "../../../bench/statistics";

const random = seeded(5);
const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());
const drawn = (dimensions: number, spread = 1): Float32Array =>
  Float32Array.from({ length: dimensions }, () => spread * normal());
const near = (centre: Float32Array, spread: number): Float32Array => centre.map((value) => value + spread * normal());

/** As a search of the full embeddings computes it. */
const distanceOf = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(squaredUpTo(Infinity, a, 0, b, 0, a.length));

/** Rows as codes, and a sieve for a probe. */
function sieveFor(probe: Float32Array, rows: readonly Float32Array[], biases?: readonly number[]): Sieve {
  const codes = Codes.of(probe.length, biases !== undefined);
  assert.ok(codes !== undefined && codes.reserve(0));
  for (const [row, values] of rows.entries()) codes.write(0, row, values, 0, biases?.[row] ?? 0);
  return sieveOf(codes.memory, codes.layout, probe);
}

const passes = (sieve: Sieve, row: number, worst: number, plain = -1): boolean =>
  sieve.next(row, row + 1, worst, plain) === row;

/** A row whose codes are farthest from the probe for how far it is: what rounding took off lies just along the way. */
function worstFor(probe: Float32Array): Float32Array {
  const row = Float32Array.from(probe, () => Math.round(127 * (2 * random() - 1)) / 127);
  row[0] = 1;
  return row.map((value, axis) =>
    axis === 0 ? value : value + Math.sign((probe[axis] as number) - value) * (0.499_99 / 127),
  );
}

describe("sieve", () => {
  for (const dimensions of [1, 7, 8, 45, 128, 192, 512, 1024])
    it(`passes over nobody who is within reach, ${dimensions} dimensions`, () => {
      for (const size of [1, 1e-3, 1e30, 1e-38]) {
        const probe = drawn(dimensions, size);
        const rows = [
          ...Array.from({ length: 200 }, (_, row) =>
            row % 2 === 0 ? drawn(dimensions, size) : near(probe, (size * random()) / 100),
          ),
          ...Array.from({ length: 100 }, () => worstFor(probe)),
          ...Array.from({ length: 100 }, () => worstFor(probe.map((value) => value / size)).map((x) => x * size)),
          probe,
          probe.map((value) => -value),
          new Float32Array(dimensions),
          new Float32Array(dimensions).fill(1e-45),
          new Float32Array(dimensions).fill(3e38),
        ];
        const sieve = sieveFor(probe, rows);
        const biases = rows.map(() => Math.fround(0.6 * random()));
        const biased = sieveFor(probe, rows, biases);
        for (const [row, values] of rows.entries()) {
          const distance = distanceOf(probe, values);
          assert.ok(passes(sieve, row, distance), `row ${row}, size ${size}`);
          assert.ok(passes(sieve, row, -Infinity, distance), `row ${row}, size ${size}, plain`);
          assert.ok(passes(biased, row, distance - (biases[row] as number) + 1e-15), `row ${row}, size ${size}, bias`);
          assert.ok(passes(biased, row, -Infinity, distance), `row ${row}, size ${size}, plain beside a bias`);
        }
      }
    });

  it("passes over nearly all who are little farther, with and without a bias", () => {
    const probe = toUnitLength(drawn(128));
    const rows = Array.from({ length: 1000 }, () => toUnitLength(drawn(128)));
    const [sieve, biased] = [
      sieveFor(probe, rows),
      sieveFor(
        probe,
        rows,
        Array.from({ length: 1000 }, () => 0.5),
      ),
    ];
    let [passed, passedBiased] = [0, 0];
    for (const [row, values] of rows.entries()) {
      passed += Number(passes(sieve, row, distanceOf(probe, values) - 0.02));
      passedBiased += Number(passes(biased, row, distanceOf(probe, values) - 0.52));
    }
    assert.deepEqual([passed, passedBiased], [0, 0]);
  });

  it("goes on from row to row, and ends where it shall", () => {
    const rows = [3, 1, 9, 2].map((value) => Float32Array.of(value, 0));
    const sieve = sieveFor(Float32Array.of(0, 0), rows);
    assert.deepEqual(
      [sieve.next(0, 4, 2.5, -1), sieve.next(2, 4, 2.5, -1), sieve.next(2, 3, 2.5, -1), sieve.next(0, 1, 2.5, -1)],
      [1, 3, 3, 1],
    );
    assert.equal(sieve.next(0, 4, -0.1, -1), 4, "nobody is nearer than 0");
  });

  it("lets through what is no number, to be looked at in full, and never what was removed", () => {
    const codes = Codes.of(3, false);
    assert.ok(codes !== undefined && codes.reserve(1));
    for (const [row, value] of [NaN, Infinity, -Infinity, 0].entries())
      codes.write(1, row, Float32Array.of(9, 1, value, 2), 1, 0);
    codes.wipe(1, 3);
    const sieve = sieveOf(codes.memory, codes.layout, Float32Array.of(1, 0, 0));
    assert.deepEqual(
      [0, 1, 2, 3].map((row) => passes(sieve, CHUNK_ROWS + row, 0.1)),
      [true, true, true, false],
    );
    assert.equal(passes(sieve, CHUNK_ROWS + 3, Infinity), false);
    const bytes = new Uint8Array(codes.memory.buffer, codes.layout.bytes + 3 * codes.layout.stride, 3);
    assert.deepEqual([...bytes], [0, 0, 0], "nothing of it stays in memory");
  });
});

const open: { close(): Promise<void> }[] = [];
const opened = <T extends { close(): Promise<void> }>(one: T): T => {
  open.push(one);
  return one;
};
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** One that is searched by its codes, and one that is not; what is done to one is done to both. */
function pairOf(dimensions: number, biased: boolean): [coded: EmbeddingIndex, full: EmbeddingIndex] {
  return [
    opened(new EmbeddingIndex(dimensions, { biased, codedFrom: dimensions })),
    opened(new EmbeddingIndex(dimensions, { biased, codedFrom: Infinity })),
  ];
}

describe("EmbeddingIndex with codes", () => {
  for (const biased of [false, true])
    it(`finds the very same${biased ? ", less their bias" : ""}: ties, doubles, people who come`, async () => {
      const dimensions = 64;
      const pair = pairOf(dimensions, biased);
      const centres = Array.from({ length: 3000 }, () => drawn(dimensions, 0.1));
      const rows = centres.flatMap((centre) => [near(centre, 0.03), near(centre, 0.03), centre, centre]);
      const biasOf = (): number => (biased ? Math.fround(random() / 2) : 0);
      const handles: number[] = [];
      const both = (change: (index: EmbeddingIndex) => unknown): unknown[] => pair.map(change);
      for (const [row, values] of rows.entries()) {
        const bias = biasOf();
        // Of four rows one is somebody else's: two people with one face.
        const owner = row % 4 === 3 ? 40_000 - row : Math.floor(row / 4);
        handles.push(both((index) => index.add(owner, values, bias))[0] as number);
      }
      for (let row = 0; row < rows.length; row += 7) both((index) => index.remove(handles[row] as number));
      for (let row = 0; row < rows.length; row += 21) {
        const bias = biasOf();
        both((index) => index.add(20_000 + row, rows[rows.length - 1 - row] as Float32Array, bias));
      }
      for (let row = 1; row < rows.length; row += 7) {
        const bias = biasOf();
        both((index) => index.setBias(handles[row] as number, bias));
      }
      const [coded, full] = pair;
      assert.deepEqual([coded.coded, full.coded, coded.size], [true, false, full.size]);
      const probes = [
        ...Array.from({ length: 40 }, (_, at) =>
          at % 2 === 0 ? near(centres[at * 50] as Float32Array, 0.03) : drawn(64),
        ),
        ...Array.from({ length: 20 }, (_, at) => rows[at * 501] as Float32Array),
        new Float32Array(dimensions),
      ];
      for (const probe of probes) {
        assert.deepEqual(await coded.nearest(probe, 3), await full.nearest(probe, 3));
        assert.deepEqual(await coded.nearestBoth(probe, 2, 11), await full.nearestBoth(probe, 2, 11));
      }
    });

  it("has codes once it is large, of those who were there before too, and keeps them as it shrinks", async () => {
    const dimensions = 512;
    const index = opened(new EmbeddingIndex(dimensions, { codedFrom: 1200 * dimensions }));
    const rows = Array.from({ length: 2000 }, () => drawn(dimensions));
    const handles = rows.map((values, owner) => {
      const handle = index.add(owner, values);
      if (owner === 1198) assert.equal(index.coded, false);
      return handle;
    });
    assert.equal(index.coded, true);
    for (const [owner, handle] of handles.entries()) if (owner % 3 === 0) index.remove(handle);
    const probe = drawn(dimensions);
    index.add(5000, probe);
    assert.deepEqual(await index.nearest(probe, 1), [{ owner: 5000, distance: 0 }]);
    for (const owner of [1, 700, 1199, 1598])
      assert.deepEqual(await index.nearest(rows[owner] as Float32Array, 1), [{ owner, distance: 0 }]);
  });

  it("finds everybody while some come and go", async () => {
    const dimensions = 128;
    const index = opened(new EmbeddingIndex(dimensions, { codedFrom: 0 }));
    const rows = Array.from({ length: 9000 }, () => drawn(dimensions));
    const handles = rows.map((values, owner) => index.add(owner, values));
    for (let round = 0; round < 20; round += 1) {
      const stays = rows[round * 400 + 1] as Float32Array;
      const searches = [index.nearest(stays, 1), index.nearest(rows[round * 400] as Float32Array, 1)];
      index.remove(handles[round * 400] as number);
      index.add(100_000 + round, drawn(dimensions));
      const [found, other] = await Promise.all(searches);
      assert.deepEqual(found, [{ owner: round * 400 + 1, distance: 0 }]);
      assert.ok(other?.[0] !== undefined && (other[0].owner === round * 400 ? other[0].distance === 0 : true));
      assert.notEqual((await index.nearest(rows[round * 400] as Float32Array, 1))[0]?.owner, round * 400);
    }
  });
});

describe("Templates with codes", () => {
  it("have the very same d', with strangers, people who leave, and people who come", async () => {
    // So few are compared with all others that R is exact, and yet so many numbers that workers search them.
    const [dimensions, people] = [512, 1100];
    const rows = Float32Array.from(Array.from({ length: 500 }, () => [...toUnitLength(drawn(dimensions))]).flat());
    const normalisation: Normalisation = { rows, dimensions, mean: 1.1, threshold: 1 };
    // Near the rows of the cohort, as faces are.
    const like = (spread: number): Float32Array => {
      const row = Math.floor((random() * rows.length) / dimensions) * dimensions;
      return toUnitLength(near(rows.subarray(row, row + dimensions), spread));
    };
    const photos = new Map<number, PhotoOf[]>();
    for (let owner = 0; owner < people; owner += 1) {
      const centre = like(0.03);
      photos.set(
        owner,
        Array.from({ length: 1 + (owner % 3) }, (_, photo) => ({
          id: String(photo),
          embedding: near(centre, 0.02),
          sure: false,
        })),
      );
    }
    const strangers = Array.from({ length: 50 }, () => like(0.03));
    const options = {
      normalisation,
      photosOf: (owner: number) => photos.get(owner) ?? [],
      strangers: () => strangers,
    };
    const all = [Infinity, dimensions].map((codedFrom) => opened(new Templates({ ...options, codedFrom })));
    const [full, coded] = all as [Templates, Templates];
    const change = async (...owners: number[]): Promise<void> => {
      for (const each of all) {
        for (const owner of owners) each.change(owner);
        await each.refreshed();
      }
    };
    const compare = async (): Promise<void> => {
      for (let at = 0; at < 40; at += 1) {
        const known = photos.get(at * 27)?.[0]?.embedding;
        const probe = at % 2 === 0 && known !== undefined ? near(known, 0.02) : like(0.03);
        const found = await full.nearest(probe, 3);
        assert.deepEqual(await coded.nearest(probe, 3), found);
        const owner = found[0]?.owner ?? 0;
        assert.equal(await coded.distanceTo(probe, owner), await full.distanceTo(probe, owner));
      }
    };
    await change(...photos.keys());
    assert.deepEqual([full.coded, coded.coded], [false, true]);
    await compare();
    for (let owner = 0; owner < people; owner += 97) {
      photos.delete(owner);
      for (const each of all) each.remove(owner);
    }
    strangers.splice(10);
    for (const each of all) each.changeStrangers();
    photos.set(people, [{ id: "new", embedding: like(0.03), sure: false }]);
    await change(people);
    await compare();
  });
});
