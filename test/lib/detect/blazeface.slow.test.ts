import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import sharp from "sharp";
import { facesOf } from "../../../lib/detect/blazeface/anchors";
import { blazeface } from "../../../lib/detect/blazeface/blazeface";
import { BlazefaceDetector } from "../../../lib/detect/blazeface/finder";
import { BLAZEFACE_FILE, type BlazefaceNet, loadOnOnnx, loadOnTf } from "../../../lib/detect/blazeface/network";
import { type BlazefaceOptions, blazefaceOptionsSchema } from "../../../lib/detect/blazeface/options";
import { nearerParts } from "../../../lib/detect/blazeface/parts";
import { AS_IT_IS, inputOf, placeOf, sidesOf, toPicture } from "../../../lib/detect/blazeface/view";
import { overlap } from "../../../lib/detect/boxes";
import { FaceDetector } from "../../../lib/detect/face-detector";
import { FaceFollower } from "../../../lib/detect/follower";
import { decode } from "../../../lib/image/decode";
import type { Pixels } from "../../../lib/image/pixels";
import type { Box, Face } from "../../../lib/message";
import { tensorEngine } from "../../../lib/tensor/engine";
import { groupPhoto, portrait } from "../../support/photos";

const OPTIONS = blazefaceOptionsSchema.parse({});
const LARGEST_DIFFERENCE = 1e-4;
const GROUPS = [
  [1, 3],
  [2, 3],
  [3, 3],
  [4, 4],
  [5, 5],
  [6, 4],
] as const;

const pixelsOf = (bytes: Buffer): Promise<Pixels> => decode({ bytes: Uint8Array.from(bytes), raw: undefined });

/** What OpenCV's dnn makes of inputs, in a worker: 2,304 × 16 numbers, then 2,304 scores, for each. */
function byOpenCv(inputs: readonly Float32Array[]): Promise<Float32Array[]> {
  const worker = new Worker(join(__dirname, "opencv-dnn-worker.cjs"), {
    workerData: { file: BLAZEFACE_FILE, inputs },
    execArgv: [],
  });
  return new Promise((done, fail) => {
    worker.once("message", done);
    worker.once("error", fail);
    worker.once("exit", () => fail(new Error("OpenCV ended without an answer")));
  });
}

function assertNear(found: Float32Array, expected: Float32Array, what: string): void {
  assert.equal(found.length, expected.length, what);
  const difference = found.reduce(
    (most, value, at) =>
      Math.max(most, Math.abs(value - (expected[at] as number)) / Math.max(1, Math.abs(expected[at] as number))),
    0,
  );
  assert.ok(difference < LARGEST_DIFFERENCE, `${what}: ${difference}`);
}

const rounded = ({ x, y, width, height }: Face["box"]): number[] => [x, y, width, height].map(Math.round);

describe("BlazeFace's network", () => {
  let inputs: Float32Array[];
  let onTf: BlazefaceNet;
  before(async () => {
    const photos = await Promise.all(GROUPS.map(([index]) => pixelsOf(groupPhoto(index))));
    inputs = photos.map((pixels) => inputOf(pixels, { x: 0, y: 0, ...pixels }, { ...AS_IT_IS, square: true }));
    onTf = await loadOnTf();
  });

  it("gives the numbers that OpenCV's dnn reads from the same file, on TF.js and as an ONNX model", async () => {
    const expected = await byOpenCv(inputs);
    const onOnnx = await loadOnOnnx("onnxruntime-web");
    for (const net of [onTf, onOnnx])
      for (const [index, input] of inputs.entries()) {
        const [seen] = await net.run([input]);
        const { regressed, scores } = seen ?? assert.fail("no answer");
        const both = Float32Array.from([...regressed, ...scores]);
        assertNear(both, expected[index] as Float32Array, `${net.engine}, photo ${index + 1}`);
        assert.ok(facesOf(regressed, scores, OPTIONS.minScore).length > 0);
      }
    onOnnx.dispose();
  });

  it("sees several inputs at once, of other sides too, as it sees each alone; as an ONNX model too", async () => {
    const pixels = await pixelsOf(groupPhoto(1));
    const [width, height] = [pixels.width / 2, pixels.height / 2];
    const halves = [0, 1].map((half) => ({ x: half * width, y: height / 2, width, height }));
    const onOnnx = await loadOnOnnx("onnxruntime-web");
    for (const view of [AS_IT_IS, { ...AS_IT_IS, side: 64, square: true }, { ...AS_IT_IS, side: 224 }]) {
      const sides = sidesOf(halves[0] as Box, view);
      const both = halves.map((half) => inputOf(pixels, half, view));
      const alone = await Promise.all(both.map(async (input) => (await onTf.run([input], sides))[0]));
      for (const net of [onTf, onOnnx])
        for (const [index, { regressed, scores }] of (await net.run(both, sides)).entries()) {
          const expected = alone[index] ?? assert.fail("no answer");
          const what = `${net.engine}, ${sides.width} × ${sides.height}`;
          assert.equal(scores.length, (sides.width * sides.height) / 16, what);
          assertNear(scores, expected.scores, what);
          assertNear(regressed, expected.regressed, what);
        }
    }
    onOnnx.dispose();
  });

  it("finds in an input as narrow as the picture the faces that it finds in the square", async () => {
    for (const [index, people] of GROUPS) {
      const pixels = await pixelsOf(groupPhoto(index));
      const whole = { x: 0, y: 0, width: pixels.width, height: pixels.height };
      const [narrow, square] = await Promise.all(
        [AS_IT_IS, { ...AS_IT_IS, square: true }].map(async (view) => {
          const sides = sidesOf(whole, view);
          const [seen] = await onTf.run([inputOf(pixels, whole, view)], sides);
          const { regressed, scores } = seen ?? assert.fail("no answer");
          const place = placeOf(whole, view);
          return {
            sides,
            faces: facesOf(regressed, scores, OPTIONS.minScore, sides.width).map((face) => toPicture(face, place)),
          };
        }),
      );
      assert.ok(narrow !== undefined && square !== undefined);
      assert.ok(narrow.sides.width * narrow.sides.height < square.sides.width * square.sides.height);
      assert.deepEqual([narrow.faces.length, square.faces.length], [people, people], `sample${index}`);
      for (const face of narrow.faces) assert.ok(square.faces.some(({ box }) => overlap(box, face.box) > 0.7));
    }
  });

  it("leaves nothing behind on the backend, run after run and once it is disposed", async () => {
    const tf = await tensorEngine("wasm");
    const input = inputs[0] as Float32Array;
    await onTf.run([input]);
    const { numTensors, numBytes } = tf.memory();
    await onTf.run([input]);
    assert.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes]);
    const other = await loadOnTf();
    await other.run([input]);
    other.dispose();
    assert.equal(tf.memory().numTensors, numTensors);
  });

  it("says to install the package again when its file is missing or damaged", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "blazeface-")), "BlazeFace.tflite");
    await assert.rejects(loadOnTf(file), /BlazeFace\.tflite cannot be read \(ENOENT\): install this package again/);
    const bytes = readFileSync(BLAZEFACE_FILE);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(file, bytes);
    await assert.rejects(loadOnTf(file), /BlazeFace\.tflite is damaged: install this package again/);
  });
});

describe("BlazeFace", () => {
  let detector: BlazefaceDetector;
  let photo: Pixels;
  before(async () => {
    detector = await BlazefaceDetector.load("wasm");
    photo = await pixelsOf(await portrait("green"));
  });

  it("finds everybody in group photos, once, and nobody else", async () => {
    for (const [index, people] of GROUPS) {
      const found = await detector.detect(await pixelsOf(groupPhoto(index)), OPTIONS);
      assert.equal(found.length, people, `sample${index}`);
    }
  });

  it("knows where eyes, nose, mouth and ears are", async () => {
    const [face] = await detector.detect(photo, OPTIONS);
    const { leftEye, rightEye, nose, mouth, leftEar, rightEar } = face?.points ?? assert.fail("no points");
    assert.ok(leftEar !== undefined && rightEar !== undefined && mouth !== undefined);
    assert.ok(leftEar.x < leftEye.x && leftEye.x < nose.x && nose.x < rightEye.x && rightEye.x < rightEar.x);
    assert.ok(leftEye.y < nose.y && nose.y < mouth.y);
  });

  it("knows where the eyes of a face are that is 36 pixels wide in 640 × 480", async () => {
    const [large] = await detector.detect(photo, OPTIONS);
    const { box, points } = large ?? assert.fail("no face");
    const scale = 36 / box.width;
    const [left, top] = [400, 120];
    const small = await sharp(await portrait("green"))
      .resize(Math.round(photo.width * scale))
      .toBuffer();
    const frame = await sharp({ create: { width: 640, height: 480, channels: 3, background: "#78807a" } })
      .composite([{ input: small, left, top }])
      .png()
      .toBuffer();
    const [face] = await detector.detect(await pixelsOf(frame), OPTIONS);
    for (const eye of ["leftEye", "rightEye"] as const) {
      const expected = points?.[eye] ?? assert.fail("no points");
      const found = face?.points?.[eye] ?? assert.fail("not found");
      const off = Math.hypot(found.x - left - expected.x * scale, found.y - top - expected.y * scale);
      assert.ok(off < 1.5, `${eye}: ${off.toFixed(2)} px off`);
    }
  });

  it("stays inside the region, and keeps to the sizes asked for", async () => {
    const pixels = await pixelsOf(groupPhoto(6));
    const all = await detector.detect(pixels, OPTIONS);
    const region = { x: 0, y: 0, width: pixels.width / 2, height: pixels.height };
    const left = await detector.detect(pixels, { ...OPTIONS, region });
    assert.equal(left.length, all.filter(({ box }) => box.x + box.width / 2 < region.width).length);
    const sides = all.map(({ box }) => Math.max(box.width, box.height)).sort((a, b) => a - b);
    const middle = Math.round(((sides[0] as number) + (sides.at(-1) as number)) / 2);
    const [small, large] = [
      await detector.detect(pixels, { ...OPTIONS, maxSize: middle }),
      await detector.detect(pixels, { ...OPTIONS, minSize: middle }),
    ];
    assert.ok(small.length > 0 && large.length > 0);
    assert.equal(small.length + large.length, all.length);
    const beyond = { x: 9000, y: 0, width: 10, height: 10 };
    await assert.rejects(detector.detect(pixels, { ...OPTIONS, region: beyond }), /region of interest lies outside/);
  });

  it("takes a picture of any shape, also of one pixel", async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 500],
      [3000, 2],
    ] as const)
      assert.deepEqual(
        await detector.detect({ data: new Uint8Array(width * height * 3), width, height }, OPTIONS),
        [],
        `${width} × ${height}`,
      );
  });
});

describe("a photo in which nothing is found", () => {
  const finder = (): FaceDetector<BlazefaceOptions> =>
    new FaceDetector(blazeface, blazefaceOptionsSchema.parse({ engine: "wasm" }));
  /** From sample6's green dress: brows to chin. */
  let tight: Buffer;
  before(async () => {
    const whole = await portrait("green");
    const detector = await BlazefaceDetector.load("wasm");
    const [face] = await detector.detect(await pixelsOf(whole), OPTIONS);
    const [left, top, width, height] = rounded(face?.box ?? assert.fail("no face")) as [
      number,
      number,
      number,
      number,
    ];
    tight = await sharp(whole).extract({ left, top, width, height }).jpeg().toBuffer();
  });

  it("is searched again with a margin, and the face says so", async () => {
    const detector = finder();
    const { faces } = await detector.detect({ bytes: tight, frame: undefined });
    await detector.close();
    assert.deepEqual(
      faces.map(({ foundBy }) => foundBy),
      ["margin"],
    );
  });

  it("is searched again turned: the points are where the face has them", async () => {
    const upright = await portrait("blonde");
    const detector = finder();
    for (const degrees of [90, 180, 270]) {
      const bytes = await sharp(upright).rotate(degrees).jpeg().toBuffer();
      const { faces } = await detector.detect({ bytes, frame: undefined });
      const [face] = faces;
      const { leftEye, rightEye } = face?.points ?? assert.fail(`nothing at ${degrees}°`);
      const roll = (Math.atan2(rightEye.y - leftEye.y, rightEye.x - leftEye.x) * 180) / Math.PI;
      const off = Math.abs(((roll - degrees + 540) % 360) - 180);
      assert.ok(off < 30, `${degrees}°: the eyes lie at ${roll}°`);
    }
    await detector.close();
  });

  it("is searched once when it is a frame of a camera", async () => {
    const detector = finder();
    const frame = { source: "door", sequence: 0, capturedAt: 0, width: 100, height: 100 };
    const { faces } = await detector.detect({ bytes: tight, frame });
    const followed = await new FaceFollower(detector, { fullEvery: 8 }).detect({ bytes: tight, frame });
    await detector.close();
    assert.deepEqual([faces, followed.faces], [[], []]);
  });

  it("that shows none has none, however it is turned", async () => {
    const bytes = await sharp({ create: { width: 300, height: 200, channels: 3, background: "#7a8c99" } })
      .jpeg()
      .toBuffer();
    const detector = finder();
    const { faces } = await detector.detect({ bytes, frame: undefined });
    await detector.close();
    assert.deepEqual(faces, []);
  });
});

describe("frames of a camera", () => {
  it("are followed: a face keeps its track, and is searched for in the whole frame", async () => {
    const detector = new FaceDetector(blazeface, blazefaceOptionsSchema.parse({ engine: "wasm" }));
    const follower = new FaceFollower(detector, { fullEvery: 8 });
    const tracks = new Set<number | undefined>();
    for (let sequence = 0; sequence < 4; sequence += 1) {
      const bytes = await sharp(await portrait("emerald"))
        .extend({ left: 20 + 4 * sequence, right: 60 - 4 * sequence, background: "#557" })
        .jpeg()
        .toBuffer();
      const frame = { source: "door", sequence, capturedAt: 1000 + 100 * sequence, width: 580, height: 500 };
      const { faces } = await follower.detect({ bytes, frame });
      assert.equal(faces.length, 1);
      tracks.add(faces[0]?.track);
    }
    await detector.close();
    assert.equal(tracks.size, 1);
    assert.ok(!tracks.has(undefined));
  });

  /** A face so many pixels wide that walks, in frames of 640 × 480, ten a second. @returns in which it was found */
  async function foundIn(width: number, options: Partial<BlazefaceOptions>): Promise<boolean[]> {
    const detector = new FaceDetector(blazeface, blazefaceOptionsSchema.parse({ engine: "wasm", ...options }));
    const follower = new FaceFollower(detector, { fullEvery: 8 });
    const photo = await portrait("emerald");
    const { faces } = await detector.detect({ bytes: photo, frame: undefined });
    const { box } = faces[0] ?? assert.fail("no face");
    const scale = width / box.width;
    const { width: whole } = await sharp(photo).metadata();
    const small = await sharp(photo)
      .resize(Math.round(whole * scale))
      .toBuffer();
    const found: boolean[] = [];
    for (let sequence = 0; sequence < 20; sequence += 1) {
      const [left, top] = [90 + 3 * sequence, 60];
      const bytes = await sharp({ create: { width: 640, height: 480, channels: 3, background: "#78807a" } })
        .composite([{ input: small, left, top }])
        .jpeg({ quality: 90 })
        .toBuffer();
      const frame = { source: "door", sequence, capturedAt: 1000 + 100 * sequence, width: 640, height: 480 };
      const here = (await follower.detect({ bytes, frame })).faces;
      found.push(
        here.some(
          (face) =>
            overlap(face.box, {
              x: left + box.x * scale,
              y: top + box.y * scale,
              width: box.width * scale,
              height: box.height * scale,
            }) > 0.4,
        ),
      );
    }
    await detector.close();
    return found;
  }

  it("show a face of 2.5 % of the width within a second, and then in every frame", async () => {
    const found = await foundIn(16, {});
    const first = found.indexOf(true);
    assert.ok(first >= 0 && first <= 10, `first in frame ${first}`);
    assert.deepEqual(
      found.slice(first).filter((each) => !each),
      [],
    );
  });

  it("are not looked at from nearer where no face that small is wanted", async () => {
    assert.ok(!(await foundIn(16, { minSize: 64 })).includes(true));
    const whole = { x: 0, y: 0, width: 640, height: 480 };
    assert.deepEqual(nearerParts(whole, { minSize: 64 }), []);
    assert.deepEqual(nearerParts({ ...whole, width: 240, height: 160 }, { minSize: 0 }), []);
  });

  it("are covered by parts that overlap by more than a face that is seen in the whole", () => {
    for (const [width, height] of [
      [640, 480],
      [1280, 720],
      [720, 1280],
      [1000, 400],
    ] as const) {
      const parts = nearerParts({ x: 0, y: 0, width, height }, { minSize: 0 });
      const side = 0.08 * Math.max(width, height);
      for (let x = 0; x + side <= width; x += side / 4)
        for (let y = 0; y + side <= height; y += side / 4)
          assert.ok(
            parts.some(
              (part) =>
                x >= part.x - 1 &&
                y >= part.y - 1 &&
                x + side <= part.x + part.width + 1 &&
                y + side <= part.y + part.height + 1,
            ),
            `${width} × ${height}: ${x}, ${y}`,
          );
    }
  });
});
