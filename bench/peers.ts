/**
 * The same video through this package and its peers, frame for frame: milliseconds a frame, frames a second, ratios.
 *   npm install --ignore-scripts --prefix bench/peers      (once)
 *   npm run bench:peers -- [--frames 150] [--size 640x480] [--faces 1] [--rounds 2]
 * Each in a process of its own, warmed up first, one after the other, in turn for several rounds; the best round
 * counts, since what
 * else the machine does can only slow it down. Frames are decoded once for all, to raw RGB.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeFrames } from "./frames";
import type { Measured } from "./peers/measure";

const PEERS = join(__dirname, "peers");
const CONTESTANTS: readonly (readonly [file: string, ...args: string[]])[] = [
  ["ours.ts", "tracking", "wasm"],
  ["ours.ts", "tracking", "onnx"],
  ["ours.ts", "accurate", "wasm"],
  ["ours.ts", "accurate", "onnx"],
  ["ours.ts", "original", "wasm"],
  ["face-api.ts"],
  ["human.ts", "every"],
  ["human.ts", "defaults"],
];

async function run(frames: string, [file, ...args]: (typeof CONTESTANTS)[number]): Promise<Measured> {
  // The peers' packages are found beside them; ours looks for onnxruntime-node there.
  const child = fork(join(PEERS, file), [frames, ...args], {
    execArgv: ["--import", "tsx"],
    env: { ...process.env, NODE_PATH: join(PEERS, "node_modules") },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let measured: Measured | undefined;
  child.once("message", (message) => {
    measured = message as Measured;
  });
  await once(child, "exit");
  if (measured === undefined) throw new Error(`${file} ${args.join(" ")} gave no figures.`);
  return measured;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      frames: { type: "string", default: "150" },
      size: { type: "string", default: "640x480" },
      faces: { type: "string", default: "1" },
      rounds: { type: "string", default: "2" },
    },
  });
  if (!existsSync(join(PEERS, "node_modules")))
    throw new Error("the peers are not installed: npm install --ignore-scripts --prefix bench/peers");
  const [width, height] = values.size.split("x").map(Number) as [number, number];
  const frames = await makeFrames({ width, height, count: Number(values.frames), faces: Number(values.faces) });
  try {
    const task = JSON.stringify({ rgb: frames.decode(), width, height });
    const best: Measured[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [index, contestant] of CONTESTANTS.entries()) {
        const measured = await run(task, contestant);
        const before = best[index];
        if (before === undefined || percentile(measured.milliseconds, 0.5) < percentile(before.milliseconds, 0.5))
          best[index] = measured;
      }
    }
    print(best, frames.count);
  } finally {
    frames.remove();
  }

  function print(best: readonly Measured[], count: number): void {
    console.log(
      `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · ` +
        `Node.js ${process.version} · ${values.size}, ${values.faces} faces, ${count} frames, best of ` +
        `${values.rounds} rounds`,
    );
    const peers = best.filter(({ name }) => !name.startsWith("ours"));
    console.log(
      `${"".padEnd(40)} ms/frame p50    p95   frames/s   frames with a face   faces   ` +
        peers.map(({ name }) => `× ${name.replace(/ [\d.]+/, "")}`).join("   "),
    );
    for (const { name, milliseconds, framesPerSecond, found, faces } of best) {
      const ratios = peers.map((peer) =>
        (framesPerSecond / peer.framesPerSecond).toFixed(2).padStart(peer.name.replace(/ [\d.]+/, "").length + 2),
      );
      console.log(
        `${name.padEnd(40)} ${percentile(milliseconds, 0.5).toFixed(1).padStart(12)} ` +
          `${percentile(milliseconds, 0.95).toFixed(1).padStart(6)} ${framesPerSecond.toFixed(1).padStart(10)} ` +
          `${`${found}/${count}`.padStart(20)} ${String(faces).padStart(7)}   ${ratios.join("   ")}`,
      );
    }
  }
}

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
