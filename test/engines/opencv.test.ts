import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import sharp from "sharp";
import { FaceDetector } from "../../lib/detect/face-detector";
import { haar } from "../../lib/detect/haar/haar";
import { nativeInstalled } from "../../lib/detect/haar/native";
import { haarOptionsSchema } from "../../lib/detect/haar/options";
import type { Face } from "../../lib/message";
import { groupPhoto } from "../support/photos";

const SKIP = nativeInstalled() ? false : "@u4/opencv4nodejs is not installed: npm run test:engines opencv";

const SETTINGS = [
  {},
  { scaleFactor: 1.3 },
  { cascade: "frontalface_alt2" },
  { cascade: "profileface", minNeighbors: 3 },
  { workingWidth: 640, minNeighbors: 3 },
  { workingWidth: "auto", minSize: 60, maxSize: 200 },
  { region: { x: 100, y: 50, width: 600, height: 350 }, minNeighbors: 2 },
] as const;
const PHOTOS = [1, 2, 3, 4, 5, 6] as const;

const scaled = (photo: (typeof PHOTOS)[number]): Promise<Buffer> =>
  sharp(groupPhoto(photo)).resize(960).png().toBuffer();

describe("native OpenCV", { skip: SKIP }, () => {
  const open: FaceDetector[] = [];
  after(() => Promise.all(open.map((detector) => detector.close())));

  const detectorFor = (options: object): FaceDetector => {
    const detector = new FaceDetector(haar, haarOptionsSchema.parse(options));
    open.push(detector);
    return detector;
  };
  const facesOf = async (detector: FaceDetector, bytes: Buffer): Promise<Face[]> =>
    (await detector.detect({ bytes, frame: undefined })).faces;

  for (const settings of SETTINGS) {
    it(`finds the boxes and scores that OpenCV WASM finds, with ${JSON.stringify(settings)}`, async () => {
      const [native, wasm] = [
        detectorFor({ ...settings, engine: "native" }),
        detectorFor({ ...settings, engine: "wasm" }),
      ];
      let faces = 0;
      for (const photo of PHOTOS) {
        const bytes = await scaled(photo);
        const expected = await facesOf(wasm, bytes);
        assert.deepEqual(await facesOf(native, bytes), expected, `photo ${photo}`);
        faces += expected.length;
      }
      assert.ok(faces >= 6, `only ${faces} faces in all photos`);
    });
  }
});
