/**
 * Accuracy on photos of identities, through the package's own encoder.
 *   npm run bench:accuracy -- --data DIR [--data DIR]... [--out DIR] [--pairs FILE] [--model ID]
 *                             [--people 5,10,20,60] [--photos 1,3,5] [--draws 20] [--strangers 0.01] [--same A,B]...
 *   npm run bench:accuracy -- --tracks --data DIR [--data DIR]... [--films 40] [--people …] [--photos …] [--draws …]
 *   npm run bench:accuracy -- --data DIR --ablate [--eyes FILE]...
 *   npm run bench:accuracy -- --list pairs.csv [--data DIR] [--out DIR]
 *   npm run bench:accuracy -- --genuine pairs.csv --impostor pairs.csv [--data DIR] [--out DIR]
 * DIR has a folder for each person (LFW's layout); each --data is a population. DIR,DIR is one population of several
 * folders, and a folder of such folders several populations. Each is looked at by pairs of photos (Euclidean
 * distance), and in galleries of so many people by so many photos each, as the product decides (./populations; photos
 * without a usable face are left out there). Where pairs.txt is in it, or --pairs names it, LFW's 10-fold protocol is
 * run too.
 * --same A,B takes two folders for one person: some public sets have a person under two names.
 * Lists have lines of fileA,fileB,same, or of fileA,fileB in a list of genuine and one of impostor pairs.
 * A photo without a usable face, or that cannot be read, is a failure: its genuine pairs count as not matched. Of
 * several faces that passed the package's gate the large and central one is taken.
 * --tracks makes a film of a photo of so many people of each population instead, and looks at who is named as they
 * walk up to the camera (./filmed-people): by single frames, and by the vote of the track.
 * --ablate prints what each lever is worth instead, and how several enrolled photos are best compared with; eyes as a
 * check are one of the levers where --eyes names OpenCV's eye cascades (Debian: opencv-data).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { USUAL_WANTED } from "../lib/calibrate/wanted";
import { euclideanDistance } from "../lib/embed/distance";
import { DEFAULT_MODEL } from "../lib/embed/descriptor";
import { createEncoder, type FaceEncoder } from "../lib/enrol/encoder";
import { ablate } from "./ablation";
import { filmPeople, printTracks } from "./filmed-people";
import {
  demandFiles,
  encodePhoto,
  type FilePair,
  type PhotoFile,
  readFolders,
  readList,
  readPairs,
  readSets,
  readTwoLists,
  type SetOfPhotos,
} from "./photos";
import { type Population, sameOf } from "./population";
import { type Compared, type Galleries, printGalleries, printRatios } from "./populations";
import {
  areaUnderCurve,
  byGroups,
  countAtMost,
  crossValidate,
  curve,
  equalErrorRate,
  mean,
  openSet,
  operatingPoint,
  type Photos,
  rankOne,
  type Share,
  wilson,
} from "./statistics";
import { lineChart } from "./chart";
import { compareTemplates } from "./templates";

/** Photos under way at once: one in detection, one in the networks. */
const AT_ONCE = 2;
const DRAWS = 20;
const FMRS = [0.01, 0.001, 0.0001] as const;
/** So many errors make a rate good to ± 30 % with 90 % confidence (Doddington et al. 2000, rule of 30). */
const RULE_OF = 30;

const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;
const interval = ({ share, low, high }: Share): string =>
  `${percent(share)} [${percent(low).slice(0, -2)}, ${percent(high).slice(0, -2)}]`;
/** An interval that knows that the photos of a person go together. */
const range = ({ low, high }: { low: number; high: number }): string =>
  `, by people [${percent(low).slice(0, -2)}, ${percent(high).slice(0, -2)}]`;
const count = (value: number): string => value.toLocaleString("en");

interface Encoded {
  /** By path; undefined where no usable face was found. */
  embeddings: ReadonlyMap<string, Float32Array | undefined>;
  /** Paths of what is damaged or no picture: these are among the undefined ones. */
  unreadable: ReadonlySet<string>;
  /** Wall time a photo, in milliseconds. */
  milliseconds: number;
}

async function encodeAll(encoder: FaceEncoder, paths: readonly string[]): Promise<Encoded> {
  const embeddings = new Map<string, Float32Array | undefined>();
  const unreadable = new Set<string>();
  let reason: unknown;
  const encodeOne = async (path: string): Promise<void> => {
    const face = await encodePhoto(encoder, readFileSync(path)).catch((error: unknown) => {
      unreadable.add(path);
      reason = error;
      return undefined;
    });
    embeddings.set(path, face?.embedding);
  };
  // Networks are loaded by the first photo; that is not its fault.
  await encodeOne(paths[0] as string);
  const start = performance.now();
  const waiting = paths.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const path of waiting) await encodeOne(path);
    }),
  );
  // Then it is no photo's fault.
  if (unreadable.size === embeddings.size) throw new Error("none of the photos can be read.", { cause: reason });
  return { embeddings, unreadable, milliseconds: (performance.now() - start) / paths.length };
}

function apart(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return a === undefined || b === undefined ? Infinity : euclideanDistance(a, b);
}

/** All pairs of photos. */
class AllPairs implements Photos {
  readonly people: readonly string[];
  /** Lower triangle, row by row. */
  readonly #distances: Float32Array;
  readonly #genuineCount: number;

  constructor(people: readonly string[], embeddings: readonly (Float32Array | undefined)[]) {
    this.people = people;
    this.#distances = new Float32Array((people.length * (people.length - 1)) / 2);
    let [at, genuine] = [0, 0];
    embeddings.forEach((embedding, a) => {
      for (let b = 0; b < a; b += 1, at += 1) {
        this.#distances[at] = apart(embedding, embeddings[b]);
        if (people[a] === people[b]) genuine += 1;
      }
    });
    this.#genuineCount = genuine;
  }

  distance(a: number, b: number): number {
    const [row, column] = a > b ? [a, b] : [b, a];
    return this.#distances[(row * (row - 1)) / 2 + column] as number;
  }

  /** Distances, ascending; and of each person's genuine pairs, for the interval by people. */
  split(): { genuine: Float32Array; impostor: Float32Array; own: Float32Array[] } {
    const genuine = new Float32Array(this.#genuineCount);
    const impostor = new Float32Array(this.#distances.length - this.#genuineCount);
    const own = new Map<string, number[]>();
    let [at, g, i] = [0, 0, 0];
    for (let a = 0; a < this.people.length; a += 1) {
      const person = this.people[a] as string;
      for (let b = 0; b < a; b += 1, at += 1) {
        const distance = this.#distances[at] as number;
        if (person !== this.people[b]) impostor[i++] = distance;
        else {
          genuine[g++] = distance;
          own.set(person, own.get(person) ?? []);
          own.get(person)?.push(distance);
        }
      }
    }
    return {
      genuine: genuine.sort(),
      impostor: impostor.sort(),
      own: [...own.values()].map((distances) => Float32Array.from(distances).sort()),
    };
  }
}

/**
 * TMR, EER, AUC and curves of ascending distances.
 * @param own genuine distances by person
 * @throws a sentence where there is nothing to compare
 */
function verification(genuine: Float32Array, impostor: Float32Array, own: readonly Float32Array[], tau: number): void {
  if (genuine.length === 0 || impostor.length === 0)
    throw new Error(
      `there are ${genuine.length} genuine and ${impostor.length} impostor pairs, and accuracy needs both: ` +
        "give photos of two people at least, two of one of them.",
    );
  const median = (ascending: Float32Array): string => ascending[ascending.length >> 1]?.toFixed(3) ?? "–";
  console.log(
    `${count(genuine.length)} genuine pairs, ${count(impostor.length)} impostor pairs; median distances ` +
      `${median(genuine)} and ${median(impostor)}`,
  );
  for (const fmr of FMRS) {
    // With none of n the rate is below 1 − 0.05^(1/n) with 95 % confidence (Clopper and Pearson 1934).
    const { allowed, threshold } = operatingPoint(impostor, fmr);
    const share = wilson(countAtMost(genuine, threshold), genuine.length);
    const people =
      own.length < 2
        ? ""
        : range(
            byGroups(own.map((distances) => ({ hits: countAtMost(distances, threshold), total: distances.length }))),
          );
    const support =
      allowed >= RULE_OF
        ? ""
        : allowed > 0
          ? `; rests on ${allowed} impostor pairs, ${RULE_OF} would make it firm`
          : `; ${count(impostor.length)} impostor pairs cannot support this figure: it is where none of them ` +
            `matches, and FMR may be up to ${percent(1 - 0.05 ** (1 / impostor.length), 3)}`;
    console.log(
      `TMR at FMR ${percent(fmr, 2).replace(/\.?0+ %$/, " %")}: ${interval(share)}${people} at τ ` +
        `${threshold.toFixed(3)}${support}`,
    );
  }
  console.log(
    `at the model's τ ${tau}: TMR ${interval(wilson(countAtMost(genuine, tau), genuine.length))}, FMR ` +
      interval(wilson(countAtMost(impostor, tau), impostor.length)),
  );
  const { eer, threshold } = equalErrorRate(genuine, impostor);
  console.log(`EER ${percent(eer)} at τ ${threshold.toFixed(3)}, AUC ${areaUnderCurve(genuine, impostor).toFixed(5)}`);
}

function writeCurves(folder: string, genuine: Float32Array, impostor: Float32Array): void {
  mkdirSync(folder, { recursive: true });
  const points = curve(genuine, impostor);
  const rate = (value: number): string => `${Number((100 * value).toPrecision(2))} %`;
  const x = { label: "false match rate", log: true, from: 1 / impostor.length, to: 1, format: rate };
  writeFileSync(
    join(folder, "roc.svg"),
    lineChart({
      title: "ROC",
      x,
      y: { label: "true match rate", format: rate },
      series: [{ label: "TMR", points: points.map(({ fmr, fnmr }) => ({ x: fmr, y: 1 - fnmr })) }],
    }),
  );
  writeFileSync(
    join(folder, "det.svg"),
    lineChart({
      title: "DET",
      x,
      y: { label: "false non-match rate", log: true, from: 1 / genuine.length, to: 1, format: rate },
      series: [{ label: "FNMR", points: points.map(({ fmr, fnmr }) => ({ x: fmr, y: fnmr })) }],
    }),
  );
  writeFileSync(
    join(folder, "distances.svg"),
    lineChart({
      title: "Distances",
      x: { label: "distance" },
      y: { label: "share of pairs", format: rate },
      series: [
        { label: "genuine", points: histogram(genuine) },
        { label: "impostor", points: histogram(impostor) },
      ],
    }),
  );
  console.log(`curves: ${["roc", "det", "distances"].map((name) => join(folder, `${name}.svg`)).join(", ")}`);
}

const BIN = 0.02;

function histogram(ascending: Float32Array): { x: number; y: number }[] {
  const finite = countAtMost(ascending, Number.MAX_VALUE);
  const bins = Math.ceil((ascending[finite - 1] ?? 0) / BIN);
  return Array.from({ length: bins }, (_, bin) => ({
    x: (bin + 0.5) * BIN,
    y: (countAtMost(ascending, (bin + 1) * BIN) - countAtMost(ascending, bin * BIN)) / ascending.length,
  }));
}

function identification(photos: Photos): void {
  const { shares, probes } = rankOne(photos, DRAWS);
  console.log(
    `rank-1, one random photo of each in the gallery: ${percent(mean(shares))}, draws from ` +
      `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} (${DRAWS} draws, ${count(probes)} ` +
      "probes)",
  );
  const { tpir, known, strangers, allowed, threshold } = openSet(photos, DRAWS, 0.01);
  console.log(
    `open set, half of the people not in the gallery: TPIR ${percent(tpir)}${range(byGroups(known))} at FPIR ` +
      `1 %, τ ${threshold.toFixed(3)} (${DRAWS} draws, ` +
      `${count(known.reduce((sum, { total }) => sum + total, 0))} known and ${count(strangers)} strange probes, ` +
      `${count(allowed)} of these may match)`,
  );
}

function tenFold(folds: readonly (readonly FilePair[])[], { embeddings }: Encoded): void {
  const { accuracy, standardError, threshold } = crossValidate(
    folds.map((fold) =>
      fold.map(({ a, b, same }) => ({ distance: apart(embeddings.get(a), embeddings.get(b)), same })),
    ),
  );
  console.log(
    `LFW's protocol, ${folds.length} folds: accuracy ${percent(accuracy)} ± ${percent(standardError)} ` +
      `(standard error), mean τ ${threshold.toFixed(3)}; pairs with an undetected face are errors`,
  );
}

function failures(encoded: Encoded, name: (path: string) => string): void {
  const missing = [...encoded.embeddings]
    .filter(([path, embedding]) => embedding === undefined && !encoded.unreadable.has(path))
    .map(([path]) => name(path));
  const unreadable = [...encoded.unreadable].map(name);
  console.log(
    `${count(encoded.embeddings.size)} photos, a usable face in ` +
      `${count(encoded.embeddings.size - missing.length - unreadable.length)}; ` +
      `${encoded.milliseconds.toFixed(0)} ms a photo, ${AT_ONCE} under way`,
  );
  if (missing.length > 0) console.log(`no usable face (failures): ${missing.sort().join(", ")}`);
  if (unreadable.length > 0) console.log(`damaged or no pictures (failures): ${unreadable.sort().join(", ")}`);
}

/** What is asked of each set. */
interface Asked {
  pairsFile: string | undefined;
  out: string | undefined;
  galleries: Galleries;
  /** A folder's person by another name, where both show one person. */
  same: ReadonlyMap<string, string>;
}

function filesOf(roots: readonly string[], same: ReadonlyMap<string, string>): PhotoFile[] {
  return roots
    .flatMap((root) => readFolders(root))
    .map((file) => ({ ...file, person: same.get(file.person) ?? file.person }));
}

async function onTracks(
  encoder: FaceEncoder,
  sets: readonly SetOfPhotos[],
  { galleries, same, films }: Pick<Asked, "galleries" | "same"> & { films: number },
): Promise<void> {
  if (sets.length === 0)
    throw new Error("--tracks needs --data DIR: a folder with a folder of photos for each person.");
  for (const { name, roots } of sets) {
    console.log(`\n${name}`);
    await printTracks(encoder, await filmPeople(encoder, filesOf(roots, same), films), galleries);
  }
}

async function onSet(
  encoder: FaceEncoder,
  { name, roots }: SetOfPhotos,
  { pairsFile, out, galleries, same }: Asked,
  compared: Compared,
): Promise<void> {
  const files = filesOf(roots, same);
  const [root] = roots;
  const pairs = pairsFile ?? roots.map((each) => join(each, "pairs.txt")).find((file) => existsSync(file));
  const folds =
    pairs === undefined || root === undefined
      ? undefined
      : readPairs(pairs, pairsFile === undefined ? dirname(pairs) : root);
  if (folds !== undefined) demandFiles(folds.flat(), pairs as string);
  const encoded = await encodeAll(
    encoder,
    files.map(({ path }) => path),
  );
  const names = new Map(files.map((file) => [file.path, file.name]));
  console.log(`\n${name}: ${count(new Set(files.map(({ person }) => person)).size)} people`);
  failures(encoded, (path) => names.get(path) ?? path);
  const photos = new AllPairs(
    files.map(({ person }) => person),
    files.map(({ path }) => encoded.embeddings.get(path)),
  );
  const { genuine, impostor, own } = photos.split();
  if (genuine.length === 0)
    console.log("nobody has two photos: of known people nothing can be measured, of strangers the galleries below");
  else {
    console.log("by pairs of photos, Euclidean distance:");
    verification(genuine, impostor, own, encoder.threshold);
    identification(photos);
    if (out !== undefined) writeCurves(out, genuine, impostor);
  }
  if (folds !== undefined) tenFold(folds, encoded);
  const population = new Map<string, Float32Array[]>();
  for (const { person, path } of files) {
    const embedding = encoded.embeddings.get(path);
    if (embedding !== undefined) population.set(person, [...(population.get(person) ?? []), embedding]);
  }
  console.log(
    `galleries, as the product decides: ${population.size} people with a usable photo; default: τ from 1 ` +
      `stranger of ${1 / galleries.strangers} named; fixed τ ${encoder.normalisation?.threshold ?? "none"} of ` +
      `d'; Euclidean τ ${encoder.threshold}; ${galleries.draws} draws; FMR and TMR at the default's τ; % [95 % ` +
      "by people]",
  );
  await printGalleries(encoder, name, population satisfies Population, galleries, compared);
}

async function onSets(encoder: FaceEncoder, sets: readonly SetOfPhotos[], asked: Asked): Promise<void> {
  const compared: Compared = new Map();
  for (const set of sets)
    await onSet(
      encoder,
      set,
      { ...asked, out: asked.out === undefined || sets.length === 1 ? asked.out : join(asked.out, set.name) },
      compared,
    );
  if (sets.length > 1) printRatios(compared);
}

async function onPairs(encoder: FaceEncoder, pairs: readonly FilePair[], out: string | undefined): Promise<void> {
  const encoded = await encodeAll(encoder, [...new Set(pairs.flatMap(({ a, b }) => [a, b]))]);
  failures(encoded, (path) => path);
  const distances = (wanted: boolean): Float32Array =>
    Float32Array.from(
      pairs.filter(({ same }) => same === wanted),
      ({ a, b }) => apart(encoded.embeddings.get(a), encoded.embeddings.get(b)),
    ).sort();
  const [genuine, impostor] = [distances(true), distances(false)];
  // A list does not say who is who, so that there are no groups.
  verification(genuine, impostor, [], encoder.threshold);
  if (out !== undefined) writeCurves(out, genuine, impostor);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      people: { type: "string", default: "5,10,20,60" },
      photos: { type: "string", default: "1,3,5" },
      draws: { type: "string", default: "20" },
      same: { type: "string", multiple: true, default: [] },
      strangers: { type: "string", default: String(USUAL_WANTED) },
      pairs: { type: "string" },
      list: { type: "string" },
      genuine: { type: "string" },
      impostor: { type: "string" },
      out: { type: "string" },
      model: { type: "string", default: DEFAULT_MODEL.id },
      ablate: { type: "boolean", default: false },
      tracks: { type: "boolean", default: false },
      films: { type: "string", default: "40" },
      eyes: { type: "string", multiple: true, default: [] },
    },
  });
  const { list, genuine, impostor, out } = values;
  const sets = values.data.flatMap((given) => readSets(given));
  const [data] = values.data;
  const same = sameOf(values.same);
  const numbers = (given: string): number[] => given.split(",").map(Number);
  const galleries = {
    people: numbers(values.people),
    photos: numbers(values.photos),
    draws: Number(values.draws),
    strangers: Number(values.strangers),
  };
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      process.version,
  );
  if (values.ablate) {
    if (data === undefined)
      throw new Error("--ablate needs --data DIR: a folder with a folder of photos for each person.");
    await ablate(data, values.eyes);
    await compareTemplates(data);
    return;
  }
  if ((genuine === undefined) !== (impostor === undefined))
    throw new Error("--genuine FILE and --impostor FILE go together: lines of fileA,fileB in each.");
  const pairs =
    list !== undefined
      ? readList(list, data)
      : genuine !== undefined && impostor !== undefined
        ? readTwoLists(genuine, impostor, data)
        : undefined;
  if (pairs !== undefined) demandFiles(pairs, list ?? `${genuine} and ${impostor}`);
  if (data === undefined && pairs === undefined)
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person. Or give --list FILE with " +
        "lines of fileA,fileB,same.",
    );
  if (values.pairs !== undefined && sets.length > 1)
    throw new Error("--pairs FILE is of one set of photos: give one --data DIR with it.");
  const encoder = await createEncoder({ model: values.model });
  try {
    console.log(`model ${encoder.model}`);
    if (values.tracks) await onTracks(encoder, sets, { galleries, same, films: Number(values.films) });
    else if (pairs !== undefined) await onPairs(encoder, pairs, out);
    else await onSets(encoder, sets, { pairsFile: values.pairs, out, galleries, same });
  } finally {
    await encoder.close();
  }
}

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
