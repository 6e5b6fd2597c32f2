import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { FaceMessage } from "../../lib/message";
import camera from "../../nodes/camera/camera";
import { admin, helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { ffmpegChildren, testVideo } from "../support/video";

async function load(fields: object): Promise<void> {
  await helper.load([camera], [
    { id: "c", type: "facewire-camera", name: "door", autostart: false, wires: [["frames"], ["events"]], ...fields },
    { id: "frames", type: "helper" },
    { id: "events", type: "helper" },
  ]);
}

/** Events until one of that name. */
async function untilEvent(name: string): Promise<{ event: string; reason?: string }> {
  for (;;) {
    const { payload } = await nextMessage("events");
    if ((payload as { event: string }).event === name) return payload as { event: string };
  }
}

describe("camera node", () => {
  let video: string;
  before(async () => {
    await startServer();
    video = await testVideo(2);
  });
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("starts, stops and takes a snapshot by message", async () => {
    await load({ source: "file", path: video, realtime: true, loop: true });
    const first = nextMessage("frames");
    send("c", { payload: "start" });
    const { payload, frame, face } = await first;
    assert.deepEqual([Buffer.isBuffer(payload), frame?.source, frame?.width, frame?.height, face], [true, "door", 320, 240, { version: 1 }]);
    const stopped = untilEvent("stopped");
    send("c", { payload: "stop" });
    await stopped;
    const frames: FaceMessage[] = [];
    helper.getNode("frames").on("input", (message) => frames.push(message));
    const again = untilEvent("stopped");
    send("c", { topic: "snapshot" });
    await again;
    assert.equal(frames.length, 1);
  });

  it("starts on deploy and tells when the video ends", async () => {
    await load({ source: "file", path: video, realtime: false, autostart: true });
    assert.equal((await untilEvent("ended")).event, "ended");
  });

  it("says what it does not understand", async () => {
    await load({ source: "file", path: video });
    const error = nextError("c");
    send("c", { payload: "dance" });
    assert.match(await error, /door: the message is none this node understands: send "start", "stop" or "snapshot"/);
  });

  it("says which option is wrong", async () => {
    await load({ source: "rtsp", url: "file:///etc/passwd" });
    const error = nextError("c");
    send("c", { payload: "start" });
    assert.match(await error, /camera: url: must be a rtsp or rtsps address/);
  });

  it("takes the frames that a browser posts, and nothing else", async () => {
    await load({ source: "browser", autostart: true });
    const post = async (body: Buffer, type = "image/jpeg", id = "c"): Promise<number> => (await admin().post(`/facenet/camera/${id}/frame`).set("Content-Type", type).send(body)).status;
    const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: "#123" } }).jpeg().toBuffer();
    const frame = nextMessage("frames");
    assert.equal(await post(jpeg), 204);
    assert.equal((await frame).frame?.width, 32);
    assert.deepEqual([await post(Buffer.from("GIF")), await post(jpeg, "text/html"), await post(jpeg, "image/jpeg", "nobody"), await post(Buffer.alloc(9 * 1024 * 1024))], [400, 415, 404, 413]);
    assert.match((await admin().get("/facenet/camera/c")).text, /getUserMedia/);
    assert.equal((await admin().get("/facenet/camera/nobody")).status, 404);
  });

  it("lets nothing run on after it is gone", async () => {
    await load({ source: "file", path: video, realtime: true, loop: true, autostart: true });
    await once(helper.getNode("frames"), "input");
    await helper.unload();
    assert.deepEqual(ffmpegChildren(), []);
  });
});
