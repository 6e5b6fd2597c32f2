import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import { euclideanDistance } from "../../lib/embed/distance";
import { createEncoder } from "../../lib/enrol/encoder";
import { cropFace } from "../../lib/image/crop";
import { toKeptJpeg } from "../../lib/image/encode";
import { HEIC_HALVES } from "../support/heic";
import { portrait } from "../support/photos";
import { isInstalled } from "../support/programs";

async function coloursOf(jpeg: Buffer): Promise<{ size: number[]; left: number[]; right: number[] }> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number): number[] => [
    ...data.subarray(((info.height >> 1) * info.width + x) * 3, ((info.height >> 1) * info.width + x) * 3 + 3),
  ];
  return { size: [info.width, info.height], left: at(8), right: at(info.width - 8) };
}

describe("HEIC with its decoder installed", () => {
  it("is read, whatever the file is called, upright and in its colours", async () => {
    const { size, left, right } = await coloursOf(await toKeptJpeg({ bytes: HEIC_HALVES, frame: undefined }));
    assert.deepEqual(size, [64, 32]);
    assert.ok((left[0] as number) > 220 && (left[2] as number) < 40, `left is ${left.join()}, not red`);
    assert.ok((right[2] as number) > 220 && (right[0] as number) < 40, `right is ${right.join()}, not blue`);
    const face = await cropFace({ bytes: HEIC_HALVES, frame: undefined }, { x: 0, y: 0, width: 16, height: 16 }, 16);
    assert.equal((await sharp(face).metadata()).format, "jpeg");
  });

  it("is named when it is damaged, and the next is read", async () => {
    for (const bytes of [
      HEIC_HALVES.subarray(0, 300),
      Buffer.concat([HEIC_HALVES.subarray(0, 500), Buffer.alloc(455, 7)]),
    ]) {
      await assert.rejects(
        toKeptJpeg({ bytes, frame: undefined }),
        /the HEIC picture cannot be read .* save it as JPEG/,
      );
    }
    assert.equal((await sharp(await toKeptJpeg({ bytes: HEIC_HALVES, frame: undefined })).metadata()).width, 64);
  });

  it(
    "gives the same face as the JPEG it was made of",
    { skip: !isInstalled("heif-enc") && "heif-enc (Debian: libheif-examples) makes the HEIC" },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "facenet-heic-"));
      const jpeg = await portrait("green");
      writeFileSync(join(folder, "a.jpg"), jpeg);
      execFileSync("heif-enc", ["-q", "80", join(folder, "a.jpg"), "-o", join(folder, "a.heic")], { timeout: 60_000 });
      const encoder = await createEncoder({});
      try {
        const [[one], [other]] = [
          await encoder.encode(jpeg),
          await encoder.encode(readFileSync(join(folder, "a.heic"))),
        ];
        // Two compressions of one photo; another person is 0.6 away.
        assert.ok(euclideanDistance(one?.embedding as Float32Array, other?.embedding as Float32Array) < 0.15);
      } finally {
        await encoder.close();
        rmSync(folder, { recursive: true });
      }
    },
  );
});
