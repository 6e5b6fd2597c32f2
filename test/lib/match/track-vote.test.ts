import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeAlone, type Standing } from "../../../lib/match/policy";
import { TrackVote } from "../../../lib/match/track-vote";
import type { Face, Frame } from "../../../lib/message";

/** τ of the distances, and that of the Euclidean distance, by which errors are measured. */
const TAU = 1;
const SCALE = 1;
const GALLERY = { model: "fake", normalised: true, thresholdOf: () => SCALE, thresholdWanted: () => undefined };
const QUESTION = {
  gallery: GALLERY,
  options: { distance: "cohort", threshold: undefined },
  claim: undefined,
} as const;

type Distances = Record<string, number>;

function standing(distances: Distances, { threshold = TAU, leastMargin = 0.02 } = {}): Standing {
  const rivals = Object.entries(distances).map(([name, distance]) => ({
    person: { id: name, name, groups: [], validFrom: null, validUntil: null },
    distance,
    spared: Infinity,
  }));
  return { rivals: rivals.sort((a, b) => a.distance - b.distance), threshold, leastMargin };
}

interface Shown extends Partial<Face> {
  /** How good the frame is. */
  weight?: number;
  at?: number;
  source?: string;
  threshold?: number;
  leastMargin?: number;
  claim?: string;
}

/** Shows one track frame by frame, ten frames a second, each embedded anew by itself unless it says otherwise. */
function follow(vote = new TrackVote()): (distances: Distances, shown?: Shown) => string {
  let sequence = 0;
  let fused = 0;
  return (distances, { weight = 1, at, source = "door", threshold, leastMargin, claim, ...face } = {}) => {
    sequence += 1;
    fused += (face.carriedAgeMs ?? face.carried) === undefined ? 1 : 0;
    const frame: Frame = { source, sequence, capturedAt: at ?? 1_000_000 + 100 * sequence, width: 640, height: 480 };
    const quality = { size: 60, blur: 60, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight };
    const { rival, reason } = vote.judgeOf(
      {
        box: { x: 0, y: 0, width: 9, height: 9 },
        score: 1,
        track: 1,
        embedding: Float32Array.of(0, 0),
        quality,
        fused,
        ...face,
      },
      frame,
      { ...QUESTION, claim },
    )(
      standing(distances, {
        ...(threshold === undefined ? {} : { threshold }),
        ...(leastMargin === undefined ? {} : { leastMargin }),
      }),
    );
    return reason === "below_threshold" || reason === "track" ? `${rival?.person.name}` : reason;
  };
}

/** Began anew: the face does not look as it did, nor like another person. */
const TURNED: Shown = { fused: 1, embedding: Float32Array.of(0.7, 0) };

describe("the vote of a track", () => {
  it("names in the very first frame who is clearly near", () => {
    assert.equal(follow()({ Alice: 0.7, Bob: 1.3 }), "Alice");
  });

  it("waits with who is only just near, and names them when frames go on to say so", () => {
    const see = follow();
    const told = Array.from({ length: 12 }, () => see({ Alice: 0.98, Bob: 1.3 }));
    assert.deepEqual([told[0], told.at(-1)], ["undecided", "Alice"]);
    assert.equal(told.lastIndexOf("undecided") < told.indexOf("Alice"), true);
  });

  it("is not surer of frames that were only carried on", () => {
    // A message that was kept since an earlier version has the age under its name of before.
    for (const name of ["carriedAgeMs", "carried"]) {
      const see = follow();
      see({ Alice: 0.98, Bob: 1.3 });
      for (let frame = 0; frame < 15; frame += 1)
        assert.equal(see({ Alice: 0.98, Bob: 1.3 }, { [name]: 100 * frame, fused: 1 }), "undecided", name);
    }
  });

  it("is less sure of poor frames", () => {
    const told = (weight: number): string => follow()({ Alice: 0.95, Bob: 1.3 }, { weight });
    assert.deepEqual([told(1), told(0.05)], ["Alice", "undecided"]);
  });

  it("never names a stranger of whom one frame of a hundred dips below τ", () => {
    const see = follow();
    for (let frame = 0; frame < 100; frame += 1) {
      // Embedded alone each time, as where facenet-embed fuses nothing.
      const told = see({ Alice: frame === 50 ? 0.97 : 1.1, Bob: 1.3 }, { fused: undefined });
      assert.ok(!["Alice", "Bob"].includes(told), `frame ${frame}: ${told}`);
    }
    assert.equal(judgeAlone(standing({ Alice: 0.97, Bob: 1.3 })).reason, "below_threshold");
  });

  it("never names a stranger whose look changes all the time, each with a chance of its own", () => {
    const see = follow();
    for (let frame = 0; frame < 40; frame += 1) {
      const told = see(
        { Alice: frame % 2 === 1 ? 0.975 : 1.08, Bob: 1.3 },
        { fused: 1, embedding: Float32Array.of(frame % 2 === 1 ? 0.7 : 0, 0) },
      );
      assert.notEqual(told, "Alice", `frame ${frame}`);
    }
  });

  for (const [what, shown] of [
    ["good but a little off", {}],
    ["poor", { weight: 0.1 }],
  ] as const) {
    it(`keeps a name through one frame that is ${what}`, () => {
      const see = follow();
      for (let frame = 0; frame < 4; frame += 1) see({ Alice: 0.7, Bob: 1.3 });
      assert.deepEqual(
        [
          see({ Alice: what === "poor" ? 1.18 : 1.05, Bob: 1.3 }, { ...TURNED, ...shown }),
          see({ Alice: 0.7, Bob: 1.3 }, { fused: 1 }),
        ],
        ["Alice", "Alice"],
      );
    });
  }

  it("excuses one poor frame, not the next", () => {
    const see = follow();
    for (let frame = 0; frame < 4; frame += 1) see({ Alice: 0.5, Bob: 1.6 });
    const told = [1, 2].map((fused) => see({ Alice: 1.18, Bob: 1.6 }, { ...TURNED, fused, weight: 0.1 }));
    assert.deepEqual([told[0], told[1] === "Alice"], ["Alice", false]);
  });

  it("does not name the one who left in the first good frame of somebody else", () => {
    const see = follow();
    for (let frame = 0; frame < 50; frame += 1) assert.equal(see({ Alice: 0.4, Bob: 1.3 }), "Alice");
    assert.notEqual(see({ Alice: 1.3, Bob: 1.35 }, TURNED), "Alice");
  });

  it("begins anew when the embedding is as far away as a stranger's, whatever the track's number", () => {
    const see = follow();
    for (let frame = 0; frame < 50; frame += 1) see({ Alice: 0.4, Bob: 1.3 });
    assert.equal(see({ Alice: 1.3, Bob: 0.5 }, { fused: 1, embedding: Float32Array.of(1.1, 0) }), "Bob");
  });

  it("changes from one to another only once the other has the better evidence", () => {
    const see = follow();
    for (let frame = 0; frame < 4; frame += 1) see({ Alice: 0.8, Bob: 0.95 });
    const told = Array.from({ length: 12 }, (_, index) =>
      see({ Alice: 0.95, Bob: 0.8 }, { fused: 1 + index, embedding: Float32Array.of(0.7, 0) }),
    );
    assert.deepEqual([told[0], told.at(-1)], ["margin", "Bob"]);
    assert.ok(told.lastIndexOf("margin") < told.indexOf("Bob") && !told.includes("Alice"), told.join(", "));
  });

  it("says of two people at one distance that they cannot be told apart, however many frames there are", () => {
    const see = follow();
    for (let frame = 0; frame < 30; frame += 1)
      assert.equal(see({ Alice: 0.5, Twin: 0.5, Bob: 1.3 }, { leastMargin: 0 }), "margin");
  });

  it("says so too of two people who are nearer by turns", () => {
    const see = follow();
    const told = Array.from({ length: 40 }, (_, frame) =>
      see({ Alice: 0.5 + (frame % 2) * 0.03, Twin: 0.53 - (frame % 2) * 0.03 }, { fused: undefined }),
    );
    assert.deepEqual(new Set(told.slice(2)), new Set(["margin"]));
  });

  it("knows nothing of a track from another camera, time, τ, claim or model, nor after it was cleared", () => {
    const near = { Alice: 0.98, Bob: 1.3 };
    const changes: [string, (vote: TrackVote, see: ReturnType<typeof follow>) => string][] = [
      ["camera", (_, see) => see(near, { source: "hall" })],
      ["a minute later", (_, see) => see(near, { at: 1_100_000 })],
      ["a clock put back", (_, see) => see(near, { at: 900_000 })],
      ["τ", (_, see) => see({ Alice: 1.08, Bob: 1.4 }, { threshold: 1.1 })],
      ["claim", (_, see) => see(near, { claim: "Alice" })],
      [
        "cleared",
        (vote, see) => {
          vote.clear();
          assert.equal(vote.size, 0);
          return see(near);
        },
      ],
      ["nothing", (_, see) => see(near)],
    ];
    assert.deepEqual(
      changes.map(([what, change]) => {
        const vote = new TrackVote();
        const see = follow(vote);
        for (let frame = 0; frame < 12; frame += 1) see(near);
        return [what, change(vote, see)];
      }),
      changes.map(([what]) => [what, what === "nothing" ? "Alice" : "undecided"]),
    );
  });

  it("decides a photo and a face that nobody follows by itself, and keeps nothing of it", () => {
    const vote = new TrackVote();
    const see = follow(vote);
    assert.deepEqual([see({ Alice: 0.99, Bob: 1.3 }, { track: undefined }), vote.size], ["Alice", 0]);
    const face = { box: { x: 0, y: 0, width: 9, height: 9 }, score: 1, track: 1, embedding: Float32Array.of(0, 0) };
    assert.equal(vote.judgeOf(face, undefined, QUESTION)(standing({ Alice: 0.99 })).reason, "below_threshold");
    assert.equal(vote.size, 0);
  });

  it("remembers so many tracks and no more, and none that is gone for long", () => {
    const vote = new TrackVote();
    const show = (track: number, capturedAt: number): void => {
      vote.judgeOf(
        { box: { x: 0, y: 0, width: 9, height: 9 }, score: 1, track, embedding: Float32Array.of(0, 0) },
        { source: "door", sequence: track, capturedAt, width: 640, height: 480 },
        QUESTION,
      )(standing({ Alice: 0.5 }));
    };
    for (let track = 0; track < 2000; track += 1) show(track, 1000);
    assert.equal(vote.size, 512);
    show(2000, 9000);
    assert.equal(vote.size, 1);
  });

  it("says how sure it is and of how many frames: surer of more, less so near τ", () => {
    const told = (distance: number, frames: number) => {
      const vote = new TrackVote();
      const tell = (sequence: number) =>
        vote.judgeOf(
          {
            box: { x: 0, y: 0, width: 9, height: 9 },
            score: 1,
            track: 1,
            embedding: Float32Array.of(0, 0),
            fused: sequence,
          },
          { source: "door", sequence, capturedAt: 1000 + 300 * sequence, width: 640, height: 480 },
          QUESTION,
        )(standing({ Alice: distance, Bob: 1.9 }));
      for (let sequence = 1; sequence < frames; sequence += 1) tell(sequence);
      return tell(frames);
    };
    const [first, later, border, stranger] = [told(0.9, 1), told(0.9, 6), told(0.999, 6), told(1.3, 1)] as const;
    assert.deepEqual(
      [first.frames, later.frames, border.reason, stranger.reason],
      [1, 6, "undecided", "above_threshold"],
    );
    // Φ(0.1 / 0.08) and Φ(0.3 / 0.08).
    assert.ok(
      Math.abs((first.sure ?? 0) - 0.8944) < 1e-3 && Math.abs((stranger.sure ?? 0) - 0.9999) < 1e-3,
      `${first.sure}, ${stranger.sure}`,
    );
    assert.ok((later.sure ?? 0) > (first.sure ?? 0) && (border.sure ?? 1) < 0.5);
  });
});
