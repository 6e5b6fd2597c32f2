import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FLASH_COLOURS, FLASH_EACH_MS, type FlashPlan } from "../../../lib/flash-plan";
import { drawFlash, judgeLight, type LightSample } from "../../../lib/liveness/flash";
import { numbers } from "../../support/moving-scene";

const FRAME_MS = 150;
const LAG_MS = 180;

interface Room {
  /** How much of the screen's light is on the face, of the light of the room; and on what is around it. */
  face: number;
  around?: number;
  /** Of the sensor and of movement, of the means. */
  noise?: number;
  /** A camera that sets its exposure anew at each colour. */
  exposes?: boolean;
  seed?: number;
}

/** What a camera sees of a face while a screen shows this (simulated). */
function filmed(
  { colours, eachMs }: FlashPlan,
  { face, around = 0, noise = 0.004, exposes, seed = 1 }: Room,
): LightSample[] {
  const random = numbers(seed);
  const samples: LightSample[] = [];
  for (let at = 0; at < colours.length * eachMs; at += FRAME_MS) {
    const name = colours[Math.floor((at - LAG_MS) / eachMs)];
    const screen = name === undefined ? [0, 0, 0] : FLASH_COLOURS[name].map((value) => value / 255);
    const exposure = exposes === true ? 0.7 + 0.6 * random() : 1;
    const seen = (skin: readonly number[], part: number): [number, number, number] =>
      skin.map((value, channel) => {
        const light = value * (1 + part * (screen[channel] as number)) * exposure * (1 + noise * (2 * random() - 1));
        return 255 * Math.min(1, light) ** (1 / 2.2);
      }) as [number, number, number];
    samples.push({ at, face: seen([0.35, 0.22, 0.16], face), around: seen([0.3, 0.3, 0.32], around) });
  }
  return samples;
}

/** The same colours on every run. */
function planned(seed: number): FlashPlan {
  const random = numbers(seed);
  return drawFlash((below) => Math.floor(random() * below));
}

describe("the colour flash", () => {
  it("draws nine colours that nobody knows before, none twice in a row, two changes a second", () => {
    const plans = Array.from({ length: 200 }, () => drawFlash());
    // Of two million sequences.
    assert.ok(new Set(plans.map(({ colours }) => colours.join())).size > 190);
    assert.equal(new Set(plans.map(({ id }) => id)).size, 200);
    for (const { colours, eachMs } of plans) {
      assert.equal(colours.length, 9);
      assert.ok(colours.every((colour, index) => colour !== colours[index - 1]));
      // WCAG 2.3.1: at most three flashes in a second; a flash has two changes.
      assert.ok(1000 / eachMs / 2 <= 3);
    }
    assert.equal(FLASH_EACH_MS, 500);
  });

  it("is followed by a face before the screen: near, in a bright room, with a camera that sets its exposure", () => {
    for (const room of [{ face: 0.4 }, { face: 0.05 }, { face: 0.3, exposes: true }, { face: 0.3, around: 0.1 }])
      for (let seed = 1; seed <= 10; seed += 1) {
        const plan = planned(seed);
        assert.equal(judgeLight(plan, filmed(plan, { ...room, seed })), "followed", JSON.stringify({ room, plan }));
      }
  });

  it("is never followed by a film of another time, which followed other colours (simulated)", () => {
    let others = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const verdict = judgeLight(planned(seed), filmed(planned(1000 + seed), { face: 0.3, seed }));
      assert.notEqual(verdict, "followed");
      if (verdict === "other") others += 1;
    }
    // Some are alike by chance: of them nothing is said.
    assert.ok(others >= 100, `${others}`);
  });

  it("is not followed where no light of the screen is seen, nor where all around is lit as the face is", () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const plan = planned(seed);
      assert.notEqual(judgeLight(plan, filmed(plan, { face: 0, seed })), "followed");
    }
    const plan = planned(7);
    assert.equal(judgeLight(plan, filmed(plan, { face: 0.3, around: 0.3 })), "none");
  });

  it("says nothing of few frames, of none, and of black ones", () => {
    const plan = planned(7);
    const samples = filmed(plan, { face: 0.4 });
    assert.equal(judgeLight(plan, samples.slice(0, 11)), "none");
    assert.equal(judgeLight(plan, []), "none");
    const black = samples.map(({ at }): LightSample => ({ at, face: [0, 0, 0], around: [0, 0, 0] }));
    assert.equal(judgeLight(plan, black), "none");
  });
});
