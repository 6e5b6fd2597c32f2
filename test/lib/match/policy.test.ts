import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decideBy } from "../../../lib/match/match";
import { matchOptionsSchema } from "../../../lib/match/options";
import { admitByGroups, excludeByAnchors, IDENTIFY, type MatchPolicy, verifying } from "../../../lib/match/policy";
import { Roster } from "../../../lib/search/roster";

const PERSON = { groups: [], validFrom: null, validUntil: null };
const options = matchOptionsSchema.parse({ distance: "euclidean", threshold: 0.7, margin: 0.1 });

/** Alice at 0, Bob at 1, Carol at 1.05 on a line. */
function roster(): Roster {
  const people = new Roster("line", { threshold: 0.7 });
  for (const [index, name] of ["Alice", "Bob", "Carol"].entries()) {
    people.putPerson({ ...PERSON, id: name, name, ...(name === "Alice" ? { groups: ["family"] } : {}) });
    people.putPhoto(`${name}.jpg`, name, at([0, 1, 1.05][index] as number));
  }
  return people;
}

const at = (x: number): Float32Array => Float32Array.of(x, 0);
const decided = async (policy: MatchPolicy, x: number, with_ = options): Promise<string> => {
  const { outcome, name, reason } = await decideBy(policy, at(x), roster(), with_);
  return `${outcome} ${name} ${reason}`;
};

describe("a match policy", () => {
  it("takes another search: only whom a badge names, say, comes into question", async () => {
    const badge: MatchPolicy = {
      ...IDENTIFY,
      search: async (probe, gallery, { kind }) => {
        const named = await gallery.named(probe, "Carol", kind);
        return named === undefined ? [] : [named];
      },
    };
    assert.equal(await decided(IDENTIFY, 1.02), "ambiguous null margin");
    assert.equal(await decided(badge, 1.02), "match Carol below_threshold");
  });

  it("takes another exclusion: nobody of a list, say", async () => {
    const left = new Set(["Bob"]);
    const without: MatchPolicy = {
      ...IDENTIFY,
      exclude: (found, anchors) =>
        excludeByAnchors(found, anchors).map((near) => ({ ...near, ruledOut: left.has(near.person.name) })),
    };
    assert.equal(await decided(without, 1), "match Carol below_threshold");
    const { candidates } = await decideBy(without, at(1), roster(), options);
    assert.deepEqual(
      candidates.map(({ name, ruledOut }) => `${name} ${ruledOut === true}`),
      ["Bob true", "Carol false", "Alice false"],
    );
  });

  it("takes another margin, and another judge", async () => {
    assert.equal(await decided({ ...IDENTIFY, leastMargin: () => 0 }, 1.01), "match Bob below_threshold");
    const never: MatchPolicy = {
      ...IDENTIFY,
      judge: ({ rivals: [rival] }) => ({ rival, distance: 9, margin: null, reason: "above_threshold" }),
    };
    assert.equal(await decided(never, 0), "unknown null above_threshold");
  });

  it("takes another access: nobody passes on their own birthday, say", async () => {
    const closed: MatchPolicy = {
      ...IDENTIFY,
      admit: (person, ...rest) => (person.name === "Alice" ? "outside_schedule" : admitByGroups(person, ...rest)),
    };
    assert.equal(await decided(IDENTIFY, 0), "match Alice below_threshold");
    assert.equal(await decided(closed, 0), "denied Alice outside_schedule");
    const family = matchOptionsSchema.parse({ ...options, margin: 0, groups: ["family"] });
    assert.equal(await decided(closed, 1, family), "denied Bob not_in_group");
  });

  it("of verification knows the claimed person alone, whoever is nearer", async () => {
    assert.equal(await decided(verifying("Carol"), 1.01), "match Carol below_threshold");
    assert.equal(await decided(verifying("Alice"), 1.01), "unknown null above_threshold");
    assert.equal(await decided(verifying("Mallory"), 1.01), "unknown null not_enrolled");
  });
});
