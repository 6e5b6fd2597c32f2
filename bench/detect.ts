/**
 * Which faces each detector finds: photos as they are, turned, cut tightly, small and masked; and what a frame costs.
 *   npm run bench:detect -- --data DIR [--data DIR]... [--photos 36]
 * Each DIR has a folder for each person. Found is a face that passed alignment and whose embedding lies within the
 * network's τ of that of the photo as it is; a box alone is counted too. Detectors take turns at each picture.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { alignFaces } from "../lib/align/aligner";
import { middle } from "../lib/align/chip";
import { LandmarkNet, type LandmarkFinder } from "../lib/align/landmark-net";
import { BlazefaceDetector } from "../lib/detect/blazeface/finder";
import { blazefaceOptionsSchema } from "../lib/detect/blazeface/options";
import { loadOnOnnx, loadOnTf, type BlazefaceNet } from "../lib/detect/blazeface/network";
import { INPUT_SIDE } from "../lib/detect/blazeface/anchors";
import type { Detection } from "../lib/detect/detector";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { PRESETS } from "../lib/detect/haar/presets";
import { WasmDetector } from "../lib/detect/haar/wasm";
import { chipPlace } from "../lib/embed/chips";
import { MOBILEFACENET } from "../lib/embed/descriptor";
import { euclideanDistance, toUnitLength } from "../lib/embed/distance";
import { loadNet } from "../lib/embed/load-net";
import type { EmbeddingNet } from "../lib/embed/net";
import { decode } from "../lib/image/decode";
import type { Pixels } from "../lib/image/pixels";
import { warp } from "../lib/image/transform";
import type { Point } from "../lib/message";
import { tensorEngine } from "../lib/tensor/engine";
import { judgeEngine } from "../lib/tensor/engines";
import { groupPhoto } from "../test/support/photos";
import { readFolders } from "./photos";
import { seeded } from "./statistics";

const GREY = { r: 127, g: 127, b: 127 };
/** Of the small faces' frame. */
const FRAME = { width: 640, height: 480 };
const SMALL_FACE = 36;
const ROUNDS = 25;

interface Way {
  name: string;
  detect: (pixels: Pixels) => Promise<Detection[]>;
}

interface Found {
  boxes: Detection[];
  faces: { landmarks: Point[]; embedding: Float32Array }[];
}

class Recognizer {
  constructor(
    private readonly landmarks: LandmarkFinder,
    private readonly net: EmbeddingNet,
  ) {}

  async look(way: Way, bytes: Buffer): Promise<Found> {
    const pixels = await decode({ bytes: Uint8Array.from(bytes), raw: undefined });
    const boxes = await way.detect(pixels);
    const aligned = await alignFaces(this.landmarks, pixels, boxes, { minSize: 0, minSharpness: 0 });
    const faces: Found["faces"] = [];
    for (const [index, { landmarks, rejected }] of aligned.entries()) {
      if (rejected !== undefined) continue;
      const place = chipPlace(MOBILEFACENET, (boxes[index] as Detection).box, landmarks);
      const [embedding] = await this.net.run([warp(pixels, place, MOBILEFACENET.inputSize)]);
      faces.push({ landmarks, embedding: toUnitLength(embedding as Float32Array) });
    }
    return { boxes, faces };
  }
}

interface Changed {
  bytes: Buffer;
  /** Where the face's middle is now. */
  middle: Point;
  /** The distance between the eyes. */
  eyes: number;
}

interface Photo {
  path: string;
  landmarks: Point[];
  embedding: Float32Array;
  width: number;
  height: number;
}

const eyesOf = (landmarks: readonly Point[]): number => {
  const [left, right] = [middle(landmarks, 36, 41), middle(landmarks, 42, 47)];
  return Math.hypot(right.x - left.x, right.y - left.y);
};

type Change = (photo: Photo) => Promise<Changed>;

const turned =
  (degrees: number): Change =>
  async ({ path, landmarks, width, height }) => {
    const { data, info } = await sharp(path)
      .rotate(degrees, { background: GREY })
      .jpeg({ quality: 92 })
      .toBuffer({ resolveWithObject: true });
    const centre = middle(landmarks, 27, 67);
    const angle = (degrees * Math.PI) / 180;
    const [x, y] = [centre.x - width / 2, centre.y - height / 2];
    return {
      bytes: data,
      middle: {
        x: info.width / 2 + x * Math.cos(angle) - y * Math.sin(angle),
        y: info.height / 2 + x * Math.sin(angle) + y * Math.cos(angle),
      },
      eyes: eyesOf(landmarks),
    };
  };

/** From the brows to the chin, and as much of the forehead as between eyes and mouth. */
const tight: Change = async ({ path, landmarks, width, height }) => {
  const [xs, ys] = [landmarks.map(({ x }) => x), landmarks.map(({ y }) => y)];
  const left = Math.max(0, Math.floor(Math.min(...xs)));
  const top = Math.max(0, Math.floor(Math.min(...ys) - 0.25 * (Math.max(...ys) - Math.min(...ys))));
  const right = Math.min(width, Math.ceil(Math.max(...xs)));
  const bottom = Math.min(height, Math.ceil(Math.max(...ys)));
  const bytes = await sharp(path)
    .extract({ left, top, width: right - left, height: bottom - top })
    .jpeg({ quality: 92 })
    .toBuffer();
  const centre = middle(landmarks, 27, 67);
  return { bytes, middle: { x: centre.x - left, y: centre.y - top }, eyes: eyesOf(landmarks) };
};

/** The face 36 pixels wide, somewhere in a frame of 640 × 480 with noise. */
const small: Change = async ({ path, landmarks, width, height }) => {
  const xs = landmarks.map(({ x }) => x);
  const scale = SMALL_FACE / (Math.max(...xs) - Math.min(...xs));
  const random = seeded(7);
  const noise = Buffer.from(Array.from({ length: FRAME.width * FRAME.height * 3 }, () => 100 + random() * 40));
  const [left, top] = [Math.round(0.6 * FRAME.width), Math.round(0.3 * FRAME.height)];
  const face = await sharp(path)
    .resize(Math.round(width * scale), Math.round(height * scale))
    .toBuffer();
  const bytes = await sharp(noise, { raw: { ...FRAME, channels: 3 } })
    .composite([{ input: face, left, top }])
    .jpeg({ quality: 90 })
    .toBuffer();
  const centre = middle(landmarks, 27, 67);
  return {
    bytes,
    middle: { x: left + centre.x * scale, y: top + centre.y * scale },
    eyes: eyesOf(landmarks) * scale,
  };
};

/** From the bridge of the nose to the jaw. */
const masked: Change = async ({ path, landmarks, width, height }) => {
  const outline = [...landmarks.slice(1, 16), landmarks[28] as Point];
  const points = outline.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const svg = `<svg width="${width}" height="${height}"><polygon points="${points}" fill="#cfe3ee"/></svg>`;
  const bytes = await sharp(path)
    .composite([{ input: Buffer.from(svg) }])
    .jpeg({ quality: 92 })
    .toBuffer();
  return { bytes, middle: middle(landmarks, 27, 67), eyes: eyesOf(landmarks) };
};

const CHANGES: readonly (readonly [string, Change])[] = [
  ["as it is", turned(0)],
  ["+15°", turned(15)],
  ["−15°", turned(-15)],
  ["+30°", turned(30)],
  ["−30°", turned(-30)],
  ["+45°", turned(45)],
  ["−45°", turned(-45)],
  ["90°", turned(90)],
  ["180°", turned(180)],
  ["cut tightly", tight],
  ["36 px in 640 × 480", small],
  ["mask drawn", masked],
];

interface Tally {
  box: number;
  face: number;
  /** Boxes, and faces that passed alignment, elsewhere; people in the background are among them. */
  otherBoxes: number;
  otherFaces: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string", multiple: true }, photos: { type: "string", default: "36" } },
  });
  const all = (values.data ?? []).flatMap((root) => readFolders(root));
  if (all.length === 0) throw new Error("give --data DIR, a folder that holds a folder of photos for each person.");
  const tf = await tensorEngine("wasm");
  const recognizer = new Recognizer(
    await LandmarkNet.load(tf),
    await loadNet(MOBILEFACENET, "wasm", { runtime: "onnxruntime-node", instead: "" }),
  );
  const haar = await WasmDetector.load();
  const blaze = await BlazefaceDetector.load("wasm");
  const options = blazefaceOptionsSchema.parse({});
  const [photo, live] = [PRESETS.photo, { ...PRESETS.accurate, minSize: 36 }].map((preset) =>
    haarOptionsSchema.parse(preset),
  );
  const once: Way = { name: "face-detect, a frame", detect: (pixels) => blaze.detect(pixels, options) };
  const ways: Way[] = [
    { name: "Haar, a photo", detect: (pixels) => Promise.resolve(haar.detect(pixels, photo as never)) },
    { name: "Haar, a frame", detect: (pixels) => Promise.resolve(haar.detect(pixels, live as never)) },
    once,
    {
      name: "face-detect, a photo",
      detect: async (pixels) => blaze.detectAgain(pixels, options, await once.detect(pixels)),
    },
  ];
  const step = Math.max(1, Math.floor(all.length / Number(values.photos)));
  const photos: Photo[] = [];
  for (const { path } of all.filter((_, index) => index % step === 0)) {
    const { width, height } = await sharp(path).metadata();
    const near = (landmarks: readonly Point[]): number => {
      const { x, y } = middle(landmarks, 27, 67);
      return Math.hypot(x - width / 2, y - height / 2);
    };
    const { faces } = await recognizer.look(ways[3] as Way, readFileSync(path));
    const [face] = faces.toSorted((a, b) => near(a.landmarks) - near(b.landmarks));
    if (face !== undefined) photos.push({ path, ...face, width, height });
  }
  console.log(`${photos.length} photos with a face that can be used (of ${Math.ceil(all.length / step)})`);
  const heads = ["box", "known", "other boxes", "other faces"];
  console.log(["", "", ...heads.map((head) => head.padStart(12))].join(" "));
  for (const [name, change] of CHANGES) {
    const tallies = ways.map((): Tally => ({ box: 0, face: 0, otherBoxes: 0, otherFaces: 0 }));
    for (const each of photos) {
      const changed = await change(each);
      for (const [index, way] of ways.entries()) {
        const { boxes, faces } = await recognizer.look(way, changed.bytes);
        const here = ({ x, y }: Point): boolean =>
          Math.hypot(x - changed.middle.x, y - changed.middle.y) < 0.8 * changed.eyes;
        const centre = ({ box }: Detection): Point => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
        const tally = tallies[index] as Tally;
        const mine = boxes.filter((detection) => here(centre(detection)));
        const own = faces.filter(({ landmarks }) => here(middle(landmarks, 27, 67)));
        tally.box += Number(mine.length > 0);
        tally.face += Number(
          own.some(({ embedding }) => euclideanDistance(embedding, each.embedding) <= MOBILEFACENET.threshold),
        );
        tally.otherBoxes += boxes.length - Math.min(1, mine.length);
        tally.otherFaces += faces.length - Math.min(1, own.length);
      }
    }
    ways.forEach((way, index) => {
      const { box, face, otherBoxes, otherFaces } = tallies[index] as Tally;
      const percent = (count: number): string => ((100 * count) / photos.length).toFixed(0).padStart(12);
      console.log(
        `${name.padEnd(20)} ${way.name.padEnd(22)} ${[box, face, otherBoxes, otherFaces].map(percent).join(" ")}`,
      );
    });
  }
  await costs([ways[1] as Way, once]);
}

/** What a frame of 640 × 480 costs each detector, and the network on each engine; in turn, medians. */
async function costs(ways: readonly Way[]): Promise<void> {
  const frame = await sharp(groupPhoto(6)).resize(FRAME.width, FRAME.height, { fit: "cover" }).jpeg().toBuffer();
  const pixels = await decode({ bytes: Uint8Array.from(frame), raw: undefined });
  const nets: BlazefaceNet[] = [await loadOnTf(), await loadOnOnnx("onnxruntime-web")];
  if ((await judgeEngine("onnx")).usable) nets.push(await loadOnOnnx("onnxruntime-node"));
  const input = new Float32Array(INPUT_SIDE * INPUT_SIDE * 3).fill(0.1);
  const works = [
    ...ways.map(({ name, detect }) => ({ name, run: (): Promise<unknown> => detect(pixels) })),
    ...nets.map((net) => ({
      name: `the network alone, ${net.engine}`,
      run: (): Promise<unknown> => net.run([input]),
    })),
  ];
  const times = works.map((): number[] => []);
  for (let round = -3; round < ROUNDS; round += 1)
    for (const [index, { run }] of works.entries()) {
      const start = performance.now();
      await run();
      if (round >= 0) times[index]?.push(performance.now() - start);
    }
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
  works.forEach(({ name }, index) => {
    const ms = median(times[index] as number[]);
    const ratio = median(times[0] as number[]) / ms;
    console.log(`${name.padEnd(42)} ${ms.toFixed(1).padStart(8)} ms ${ratio.toFixed(2).padStart(6)}×`);
  });
}

void main().then(() => process.exit());
