/**
 * Identify among many embeddings: the gallery's index, by Euclidean and by cohort-normalised distance, beside a plain
 * loop and beside usearch (approximate, native).
 *   npm run bench:search -- [--sizes 50000x10000,100000,1000000] [--probes 40]   (embeddings, or embeddings x people)
 * usearch is taken from bench/peers where it is installed: npm install --prefix bench/peers --ignore-scripts
 */
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { euclideanDistance, toUnitLength } from "../lib/embed/distance";
import { NEIGHBOURS, type Normalisation, normalisationOf } from "../lib/embed/normalise";
import { meanOf } from "../lib/search/outliers";
import { EmbeddingIndex } from "../lib/search/embedding-index";
import { type PhotoOf, Templates } from "../lib/search/templates";
import { seeded } from "./statistics";

const DIMENSIONS = 128;
/**
 * Two photos of one person differ by about this much in each dimension, strangers by three times as much: d ≈ 0.4
 * and 1.2 …
 */
const WITHIN = 0.025;
/** … which is how far dlib's embeddings of people lie apart. */
const BETWEEN = 0.075;

/** Probes of which the nearest by d' is sought one by one as well. */
const COMPARED = 4;

/** Embeddings of which usearch's graph is built: half a minute for 50,000, two for 100,000. */
const MOST_FOR_GRAPH = 100_000;

interface Usearch {
  Index: new (options: { metric: string; dimensions: number; connectivity?: number }) => {
    add(keys: BigUint64Array, vectors: Float32Array): void;
    search(probe: Float32Array, count: number, threads?: number): { keys: BigUint64Array; distances: Float32Array };
  };
  MetricKind?: Record<string, string>;
}

/** Of more people templates are not made: it would take an hour. */
const MOST_FOR_COHORT = 1_000_000;

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "50000x10000,100000,1000000" },
    probes: { type: "string", default: "40" },
  },
});
const PROBES = Number(values.probes);
const random = seeded(1);
const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());

function percentile(times: readonly number[], share: number): string {
  return (times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0).toFixed(1).padStart(8);
}

function peer(): Usearch | undefined {
  try {
    return createRequire(join(__dirname, "peers/package.json"))("usearch") as Usearch;
  } catch {
    return undefined;
  }
}

/** The plain formula, row by row. */
function plainLoop(all: Float32Array, probe: Float32Array): number {
  let [best, row] = [Infinity, -1];
  for (let at = 0, index = 0; at < all.length; at += DIMENSIONS, index += 1) {
    let sum = 0;
    for (let axis = 0; axis < DIMENSIONS; axis += 1) {
      const difference = (probe[axis] as number) - (all[at + axis] as number);
      sum += difference * difference;
    }
    if (sum < best) [best, row] = [sum, index];
  }
  return row;
}

const memory = (): number => Math.round(process.memoryUsage.rss() / 2 ** 20);

/**
 * Search for the nearest of each probe, one after the other: milliseconds, owners (-1 is nobody), and how long the
 * event loop was held.
 */
async function searchEach(
  probes: readonly Float32Array[],
  index: Pick<EmbeddingIndex, "nearest">,
): Promise<{ delay: IntervalHistogram; times: number[]; found: number[] }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const times: number[] = [];
  const found: number[] = [];
  for (const probe of probes) {
    const begin = performance.now();
    found.push((await index.nearest(probe, 3))[0]?.owner ?? -1);
    times.push(performance.now() - begin);
  }
  delay.disable();
  return { delay, times, found };
}

/** The plain formula of d', person by person; R of a template is what the gallery has measured. */
function nearestByFormula(
  probe: Float32Array,
  people: readonly Float32Array[],
  { rows, dimensions, mean }: Normalisation,
  crowdingOf: (owner: number) => number,
): number {
  const distances = people.map((template) => euclideanDistance(probe, template));
  const builtIn = Array.from({ length: rows.length / dimensions }, (_, row) =>
    euclideanDistance(probe, rows.subarray(row * dimensions, (row + 1) * dimensions)),
  );
  const near = [
    ...distances.map((distance, owner) => ({ distance, owner })),
    ...builtIn.map((distance) => ({ distance, owner: -1 })),
  ]
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEIGHBOURS + 1);
  let [best, nearest] = [Infinity, -1];
  for (const [owner, distance] of distances.entries()) {
    const others = near.filter((each) => each.owner !== owner).slice(0, NEIGHBOURS);
    const compared =
      distance - (others.reduce((sum, each) => sum + each.distance, 0) / others.length + crowdingOf(owner)) / 2 + mean;
    if (compared < best) [best, nearest] = [compared, owner];
  }
  return nearest;
}

/**
 * The same people by cohort-normalised distance: a template each, rated in a worker. Its nearest is compared with that
 * over all templates, one by one.
 */
async function normalised(
  all: Float32Array,
  each: number,
  probes: readonly Float32Array[],
  rows: number,
): Promise<void> {
  const normalisation = await normalisationOf({ id: "dlib-resnet-v1", dimensions: DIMENSIONS });
  if (normalisation === undefined) throw new Error("the built-in cohort is missing");
  const photosOf = (owner: number): PhotoOf[] =>
    Array.from({ length: each }, (_, photo) => ({
      id: String(photo),
      embedding: all.subarray((owner * each + photo) * DIMENSIONS, (owner * each + photo + 1) * DIMENSIONS),
      sure: false,
    }));
  const templates = new Templates({ normalisation, photosOf });
  const before = memory();
  const start = performance.now();
  const cpu = process.cpuUsage();
  const building = monitorEventLoopDelay({ resolution: 1 });
  building.enable();
  for (let owner = 0; owner < rows / each; owner += 1) templates.change(owner);
  await templates.settle();
  building.disable();
  const built = performance.now() - start;
  const held = memory() - before;
  const { user, system } = process.cpuUsage(cpu);
  await templates.nearest(probes[0] as Float32Array, 3);
  const { delay, times, found } = await searchEach(probes, templates);
  const compared = probes.slice(0, COMPARED);
  const people = Array.from({ length: rows / each }, (_, owner) =>
    meanOf(photosOf(owner).map(({ embedding }) => toUnitLength(embedding))),
  );
  let right = 0;
  for (const [index, probe] of compared.entries())
    right += Number(
      nearestByFormula(toUnitLength(probe), people, normalisation, (owner) => templates.crowdingOf(owner) ?? NaN) ===
        found[index],
    );
  await templates.close();
  console.log(
    `${`by cohort${templates.coded ? ", 8 bits" : ""}`.padEnd(20)} ` +
      `${percentile(times, 0.5)} ${percentile(times, 0.95)} ` +
      `${((100 * right) / compared.length).toFixed(1).padStart(9)}% ${built.toFixed(0).padStart(10)} ` +
      `${String(held).padStart(9)} ${`${(delay.percentile(99) / 1e6).toFixed(1)} ms`.padStart(16)}   ` +
      `(${compared.length} probes compared; ${((user + system) / 1e6).toFixed(1)} s of processors to build; ` +
      `loop delay p99 meanwhile ${(building.percentile(99) / 1e6).toFixed(1)} ms)`,
  );
}

async function measure(rows: number, people: number): Promise<void> {
  const each = rows / people;
  const all = new Float32Array(rows * DIMENSIONS);
  for (let person = 0; person < people; person += 1) {
    const centre = Float32Array.from({ length: DIMENSIONS }, () => normal() * BETWEEN);
    for (let photo = 0; photo < each; photo += 1)
      for (let axis = 0; axis < DIMENSIONS; axis += 1)
        all[(person * each + photo) * DIMENSIONS + axis] = (centre[axis] as number) + normal() * WITHIN;
  }
  // Half of the probes are people of the gallery, half are strangers: those take longest, because nobody near shortens
  // the search.
  const probes = Array.from({ length: PROBES }, (_, index) => {
    const at = Math.floor(random() * rows) * DIMENSIONS;
    return Float32Array.from({ length: DIMENSIONS }, (_unused, axis) =>
      index % 2 === 0 ? (all[at + axis] as number) + normal() * WITHIN : normal() * BETWEEN,
    );
  });
  console.log(
    `\n${rows} embeddings of ${people} people, ${DIMENSIONS} dimensions, ${PROBES} probes (half known, half ` +
      "strangers)",
  );
  console.log("                        ms p50   ms p95   recall@1   build ms   MB more   loop delay p99");
  const exact: number[] = [];
  const row = (
    name: string,
    times: readonly number[],
    found: readonly number[],
    build: number,
    more: number,
    delay: string,
  ): void => {
    const hits = found.filter((owner, index) => owner === exact[index]).length;
    console.log(
      `${name.padEnd(20)} ${percentile(times, 0.5)} ${percentile(times, 0.95)} ` +
        `${((100 * hits) / PROBES).toFixed(1).padStart(9)}% ${build.toFixed(0).padStart(10)} ` +
        `${String(more).padStart(9)} ${delay.padStart(16)}`,
    );
  };

  const loopTimes = probes.map((probe) => {
    const start = performance.now();
    exact.push(Math.floor(plainLoop(all, probe) / each));
    return performance.now() - start;
  });
  row("plain loop", loopTimes, exact, 0, 0, "all of it");

  // The full numbers alone, and as searches take it.
  for (const codedFrom of rows > MOST_FOR_COHORT ? [undefined] : [Infinity, undefined]) {
    const before = memory();
    const start = performance.now();
    const index = new EmbeddingIndex(DIMENSIONS, { codedFrom });
    for (let at = 0; at < rows; at += 1)
      index.add(Math.floor(at / each), all.subarray(at * DIMENSIONS, (at + 1) * DIMENSIONS));
    const built = performance.now() - start;
    const held = memory() - before;
    // The first searches start the workers, and have their code made fast.
    for (const probe of probes.slice(0, 5)) await index.nearest(probe, 3);
    const { delay, times, found } = await searchEach(probes, index);
    await index.close();
    const name = index.coded ? "index, 8 bits first" : "index, full numbers";
    row(name, times, found, built, held, `${(delay.percentile(99) / 1e6).toFixed(1)} ms`);
  }

  if (rows / each > MOST_FOR_COHORT) console.log("by cohort            left out: templates of so many take too long");
  else await normalised(all, each, probes, rows);

  const usearch = rows > MOST_FOR_GRAPH ? undefined : peer();
  if (rows > MOST_FOR_GRAPH) {
    console.log("usearch (HNSW)       left out: its graph takes too long to build");
    return;
  }
  if (usearch === undefined) {
    console.log("usearch              not installed: npm install --prefix bench/peers --ignore-scripts");
    return;
  }
  const before = memory();
  const start = performance.now();
  const graph = new usearch.Index({ metric: "l2sq", dimensions: DIMENSIONS });
  graph.add(
    BigUint64Array.from({ length: rows }, (_, at) => BigInt(at)),
    all,
  );
  const graphBuilt = performance.now() - start;
  const graphHeld = memory() - before;
  const graphTimes: number[] = [];
  const graphFound = probes.map((probe) => {
    const begin = performance.now();
    const { keys } = graph.search(probe, 3, 0);
    graphTimes.push(performance.now() - begin);
    return Math.floor(Number(keys[0] ?? -1n) / each);
  });
  row("usearch (HNSW)", graphTimes, graphFound, graphBuilt, graphHeld, "all of it");
}

async function main(): Promise<void> {
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      process.version,
  );
  for (const size of values.sizes.split(",")) {
    const [rows = 0, people = rows] = size.split("x").map(Number);
    await measure(rows, people);
  }
}

void main();
