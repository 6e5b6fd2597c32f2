/**
 * How cost grows with faces, picture width, cameras and people, and what limits it.
 *   npm run bench:cost -- [--out DIR] [--engine wasm|onnx] [--frames 15]
 * Or the processor's share of a whole Node-RED, with the motion gate and without, ffmpeg's by itself (Linux):
 *   npm run bench:cost -- empty|motion|people|cameras [--detector haar-detect|face-detect] [--seconds 20]
 * Rooflines are measured in the same run: copying memory, and the best of the network's kinds of layer, alone, on
 * TF.js WASM.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Rank } from "@tensorflow/tfjs-core";
import sharp from "sharp";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { haarOptionsSchema, searchPlan } from "../lib/detect/haar/options";
import { PRESETS } from "../lib/detect/haar/presets";
import { DLIB_RESNET } from "../lib/embed/descriptor";
import { CHIP_SIDE, DIMENSIONS, foldWeights, RESIDUALS } from "../lib/embed/dlib-resnet";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import { EmbeddingIndex } from "../lib/search/embedding-index";
import { tensorEngine } from "../lib/tensor/engine";
import { faceApiFile, readWeights } from "../lib/tensor/weights";
import { type CpuOptions, printCpu } from "./cpu";
import { makeFrames } from "./frames";
import { seeded } from "./statistics";
import { lineChart, type Series } from "./chart";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    detector: { type: "string", default: "haar-detect" },
    seconds: { type: "string", default: "20" },
    out: { type: "string" },
    engine: { type: "string", default: "wasm" },
    frames: { type: "string", default: "15" },
  },
});
const FRAMES = Number(values.frames);
const WARM_UP = 3;
/** Smallest face, in pixels: 80 in a 640 × 480 picture is somebody at about two metres. */
const MIN_SIZE = 80;
const STAGES = ["decode", "detect", "align", "embed"] as const;
type Stages = Record<(typeof STAGES)[number], number>;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
const cell = (value: number, digits = 1, width = 8): string => value.toFixed(digits).padStart(width);

interface Recognizer {
  detector: FaceDetector;
  embedder: FaceEmbedder;
}

interface Counts {
  /** Boxes that were aligned, false ones too. */
  boxes: number;
  /** Boxes that have an embedding. */
  faces: number;
}

async function recognize({ detector, embedder }: Recognizer, bytes: Buffer): Promise<{ stages: Stages } & Counts> {
  const picture = { bytes, frame: undefined };
  const detected = await detector.detect(picture);
  const embedded = await embedder.embed(picture, detected.faces);
  const faces = embedded.faces.filter(({ embedding }) => embedding !== undefined).length;
  return {
    boxes: detected.faces.length,
    faces,
    stages: {
      decode: detected.timing.decode + (embedded.timing.decode ?? 0),
      detect: detected.timing.detect,
      align: embedded.timing.align,
      embed: embedded.timing.embed,
    },
  };
}

/** Frames as a camera sends them. */
async function jpegs(width: number, height: number, faces: number): Promise<Buffer[]> {
  const frames = await makeFrames({ width, height, count: FRAMES, faces });
  try {
    const rgb = readFileSync(frames.decode());
    const size = width * height * 3;
    return await Promise.all(
      Array.from({ length: FRAMES }, (_, index) =>
        sharp(rgb.subarray(index * size, (index + 1) * size), { raw: { width, height, channels: 3 } })
          .jpeg({ quality: 85 })
          .toBuffer(),
      ),
    );
  } finally {
    frames.remove();
  }
}

/** Milliseconds of each stage, and frames a second when stages work beside each other. */
async function point(
  recognizer: Recognizer,
  pictures: readonly Buffer[],
): Promise<{ stages: Stages; fps: number } & Counts> {
  for (const picture of pictures.slice(0, WARM_UP)) await recognize(recognizer, picture);
  const all: Awaited<ReturnType<typeof recognize>>[] = [];
  for (const picture of pictures) all.push(await recognize(recognizer, picture));
  const stages = Object.fromEntries(
    STAGES.map((stage) => [stage, median(all.map((each) => each.stages[stage]))]),
  ) as Stages;
  return {
    stages,
    boxes: median(all.map(({ boxes }) => boxes)),
    faces: median(all.map(({ faces }) => faces)),
    fps: (await stream(recognizer, pictures, 1)).total,
  };
}

/**
 * Frames a second of each camera when several run at once; each has two frames under way, one in detection and one in
 * the networks.
 */
async function stream(
  recognizer: Recognizer,
  pictures: readonly Buffer[],
  cameras: number,
): Promise<{ total: number; each: number[] }> {
  const start = performance.now();
  const done = Array.from({ length: cameras }, () => 0);
  let open = true;
  const loop = async (camera: number, own: readonly Buffer[]): Promise<void> => {
    for (let index = 0; open; index += 1) {
      await recognize(recognizer, own[index % own.length] as Buffer);
      if (!open) return;
      const count = (done[camera] ?? 0) + 1;
      done[camera] = count;
      // The first camera that is through ends the run for all, so that every count is of the same time.
      if (count >= pictures.length) open = false;
    }
  };
  // A frame of its own for each: pixels are remembered by their frame's memory.
  await Promise.all(
    Array.from({ length: 2 * cameras }, (_, index) =>
      loop(
        index % cameras,
        pictures.map((picture) => Buffer.from(Uint8Array.from(picture).buffer)),
      ),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  return { total: done.reduce((sum, count) => sum + count, 0) / seconds, each: done.map((count) => count / seconds) };
}

interface Roofline {
  /** Bytes copied in a second (read and written). */
  memory: number;
  /**
   * Multiply-adds in a second of the fastest of the network's kinds of layer, alone and warm, on TF.js WASM, one
   * thread.
   */
  multiplyAdds: number;
}

/** Side and channels of the network's convolutions of 3 × 3. */
const LAYERS = [
  [35, 32],
  [17, 64],
  [8, 128],
] as const;
/** Pictures at once, as with one face and with eight. */
const BATCHES = [1, 8] as const;
/** So long each is repeated: WASM code is compiled better only after it has run for a while. */
const LAYER_MS = 1500;

async function roofline(): Promise<Roofline> {
  const bytes = 256 * 1024 * 1024;
  const [from, to] = [Buffer.alloc(bytes, 1), Buffer.alloc(bytes, 2)];
  const copies = Array.from({ length: 5 }, () => {
    const start = performance.now();
    from.copy(to);
    return performance.now() - start;
  });
  const tf = await tensorEngine("wasm");
  const rates = LAYERS.flatMap(([side, channels]) =>
    BATCHES.map((batch) => {
      const pictures = tf.ones<Rank.R4>([batch, side, side, channels]);
      const filters = tf.ones<Rank.R4>([3, 3, channels, channels]);
      let best = Infinity;
      for (const end = performance.now() + LAYER_MS; performance.now() < end;) {
        const start = performance.now();
        tf.conv2d(pictures, filters, 1, "same").dispose();
        best = Math.min(best, performance.now() - start);
      }
      tf.dispose([pictures, filters]);
      return (batch * side ** 2 * channels ** 2 * 9 * 1000) / best;
    }),
  );
  return { memory: (bytes * 1000) / Math.min(...copies), multiplyAdds: Math.max(...rates) };
}

/** Multiply-adds of the embedding network for one face, from the shapes of its weights. */
async function networkSize(): Promise<number> {
  const weights = await readWeights(faceApiFile("face_recognition_model-weights_manifest.json"));
  const size = (name: string, side: number): number =>
    foldWeights(weights, name).shape.reduce((product, each) => product * each, side * side);
  // Sides after convolutions without padding and pools: 150 → 72 → 35, and half of it at each "down".
  let side = Math.floor((CHIP_SIDE - 7) / 2) + 1;
  let sum = size("conv32_down", side);
  side = Math.floor((side - 3) / 2) + 1;
  for (const name of RESIDUALS) {
    const inner = name.includes("down") ? Math.floor((side - 3) / 2) + 1 : side;
    sum += size(`${name}/conv1`, inner) + size(`${name}/conv2`, inner);
    side = name.includes("down") ? Math.max(inner, Math.floor(side / 2)) : side;
  }
  return sum;
}

const SEARCH = haarOptionsSchema.parse({ ...PRESETS.tracking, minSize: MIN_SIZE });

/**
 * Haar windows of a search: every second pixel where the step from working pixels is under 2 (OpenCV,
 * cascadedetect.cpp), every pixel beyond.
 */
function windows(width: number, height: number): number {
  const WINDOW = 24;
  const working = searchPlan({ width, height }, SEARCH)?.scale ?? 1;
  let sum = 0;
  for (let scale = MIN_SIZE / WINDOW; scale * WINDOW <= Math.min(width, height); scale *= SEARCH.scaleFactor) {
    const step = scale * working > 2 ? 1 : 2;
    sum += (Math.max(0, width / scale - WINDOW) / step) * (Math.max(0, height / scale - WINDOW) / step);
  }
  return sum;
}

/** The stage that takes most, and how near it is to what the machine can do. */
function limit(
  { stages, faces, boxes }: Row,
  width: number,
  height: number,
  { memory, multiplyAdds }: Roofline,
  network: number,
): string {
  const stage = STAGES.reduce((worst, each) => (stages[each] > stages[worst] ? each : worst));
  const seconds = stages[stage] / 1000;
  if (stage === "embed")
    return (
      `embed: ${((faces * network) / seconds / 1e9).toFixed(1)} G multiply-adds/s, ` +
      `${((100 * faces * network) / seconds / multiplyAdds).toFixed(0)} % of the ceiling`
    );
  if (stage === "detect")
    return `detect: ${(windows(width, height) / seconds / 1e6).toFixed(1)} M windows/s on one core`;
  if (stage === "decode")
    return (
      `decode: ${((width * height * 3) / seconds / 1e6).toFixed(0)} MB/s, ` +
      `${((100 * width * height * 3) / seconds / memory).toFixed(0)} % of copying`
    );
  return `align: landmarks and warps, ${(stages.align / Math.max(1, boxes)).toFixed(1)} ms a box on one core`;
}

function save(
  name: string,
  title: string,
  label: string,
  series: readonly Series[],
  log: boolean,
  unit = "milliseconds",
): void {
  if (values.out === undefined) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(
    join(values.out, `${name}.svg`),
    lineChart({ title, x: { label, log }, y: { label: unit, log, ...(log ? {} : { from: 0 }) }, series }),
  );
}

type Row = { x: number } & Awaited<ReturnType<typeof point>>;

function table(name: string, title: string, label: string, rows: readonly Row[], limits: readonly string[]): void {
  console.log(
    `\n${title}\n${label.padStart(8)} ${STAGES.map((stage) => `${stage} ms`.padStart(9)).join(" ")}    sum ms ` +
      " frames/s  boxes  faces  limit",
  );
  rows.forEach(({ x, stages, fps, boxes, faces }, index) => {
    const sum = STAGES.reduce((total, stage) => total + stages[stage], 0);
    console.log(
      `${String(x).padStart(8)} ${STAGES.map((stage) => cell(stages[stage], 1, 9)).join(" ")} ` +
        `${cell(sum, 1, 9)} ${cell(fps, 1, 9)} ${String(boxes).padStart(6)} ${String(faces).padStart(6)}  ` +
        `${limits[index]}`,
    );
  });
  save(
    name,
    title,
    label,
    STAGES.map((stage) => ({ label: stage, points: rows.map(({ x, stages }) => ({ x, y: stages[stage] })) })),
    false,
  );
}

const PHOTOS_EACH = 5;

async function people(): Promise<void> {
  const title = `People, ${PHOTOS_EACH} photos each, nearest three`;
  console.log(`\n${title}\n  people   ms p50   ms p95   GB/s read`);
  const random = seeded(1);
  const fill = (numbers: Float32Array): Float32Array => {
    for (let index = 0; index < numbers.length; index += 1) numbers[index] = (random() - 0.5) / 4;
    return numbers;
  };
  const points: { x: number; y: number }[] = [];
  for (const count of [1, 10, 100, 1000, 10_000, 100_000]) {
    const rows = count * PHOTOS_EACH;
    const index = new EmbeddingIndex(DIMENSIONS);
    for (let row = 0; row < rows; row += 1)
      index.add(Math.floor(row / PHOTOS_EACH), fill(new Float32Array(DIMENSIONS)));
    const times: number[] = [];
    for (let probe = -5; probe < 25; probe += 1) {
      const wanted = fill(new Float32Array(DIMENSIONS));
      const start = performance.now();
      await index.nearest(wanted, 3);
      if (probe >= 0) times.push(performance.now() - start);
    }
    await index.close();
    const p50 = median(times);
    points.push({ x: count, y: p50 });
    console.log(
      `${String(count).padStart(8)} ${cell(p50, 3)} ${cell(times.toSorted((x, y) => x - y)[23] as number, 3)} ` +
        cell((rows * DIMENSIONS * 4) / p50 / 1e6, 1, 11),
    );
  }
  save("people", title, "people", [{ label: "search", points }], true);
}

/** Scenes, sizes and cameras of which a whole Node-RED is measured. */
const SIZES = [
  { cameras: 1, width: 1280, height: 720, fps: 10 },
  { cameras: 1, width: 1920, height: 1080, fps: 10 },
];
const CPU: Readonly<Record<string, readonly Pick<CpuOptions, "scene" | "cameras" | "width" | "height" | "fps">[]>> = {
  empty: SIZES.map((size) => ({ scene: "empty", ...size })),
  motion: SIZES.map((size) => ({ scene: "motion", ...size })),
  people: [{ scene: "people", ...(SIZES[0] as (typeof SIZES)[number]) }],
  cameras: [{ scene: "empty", cameras: 4, width: 1280, height: 720, fps: 5 }],
};

async function processor(names: readonly string[]): Promise<void> {
  const { detector, seconds } = values;
  if (detector !== "haar-detect" && detector !== "face-detect") throw new Error(`there is no ${detector}`);
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      `${process.version} · ${seconds} s each\nscene   cameras  size         frames/s  detector`,
  );
  for (const name of names) {
    const all = CPU[name];
    if (all === undefined) throw new Error(`there is no ${name}: ${Object.keys(CPU).join(", ")}`);
    for (const one of all) await printCpu({ ...one, detector, seconds: Number(seconds) });
  }
}

async function main(): Promise<void> {
  if (positionals.length > 0) return processor(positionals);
  const [limits, network] = [await roofline(), await networkSize()];
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      `${process.version} · engine ${values.engine} · ${FRAMES} frames a point`,
  );
  console.log(
    `ceilings: memory ${(limits.memory / 1e9).toFixed(1)} GB/s copied; TF.js WASM ` +
      `${(limits.multiplyAdds / 1e9).toFixed(1)} G multiply-adds/s on one thread; the embedding network has ` +
      `${(network / 1e6).toFixed(0)} M multiply-adds a face`,
  );
  const recognizer = {
    detector: new FaceDetector(haar, SEARCH),
    embedder: new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ engine: values.engine, minSize: 0 })),
  };
  try {
    await recognizer.embedder.warmUp();
    const size = [1280, 960] as const;
    const byFaces: Row[] = [];
    for (const x of [1, 2, 3, 4, 6, 8]) byFaces.push({ x, ...(await point(recognizer, await jpegs(...size, x))) });
    table(
      "faces",
      `Faces in the picture, ${size.join(" × ")}`,
      "faces",
      byFaces,
      byFaces.map((row) => limit(row, ...size, limits, network)),
    );
    const byWidth: Row[] = [];
    for (const x of [320, 480, 640, 960, 1280, 1920])
      byWidth.push({ x, ...(await point(recognizer, await jpegs(x, x * 0.75, 1))) });
    table(
      "width",
      `Width of the picture, one face, smallest ${MIN_SIZE} px`,
      "pixels",
      byWidth,
      byWidth.map((row) => limit(row, row.x, row.x * 0.75, limits, network)),
    );
    const pictures = await jpegs(640, 480, 1);
    console.log("\nCameras, 640 × 480, one face each\n cameras  frames/s   slowest camera   fastest");
    const byCameras: { x: number; y: number }[] = [];
    for (const cameras of [1, 2, 3, 4]) {
      const { total, each } = await stream(recognizer, pictures, cameras);
      byCameras.push({ x: cameras, y: total });
      console.log(
        `${String(cameras).padStart(8)} ${cell(total, 1, 9)} ${cell(Math.min(...each), 1, 16)} ` +
          cell(Math.max(...each), 1, 9),
      );
    }
    save(
      "cameras",
      "Cameras, 640 × 480, one face each",
      "cameras",
      [{ label: "frames/s in all", points: byCameras }],
      false,
      "frames/s",
    );
  } finally {
    await Promise.all([recognizer.detector.close(), recognizer.embedder.close()]);
  }
  await people();
}

void main();
