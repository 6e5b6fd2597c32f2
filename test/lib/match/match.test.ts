import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { euclideanDistance, tripletLoss } from "../../../lib/embed/distance";
import { makeSnapshot, type Snapshot } from "../../../lib/gallery/snapshot";
import { decide, distances, identify, matchOptionsSchema, nearestPeople, verify } from "../../../lib/match/match";
import type { Face } from "../../../lib/message";

const vector = (...values: number[]): Float32Array => Float32Array.from(values);
const options = (fields: object = {}) => matchOptionsSchema.parse(fields);

/** Alice has two photos. */
const gallery = (): Snapshot =>
  makeSnapshot("m", 0.5, [
    { name: "Alice", embedding: vector(0, 0) },
    { name: "Bob", embedding: vector(1, 0) },
    { name: "Alice", embedding: vector(0, 2) },
  ]);

const faceWith = (embedding: Float32Array, fields: Partial<Face> = {}): Face => ({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5, embedding, model: "m", ...fields });

describe("distance and loss", () => {
  it("is Euclidean", () => {
    assert.equal(euclideanDistance(vector(0, 0), vector(3, 4)), 5);
  });

  it("refuses vectors of different models", () => {
    assert.throws(() => euclideanDistance(vector(0), vector(3, 4)), /of 1 dimensions cannot be compared with one of 2/);
    assert.throws(() => euclideanDistance(vector(0, NaN), vector(3, 4)), /NaN/);
  });

  it("is max(d²(A,P) − d²(A,N) + α, 0)", () => {
    assert.equal(tripletLoss(vector(0, 0), vector(1, 0), vector(0, 2), 0.5), 0);
    assert.equal(tripletLoss(vector(0, 0), vector(2, 0), vector(0, 1), 0.5), 3.5);
    assert.equal(tripletLoss(vector(0, 0), vector(1, 0), vector(0, 1)), 0.2);
  });
});

describe("identify", () => {
  it("names the nearest person, by the nearest of her photos", () => {
    assert.deepEqual(identify(vector(0, 1.75), gallery(), options()), { outcome: "match", name: "Alice", distance: 0.25, threshold: 0.5, margin: Math.hypot(1, 1.75) - 0.25, candidates: [{ name: "Alice", distance: 0.25 }, { name: "Bob", distance: Math.hypot(1, 1.75) }], reason: "below_threshold" });
  });

  it("matches at τ exactly, and not a hair above", () => {
    assert.equal(identify(vector(0, 2.5), gallery(), options()).outcome, "match");
    const above = identify(vector(0, 2.5001), gallery(), options());
    assert.deepEqual([above.outcome, above.name, above.reason], ["unknown", null, "above_threshold"]);
    assert.ok((above.distance as number) > 0.5, "the distance is told all the same");
  });

  it("takes the node's τ before the model's", () => {
    assert.deepEqual([identify(vector(0, 3), gallery(), options({ threshold: 1 })).outcome, identify(vector(0, 2.1), gallery(), options({ threshold: 0.05 })).outcome], ["match", "unknown"]);
  });

  it("names nobody when two people tie, even without a margin", () => {
    const tie = identify(vector(0.5, 0), gallery(), options({ margin: 0 }));
    assert.deepEqual([tie.outcome, tie.name, tie.reason, tie.margin], ["ambiguous", null, "margin", 0]);
  });

  it("is ambiguous when the runner-up is nearer than the margin", () => {
    assert.equal(identify(vector(0.4, 0), gallery(), options({ margin: 0.3 })).outcome, "ambiguous");
    assert.equal(identify(vector(0.3, 0), gallery(), options({ margin: 0.3 })).outcome, "match");
  });

  it("does not take a person's own second photo for the runner-up", () => {
    const only = makeSnapshot("m", 0.5, [{ name: "Alice", embedding: vector(0, 0) }, { name: "Alice", embedding: vector(0, 0.001) }]);
    assert.deepEqual([identify(vector(0, 0), only, options()).outcome, identify(vector(0, 0), only, options()).margin], ["match", null]);
  });

  it("knows nobody in an empty gallery", () => {
    const { outcome, reason, candidates } = identify(vector(0, 0), makeSnapshot("m", 0.5, []), options());
    assert.deepEqual([outcome, reason, candidates], ["unknown", "empty_gallery", []]);
  });

  it("lists the k nearest people in order", () => {
    const people = makeSnapshot("m", 0.5, Array.from({ length: 50 }, (_, index) => ({ name: `P${String((index * 7) % 50).padStart(2, "0")}`, embedding: vector((index * 7) % 50, 0) })));
    assert.deepEqual(nearestPeople(vector(-1, 0), people, 3), [{ name: "P00", distance: 1 }, { name: "P01", distance: 2 }, { name: "P02", distance: 3 }]);
  });

  it("refuses an embedding of another length, and one that holds a NaN", () => {
    assert.throws(() => identify(vector(0, 0, 0), gallery(), options()), /3 dimensions cannot be compared with a gallery of 2/);
    for (const bad of [NaN, Infinity]) assert.throws(() => identify(vector(bad, 0), gallery(), options()), /holds a NaN or an infinity: it was not made by a facenet-embed node/);
    assert.throws(() => identify(vector(NaN, 0), makeSnapshot("m", 0.5, []), options()), /NaN/, "in an empty gallery too");
  });

  it("lets a runner-up above τ make it ambiguous too", () => {
    assert.equal(identify(vector(0.49, 0), gallery(), options({ margin: 0.05, threshold: 0.5 })).outcome, "ambiguous");
  });

  it("is exact: the distances of 1,000 people are those of the plain formula", () => {
    let seed = 1;
    const random = (): number => { seed = (seed * 48271) % 2147483647; return seed / 2147483647 - 0.5; };
    const random128 = (): Float32Array => Float32Array.from({ length: 128 }, random);
    const people = Array.from({ length: 1000 }, (_, index) => ({ name: `P${index}`, embedding: random128() }));
    const probe = random128();
    assert.deepEqual([...distances(probe, makeSnapshot("m", 0.5, people))], people.map(({ embedding }) => euclideanDistance(probe, embedding)));
  });
});

describe("verify", () => {
  it("asks only for the claimed person", () => {
    assert.deepEqual(verify(vector(0.75, 0), "Alice", gallery(), options({ threshold: 0.8 })), { outcome: "match", name: "Alice", distance: 0.75, threshold: 0.8, margin: null, candidates: [{ name: "Alice", distance: 0.75 }], reason: "below_threshold" });
    assert.deepEqual(verify(vector(0, 0), "Bob", gallery(), options()).reason, "above_threshold");
  });

  it("does not know a name that is not enrolled", () => {
    const { outcome, reason, distance } = verify(vector(0, 0), "Mallory", gallery(), options());
    assert.deepEqual([outcome, reason, distance], ["unknown", "not_enrolled", null]);
  });
});

describe("decide", () => {
  const decideFor = (face: Face, age?: number, fields: object = {}) => decide(face, { snapshot: gallery(), options: options(fields), claim: undefined, age });

  it("says of a false detection that there is no face", () => {
    const { outcome, reason } = decideFor({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5, rejected: "bad_alignment" });
    assert.deepEqual([outcome, reason], ["noface", "bad_alignment"]);
  });

  it("never matches a face that is too small or blurred", () => {
    for (const rejected of ["too_small", "blurry"] as const) assert.deepEqual(decideFor({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5, rejected }).reason, rejected);
  });

  it("matches nobody in a frame that is too old", () => {
    assert.deepEqual([decideFor(faceWith(vector(0, 0)), 501, { maxAge: 500 }).reason, decideFor(faceWith(vector(0, 0)), 500, { maxAge: 500 }).reason], ["stale", "below_threshold"]);
    assert.equal(decideFor(faceWith(vector(0, 0)), undefined, { maxAge: 500 }).outcome, "match", "a photo has no age");
  });

  it("never compares embeddings of two models", () => {
    const { outcome, reason } = decideFor(faceWith(vector(0, 0), { model: "other" }));
    assert.deepEqual([outcome, reason], ["unknown", "model_mismatch"]);
  });

  it("asks for a facenet-embed node when there is no embedding", () => {
    assert.throws(() => decideFor({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5 }), /put a facenet-embed node before this one/);
  });
});
