/**
 * Makes a model pack of a network's file, its descriptor and photos of people: cohort, statistics and the default τ of
 * both distances.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import { z } from "zod";
import { distanceText, fixed, percent, percentAtMost } from "../format";
import { calibrate, type LabelledEmbedding } from "../calibrate/calibrate";
import type { ModelStatistics } from "../calibrate/calibration";
import { errorRate, seeded, type Share, shuffled, trialsFor } from "../calibrate/statistics";
import { packRows, unpackRows } from "../embed/cohort";
import { descriptorSchema } from "../embed/descriptor";
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { embedderOptionsSchema, FaceEmbedder } from "../embed/embedder";
import { createEncoder, type FaceEncoder } from "../enrol/encoder";
import { NEIGHBOURS } from "../embed/normalise";
import { reasonOf, UserError } from "../errors";
import { parseOptions } from "../validate";
import { phrase, type Sentence } from "../words/sentence";
import { tailOf } from "./measure-tail";
import { COHORT_PLAN, drawCohort, type DrawnCohort, type ShapingFace } from "./draw-cohort";
import { findModel } from "./find-model";
import { PACK_FILE, type packSchema, readPack } from "./pack";

/** FMR at the default τ, by its upper 95 % bound. */
const WANTED_FMR = 0.001;
/** Of one person; more would count for more in the cohort and in every rate. */
const PHOTOS_OF_PERSON = 3;
/** More people make the figures surer than anybody needs, and distances grow with their square. */
const MOST_PEOPLE = 2000;
/** Half of the people shape the cohort; what it does is measured on the others. */
const LEAST_PEOPLE = 2 * COHORT_PLAN.neighbours;
/**
 * Pairs of so many people are enough for the tail of d' to begin where it is measured (rule of thirty,
 * lib/calibrate/tail.ts).
 */
const LEAST_OF_POPULATION = 25;
const SEED = 1;
const MOST_MISSING_NAMED = 5;

const PICTURE = /\.(jpe?g|png|webp|avif|gif|tiff?|heic)$/i;
const FORMATS: Readonly<Record<string, "onnx" | "tflite">> = { ".onnx": "onnx", ".tflite": "tflite" };

/** What a user writes of a network: as a descriptor, but for what is found out here. */
const draftSchema = descriptorSchema
  .partial({ format: true, threshold: true, sha256: true })
  .extend({ file: z.string().default("") });
type Draft = z.infer<typeof draftSchema>;

export interface MakePackOptions {
  /** The .onnx or .tflite. */
  network: string;
  /** A descriptor (.json), or the facenet-pack.json of a pack that lacks a cohort. */
  descriptor: string;
  /** Populations, each "NAME=DIR" or "DIR": a folder with a folder of photos for each person. */
  photos: readonly string[];
  /** The pack's folder; what is there under the same names is replaced. */
  out: string;
  /** File with the text of the licence. */
  licence: string;
  /** For people to read; default the id. */
  name?: string | undefined;
  /** What the photos are, for the statistics: "567 LFW photos of 275 people". */
  set?: string | undefined;
  /** Tells how far it is. */
  say?: ((sentence: Sentence) => void) | undefined;
}

/** Photos of one person, embedded. */
export interface PersonFaces {
  /** Whom the network might put close together: each population is measured for itself. */
  population: string;
  person: string;
  faces: readonly { photo: string; vector: Float32Array }[];
}

export interface PackFigures {
  cohort: DrawnCohort;
  /** 8-bit rows, … */
  packed: Int8Array;
  /** … and as they are read. */
  rows: Float32Array;
  /** R0. */
  mean: number;
  /** Default τ of d', and its FMR on people who shaped no cohort. */
  threshold: number;
  fmr: Share;
  /** Share of genuine pairs above it; null where there is none. */
  fnmr: Share | null;
}

/**
 * @returns a summary for people, a sentence a line.
 * @throws a sentence: too few people, an unusable network, a descriptor that does not fit
 */
export async function makePack(options: MakePackOptions): Promise<Sentence[]> {
  const say = options.say ?? ((): void => undefined);
  const { draft, origin } = await readDraft(options.descriptor);
  const format = FORMATS[extname(options.network).toLowerCase()];
  if (format === undefined) throw new UserError("models.neitherFormat", { file: options.network });
  await requireFile(options.licence, phrase("models.licenceFile"));
  const size = await requireFile(options.network, phrase("models.networkFile"));
  const descriptor = { ...draft, format, file: basename(options.network), sha256: await hashOf(options.network) };
  const people = await readPeople(options.photos);
  requirePeople(people.length);
  const { embedded, missing, photos } = await embedPeople(
    { ...descriptor, file: resolve(options.network), threshold: 1 },
    people,
    say,
  );
  requirePopulations(embedded);
  say(phrase("models.makeDrawing"));
  const figures = measurePack(embedded);
  const source =
    `measured on ${options.set ?? options.photos.map((given) => populationOf(given).population).join(", ")}: ` +
    `${photos} photos of ` +
    `${embedded.length} people with exactly one usable face, ${new Date().toISOString().slice(0, 10)}, ` +
    "facenet-make-pack";
  const { statistics: distances, threshold, fmr } = await statisticsFor(descriptor.id, source, embedded);
  const model = { model: descriptor.id, threshold, normalisation: { ...figures, dimensions: descriptor.dimensions } };
  say(phrase("models.makeMeasuring"));
  const statistics = { ...distances, tail: await tailOf(model, byPopulation(embedded), source) };
  await mkdir(options.out, { recursive: true });
  const files = {
    cohort: Buffer.from(figures.packed.buffer),
    statistics: Buffer.from(`${JSON.stringify(statistics)}\n`),
  };
  const pack: z.input<typeof packSchema> = {
    facenetPack: 1,
    kind: "embedder",
    name: options.name ?? descriptor.id,
    licence: { id: descriptor.licence, file: "LICENSE" },
    size,
    ...(origin === undefined ? {} : { origin }),
    descriptor: { ...descriptor, threshold },
    cohort: { file: "cohort.i8", sha256: sha256(files.cohort), mean: figures.mean, threshold: figures.threshold },
    statistics: { file: "statistics.json", sha256: sha256(files.statistics) },
  };
  const at = (name: string): string => join(options.out, name);
  if (resolve(options.network) !== resolve(at(pack.descriptor.file)))
    await copyFile(options.network, at(pack.descriptor.file));
  if (resolve(options.licence) !== resolve(at("LICENSE"))) await copyFile(options.licence, at("LICENSE"));
  await writeFile(at("cohort.i8"), files.cohort);
  await writeFile(at("statistics.json"), files.statistics);
  await writeFile(at(PACK_FILE), `${JSON.stringify(pack, undefined, 2)}\n`);
  // What cannot be read back is no pack.
  await readPack(at(PACK_FILE));
  return summaryOf({ figures, fmr, threshold, missing, photos, people: embedded.length, out: options.out });
}

async function readDraft(path: string): Promise<{ draft: Draft; origin: string | undefined }> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new UserError("models.draftUnreadable", { path, reason: reasonOf(error) }, { cause: error });
  }
  const pack =
    typeof json === "object" && json !== null && "facenetPack" in json
      ? (json as { descriptor?: unknown; origin?: unknown })
      : undefined;
  const draft = parseOptions(draftSchema, pack?.descriptor ?? json, phrase("models.draftMalformed", { path }));
  return { draft, origin: typeof pack?.origin === "string" ? pack.origin : undefined };
}

async function requireFile(path: string, what: Sentence): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    throw new UserError("models.missingFile", { what, path }, { cause: error });
  });
  if (!found.isFile()) throw new UserError("models.noFile", { what, path });
  return found.size;
}

interface PersonPhotos {
  population: string;
  person: string;
  paths: string[];
}

async function readPeople(populations: readonly string[]): Promise<PersonPhotos[]> {
  const random = seeded(SEED);
  const people: PersonPhotos[] = [];
  for (const given of populations) {
    const { population, root } = populationOf(given);
    const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
      throw new UserError("models.noPhotos", { path: root }, { cause: error });
    });
    const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
    for (const name of folders.sort()) {
      const files = (await readdir(join(root, name))).filter((file) => PICTURE.test(file)).sort();
      const paths = shuffled(files, random).map((file) => join(root, name, file));
      if (paths.length > 0) people.push({ population, person: `${population}/${name}`, paths });
    }
  }
  return shuffled(people, random).slice(0, MOST_PEOPLE);
}

/** "NAME=DIR", or "DIR" alone. */
function populationOf(given: string): { population: string; root: string } {
  const [, name, root] = /^([^=/\\]+)=(.+)$/.exec(given) ?? [];
  return { population: name ?? basename(resolve(given)), root: root ?? given };
}

function requirePeople(count: number): void {
  if (count < LEAST_PEOPLE) {
    throw new UserError("models.fewPeople", { people: count, least: LEAST_PEOPLE });
  }
}

/** What is said of strangers of a population takes enough of them. */
function requirePopulations(people: readonly PersonFaces[]): void {
  for (const [name, members] of byPopulation(people)) {
    if (members.size >= LEAST_OF_POPULATION) continue;
    throw new UserError("models.fewOfPopulation", { people: members.size, name, least: LEAST_OF_POPULATION });
  }
}

/** Embeddings by population and person. */
function byPopulation(people: readonly PersonFaces[]): Map<string, Map<string, Float32Array[]>> {
  const populations = new Map<string, Map<string, Float32Array[]>>();
  for (const { population, person, faces } of people) {
    const others = populations.get(population) ?? new Map<string, Float32Array[]>();
    populations.set(
      population,
      others.set(
        person,
        faces.map(({ vector }) => vector),
      ),
    );
  }
  return populations;
}

interface Embedded {
  embedded: PersonFaces[];
  photos: number;
  /** Of photos without exactly one usable face. */
  missing: string[];
}

/** Embed photos as a gallery does, until each person has enough. @throws what is wrong with the network */
async function embedPeople(
  descriptor: Draft & { file: string },
  people: readonly PersonPhotos[],
  say: (sentence: Sentence) => void,
): Promise<Embedded> {
  const folder = await mkdtemp(join(tmpdir(), "facenet-pack-"));
  const opened: { close(): Promise<void> }[] = [];
  try {
    const path = join(folder, "descriptor.json");
    await writeFile(path, JSON.stringify(descriptor));
    // A network that cannot be used would fail for every photo.
    const network = new FaceEmbedder(await findModel(path), embedderOptionsSchema.parse({}));
    opened.push(network);
    await network.warmUp();
    const encoder = await createEncoder({ model: path });
    opened.push(encoder);
    const embedded: PersonFaces[] = [];
    const missing: string[] = [];
    for (const [index, { population, person, paths }] of people.entries()) {
      const faces: { photo: string; vector: Float32Array }[] = [];
      for (const photo of paths) {
        if (faces.length === PHOTOS_OF_PERSON) break;
        const vector = await embeddingOf(encoder, photo);
        if (vector === undefined) missing.push(photo);
        else faces.push({ photo, vector });
      }
      if (faces.length > 0) embedded.push({ population, person, faces });
      if (index % 50 === 49) say(phrase("models.makeEmbedded", { done: index + 1, total: people.length }));
    }
    return { embedded, missing, photos: embedded.reduce((sum, { faces }) => sum + faces.length, 0) };
  } finally {
    for (const each of opened) await each.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Undefined of what is no picture, or does not show exactly one usable face. */
async function embeddingOf(encoder: FaceEncoder, photo: string): Promise<Float32Array | undefined> {
  const faces = await encoder.encode(await readFile(photo)).catch((error: unknown) => {
    if (error instanceof UserError) return [];
    throw error;
  });
  const usable = faces.filter(({ embedding }) => embedding !== undefined);
  return usable.length === 1 ? usable[0]?.embedding : undefined;
}

/**
 * Cohort, R0 and τ of d'. Half of the people shape the cohort, the others say what it does.
 * @throws a sentence when they are too few
 */
export function measurePack(people: readonly PersonFaces[], seed = SEED): PackFigures {
  requirePeople(people.length);
  const random = seeded(seed);
  const order = shuffled(people, random);
  const half = order.length >> 1;
  const facesOf = (some: readonly PersonFaces[]): ShapingFace[] =>
    some.flatMap(({ person, faces }) => faces.map(({ vector }) => ({ person, unit: toUnitLength(vector) })));
  const cohort = drawCohort(facesOf(order.slice(0, half)), { ...COHORT_PLAN, random });
  const dimensions = order[0]?.faces[0]?.vector.length ?? 0;
  const packed = packRows(cohort.rows, dimensions);
  const { rows } = unpackRows(new Uint8Array(packed.buffer), dimensions);
  const others = facesOf(order.slice(half));
  const crowding = others.map(({ unit }) => crowdingOf(unit, rows));
  const mean = rounded(crowding.reduce((sum, value) => sum + value, 0) / crowding.length);
  const { genuine, impostor } = normalisedPairs(others, crowding, mean);
  const threshold = thresholdAt(impostor);
  const within = (distances: Float64Array): number =>
    distances.reduce((count, distance) => count + Number(distance <= threshold), 0);
  const fmr = errorRate(within(impostor), impostor.length) as Share;
  return {
    cohort,
    packed,
    rows,
    mean,
    threshold,
    fmr,
    fnmr: errorRate(genuine.length - within(genuine), genuine.length),
  };
}

/** R of a face: the mean of its smallest distances to the cohort. */
function crowdingOf(unit: Float32Array, rows: Float32Array): number {
  const distances = Float64Array.from({ length: rows.length / unit.length }, (_, row) =>
    euclideanDistance(unit, rows.subarray(row * unit.length, (row + 1) * unit.length)),
  );
  return (
    distances
      .sort()
      .subarray(0, NEIGHBOURS)
      .reduce((sum, distance) => sum + distance, 0) / NEIGHBOURS
  );
}

/** d' of all pairs, ascending. */
function normalisedPairs(
  faces: readonly ShapingFace[],
  crowding: readonly number[],
  mean: number,
): { genuine: Float64Array; impostor: Float64Array } {
  const [genuine, impostor]: [number[], number[]] = [[], []];
  for (const [a, one] of faces.entries()) {
    for (const [b, other] of faces.slice(0, a).entries()) {
      const distance =
        euclideanDistance(one.unit, other.unit) - ((crowding[a] as number) + (crowding[b] as number)) / 2 + mean;
      (one.person === other.person ? genuine : impostor).push(distance);
    }
  }
  return { genuine: Float64Array.from(genuine).sort(), impostor: Float64Array.from(impostor).sort() };
}

/** The largest τ whose FMR is at most the wanted one by its upper bound. @param impostor ascending */
function thresholdAt(impostor: Float64Array): number {
  if (impostor.length < trialsFor(WANTED_FMR)) {
    throw new UserError("models.fewPairs", {
      pairs: impostor.length,
      fmr: 100 * WANTED_FMR,
      least: trialsFor(WANTED_FMR),
      photos: PHOTOS_OF_PERSON,
    });
  }
  let errors = 0;
  while ((errorRate(errors + 1, impostor.length)?.high ?? 1) <= WANTED_FMR) errors += 1;
  const threshold = Math.floor(1000 * (impostor[errors] as number) - 1e-6) / 1000;
  if (!(threshold > 0)) throw new UserError("models.tellsNobodyApart");
  return threshold;
}

const rounded = (value: number): number => Math.round(1000 * value) / 1000;

/** Distances of all, as a ModelStatistics; and the τ of the Euclidean distance, with its FMR. */
async function statisticsFor(
  model: string,
  source: string,
  people: readonly PersonFaces[],
): Promise<{ statistics: ModelStatistics; threshold: number; fmr: Share }> {
  const embeddings = people.flatMap(({ person, faces }) =>
    faces.map(({ photo, vector }): LabelledEmbedding => ({ personId: person, photoId: photo, vector })),
  );
  const { own, suggestion } = await calibrate({
    embeddings,
    names: new Map(),
    threshold: 1,
    stats: undefined,
    wantedFmr: WANTED_FMR,
  });
  if (suggestion === null || !(suggestion.threshold > 0)) throw new UserError("models.tellsNobodyApartPlain");
  const statistics = {
    model,
    source,
    people: people.length,
    photos: embeddings.length,
    genuine: own.genuine,
    impostor: own.impostor,
  };
  return { statistics, threshold: suggestion.threshold, fmr: suggestion.fmr };
}

interface Made {
  figures: PackFigures;
  /** Of the Euclidean distance. */
  fmr: Share;
  threshold: number;
  missing: readonly string[];
  photos: number;
  people: number;
  out: string;
}

function summaryOf({
  figures: { cohort, mean, threshold: cohortThreshold, fmr: cohortFmr, fnmr },
  fmr,
  threshold,
  missing,
  photos,
  people,
  out,
}: Made): Sentence[] {
  const errors = ({ share, high }: Share): { fmr: string; high: string } => ({
    fmr: `${percent(share)} %`,
    high: `${percentAtMost(high)} %`,
  });
  const left =
    missing.length === 0
      ? ""
      : phrase("models.madeWithout", {
          number: missing.length,
          files: missing.slice(0, MOST_MISSING_NAMED).map((path) => basename(path)),
          more: missing.length > MOST_MISSING_NAMED ? " …" : "",
        });
  return [
    phrase("models.madeOf", { photos, people, left }),
    phrase("models.madeCohort", {
      rows: COHORT_PLAN.rows,
      nearest: fixed(cohort.nearest, 3),
      mean: fixed(cohort.meanNearest, 3),
      apart: fixed(cohort.apart, 3),
    }),
    phrase("models.madeNormalised", {
      mean: fixed(mean, 3),
      threshold: fixed(cohortThreshold, 3),
      ...errors(cohortFmr),
      known: fnmr === null ? "" : phrase("models.madeKnown", { tmr: (100 * (1 - fnmr.share)).toFixed(1) }),
    }),
    phrase("models.madeEuclidean", {
      threshold: distanceText(threshold),
      ...errors(fmr),
    }),
    phrase("models.madeIn", { out }),
  ];
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Of a file of any size. */
async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
