/** Cameras that are cut a hundred times, each in its own way: they come back, and nothing is left behind. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type Cut, CUTS } from "../support/cut-camera";
import { numbers } from "../support/moving-scene";
import { knownPeople } from "../support/photos";
import { walkingFrames } from "../support/soak-frames";
import {
  httpCamera,
  leavesNothing,
  often,
  once,
  recognizer,
  rtspNode,
  seenBy,
  spread,
  Stage,
  tell,
} from "../support/soak";

const FPS = 4;
/** Nothing comes for so long, in seconds, until a camera that is silent is lost. */
const IDLE = 1;
/**
 * A camera that is lost is asked again after 1 s, after 2 s if that fails; the rest is what a computer may take that
 * has much else to do.
 */
const BACK_MS = 30_000;

describe("cameras that are cut again and again", () => {
  const stage = new Stage();

  it("give frames again after each of a hundred cuts, and leave nothing behind", async () => {
    const frames = await walkingFrames("green");
    const kinds: readonly Cut[] = CUTS;
    const cameras = await Promise.all(kinds.map(() => stage.http(frames, FPS)));
    const random = numbers(14);
    let pictures = 0;
    let breakAt = Infinity;
    const rtsp = await stage.rtsp({
      timestamp: (index) => {
        pictures += 1;
        if (pictures < breakAt) return index * 9000;
        breakAt = Infinity;
        return random() < 0.5 ? "close" : "end";
      },
    });
    const red = await stage.watch(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [
          ...cameras.map((one, index) => httpCamera(one, FPS, { id: `c${index}`, idle: String(IDLE) })),
          rtspNode(rtsp, { idle: "2" }),
        ],
      }),
    );
    const sources = [...cameras.map((_, index) => `c${index}`), "rtsp"];
    const framesOf = async (source: string): Promise<number> => seenBy(await red.tally(), source).frames;
    await once(
      "a frame of each camera",
      async () => {
        const tally = await red.tally();
        return sources.every((source) => seenBy(tally, source).frames > 0);
      },
      120_000,
    );
    const gaps: number[] = [];
    const cut = async (source: string, how: () => unknown): Promise<void> => {
      const began = performance.now();
      await how();
      // What was under way when it was cut may still be decided.
      await setTimeout(200 + random() * 300);
      const before = await framesOf(source);
      await once(`a frame of ${source}`, async () => (await framesOf(source)) > before, BACK_MS);
      gaps.push(performance.now() - began);
    };
    const round = (kind: number): Promise<unknown> =>
      Promise.all([
        ...cameras.map((one, index) => cut(`c${index}`, () => one.cut(kinds[(index + kind) % kinds.length] as Cut))),
        cut("rtsp", () => (breakAt = pictures + 1)),
      ]);
    const rounds = often(17, 100);
    const line = await leavesNothing(red, round, { rounds });
    const total = rounds * sources.length;
    tell("cameras cut", `${total} cuts of ${sources.length} cameras, back after ${spread(gaps)}; ${line}`);
    assert.ok(total >= 100);
    assert.ok((seenBy(await red.tally(), "c0").names["Alice"] ?? 0) > 0, "Alice is recognized");
    for (const one of cameras) assert.ok(one.connections <= 1, "no connection is left open");
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled/i);
  });
});
