import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runInNewContext } from "node:vm";
import type { z } from "zod";
import { contractSchema } from "../../lib/contract-schema";
import {
  type Candidate,
  CONTRACT_VERSION,
  type Face,
  type FaceMessage,
  type Frame,
  type Identity,
  type messageSchema,
  type Quality,
  readFaces,
  readPicture,
  readVersion,
} from "../../lib/message";
import type { Liveness, Presence, Visit } from "../../lib/visit";
import { groupPhoto } from "../support/photos";
import { processorTime } from "../support/processor-time";

describe("readPicture", () => {
  it("takes a picture as base64, in lines or for addresses, as a data URI, and as JSON made of a Buffer", () => {
    const jpeg = groupPhoto(1);
    const base64 = jpeg.toString("base64");
    const texts: Record<string, unknown> = {
      base64,
      "in lines of 76": base64.replace(/.{76}/g, "$&\r\n"),
      base64url: jpeg.toString("base64url"),
      "data URI": `data:image/jpeg;base64,${base64}`,
      "data URI with a charset": ` data:image/jpeg;charset=utf-8;base64,${base64}\n`,
      "data URI of no type": `data:;base64,${base64}`,
      JSON: JSON.parse(JSON.stringify(jpeg)),
      "a Uint8Array": new Uint8Array(jpeg),
      "an ArrayBuffer": Uint8Array.from(jpeg).buffer,
      "a Uint8ClampedArray": new Uint8ClampedArray(jpeg),
      "a DataView": new DataView(Uint8Array.from(jpeg).buffer),
      "a function node's Uint8Array": runInNewContext("Uint8Array.from(jpeg)", { jpeg }),
      "a function node's ArrayBuffer": runInNewContext("Uint8Array.from(jpeg).buffer", { jpeg }),
      "a Buffer of base64": Buffer.from(base64),
      "a Buffer of a data URI": Buffer.from(`data:image/jpeg;base64,${base64}`),
      "a data URI in capitals": `DATA:IMAGE/JPEG;BASE64,${base64}`,
      "a data URI without data:": `image/jpeg;base64,${base64}`,
      "a data URI of nothing else": `base64,${base64}`,
      "JSON's quotes": JSON.stringify(`data:image/jpeg;base64,${base64}`),
      "Python's bytes": `b'${base64}'`,
      "a form's spaces for plus signs": base64.replaceAll("+", " "),
      "lines that a shell joined": base64.replace(/.{76}/g, "$& "),
      "a vCard's folded lines": base64.replace(/.{74}/g, "$&\r\n "),
      "padding too much": `${base64.replace(/=+$/, "")}====`,
      "the end of a text of C": `${base64}\0`,
      "a file read as Latin-1": jpeg.toString("latin1"),
      "a list of bytes": [...jpeg],
      "JSON made of a Uint8Array": JSON.parse(JSON.stringify(new Uint8Array(jpeg))),
    };
    assert.match(base64, /\+/, "the test has plus signs");
    for (const [what, payload] of Object.entries(texts)) {
      const message: FaceMessage = { payload, topic: "door" };
      assert.ok(readPicture(message).bytes.equals(jpeg), what);
      assert.ok(
        Buffer.isBuffer(message.payload) && message.payload.equals(jpeg),
        `${what}: later stages find the Buffer`,
      );
      assert.equal(message["topic"], "door");
    }
  });

  it("leaves a Buffer alone", () => {
    const payload = groupPhoto(1);
    const message: FaceMessage = { payload };
    assert.equal(readPicture(message).bytes, payload);
    assert.equal(message.payload, payload);
  });

  it("says what a payload is that is no picture, and the mend", () => {
    const cases: [unknown, RegExp][] = [
      [undefined, /^msg\.payload is nothing, not a picture: send a Buffer with a JPEG.* or such a file as base64\.$/],
      [null, /is null/],
      [["a"], /is an array/],
      [7, /is a value of type number/],
      ["", /is empty text/],
      ["hello", /is text that is no base64 of a picture/],
      [Buffer.from("a text that is long enough").toString("base64"), /is text that is no base64 of a picture/],
      ["https://camera/snap.jpg", /is an address \(an "http request" node fetches/],
      ["/home/alice/photo.jpg", /is the name of a file \(a "read file" node reads it\)/],
      ['{"image":"…"}', /is JSON text/],
      ["data:image/jpeg,%ff%d8", /is a data URI without base64/],
      ["data:image/jpeg;base64,", /a data URI whose base64 is empty/],
      ["data:image/jpeg;base64,/9j/4AA…", /has other characters in it: it was cut or changed/],
      [Buffer.alloc(0), /is an empty Buffer/],
      ["A".repeat(80 * 1024 * 1024), /text of more than 50 MB/],
      [{ type: "Buffer", data: "no list" }, /is a value of type object/],
      [new Float32Array(100), /is a value of type Float32Array/],
      [new Blob(["x"]), /is a value of type Blob/],
      [groupPhoto(1).toString(), /is a file that was read as text, which destroys a picture/],
      ["/home/alice/photo.NEF", /is the name of a file/],
      [[1, 2, 3], /is an array/],
      [Array.from({ length: 300 }, () => 300), /is an array/],
      [[groupPhoto(1)], /but msg\.payload\[0\] is one: put a "change" node before this one that sets/],
      [{ image: groupPhoto(1).toString("base64") }, /but msg\.payload\.image is one/],
      [[{ fieldname: "photo", buffer: groupPhoto(1) }], /but msg\.payload\[0\]\.buffer is one/],
      [
        { files: { "my photo": `data:image/png;base64,${groupPhoto(1).toString("base64")}` } },
        /but msg\.payload\.files\["my photo"\] is one/,
      ],
      [deep(100_000), /is a value of type object/],
    ];
    for (const [payload, sentence] of cases) {
      const message: FaceMessage = { payload };
      assert.throws(
        () => readPicture(message),
        ({ message: said }: Error) => sentence.test(said),
        String(payload).slice(0, 60),
      );
      assert.equal(message.payload, payload, "what is refused stays as it was");
    }
  });

  it("says where else in the message the picture is", () => {
    const uploaded = { req: { files: [{ fieldname: "photo", buffer: groupPhoto(1) }] }, payload: { name: "Alice" } };
    assert.throws(() => readPicture(uploaded), /but msg\.req\.files\[0\]\.buffer is one: put a "change" node/);
    assert.throws(() => readPicture({ photo: groupPhoto(1) }), /but msg\.photo is one/);
    const hostile = Object.defineProperty({}, "payload", {
      enumerable: true,
      get: () => ({
        get picture() {
          throw new Error("nobody reads it");
        },
      }),
    });
    assert.throws(() => readPicture(hostile), /is a value of type object/);
  });

  it("leaves raw pixels alone, whatever they would mean as text", () => {
    const payload = Buffer.from("/9j/4AAQSkZJRgABAQAAAQABAAD/".repeat(12));
    const frame = { source: "door", sequence: 0, capturedAt: 1, width: 14, height: 8, encoding: "rgb" } as const;
    assert.equal(readPicture({ payload, frame }).bytes, payload);
  });

  it("tells text that is no picture in a moment, whatever it is made of", () => {
    const spent = processorTime();
    for (const filler of [" ", "\n", "=", "A", ";", ",", "A ", "\0", "'"])
      for (const begin of ["", "A", "data:image/jpeg;base64,/9j/", "/9j/4AAQ"]) {
        const text = `${begin}${filler.repeat(300_000)}!`;
        for (const payload of [text, Buffer.from(text), { text }, [text]])
          try {
            readPicture({ payload });
          } catch {
            // That it is none is told elsewhere.
          }
      }
    // About 0.3 s here; a pattern that goes back took minutes.
    assert.ok(spent() < 20_000);
  });

  it("reads 60 MB of text without holding up the event loop for long", () => {
    const payload = `${"/9j/".repeat(15 * 1024 * 1024)}!`;
    const spent = processorTime();
    assert.throws(() => readPicture({ payload }), /no base64/);
    // Linear: about 0.1 s here; a pattern that goes back would take hours.
    assert.ok(spent() < 5000);
  });
});

/** Objects in each other. */
function deep(levels: number): object {
  let value: object = {};
  for (let level = 0; level < levels; level += 1) value = { value };
  return value;
}

/** A face with everything that a face can have. */
const FACE: Required<Face> = {
  box: { x: 1, y: 2, width: 30, height: 30 },
  score: 3,
  track: 4,
  look: 0,
  points: {
    leftEye: { x: 10, y: 12 },
    rightEye: { x: 20, y: 12 },
    nose: { x: 15, y: 18 },
    mouth: { x: 15, y: 24 },
    mouthLeft: { x: 11, y: 24 },
    mouthRight: { x: 19, y: 24 },
    leftEar: { x: 4, y: 13 },
    rightEar: { x: 26, y: 13 },
  },
  foundBy: "margin",
  landmarks: Array.from({ length: 68 }, (_, index) => ({ x: index, y: -index })),
  quality: { size: 40, blur: 80, exposure: 120, pose: { yaw: 1, pitch: -2, roll: 3 }, weight: 0.6 },
  rejected: "blurry",
  chip: Buffer.from([0xff, 0xd8]),
  embedding: Float32Array.of(0.6, 0.8),
  carriedAgeMs: 40,
  carried: 40,
  fused: 3,
  model: "mobilefacenet-192",
  identity: {
    outcome: "match",
    name: "Alice",
    person: "p1",
    groups: ["family"],
    distance: -0.1,
    threshold: 0.7,
    margin: null,
    candidates: [{ name: "Alice", distance: -0.1, euclidean: 0.5, photo: "x", ruledOut: false }],
    reason: "below_threshold",
    sure: 1,
    frames: 2,
  },
  liveness: { result: "passed", by: "turn", at: 5 },
};

describe("readFaces", () => {
  it("gives what is there, what others put beside it too", () => {
    const faces = [{ ...FACE, note: "mine" }];
    assert.deepEqual(readFaces({ faces }), faces);
    assert.deepEqual(readFaces({ faces: [{ box: FACE.box }] as Face[] }), [{ box: FACE.box, score: 0 }]);
    assert.deepEqual(readFaces({ faces: [] }), []);
  });

  it("checks every field that it types, and names the one that is wrong", () => {
    const wrong: Record<keyof Face, unknown[]> = {
      box: [
        undefined,
        null,
        [1, 2, 3, 4],
        { ...FACE.box, width: 0 },
        { ...FACE.box, x: NaN },
        { ...FACE.box, y: "1" },
      ],
      score: [NaN, "3", null],
      track: [-1, 1.5, "1"],
      look: [-1, 0.5, {}],
      points: [
        [],
        { ...FACE.points, nose: undefined },
        { ...FACE.points, mouthLeft: { x: NaN, y: 1 } },
        { ...FACE.points, leftEye: [1, 2] },
        { ...FACE.points, rightEar: { x: 1 } },
      ],
      foundBy: ["luck", true],
      landmarks: [
        [{ x: 1 }],
        "none",
        [[1, 2]],
        ...[0, 1, 67, 69].map((length) => Array.from({ length }, () => ({ x: 0, y: 0 }))),
      ],
      quality: ["good", { ...FACE.quality, weight: 2 }, { ...FACE.quality, pose: {} }, { ...FACE.quality, size: NaN }],
      rejected: ["banana", "below_threshold", true],
      chip: ["/9j/", [255, 216]],
      embedding: [[0.6, 0.8], Float64Array.of(1), Float32Array.of(1, NaN), Float32Array.of(Infinity), "1,2"],
      carriedAgeMs: [-1, "now"],
      carried: [-1, "now"],
      fused: [0, 1.5],
      model: [7, null],
      identity: [
        "Alice",
        null,
        { ...FACE.identity, outcome: "perhaps" },
        { ...FACE.identity, name: undefined },
        { ...FACE.identity, name: 7 },
        { ...FACE.identity, reason: "luck" },
        { ...FACE.identity, threshold: "0.7" },
        { ...FACE.identity, groups: "family" },
        { ...FACE.identity, sure: 2 },
        { ...FACE.identity, candidates: [{ name: "Alice" }] },
      ],
      liveness: [
        true,
        null,
        { ...FACE.liveness, result: "live" },
        { ...FACE.liveness, by: "luck" },
        { ...FACE.liveness, at: NaN },
      ],
    };
    for (const [field, values] of Object.entries(wrong))
      for (const value of values)
        assert.throws(
          () => readFaces({ faces: [FACE, { ...FACE, [field]: value }] as Face[] }),
          { name: "Error", message: new RegExp(`^msg\\.faces is not a list of detections: 1\\.${field}`) },
          `${field}: ${JSON.stringify(value)}`,
        );
  });
});

describe("readVersion", () => {
  it("takes its own and older messages, and those that came from elsewhere", () => {
    for (const face of [undefined, null, {}, { version: 1 }, { version: CONTRACT_VERSION }, { mine: true }])
      readVersion({ face } as FaceMessage);
  });

  it("refuses what is newer, and what is no version, and says what to do", () => {
    const cases: [unknown, RegExp][] = [
      [
        { version: CONTRACT_VERSION + 1 },
        /^msg\.face\.version is 2, and this node reads .* up to version 1: .* Update/,
      ],
      [{ version: "banana" }, /^msg\.face is without a version that is a whole number from 1: .* in another field\.$/],
      [{ version: 0 }, /without a version/],
      [{ version: 1.5 }, /without a version/],
      [{ version: null }, /without a version/],
      ["Alice", /^msg\.face is text/],
      [[1], /^msg\.face is an array/],
      [7, /^msg\.face is a value of type number/],
    ];
    for (const [face, message] of cases)
      assert.throws(() => readVersion({ face } as FaceMessage), { message }, JSON.stringify(face));
  });
});

describe("the contract's schema", () => {
  it("has the fields that the types have: this does not compile where they differ", () => {
    type Known<T> = keyof { [K in keyof T as string extends K ? never : K]: T[K] };
    type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
    type Message = z.infer<typeof messageSchema>;
    type OfFace = NonNullable<Message["faces"]>[number];
    type OfIdentity = NonNullable<OfFace["identity"]>;
    const same: [
      Same<Message["frame"], Frame | undefined>,
      Same<Known<OfFace>, keyof Face>,
      Same<Known<OfIdentity>, keyof Identity>,
      Same<Known<OfIdentity["candidates"][number]>, keyof Candidate>,
      Same<Known<NonNullable<OfFace["quality"]>>, keyof Quality>,
      Same<OfFace["liveness"], Liveness | undefined>,
      Same<Message["visit"], Visit | undefined>,
      Same<Message["presence"], Presence | undefined>,
    ] = [true, true, true, true, true, true, true, true];
    assert.equal(same.length, 8);
  });

  it("is published as it is checked (npm run contract)", () => {
    const file = join(__dirname, "../../docs/message.schema.json");
    assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), JSON.parse(JSON.stringify(contractSchema())));
  });
});
