/** The small grey pictures that ffmpeg makes beside its JPEGs, for the motion gate. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import { Camera, type CameraEvent } from "../../../lib/capture/camera";
import { cameraOptionsSchema } from "../../../lib/capture/options";
import { GreyPairs } from "../../../lib/capture/grey-pairs";
import { type Grey, greysBeside, greyThumbnail } from "../../../lib/image/grey-thumbnail";
import type { Frame } from "../../../lib/message";
import { isInstalled } from "../../support/programs";
import { ffmpegChildren, testVideo } from "../../support/video";

interface Seen {
  frame: Frame;
  bytes: Buffer;
  /** Undefined where there is none. */
  beside: Grey | undefined;
}

const open: Camera[] = [];

/** What a camera gives until it ends by itself, each frame with what is beside it. */
async function playedBy(options: object): Promise<{ seen: Seen[]; events: CameraEvent[] }> {
  const camera = new Camera(cameraOptionsSchema.parse({ name: "door", source: "file", ...options }));
  open.push(camera);
  const seen: Promise<Seen>[] = [];
  const events: CameraEvent[] = [];
  camera.on("frame", (bytes, frame) =>
    seen.push(Promise.resolve(greysBeside.get(bytes)).then((beside) => ({ bytes, frame, beside }))),
  );
  camera.on("event", (event) => events.push(event));
  camera.start();
  while (!events.some(({ event }) => event === "ended" || event === "lost"))
    await once(camera, "event", { signal: AbortSignal.timeout(120_000) });
  return { seen: await Promise.all(seen), events };
}

/** The same video, said to be turned by a quarter. */
function turned(video: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "turned-")), "turned.mp4");
  const bytes = readFileSync(video);
  // The matrix of the track header (ISO/IEC 14496-12, 8.3.2): numbers of 16.16, the third of three of 2.30.
  const matrix = bytes.indexOf("tkhd", 0, "latin1") + 44;
  assert.equal(bytes.readInt32BE(matrix), 0x10000);
  [0, 0x10000, 0, -0x10000, 0, 0].forEach((value, index) => bytes.writeInt32BE(value, matrix + 4 * index));
  writeFileSync(file, bytes);
  return file;
}

/** Mean difference to the means of squares of the JPEG, in grey levels. */
async function difference({ bytes, frame: { width, height }, beside }: Seen): Promise<number> {
  const [columns, rows] = [width >> 3, height >> 3];
  assert.deepEqual([beside?.width, beside?.height, beside?.data.length], [columns, rows, columns * rows]);
  const rgb = await sharp(bytes).raw().toBuffer();
  const [sums, counts] = [new Float64Array(columns * rows), new Float64Array(columns * rows)];
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 3) {
      const cell = Math.floor(((y + 0.5) * rows) / height) * columns + Math.floor(((x + 0.5) * columns) / width);
      sums[cell]! += 0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!;
      counts[cell]! += 1;
    }
  return sums.reduce((all, sum, cell) => all + Math.abs(sum / counts[cell]! - beside!.data[cell]!), 0) / sums.length;
}

/** The one that would be found; lib/capture keeps what it finds first, which is to be the one below. */
const ownFfmpeg = (): string =>
  process.env["FFMPEG_PATH"] ??
  (isInstalled("ffmpeg")
    ? "ffmpeg"
    : (createRequire(__filename)("@ffmpeg-installer/ffmpeg") as { path: string }).path);

/** Stands before ffmpeg; the environment says what is otherwise than with it. */
const program = (ffmpeg: string): string => `#!/bin/sh
case "$GREY_TEST $*" in
  "unknown "*pgm*) echo "[info] Input #0, mov, from 'x':" >&2; echo "[fatal] Unknown encoder 'pgm'" >&2; exit 1;;
  "silent "*pgm*) exec "${ffmpeg}" "$@" 3>/dev/null;;
  "odd "*pgm*) head -c 5000 /dev/zero >&3; exec "${ffmpeg}" "$@" 3>/dev/null;;
esac
exec "${ffmpeg}" "$@"
`;

const skip = process.platform === "win32" ? "there are none" : false;

describe("small grey pictures beside ffmpeg's frames", { skip }, () => {
  let video: string;
  const { lateMs } = GreyPairs;
  before(async () => {
    const path = join(mkdtempSync(join(tmpdir(), "program-")), "ffmpeg");
    writeFileSync(path, program(ownFfmpeg()));
    chmodSync(path, 0o755);
    process.env["FFMPEG_PATH"] = path;
    // A busy computer may run either of ffmpeg's threads alone for a while.
    GreyPairs.lateMs = 30_000;
    video = await testVideo(1);
  });
  afterEach(async () => {
    delete process.env["GREY_TEST"];
    for (const camera of open.splice(0)) await camera.stop();
  });
  after(() => {
    GreyPairs.lateMs = lateMs;
    assert.deepEqual(ffmpegChildren(), [], "no ffmpeg survives");
  });

  for (const [what, size] of [
    ["as it is", {}],
    ["of an odd size", { width: 301, height: 203 }],
  ] as const)
    it(`are what decoding shows, of each frame of a video ${what}`, async () => {
      const { seen } = await playedBy({ path: video, ...size });
      assert.equal(seen.length, 10);
      for (const each of seen) assert.ok((await difference(each)) < 3, String(await difference(each)));
      // Each has its own, not another's: what moves in the test card is seen.
      const [first, last] = [seen[0]!, seen[9]!];
      assert.ok((await difference({ ...first, beside: last.beside })) > (await difference(first)) + 0.5);
    });

  it("are what is shown: turned as the video says", async () => {
    const { seen } = await playedBy({ path: turned(video) });
    assert.deepEqual([seen[0]?.frame.width, seen[0]?.frame.height], [240, 320]);
    for (const each of seen) assert.ok((await difference(each)) < 3, String(await difference(each)));
  });

  it("are taken in place of decoding, unless somebody says that the frame has another size", async () => {
    const { seen } = await playedBy({ path: video });
    const { frame, beside } = seen[0]!;
    // What nobody could decode.
    const bytes = Buffer.alloc(100_000, 1);
    greysBeside.set(bytes, Promise.resolve(beside));
    assert.deepEqual(await greyThumbnail({ bytes, frame }), { grey: beside, width: 320, height: 240 });
    // Node-RED's clone of a message is another view of the same memory.
    const clone = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.equal((await greyThumbnail({ bytes: clone, frame })).grey, beside);
    await assert.rejects(greyThumbnail({ bytes, frame: { ...frame, width: 640 } }), /not a picture/);
    await assert.rejects(greyThumbnail({ bytes, frame: undefined }), /not a picture/);
  });

  it("are not made of raw frames, nor where no time lies between frames", async () => {
    for (const options of [{ output: "rgb" }, { realtime: false }]) {
      const { seen } = await playedBy({ path: video, ...options });
      assert.deepEqual(
        seen.map(({ beside }) => beside),
        Array.from({ length: 10 }),
      );
    }
  });

  it("go without where a file has several videos: ffmpeg's choice is the same as ever", async () => {
    const two = await testVideo(1, 10, "two.mkv", [
      ..."-filter_complex [0:v]split[a][b];[b]scale=160:120[c] -map [c] -map [a]".split(" "),
      ..."-disposition:v:0 0 -disposition:v:1 default".split(" "),
    ]);
    const { seen, events } = await playedBy({ path: two });
    assert.deepEqual(
      seen.map(({ frame, beside }) => [frame.sequence, frame.width, beside]),
      Array.from({ length: 10 }, (_, index) => [index, 320, undefined]),
    );
    assert.deepEqual(
      events.map(({ event }) => event),
      ["connected", "ended"],
    );
  });

  it("say of a file without a picture what was said without them", async () => {
    const sound = join(mkdtempSync(join(tmpdir(), "sound-")), "sound.wav");
    const header = Buffer.from(
      "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data",
      "latin1",
    );
    const length = Buffer.alloc(4);
    length.writeUInt32LE(8000);
    writeFileSync(sound, Buffer.concat([header, length, Buffer.alloc(8000, 128)]));
    const { events } = await playedBy({ path: sound });
    assert.deepEqual(
      events.map(({ event }) => event),
      ["lost"],
    );
    // Not that there is nothing to make the grey pictures of.
    assert.match(events[0]?.reason ?? "", /gives no picture: (?!.*(?:filter|specifier))/);
  });

  for (const [how, what] of [
    ["unknown", "knows no such format"],
    ["silent", "sends none"],
    ["odd", "sends something else"],
  ] as const)
    it(`are missing, and all frames come, from a program that ${what}`, async () => {
      process.env["GREY_TEST"] = how;
      const { seen, events } = await playedBy({ path: video });
      assert.deepEqual(
        seen.map(({ frame, beside }) => [frame.sequence, beside]),
        Array.from({ length: 10 }, (_, index) => [index, undefined]),
      );
      assert.deepEqual(
        events.map(({ event }) => event),
        ["connected", "ended"],
      );
    });
});

describe("GreyPairs", () => {
  const grey = (value: number): Buffer => Buffer.concat([Buffer.from("P5\n2 1\n255\n"), Buffer.from([value, value])]);
  const values = async (greys: readonly Promise<Grey | undefined>[]): Promise<(number | undefined)[]> =>
    (await Promise.all(greys)).map((each) => each?.data[0]);
  const pairs = (): { pipe: PassThrough; pairs: GreyPairs } => {
    const pipe = new PassThrough();
    return { pipe, pairs: new GreyPairs(pipe) };
  };
  const many = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, index) => grey(index)));

  it("pairs by order, whichever comes first, however the pipe is cut", async () => {
    const { pipe, pairs: each } = pairs();
    const first = [each.next(), each.next()];
    for (const byte of many(4)) pipe.write(Buffer.from([byte]));
    assert.deepEqual(await values(first), [0, 1]);
    assert.deepEqual(await values([each.next(), each.next()]), [2, 3]);
    each.close();
  });

  it("waits for none that is late, nor gives it to another frame", async () => {
    const { pipe, pairs: each } = pairs();
    assert.deepEqual(await values([each.next()]), [undefined]);
    pipe.write(many(2));
    assert.deepEqual(await values([each.next()]), [1]);
    each.close();
  });

  it("keeps a few dozen of those that nobody comes for, and the order", async () => {
    const { pipe, pairs: each } = pairs();
    for (const value of Array.from({ length: 200 }).keys()) pipe.write(grey(value));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const got = await values(Array.from({ length: 200 }, () => each.next()));
    const kept = got.findIndex((value) => value !== undefined);
    assert.ok(kept >= 100 && kept < 190, String(kept));
    assert.deepEqual(
      got.slice(kept),
      Array.from({ length: 200 - kept }, (_, index) => kept + index),
    );
    each.close();
  });

  it("gives none for what is asked when it closes, or after", async () => {
    const { pipe, pairs: each } = pairs();
    const asked = each.next();
    each.close();
    pipe.write(many(3));
    assert.deepEqual(await values([asked, each.next()]), [undefined, undefined]);
  });

  it("gives none where the pipe breaks", async () => {
    const { pipe, pairs: each } = pairs();
    const asked = each.next();
    pipe.destroy(new Error("EIO"));
    assert.deepEqual(await values([asked, each.next()]), [undefined, undefined]);
  });
});
