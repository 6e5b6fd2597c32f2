/**
 * Frames as a camera far away makes them: each person's photo scaled until the face is so many pixels wide, drifting a
 * bit, with the blur
 * of a lens and of the movement, the sensor's noise, and compressed as H.264 by ffmpeg and back.
 */
import { execFileSync } from "node:child_process";
import sharp from "sharp";
import { findFfmpeg } from "../lib/capture/ffmpeg";
import type { Pixels } from "../lib/image/pixels";
import type { Box } from "../lib/message";
import { seeded } from "./statistics";

export interface Filmed {
  bytes: Buffer;
  /** Pixels of the photo. */
  width: number;
  height: number;
  /** The face in the photo, as the detector gave it. */
  face: Box;
}

export interface Shot {
  /** Index of who was filmed. */
  who: number;
  /** Where their face is in the frame, in pixels. */
  face: Box;
}

export interface SmallFrame {
  pixels: Pixels;
  shots: Shot[];
}

const WIDTH = 1280;
const HEIGHT = 720;
/** A person's part of the frame, in widths of the face. */
const CELL = 2.2;
/** How far the face drifts from the middle of its part, in widths of the face. */
const DRIFT = 0.15;
/**
 * So many frames are encoded; those named are looked at. They are far enough from the first one that the encoder has
 * settled.
 */
const FRAMES = 8;
const LOOKED_AT: readonly number[] = [3, 7];
const FPS = 12;
/** From … to, drawn for each film, or each person in it. */
type Range = readonly [number, number];

export interface Conditions {
  /** Standard deviation of the sensor's noise, in grey levels. */
  noise: Range;
  /** What the light does to grey levels, as a factor. */
  light: Range;
  /** Standard deviation of the lens' blur, in pixels of the frame, whatever the size of the face. */
  defocus: Range;
  /** Longest way of a face while the shutter is open, in widths of the face; most move little. */
  moved: number;
}

/** From a room by day to one by lamp light. */
const CONDITIONS: Conditions = { noise: [2, 9], light: [0.55, 1.1], defocus: [0.3, 1], moved: 0.1 };
const STEPS = 7;
/** Grey level where nobody is. */
const BACKGROUND = 0x60;

export interface Film {
  /** Width of each face, in pixels. */
  size: number;
  /** H.264's constant rate factor: more is worse. */
  crf: number;
  random: () => number;
  conditions?: Conditions;
}

/** A grid of people. */
export async function filmSmall(
  people: readonly Filmed[],
  { size, crf, random, conditions = CONDITIONS }: Film,
): Promise<SmallFrame[]> {
  const cell = Math.ceil(CELL * size);
  const columns = Math.floor(WIDTH / cell);
  const each = columns * Math.floor(HEIGHT / cell);
  const frames: SmallFrame[] = [];
  for (let from = 0; from < people.length; from += each) {
    const some = people.slice(from, from + each);
    const tiles = await Promise.all(some.map((person) => tileOf(person, size, random, conditions)));
    const noise = between(conditions.noise, random());
    const shots: Shot[][] = Array.from({ length: FRAMES }, () => []);
    const raw = Buffer.alloc(WIDTH * HEIGHT * 3 * FRAMES);
    for (let at = 0; at < FRAMES; at += 1) {
      const frame = new Float32Array(WIDTH * HEIGHT * 3).fill(BACKGROUND);
      for (const [index, tile] of tiles.entries()) {
        const corner = { x: (index % columns) * cell, y: Math.floor(index / columns) * cell };
        shots[at]?.push({ who: from + index, face: drawTile(frame, tile, corner, cell, at) });
      }
      raw.set(addNoise(frame, noise, random), at * frame.length);
    }
    const decoded = await compress(raw, crf);
    for (const at of LOOKED_AT) {
      frames.push({
        pixels: {
          data: Uint8Array.from(decoded.subarray(at * WIDTH * HEIGHT * 3, (at + 1) * WIDTH * HEIGHT * 3)),
          width: WIDTH,
          height: HEIGHT,
        },
        shots: shots[at] ?? [],
      });
    }
  }
  return frames;
}

const between = ([low, high]: Range, share: number): number => low + (high - low) * share;

interface Tile {
  data: Float32Array;
  width: number;
  height: number;
  /** The face in the scaled photo. */
  face: Box;
  /** Where in its drift the face begins, radians. */
  phase: number;
}

async function tileOf(
  { bytes, width, height, face }: Filmed,
  size: number,
  random: () => number,
  { light: lights, defocus, moved }: Conditions,
): Promise<Tile> {
  const scale = size / face.width;
  const scaled = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const still = await sharp(bytes)
    .rotate()
    .removeAlpha()
    .toColourspace("srgb")
    .resize(scaled.width, scaled.height, { fit: "fill" })
    .blur(between(defocus, random()))
    .raw()
    .toBuffer();
  const light = between(lights, random());
  const [way, direction] = [moved * size * random() ** 2, 2 * Math.PI * random()];
  const data = move(still, scaled, { x: way * Math.cos(direction), y: way * Math.sin(direction) }).map((value) =>
    Math.min(255, light * value),
  );
  return {
    data,
    ...scaled,
    face: { x: face.x * scale, y: face.y * scale, width: face.width * scale, height: face.height * scale },
    phase: 2 * Math.PI * random(),
  };
}

/** Blurred along a way, in pixels. */
function move(data: Uint8Array, size: { width: number; height: number }, way: { x: number; y: number }): Float32Array {
  const sum = new Float32Array(data.length);
  for (let step = 0; step < STEPS; step += 1) {
    const along = step / (STEPS - 1) - 0.5;
    for (let row = 0; row < size.height; row += 1) {
      for (let column = 0; column < size.width; column += 1)
        sample(
          data,
          size,
          column + along * way.x,
          row + along * way.y,
          sum,
          (row * size.width + column) * 3,
          1 / STEPS,
        );
    }
  }
  return sum;
}

/** @returns where the face is in the frame */
function drawTile(
  frame: Float32Array,
  { data, width, height, face, phase }: Tile,
  corner: { x: number; y: number },
  cell: number,
  at: number,
): Box {
  const drift = { x: DRIFT * face.width * Math.sin(phase + at / 3), y: DRIFT * face.width * Math.cos(phase + at / 4) };
  // From the frame to the scaled photo; beyond the photo its edge goes on.
  const shift = { x: face.x + face.width / 2 - cell / 2 - drift.x, y: face.y + face.height / 2 - cell / 2 - drift.y };
  for (let row = 0; row < cell; row += 1) {
    for (let column = 0; column < cell; column += 1) {
      const to = ((corner.y + row) * WIDTH + corner.x + column) * 3;
      frame.fill(0, to, to + 3);
      sample(data, { width, height }, column + shift.x, row + shift.y, frame, to, 1);
    }
  }
  return { x: corner.x + face.x - shift.x, y: corner.y + face.y - shift.y, width: face.width, height: face.height };
}

/** Read bilinearly, and add to three numbers of `into`. */
function sample(
  data: Uint8Array | Float32Array,
  { width, height }: { width: number; height: number },
  x: number,
  y: number,
  into: Float32Array,
  to: number,
  share: number,
): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const [x0, x1] = [Math.max(0, Math.min(width - 1, left)), Math.max(0, Math.min(width - 1, left + 1))];
  const [y0, y1] = [
    Math.max(0, Math.min(height - 1, top)) * width,
    Math.max(0, Math.min(height - 1, top + 1)) * width,
  ];
  for (let channel = 0; channel < 3; channel += 1) {
    const upper =
      (1 - right) * (data[(y0 + x0) * 3 + channel] as number) + right * (data[(y0 + x1) * 3 + channel] as number);
    const lower =
      (1 - right) * (data[(y1 + x0) * 3 + channel] as number) + right * (data[(y1 + x1) * 3 + channel] as number);
    into[to + channel] = (into[to + channel] as number) + share * ((1 - down) * upper + down * lower);
  }
}

/** Draws from a normal distribution (Box & Muller 1958), to be read from anywhere. */
const NORMAL = ((random: () => number) =>
  Float32Array.from(
    { length: 1 << 16 },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  ))(seeded(7));

/** Mostly of brightness, as what a camera's own filter leaves of it. */
function addNoise(frame: Float32Array, deviation: number, random: () => number): Uint8ClampedArray {
  const noisy = new Uint8ClampedArray(frame.length);
  let at = 0;
  for (let pixel = 0; pixel < frame.length; pixel += 3) {
    if (pixel % (WIDTH * 3) === 0) at = Math.floor(random() * NORMAL.length);
    const grey = deviation * (NORMAL[at % NORMAL.length] as number);
    const tint = 0.5 * deviation * (NORMAL[(at + 1) % NORMAL.length] as number);
    at += 2;
    noisy[pixel] = (frame[pixel] as number) + grey + tint;
    noisy[pixel + 1] = (frame[pixel + 1] as number) + grey;
    noisy[pixel + 2] = (frame[pixel + 2] as number) + grey - tint;
  }
  return noisy;
}

async function compress(raw: Buffer, crf: number): Promise<Buffer> {
  const { path } = await findFfmpeg();
  const quiet = ["-hide_banner", "-loglevel", "error"];
  const form = ["-f", "rawvideo", "-pix_fmt", "rgb24"];
  const options = { maxBuffer: 2 * raw.length, timeout: 120_000 };
  const video = execFileSync(
    path,
    [
      ...quiet,
      ...form,
      "-s",
      `${WIDTH}x${HEIGHT}`,
      "-r",
      String(FPS),
      "-i",
      "pipe:0",
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      String(crf),
      "-pix_fmt",
      "yuv420p",
      "-f",
      "h264",
      "pipe:1",
    ],
    { ...options, input: raw },
  );
  return execFileSync(path, [...quiet, "-f", "h264", "-i", "pipe:0", ...form, "pipe:1"], { ...options, input: video });
}
