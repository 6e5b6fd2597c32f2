/** Threads and processes that are killed again and again while cameras are looked at. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
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

/** Between two kills, unless it takes longer until somebody is recognized again. */
const EVERY_MS = often(2000, 10_000);
const KILLS = often(15, 60);
/** A thread that is started anew loads its network first; a computer that has much else to do takes long for it. */
const BACK_MS = 60_000;

describe("threads and processes that are killed", () => {
  const stage = new Stage();

  it("are replaced each time: people are recognized soon again, and nothing is left behind", async () => {
    const one = await stage.http(await walkingFrames("green"), 5);
    const rtsp = await stage.rtsp();
    const red = await stage.watch(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [httpCamera(one, 5), rtspNode(rtsp)],
      }),
    );
    const alices = async (): Promise<number> => seenBy(await red.tally(), "http").names["Alice"] ?? 0;
    const rtspFrames = async (): Promise<number> => seenBy(await red.tally(), "rtsp").frames;
    await once("Alice", async () => (await alices()) > 3, 120_000);
    await once("the other camera", async () => (await rtspFrames()) > 0, 120_000);
    const random = numbers(14);
    const backs: number[] = [];
    let [threads, children] = [0, 0];
    const kill = async (index: number): Promise<void> => {
      const began = performance.now();
      if (index % 3 === 2) {
        const { children: pids } = await red.figures();
        const pid = pids[Math.floor(random() * pids.length)];
        // One that is ended already is as good.
        if (pid !== undefined) {
          process.kill(pid, "SIGKILL");
          children += 1;
        }
        const before = await rtspFrames();
        await once("the other camera again", async () => (await rtspFrames()) > before + 1, BACK_MS);
      } else {
        if (await red.endWorker(Math.floor(random() * 100))) threads += 1;
        const before = await alices();
        await once("Alice again", async () => (await alices()) > before + 1, BACK_MS);
        backs.push(performance.now() - began);
      }
      await setTimeout(Math.max(0, EVERY_MS - (performance.now() - began)));
    };
    const allowed = { workers: 1, children: 1, rss: 150 };
    const line = await leavesNothing(red, kill, { rounds: KILLS, settleMs: 2000, allowed });
    tell(
      "workers killed",
      `${threads} threads and ${children} processes ended; recognized again after ${spread(backs)}; ${line}`,
    );
    assert.ok(threads >= KILLS / 3 && children >= KILLS / 6, `${threads} threads, ${children} processes`);
    assert.equal(red.process.exitCode, null);
    assert.doesNotMatch(red.log(), /MaxListeners|unhandled/i);
  });
});
