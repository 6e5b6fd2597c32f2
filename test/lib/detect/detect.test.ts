import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { FaceDetector } from "../../../lib/detect/detector";
import { nativeInstalled } from "../../../lib/detect/native";
import { clip, detectorOptionsSchema, type Near, PRESET_LIVE, type SearchPlan, searchPlan } from "../../../lib/detect/options";
import { pixelCache } from "../../../lib/image/pixels";
import { groupPhoto } from "../../support/photos";

type Bounds = [x: number, y: number, width: number, height: number];

/** Reference boxes: OpenCV 4.6.0 (Debian 12), detectMultiScale(gray, scaleFactor, 5) on the photo scaled to 960 px by nearest neighbour. */
const NATIVE_BOXES: [photo: 3 | 6, cascade: "frontalface_default" | "frontalface_alt2", scaleFactor: number, boxes: Bounds[]][] = [
  [3, "frontalface_default", 1.3, [[271, 168, 134, 134], [505, 107, 153, 153], [741, 154, 129, 129]]],
  [3, "frontalface_default", 1.1, [[276, 169, 124, 124], [505, 105, 157, 157], [743, 157, 122, 122]]],
  [3, "frontalface_alt2", 1.1, [[277, 169, 122, 122], [289, 390, 48, 48], [512, 110, 142, 142], [743, 157, 123, 123]]],
  [6, "frontalface_default", 1.3, [[119, 252, 134, 134], [200, 72, 69, 69], [314, 178, 124, 124], [465, 241, 53, 53], [575, 168, 126, 126], [724, 140, 138, 138]]],
  [6, "frontalface_alt2", 1.3, [[120, 253, 135, 135], [577, 170, 119, 119], [717, 135, 149, 149]]],
];

const scaled = (photo: 3 | 6): Promise<Buffer> => sharp(groupPhoto(photo)).resize(960, null, { kernel: "nearest" }).png().toBuffer();

async function boxesOf(bytes: Buffer, options: object): Promise<Bounds[]> {
  const detector = new FaceDetector(detectorOptionsSchema.parse(options));
  try {
    const { faces } = await detector.detect({ bytes, frame: undefined });
    return faces.map(({ box }): Bounds => [box.x, box.y, box.width, box.height]).sort((a, b) => a[0] - b[0]);
  } finally {
    await detector.close();
  }
}

describe("FaceDetector", () => {
  let keepAlive: FaceDetector;
  before(() => {
    keepAlive = new FaceDetector(detectorOptionsSchema.parse({}));
  });
  after(() => keepAlive.close());

  for (const [photo, cascade, scaleFactor, expected] of NATIVE_BOXES) {
    it(`finds the boxes of native OpenCV in photo ${photo} with ${cascade}, ${scaleFactor}`, async () => {
      assert.deepEqual(await boxesOf(await scaled(photo), { cascade, scaleFactor }), expected);
    });
  }

  it("finds the same boxes with the native engine", { skip: nativeInstalled() ? false : "@u4/opencv4nodejs is not installed (an optional engine)" }, async () => {
    const photo = await scaled(6);
    assert.deepEqual(await boxesOf(photo, { engine: "native" }), await boxesOf(photo, { engine: "wasm" }));
  });

  it("says how many raw detections agreed, most first", async () => {
    const { faces } = await keepAlive.detect({ bytes: await scaled(3), frame: undefined });
    assert.deepEqual(faces.map(({ score }) => score), faces.map(({ score }) => score).sort((a, b) => b - a));
    assert.ok(faces.every(({ score }) => score >= 5));
  });

  it("finds nothing where nobody is", async () => {
    assert.deepEqual(await boxesOf(await sharp({ create: { width: 320, height: 240, channels: 3, background: "#888" } }).png().toBuffer(), {}), []);
  });

  it("leaves out faces smaller than asked for", async () => {
    assert.deepEqual((await boxesOf(await scaled(6), { minSize: 100 })).every(([, , width]) => width >= 100), true);
  });

  it("gives boxes in pixels of the picture when it works on a smaller one", async () => {
    const full = await boxesOf(await scaled(3), {});
    const small = await boxesOf(await scaled(3), { workingWidth: 480 });
    assert.equal(small.length, 3);
    small.forEach(([x, y, width], index) => {
      const [fx, fy, fwidth] = full[index] as Bounds;
      assert.ok(Math.abs(x + width / 2 - fx - fwidth / 2) < 15 && Math.abs(y + width / 2 - fy - fwidth / 2) < 15, `${x},${y},${width} is not where ${fx},${fy},${fwidth} is`);
    });
  });

  it("works at the width at which the smallest face fills the window, and finds the same faces", async () => {
    const full = await boxesOf(await scaled(3), { minSize: 80 });
    const live = await boxesOf(await scaled(3), { ...PRESET_LIVE, minSize: 80 });
    assert.equal(live.length, 3);
    live.forEach(([x, y, width], index) => {
      const [fx, fy, fwidth] = full[index] as Bounds;
      assert.ok(Math.abs(x + width / 2 - fx - fwidth / 2) < 15 && Math.abs(y + width / 2 - fy - fwidth / 2) < 15, `${x},${y},${width} is not where ${fx},${fy},${fwidth} is`);
    });
  });

  it("searches only in the region", async () => {
    const found = await boxesOf(await scaled(3), { region: { x: 450, y: 50, width: 250, height: 260 } });
    assert.equal(found.length, 1);
    assert.ok(Math.abs((found[0] as Bounds)[0] - 505) < 20);
  });

  it("decodes a frame once for all stages", async () => {
    const bytes = await scaled(3);
    await keepAlive.detect({ bytes, frame: undefined });
    // A clone of the Buffer, as Node-RED makes it, shares its pixels; they are taken once.
    const pixels = pixelCache.take(bytes.subarray(0));
    assert.deepEqual([pixels?.width, pixels?.height, pixels?.data.length], [960, 675, 960 * 675 * 3]);
    assert.equal(pixelCache.take(bytes), undefined);
  });

  it("leaves a camera's pixels behind once nobody comes for them, until somebody does; a photo's ride on", async () => {
    const photo = await scaled(3);
    const detect = async (source: string | undefined, sequence: number): Promise<Buffer> => {
      const bytes = Buffer.from(Uint8Array.from(photo).buffer);
      await keepAlive.detect({ bytes, frame: source === undefined ? undefined : { source, sequence, capturedAt: sequence, width: 960, height: 675 } });
      return bytes;
    };
    const followed = [];
    for (let sequence = 1; sequence <= 5; sequence += 1) followed.push(await detect("porch", sequence));
    assert.equal((await detect("garden", 1)) && pixelCache.wanted("garden"), true);
    assert.deepEqual(followed.slice(2).map((bytes) => pixelCache.take(bytes)?.width), [960, undefined, undefined]);
    assert.equal(pixelCache.take(await detect("porch", 6))?.width, 960);
    for (let photos = 0; photos < 5; photos += 1) assert.equal(pixelCache.wanted(undefined) && pixelCache.take(await detect(undefined, 0))?.width, 960);
  });

  it("names a cascade file that is missing, and one that is no cascade", async () => {
    await assert.rejects(boxesOf(await scaled(3), { cascade: "/nowhere/cascade.xml" }), /\/nowhere\/cascade\.xml cannot be read \(ENOENT\)/);
    await assert.rejects(boxesOf(await scaled(3), { engine: "native", cascade: "frontalface_default" }), nativeInstalled() ? /./ : /@u4\/opencv4nodejs is not installed: run "npm install/);
  });
});

describe("searchPlan", () => {
  it("refuses a region outside the picture", () => {
    assert.throws(() => searchPlan({ width: 640, height: 480 }, detectorOptionsSchema.parse({ region: { x: 700, y: 0, width: 10, height: 10 } })), /region of interest lies outside the picture \(640 × 480\)/);
  });

  it("takes the working width from the smallest face asked for, and from the face that is followed", () => {
    const picture = { width: 1280, height: 720 };
    const auto = (minSize: number, near?: Near): SearchPlan | undefined => searchPlan(picture, detectorOptionsSchema.parse({ workingWidth: "auto", minSize }), near);
    const plan = auto(80);
    assert.deepEqual([plan?.scale, plan?.minSize], [0.375, 30]);
    // Nobody said how small a face may be; or smaller than the window.
    assert.deepEqual([auto(0)?.scale, auto(20)?.scale], [1, 1]);
    const near = auto(80, { sure: true, region: { x: 100, y: 100, width: 400, height: 400 }, minSize: 150, maxSize: 250 });
    assert.deepEqual([near?.scale, near?.minSize, near?.maxSize, near?.toFrame({ x: 20, y: 10, width: 40, height: 40 })], [0.2, 30, 50, { x: 200, y: 150, width: 200, height: 200 }]);
  });

  it("cuts a box at the border", () => {
    assert.deepEqual(clip({ x: -10, y: 5, width: 30, height: 500 }, { width: 100, height: 100 }), { x: 0, y: 5, width: 20, height: 95 });
    assert.equal(clip({ x: 100, y: 5, width: 30, height: 50 }, { width: 100, height: 100 }), undefined);
  });
});
