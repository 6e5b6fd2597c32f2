/** A day of a camera in minutes: while somebody is there time goes as ever, between visits an hour is a second. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fetchApi } from "../support/api";
import { knownPeople } from "../support/photos";
import { walkingFrames } from "../support/soak-frames";
import {
  httpCamera,
  leavesNothing,
  often,
  once,
  presenceNodes,
  recognizer,
  seenBy,
  Stage,
  tell,
  visitsIn,
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
  const stage = new Stage();

  it("with a visit every two hours leaves memory as it was, and each visit is told once", async () => {
    const [alice, stranger, nobody] = await Promise.all([
      walkingFrames("green"),
      walkingFrames("blonde"),
      walkingFrames(undefined),
    ]);
    const one = await stage.http(nobody, FPS);
    const red = await stage.watch(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [httpCamera(one, FPS, { id: "door" })],
        gallery: { keepUnknowns: true, unknownDays: "1" },
        after: ["presence"],
      }).concat(presenceNodes("t", AWAY)),
    );
    const told = (what: string): number => visitsIn(red.log()).filter((each) => each === what).length;
    const seenAs = async (name: string): Promise<number> => seenBy(await red.tally(), "door").names[name] ?? 0;
    const visit = async (index: number): Promise<void> => {
      const isAlice = index % 2 === 0;
      const before = await seenAs("");
      one.show(isAlice ? alice : stranger);
      if (isAlice) await once("that Alice came is told", async () => told("confirmed Alice") > index / 2, PATIENCE_MS);
      else await once("frames of a stranger", async () => (await seenAs("")) >= before + FRAMES, PATIENCE_MS);
      one.show(nobody);
      // What was under way is decided.
      await setTimeout(500);
      await red.hurry(SPEED);
      await setTimeout((HOURS_BETWEEN * 3_600_000) / SPEED);
      await red.hurry(1);
    };
    const line = await leavesNothing(red, visit, { rounds: VISITS, settleMs: 1000 });
    const ask = async (path: string): Promise<unknown[]> => {
      const answer = await (await fetchApi(`${red.url}/facenet/api/g/${path}`)).json();
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
