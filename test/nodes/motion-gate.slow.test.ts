/** The motion gate of the nodes that find faces: when it is on, and what messages say of it. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { PRESETS } from "../../lib/detect/haar/presets";
import type { FaceMessage, Picture } from "../../lib/message";
import faceAnnotate from "../../nodes/face-annotate/face-annotate";
import faceDetect from "../../nodes/face-detect/face-detect";
import haarDetect from "../../nodes/haar-detect/haar-detect";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { cutting, film, FPS, grain, somebody } from "../support/moving-scene";

/** Somebody is there from the fifth second on. */
const COMES = 5;

describe("the motion gate", () => {
  let frames: Picture[];
  before(async () => {
    await startServer();
    const face = await cutting("green", 170);
    frames = await film(7, [somebody(face, () => [75, 35], COMES), grain(3)], { size: [320, 240] });
  });
  after(() => stopServer());
  afterEach(() => helper.unload());

  const watch = async (fields: object, pictures: readonly Picture[] = frames): Promise<FaceMessage[]> => {
    await helper.load(
      [haarDetect, faceDetect, faceAnnotate],
      [
        { id: "d", name: "", minSize: 60, wires: [["a"]], type: "haar-detect", ...fields },
        { id: "a", type: "face-annotate", name: "", wires: [["out"]] },
        { id: "out", type: "helper" },
      ],
    );
    const failed = nextError("d").then(assert.fail);
    const seen: FaceMessage[] = [];
    for (const { bytes, frame } of pictures) {
      const answer = Promise.race([nextMessage("out"), failed]);
      send("d", { payload: bytes, frame } as FaceMessage);
      seen.push(await answer);
    }
    return seen;
  };
  /** As the form's button sets them. */
  const preset = (name: "tracking" | "accurate" | "original"): object => {
    const { workingWidth, ...fields } = PRESETS[name];
    return { version: 2, ...fields, workingWidthType: workingWidth === "auto" ? "auto" : "whole" };
  };
  const left = (seen: readonly FaceMessage[]): number => seen.filter(({ searched }) => searched === false).length;

  for (const type of ["haar-detect", "face-detect"])
    it(`of ${type} leaves frames out until somebody comes, and sends each frame on`, async () => {
      const seen = await watch({ type, engine: "wasm", ...preset("tracking") });
      assert.equal(seen.length, frames.length);
      assert.ok(left(seen.slice(0, COMES * FPS)) >= 20, String(left(seen)));
      for (const { searched, faces, frame, timing } of seen) {
        if (searched === false) assert.deepEqual([faces, timing?.detect, timing?.decode], [[], undefined, undefined]);
        else assert.ok(timing?.detect !== undefined && timing.decode !== undefined);
        assert.deepEqual([frame?.width, frame?.height], [320, 240]);
      }
      const there = seen.slice((COMES + 0.3) * FPS);
      assert.deepEqual([left(there), there.filter(({ faces }) => faces?.length === 1).length], [0, there.length]);
    });

  it("is off in a flow of the time before it", async () => {
    assert.equal(left(await watch({}, frames.slice(0, 20))), 0);
  });

  it("is off in the presets that search every frame whole", async () => {
    for (const name of ["original", "accurate"] as const) {
      assert.equal(left(await watch(preset(name), frames.slice(0, 10))), 0);
      await helper.unload();
    }
  });

  it("knows no photos, and takes nothing for not searched that a detector after it searched", async () => {
    const photos = frames.slice(0, 10).map(({ bytes }) => ({ bytes, frame: undefined }));
    assert.equal(left(await watch({ motionGate: true }, photos)), 0);
    await helper.unload();
    await helper.load(
      [haarDetect, faceDetect],
      [
        { id: "d", type: "face-detect", name: "", engine: "wasm", motionGate: true, wires: [["e"]] },
        { id: "e", type: "haar-detect", name: "", minSize: 60, wires: [["out"]] },
        { id: "out", type: "helper" },
      ],
    );
    for (const { bytes, frame } of frames.slice(0, 10)) {
      const answer = nextMessage("out");
      send("d", { payload: bytes, frame } as FaceMessage);
      assert.equal((await answer).searched, undefined);
    }
  });
});
