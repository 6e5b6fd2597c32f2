/** A day of a camera in a minute: the clock goes as much faster, people come and go. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fetchApi } from "../support/api";
import { CutCamera } from "../support/cut-camera";
import { walkingFrames } from "../support/soak-frames";
import {
  assertNoLeak,
  camera,
  knownPeople,
  often,
  once,
  presenceNodes,
  recognizer,
  seenBy,
  startWatched,
  tell,
  visitsIn,
} from "../support/soak";
import type { Watched } from "../support/soak";

const DAY_MS = 24 * 60 * 60 * 1000;
/** In which the day goes by. */
const SECONDS = often(60, 1800);
const SPEED = DAY_MS / (SECONDS * 1000);
const FPS = 15;
/** A frame may be decided so late, as time goes. */
const LATEST_MS = 3_600_000;

describe("a day", () => {
  let red: Watched | undefined;
  let stop: (() => Promise<unknown>) | undefined;
  after(async () => {
    await red?.stop();
    await stop?.();
  });

  it("of a camera that people walk by leaves memory as it was, and what is remembered bounded", async () => {
    const [alice, stranger, nobody] = await Promise.all([
      walkingFrames("green"),
      walkingFrames("blonde"),
      walkingFrames(undefined),
    ]);
    const one = await new CutCamera([...alice, ...nobody, ...stranger, ...nobody], FPS).start();
    stop = () => one.stop();
    red = await startWatched(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [camera("door", { source: "mjpeg", url: `${one.url}/stream`, fps: String(FPS) })],
        gallery: { keepUnknowns: true, unknownDays: "1" },
        after: ["presence"],
      }).concat(presenceNodes("t", 600, LATEST_MS)),
    );
    const watched = red;
    await once("Alice", async () => (seenBy(await watched.tally(), "door").names["Alice"] ?? 0) > 3, 120_000);
    const began = Date.now();
    const frames = seenBy(await red.tally(), "door").frames;
    await red.moveClock(0, SPEED);
    await setTimeout((SECONDS * 1000) / 3);
    const before = await red.figures();
    await setTimeout((SECONDS * 1000 * 2) / 3);
    const line = assertNoLeak(before, await red.figures());
    const day = ((Date.now() - began) * SPEED) / DAY_MS;
    assert.ok(day >= 1);
    const seen = seenBy(await red.tally(), "door");
    const ask = async (path: string): Promise<unknown[]> => {
      const answer = await (await fetchApi(`${watched.url}/facenet/api/g/${path}`)).json();
      return Array.isArray(answer) ? answer : (Object.values(answer as object).find(Array.isArray) as unknown[]);
    };
    const [events, strangers] = await Promise.all([ask("events/recent"), ask("unknowns")]);
    tell(
      "a day",
      `${day.toFixed(1)} days in ${SECONDS} s, ${seen.frames - frames} frames decided, ${visitsIn(red.log()).length} times told of ` +
        `visits, ${events.length} events and ${strangers.length} strangers kept; ${line}`,
    );
    assert.ok(seen.frames - frames > SECONDS, "frames are decided all day");
    assert.ok((seen.names["Alice"] ?? 0) > 0 && (seen.names[""] ?? 0) > 0, JSON.stringify(seen.names));
    assert.ok(visitsIn(red.log()).length > 1, "visits are told");
    assert.ok(events.length > 10 && events.length <= 200, `${events.length} events`);
    assert.ok(strangers.length <= 10, `one stranger is kept as ${strangers.length}`);
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled/i);
  });
});
