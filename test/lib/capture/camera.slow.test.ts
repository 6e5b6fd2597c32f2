import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { on, once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import { Camera, type CameraEvent } from "../../../lib/capture/camera";
import { jpegSize } from "../../../lib/capture/jpeg";
import { multipartParser, ppmParser } from "../../../lib/capture/multipart";
import { mjpegSource } from "../../../lib/capture/http-source";
import { cameraOptionsSchema, type OptionsOf, splitLogin } from "../../../lib/capture/options";
import type { Frame } from "../../../lib/message";
import { ffmpegChildren, testVideo } from "../../support/video";

interface Watched {
  camera: Camera;
  frames: { bytes: Buffer; frame: Frame }[];
  events: CameraEvent[];
}

const open: Camera[] = [];

function watch(options: object): Watched {
  const camera = new Camera(cameraOptionsSchema.parse({ name: "door", ...options }));
  open.push(camera);
  const watched: Watched = { camera, frames: [], events: [] };
  camera.on("frame", (bytes, frame) => watched.frames.push({ bytes, frame }));
  camera.on("event", (event) => watched.events.push(event));
  return watched;
}

async function eventOf({ camera, events }: Watched, name: CameraEvent["event"]): Promise<CameraEvent> {
  for (;;) {
    const found = events.find(({ event }) => event === name);
    if (found !== undefined) return found;
    await once(camera, "event", { signal: AbortSignal.timeout(120_000) });
  }
}

const still = (width = 64, height = 48): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#369" } })
    .jpeg()
    .toBuffer();

const servers: http.Server[] = [];

async function closeServer(server: http.Server): Promise<void> {
  if (!server.listening) return;
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

/** A camera's web server. */
async function serve(handler: http.RequestListener): Promise<{ url: string; close: () => Promise<void> }> {
  const server = http.createServer(handler);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/video`, close: () => closeServer(server) };
}

describe("Camera", () => {
  let video: string;
  before(async () => {
    video = await testVideo(2);
  });
  afterEach(async () => {
    for (const camera of open.splice(0)) await camera.stop();
    for (const server of servers.splice(0)) await closeServer(server);
  });
  after(() => assert.deepEqual(ffmpegChildren(), [], "no ffmpeg survives"));

  it("plays a video to its end, each frame once and in order", async () => {
    const watched = watch({ source: "file", path: video, realtime: false });
    watched.camera.start();
    await eventOf(watched, "ended");
    assert.deepEqual(
      watched.frames.map(({ frame }) => frame.sequence),
      Array.from({ length: 20 }, (_, index) => index),
    );
    const { frame, bytes } = watched.frames[7]!;
    assert.deepEqual(
      [frame.source, frame.width, frame.height, frame.encoding, jpegSize(bytes)],
      ["door", 320, 240, undefined, { width: 320, height: 240 }],
    );
    assert.equal(frame.live, false, "no time lies between frames");
    assert.deepEqual(
      watched.events.map(({ event }) => event),
      ["connected", "ended"],
    );
  });

  it("scales, thins out and gives raw RGB", async () => {
    const watched = watch({
      source: "file",
      path: video,
      realtime: false,
      width: 160,
      height: 120,
      fps: 5,
      output: "rgb",
    });
    watched.camera.start();
    await eventOf(watched, "ended");
    assert.equal(watched.frames.length, 10);
    const { frame, bytes } = watched.frames[0]!;
    assert.deepEqual([frame.width, frame.height, frame.encoding, bytes.length], [160, 120, "rgb", 160 * 120 * 3]);
  });

  it("loops until it is stopped, and leaves no ffmpeg behind", async () => {
    const watched = watch({ source: "file", path: video, realtime: false, loop: true });
    watched.camera.start();
    while (watched.frames.length < 45) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    await watched.camera.stop();
    assert.deepEqual([ffmpegChildren(), watched.camera.running, watched.events.at(-1)?.event], [[], false, "stopped"]);
  });

  it("says that a video ends in the middle of a frame, after the frames before", async () => {
    const cut = join(mkdtempSync(join(tmpdir(), "cut-")), "cut.avi");
    const whole = readFileSync(await testVideo(2, 10, "whole.avi"));
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const watched = watch({ source: "file", path: cut, realtime: false });
    watched.camera.start();
    const { reason, retryIn } = await Promise.race([eventOf(watched, "lost"), eventOf(watched, "ended")]);
    assert.ok(watched.frames.length > 3 && watched.frames.length < 20, `${watched.frames.length} frames`);
    assert.match(reason ?? "", /ends in the middle of a frame or is damaged/);
    assert.equal(retryIn, undefined);
  });

  it("names a file that is missing or no video, at once", async () => {
    const missing = watch({ source: "file", path: "/nowhere/film.mp4" });
    missing.camera.start();
    assert.match((await eventOf(missing, "lost")).reason ?? "", /the video \/nowhere\/film\.mp4 does not exist/);
    const text = join(mkdtempSync(join(tmpdir(), "text-")), "text.mp4");
    writeFileSync(text, "no video at all");
    const wrong = watch({ source: "file", path: text });
    wrong.camera.start();
    assert.match((await eventOf(wrong, "lost")).reason ?? "", /gives no picture: .*Invalid data/);
  });

  it("repeats no frame of a video whose frames come unevenly, nor to reach a rate", async () => {
    const uneven = await testVideo(2, 10, "uneven.mp4", [
      "-vf",
      "select='not(eq(n,5))*not(eq(n,6))*not(eq(n,11))'",
      "-vsync",
      "vfr",
    ]);
    for (const [fps, frames] of [
      [undefined, 17],
      [30, 17],
      [5, 10],
    ] as const) {
      const watched = watch({ source: "file", path: uneven, realtime: false, fps });
      watched.camera.start();
      await eventOf(watched, "ended");
      assert.equal(watched.frames.length, frames, `${fps} a second`);
    }
  });

  it("fits a picture into a width alone, and into a height alone", async () => {
    for (const [size, expected] of [
      [{ width: 160 }, [160, 120]],
      [{ height: 60 }, [80, 60]],
      [{ width: 200, height: 60 }, [80, 60]],
    ] as const) {
      const watched = watch({ source: "file", path: video, realtime: false, fps: 1, ...size });
      watched.camera.start();
      await eventOf(watched, "ended");
      assert.deepEqual([watched.frames[0]?.frame.width, watched.frames[0]?.frame.height], expected);
    }
  });

  // ffmpeg loops some of them without ever giving a frame again: that must not be silence.
  for (const file of ["cut.mkv", "cut.ts"]) {
    it(`tells once that a looped video is damaged, then plays on or says that it cannot: ${file}`, async () => {
      const whole = readFileSync(await testVideo(2, 10, file));
      const cut = join(mkdtempSync(join(tmpdir(), "cut-")), file);
      writeFileSync(cut, whole.subarray(0, Math.floor(whole.length * 0.6)));
      const watched = watch({ source: "file", path: cut, realtime: false, loop: true });
      watched.camera.start();
      assert.match(
        (await eventOf(watched, "notice")).reason ?? "",
        /ends in the middle of a frame or is damaged: what can be read goes on/,
      );
      const enough = watched.frames.length + 40;
      const { signal } = new AbortController();
      await Promise.race([
        eventOf(watched, "lost").then(({ reason }) => assert.match(reason ?? "", /gave no frame for 10 seconds/)),
        (async () => {
          for await (const _ of on(watched.camera, "frame", { signal })) if (watched.frames.length >= enough) return;
        })(),
      ]);
      await watched.camera.stop();
      assert.equal(watched.events.filter(({ event }) => event === "notice").length, 1);
    });
  }

  it("opens a file whose name looks like an option or a protocol", async () => {
    for (const name of ["-version.mp4", "concat:a|b.mp4"]) {
      const odd = join(mkdtempSync(join(tmpdir(), "odd-")), name);
      writeFileSync(odd, readFileSync(video));
      const watched = watch({ source: "file", path: relative(process.cwd(), odd), realtime: false });
      watched.camera.start();
      await eventOf(watched, "ended");
      assert.equal(watched.frames.length, 20);
    }
  });

  it("names a device that is not there, at once", { skip: process.platform !== "linux" }, async () => {
    const watched = watch({ source: "usb", device: "/dev/video987" });
    watched.camera.start();
    assert.match((await eventOf(watched, "lost")).reason ?? "", /the camera \/dev\/video987 does not exist/);
  });

  it("gives one frame for a snapshot, and stops", async () => {
    const watched = watch({ source: "file", path: video, realtime: false });
    watched.camera.snapshot();
    await eventOf(watched, "stopped");
    assert.deepEqual([watched.frames.length, watched.camera.running, ffmpegChildren()], [1, false, []]);
  });

  it("gives up a snapshot that fails, and forgets it", async () => {
    let broken = true;
    const jpeg = await still();
    const server = await serve((_, response) => {
      response.writeHead(broken ? 503 : 200).end(jpeg);
    });
    const watched = watch({ source: "snapshot", url: server.url, fps: 50 });
    watched.camera.snapshot();
    assert.equal((await eventOf(watched, "lost")).retryIn, undefined);
    await new Promise(setImmediate);
    assert.equal(watched.camera.running, false);
    broken = false;
    watched.camera.start();
    while (watched.frames.length < 3) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    assert.equal(watched.camera.running, true);
  });

  it("starts again when it is told to while it still stops, one ffmpeg after the other", async () => {
    const watched = watch({ source: "file", path: video, realtime: true, loop: true });
    watched.camera.start();
    await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    const stopped = watched.camera.stop();
    watched.camera.start();
    assert.equal(watched.camera.running, true);
    await stopped;
    await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    assert.equal(ffmpegChildren().length, 1);
    await watched.camera.stop();
    assert.deepEqual(
      watched.events.map(({ event }) => event),
      ["connected", "connected", "stopped"],
    );
  });

  it("reads an MJPEG stream, with and without lengths", async () => {
    const jpeg = await still();
    for (const withLength of [true, false]) {
      const server = await serve((_, response) => {
        response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=frame" });
        const part = (): void =>
          void response.write(
            Buffer.concat([
              Buffer.from(
                `--frame\r\nContent-Type: image/jpeg\r\n${withLength ? `Content-Length: ${jpeg.length}\r\n` : ""}\r\n`,
              ),
              jpeg,
              Buffer.from("\r\n"),
            ]),
          );
        const timer = setInterval(part, 20);
        response.on("close", () => clearInterval(timer));
      });
      const watched = watch({ source: "mjpeg", url: server.url });
      watched.camera.start();
      while (watched.frames.length < 5) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
      assert.deepEqual(jpegSize(watched.frames[2]!.bytes), { width: 64, height: 48 });
      await watched.camera.stop();
      await server.close();
    }
  });

  it("tries again when a stream is lost, and says in how long", async () => {
    const jpeg = await still();
    let visits = 0;
    const server = await serve((_, response) => {
      visits += 1;
      response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=f" });
      response.write(
        Buffer.concat([
          Buffer.from(`--f\r\nContent-Length: ${jpeg.length}\r\n\r\n`),
          jpeg,
          Buffer.from("\r\n--f\r\n"),
        ]),
      );
      // A camera that ends its answer properly is lost as well.
      if (visits === 1) response.end();
    });
    const watched = watch({ source: "mjpeg", url: server.url });
    watched.camera.start();
    while (watched.frames.length < 2) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    assert.deepEqual(
      watched.events.map(({ event, retryIn }) => [event, retryIn]),
      [
        ["connected", undefined],
        ["lost", 1000],
        ["connected", undefined],
      ],
    );
    assert.deepEqual(
      watched.frames.map(({ frame }) => frame.sequence),
      [0, 1],
    );
    await watched.camera.stop();
    await server.close();
  });

  it("waits longer after each failure", async () => {
    const server = await serve((_, response) => {
      response.writeHead(503).end();
    });
    const watched = watch({ source: "snapshot", url: server.url });
    watched.camera.start();
    while (watched.events.length < 2) await once(watched.camera, "event", { signal: AbortSignal.timeout(120_000) });
    assert.deepEqual(
      watched.events.map(({ retryIn }) => retryIn),
      [1000, 2000],
    );
    await watched.camera.stop();
    await server.close();
  });

  it("asks for snapshots, with the password of the address, which it never tells", async () => {
    const jpeg = await still();
    const server = await serve((request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`) response.end(jpeg);
      else response.writeHead(401).end();
    });
    const watched = watch({ source: "snapshot", url: server.url.replace("//", "//me:secret@"), fps: 50 });
    watched.camera.start();
    while (watched.frames.length < 3) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    await watched.camera.stop();
    const wrong = watch({ source: "snapshot", url: server.url.replace("//", "//me:wrong@") });
    wrong.camera.start();
    const { reason } = await eventOf(wrong, "lost");
    assert.match(reason ?? "", /answers 401: put the camera's user and password into the node/);
    assert.doesNotMatch(JSON.stringify(wrong.events), /wrong/);
    await wrong.camera.stop();
    await server.close();
  });

  it("answers a camera that asks for Digest, once for many pictures", async () => {
    const jpeg = await still();
    const asked: (string | undefined)[] = [];
    const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
    const server = await serve((request, response) => {
      const said = request.headers.authorization;
      asked.push(said);
      const field = (name: string): string => new RegExp(`${name}="?([^",]+)`).exec(said ?? "")?.[1] ?? "";
      const right = md5(
        [md5("me:IP Camera:p@ss/word"), "n1", field("nc"), field("cnonce"), "auth", md5("GET:/video?channel=1")].join(
          ":",
        ),
      );
      if (said !== undefined && field("response") === right) response.end(jpeg);
      else
        response
          .writeHead(401, {
            "WWW-Authenticate": [
              'Digest realm="IP Camera", qop="auth,auth-int", nonce="n1", opaque="o"',
              'Basic realm="IP Camera"',
            ],
          })
          .end();
    });
    const watched = watch({
      source: "snapshot",
      url: `${server.url}?channel=1`,
      user: "me",
      password: "p@ss/word",
      fps: 50,
    });
    watched.camera.start();
    while (watched.frames.length < 3) await once(watched.camera, "frame", { signal: AbortSignal.timeout(120_000) });
    await watched.camera.stop();
    assert.deepEqual(
      [asked[0], ...asked.slice(1, 4).map((said) => /nc=(\d+)/.exec(said ?? "")?.[1])],
      [undefined, "00000001", "00000002", "00000003"],
    );
  });

  it("notices a stream that falls silent, one that sends no pictures, and a camera that never answers", async () => {
    const jpeg = await still();
    const part = Buffer.concat([
      Buffer.from(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`),
      jpeg,
      Buffer.from("\r\n"),
    ]);
    const server = await serve((request, response) => {
      if (request.url === "/never") return;
      response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=frame" });
      response.write(part);
      if (request.url === "/silent") return;
      response.write("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 10000000\r\n\r\n");
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    for (const [path, frames] of [
      ["/silent", 1],
      ["/trickle", 1],
      ["/never", 0],
    ] as const) {
      let seen = 0;
      const url = server.url.replace("/video", path);
      const options = {
        ...cameraOptionsSchema.parse({ name: "door", source: "mjpeg", url }),
        idle: 3,
      } as OptionsOf<"mjpeg">;
      const run = mjpegSource(options)({
        onFrame: () => {
          seen += 1;
        },
        onNotice: () => undefined,
        signal: new AbortController().signal,
      });
      await assert.rejects(run, /gave (nothing|no picture) for 3 seconds/, path);
      assert.equal(seen, frames, path);
    }
  });

  it("says within seconds that nobody listens, for a stream and for an HTTP camera", async () => {
    for (const options of [
      { source: "rtsp", url: "rtsp://user:secret@127.0.0.1:9/x" },
      { source: "mjpeg", url: "http://127.0.0.1:9/x" },
    ]) {
      const watched = watch(options);
      watched.camera.start();
      const { reason, retryIn } = await eventOf(watched, "lost");
      assert.match(reason ?? "", /127\.0\.0\.1:9 refuses the connection: check the address/);
      assert.equal(retryIn, 1000);
    }
  });

  it("refuses a stream that is none", async () => {
    const server = await serve((_, response) => {
      response.setHeader("Content-Type", "text/html").end("<html>");
    });
    const stream = watch({ source: "mjpeg", url: server.url });
    stream.camera.start();
    assert.match((await eventOf(stream, "lost")).reason ?? "", /is no MJPEG stream but text\/html/);
    const snapshot = watch({ source: "snapshot", url: server.url });
    snapshot.camera.start();
    assert.match(
      (await eventOf(snapshot, "lost")).reason ?? "",
      /\(text\/html\) is no picture that can be used: it is a web page/,
    );
    await stream.camera.stop();
    await snapshot.camera.stop();
    await server.close();
  });

  it("shows a folder in the order of names and skips what is no picture", async () => {
    const folder = mkdtempSync(join(tmpdir(), "folder-"));
    for (const [name, width] of [
      ["10.jpg", 10],
      ["2.jpg", 20],
      ["1.png", 30],
    ] as const)
      writeFileSync(
        join(folder, name),
        await sharp({ create: { width, height: 8, channels: 3, background: "#000" } })
          .toFormat(name.endsWith("png") ? "png" : "jpeg")
          .toBuffer(),
      );
    writeFileSync(join(folder, "3.jpg"), "no picture");
    const watched = watch({ source: "folder", path: folder, fps: 100 });
    watched.camera.start();
    await eventOf(watched, "ended");
    assert.deepEqual(
      watched.frames.map(({ frame }) => frame.width),
      [30, 20, 10],
    );
    assert.match(
      watched.events.find(({ event }) => event === "notice")?.reason ?? "",
      /the picture 3\.jpg cannot be read/,
    );
  });

  it("shows no drawing and no too large picture of a folder, and says which it left out", async () => {
    const folder = mkdtempSync(join(tmpdir(), "folder-"));
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>';
    writeFileSync(join(folder, "a.jpg"), svg);
    const huge = sharp({ create: { width: 9000, height: 8000, channels: 3, background: "#000" } });
    writeFileSync(join(folder, "b.png"), await huge.png().toBuffer());
    writeFileSync(join(folder, "c.jpg"), await still());
    const watched = watch({ source: "folder", path: folder, fps: 100 });
    watched.camera.start();
    await eventOf(watched, "ended");
    assert.deepEqual(
      watched.frames.map(({ frame }) => frame.width),
      [64],
    );
    const notices = watched.events.filter(({ event }) => event === "notice").map(({ reason }) => reason ?? "");
    assert.match(notices[0] ?? "", /the picture a\.jpg cannot be read \(it is an SVG drawing/);
    assert.match(notices[1] ?? "", /the picture b\.png cannot be read \(.*64 megapixels/);
  });

  it("takes a browser's frames only while it runs, and only JPEG", async () => {
    const watched = watch({ source: "browser" });
    const jpeg = await still();
    assert.throws(() => watched.camera.push(jpeg), /stopped/);
    watched.camera.start();
    watched.camera.push(jpeg);
    assert.throws(() => watched.camera.push(Buffer.from("GIF89a")), /no JPEG/);
    assert.deepEqual(
      watched.frames.map(({ frame }) => [frame.width, frame.height]),
      [[64, 48]],
    );
  });

  it("counts a browser that falls silent as lost, and takes its frames when it comes back", async (context) => {
    const watched = watch({ source: "browser" });
    const jpeg = await still();
    context.mock.timers.enable({ apis: ["setTimeout"] });
    watched.camera.start();
    watched.camera.push(jpeg);
    context.mock.timers.tick(9999);
    watched.camera.push(jpeg);
    context.mock.timers.tick(9999);
    assert.deepEqual(
      watched.events.map(({ event }) => event),
      ["connected"],
    );
    const lost = once(watched.camera, "event");
    context.mock.timers.tick(1);
    await lost;
    assert.match(watched.events[1]?.reason ?? "", /the browser sends no more frames/);
    await new Promise(setImmediate);
    context.mock.timers.tick(1000);
    await new Promise(setImmediate);
    watched.camera.push(jpeg);
    assert.deepEqual(
      watched.events.map(({ event }) => event),
      ["connected", "lost", "connected"],
    );
    await watched.camera.stop();
  });

  it("does not count a browser as lost that sends a picture a minute, as it was told to", async (context) => {
    const watched = watch({ source: "browser", fps: 1 / 60 });
    const jpeg = await still();
    context.mock.timers.enable({ apis: ["setTimeout"] });
    watched.camera.start();
    for (let minute = 0; minute < 3; minute += 1) {
      watched.camera.push(jpeg);
      context.mock.timers.tick(60_000);
    }
    assert.deepEqual(
      watched.events.map(({ event }) => event),
      ["connected"],
    );
    const lost = once(watched.camera, "event");
    context.mock.timers.tick(120_000);
    await lost;
    assert.equal(watched.events[1]?.event, "lost");
    await watched.camera.stop();
  });

  for (const how of ["process.exit()", "process.kill(process.pid, 'SIGKILL')"]) {
    it(`leaves no ffmpeg behind when its process ends by ${how}`, { skip: process.platform !== "linux" }, async () => {
      const code = `
        const { Camera } = require("./lib/capture/camera");
        const { cameraOptionsSchema } = require("./lib/capture/options");
        const { ffmpegChildren } = require("./test/support/video");
        const path = ${JSON.stringify(video)};
        const options = { name: "door", source: "file", path, loop: true, realtime: true };
        const camera = new Camera(cameraOptionsSchema.parse(options));
        camera.start();
        camera.once("frame", () => { require("node:fs").writeSync(1, ffmpegChildren().join()); ${how}; });`;
      const child = spawn(process.execPath, ["--import", "tsx", "-e", code], {
        stdio: ["ignore", "pipe", "inherit"],
        cwd: join(__dirname, "../../.."),
      });
      let pid = "";
      child.stdout.on("data", (chunk: Buffer) => {
        pid += chunk.toString();
      });
      await once(child, "close", { signal: AbortSignal.timeout(120_000) });
      assert.match(pid, /^\d+$/);
      for (
        const deadline = Date.now() + 60_000;
        existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("ffmpeg");
      ) {
        assert.ok(Date.now() < deadline, "ffmpeg still runs");
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
    });
  }
});

describe("camera options", () => {
  it("lets nothing unchecked reach ffmpeg", () => {
    for (const [options, why] of [
      [{ source: "rtsp", url: "file:///etc/passwd" }, /rtsp or rtsps address/],
      [{ source: "rtsp", url: "-version" }, /rtsp or rtsps address/],
      [{ source: "mjpeg", url: "ftp://camera/x" }, /http or https address/],
      [{ source: "file", path: "" }, /is missing/],
      [{ source: "file", path: "a\u0000b" }, /must be a path/],
      [{ source: "snapshot", url: "http://camera/", output: "rgb" }, /JPEG/],
      [{ source: "usb", device: "/etc/passwd" }, /must be a camera of this computer/],
      [{ source: "usb", device: "/dev/video0 -i /etc/passwd" }, /must be a camera of this computer/],
      [{ source: "file", path: "x", fps: 0 }, /fps|>=0.01/],
    ] as const)
      assert.throws(() => cameraOptionsSchema.parse({ name: "x", ...options }), why);
    assert.equal(
      cameraOptionsSchema.parse({
        name: "x",
        source: "usb",
        device: process.platform === "win32" ? "Webcam" : process.platform === "darwin" ? "0" : "/dev/video12",
      }).source,
      "usb",
    );
  });

  it("says where a password goes that an address cannot hold, and never shows it", () => {
    for (const address of [
      "rtsp://me:se#cret@camera/x",
      "rtsp://me:12#cret@camera/x",
      "rtsp://me:se/cret@camera/x",
      "rtsp://me:se?cret@camera/x",
      "rtsp://me:se:c#ret@camera",
      "rtsp://me:12/cret@192.168.1.20/x",
      "rtsp://me:12?cret@192.168.1.20",
    ]) {
      const { error } = cameraOptionsSchema.safeParse({ name: "x", source: "rtsp", url: address });
      assert.match(
        error?.message ?? "",
        /a user or password with one of # \/ \? @ : in it belongs into the fields/,
        address,
      );
      assert.doesNotMatch(error?.message ?? "", /cret/);
    }
    for (const url of ["http://camera/a@b", "http://nvr:1984/frame.jpeg?src=rtsp://me:secret@192.168.1.5/x"])
      assert.equal(cameraOptionsSchema.safeParse({ name: "x", source: "mjpeg", url }).success, true, url);
  });

  it("keeps a login out of the name of the frames' source", () => {
    assert.equal(
      cameraOptionsSchema.parse({ name: "rtsp://me:secret@camera/x?pwd=secret", source: "browser" }).name,
      "rtsp://camera/x?…",
    );
  });

  it("takes a fingerprint however it was copied, and only whole ones", () => {
    const hex = "ab".repeat(32);
    const written = hex.toUpperCase().match(/../g)!.join(":");
    const parse = (fingerprint: string | undefined, certificate = "fingerprint") =>
      cameraOptionsSchema.safeParse({ name: "x", source: "mjpeg", url: "https://camera/", certificate, fingerprint });
    for (const text of [
      hex,
      written,
      ` ${written}\n`,
      `sha256 Fingerprint=${written}`,
      `SHA-256: ${written}`,
      `SHA256:${hex}`,
      hex.toUpperCase().match(/../g)!.join(" "),
      // Windows' own view of a certificate, and Firefox', with what stands around it.
      `\u200e${hex.match(/../g)!.join(" ")}`,
      `SHA-256\n${written}\nSHA-1\n${"CD:".repeat(19)}CD`,
      `SHA-1 ${"cd".repeat(20)}\nSHA-256 fingerprint ${hex}`,
      `${written.slice(0, 48)}\r\n${written.slice(48)}`,
    ]) {
      assert.equal((parse(text).data as { fingerprint?: string } | undefined)?.fingerprint, written, text);
    }
    for (const text of ["", "AB:CD", `${hex}ab`, `${written}:AB`, hex.replace("ab", "xy"), "sha1 Fingerprint=AB:CD"])
      assert.match(parse(text).error?.message ?? "", /must be a SHA-256 fingerprint: 64 hexadecimal digits/, text);
    assert.match(parse(undefined).error?.message ?? "", /fingerprint.*is missing/s);
    assert.equal(parse(undefined, "any").success, true);
  });

  it("takes a login from its fields before one in the address", () => {
    const url = "rtsp://old:p%40ss@camera/x";
    assert.deepEqual(splitLogin({ url }), {
      address: new URL("rtsp://camera/x"),
      login: { user: "old", password: "p@ss" },
    });
    assert.deepEqual(splitLogin({ url, user: "me", password: "50%" }).login, { user: "me", password: "50%" });
    assert.equal(splitLogin({ url: "rtsp://camera/x" }).login, undefined);
  });
});

describe("parsers", () => {
  it("find frames however the stream is cut into pieces", async () => {
    const jpegs = await Promise.all([still(10, 10), still(20, 10), still(30, 10)]);
    const stream = Buffer.concat(
      jpegs.flatMap((jpeg) => [
        Buffer.from(`--b\r\nContent-type: image/jpeg\r\nContent-length: ${jpeg.length}\r\n\r\n`),
        jpeg,
        Buffer.from("\r\n"),
      ]),
    );
    for (const size of [1, 7, 100, 10_000]) {
      const parse = multipartParser();
      const widths: number[] = [];
      for (let at = 0; at < stream.length; at += size)
        widths.push(...parse(stream.subarray(at, at + size)).map(({ width }) => width));
      assert.deepEqual(widths, [10, 20, 30], `pieces of ${size}`);
    }
    const ppm = Buffer.concat([
      Buffer.from("P6\n2 1\n255\n"),
      Buffer.alloc(6, 7),
      Buffer.from("P6\n1 1\n255\n"),
      Buffer.alloc(3, 9),
    ]);
    for (const size of [1, 5, 100]) {
      const parse = ppmParser();
      const found: number[][] = [];
      for (let at = 0; at < ppm.length; at += size)
        found.push(
          ...parse(ppm.subarray(at, at + size)).map(({ width, height, bytes }) => [
            width,
            height,
            bytes.length,
            bytes[0] as number,
          ]),
        );
      assert.deepEqual(
        found,
        [
          [2, 1, 6, 7],
          [1, 1, 3, 9],
        ],
        `pieces of ${size}`,
      );
    }
  });

  it("give up on a stream that is none", () => {
    assert.throws(() => multipartParser()(Buffer.alloc(9000, 65)), /no MJPEG stream/);
    assert.throws(() => ppmParser()(Buffer.alloc(100, 65)), /not as expected/);
  });
});
