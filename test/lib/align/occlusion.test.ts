import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { blazeface } from "../../../lib/detect/blazeface/blazeface";
import { FaceDetector } from "../../../lib/detect/face-detector";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { createEncoder } from "../../../lib/enrol/encoder";
import { judgePhoto } from "../../../lib/enrol/judge";
import type { Face, Point } from "../../../lib/message";
import { findModel } from "../../../lib/models/find-model";
import { darkGlasses, drawnOn, mask } from "../../support/covered";
import { portrait, PORTRAITS } from "../../support/photos";

const NAMES = Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[];
describe("a face that is found and cannot be judged", () => {
  const detector = new FaceDetector(blazeface, blazeface.schema.parse({}));
  let embedder: FaceEmbedder;
  const seen = new Map<string, { bytes: Buffer; landmarks: Point[] }>();
  const look = async (bytes: Buffer): Promise<Face[]> => {
    const picture = { bytes, frame: undefined };
    return (await embedder.embed(picture, (await detector.detect(picture)).faces)).faces;
  };
  const drawn = (name: string, draw: (landmarks: readonly Point[]) => string): Promise<Buffer> => {
    const { bytes, landmarks } = seen.get(name) as { bytes: Buffer; landmarks: Point[] };
    return drawnOn(bytes, draw(landmarks));
  };
  before(async () => {
    embedder = new FaceEmbedder(await findModel(""), embedderOptionsSchema.parse({}));
    for (const name of NAMES) {
      const bytes = await portrait(name);
      const face = (await look(bytes)).find(({ embedding }) => embedding !== undefined);
      seen.set(name, { bytes, landmarks: face?.landmarks ?? [] });
    }
  });
  after(() => Promise.all([detector.close(), embedder.close()]));

  it("is none of the portraits, large or small", async () => {
    for (const name of NAMES) {
      const { bytes } = seen.get(name) as { bytes: Buffer };
      for (const width of [480, 240, 120]) {
        const faces = await look(await sharp(bytes).resize(width).jpeg({ quality: 92 }).toBuffer());
        assert.ok(
          faces.some(({ embedding }) => embedding !== undefined),
          `${name}, ${width}: ${faces.map(({ rejected }) => rejected).join()}`,
        );
      }
    }
  });

  for (const [what, colour] of [
    ["a blue mask", "#8fb8dd"],
    ["a white mask", "#f2f2f2"],
    ["a black mask", "#151515"],
  ] as const)
    it(`is occluded under ${what}`, async () => {
      for (const name of NAMES) {
        const faces = await look(await drawn(name, mask(colour)));
        assert.ok(
          faces.every(({ embedding }) => embedding === undefined),
          name,
        );
        assert.ok(
          faces.some(({ rejected }) => rejected === "occluded"),
          `${name}: ${faces.map(({ rejected }) => rejected).join()}`,
        );
      }
    });

  it("is occluded behind dark glasses, most of the time", async () => {
    const covered = await Promise.all(
      NAMES.map(async (name) =>
        (await look(await drawn(name, darkGlasses))).some(({ rejected }) => rejected === "occluded"),
      ),
    );
    assert.ok(covered.filter(Boolean).length >= 3, covered.join());
  });

  it("is too dark at night, and not in dim light", async () => {
    for (const [light, expected] of [
      [0.3, undefined],
      [0.04, "too_dark"],
    ] as const) {
      const { bytes } = seen.get("green") as { bytes: Buffer };
      const [{ box, points } = {}] = (await detector.detect({ bytes, frame: undefined })).faces;
      const dark = await sharp(bytes).linear(light, 0).jpeg({ quality: 92 }).toBuffer();
      const { faces } = await embedder.embed({ bytes: dark, frame: undefined }, [
        { box: box as Face["box"], points, score: 1 },
      ]);
      assert.equal(faces[0]?.rejected, expected, `${light}`);
    }
  });

  it("is refused by enrolment with its reason, and stays what it was in a photo that is kept", async () => {
    const encoder = await createEncoder({ detector: "blazeface" });
    try {
      const masked = await drawn("green", mask("#8fb8dd"));
      const judged = judgePhoto({
        faces: await encoder.encode(masked),
        own: [],
        nearestOther: null,
        threshold: encoder.threshold,
        accept: [],
      });
      assert.match(judged.findings[0]?.message ?? "", /covered: take one without a mask/);
      const glasses = await drawn("green", darkGlasses);
      const usable = async (kept: boolean): Promise<number> =>
        (await encoder.encode(glasses, kept)).filter(({ embedding }) => embedding !== undefined).length;
      assert.deepEqual([await usable(false), await usable(true)], [0, 1]);
    } finally {
      await encoder.close();
    }
  });
});
