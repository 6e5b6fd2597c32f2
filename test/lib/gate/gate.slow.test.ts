import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { UserError } from "../../../lib/errors";
import { Gate, type GateParts } from "../../../lib/gate/gate";
import { secretOf } from "../../../lib/gate/kept-file";
import { type GateOptions, gateOptionsSchema } from "../../../lib/gate/options";
import { factorsIn } from "../../../lib/gate/shared-factors";
import { GateLog } from "../../../lib/gate/log/log";
import { verifyLog } from "../../../lib/gate/log/verify";
import type { Deny, Grant } from "../../../lib/grant";
import { stretch } from "../../../lib/people/lmdb/secret";
import { isSealed, sealOf } from "../../../lib/presence/seal";
import type { Present } from "../../../lib/visit";
import { ActingChild } from "../../support/acting-child";
import type { GateActs } from "../../support/gate-child";
import { ALICE, GALLERY, PIN, someone, TurnedClock } from "../../support/gate";
import { eventually } from "../../support/node-red";

const root = mkdtempSync(join(tmpdir(), "gate-"));
let folders = 0;
const newFolder = (): string => join(root, String((folders += 1)));

const opened: Gate[] = [];

interface Rig {
  gate: Gate;
  clock: TurnedClock;
  folder: string;
  faults: unknown[];
  /** What was told: "grant" or the reason of a deny. */
  said: string[];
  grants: Grant[];
  denies: Deny[];
  /** Somebody is here, or nobody. */
  show: (here?: Present[]) => Promise<void>;
  type: (value?: string) => Promise<string[]>;
  /** As a restart or a deploy does it. */
  again: (parts?: Partial<GateParts>) => Promise<Rig>;
}

async function rig(
  options: Partial<Record<keyof GateOptions, unknown>> = {},
  parts: Partial<GateParts> = {},
  { folder = newFolder(), clock = new TurnedClock() }: { folder?: string; clock?: TurnedClock } = {},
): Promise<Rig> {
  const faults: unknown[] = [];
  const gate = await Gate.open({
    id: "gate",
    name: "front door",
    folder,
    gallery: GALLERY,
    options: gateOptionsSchema.parse(options),
    isSealed,
    open: () => true,
    normalised: () => true,
    known: (person) => (person === "alice" ? ALICE : undefined),
    say: (reason) => `because ${reason}`,
    onFault: (error) => faults.push(error),
    closing: new AbortController().signal,
    clock,
    ...parts,
  });
  opened.push(gate);
  const made: Rig = {
    gate,
    clock,
    folder,
    faults,
    said: [],
    grants: [],
    denies: [],
    async show(here = [someone(clock.now())]) {
      clock.pass(10);
      const told = { gallery: GALLERY, at: clock.now(), sequence: clock.mono, here };
      gate.receive({ presence: { ...told, seal: sealOf(told) } });
      await gate.settled();
    },
    async type(value = PIN) {
      await made.show();
      gate.receive({ factor: { kind: "pin", value } });
      await gate.settled();
      return made.said.splice(0);
    },
    async again(more = {}) {
      await gate.close();
      return rig(options, { ...parts, ...more }, { folder, clock });
    },
  };
  gate.on("grant", (grant) => {
    made.said.push("grant");
    made.grants.push(grant);
  });
  gate.on("deny", (deny) => {
    made.said.push(deny.reason);
    made.denies.push(deny);
  });
  return made;
}

const logFile = (folder: string): string => {
  const log = join(folder, "log");
  return join(
    log,
    readdirSync(log)
      .filter((name) => name.endsWith(".log"))
      .sort()
      .at(-1) ?? "",
  );
};
const entriesOf = (folder: string): Record<string, unknown>[] =>
  readFileSync(logFile(folder), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const kindsOf = (folder: string): unknown[] => entriesOf(folder).map(({ kind, reason }) => reason ?? kind);

afterEach(() => Promise.all(opened.splice(0).map((gate) => gate.close())));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("a gate", () => {
  it("grants once for a PIN, with all that it rests on, after the log has it on the disk", async () => {
    const { gate, clock, folder, type, grants } = await rig({ pulse: 7 });
    await gate.setFactor("alice", "pin", PIN);
    let logged: unknown[] = [];
    gate.on("grant", () => (logged = kindsOf(folder)));
    assert.deepEqual(await type(), ["grant"]);
    const [grant] = grants;
    assert.ok(grant !== undefined);
    assert.deepEqual(grant, {
      id: grant.id,
      gate: "gate",
      gateName: "front door",
      person: "alice",
      name: "Alice",
      at: clock.now(),
      until: clock.now() + 7000,
      evidence: {
        visit: "visit-1",
        distance: 0.7,
        threshold: 0.96,
        sure: 0.99,
        liveness: null,
        factor: "pin",
        zone: "door",
        lastSeen: grant.evidence.lastSeen,
      },
      log: { sequence: 3, hash: entriesOf(folder).at(-1)?.["hash"] },
    });
    assert.deepEqual(logged, ["began", "factor_set", "grant"]);
    // Nobody typed again.
    await gate.settled();
    assert.equal(grants.length, 1);
  });

  it("lets the face come before the factor and the factor before the face, within the window alone", async () => {
    const faceFirst = async (ms: number): Promise<string[]> => {
      const { gate, clock, said, show } = await rig();
      await gate.setFactor("alice", "pin", PIN);
      await show();
      clock.pass(ms);
      gate.receive({ factor: PIN });
      await gate.settled();
      return said.splice(0);
    };
    assert.deepEqual(await faceFirst(14_980), ["grant"]);
    assert.deepEqual(await faceFirst(15_001), []);
    const factorFirst = async (ms: number): Promise<string[]> => {
      const { gate, clock, said, show } = await rig();
      await gate.setFactor("alice", "pin", PIN);
      gate.receive({ factor: PIN });
      clock.pass(ms);
      await show();
      await gate.settled();
      return said.splice(0);
    };
    assert.deepEqual(await factorFirst(14_900), ["grant"]);
    assert.deepEqual(await factorFirst(15_001), ["factor_late"]);
  });

  it("compares a factor with one person alone, and says of several that it cannot tell whose it is", async () => {
    const bob = { ...ALICE, name: "Bob" };
    const { gate, clock, said, show } = await rig({}, { known: (id) => (id === "alice" ? ALICE : bob) });
    await gate.setFactor("alice", "pin", PIN);
    await gate.setFactor("bob", "pin", "852741");
    const both = (): Present[] => [
      someone(clock.now()),
      someone(clock.now(), { visit: "visit-2", person: "bob", name: "Bob" }),
    ];
    const give = async (factor: unknown): Promise<string[]> => {
      await show(both());
      gate.receive({ factor });
      await gate.settled();
      return said.splice(0);
    };
    assert.deepEqual(await give(PIN), ["several_people"]);
    assert.deepEqual(await give({ kind: "pin", value: PIN, person: "Bob" }), ["factor_wrong"]);
    assert.deepEqual(await give({ kind: "pin", value: "852741", person: "bob" }), ["grant"]);
    assert.deepEqual(await give({ kind: "pin", value: PIN, person: "Alice" }), ["grant"]);
  });

  it("denies where somebody else has come, or it is another person, while the factor was compared", async () => {
    for (const [change, reason] of [
      [(now: number) => [someone(now), someone(now, { visit: "visit-2", person: null, name: null })], "not_alone"],
      [(now: number) => [someone(now, { person: "bob", name: "Bob" })], "not_in_gallery"],
      [() => [], "nobody_here"],
    ] as const) {
      const { gate, clock, said, show } = await rig({ alone: true });
      await gate.setFactor("alice", "pin", PIN);
      await show();
      gate.receive({ factor: PIN });
      const shown = show(change(clock.now() + 10));
      await shown;
      assert.deepEqual(said, [reason]);
      assert.equal(gate.lockOf("alice").failures, 0);
    }
  });

  it("without a second factor grants once a visit, and again only when it is asked for", async () => {
    const { gate, said, show, again } = await rig({ factor: "none" });
    await show();
    await show();
    assert.deepEqual(said, ["grant"]);
    await show([]);
    await show();
    assert.deepEqual(said, ["grant"]);
    gate.receive({ ask: true });
    await gate.settled();
    assert.deepEqual(said, ["grant", "grant"]);
    // The visit goes on, whatever was deployed.
    const later = await again();
    await later.show();
    assert.deepEqual(later.said, []);
    await later.show([someone(later.clock.now(), { visit: "visit-2" })]);
    assert.deepEqual(later.said, ["grant"]);
    assert.throws(() => later.gate.receive({ factor: PIN }), /this gate asks for none/);
  });

  it("takes no old message for a new one after the clock was put back and the gate was deployed anew", async () => {
    const { gate, clock, again } = await rig();
    await gate.setFactor("alice", "pin", PIN);
    const told = { gallery: GALLERY, at: clock.now(), sequence: clock.mono, here: [someone(clock.now())] };
    const presence = { ...told, seal: sealOf(told) };
    gate.receive({ presence });
    await gate.settled();
    clock.pass(3_600_000);
    clock.wall -= 3_600_000;
    const later = await again();
    later.gate.receive({ presence, factor: PIN });
    await later.gate.settled();
    assert.deepEqual(later.grants, []);
    // The PIN still waits for a face that is there now.
    await later.show();
    assert.equal(later.grants.length, 1);
  });

  it("denies once a visit, not with each frame, and grants when what was missing comes", async () => {
    const { clock, said, show } = await rig({ factor: "none", alone: true });
    const crowd = (): Present[] => [someone(clock.now()), someone(clock.now(), { visit: "v2", person: null })];
    for (let frame = 0; frame < 40; frame += 1) {
      await show(crowd());
      clock.pass(500);
    }
    assert.deepEqual(
      said.filter((each) => each === "not_alone"),
      ["not_alone"],
    );
    assert.deepEqual(
      said.filter((each) => each === "unknown_person"),
      ["unknown_person"],
    );
    await show();
    assert.equal(said.at(-1), "grant");
  });

  it("opens for nobody who was let in while the disk was busy with somebody else, and is not used up", async (t) => {
    const { gate, clock, said, show } = await rig({ factor: "none" });
    let release = (): void => undefined;
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const append = t.mock.method(GateLog.prototype, "append", async function (this: GateLog, ...given) {
      await busy;
      append.mock.restore();
      return this.append(...given);
    } as GateLog["append"]);
    const stranger = someone(clock.now(), { visit: "visit-9", person: null, name: null, confirmed: true });
    const shown = [show([stranger]), show()];
    clock.pass(5000);
    release();
    await Promise.all(shown);
    assert.ok(said.includes("fault") && !said.includes("grant"), said.join());
    await show();
    assert.equal(said.at(-1), "grant");
    await gate.settled();
  });

  it("denies what cannot be logged, says so, and goes on once it can", async () => {
    const { gate, folder, type, faults } = await rig();
    await gate.setFactor("alice", "pin", PIN);
    const file = logFile(folder);
    const bytes = readFileSync(file);
    rmSync(file);
    mkdirSync(file);
    assert.deepEqual(await type(), ["fault"]);
    assert.ok(faults.length > 0);
    rmSync(file, { recursive: true });
    writeFileSync(file, bytes);
    assert.deepEqual(await type(), ["grant"]);
    assert.equal((await gate.verifyLog()).ok, true);
  });

  it("keeps no PIN, badge or code in any of its files, which are its owner's alone", async () => {
    const { gate, folder, type } = await rig({}, { key: "a pass phrase" });
    await gate.setFactor("alice", "pin", PIN);
    await gate.setFactor("alice", "badge", "04:A2:19:6F");
    const { code } = await gate.issueCode("alice", 5);
    await type("999999");
    await type();
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
    assert.ok(files.length >= 5);
    for (const file of files) {
      const { mode } = statSync(file);
      assert.equal(mode & 0o077, 0, file);
      if (statSync(file).isDirectory()) continue;
      const text = readFileSync(file, "latin1");
      // With a pass phrase nobody's name either.
      for (const secret of [PIN, "999999", "04A2196F", "04:A2", code, "Alice", "alice"])
        assert.ok(!text.includes(secret), `${file} has ${secret}`);
    }
  });

  it("refuses to run on what another pass phrase has sealed, rather than beginning anew", async () => {
    const first = await rig({}, { key: "one" });
    await first.gate.setFactor("alice", "pin", PIN);
    await assert.rejects(
      first.again({ key: "two" }),
      (error) => error instanceof UserError && /sealed/.test(error.message),
    );
    await assert.rejects(first.again({ key: undefined }), /pass phrase/);
    const back = await first.again({ key: "one" });
    assert.deepEqual(await back.type(), ["grant"]);
  });

  it("forgets a person: their factors, failures, names and pictures, and the log still holds", async () => {
    const { gate, folder, type, show, clock } = await rig({ pictures: true });
    await gate.setFactor("alice", "pin", PIN);
    const visit = { ...someone(clock.now()), event: "confirmed", gallery: GALLERY, duration: 1, zones: ["door"] };
    const told = { ...visit, others: [], at: clock.now(), sequence: 1 };
    gate.receive({ visit: { ...told, seal: sealOf(told), snapshot: Buffer.from("a picture") } });
    await show();
    assert.deepEqual(await type("999999"), ["factor_wrong"]);
    assert.deepEqual(await type(), ["grant"]);
    const [newest] = await gate.readLog({ limit: 1 });
    assert.deepEqual([newest?.details?.name, newest?.pictured], ["Alice", true]);
    assert.deepEqual(await gate.picture(newest?.entry.sequence ?? 0), Buffer.from("a picture"));
    const before = await gate.verifyLog();
    assert.deepEqual([before.ok, before.forgotten], [true, 0]);
    await gate.forget("alice");
    const later = await gate.verifyLog();
    assert.deepEqual([later.ok, later.forgotten], [true, 3]);
    for (const { details, pictured } of await gate.readLog({ limit: 100 }))
      assert.deepEqual([details, pictured], [null, false]);
    assert.deepEqual(gate.listFactors(), []);
    assert.deepEqual(readdirSync(join(folder, "log", "pictures")), []);
    assert.deepEqual(await type(), ["factor_unset"]);
  });
});

describe("second factors", () => {
  const VALUE = { person: "alice", pin: "2749" };
  /** Kept by a version that took four digits. */
  async function keepShort(folder: string, setAt = 1): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const salt = randomBytes(16);
    const hash = (await stretch(VALUE.pin, salt, 32)).toString("base64");
    const pin = { salt: salt.toString("base64"), hash, setAt };
    await factorsIn(folder, await secretOf(folder, undefined)).write({ people: { alice: { pin, codes: [] } } });
  }

  it("have six digits or more where they are set now, and shorter ones of before still count", async () => {
    const folder = newFolder();
    await keepShort(folder);
    const { gate, type } = await rig({}, {}, { folder });
    await assert.rejects(gate.setFactor("alice", "pin", VALUE.pin), /at least 6/);
    assert.deepEqual(await type(VALUE.pin), ["grant"]);
  });

  it("are set once for gates that share them, and a code that one gate took no other takes", async () => {
    const sharedFolder = newFolder();
    const [front, back] = [await rig({}, { sharedFolder }), await rig({}, { sharedFolder })];
    const own = await rig();
    await front.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual([await front.type(), await back.type()], [["grant"], ["grant"]]);
    assert.deepEqual(await own.type(), ["factor_unset"]);
    const { code } = await back.gate.issueCode("alice", 5);
    for (const { show } of [front, back]) await show();
    for (const { gate } of [front, back]) gate.receive({ factor: { kind: "qr", value: code } });
    for (const { gate } of [front, back]) await gate.settled();
    assert.deepEqual([...front.said, ...back.said].toSorted(), ["factor_unset", "grant"]);
    // They are there as long as one gate is, and for the gate that is deployed anew.
    const later = await front.again({ sharedFolder });
    assert.deepEqual(await later.type(), ["grant"]);
    await back.gate.forget("alice");
    assert.deepEqual(await later.type(), ["factor_unset"]);
  });

  it("go with a gate that shares them from now on; of two the one that was set later counts", async () => {
    const [sharedFolder, folder] = [newFolder(), newFolder()];
    const other = await rig();
    await other.gate.setFactor("alice", "pin", PIN);
    await other.gate.setFactor("bob", "pin", "852741");
    await keepShort(folder);
    const front = await rig({}, { sharedFolder }, { folder });
    assert.deepEqual(await front.type(VALUE.pin), ["grant"]);
    const file = join(other.folder, "factors");
    const kept = readFileSync(file);
    const back = await other.again({ sharedFolder });
    for (const { type } of [front, back])
      assert.deepEqual([await type(VALUE.pin), await type()], [["factor_wrong"], ["grant"]]);
    assert.ok(!existsSync(file) && !existsSync(join(folder, "factors")));
    const both = [
      { person: "alice", kinds: ["pin"], codes: [] },
      { person: "bob", kinds: ["pin"], codes: [] },
    ];
    assert.deepEqual(front.gate.listFactors(), both);
    // Killed before its own file was gone: it is brought along once more.
    await back.gate.close();
    writeFileSync(file, kept);
    const again = await rig({}, { sharedFolder }, { folder: other.folder, clock: back.clock });
    assert.deepEqual(again.gate.listFactors(), both);
    assert.deepEqual(await again.type(), ["grant"]);
  });

  it("refuse a gate what another pass phrase has sealed for all, and leave its own where they are", async () => {
    const sharedFolder = newFolder();
    const front = await rig({}, { sharedFolder, key: "one" });
    await front.gate.setFactor("alice", "pin", PIN);
    await front.gate.close();
    const folder = newFolder();
    await keepShort(folder);
    await assert.rejects(rig({}, { sharedFolder, key: "two" }, { folder }), /sealed/);
    assert.ok(existsSync(join(folder, "factors")));
    const later = await front.again({ sharedFolder, key: "one" });
    assert.deepEqual(await later.type(), ["grant"]);
  });

  it("with an end are over when that has come, however the clock is put back", async () => {
    const { gate, clock, said, show } = await rig();
    const { code } = await gate.issueCode("alice", 5);
    clock.pass(6 * 60_000);
    clock.wall -= 3_600_000;
    await show();
    gate.receive({ factor: { kind: "qr", value: code } });
    await gate.settled();
    assert.deepEqual(said, ["factor_unset"]);
    assert.deepEqual(gate.listFactors(), []);
  });

  it("are compared as people and readers write them, and refused where they are guessed first", async () => {
    const { gate, said, show } = await rig();
    const give = async (factor: unknown): Promise<string> => {
      await show();
      gate.receive({ factor });
      await gate.settled();
      return said.splice(0).join();
    };
    for (const [kind, value, pattern] of [
      ["pin", "27491", /at least 6/],
      ["pin", "000000", /tried first/],
      ["pin", "123456", /tried first/],
      ["pin", "987654", /tried first/],
      ["qr", "short", /at least 8/],
      ["badge", "x".repeat(1001), /at most 1000/],
    ] as const)
      await assert.rejects(gate.setFactor("alice", kind, value), pattern);
    assert.deepEqual(gate.listFactors(), []);
    await gate.setFactor("alice", "badge", "04:a2:19:6f");
    await gate.setFactor("alice", "qr", "a lasting text");
    assert.equal(await give({ kind: "badge", value: "04A2196F" }), "grant");
    assert.equal(await give({ kind: "badge", value: "04 A2 19 6F" }), "grant");
    assert.equal(await give({ kind: "qr", value: "a lasting text" }), "grant");
    assert.equal(await give({ kind: "qr", value: "A LASTING TEXT" }), "factor_wrong");
    assert.equal(await give({ kind: "pin", value: PIN }), "factor_unset");
    await gate.removeFactor("alice", "badge");
    assert.equal(await give({ kind: "badge", value: "04A2196F" }), "factor_unset");
  });

  it("a code for one time counts once, until its end, and over a restart no second time", async () => {
    const first = await rig();
    const give = async ({ gate, said, show }: Rig, code: string): Promise<string> => {
      await show();
      gate.receive({ factor: { kind: "qr", value: code } });
      await gate.settled();
      return said.splice(0).join();
    };
    const [one, two] = [await first.gate.issueCode("alice", 5), await first.gate.issueCode("alice", 5)];
    assert.equal(await give(first, one.code), "grant");
    assert.equal(await give(first, one.code), "factor_wrong");
    const second = await first.again();
    assert.equal(await give(second, one.code), "factor_wrong");
    second.clock.pass(5 * 60_000);
    assert.equal(await give(second, two.code), "factor_unset");
  });

  it("do not hold up the event loop while they are compared", async () => {
    const { gate, show, said } = await rig();
    await gate.setFactor("alice", "pin", PIN);
    await show();
    gate.receive({ factor: PIN });
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    await gate.settled();
    clearInterval(turn);
    assert.deepEqual(said, ["grant"]);
    // scrypt alone takes a tenth of a second.
    assert.ok(turns >= 5, `${turns} turns`);
  });
});

describe("the lock-out", () => {
  const fail = async (made: Rig, times: number): Promise<string[]> => {
    const said: string[] = [];
    for (let time = 0; time < times; time += 1) said.push(...(await made.type("999999")));
    return said;
  };

  it("asks for thirty seconds before each further try after five failures, and a grant begins anew", async () => {
    const made = await rig();
    await made.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await fail(made, 6), [...Array<string>(5).fill("factor_wrong"), "locked"]);
    assert.ok((made.denies.at(-1)?.wait ?? 0) > 29_000);
    // The right one waits as well.
    assert.deepEqual(await made.type(), ["locked"]);
    made.clock.pass(30_000);
    assert.deepEqual(await fail(made, 2), ["factor_wrong", "locked"]);
    made.clock.pass(30_000);
    assert.deepEqual(await made.type(), ["grant"]);
    assert.deepEqual(await fail(made, 5), Array<string>(5).fill("factor_wrong"));
  });

  it("is off after fifty, until a code for one time or a reset", async () => {
    const made = await rig();
    await made.gate.setFactor("alice", "pin", PIN);
    for (let time = 0; time < 50; time += 1) {
      assert.deepEqual(await fail(made, 1), ["factor_wrong"]);
      made.clock.pass(30_000);
    }
    assert.deepEqual(await made.type(), ["switched_off"]);
    made.clock.pass(86_400_000);
    const later = await made.again();
    assert.deepEqual(await later.type(), ["switched_off"]);
    const { code } = await later.gate.issueCode("alice", 5);
    const giveCode = async (value: string): Promise<string[]> => {
      await later.show();
      later.gate.receive({ factor: { kind: "qr", value } });
      await later.gate.settled();
      return later.said.splice(0);
    };
    later.clock.pass(30_000);
    assert.deepEqual(await giveCode("not the code"), ["factor_wrong"]);
    later.clock.pass(30_000);
    assert.deepEqual(await giveCode(code), ["grant"]);
    assert.deepEqual(await later.type(), ["grant"]);
  });

  it("is lifted by a reset alone where there is no second factor, and counts each visit once", async () => {
    const { gate, clock, said, show } = await rig({ factor: "none" });
    const stranger = async (visit: number): Promise<void> => {
      const one = (): Present[] => [someone(clock.now(), { visit: `v${visit}`, person: null, name: null })];
      await show(one());
      await show(one());
    };
    for (let visit = 0; visit < 5; visit += 1) await stranger(visit);
    assert.equal(gate.lockOf(null).failures, 5);
    await show();
    assert.deepEqual(said, [...Array<string>(5).fill("unknown_person"), "locked"]);
    clock.pass(30_000);
    await show();
    assert.equal(said.at(-1), "grant");
    for (let visit = 10; visit < 60; visit += 1) await stranger(visit);
    clock.pass(60_000);
    await show([someone(clock.now(), { visit: "late" })]);
    assert.equal(said.at(-1), "switched_off");
    await gate.reset(null);
    gate.receive({ ask: true });
    await gate.settled();
    assert.equal(said.at(-1), "grant");
  });

  it("is one of the person and one of the gate: another's success does not reset a person's", async () => {
    const bob = { ...ALICE, name: "Bob" };
    const made = await rig({}, { known: (id) => (id === "alice" ? ALICE : bob) });
    await made.gate.setFactor("alice", "pin", PIN);
    await made.gate.setFactor("bob", "pin", "852741");
    assert.deepEqual(await fail(made, 4), Array<string>(4).fill("factor_wrong"));
    await made.show([someone(made.clock.now(), { visit: "b", person: "bob", name: "Bob" })]);
    made.gate.receive({ factor: "852741" });
    await made.gate.settled();
    assert.deepEqual(made.said.splice(0), ["grant"]);
    assert.deepEqual([made.gate.lockOf(null).failures, made.gate.lockOf("alice").failures], [0, 4]);
    assert.deepEqual(await fail(made, 2), ["factor_wrong", "locked"]);
  });

  it("is one of the person over all gates that share their second factors, whichever they fail at", async () => {
    const sharedFolder = newFolder();
    const clock = new TurnedClock();
    const door = (): Promise<Rig> => rig({}, { sharedFolder }, { clock });
    const [front, back, cellar] = [await door(), await door(), await door()];
    const doors = [front, back, cellar];
    await front.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await fail(front, 2), ["factor_wrong", "factor_wrong"]);
    assert.deepEqual(await fail(back, 3), ["factor_wrong", "factor_wrong", "factor_wrong"]);
    for (const { type, gate } of doors) {
      assert.deepEqual(await type(), ["locked"]);
      assert.deepEqual([gate.lockOf("alice").failures, gate.failures], [5, { alice: 5 }]);
    }
    // Of the gates each has its own.
    assert.deepEqual(
      doors.map(({ gate }) => gate.lockOf(null).failures),
      [2, 3, 0],
    );
    for (let tries = 5; tries < 50; tries += 1) {
      clock.pass(30_000);
      assert.deepEqual(await fail(doors[tries % 3] as Rig, 1), ["factor_wrong"], `try ${tries}`);
    }
    clock.pass(30_000);
    for (const { type } of doors) assert.deepEqual(await type(), ["switched_off"]);
    // All are gone, as at a restart: it is still so.
    for (const { gate } of doors) await gate.close();
    const later = await cellar.again({ sharedFolder });
    clock.pass(30_000);
    assert.deepEqual(await later.type(), ["switched_off"]);
    await later.gate.reset("alice");
    clock.pass(30_000);
    assert.deepEqual(await later.type(), ["grant"]);
    const again = await front.again({ sharedFolder });
    assert.deepEqual([later.gate.lockOf("alice").failures, again.gate.lockOf("alice").failures], [0, 0]);
  });

  it("comes along from a gate that counted for itself, and stays where the gate has factors of its own", async () => {
    const sharedFolder = newFolder();
    const own = await rig();
    await own.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await fail(own, 4), Array<string>(4).fill("factor_wrong"));
    const shares = await rig({}, { sharedFolder });
    assert.equal(shares.gate.lockOf("alice").failures, 0);
    const joined = await own.again({ sharedFolder });
    assert.deepEqual(
      [joined, shares].map(({ gate }) => gate.lockOf("alice").failures),
      [4, 4],
    );
    assert.deepEqual(await fail(shares, 2), ["factor_wrong", "locked"]);
    assert.deepEqual(await joined.type(), ["locked"]);
    // It is brought along once: what was made good meanwhile stays good.
    shares.clock.pass(30_000);
    assert.deepEqual(await shares.type(), ["grant"]);
    const later = await joined.again({ sharedFolder });
    assert.equal(later.gate.lockOf("alice").failures, 0);
  });

  it("is made good by nobody's face alone, at a gate that shares and asks for no second factor", async () => {
    const sharedFolder = newFolder();
    const [door, inner] = [await rig({}, { sharedFolder }), await rig({ factor: "none" }, { sharedFolder })];
    await door.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await fail(door, 4), Array<string>(4).fill("factor_wrong"));
    await inner.show();
    assert.deepEqual(inner.said.splice(0), ["grant"]);
    assert.deepEqual(await fail(door, 2), ["factor_wrong", "locked"]);
  });

  it("is not shortened by the time of day being set, by a deploy or a restart", async () => {
    const made = await rig();
    await made.gate.setFactor("alice", "pin", PIN);
    await fail(made, 5);
    made.clock.wall += 3_600_000;
    await made.show();
    assert.deepEqual(await made.type(), ["locked"]);
    made.clock.pass(29_000);
    const later = await made.again();
    assert.deepEqual(await later.type(), ["locked"]);
    assert.ok(later.gate.lockOf("alice").wait > 29_000, "it begins anew");
    later.clock.pass(30_000);
    assert.deepEqual(await later.type(), ["grant"]);
  });
});

describe("a gate that is killed", () => {
  it("has counted each try that it had begun, and has every entry that it told of", { timeout: 300_000 }, async () => {
    const folder = newFolder();
    const file = join(__dirname, "../../support/gate-child.ts");
    const start = async (): Promise<ActingChild<GateActs>> => {
      const child = await ActingChild.start<GateActs>(file);
      const ended = await child.ask("open", folder);
      assert.ok(!("error" in ended), JSON.stringify(ended));
      return child;
    };
    const kill = async ({ process: child }: ActingChild<GateActs>): Promise<void> => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    };
    let child = await start();
    await child.ask("pin", PIN);
    let failures = 0;
    for (let round = 0; round < 4; round += 1) {
      const told = (await child.ask("type", "999999")) as { value: string[] };
      assert.deepEqual(told.value, ["factor_wrong"]);
      await kill(child);
      child = await start();
      const { value } = (await child.ask("lock")) as { value: { failures: number } };
      failures += 1;
      assert.equal(value.failures, failures);
    }
    // Killed while one is compared: it has failed, whatever it was.
    const asked = child.ask("type", PIN).catch(() => undefined);
    const state = join(folder, "state");
    const before = readFileSync(state);
    await eventually("that it is counted", () => (readFileSync(state).equals(before) ? undefined : true), 60_000);
    await kill(child);
    await asked;
    child = await start();
    const { value: lock } = (await child.ask("lock")) as { value: { failures: number; wait: number } };
    // It may have been let in before it was killed; else it counts.
    const granted = kindsOf(folder).includes("grant");
    if (!granted) assert.equal(lock.failures, 5);
    await kill(child);
    const { ok, broken } = await verifyLog(join(folder, "log"));
    assert.deepEqual([ok, broken], [true, null]);
  });

  it("goes on after an end that was left half-written, and says so", { timeout: 300_000 }, async () => {
    const made = await rig();
    await made.gate.setFactor("alice", "pin", PIN);
    await made.type();
    for (const [rest, kinds] of [
      ['{"sequence":4,"at":17', ["torn"]],
      ["\0\0\0\0\0\0\0\0", ["torn"]],
      ["\0\0\0\0\n", ["torn"]],
      ["", []],
    ] as const) {
      await made.gate.close();
      appendFileSync(logFile(made.folder), rest);
      const later = await made.again();
      assert.deepEqual(kindsOf(made.folder).slice(-1 - kinds.length), [...kinds, "began"]);
      if (rest !== "") assert.equal(entriesOf(made.folder).at(-2)?.["note"], Buffer.byteLength(rest));
      assert.deepEqual((await later.gate.verifyLog()).broken, null);
      await later.gate.close();
    }
  });
});
