import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { annotate, drawing, labelOf } from "../../../lib/image/annotate";
import { thumbnail } from "../../../lib/image/thumbnail";
import { drawable, strokePath, strokeWidth } from "../../../lib/image/stroke-font";
import type { Face, Identity } from "../../../lib/message";

const WORDS = { unknown: "stranger", ambiguous: "not sure", occluded: "covered", too_dark: "too dark" };
const BOX = { x: 60, y: 60, width: 80, height: 80 };
const PICTURE = { width: 320, height: 240 };

const face = (identity: Partial<Identity>, box = BOX): Face => ({
  box,
  score: 1,
  identity: {
    outcome: "match",
    name: "Ada",
    person: null,
    groups: [],
    distance: 0.414,
    threshold: 0.58,
    margin: null,
    candidates: [],
    reason: "below_threshold",
    ...identity,
  },
});
const grey = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#808080" } })
    .jpeg()
    .toBuffer();
const pixel = async (jpeg: Buffer, x: number, y: number): Promise<number[]> =>
  Array.from(await sharp(jpeg).extract({ left: x, top: y, width: 1, height: 1 }).raw().toBuffer());

describe("annotate", () => {
  it("names a match with its distance and τ", () => {
    assert.deepEqual(labelOf(face({}), WORDS), { title: "Ada", detail: "0.41 ≤ τ 0.58" });
  });

  it("calls nobody by the reader's word, and shows how far above τ the nearest was", () => {
    assert.deepEqual(labelOf(face({ outcome: "unknown", name: null, distance: 0.7 }), WORDS), {
      title: "stranger",
      detail: "0.70 > τ 0.58",
    });
    assert.deepEqual(labelOf(face({ outcome: "ambiguous", name: null }), WORDS), {
      title: "not sure",
      detail: "0.41 ≤ τ 0.58",
    });
    assert.deepEqual(labelOf(face({ outcome: "unknown", name: null, distance: null }), WORDS), {
      title: "stranger",
      detail: "",
    });
  });

  it("says of a face that cannot be judged why, and does not call it a stranger", () => {
    for (const [reason, title] of [
      ["occluded", "covered"],
      ["too_dark", "too dark"],
      ["too_small", "stranger"],
    ] as const)
      assert.equal(
        labelOf(face({ outcome: "unknown", name: null, distance: null, reason }), WORDS)?.title,
        title,
        reason,
      );
  });

  it("writes nothing at what is no face, and dashes its box", () => {
    const rejected: Face = { box: BOX, score: 1, rejected: "bad_alignment" };
    assert.equal(labelOf(face({ outcome: "noface", name: null }), WORDS), undefined);
    assert.match(drawing([rejected], PICTURE, WORDS), /stroke-dasharray/);
    assert.doesNotMatch(drawing([face({})], PICTURE, WORDS), /stroke-dasharray/);
  });

  it("draws the box in the outcome's colour at its place, and leaves the rest of the picture alone", async () => {
    const { jpeg, width, height } = await annotate({ bytes: await grey(320, 240), frame: undefined }, [face({})], {
      words: WORDS,
      quality: 95,
    });
    assert.deepEqual([width, height], [320, 240]);
    const [red = 0, green = 0, blue = 0] = await pixel(jpeg, 60, 100);
    assert.ok(green > red + 50 && green > blue + 10, `green at the box's edge, not ${red}, ${green}, ${blue}`);
    assert.deepEqual(await pixel(jpeg, 300, 20), [128, 128, 128]);
  });

  it("draws on a raw RGB frame", async () => {
    const raw = await sharp(await grey(320, 240))
      .raw()
      .toBuffer();
    const { jpeg } = await annotate(
      { bytes: raw, frame: { source: "c", sequence: 0, capturedAt: 0, width: 320, height: 240, encoding: "rgb" } },
      [face({})],
      { words: WORDS, quality: 85 },
    );
    const { format, width } = await sharp(jpeg).metadata();
    assert.deepEqual([format, width], ["jpeg", 320]);
  });

  it("draws on a phone's photo as it is shown, not as it is stored", async () => {
    const stored = await sharp(await grey(320, 240))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { jpeg, width, height } = await annotate(
      { bytes: stored, frame: undefined },
      [face({}, { x: 100, y: 200, width: 80, height: 80 })],
      { words: WORDS, quality: 95 },
    );
    assert.deepEqual([width, height], [240, 320]);
    const [red = 0, green = 0] = await pixel(jpeg, 100, 240);
    assert.ok(green > red + 50);
  });

  it("takes names that are no XML: signs, control characters, half an emoji, 300 letters", async () => {
    const bytes = await grey(320, 240);
    for (const name of ["<b>&\"'", "\u0000\u001f小", "小\ud83d", "小😀", "../../小", "名".repeat(300), ""]) {
      const { jpeg } = await annotate({ bytes, frame: undefined }, [face({ name })], { words: WORDS, quality: 85 });
      assert.ok(jpeg.length > 1000, JSON.stringify(name));
    }
  });

  it("cuts a name that would cover the next face", () => {
    assert.equal(labelOf(face({ name: "x".repeat(300) }), WORDS)?.title, `${"x".repeat(22)}..`);
  });

  it("keeps a label inside the picture where the face is at its edge", () => {
    const svg = drawing([face({ name: "Wilhelmina" }, { x: 300, y: 0, width: 20, height: 240 })], PICTURE, WORDS);
    for (const [, x = "", y = "", width = "", height = ""] of svg.matchAll(
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g,
    )) {
      assert.ok(Number(x) >= 0 && Number(x) + Number(width) <= 320.01, `x ${x} + ${width}`);
      assert.ok(Number(y) >= 0 && Number(y) + Number(height) <= 240.01, `y ${y} + ${height}`);
    }
  });

  it("says what is wrong with a payload that is no picture", async () => {
    await assert.rejects(
      annotate({ bytes: Buffer.from("hello"), frame: undefined }, [], { words: WORDS, quality: 85 }),
      /not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture/,
    );
  });

  it("makes a preview that is small", async () => {
    const { width } = await sharp(await thumbnail(await grey(1280, 720), 320, 60)).metadata();
    assert.equal(width, 320);
  });
});

describe("the stroke font", () => {
  it("has every printable ASCII letter, so that a name and a number need no font of the system", () => {
    const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
    assert.equal(drawable(ascii), ascii);
    assert.ok(!drawing([face({ name: "Ada" })], PICTURE, WORDS).includes("<text"));
  });

  it("writes an accented letter without its accent, and leaves other scripts to the system", () => {
    assert.equal(drawable("Zoë Müller"), "Zoe Muller");
    assert.equal(drawable("小明"), undefined);
    assert.match(drawing([face({ name: "小明" })], PICTURE, WORDS), />小明<\/text>/);
  });

  it("writes strokes where it is told to", () => {
    assert.equal(strokePath("L", 10, 20, 12), "M10 20L10 32L18 32");
    assert.equal(strokeWidth("LL", 12), 20);
  });
});
