/**
 * A real RTSP camera. Needs ffmpeg and, on Debian, python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base
 * gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly; run by `npm run test:rtsp`, not by `npm test`.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
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

async function serve(port: number, login: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const server = spawn("/usr/bin/python3", [join(__dirname, "../support/rtsp-server.py"), String(port), ...login], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
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
      const camera = new Camera(
        cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${port}/card`, transport }),
      );
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
    const camera = new Camera(
      cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://me:secret@127.0.0.1:${port}/card` }),
    );
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
    const camera = new Camera(
      cameraOptionsSchema.parse({
        name: "door",
        source: "rtsp",
        url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/card?password=secret`,
        user: "me",
        password: "secret",
      }),
    );
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
    await serve(port, ["me", "p@ss:w/rd%41?"]);
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

  /** A key and a certificate of the camera's own making, in one file. */
  function selfSigned(name: string): { file: string; fingerprint: string } {
    const folder = mkdtempSync(join(tmpdir(), "rtsps-"));
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        join(folder, "key"),
        "-out",
        join(folder, "cert"),
        "-days",
        "2",
        "-subj",
        `/CN=${name}`,
      ],
      { stdio: "ignore" },
    );
    const cert = readFileSync(join(folder, "cert"), "utf8");
    writeFileSync(join(folder, "both.pem"), cert + readFileSync(join(folder, "key"), "utf8"));
    return { file: join(folder, "both.pem"), fingerprint: new X509Certificate(cert).fingerprint256 };
  }

  it(
    "reads rtsps only from the camera that was meant, by Basic and by Digest, and no list of processes tells " +
      "the password",
    async () => {
      const { file, fingerprint } = selfSigned("camera");
      const other = selfSigned("other").fingerprint;
      for (const env of [{ RTSP_BASIC: "1" }, {}]) {
        const port = await freePort();
        await serve(port, ["me", "s3cret"], { RTSP_TLS: file, ...env });
        const start = (options: object): Camera => {
          const camera = new Camera(
            cameraOptionsSchema.parse({
              name: "door",
              source: "rtsp",
              url: `rtsps://127.0.0.1:${port}/card`,
              user: "me",
              password: "s3cret",
              ...options,
            }),
          );
          camera.start();
          return camera;
        };
        for (const [options, sentence] of [
          [{}, new RegExp(`the certificate of 127\\.0\\.0\\.1:${port} cannot be verified .*${fingerprint}`)],
          [
            { certificate: "fingerprint", fingerprint: other },
            new RegExp(`has the SHA-256 fingerprint ${fingerprint}, not the one in the camera node`),
          ],
        ] as const) {
          const camera = start(options);
          const { reason = "" } = await loss(camera);
          await camera.stop();
          assert.match(reason, sentence);
        }
        for (const options of [{ certificate: "fingerprint", fingerprint }, { certificate: "any" }]) {
          const camera = start(options);
          await once(camera, "frame", { signal: AbortSignal.timeout(20_000) });
          const [ffmpeg] = ffmpegChildren();
          const shown =
            execFileSync("ps", ["-o", "args=", "-ww", "-p", ffmpeg ?? "0"]).toString() +
            readFileSync(`/proc/${ffmpeg}/environ`, "latin1");
          await camera.stop();
          assert.match(shown, /-i rtsp:\/\/127\.0\.0\.1:/);
          assert.doesNotMatch(shown, /s3cret|card/);
        }
      }
    },
  );

  it("says that a camera without TLS is none for rtsps", async () => {
    const port = await freePort();
    await serve(port);
    const camera = new Camera(
      cameraOptionsSchema.parse({
        name: "door",
        source: "rtsp",
        url: `rtsps://127.0.0.1:${port}/card`,
        certificate: "any",
      }),
    );
    camera.start();
    const { reason } = await loss(camera);
    await camera.stop();
    assert.match(reason ?? "", /127\.0\.0\.1:\d+ does not speak TLS as it should .*rtsp:\/\/ and not rtsps:\/\//);
  });

  it("says that there is no such stream", async () => {
    const port = await freePort();
    await serve(port);
    const camera = new Camera(
      cameraOptionsSchema.parse({ name: "door", source: "rtsp", url: `rtsp://127.0.0.1:${port}/wrong` }),
    );
    camera.start();
    const event = await loss(camera);
    await camera.stop();
    assert.match(event.reason ?? "", /gives no picture: .*404/i);
  });
});
