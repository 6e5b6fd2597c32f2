import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Template, weightOf } from "../../../lib/embed/template";
import { type Findings, TrackMemory } from "../../../lib/embed/track-memory";
import type { Face, Frame, Quality } from "../../../lib/message";

const THRESHOLD = 0.6;
const GOOD: Quality = { size: 80, blur: 200, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 };

/** Small and blurred. */
const POOR: Quality = { size: 9, blur: 1, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 0.1 };

const memory = (reembedAfter = 1000): TrackMemory =>
  new TrackMemory({ reembedAfter, threshold: THRESHOLD, unitLength: false });
const at = (ms: number, source = "door"): Frame => ({
  source,
  sequence: ms,
  capturedAt: 1_000_000 + ms,
  width: 640,
  height: 480,
});
const face = (changes: Partial<Face> = {}): Face => ({
  box: { x: 100, y: 100, width: 100, height: 100 },
  score: 20,
  track: 7,
  look: 0,
  ...changes,
});
const found = (x: number, changes: Findings = {}): Findings => ({
  quality: GOOD,
  embedding: Float32Array.of(x, 0),
  landmarks: [{ x: 1, y: 1 }],
  ...changes,
});

/** A memory that has embedded track 7 in three frames, the last at 66 ms. */
function settled(reembedAfter?: number): TrackMemory {
  const known = memory(reembedAfter);
  for (const ms of [0, 33, 66]) known.learn(face(), at(ms), found(1));
  return known;
}

describe("TrackMemory", () => {
  it("carries an embedding on, says since when, and claims no landmarks", () => {
    const carried = settled().recall(face({ box: { x: 104, y: 101, width: 102, height: 102 } }), at(100));
    assert.deepEqual(carried, {
      box: { x: 104, y: 101, width: 102, height: 102 },
      score: 20,
      track: 7,
      look: 0,
      quality: GOOD,
      embedding: Float32Array.of(1, 0),
      carriedAgeMs: 34,
      carried: 34,
      fused: 3,
    });
  });

  it("carries nothing from one camera to another of the same name", () => {
    const known = memory();
    for (const ms of [0, 33, 66]) known.learn(face(), { ...at(ms), camera: "a" }, found(1));
    assert.notEqual(known.recall(face(), { ...at(100), camera: "a" }), undefined);
    assert.equal(known.recall(face(), { ...at(100), camera: "b" }), undefined);
  });

  it("carries nothing before three frames were embedded", () => {
    const known = memory();
    for (const ms of [0, 33]) known.learn(face(), at(ms), found(1));
    assert.equal(known.recall(face(), at(66)), undefined);
    known.learn(face(), at(66), found(1));
    assert.notEqual(known.recall(face(), at(100)), undefined);
  });

  for (const [why, changes, ms] of [
    ["it looks otherwise", { look: 1 }, 100],
    ["it jumped", { box: { x: 190, y: 100, width: 100, height: 100 } }, 100],
    ["it came nearer", { box: { x: 90, y: 90, width: 120, height: 120 } }, 100],
    ["it is too long ago", {}, 1066],
    ["the clock went back", {}, 50],
    ["it is another track", { track: 8 }, 100],
    ["nobody follows it", { track: undefined, look: undefined }, 100],
    ["its look is not known", { look: undefined }, 100],
  ] as const) {
    it(`has a face looked at anew when ${why}`, () => {
      assert.equal(settled().recall(face(changes), at(ms)), undefined);
    });
  }

  it("knows nothing of another camera's track, and nothing of photos", () => {
    assert.deepEqual(
      [settled().recall(face(), at(100, "yard")), settled().recall(face(), undefined)],
      [undefined, undefined],
    );
  });

  it("still refuses an old look after the face was embedded in a new one", () => {
    const known = settled();
    known.learn(face({ look: 1 }), at(100), found(1));
    assert.equal(known.recall(face({ look: 0 }), at(133)), undefined);
  });

  it("gives the place's next person nothing of the first: not the embedding, not the number", () => {
    const known = settled();
    const other = known.learn(face({ look: 1 }), at(100), found(1.7));
    assert.deepEqual([other.embedding, other.fused, other.track === 7], [Float32Array.of(1.7, 0), 1, false]);
    for (const ms of [133, 166]) assert.equal(known.learn(face({ look: 1 }), at(ms), found(1.7)).track, other.track);
    assert.equal(known.recall(face({ look: 1 }), at(200))?.track, other.track);
  });

  it(
    "starts the mean anew when an embedding is too far from it to be surely the same person, and keeps the " +
      "number below τ",
    () => {
      const known = settled();
      const turned = known.learn(face({ look: 1 }), at(100), found(1.5));
      assert.deepEqual([turned.embedding, turned.fused, turned.track], [Float32Array.of(1.5, 0), 1, 7]);
      assert.equal(known.recall(face({ look: 1 }), at(133)), undefined);
    },
  );

  it("averages what is near", () => {
    const fused = settled().learn(face({ look: 1 }), at(100), found(1.2));
    assert.equal(fused.fused, 4);
    assert.ok(Math.abs((fused.embedding?.[0] as number) - 1.05) < 1e-6);
  });

  it("keeps what is known through a blurred moment, of which nothing but its own embedding is said", () => {
    const known = settled();
    const blurred = known.learn(face({ look: 1 }), at(100), found(1.9, { quality: POOR }));
    assert.deepEqual(
      [blurred.embedding, blurred.fused, blurred.track],
      [Float32Array.of(1.9, 0), 1, 7],
      "a blur is nobody else's, and nobody's name is lent to it",
    );
    const again = known.learn(face({ look: 2 }), at(133), found(1.2));
    assert.deepEqual([again.fused, again.track], [4, 7]);
    assert.ok(Math.abs((again.embedding?.[0] as number) - 1.05) < 1e-6);
  });

  it("lets a poor face that looks the same move the mean by as little as it counts", () => {
    const fused = settled().learn(face({ look: 1 }), at(100), found(1.2, { quality: POOR }));
    assert.equal(fused.fused, 4);
    assert.ok(Math.abs((fused.embedding?.[0] as number) - (1 + (0.2 * 0.1) / 3.1)) < 1e-6);
  });

  it("starts with whoever comes clear after a poor first sight, under the same number", () => {
    const known = memory();
    known.learn(face(), at(0), found(1, { quality: POOR }));
    const clear = known.learn(face(), at(33), found(1.9));
    assert.deepEqual([clear.embedding, clear.fused, clear.track], [Float32Array.of(1.9, 0), 1, 7]);
    assert.equal(
      known.learn(face(), at(66), found(1, { quality: POOR })).fused,
      1,
      "the poor one is not gone back to",
    );
  });

  it("tells the next person from the first also when the next came blurred", () => {
    const known = settled();
    known.learn(face({ look: 1 }), at(100), found(1.8, { quality: POOR }));
    const other = known.learn(face({ look: 2 }), at(133), found(1.7));
    assert.deepEqual([other.embedding?.[0]?.toFixed(3), other.fused, other.track === 7], ["1.709", 2, false]);
    assert.equal(
      known.learn(face({ look: 3 }), at(166), found(1)).track === other.track,
      false,
      "and the first again",
    );
  });

  it("carries a rejection for a quarter of a second only, without any embedding", () => {
    const known = settled();
    known.learn(face({ look: 1 }), at(100), { quality: GOOD, rejected: "bad_alignment", landmarks: [{ x: 1, y: 1 }] });
    const carried = known.recall(face({ look: 1 }), at(300));
    assert.deepEqual(
      [carried?.rejected, carried?.embedding, carried?.carriedAgeMs],
      ["bad_alignment", undefined, 200],
    );
    assert.equal(known.recall(face({ look: 1 }), at(350)), undefined);
  });

  it("remembers nothing when every frame is to be embedded", () => {
    const known = settled(0);
    assert.equal(known.recall(face(), at(67)), undefined);
    assert.deepEqual(known.learn(face(), at(100), found(1.2)).embedding, Float32Array.of(1.2, 0));
  });

  it("keeps means of length 1 where the model's embeddings have it", () => {
    const known = new TrackMemory({ reembedAfter: 1000, threshold: 2, unitLength: true });
    known.learn(face(), at(0), found(0, { embedding: Float32Array.of(1, 0) }));
    const { embedding } = known.learn(face(), at(33), found(0, { embedding: Float32Array.of(0.8, 0.6) }));
    assert.ok(Math.abs(Math.hypot(...(embedding as Float32Array)) - 1) < 1e-6);
  });

  it("does not pass on what an embedding node before it said", () => {
    assert.deepEqual(
      Object.keys(memory().learn(face({ carriedAgeMs: 5, carried: 5, fused: 9 }), at(0), found(1))).sort(),
      ["box", "embedding", "fused", "landmarks", "look", "quality", "score", "track"],
    );
    assert.equal(memory().learn(face({ carriedAgeMs: 5, carried: 5, fused: 9 }), at(0), found(1)).fused, 1);
  });
});

describe("Template", () => {
  it("is the weighted mean", () => {
    const { mean, count } = Template.of(Float32Array.of(0, 4), 1).with(Float32Array.of(4, 0), 3);
    assert.deepEqual([[...mean], count], [[3, 1], 2]);
  });

  it("still moves after many frames", () => {
    let template = Template.of(Float32Array.of(0), 1);
    for (let frame = 0; frame < 1000; frame += 1) template = template.with(Float32Array.of(0), 1);
    assert.ok((template.with(Float32Array.of(1), 1).mean[0] as number) > 0.07);
  });

  it("counts an embedding in full where nobody measured its face, or not in numbers", () => {
    assert.deepEqual(
      [undefined, ...[0.25, 0, -1, 7, NaN, "0.5", undefined].map((weight) => ({ weight: weight as number }))].map(
        weightOf,
      ),
      [1, 0.25, 1, 1, 1, 1, 1, 1],
    );
  });
});
