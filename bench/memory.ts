/**
 * Memory of a real Node-RED with one camera, whose frames are all searched: before there is a flow of ours, deployed
 * and loaded, and once faces were recognized. Proportional set size (what several processes share counts by shares) of
 * Node-RED and, apart, of its children; /proc has it, so Linux only.
 *   npm run bench:memory -- [--frames 300] [--size 1280x720]
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { eventually, type FlowNode, startNodeRed } from "../test/support/node-red";
import { portrait } from "../test/support/photos";
import { makeFrames } from "./frames";
import { processesOf } from "./processes";
import { videoCamera } from "./video-camera";

const { values } = parseArgs({
  options: { frames: { type: "string", default: "300" }, size: { type: "string", default: "1280x720" } },
});

/** Between a deploy and the camera's start: all has loaded then. */
const LOADING_SECONDS = 25;
const FPS = 10;
const SECONDS = 20;

interface Memory {
  pss: number;
  rss: number;
}

function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1024;
  return { pss: of("Pss"), rss: of("Rss") };
}

function report(when: string, pid: number): void {
  const own = memoryOf(pid);
  const children = processesOf(pid).filter((each) => each.pid !== pid);
  const sum = children.reduce((all, each) => all + memoryOf(each.pid).pss, 0);
  const mb = (value: number): string => value.toFixed(0).padStart(5);
  console.log(
    `${when.padEnd(44)} Node-RED PSS ${mb(own.pss)} MB, RSS ${mb(own.rss)} MB; ` +
      `${children.length} children PSS ${mb(sum)} MB`,
  );
}

async function flowWith(detector: "haar-detect" | "face-detect", video: string): Promise<FlowNode[]> {
  const [width, height] = values.size.split("x").map(Number);
  const people = mkdtempSync(join(tmpdir(), "bench-people-"));
  writeFileSync(join(people, "Alice.jpg"), await portrait("green"));
  const z = "tab";
  return [
    { id: z, type: "tab", label: "bench" },
    { id: "g", type: "face-gallery", name: "people", folder: people },
    {
      id: "i",
      type: "inject",
      z,
      props: [{ p: "payload" }],
      payload: "start",
      payloadType: "str",
      once: true,
      onceDelay: LOADING_SECONDS,
      wires: [["c"]],
    },
    videoCamera({ id: "c", name: "door", path: video, width, height, autostart: false, to: "d" }),
    { id: "d", type: detector, z, name: "", wires: [["e"]] },
    { id: "e", type: "facenet-embed", z, name: "", wires: [["m"]] },
    { id: "m", type: "face-match", z, name: "", gallery: "g", mode: "identify", wires: [["s"], ["s"], ["s"], ["s"]] },
    {
      id: "s",
      type: "function",
      z,
      name: "",
      func: `const sequence = msg.frame.sequence;
        if (sequence === context.get("last")) return null;
        context.set("last", sequence);
        const faces = (context.get("faces") ?? 0) + msg.faces.length;
        context.set("faces", faces);
        const count = (context.get("count") ?? 0) + 1;
        context.set("count", count);
        if (faces > 0 && !context.get("said")) { context.set("said", true); node.warn("bench: a face"); }
        if (count === ${values.frames}) node.warn("bench: " + count + " frames, " + faces + " faces");
        return null;`,
      outputs: 1,
      wires: [[]],
    },
  ];
}

async function main(): Promise<void> {
  const [width, height] = values.size.split("x").map(Number) as [number, number];
  const video = await makeFrames({ width, height, count: SECONDS * FPS, faces: 1, fps: FPS });
  try {
    for (const detector of ["haar-detect", "face-detect"] as const) {
      console.log(`\n${detector}, one camera of ${values.size}, ${FPS} frames/s, each searched`);
      const red = await startNodeRed(await flowWith(detector, video.video));
      const { pid } = red.process as { pid: number };
      try {
        report("flows started, networks loading", pid);
        await eventually("a face", () => (red.log().includes("bench: a face") ? true : undefined));
        report("first face", pid);
        const said = await eventually("frames", () => /bench: \d+ frames, \d+ faces/.exec(red.log())?.[0]);
        report(said.replace("bench: ", "after "), pid);
      } finally {
        await red.stop();
      }
    }
  } finally {
    video.remove();
  }
}

void main().then(() => process.exit());
