import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { Receipt } from "../../lib/people/people";
import type { FaceMessage } from "../../lib/message";
import { DEFAULT_MODEL } from "../../lib/embed/descriptor";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceMatch from "../../nodes/face-match/face-match";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import haarDetect from "../../nodes/haar-detect/haar-detect";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { keepLoaded } from "../support/keep-loaded";
import { groupPhoto, knownPeople, portrait } from "../support/photos";

const NODES = [haarDetect, facenetEmbed, faceMatch, faceGallery];

interface Fields {
  haar?: object;
  embed?: object;
  match?: object;
  gallery?: object;
}

/** haar-detect → facenet-embed → face-match with a helper node on each output. */
async function load(folder: string, { haar, embed, match, gallery }: Fields = {}): Promise<void> {
  const userDir = mkdtempSync(join(tmpdir(), "user-"));
  helper.settings({ userDir });
  await helper.load(NODES, [
    { id: "g", type: "face-gallery", name: "family", folder, model: "dlib-resnet-v1", ...gallery },
    { id: "d", type: "haar-detect", name: "", wires: [["e"]], ...haar },
    { id: "e", type: "facenet-embed", name: "", model: "dlib-resnet-v1", wires: [["m"]], ...embed },
    {
      id: "m",
      type: "face-match",
      name: "",
      gallery: "g",
      mode: "identify",
      wires: [["match"], ["unknown"], ["noface"], ["people"]],
      ...match,
    },
    ...["match", "unknown", "noface", "people"].map((id) => ({ id, type: "helper" })),
  ]);
}

/** Without the false boxes, which the gate took for no face. */
const people = (message: FaceMessage): string[] => identities(message).filter((text) => !text.startsWith("noface"));
const identities = (message: FaceMessage): string[] =>
  (message.faces ?? []).map(({ identity }) => `${identity?.outcome} ${identity?.name} ${identity?.reason}`);

describe("haar-detect → facenet-embed → face-match", () => {
  let family: string;
  keepLoaded("dlib-resnet-v1");
  before(async () => {
    await startServer();
    family = await knownPeople({ Alice: "green", Bea: "emerald", 小明: "stripes" });
  });
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("recognizes a photo from any other node, and keeps what was on the message", async () => {
    await load(family);
    const got = nextMessage("match");
    send("d", {
      payload: await sharp(await portrait("green"))
        .resize(300)
        .modulate({ brightness: 0.8 })
        .jpeg()
        .toBuffer(),
      topic: "kept",
    });
    const message = await got;
    assert.deepEqual(
      [people(message), message["topic"], message.face],
      [["match Alice below_threshold"], "kept", { version: 1 }],
    );
    const { distance, threshold, candidates } = message.faces![0]!.identity!;
    assert.ok(threshold === 0.58 && (distance as number) < 0.4 && candidates.length === 3);
    assert.deepEqual(Object.keys(message.timing ?? {}).sort(), [
      "align",
      "decode",
      "detect",
      "embed",
      "match",
      "total",
    ]);
  });

  it("recognizes with the default network by its own τ", async () => {
    const model = DEFAULT_MODEL.id;
    await load(family, { gallery: { model }, embed: { model }, match: { distance: "cohort", threshold: "" } });
    const got = nextMessage("match");
    send("d", {
      payload: await sharp(await portrait("green"))
        .resize(300)
        .modulate({ brightness: 0.8 })
        .jpeg()
        .toBuffer(),
    });
    const face = (await got).faces?.find(({ identity }) => identity?.outcome === "match");
    assert.deepEqual(
      [face?.model, face?.embedding?.length, face?.identity?.name, face?.identity?.threshold],
      ["mobilefacenet-192", 192, "Alice", 0.999],
    );
  });

  it("keeps dlib's network and the Euclidean distance in a flow that names neither", async () => {
    await load(family, { gallery: { model: "" }, embed: { model: undefined } });
    const got = nextMessage("match");
    send("d", { payload: await portrait("green") });
    const face = (await got).faces?.find(({ identity }) => identity?.outcome === "match");
    assert.deepEqual(
      [face?.model, face?.identity?.name, face?.identity?.threshold],
      ["dlib-resnet-v1", "Alice", 0.58],
    );
  });

  it("sends a picture with known people and strangers to both outputs, all faces in each", async () => {
    await load(family, { haar: { minSize: 150 } });
    const both = Promise.all([nextMessage("match"), nextMessage("unknown")]);
    send("d", { payload: groupPhoto(6) });
    const [match, unknown] = await both;
    assert.notEqual(match, unknown);
    const expected = [
      "match 小明 below_threshold",
      "match Alice below_threshold",
      "match Bea below_threshold",
      "unknown null above_threshold",
    ].sort();
    for (const message of [match, unknown]) assert.deepEqual(people(message).sort(), expected);
  });

  it("tells that there is no face, also when the cascade took a curtain for one", async () => {
    await load(family);
    const empty = nextMessage("noface");
    send("d", {
      payload: await sharp({ create: { width: 320, height: 240, channels: 3, background: "#999" } })
        .jpeg()
        .toBuffer(),
    });
    assert.deepEqual((await empty).faces, []);
    const curtain = nextMessage("noface");
    send("d", {
      payload: await sharp(groupPhoto(6)).extract({ left: 340, top: 40, width: 300, height: 330 }).jpeg().toBuffer(),
    });
    assert.ok(identities(await curtain).every((text) => text === "noface null bad_alignment"));
  });

  it("knows nobody in an empty gallery, and that is no error", async () => {
    await load(mkdtempSync(join(tmpdir(), "nobody-")));
    const got = nextMessage("unknown");
    send("d", { payload: await portrait("front") });
    assert.deepEqual(identities(await got), ["unknown null empty_gallery"]);
  });

  it("verifies a claimed name", async () => {
    await load(family, { match: { mode: "verify", claim: "claim", claimType: "msg" } });
    const yes = nextMessage("match");
    send("d", { payload: await portrait("stripes"), claim: "小明" });
    assert.deepEqual(people(await yes), ["match 小明 below_threshold"]);
    const no = nextMessage("unknown");
    send("d", { payload: await portrait("stripes"), claim: "Alice" });
    assert.deepEqual(people(await no), ["unknown null above_threshold"]);
    const nobody = nextError("m");
    send("d", { payload: await portrait("stripes") });
    assert.match(await nobody, /nobody is claimed: set msg\.claim/);
  });

  it("enrols from a flow, recognizes at once, and forgets for good", async () => {
    await load(mkdtempSync(join(tmpdir(), "new-")));
    const enrolled = nextMessage("people");
    send("m", { payload: await portrait("blonde"), enrol: { name: "Carol" } });
    assert.deepEqual(
      [
        ((await enrolled)["enrolled"] as { name: string }).name,
        ((await enrolled)["enrolled"] as { photos: number }).photos,
      ],
      ["Carol", 1],
    );
    const known = nextMessage("match");
    send("d", {
      payload: await sharp(await portrait("blonde"))
        .flop()
        .jpeg()
        .toBuffer(),
    });
    assert.deepEqual(identities(await known), ["match Carol below_threshold"]);
    const forgotten = nextMessage("people");
    send("m", { forget: { name: "Carol" } });
    const { name, photos, embeddings, thumbnails } = (await forgotten)["forgotten"] as Receipt;
    assert.deepEqual([name, photos, embeddings, thumbnails], ["Carol", 1, 1, 1]);
    const unknown = nextMessage("unknown");
    send("d", { payload: await portrait("blonde") });
    assert.deepEqual(identities(await unknown), ["unknown null empty_gallery"]);
  });

  it("refuses to enrol a group, a name with a slash, and a face of another model", async () => {
    await load(mkdtempSync(join(tmpdir(), "new-")));
    for (const [message, why] of [
      [{ payload: groupPhoto(6), enrol: { name: "All" } }, /the photo is not kept: the photo shows 4 faces/],
      [{ payload: await portrait("blonde"), enrol: { name: "a/b" } }, /slash/],
      [{ payload: await portrait("blonde"), enrol: { name: "x".repeat(300) } }, /300 characters/],
      [{ payload: Buffer.from("text"), enrol: { name: "Text" } }, /not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture/],
      [
        {
          payload: await portrait("blonde"),
          enrol: { name: "Carol" },
          faces: [{ box: { x: 1, y: 1, width: 9, height: 9 }, score: 1, model: "sface" }],
        },
        /embedded by the model sface, the gallery keeps those of dlib-resnet-v1/,
      ],
    ] as [FaceMessage, RegExp][]) {
      const error = nextError("m");
      send("m", message);
      assert.match(await error, why);
    }
  });

  it("recognizes a picture that comes as base64 or a data URI, as dashboards and MQTT bridges send it", async () => {
    await load(family);
    const base64 = (await portrait("green")).toString("base64");
    for (const payload of [base64, `data:image/jpeg;base64,${base64}`]) {
      const got = nextMessage("match");
      send("d", { payload });
      const message = await got;
      assert.deepEqual(people(message), ["match Alice below_threshold"]);
      assert.ok(Buffer.isBuffer(message.payload), "from here on it is the picture's Buffer");
    }
  });

  it("recognizes with MobileFaceNet where the gallery has it too: 192 numbers of length 1, its own τ", async () => {
    const model = "mobilefacenet-192";
    await load(family, { haar: { minSize: 150 }, embed: { model }, gallery: { model } });
    const [got, others] = [nextMessage("match"), nextMessage("unknown")];
    send("d", { payload: groupPhoto(6) });
    const { faces = [] } = await got;
    await others;
    const named = faces.filter(({ identity }) => identity?.outcome === "match");
    assert.deepEqual(named.map(({ identity }) => identity?.name ?? "").sort(), ["Alice", "Bea", "小明"]);
    for (const { embedding, identity, model: of } of named) {
      assert.deepEqual([of, embedding?.length, identity?.threshold], [model, 192, 1.054]);
      assert.ok(Math.abs(Math.hypot(...(embedding ?? [])) - 1) < 1e-5);
    }
    assert.ok(
      faces.some(({ identity }) => identity?.outcome === "unknown"),
      "the stranger among them",
    );
  });

  it("does not compare embeddings of two models: unknown, and a warning", async () => {
    await load(family, { embed: { model: "dlib-resnet-v1-box50" } });
    const got = nextMessage("unknown");
    send("d", { payload: await portrait("green") });
    assert.deepEqual(identities(await got), ["unknown null model_mismatch"]);
  });

  it("matches nobody in a frame that came late", async () => {
    await load(family, { match: { maxAge: "1000" } });
    const got = nextMessage("unknown");
    send("d", {
      payload: await portrait("green"),
      frame: { source: "door", sequence: 1, capturedAt: Date.now() - 60_000, width: 480, height: 480 },
    });
    assert.deepEqual(identities(await got), ["unknown null stale"]);
  });

  it("searches the region that the message names before its own, photo or frame, and says what is none", async () => {
    await load(family, { haar: { minSize: 150, region: "100, 340, 560, 560" } });
    // Where Bea stands in the photo, 1,920 pixels wide; Alice and 小明 stand elsewhere.
    const [x, y, width, height] = [1320, 160, 500, 500];
    const { width: whole, height: high } = await sharp(groupPhoto(6)).metadata();
    const frame = (sequence: number): FaceMessage["frame"] => ({
      source: "hall",
      sequence,
      capturedAt: Date.now(),
      width: whole,
      height: high,
    });
    for (const message of [
      { region: { x, y, width, height } },
      { region: `${x}, ${y},${width},${height}` },
      { region: { x, y, width, height }, frame: frame(0) },
    ] as FaceMessage[]) {
      const got = nextMessage("match");
      send("d", { payload: groupPhoto(6), ...message });
      assert.deepEqual(people(await got), ["match Bea below_threshold"]);
    }
    const own = nextMessage("match");
    send("d", { payload: groupPhoto(6), frame: frame(1) as never });
    assert.deepEqual(
      people(await own),
      ["match Alice below_threshold"],
      "the next message has the node's own region again",
    );
    for (const [wrong, why] of [
      ["1, 2, 3", /haar-detect: msg\.region: must be four numbers: x, y, width, height/],
      ["1, 2, 3, four", /msg\.region: height: /],
      ["1, 2, , 4", /must be four numbers/],
      [[1, 2, 3, 4], /must be four numbers/],
      [{ x: 1, y: 2, width: 3 }, /msg\.region: height: /],
      [{ x: 1, y: 2, width: -3, height: 4 }, /msg\.region: width: /],
      [7, /must be four numbers/],
      [{ x: 90_000, y: 0, width: 10, height: 10 }, /region of interest lies outside the picture/],
    ] as const) {
      const error = nextError("d");
      send("d", { payload: groupPhoto(6), region: wrong as never });
      assert.match(await error, why);
    }
  });

  it("says what is wrong with bad input, and works on", async () => {
    await load(family);
    const whole = await portrait("green");
    const box = { x: 10, y: 10, width: 100, height: 100 };
    for (const [id, message, why] of [
      ["d", { payload: whole.subarray(0, 5000) }, /haar-detect: the picture cannot be read .* cut off or damaged/],
      ["d", { payload: Buffer.alloc(0) }, /msg\.payload is an empty Buffer/],
      ["d", { payload: "a text" }, /msg\.payload is text that is no base64 of a picture, not a picture/],
      ["d", {}, /msg\.payload is nothing, not a picture/],
      ["d", { payload: whole, face: { version: 2 } }, /msg\.face\.version is 2, and this node reads .* version 1/],
      ["d", { payload: Buffer.from("a text in a Buffer") }, /not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture/],
      ["d", { payload: whole, frame: { source: 5 } as never }, /msg\.frame is not a frame: source/],
      [
        "d",
        {
          payload: Buffer.alloc(10),
          frame: { source: "c", sequence: 0, capturedAt: 1, width: 4, height: 4, encoding: "rgb" },
        },
        /10 bytes, but a raw RGB frame of 4 × 4 has 48/,
      ],
      ["e", { payload: whole }, /msg\.faces is missing: put a haar-detect node/],
      [
        "e",
        { payload: whole, faces: [{ box: { ...box, x: NaN }, score: 1 }] },
        /msg\.faces is not a list of detections: 0\.box\.x: .*NaN/,
      ],
      [
        "e",
        { payload: whole, faces: [{ box: { ...box, x: 9000 }, score: 1 }] },
        /lies outside the picture \(480 × 480\)/,
      ],
      ["e", { payload: Buffer.from("text"), faces: [{ box, score: 1 }] }, /not a JPEG/],
      ["m", { faces: [{ box, score: 1 }] }, /has no embedding: put a facenet-embed node/],
      [
        "m",
        { faces: [{ box, score: 1, embedding: new Float32Array(5), model: "dlib-resnet-v1" }] },
        /5 dimensions cannot be compared with a gallery of 128/,
      ],
      [
        "m",
        { faces: [{ box, score: 1, embedding: new Float32Array(128).fill(NaN), model: "dlib-resnet-v1" }] },
        /holds a NaN/,
      ],
      ["m", { faces: "three" as never }, /msg\.faces is not a list of detections/],
      ["m", { enrol: {}, payload: whole }, /the name is missing/],
    ] as [string, FaceMessage, RegExp][]) {
      const error = nextError(id);
      send(id, message);
      assert.match(await error, why);
    }
    const good = nextMessage("match");
    send("d", { payload: whole });
    assert.deepEqual(identities(await good), ["match Alice below_threshold"]);
  });

  it("keeps only the newest waiting frame of a camera and counts the others", async () => {
    await load(family);
    const payload = await portrait("green");
    const frame = (sequence: number): FaceMessage => ({
      payload,
      frame: { source: "door", sequence, capturedAt: Date.now(), width: 480, height: 480 },
    });
    const seen: number[] = [];
    let dropped = 0;
    const last = new Promise<void>((resolve) => {
      helper.getNode("match").on("input", (message) => {
        const { frame: taken, timing } = message as unknown as FaceMessage;
        seen.push(taken?.sequence ?? -1);
        dropped = timing?.dropped ?? 0;
        if (taken?.sequence === 9) resolve();
      });
    });
    for (let sequence = 0; sequence < 10; sequence += 1) send("d", frame(sequence));
    await last;
    assert.deepEqual([seen, dropped], [[0, 9], 8]);
  });

  it("goes on without a gallery folder that can be read, and says so", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "file-")), "photos");
    writeFileSync(folder, "a file, not a folder");
    await load(folder);
    const got = nextMessage("unknown");
    send("d", { payload: await portrait("green") });
    assert.deepEqual(identities(await got), ["unknown null empty_gallery"]);
  });

  it("says which option is wrong at deploy, and to each message", async () => {
    await load(family, { haar: { scaleFactor: "0.5" } });
    const error = nextError("d");
    send("d", { payload: await portrait("green") });
    assert.match(await error, /haar-detect: scaleFactor: /);
  });
});
