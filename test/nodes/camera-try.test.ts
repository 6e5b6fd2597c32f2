/** The button "Try it" of the camera's form, by its route. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import http, { type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import { triedAnswer } from "../../api/answers";
import { jpegSize } from "../../lib/capture/jpeg";
import camera from "../../nodes/camera/camera";
import { helper, nextMessage, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { rtspCamera } from "../support/rtsp-camera";
import { ffmpegChildren, testVideo } from "../support/video";

interface Answer {
  status: number;
  body: { jpeg?: string; width?: number; height?: number; error?: string; code?: string };
}

const PATH = "/facenet/camera/try";
/** The admin routes, where they can be asked without supertest, which cannot leave before the answer. */
let address = "";

async function json(body: unknown, type = "application/json", headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": type, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status === 200)
    assert.deepEqual(JSON.parse(text), triedAnswer.parse(JSON.parse(text)), "each field is described");
  return {
    status: response.status,
    body: /json/.test(response.headers.get("content-type") ?? "")
      ? (JSON.parse(text) as Answer["body"])
      : { error: text },
  };
}

const tryIt = (fields: object, more: object = {}): Promise<Answer> => json({ id: "c", flow: "f", fields, ...more });

const servers: http.Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = http.createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const photo = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#345" } })
    .jpeg()
    .toBuffer();

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

describe("trying a camera before it is deployed", () => {
  let adminServer: http.Server;
  before(async () => {
    await startServer();
    // Each flow that is loaded has admin routes of its own.
    adminServer = http
      .createServer((request, response) =>
        (helper as unknown as { _httpAdmin: RequestListener })._httpAdmin(request, response),
      )
      .listen(0, "127.0.0.1");
    await once(adminServer, "listening");
    address = `http://127.0.0.1:${(adminServer.address() as AddressInfo).port}${PATH}`;
  });
  after(async () => {
    adminServer.closeAllConnections();
    adminServer.close();
    await stopServer();
    assert.deepEqual(ffmpegChildren(), [], "no ffmpeg survives");
  });
  afterEach(async () => {
    await helper.unload();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    for (const name of ["TRY_HOST", "TRY_PASSWORD"]) Reflect.deleteProperty(process.env, name);
  });

  const load = (fields: object = {}, credentials: object = {}): Promise<void> =>
    helper.load(
      [camera],
      [
        { id: "f", type: "tab", label: "f" },
        {
          id: "c",
          z: "f",
          type: "facewire-camera",
          name: "door",
          source: "usb",
          autostart: false,
          wires: [[], []],
          ...fields,
        },
      ],
      credentials,
    );

  it("shows one frame of every kind of source, not larger than a form needs", async () => {
    await load();
    const large = await photo(1280, 720);
    const url = await serve((request, response) => {
      if (request.url !== "/mjpeg") response.end(large);
      else
        response
          .writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=b" })
          .write(
            Buffer.concat([
              Buffer.from(`--b\r\nContent-Length: ${large.length}\r\n\r\n`),
              large,
              Buffer.from("\r\n--b\r\n"),
            ]),
          );
    });
    const folder = mkdtempSync(join(tmpdir(), "try-"));
    writeFileSync(join(folder, "a.jpg"), large);
    const stream = await rtspCamera();
    try {
      const sources = [
        { source: "snapshot", url },
        { source: "mjpeg", url: `${url}/mjpeg` },
        { source: "folder", path: folder },
        { source: "file", path: await testVideo(2) },
        { source: "rtsp", url: `rtsp://127.0.0.1:${stream.port}/card`, oldFfmpeg: true },
      ];
      for (const fields of sources) {
        const { status, body } = await tryIt(fields);
        assert.deepEqual([status, body.error], [200, undefined], fields.source);
        const shown = jpegSize(Buffer.from(body.jpeg ?? "", "base64"));
        const expected = ["file", "rtsp"].includes(fields.source)
          ? [320, 240, { width: 320, height: 240 }]
          : [1280, 720, { width: 640, height: 360 }];
        assert.deepEqual([body.width, body.height, shown], expected, fields.source);
      }
    } finally {
      await stream.close();
    }
  });

  it("says why there is none", async () => {
    await load();
    const gone = await serve((_, response) => response.writeHead(404).end());
    for (const [fields, sentence] of [
      [{ source: "rtsp", url: "rtsp://127.0.0.1:1/x", oldFfmpeg: true }, /127\.0\.0\.1:1 refuses the connection/],
      [{ source: "file", path: "/nowhere/film.mp4" }, /the video \/nowhere\/film\.mp4 does not exist/],
      [{ source: "usb", device: "/dev/video987" }, /the camera \/dev\/video987 does not exist/],
      [{ source: "snapshot", url: gone }, /answers 404/],
      [{ source: "folder", path: mkdtempSync(join(tmpdir(), "empty-")) }, /picture/],
      [{ source: "browser" }, /tried on its own page/],
      [{ source: "rtsp", url: "" }, /camera: url: must be a rtsp or rtsps address/],
    ] as const) {
      const { status, body } = await tryIt(fields);
      assert.match(body.error ?? "", sentence);
      assert.ok(status >= 400 && status < 500, `${status}`);
    }
  });

  it("takes the login that is typed, else the stored one, and resolves variables; none of it is told", async () => {
    await load({}, { c: { user: "me", password: "st0red" } });
    const asked: (string | undefined)[] = [];
    const picture = await photo(32, 24);
    const url = await serve((request, response) => {
      asked.push(request.headers.authorization);
      if (request.headers.authorization === undefined) response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
      else if (request.headers.authorization.endsWith(basic("me", "wr0ng").slice(6)))
        response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
      else response.end(picture);
    });
    process.env["TRY_HOST"] = url;
    process.env["TRY_PASSWORD"] = "fr0menv";
    const fields = { source: "snapshot", url: "${TRY_HOST}" };
    assert.equal((await tryIt(fields, { user: "me", password: "__PWRD__" })).status, 200);
    assert.equal((await tryIt(fields)).status, 200);
    assert.equal((await tryIt(fields, { user: "you", password: "typed" })).status, 200);
    assert.equal((await tryIt(fields, { user: "me", password: "${TRY_PASSWORD}" })).status, 200);
    const refused = await tryIt({ ...fields, url: `${url}/?password=qu3ry` }, { user: "me", password: "wr0ng" });
    assert.deepEqual(asked.filter((each) => each !== undefined).slice(0, 4), [
      basic("me", "st0red"),
      basic("me", "st0red"),
      basic("you", "typed"),
      basic("me", "fr0menv"),
    ]);
    assert.match(refused.body.error ?? "", /answers 401/);
    assert.doesNotMatch(JSON.stringify(refused.body), /wr0ng|qu3ry|st0red/);
    const unset = await tryIt({ source: "snapshot", url: "${TRY_NOWHERE}" });
    assert.deepEqual([unset.status, unset.body.error], [400, "the environment variable TRY_NOWHERE is not set."]);
  });

  it("gives no other node's login away", async () => {
    await helper.load(
      [camera],
      [
        { id: "f", type: "tab", label: "f" },
        { id: "other", z: "f", type: "helper" },
      ],
      { other: { user: "me", password: "st0red" } },
    );
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
    });
    assert.equal((await json({ id: "other", fields: { source: "snapshot", url } })).status, 400);
    assert.deepEqual(asked, [undefined]);
  });

  it("lets nothing unchecked reach ffmpeg or the disk, and takes nothing that is not the form's", async () => {
    await load();
    const fields = { source: "file", path: "/nowhere" };
    const HOSTILE: [unknown, string?][] = [
      [{ id: "c", fields: { source: "usb", device: "/etc/passwd" } }],
      [{ id: "c", fields: { source: "usb", device: "-f lavfi" } }],
      [{ id: "c", fields: { source: "usb", device: "/dev/video0/../sda" } }],
      [{ id: "c", fields: { source: "rtsp", url: "file:///etc/passwd" } }],
      [{ id: "c", fields: { source: "rtsp", url: "concat:/etc/passwd" } }],
      [{ id: "c", fields: { source: "snapshot", url: "gopher://127.0.0.1/" } }],
      [{ id: "c", fields: { source: "rtsp", url: "rtsp://127.0.0.1:1/", transport: "tcp -i /etc/passwd" } }],
      [{ id: "c", fields: { source: "file", path: "/a\u0000b" } }],
      [{ id: "c", fields: { source: "lavfi", path: "testsrc" } }],
      [{ id: "c", fields: { ...fields, width: "1;2" } }],
      [{ id: "c", fields: { ...fields, width: { toString: 1 } } }],
      [{ id: "c", fields: { ...fields, path: ["/nowhere"] } }],
      [{ id: "c", fields: { ...fields, oldFfmpeg: "yes" } }],
      [{ id: { toString: 1 }, fields }],
      [{ id: "c", fields, user: ["a"] }],
      [{ id: "__proto__", fields }],
      [{ id: "c" }],
      [[]],
      ["null"],
      ["7"],
      ["{"],
      [`{"id":"c","fields":{"source":"${"x".repeat(70_000)}"}}`],
      ["id=c", "application/x-www-form-urlencoded"],
      ["{}", "text/plain"],
    ];
    for (const [body, type] of HOSTILE) {
      const { status, body: answer } = await json(body, type);
      assert.ok(
        status >= 400 && status < 500,
        `${status} for ${JSON.stringify(body).slice(0, 100)}: ${JSON.stringify(answer)}`,
      );
      assert.ok((answer.error ?? "") !== "" && answer.jpeg === undefined);
    }
    const foreign = await json({ id: "c", fields }, "application/json", { Origin: "http://elsewhere.example" });
    assert.equal(foreign.status, 403);
  });

  it("tries one camera at a time, and ends when nobody waits for it any more", async () => {
    await load();
    let open = 0;
    const url = await serve((request) => {
      open += 1;
      request.socket.once("close", () => {
        open -= 1;
      });
    });
    const patience = { source: "snapshot", url, idle: 3600 };
    const leave = new AbortController();
    const first = fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id: "c", fields: patience }),
      signal: leave.signal,
    }).catch((error: unknown) => error);
    await eventually("the camera being asked", () => open > 0 || undefined);
    const second = await tryIt(patience);
    assert.deepEqual(
      [second.status, second.body.error],
      [429, "a camera is being tried already: wait until that has ended."],
    );
    leave.abort();
    await first;
    await eventually("the end of the try", () => open === 0 || undefined);
    const third = await eventually("another turn", async () => {
      const answer = await tryIt({ source: "file", path: "/nowhere" });
      return answer.status === 429 ? undefined : answer;
    });
    assert.match(third.body.error ?? "", /does not exist/);
  });

  it("gives up a camera that sends nothing, however long that may wait for a picture", async () => {
    await load();
    const url = await serve((_, response) => response.writeHead(200, { "Content-Type": "image/jpeg" }).write("x"));
    const { status, body } = await tryIt({ source: "snapshot", url, idle: 3600 });
    assert.equal(status, 400);
    assert.match(body.error ?? "", /no picture within 20 seconds|within/);
  });

  it("takes the next frame of the same camera that runs, instead of asking it twice", async () => {
    const picture = await photo(64, 48);
    let connections = 0;
    const url = await serve((request, response) => {
      connections += request.headers["x-seen"] === undefined ? 1 : 0;
      response.setHeader("Connection", "close").end(picture);
    });
    const stream = await serve((_, response) => {
      connections += 1;
      response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=b" });
      const timer = setInterval(
        () =>
          response.write(
            Buffer.concat([
              Buffer.from(`--b\r\nContent-Length: ${picture.length}\r\n\r\n`),
              picture,
              Buffer.from("\r\n"),
            ]),
          ),
        50,
      );
      response.once("close", () => clearInterval(timer));
    });
    await helper.load(
      [camera],
      [
        {
          id: "c",
          type: "facewire-camera",
          name: "door",
          source: "mjpeg",
          url: stream,
          autostart: false,
          wires: [["frames"], []],
        },
        { id: "frames", type: "helper" },
      ],
    );
    const frame = nextMessage("frames");
    send("c", { payload: "start" });
    await frame;
    assert.equal((await tryIt({ source: "mjpeg", url: stream })).body.width, 64);
    assert.equal(connections, 1);
    assert.equal((await tryIt({ source: "snapshot", url })).body.width, 64);
    assert.equal(connections, 2);
  });
});
