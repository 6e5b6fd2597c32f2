/** RTSP cameras with the faults that real ones have, read by whatever ffmpeg there is. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, afterEach, describe, it } from "node:test";
import { Camera, type CameraEvent } from "../../../lib/capture/camera";
import { jpegSize } from "../../../lib/capture/jpeg";
import { cameraOptionsSchema, type OptionsOf } from "../../../lib/capture/options";
import { openRelay } from "../../../lib/capture/rtsp-relay";
import { RtspReader } from "../../../lib/capture/rtsp-reader";
import type { Frame } from "../../../lib/message";
import { processorTime } from "../../support/processor-time";
import { rtspCamera, type RtspCamera, type RtspCameraOptions } from "../../support/rtsp-camera";
import { ffmpegChildren } from "../../support/video";

const PATIENCE_MS = 120_000;
const open: { close(): Promise<void> }[] = [];

async function serve(options: RtspCameraOptions = {}): Promise<RtspCamera> {
  const camera = await rtspCamera(options);
  open.push(camera);
  return camera;
}

const optionsAt = (port: number): OptionsOf<"rtsp"> =>
  cameraOptionsSchema.parse({
    name: "door",
    source: "rtsp",
    url: `rtsp://127.0.0.1:${port}/card`,
  }) as OptionsOf<"rtsp">;

interface Watched {
  camera: Camera;
  frames: Frame[];
  events: CameraEvent[];
}

function watch(port: number, options: object = {}): Watched {
  const camera = new Camera(
    cameraOptionsSchema.parse({
      name: "door",
      source: "rtsp",
      url: `rtsp://127.0.0.1:${port}/card`,
      oldFfmpeg: true,
      ...options,
    }),
  );
  const watched: Watched = { camera, frames: [], events: [] };
  camera.on("frame", (bytes, frame) => {
    watched.frames.push(frame);
    if (frame.encoding === undefined) assert.deepEqual(jpegSize(bytes), { width: 320, height: 240 });
  });
  camera.on("event", (event) => watched.events.push(event));
  open.push({ close: () => camera.stop() });
  camera.start();
  return watched;
}

async function untilFrames({ camera, frames }: Watched, count: number): Promise<void> {
  while (frames.length < count) await once(camera, "frame", { signal: AbortSignal.timeout(PATIENCE_MS) });
}

async function loss({ camera, events }: Watched): Promise<string> {
  for (;;) {
    const lost = events.find(({ event }) => event === "lost");
    if (lost !== undefined) return lost.reason ?? "";
    await once(camera, "event", { signal: AbortSignal.timeout(PATIENCE_MS) });
  }
}

/** What the list of processes tells of all that run here (Linux). */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, "latin1").replaceAll("\u0000", " ");
      } catch {
        return "";
      }
    });
}

describe("RTSP cameras", () => {
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });
  after(() => assert.deepEqual(ffmpegChildren(), [], "no ffmpeg survives"));

  const FAULTS: [string, (index: number) => number][] = [
    ["step back once, as when the camera's clock is set", (index) => (index < 30 ? index : index - 30) * 9000],
    ["step back a little again and again", (index) => index * 9000 - (index % 12 === 11 ? 27_000 : 0)],
    ["are always the same", () => 5000],
    ["come in pairs", (index) => Math.floor(index / 2) * 18_000],
    ["jump by hours", (index) => index * 9000 + (index < 30 ? 0 : 90_000 * 3600 * 3)],
    ["run over the end of 32 bits", (index) => 0xffffffff - 180_000 + index * 9000],
  ];
  for (const [what, timestamp] of FAULTS) {
    it(`goes on when timestamps ${what}`, async () => {
      const { port } = await serve({ timestamp });
      const watched = watch(port);
      await untilFrames(watched, 45);
      assert.deepEqual(
        watched.events.filter(({ event }) => event !== "notice").map(({ event }) => event),
        ["connected"],
      );
    });
  }

  it("goes on when its pictures get another size, in that size and not distorted", async () => {
    let sent = 0;
    const { port } = await serve({ wide: () => (sent += 1) > 60 });
    const camera = new Camera(
      cameraOptionsSchema.parse({
        name: "door",
        source: "rtsp",
        url: `rtsp://127.0.0.1:${port}/card`,
        oldFfmpeg: true,
      }),
    );
    open.push({ close: () => camera.stop() });
    const events: string[] = [];
    const sizes: string[] = [];
    camera.on("event", ({ event }) => events.push(event));
    camera.on("frame", (_, { width, height }) => sizes.push(`${width}x${height}`));
    camera.start();
    while (sizes.filter((size) => size === "426x240").length < 10)
      await once(camera, "frame", { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.deepEqual(
      events.filter((event) => event !== "notice"),
      ["connected"],
    );
    assert.deepEqual([...new Set(sizes)], ["320x240", "426x240"]);
  });

  it("waits for the first whole picture, which some send long after the beginning", async () => {
    const { port } = await serve({ partial: (index) => index < 110 });
    const watched = watch(port);
    await untilFrames(watched, 3);
    assert.deepEqual(
      watched.events.filter(({ event }) => event === "lost"),
      [],
    );
  });

  const WRITTEN: [string, RtspCameraOptions][] = [
    ["without the number of the question", { written: (head) => head.replace(/CSeq: \d+\r\n/, "") }],
    ["always with number 0", { written: (head) => head.replace(/CSeq: \d+/, "Cseq: 0") }],
    [
      "with the number of the question before",
      { written: (head) => head.replace(/\d+(?=\r\n)/, (n) => `${Number(n) - 1}`) },
    ],
    ["with LF alone", { written: (head) => head.replaceAll("\r\n", "\n") }],
    ["with spaces before colons", { written: (head) => head.replaceAll(/^([\w-]+): /gm, "$1 :") }],
    ["that say the login is out of date", { stale: 2 }],
  ];
  for (const [what, options] of WRITTEN) {
    it(`reads answers ${what}`, async () => {
      const { port } = await serve({ login: { scheme: "Digest", user: "用戶", password: "right" }, ...options });
      const watched = watch(port, { user: "用戶", password: "right" });
      await untilFrames(watched, 3);
      assert.deepEqual(
        watched.events.filter(({ event }) => event === "lost"),
        [],
      );
    });
  }

  it("does not tell the password where it is asked for in an unknown way", async () => {
    const heads: string[] = [];
    const { port } = await serve({
      answer: (method, uri) => {
        heads.push(`${method} ${uri}`);
        return method === "DESCRIBE" ? "401 Unauthorized\r\nWWW-Authenticate: NTLM\r\n" : undefined;
      },
    });
    assert.match(await loss(watch(port, { user: "me", password: "wr0ng" })), /a kind of login that is not known here/);
    assert.equal(heads.filter((head) => head.startsWith("DESCRIBE")).length, 1);
  });

  it("is not lost for a computer's clock that is put forward", async (t) => {
    const { port } = await serve();
    const watched = watch(port, { idle: 3 });
    await untilFrames(watched, 3);
    let clock = Date.now();
    t.mock.method(Date, "now", () => (clock += 3_600_000));
    await untilFrames(watched, 30);
    assert.deepEqual(
      watched.events.map(({ event }) => event).filter((event) => event !== "notice"),
      ["connected"],
    );
  });

  it("thins out by the time at which frames come, whatever their timestamps say", async () => {
    const { port } = await serve({ timestamp: () => 5000 });
    const watched = watch(port, { fps: 2 });
    await untilFrames(watched, 8);
    const gaps = watched.frames
      .slice(3)
      .map(({ capturedAt }, index) => capturedAt - (watched.frames[index + 2] as Frame).capturedAt);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    // Not thinned, they come each 100 ms.
    assert.ok(mean > 400, `${gaps.join()} ms between frames`);
  });

  for (const scheme of ["Basic", "Digest"] as const) {
    it(
      `logs in by ${scheme}, and the list of processes tells neither login nor address`,
      { skip: process.platform !== "linux" && "reads /proc" },
      async () => {
        const password = 's3cret "p@ss:w/rd%41?#';
        const { port, requests } = await serve({ login: { scheme, user: "viewer9", password } });
        const watched = watch(port, {
          url: `rtsp://127.0.0.1:${port}/live/tok3n?channel=1&password=qu3ry`,
          user: "viewer9",
          password,
        });
        await untilFrames(watched, 3);
        const lines = commandLines();
        // Of other people's processes nothing is shown when this fails.
        assert.ok(
          lines.some((line) => / -i rtsp:\/\/127\.0\.0\.1:\d+\/[\da-f]{32} /.test(line)),
          "ffmpeg reads from the relay",
        );
        assert.deepEqual(
          lines.filter((line) => /s3cret|viewer9|tok3n|qu3ry/.test(line)),
          [],
        );
        assert.doesNotMatch(JSON.stringify(watched.events), /s3cret|qu3ry/);
        assert.ok(
          requests.includes(`DESCRIBE rtsp://127.0.0.1:${port}/live/tok3n?channel=1&password=qu3ry RTSP/1.0`),
          requests.join("\n"),
        );
      },
    );
  }

  const REASONS: [string, RtspCameraOptions, object, RegExp][] = [
    [
      "a wrong password",
      { login: { scheme: "Digest", user: "me", password: "right" } },
      { user: "me", password: "wr0ng" },
      /gives no picture: the camera answers 401 Unauthorized: user or password is wrong/,
    ],
    [
      "a login that is missing",
      { login: { scheme: "Basic", user: "me", password: "right" } },
      {},
      /gives no picture: the camera answers 401 Unauthorized: put the camera's user and password into the node/,
    ],
    [
      "a path that is none",
      { answer: (method) => (method === "DESCRIBE" ? "404 Not Found\r\n" : undefined) },
      {},
      /gives no picture: the camera answers 404 Not Found: check the path in the address/,
    ],
    [
      "a stream that is only sound",
      { carries: "audio" },
      {},
      /gives no picture: it has no picture, only sound or data: choose the camera's video stream/,
    ],
    [
      "a transport that the camera has not",
      { answer: (method) => (method === "SETUP" ? "461 Unsupported Transport\r\n" : undefined) },
      { transport: "udp" },
      /gives no picture: the camera answers 461 Unsupported Transport: choose the other transport/,
    ],
    [
      "a camera that sends in circles",
      { answer: (_, uri) => `302 Moved\r\nLocation: ${uri}\r\n` },
      {},
      /gives no picture: the camera sends from one address to the next without an end/,
    ],
    [
      "a camera that sends to no RTSP address",
      { answer: () => "302 Moved\r\nLocation: http://127.0.0.1/\r\n" },
      {},
      /gives no picture: the camera sends elsewhere, to no RTSP address/,
    ],
    [
      "a camera that sends to another host",
      { answer: () => "302 Moved\r\nLocation: rtsp://localhost/card\r\n" },
      { user: "me", password: "wr0ng" },
      /gives no picture: the camera sends to another host, localhost, which is not told the password/,
    ],
    [
      "a stream that ends",
      { timestamp: (index) => (index < 60 ? index * 9000 : "end") },
      {},
      /was lost: the camera ended it\.$/,
    ],
    [
      "a stream that breaks",
      { timestamp: (index) => (index < 60 ? index * 9000 : "close") },
      {},
      /was lost: the connection broke/,
    ],
  ];
  for (const [what, faults, options, sentence] of REASONS) {
    it(`tells the true reason: ${what}`, async () => {
      const { port } = await serve(faults);
      const watched = watch(port, options);
      const reason = await loss(watched);
      assert.match(reason, sentence);
      assert.doesNotMatch(reason, /deprecated|wr0ng|127\.0\.0\.1:\d+\/[\da-f]{32}/);
    });
  }

  it("follows a camera that sends it elsewhere on the same host, with the login", async () => {
    const target = await serve({ login: { scheme: "Digest", user: "me", password: "right" } });
    const { port } = await serve({ answer: () => `302 Moved\r\nLocation: rtsp://127.0.0.1:${target.port}/other\r\n` });
    await untilFrames(watch(port, { user: "me", password: "right" }), 3);
    assert.ok(
      target.requests.some((request) => request.startsWith(`SETUP rtsp://127.0.0.1:${target.port}/other/track0 `)),
      target.requests.join("\n"),
    );
  });

  it("follows a camera that hangs up once it has said where to go", async () => {
    const target = await serve();
    const { port } = await serve({
      answer: () => `302 Moved\r\nLocation: rtsp://127.0.0.1:${target.port}/other\r\n`,
      hangsUp: true,
    });
    await untilFrames(watch(port), 3);
  });

  it("lets one program read, and only the one that was told the address", async () => {
    const { port, requests } = await serve();
    const options = optionsAt(port);
    const relay = await openRelay(options, new AbortController().signal);
    const place = { host: "127.0.0.1", port: Number(new URL(relay.url).port) };
    const guess = connect(place);
    guess.write(`DESCRIBE rtsp://127.0.0.1:${place.port}/guess RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
    await once(guess, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
    const second = connect(place);
    const [refusal] = (await once(second, "error", { signal: AbortSignal.timeout(PATIENCE_MS) })) as [
      NodeJS.ErrnoException,
    ];
    relay.close();
    assert.deepEqual([refusal.code, requests], ["ECONNREFUSED", []]);
  });

  it("is no loss where the camera hangs up first, once ffmpeg has said that it wants no more", async () => {
    const { port } = await serve();
    const options = optionsAt(port);
    const relay = await openRelay(options, new AbortController().signal);
    const client = connect({ host: "127.0.0.1", port: Number(new URL(relay.url).port), allowHalfOpen: true });
    open.push({
      close: async () => {
        client.destroy();
        relay.close();
      },
    });
    client.resume();
    client.write(`TEARDOWN ${relay.url} RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
    await once(client, "end", { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.deepEqual([relay.alive, relay.reason()], [true, undefined]);
  });
});

describe("a reader of RTSP", () => {
  const packet = Buffer.from([0x24, 0, 0, 3, 0x24, 82, 84]);
  const answer = Buffer.from("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nbody");
  const stream = Buffer.concat([
    answer,
    packet,
    packet,
    Buffer.from([0, 1, 0xff]),
    packet,
    answer,
    Buffer.from("OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"),
    packet,
  ]);

  it("finds messages and passes on all between them, however the stream is cut", () => {
    for (const size of [1, 2, 3, 5, 7, 16, 64, stream.length]) {
      const messages: string[] = [];
      const rest: Buffer[] = [];
      const reader = new RtspReader({
        message: (head, body) => messages.push(`${head.split("\r\n")[0]} ${body.toString()}`),
        rest: (bytes) => rest.push(Buffer.from(bytes)),
      });
      for (let at = 0; at < stream.length; at += size) reader.read(stream.subarray(at, at + size));
      assert.deepEqual(
        messages,
        ["RTSP/1.0 200 OK body", "RTSP/1.0 200 OK body", "OPTIONS * RTSP/1.0 "],
        `pieces of ${size}`,
      );
      assert.deepEqual(
        Buffer.concat(rest),
        Buffer.concat([packet, packet, Buffer.from([0, 1, 0xff]), packet, packet]),
        `pieces of ${size}`,
      );
    }
  });

  it("takes a message in pieces of a byte, and garbage, in a time that grows with their length", () => {
    let messages = 0;
    const reader = new RtspReader({ message: () => (messages += 1), rest: () => undefined });
    const spent = processorTime();
    const body = Buffer.alloc(250_000, "a=x\r\n");
    const whole = Buffer.concat([Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length : ${body.length}\r\n\r\n`), body]);
    for (let at = 0; at < whole.length; at += 1) reader.read(whole.subarray(at, at + 1));
    reader.read(Buffer.alloc(32 * 1024 * 1024, "no packet "));
    assert.equal(messages, 1);
    // Measured: 0.2 s. Joined anew with each byte it took minutes.
    assert.ok(spent() < 10_000, `${Math.round(spent())} ms`);
  });

  it("gives up on an answer without an end, and on one that is too large", () => {
    const reader = (): RtspReader => new RtspReader({ message: () => undefined, rest: () => undefined });
    assert.throws(
      () => reader().read(Buffer.from(`RTSP/1.0 200 OK\r\n${"x".repeat(20_000)}`)),
      /its answer has no end/,
    );
    assert.throws(
      () => reader().read(Buffer.from("RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n")),
      /its answer is too large/,
    );
  });
});
