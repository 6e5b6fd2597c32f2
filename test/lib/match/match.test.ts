import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { euclideanDistance, toUnitLength, tripletLoss } from "../../../lib/embed/distance";
import type { Normalisation } from "../../../lib/embed/normalise";
import type { Person } from "../../../lib/people/people";
import { Roster } from "../../../lib/search/roster";
import { decide, decideBy } from "../../../lib/match/match";
import { IDENTIFY, verifying } from "../../../lib/match/policy";
import { matchOptionsSchema } from "../../../lib/match/options";
import type { Candidate, Face, Identity } from "../../../lib/message";

const vector = (...values: number[]): Float32Array => Float32Array.from(values);
const options = (fields: object = {}) => matchOptionsSchema.parse(fields);
type Rest = Parameters<typeof decideBy> extends [unknown, unknown, ...infer R] ? R : never;
const identify = (probe: Float32Array, ...rest: Rest): Promise<Identity> => decideBy(IDENTIFY, probe, ...rest);
const verify = (probe: Float32Array, claim: string, ...rest: Rest): Promise<Identity> =>
  decideBy(verifying(claim), probe, ...rest);

/** People by name, each with embeddings; ids are the names in lower case. */
function rosterOf(
  embeddings: [name: string, vector: Float32Array][],
  fields: Partial<Person> = {},
  normalisation?: Normalisation,
): Roster {
  const roster = new Roster("m", { threshold: 0.5, normalisation });
  for (const [index, [name, embedding]] of embeddings.entries()) {
    roster.putPerson({ id: name.toLowerCase(), name, groups: [], validFrom: null, validUntil: null, ...fields });
    roster.putPhoto(`photo ${index}`, name.toLowerCase(), embedding);
  }
  return roster;
}

/** Alice has two photos. */
const gallery = (fields: Partial<Person> = {}): Roster =>
  rosterOf(
    [
      ["Alice", vector(0, 0)],
      ["Bob", vector(1, 0)],
      ["Alice", vector(0, 2)],
    ],
    fields,
  );

function anchor(roster: Roster, embedding: Float32Array, against: string | null): Roster {
  roster.putAnchor({
    id: `anchor ${against}`,
    against,
    note: "",
    createdAt: 0,
    model: "m",
    fingerprint: "",
    vector: embedding,
  });
  return roster;
}

/** Without a cohort both distances are one. */
const candidate = (name: string, distance: number, photo: string): Candidate => ({
  name,
  distance,
  euclidean: distance,
  photo,
});

const faceWith = (embedding: Float32Array, fields: Partial<Face> = {}): Face => ({
  box: { x: 0, y: 0, width: 9, height: 9 },
  score: 5,
  embedding,
  model: "m",
  ...fields,
});

describe("distance and loss", () => {
  it("is Euclidean", () => {
    assert.equal(euclideanDistance(vector(0, 0), vector(3, 4)), 5);
  });

  it("refuses vectors of different models", () => {
    assert.throws(
      () => euclideanDistance(vector(0), vector(3, 4)),
      /of 1 dimensions cannot be compared with one of 2/,
    );
    assert.throws(() => euclideanDistance(vector(0, NaN), vector(3, 4)), /NaN/);
  });

  it("is max(d²(A,P) − d²(A,N) + α, 0)", () => {
    assert.equal(tripletLoss(vector(0, 0), vector(1, 0), vector(0, 2), 0.5), 0);
    assert.equal(tripletLoss(vector(0, 0), vector(2, 0), vector(0, 1), 0.5), 3.5);
    assert.equal(tripletLoss(vector(0, 0), vector(1, 0), vector(0, 1)), 0.2);
  });
});

describe("identify", () => {
  it("names the nearest person, by the nearest of their photos", async () => {
    assert.deepEqual(await identify(vector(0, 1.75), gallery({ groups: ["family"] }), options()), {
      outcome: "match",
      name: "Alice",
      person: "alice",
      groups: ["family"],
      distance: 0.25,
      threshold: 0.5,
      margin: Math.hypot(1, 1.75) - 0.25,
      candidates: [candidate("Alice", 0.25, "photo 2"), candidate("Bob", Math.hypot(1, 1.75), "photo 1")],
      reason: "below_threshold",
    });
  });

  it("matches at τ exactly, and not a hair above", async () => {
    assert.equal((await identify(vector(0, 2.5), gallery(), options())).outcome, "match");
    const above = await identify(vector(0, 2.5001), gallery(), options());
    assert.deepEqual([above.outcome, above.name, above.reason], ["unknown", null, "above_threshold"]);
    assert.ok((above.distance as number) > 0.5, "the distance is told all the same");
  });

  it("takes the node's τ before the model's", async () => {
    assert.deepEqual(
      [
        (await identify(vector(0, 3), gallery(), options({ threshold: 1 }))).outcome,
        (await identify(vector(0, 2.1), gallery(), options({ threshold: 0.05 }))).outcome,
      ],
      ["match", "unknown"],
    );
  });

  it("names nobody when two people tie, even without a margin", async () => {
    const tie = await identify(vector(0.5, 0), gallery(), options({ margin: 0 }));
    assert.deepEqual([tie.outcome, tie.name, tie.reason, tie.margin], ["ambiguous", null, "margin", 0]);
  });

  it("is ambiguous when the runner-up is nearer than the margin", async () => {
    assert.equal((await identify(vector(0.4, 0), gallery(), options({ margin: 0.3 }))).outcome, "ambiguous");
    assert.equal((await identify(vector(0.3, 0), gallery(), options({ margin: 0.3 }))).outcome, "match");
  });

  it("does not take a person's own second photo for the runner-up", async () => {
    const only = rosterOf([
      ["Alice", vector(0, 0)],
      ["Alice", vector(0, 0.001)],
    ]);
    assert.deepEqual(
      [
        (await identify(vector(0, 0), only, options())).outcome,
        (await identify(vector(0, 0), only, options())).margin,
      ],
      ["match", null],
    );
  });

  it("knows nobody in an empty gallery", async () => {
    const { outcome, reason, candidates } = await identify(vector(0, 0), rosterOf([]), options());
    assert.deepEqual([outcome, reason, candidates], ["unknown", "empty_gallery", []]);
  });

  it("lists the k nearest people in order", async () => {
    const people = rosterOf(
      Array.from({ length: 50 }, (_, index) => [
        `P${String((index * 7) % 50).padStart(2, "0")}`,
        vector((index * 7) % 50, 0),
      ]),
    );
    assert.deepEqual((await identify(vector(-1, 0), people, options())).candidates, [
      candidate("P00", 1, "photo 0"),
      candidate("P01", 2, "photo 43"),
      candidate("P02", 3, "photo 36"),
    ]);
  });

  it("refuses an embedding of another length, and one that holds a NaN", async () => {
    await assert.rejects(
      identify(vector(0, 0, 0), gallery(), options()),
      /3 dimensions cannot be compared with a gallery of 2/,
    );
    for (const bad of [NaN, Infinity])
      await assert.rejects(
        identify(vector(bad, 0), gallery(), options()),
        /holds a NaN or an infinity: it was not made by a facenet-embed node/,
      );
    await assert.rejects(identify(vector(NaN, 0), rosterOf([]), options()), /NaN/, "in an empty gallery too");
  });

  it("lets a runner-up above τ make it ambiguous too", async () => {
    assert.equal(
      (await identify(vector(0.49, 0), gallery(), options({ margin: 0.05, threshold: 0.5 }))).outcome,
      "ambiguous",
    );
  });

  it("rules out a person who is farther away than a negative anchor against them, and takes the next", async () => {
    const ruled = anchor(gallery(), vector(0.4, 0), "alice");
    const identity = await identify(vector(0.45, 0), ruled, options({ threshold: 0.6 }));
    assert.deepEqual(
      [identity.outcome, identity.name, identity.candidates[0]],
      ["match", "Bob", { ...candidate("Alice", Math.fround(0.45), "photo 0"), ruledOut: true }],
    );
    assert.equal(
      (await identify(vector(0, 0), ruled, options())).name,
      "Alice",
      "who is nearer than the anchor is Alice still",
    );
  });

  it("calls an ignored stranger unknown, whomever they resemble", async () => {
    const { outcome, reason, distance } = await identify(
      vector(0.4, 0),
      anchor(gallery(), vector(0.45, 0), null),
      options(),
    );
    assert.deepEqual([outcome, reason, distance], ["unknown", "negative_anchor", Math.fround(0.4)]);
  });

  it("finds the person behind those whom anchors rule out, more than were to be named", async () => {
    const crowd = Array.from(
      { length: 6 },
      (_, index) => [`Other ${index}`, vector(0, (index + 1) / 16)] as [string, Float32Array],
    );
    const roster = rosterOf([...crowd, ["Alice", vector(0, 0.5)]]);
    for (const [name] of crowd) anchor(roster, vector(0, 0), name.toLowerCase());
    const { outcome, name, candidates } = await identify(vector(0, 0), roster, options({ topK: 1 }));
    assert.deepEqual([outcome, name, candidates.map(({ ruledOut }) => ruledOut)], ["match", "Alice", [true]]);
  });

  it("rules nobody out whom an anchor is only as near as, and names nobody then either", async () => {
    const { outcome, reason, margin, candidates } = await identify(
      vector(0.25, 0),
      anchor(gallery(), vector(0.5, 0), "alice"),
      options({ margin: 0 }),
    );
    assert.deepEqual(
      [outcome, reason, margin, candidates[0]],
      ["ambiguous", "margin", 0, candidate("Alice", 0.25, "photo 0")],
    );
  });

  it("matches at the margin exactly", async () => {
    // Alice at 0.25, Bob at 0.75: 0.5 between them, in numbers without rounding.
    assert.equal((await identify(vector(0.25, 0), gallery(), options({ margin: 0.5 }))).outcome, "match");
  });

  it("is ambiguous when a negative anchor is nearly as near as the person", async () => {
    const { outcome, reason } = await identify(
      vector(0.24, 0),
      anchor(gallery(), vector(0.49, 0), "alice"),
      options(),
    );
    assert.deepEqual([outcome, reason], ["ambiguous", "margin"]);
  });

  it("keeps a name when a person was removed while the search went on", async () => {
    const roster = gallery();
    const search = identify(vector(0, 0), roster, options());
    roster.removePerson("alice");
    roster.putPerson({ id: "carol", name: "Carol", groups: [], validFrom: null, validUntil: null });
    roster.putPhoto("hers", "carol", vector(0, 0));
    assert.notEqual((await search).name, "Bob");
    assert.equal((await identify(vector(0, 0), roster, options())).name, "Carol");
  });
});

describe("who may pass", () => {
  const at = new Date(2026, 10, 24, 12, 0);
  const told = async (roster: Roster, fields: object = {}): Promise<string> => {
    const { outcome, name, reason } = await identify(vector(0, 0), roster, options(fields), at);
    return `${outcome} ${name} ${reason}`;
  };

  it("lets pass the people of the wanted groups only, and says who was denied", async () => {
    assert.equal(
      await told(gallery({ groups: ["family"] }), { groups: ["Family", "staff"] }),
      "match Alice below_threshold",
    );
    assert.equal(await told(gallery({ groups: ["family"] }), { groups: ["staff"] }), "denied Alice not_in_group");
  });

  it("takes nobody for somebody of the right group because they themselves are not of it", async () => {
    const roster = gallery();
    roster.putPerson({ id: "bob", name: "Bob", groups: ["staff"], validFrom: null, validUntil: null });
    assert.equal(await told(roster, { groups: ["staff"], threshold: 2 }), "denied Alice not_in_group");
  });

  it("never lets blocked people pass, whatever else they are", async () => {
    assert.equal(await told(gallery({ groups: ["blocked", "staff"] }), { groups: ["staff"] }), "denied Alice blocked");
  });

  it("lets a person pass from their first to their last moment", async () => {
    const now = at.getTime();
    assert.equal(await told(gallery({ validFrom: now, validUntil: now })), "match Alice below_threshold");
    assert.equal(await told(gallery({ validFrom: now + 1 })), "denied Alice not_valid");
    assert.equal(await told(gallery({ validUntil: now - 1 })), "denied Alice not_valid");
  });

  it("denies at other times than those of the node", async () => {
    assert.equal(
      await told(gallery(), { schedule: [{ days: [2], from: "08:00", to: "18:00" }] }),
      "match Alice below_threshold",
    );
    assert.equal(
      await told(gallery(), { schedule: [{ days: [3], from: "08:00", to: "18:00" }] }),
      "denied Alice outside_schedule",
    );
  });

  it("holds for verification too", async () => {
    const { outcome, name, reason } = await verify(
      vector(0, 0),
      "Alice",
      gallery({ groups: ["blocked"] }),
      options(),
      at,
    );
    assert.deepEqual([outcome, name, reason], ["denied", "Alice", "blocked"]);
  });
});

describe("with a cohort", () => {
  const corner = (axis: number): number[] => Array.from({ length: 12 }, (_, index) => (index === axis ? 1 : 0));
  /** Near the last axis lies a crowd of nobody: whoever is there must come nearer. */
  const rows = Float32Array.from(
    [
      ...Array.from({ length: 10 }, (_, index) => [
        ...toUnitLength(vector(...corner(11).map((value, axis) => value + (axis === index ? 0.3 : 0)))),
      ]),
      ...Array.from({ length: 10 }, (_, index) => corner(index)),
    ].flat(),
  );
  const near = (axis: number, aside: number): Float32Array =>
    vector(...corner(axis).map((value, index) => value + (index === (axis + 1) % 12 ? aside : 0)));
  const crowded = (): Roster =>
    rosterOf(
      [
        ["Alice", near(11, 0)],
        ["Bob", near(10, 0)],
      ],
      {},
      { rows, dimensions: 12, mean: 0.8, threshold: 0.5 },
    );

  it("lets a face from a crowded place match only where it is much nearer, by the τ of d′", async () => {
    // Both probes are as far from their person.
    const [inCrowd, alone] = [
      await identify(near(11, 0.6), crowded(), options()),
      await identify(near(10, 0.6), crowded(), options()),
    ];
    assert.deepEqual(
      [inCrowd, alone].map(({ outcome, name, threshold }) => [outcome, name, threshold]),
      [
        ["unknown", null, 0.5],
        ["match", "Bob", 0.5],
      ],
    );
    assert.deepEqual(
      [inCrowd, alone].map(({ candidates: [first] }) => first?.euclidean),
      [Math.fround(0.6), Math.fround(0.6)],
    );
    assert.ok(
      (inCrowd.distance as number) > (alone.distance as number) + 0.1 &&
        inCrowd.distance === inCrowd.candidates[0]?.distance,
    );
    assert.deepEqual(
      [
        (await verify(near(11, 0.6), "Alice", crowded(), options())).outcome,
        (await verify(near(10, 0.6), "Bob", crowded(), options())).outcome,
      ],
      ["unknown", "match"],
    );
  });

  it("compares by Euclidean distance, and its τ, where that is asked for", async () => {
    const { outcome, distance, threshold, candidates } = await identify(
      near(11, 0.45),
      crowded(),
      options({ distance: "euclidean" }),
    );
    assert.deepEqual(
      [outcome, distance, threshold, candidates[0]?.distance],
      ["match", Math.fround(0.45), 0.5, Math.fround(0.45)],
    );
    assert.equal(
      (await verify(near(11, 0.45), "Alice", crowded(), options({ distance: "euclidean" }))).distance,
      Math.fround(0.45),
    );
  });

  it("rules people out by anchors that are nearer than all of their photos, and counts them as rivals", async () => {
    const against = anchor(crowded(), near(10, 0.5), "bob");
    assert.deepEqual(
      await identify(near(10, 0.45), against, options()).then(({ outcome, reason }) => [outcome, reason]),
      ["unknown", "negative_anchor"],
    );
    const { outcome, margin } = await identify(near(10, 0.1), against, options());
    assert.equal(outcome, "match");
    assert.ok(Math.abs((margin as number) - 0.3) < 1e-6, "0.4 from the anchor, 0.1 from the photo");
  });
});

describe("verify", () => {
  it("asks only for the claimed person", async () => {
    assert.deepEqual(await verify(vector(0.75, 0), "Alice", gallery(), options({ threshold: 0.8 })), {
      outcome: "match",
      name: "Alice",
      person: "alice",
      groups: [],
      distance: 0.75,
      threshold: 0.8,
      margin: null,
      candidates: [candidate("Alice", 0.75, "photo 0")],
      reason: "below_threshold",
    });
    assert.deepEqual((await verify(vector(0, 0), "Bob", gallery(), options())).reason, "above_threshold");
  });

  it("matches at τ exactly, and not a hair above", async () => {
    const at = async (x: number): Promise<string[]> => {
      const { outcome, reason } = await verify(vector(x, 0), "Alice", gallery(), options({ threshold: 0.75 }));
      return [outcome, reason];
    };
    assert.deepEqual(
      [await at(0.75), await at(0.7500001)],
      [
        ["match", "below_threshold"],
        ["unknown", "above_threshold"],
      ],
    );
  });

  it("rules nobody out whom an anchor is only as near as", async () => {
    assert.equal(
      (await verify(vector(0.25, 0), "Alice", anchor(gallery(), vector(0.5, 0), "alice"), options())).outcome,
      "match",
    );
    assert.equal(
      (await verify(vector(0.25, 0), "Alice", anchor(gallery(), vector(0.375, 0), "alice"), options())).reason,
      "negative_anchor",
    );
  });

  it("does not know a name that is not enrolled", async () => {
    const { outcome, reason, distance } = await verify(vector(0, 0), "Mallory", gallery(), options());
    assert.deepEqual([outcome, reason, distance], ["unknown", "not_enrolled", null]);
  });
});

describe("decide", () => {
  const decideFor = (face: Face, age?: number, fields: object = {}) =>
    decide(face, { gallery: gallery(), options: options(fields), claim: undefined, age });

  it("says of a false detection that there is no face", async () => {
    const { outcome, reason } = await decideFor({
      box: { x: 0, y: 0, width: 9, height: 9 },
      score: 5,
      rejected: "bad_alignment",
    });
    assert.deepEqual([outcome, reason], ["noface", "bad_alignment"]);
  });

  it("never matches a face that is too small or blurred", async () => {
    for (const rejected of ["too_small", "blurry"] as const)
      assert.deepEqual(
        (await decideFor({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5, rejected })).reason,
        rejected,
      );
  });

  it("matches nobody in a frame that is too old", async () => {
    assert.deepEqual(
      [
        (await decideFor(faceWith(vector(0, 0)), 501, { maxAge: 500 })).reason,
        (await decideFor(faceWith(vector(0, 0)), 500, { maxAge: 500 })).reason,
      ],
      ["stale", "below_threshold"],
    );
    assert.equal(
      (await decideFor(faceWith(vector(0, 0)), undefined, { maxAge: 500 })).outcome,
      "match",
      "a photo has no age",
    );
  });

  it("never compares embeddings of two models", async () => {
    const { outcome, reason } = await decideFor(faceWith(vector(0, 0), { model: "other" }));
    assert.deepEqual([outcome, reason], ["unknown", "model_mismatch"]);
  });

  it("asks for a facenet-embed node when there is no embedding", async () => {
    await assert.rejects(
      decideFor({ box: { x: 0, y: 0, width: 9, height: 9 }, score: 5 }),
      /put a facenet-embed node before this one/,
    );
  });
});
