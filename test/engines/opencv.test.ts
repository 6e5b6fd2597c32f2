import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FaceDetector } from "../../lib/detect/detector";
import { nativeInstalled } from "../../lib/detect/native";
import { detectorOptionsSchema } from "../../lib/detect/options";
import type { Face } from "../../lib/message";
import { groupPhoto } from "../support/photos";

const SKIP = nativeInstalled() ? false : "@u4/opencv4nodejs is not installed: npm run test:engines opencv";

const SETTINGS = [
  {},
  { scaleFactor: 1.3 },
  { cascade: "frontalface_alt2" },
  { cascade: "profileface", minNeighbors: 3 },
  { workingWidth: 640, minNeighbors: 3 },
  { workingWidth: "auto", minSize: 80, maxSize: 400 },
  { region: { x: 200, y: 100, width: 1200, height: 700 }, minNeighbors: 2 },
] as const;
const PHOTOS = [1, 2, 3, 4, 5, 6] as const;

async function facesOf(bytes: Buffer, options: object): Promise<Face[]> {
  const detector = new FaceDetector(detectorOptionsSchema.parse(options));
  try {
    return (await detector.detect({ bytes, frame: undefined })).faces;
  } finally {
    await detector.close();
  }
}

describe("native OpenCV", { skip: SKIP }, () => {
  for (const settings of SETTINGS) {
    it(`finds the boxes and scores that OpenCV WASM finds, with ${JSON.stringify(settings)}`, async () => {
      for (const photo of PHOTOS) {
        const bytes = groupPhoto(photo);
        assert.deepEqual(await facesOf(bytes, { ...settings, engine: "native" }), await facesOf(bytes, { ...settings, engine: "wasm" }), `photo ${photo}`);
      }
    });
  }
});
