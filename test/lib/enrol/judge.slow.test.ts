import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { createEncoder, type FaceEncoder } from "../../../lib/enrol/encoder";
import {
  type FindingCode,
  forEnrolment,
  type JudgeInput,
  judgePhoto,
  MAX_EXPOSURE,
  MAX_PITCH,
  MAX_YAW,
  MIN_BLUR,
  MIN_EXPOSURE,
  MIN_SIZE,
} from "../../../lib/enrol/judge";
import type { Face, Quality } from "../../../lib/message";
import { groupPhoto, portrait, PORTRAITS } from "../../support/photos";

const GOOD: Quality = {
  size: MIN_SIZE,
  blur: MIN_BLUR,
  exposure: 120,
  pose: { yaw: MAX_YAW, pitch: -MAX_PITCH, roll: 90 },
  weight: 0.1,
};
const THRESHOLD = 0.5;

const at = (...values: number[]): Float32Array => Float32Array.from(values);
const face = (quality: Partial<Quality> = {}, embedding = at(0, 0)): Face => ({
  box: { x: 0, y: 0, width: 9, height: 9 },
  score: 5,
  quality: { ...GOOD, ...quality },
  embedding,
});
const judge = (input: Partial<JudgeInput>) =>
  judgePhoto({ faces: [face()], own: [], nearestOther: null, threshold: THRESHOLD, accept: [], ...input });
const codes = (input: Partial<JudgeInput>): FindingCode[] => judge(input).findings.map(({ code }) => code);

describe("judgePhoto", () => {
  it("keeps a face that is just good enough", () => {
    const good = face();
    assert.deepEqual(judge({ faces: [good] }), { face: good, findings: [], accepted: [], verdict: "keep" });
  });

  it("says which try found the face of a photo in which at first there was none", () => {
    assert.equal(judge({ faces: [{ ...face(), foundBy: "margin" }] }).foundBy, "margin");
    assert.equal("foundBy" in judge({ faces: [face()] }), false);
  });

  it("names each fault of a face", () => {
    const faults: [FindingCode, Partial<Quality>][] = [
      ["too_small", { size: MIN_SIZE - 1 }],
      ["blurry", { blur: MIN_BLUR - 0.1 }],
      ["turned_away", { pose: { yaw: -MAX_YAW - 1, pitch: 0, roll: 0 } }],
      ["turned_away", { pose: { yaw: 0, pitch: MAX_PITCH + 1, roll: 0 } }],
      ["too_dark", { exposure: MIN_EXPOSURE - 1 }],
      ["too_bright", { exposure: MAX_EXPOSURE + 1 }],
      ["blurry", { blur: NaN }],
    ];
    for (const [code, quality] of faults) {
      const { findings, verdict } = judge({ faces: [face(quality)] });
      assert.deepEqual([findings.map((finding) => finding.code), verdict], [[code], "refuse"]);
    }
  });

  it("says what to do", () => {
    assert.deepEqual(
      judge({ faces: [face({ size: 19.7, pose: { yaw: 60, pitch: -60, roll: 0 } })] }).findings.map(
        ({ message }) => message,
      ),
      [
        "the eyes are 19 pixels apart, 24 are the least: take the photo from nearer, or send it in its full size.",
        "the face is turned away (60° to the side, 50° is the most; 60° down, 45° is the most): look into the camera.",
      ],
    );
  });

  it("does not mind somebody far behind, and takes nobody from there", () => {
    const far = face({ size: 19.9 });
    assert.equal(judge({ faces: forEnrolment([face(), far, { ...far }]) }).verdict, "keep");
    assert.deepEqual(codes({ faces: forEnrolment([face(), face({ size: 20 })]) }), ["several_faces"]);
    const [{ code, message } = { code: "", message: "" }] = judge({
      faces: forEnrolment([far]),
      accept: ["too_small"],
    }).findings;
    assert.deepEqual(
      [code, message],
      ["no_face", "the photo shows no face large enough: take it from nearer, or send it in its full size."],
    );
  });

  it("passes over what the caller accepts, and says so", () => {
    const { verdict, accepted, findings } = judge({
      faces: [face({ size: 10, blur: 0 })],
      accept: ["too_small", "blurry", "unlike", "rubbish"],
    });
    assert.deepEqual([verdict, accepted, findings.length], ["keep", ["too_small", "blurry"], 2]);
    assert.equal(judge({ faces: [face({ size: 10, blur: 0 })], accept: ["blurry"] }).verdict, "refuse");
  });

  it("never accepts no face, several faces or a near-duplicate", () => {
    const accept = ["no_face", "several_faces", "near_duplicate"];
    assert.deepEqual([judge({ faces: [], accept }).verdict, judge({ faces: [], accept }).accepted], ["refuse", []]);
    assert.deepEqual(
      [judge({ faces: [face(), face()], accept }).verdict, judge({ faces: [face(), face()], accept }).face],
      ["refuse", undefined],
    );
    assert.equal(judge({ own: [at(0, 0.1)], accept }).verdict, "refuse");
  });

  it("says why there is no face", () => {
    const rejected = (reason: "too_small" | "blurry" | "bad_alignment") =>
      judge({ faces: [{ box: { x: 0, y: 0, width: 9, height: 9 }, score: 1, rejected: reason }] }).findings[0]
        ?.message;
    assert.match(rejected("too_small") ?? "", /no face large enough: take it from nearer/);
    assert.match(rejected("blurry") ?? "", /no sharp face/);
    assert.match(rejected("bad_alignment") ?? "", /no face that can be used/);
  });

  it("does not count detections that are no faces", () => {
    assert.equal(
      judge({ faces: [{ box: { x: 0, y: 0, width: 9, height: 9 }, score: 1, rejected: "bad_alignment" }, face()] })
        .verdict,
      "keep",
    );
  });

  it("judges a face whose quality was not measured by its embedding alone", () => {
    const { quality: _, ...bare } = face();
    assert.equal(judge({ faces: [bare] }).verdict, "keep");
  });

  it("refuses a photo that is nearly one of the person's own", () => {
    assert.deepEqual(codes({ own: [at(3, 0), at(0.15, 0)] }), ["near_duplicate"]);
    assert.deepEqual(codes({ own: [at(3, 0), at(0.2, 0)] }), []);
  });

  it("goes by the share of τ within which the model takes photos for one", () => {
    assert.deepEqual(
      [codes({ own: [at(0.15, 0)], nearDuplicate: 0.28 }), codes({ own: [at(0.13, 0)], nearDuplicate: 0.28 })],
      [[], ["near_duplicate"]],
    );
  });

  it("asks when the face matches somebody else, and names them", () => {
    const { findings, verdict } = judge({ nearestOther: { name: "Alice", distance: 0.5 } });
    assert.deepEqual(
      [findings.map(({ code, severity }) => [code, severity]), verdict],
      [[["resembles", "ask"]], "ask"],
    );
    assert.match(findings[0]?.message ?? "", /matches Alice \(distance 0\.50, τ 0\.5\)/);
    assert.equal(judge({ nearestOther: { name: "Alice", distance: 0.5 }, accept: ["resembles"] }).verdict, "keep");
    assert.deepEqual(codes({ nearestOther: { name: "Alice", distance: 0.51 } }), []);
  });

  it("does not ask about somebody who is farther than the person's own photos", () => {
    assert.deepEqual(codes({ own: [at(0.3, 0)], nearestOther: { name: "Alice", distance: 0.4 } }), []);
    assert.deepEqual(codes({ own: [at(0.3, 0)], nearestOther: { name: "Alice", distance: 0.3 } }), ["resembles"]);
  });

  it("asks when the face is unlike the person's own photos", () => {
    assert.deepEqual(codes({ own: [at(0.5, 0), at(2, 0)] }), []);
    assert.deepEqual(codes({ own: [at(0.6, 0), at(2, 0)] }), ["unlike"]);
    assert.deepEqual(codes({ own: [at(0.6, 0)], nearestOther: { name: "Alice", distance: 0.4 } }), [
      "resembles",
      "unlike",
    ]);
  });

  it("refuses where one finding asks and another refuses", () => {
    assert.equal(
      judge({ faces: [face({ blur: 0 })], nearestOther: { name: "Alice", distance: 0.4 } }).verdict,
      "refuse",
    );
  });

  it("refuses to compare embeddings of two models", () => {
    assert.throws(() => judge({ own: [at(1, 2, 3)] }), /same model/);
  });
});

for (const model of ["dlib-resnet-v1", "mobilefacenet-192"])
  describe(`judgePhoto on photos with ${model}`, () => {
    let encoder: FaceEncoder;
    before(async () => {
      encoder = await createEncoder({ model });
    });
    after(() => encoder.close());

    const judged = async (bytes: Buffer, own: readonly Buffer[] = []) => {
      const embeddings = await Promise.all(
        own.map(
          async (photo) =>
            (await encoder.encode(photo)).find(({ embedding }) => embedding !== undefined)?.embedding as Float32Array,
        ),
      );
      return judgePhoto({
        faces: await encoder.encode(bytes),
        own: embeddings,
        nearestOther: null,
        threshold: encoder.threshold,
        nearDuplicate: encoder.nearDuplicate,
        accept: [],
      });
    };
    const verdict = async (bytes: Buffer, own: readonly Buffer[] = []): Promise<string> => {
      const { findings } = await judged(bytes, own);
      return findings.map(({ code }) => code).join(" ");
    };

    it("keeps portraits", async () => {
      for (const name of Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[])
        assert.equal(await verdict(await portrait(name)), "", name);
    });

    it("refuses what is small, blurred, dark, bright, without a face or of several people", async () => {
      const photo = sharp(await portrait("green"));
      assert.equal(await verdict(await photo.clone().resize(108).jpeg().toBuffer()), "too_small");
      assert.equal(await verdict(await photo.clone().blur(8).jpeg().toBuffer()), "blurry");
      assert.equal(await verdict(await photo.clone().linear(0.18).jpeg().toBuffer()), "too_dark");
      assert.equal(await verdict(await photo.clone().linear(2.8).jpeg().toBuffer()), "too_bright");
      assert.equal(
        await verdict(
          await sharp({ create: { width: 300, height: 300, channels: 3, background: "#888" } })
            .jpeg()
            .toBuffer(),
        ),
        "no_face",
      );
      assert.equal(await verdict(groupPhoto(6)), "several_faces");
    });

    it("refuses the same photo recompressed, scaled or cropped as useless", async () => {
      const photo = await portrait("green");
      for (const copy of [
        sharp(photo).jpeg({ quality: 60 }),
        sharp(photo).resize(400).jpeg(),
        sharp(photo).extract({ left: 10, top: 10, width: 460, height: 460 }).jpeg(),
      ])
        assert.equal(await verdict(await copy.toBuffer(), [photo]), "near_duplicate");
    });

    it("asks about a stranger's photo", async () => {
      assert.equal(await verdict(await portrait("emerald"), [await portrait("green")]), "unlike");
    });
  });

describe("photos that are tilted, turned or cut tightly", () => {
  let encoder: FaceEncoder;
  before(async () => {
    encoder = await createEncoder({ model: "mobilefacenet-192", detector: "blazeface" });
  });
  after(() => encoder.close());

  it("are found in the dark by looking in more light, and refused for that", async () => {
    const dark = await sharp(await portrait("green"))
      .linear(0.01, 0)
      .jpeg({ quality: 95 })
      .toBuffer();
    const faces = await encoder.encode(dark);
    assert.deepEqual(
      faces.map(({ foundBy, rejected }) => [foundBy, rejected]),
      [["lighter", "too_dark"]],
    );
    const { findings } = judgePhoto({ faces, own: [], nearestOther: null, threshold: 1, accept: [] });
    assert.match(findings[0]?.message ?? "", /too dark to know anybody by/);
  });

  it("show the same person as the upright one, found by BlazeFace", async () => {
    const upright = await portrait("green");
    const [known] = await encoder.encode(upright);
    const { embedding, landmarks } = known ?? assert.fail("no face");
    const [xs, ys] = [landmarks?.map(({ x }) => x) ?? [], landmarks?.map(({ y }) => y) ?? []];
    const [left, top] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys)) - 20];
    const [width, height] = [Math.ceil(Math.max(...xs)) - left, Math.ceil(Math.max(...ys)) - top];
    const photos = [
      ["cut tightly", sharp(upright).extract({ left, top, width, height }), "margin"],
      [
        "small",
        sharp(upright).resize(220).extend({ top: 3000, left: 3600, bottom: 400, right: 500, background: "#667" }),
        "larger",
      ],
      ["on its head", sharp(upright).rotate(180), "turned"],
      ["tilted", sharp(upright).rotate(40, { background: "#778" }), undefined],
    ] as const;
    for (const [what, changed, foundBy] of photos) {
      const faces = (await encoder.encode(await changed.jpeg().toBuffer())).filter(
        (each) => each.embedding !== undefined,
      );
      assert.equal(faces.length, 1, what);
      const distance = Math.hypot(
        ...(embedding as Float32Array).map((value, index) => value - (faces[0]?.embedding?.[index] as number)),
      );
      assert.ok(distance <= encoder.threshold, `${what}: ${distance}`);
      assert.equal(faces[0]?.foundBy, foundBy, what);
    }
  });
});
