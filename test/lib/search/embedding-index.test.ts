import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { euclideanDistance } from "../../../lib/embed/distance";
import { EmbeddingIndex } from "../../../lib/search/embedding-index";

const open: EmbeddingIndex[] = [];

function indexOf(
  dimensions: number,
  rows: readonly (readonly [owner: number, vector: Float32Array])[] = [],
): EmbeddingIndex {
  const index = new EmbeddingIndex(dimensions);
  open.push(index);
  for (const [owner, vector] of rows) index.add(owner, vector);
  return index;
}

const vector = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

let seed = 1;
const random = (): number => {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647 - 0.5;
};
const random128 = (): Float32Array => Float32Array.from({ length: 128 }, random);

/** What the plain formula says. */
function plain(
  rows: readonly (readonly [owner: number, vector: Float32Array])[],
  probe: Float32Array,
  count: number,
): { owner: number; distance: number }[] {
  const nearest = new Map<number, number>();
  for (const [owner, each] of rows)
    nearest.set(owner, Math.min(nearest.get(owner) ?? Infinity, euclideanDistance(probe, each)));
  return [...nearest]
    .map(([owner, distance]) => ({ owner, distance }))
    .sort((a, b) => a.distance - b.distance || a.owner - b.owner)
    .slice(0, count);
}

function assertSame(
  found: readonly { owner: number; distance: number }[],
  wanted: readonly { owner: number; distance: number }[],
): void {
  assert.deepEqual(
    found.map(({ owner }) => owner),
    wanted.map(({ owner }) => owner),
  );
  found.forEach(({ distance }, place) => assert.ok(Math.abs(distance - (wanted[place]?.distance ?? NaN)) < 1e-12));
}

describe("EmbeddingIndex", () => {
  afterEach(async () => {
    for (const index of open.splice(0)) await index.close();
  });

  it("finds the nearest owners, each once, by the nearest of their embeddings", async () => {
    const index = indexOf(2, [
      [7, vector(0, 0)],
      [3, vector(1, 0)],
      [7, vector(0, 2)],
      [3, vector(1, 0.25)],
    ]);
    assert.deepEqual(await index.nearest(vector(0, 1.75), 5), [
      { owner: 7, distance: 0.25 },
      { owner: 3, distance: Math.sqrt(3.25) },
    ]);
    assert.deepEqual(
      [await index.nearest(vector(0, 0), 1), index.nearestOf(vector(1, 3), 3), index.nearestOf(vector(0, 0), 99)],
      [[{ owner: 7, distance: 0 }], 2.75, Infinity],
    );
  });

  it("puts the lower owner first at one distance", async () => {
    const index = indexOf(1, [
      [5, vector(1)],
      [2, vector(-1)],
      [9, vector(1)],
    ]);
    assert.deepEqual(
      (await index.nearest(vector(0), 2)).map(({ owner }) => owner),
      [2, 5],
    );
  });

  it("puts the lower owner first at one distance, also where they come last and there is no more room", async () => {
    const index = indexOf(1, [
      [5, vector(1)],
      [9, vector(-1)],
      [2, vector(1)],
    ]);
    assert.deepEqual(
      (await index.nearest(vector(0), 2)).map(({ owner }) => owner),
      [2, 5],
    );
    assert.deepEqual(
      (await index.nearest(vector(0), 1)).map(({ owner }) => owner),
      [2],
    );
  });

  it("looks on where a row is as far as the last of the nearest so far, in its stride and behind it", async () => {
    // The second row ties with the first in its first 32 dimensions, and is farther in those that follow.
    for (const [dimensions, later] of [
      [64, 40],
      [33, 32],
    ] as const) {
      const [near, far] = [new Float32Array(dimensions), new Float32Array(dimensions)];
      near[0] = 1;
      far[0] = 1;
      far[later] = 1;
      assert.deepEqual(
        await indexOf(dimensions, [
          [5, near],
          [2, far],
        ]).nearest(new Float32Array(dimensions), 1),
        [{ owner: 5, distance: 1 }],
      );
    }
  });

  it("is exact, in a small gallery and in one that is shared out among workers", async () => {
    for (const count of [500, 9000]) {
      const rows = Array.from({ length: count }, (_, row) => [Math.floor(row / 3), random128()] as const);
      const index = indexOf(128, rows);
      for (const probe of [random128(), random128(), (rows[count - 1] as (typeof rows)[number])[1]])
        assertSame(await index.nearest(probe, 5), plain(rows, probe, 5));
    }
  });

  it("takes dimensions that are no multiple of its stride", async () => {
    const rows = Array.from({ length: 50 }, (_, row) => [row, Float32Array.from({ length: 45 }, random)] as const);
    const probe = Float32Array.from({ length: 45 }, random);
    assertSame(await indexOf(45, rows).nearest(probe, 4), plain(rows, probe, 4));
  });

  it("forgets what is removed, uses the place again, and keeps every other handle", async () => {
    const index = indexOf(2);
    const handles = [0, 1, 2, 3].map((owner) => index.add(owner, vector(owner, 0)));
    index.remove(handles[1] as number);
    index.remove(handles[1] as number);
    assert.deepEqual([index.size, (await index.nearest(vector(1, 0), 4)).map(({ owner }) => owner)], [3, [0, 2, 3]]);
    assert.deepEqual(index.embedding(handles[1] as number), vector(0, 0), "nothing of it stays in memory");
    const again = index.add(8, vector(1, 0));
    assert.deepEqual(
      [again, (await index.nearest(vector(1, 0), 1))[0]?.owner, index.embedding(handles[3] as number)],
      [handles[1], 8, vector(3, 0)],
    );
  });

  it("never turns a face into somebody else's while a search reads it", async () => {
    const rows = Array.from({ length: 9000 }, (_, row) => [row, random128()] as const);
    const index = indexOf(128, rows);
    const probe = random128();
    const [nearest] = plain(rows, probe, 1) as [{ owner: number; distance: number }];
    const search = index.nearest(probe, 1);
    index.remove(nearest.owner);
    const place = index.add(99_999, probe);
    const [found] = await search;
    assert.notEqual(place, nearest.owner, "the place is not used again while the search goes on");
    assert.ok(found !== undefined && (found.owner !== 99_999 || found.distance === 0));
    assert.equal((await index.nearest(probe, 1))[0]?.owner, 99_999);
    assert.deepEqual(
      [index.embedding(nearest.owner), index.add(100_000, probe)],
      [new Float32Array(128), nearest.owner],
      "afterwards it is empty, and used again",
    );
  });

  it("keeps what was removed until all searches under way have ended, so that none reads half a face", async () => {
    const rows = Array.from({ length: 9000 }, (_, row) => [row, random128()] as const);
    const index = indexOf(128, rows);
    const [, removed] = rows[4321] as (typeof rows)[number];
    const searches = [index.nearest(random128(), 1), index.nearest(random128(), 1)];
    index.remove(4321);
    assert.deepEqual([index.size, index.embedding(4321)], [8999, removed]);
    const later = index.nearest(removed, 9000);
    await Promise.all(searches);
    assert.equal(
      (await later).some(({ owner }) => owner === 4321),
      false,
    );
    assert.deepEqual(index.embedding(4321), new Float32Array(128));
  });

  it(
    "gives back the memory of a chunk in which nobody is left, and finds everybody else, before and after it is " +
      "filled again",
    async () => {
      const [dimensions, chunk] = [8, 65_536];
      const bytes = (rows: number): number => rows * (dimensions + 1) * 4;
      const index = indexOf(dimensions);
      const at = (row: number): Float32Array =>
        Float32Array.from({ length: dimensions }, (_, axis) => (axis === 0 ? row : 0));
      for (let row = 0; row < 3 * chunk; row += 1) index.add(row, at(row));
      assert.equal(index.bytes, bytes(3 * chunk));
      for (let row = chunk; row < 2 * chunk; row += 1) index.remove(row);
      assert.deepEqual([index.size, index.bytes], [2 * chunk, bytes(2 * chunk)]);
      // From the middle of the hole the nearest is the last before it.
      assert.deepEqual(await index.nearest(at(chunk + 100), 1), [{ owner: chunk - 1, distance: 101 }]);
      assert.deepEqual(await index.nearest(at(3 * chunk), 1), [{ owner: 3 * chunk - 1, distance: 1 }]);
      index.remove(chunk);
      const again = index.add(999_999, at(chunk + 100));
      assert.deepEqual(
        [again, index.bytes, await index.nearest(at(chunk + 100), 1)],
        [chunk, bytes(3 * chunk), [{ owner: 999_999, distance: 0 }]],
      );
      for (let row = 0; row < 3 * chunk; row += 1) index.remove(row);
      assert.deepEqual([index.size, index.bytes, await index.nearest(at(0), 1)], [0, 0, []]);
    },
  );

  it("finds everybody else though one embedding is no number", async () => {
    assert.deepEqual(
      await indexOf(2, [
        [0, vector(3, 4)],
        [1, vector(NaN, 0)],
        [2, vector(0, 2)],
      ]).nearest(vector(0, 0), 3),
      [
        { owner: 2, distance: 2 },
        { owner: 0, distance: 5 },
      ],
    );
  });

  it("grows far beyond its first chunk", async () => {
    const index = indexOf(1);
    for (let row = 0; row < 200_000; row += 1) index.add(row, vector(row));
    assert.deepEqual(
      [index.size, await index.nearest(vector(150_000.2), 2)],
      [
        200_000,
        [
          { owner: 150_000, distance: 0.203125 },
          { owner: 150_001, distance: 0.796875 },
        ],
      ],
    );
  });

  it("refuses what is no probe, what does not fit, and everything once closed", async () => {
    const index = indexOf(2, [[0, vector(0, 0)]]);
    await assert.rejects(
      index.nearest(vector(1), 1),
      /an embedding of 1 dimensions cannot be compared with a gallery of 2/,
    );
    for (const bad of [NaN, Infinity])
      await assert.rejects(index.nearest(vector(bad, 0), 1), /holds a NaN or an infinity/);
    assert.throws(() => index.add(0, vector(1, 2, 3)), /embeddings of 3 and 2 dimensions are in one gallery/);
    await index.close();
    await assert.rejects(index.nearest(vector(0, 0), 1), /closed/);
  });
});
