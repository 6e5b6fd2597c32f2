import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { eyesIn } from "../../../lib/align/chip";
import { areOneFace, type Eyes } from "../../../lib/detect/boxes";
import { blazeface } from "../../../lib/detect/blazeface/blazeface";
import { haar } from "../../../lib/detect/haar/haar";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { type Contender, onceEach } from "../../../lib/embed/one-face";
import type { Box, Face, Picture } from "../../../lib/message";
import { FaceDetector } from "../../../lib/detect/face-detector";
import { findModel } from "../../../lib/models/find-model";
import { groupPhoto, portrait } from "../../support/photos";
import { scene } from "../../support/scene";

/** Of a frame of the demo: what the cascade found of Tess, her hair, and where their landmarks had eyes. */
const HEAD: Box = { x: 259, y: 155, width: 167, height: 167 };
const HAIR: Box = { x: 268, y: 30, width: 247, height: 247 };
const EYES: Eyes = { leftEye: { x: 308, y: 218 }, rightEye: { x: 378, y: 216 } };
const IN_HAIR: Eyes = { leftEye: { x: 350, y: 131 }, rightEye: { x: 405, y: 128 } };
/** Somebody far behind, in a corner of a large face's box. */
const BEHIND: Box = { x: 262, y: 160, width: 30, height: 30 };

describe("one face", () => {
  it("is what holds the same eyes, however the boxes lie", () => {
    assert.ok(areOneFace({ box: HEAD, eyes: EYES }, { box: HAIR, eyes: IN_HAIR }));
    assert.ok(areOneFace({ box: HAIR, eyes: undefined }, { box: HEAD, eyes: undefined }));
    assert.ok(areOneFace({ box: HEAD, eyes: EYES }, { box: { x: 290, y: 190, width: 400, height: 400 }, eyes: EYES }));
  });

  it("is not another beside it or behind it", () => {
    assert.ok(!areOneFace({ box: HEAD, eyes: EYES }, { box: BEHIND, eyes: undefined }));
    const cheekToCheek = { ...HEAD, x: HEAD.x + 110 };
    assert.ok(!areOneFace({ box: HEAD, eyes: EYES }, { box: cheekToCheek, eyes: undefined }));
  });

  const contender = (box: Box, eyes: Eyes, residual: number, fields: Partial<Face> = {}): Contender => ({
    face: { box, score: 1, ...fields },
    eyes,
    residual,
  });
  const boxes = (contenders: readonly Contender[]): Box[] => onceEach(contenders).map(({ box }) => box);

  it("keeps the box that is aligned better, whichever comes first and is surer", () => {
    const head = contender(HEAD, EYES, 0.015);
    const hair = contender(HAIR, IN_HAIR, 0.07, { score: 99 });
    assert.deepEqual(boxes([head, hair]), [HEAD]);
    assert.deepEqual(boxes([hair, head]), [HEAD]);
  });

  it("keeps the track that was first where both are aligned as well, so that none flickers", () => {
    const other = { ...HEAD, x: HEAD.x + 5 };
    for (const [a, b] of [
      [0.02, 0.019],
      [0.019, 0.02],
    ] as const)
      for (const order of [[0, 1] as const, [1, 0] as const]) {
        const both = [contender(HEAD, EYES, a, { track: 4 }), contender(other, EYES, b, { track: 9 })];
        assert.deepEqual(boxes(order.map((index) => both[index] as Contender)), [HEAD]);
      }
  });

  it("keeps what can be judged, and no box without a face where one is", () => {
    const blurry = contender(HEAD, EYES, 0.001, { rejected: "blurry" });
    assert.deepEqual(boxes([blurry, contender(HAIR, IN_HAIR, 0.05)]), [HAIR]);
    const noFace = contender(HAIR, IN_HAIR, 0.001, { rejected: "bad_alignment" });
    assert.deepEqual(boxes([noFace, contender(HEAD, EYES, 0.05)]), [HEAD]);
    assert.deepEqual(boxes([noFace, contender(BEHIND, EYES, 0.1, { rejected: "bad_alignment" })]), [HAIR, BEHIND]);
  });
});

describe("facenet-embed", () => {
  const embedders: FaceEmbedder[] = [];
  after(() => Promise.all(embedders.map((embedder) => embedder.close())));
  const embedderWith = async (options: object): Promise<FaceEmbedder> => {
    const embedder = new FaceEmbedder(await findModel(""), embedderOptionsSchema.parse(options));
    embedders.push(embedder);
    return embedder;
  };

  it("gives a face once that two boxes hold, in a photo and in frames where it is carried", async () => {
    const once = await embedderWith({});
    const [face] = (
      await once.embed({ bytes: await portrait("front"), frame: undefined }, [
        { box: { x: 110, y: 130, width: 220, height: 220 }, score: 1 },
      ])
    ).faces as [Face];
    const { leftEye, rightEye } = eyesIn(face.landmarks ?? []);
    const apart = rightEye.x - leftEye.x;
    /** Boxes that share the eyes and overlap by less than a detector takes for one face. */
    const around = (side: number, right: number, down: number): Box => ({
      x: (leftEye.x + rightEye.x) / 2 + right * apart - (side * apart) / 2,
      y: (leftEye.y + rightEye.y) / 2 + down * apart - (side * apart) / 2,
      width: side * apart,
      height: side * apart,
    });
    const faces = [around(2.4, 0, 0.4), around(3.9, 0.1, 0.8)].map((box) => ({ box, score: 1 }));
    const photo: Picture = { bytes: await portrait("front"), frame: undefined };
    const every = (await (await embedderWith({ everyBox: true })).embed(photo, faces)).faces;
    assert.deepEqual(
      every.map(({ rejected }) => rejected),
      [undefined, undefined],
      "each of them alone is a face",
    );
    assert.equal((await once.embed(photo, faces)).faces.length, 1);
    const tracked = faces.map((each, index) => ({ ...each, track: 101 + index, look: 0 }));
    const kept: (number | undefined)[] = [];
    for (let sequence = 0; sequence < 8; sequence += 1) {
      const { frame } = await scene(sequence, []);
      kept.push(...(await once.embed({ bytes: photo.bytes, frame }, tracked)).faces.map(({ track }) => track));
    }
    assert.equal(kept.length, 8, "one face a frame");
    assert.equal(new Set(kept).size, 1, "and always of the same track");
  });

  it("gives nobody of the group photos twice, whatever found them", async () => {
    const embedder = await embedderWith({});
    for (const detector of [
      new FaceDetector(haar, haar.schema.parse({ minSize: 36, minNeighbors: 1 })),
      new FaceDetector(blazeface, blazeface.schema.parse({ minScore: 0.3 })),
    ])
      for (const index of [1, 3, 5, 6] as const) {
        const photo: Picture = { bytes: groupPhoto(index), frame: undefined };
        const { faces } = await embedder.embed(photo, (await detector.detect(photo)).faces);
        const placed = faces
          .filter(({ embedding }) => embedding !== undefined)
          .map(({ box, landmarks }) => ({ box, eyes: eyesIn(landmarks ?? []) }));
        assert.ok(placed.length > 0);
        for (const [at, one] of placed.entries())
          assert.ok(placed.slice(at + 1).every((other) => !areOneFace(one, other)));
      }
  });
});
