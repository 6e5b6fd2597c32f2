/**
 * Messages that never let anybody in, a million of them by test/soak: malformed, late, doubled, reordered, kept by a
 * broker, forged, in any order, by a seeded generator. With one true sequence among them the same harness lets in
 * once.
 */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import type { Effect } from "../../../lib/gate/core";
import { type GateMessage, readGateMessage, tellCore } from "../../../lib/gate/receive";
import { UserError } from "../../../lib/errors";
import type { Presence, Present, Visit } from "../../../lib/visit";
import { GateRig, PIN, someone } from "../../support/gate";
import { MESSAGES } from "../../support/often";
import { processorTime } from "../../support/processor-time";

const SEED = 20_261_126;

/** Mulberry32: https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 (public domain). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** In half of the runs the faces are true and the factors are not, in the other the other way round. */
type Truth = "faces" | "factors";

interface Tally {
  grants: number;
  refused: number;
  reasons: Map<string, number>;
}

class Storm {
  readonly rig: GateRig;
  readonly #random: () => number;
  readonly #truth: Truth;
  readonly tally: Tally = { grants: 0, refused: 0, reasons: new Map() };
  /** What was sent, to be sent again. */
  readonly #sent: GateMessage[] = [];
  #ids = 0;
  /** Of the one who may pass. */
  #true: Presence | undefined;

  constructor(seed: number, truth: Truth) {
    this.#random = seeded(seed);
    this.#truth = truth;
    this.rig = new GateRig({ options: { groups: ["staff"], factor: "pin" } });
    // Nobody is here: from now on what has a lower number is old.
    this.send({ presence: this.rig.told([]) });
  }

  send(message: GateMessage): void {
    let effects: Effect[];
    try {
      effects = tellCore(this.rig.core, readGateMessage(message));
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      this.tally.refused += 1;
      return;
    }
    this.#count(effects);
  }

  /** One more message, and some time. */
  next(): void {
    this.rig.clock.pass(this.#pick([0, 1, 20, 200, 1000, 4000, 40_000]));
    // Now and then the clock is set, or somebody resets the lock.
    if (this.#random() < 0.001) this.rig.clock.wall += this.#pick([-3_600_000, -5000, 5000, 3_600_000]);
    if (this.#random() < 0.02) this.rig.lockouts.reset(null);
    if (this.#random() < 0.001) this.rig.deploy();
    if (this.#true !== undefined && this.#random() < 0.02) this.#backThen(this.#true);
    if (this.#random() < 0.3) this.#count(this.rig.core.tick());
    this.send(this.#message());
  }

  #count(effects: readonly Effect[]): void {
    for (const effect of this.rig.settle(effects)) {
      const said = effect.do === "grant" ? "grant" : effect.reason;
      this.tally.reasons.set(said, (this.tally.reasons.get(said) ?? 0) + 1);
      if (effect.do === "grant") this.tally.grants += 1;
    }
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)] as T;
  }

  #message(): GateMessage {
    const kind = this.#random();
    if (kind < 0.1) return this.#nonsense();
    if (kind < 0.2 && this.#sent.length > 0) return this.#again();
    const message =
      kind < 0.65
        ? this.#presence(this.#truth === "faces" && this.#random() < 0.7)
        : { factor: this.#factor(this.#truth === "factors" && this.#random() < 0.7) };
    if (this.#sent.length < 100) this.#sent.push(structuredClone(message));
    else this.#sent[Math.floor(this.#random() * 100)] = structuredClone(message);
    return message;
  }

  /** What was sent before, as it was: doubled, late or out of order; of a true face or factor only what is used up. */
  #again(): GateMessage {
    const again = this.#pick(this.#sent);
    // A true factor without an id would be a new press of the same keys: with an id it is the same press.
    return structuredClone(again);
  }

  #nonsense(): GateMessage {
    const told = this.rig.told([someone(this.rig.clock.now())]) as unknown as Record<string, unknown>;
    const field = this.#pick(["gallery", "at", "sequence", "here", "seal"]);
    const junk = this.#pick<unknown>([null, undefined, "", "x", NaN, -1, Infinity, {}, [], true, [null], [{}]]);
    return this.#pick<() => GateMessage>([
      () => ({ presence: { ...told, [field]: junk } }),
      () => ({ presence: junk }),
      () => ({ visit: junk }),
      () => ({ visit: { ...someone(0), event: "confirmed", others: junk } }),
      () => ({ factor: this.#pick<unknown>([{}, "", 4711, { kind: "pin" }, { kind: "face", value: PIN }, [PIN]]) }),
      () => ({ factor: { kind: "pin", value: PIN, at: NaN } }),
      () => ({ factor: { kind: "pin", value: { toString: () => PIN } } }),
      () => ({}),
      () => ({ ask: this.#pick<unknown>([true, 1, "yes"]) }),
    ])();
  }

  /** @param isTrue whether face-presence tells it */
  #presence(isTrue: boolean): GateMessage {
    const { clock } = this.rig;
    const now = clock.now();
    const good = someone(now);
    if (isTrue) return { presence: this.rig.told([good]) };
    const stranger = someone(now, { visit: "visit-2", person: null, name: null });
    const bad = this.#pick<() => GateMessage>([
      // Whom nobody may let in.
      ...(
        [
          { confirmed: false },
          { person: null },
          { person: "mallory", name: "Mallory" },
          { distance: 0.97 },
          { distance: null },
          { threshold: null },
          { sure: 0.9 },
          { lastSeen: now - 16_000 },
          { lastSeen: now + 60_000 },
          { liveness: { result: "failed", by: "cues", at: now } },
        ] satisfies Partial<Present>[]
      ).map((fields) => () => ({ presence: this.rig.told([{ ...good, ...fields }]) })),
      () => ({ presence: this.rig.told([stranger]) }),
      () => ({ presence: this.rig.told([]) }),
      // Which is not told by face-presence, or not now.
      () => this.#forged(this.rig.told([good])),
      () => this.#forged(this.rig.told([good])),
      () => ({ presence: this.rig.told([good], { gallery: "another" }) }),
      () => ({ presence: this.rig.told([good], { at: now - 3001 - this.#random() * 1e6 }) }),
      () => ({ presence: this.rig.told([good], { at: now + 2000 }) }),
      () => ({ presence: this.rig.told([good], { sequence: Math.floor(this.#random() * 100) }) }),
      () => ({ presence: this.rig.told([good]), retain: true }),
      () => ({ presence: this.rig.told([good]), retain: "yes" }),
      () => ({ visit: this.#unsealed(good, "confirmed") }),
      () => ({ visit: this.#unsealed(good, "left") }),
    ])();
    return bad;
  }

  #forged(told: Presence): GateMessage {
    const foreign = createHmac("sha256", randomBytes(32)).update(JSON.stringify(told)).digest("base64url");
    return this.#pick<() => GateMessage>([
      () => ({ presence: { ...told, seal: foreign } }),
      () => ({ presence: { ...told, seal: undefined } }),
      () => ({ presence: { ...told, at: told.at - 1 } }),
      () => ({ presence: { ...told, sequence: told.sequence + 1 } }),
      () => ({ presence: { ...told, here: told.here.map((each) => ({ ...each, distance: 0.1 })) } }),
      () => ({ visit: { ...this.#unsealed(someone(told.at), "confirmed"), seal: told.seal } }),
    ])();
  }

  #unsealed(present: Present, event: Visit["event"]): Visit {
    const { at, sequence, gallery } = this.rig.told([]);
    return { ...present, event, gallery, duration: 1, zones: ["door"], others: [], at, sequence };
  }

  #factor(isTrue: boolean): unknown {
    const now = this.rig.clock.now();
    this.#ids += 1;
    const id = `press-${this.#ids}`;
    if (isTrue) return { kind: "pin", value: PIN, id, at: now };
    return this.#pick<unknown>([
      "000000",
      { kind: "pin", value: PIN.slice(1), id },
      { kind: "pin", value: `${PIN}0`, id },
      { kind: "badge", value: PIN, id },
      { kind: "qr", value: PIN, id },
      { kind: "pin", value: PIN, id, at: now - 15_001 - this.#random() * 1e6 },
      { kind: "pin", value: PIN, id, at: now + 2000 },
      { kind: "pin", value: PIN, id, person: "mallory" },
    ]);
  }

  /** The gate is deployed anew, the clock put back to when somebody came, and what was told then is told again. */
  #backThen(told: Presence): void {
    this.rig.deploy();
    this.rig.clock.wall = told.at + this.#pick([0, 500, 2000]);
    this.send({ presence: told });
    this.send({ factor: this.#factor(this.#truth === "factors") });
  }

  /** What only a person who may pass brings about. */
  truth(): void {
    this.rig.lockouts.reset(null);
    this.rig.clock.pass(60_000);
    this.#count(this.rig.core.tick());
    this.#true = this.rig.told([someone(this.rig.clock.now())]);
    this.send({ presence: this.#true });
    this.send({ factor: { kind: "pin", value: PIN, id: "the-press" } });
    this.send({ presence: this.rig.told([]) });
  }
}

/** @param trueAt before which message somebody comes who may pass */
function storm(seed: number, truth: Truth, messages: number, trueAt?: number): Tally {
  const run = new Storm(seed, truth);
  for (let sent = 0; sent < messages; sent += 1) {
    if (sent === trueAt) run.truth();
    run.next();
  }
  return run.tally;
}

describe(`${MESSAGES} messages of which none may let anybody in`, () => {
  it("let nobody in, whether the faces are true or the factors", { timeout: 600_000 }, () => {
    const spent = processorTime();
    const [faces, factors] = (["faces", "factors"] as const).map((truth) => storm(SEED, truth, MESSAGES / 2)) as [
      Tally,
      Tally,
    ];
    console.log(`CPU ${(spent() / 1000).toFixed(1)} s`, Object.fromEntries(faces.reasons), factors.reasons);
    assert.deepEqual([faces.grants, factors.grants], [0, 0]);
    // It is no storm that fails at one and the same thing.
    const few = MESSAGES / 100_000;
    for (const reason of ["factor_wrong", "factor_late", "factor_kind", "factor_replayed", "locked", "clock_jumped"])
      assert.ok((faces.reasons.get(reason) ?? 0) > few, reason);
    for (const reason of ["forged", "retained", "too_far", "not_sure", "unknown_person", "not_confirmed", "stale"])
      assert.ok((factors.reasons.get(reason) ?? 0) > few, reason);
    assert.ok(faces.refused > MESSAGES / 100 && factors.refused > MESSAGES / 100);
  });

  it("let in once, with one who may pass among them, wherever they come", () => {
    for (const truth of ["faces", "factors"] as const)
      for (let seed = 1; seed <= 20; seed += 1) {
        const messages = 2000;
        const tally = storm(seed, truth, messages, (seed * 97) % messages);
        assert.equal(tally.grants, 1, `${truth}, seed ${seed}`);
      }
  });
});
