/** Was this face here before: exactly the nearest by d', however many others are nearer by Euclidean distance. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Normalisation } from "../../../lib/embed/normalise";
import { euclideanDistance, toUnitLength } from "../../../lib/embed/distance";
import { measureOf } from "../../../lib/search/crowd";
import { Alike } from "../../../lib/visits/alike";
import type { VisitRecord } from "../../../lib/visits/book";
import { visitId, visitOf } from "./visits";

const MODEL = "mobilefacenet-192";
const DIMENSIONS = 192;
const BATCH = 50;

/** The same ones each time. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/** Moved by so much. */
function near(base: Float32Array, by: number, random: () => number): Float32Array {
  return toUnitLength(base.map((value) => value + by * random()));
}

const bookOf = (vectors: readonly Float32Array[]): ConstructorParameters<typeof Alike>[0] => ({
  async *faces() {
    for (let at = 0; at < vectors.length; at += BATCH)
      yield vectors.slice(at, at + BATCH).map((vector, row) => ({ number: at + row, vector }));
  },
  numbered: async (numbers) =>
    numbers.map((number): VisitRecord => ({ ...visitOf(number), pictured: false, revision: number })),
});

describe("visits whose faces are like one", () => {
  it("are exactly the nearest by d', however many others are nearer by Euclidean distance", async () => {
    const random = randomly(7);
    const axis = (at: number): Float32Array => new Float32Array(DIMENSIONS).fill(1, at, at + 1);
    const anywhere = (): Float32Array => toUnitLength(Float32Array.from({ length: DIMENSIONS }, random));
    /** In the plane of the crowd's middle and the probe. */
    const aside = (by: number): Float32Array => toUnitLength(axis(0).map((value, at) => value + (at === 1 ? by : 0)));
    const crowd = Array.from({ length: 400 }, (_, row) => (row % 2 === 0 ? near(axis(0), 0.03, random) : anywhere()));
    const normalisation: Normalisation = {
      rows: Float32Array.from(crowd.flatMap((row) => [...row])),
      dimensions: DIMENSIONS,
      mean: 1,
      threshold: 1,
    };
    const probe = aside(0.7);
    const vectors = [
      // Towards the crowd, where faces come near without being alike, …
      ...Array.from({ length: 300 }, () => near(aside(0.3), 0.02, random)),
      // … and away from it, a little farther.
      ...Array.from({ length: 40 }, () => near(aside(1.5), 0.02, random)),
      ...Array.from({ length: 1500 }, anywhere),
    ];
    const measure = measureOf(normalisation);
    const byD = vectors
      .map((vector, number) => ({ number, distance: measure(probe, vector) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 20);
    const byEuclid = new Set(
      vectors
        .map((vector, number) => ({ number, distance: euclideanDistance(probe, vector) }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 200)
        .map(({ number }) => number),
    );
    assert.ok(
      byD.some(({ number }) => !byEuclid.has(number)),
      "of the 200 nearest by Euclidean distance some are not among the nearest by d'",
    );
    const alike = new Alike(bookOf(vectors), new AbortController().signal);
    const [found = []] = await alike.find([probe], { model: MODEL, normalisation }, 20);
    assert.deepEqual(
      found.map(({ visit }) => visit.visit),
      byD.map(({ number }) => visitId(number)),
    );
    for (const [at, { distance }] of found.entries())
      assert.ok(Math.abs(distance - (byD[at]?.distance ?? NaN)) < 1e-6);
  });
});
