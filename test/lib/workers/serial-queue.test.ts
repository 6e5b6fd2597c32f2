import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { describe, it } from "node:test";
import { SerialQueue } from "../../../lib/workers/serial-queue";

describe("SerialQueue", () => {
  it("begins nothing before what was asked for earlier has ended, and keeps the order", async () => {
    const queue = new SerialQueue();
    const said: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      said.push(`${name} begins`);
      await turn();
      said.push(`${name} ends`);
      return name;
    };
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((name) => queue.run(work(name)))), ["a", "b", "c"]);
    assert.deepEqual(said, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("tells a failure to whoever asked, and goes on with the next", async () => {
    const queue = new SerialQueue();
    const failing = queue.run(() => {
      throw new Error("no");
    });
    const next = queue.run(() => "yes");
    await assert.rejects(failing, /^Error: no$/);
    assert.equal(await next, "yes");
  });

  it("counts what has not ended, and says when nothing is left", async () => {
    const queue = new SerialQueue();
    const ended: string[] = [];
    void queue.run(async () => {
      await turn();
      ended.push("first");
    });
    queue.run(() => Promise.reject(new Error("no"))).catch(() => ended.push("second"));
    assert.equal(queue.length, 2);
    await queue.idle();
    await turn();
    assert.deepEqual(ended, ["first", "second"]);
    assert.equal(queue.length, 0);
  });
});
