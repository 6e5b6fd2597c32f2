import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FaceDetector } from "../../../lib/detect/face-detector";
import { haar } from "../../../lib/detect/haar/haar";
import { FaceFollower } from "../../../lib/detect/follower";
import { haarOptionsSchema } from "../../../lib/detect/haar/options";
import { trackingOptionsSchema } from "../../../lib/detect/tracker";
import { DLIB_RESNET } from "../../../lib/embed/descriptor";
import { euclideanDistance } from "../../../lib/embed/distance";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import type { Face } from "../../../lib/message";
import { type PORTRAITS, portrait } from "../../support/photos";
import { scene, type Someone } from "../../support/scene";

type Who = keyof typeof PORTRAITS;
const WHO: readonly Who[] = ["green", "emerald", "stripes", "front", "blonde"];

describe("a followed face's embedding", () => {
  let detector: FaceDetector;
  /** Embeds every face by itself. Open to the end, so that the network is loaded once. */
  const alone = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ reembedAfter: 0 }));
  let embedder: FaceEmbedder;
  let follower: FaceFollower;
  const references = new Map<Who, Float32Array>();

  before(async () => {
    detector = new FaceDetector(haar, haarOptionsSchema.parse({ minSize: 80 }));
    for (const who of WHO) {
      const picture = { bytes: await portrait(who), frame: undefined };
      references.set(
        who,
        (await alone.embed(picture, (await detector.detect(picture)).faces)).faces[0]?.embedding as Float32Array,
      );
    }
  });
  after(() => Promise.all([detector.close(), alone.close()]));

  const start = (): void => {
    embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ reembedAfter: 1000 }));
    follower = new FaceFollower(detector, trackingOptionsSchema.parse({ fullEvery: 8 }));
  };

  /** Faces of a frame from left to right; where `dropped` it does not reach the embedder. */
  async function show(sequence: number, people: readonly Someone[], dropped = false): Promise<Face[]> {
    const picture = await scene(sequence, people);
    const { faces } = await follower.detect(picture);
    return dropped
      ? []
      : (await embedder.embed(picture, faces)).faces
          .filter(({ embedding }) => embedding !== undefined)
          .sort((a, b) => a.box.x - b.box.x);
  }

  function nameOf({ embedding }: Face): Who | undefined {
    const [nearest] = [...references]
      .map(([who, reference]) => ({ who, distance: euclideanDistance(embedding as Float32Array, reference) }))
      .sort((a, b) => a.distance - b.distance);
    return nearest !== undefined && nearest.distance <= DLIB_RESNET.threshold ? nearest.who : undefined;
  }

  it("is carried while they stand or walk, and made anew when they have come nearer", async () => {
    start();
    try {
      const carried: boolean[] = [];
      const tracks = new Set<number | undefined>();
      for (let sequence = 0; sequence < 15; sequence += 1) {
        const [face] = await show(sequence, [
          { who: "green", x: 60 + 12 * sequence, y: 80, side: Math.max(280, 280 + 16 * (sequence - 8)) },
        ]);
        assert.equal(face === undefined ? undefined : nameOf(face), "green");
        carried.push(face?.carriedAgeMs !== undefined);
        tracks.add(face?.track);
      }
      assert.deepEqual(carried.slice(0, 9), [false, false, false, true, true, true, true, true, true]);
      assert.equal(carried.slice(9).filter((each) => !each).length, 1);
      assert.equal(tracks.size, 1);
    } finally {
      await embedder.close();
    }
  });

  for (const [first, second] of [
    ["green", "emerald"],
    ["emerald", "stripes"],
    ["front", "blonde"],
    ["blonde", "green"],
  ] as const) {
    it(`never names ${second} ${first}, who stood there a thirtieth of a second ago`, async () => {
      start();
      try {
        const told: [Who | undefined, number | undefined][] = [];
        for (let sequence = 0; sequence < 12; sequence += 1) {
          const [face] = await show(sequence, [{ who: sequence < 6 ? first : second, x: 150, y: 80, side: 300 }]);
          told.push([face === undefined ? undefined : nameOf(face), face?.track]);
        }
        const [tracksBefore, tracksAfter] = [told.slice(0, 6), told.slice(6)].map(
          (part) => new Set(part.map(([, track]) => track)),
        );
        assert.deepEqual(
          told.map(([who]) => who),
          [...Array<Who>(6).fill(first), ...Array<Who>(6).fill(second)],
        );
        assert.deepEqual(
          [
            tracksBefore?.size,
            tracksAfter?.size,
            [...(tracksBefore ?? [])].filter((track) => tracksAfter?.has(track)),
          ],
          [1, 1, []],
        );
      } finally {
        await embedder.close();
      }
    });
  }

  for (const lost of [1, 2, 5]) {
    it(`never carries over a change that it did not see because it missed ${lost} frames`, async () => {
      start();
      try {
        for (let sequence = 0; sequence < 6; sequence += 1)
          await show(sequence, [{ who: "green", x: 150, y: 80, side: 300 }]);
        for (let sequence = 6; sequence < 6 + lost; sequence += 1)
          await show(sequence, [{ who: "emerald", x: 150, y: 80, side: 300 }], true);
        const [face] = await show(6 + lost, [{ who: "emerald", x: 150, y: 80, side: 300 }]);
        assert.deepEqual([face === undefined ? undefined : nameOf(face), face?.carriedAgeMs], ["emerald", undefined]);
      } finally {
        await embedder.close();
      }
    });
  }

  it("is made anew for whoever comes back after another stood there in frames that were missed", async () => {
    start();
    try {
      for (let sequence = 0; sequence < 6; sequence += 1)
        await show(sequence, [{ who: "green", x: 150, y: 80, side: 300 }]);
      await show(6, [{ who: "emerald", x: 150, y: 80, side: 300 }], true);
      const [face] = await show(7, [{ who: "green", x: 150, y: 80, side: 300 }]);
      assert.deepEqual([face === undefined ? undefined : nameOf(face), face?.carriedAgeMs], ["green", undefined]);
    } finally {
      await embedder.close();
    }
  });

  for (const step of [1, 2, 3]) {
    it(
      "keeps two people's names who walk past each " +
        `other${step === 1 ? "" : `, when it sees one frame of ${step}`}`,
      async () => {
        start();
        try {
          for (let sequence = 0; sequence < 30; sequence += step) {
            const [left, right] = [20 + 12 * sequence, 380 - 12 * sequence];
            // The one in front hides the other.
            const people: Someone[] = [
              { who: "emerald", x: right, y: 110, side: 240 },
              { who: "green", x: left, y: 100, side: 240 },
            ];
            for (const face of await show(sequence, people)) {
              const name = nameOf(face);
              const middle = face.box.x + face.box.width / 2;
              const [front, behind] = [Math.abs(middle - left - 120), Math.abs(middle - right - 120)];
              // Where one half hides the other the network may see neither; it must not see the wrong one.
              const expected: Who = front < behind ? "green" : "emerald";
              if (Math.abs(left - right) > 200) assert.equal(name, expected, `frame ${sequence}`);
              else if (Math.abs(front - behind) > 40)
                assert.ok(name === undefined || name === expected, `frame ${sequence}: ${name} at ${middle}`);
            }
          }
        } finally {
          await embedder.close();
        }
      },
    );
  }
});
