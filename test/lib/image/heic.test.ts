import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createEncoder } from "../../../lib/embed/encode";
import { euclideanDistance } from "../../../lib/embed/distance";
import heicTask from "../../../lib/image/heic-worker";
import { HEIC_HALVES } from "../../support/heic";
import { portrait } from "../../support/photos";
import { isInstalled } from "../../support/programs";

/** While heic-decode cannot be found. */
async function withoutDecoder<T>(work: () => Promise<T>): Promise<T> {
  const resolver = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const real = resolver._resolveFilename;
  resolver._resolveFilename = (request, ...rest) => {
    if (request === "heic-decode") throw Object.assign(new Error("Cannot find module 'heic-decode'"), { code: "MODULE_NOT_FOUND" });
    return real.call(resolver, request, ...rest);
  };
  try {
    return await work();
  } finally {
    resolver._resolveFilename = real;
  }
}

describe("HEIC", () => {
  it("names itself and the mend where its decoder is not installed", async () => {
    const refused = withoutDecoder(() => heicTask({ bytes: Uint8Array.from(HEIC_HALVES) }));
    await assert.rejects(refused, /it is a HEIC picture.*run "npm install heic-decode" in the Node-RED user folder, send a JPEG instead/);
  });

  it("gives the same face as the JPEG it was made of", { skip: !isInstalled("heif-enc") && "heif-enc (Debian: libheif-examples) makes the HEIC" }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "facenet-heic-"));
    const jpeg = await portrait("green");
    writeFileSync(join(folder, "a.jpg"), jpeg);
    execFileSync("heif-enc", ["-q", "80", join(folder, "a.jpg"), "-o", join(folder, "a.heic")], { timeout: 60_000 });
    const encoder = await createEncoder({});
    try {
      const [[one], [other]] = [await encoder.encode(jpeg), await encoder.encode(readFileSync(join(folder, "a.heic")))];
      // Two compressions of one photo; another person is 0.6 away.
      assert.ok(euclideanDistance(one?.embedding as Float32Array, other?.embedding as Float32Array) < 0.15);
    } finally {
      await encoder.close();
      rmSync(folder, { recursive: true });
    }
  });
});
