import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, before, describe, it } from "node:test";
import { brotliCompressSync, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { mjpegSource, snapshotSource } from "../../../lib/capture/http-source";
import { multipartParser } from "../../../lib/capture/multipart";
import { type CameraOptions, cameraOptionsSchema } from "../../../lib/capture/options";
import type { CapturedFrame } from "../../../lib/capture/source";
import { pattern } from "../../support/pattern";
import { processorTime } from "../../support/processor-time";

const open: Server[] = [];

async function listen<S extends Server>(server: S): Promise<S & { port: number }> {
  open.push(server);
  server.on("connection", (socket) => socket.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

/** Run a camera until it has given so many frames, or is lost. */
async function take(
  options: { source: "mjpeg" | "snapshot"; url: string; idle?: number; [field: string]: unknown },
  count: number,
): Promise<{ frames: CapturedFrame[]; lost: string | undefined }> {
  const { idle, ...rest } = options;
  const parsed = {
    ...cameraOptionsSchema.parse({ name: "door", fps: 100, ...rest }),
    ...(idle === undefined ? {} : { idle }),
  } as CameraOptions;
  const end = new AbortController();
  const frames: CapturedFrame[] = [];
  const source =
    parsed.source === "mjpeg"
      ? mjpegSource(parsed)
      : parsed.source === "snapshot"
        ? snapshotSource(parsed)
        : undefined;
  assert.ok(source);
  let lost: string | undefined;
  await source({
    signal: end.signal,
    onNotice: () => undefined,
    onFrame: (frame) => {
      frames.push(frame);
      if (frames.length >= count) end.abort();
    },
  }).catch((error: unknown) => {
    lost = (error as Error).message;
  });
  return { frames, lost };
}

/** A picture whose data has every kind of byte in it. */
async function noise(width: number, height = width): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  // Multiplicative hashing, of which the upper bits look random.
  for (let index = 0; index < pixels.length; index += 1)
    pixels[index] = Math.imul(index + width, 2_654_435_761) >>> 24;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

const decodes = async (bytes: Buffer): Promise<boolean> =>
  sharp(bytes, { failOn: "error" })
    .raw()
    .toBuffer()
    .then(
      () => true,
      () => false,
    );

afterEach(async () => {
  for (const server of open.splice(0)) {
    if ("closeAllConnections" in server) (server as unknown as http.Server).closeAllConnections();
    server.close();
  }
});

/** Serves raw bytes: `begin`, then `part` again and again until somebody hangs up. */
async function rawCamera(begin: string, part: (index: number) => Buffer): Promise<string> {
  const server = await listen(
    createServer((socket) => {
      socket.once("data", () => {
        socket.write(begin);
        let index = 0;
        const timer = setInterval(() => socket.write(part(index++)), 10);
        socket.on("close", () => clearInterval(timer));
      });
    }),
  );
  return `http://127.0.0.1:${server.port}/`;
}

const OK = "HTTP/1.1 200 OK\r\n";
const MULTIPART = `${OK}Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n`;
const JPEG_HEADER = "Content-Type: image/jpeg\r\n";

describe("an MJPEG stream is read as cameras write it:", () => {
  /** Two of different width, so that each can be told from the other. */
  let pictures: Buffer[];
  before(async () => {
    pictures = [await noise(80), await noise(120)];
  });
  const of = (index: number): Buffer => pictures[index % 2] as Buffer;
  const written = (begin: string, index: number, after: string, cut = 0): Buffer =>
    Buffer.concat([Buffer.from(begin), of(index).subarray(0, of(index).length - cut), Buffer.from(after)]);
  const length = (index: number): string => `Content-Length: ${of(index).length}\r\n`;

  const dialects: Record<string, [begin: string, part: (index: number) => Buffer]> = {
    "as it should be": [MULTIPART, (index) => written(`--frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n")],
    "without lengths": [MULTIPART, (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n")],
    "no line end before the boundary": [MULTIPART, (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "")],
    "a length of 0": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: 0\r\n\r\n`, index, "\r\n"),
    ],
    "lengths that are too small": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: 500\r\n\r\n`, index, "\r\n"),
    ],
    "lengths that are too large": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: 900000\r\n\r\n`, index, "\r\n"),
    ],
    "lengths that end in the line end before the boundary": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: ${of(index).length + 2}\r\n\r\n`, index, "\r\n"),
    ],
    "lengths that are none": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: unknown\r\n\r\n`, index, "\r\n"),
    ],
    "application/octet-stream": [
      `${OK}Content-Type: application/octet-stream\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n"),
    ],
    "no Content-Type": [
      "HTTP/1.0 200 OK\r\nServer: cam\r\n\r\n",
      (index) => written(`--frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n"),
    ],
    "text/html": [
      `${OK}Content-Type: text/html\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n"),
    ],
    "no boundary in the header": [
      `${OK}Content-Type: multipart/x-mixed-replace\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "the dashes in the header": [
      `${OK}Content-Type: multipart/x-mixed-replace; boundary=--frame\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "the dashes in the header and twice as many before a part": [
      `${OK}Content-Type: multipart/x-mixed-replace; boundary=--frame\r\n\r\n`,
      (index) => written(`----frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n"),
    ],
    "a boundary in quotes": [
      `${OK}Content-Type: multipart/x-mixed-replace; boundary="my frame"\r\n\r\n`,
      (index) => written(`--my frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "a boundary without its dashes": [
      MULTIPART,
      (index) => written(`frame\r\n${JPEG_HEADER}${length(index)}\r\n`, index, "\r\n"),
    ],
    "another boundary than announced": [MULTIPART, (index) => written(`--other\r\n${JPEG_HEADER}\r\n`, index, "\r\n")],
    "LF alone": [
      MULTIPART,
      (index) => written(`--frame\nContent-Type: image/jpeg\nContent-Length: ${of(index).length}\n\n`, index, "\n"),
    ],
    "LF alone, in the answer's header too": [
      "HTTP/1.0 200 OK\nContent-Type: multipart/x-mixed-replace;boundary=frame\n\n",
      (index) => written("--frame\nContent-Type: image/jpeg\n\n", index, "\n"),
    ],
    "letters in a header that are not allowed": [
      `${OK}Server: cam\u0001\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "parts without headers": [MULTIPART, (index) => written("--frame\r\n\r\n", index, "\r\n")],
    "parts without headers nor an empty line": [MULTIPART, (index) => written("--frame\r\n", index, "\r\n")],
    "text before the first boundary": [
      MULTIPART,
      (index) =>
        written(
          (index === 0 ? "This is a multi-part message.\r\nNo picture yet -- wait\r\n" : "") +
            `--frame\r\n${JPEG_HEADER}\r\n`,
          index,
          "\r\n",
        ),
    ],
    "parts that are no pictures between": [
      MULTIPART,
      (index) =>
        written(
          `--frame\r\nContent-Type: text/plain\r\nContent-Length: ` +
            `9\r\n\r\nkeepalive\r\n--frame\r\n${JPEG_HEADER}${length(index)}\r\n`,
          index,
          "\r\n",
        ),
    ],
    chunked: [
      `${OK}Content-Type: multipart/x-mixed-replace; boundary=frame\r\nTransfer-Encoding: chunked\r\n\r\n`,
      (index) => {
        const part = written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n");
        return Buffer.concat([
          Buffer.from(`${(40).toString(16)}\r\n`),
          part.subarray(0, 40),
          Buffer.from(`\r\n${(part.length - 40).toString(16)}\r\n`),
          part.subarray(40),
          Buffer.from("\r\n"),
        ]);
      },
    ],
    "JPEGs one after the other": [`${OK}Content-Type: video/x-motion-jpeg\r\n\r\n`, of],
    "JPEGs one after the other as image/jpeg": [`${OK}Content-Type: image/jpeg\r\n\r\n`, of],
    "zeros after a picture": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\0".repeat(3000)),
    ],
    "a length of 0 in the answer's header": [
      `${OK}Content-Length: 0\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "a length in the answer's header as if it were a picture": [
      `${OK}Content-Length: 5000\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "lengths in the answer's header that are none": [
      `${OK}Content-Length: -1\r\nContent-Length: ${"9".repeat(40)}\r\nContent-Length: unknown\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "lines in the answer's header that are no fields": [
      `${OK}Server: GoaHead\r\nTue, 12 Jun 2012 01 56 34 GMT\r\n` +
        "Content-Type : multipart/x-mixed-replace;\r\n boundary=frame\r\n\r\n",
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "an answer without a header": ["", (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n")],
    "an answer in the way of web radios": [
      "ICY 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n",
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "an answer in small letters": [
      "http/1.1 200\r\ncontent-type: multipart/x-mixed-replace; boundary=frame\r\n\r\n",
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "an answer through a proxy, after one that is not the last": [
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 203 Non-Authoritative\r\nContent-Type: video/x-motion-jpeg\r\n\r\n`,
      of,
    ],
    "chunks of three bytes": [
      `${OK}Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n`,
      (index) => {
        const part = written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n");
        const chunks = Array.from({ length: Math.ceil(part.length / 3) }, (_, at) =>
          part.subarray(3 * at, 3 * at + 3),
        );
        return Buffer.concat(
          chunks.flatMap((chunk) => [Buffer.from(`${chunk.length};x=1\r\n`), chunk, Buffer.from("\r\n")]),
        );
      },
    ],
    "said to be chunked, and is not": [
      `${OK}Transfer-Encoding: chunked\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "said to be compressed, and is not": [
      `${OK}Content-Encoding: gzip\r\n\r\n`,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"),
    ],
    "pictures without an end marker, with their length": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}Content-Length: ${of(index).length - 2}\r\n\r\n`, index, "\r\n", 2),
    ],
    "pictures without an end marker nor length": [
      MULTIPART,
      (index) => written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n", 2),
    ],
  };

  for (const [name, [begin, part]] of Object.entries(dialects)) {
    it(name, async () => {
      const { frames, lost } = await take({ source: "mjpeg", url: await rawCamera(begin, part) }, 4);
      assert.equal(lost, undefined);
      assert.equal(frames.length, 4);
      for (const { bytes, width } of frames) {
        assert.equal(await decodes(bytes), true);
        // Neither less than the picture nor what stands around it. Of those that come together the newest goes on.
        const sent = [80, 120].indexOf(width);
        assert.notEqual(sent, -1);
        if (!name.includes("without an end marker")) assert.equal(bytes.equals(of(sent)), true);
      }
    });
  }

  it("compressed", async () => {
    const packed = createGzip();
    const server = await listen(
      createServer((socket) => {
        socket.once("data", () => {
          socket.write(
            `${OK}Content-Encoding: gzip\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n`,
          );
          packed.pipe(socket);
          for (let index = 0; index < 4; index += 1)
            packed.write(written(`--frame\r\n${JPEG_HEADER}\r\n`, index, "\r\n"));
          packed.flush();
        });
      }),
    );
    const { frames } = await take({ source: "mjpeg", url: `http://127.0.0.1:${server.port}/` }, 1);
    assert.equal(frames[0]?.bytes.equals(of(3)), true, "the newest of what came together");
  });

  for (const format of ["png", "webp"] as const) {
    it(`with pictures that are ${format.toUpperCase()}, which go on as JPEG`, async () => {
      const others = await Promise.all(pictures.map((picture) => sharp(picture).toFormat(format).toBuffer()));
      const url = await rawCamera(MULTIPART, (index) =>
        Buffer.concat([
          Buffer.from(`--frame\r\nContent-Type: image/${format}\r\n\r\n`),
          others[index % 2] as Buffer,
          Buffer.from("\r\n"),
        ]),
      );
      const { frames, lost } = await take({ source: "mjpeg", url }, 3);
      assert.equal(lost, undefined);
      for (const { bytes, width } of frames) {
        const { format: kind, width: real } = await sharp(bytes).metadata();
        assert.deepEqual([kind, real, [80, 120].includes(width)], ["jpeg", width, true]);
      }
    });
  }

  it("progressive pictures, those with thumbnails in them and those with comments, cut anywhere", async () => {
    const thumbnail = await noise(16);
    const progressive = await sharp(of(0)).jpeg({ progressive: true }).toBuffer();
    const exif = Buffer.concat([
      of(1).subarray(0, 2),
      Buffer.from([0xff, 0xe1, (thumbnail.length + 2) >> 8, (thumbnail.length + 2) & 255]),
      thumbnail,
      of(1).subarray(2),
    ]);
    // The number of lines may come behind the first scan.
    const late = Buffer.concat([of(0).subarray(0, -2), Buffer.from([0xff, 0xdc, 0, 4, 0, 80, 0xff, 0xd9])]);
    const sent = [progressive, exif, late, of(0)];
    const { frames } = await take(
      {
        source: "mjpeg",
        url: await rawCamera(MULTIPART, (index) =>
          Buffer.concat([Buffer.from("--frame\r\n\r\n"), sent[index % 4] as Buffer]),
        ),
      },
      4,
    );
    assert.deepEqual(
      frames.map(({ bytes }) => sent.findIndex((each) => each.equals(bytes))),
      [0, 1, 2, 3],
    );
  });

  it("goes on after a picture that was cut off, which stays one that cannot be read", async () => {
    const frames = multipartParser()(
      Buffer.concat([0, 1, 2, 3].map((index) => written("--frame\r\n\r\n", index, "\r\n", index === 1 ? 500 : 0))),
    );
    assert.deepEqual(await Promise.all(frames.map(({ bytes }) => decodes(bytes))), [true, false, true, true]);
  });

  it("and one that is none says what it is", async () => {
    const gif = await sharp(of(0)).gif().toBuffer();
    const html = await listen(
      http.createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<html>")),
    );
    const single = await listen(
      http.createServer((_, response) => response.setHeader("Content-Type", "image/jpeg").end(of(0))),
    );
    const gifs = await rawCamera(MULTIPART, () =>
      Buffer.concat([Buffer.from(`--frame\r\nContent-Type: image/gif\r\n\r\n`), gif, Buffer.from("\r\n")]),
    );
    assert.match(
      (await take({ source: "mjpeg", url: `http://127.0.0.1:${html.port}/` }, 1)).lost ?? "",
      /is no MJPEG stream but text\/html: check the address/,
    );
    assert.match(
      (await take({ source: "mjpeg", url: `http://127.0.0.1:${single.port}/` }, 2)).lost ?? "",
      /is no MJPEG stream but image\/jpeg: choose the source "HTTP snapshot"/,
    );
    assert.match((await take({ source: "mjpeg", url: gifs }, 1)).lost ?? "", /its pictures are image\/gif, not JPEG/);
  });
});

describe("what a stream sends costs what it is long:", () => {
  const PIECE = 1400;
  const MB = 1024 * 1024;
  const start = Buffer.from("--frame\r\nContent-Type: image/jpeg\r\n\r\n");
  const filled = (unit: Buffer): Buffer => Buffer.alloc(32 * MB, unit);
  const hostile: Record<string, Buffer> = {
    "a part whose boundary never comes": Buffer.concat([
      start,
      Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2]),
      Buffer.alloc(32 * MB, 1),
    ]),
    "a part that begins like nothing": Buffer.concat([start, Buffer.alloc(32 * MB, 1)]),
    "data that looks like markers": Buffer.concat([
      start,
      Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2]),
      filled(Buffer.from([0xff, 0])),
    ]),
    "fill bytes": Buffer.concat([start, Buffer.from([0xff, 0xd8]), Buffer.alloc(32 * MB, 0xff)]),
    "segments with beginnings of pictures in them": Buffer.concat([
      start,
      filled(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd8])),
    ]),
    "beginnings of pictures": Buffer.concat([start, filled(Buffer.from([0xff, 0xd8, 0xff]))]),
    "pictures without an end": Buffer.concat([
      start,
      filled(Buffer.from("\xff\xd8\xff\xda\0\x02abc--frame\r\n", "latin1")),
    ]),
    boundaries: filled(Buffer.from("--frame\r\n\r\n")),
    "PNGs that are none": Buffer.concat([start, filled(Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\0IENDabcd", "latin1"))]),
    "RIFFs that are none": Buffer.concat([start, filled(Buffer.from("RIFFRIFF\x04\0\0\0WEBP", "latin1"))]),
    "header fields": Buffer.concat([start, filled(Buffer.from("Content-Length: 1\r\n"))]),
  };

  for (const [name, bytes] of Object.entries(hostile)) {
    it(name, () => {
      const parse = multipartParser({ onOther: () => undefined });
      const spent = processorTime();
      for (let at = 0; at < bytes.length; at += PIECE) parse(bytes.subarray(at, at + PIECE));
      // Measured: 0.05 to 0.8 s, some times that while coverage is counted. What is searched again with each piece
      // takes minutes.
      assert.ok(spent() < 20_000, `${Math.round(spent())} ms`);
    });
  }

  it("and a picture that never ends is refused, before memory is", () => {
    const parse = multipartParser();
    parse(Buffer.concat([start, Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2])]));
    const piece = Buffer.alloc(MB, 1);
    assert.throws(() => {
      for (let count = 0; count < 100; count += 1) parse(piece);
    }, /no end of a frame within 64 MB/);
  });
});

describe("a snapshot", () => {
  async function camera(listener: http.RequestListener): Promise<string> {
    return `http://127.0.0.1:${(await listen(http.createServer(listener))).port}/snap`;
  }

  for (const format of ["png", "webp", "gif", "avif"] as const) {
    it(`that is ${format.toUpperCase()} goes on as JPEG`, async () => {
      const bytes = await sharp(await noise(64, 48))
        .toFormat(format)
        .toBuffer();
      const { frames, lost } = await take(
        { source: "snapshot", url: await camera((_, response) => response.end(bytes)) },
        1,
      );
      assert.deepEqual(
        [lost, frames.map(({ width, height, encoding }) => [width, height, encoding])],
        [undefined, [[64, 48, "jpeg"]]],
      );
      assert.equal((await sharp(frames[0]!.bytes).metadata()).format, "jpeg");
    });
  }

  it("that is no picture says what it is", async () => {
    for (const [bytes, type, said] of [
      [
        "<html>",
        "text/html",
        pattern(
          /\(text\/html\) is no picture that can be used: it is a web page: /,
          /the address answers with HTML, perhaps a login/,
        ),
      ],
      ["", "image/jpeg", /the picture is empty/],
      ["\xff\xd8\xff\xe0", "image/jpeg", /cut off or damaged/],
      ["\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", /HEIC/],
      ['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "image/svg+xml", /it is an SVG drawing/],
    ] as const) {
      const url = await camera((_, response) =>
        response.setHeader("Content-Type", type).end(Buffer.from(bytes, "latin1")),
      );
      assert.match((await take({ source: "snapshot", url }, 1)).lost ?? "", said);
    }
    const stream = await camera((_, response) =>
      response.setHeader("Content-Type", "multipart/x-mixed-replace; boundary=x").write("--x\r\n"),
    );
    assert.match(
      (await take({ source: "snapshot", url: stream }, 1)).lost ?? "",
      /is a stream: choose the source "HTTP stream \(MJPEG\)"/,
    );
  });

  describe("is read as cameras write it:", () => {
    let jpeg: Buffer;
    before(async () => {
      jpeg = await noise(80);
    });
    const told = (body: Buffer | string, length = body.length, more = ""): Buffer =>
      Buffer.concat([Buffer.from(`${OK}${more}Content-Length: ${length}\r\n\r\n`), Buffer.from(body as string)]);
    const withEncoding = (encoding: string, pack: (bytes: Buffer) => Buffer) => (): Buffer =>
      told(pack(jpeg), undefined, `Content-Encoding: ${encoding}\r\n`);
    const dialects: Record<string, () => Buffer> = {
      "a length that is too small": () => told(jpeg, 500),
      "a length without the end marker": () => told(jpeg, jpeg.length - 2),
      "a length that is too large": () => told(jpeg, jpeg.length + 700),
      "a length of 0": () => told(jpeg, 0),
      "no length, and the connection left open": () => Buffer.concat([Buffer.from(`${OK}\r\n`), jpeg]),
      "a line that is no field": () => told(jpeg, undefined, "Tue, 12 Jun 2012 01 56 34 GMT\r\n"),
      "an empty line before it": () => told(Buffer.concat([Buffer.from("\r\n"), jpeg])),
      "a mark of UTF-8 before it": () => told(Buffer.concat([Buffer.from("\ufeff"), jpeg])),
      "a warning before it": () => told(Buffer.concat([Buffer.from("Warning: no cache in snap.php\n"), jpeg])),
      "two beginnings": () => told(Buffer.concat([Buffer.from([0xff, 0xd8]), jpeg])),
      "the header of a part before it": () =>
        told(
          Buffer.concat([
            Buffer.from("--frame\r\nContent-Type: image/jpeg\r\n\r\n"),
            jpeg,
            Buffer.from("\r\n--frame--"),
          ]),
        ),
      "said to be chunked, and is not": () =>
        Buffer.concat([Buffer.from(`${OK}Transfer-Encoding: chunked\r\n\r\n`), jpeg]),
      gzip: withEncoding("gzip", gzipSync),
      "gzip that is said to be deflate": withEncoding("deflate", gzipSync),
      deflate: withEncoding("deflate", deflateSync),
      "deflate without its header": withEncoding("deflate", deflateRawSync),
      brotli: withEncoding("br", brotliCompressSync),
      "said to be compressed, and is not": withEncoding("gzip", (bytes) => bytes),
      base64: () => told(jpeg.toString("base64")),
      "a data URI": () => told(`data:image/jpeg;base64,${jpeg.toString("base64")}`),
      "base64 in JSON": () => told(JSON.stringify({ ok: true, image: jpeg.toString("base64") })),
    };
    for (const [name, answer] of Object.entries(dialects)) {
      it(name, async () => {
        const server = await listen(createServer((socket) => socket.on("data", () => socket.write(answer()))));
        const { frames, lost } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/` }, 2);
        assert.equal(lost, undefined);
        assert.deepEqual([...new Set(frames.map(({ width }) => width))], [80]);
        for (const { bytes } of frames) assert.equal(await decodes(bytes), true);
      });
    }
  });

  it("that is cut off says so, and no picture goes on", async () => {
    const jpeg = await noise(80);
    const server = await listen(
      createServer((socket) =>
        socket.once("data", () =>
          socket.end(
            Buffer.concat([Buffer.from(`${OK}Content-Length: ${jpeg.length}\r\n\r\n`), jpeg.subarray(0, 900)]),
          ),
        ),
      ),
    );
    const { frames, lost } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/` }, 1);
    assert.equal(frames.length, 0);
    assert.match(lost ?? "", /was lost: its answer was cut off\.$/);
  });

  it("that unpacks to more than a picture is refused, before memory is", async () => {
    const packed = gzipSync(
      Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2]), Buffer.alloc(200 * 1024 * 1024)]),
    );
    const url = await camera((_, response) => response.setHeader("Content-Encoding", "gzip").end(packed));
    assert.match((await take({ source: "snapshot", url }, 1)).lost ?? "", /it has more than 32 MB/);
  });

  it("that is no picture costs what it is long", async () => {
    for (const unit of [" ", '"', "\n", "a ", "--x\r\n", "<"]) {
      const url = await camera((_, response) => response.end(Buffer.alloc(8 * 1024 * 1024, unit)));
      const spent = processorTime();
      assert.match((await take({ source: "snapshot", url }, 1)).lost ?? "", /is no picture that can be used/, unit);
      // Measured: 0.1 to 0.3 s.
      assert.ok(spent() < 8000, `${unit}: ${Math.round(spent())} ms`);
    }
  });

  it("that is words says which, without a secret in them", async () => {
    const words =
      '[{"cmd":"Snap","code":1,"error":{"detail":"please login first","rspCode":-6},"token":"SECRET","user":"admin"}]';
    const url = await camera((_, response) => response.setHeader("Content-Type", "text/html").end(words));
    const { lost = "" } = await take({ source: "snapshot", url }, 1);
    assert.match(lost, /is no picture that can be used: it answers with words instead: .*please login first/);
    assert.doesNotMatch(lost, /SECRET|admin/);
    const busy = await camera((_, response) =>
      response.end('<?xml version="1.0"?><Status><text>Device Busy</text></Status>'),
    );
    assert.match((await take({ source: "snapshot", url: busy }, 1)).lost ?? "", /words instead: Device Busy/);
  });

  for (const [name, answer, said] of [
    ["TLS", "\x15\x03\x01\0\x02\x02\x46", /speaks TLS: perhaps the address begins with https:/],
    ["RTSP", "RTSP/1.0 400 Bad Request\r\n\r\n", /is an RTSP camera: choose the source "RTSP stream"/],
    ["SSH", "SSH-2.0-dropbear\r\n", /is no web server: check the address and its port/],
    ["a busy camera", "HTTP/1.1 503 Busy\r\n\r\n", /answers 503: .* is busy or has a fault/],
    ["a camera without a picture", "HTTP/1.1 204 No Content\r\n\r\n", /answers 204: it has no picture at this moment/],
    [
      "a web server that wants https",
      "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
      /answers 400: it wants https/,
    ],
    ["a wrong path", "HTTP/1.1 404 Not Found\r\n\r\n", /answers 404: check the path/],
  ] as const) {
    it(`says what is there instead: ${name}`, async () => {
      const server = await listen(
        createServer((socket) => socket.once("data", () => socket.end(Buffer.from(answer, "latin1")))),
      );
      assert.match((await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/` }, 1)).lost ?? "", said);
    });
  }

  it("is asked for anew where the camera leaves the connection open and never answers on it again", async () => {
    const jpeg = await noise(32);
    const asked: (string | undefined)[] = [];
    const server = await listen(
      createServer((socket) => {
        socket.once("data", (head) => {
          asked.push(/^Connection: (\S+)/m.exec(head.toString())?.[1]);
          socket.write(Buffer.concat([Buffer.from(`${OK}Content-Length: ${jpeg.length}\r\n\r\n`), jpeg]));
        });
      }),
    );
    const { frames, lost } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/`, idle: 1 }, 5);
    assert.deepEqual([lost, frames.length], [undefined, 5]);
    // It is waited for once, not for each picture.
    assert.deepEqual(asked, ["keep-alive", "close", "close", "close", "close"]);
  });

  it("comes from a camera that answers one connection at a time", async () => {
    const jpeg = await noise(32);
    let connected = 0;
    let most = 0;
    const server = await listen(
      createServer((socket) => {
        connected += 1;
        most = Math.max(most, connected);
        // Told before the next connection is, however late both are told.
        socket.on("end", () => (connected -= 1));
        socket.once("data", () => socket.end(Buffer.concat([Buffer.from("HTTP/1.0 200 OK\r\n\r\n"), jpeg])));
      }),
    );
    const { frames } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/` }, 3);
    assert.deepEqual([frames.length, most], [3, 1]);
  });

  it("comes from a camera that wants its cookie back, which nobody else is told", async () => {
    const jpeg = await noise(32);
    const told: (string | undefined)[] = [];
    const other = await listen(
      http.createServer((request, response) => {
        told.push(request.headers.cookie);
        response.end(jpeg);
      }),
    );
    const url = await camera((request, response) => {
      if (request.headers.cookie !== "sid=SECRET; mode=1")
        response.writeHead(302, { Location: "/snap", "Set-Cookie": ["sid=SECRET; Path=/; HttpOnly", "mode=1"] }).end();
      else response.writeHead(302, { Location: `http://localhost:${other.port}/` }).end();
    });
    const { lost } = await take({ source: "snapshot", url }, 1);
    assert.deepEqual([lost, told], [undefined, [undefined]]);
  });

  it("is asked for again where the camera closed the connection that waited", async () => {
    const jpeg = await noise(32);
    let asked = 0;
    const server = await listen(
      createServer((socket) => {
        let first = true;
        socket.on("data", () => {
          asked += 1;
          // A waiting connection is closed when it is used again, as cameras do.
          if (!first) return socket.resetAndDestroy();
          first = false;
          socket.write(
            Buffer.concat([
              Buffer.from(`${OK}Connection: keep-alive\r\nContent-Length: ${jpeg.length}\r\n\r\n`),
              jpeg,
            ]),
          );
        });
      }),
    );
    const { frames, lost } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/` }, 3);
    assert.deepEqual([lost, frames.length, asked], [undefined, 3, 5]);
  });
});

describe("an answer that trickles is lost:", () => {
  /** A byte now and then, so that no bound on silence ever ends it. */
  const trickle = (begin: string | Buffer): Promise<string> =>
    rawCamera(begin.toString("latin1"), () => Buffer.from("x"));

  it("a snapshot whose header never ends", async () => {
    assert.match(
      (await take({ source: "snapshot", url: await trickle(`${OK}X-Wait: `), idle: 1 }, 1)).lost ?? "",
      /its answer was not complete within 2 seconds/,
    );
  });

  it("a snapshot whose picture never ends", async () => {
    assert.match(
      (await take({ source: "snapshot", url: await trickle(`${OK}Content-Length: 100000\r\n\r\n`), idle: 1 }, 1))
        .lost ?? "",
      /its answer was not complete within 2 seconds/,
    );
  });

  it("a stream whose header never ends", async () => {
    assert.match(
      (await take({ source: "mjpeg", url: await trickle(`${OK}X-Wait: `), idle: 1 }, 1)).lost ?? "",
      /its answer was not complete within 2 seconds/,
    );
  });

  for (const [name, begin] of [
    ["whose first picture never ends", `${MULTIPART}--frame\r\n\r\n\xff\xd8\xff\xda\0\x02`],
    ["that sends no picture", `${MULTIPART}--frame\r\n`],
  ] as const) {
    it(`a stream ${name}`, async () => {
      assert.match(
        (await take({ source: "mjpeg", url: await trickle(begin), idle: 1 }, 1)).lost ?? "",
        /it gave no picture for 1 seconds/,
      );
    });
  }

  it("and a camera that gives its pictures at long intervals is not, where it may", async () => {
    const jpeg = await noise(32);
    const server = await listen(
      createServer((socket) => {
        socket.once("data", () => {
          socket.write(MULTIPART);
          const timer = setInterval(() => socket.write(Buffer.concat([Buffer.from("--frame\r\n\r\n"), jpeg])), 400);
          socket.on("close", () => clearInterval(timer));
        });
      }),
    );
    const url = `http://127.0.0.1:${server.port}/`;
    assert.match(
      (await take({ source: "mjpeg", url, idle: 0.1 }, 2)).lost ?? "",
      /it gave (nothing|no picture) for 0\.1 seconds|was not complete within/,
    );
    const { frames, lost } = await take({ source: "mjpeg", url, idle: 30 }, 2);
    assert.deepEqual([lost, frames.length], [undefined, 2]);
  });
});

describe("a camera that asks for a login", () => {
  const hash = (...parts: string[]): string => createHash("md5").update(parts.join(":"), "latin1").digest("hex");
  const latin = (text: string): string => Buffer.from(text).toString("latin1");

  it("may find the answer out of date, and ask again", async () => {
    const jpeg = await noise(32);
    let number = 0;
    const server = await listen(
      http.createServer((request, response) => {
        number += 1;
        if (number > 2 && request.headers.authorization?.includes(`nonce="n${number - 1}"`)) response.end(jpeg);
        else
          response
            .writeHead(401, {
              "WWW-Authenticate": `Digest realm="r", nonce="n${number}", stale=${number > 1 ? "TRUE" : "false"}`,
            })
            .end("<html>no</html>");
      }),
    );
    const { lost, frames } = await take(
      { source: "snapshot", url: `http://127.0.0.1:${server.port}/`, user: "me", password: "secret" },
      1,
    );
    assert.deepEqual([lost, frames.length], [undefined, 1]);
  });

  it("may have a name and a realm in any writing", async () => {
    const jpeg = await noise(32);
    const [user, password, realm] = ["使用者", "密碼é", "攝影機"];
    const right = hash(hash(latin(user), latin(realm), latin(password)), "n", hash("GET", "/"));
    const server = await listen(
      createServer((socket) => {
        socket.on("data", (bytes) => {
          if (
            bytes.toString("latin1").includes(`response="${right}"`) &&
            bytes.toString().includes(`username="${user}"`)
          )
            socket.end(Buffer.concat([Buffer.from(`${OK}\r\n`), jpeg]));
          else
            socket.write(
              `HTTP/1.1 401 No\r\nContent-Length: 0\r\n` +
                `WWW-Authenticate: Digest realm = "${realm}", nonce = "n"\r\n\r\n`,
            );
        });
      }),
    );
    const { lost } = await take({ source: "snapshot", url: `http://127.0.0.1:${server.port}/`, user, password }, 1);
    assert.equal(lost, undefined);
  });

  for (const kind of ["NTLM", "Negotiate, NTLM", 'Digest realm="r", nonce="n", algorithm=TIGER']) {
    it(`of a kind that is not known is not told the password: ${kind}`, async () => {
      const told: (string | undefined)[] = [];
      const server = await listen(
        http.createServer((request, response) => {
          told.push(request.headers.authorization);
          response.writeHead(401, { "WWW-Authenticate": kind }).end();
        }),
      );
      const { lost } = await take(
        { source: "snapshot", url: `http://127.0.0.1:${server.port}/`, user: "me", password: "secret" },
        1,
      );
      assert.match(lost ?? "", /asks for a kind of login that is not known here: allow Basic or Digest/);
      assert.deepEqual(told, [undefined]);
    });
  }
});

describe("a camera that sends its login elsewhere", () => {
  const me = { user: "me", password: "secret" };
  const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;

  async function redirecting(to: string, status = 302): Promise<string> {
    const server = await listen(
      http.createServer((_, response) => {
        response.writeHead(status, { Location: to }).end();
      }),
    );
    return `http://127.0.0.1:${server.port}/`;
  }

  it("keeps it on another port of the same host", async () => {
    const jpeg = await noise(32);
    const told: (string | undefined)[] = [];
    const asking = await listen(
      http.createServer((request, response) => {
        told.push(request.headers.authorization);
        if (request.headers.authorization === basic) response.end(jpeg);
        else response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
      }),
    );
    const { lost } = await take(
      { source: "snapshot", url: await redirecting(`http://127.0.0.1:${asking.port}/x`), ...me },
      1,
    );
    assert.deepEqual([lost, told], [undefined, [undefined, basic]]);
  });

  it("keeps it where both ask for a Digest of their own", async () => {
    const jpeg = await noise(32);
    const digest =
      (nonce: string, then: http.RequestListener): http.RequestListener =>
      (request, response) => {
        if (request.headers.authorization?.includes(`nonce="${nonce}"`)) then(request, response);
        else response.writeHead(401, { "WWW-Authenticate": `Digest realm="r", nonce="${nonce}", qop="auth"` }).end();
      };
    const second = await listen(http.createServer(digest("two", (_, response) => response.end(jpeg))));
    const first = await listen(
      http.createServer(
        digest("one", (_, response) =>
          response.writeHead(307, { Location: `http://127.0.0.1:${second.port}/` }).end(),
        ),
      ),
    );
    assert.equal(
      (await take({ source: "snapshot", url: `http://127.0.0.1:${first.port}/`, ...me }, 2)).lost,
      undefined,
    );
  });

  it("gives it to no other host, and says so", async () => {
    const told: (string | undefined)[] = [];
    const other = await listen(
      http.createServer((request, response) => {
        told.push(request.headers.authorization);
        response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
      }),
    );
    const { lost } = await take(
      {
        source: "snapshot",
        url: (await redirecting(`http://127.0.0.1:${other.port}/x`)).replace("127.0.0.1", "localhost"),
        ...me,
      },
      1,
    );
    assert.match(
      lost ?? "",
      /answers 401: the camera sent there, and .* gets no password; put that address into the node/,
    );
    assert.deepEqual(told, [undefined]);
  });

  it("is not followed in circles, nor to what is no HTTP", async () => {
    const circle = await listen(
      http.createServer((_, response) => {
        response.writeHead(302, { Location: "/again" }).end();
      }),
    );
    assert.match(
      (await take({ source: "snapshot", url: `http://127.0.0.1:${circle.port}/` }, 1)).lost ?? "",
      /answers 302: it sends from one address to the next without end/,
    );
    assert.match(
      (await take({ source: "snapshot", url: await redirecting("file:///etc/passwd") }, 1)).lost ?? "",
      /answers 302/,
    );
  });

  it("never reads it in a sentence", async () => {
    const server = await listen(
      http.createServer((_, response) => {
        response.writeHead(404).end();
      }),
    );
    for (const path of [
      "user=admin&password=SECRET&channel=1",
      "snap?user=admin&pwd=SECRET",
      "token=SECRET/snap.jpg",
    ]) {
      for (const source of ["mjpeg", "snapshot"] as const) {
        const { lost } = await take({ source, url: `http://admin:SECRET@127.0.0.1:${server.port}/${path}` }, 1);
        assert.match(lost ?? "", /answers 404: check the path/);
        assert.doesNotMatch(lost ?? "", /SECRET|admin/);
      }
    }
  });
});

describe("a camera with https and a certificate of its own", () => {
  let made: { key: Buffer; cert: Buffer } | undefined;
  before(() => {
    try {
      const folder = mkdtempSync(join(tmpdir(), "certificate-"));
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
          "/CN=camera",
        ],
        { stdio: "ignore" },
      );
      made = { key: readFileSync(join(folder, "key")), cert: readFileSync(join(folder, "cert")) };
    } catch {
      made = undefined;
    }
  });

  async function camera(): Promise<{ url: string; asked: string[]; fingerprint: string }> {
    const jpeg = await noise(32);
    const asked: string[] = [];
    const server = await listen(
      https.createServer(made ?? {}, (request, response) => {
        asked.push(request.headers.authorization ?? "");
        if (request.headers.authorization === undefined)
          response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
        else response.end(jpeg);
      }),
    );
    server.on("tlsClientError", () => undefined);
    const fingerprint = new X509Certificate(made!.cert).fingerprint256;
    return { url: `https://127.0.0.1:${server.port}/snap`, asked, fingerprint };
  }
  const me = { user: "me", password: "secret" };

  it("is refused with a sentence that names the choice and the fingerprint, which then is enough", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const { url, asked, fingerprint } = await camera();
    const { lost } = await take({ source: "snapshot", url, ...me }, 1);
    assert.match(
      lost ?? "",
      pattern(
        /the certificate of 127\.0\.0\.1:\d+ cannot be verified \(it is of the camera's own /,
        /making\).*choose "only this fingerprint".*NODE_EXTRA_CA_CERTS/,
      ),
    );
    const pasted = /fingerprint ((?:[\dA-F]{2}:){31}[\dA-F]{2})/.exec(lost ?? "")?.[1];
    assert.equal(pasted, fingerprint);
    assert.deepEqual(asked, []);
    const { frames } = await take(
      { source: "snapshot", url, ...me, certificate: "fingerprint", fingerprint: pasted },
      2,
    );
    assert.equal(frames.length, 2);
  });

  it("is refused before it hears a password when its certificate is not the one chosen", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const { url, asked, fingerprint } = await camera();
    const { lost } = await take(
      { source: "snapshot", url, ...me, certificate: "fingerprint", fingerprint: "00".repeat(32) },
      1,
    );
    assert.match(lost ?? "", /has the SHA-256 fingerprint/);
    assert.ok(lost?.includes(fingerprint));
    assert.deepEqual(asked, []);
  });

  it("is read where any certificate will do", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const { url, asked } = await camera();
    const { frames } = await take({ source: "snapshot", url, ...me, certificate: "any" }, 1);
    assert.deepEqual([frames.length, asked.length], [1, 2]);
  });

  it("and TLS of before 2008 says so with its fingerprint, which then is enough", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const jpeg = await noise(32);
    let asked = 0;
    const server = await listen(
      https.createServer(
        { ...made, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" },
        (_, response) => {
          asked += 1;
          response.end(jpeg);
        },
      ),
    );
    server.on("tlsClientError", () => undefined);
    const url = `https://127.0.0.1:${server.port}/snap`;
    const { lost = "" } = await take({ source: "snapshot", url, ...me }, 1);
    assert.match(lost, /speaks only TLS of before 2008.*choose "only this fingerprint"/);
    assert.equal(asked, 0);
    const fingerprint = /fingerprint ((?:[\dA-F]{2}:){31}[\dA-F]{2})/.exec(lost)?.[1];
    assert.equal(fingerprint, new X509Certificate(made.cert).fingerprint256);
    const taken = await take({ source: "snapshot", url, certificate: "fingerprint", fingerprint }, 2);
    assert.deepEqual([taken.lost, taken.frames.length], [undefined, 2]);
  });

  it("keeps the login when http sends to https of the same host", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const { url, asked } = await camera();
    const server = await listen(
      http.createServer((_, response) => {
        response.writeHead(301, { Location: url }).end();
      }),
    );
    const from = { source: "snapshot", url: `http://127.0.0.1:${server.port}/`, ...me } as const;
    assert.match((await take(from, 1)).lost ?? "", /cannot be verified/);
    assert.equal((await take({ ...from, certificate: "any" }, 1)).frames.length, 1);
    assert.equal(asked.at(-1), `Basic ${Buffer.from("me:secret").toString("base64")}`);
  });

  it("gives no login to http where it was given for https, and says so", async (context) => {
    if (made === undefined) return context.skip("openssl is not installed");
    const told: (string | undefined)[] = [];
    const plain = await listen(
      http.createServer((request, response) => {
        told.push(request.headers.authorization);
        response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
      }),
    );
    const secure = await listen(
      https.createServer(made, (_, response) => {
        response.writeHead(302, { Location: `http://127.0.0.1:${plain.port}/` }).end();
      }),
    );
    const { lost } = await take(
      { source: "snapshot", url: `https://127.0.0.1:${secure.port}/`, ...me, certificate: "any" },
      1,
    );
    assert.match(lost ?? "", /gets no password/);
    assert.deepEqual(told, [undefined]);
  });

  it("says that there is no https at the other end, and that a handshake does not end", async () => {
    const plain = await listen(createServer((socket) => socket.end("HTTP/1.0 400 Bad Request\r\n\r\n")));
    assert.match(
      (await take({ source: "snapshot", url: `https://127.0.0.1:${plain.port}/` }, 1)).lost ?? "",
      /there is no TLS that this computer understands .*perhaps the address begins with http:\/\//,
    );
    const silent = await listen(createServer(() => undefined));
    assert.match(
      (await take({ source: "snapshot", url: `https://127.0.0.1:${silent.port}/`, idle: 0.2 }, 1)).lost ?? "",
      /was not complete within 0\.4 seconds/,
    );
  });
});
