import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readPresence, readVisit, type Visit } from "../../lib/visit";

const VISIT: Visit = {
  visit: "v1",
  event: "confirmed",
  gallery: "g",
  person: "p1",
  name: "Alice",
  groups: ["family"],
  confirmed: true,
  since: 1,
  lastSeen: 5,
  camera: "c",
  source: "Front door",
  zone: "Front door",
  distance: -0.2,
  threshold: 0.7,
  sure: 1,
  frames: 3,
  duration: 4,
  zones: ["Front door"],
  others: [],
  at: 6,
  sequence: 2,
};

describe("a visit in a message", () => {
  it("is read as it was told, and what others put beside it is left out", () => {
    assert.deepEqual(readVisit({ ...VISIT, mine: 1 }), VISIT);
    const presence = { gallery: "g", at: 1, sequence: 0, here: [] };
    assert.deepEqual(readPresence(presence), presence);
  });

  it("is refused with the name of the field that is wrong", () => {
    const wrong: Partial<Record<keyof Visit, unknown>> = {
      event: "gone",
      person: undefined,
      since: "now",
      sure: 2,
      others: [{}],
      snapshot: "/9j/",
      sequence: -1,
    };
    for (const [field, value] of Object.entries(wrong))
      assert.throws(() => readVisit({ ...VISIT, [field]: value }), { message: new RegExp(`msg\\.visit.*${field}`) });
    for (const none of [undefined, null, 7, [], "Alice"])
      assert.throws(() => readPresence(none), { message: /msg\.presence/ });
  });
});
