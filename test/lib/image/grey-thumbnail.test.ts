import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { decode } from "../../../lib/image/decode";
import { greyThumbnail } from "../../../lib/image/grey-thumbnail";
import { groupPhoto } from "../../support/photos";

describe("greyThumbnail", () => {
  it("has an eighth of a JPEG's width and height, and its brightness", async () => {
    const photo = await sharp(groupPhoto(1)).resize(1285, 723, { fit: "fill" }).jpeg().toBuffer();
    const { grey, ...size } = await greyThumbnail({ bytes: photo, frame: undefined });
    assert.deepEqual(
      [size, grey.width, grey.height, grey.data.length],
      [{ width: 1285, height: 723 }, 160, 90, 14_400],
    );
    const rgb = await sharp(photo).resize(160, 90, { fit: "fill" }).raw().toBuffer();
    const expected = Array.from(
      { length: rgb.length / 3 },
      (_, index) => 0.299 * rgb[3 * index]! + 0.587 * rgb[3 * index + 1]! + 0.114 * rgb[3 * index + 2]!,
    );
    const off = expected.reduce((sum, value, index) => sum + Math.abs(value - grey.data[index]!), 0) / expected.length;
    assert.ok(off < 1, String(off));
  });

  it("of a raw frame looks as that of the same picture as JPEG does", async () => {
    const bytes = await sharp(groupPhoto(2)).resize(640, 480, { fit: "fill" }).jpeg({ quality: 95 }).toBuffer();
    const { data } = await decode({ bytes: Uint8Array.from(bytes), raw: undefined });
    const frame = { source: "a", sequence: 0, capturedAt: 0, width: 640, height: 480 };
    const jpeg = await greyThumbnail({ bytes, frame });
    const raw = await greyThumbnail({ bytes: Buffer.from(data), frame: { ...frame, encoding: "rgb" } });
    assert.deepEqual([raw.grey.width, raw.grey.height, raw.width], [80, 60, 640]);
    const off =
      raw.grey.data.reduce((sum, value, index) => sum + Math.abs(value - jpeg.grey.data[index]!), 0) /
      raw.grey.data.length;
    // Green for grey, and a quarter of the pixels.
    assert.ok(off < 12, String(off));
  });

  it("of a large raw frame gives the event loop its turns, and is still its brightness", async () => {
    const [width, height] = [3840, 2160];
    // Brighter from left to right, and from row to row of 8.
    const data = Buffer.alloc(width * height * 3);
    for (let row = 0, at = 0; row < height; row += 1)
      for (let column = 0; column < width; column += 1, at += 3)
        data.fill((column >> 5) + ((row >> 3) & 63), at, at + 3);
    let turns = 0;
    let going = true;
    const turn = (): void => {
      turns += 1;
      if (going) setImmediate(turn);
    };
    setImmediate(turn);
    const { grey } = await greyThumbnail({
      bytes: data,
      frame: { source: "a", sequence: 0, capturedAt: 0, width, height, encoding: "rgb" },
    });
    going = false;
    assert.ok(turns >= 3, String(turns));
    for (const [column, row] of [
      [0, 0],
      [479, 269],
      [100, 200],
    ] as const)
      assert.equal(grey.data[row * grey.width + column], (column >> 2) + (row & 63));
  });

  it("is of a picture as it is shown, grey or tiny as it may be", async () => {
    const turned = await sharp({ create: { width: 160, height: 80, channels: 3, background: "#808080" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { grey, width, height } = await greyThumbnail({ bytes: turned, frame: undefined });
    assert.deepEqual([width, height, grey.width, grey.height], [80, 160, 10, 20]);
    const tiny = await sharp({ create: { width: 5, height: 3, channels: 3, background: "#fff" } })
      .greyscale()
      .png()
      .toBuffer();
    assert.deepEqual((await greyThumbnail({ bytes: tiny, frame: undefined })).grey, {
      data: Uint8Array.from([255]),
      width: 1,
      height: 1,
    });
  });

  it("of what is no picture is the same sentence as everywhere", async () => {
    await assert.rejects(greyThumbnail({ bytes: Buffer.from("hello"), frame: undefined }), /not a picture/);
  });
});
