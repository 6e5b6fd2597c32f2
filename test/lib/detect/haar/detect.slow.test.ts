import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { overlap } from "../../../../lib/detect/boxes";
import type { Neighbourhood } from "../../../../lib/detect/detector";
import { FaceDetector } from "../../../../lib/detect/face-detector";
import { haar } from "../../../../lib/detect/haar/haar";
import { haarOptionsSchema, type SearchPlan, searchPlan } from "../../../../lib/detect/haar/options";
import { PRESETS } from "../../../../lib/detect/haar/presets";
import { clip } from "../../../../lib/detect/region";
import { pixelCache } from "../../../../lib/image/pixels";
import { groupPhoto, portrait } from "../../../support/photos";

type Bounds = [x: number, y: number, width: number, height: number];

/**
 * Reference boxes: OpenCV 4.6.0 (Debian 12), detectMultiScale(gray, scaleFactor, 5) on the photo scaled to 960 px by
 * nearest neighbour.
 */
const NATIVE_BOXES: [
  photo: 3 | 6,
  cascade: "frontalface_default" | "frontalface_alt2",
  scaleFactor: number,
  boxes: Bounds[],
][] = [
  [
    3,
    "frontalface_default",
    1.3,
    [
      [271, 168, 134, 134],
      [505, 107, 153, 153],
      [741, 154, 129, 129],
    ],
  ],
  [
    3,
    "frontalface_default",
    1.1,
    [
      [276, 169, 124, 124],
      [505, 105, 157, 157],
      [743, 157, 122, 122],
    ],
  ],
  [
    3,
    "frontalface_alt2",
    1.1,
    [
      [277, 169, 122, 122],
      [289, 390, 48, 48],
      [512, 110, 142, 142],
      [743, 157, 123, 123],
    ],
  ],
  [
    6,
    "frontalface_default",
    1.3,
    [
      [119, 252, 134, 134],
      [200, 72, 69, 69],
      [314, 178, 124, 124],
      [465, 241, 53, 53],
      [575, 168, 126, 126],
      [724, 140, 138, 138],
    ],
  ],
  [
    6,
    "frontalface_alt2",
    1.3,
    [
      [120, 253, 135, 135],
      [577, 170, 119, 119],
      [717, 135, 149, 149],
    ],
  ],
];

const scaled = (photo: 3 | 6): Promise<Buffer> =>
  sharp(groupPhoto(photo)).resize(960, null, { kernel: "nearest" }).png().toBuffer();

async function boxesOf(bytes: Buffer, options: object): Promise<Bounds[]> {
  const detector = new FaceDetector(haar, haarOptionsSchema.parse(options));
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
    keepAlive = new FaceDetector(haar, haarOptionsSchema.parse({}));
  });
  const others: FaceDetector[] = [];
  const keepAliveOf = (options: object): FaceDetector => {
    const detector = new FaceDetector(haar, haarOptionsSchema.parse(options));
    others.push(detector);
    return detector;
  };
  after(() => Promise.all([keepAlive, ...others].map((detector) => detector.close())));

  for (const [photo, cascade, scaleFactor, expected] of NATIVE_BOXES) {
    it(`finds the boxes of native OpenCV in photo ${photo} with ${cascade}, ${scaleFactor}`, async () => {
      assert.deepEqual(await boxesOf(await scaled(photo), { cascade, scaleFactor }), expected);
    });
  }

  it("says how many raw detections agreed, most first", async () => {
    const { faces } = await keepAlive.detect({ bytes: await scaled(3), frame: undefined });
    assert.deepEqual(
      faces.map(({ score }) => score),
      faces.map(({ score }) => score).sort((a, b) => b - a),
    );
    assert.ok(faces.every(({ score }) => score >= 5));
  });

  it("finds nothing where nobody is", async () => {
    assert.deepEqual(
      await boxesOf(
        await sharp({ create: { width: 320, height: 240, channels: 3, background: "#888" } })
          .png()
          .toBuffer(),
        {},
      ),
      [],
    );
  });

  it("leaves out faces smaller than asked for", async () => {
    assert.deepEqual(
      (await boxesOf(await scaled(6), { minSize: 100 })).every(([, , width]) => width >= 100),
      true,
    );
  });

  it("gives boxes in pixels of the picture when it works on a smaller one", async () => {
    const full = await boxesOf(await scaled(3), {});
    const small = await boxesOf(await scaled(3), { workingWidth: 480 });
    assert.equal(small.length, 3);
    small.forEach(([x, y, width], index) => {
      const [fx, fy, fwidth] = full[index] as Bounds;
      assert.ok(
        Math.abs(x + width / 2 - fx - fwidth / 2) < 15 && Math.abs(y + width / 2 - fy - fwidth / 2) < 15,
        `${x},${y},${width} is not where ${fx},${fy},${fwidth} is`,
      );
    });
  });

  it("works at the width at which the smallest face fills the window, and finds the same faces", async () => {
    const full = await boxesOf(await scaled(3), { minSize: 80 });
    const live = await boxesOf(await scaled(3), { ...PRESETS.tracking, minSize: 80 });
    assert.equal(live.length, 3);
    live.forEach(([x, y, width], index) => {
      const [fx, fy, fwidth] = full[index] as Bounds;
      assert.ok(
        Math.abs(x + width / 2 - fx - fwidth / 2) < 15 && Math.abs(y + width / 2 - fy - fwidth / 2) < 15,
        `${x},${y},${width} is not where ${fx},${fy},${fwidth} is`,
      );
    });
  });

  it("searches only in the region", async () => {
    const found = await boxesOf(await scaled(3), { region: { x: 450, y: 50, width: 250, height: 260 } });
    assert.equal(found.length, 1);
    assert.ok(Math.abs((found[0] as Bounds)[0] - 505) < 20);
  });

  for (const [width, height, options] of [
    [8000, 6000, {}],
    [6000, 8000, { cascade: "frontalface_alt2" }],
    [20_000, 500, { scaleFactor: 1.05 }],
    [500, 20_000, {}],
    [65_000, 984, {}],
    [3000, 2000, { scaleFactor: 1.01, minSize: 300, maxSize: 1200 }],
    [300_000, 100, {}],
  ] as const) {
    it(
      `finds the face in a picture of ${width} × ${height} pixels, which OpenCV cannot hold, where it is ` +
        `(${JSON.stringify(options)})`,
      async () => {
        // One large enough to be found in what is left of it.
        const side = Math.min(width, height, 1600) - 2;
        const [left, top] = [Math.floor((width - side) / 3), Math.floor((height - side) / 2)];
        const face = await sharp(await portrait("green"))
          .resize(side, side)
          .toBuffer();
        const photo = await sharp({ create: { width, height, channels: 3, background: "#889" } })
          .composite([{ input: face, left, top }])
          .png({ compressionLevel: 1 })
          .toBuffer();
        const { faces, ...size } = await keepAliveOf(options).detect({ bytes: photo, frame: undefined });
        assert.deepEqual([size.width, size.height], [width, height]);
        // In the portrait, of 480 pixels, it is at 107, 133 and 254 wide.
        const expected = {
          x: left + (107 * side) / 480,
          y: top + (133 * side) / 480,
          width: (254 * side) / 480,
          height: (254 * side) / 480,
        };
        assert.ok(
          faces.some(({ box }) => overlap(box, expected) > 0.6),
          `${JSON.stringify(faces.map(({ box }) => box))} are not where ${JSON.stringify(expected)} is`,
        );
        // And the photos after it as ever.
        assert.deepEqual(await boxesOf(await scaled(3), { scaleFactor: 1.3 }), NATIVE_BOXES[0]?.[3]);
      },
    );
  }

  it("finds nothing, and breaks nothing, in pictures too small or thin for a face", async () => {
    for (const [width, height] of [
      [1, 1],
      [23, 23],
      [100_000, 1],
      [1, 60_000],
      [3_000_000, 20],
    ] as const) {
      const bytes = await sharp({ create: { width, height, channels: 3, background: "#888" } })
        .png()
        .toBuffer();
      assert.deepEqual((await keepAlive.detect({ bytes, frame: undefined })).faces, [], `${width} × ${height}`);
    }
  });

  it("decodes a frame once for all stages", async () => {
    const bytes = await scaled(3);
    await keepAlive.detect({ bytes, frame: undefined });
    // A clone of the Buffer, as Node-RED makes it, shares its pixels; they are taken once.
    const pixels = pixelCache.take(bytes.subarray(0));
    assert.deepEqual([pixels?.width, pixels?.height, pixels?.data.length], [960, 675, 960 * 675 * 3]);
    assert.equal(pixelCache.take(bytes), undefined);
  });

  it("leaves a camera's pixels behind once nobody takes them, until somebody does; a photo's ride on", async () => {
    const photo = await scaled(3);
    const detect = async (source: string | undefined, sequence: number): Promise<Buffer> => {
      const bytes = Buffer.from(Uint8Array.from(photo).buffer);
      await keepAlive.detect({
        bytes,
        frame: source === undefined ? undefined : { source, sequence, capturedAt: sequence, width: 960, height: 675 },
      });
      return bytes;
    };
    const followed = [];
    for (let sequence = 1; sequence <= 5; sequence += 1) followed.push(await detect("porch", sequence));
    assert.equal((await detect("garden", 1)) && pixelCache.wanted("garden"), true);
    assert.deepEqual(
      followed.slice(2).map((bytes) => pixelCache.take(bytes)?.width),
      [960, undefined, undefined],
    );
    assert.equal(pixelCache.take(await detect("porch", 6))?.width, 960);
    for (let photos = 0; photos < 5; photos += 1)
      assert.equal(pixelCache.wanted(undefined) && pixelCache.take(await detect(undefined, 0))?.width, 960);
  });

  it("names a cascade file that is missing, and one that is no cascade", async () => {
    await assert.rejects(
      boxesOf(await scaled(3), { cascade: "/nowhere/cascade.xml" }),
      /\/nowhere\/cascade\.xml cannot be read \(ENOENT\)/,
    );
    const folder = mkdtempSync(join(tmpdir(), "cascade-"));
    const file = (content: string | Buffer): string => {
      const path = join(folder, `${readdirSync(folder).length}.xml`);
      writeFileSync(path, content);
      return path;
    };
    const real = readFileSync(join(__dirname, "../../../../assets/cascades/haarcascade_frontalface_alt2.xml"));
    const window = "<height>24</height><width>24</width>";
    const odd = [
      "",
      "hello",
      "<opencv_storage></opencv_storage>",
      `<opencv_storage><cascade>${window}</cascade></opencv_storage>`,
      real.subarray(0, 100_000),
      Buffer.concat([real.subarray(0, 50_000), real.subarray(-20_000)]),
      real.toString().replace(/<width>\d+/, "<width>0"),
    ];
    const photo = await scaled(3);
    for (const content of odd)
      await assert.rejects(
        boxesOf(photo, { cascade: file(content) }),
        /^Error: the file \S+\.xml is not an OpenCV cascade: choose a built-in one/,
      );
    assert.equal((await boxesOf(photo, { cascade: file(real) })).length, 4);
  });
});

describe("searchPlan", () => {
  it("refuses a region outside the picture", () => {
    assert.throws(
      () =>
        searchPlan(
          { width: 640, height: 480 },
          haarOptionsSchema.parse({ region: { x: 700, y: 0, width: 10, height: 10 } }),
        ),
      /region of interest lies outside the picture \(640 × 480\)/,
    );
  });

  it("takes the working width from the smallest face asked for, and from the face that is followed", () => {
    const picture = { width: 1280, height: 720 };
    const auto = (minSize: number, near?: Neighbourhood): SearchPlan | undefined =>
      searchPlan(picture, haarOptionsSchema.parse({ workingWidth: "auto", minSize }), near);
    const plan = auto(80);
    assert.deepEqual([plan?.scale, plan?.minSize], [0.375, 30]);
    // Nobody said how small a face may be; or smaller than the window.
    assert.deepEqual([auto(0)?.scale, auto(20)?.scale], [1, 1]);
    const near = auto(80, {
      sure: true,
      region: { x: 100, y: 100, width: 400, height: 400 },
      minSize: 150,
      maxSize: 250,
    });
    assert.deepEqual(
      [near?.scale, near?.minSize, near?.maxSize, near?.toFrame({ x: 20, y: 10, width: 40, height: 40 })],
      [0.2, 30, 50, { x: 200, y: 150, width: 200, height: 200 }],
    );
  });

  it("searches a photo of a usual size as it is, and scales down what OpenCV WASM could not hold", () => {
    const scaleOf = (width: number, height: number, options: object = {}): number | undefined =>
      searchPlan({ width, height }, haarOptionsSchema.parse(options))?.scale;
    for (const [width, height] of [
      [640, 480],
      [1920, 1080],
      [3840, 2160],
      [4032, 3024],
      [3024, 4032],
    ] as const)
      assert.deepEqual([scaleOf(width, height), scaleOf(width, height, { scaleFactor: 1.3 })], [1, 1]);
    assert.equal(scaleOf(1280, 720, { scaleFactor: 1.01 }), 1);
    for (const [width, height, options] of [
      [8000, 6000, {}],
      [8000, 8000, { scaleFactor: 3 }],
      [65_000, 984, {}],
      [984, 65_000, {}],
      [4000, 3000, { scaleFactor: 1.01 }],
      [8000, 6000, { minSize: 30 }],
    ] as const) {
      const plan = searchPlan({ width, height }, haarOptionsSchema.parse(options));
      assert.ok(plan !== undefined && plan.buffer.width * plan.buffer.height * 8 <= 740e6, JSON.stringify(plan));
      assert.ok(plan.scale < 1 || "scaleFactor" in options, JSON.stringify(plan));
    }
    // Only large faces are asked for, so that the sizes searched are small.
    assert.equal(scaleOf(8000, 6000, { minSize: 200 }), 1);
  });

  it("cuts a box at the border", () => {
    assert.deepEqual(clip({ x: -10, y: 5, width: 30, height: 500 }, { width: 100, height: 100 }), {
      x: 0,
      y: 5,
      width: 20,
      height: 95,
    });
    assert.equal(clip({ x: 100, y: 5, width: 30, height: 50 }, { width: 100, height: 100 }), undefined);
  });
});
