import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Present, Visit } from "../../../lib/visit";
import { sealOf } from "../../../lib/presence/seal";
import { GateRig, NOON, PIN, someone } from "../../support/gate";

describe("a gate's decision", () => {
  it("denies after the clock was set, either way, until the face and the factor come anew", () => {
    for (const jump of [-3_600_000, -1001, 1001, 3_600_000]) {
      const rig = new GateRig();
      rig.show();
      rig.clock.wall += jump;
      // The face of before counts no more, and no message of before says who is here.
      assert.deepEqual([...rig.give(), ...rig.pass(15_000)], ["not_told"]);
      rig.show();
      assert.deepEqual(rig.give(), ["grant"]);
    }
    const waiting = new GateRig();
    assert.deepEqual(waiting.give(), []);
    waiting.clock.wall -= 5000;
    assert.deepEqual(waiting.show(), ["clock_jumped"]);
    // Little by little is no jump.
    const drawn = new GateRig();
    drawn.show();
    drawn.clock.wall += 900;
    assert.deepEqual(drawn.give(), ["grant"]);
  });

  it("denies where the clock is set while the factor is compared", () => {
    const rig = new GateRig();
    rig.show();
    const [verify] = rig.core.factor({ kind: "pin", value: PIN });
    assert.equal(verify?.do, "verify");
    rig.clock.wall += 5000;
    rig.core.tick();
    rig.core.presence(rig.told([someone(rig.clock.now())]));
    assert.deepEqual(rig.said(rig.core.verified(1, "pin")), ["clock_jumped"]);
  });

  it("hears nothing of an answer that nobody asked for, or a second time", () => {
    const rig = new GateRig();
    rig.show();
    assert.deepEqual(rig.core.verified(1, "pin"), []);
    const [verify] = rig.core.factor({ kind: "pin", value: PIN });
    assert.ok(verify?.do === "verify");
    assert.deepEqual(rig.said(rig.core.verified(verify.attempt + 1, "pin")), []);
    assert.deepEqual(rig.said(rig.core.verified(verify.attempt, "pin")), ["grant"]);
    assert.deepEqual(rig.said(rig.core.verified(verify.attempt, "pin")), []);
  });

  it("denies by what a visit left, and grants by what a visit tells", () => {
    const visit = (event: Visit["event"], fields: Partial<Visit> = {}): Visit => {
      const { gallery, at, sequence } = rig.told([]);
      const told = { ...someone(at), event, gallery, at, sequence, duration: 1, zones: ["door"], others: [] };
      return { ...told, ...fields, seal: sealOf({ ...told, ...fields }) };
    };
    const rig = new GateRig();
    rig.said(rig.core.visit(visit("confirmed")));
    assert.deepEqual(rig.give(), ["grant"]);
    rig.said(rig.core.visit(visit("left")));
    assert.deepEqual([...rig.give(), ...rig.pass(15_000)], ["nobody_here"]);
    // Somebody else's leaving leaves those who are here.
    const alice = someone(rig.clock.now());
    const left = { visit: "visit-9", person: "bob", name: "Bob", others: [alice] };
    rig.said(rig.core.visit(visit("left", left)));
    assert.deepEqual(rig.give(), ["grant"]);
  });

  it("denies what was heard too long ago, though a camera's clock is ahead", () => {
    const rig = new GateRig();
    rig.show([someone(NOON, { lastSeen: NOON + 900, sure: 0.5 })]);
    rig.clock.pass(3500);
    assert.deepEqual([...rig.give(), ...rig.pass(15_000)], ["not_sure"]);
    const silent = new GateRig({ options: { factor: "none" } });
    silent.show([]);
    silent.clock.pass(60_000);
    assert.deepEqual(silent.said(silent.core.ask()), ["nobody_here"]);
  });

  it("tells once that a known face waits for a factor, after the window, and not where one was given", () => {
    const rig = new GateRig();
    const stand = (ms: number): string[] => {
      const said: string[] = [];
      for (let left = ms; left > 0; left -= 1000) said.push(...rig.pass(1000), ...rig.show());
      return said;
    };
    assert.deepEqual(stand(14_000), []);
    assert.deepEqual(stand(60_000), ["factor_missing"]);
    const given = new GateRig({ verify: () => "wrong" });
    given.show();
    assert.deepEqual(given.give(), ["factor_wrong"]);
    assert.deepEqual([...given.pass(1000), ...given.show(), ...given.pass(60_000), ...given.show()], []);
  });

  it("keeps the newest of two factors that wait, and says what became of the other", () => {
    const rig = new GateRig();
    assert.deepEqual(rig.give({ value: "111222" }), []);
    assert.deepEqual(rig.give(), ["factor_replaced"]);
    assert.deepEqual(rig.show(), ["grant"]);
    assert.deepEqual([...rig.show(), ...rig.pass(60_000)], []);
  });

  it("hears each face-presence of its own cameras, and takes nothing of what the other tells for an end", () => {
    const rig = new GateRig({ options: { alone: true } });
    const stranger = someone(rig.clock.now(), { visit: "b-1", person: null, name: null });
    const tell = (node: string, here: Present[]): string[] => rig.show(here, { node });
    tell("b", [stranger]);
    tell("a", [someone(rig.clock.now(), { visit: "a-1" })]);
    assert.deepEqual(rig.give(), []);
    // Of the one that sees the person nothing is heard for too long, whatever the other says.
    rig.clock.pass(2000);
    assert.deepEqual(tell("b", []), ["grant"]);
    rig.clock.pass(14_000);
    tell("b", []);
    assert.equal(rig.core.ready.length, 0);
    // Numbers of one are in order; those of the other may lie between.
    const late = rig.told([someone(rig.clock.now(), { visit: "a-1" })], { node: "a" });
    tell("b", []);
    assert.deepEqual(rig.said(rig.core.presence(late)), []);
    assert.equal(rig.core.ready.length, 1);
    rig.core.presence(late);
    assert.deepEqual(rig.give(), ["grant"]);
  });

  it("takes a person whom two face-presence nodes see for one, and lets them in once", () => {
    for (const factor of ["pin", "none"]) {
      const rig = new GateRig({ options: { alone: true, factor } });
      const tell = (node: string): string[] => rig.show([someone(rig.clock.now(), { visit: `${node}-1` })], { node });
      const said = [...tell("a"), ...tell("b"), ...tell("a")];
      if (factor === "pin") said.push(...rig.give());
      assert.deepEqual([...said, ...tell("b"), ...tell("a")], ["grant"], factor);
    }
  });

  it("tells once why a person is not let in whom two face-presence nodes see", () => {
    const rig = new GateRig({ options: { factor: "none", groups: ["admins"] } });
    const tell = (node: string): string[] => rig.show([someone(rig.clock.now(), { visit: `${node}-1` })], { node });
    assert.deepEqual([...tell("a"), ...tell("b"), ...tell("a")], ["not_in_group"]);
  });

  it("counts nobody more whom a face-presence told of that is gone", () => {
    const there = new Set(["a", "b"]);
    const rig = new GateRig({ options: { alone: true }, isThere: (node) => there.has(node) });
    rig.show([someone(rig.clock.now(), { visit: "b-1", person: null, name: null })], { node: "b" });
    rig.show([someone(rig.clock.now(), { visit: "a-1" })], { node: "a" });
    assert.equal(rig.core.ready.length, 0);
    there.delete("b");
    assert.equal(rig.core.ready.length, 1);
    assert.deepEqual(rig.give(), ["grant"]);
  });

  it("takes no message of before for a new one after a deploy, of whichever face-presence", () => {
    const rig = new GateRig();
    const before = ["a", "b"].map((node) => rig.told([someone(rig.clock.now())], { node }));
    for (const told of before) rig.core.presence(told);
    rig.deploy();
    for (const told of before) rig.core.presence(told);
    assert.deepEqual(rig.core.ready, []);
  });

  it("wakes when what waits is over, and not before", () => {
    const rig = new GateRig();
    assert.equal(rig.core.wakeAt, undefined);
    rig.give();
    assert.equal(rig.core.wakeAt, rig.clock.mono + 15_000);
    assert.deepEqual(rig.pass(14_999), []);
    assert.deepEqual(rig.pass(1), ["not_told"]);
    assert.equal(rig.core.wakeAt, undefined);
  });

  it("tells of forged messages now and then, however many come", () => {
    const rig = new GateRig();
    const forge = (): string[] => rig.said(rig.core.presence({ ...rig.told([someone(NOON)]), seal: "x" }));
    const said = Array.from({ length: 1000 }, forge).flat();
    assert.deepEqual(said, ["forged"]);
    rig.clock.pass(15_000);
    assert.deepEqual(forge(), ["forged"]);
  });

  it("remembers which factors and visits were used up for the gate that comes after it", () => {
    const rig = new GateRig();
    rig.show();
    assert.deepEqual(rig.give({ id: "press-1" }), ["grant"]);
    assert.ok(!JSON.stringify(rig.core.spent).includes("press-1"), "an id may be a secret");
    const next = new GateRig({ spent: rig.core.spent });
    next.show();
    assert.deepEqual(next.give({ id: "press-1" }), ["factor_replayed"]);
    assert.deepEqual(next.give({ id: "press-2" }), ["grant"]);
  });
});
