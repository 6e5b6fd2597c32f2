import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { overlap, withoutDoubles } from "../../../lib/detect/boxes";
import { ReferenceLook } from "../../../lib/detect/look";
import { Tracker, trackingOptionsSchema } from "../../../lib/detect/tracker";
import type { Face, FacePoints, Frame } from "../../../lib/message";
import { frameAt, seenAt } from "../../support/looks";

const ANNA = 1;
const BEN = 2;

const tracker = (fullEvery = 8): Tracker => new Tracker(trackingOptionsSchema.parse({ fullEvery }));

/** Plan and take in one frame, as a camera does; in a planned region everything that is there is found. */
function show(follower: Tracker, frame: Frame, ...seen: ReturnType<typeof seenAt>[]): Face[] {
  const near = follower.plan(frame);
  return follower.update(frame, seen, near === undefined);
}

const ids = (faces: Face[]): string[] => faces.map(({ track, look }) => `${track}/${look}`);

describe("Tracker", () => {
  it("gives a face that walks one number, and its look does not change", () => {
    const follower = tracker();
    const first = show(follower, frameAt(0), seenAt(ANNA, 100, 200));
    for (let sequence = 1; sequence < 40; sequence += 1) {
      assert.deepEqual(ids(show(follower, frameAt(sequence), seenAt(ANNA, 100 + 10 * sequence, 200))), ids(first));
    }
  });

  it("leaves a detector's five points with the face that it found", () => {
    const follower = tracker();
    const points = (x: number): FacePoints => ({
      leftEye: { x: x - 20, y: 180 },
      rightEye: { x: x + 20, y: 181 },
      nose: { x, y: 205 },
      mouthLeft: { x: x - 15, y: 230 },
      mouthRight: { x: x + 15, y: 231 },
    });
    const [first] = show(follower, frameAt(0), { ...seenAt(ANNA, 100, 200), points: points(100) });
    assert.deepEqual(first?.points, points(100));
    const [second] = show(follower, frameAt(1), { ...seenAt(ANNA, 104, 200), points: points(104) });
    assert.deepEqual([second?.track, second?.points], [first?.track, points(104)]);
    const [without] = show(follower, frameAt(2), seenAt(ANNA, 108, 200));
    assert.equal(without !== undefined && "points" in without, false);
  });

  it("never gives a number twice, nor does another camera's tracker", () => {
    const one = tracker();
    const two = tracker();
    const seen = new Set<number | undefined>();
    for (let sequence = 0; sequence < 5; sequence += 1) {
      for (const follower of [one, two])
        for (const { track } of show(
          follower,
          frameAt(sequence, { capturedAt: 10_000 * sequence }),
          seenAt(ANNA, 100, 200),
          seenAt(BEN, 400, 200),
        ))
          seen.add(track);
    }
    assert.equal(seen.size, 20);
  });

  it("searches a frame whole when nobody is known, then near the face, and whole every few frames", () => {
    const follower = tracker(4);
    const whole: boolean[] = [];
    for (let sequence = 0; sequence < 10; sequence += 1) {
      const near = follower.plan(frameAt(sequence));
      whole.push(near === undefined);
      follower.update(frameAt(sequence), sequence === 0 ? [] : [seenAt(ANNA, 300, 200)], near === undefined);
    }
    assert.deepEqual(whole, [true, true, false, false, false, true, false, false, false, true]);
  });

  it("looks where the face is going, for faces of about its size", () => {
    const follower = tracker(100);
    for (let sequence = 0; sequence < 30; sequence += 1)
      show(follower, frameAt(sequence), seenAt(ANNA, 100 + 12 * sequence, 200));
    const [near] = follower.plan(frameAt(30)) ?? [];
    assert.ok(near !== undefined);
    const { region, minSize, maxSize } = near;
    // Expected at x = 100 + 12 · 30.
    assert.ok(Math.abs(region.x + region.width / 2 - 460) < 4, `the middle is at ${region.x + region.width / 2}`);
    assert.deepEqual([Math.round(region.width), minSize, maxSize], [150, 78, 128]);
  });

  it("keeps the number of a face that was not found in some frames, and gives a new one after that", () => {
    const follower = tracker();
    const [anna] = show(follower, frameAt(0), seenAt(ANNA, 300, 200));
    for (let sequence = 1; sequence < 5; sequence += 1) show(follower, frameAt(sequence), seenAt(ANNA, 300, 200));
    for (let sequence = 5; sequence < 10; sequence += 1) assert.deepEqual(show(follower, frameAt(sequence)), []);
    assert.equal(show(follower, frameAt(10), seenAt(ANNA, 305, 200))[0]?.track, anna?.track);
    for (let sequence = 11; sequence < 17; sequence += 1) show(follower, frameAt(sequence));
    assert.notEqual(show(follower, frameAt(17), seenAt(ANNA, 305, 200))[0]?.track, anna?.track);
  });

  it("gives up a box that flickers sooner", () => {
    const follower = tracker();
    const [curtain] = show(follower, frameAt(0), seenAt(ANNA, 300, 200));
    for (const sequence of [1, 2]) show(follower, frameAt(sequence));
    assert.notEqual(show(follower, frameAt(3), seenAt(ANNA, 300, 200))[0]?.track, curtain?.track);
  });

  it("is sure of a face found in five frames in a row, and not where it was missing", () => {
    const follower = tracker(100);
    const sure: (boolean | undefined)[] = [];
    for (let sequence = 0; sequence < 8; sequence += 1) {
      sure.push(follower.plan(frameAt(sequence))?.[0]?.sure);
      show(follower, frameAt(sequence), ...(sequence === 6 ? [] : [seenAt(ANNA, 300, 200)]));
    }
    assert.deepEqual(sure, [undefined, false, false, false, false, true, true, false]);
  });

  it("looks farther around a face the longer ago it was found", () => {
    const widths = [33, 100, 200, 900].map((ms) => {
      const follower = tracker();
      show(follower, frameAt(0), seenAt(ANNA, 300, 200));
      return follower.plan(frameAt(1, { capturedAt: 1_000_000 + ms }))?.[0]?.region.width;
    });
    assert.deepEqual(widths, [150, 186, 246, 300]);
  });

  it("counts a new look when another person is at the same place in the next frame", () => {
    const follower = tracker();
    const [before] = show(follower, frameAt(0), seenAt(ANNA, 300, 200));
    const [after] = show(follower, frameAt(1), seenAt(BEN, 300, 200));
    const [later] = show(follower, frameAt(2), seenAt(BEN, 300, 200));
    assert.deepEqual([before?.look, after?.look, later?.look], [0, 1, 1]);
  });

  it("compares with the look's first frame, so that one person cannot turn into another bit by bit", () => {
    const follower = tracker();
    const [anna, ben] = [seenAt(ANNA, 300, 200), seenAt(BEN, 300, 200)];
    const looks = Array.from({ length: 31 }, (_, step) => {
      const look = anna.look.map((value, at) => value + ((ben.look[at] as number) - value) * (step / 30));
      return show(follower, frameAt(step), { ...anna, look })[0]?.look;
    });
    assert.ok((looks.at(-1) as number) >= 1, `after the change the look is still ${looks.at(-1)}`);
  });

  it("takes a face for another's that is nearer to the last one than strangers were, but not near enough", () => {
    const [anna, ben] = [seenAt(ANNA, 300, 200), seenAt(BEN, 300, 200)];
    let tried = 0;
    for (let step = 0; step <= 100; step += 1) {
      const look = anna.look.map((value, at) => value + ((ben.look[at] as number) - value) * (step / 100));
      const likeness = new ReferenceLook(anna.look).likeness(look);
      // Strangers came up to 0.77; frames of one face were above 0.95.
      if (likeness < 0.77 || likeness > 0.89) continue;
      const follower = tracker();
      show(follower, frameAt(0), anna);
      assert.equal(show(follower, frameAt(1), { ...anna, look })[0]?.look, 1, `likeness ${likeness}`);
      tried += 1;
    }
    assert.ok(tried >= 3, `${tried} such looks`);
  });

  for (const step of [1, 2, 4]) {
    it(`keeps two people apart who cross, when it sees every ${["", "", "second ", "", "fourth "][step]}frame`, () => {
      const follower = tracker();
      const tracks = new Map<number, Set<string>>([
        [ANNA, new Set()],
        [BEN, new Set()],
      ]);
      for (let sequence = 0; sequence <= 60; sequence += step) {
        const x = 140 + 6 * sequence;
        // While one hides the other only the one in front is there.
        const hidden = Math.abs(2 * x - 640) < 90;
        const faces = show(
          follower,
          frameAt(sequence),
          seenAt(ANNA, x, 200),
          ...(hidden ? [] : [seenAt(BEN, 640 - x, 205)]),
        );
        tracks.get(ANNA)?.add(ids(faces)[0] as string);
        if (!hidden) tracks.get(BEN)?.add(ids(faces)[1] as string);
      }
      const shared = [...(tracks.get(ANNA) ?? [])].filter((id) => tracks.get(BEN)?.has(id));
      assert.deepEqual(shared, []);
    });
  }

  for (const [what, frame] of [
    ["a gap of more than a second", frameAt(1, { capturedAt: 1_002_000 })],
    ["a camera that starts again", frameAt(0)],
    ["a clock that goes back", frameAt(1, { capturedAt: 999_000 })],
    ["another size of picture", frameAt(1, { width: 1280, height: 960 })],
  ] as const) {
    it(`starts anew after ${what}`, () => {
      const follower = tracker();
      const [before] = show(follower, frameAt(0), seenAt(ANNA, 300, 200));
      const [after] = show(follower, frame, seenAt(ANNA, 300, 200));
      assert.notEqual(after?.track, before?.track);
    });
  }

  it("gives a face its own box, not a smoothed one", () => {
    const follower = tracker();
    show(follower, frameAt(0), seenAt(ANNA, 300, 200));
    assert.deepEqual(show(follower, frameAt(1), seenAt(ANNA, 321, 207, 110))[0]?.box, {
      x: 266,
      y: 152,
      width: 110,
      height: 110,
    });
  });
});

describe("overlap", () => {
  it("is the intersection over the union", () => {
    const box = { x: 0, y: 0, width: 10, height: 10 };
    assert.deepEqual(
      [overlap(box, box), overlap(box, { ...box, x: 5 }), overlap(box, { ...box, x: 10 })],
      [1, 1 / 3, 0],
    );
  });

  it("keeps the better of two boxes of one face", () => {
    const [weak, strong, other] = [
      { box: { x: 2, y: 0, width: 10, height: 10 }, score: 5 },
      { box: { x: 0, y: 0, width: 10, height: 10 }, score: 9 },
      { box: { x: 30, y: 0, width: 10, height: 10 }, score: 5 },
    ];
    assert.deepEqual(withoutDoubles([weak, strong, other]), [strong, other]);
  });
});
