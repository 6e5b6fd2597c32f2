import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { FaceMessage } from "../../lib/message";
import faceDetect from "../../nodes/face-detect/face-detect";
import faceLiveness from "../../nodes/face-liveness/face-liveness";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import { Eye } from "../support/acted-turns";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { keepLoaded } from "../support/keep-loaded";
import { portrait } from "../support/photos";
import { Presentation, SIDE, type Sitter, type Species } from "../support/presentations";

interface Told {
  task?: "front" | "left" | "right";
  step?: number;
  of?: number;
  reason?: string;
  liveness?: { result: string; by: string };
}

/** Degrees from frame to frame: slower than a head turns at ten frames a second. */
const STEP = 6;
const FARTHEST = 42;
const FRAME_MS = 100;

describe("face-liveness", () => {
  let sitter: Sitter;
  before(async () => {
    await startServer();
    sitter = (await (await Eye.open()).sitter(await portrait("stripes"))) ?? assert.fail("no face from the front");
  });
  after(stopServer);
  keepLoaded();
  afterEach(() => helper.unload());

  const load = (fields: object): Promise<void> =>
    helper.load(
      [faceDetect, facenetEmbed, faceLiveness],
      [
        { id: "d", type: "face-detect", name: "", tracking: true, wires: [["e"]] },
        { id: "e", type: "facenet-embed", name: "", model: "mobilefacenet-192", wires: [["l"]] },
        { id: "l", type: "face-liveness", name: "", wires: [["out"], ["told"]], ...fields },
        { id: "out", type: "helper" },
        { id: "told", type: "helper" },
      ],
    );

  /** Frames of a camera, one after the other, until the challenge ends; what is shown does what is asked. */
  async function present(species: Species, most = 80): Promise<{ told: Told[]; last: FaceMessage }> {
    const presentation = new Presentation(sitter, species, 4);
    const told: Told[] = [];
    helper.getNode("told").on("input", (message) => void told.push((message as FaceMessage)["challenge"] as Told));
    const began = Date.now();
    let [yaw, sequence] = [0, 0];
    const show = async (): Promise<FaceMessage> => {
      const payload = await presentation.frame({ yaw, pitch: 0, roll: 0 });
      const out = nextMessage("out");
      const capturedAt = began + sequence * FRAME_MS;
      const frame = { source: "door", sequence, capturedAt, width: SIDE, height: SIDE };
      sequence += 1;
      send("d", { payload, frame });
      return out;
    };
    let last = await show();
    while (told.at(-1)?.liveness === undefined && sequence < most) {
      const task = told.at(-1)?.task ?? "front";
      const wanted = task === "front" ? 0 : task === "left" ? FARTHEST : -FARTHEST;
      yaw += Math.max(-STEP, Math.min(STEP, wanted - yaw));
      last = await show();
    }
    return { told, last: told.at(-1)?.liveness === undefined ? last : await show() };
  }

  it("challenges a face, says what to do, and puts on the face that a head turned as asked (simulated)", async () => {
    await load({});
    send("l", { challenge: "turn" });
    const { told, last } = await present("head");
    assert.deepEqual(
      told.map(({ task, step, liveness }) => liveness?.result ?? [task === "front" ? "front" : "turn", step]),
      [["front", 1], ["turn", 1], ["front", 2], ["turn", 2], "passed"],
      JSON.stringify(told),
    );
    const { result, by } = last.faces?.[0]?.liveness ?? {};
    assert.deepEqual([result, by], ["passed", "turn"]);
    assert.ok(Math.abs((last.faces?.[0]?.liveness?.at ?? 0) - Date.now()) < 60_000);
  });

  it("does not pass a print that is turned as asked (simulated)", async () => {
    await load({ seconds: 4 });
    send("l", { challenge: "turn" });
    const { told, last } = await present("print");
    assert.notEqual(told.at(-1)?.liveness?.result ?? "none", "passed", JSON.stringify(told));
    assert.notEqual(last.faces?.[0]?.liveness?.result, "passed");
  });

  it("knows nothing of a face that nobody challenged", async () => {
    await load({});
    const { told, last } = await present("head", 6);
    assert.deepEqual([told, last.faces?.length, last.faces?.[0]?.liveness], [[], 1, undefined]);
  });

  it("challenges everybody who comes, where it is to", async () => {
    await load({ everybody: true, turns: 1 });
    const { told } = await present("head");
    assert.deepEqual([told[0]?.task, told.at(-1)?.liveness?.result], ["front", "passed"], JSON.stringify(told));
  });

  it("says that a photo cannot turn its head, and what a challenge is", async () => {
    await load({});
    send("l", { challenge: "turn" });
    const untracked = nextError("l");
    const frame = { source: "door", sequence: 0, capturedAt: Date.now(), width: SIDE, height: SIDE };
    const box = { x: 100, y: 100, width: 90, height: 90 };
    send("l", { payload: await portrait("stripes"), frame, faces: [{ box, score: 1 }] });
    assert.match(await untracked, /^face-liveness: a face can be challenged only where it is followed/);
    const wrong = nextError("l");
    send("l", { challenge: { by: "blink" } });
    assert.match(await wrong, /^face-liveness: msg\.challenge: by/);
  });
});
