/** Deploys, one after the other, while frames flow. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { FlowNode } from "../support/node-red";
import { CutCamera } from "../support/cut-camera";
import { rtspCamera } from "../support/rtsp-camera";
import { walkingFrames } from "../support/soak-frames";
import {
  assertNoLeak,
  camera,
  knownPeople,
  often,
  once,
  placed,
  presenceNodes,
  recognizer,
  seenBy,
  spread,
  startWatched,
  tell,
  type Watched,
} from "../support/soak";

const DEPLOYS = often(50, 200);
/** How Node-RED deploys: all anew, flows that changed, nodes that changed. */
const KINDS = ["full", "flows", "nodes"] as const;
/** After so many a frame is waited for; the others follow at once, while everything still starts. */
const WAIT_EVERY = 5;
const BACK_MS = 90_000;

describe("deploys", () => {
  let red: Watched | undefined;
  const stops: (() => Promise<unknown>)[] = [];
  after(async () => {
    await red?.stop();
    await Promise.all(stops.map((stop) => stop()));
  });

  it("leave no thread, port, process, timer or listener behind, whatever was under way", async () => {
    const one = await new CutCamera(await walkingFrames("green"), 5).start();
    stops.push(() => one.stop());
    const rtsp = await rtspCamera({ timestamp: (index) => index * 9000 });
    stops.push(() => rtsp.close());
    const folder = await knownPeople({ Alice: "green" });
    const flow = (round: number): FlowNode[] =>
      placed([
        ...recognizer({
          folder,
          cameras: [
            // Its rate changes, so that a deploy of what changed begins it anew.
            camera("http", { source: "mjpeg", url: `${one.url}/stream`, fps: String(5 + (round % 2)) }),
            camera("rtsp", { source: "rtsp", oldFfmpeg: true, url: `rtsp://127.0.0.1:${rtsp.port}/card`, fps: "2" }),
          ],
          after: ["annotate", "greet", "presence"],
          // A gallery that is changed is closed and opened.
          gallery: { unknownDays: String(7 + (Math.floor(round / 4) % 2)) },
        }),
        {
          id: "annotate",
          type: "face-annotate",
          z: "t",
          name: "",
          quality: String(80 + (round % 2)),
          blur: "unknown",
          preview: true,
          wires: [[]],
        },
        { id: "greet", type: "tts-greet", z: "t", name: "", engine: "none", cooldown: "60", wires: [[]] },
        ...presenceNodes("t", 30 + (round % 3)),
        { id: "enrol", type: "face-enrol", z: "t", name: "", gallery: "g", wires: [[]] },
      ]);
    red = await startWatched(flow(0));
    const watched = red;
    const alices = async (): Promise<number> => seenBy(await watched.tally(), "http").names["Alice"] ?? 0;
    const backs: number[] = [];
    const back = async (): Promise<void> => {
      const before = await alices();
      backs.push(await once("Alice", async () => (await alices()) > before, BACK_MS));
      const rtspBefore = seenBy(await watched.tally(), "rtsp").frames;
      await once("the rtsp camera", async () => seenBy(await watched.tally(), "rtsp").frames > rtspBefore, BACK_MS);
    };
    const deploy = async (round: number): Promise<void> => {
      const answer = await fetch(`${watched.url}/flows`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Node-RED-Deployment-Type": KINDS[round % KINDS.length] as string,
          Connection: "close",
        },
        body: JSON.stringify(flow(round)),
      });
      assert.equal(answer.ok, true, await answer.text());
      if (round % WAIT_EVERY === 0) await back();
    };
    await back();
    const warm = Math.ceil(DEPLOYS / 4 / WAIT_EVERY) * WAIT_EVERY;
    for (let round = 1; round <= warm; round += 1) await deploy(round);
    const before = await red.figures();
    for (let round = warm + 1; round <= DEPLOYS; round += 1) await deploy(round);
    const line = assertNoLeak(before, await red.figures(), { rss: 150 });
    tell("deploys", `${DEPLOYS}; recognized again after ${spread(backs)}; ${line}`);
    assert.ok(one.connections <= 1, "no connection is left open");
    assert.doesNotMatch(red.log(), /MaxListeners|unhandled|EADDRINUSE/i);
  });
});
