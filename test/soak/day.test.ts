/** A day of a camera in minutes: while somebody is there time goes as ever, between visits an hour is a second. */
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
  type Watched,
} from "../support/soak";

/** One every two hours; half of them of somebody who is known. */
const VISITS = often(12, 240);
const HOURS_BETWEEN = 2;
const FPS = 8;
/** Frames of a stranger. */
const FRAMES = 16;
const SPEED = 3600;
/** Seconds until somebody has left. */
const AWAY = 30;
/** A computer that has much else to do decides few frames. */
const PATIENCE_MS = 60_000;

describe("a day", () => {
  let red: Watched | undefined;
  let stop: (() => Promise<unknown>) | undefined;
  after(async () => {
    await red?.stop();
    await stop?.();
  });

  it("with a visit every two hours leaves memory as it was, and each visit is told once", async () => {
    const [alice, stranger, nobody] = await Promise.all([
      walkingFrames("green"),
      walkingFrames("blonde"),
      walkingFrames(undefined),
    ]);
    const one = await new CutCamera(nobody, FPS).start();
    stop = () => one.stop();
    red = await startWatched(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [camera("door", { source: "mjpeg", url: `${one.url}/stream`, fps: String(FPS) })],
        gallery: { keepUnknowns: true, unknownDays: "1" },
        after: ["presence"],
      }).concat(presenceNodes("t", AWAY)),
    );
    const watched = red;
    const told = (what: string): number => visitsIn(watched.log()).filter((each) => each === what).length;
    const seenAs = async (name: string): Promise<number> => seenBy(await watched.tally(), "door").names[name] ?? 0;
    const visit = async (index: number): Promise<void> => {
      const isAlice = index % 2 === 0;
      const before = await seenAs("");
      one.show(isAlice ? alice : stranger);
      if (isAlice) await once("that Alice came is told", async () => told("confirmed Alice") > index / 2, PATIENCE_MS);
      else await once("frames of a stranger", async () => (await seenAs("")) >= before + FRAMES, PATIENCE_MS);
      one.show(nobody);
      // What was under way is decided.
      await setTimeout(500);
      await watched.hurry(SPEED);
      await setTimeout((HOURS_BETWEEN * 3_600_000) / SPEED);
      await watched.hurry(1);
    };
    const warm = VISITS / 4;
    for (let index = 0; index < warm; index += 1) await visit(index);
    const before = await red.figures();
    for (let index = warm; index < VISITS; index += 1) await visit(index);
    await setTimeout(1000);
    const line = assertNoLeak(before, await red.figures());
    const ask = async (path: string): Promise<unknown[]> => {
      const answer = await (await fetchApi(`${watched.url}/facenet/api/g/${path}`)).json();
      return Array.isArray(answer) ? answer : (Object.values(answer as object).find(Array.isArray) as unknown[]);
    };
    const [events, strangers] = await Promise.all([ask("events/recent"), ask("unknowns")]);
    const { frames } = seenBy(await red.tally(), "door");
    tell(
      "a day",
      `${VISITS * HOURS_BETWEEN} hours, ${frames} frames decided, Alice came ${told("confirmed Alice")} times ` +
        `and left ${told("left Alice")} times, ${events.length} events and ${strangers.length} strangers kept; ` +
        line,
    );
    assert.deepEqual(
      [told("confirmed Alice"), told("left Alice")],
      [VISITS / 2, VISITS / 2],
      visitsIn(red.log()).join(", "),
    );
    assert.ok(events.length > 0 && events.length <= 200, `${events.length} events`);
    assert.ok(strangers.length >= 1 && strangers.length <= 3, `one stranger is kept as ${strangers.length}`);
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled/i);
  });
});
