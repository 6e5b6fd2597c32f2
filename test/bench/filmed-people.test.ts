import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countFilm, enrolOf, type Filmed, noRates } from "../../bench/filmed-people";
import { rate, shareOf } from "../../bench/population";
import { seeded } from "../../bench/statistics";
import { tell, type Told } from "../../bench/told";
import type { Near, Searchable } from "../../lib/search/roster";

const somebody = (person: string, others: number): Filmed => ({
  person,
  photo: Float32Array.of(0),
  others: Array.from({ length: others }, (_, index) => Float32Array.of(index + 1)),
  shots: [],
});

/** A film of so many frames, in some of which somebody is named. */
function told(frames: number, counts: Record<string, number>, last: string | null): Told {
  const named = Object.values(counts).reduce((sum, each) => sum + each, 0);
  return {
    names: new Set(Object.keys(counts)),
    first: new Map(),
    changes: 0,
    frames,
    named,
    last,
    counts: new Map(Object.entries(counts)),
  };
}

describe("the films of bench:accuracy --tracks", () => {
  it("enrol by other photos than the one that is filmed, and count no film of whoever has no other", () => {
    const filmed = [somebody("Alice", 2), somebody("Bob", 1), somebody("Carol", 0), somebody("Dora", 0)];
    for (let seed = 1; seed < 9; seed += 1) {
      const two = enrolOf(filmed, { people: 2, photos: 1 }, seeded(seed));
      assert.deepEqual([...two.enrolled.keys()].sort(), ["Alice", "Bob"]);
      assert.deepEqual([...two.enrolled.values()], [[Float32Array.of(1)], [Float32Array.of(1)]]);
      assert.deepEqual(two.films.map(({ person }) => person).sort(), ["Alice", "Bob", "Carol", "Dora"]);
      const three = enrolOf(filmed, { people: 3, photos: 1 }, seeded(seed));
      const third = [...three.enrolled].find(([person]) => person === "Carol" || person === "Dora");
      assert.deepEqual(third?.[1], [Float32Array.of(0)]);
      assert.equal(three.films.length, 3, "a face is not shown to its own photo");
      assert.ok(!three.films.some(({ person }) => person === third?.[0]));
    }
  });

  it("are counted by frame and by track, strangers by any name and the known by their own", () => {
    const rates = noRates();
    // A stranger whom 2 of 10 frames call Alice, and the vote nobody; and one of whom no frame could be judged.
    const stranger = { person: "S", enrolled: false, photo: "Alice" };
    countFilm(rates, { ...stranger, alone: told(10, { Alice: 2 }, null), voted: told(10, {}, null) });
    countFilm(rates, { ...stranger, person: "T", photo: null, alone: told(0, {}, null), voted: told(0, {}, null) });
    const { strangers, known } = rates;
    assert.deepEqual(
      [strangers.photo, strangers.frame, strangers.everAlone, strangers.everVoted].map(shareOf),
      [0.5, 0.2, 0.5, 0],
    );
    // Alice: right in 6 of 10 frames, Bob's name in one, hers at the end; Bob: right, then nobody at the end.
    countFilm(rates, {
      person: "Alice",
      enrolled: true,
      photo: "Alice",
      alone: told(10, { Alice: 6, Bob: 1 }, "Alice"),
      voted: told(10, { Alice: 8 }, "Alice"),
    });
    countFilm(rates, {
      person: "Bob",
      enrolled: true,
      photo: null,
      alone: told(10, { Bob: 3 }, null),
      voted: told(10, { Bob: 2, Alice: 1 }, null),
    });
    assert.deepEqual([known.photo, known.frame, known.voted, known.wrong].map(shareOf), [0.5, 0.45, 0.5, 0.5]);
    assert.match(rate(known.frame), /^45\.00 \[30\.00, 60\.00\]$/, "by people: each has ten frames");
    assert.deepEqual([strangers.photo.size, known.photo.size], [2, 2], "the known are no strangers");
  });

  it("tell of each frame who was named in it, and who at last", async () => {
    const named = (distance: number): Near[] =>
      [
        { person: { id: "a", name: "Alice", groups: [], validFrom: null, validUntil: null }, photoId: "p", distance },
      ] as unknown as Near[];
    const gallery = {
      model: "m",
      normalised: false,
      size: 1,
      thresholdOf: () => 0.5,
      thresholdWanted: () => undefined,
      named: () => Promise.resolve(undefined),
      anchors: () => [],
      nearest: (probe: Float32Array) => Promise.resolve(named(probe[0] as number)),
    } as unknown as Searchable;
    const shots = [0.4, 0.45, 0.9].map((distance, index) => ({
      capturedAt: index * 66,
      face: {
        box: { x: 0, y: 0, width: 1, height: 1 },
        score: 1,
        model: "m",
        embedding: Float32Array.of(distance),
      },
    }));
    const { counts, last, frames, changes } = await tell(
      [...shots.slice(0, 2), { capturedAt: 99, face: undefined }, ...shots.slice(2)],
      gallery,
      undefined,
    );
    assert.deepEqual([[...counts], last, frames, changes], [[["Alice", 2]], null, 3, 1]);
  });
});
