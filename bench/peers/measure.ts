/** Frame after frame through a recognizer, in a process of its own; the figures go to the parent. */
import { readFileSync } from "node:fs";

const WARM_UP = 10;

export interface FrameFiles {
  rgb: string;
  width: number;
  height: number;
}

export interface Measured {
  name: string;
  /** Milliseconds of each frame, one at a time. */
  milliseconds: number[];
  /** Frames a second with as many under way as it takes to keep the recognizer busy. */
  framesPerSecond: number;
  /** Frames with at least one embedding, and embeddings in all. */
  found: number;
  faces: number;
}

/** Gives how many faces got an embedding. */
export type Recognize = (rgb: Buffer, width: number, height: number) => Promise<number>;

/** @param underWay how many frames the recognizer can work on at once */
export async function measure(name: string, recognize: Recognize, underWay = 1): Promise<void> {
  const { rgb, width, height } = JSON.parse(process.argv[2] ?? "{}") as FrameFiles;
  const all = readFileSync(rgb);
  const size = width * height * 3;
  const frames = Array.from({ length: Math.floor(all.length / size) }, (_, index) =>
    all.subarray(index * size, (index + 1) * size),
  );
  for (const frame of frames.slice(0, WARM_UP)) await recognize(frame, width, height);
  const milliseconds: number[] = [];
  let [found, faces] = [0, 0];
  for (const frame of frames) {
    const before = performance.now();
    const count = await recognize(frame, width, height);
    milliseconds.push(performance.now() - before);
    faces += count;
    if (count > 0) found += 1;
  }
  const mean = milliseconds.reduce((sum, value) => sum + value, 0) / milliseconds.length;
  const measured: Measured = {
    name,
    milliseconds,
    framesPerSecond:
      underWay === 1 ? 1000 / mean : await pipelined(frames, (frame) => recognize(frame, width, height), underWay),
    found,
    faces,
  };
  process.send?.(measured, () => process.exit());
}

async function pipelined(
  frames: readonly Buffer[],
  recognize: (frame: Buffer) => Promise<number>,
  underWay: number,
): Promise<number> {
  const waiting = frames.values();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: underWay }, async () => {
      for (const frame of waiting) await recognize(frame);
    }),
  );
  return (1000 * frames.length) / (performance.now() - start);
}
