import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Outage } from "../../../lib/capture/outage";

const MINUTE = 60_000;

/** Minutes at which a camera that is lost every 30 s for two days is warned of. */
function warnings(outage: Outage, reason: (minute: number) => string): number[] {
  const told: number[] = [];
  for (let at = 0; at < 2 * 24 * 60 * MINUTE; at += MINUTE / 2)
    if (outage.lost(reason(at / MINUTE), at)) told.push(at / MINUTE);
  return told;
}

describe("a camera that is missing", () => {
  it("is warned of once, then at growing intervals up to a day", () => {
    assert.deepEqual(
      warnings(new Outage(), () => "camera:80 refuses the connection"),
      [0, 1, 6, 31, 156, 781, 781 + 24 * 60],
    );
  });

  it("is warned of no more often when only numbers in the reason change", () => {
    assert.equal(warnings(new Outage(), (minute) => `was lost after ${Math.floor(minute)} frames`).length, 7);
  });

  it("is warned of at once for a new reason, but not for ever new ones", () => {
    const outage = new Outage();
    assert.deepEqual(
      [
        outage.lost("refused", 0),
        outage.lost("answers 401", 1),
        outage.lost("refused", 2),
        outage.lost("answers 401", 3),
      ],
      [true, true, false, false],
    );
    assert.ok(warnings(new Outage(), (minute) => "x".repeat(minute * 2)).length < 20);
  });

  it("is no news when it comes and goes, and is when it had been well", () => {
    const outage = new Outage();
    const told: number[] = [];
    for (let at = 0; at < 10 * MINUTE; at += 2000) {
      outage.connected(at);
      if (outage.lost("ended", at + 1000)) told.push(at);
    }
    assert.deepEqual(told, [0, MINUTE, 6 * MINUTE]);
    outage.connected(20 * MINUTE);
    assert.equal(outage.lost("ended", 21 * MINUTE), true);
    assert.equal(outage.lost("ended", 21 * MINUTE + 1), false);
  });

  it("is warned of anew after somebody stopped and started it", () => {
    const outage = new Outage();
    outage.lost("refused", 0);
    outage.over();
    assert.equal(outage.lost("refused", 1), true);
  });
});
