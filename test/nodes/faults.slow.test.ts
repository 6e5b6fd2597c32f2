/** What must never end Node-RED: a stage that throws, and a worker that dies. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Worker } from "node:worker_threads";
import type { FaceMessage } from "../../lib/message";
import camera from "../../nodes/camera/camera";
import faceAnnotate from "../../nodes/face-annotate/face-annotate";
import faceAttendance from "../../nodes/face-attendance/face-attendance";
import faceEnrol from "../../nodes/face-enrol/face-enrol";
import faceNotify from "../../nodes/face-notify/face-notify";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceGate from "../../nodes/face-gate/face-gate";
import faceLiveness from "../../nodes/face-liveness/face-liveness";
import faceMatch from "../../nodes/face-match/face-match";
import facePresence from "../../nodes/face-presence/face-presence";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import haarDetect from "../../nodes/haar-detect/haar-detect";
import ttsGreet from "../../nodes/tts-greet/tts-greet";
import { helper, nextError, nextLog, nextMessage, send, startServer, stopServer } from "../support/flow";
import { mqtt } from "../support/mqtt-nodes";
import { startNodeRed } from "../support/node-red";
import { keepLoaded } from "../support/keep-loaded";
import { knownPeople, portrait } from "../support/photos";

const NODES = [
  camera,
  haarDetect,
  facenetEmbed,
  faceMatch,
  ttsGreet,
  faceAnnotate,
  faceEnrol,
  facePresence,
  faceNotify,
  faceGallery,
  faceLiveness,
  faceGate,
  faceAttendance,
  mqtt,
];

/** A message that throws when the stage reads what it needs: stands for any bug in a stage. */
function explosive(property: string): FaceMessage {
  return Object.defineProperty({}, property, {
    enumerable: true,
    get: () => {
      throw new Error(`${property} exploded`);
    },
  }) as FaceMessage;
}

describe("faults", () => {
  const workers: Worker[] = [];
  const collect = (worker: Worker): void => void workers.push(worker);
  before(async () => {
    process.on("worker", collect);
    await startServer();
  });
  after(async () => {
    process.off("worker", collect);
    await stopServer();
  });
  keepLoaded();
  afterEach(() => helper.unload());

  for (const [type, property, fields] of [
    ["facewire-camera", "payload", { source: "browser" }],
    ["haar-detect", "payload", {}],
    ["facenet-embed", "faces", {}],
    ["face-match", "faces", { gallery: "g" }],
    ["tts-greet", "faces", { engine: "none" }],
    ["face-annotate", "faces", {}],
    ["face-presence", "faces", { gallery: "g" }],
    ["face-enrol", "payload", { gallery: "g", person: "Alice", personType: "str" }],
    ["face-liveness", "faces", {}],
    ["face-notify", "visit", { gallery: "g", broker: "b" }],
    ["face-gate", "presence", { gallery: "g" }],
    ["face-attendance", "attendance", { gallery: "g" }],
    ["haar-detect", "frame", {}],
  ] as const) {
    it(`an exception in ${type} (${property}) becomes done(error), is logged, and the node works on`, async () => {
      helper.settings({ userDir: mkdtempSync(join(tmpdir(), "user-")) });
      await helper.load(NODES, [
        { id: "n", type, name: "", wires: [["out"], ["out"]], ...fields },
        { id: "g", type: "face-gallery", name: "", folder: await knownPeople({ Alice: "green" }) },
        { id: "b", type: "mqtt-broker", broker: "127.0.0.1", port: "1" },
        { id: "out", type: "helper" },
      ]);
      for (let round = 0; round < 2; round += 1) {
        const error = nextError("n");
        const logged = nextLog("n");
        send("n", explosive(property));
        assert.match(await error, new RegExp(`^${type}: ${property} exploded`));
        assert.match(await logged, /^a mistake of the program: Error\n {4}at \S/);
      }
    });
  }

  it("a redeploy while the networks load is nobody's error", async () => {
    const red = await startNodeRed([
      { id: "t", type: "tab" },
      { id: "d", type: "haar-detect", z: "t", x: 1, y: 1, wires: [[]] },
      { id: "e", type: "facenet-embed", z: "t", x: 1, y: 1, wires: [[]] },
    ]);
    try {
      // A deploy is answered when the nodes of before are closed.
      const deployed = await fetch(`${red.url}/flows`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: "[]",
      });
      assert.equal(deployed.ok, true);
      assert.doesNotMatch(red.log(), /\[error\]/);
    } finally {
      await red.stop();
    }
  });

  it("a worker that dies in the middle is replaced and its message is done again", { timeout: 300_000 }, async () => {
    await helper.load(NODES, [
      { id: "d", type: "haar-detect", name: "", wires: [["e"]] },
      { id: "e", type: "facenet-embed", name: "", wires: [["out"]] },
      { id: "out", type: "helper" },
    ]);
    const payload = await portrait("green");
    const embedded = (message: FaceMessage): number | undefined =>
      message.faces?.filter(({ embedding }) => embedding !== undefined).length;
    const box = { x: 106, y: 131, width: 254, height: 254 };
    for (const id of ["d", "e"]) {
      // Both stages' workers are up and at work when they die.
      const well = nextMessage("out");
      send("d", { payload });
      await well;
      const again = nextMessage("out");
      send(id, { payload: Buffer.from(payload), faces: [{ box, score: 1 }] });
      for (const worker of workers.splice(0)) await worker.terminate();
      assert.equal(embedded(await again), 1);
    }
    const good = nextMessage("out");
    send("d", { payload });
    assert.equal(embedded(await good), 1);
  });
});
