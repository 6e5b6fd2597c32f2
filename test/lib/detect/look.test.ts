import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { ReferenceLook, lookAt, SAME_LOOK } from "../../../lib/detect/look";
import { decode } from "../../../lib/image/decode";
import type { Pixels } from "../../../lib/image/pixels";
import type { Box } from "../../../lib/message";
import { PORTRAITS, portrait } from "../../support/photos";

type Name = keyof typeof PORTRAITS;

/** Where the detector finds the faces in the portraits. */
const BOXES: Record<Name, Box> = {
  green: { x: 107, y: 133, width: 254, height: 254 },
  emerald: { x: 128, y: 120, width: 272, height: 272 },
  stripes: { x: 110, y: 122, width: 253, height: 253 },
  front: { x: 119, y: 117, width: 233, height: 233 },
  blonde: { x: 108, y: 114, width: 257, height: 257 },
};

async function pixelsOf(name: Name, change: (image: sharp.Sharp) => sharp.Sharp = (image) => image): Promise<Pixels> {
  return decode({
    bytes: Uint8Array.from(
      await change(sharp(await portrait(name)))
        .jpeg()
        .toBuffer(),
    ),
    raw: undefined,
  });
}

const moved = ({ x, y, width }: Box, right: number, down: number, size: number): Box => ({
  x: x + right * width,
  y: y + down * width,
  width: width * size,
  height: width * size,
});

describe("ReferenceLook", () => {
  for (const name of Object.keys(PORTRAITS) as Name[]) {
    it(`knows ${name} again under the jitter of boxes, another light and JPEG's noise`, async () => {
      const reference = new ReferenceLook(lookAt(await pixelsOf(name), BOXES[name]));
      for (const [right, down, size] of [
        [0.04, 0, 1],
        [-0.05, 0.03, 1.06],
        [0.02, -0.05, 0.95],
        [0.06, 0.06, 1.04],
      ] as const) {
        const other = await pixelsOf(name, (image) => image.linear(0.8, 12).jpeg({ quality: 60 }));
        const likeness = reference.likeness(lookAt(other, moved(BOXES[name], right, down, size)));
        assert.ok(likeness >= SAME_LOOK, `${likeness} for ${right}, ${down}, ${size}`);
      }
    });

    it(`takes nobody else for ${name}`, async () => {
      const reference = new ReferenceLook(lookAt(await pixelsOf(name), BOXES[name]));
      for (const other of Object.keys(PORTRAITS) as Name[]) {
        const likeness = reference.likeness(lookAt(await pixelsOf(other), BOXES[other]));
        assert.equal(likeness >= SAME_LOOK, other === name, `${other}: ${likeness}`);
      }
    });
  }

  it("takes a mirrored face for another look", async () => {
    const reference = new ReferenceLook(lookAt(await pixelsOf("green"), BOXES.green));
    const { x, ...box } = BOXES.green;
    assert.ok(
      reference.likeness(
        lookAt(await pixelsOf("green", (image) => image.flop()), { ...box, x: PORTRAITS.green.width - x - box.width }),
      ) < SAME_LOOK,
    );
  });

  it("finds nothing like a wall without structure, and that is like nothing", async () => {
    const wall = await decode({
      bytes: Uint8Array.from(
        await sharp({ create: { width: 480, height: 480, channels: 3, background: "#888" } })
          .png()
          .toBuffer(),
      ),
      raw: undefined,
    });
    const face = lookAt(await pixelsOf("green"), BOXES.green);
    const flat = lookAt(wall, BOXES.green);
    assert.deepEqual([new ReferenceLook(face).likeness(flat), new ReferenceLook(flat).likeness(face)], [-1, -1]);
  });

  it("cuts a patch at the border of the picture", async () => {
    const pixels = await pixelsOf("green");
    assert.equal(lookAt(pixels, { x: 400, y: 400, width: 200, height: 200 }).length, 44 * 44);
  });
});
