import assert from "node:assert/strict";
import Module from "node:module";
import { it } from "node:test";
import heicTask from "../../../lib/image/heic-worker";
import { HEIC_HALVES } from "../../support/heic";
import { render, type Sentence } from "../../../lib/words/sentence";

/** While heic-decode cannot be found. */
async function withoutDecoder<T>(work: () => Promise<T>): Promise<T> {
  const resolver = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const real = resolver._resolveFilename;
  resolver._resolveFilename = (request, ...rest) => {
    if (request === "heic-decode")
      throw Object.assign(new Error("Cannot find module 'heic-decode'"), { code: "MODULE_NOT_FOUND" });
    return real.call(resolver, request, ...rest);
  };
  try {
    return await work();
  } finally {
    resolver._resolveFilename = real;
  }
}

it("names HEIC and the mend where its decoder is not installed", async () => {
  const { userError } = (await withoutDecoder(() => heicTask({ bytes: Uint8Array.from(HEIC_HALVES) }))) as {
    userError: Sentence;
  };
  assert.match(
    render(userError, "en-US"),
    /it is a HEIC picture.*run "npm install heic-decode" in the Node-RED user folder, send a JPEG/,
  );
});
