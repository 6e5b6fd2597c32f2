/** Twenty cameras at once: each is looked at, none more than its share. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { knownPeople } from "../support/photos";
import { walkingFrames } from "../support/soak-frames";
import { assertNoLeak, camera, httpCamera, often, once, recognizer, seenBy, Stage, tell } from "../support/soak";

const CAMERAS = 20;
/** Frames a second of each. */
const FPS = 2;
const SECONDS = often(40, 900);

describe("twenty cameras", () => {
  const stage = new Stage();

  it("are all looked at, the least of them at least half as often as the average, in bounded memory", async () => {
    const frames = await Promise.all([walkingFrames("green"), walkingFrames("blonde")]);
    const cameras = await Promise.all(
      Array.from({ length: CAMERAS }, (_, index) => stage.http(frames[index % 2] as Buffer[], FPS)),
    );
    const names = cameras.map((_, index) => `c${index}`);
    const red = await stage.watch(
      recognizer({
        folder: await knownPeople({ Alice: "green", Bea: "blonde" }),
        // Every other one gives pictures one by one.
        cameras: cameras.map((one, index) =>
          index % 4 < 2
            ? httpCamera(one, FPS, { id: `c${index}` })
            : camera(`c${index}`, { source: "snapshot", url: `${one.url}/picture`, fps: String(FPS) }),
        ),
      }),
    );
    const counts = async (): Promise<number[]> => {
      const tally = await red.tally();
      return names.map((name) => seenBy(tally, name).frames);
    };
    await once("a frame of each", async () => (await counts()).every((count) => count > 2), 180_000);
    const first = await counts();
    await setTimeout((SECONDS * 1000) / 4);
    const before = await red.figures();
    await setTimeout((SECONDS * 1000 * 3) / 4);
    const served = (await counts()).map((count, index) => count - (first[index] as number));
    const line = assertNoLeak(before, await red.figures(), { descriptors: CAMERAS, resources: 2 * CAMERAS });
    const share = served.reduce((sum, count) => sum + count) / CAMERAS;
    tell(
      "twenty cameras",
      `${(served.reduce((sum, count) => sum + count) / SECONDS).toFixed(1)} frames/s of ${CAMERAS * FPS} in all, ` +
        `${Math.min(...served)} to ${Math.max(...served)} of each in ${SECONDS} s; ${line}`,
    );
    assert.ok(Math.min(...served) >= share / 2, `the fair share is ${share}: ${served.join(", ")}`);
    const tally = await red.tally();
    for (const [index, name] of names.entries())
      assert.ok((seenBy(tally, name).names[index % 2 === 0 ? "Alice" : "Bea"] ?? 0) > 0, `${name} knows who is there`);
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled/i);
  });
});
