import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ByPayload, withOwnMemory } from "../../../lib/image/by-payload";

describe("what is known of a payload", () => {
  const bytes = Buffer.alloc(1000, "a picture");
  /** As Node.js takes small Buffers from a slab, whatever its size. */
  const slice = Buffer.from(new ArrayBuffer(65_536), 4096, bytes.length);
  bytes.copy(slice);

  it("is kept beside bytes of their own memory, and found by another view of it", () => {
    const known = new ByPayload<string>();
    const own = withOwnMemory(slice);
    assert.deepEqual(own, bytes);
    assert.equal(known.set(own, "known"), true);
    assert.equal(known.get(Buffer.from(own.buffer, own.byteOffset, own.byteLength)), "known");
  });

  it("is not kept beside a slice of something bigger, which would live on with it", () => {
    const known = new ByPayload<string>();
    assert.equal(known.set(slice, "known"), false);
    assert.equal(known.get(slice), undefined);
  });

  it("copies nothing that has its own memory", () => {
    const own = withOwnMemory(slice);
    assert.equal(withOwnMemory(own), own);
  });
});
