import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { PassingCue } from "../../../lib/liveness/cues";
import type { Point } from "../../../lib/message";
import { Eye } from "../../support/acted-turns";
import { portrait } from "../../support/photos";
import { Presentation, type Sitter, type Species, type Turn } from "../../support/presentations";

describe("what is seen in passing", () => {
  let eye: Eye;
  let sitter: Sitter;
  before(async () => {
    eye = await Eye.open();
    sitter = (await eye.sitter(await portrait("front"))) ?? assert.fail("no face from the front");
  });

  async function seen(species: Species, turns: readonly Partial<Turn>[]): Promise<Point[][]> {
    const presentation = new Presentation(sitter, species, 8);
    const all: Point[][] = [];
    for (const turn of turns) {
      const look = await eye.look(await presentation.frame({ yaw: 0, pitch: 0, roll: 0, ...turn }));
      if (look !== undefined) all.push([...look.face.landmarks]);
    }
    return all;
  }

  /** After how many frames it is a picture; Infinity for never. */
  function deniedAfter(frames: readonly Point[][]): number {
    const cue = new PassingCue();
    const index = frames.findIndex((landmarks) => cue.isFlat(landmarks));
    return index < 0 ? Infinity : index + 1;
  }

  it("denies a print that was turned, in the fifth narrow frame and not before (simulated)", async () => {
    const [front, ...turned] = await seen(
      "print",
      [0, 46, 48, 46, 48, 46, 48, 46].map((yaw) => ({ yaw })),
    );
    assert.equal(deniedAfter([front as Point[], ...turned]), 6);
    assert.equal(deniedAfter([front as Point[], ...turned.slice(0, 4)]), Infinity);
    assert.equal(deniedAfter(Array.from({ length: 20 }, () => front as Point[])), Infinity);
  });

  it("does not deny a head that nods or turns, whichever way it looked first (simulated)", async () => {
    for (const first of [{ pitch: 32 }, { pitch: -32 }, { yaw: 35 }, { yaw: -35 }]) {
      const away = await seen("head", [first, first, first, first, first, first]);
      const front = await seen("head", [{}, {}, {}, {}, {}, {}]);
      assert.ok(away.length >= 5 && front.length === 6, JSON.stringify(first));
      assert.equal(deniedAfter([...away, ...front]), Infinity, JSON.stringify(first));
      assert.equal(deniedAfter([...front, ...away]), Infinity, JSON.stringify(first));
    }
  });
});
