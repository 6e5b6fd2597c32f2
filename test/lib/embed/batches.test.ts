import assert from "node:assert/strict";
import { it } from "node:test";
import { inBatches, MOST_AT_ONCE } from "../../../lib/embed/batches";

it("works on many faces some at a time, in order, so that no number of them is too much for the engine", async () => {
  const sizes: number[] = [];
  let busy = 0;
  const results = await inBatches(
    Array.from({ length: 2 * MOST_AT_ONCE + 5 }, (_, index) => index),
    async (batch) => {
      sizes.push(batch.length);
      busy += 1;
      await new Promise(setImmediate);
      assert.equal(busy, 1, "one batch at a time");
      busy -= 1;
      return batch.map((item) => 10 * item);
    },
  );
  assert.deepEqual(sizes, [MOST_AT_ONCE, MOST_AT_ONCE, 5]);
  assert.deepEqual(
    results,
    Array.from(results, (_, index) => 10 * index),
  );
  assert.deepEqual(await inBatches([], () => Promise.reject(new Error("asked for nothing"))), []);
});
