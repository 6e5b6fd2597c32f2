import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { DLIB_RESNET, ORIGINAL } from "../../../lib/embed/descriptor";
import { CHIP_SIDE, DlibResNet } from "../../../lib/embed/dlib-resnet";
import { embedderOptionsSchema, FaceEmbedder } from "../../../lib/embed/embedder";
import { createEncoder, type FaceEncoder } from "../../../lib/enrol/encoder";
import type { Face } from "../../../lib/message";
import { tensorEngine, type Tf } from "../../../lib/tensor/engine";
import { faceApiFile } from "../../../lib/tensor/weights";
import { keepLoaded } from "../../support/keep-loaded";
import { groupPhoto, portrait } from "../../support/photos";

function distance(a: Face, b: Face): number {
  return Math.hypot(...(a.embedding as Float32Array).map((value, index) => value - (b.embedding?.[index] as number)));
}

describe("the dlib network", () => {
  it("gives the embedding of @vladmandic/face-api's own code", async () => {
    const tf = await tensorEngine("wasm");
    const chip = Float32Array.from({ length: CHIP_SIDE * CHIP_SIDE * 3 }, (_, index) => (index * 7919) % 251);
    const [ours] = (await DlibResNet.load(tf)).run([chip]);
    const theirs = await faceApiDescriptor(tf, chip);
    const worst = Math.max(
      ...(ours as Float32Array).map((value, index) => Math.abs(value - (theirs[index] as number))),
    );
    assert.ok(worst < 1e-5, `largest difference ${worst}`);
  });
});

describe("createEncoder", () => {
  let encoder: FaceEncoder;
  before(async () => {
    encoder = await createEncoder({});
  });
  after(() => encoder.close());

  const one = async (bytes: Buffer): Promise<Face> => {
    const faces = (await encoder.encode(bytes)).filter(({ embedding }) => embedding !== undefined);
    assert.equal(faces.length, 1);
    return faces[0] as Face;
  };

  it("knows a person again in another light, size and compression, and mirrored", async () => {
    const photo = await portrait("green");
    const enrolled = await one(photo);
    assert.equal(enrolled.model, "dlib-resnet-v1");
    assert.equal(enrolled.embedding?.length, 128);
    for (const altered of [
      sharp(photo).resize(240).modulate({ brightness: 0.7 }).jpeg({ quality: 50 }),
      sharp(photo).flop().jpeg(),
      sharp(photo).rotate(8, { background: "#777" }).jpeg(),
    ]) {
      assert.ok(distance(enrolled, await one(await altered.toBuffer())) <= 0.58);
    }
  });

  it("keeps the fingerprint of photos searched by the Haar cascade, so that no gallery is encoded anew", async () => {
    const { file: _place, threshold: _judges, nearDuplicate: _too, licence: _text, ...model } = DLIB_RESNET;
    const detection = {
      engine: "wasm",
      cascade: "frontalface_default",
      scaleFactor: 1.1,
      minNeighbors: 5,
      minSize: 0,
      maxSize: 0,
      workingWidth: 0,
    };
    const fingerprint = createHash("sha256")
      .update(JSON.stringify([2, model, detection]))
      .digest("hex");
    assert.equal(encoder.fingerprint, fingerprint);
  });

  it("refuses a detector that there is none of", async () => {
    await assert.rejects(createEncoder({ detector: "eagle" }), /there is no detector "eagle": choose one of haar/);
  });

  it("measures how light a face is", async () => {
    const photo = await portrait("green");
    const [light, dark] = [
      (await one(photo)).quality?.exposure ?? 0,
      (await one(await sharp(photo).linear(0.5).jpeg().toBuffer())).quality?.exposure ?? 0,
    ];
    assert.ok(Math.abs(dark / light - 0.5) < 0.01, `${light} and ${dark}`);
  });

  it("tells strangers apart", async () => {
    const people = await Promise.all(
      (["green", "emerald", "stripes", "front", "blonde"] as const).map(async (name) => one(await portrait(name))),
    );
    people.forEach((a, index) =>
      people.slice(index + 1).forEach((b) => assert.ok(distance(a, b) > 0.55, `${distance(a, b)}`)),
    );
  });

  it("embeds every face of a group and rejects curtains", async () => {
    const faces = await encoder.encode(groupPhoto(6));
    const kept = faces.filter(({ embedding }) => embedding !== undefined);
    assert.deepEqual(
      kept.map(({ box }) => Math.round(box.x / 100)).sort((a, b) => a - b),
      [2, 6, 11, 14],
    );
    assert.ok(faces.length > kept.length, "the cascade finds faces in the blinds");
    assert.ok(faces.every(({ embedding, rejected }) => (embedding === undefined) === (rejected === "bad_alignment")));
    assert.ok(
      kept.every(
        ({ landmarks, quality }) =>
          landmarks?.length === 68 && (quality?.size ?? 0) > 60 && Math.abs(quality?.pose.roll ?? 90) < 30,
      ),
    );
  });
});

describe("FaceEmbedder", () => {
  keepLoaded();
  const picture = async (): Promise<{ bytes: Buffer; frame: undefined }> => ({
    bytes: await portrait("green"),
    frame: undefined,
  });
  const BOX = { x: 106, y: 131, width: 254, height: 254 };

  async function withEmbedder(
    options: object,
    work: (embedder: FaceEmbedder) => Promise<void>,
    model = DLIB_RESNET,
  ): Promise<void> {
    const embedder = new FaceEmbedder(model, embedderOptionsSchema.parse(options));
    try {
      await work(embedder);
    } finally {
      await embedder.close();
    }
  }

  it("rejects a face that is too small or too blurred, and says which", () =>
    withEmbedder({ minSize: 500 }, async (small) => {
      assert.equal((await small.embed(await picture(), [{ box: BOX, score: 1 }])).faces[0]?.rejected, "too_small");
      await withEmbedder({ minSharpness: 9000 }, async (blurred) => {
        const [face] = (await blurred.embed(await picture(), [{ box: BOX, score: 1 }])).faces;
        assert.deepEqual([face?.rejected, face?.embedding, face?.model], ["blurry", undefined, undefined]);
      });
    }));

  it("gives the aligned chip on demand", () =>
    withEmbedder({ chips: true }, async (embedder) => {
      const [face] = (await embedder.embed(await picture(), [{ box: BOX, score: 1 }])).faces;
      const { width, height, format } = await sharp(face?.chip).metadata();
      assert.deepEqual([width, height, format], [150, 150, "jpeg"]);
    }));

  it("embeds the padded box without alignment as the original did", () =>
    withEmbedder(
      {},
      async (embedder) => {
        const [face] = (await embedder.embed(await picture(), [{ box: BOX, score: 1 }])).faces;
        assert.deepEqual(
          [face?.model, face?.embedding?.length, face?.landmarks],
          ["dlib-resnet-v1-box50", 128, undefined],
        );
      },
      ORIGINAL,
    ));

  it("refuses a box outside the picture", () =>
    withEmbedder({}, async (embedder) => {
      await assert.rejects(
        embedder.embed(await picture(), [{ box: { x: 5000, y: 0, width: 10, height: 10 }, score: 1 }]),
        /a box in msg\.faces \(x 5000, y 0, 10 × 10\) lies outside the picture \(480 × 480\)/,
      );
    }));

  it("takes a box that hangs over the border", () =>
    withEmbedder({}, async (embedder) => {
      const [face] = (
        await embedder.embed(await picture(), [{ box: { x: -50, y: -50, width: 200, height: 200 }, score: 1 }])
      ).faces;
      assert.equal(face?.rejected, "bad_alignment");
    }));
});

/**
 * The descriptor by the package's own network code, which wants the whole of TF.js: give it the core, with the chained
 * calls it makes.
 */
async function faceApiDescriptor(tf: Tf, chip: Float32Array): Promise<Float32Array> {
  const resolver = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const resolve = resolver._resolveFilename;
  resolver._resolveFilename = (request, ...rest) =>
    resolve(request === "@tensorflow/tfjs" ? "@tensorflow/tfjs-core" : request, ...rest);
  const methods = tf.Tensor.prototype as unknown as Record<string, unknown>;
  const operations = tf as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["mul", "sub", "div", "add", "mean", "cast"])
    methods[name] = function chained(this: unknown, ...rest: unknown[]): unknown {
      return operations[name]?.(this, ...rest);
    };
  for (const rank of [1, 2, 3, 4])
    methods[`as${rank}D`] = function reshaped(this: unknown, ...shape: number[]): unknown {
      return operations["reshape"]?.(this, rank === 1 ? [-1] : shape);
    };
  const api = createRequire(__filename)("@vladmandic/face-api/dist/face-api.node-wasm.js") as {
    nets: {
      faceRecognitionNet: {
        loadFromWeightMap(map: unknown): void;
        computeFaceDescriptor(input: unknown): Promise<Float32Array>;
      };
    };
  };
  resolver._resolveFilename = resolve;
  const manifest = JSON.parse(readFileSync(faceApiFile("face_recognition_model-weights_manifest.json"), "utf8")) as [
    { weights: never[] },
  ];
  api.nets.faceRecognitionNet.loadFromWeightMap(
    tf.io.decodeWeights(
      Uint8Array.from(readFileSync(faceApiFile("face_recognition_model.bin"))).buffer,
      manifest[0].weights,
    ),
  );
  return api.nets.faceRecognitionNet.computeFaceDescriptor(tf.tensor3d(chip, [CHIP_SIDE, CHIP_SIDE, 3]));
}
