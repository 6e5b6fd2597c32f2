/**
 * The recognizer in a real Node-RED: frames a second, milliseconds by stage, event-loop delay and memory.
 *   npm run bench:pipeline -- [--frames 1000] [--sizes 640x480,1280x720] [--preset tracking|accurate|original] [--fps
 * 30]
 *     [--faces 1] [--cameras 1]: so many cameras wired to the same nodes, with so many faces each; frames are those of
 * all
 *     [--apart]: a haar-detect, a facenet-embed and a face-match for each camera
 *     [--model ID]: the network; the default of new nodes
 *     [--node PROGRAM]: instead of this Node.js; a script that limits it to one core and 512 MB, say
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_MODEL } from "../lib/embed/descriptor";
import { portrait } from "../test/support/photos";
import { eventually, type FlowNode, startNodeRed } from "../test/support/node-red";
import { makeFrames } from "./frames";
import { videoCamera } from "./video-camera";

interface Stats {
  frames: number;
  seconds: number;
  timing: Record<string, number[]>;
  /** By a timer of 10 ms, and by one of 1 ms: the timer's own time is in both. */
  delays: Record<"10" | "1", { p50: number; p99: number; max: number }>;
  rss: { frames: number; mb: number }[];
  dropped: Record<string, number>;
  /** Frames decided of each camera. */
  cameras: Record<string, number>;
  /** Of all frames, how many faces were embedded or carried. */
  faces: number;
}

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "600" },
    sizes: { type: "string", default: "640x480,1280x720" },
    preset: { type: "string", default: "tracking" },
    model: { type: "string", default: DEFAULT_MODEL.id },
    fps: { type: "string", default: "30" },
    minSize: { type: "string", default: "80" },
    faces: { type: "string", default: "1" },
    cameras: { type: "string", default: "1" },
    apart: { type: "boolean", default: false },
    node: { type: "string" },
  },
});
const frames = Number(values.frames);

const SECONDS = 10;

async function measure(size: string): Promise<Stats> {
  const [width, height] = size.split("x").map(Number) as [number, number];
  const video = await makeFrames({
    width,
    height,
    count: SECONDS * Number(values.fps),
    faces: Number(values.faces),
    fps: Number(values.fps),
  });
  try {
    return await run(video.video, width, height);
  } finally {
    video.remove();
  }
}

async function run(path: string, width: number, height: number): Promise<Stats> {
  const people = mkdtempSync(join(tmpdir(), "bench-people-"));
  writeFileSync(join(people, "Alice.jpg"), await portrait("green"));
  const z = "tab";
  const flow: FlowNode[] = [
    { id: z, type: "tab", label: "bench" },
    { id: "g", type: "face-gallery", name: "people", folder: people, model: values.model },
    ...Array.from({ length: Number(values.cameras) }, (_, index) =>
      videoCamera({
        id: `c${index}`,
        name: `camera ${index + 1}`,
        path,
        width,
        height,
        to: `d${values.apart ? index : 0}`,
      }),
    ),
    ...Array.from({ length: values.apart ? Number(values.cameras) : 1 }, (_, index) => [
      {
        id: `d${index}`,
        type: "haar-detect",
        z,
        name: "",
        cascade: "frontalface_default",
        ...(values.preset === "original"
          ? { scaleFactor: "1.3", minNeighbors: "5", workingWidthType: "whole" }
          : { scaleFactor: "1.1", minNeighbors: "3", workingWidthType: "auto" }),
        tracking: values.preset === "tracking",
        minSize: values.minSize,
        wires: [[`e${index}`]],
      },
      { id: `e${index}`, type: "facenet-embed", z, name: "", model: values.model, wires: [[`m${index}`]] },
      {
        id: `m${index}`,
        type: "face-match",
        z,
        name: "",
        gallery: "g",
        mode: "identify",
        wires: [["s"], ["s"], ["s"], []],
      },
    ]).flat(),
    {
      id: "s",
      type: "function",
      z,
      name: "",
      // A frame with people and strangers comes out twice.
      func: `const bench = global.get("bench");
        if (bench.last[msg.frame.source] === msg.frame.sequence) return null;
        bench.last[msg.frame.source] = msg.frame.sequence;
        bench.frames += 1;
        if (bench.frames === 100) {
          bench.started = Date.now();
          for (const delay of Object.values(bench.delays)) delay.reset();
          Object.assign(bench, { cameras: {}, faces: 0, dropped: {}, droppedBefore: { ...bench.droppedLast } });
        }
        const source = msg.frame.source;
        bench.droppedLast[source] = msg.timing.dropped || 0;
        bench.dropped[source] = bench.droppedLast[source] - (bench.droppedBefore[source] || 0);
        bench.cameras[source] = (bench.cameras[source] || 0) + 1;
        bench.faces += msg.faces.filter((face) => face.embedding).length;
        if (bench.frames > 100)
          for (const [stage, ms] of Object.entries(msg.timing)) (bench.timing[stage] ??= []).push(ms);
        if (bench.frames % 100 === 0) bench.rss.push({ frames: bench.frames, mb: bench.memory() });
        return null;`,
      outputs: 1,
      wires: [[]],
    },
    { id: "i", type: "http in", z, url: "/stats", method: "get", wires: [["a"]] },
    {
      id: "a",
      type: "function",
      z,
      name: "",
      func:
        `const b = global.get("bench"); msg.payload = { frames: b.frames, seconds: (Date.now() - b.started) / ` +
        "1000, timing: b.frames >= msg.req.query.frames ? b.timing : {}, delays: " +
        "Object.fromEntries(Object.entries(b.delays).map(([ms, delay]) => [ms, { p50: delay.percentile(50) / " +
        "1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }])), rss: b.rss, dropped: b.dropped, " +
        "cameras: b.cameras, faces: b.faces }; return msg;",
      outputs: 1,
      wires: [["o"]],
    },
    { id: "o", type: "http response", z, wires: [] },
  ];
  // Without a place on the tab Node-RED takes a node for a configuration.
  for (const node of flow.slice(2)) Object.assign(node, { x: 100, y: 100 });
  const settings =
    "functionGlobalContext: { bench: (() => { const delays = Object.fromEntries([10, 1].map((resolution) => { " +
    `const delay = require("perf_hooks").monitorEventLoopDelay({ resolution }); delay.enable(); return ` +
    "[resolution, delay]; })); return { frames: 0, started: Date.now(), timing: {}, rss: [], cameras: {}, " +
    "faces: 0, last: {}, dropped: {}, droppedLast: {}, droppedBefore: {}, delays, memory: () => " +
    "Math.round(process.memoryUsage.rss() / 1048576) }; })() },";
  const red = await startNodeRed(flow, { settings, ...(values.node === undefined ? {} : { node: values.node }) });
  try {
    return await eventually(
      `${frames} frames`,
      async () => {
        const stats = (await (await fetch(`${red.url}/stats?frames=${frames + 100}`)).json()) as Stats;
        return stats.frames >= frames + 100 ? stats : undefined;
      },
      3_600_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${red.log()}`);
    });
  } finally {
    await red.stop();
  }
}

function percentile(sorted: number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}

async function main(): Promise<void> {
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      `${process.version} · ${values.model} · preset ${values.preset} · smallest face ${values.minSize} px · ` +
      `cameras: ${values.cameras} · faces: ${values.faces} · ${frames} frames after 100 of warm-up`,
  );
  for (const size of values.sizes.split(",")) {
    const { timing, seconds, delays, rss, dropped, cameras, faces, frames: seen } = await measure(size);
    const byCamera = Object.entries(cameras).map(
      ([camera, count]) => `${camera} ${(count / seconds).toFixed(1)}, ${dropped[camera]} replaced by newer ones`,
    );
    console.log(
      `\n${size}: ${((seen - 100) / seconds).toFixed(1)} frames/s decided of ${values.fps} a camera ` +
        `(${byCamera.join("; ")}); ${(faces / (seen - 100)).toFixed(2)} faces a frame`,
    );
    for (const [ms, { p50, p99, max }] of Object.entries(delays))
      console.log(
        `  event-loop delay (timer of ${ms} ms, so ${ms} is idle): p50 ${p50.toFixed(1)} ms, p99 ` +
          `${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
      );
    for (const stage of ["decode", "detect", "align", "embed", "match", "total"]) {
      const sorted = (timing[stage] ?? []).toSorted((a, b) => a - b);
      console.log(
        `  ${stage.padEnd(7)} p50 ${percentile(sorted, 0.5).padStart(6)} ms   p95 ` +
          `${percentile(sorted, 0.95).padStart(6)} ms`,
      );
    }
    const at = (count: number): number | undefined => rss.find((each) => each.frames === count)?.mb;
    const sizes = [200, 500, 1000, 2000, 5000, 10_000, 20_000].flatMap((count) =>
      at(count) === undefined ? [] : [`${count} frames ${at(count)} MB`],
    );
    console.log(`  resident memory: ${sizes.join(", ")}; last ${rss.at(-1)?.mb} MB`);
  }
}

void main();
