/** Faces that are blurred, on real photos. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { createEncoder, type FaceEncoder } from "../../../lib/enrol/encoder";
import { euclideanDistance } from "../../../lib/embed/distance";
import { annotate } from "../../../lib/image/annotate";
import { areaOf, hidesBy } from "../../../lib/image/hide";
import type { Box, Face, Identity } from "../../../lib/message";
import { groupPhoto, portrait, PORTRAITS } from "../../support/photos";
import { processorTime } from "../../support/processor-time";

const WORDS = { unknown: "stranger", ambiguous: "not sure", occluded: "covered", too_dark: "too dark" };
const known = (identity: Partial<Identity>): Identity => ({
  outcome: "match",
  name: "Ada",
  person: "p1",
  groups: [],
  distance: 0.4,
  threshold: 0.58,
  margin: null,
  candidates: [],
  reason: "below_threshold",
  ...identity,
});
const stranger = known({ outcome: "unknown", name: null, person: null, reason: "above_threshold" });

interface Pixels {
  data: Buffer;
  width: number;
  height: number;
}

async function pixelsOf(jpeg: Buffer): Promise<Pixels> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Whether two pictures of one size are the same in each pixel that is outside the boxes. */
function sameOutside(one: Pixels, other: Pixels, boxes: readonly Box[]): boolean {
  const inside = (x: number, y: number): boolean =>
    boxes.some((box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height);
  for (let y = 0; y < one.height; y += 1)
    for (let x = 0; x < one.width; x += 1) {
      const at = (y * one.width + x) * 3;
      if (one.data.compare(other.data, at, at + 3, at, at + 3) !== 0 && !inside(x, y)) return false;
    }
  return true;
}

/** What changes with a JPEG's block, where colours are kept by half: 16 pixels. */
const BLOCK = 16;
const withBlocks = ({ x, y, width, height }: Box): Box => ({
  x: x - BLOCK,
  y: y - BLOCK,
  width: width + 2 * BLOCK,
  height: height + 2 * BLOCK,
});

describe("a hidden face", () => {
  let encoder: FaceEncoder;
  before(async () => {
    encoder = await createEncoder({});
    await encoder.warmUp();
  });
  after(() => encoder.close());

  for (const name of Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[])
    it(`of ${name} is nobody's any more: not found, or farther than τ from their photo, at any size`, async () => {
      for (const width of [480, 160]) {
        const bytes = await sharp(await portrait(name))
          .resize(width)
          .jpeg({ quality: 92 })
          .toBuffer();
        const [face] = await encoder.encode(bytes, true);
        assert.ok(face?.embedding !== undefined, `${name} is found before`);
        const hidden = { ...face, identity: stranger };
        const { jpeg } = await annotate({ bytes, frame: undefined }, [hidden], {
          words: WORDS,
          quality: 95,
          hides: hidesBy("unknown", []),
        });
        const shown = await annotate({ bytes, frame: undefined }, [hidden], { words: WORDS, quality: 95 });
        // Embedded anew at the very place, with the landmarks of before and with those that are found there now.
        const bare: Face = { box: face.box, score: face.score, points: face.points };
        const distances = async (picture: Buffer): Promise<number[]> => {
          const again = await encoder.embedAnew({ bytes: picture, frame: undefined }, [bare]);
          const found = [...again, ...(await encoder.encode(picture, true))];
          return found.flatMap(({ embedding }) =>
            embedding === undefined ? [] : [euclideanDistance(embedding, face.embedding as Float32Array)],
          );
        };
        const seen = await distances(shown.jpeg);
        assert.ok(Math.min(...seen) < encoder.threshold, `${name} is known where nothing is hidden: ${seen.join()}`);
        const now = await distances(jpeg);
        assert.ok(Math.min(Infinity, ...now) > encoder.threshold, `${name}, ${width} px: ${now.join()}`);
      }
    });

  it("among others leaves every pixel outside as it is, and theirs in which they are recognized", async () => {
    const bytes = groupPhoto(6);
    const faces = (await encoder.encode(bytes, true)).filter(({ embedding }) => embedding !== undefined);
    assert.ok(faces.length >= 4);
    const judged = faces.map((face, index): Face => ({ ...face, identity: index === 0 ? known({}) : stranger }));
    const options = { words: WORDS, quality: 95 };
    const shown = await annotate({ bytes, frame: undefined }, judged, options);
    const blurred = await annotate({ bytes, frame: undefined }, judged, { ...options, hides: hidesBy("unknown", []) });
    const [one, other] = await Promise.all([pixelsOf(shown.jpeg), pixelsOf(blurred.jpeg)]);
    const areas = judged.slice(1).map((face) => areaOf(face, one));
    assert.ok(sameOutside(one, other, areas.map(withBlocks)));
    assert.ok(!sameOutside(one, other, areas.slice(1).map(withBlocks)), "each is hidden");
    const nearest = async (picture: Buffer): Promise<number[]> => {
      const found = (await encoder.encode(picture, true)).flatMap(({ embedding }) => embedding ?? []);
      return faces.map(({ embedding }) =>
        Math.min(Infinity, ...found.map((each) => euclideanDistance(each, embedding as Float32Array))),
      );
    };
    const [first = Infinity, ...rest] = await nearest(blurred.jpeg);
    assert.ok(first < encoder.threshold, `the first is still known: ${first}`);
    assert.ok(Math.min(...rest) > encoder.threshold, `nobody else is: ${rest.join()}`);
  });

  it("does not leave in the preview that a phone put into its photo, or turned aside", async () => {
    const upright = await portrait("green");
    const bytes = await sharp(upright).rotate(90).withMetadata({ orientation: 8 }).jpeg({ quality: 92 }).toBuffer();
    const [face] = await encoder.encode(upright, true);
    const options = { words: WORDS, quality: 92, hides: hidesBy("unknown", []) };
    const { jpeg } = await annotate({ bytes, frame: undefined }, [{ ...(face as Face), identity: stranger }], options);
    assert.equal((await sharp(jpeg).metadata()).exif, undefined);
    const near = (await encoder.encode(jpeg, true)).flatMap(({ embedding }) =>
      embedding === undefined ? [] : [euclideanDistance(embedding, face?.embedding as Float32Array)],
    );
    assert.ok(Math.min(Infinity, ...near) > encoder.threshold, near.join());
  });

  it("is covered with its hair and chin, and wherever its landmarks lie", () => {
    const box = { x: 100, y: 100, width: 100, height: 100 };
    const picture = { width: 640, height: 480 };
    assert.deepEqual(areaOf({ box, score: 1 }, picture), { x: 70, y: 70, width: 160, height: 160 });
    const landmarks = [
      { x: 60.5, y: 120 },
      { x: 150, y: 250.2 },
    ];
    assert.deepEqual(areaOf({ box, score: 1, landmarks }, picture), { x: 60, y: 70, width: 170, height: 181 });
  });

  it("may lie at an edge, outside, be a dot or larger than the picture", async () => {
    const bytes = await portrait("front");
    for (const box of [
      { x: -50, y: -50, width: 100, height: 100 },
      { x: 440, y: 440, width: 100, height: 100 },
      { x: 5000, y: 10, width: 10, height: 10 },
      { x: 30.4, y: 30.4, width: 0.2, height: 0.2 },
      { x: 30, y: 30, width: 0, height: 0 },
      { x: -1e300, y: -1e300, width: 2e300, height: 2e300 },
    ]) {
      const options = { words: WORDS, quality: 85, hides: (): boolean => true };
      const { width, height } = await annotate({ bytes, frame: undefined }, [{ box, score: 1 }], options);
      assert.deepEqual([width, height], [460, 460], JSON.stringify(box));
    }
  });

  it("is drawn in seconds where there are a thousand as large as the picture", async () => {
    const bytes = groupPhoto(6);
    const faces = Array.from({ length: 1000 }, (): Face => ({
      box: { x: 0, y: 0, width: 1920, height: 1280 },
      score: 1,
    }));
    const spent = processorTime();
    await annotate({ bytes, frame: undefined }, faces, { words: WORDS, quality: 85, hides: () => true });
    assert.ok(spent() < 20_000);
  });
});

describe("who is hidden", () => {
  const face = (identity?: Partial<Identity>): Face => ({
    box: { x: 0, y: 0, width: 1, height: 1 },
    score: 1,
    identity: identity && known(identity),
  });
  const nobody = { name: null, person: null };

  it("is nobody where nothing is to be blurred", () => {
    assert.equal(hidesBy("none", [])(face()), false);
  });

  it("is everybody who is no match: strangers, the ambiguous, the denied, what was not judged or is no face", () => {
    const hides = hidesBy("unknown", ["Ada"]);
    assert.equal(hides(face({})), false);
    for (const outcome of ["unknown", "ambiguous", "noface"] as const)
      assert.equal(hides(face({ outcome, ...nobody })), true, outcome);
    assert.equal(hides(face({ outcome: "denied" })), true);
    assert.equal(hides(face()), true);
    // What an earlier frame said of somebody is no match of theirs either.
    assert.equal(hides({ ...face({ outcome: "unknown", ...nobody }), carriedAgeMs: 40 }), true);
  });

  it("is everybody but those chosen by name or id, however their name is written down; all where none is", () => {
    const hides = hidesBy("others", ["Zoe\u0308", "p7"]);
    assert.equal(hides(face({ name: "Zo\u00eb" })), false);
    assert.equal(hides(face({ name: "Bob", person: "p7" })), false);
    assert.equal(hides(face({ name: "Bob", person: "p8" })), true);
    assert.equal(hides(face({ outcome: "unknown", ...nobody })), true);
    assert.equal(hides(face()), true);
    assert.equal(hidesBy("others", [])(face({})), true);
  });
});
