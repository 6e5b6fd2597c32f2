import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import sharp from "sharp";
import { FLASH_COLOURS, type FlashPlan } from "../../../lib/flash-plan";
import { livenessOptionsSchema, LivenessWatch } from "../../../lib/liveness/watch";
import type { Face, Picture } from "../../../lib/message";
import { Eye } from "../../support/acted-turns";
import { portrait } from "../../support/photos";
import { Presentation, SIDE, type Sitter } from "../../support/presentations";

/** Of another time. */
const PLAN: FlashPlan = {
  id: "before",
  colours: ["red", "cyan", "red", "cyan", "red", "cyan", "red", "cyan", "red"],
  eachMs: 500,
};
const BOX = { x: 120, y: 120, width: 140, height: 140 };

describe("who is challenged before which camera", () => {
  let looks: { face: Face; bytes: Buffer }[] = [];
  let prints: Face[] = [];

  before(async () => {
    const eye = await Eye.open();
    const sitter: Sitter = (await eye.sitter(await portrait("stripes"))) ?? assert.fail("no face from the front");
    const seen = async (
      species: "head" | "print",
      angles: readonly number[],
    ): Promise<{ face: Face; bytes: Buffer }[]> => {
      const presentation = new Presentation(sitter, species, 4);
      const all: { face: Face; bytes: Buffer }[] = [];
      for (const yaw of angles) {
        const bytes = await presentation.frame({ yaw, pitch: 0, roll: 0 });
        const { face } = (await eye.look(bytes)) ?? assert.fail(`no face at ${yaw}°`);
        all.push({ bytes, face: { box: BOX, score: 1, landmarks: face.landmarks, quality: face.quality } });
      }
      return all;
    };
    looks = await seen("head", [0, 12, 24, 36, 42, 36, 42]);
    prints = (await seen("print", [0, 40, 44, 48, 44, 48, 44])).map(({ face }) => face);
  });

  let clock = 0;
  const watching = (options: object): LivenessWatch =>
    new LivenessWatch(livenessOptionsSchema.parse(options), undefined, () => clock);

  /** A frame in which the head looks so, and whoever else is there. */
  async function frame(
    watch: LivenessWatch,
    look: number,
    { track = 1, camera = "a", others = [] as Face[] } = {},
  ): Promise<Awaited<ReturnType<LivenessWatch["frame"]>>> {
    clock += 200;
    const { face, bytes } = looks[look] ?? assert.fail();
    const picture: Picture = {
      bytes,
      frame: { source: "door", camera, sequence: 0, capturedAt: clock, width: SIDE, height: SIDE },
    };
    return watch.frame(picture, [{ ...face, track }, ...others]);
  }

  it("is unsure where another face of its size is there for two frames, and not where a small one is", async () => {
    const watch = watching({ turns: 1 });
    const other = { box: { ...BOX, x: 260 }, score: 1, track: 2 };
    watch.ask({ by: "turn" });
    await frame(watch, 0, { others: [{ ...other, box: { ...other.box, width: 40, height: 40 } }] });
    await frame(watch, 0, { others: [{ ...other, box: { ...other.box, width: 40, height: 40 } }] });
    await frame(watch, 0, { others: [other] });
    assert.equal(watch.running, 1);
    const { faces, told } = await frame(watch, 0, { others: [other] });
    assert.deepEqual([faces[0]?.liveness?.result, faces[1]?.liveness], ["unsure", undefined]);
    assert.deepEqual(
      told.map((each) => ("reason" in each ? each.reason : each.task)),
      ["company"],
    );
  });

  it("gives one track's result to no other, and challenges the camera and the track that were named", async () => {
    const watch = watching({ turns: 1 });
    watch.ask({ by: "turn", camera: "b", track: 7 });
    assert.deepEqual((await frame(watch, 0)).told, []);
    assert.deepEqual((await frame(watch, 0, { camera: "b", track: 8 })).told, []);
    const { told } = await frame(watch, 0, { camera: "b", track: 7 });
    assert.deepEqual(told, [{ camera: "b", track: 7, task: "front", step: 1, of: 1 }]);
    // Another track takes its place: the challenge goes on without a face, and ends.
    for (let each = 0; each < 10; each += 1) await frame(watch, 0, { camera: "b", track: 9 });
    assert.equal(watch.running, 0);
    assert.equal((await frame(watch, 0, { camera: "b", track: 9 })).faces[0]?.liveness, undefined);
    assert.equal((await frame(watch, 0, { camera: "b", track: 7 })).faces[0]?.liveness?.result, "unsure");
  });

  it("ends when no frame comes any more", async () => {
    const watch = watching({ turns: 1, seconds: 6 });
    watch.ask({ by: "turn" });
    await frame(watch, 0);
    assert.deepEqual(watch.pass(), []);
    clock += 9000;
    assert.deepEqual(watch.pass(), []);
    clock += 2000;
    const [ended] = watch.pass();
    assert.deepEqual([ended?.track, ended?.liveness.result], [1, "unsure"]);
    assert.deepEqual(watch.pass(), []);
  });

  /** A frame of a screen's light on a face, of which the middle is skin; colours of a plan at a time. */
  async function lit(shown: FlashPlan, at: number, strength: number): Promise<Buffer> {
    const rgb = FLASH_COLOURS[shown.colours[Math.floor(at / shown.eachMs)] ?? "red"];
    const face = [150, 110, 90].map((value, channel) => Math.round(value * (1 + (strength * rgb[channel]!) / 255)));
    const part = await sharp({
      create: {
        width: BOX.width,
        height: BOX.height,
        channels: 3,
        background: { r: face[0]!, g: face[1]!, b: face[2]! },
      },
    })
      .png()
      .toBuffer();
    return sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: "#707080" } })
      .composite([{ input: part, left: BOX.x, top: BOX.y }])
      .jpeg({ quality: 90 })
      .toBuffer();
  }

  it("shows colours first where it is to, and asks for the turn once light on the face followed them", async () => {
    const say = async (strength: number, other = false): Promise<string[]> => {
      let plan: FlashPlan | undefined;
      const watch = new LivenessWatch(
        livenessOptionsSchema.parse({ turns: 1 }),
        (camera, shown) => {
          plan = shown;
          return camera === "a";
        },
        () => clock,
      );
      watch.ask({ by: "flash" });
      const all: string[] = [];
      for (let at = -1000; at <= 4800 && !all.some((each) => each.includes("unsure")); at += 200) {
        clock += 200;
        const shown = plan ?? PLAN;
        const bytes = await lit(other ? PLAN : shown, Math.max(0, at), strength);
        const { told } = await watch.frame(
          {
            bytes,
            frame: {
              source: "door",
              camera: "a",
              sequence: 0,
              capturedAt: clock,
              width: SIDE,
              height: SIDE,
              flash: { id: shown.id, at },
            },
          },
          [{ box: BOX, score: 1, track: 1 }],
        );
        all.push(...told.map((each) => ("reason" in each ? `${each.liveness.result} ${each.reason}` : each.task)));
      }
      return all;
    };
    assert.deepEqual(await say(0.3), ["flash", "front"]);
    assert.deepEqual(await say(0), ["flash", "unsure no_light"]);
    const [first, second] = await say(0.3, true);
    assert.equal(first, "flash");
    assert.notEqual(second, "front");
  });

  it("says that only a browser's camera can show colours", async () => {
    const watch = watching({});
    watch.ask({ by: "flash" });
    await assert.rejects(frame(watch, 0), /only the page of a browser's camera can show colours/);
  });

  it("takes nothing of what was seen in passing before a challenge for an answer to it (simulated)", async () => {
    const watch = watching({ turns: 1 });
    const show = async (face: Face): Promise<Face["liveness"]> => {
      clock += 200;
      const picture: Picture = {
        bytes: (looks[0] as { bytes: Buffer }).bytes,
        frame: { source: "door", camera: "a", sequence: 0, capturedAt: clock, width: SIDE, height: SIDE },
      };
      return (await watch.frame(picture, [{ ...face, track: 1 }])).faces[0]?.liveness;
    };
    for (const print of prints.slice(0, -1)) await show(print);
    assert.equal((await show(prints.at(-1) as Face))?.result, "failed");
    watch.ask({ by: "turn", camera: "a" });
    // They come after all, and nothing is known of them but that they do not turn.
    let last: Face["liveness"];
    for (let at = 0; at < 50; at += 1) last = (await frame(watch, 0)).faces[0]?.liveness;
    assert.deepEqual([last?.result, last?.by], ["unsure", "turn"]);
  });

  it("denies a print that was turned in passing, unless it is not to, and no head (simulated)", async () => {
    const pass = async (options: object, faces: readonly Face[]): Promise<Face["liveness"]> => {
      const watch = watching(options);
      let last: Face | undefined;
      for (const face of faces) {
        const picture: Picture = {
          bytes: Buffer.alloc(0),
          frame: { source: "door", sequence: 0, capturedAt: 0, width: SIDE, height: SIDE },
        };
        [last] = (await watch.frame(picture, [{ ...face, track: 3 }])).faces;
      }
      return last?.liveness;
    };
    const { result, by } = (await pass({}, prints)) ?? {};
    assert.deepEqual([result, by], ["failed", "cues"]);
    assert.equal(await pass({ cues: false }, prints), undefined);
    const turned = [0, 1, 2, 3, 4, 5, 6, 4, 5, 6].map((look) => (looks[look] as { face: Face }).face);
    assert.equal(await pass({}, turned), undefined);
  });
});
