import assert from "node:assert/strict";
import { it } from "node:test";
import { collectGarbage } from "../../../lib/workers/collect";

/** Nothing refers to it when this returns. */
function forgotten(): WeakRef<object> {
  return new WeakRef({ weights: new Float32Array(1000) });
}

it("what nobody needs any more is freed at once", async () => {
  const weights = forgotten();
  // A WeakRef keeps its object until the end of the turn.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  collectGarbage();
  assert.equal(weights.deref(), undefined);
});
