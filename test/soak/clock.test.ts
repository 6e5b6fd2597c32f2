/** The computer's clock is put forward and back, and goes over both changes of daylight saving time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fetchApi } from "../support/api";
import { knownPeople } from "../support/photos";
import { walkingFrames } from "../support/soak-frames";
import {
  assertNoLeak,
  httpCamera,
  often,
  once,
  presenceNodes,
  recognizer,
  rtspNode,
  seenBy,
  Stage,
  tell,
  visitsIn,
} from "../support/soak";

const HOUR_MS = 3_600_000;
/** Two seconds before Berlin's clocks are put forward, and back. */
const BEFORE_SUMMER = Date.UTC(2027, 2, 28, 0, 59, 58);
const BEFORE_WINTER = Date.UTC(2027, 9, 31, 0, 59, 58);
/** After each change. */
const LOOK_MS = often(5000, 60_000);
const ROUNDS = often(1, 20);
/** A computer that has much else to do may decide none for so long. */
const GAP_MS = 20_000;
/** Whoever was away for so long comes anew (lib/observe/journal.ts). */
const ABSENCE_MS = 10_000;

describe("a clock that is put forward and back", () => {
  const stage = new Stage();

  it("ends nothing: frames are decided on, no camera is lost, and nothing is told twice", async () => {
    const one = await stage.http(await walkingFrames("green"), 4);
    const rtsp = await stage.rtsp();
    const begin = BEFORE_SUMMER - 24 * HOUR_MS;
    const red = await stage.watch(
      [
        ...recognizer({
          folder: await knownPeople({ Alice: "green" }),
          cameras: [httpCamera(one, 4), rtspNode(rtsp)],
          after: ["greet", "presence"],
        }),
        ...presenceNodes("t", 30),
        { id: "greet", type: "tts-greet", z: "t", name: "", engine: "none", cooldown: "60", wires: [["greeted"]] },
        {
          id: "greeted",
          type: "function",
          z: "t",
          name: "",
          func: `node.warn("greeted: " + msg.text); return null;`,
          outputs: 1,
          wires: [[]],
        },
      ],
      { offset: begin - Date.now(), env: { TZ: "Europe/Berlin" } },
    );
    const both = async (more: number): Promise<void> => {
      const before = await red.tally();
      await once(
        "frames of both cameras",
        async () => {
          const now = await red.tally();
          return ["http", "rtsp"].every(
            (source) => seenBy(now, source).frames >= seenBy(before, source).frames + more,
          );
        },
        120_000,
      );
    };
    await both(4);
    await setTimeout(1000);
    const figures = await red.figures();
    await red.tally(true);
    let clock = begin;
    const put = async (to: number): Promise<void> => {
      clock = to;
      await red.moveClock(to - Date.now());
      await setTimeout(LOOK_MS);
      await both(2);
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      await put(clock + HOUR_MS);
      await put(clock - 2 * HOUR_MS);
      await put(BEFORE_SUMMER);
      await put(BEFORE_WINTER);
      // Half a year back.
      await put(begin);
    }
    const tally = await red.tally();
    const worst = Math.max(...["http", "rtsp"].map((source) => seenBy(tally, source).worstGap));
    const line = assertNoLeak(figures, await red.figures());
    const events = (await (await fetchApi(`${red.url}/facenet/api/g/events/recent`)).json()) as {
      person: string | null;
      outcome: string;
      reason: string;
    }[];
    const told = events.filter(({ outcome }) => outcome === "match");
    const greeted = red.log().match(/greeted: /g)?.length ?? 0;
    tell(
      "clock",
      `put forward and back ${5 * ROUNDS} times, worst gap between frames ${(worst / 1000).toFixed(1)} s, ` +
        `${told.length} times told, ${greeted} times greeted; ${line}`,
    );
    assert.ok(worst < GAP_MS, `${worst} ms between two frames`);
    const kinds = new Set(told.map(({ reason }) => reason));
    assert.ok(told.length > 0);
    if (worst < ABSENCE_MS) assert.equal(told.length, kinds.size, JSON.stringify(told));
    assert.equal(greeted, 1);
    const visits = visitsIn(red.log());
    assert.deepEqual(new Set(visits).size, visits.length, visits.join(", "));
    assert.ok(visits.includes("confirmed Alice"), visits.join(", "));
    assert.ok(!visits.some((visit) => visit.startsWith("left")), "she has been there all the time");
    assert.doesNotMatch(red.log(), /MaxListeners|\[error\]|unhandled|gave no|no picture|no frame/i);
  });
});
