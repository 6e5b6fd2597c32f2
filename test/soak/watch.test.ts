/** The watch itself: what leaks is seen. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertNoLeak, Stage } from "../support/soak";

describe("the watch over a Node-RED", () => {
  const stage = new Stage();

  it("finds nothing where nothing leaks, and memory, timers and listeners that do", async () => {
    const red = await stage.watch([{ id: "t", type: "tab", label: "empty" }]);
    const before = await red.figures();
    assertNoLeak(before, await red.figures());
    await red.leak({ listeners: 1 });
    const heard = await red.figures();
    assert.throws(() => assertNoLeak(before, heard), /1\.0 more listeners than before, allowed 0/);
    await red.leak({ timers: 10 });
    const timed = await red.figures();
    assert.throws(() => assertNoLeak(heard, timed), /10\.0 more Timeout than before, allowed 6/);
    await red.leak({ megabytes: 10 });
    const grown = await red.figures();
    assert.throws(() => assertNoLeak(timed, grown), /more MB of heap than before, allowed 6/);
    assert.throws(() => assertNoLeak(grown, { ...grown, children: [1, 2] }), /2\.0 more child processes/);
    assert.throws(() => assertNoLeak(grown, { ...grown, workers: 1 }), /1\.0 more workers/);
    assert.throws(
      () => assertNoLeak(grown, { ...grown, descriptors: grown.descriptors + 20 }),
      /20\.0 more open files/,
    );
  });
});
