import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { greyThumbnail } from "../../../lib/image/grey-thumbnail";
import type { Box, Frame, Picture } from "../../../lib/message";
import { MotionGate, type Where } from "../../../lib/motion/gate";
import {
  clock,
  type Cutting,
  cutting,
  film,
  FPS,
  grain,
  type Happening,
  light,
  numbers,
  rain,
  somebody,
  turning,
} from "../../support/moving-scene";

/** Where each frame is searched, if nobody is ever found. @param took milliseconds of a search of all */
async function gated(frames: readonly Picture[], gate = new MotionGate(), took = 50): Promise<Where[]> {
  const answers: Where[] = [];
  for (const picture of frames) {
    const frame = picture.frame as Frame;
    const where = gate.ask(frame) ?? gate.look(frame, await greyThumbnail(picture));
    if (where !== "nowhere") gate.searched(frame, 0, where === "everywhere" ? took : undefined);
    answers.push(where);
  }
  return answers;
}

/** Seconds after which the scene is known. */
const KNOWN = 5;
const isSearched = (where: Where): boolean => where !== "nowhere";

/** Share of the frames that are searched once the scene is known; one in two seconds is in any case. */
async function shareSearched(happenings: readonly Happening[], quality?: number, known = KNOWN): Promise<number> {
  const frames = await film(known + 10, happenings, quality === undefined ? {} : { quality });
  const after = (await gated(frames)).slice(known * FPS);
  return after.filter(isSearched).length / after.length;
}

/** One frame in two seconds, and one more for a start. */
const HARDLY_EVER = 0.06;

describe("MotionGate", () => {
  let face: Cutting;
  let small: Cutting;
  before(async () => {
    face = await cutting("green", 120);
    // With the hair around it; the face itself is 30 pixels wide.
    small = await cutting("green", 56);
  });

  for (const [what, happenings, quality] of [
    ["nothing happens", []],
    ["a sensor has grain", [grain(4)]],
    ["a sensor has much grain, as at night", [grain(12)]],
    ["lamps flicker by 8 %", [light((second) => 1 + 0.08 * Math.sin(17 * second)), grain(3)]],
    ["lamps flicker in bands", [light((second, row) => 1 + 0.1 * Math.sin(17 * second + row / 60)), grain(3)]],
    [
      "the camera's exposure changes by a quarter in a second",
      [light((second) => Math.min(1, Math.max(0.75, 1 - (second - 7) * 0.25))), grain(3)],
    ],
    ["JPEG leaves little of the picture", [grain(3)], 25],
  ] as [string, Happening[], number?][])
    it(`searches a frame every two seconds while ${what}`, async () => {
      assert.ok((await shareSearched(happenings, quality)) <= HARDLY_EVER);
    });

  it("searches a frame every five seconds once nothing has moved for half a minute, till something does", async () => {
    const answers = await gated(await film(56, [somebody(small, () => [300, 200], 50, 51), grain(3)]));
    const searched = answers.flatMap((where, frame) => (isSearched(where) ? [frame] : []));
    const gaps = searched.slice(1).map((frame, index) => ({ from: searched[index]!, gap: frame - searched[index]! }));
    for (const { from, gap } of gaps) {
      if (from > 20 && from < 27 * FPS) assert.ok(gap >= 20 && gap <= 22, `${gap} after ${from}`);
      if (from > 32 * FPS && from < 44 * FPS) assert.ok(gap >= 50 && gap <= 52, `${gap} after ${from}`);
      if (from >= 50 * FPS) assert.ok(gap <= 22, `${gap} after ${from}`);
    }
  });

  it("spends a tenth of the time of a slow computer on a room that is empty, and still sees who comes", async () => {
    const frames = await film(66, [somebody(face, () => [150, 80], 64), grain(3)], { size: [320, 240] });
    for (const [took, gap] of [
      [400, 40],
      [9000, 300],
    ] as const) {
      const answers = await gated(frames, new MotionGate(), took);
      const searched = answers.slice(0, 28 * FPS).flatMap((where, frame) => (isSearched(where) ? [frame] : []));
      // At the beginning all are.
      const known = searched.filter((frame) => frame >= 2 * FPS - 1);
      const gaps = known.slice(1).map((frame, index) => frame - known[index]!);
      assert.ok(
        gaps.every((each) => each >= gap && each <= gap + 2),
        JSON.stringify(searched),
      );
      assert.ok(answers.slice(31 * FPS, 64 * FPS).some(isSearched));
      assert.ok(isSearched(answers[64 * FPS + 2]!));
    }
  });

  it("searches no more than a third of the frames in rain", async () => {
    assert.ok((await shareSearched([rain(150), grain(3)], undefined, 15)) <= 0.34);
  });

  it("searches the corner where a clock runs, and that ever less", async () => {
    const answers = (await gated(await film(60, [clock(), grain(3)]))).slice(40 * FPS);
    assert.ok(answers.filter(isSearched).length / answers.length < 0.2);
    for (const where of answers)
      if (typeof where !== "string")
        for (const { x, y, width, height } of where)
          assert.ok(x >= 400 && y >= 250 && width * height < 0.15 * 640 * 480, JSON.stringify(where));
  });

  it("searches every frame of a camera that turns", async () => {
    const answers = await gated(await film(4, [turning(60), grain(3)]));
    assert.deepEqual(answers.slice(5).filter(isSearched).length, answers.length - 5);
  });

  it("searches all when a light is switched on, and has got used to it some seconds later", async () => {
    const on = 7;
    const answers = await gated(await film(20, [light((second) => (second < on ? 0.3 : 1)), grain(3)]));
    const after = answers.slice(on * FPS, on * FPS + 3);
    assert.ok(after.includes("everywhere"), JSON.stringify(after));
    assert.ok(answers.slice((on + 4) * FPS).filter(isSearched).length <= 6);
  });

  const holds = (where: Where, box: Box): boolean =>
    where === "everywhere" ||
    (where !== "nowhere" &&
      where.some(
        ({ x, y, width, height }) =>
          x <= box.x &&
          y <= box.y &&
          x + width >= Math.min(640, box.x + box.width) &&
          y + height >= Math.min(480, box.y + box.height),
      ));
  /** Frames that come up to 300 ms after a moment. */
  const soon = (answers: readonly Where[], second: number): Where[] =>
    answers.slice(second * FPS, Math.floor((second + 0.3) * FPS) + 1);

  it("searches where somebody appears within 300 ms, in each frame of theirs from then on", async () => {
    const walk = (second: number): [number, number] => [640 - (second - 7) * 160, 150];
    const answers = await gated(await film(10, [somebody(face, walk, 7), grain(3)]));
    for (let frame = 73; frame < 100; frame += 1) {
      const [x, y] = walk(frame / FPS);
      assert.ok(holds(answers[frame]!, { x, y, width: 120, height: 120 }), `frame ${frame}`);
    }
  });

  it("searches where a small face appears in a corner within 300 ms, whatever the corner is like", async () => {
    const box = { x: 570, y: 424, width: 56, height: 56 };
    for (const more of [[], [clock()], [rain(150)], [grain(10)]]) {
      const when = 31;
      const answers = await gated(
        await film(when + 2, [...more, somebody(small, () => [box.x, box.y], when), grain(3)]),
      );
      assert.ok(
        soon(answers, when).some((where) => holds(where, box)),
        JSON.stringify(soon(answers, when)),
      );
    }
  });

  it("notices a small face in the very place where people came and went for a minute", async () => {
    const random = numbers(11);
    const way = Array.from({ length: 60 }, () => [250 + 80 * random(), 150 + 80 * random()] as const);
    const busy: Happening = (room, second) => {
      if (second < 60 && second % 2 < 1) somebody(face, () => way[Math.floor(second)]!)(room, second);
    };
    const answers = await gated(await film(64, [busy, somebody(small, () => [300, 200], 62), grain(3)]));
    assert.ok(soon(answers, 62).some((where) => holds(where, { x: 300, y: 200, width: 56, height: 56 })));
  });

  it("leaves out none of the frames after a face was found, for two seconds", async () => {
    const gate = new MotionGate();
    const frames = await film(12, [grain(3)]);
    await gated(frames.slice(0, 60), gate);
    gate.searched(frames[60]!.frame as Frame, 1, undefined);
    const answers = await gated(frames.slice(61), gate);
    assert.deepEqual(
      answers.slice(0, 20).map((where) => typeof where),
      Array.from({ length: 20 }, () => "string"),
    );
    assert.equal(answers.slice(0, 20).filter((where) => where !== "everywhere").length, 0);
    assert.ok(answers.slice(21).some((where) => where === "nowhere"));
  });

  it("searches the first frame, and all once a camera comes back, starts again or has another size", async () => {
    const gate = new MotionGate();
    const [first, ...others] = await film(8, [grain(3)]);
    assert.deepEqual(await gated([first!], gate), ["everywhere"]);
    await gated(others, gate);
    const at = (sequence: number, capturedAt: number, picture = first!): Picture => ({
      bytes: picture.bytes,
      frame: { ...(picture.frame as Frame), sequence, capturedAt },
    });
    const end = (others.at(-1)!.frame as Frame).capturedAt;
    assert.deepEqual(await gated([at(200, end + 60_000)], gate), ["everywhere"], "after a pause");
    assert.deepEqual(await gated([at(0, end + 60_100)], gate), ["everywhere"], "counted anew");
    const [other] = await film(1, [grain(3)], { size: [800, 600] });
    assert.deepEqual(await gated([at(1, end + 60_200, other)], gate), ["everywhere"], "another size");
  });

  it("does not open a frame soon after one in which nothing had changed", async () => {
    const gate = new MotionGate();
    const frames = await film(5, [grain(3)]);
    const opened: number[] = [];
    for (const picture of frames) {
      const frame = picture.frame as Frame;
      if (gate.ask(frame) !== undefined) continue;
      opened.push(frame.capturedAt);
      if (gate.look(frame, await greyThumbnail(picture)) !== "nowhere") gate.searched(frame, 0, 50);
    }
    const known = opened.filter((at) => at >= opened[0]! + 2000);
    assert.ok(known.length <= (frames.length - 20) / 2 + 3, String(known.length));
    const gaps = opened.slice(1).map((at, index) => at - opened[index]!);
    assert.ok(Math.max(...gaps) <= 200);
  });

  it("searches each of the first frames for two seconds, for whoever stands there still", async () => {
    const answers = await gated(await film(5, [grain(3)]));
    assert.deepEqual(new Set(answers.slice(0, 20)), new Set(["everywhere"]));
    assert.ok(answers.slice(20).filter(isSearched).length <= 3);
  });

  /** Of the same frames as a camera sends them so far apart. */
  const apart = (frames: readonly Picture[], ms: number, every = 1): Picture[] =>
    frames.map(({ bytes, frame }, index) => ({
      bytes,
      frame: { ...(frame as Frame), sequence: 1 + index * every, capturedAt: 1_700_000_000_000 + index * ms },
    }));

  it("searches all of every frame of a camera that sends one in some seconds, also on a slow computer", async () => {
    const frames = await film(3, [grain(3)]);
    for (const ms of [1100, 5000, 10_000])
      for (const took of [50, 700])
        assert.deepEqual(
          new Set(await gated(apart(frames, ms), new MotionGate(), took)),
          new Set(["everywhere"]),
          `${ms}`,
        );
    // A node in between lets one frame of fifty through.
    assert.deepEqual(new Set(await gated(apart(frames, 5000, 50))), new Set(["everywhere"]));
  });

  it("does not take a camera for one that sends few frames whose frames a busy computer leaves out", async () => {
    const answers = await gated(apart(await film(3, [grain(3)]), 1500, 15), new MotionGate(), 900);
    assert.ok(answers.slice(3).filter(isSearched).length <= 6, JSON.stringify(answers));
  });

  it("goes on as before after one search that was held up", async () => {
    const gate = new MotionGate();
    const frames = await film(12, [grain(3)], { size: [320, 240] });
    await gated(frames.slice(0, 50), gate);
    gate.searched(frames[50]!.frame as Frame, 0, 20_000);
    const answers = await gated(frames.slice(51), gate);
    assert.ok(answers.slice(0, 21).some(isSearched), "two seconds later");
  });

  it("searches somebody who comes within 300 ms, however many frames a second there are", async () => {
    const comes = 45;
    const frames = await film(6, [somebody(small, () => [300, 200], comes / FPS), grain(3)], { size: [400, 300] });
    for (const ms of [33, 40, 67, 100, 125, 170, 250, 300, 500]) {
      // Some seconds to know the room, then the frames in which somebody is there.
      const known = Math.ceil(4000 / ms);
      const pictures = Array.from({ length: known }, (_, index) => frames[index % comes]!);
      for (const phase of [0, 1, 2, 3, 4, 5]) {
        const seen = apart([...pictures, ...pictures.slice(0, phase), ...frames.slice(comes)], ms);
        const first = known + phase;
        const answers = (await gated(seen)).slice(first, first + 1 + Math.floor(300 / ms));
        assert.ok(answers.some(isSearched), `${ms} ms apart, phase ${phase}: ${JSON.stringify(answers)}`);
      }
    }
  });
});
