import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import { FrameRate } from "../../lib/capture/frame-rate";
import { GreyPairs } from "../../lib/capture/grey-pairs";
import { greysBeside } from "../../lib/image/grey-thumbnail";
import type { FaceMessage } from "../../lib/message";
import camera from "../../nodes/camera/camera";
import { admin, helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { until } from "../support/programs";
import { ffmpegChildren, testVideo } from "../support/video";

async function load(fields: object, credentials: object = {}): Promise<void> {
  await helper.load(
    [camera],
    [
      { id: "c", type: "facewire-camera", name: "door", autostart: false, wires: [["frames"], ["events"]], ...fields },
      { id: "frames", type: "helper" },
      { id: "events", type: "helper" },
    ],
    credentials,
  );
}

/** What the badge under a node shows. */
function lastStatus(id: string): unknown {
  return (helper.getNode(id).status as unknown as { lastCall: { args: [unknown] } }).lastCall.args[0];
}

/** How often a node did something; the test helper counts. */
function callsOf(id: string, what: "warn" | "status"): number {
  return (helper.getNode(id)[what] as unknown as { callCount: number }).callCount;
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
  const { lateMs } = GreyPairs;
  before(async () => {
    // A busy computer may run either of ffmpeg's threads alone for a while.
    GreyPairs.lateMs = 30_000;
    await startServer();
    video = await testVideo(2);
  });
  after(() => {
    GreyPairs.lateMs = lateMs;
    return stopServer();
  });
  afterEach(() => helper.unload());

  const noGreys = process.platform === "win32" ? "ffmpeg makes none there" : false;
  it("has the small grey picture of a frame beside the message, and beside its clone", { skip: noGreys }, async () => {
    await helper.load(
      [camera],
      [
        { id: "c", type: "facewire-camera", name: "door", source: "file", path: video, wires: [["a", "b"], []] },
        { id: "a", type: "helper" },
        { id: "b", type: "helper" },
      ],
    );
    const messages = Promise.all([nextMessage("a"), nextMessage("b")]);
    send("c", { payload: "snapshot" });
    const [message, clone] = await messages;
    assert.notEqual(message, clone);
    for (const { payload } of [message, clone]) {
      const grey = await greysBeside.get(payload as Buffer);
      assert.deepEqual([grey?.width, grey?.height, Object.keys(message)], [40, 30, Object.keys(clone)]);
    }
  });

  it("starts, stops and takes a snapshot by message", async () => {
    await load({ source: "file", path: video, realtime: true, loop: true });
    const first = nextMessage("frames");
    send("c", { payload: "start" });
    const { payload, frame, face } = await first;
    assert.deepEqual(
      [Buffer.isBuffer(payload), frame?.source, frame?.width, frame?.height, face],
      [true, "door", 320, 240, { version: 1 }],
    );
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
    const post = async (body: Buffer, type = "image/jpeg", id = "c"): Promise<number> =>
      (await admin().post(`/facenet/camera/${id}/frame`).set("Content-Type", type).send(body)).status;
    const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: "#123" } })
      .jpeg()
      .toBuffer();
    const frame = nextMessage("frames");
    assert.equal(await post(jpeg), 204);
    assert.equal((await frame).frame?.width, 32);
    assert.deepEqual(
      [
        await post(Buffer.from("GIF")),
        await post(jpeg, "text/html"),
        await post(jpeg, "image/jpeg", "nobody"),
        await post(Buffer.alloc(9 * 1024 * 1024)),
      ],
      [400, 415, 404, 413],
    );
    assert.match((await admin().get("/facenet/camera/c")).text, /getUserMedia/);
    assert.equal((await admin().get("/facenet/camera/nobody")).status, 404);
  });

  it("logs in with its credentials", async () => {
    const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: "#123" } })
      .jpeg()
      .toBuffer();
    const server = http.createServer((request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`) response.end(jpeg);
      else response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await load(
        { source: "snapshot", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` },
        { c: { user: "me", password: "secret" } },
      );
      const frame = nextMessage("frames");
      send("c", { payload: "snapshot" });
      assert.equal((await frame).frame?.width, 32);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("tells on deploy that a file is missing, in red", async () => {
    await load({ source: "file", path: "/nowhere/film.mp4", autostart: true });
    assert.match((await untilEvent("lost")).reason ?? "", /the video \/nowhere\/film\.mp4 does not exist/);
    assert.deepEqual(lastStatus("c"), { fill: "red", shape: "ring", text: "facewire-camera.status.lost" });
  });

  it("shows no frame rate of a camera that has ended", async (context) => {
    const looks = context.mock.method(FrameRate.prototype, "changed").mock;
    await load({ source: "file", path: video, realtime: false, autostart: true });
    await untilEvent("ended");
    const earlier = looks.callCount();
    await until(() => looks.callCount() >= earlier + 2, "two looks at the frame rate");
    assert.deepEqual(lastStatus("c"), { fill: "grey", shape: "ring", text: "facewire-camera.status.ended" });
  });

  it("gives the browser's page its size and rate, and nothing of the flow", async () => {
    await load({ source: "browser", width: 800, height: "", fps: 5 });
    assert.match((await admin().get("/facenet/camera/c")).text, /<main data-width="800" data-height="" data-fps="5">/);
    assert.equal((await admin().get("/facenet/devices")).status, 200);
  });

  it("warns once of a camera that is not there, and tells each attempt as an event", async () => {
    const gone = http.createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await load({ source: "snapshot", url: `http://127.0.0.1:${port}/` });
    send("c", { payload: "start" });
    for (let attempts = 0; attempts < 3; attempts += 1) await untilEvent("lost");
    assert.equal(callsOf("c", "warn"), 1);
  });

  it("changes its badge when something changes, not with every frame", async () => {
    await load({ source: "file", path: video, realtime: true, loop: true });
    let frames = 0;
    const many = new Promise<void>((resolve) => {
      helper.getNode("frames").on("input", () => {
        frames += 1;
        if (frames === 150) resolve();
      });
    });
    send("c", { payload: "start" });
    await many;
    assert.ok(callsOf("c", "status") <= 15, `${callsOf("c", "status")} badges for 150 frames`);
  });

  it("lets nothing run on after it is gone", async () => {
    await load({ source: "file", path: video, realtime: true, loop: true, autostart: true });
    await once(helper.getNode("frames"), "input");
    await helper.unload();
    assert.deepEqual(ffmpegChildren(), []);
  });
});
