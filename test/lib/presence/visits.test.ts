/** Rules of visits, each alone, and what holds whatever comes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seeded } from "../../../lib/calibrate/statistics";
import { euclideanDistance } from "../../../lib/embed/distance";
import type { Face, Frame } from "../../../lib/message";
import { ENOUGH, Evidence, MOST_A_FRAME, NOBODY, saysOf } from "../../../lib/presence/evidence";
import { presenceOptionsSchema } from "../../../lib/presence/options";
import { recordOf } from "../../support/visit-log";
import { type Happening, Visits } from "../../../lib/presence/visits";
import type { Liveness } from "../../../lib/visit";
import { decided } from "../../support/decided";

const EPOCH = 1_700_000_000_000;
const alike = (a: Float32Array, b: Float32Array): boolean => euclideanDistance(a, b) < 0.5;

/** Cameras on a clock that a test moves. */
class Stage {
  readonly visits: Visits;
  readonly told: string[] = [];
  readonly happened: Happening[] = [];
  mono = 0;
  /** How far the wall clock is ahead of the right one. */
  ahead = 0;
  #sequence = 0;

  constructor(options: object = {}) {
    this.visits = new Visits({ options: presenceOptionsSchema.parse(options), prefix: "p-", alike });
  }

  get wall(): number {
    return EPOCH + this.mono + this.ahead;
  }

  note(happened: readonly Happening[]): void {
    this.happened.push(...happened);
    this.told.push(...happened.map(({ event, present }) => `${event} ${present.name}`));
  }

  /** A frame that was taken now. */
  frame(camera: string, fields: Partial<Frame> = {}): Frame {
    this.#sequence += 1;
    return { source: camera, sequence: this.#sequence, capturedAt: this.wall, width: 640, height: 480, ...fields };
  }

  see(faces: readonly Face[], camera = "gate", fields: Partial<Frame> = {}): string {
    const { turn, happened } = this.visits.see(
      { faces, frame: this.frame(camera, fields) },
      { wall: this.wall, mono: this.mono },
    );
    this.note(happened);
    return turn;
  }

  /** The same faces in so many frames, half a second apart. */
  stand(faces: readonly Face[], frames: number, camera = "gate"): void {
    for (let frame = 0; frame < frames; frame += 1) {
      this.mono += 500;
      this.see(faces, camera);
    }
  }

  wait(ms: number): void {
    for (const end = this.mono + ms; this.mono < end;) {
      this.mono = Math.min(end, this.mono + 1000);
      this.note(this.visits.pass({ wall: this.wall, mono: this.mono }));
    }
  }
}

const alice = (fields: Partial<Face> = {}): Face => decided("alice", { track: 1, ...fields });
const bob = (fields: Partial<Face> = {}): Face => decided("bob", { track: 2, ...fields });
const stranger = (fields: Partial<Face> = {}): Face => decided(null, { track: 3, ...fields });
const apart = { box: { x: 400, y: 80, width: 60, height: 60 } };

describe("evidence", () => {
  it("is never enough from one frame, however near the face is, nor from two in strictness normal", () => {
    const [says] = [saysOf(alice({ identity: { ...alice().identity!, distance: -5, sure: 1 } }))];
    assert.equal(says?.nats, MOST_A_FRAME);
    for (const enough of Object.values(ENOUGH)) assert.ok(MOST_A_FRAME < enough);
    assert.ok(2 * MOST_A_FRAME < ENOUGH.normal && 3 * MOST_A_FRAME >= ENOUGH.normal);
  });

  it("is more the farther below τ the distance is, the surer the track, and the clearer the face", () => {
    const natsOf = (distance: number, weight: number, sure?: number): number => {
      const { identity, quality } = alice();
      return saysOf({ ...alice(), quality: { ...quality!, weight }, identity: { ...identity!, distance, sure } })!
        .nats;
    };
    assert.ok(natsOf(0.999, 0.8) < natsOf(0.97, 0.8));
    assert.ok(natsOf(0.9, 0.8, 0.5) < natsOf(0.9, 0.8, 0.6));
    assert.ok(natsOf(0.97, 0.1) < natsOf(0.97, 0.3) && natsOf(0.97, 0.3) < natsOf(0.97, 0.8));
  });

  it("is nobody's where two are named in turn, and says nothing where it is not settled", () => {
    const evidence = new Evidence(ENOUGH.quick);
    for (let turn = 0; turn < 100; turn += 1) {
      evidence.add(turn % 2 === 0 ? "alice" : "bob", MOST_A_FRAME);
      assert.equal(evidence.settled, undefined);
    }
    for (const reason of ["undecided", "margin"] as const)
      assert.equal(
        saysOf(alice({ identity: { ...alice().identity!, outcome: "ambiguous", reason } }))?.who,
        undefined,
      );
    for (const reason of ["occluded", "stale", "spoof", "model_mismatch"] as const)
      assert.equal(
        saysOf(alice({ identity: { ...alice().identity!, outcome: "unknown", person: null, reason } })),
        undefined,
      );
  });

  it("keeps no more people, and no larger sums, than it says", () => {
    const random = seeded(7);
    const evidence = new Evidence(ENOUGH.normal);
    for (let turn = 0; turn < 2000; turn += 1) {
      evidence.add(random() < 0.2 ? NOBODY : `p${Math.floor(random() * 30)}`, random() * MOST_A_FRAME);
      const { leader } = evidence;
      assert.ok(leader === undefined || (leader.lead > 0 && leader.lead <= 2 * ENOUGH.normal));
    }
  });
});

describe("visits", () => {
  it("are settled by the third good frame, and told in order with those who are here besides", () => {
    const stage = new Stage();
    stage.stand([bob(apart)], 4);
    stage.stand([bob(apart), alice()], 4);
    assert.deepEqual(stage.told, ["arrived null", "confirmed Bob", "arrived null", "confirmed Alice"]);
    const { frames, distance, threshold, lastSeen } = stage.happened[3]!.present;
    assert.deepEqual([frames, distance, threshold, lastSeen], [3, 0.6, 1, stage.wall - 500]);
  });

  it("are one past three cameras, with every zone in order, and end at the time they were last seen", () => {
    const stage = new Stage({ away: 10, zones: [{ camera: "gate", zone: "outside" }] });
    for (const [index, camera] of ["gate", "hall", "office"].entries()) {
      stage.stand([alice({ track: 10 + index })], 4, camera);
      stage.wait(5000);
    }
    const lastSeen = stage.wall - 5000;
    stage.wait(11_000);
    assert.deepEqual(stage.told, ["arrived null", "confirmed Alice", "changed Alice", "changed Alice", "left Alice"]);
    const left = stage.happened.at(-1)!;
    assert.deepEqual(left.zones, ["outside", "hall", "office"]);
    assert.equal(left.present.lastSeen, lastSeen);
    assert.equal(left.record.until, lastSeen);
    assert.equal(left.duration, left.present.lastSeen - left.present.since);
    assert.deepEqual(
      left.record.stays.map(({ zone }) => zone),
      left.zones,
    );
  });

  it("join who was unknown before they were recognized to the visit that is open", () => {
    const stage = new Stage();
    stage.stand([alice()], 5, "gate");
    const unlike = Float32Array.of(0, 0, 0, 3);
    stage.stand([stranger({ embedding: unlike })], 6, "hall");
    assert.deepEqual(stage.told.slice(2), ["arrived null", "confirmed null"]);
    stage.stand([alice({ track: 3 })], 8, "hall");
    assert.deepEqual(stage.told.slice(4), ["left null", "changed Alice"]);
    assert.deepEqual(
      stage.visits.open.map(({ name }) => name),
      ["Alice"],
    );
  });

  it("say that it was somebody else, once the evidence does", () => {
    const stage = new Stage();
    stage.stand([alice()], 4);
    stage.stand([bob({ track: 1 })], 12);
    assert.deepEqual(stage.told, ["arrived null", "confirmed Alice", "changed Bob"]);
    assert.deepEqual(
      stage.happened.map(({ was }) => was),
      [undefined, undefined, { person: "alice", name: "Alice" }],
    );
  });

  it("say who somebody was thought to be, and begin with their name where strangers are not told", () => {
    for (const unknown of [true, false]) {
      const stage = new Stage({ unknown });
      stage.stand([stranger()], 6);
      stage.stand([alice({ track: 3 })], 8, "gate");
      assert.deepEqual(
        stage.told,
        unknown ? ["arrived null", "confirmed null", "changed Alice"] : ["confirmed Alice"],
      );
      assert.deepEqual(stage.happened.at(-1)?.was, unknown ? { person: null, name: null } : undefined);
    }
  });

  it("have the liveness found last, whatever the clock says, and of two cameras the one that can tell", () => {
    const stage = new Stage({ zones: ["gate", "hall"].map((camera) => ({ camera, zone: "door" })) });
    const found = (result: Liveness["result"], at: number): Partial<Face> => ({
      liveness: { result, by: result === "failed" ? "cues" : "turn", at },
    });
    const result = (): string | undefined => stage.visits.open[0]?.present().liveness?.result;
    const [at, hour] = [stage.wall, 3_600_000];
    stage.stand([alice(found("passed", at))], 4);
    assert.equal(result(), "passed");
    // The other camera sees a picture, and the clock was put back meanwhile.
    stage.stand([alice({ track: 7, ...found("failed", at - hour) })], 1, "hall");
    assert.equal(result(), "failed");
    // What the first found before is carried on by each of its frames, and a third track tells nothing.
    stage.stand([alice(found("passed", at))], 2);
    assert.equal(result(), "failed");
    stage.stand([alice({ track: 8, ...found("unsure", at + hour) })], 2, "hall");
    assert.equal(result(), "failed");
    stage.stand([alice(found("passed", at - hour / 2))], 1);
    assert.equal(result(), "passed");
  });

  it("carry why somebody may pass nowhere, as long as that is so", () => {
    const stage = new Stage();
    const identity = { ...alice().identity!, outcome: "denied", reason: "not_valid" } as const;
    stage.stand([alice({ identity })], 4);
    assert.deepEqual(stage.happened.at(-1)?.present.denied, "not_valid");
    assert.ok(!("denied" in stage.happened.at(-1)!.record));
    stage.stand([alice()], 1);
    assert.equal(stage.visits.open[0]?.present().denied, undefined);
  });

  it("hand no evidence on to another face that takes the place, in the same track", () => {
    const stage = new Stage();
    stage.stand([alice()], 2);
    stage.stand([alice({ look: 1, embedding: bob().embedding })], 1);
    assert.deepEqual(stage.told, ["arrived null"]);
    stage.stand([alice({ look: 2 })], 1);
    assert.deepEqual(stage.told, ["arrived null", "confirmed Alice"]);
  });

  it("keep somebody who turns their head, in the same track", () => {
    const stage = new Stage();
    const turned = { look: 1, embedding: Float32Array.of(0, 9, 0, 0) };
    stage.stand([alice()], 2);
    stage.stand([alice({ look: 1 })], 1);
    assert.deepEqual(stage.told, ["arrived null", "confirmed Alice"]);
    stage.stand([stranger(), alice({ ...apart, ...turned })], 8);
    stage.stand([stranger(turned), alice(apart)], 8);
    assert.equal(stage.visits.open.length, 2);
  });

  it("do not give one person's name to two faces of one frame", () => {
    const stage = new Stage();
    stage.stand([alice(), alice({ track: 9, ...apart })], 20);
    const here = stage.visits.open;
    assert.deepEqual(new Set(here.map(({ name }) => name)), new Set(["Alice", null]));
    assert.equal(here.length, 2);
  });

  it("take two boxes around one face for one", () => {
    const stage = new Stage();
    stage.stand([alice(), stranger({ box: { x: 103, y: 82, width: 55, height: 55 } })], 20);
    assert.equal(stage.visits.open.length, 1);
  });

  it("go on while the clock is put forwards and back, with times by the clock of now", () => {
    for (const jump of [3_600_000, -3_600_000]) {
      const stage = new Stage({ away: 20 });
      stage.stand([alice()], 6);
      stage.ahead += jump;
      stage.stand([alice()], 6);
      const here = stage.visits.open[0]!.present();
      assert.ok(Math.abs(stage.wall - 5500 - here.since) <= 2 && here.lastSeen === stage.wall);
      stage.wait(5000);
      stage.ahead -= jump / 2;
      stage.stand([alice()], 6);
      stage.wait(21_000);
      assert.deepEqual(stage.told, ["arrived null", "confirmed Alice", "left Alice"]);
      const { present, duration } = stage.happened.at(-1)!;
      assert.ok(Math.abs(present.lastSeen - present.since - duration) <= 2 && duration === 13_500, `${duration}`);
    }
  });

  it("leave out what is late, doubled or out of order, and take a camera that began anew", () => {
    const stage = new Stage();
    stage.mono = 60_000;
    const first = stage.frame("gate");
    const see = (frame: Frame): string =>
      stage.visits.see({ frame, faces: [] }, { wall: stage.wall, mono: stage.mono }).turn;
    assert.equal(see(first), "next");
    assert.equal(see(first), "again");
    assert.equal(see({ ...first, sequence: 0, capturedAt: first.capturedAt - 100 }), "stale");
    assert.equal(see({ ...first, sequence: 900, capturedAt: first.capturedAt - 10_001 }), "stale");
    stage.mono += 100;
    assert.equal(see({ ...first, sequence: 0, capturedAt: stage.wall }), "next");
    // The clock went back, and the camera began anew.
    stage.ahead = -30_000;
    stage.mono += 100;
    assert.equal(see({ ...first, sequence: 0, capturedAt: stage.wall }), "next");
  });

  it("count frames between which no time lies, as of a folder, too", () => {
    const stage = new Stage();
    for (let index = 0; index < 4; index += 1) stage.see([decided("alice")], "folder", { live: false, capturedAt: 5 });
    assert.deepEqual(stage.told, ["arrived null", "confirmed Alice"]);
  });

  it("know nobody any more who was deleted, and one person where two were merged", () => {
    const stage = new Stage();
    stage.stand([alice(), bob(apart)], 5);
    stage.note(stage.visits.merge("bob", { id: "alice", name: "Alice", groups: [] }));
    assert.equal(stage.visits.open.length, 1);
    stage.visits.forget("alice");
    assert.deepEqual(stage.visits.open, []);
    stage.wait(60_000);
    assert.ok(!stage.told.includes("left Alice"));
  });

  it("hold so many at most, and end those who were not seen for longest", () => {
    const stage = new Stage({ evidence: "quick", away: 600 });
    for (let index = 0; index < 150; index += 1) stage.stand([decided(`p${index}`, { track: index })], 3);
    assert.equal(stage.visits.open.length, 100);
    assert.equal(stage.told.filter((each) => each.startsWith("left")).length, 50);
    assert.ok(stage.told.includes("left p0") && !stage.told.includes("left p149"));
  });

  for (const seed of [11, 12, 13, 14, 15])
    it(`tell each event once and in order whatever comes (seed ${seed})`, () => {
      const random = seeded(seed);
      const stage = new Stage({ away: 3, evidence: "quick" });
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
      for (let turn = 0; turn < 3000; turn += 1) {
        stage.mono += random() * 400;
        if (random() < 0.005) stage.ahead += (random() - 0.5) * 1e7;
        const faces = Array.from({ length: Math.floor(random() * 4) }, (_, index) =>
          decided(pick(["alice", "bob", null]), {
            track: pick([undefined, 1, 2, 3, Math.floor(turn / 50) * 10 + index]),
            look: pick([0, 0, 0, 1]),
            ...(random() < 0.3 ? { carriedAgeMs: random() * 900 } : {}),
            ...(random() < 0.1 ? { embedding: undefined } : {}),
            box: { x: index * 100, y: 0, width: 60, height: 60 },
          }),
        );
        const odd = random();
        stage.see(
          faces,
          pick(["gate", "hall"]),
          odd < 0.05 ? { capturedAt: stage.wall - random() * 2e4 } : odd < 0.1 ? { sequence: pick([0, 7]) } : {},
        );
        const people = stage.visits.open.flatMap(({ person }) => (person === null ? [] : [person]));
        assert.equal(new Set(people).size, people.length, "one open visit a person");
      }
      stage.wait(10_000);
      assert.deepEqual(stage.visits.open, []);
      const byVisit = new Map<string, Happening[]>();
      for (const each of stage.happened)
        byVisit.set(each.present.visit, [...(byVisit.get(each.present.visit) ?? []), each]);
      for (const events of byVisit.values()) {
        const order = events.map(({ event }) => event).filter((event) => event !== "changed");
        assert.match(order.join(" "), /^arrived (?:confirmed )?left$/);
        for (const { present, duration } of events) assert.ok(duration >= 0 && present.lastSeen >= present.since);
      }
      assert.ok(byVisit.size > 5);
    });
});

describe("visits over a deploy", () => {
  it("go on of somebody who is there, though their face has not told for a while who they are", () => {
    const record = {
      ...recordOf({ visit: "p-1", person: "alice", stays: [["door", 1_000_000]], until: 1_010_000 }),
      until: null,
    };
    const now = { wall: 1_050_000, mono: 50_000 };
    const restored = (there: number | undefined): string[] => {
      const visits = new Visits({
        options: presenceOptionsSchema.parse({ away: 30 }),
        prefix: "p-",
        alike: () => false,
      });
      const kept = { record, faces: undefined, snapshot: undefined, ...(there === undefined ? {} : { there }) };
      return visits.restore([kept], now, 0).map(({ event }) => event);
    };
    // By its record alone she was last seen forty seconds ago.
    assert.deepEqual([restored(undefined), restored(49_000)], [["left"], []]);
  });
});
