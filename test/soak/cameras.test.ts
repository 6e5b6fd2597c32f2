/** Cameras that are cut a hundred times, each in its own way: they come back, and nothing is left behind. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Cut, CutCamera, CUTS } from "../support/cut-camera";
import { rtspCamera } from "../support/rtsp-camera";
import { numbers } from "../support/moving-scene";
import { walkingFrames } from "../support/soak-frames";
import {
  assertNoLeak,
  camera,
  knownPeople,
  often,
  once,
  recognizer,
  seenBy,
  spread,
  startWatched,
  tell,
  type Watched,
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
  let red: Watched | undefined;
  const stops: (() => Promise<unknown>)[] = [];
  after(async () => {
    await red?.stop();
    await Promise.all(stops.map((stop) => stop()));
  });

  it("give frames again after each of a hundred cuts, and leave nothing behind", async () => {
    const frames = await walkingFrames("green");
    const kinds: readonly Cut[] = CUTS;
    const cameras = await Promise.all(kinds.map(() => new CutCamera(frames, FPS).start()));
    stops.push(...cameras.map((one) => () => one.stop()));
    const random = numbers(14);
    let pictures = 0;
    let breakAt = Infinity;
    const rtsp = await rtspCamera({
      timestamp: (index) => {
        pictures += 1;
        if (pictures < breakAt) return index * 9000;
        breakAt = Infinity;
        return random() < 0.5 ? "close" : "end";
      },
    });
    stops.push(() => rtsp.close());
    red = await startWatched(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [
          ...cameras.map((one, index) =>
            camera(`c${index}`, { source: "mjpeg", url: `${one.url}/stream`, idle: String(IDLE), fps: String(FPS) }),
          ),
          camera("rtsp", {
            source: "rtsp",
            oldFfmpeg: true,
            url: `rtsp://127.0.0.1:${rtsp.port}/card`,
            idle: "2",
            fps: "2",
          }),
        ],
      }),
    );
    const watched = red;
    const sources = [...cameras.map((_, index) => `c${index}`), "rtsp"];
    const framesOf = async (source: string): Promise<number> => seenBy(await watched.tally(), source).frames;
    await once(
      "a frame of each camera",
      async () => {
        const tally = await watched.tally();
        return sources.every((source) => seenBy(tally, source).frames > 0);
      },
      120_000,
    );
    const gaps: number[] = [];
    const cut = async (source: string, how: () => unknown): Promise<void> => {
      const began = performance.now();
      await how();
      // What was under way when it was cut may still be decided.
      await new Promise((resolve) => {
        setTimeout(resolve, 200 + random() * 300);
      });
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
    // The first rounds compile code and fill caches.
    const warm = Math.ceil(rounds / 4);
    for (let index = 0; index < warm; index += 1) await round(index);
    const before = await red.figures();
    for (let index = warm; index < rounds; index += 1) await round(index);
    const line = assertNoLeak(before, await red.figures());
    const total = rounds * sources.length;
    tell("cameras cut", `${total} cuts of ${sources.length} cameras, back after ${spread(gaps)}; ${line}`);
    assert.ok(total >= 100);
    assert.ok((seenBy(await red.tally(), "c0").names["Alice"] ?? 0) > 0, "Alice is recognized");
    for (const one of cameras) assert.ok(one.connections <= 1, "no connection is left open");
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled/i);
  });
});
