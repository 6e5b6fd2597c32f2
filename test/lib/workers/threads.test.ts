import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { threadsFor } from "../../../lib/workers/threads";

const GIGABYTE = 2 ** 30;

describe("threadsFor", () => {
  it("is sized to the machine: cores, and memory for the networks", () => {
    const sizes = (cores: number, gigabytes: number): number[] => {
      const { detect, networks, search } = threadsFor(cores, gigabytes * GIGABYTE);
      return [detect, networks, search];
    };
    assert.deepEqual(sizes(1, 0.5), [1, 1, 2]);
    assert.deepEqual(sizes(2, 8), [1, 1, 2]);
    // A Raspberry Pi with 1 GB, and with 4.
    assert.deepEqual(sizes(4, 0.9), [2, 1, 4]);
    assert.deepEqual(sizes(4, 4), [1, 2, 4]);
    assert.deepEqual(sizes(8, 16), [3, 4, 4]);
    assert.deepEqual(sizes(64, 256), [4, 4, 4]);
  });
});
