/** Threads and processes that are killed again and again while cameras are looked at. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CutCamera } from "../support/cut-camera";
import { numbers } from "../support/moving-scene";
import { rtspCamera } from "../support/rtsp-camera";
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

/** Between two kills, unless it takes longer until somebody is recognized again. */
const EVERY_MS = often(2000, 10_000);
const KILLS = often(30, 60);
/** A thread that is started anew loads its network first; a computer that has much else to do takes long for it. */
const BACK_MS = 60_000;

describe("threads and processes that are killed", () => {
  let red: Watched | undefined;
  const stops: (() => Promise<unknown>)[] = [];
  after(async () => {
    await red?.stop();
    await Promise.all(stops.map((stop) => stop()));
  });

  it("are replaced each time: people are recognized soon again, and nothing is left behind", async () => {
    const one = await new CutCamera(await walkingFrames("green"), 5).start();
    stops.push(() => one.stop());
    const rtsp = await rtspCamera({ timestamp: (index) => index * 9000 });
    stops.push(() => rtsp.close());
    red = await startWatched(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [
          camera("http", { source: "mjpeg", url: `${one.url}/stream`, fps: "5" }),
          camera("rtsp", { source: "rtsp", oldFfmpeg: true, url: `rtsp://127.0.0.1:${rtsp.port}/card`, fps: "2" }),
        ],
      }),
    );
    const watched = red;
    const alices = async (): Promise<number> => seenBy(await watched.tally(), "http").names["Alice"] ?? 0;
    const rtspFrames = async (): Promise<number> => seenBy(await watched.tally(), "rtsp").frames;
    await once("Alice", async () => (await alices()) > 3, 120_000);
    await once("the other camera", async () => (await rtspFrames()) > 0, 120_000);
    const random = numbers(14);
    const backs: number[] = [];
    let [threads, children] = [0, 0];
    const kill = async (index: number): Promise<void> => {
      const began = performance.now();
      if (index % 3 === 2) {
        const { children: pids } = await watched.figures();
        const pid = pids[Math.floor(random() * pids.length)];
        // One that is ended already is as good.
        if (pid !== undefined) {
          process.kill(pid, "SIGKILL");
          children += 1;
        }
        const before = await rtspFrames();
        await once("the other camera again", async () => (await rtspFrames()) > before + 1, BACK_MS);
      } else {
        if (await watched.endWorker(Math.floor(random() * 100))) threads += 1;
        const before = await alices();
        await once("Alice again", async () => (await alices()) > before + 1, BACK_MS);
        backs.push(performance.now() - began);
      }
      await setTimeout(Math.max(0, EVERY_MS - (performance.now() - began)));
    };
    const warm = Math.ceil(KILLS / 4);
    for (let index = 0; index < warm; index += 1) await kill(index);
    const before = await red.figures();
    for (let index = warm; index < KILLS; index += 1) await kill(index);
    // A thread that was replaced just now may not be counted yet, nor a process.
    await setTimeout(2000);
    const line = assertNoLeak(before, await red.figures(), { workers: 1, children: 1, rss: 150 });
    tell(
      "workers killed",
      `${threads} threads and ${children} processes ended; recognized again after ${spread(backs)}; ${line}`,
    );
    assert.ok(threads >= KILLS / 3 && children >= KILLS / 6, `${threads} threads, ${children} processes`);
    assert.equal(red.process.exitCode, null);
    assert.doesNotMatch(red.log(), /MaxListeners|unhandled/i);
  });
});
