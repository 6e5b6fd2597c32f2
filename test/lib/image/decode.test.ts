import assert from "node:assert/strict";
import { describe, it } from "node:test";
import zlib from "node:zlib";
import sharp from "sharp";
import { annotate } from "../../../lib/image/annotate";
import { cropFace } from "../../../lib/image/crop";
import { decode, toGrey } from "../../../lib/image/decode";
import { toKeptJpeg } from "../../../lib/image/encode";
import { UserError } from "../../../lib/errors";
import { type Opened, withPicture } from "../../../lib/image/open-picture";
import type { Pixels } from "../../../lib/image/pixels";

/** Left half red, right half blue. */
const twoHalves = (): sharp.Sharp =>
  sharp({ create: { width: 64, height: 32, channels: 3, background: "#f00" } }).composite([
    { input: { create: { width: 32, height: 32, channels: 3, background: "#00f" } }, left: 32, top: 0 },
  ]);

const open = (bytes: Buffer, raw?: { width: number; height: number }): Promise<Pixels> =>
  decode({ bytes: Uint8Array.from(bytes), raw });

function colourAt({ data, width }: Pixels, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

function near(actual: number[], expected: number[], tolerance = 12): void {
  actual.forEach((value, index) =>
    assert.ok(
      Math.abs(value - (expected[index] as number)) <= tolerance,
      `${String(actual)} is not near ${String(expected)}`,
    ),
  );
}

describe("decode", () => {
  for (const format of ["jpeg", "png", "webp", "avif", "gif"] as const) {
    it(`reads ${format}`, async () => {
      const pixels = await open(
        await twoHalves()
          .toFormat(format, format === "avif" ? { lossless: true } : {})
          .toBuffer(),
      );
      assert.deepEqual([pixels.width, pixels.height, pixels.data.length], [64, 32, 64 * 32 * 3]);
      near(colourAt(pixels, 8, 16), [255, 0, 0]);
      near(colourAt(pixels, 56, 16), [0, 0, 255]);
    });
  }

  it("gives a picture up at which libvips works for too long, and reads the next", async () => {
    const bytes = await sharp({
      create: { width: 6000, height: 4000, channels: 3, background: "#fff", noise: { type: "gaussian", sigma: 60 } },
    })
      .jpeg()
      .toBuffer();
    const slow = ({ image }: Opened): Promise<Buffer> => image.median(101).raw().toBuffer();
    const began = performance.now();
    await assert.rejects(
      withPicture({ bytes }, slow, 1),
      (error) => error instanceof UserError && error.message.includes("takes too long to be decoded"),
    );
    assert.ok(performance.now() - began < 60_000);
    const small = await withPicture({ bytes }, ({ image }) => image.resize(8).raw().toBuffer());
    assert.equal(small.length, 8 * 5 * 3);
  });

  it("turns a photo as its EXIF says", async () => {
    const pixels = await open(await twoHalves().withMetadata({ orientation: 6 }).jpeg().toBuffer());
    assert.deepEqual([pixels.width, pixels.height], [32, 64]);
    near(colourAt(pixels, 16, 8), [255, 0, 0]);
    near(colourAt(pixels, 16, 56), [0, 0, 255]);
  });

  it("makes RGB of a grey picture", async () => {
    const pixels = await open(
      await sharp({ create: { width: 8, height: 8, channels: 3, background: "#808080" } })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
    );
    assert.equal(pixels.data.length, 8 * 8 * 3);
    near(colourAt(pixels, 4, 4), [128, 128, 128], 1);
  });

  it("makes RGB of a CMYK JPEG", async () => {
    const cmyk = await twoHalves().toColourspace("cmyk").jpeg().toBuffer();
    assert.equal((await sharp(cmyk).metadata()).channels, 4);
    const [red, green, blue] = colourAt(await open(cmyk), 8, 16) as [number, number, number];
    assert.ok(red > 180 && green < 80 && blue < 80, `${red} ${green} ${blue} is no red`);
  });

  it("makes 8 bits of a 16-bit PNG, and white of transparency", async () => {
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    near(colourAt(await open(clear), 4, 4), [255, 255, 255], 1);
  });

  it("takes a raw frame as it is", async () => {
    const pixels = await open(Buffer.from([1, 2, 3, 4, 5, 6]), { width: 2, height: 1 });
    assert.deepEqual([...pixels.data], [1, 2, 3, 4, 5, 6]);
  });

  it("refuses a raw frame of another size", async () => {
    await assert.rejects(
      open(Buffer.alloc(5), { width: 2, height: 1 }),
      /msg\.payload has 5 bytes, but a raw RGB frame of 2 × 1 has 6/,
    );
  });

  it("refuses text", async () => {
    await assert.rejects(
      open(Buffer.from("not a picture at all")),
      /not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture/,
    );
    await assert.rejects(open(Buffer.alloc(0)), /the picture is empty/);
    const drawing = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"><rect width="64" height="32"/></svg>',
    );
    for (const bytes of [drawing, zlib.gzipSync(drawing)])
      await assert.rejects(open(bytes), /it is (?:an SVG drawing|compressed \(gzip\)) \(\d+ bytes\), not a JPEG/);
  });

  it("refuses a drawing wherever a picture is opened: a few bytes may keep a thread busy for minutes", async () => {
    const picture = {
      bytes: Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"><rect width="64" height="32"/></svg>',
      ),
      frame: undefined,
    };
    await assert.rejects(toKeptJpeg(picture), /it is an SVG drawing/);
    await assert.rejects(
      annotate(picture, [], { words: { unknown: "", ambiguous: "", occluded: "", too_dark: "" }, quality: 80 }),
      /it is an SVG drawing/,
    );
    await assert.rejects(cropFace(picture, { x: 0, y: 0, width: 8, height: 8 }, 8), /it is an SVG drawing/);
  });

  it("says what a file is that is no picture", async () => {
    const cases: [Buffer, RegExp][] = [
      [Buffer.from("%PDF-1.7 …"), /it is a PDF/],
      [Buffer.from("<!DOCTYPE html><html>"), /a web page: the address answers with HTML/],
      [Buffer.from("\0\0\0\x18ftypmp42\0\0\0\0isommp42", "latin1"), /a video \(MP4 or MOV\)/],
      [Buffer.from("BMxxxx\0\0\0\0", "latin1"), /a BMP picture/],
      [Buffer.from("\0\0\0\x0cJXL \r\n", "latin1"), /a JPEG XL picture/],
      [Buffer.from("\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "latin1"), /a camera's raw picture/],
      [Buffer.from("FUJIFILMCCD-RAW 0201FF393101"), /a camera's raw picture/],
      [Buffer.from("II*\0\x10\0\0\0CR\x02\0", "latin1"), /a camera's raw picture/],
      [Buffer.from("II+\0\x08\0\0\0", "latin1"), /a BigTIFF picture/],
      [Buffer.from("8BPS\0\x01"), /a Photoshop file/],
      [Buffer.from("\0\0\x01\0\x01\0", "latin1"), /an icon \(ICO\)/],
      [Buffer.from("P6\n2 2\n255\n"), /a PNM picture/],
      [Buffer.from("\0\0\0\x08wide\0\0\x10\0mdat", "latin1"), /a video \(MP4 or MOV\)/],
      [Buffer.from([0, 0, 0, 1, 0x67, 0x42]), /a video stream/],
      [Buffer.from("\ufeff<!DOCTYPE html><html>"), /a web page/],
      [Buffer.from("\ufeff<svg/>"), /an SVG drawing/],
      [Buffer.from("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), /an XML document/],
      [Buffer.from('{"error":"unauthorized"}'), /JSON text: the address answers with an error/],
      [Buffer.from((await twoHalves().jpeg().toBuffer()).toString()), /read as text on the way, which destroys/],
      [
        Buffer.from((await twoHalves().png().toBuffer()).toString("base64")),
        /base64 text, and not what it stands for/,
      ],
    ];
    for (const [bytes, sentence] of cases) await assert.rejects(open(bytes), sentence);
  });

  it("takes no raw picture of a camera for the thumbnail that its TIFF begins with, and reads others", async () => {
    for (const byteOrder of ["<", ">"] as const) {
      assert.equal((await open(tinyTiff(byteOrder, []))).width, 2);
      await assert.rejects(open(tinyTiff(byteOrder, [[254, 1]])), /a camera's raw picture \(DNG, CR2, NEF and/, "NEF");
      await assert.rejects(open(tinyTiff(byteOrder, [[50706, 1]])), /a camera's raw picture/, "DNG");
    }
    const tags = tinyTiff("<", []);
    tags.writeUInt16LE(0xffff, tags.readUInt32LE(4));
    await assert.rejects(open(tags), /cannot be read/, "more tags than there are");
  });

  it("says of a picture that is too long for a JPEG that it is, and does not call it damaged", async () => {
    const strip = await sharp({ create: { width: 70_000, height: 4, channels: 3, background: "#f00" } })
      .png()
      .toBuffer();
    assert.equal((await open(strip)).width, 70_000);
    await assert.rejects(toKeptJpeg({ bytes: strip, frame: undefined }), /more than 65500 pixels wide or high/);
  });

  it("reads the pictures of phones: a film behind them, turned and mirrored, EXIF that is none", async () => {
    const jpeg = await twoHalves().jpeg().toBuffer();
    const film = Buffer.from("\0\0\0\x18ftypmp42\0\0\0\0isommp42", "latin1");
    assert.equal((await open(Buffer.concat([jpeg, film, Buffer.alloc(4000, 7)]))).width, 64);
    // Where the red half is then: left, right, above or below.
    const red: [x: number, y: number][] = [
      [4, 4],
      [60, 4],
      [60, 28],
      [4, 28],
      [4, 4],
      [4, 4],
      [28, 60],
      [28, 60],
    ];
    for (const [index, [x, y]] of red.entries()) {
      const turned = await twoHalves()
        .withMetadata({ orientation: index + 1 })
        .jpeg()
        .toBuffer();
      const shown = await open(turned);
      assert.deepEqual([shown.width, shown.height], index < 4 ? [64, 32] : [32, 64]);
      near(colourAt(shown, x, y), [255, 0, 0]);
    }
    const exif = await twoHalves()
      .withExif({ IFD0: { Copyright: "somebody" } })
      .jpeg()
      .toBuffer();
    const at = exif.indexOf("Exif\0\0", 0, "latin1");
    near(colourAt(await open(exif.fill(0xff, at + 8, at + 30)), 4, 4), [255, 0, 0]);
  });

  it("refuses a picture that was cut off", async () => {
    const whole = await twoHalves().jpeg().toBuffer();
    await assert.rejects(open(whole.subarray(0, whole.length / 2)), /cannot be read .* cut off or damaged/);
  });

  it("refuses a picture of 20,000 × 20,000 before it is decoded", async () => {
    await assert.rejects(open(hugePng(20_000)), /more than 64 megapixels/);
  });
});

describe("toGrey", () => {
  it("weighs colours as OpenCV does", () => {
    const grey = new Uint8Array(4);
    toGrey(
      { data: Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 200, 30]), width: 4, height: 1 },
      { x: 0, y: 0, width: 4, height: 1 },
      grey,
    );
    assert.deepEqual([...grey], [76, 150, 29, 124]);
  });
});

/** A PNG whose header promises side × side pixels. */
function hugePng(side: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(zlib.crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", zlib.deflateSync(Buffer.alloc(1000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A red TIFF of 2 × 1 pixels. @param more tags, each with a number */
function tinyTiff(byteOrder: "<" | ">", more: [tag: number, value: number][]): Buffer {
  const little = byteOrder === "<";
  const pixels = Buffer.from([255, 0, 0, 255, 0, 0]);
  const tags: [number, number][] = [
    [256, 2],
    [257, 1],
    [258, 8],
    [259, 1],
    [262, 2],
    [273, 8],
    [277, 3],
    [278, 1],
    [279, pixels.length],
    ...more,
  ];
  const tiff = new DataView(new ArrayBuffer(16 + 2 + 12 * tags.length + 4));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 16, little);
  pixels.forEach((value, index) => tiff.setUint8(8 + index, value));
  tiff.setUint16(16, tags.length, little);
  tags
    .sort(([a], [b]) => a - b)
    .forEach(([tag, value], index) => {
      const at = 18 + 12 * index;
      tiff.setUint16(at, tag, little);
      // LONG, one of them.
      tiff.setUint16(at + 2, 4, little);
      tiff.setUint32(at + 4, 1, little);
      tiff.setUint32(at + 8, value, little);
    });
  return Buffer.from(tiff.buffer);
}
