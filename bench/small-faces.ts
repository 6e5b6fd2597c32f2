/**
 * How well are small faces known? Frames as a camera far away makes them (small-frames.ts), compared with clean
 * photos: the person's other ones, and everybody else's.
 *   npm run bench:small-faces -- --data DIR [--data DIR]... [--sizes 110,60,48,36,30,24,20] [--crf 24,34] [--people
 * 100] [--keep FOLDER]
 * Each DIR has a folder for each person. What the alignment gate refused is judged too, apart. Half of the people, by
 * turns, are those on whom bounds and weights were chosen; what they are worth is seen on the others. With FOLDER what
 * was encoded is kept there, and read again by the next run.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { deserialize, serialize } from "node:v8";
import { alignFaces } from "../lib/align/aligner";
import { fitChip } from "../lib/align/chip";
import { LandmarkNet, type LandmarkFinder } from "../lib/align/landmark-net";
import { loadLandmarkOnnx } from "../lib/align/landmark-onnx";
import { warp } from "../lib/image/transform";
import { qualityWeight, RESIDUAL, SHARPNESS, SIZE } from "../lib/align/weight";
import { overlap } from "../lib/detect/boxes";
import { type HaarOptions, haarOptionsSchema } from "../lib/detect/haar/options";
import { PRESETS } from "../lib/detect/haar/presets";
import { WasmDetector } from "../lib/detect/haar/wasm";
import { inBatches } from "../lib/embed/batches";
import { chipPlace } from "../lib/embed/chips";
import { DLIB_RESNET, MOBILEFACENET, type ModelDescriptor } from "../lib/embed/descriptor";
import { euclideanDistance, toUnitLength } from "../lib/embed/distance";
import { loadNet } from "../lib/embed/load-net";
import type { EmbeddingNet } from "../lib/embed/net";
import { normalisationOf } from "../lib/embed/normalise";
import { measureOf } from "../lib/search/crowd";
import { decode } from "../lib/image/decode";
import type { Pixels } from "../lib/image/pixels";
import type { Box, Quality } from "../lib/message";
import { tensorEngine } from "../lib/tensor/engine";
import { judgeEngine } from "../lib/tensor/engines";
import { prominence, readable, readFolders } from "./photos";
import { type Filmed, filmSmall } from "./small-frames";
import { mean, seeded } from "./statistics";

const MODELS: readonly ModelDescriptor[] = [MOBILEFACENET, DLIB_RESNET];

/** A face that was embedded, at length 1, by each of MODELS; none where the alignment gate took it for no face. */
interface Seen {
  set: string;
  /** Undefined where the box is nobody's: the detector took something else for a face. */
  person: string | undefined;
  photo: string;
  /** Width of the face in pixels; 0 is the clean photo. */
  size: number;
  crf: number;
  /** Whether the detector found it; else the box is where the face is, about. */
  found: boolean;
  box: Box;
  quality: Quality;
  /** How far landmarks are from a face's, see ChipFit. */
  residual: number;
  embeddings: Float32Array[] | undefined;
  /** What they would be of a face that the alignment gate took for none; undefined of all others. */
  refused: Float32Array[] | undefined;
}

/** Boxes that overlap less are not of one face. */
const SAME_FACE = 0.35;
/** Where the detector finds nothing the box lies off by so much of its width at most, as a detector's would. */
const OFF = 0.06;
/** The alignment gate alone. */
const ANY = { minSize: 0, minSharpness: 0 };

class Encoder {
  private constructor(
    private readonly landmarks: LandmarkFinder,
    private readonly nets: readonly EmbeddingNet[],
    readonly detector: WasmDetector,
  ) {}

  static async load(): Promise<Encoder> {
    const engine = (await judgeEngine("onnx")).usable ? "onnx" : "wasm";
    const nets: EmbeddingNet[] = [];
    for (const model of MODELS) nets.push(await loadNet(model, engine, { runtime: "onnxruntime-node", instead: "" }));
    return new Encoder(
      engine === "onnx" ? await loadLandmarkOnnx() : await LandmarkNet.load(await tensorEngine("wasm")),
      nets,
      await WasmDetector.load(),
    );
  }

  async encode(
    pixels: Pixels,
    boxes: readonly Box[],
  ): Promise<Pick<Seen, "box" | "quality" | "residual" | "embeddings" | "refused">[]> {
    const aligned = await inBatches(
      boxes.map((box) => ({ box })),
      (some) => alignFaces(this.landmarks, pixels, some, ANY),
    );
    const embedded: Float32Array[][] = [];
    for (const [index, model] of MODELS.entries()) {
      const chips = aligned.map(({ landmarks }) =>
        warp(pixels, chipPlace(model, boxes[0] as Box, landmarks), model.inputSize),
      );
      embedded.push(
        (await inBatches(chips, (some) => (this.nets[index] as EmbeddingNet).run(some))).map(toUnitLength),
      );
    }
    return aligned.map((face, index) => {
      const embeddings = embedded.map((each) => each[index] as Float32Array);
      return {
        box: boxes[index] as Box,
        quality: face.quality,
        residual: fitChip(face.landmarks, 1).residual,
        embeddings: face.rejected === undefined ? embeddings : undefined,
        refused: face.rejected === undefined ? undefined : embeddings,
      };
    });
  }
}

interface CleanPhoto extends Filmed {
  person: string;
  photo: string;
}

/** The clean photos of a folder, as enrolment takes them. */
async function encodeClean(encoder: Encoder, root: string, seen: Seen[]): Promise<CleanPhoto[]> {
  const options = haarOptionsSchema.parse(PRESETS.photo);
  const photos: CleanPhoto[] = [];
  for (const { person, name, bytes } of await readable(readFolders(root))) {
    const pixels = await decode({ bytes: Uint8Array.from(bytes), raw: undefined });
    const boxes = encoder.detector.detect(pixels, options).map(({ box }) => box);
    const faces = (await encoder.encode(pixels, boxes)).filter(
      ({ embeddings, quality }) => embeddings !== undefined && quality.size >= 20,
    );
    const [face] = faces.toSorted((a, b) => prominence(b.box, pixels) - prominence(a.box, pixels));
    if (face === undefined) continue;
    seen.push({ ...face, set: basename(root), person, photo: name, size: 0, crf: 0, found: true });
    photos.push({ person, photo: name, bytes, width: pixels.width, height: pixels.height, face: face.box });
  }
  return photos;
}

/** Two photos of each person, those first who have more than one. */
function chooseFilmed(photos: readonly CleanPhoto[], people: number): CleanPhoto[] {
  const byPerson = new Map<string, CleanPhoto[]>();
  for (const photo of photos) byPerson.set(photo.person, [...(byPerson.get(photo.person) ?? []), photo]);
  return [...byPerson.values()]
    .toSorted((a, b) => Number(b.length > 1) - Number(a.length > 1))
    .slice(0, people)
    .flatMap((own) => own.slice(0, 2));
}

function search(size: number): HaarOptions {
  return haarOptionsSchema.parse({ ...PRESETS.tracking, minSize: Math.round(size * 0.7) });
}

async function encodeFrames(
  encoder: Encoder,
  set: string,
  filmed: readonly CleanPhoto[],
  { size, crf, random }: { size: number; crf: number; random: () => number },
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const { pixels, shots } of await filmSmall(filmed, { size, crf, random })) {
    const found = encoder.detector.detect(pixels, search(size)).map(({ box }) => box);
    const taken = new Set<Box>();
    const boxes = shots.map(({ face }) => {
      const best = found
        .filter((box) => !taken.has(box) && overlap(box, face) >= SAME_FACE)
        .toSorted((a, b) => overlap(b, face) - overlap(a, face))[0];
      if (best !== undefined) taken.add(best);
      const side = face.width * (1 + OFF * (2 * random() - 1));
      return (
        best ?? {
          x: face.x + OFF * face.width * (2 * random() - 1),
          y: face.y + OFF * face.width * (2 * random() - 1),
          width: side,
          height: side,
        }
      );
    });
    const others = found.filter((box) => !taken.has(box) && shots.every(({ face }) => overlap(box, face) < 0.1));
    const encoded = await encoder.encode(pixels, [...boxes, ...others]);
    for (const [index, face] of encoded.entries()) {
      const who = shots[index]?.who;
      const { person, photo } = who === undefined ? { person: undefined, photo: "" } : (filmed[who] as CleanPhoto);
      seen.push({
        ...face,
        set,
        person,
        photo,
        size,
        crf,
        found: index >= boxes.length || taken.has(boxes[index] as Box),
      });
    }
  }
  return seen;
}

interface EncodeOptions {
  sizes: readonly number[];
  crfs: readonly number[];
  people: number;
}

async function encodeSet(
  encoder: () => Promise<Encoder>,
  root: string,
  { sizes, crfs, people }: EncodeOptions,
): Promise<Seen[]> {
  const ready = await encoder();
  const seen: Seen[] = [];
  const random = seeded(1);
  const filmed = chooseFilmed(await encodeClean(ready, root, seen), people);
  for (const size of sizes) {
    for (const crf of crfs) {
      seen.push(...(await encodeFrames(ready, basename(root), filmed, { size, crf, random })));
      console.error(`${basename(root)}: ${filmed.length} photos filmed at ${size} px, crf ${crf}`);
    }
  }
  return seen;
}

/** A probe, its distances judged by one network. */
interface Judged {
  seen: Seen;
  /** 0 for the people on whom constants were chosen, 1 for the others; undefined for nobody's box. */
  half: 0 | 1 | undefined;
  /** What the network's distances say of it; undefined where the alignment gate took it for no face. */
  pairs: { genuine: number; matched: number; impostor: number; falses: number; likeness: number[] } | undefined;
}

/** Each frame's face against all clean photos but the filmed one. */
async function judge(seen: readonly Seen[], network: number): Promise<{ judged: Judged[]; threshold: number }> {
  const normalisation = await normalisationOf(MODELS[network] as ModelDescriptor);
  if (normalisation === undefined) throw new Error("the network has no cohort.");
  const measure = measureOf(normalisation);
  const clean = seen.filter(({ size }) => size === 0);
  const people = [...new Set(clean.map(({ person }) => person))];
  const judged = seen.map((probe): Judged => {
    const half = probe.person === undefined ? undefined : people.indexOf(probe.person) % 2 === 0 ? 0 : 1;
    const embedding = probe.embeddings?.[network];
    if (embedding === undefined) return { seen: probe, half, pairs: undefined };
    const pairs = { genuine: 0, matched: 0, impostor: 0, falses: 0, likeness: [] as number[] };
    for (const { person, photo, embeddings } of clean) {
      const other = embeddings?.[network];
      if (other === undefined || (person === probe.person && photo === probe.photo)) continue;
      const near = Number(measure(embedding, other) <= normalisation.threshold);
      if (person === probe.person) {
        pairs.genuine += 1;
        pairs.matched += near;
        pairs.likeness.push(embedding.reduce((sum, value, axis) => sum + value * (other[axis] as number), 0));
      } else {
        pairs.impostor += 1;
        pairs.falses += near;
      }
    }
    return { seen: probe, half, pairs };
  });
  return { judged, threshold: normalisation.threshold };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const percent = (share: number, digits = 1): string => (Number.isNaN(share) ? "–" : (100 * share).toFixed(digits));

function row(name: string, judged: readonly Judged[]): string {
  const pairs = judged.flatMap((each) => (each.pairs === undefined ? [] : [each.pairs]));
  const sum = (of: (one: NonNullable<Judged["pairs"]>) => number): number =>
    pairs.reduce((total, one) => total + of(one), 0);
  const [genuine, impostor] = [sum((one) => one.genuine), sum((one) => one.impostor)];
  return [
    name.padEnd(24),
    String(judged.length).padStart(6),
    percent(mean(judged.map(({ seen }) => Number(seen.found)))).padStart(7),
    percent(pairs.length / judged.length).padStart(8),
    median(judged.map(({ seen }) => seen.quality.size))
      .toFixed(1)
      .padStart(6),
    median(judged.flatMap(({ seen, pairs: aligned }) => (aligned === undefined ? [] : [seen.quality.blur])))
      .toFixed(1)
      .padStart(7),
    percent(sum((one) => one.matched) / genuine).padStart(7),
    `(${genuine.toLocaleString("en")})`.padEnd(8),
    percent(sum((one) => one.falses) / impostor, 3).padStart(7),
    `(${impostor.toLocaleString("en")})`,
  ].join(" ");
}

const HEADING = `${"".padEnd(24)}  faces found % aligned %  eyes   sharp   TMR % (pairs)   FMR % (pairs)`;
/** Pixels between the eyes. */
const SIZES = [0, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25, 30, 60] as const;
const WEIGHTS = [0, 0.05, 0.1, 0.2, 0.4, 0.6, 1.01] as const;

function binned(
  title: string,
  judged: readonly Judged[],
  bounds: readonly number[],
  of: (seen: Seen) => number,
): void {
  for (const half of [0, 1] as const) {
    console.log(
      `\n${title}, ${half === 0 ? "the half of the people on whom it was chosen" : "the other half"}\n${HEADING}`,
    );
    for (const [index, from] of bounds.slice(0, -1).entries()) {
      const to = bounds[index + 1] as number;
      const some = judged.filter(({ seen, half: whose }) => whose === half && of(seen) >= from && of(seen) < to);
      if (some.length > 0) console.log(row(`${from} to ${to}`, some));
    }
  }
}

const weightOfSeen = ({ quality, residual }: Seen): number => qualityWeight(quality, residual);

/** How likeness follows from what is measured, by least squares on the first half; R² on the other. */
function fitLikeness(judged: readonly Judged[]): string {
  const known = judged.flatMap(({ seen, half, pairs }) =>
    pairs === undefined || pairs.likeness.length === 0 || half === undefined
      ? []
      : [{ seen, half, like: mean(pairs.likeness) }],
  );
  const features = ({ quality: { blur, size }, residual }: Seen): number[] => {
    const within = (value: number, [low, high]: readonly [number, number]): number =>
      Math.min(high, Math.max(low, value));
    return [1, Math.log2(within(blur, SHARPNESS)), Math.log2(within(size, SIZE)), within(residual, RESIDUAL)];
  };
  const chosen = known.filter(({ half }) => half === 0);
  const coefficients = leastSquares(
    chosen.map(({ seen }) => features(seen)),
    chosen.map(({ like }) => like),
  );
  const others = known.filter(({ half }) => half === 1);
  const predicted = others.map(({ seen }) =>
    features(seen).reduce((sum, value, index) => sum + value * (coefficients[index] as number), 0),
  );
  const average = mean(others.map(({ like }) => like));
  const left = others.reduce((sum, { like }, index) => sum + (like - (predicted[index] as number)) ** 2, 0);
  const all = others.reduce((sum, { like }) => sum + (like - average) ** 2, 0);
  return (
    `likeness = ${coefficients.map((value) => value.toFixed(3)).join(", ")} × (1, log2 sharpness, log2 size, ` +
    `residual) by ${chosen.length} faces; R² ${(1 - left / all).toFixed(2)} on ${others.length} of the others`
  );
}

/** Normal equations, solved by Gauss and Jordan; there are few. */
function leastSquares(rows: readonly number[][], values: readonly number[]): number[] {
  const width = rows[0]?.length ?? 0;
  const system = Array.from({ length: width }, (_, at) => [
    ...Array.from({ length: width }, (__, to) =>
      rows.reduce((sum, each) => sum + (each[at] as number) * (each[to] as number), 0),
    ),
    rows.reduce((sum, each, index) => sum + (each[at] as number) * (values[index] as number), 0),
  ]);
  for (let at = 0; at < width; at += 1) {
    const pivot = system[at] as number[];
    const scale = pivot[at] as number;
    for (let column = 0; column <= width; column += 1) pivot[column] = (pivot[column] as number) / scale;
    for (const [index, other] of system.entries()) {
      const factor = other[at] as number;
      if (index !== at)
        for (let column = 0; column <= width; column += 1)
          other[column] = (other[column] as number) - factor * (pivot[column] as number);
    }
  }
  return system.map((each) => each[width] as number);
}

/** How often two frames of one photo are farther apart than the Euclidean τ: a track would be taken for two people. */
function apart(judged: readonly Judged[], network: number): void {
  const { threshold } = MODELS[network] as ModelDescriptor;
  const photos = new Map<string, Seen[]>();
  for (const { seen, half } of judged) {
    const key = `${seen.set} ${seen.person} ${seen.photo}`;
    if (half === 1 && seen.size > 0 && seen.embeddings !== undefined)
      photos.set(key, [...(photos.get(key) ?? []), seen]);
  }
  const counts = WEIGHTS.slice(0, -1).map(() => ({ pairs: 0, far: 0 }));
  for (const frames of photos.values()) {
    for (const [index, first] of frames.entries()) {
      for (const second of frames.slice(index + 1)) {
        const less = Math.min(weightOfSeen(first), weightOfSeen(second));
        const count = counts[WEIGHTS.findLastIndex((weight) => weight <= less)] as { pairs: number; far: number };
        count.pairs += 1;
        count.far += Number(
          euclideanDistance(
            first.embeddings?.[network] as Float32Array,
            second.embeddings?.[network] as Float32Array,
          ) > threshold,
        );
      }
    }
  }
  console.log(
    `\nframes of one photo, of whatever size, farther apart than τ ${threshold}, by the lesser weight of the ` +
      "two: " +
      counts
        .map(
          ({ pairs, far }, index) => `${WEIGHTS[index]}: ${percent(far / pairs)} % of ` + pairs.toLocaleString("en"),
        )
        .join("; "),
  );
}

/** What the alignment gate took for no face, had it been let in: the faces, and what is nobody's. */
async function reportRefused(seen: readonly Seen[], network: number): Promise<void> {
  const clean = seen.filter(({ size }) => size === 0);
  const refused = seen.filter((each) => each.size > 0 && each.refused !== undefined);
  const { judged } = await judge(
    [...clean, ...refused.map((each) => ({ ...each, embeddings: each.refused }))],
    network,
  );
  for (const size of [...new Set(refused.map((each) => each.size))].sort((a, b) => b - a)) {
    const here = judged.filter((each) => each.seen.size === size);
    for (const [name, some] of [
      [`${size} px, refused`, here.filter(({ half }) => half !== undefined)],
      [
        "  of these 8 px and more",
        here.filter(({ seen: { quality }, half }) => half !== undefined && quality.size >= 8),
      ],
      [`${size} px, refused, no face`, here.filter(({ half }) => half === undefined)],
    ] as const) {
      if (some.length > 0) console.log(row(name, some));
    }
  }
}

async function report(sets: readonly Seen[][], network: number): Promise<void> {
  const all: Judged[] = [];
  for (const seen of sets) {
    const { judged, threshold } = await judge(seen, network);
    all.push(...judged);
    console.log(
      `\n${MODELS[network]?.id}, ${seen[0]?.set}: clean photos enrolled, d' ≤ ${threshold}; by width of the ` +
        `face in pixels\n${HEADING}`,
    );
    for (const size of [...new Set(seen.map((each) => each.size))].sort((a, b) => b - a)) {
      const name = size === 0 ? "clean photos" : `${size} px`;
      console.log(
        row(
          name,
          judged.filter((each) => each.half !== undefined && each.seen.size === size),
        ),
      );
    }
    await reportRefused(seen, network);
    const nobodies = judged.filter(({ half }) => half === undefined);
    if (nobodies.length > 0) console.log(row("boxes that are no face", nobodies));
  }
  const frames = all.filter(({ seen, half }) => seen.size > 0 && half !== undefined);
  binned("By pixels between the eyes", frames, SIZES, ({ quality }) => quality.size);
  binned("By weight", frames, WEIGHTS, weightOfSeen);
  console.log(`\n${fitLikeness(frames)}`);
  apart(frames, network);
}

const numbers = (text: string): number[] => text.split(",").map(Number);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      sizes: { type: "string", default: "110,60,48,36,30,24,20" },
      crf: { type: "string", default: "24,34" },
      people: { type: "string", default: "100" },
      keep: { type: "string" },
    },
  });
  if (values.data.length === 0)
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person; more than once for several " +
        "populations.",
    );
  const { keep } = values;
  const options = { sizes: numbers(values.sizes), crfs: numbers(values.crf), people: Number(values.people) };
  let loading: Promise<Encoder> | undefined;
  const encoder = (): Promise<Encoder> => (loading ??= Encoder.load());
  const sets: Seen[][] = [];
  for (const root of values.data) {
    const file = keep === undefined ? undefined : join(keep, `${basename(root)}.bin`);
    const seen =
      file !== undefined && existsSync(file)
        ? (deserialize(readFileSync(file)) as Seen[])
        : await encodeSet(encoder, root, options);
    if (file !== undefined && !existsSync(file)) writeFileSync(file, serialize(seen));
    sets.push(seen);
  }
  console.log(
    `${new Date().toISOString().slice(0, 10)} · Node.js ${process.version} · aligned: taken for a face by the ` +
      "alignment gate; eyes: median pixels between them; sharp: median sharpness",
  );
  for (const network of MODELS.keys()) await report(sets, network);
}

void main().then(() => process.exit());
