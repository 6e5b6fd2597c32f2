import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UnknownGroup } from "../../../lib/people/people";
import {
  JOIN,
  MAX_PICTURES,
  type Offered,
  type Sighting,
  Unknowns,
  type UnknownsOptions,
  VISIT_GAP_MS,
} from "../../../lib/unknowns/unknowns";
import type { Quality } from "../../../lib/message";

const GOOD: Quality = { size: 40, blur: 50, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 };
const BLURRED: Quality = { ...GOOD, blur: 5 };
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const unknowns = (options: Partial<UnknownsOptions> = {}, records: readonly UnknownGroup[] = []): Unknowns =>
  new Unknowns({ model: "m", fingerprint: "f", threshold: 1, ...options }, records);

/** A stranger at a place on a line; τ is 1. */
const at = (place: number, fields: Partial<Sighting> = {}): Sighting => ({
  embedding: Float32Array.of(place, 0),
  quality: GOOD,
  at: 0,
  source: "door",
  ...fields,
});

function offered(result: Offered | undefined): Offered {
  assert.ok(result !== undefined, "it is in no group");
  return result;
}

describe("Unknowns", () => {
  it("opens a group for a stranger and asks for their picture", () => {
    const { group, ...rest } = offered(unknowns().offer(at(0, { at: 7 })));
    assert.match(group.id, /^[0-9a-f]{12}$/);
    assert.deepEqual(
      { ...group, id: "" },
      {
        id: "",
        firstSeenAt: 7,
        lastSeenAt: 7,
        visits: 1,
        model: "m",
        fingerprint: "f",
        vectors: [Float32Array.of(0, 0)],
        pictures: 0,
      },
    );
    assert.deepEqual(rest, { isNew: true, newVisit: true, wantsPicture: true, changed: true, evicted: [] });
  });

  it("knows them again within the bound, and another beyond it", () => {
    const strangers = unknowns();
    const first = offered(strangers.offer(at(0)));
    assert.equal(offered(strangers.offer(at(JOIN - 0.01, { at: 1 }))).group.id, first.group.id);
    const alone = unknowns();
    alone.offer(at(0));
    assert.equal(offered(alone.offer(at(JOIN + 0.01, { at: 1 }))).isNew, true);
  });

  it("takes the nearest of several groups", () => {
    const strangers = unknowns();
    const ids = [0, 2].map((place, index) => offered(strangers.offer(at(place, { at: index }))).group.id);
    assert.equal(offered(strangers.offer(at(1.3, { at: 5 }))).group.id, ids[1]);
  });

  it("opens no group for a poor face, but knows whom it belongs to", () => {
    const poor: (Quality | undefined)[] = [
      BLURRED,
      { ...GOOD, size: 10 },
      { ...GOOD, exposure: 10 },
      { ...GOOD, exposure: 250 },
      { ...GOOD, pose: { yaw: 45, pitch: 0, roll: 0 } },
      { ...GOOD, pose: { yaw: 0, pitch: -45, roll: 0 } },
      undefined,
    ];
    for (const quality of poor) {
      const strangers = unknowns();
      assert.equal(strangers.offer(at(0, { quality })), undefined);
      strangers.offer(at(0));
      const { group, wantsPicture } = offered(strangers.offer(at(0.6, { quality, at: VISIT_GAP_MS + 1 })));
      assert.deepEqual([group.visits, group.vectors.length, wantsPicture], [2, 1, false]);
    }
  });

  it("ends a visit after a minute of absence, not after a long stay", () => {
    const strangers = unknowns();
    strangers.offer(at(0));
    const stay = [50, 100, 150].map((seconds) => offered(strangers.offer(at(0, { at: seconds * 1000 }))).newVisit);
    assert.deepEqual(stay, [false, false, false]);
    const back = offered(strangers.offer(at(0, { at: 150_000 + VISIT_GAP_MS + 1 })));
    assert.deepEqual(
      [back.newVisit, back.group.visits, back.group.firstSeenAt, back.group.lastSeenAt],
      [true, 2, 0, 150_000 + VISIT_GAP_MS + 1],
    );
  });

  it("counts one visit for two cameras, also when one clock is behind", () => {
    const strangers = unknowns();
    strangers.offer(at(0, { at: 10 * MINUTE }));
    const { group, newVisit } = offered(strangers.offer(at(0, { at: 0, source: "hall" })));
    assert.deepEqual([newVisit, group.visits, group.lastSeenAt], [false, 1, 10 * MINUTE]);
  });

  it("keeps five embeddings that differ", () => {
    const strangers = unknowns();
    for (let step = 0; step < 40; step += 1) strangers.offer(at(step * 0.25, { at: step }));
    const [first] = strangers.records.toSorted((a, b) => a.firstSeenAt - b.firstSeenAt);
    assert.deepEqual(
      first?.vectors.map(([place]) => place),
      [0, 0.5, 1, 1.5, 2],
    );
  });

  it("takes two faces of one picture for two people, and two boxes around one face for one", () => {
    const strangers = unknowns();
    const first = offered(strangers.offer(at(0, { at: 40 })));
    assert.equal(offered(strangers.offer(at(0.6, { at: 40 }))).isNew, true);
    assert.equal(offered(strangers.offer(at(0.1, { at: 41 }))).group.id, first.group.id);
    assert.equal(offered(strangers.offer(at(0.1, { at: 41 }))).group.id, first.group.id);
    assert.equal(offered(strangers.offer(at(-0.6, { at: 41, source: "hall" }))).group.id, first.group.id);
  });

  it("wants three pictures: of new visits and of other looks", () => {
    const strangers = unknowns();
    const wanted = [
      at(0),
      at(0.1, { at: 1 }),
      at(0.7, { at: 2 }),
      at(0, { at: 2 * MINUTE }),
      at(0, { at: 4 * MINUTE }),
    ].map((sighting) => offered(strangers.offer(sighting)).wantsPicture);
    assert.deepEqual(wanted, [true, false, true, true, false]);
    assert.equal(wanted.filter(Boolean).length, MAX_PICTURES);
    const [group] = strangers.records;
    assert.ok(group !== undefined);
    strangers.follow({ ...group, pictures: 1 });
    assert.deepEqual([strangers.records[0]?.pictures, group.pictures], [1, 0]);
  });

  it("says what is worth writing: not every frame", () => {
    const strangers = unknowns();
    const changed = [0, 0.04, 30, 61, 62, 121.5].map(
      (seconds) => offered(strangers.offer(at(0, { at: seconds * 1000 }))).changed,
    );
    assert.deepEqual(changed, [true, false, false, true, false, true]);
    assert.equal(offered(strangers.offer(at(0.7, { at: 121_600 }))).changed, true);
  });

  it("makes room by letting go of who came least often and was away longest", () => {
    const strangers = unknowns({ maxGroups: 3 });
    const regular = offered(strangers.offer(at(0))).group.id;
    strangers.offer(at(0, { at: 2 * MINUTE }));
    const [older, newer] = [
      offered(strangers.offer(at(10, { at: 3 * MINUTE }))).group.id,
      offered(strangers.offer(at(20, { at: 4 * MINUTE }))).group.id,
    ];
    const newest = offered(strangers.offer(at(30, { at: 5 * MINUTE })));
    assert.deepEqual(newest.evicted, [older]);
    assert.deepEqual(
      strangers.records.map(({ id }) => id),
      [newest.group.id, newer, regular],
    );
  });

  it("forgets whom nobody has seen for a week", () => {
    const strangers = unknowns();
    const old = offered(strangers.offer(at(0))).group.id;
    strangers.offer(at(10, { at: DAY }));
    assert.deepEqual(strangers.expired(7 * DAY), []);
    assert.deepEqual(strangers.expired(7 * DAY + 1), [old]);
    assert.deepEqual([strangers.records.length, strangers.record(old)], [1, undefined]);
  });

  it("goes on from its records, with no more of them than are allowed", () => {
    const before = unknowns();
    for (const place of [0, 10, 20]) before.offer(at(place, { at: place }));
    const after = unknowns({ maxGroups: 2 }, before.records);
    assert.deepEqual(after.expired(30), [before.records[2]?.id]);
    assert.equal(offered(after.offer(at(20.1, { at: 30 }))).group.id, before.records[0]?.id);
  });

  it("does not compare with groups of another model", () => {
    const before = unknowns({ fingerprint: "other" });
    before.offer(at(0));
    const after = unknowns({}, before.records);
    assert.equal(offered(after.offer({ ...at(0, { at: 1 }), embedding: Float32Array.of(0, 0, 0) })).isNew, true);
    assert.equal(after.records.length, 2);
  });

  it("lets go of a group that was named", () => {
    const strangers = unknowns();
    const { group } = offered(strangers.offer(at(0)));
    assert.deepEqual([strangers.remove(group.id), strangers.remove(group.id), strangers.records], [true, false, []]);
    assert.equal(offered(strangers.offer(at(0, { at: 1 }))).isNew, true);
  });

  it("keeps its own copy of an embedding", () => {
    const strangers = unknowns();
    const sighting = at(0);
    const { group } = offered(strangers.offer(sighting));
    sighting.embedding[0] = 9;
    assert.deepEqual(group.vectors, [Float32Array.of(0, 0)]);
  });
});
