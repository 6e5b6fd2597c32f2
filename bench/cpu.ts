/**
 * What a camera costs in a real Node-RED, as the processor's time that Linux counts for it (/proc/PID/stat), with the
 * motion gate and without, in one run: called by bench/cost.ts.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { findFfmpeg } from "../lib/capture/ffmpeg";
import { DEFAULT_MODEL } from "../lib/embed/descriptor";
import { PRESETS } from "../lib/detect/haar/presets";
import { emptyRoom } from "../test/support/moving-scene";
import { portrait, PORTRAITS } from "../test/support/photos";
import { type FlowNode, startNodeRed } from "../test/support/node-red";
import { setTimeout as wait } from "node:timers/promises";
import { processesOf } from "./processes";
import { videoCamera } from "./video-camera";

export interface CpuOptions {
  /** Nothing moves but the sensor's grain; something does, that is nobody; or people walk about. */
  scene: "empty" | "motion" | "people";
  cameras: number;
  width: number;
  height: number;
  /** Of each camera. */
  fps: number;
  /** "haar-detect" as a new node of it is, or "face-detect". */
  detector: "haar-detect" | "face-detect";
  /** So long it is measured. */
  seconds: number;
}

interface Cost {
  /** Percent of a core. */
  nodeRed: number;
  ffmpeg: number;
  /** Frames a second that came to the end of the flow, of all cameras, and of them those that were searched. */
  frames: number;
  searched: number;
}

/** The gate takes a room for empty in which nothing has moved for half a minute. */
const WARM_UP_MS = { off: 8000, on: 35_000 };
/** Of the video, which is played in a loop. */
const VIDEO_SECONDS = 12;
/** Seconds of processor of a process and all that it started: ffmpeg by itself. */
function usedByAll(root: number): { nodeRed: number; ffmpeg: number } {
  const sum = { nodeRed: 0, ffmpeg: 0 };
  for (const { seconds, name } of processesOf(root)) sum[name.startsWith("ffmpeg") ? "ffmpeg" : "nodeRed"] += seconds;
  return sum;
}

/** A room with grain, and in it what the scene says. @returns the video's path */
async function video({ scene, width, height, fps }: CpuOptions, folder: string): Promise<string> {
  const { data } = emptyRoom(width, height);
  const room = join(folder, "room.png");
  await sharp(Uint8ClampedArray.from(data), { raw: { width, height, channels: 1 } })
    .toColourspace("srgb")
    .png()
    .toFile(room);
  const moving: string[] = [];
  if (scene === "motion")
    moving.push(
      await sharp({ create: { width: width >> 3, height: height >> 1, channels: 3, background: "#3a5a40" } })
        .png()
        .toFile(join(folder, "0.png"))
        .then(() => join(folder, "0.png")),
    );
  if (scene === "people")
    for (const [index, name] of (Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]).slice(0, 3).entries()) {
      const file = join(folder, `${index}.png`);
      await sharp(await portrait(name))
        .resize(height >> 2)
        .png()
        .toFile(file);
      moving.push(file);
    }
  const loop = (file: string): string[] => [
    "-loop",
    "1",
    "-framerate",
    String(fps),
    "-t",
    String(VIDEO_SECONDS),
    "-i",
    file,
  ];
  const overlays = moving.map(
    (_, index) =>
      `[v${index}][${index + 1}]overlay=x='(W-w)*(0.5+0.45*sin(${0.5 + 0.1 * index}*t+${2 * index}))':` +
      `y='H*${[0.2, 0.6, 0.4][index]}'[v${index + 1}]`,
  );
  const { path } = await findFfmpeg();
  const file = join(folder, "video.mp4");
  const quiet = "-hide_banner -loglevel error -y".split(" ");
  const filter = ["[0]format=yuv420p[v0]", ...overlays, `[v${moving.length}]noise=alls=8:allf=t[out]`].join(";");
  const output = `-map [out] -pix_fmt yuv420p -c:v libx264 -preset veryfast -g ${fps * 2}`.split(" ");
  execFileSync(path, [...quiet, ...[room, ...moving].flatMap(loop), "-filter_complex", filter, ...output, file]);
  return file;
}

function flowOf({ cameras, width, height, fps, detector }: CpuOptions, path: string, motionGate: boolean): FlowNode[] {
  const z = "tab";
  const { workingWidth: _auto, ...preset } = PRESETS.tracking;
  const flow: FlowNode[] = [
    { id: z, type: "tab", label: "bench" },
    { id: "g", type: "face-gallery", name: "people", model: DEFAULT_MODEL.id },
    ...Array.from({ length: cameras }, (_, index) =>
      videoCamera({ id: `c${index}`, name: `camera ${index + 1}`, path, width, height, fps: String(fps), to: "d" }),
    ),
    {
      id: "d",
      type: detector,
      z,
      name: "",
      version: 2,
      ...(detector === "haar-detect" ? { ...preset, workingWidthType: "auto", minSize: "36" } : { tracking: true }),
      motionGate,
      wires: [["e"]],
    },
    { id: "e", type: "facenet-embed", z, name: "", model: DEFAULT_MODEL.id, wires: [["m"]] },
    { id: "m", type: "face-match", z, name: "", gallery: "g", mode: "identify", wires: [["s"], ["s"], ["s"], [], []] },
    {
      id: "s",
      type: "function",
      z,
      name: "",
      // A frame with people and strangers comes out twice.
      func: `const b = global.get("bench"); const { source, sequence } = msg.frame;
        if (b.last[source] === sequence) return null;
        b.last[source] = sequence; b.frames += 1; if (msg.searched !== false) b.searched += 1; return null;`,
      outputs: 1,
      wires: [[]],
    },
    { id: "i", type: "http in", z, url: "/stats", method: "get", wires: [["a"]] },
    { id: "a", type: "function", z, name: "", func: `msg.payload = global.get("bench"); return msg;`, wires: [["o"]] },
    { id: "o", type: "http response", z, wires: [] },
  ];
  // Without a place on the tab Node-RED takes a node for a configuration.
  for (const node of flow.slice(2)) Object.assign(node, { x: 100, y: 100 });
  return flow;
}

async function costOf(options: CpuOptions, path: string, motionGate: boolean): Promise<Cost> {
  const settings = "functionGlobalContext: { bench: { frames: 0, searched: 0, last: {} } },";
  const red = await startNodeRed(flowOf(options, path, motionGate), { settings });
  try {
    const counted = async (): Promise<{ frames: number; searched: number }> =>
      (await (await fetch(`${red.url}/stats`)).json()) as { frames: number; searched: number };
    while ((await counted()).frames === 0) await wait(100);
    await wait(motionGate ? WARM_UP_MS.on : WARM_UP_MS.off);
    const pid = red.process.pid as number;
    const [before, first, start] = [usedByAll(pid), await counted(), performance.now()];
    await wait(options.seconds * 1000);
    const [after, last, seconds] = [usedByAll(pid), await counted(), (performance.now() - start) / 1000];
    return {
      nodeRed: (100 * (after.nodeRed - before.nodeRed)) / seconds,
      ffmpeg: (100 * (after.ffmpeg - before.ffmpeg)) / seconds,
      frames: (last.frames - first.frames) / seconds,
      searched: (last.searched - first.searched) / seconds,
    };
  } finally {
    await red.stop();
  }
}

/** Measure it without and with the motion gate, and print both. */
export async function printCpu(options: CpuOptions): Promise<void> {
  const { scene, cameras, width, height, fps, detector } = options;
  const folder = mkdtempSync(join(tmpdir(), "bench-cpu-"));
  try {
    const path = await video(options, folder);
    const [off, on] = [await costOf(options, path, false), await costOf(options, path, true)];
    console.log(
      `${scene.padEnd(7)} ${String(cameras).padStart(7)}  ${`${width} × ${height}`.padEnd(12)} ` +
        `${String(fps).padStart(8)}  ${detector}`,
    );
    for (const [name, cost] of [
      ["off", off],
      ["on", on],
    ] as const)
      console.log(
        `  gate ${name.padEnd(3)}  Node-RED ${cost.nodeRed.toFixed(1).padStart(6)} % of a core, ffmpeg ` +
          `${cost.ffmpeg.toFixed(1).padStart(5)} %; ${cost.frames.toFixed(1)} of ${cameras * fps} frames/s, ` +
          `${cost.searched.toFixed(1)} searched; ` +
          `${((10 * cost.nodeRed) / cost.frames).toFixed(1)} ms of Node-RED a frame`,
      );
    const share = on.nodeRed / on.frames / (off.nodeRed / off.frames);
    console.log(`  with the gate a frame costs Node-RED ${share.toFixed(2)} of what it costs without`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
