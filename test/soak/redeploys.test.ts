/** Deploys, one after the other, while frames flow. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FlowNode } from "../support/node-red";
import { knownPeople } from "../support/photos";
import { walkingFrames } from "../support/soak-frames";
import {
  httpCamera,
  leavesNothing,
  often,
  once,
  placed,
  presenceNodes,
  recognizer,
  rtspNode,
  seenBy,
  spread,
  Stage,
  tell,
} from "../support/soak";

const DEPLOYS = often(24, 200);
/** How Node-RED deploys: all anew, flows that changed, nodes that changed. */
const KINDS = ["full", "flows", "nodes"] as const;
/** After so many a frame is waited for; the others follow at once, while everything still starts. */
const WAIT_EVERY = 5;
const BACK_MS = 90_000;

describe("deploys", () => {
  const stage = new Stage();

  it("leave no thread, port, process, timer or listener behind, whatever was under way", async () => {
    const one = await stage.http(await walkingFrames("green"), 5);
    const rtsp = await stage.rtsp();
    const folder = await knownPeople({ Alice: "green" });
    const flow = (round: number): FlowNode[] =>
      placed([
        ...recognizer({
          folder,
          cameras: [
            // Its rate changes, so that a deploy of what changed begins it anew.
            httpCamera(one, 5 + (round % 2)),
            rtspNode(rtsp),
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
    const red = await stage.watch(flow(0));
    const alices = async (): Promise<number> => seenBy(await red.tally(), "http").names["Alice"] ?? 0;
    const backs: number[] = [];
    const back = async (): Promise<void> => {
      const before = await alices();
      backs.push(await once("Alice", async () => (await alices()) > before, BACK_MS));
      const rtspBefore = seenBy(await red.tally(), "rtsp").frames;
      await once("the rtsp camera", async () => seenBy(await red.tally(), "rtsp").frames > rtspBefore, BACK_MS);
    };
    const deploy = async (round: number): Promise<void> => {
      const answer = await fetch(`${red.url}/flows`, {
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
    // Measured after one that a frame was waited for.
    const warm = Math.ceil(DEPLOYS / 4 / WAIT_EVERY) * WAIT_EVERY;
    const allowed = { rss: 150 };
    const line = await leavesNothing(red, (index) => deploy(index + 1), { rounds: DEPLOYS, warm, allowed });
    tell("deploys", `${DEPLOYS}; recognized again after ${spread(backs)}; ${line}`);
    assert.ok(one.connections <= 1, "no connection is left open");
    assert.doesNotMatch(red.log(), /MaxListeners|unhandled|EADDRINUSE/i);
  });
});
