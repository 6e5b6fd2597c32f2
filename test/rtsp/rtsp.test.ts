/**
 * A real RTSP camera. Needs ffmpeg and, on Debian, python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base
 * gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly; run by `npm run test:rtsp`, not by `npm test`.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Camera, type CameraEvent } from "../../lib/capture/camera";
import { jpegSize } from "../../lib/capture/jpeg";
import { cameraOptionsSchema } from "../../lib/capture/options";
import { ffmpegChildren } from "../support/video";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const servers: ChildProcess[] = [];

async function serve(port: number, ...login: string[]): Promise<ChildProcess> {
  const server = spawn("/usr/bin/python3", [join(__dirname, "../support/rtsp-server.py"), String(port), ...login], { stdio: ["ignore", "pipe", "inherit"] });
  servers.push(server);
  await once(server.stdout, "data", { signal: AbortSignal.timeout(120_000) });
  return server;
}

/** The first loss; an old ffmpeg is told before it. */
async function loss(camera: Camera): Promise<CameraEvent> {
  for (;;) {
    const [event] = (await once(camera, "event", { signal: AbortSignal.timeout(120_000) })) as [CameraEvent];
    if (event.event === "lost") return event;
  }
}

describe("RTSP camera", () => {
  afterEach(() => {
    for (const server of servers.splice(0)) server.kill("SIGKILL");
  });

  for (const transport of ["tcp", "udp"] as const) {
    it(`shows a stream over ${transport}`, async () => {
      const port = await freePort();
      await serve(port);
      const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${port}/card`, transport }));
      let frames = 0;
      camera.on("frame", (bytes, frame) => {
        frames += 1;
        assert.deepEqual([jpegSize(bytes), frame.width, frame.source], [{ width: 320, height: 240 }, 320, "door"]);
      });
      camera.start();
      while (frames < 20) await once(camera, "frame", { signal: AbortSignal.timeout(120_000) });
      await camera.stop();
      assert.deepEqual(ffmpegChildren(), []);
    });
  }

  it("tells the loss of a server that dies, and comes back with it", async () => {
    const port = await freePort();
    const server = await serve(port);
    const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://me:secret@127.0.0.1:${port}/card` }));
    const events: CameraEvent[] = [];
    camera.on("event", (event) => events.push(event));
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await once(camera, "event", { signal: AbortSignal.timeout(120_000) });
    };
    camera.start();
    await until(() => events.some(({ event }) => event === "connected"));
    server.kill("SIGKILL");
    await until(() => events.some(({ event }) => event === "lost"));
    await serve(port);
    await until(() => events.filter(({ event }) => event === "connected").length === 2);
    await camera.stop();
    assert.deepEqual(ffmpegChildren(), []);
    assert.doesNotMatch(JSON.stringify(events), /secret/);
  });

  it("says that what answers is no RTSP camera", async () => {
    const server = http.createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/card?password=secret`, user: "me", password: "secret" }));
    camera.start();
    const event = await loss(camera);
    await camera.stop();
    server.closeAllConnections();
    server.close();
    assert.match(event.reason ?? "", /^the stream rtsp:\/\/127\.0\.0\.1:\d+\/card\?… gives no picture/);
    assert.doesNotMatch(JSON.stringify(event), /secret/);
  });

  it("logs in with a password of odd characters, and is told when it is wrong", async () => {
    const port = await freePort();
    await serve(port, "me", "p@ss:w/rd%41?");
    const login = { name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${port}/card`, user: "me" };
    const camera = new Camera(cameraOptionsSchema.parse({ ...login, password: "p@ss:w/rd%41?" }));
    camera.start();
    await once(camera, "frame", { signal: AbortSignal.timeout(120_000) });
    await camera.stop();
    const stranger = new Camera(cameraOptionsSchema.parse({ ...login, password: "guess" }));
    stranger.start();
    const event = await loss(stranger);
    await stranger.stop();
    assert.match(event.reason ?? "", /401|authorization/i);
    assert.doesNotMatch(JSON.stringify(event), /guess/);
  });

  it("says that there is no such stream", async () => {
    const port = await freePort();
    await serve(port);
    const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${port}/wrong` }));
    camera.start();
    const event = await loss(camera);
    await camera.stop();
    assert.match(event.reason ?? "", /gives no picture: .*404/i);
  });
});
