/**
 * The embedding networks on each engine: milliseconds a face, ratio to the first's (dlib's on TF.js WASM), largest
 * difference of an embedding to the network's own on TF.js WASM; then what alignment and embedding take in
 * facenet-embed; then BlazeFace, face-detect's network, on each engine, and OpenCV's dnn beside them.
 *   npm run bench:engines
 * Engines take turns, so that what else the machine does hits all alike. onnxruntime-node is looked for in bench/peers
 * too:
 *   npm install --ignore-scripts --prefix bench/peers
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { alignFaces } from "../lib/align/aligner";
import { LandmarkNet } from "../lib/align/landmark-net";
import { warp } from "../lib/image/transform";
import { INPUT_SIDE } from "../lib/detect/blazeface/anchors";
import {
  BLAZEFACE_FILE,
  type BlazefaceNet,
  loadOnOnnx as loadBlazeOnOnnx,
  loadOnTf as loadBlazeOnTf,
} from "../lib/detect/blazeface/network";
import { AS_IT_IS, inputOf, type Sides, sidesOf, type View } from "../lib/detect/blazeface/view";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { openCv } from "../lib/detect/haar/opencv";
import { WasmDetector } from "../lib/detect/haar/wasm";
import { chipPlace } from "../lib/embed/chips";
import { DLIB_RESNET, MOBILEFACENET, type ModelDescriptor } from "../lib/embed/descriptor";
import { toUnitLength } from "../lib/embed/distance";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import { loadNet } from "../lib/embed/load-net";
import type { EmbeddingNet } from "../lib/embed/net";
import { loadDlibOnnx } from "../lib/embed/onnx-net";
import { loadTfliteOnnx } from "../lib/embed/tflite-net";
import { decode } from "../lib/image/decode";
import { tensorEngine, type Tf } from "../lib/tensor/engine";
import { judgeEngine } from "../lib/tensor/engines";
import { ONE_THREAD, type RuntimeName } from "../lib/tensor/onnx-runtime";
import { groupPhoto, portrait } from "../test/support/photos";

const PEERS = join(__dirname, "peers", "node_modules");
const ROUNDS = 40;
const WARM_UP = 5;
const BATCH = 4;
/** Pictures as large as a camera's. */
const WIDTH = 960;

const MODELS: readonly ModelDescriptor[] = [DLIB_RESNET, MOBILEFACENET];

interface Engine {
  model: ModelDescriptor;
  name: string;
  net: EmbeddingNet;
}

/** Chips, aligned for each model, of the faces in the group photos that ship in @vladmandic/face-api. */
async function realChips(tf: Tf): Promise<Map<ModelDescriptor, Float32Array[]>> {
  const landmarks = await LandmarkNet.load(tf);
  const detector = await WasmDetector.load();
  const chips = new Map(MODELS.map((model) => [model, [] as Float32Array[]]));
  for (const index of [1, 2, 3, 4, 5, 6] as const) {
    const pixels = await decode({
      bytes: Uint8Array.from(await sharp(groupPhoto(index)).resize(WIDTH).jpeg().toBuffer()),
      raw: undefined,
    });
    const boxes = detector.detect(pixels, haarOptionsSchema.parse({})).map(({ box }) => box);
    const located = boxes.map((box) => ({ box }));
    (await alignFaces(landmarks, pixels, located, { minSize: 20, minSharpness: 0 })).forEach((face, at) => {
      if (face.rejected !== undefined) return;
      for (const [model, some] of chips)
        some.push(
          warp(pixels, chipPlace(model, boxes[at] as (typeof boxes)[number], face.landmarks), model.inputSize),
        );
    });
  }
  return chips;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

async function main(): Promise<void> {
  const tf = await tensorEngine("wasm");
  const engines: Engine[] = [];
  for (const model of MODELS)
    engines.push({
      model,
      name: "TF.js WASM",
      net: await loadNet(model, "wasm", { runtime: "onnxruntime-node", instead: "" }),
    });
  const onnx = async (name: string, runtime: RuntimeName, options?: object): Promise<void> => {
    for (const model of MODELS)
      engines.push({
        model,
        name,
        net:
          model === DLIB_RESNET ? await loadDlibOnnx(runtime, options) : await loadTfliteOnnx(model, runtime, options),
      });
  };
  if ((await judgeEngine("onnx")).usable) {
    await onnx("onnxruntime-node, 1 thread", "onnxruntime-node");
    await onnx("onnxruntime-node, 2 threads", "onnxruntime-node", { ...ONE_THREAD, intraOpNumThreads: 2 });
  } else console.log("onnxruntime-node is not installed: npm install --ignore-scripts --prefix bench/peers");
  await onnx("onnxruntime-web, 1 thread", "onnxruntime-web");
  const chipsOf = await realChips(tf);
  const times = engines.map(() => ({ one: [] as number[], batch: [] as number[] }));
  const timed = async (engine: Engine, some: readonly Float32Array[]): Promise<number> => {
    const start = performance.now();
    await engine.net.run(some);
    return (performance.now() - start) / some.length;
  };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const [index, engine] of engines.entries()) {
      const chips = chipsOf.get(engine.model) as Float32Array[];
      const one = await timed(engine, [chips[(round + chips.length) % chips.length] as Float32Array]);
      const batch = await timed(engine, chips.slice(0, BATCH));
      // The first rounds warm up.
      if (round >= 0) {
        times[index]?.one.push(one);
        times[index]?.batch.push(batch);
      }
    }
  }
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      `${process.version} · ${chipsOf.get(DLIB_RESNET)?.length} faces, ${ROUNDS} rounds, engines in turn, ` +
      "medians",
  );
  console.log(
    `${"network".padEnd(20)} ${"engine".padEnd(28)} ms/face   ratio   ms/face by ${BATCH}   largest difference`,
  );
  const embeddingsOf = async ({ model, net }: Engine): Promise<Float32Array[]> =>
    (await net.run(chipsOf.get(model) as Float32Array[])).map((embedding) =>
      model.l2Normalize ? toUnitLength(embedding) : embedding,
    );
  const expectedOf = new Map<ModelDescriptor, Float32Array[]>();
  for (const [index, engine] of engines.entries()) {
    const { one, batch } = times[index] as (typeof times)[number];
    const embeddings = await embeddingsOf(engine);
    const expected = expectedOf.get(engine.model) ?? embeddings;
    expectedOf.set(engine.model, expected);
    const difference = Math.max(
      ...embeddings.flatMap((embedding, face) =>
        [...embedding].map((value, at) => Math.abs(value - (expected[face]?.[at] ?? Number.NaN))),
      ),
    );
    console.log(
      `${engine.model.id.padEnd(20)} ${engine.name.padEnd(28)} ${median(one).toFixed(2).padStart(7)} ` +
        `${(median(times[0]?.one ?? []) / median(one)).toFixed(2).padStart(6)}× ` +
        `${median(batch).toFixed(2).padStart(14)} ${difference.toExponential(1).padStart(20)}`,
    );
  }
}

/** Alignment and embedding of one face as facenet-embed does them, in its worker, on each engine that it offers. */
async function stages(): Promise<void> {
  const bytes = await portrait("green");
  const picture = { bytes, frame: undefined };
  const detector = new FaceDetector(haar, haarOptionsSchema.parse({}));
  const { faces } = await detector.detect(picture);
  await detector.close();
  console.log(`\n${"network".padEnd(20)} ${"facenet-embed's engine".padEnd(28)} align ms   embed ms`);
  const engines = (await judgeEngine("onnx")).usable ? (["wasm", "onnx"] as const) : (["wasm"] as const);
  for (const { model, engine } of MODELS.flatMap((each) => engines.map((name) => ({ model: each, engine: name })))) {
    const embedder = new FaceEmbedder(model, embedderOptionsSchema.parse({ engine }));
    await embedder.warmUp();
    const timings: { align: number; embed: number }[] = [];
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      const { timing } = await embedder.embed(picture, faces.slice(0, 1));
      if (round >= 0) timings.push(timing);
    }
    await embedder.close();
    console.log(
      `${model.id.padEnd(20)} ${engine.padEnd(28)} ${median(timings.map(({ align }) => align))
        .toFixed(1)
        .padStart(8)} ${median(timings.map(({ embed }) => embed))
        .toFixed(1)
        .padStart(10)}`,
    );
  }
}

interface Detecting {
  name: string;
  run(input: Float32Array): Promise<Float32Array>;
}

/** OpenCV's own reader of the same file. One of its two outputs: what the other takes besides is next to nothing. */
async function onOpenCv(): Promise<Detecting> {
  const cv = (await openCv()) as unknown as {
    FS_createDataFile(folder: string, name: string, bytes: Uint8Array, ...rights: boolean[]): void;
    readNetFromTFLite(path: string): { setInput(blob: Mat): void; forward(layer: string): Mat };
    Mat: new (rows: number, columns: number, type: number) => Mat;
    Size: new (width: number, height: number) => object;
    Scalar: new (...values: number[]) => object;
    blobFromImage(picture: Mat, scale: number, size: object, mean: object, ...rest: (boolean | number)[]): Mat;
    CV_32FC3: number;
    CV_32F: number;
  };
  interface Mat {
    data32F: Float32Array;
    delete(): void;
  }
  cv.FS_createDataFile("/", "model.tflite", readFileSync(BLAZEFACE_FILE), true, false, false);
  const net = cv.readNetFromTFLite("/model.tflite");
  return {
    name: "OpenCV's dnn, WASM",
    run: (input) => {
      const picture = new cv.Mat(INPUT_SIDE, INPUT_SIDE, cv.CV_32FC3);
      picture.data32F.set(input);
      const size = new cv.Size(INPUT_SIDE, INPUT_SIDE);
      const blob = cv.blobFromImage(picture, 1, size, new cv.Scalar(0, 0, 0, 0), false, false, cv.CV_32F);
      net.setInput(blob);
      const result = net.forward("reshaped_regressor_face_4");
      const numbers = Float32Array.from(result.data32F);
      for (const mat of [result, blob, picture]) mat.delete();
      return Promise.resolve(numbers);
    },
  };
}

/** BlazeFace on 192 × 192 pixels on each engine, and on TF.js WASM on what a frame of 16:9 and a small face take. */
async function detectors(): Promise<void> {
  const { data, width, height } = await decode({ bytes: Uint8Array.from(groupPhoto(1)), raw: undefined });
  const seen = (view: View): { input: Float32Array; sides: Sides } => {
    const whole = { x: 0, y: 0, width, height };
    return { input: inputOf({ data, width, height }, whole, view), sides: sidesOf(whole, view) };
  };
  const square = seen({ ...AS_IT_IS, square: true });
  const of = (name: string, net: BlazefaceNet): Detecting => ({
    name,
    run: async (input) => (await net.run([input]))[0]?.regressed as Float32Array,
  });
  const onTf = await loadBlazeOnTf();
  const works: Detecting[] = [of("TF.js WASM", onTf)];
  if ((await judgeEngine("onnx")).usable) works.push(of("onnxruntime-node, 1 thread", await loadBlazeOnOnnx()));
  works.push(of("onnxruntime-web, 1 thread", await loadBlazeOnOnnx("onnxruntime-web")), await onOpenCv());
  for (const [what, view] of [
    ["3:2", AS_IT_IS],
    ["64 × 64", { ...AS_IT_IS, side: 64, square: true }],
  ] as const) {
    const { input, sides } = seen(view);
    works.push({
      name: `TF.js WASM, ${what === "3:2" ? `${what} as ${sides.width} × ${sides.height}` : what}`,
      run: async () => (await onTf.run([input], sides))[0]?.regressed as Float32Array,
    });
  }
  const times = works.map((): number[] => []);
  const results: Float32Array[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1)
    for (const [index, work] of works.entries()) {
      const start = performance.now();
      results[index] = await work.run(square.input);
      if (round >= 0) times[index]?.push(performance.now() - start);
    }
  console.log(`\n${"BlazeFace (face-detect)".padEnd(42)} ms      ratio   largest difference, pixels`);
  const expected = results[0] as Float32Array;
  for (const [index, { name }] of works.entries()) {
    const result = results[index] as Float32Array;
    const difference =
      result.length === expected.length
        ? result
            .reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] as number))), 0)
            .toExponential(1)
        : "";
    const ms = median(times[index] as number[]);
    console.log(
      `${name.padEnd(42)} ${ms.toFixed(2).padStart(6)} ` +
        `${(median(times[0] as number[]) / ms).toFixed(2).padStart(6)}× ${difference.padStart(12)}`,
    );
  }
}

// Modules are resolved from NODE_PATH only if it was set at the start.
if (process.env["NODE_PATH"] === undefined && existsSync(PEERS))
  execFileSync(process.execPath, ["--import", "tsx", __filename], {
    stdio: "inherit",
    env: { ...process.env, NODE_PATH: PEERS },
  });
else
  void main()
    .then(stages)
    .then(detectors)
    .then(() => process.exit());
