import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { livenessOptionsSchema, LivenessWatch } from "../../../lib/liveness/watch";
import type { Face, Picture } from "../../../lib/message";
import { Eye } from "../../support/acted-turns";
import { portrait } from "../../support/photos";
import { Presentation, SIDE, type Sitter } from "../../support/presentations";

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
    new LivenessWatch(livenessOptionsSchema.parse(options), () => clock);

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
