import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Again } from "../../../lib/workers/again";

describe("work that is done again", () => {
  it("is done once for all that changed meanwhile, and once more for what changed while it ran", async () => {
    let times = 0;
    const again = new Again(async () => {
      times += 1;
      if (times === 1) again.later();
    }, 1);
    again.later();
    again.later();
    assert.equal(times, 0, "not at once");
    await again.settled();
    assert.equal(times, 2);
    await again.settled();
    assert.equal(times, 2, "nothing changed");
  });

  it("takes no more than its share of the time", async () => {
    const begun: number[] = [];
    const busy = 20;
    const again = new Again(async () => {
      begun.push(performance.now());
      again.later();
      await new Promise((resolve) => {
        setTimeout(resolve, busy);
      });
    }, 0.25);
    again.later();
    while (begun.length < 3) {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    again.close();
    const gaps = begun.slice(1).map((at, index) => at - (begun[index] as number));
    assert.ok(
      gaps.every((gap) => gap >= busy / 0.25 - 5),
      gaps.join(", "),
    );
  });

  it("goes on after a failure, and not after it is closed", async () => {
    let times = 0;
    const again = new Again(async () => {
      times += 1;
      throw new Error("no");
    }, 1);
    again.later();
    await again.settled();
    again.later();
    await again.settled();
    assert.equal(times, 2);
    again.close();
    again.later();
    await again.settled();
    assert.equal(times, 2);
  });
});
