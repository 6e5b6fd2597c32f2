import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import { statisticsOf } from "../../../lib/calibrate/model-statistics";
import { seeded } from "../../../lib/calibrate/statistics";
import { unpackRows } from "../../../lib/embed/cohort";
import { euclideanDistance, toUnitLength } from "../../../lib/embed/distance";
import { NEIGHBOURS, normalisationOf } from "../../../lib/embed/normalise";
import { COHORT_PLAN } from "../../../lib/models/draw-cohort";
import { findModel } from "../../../lib/models/find-model";
import { makePack, measurePack, type PersonFaces } from "../../../lib/models/make-pack";
import { OnnxGraph } from "../../../lib/tensor/onnx-writer";
import { portrait } from "../../support/photos";

const ROOT = join(__dirname, "../../..");
const DIMENSIONS = 48;
/** Of the panes of glass, in colours; of the network's input, in pixels; of its output. */
const [SIDE, INPUT, OUTPUTS] = [6, 16, 64];

/** People as a network might put them: half of them spread out, half of them close together. */
function population(people: number, photos: number, seed: number): PersonFaces[] {
  const random = seeded(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const vector = (size: number): Float32Array => Float32Array.from({ length: DIMENSIONS }, () => size * normal());
  const plus = (a: Float32Array, b: Float32Array): Float32Array =>
    a.map((value, index) => value + (b[index] as number));
  // Where the crowd lies is the same in every draw.
  const crowd = Float32Array.from({ length: DIMENSIONS }, (_, index) => (index % 3 === 0 ? 1.5 : 0));
  return Array.from({ length: people }, (_, index) => {
    const centre = index % 2 === 0 ? vector(1) : plus(crowd, vector(0.6));
    return {
      population: index % 2 === 0 ? "spread" : "crowd",
      person: `p${index}`,
      faces: Array.from({ length: photos }, (__, photo) => ({
        photo: `${index} ${photo}`,
        vector: plus(centre, vector(0.15)),
      })),
    };
  });
}

/** d' of two faces, computed anew. */
function normalised(a: Float32Array, b: Float32Array, rows: Float32Array, mean: number): number {
  const crowding = (unit: Float32Array): number => {
    const distances = Array.from({ length: rows.length / DIMENSIONS }, (_, row) =>
      euclideanDistance(unit, rows.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)),
    );
    return (
      distances
        .sort((x, y) => x - y)
        .slice(0, NEIGHBOURS)
        .reduce((sum, distance) => sum + distance, 0) / NEIGHBOURS
    );
  };
  return euclideanDistance(a, b) - (crowding(a) + crowding(b)) / 2 + mean;
}

describe("what a model pack measures", () => {
  const people = population(200, 2, 1);
  const figures = measurePack(people);
  const { rows } = unpackRows(new Uint8Array(figures.packed.buffer), DIMENSIONS);

  it("is a cohort in which no row is a person", () => {
    assert.equal(rows.length, COHORT_PLAN.rows * DIMENSIONS);
    const units = people.flatMap(({ faces }) => faces.map(({ vector }) => toUnitLength(vector)));
    const ownPhotos = Math.max(
      ...people.map(({ faces: [one, two] }) =>
        euclideanDistance(toUnitLength(one?.vector as Float32Array), toUnitLength(two?.vector as Float32Array)),
      ),
    );
    for (let row = 0; row < COHORT_PLAN.rows; row += 1) {
      const one = rows.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
      assert.ok(Math.abs(Math.hypot(...one) - 1) < 1e-5);
      const nearest = Math.min(...units.map((unit) => euclideanDistance(one, unit)));
      assert.ok(
        nearest > ownPhotos,
        `row ${row} is ${nearest} from a face; photos of one person are up to ${ownPhotos} apart`,
      );
    }
    assert.ok(figures.cohort.nearest >= 0.5 * figures.cohort.apart);
  });

  it("is a τ that lets in hardly anybody who shaped nothing, spread out or close together", () => {
    assert.ok(figures.fmr.high <= 0.001 && figures.fmr.total >= 3000, "it says so with its bound");
    const strangers = population(160, 1, 2).map(({ faces }) => toUnitLength(faces[0]?.vector as Float32Array));
    for (const [what, from] of [
      ["spread out", 0],
      ["close together", 1],
    ] as const) {
      const some = strangers.filter((_, index) => index % 2 === from);
      let [matches, pairs] = [0, 0];
      for (const [a, one] of some.entries()) {
        for (const other of some.slice(0, a)) {
          pairs += 1;
          if (normalised(one, other, rows, figures.mean) <= figures.threshold) matches += 1;
        }
      }
      assert.ok(matches / pairs <= 0.005, `${what}: ${matches} of ${pairs}`);
    }
    assert.ok(figures.fnmr !== null && figures.fnmr.share < 0.05, "and knows people by another photo");
  });

  it("is the same each time", () => {
    assert.deepEqual(Buffer.from(measurePack(people).packed.buffer), Buffer.from(figures.packed.buffer));
  });

  it("is refused where people are too few, with how many it takes", () => {
    assert.throws(
      () => measurePack(population(79, 3, 1)),
      /there are usable photos of 79 people: .* take at least 80/,
    );
    assert.throws(
      () => measurePack(population(100, 1, 1)),
      /who shape no cohort give 1225 pairs of two people: a τ with FMR 0\.1 % takes 3000/,
    );
  });

  it("is refused where the network tells nobody apart", () => {
    const same = population(90, 3, 1).map(({ population: of, person, faces }) => ({
      population: of,
      person,
      faces: faces.map(({ photo }) => ({ photo, vector: new Float32Array(DIMENSIONS).fill(1) })),
    }));
    assert.throws(() => measurePack(same), /does not tell these people apart/);
  });
});

describe("facenet-make-pack", () => {
  /** Runs it as people do. @returns what it printed, and how it ended */
  const run = (...args: string[]): Promise<{ code: number; output: string }> => runIn("C.UTF-8", ...args);
  const runIn = (locale: string, ...args: string[]): Promise<{ code: number; output: string }> =>
    new Promise((done) => {
      execFile(
        process.execPath,
        ["--import", "tsx", join(ROOT, "lib/models/make-pack-cli.ts"), ...args],
        { cwd: ROOT, env: { ...process.env, LC_ALL: "", LC_MESSAGES: "", LANG: locale } },
        (error, stdout, stderr) => {
          done({ code: error === null ? 0 : 1, output: stdout + stderr });
        },
      );
    });
  /** One face under coloured panes of glass: to a network that sees colours alone, each pane is somebody else. */
  const colours = async (people: number): Promise<string> => {
    const root = mkdtempSync(join(tmpdir(), "colours-"));
    const small = await sharp(await portrait("green"))
      .resize(160)
      .png()
      .toBuffer();
    const random = seeded(7);
    for (let person = 0; person < people; person += 1) {
      mkdirSync(join(root, `person ${person}`));
      const raw = Buffer.from(Array.from({ length: SIDE * SIDE * 3 }, () => Math.floor(256 * random())));
      const pane = await sharp(raw, { raw: { width: SIDE, height: SIDE, channels: 3 } })
        .resize(160, 160, { kernel: "nearest" })
        .png()
        .toBuffer();
      const tinted = await sharp(small)
        .composite([{ input: pane, blend: "soft-light" }])
        .png()
        .toBuffer();
      for (const [photo, brightness] of [0.97, 1].entries()) {
        writeFileSync(
          join(root, `person ${person}`, `${photo}.jpg`),
          await sharp(tinted).modulate({ brightness }).jpeg({ quality: 95 }).toBuffer(),
        );
      }
    }
    return root;
  };
  /** A network of one random matrix. @returns its file and that of its descriptor */
  const network = (id: string): { file: string; descriptor: string; folder: string } => {
    const folder = mkdtempSync(join(tmpdir(), "network-"));
    const [file, descriptor] = [join(folder, "colours.onnx"), join(folder, "descriptor.json")];
    const random = seeded(3);
    const graph = new OnnxGraph();
    const matrix = Float32Array.from({ length: INPUT * INPUT * 3 * OUTPUTS }, () => random() - 0.5);
    const output = graph.add("MatMul", [
      graph.add("Flatten", ["image"]),
      graph.constant(matrix, [INPUT * INPUT * 3, OUTPUTS]),
    ]);
    writeFileSync(file, graph.finish("image", [1, 3, INPUT, INPUT], output, [1, OUTPUTS]));
    const fields = {
      id,
      inputSize: INPUT,
      layout: "nchw",
      mean: 127.5,
      scale: 1 / 128,
      alignment: "box",
      dimensions: OUTPUTS,
      l2Normalize: true,
      licence: "CC0-1.0",
    };
    writeFileSync(descriptor, JSON.stringify(fields));
    return { file, descriptor, folder };
  };

  it("makes a pack of an ONNX file and photos, which is then found, loaded and compares by d'", async () => {
    const { file, descriptor: path } = network("colours");
    const photos = await colours(90);
    // What is no picture, or shows nobody, is left out and told.
    writeFileSync(join(photos, "person 0", "torn.jpg"), "no picture");
    const out = join(mkdtempSync(join(tmpdir(), "made-")), "colours");
    const { code, output } = await run(
      "--onnx",
      file,
      "--descriptor",
      path,
      "--photos",
      `panes=${photos}`,
      "--licence",
      join(ROOT, "LICENSE"),
      "--out",
      out,
      "--name",
      "Colours",
      "--set",
      "one face in 90 colours",
    );
    assert.equal(code, 0, output);
    assert.match(
      output,
      /180 photos of 90 people \(1 photos? without exactly one usable face were left out: torn\.jpg\)/,
    );
    assert.match(output, /cohort: 506 rows, none a person/);
    assert.match(output, /cohort-normalised: R0 \d\.\d{3}, τ \d\.\d{3}, FMR .* on people who shaped no cohort/);
    const model = await findModel(join(out, "facenet-pack.json"));
    const normalisation = await normalisationOf(model);
    assert.equal(normalisation?.rows.length, 506 * OUTPUTS);
    const tail = statisticsOf("colours")?.tail;
    assert.deepEqual(
      tail?.populations.map(({ name, people }) => [name, people]),
      [["panes", 90]],
    );
    assert.ok((tail?.points.length ?? 0) >= 2, "τ can follow from what is wanted of strangers");
    assert.deepEqual([statisticsOf("colours")?.people, statisticsOf("colours")?.photos], [90, 180]);
    assert.match(
      statisticsOf("colours")?.source ?? "",
      /^measured on one face in 90 colours: 180 photos of 90 people/,
    );
    const { descriptor, cohort, name } = JSON.parse(readFileSync(join(out, "facenet-pack.json"), "utf8")) as {
      name: string;
      descriptor: { threshold: number };
      cohort: { threshold: number };
    };
    assert.deepEqual(
      [name, descriptor.threshold > 0 && descriptor.threshold < 1, cohort.threshold > 0],
      ["Colours", true, true],
    );
  });

  it("speaks the language of the terminal in which it runs", async () => {
    const args = ["--onnx", "/nowhere/a.onnx", "--descriptor", "/nowhere/d.json", "--photos", "/nowhere"];
    const [chinese, english, help] = await Promise.all([
      runIn("zh_TW.UTF-8", ...args, "--licence", "/nowhere", "--out", "/nowhere"),
      runIn("de_DE.UTF-8", ...args, "--licence", "/nowhere", "--out", "/nowhere"),
      runIn("zh_TW.UTF-8", "--help"),
    ]);
    assert.match(chinese.output, /^無法讀取描述檔 \/nowhere\/d\.json（找不到檔案或資料夾：「ENOENT.*」）：請依/);
    assert.match(english.output, /^the descriptor \/nowhere\/d\.json cannot be read \(ENOENT/);
    assert.match(help.output, /--photos +照片資料夾，每人一個子資料夾/);
    assert.deepEqual([chinese.code, english.code, help.code], [1, 1, 0]);
  });

  it("refuses few people, what is no network, what is not there, with a sentence, and writes nothing", async () => {
    const { file, descriptor: path } = network("few");
    const photos = mkdtempSync(join(tmpdir(), "few-"));
    mkdirSync(join(photos, "Alice"));
    writeFileSync(join(photos, "Alice", "1.jpg"), await portrait("green"));
    const out = join(mkdtempSync(join(tmpdir(), "made-")), "few");
    const options = { network: file, descriptor: path, photos: [photos], licence: join(ROOT, "LICENSE"), out };
    await assert.rejects(makePack(options), /there are usable photos of 1 people: .* take at least 80/);
    await assert.rejects(makePack({ ...options, photos: ["/nowhere"] }), /there is no folder \/nowhere/);
    await assert.rejects(
      makePack({ ...options, licence: "/nowhere" }),
      /the text of the licence \(--licence\) cannot be read: there is no file \/nowhere/,
    );
    await assert.rejects(makePack({ ...options, network: path }), /is neither \.onnx nor \.tflite/);
    await assert.rejects(makePack({ ...options, descriptor: options.network }), /the descriptor .* cannot be read/);
    assert.throws(() => readFileSync(join(out, "facenet-pack.json")), /ENOENT/);
    const { code, output } = await run("--onnx", options.network);
    assert.equal(code, 1);
    assert.match(output, /^facenet-make-pack --onnx FILE/);
  });

  it("gives a downloaded pack its cohort where it lies", async () => {
    const out = join(mkdtempSync(join(tmpdir(), "made-")), "downloaded");
    const { file, descriptor } = network("downloaded");
    mkdirSync(out);
    cpSync(file, join(out, "colours.onnx"));
    writeFileSync(join(out, "LICENSE"), "text");
    const described = JSON.parse(readFileSync(descriptor, "utf8")) as object;
    writeFileSync(
      join(out, "facenet-pack.json"),
      JSON.stringify({
        facenetPack: 1,
        kind: "embedder",
        origin: "https://example.com",
        descriptor: { ...described, threshold: 9 },
      }),
    );
    await makePack({
      network: join(out, "colours.onnx"),
      descriptor: join(out, "facenet-pack.json"),
      photos: [await colours(90)],
      licence: join(out, "LICENSE"),
      out,
    });
    const pack = JSON.parse(readFileSync(join(out, "facenet-pack.json"), "utf8")) as {
      origin: string;
      cohort: object;
    };
    assert.deepEqual(
      [pack.origin, Object.keys(pack.cohort)],
      ["https://example.com", ["file", "sha256", "mean", "threshold"]],
    );
  });
});
