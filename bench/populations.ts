/**
 * Who is called by a name: strangers who are, and people who are enrolled and are, in galleries of several sizes and
 * for populations apart,
 * through the gallery's own search and decision: by the default (τ follows from how many strangers may get a name), by
 * the model's fixed τ
 * of the cohort-normalised distance, and by that of the Euclidean distance.
 *   npm run bench:populations -- --data DIR [--data DIR]... [--model ID] [--photos 1,3] [--people 5,10,20] [--draws
 * 20] [--strangers 0.01]
 * Each DIR has a folder for each person (LFW's layout). In each draw so many people are enrolled, each by so many of
 * their photos; their
 * other photos are the known faces, and one photo of everybody else the strangers. Photos without a usable face are
 * left out and counted.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { shuffled } from "../lib/calibrate/statistics";
import { USUAL_WANTED } from "../lib/calibrate/wanted";
import { createEncoder, type FaceEncoder } from "../lib/enrol/encoder";
import { Roster } from "../lib/search/roster";
import { identify, type MatchOptions, matchOptionsSchema, ruleOf } from "../lib/match/match";
import { encodePhoto, readFolders } from "./photos";
import { byGroups, seeded } from "./statistics";

/** How it is decided. */
const WAYS = ["default", "fixed τ", "Euclidean"] as const;

type Way = (typeof WAYS)[number];

/** Embeddings by person. */
type Population = Map<string, Float32Array[]>;

interface Tally {
  hits: number;
  total: number;
}

/** What became of faces, by the person whose they are: those of one go together. */
type Tallies = Map<string, Tally>;

type Outcome = Record<"strangers" | "known", Tallies>;

const outcome = (): Outcome => ({ strangers: new Map(), known: new Map() });

function count(tallies: Tallies, person: string, hit: boolean): void {
  const { hits, total } = tallies.get(person) ?? { hits: 0, total: 0 };
  tallies.set(person, { hits: hits + Number(hit), total: total + 1 });
}

function shareOf(tallies: Tallies): number {
  const [hits, total] = [...tallies.values()].reduce(
    ([sum, all], each) => [sum + each.hits, all + each.total],
    [0, 0],
  );
  return hits / total;
}

/** In %, with its 95 % interval by people. */
function rate(tallies: Tallies): string {
  if (tallies.size === 0) return "–".padStart(20);
  const { low, high } = byGroups([...tallies.values()]);
  return `${(100 * shareOf(tallies)).toFixed(2)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`.padStart(20);
}

async function encodeAll(encoder: FaceEncoder, root: string): Promise<Population> {
  const population: Population = new Map();
  let missing = 0;
  const files = readFolders(root);
  for (const { person, path } of files) {
    const embedding = (await encodePhoto(encoder, readFileSync(path)).catch(() => undefined))?.embedding;
    if (embedding === undefined) missing += 1;
    else population.set(person, [...(population.get(person) ?? []), embedding]);
  }
  console.log(
    `\n${basename(root)}: ${files.length} photos, ${missing} without a usable face, ${population.size} people left`,
  );
  return population;
}

interface Draw {
  people: number;
  photos: number;
  strangers: number;
  encoder: FaceEncoder;
  random: () => number;
}

/** One gallery, and everybody else before it. @returns τ of the default */
async function drawOnce(
  population: Population,
  { people, photos, strangers, encoder, random }: Draw,
  tallies: Record<Way, Outcome>,
): Promise<number> {
  const { model, threshold, normalisation, tail } = encoder;
  const names = shuffled([...population.keys()], random);
  // Whoever has a photo to spare comes first: the others could not be known again. The rest of the places goes to
  // anybody.
  const enrolled = new Set(
    shuffled(
      names.filter((name) => (population.get(name)?.length ?? 0) > photos),
      random,
    )
      .concat(names.filter((name) => population.get(name)?.length === photos))
      .slice(0, people),
  );
  const roster = new Roster(model, { threshold, normalisation, tail });
  const probes: { name: string; vector: Float32Array }[] = [];
  for (const name of names) {
    const own = shuffled(population.get(name) ?? [], random);
    if (enrolled.has(name)) {
      roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
      for (const [index, vector] of own.slice(0, photos).entries()) roster.putPhoto(`${name} ${index}`, name, vector);
    }
    for (const vector of enrolled.has(name) ? own.slice(photos) : own.slice(0, 1)) probes.push({ name, vector });
  }
  await roster.refreshed();
  const ways: Record<Way, MatchOptions> = {
    default: matchOptionsSchema.parse({ wanted: strangers }),
    "fixed τ": matchOptionsSchema.parse({ margin: 0 }),
    Euclidean: matchOptionsSchema.parse({ distance: "euclidean", margin: 0 }),
  };
  for (const way of WAYS) {
    for (const { name, vector } of probes) {
      const { name: called } = await identify(vector, roster, ways[way]);
      // A wrong name is no name for who is known.
      if (enrolled.has(name)) count(tallies[way].known, name, called === name);
      else count(tallies[way].strangers, name, called !== null);
    }
  }
  await roster.close();
  return ruleOf(roster, ways.default).threshold;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      model: { type: "string" },
      photos: { type: "string", default: "1,3" },
      people: { type: "string", default: "5,10,20" },
      draws: { type: "string", default: "20" },
      strangers: { type: "string", default: String(USUAL_WANTED) },
    },
  });
  if (values.data.length === 0)
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person; more than once for several " +
        "populations.",
    );
  const strangers = Number(values.strangers);
  const encoder = await createEncoder({ model: values.model });
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      process.version,
  );
  console.log(
    `model ${encoder.model}: default, τ from 1 stranger of ${1 / strangers} named; fixed τ ` +
      `${encoder.normalisation?.threshold ?? "none"} of d'; Euclidean τ ${encoder.threshold}; ${values.draws} ` +
      "draws; % [95 % by people]",
  );
  /** Strangers named by the default, by gallery and population. */
  const named = new Map<string, Map<string, number>>();
  try {
    for (const root of values.data) {
      const population = await encodeAll(encoder, root);
      console.log(
        `people × photos     τ  ${WAYS.map((way) => `strangers: ${way}`.padStart(20)).join(" ")} ` +
          WAYS.map((way) => `known: ${way}`.padStart(20)).join(" "),
      );
      for (const photos of values.photos.split(",").map(Number)) {
        for (const people of values.people.split(",").map(Number)) {
          if ([...population.values()].filter(({ length }) => length >= photos).length < people) continue;
          const random = seeded(people);
          const tallies: Record<Way, Outcome> = { default: outcome(), "fixed τ": outcome(), Euclidean: outcome() };
          let threshold = Number.NaN;
          for (let index = 0; index < Number(values.draws); index += 1)
            threshold = await drawOnce(population, { people, photos, strangers, encoder, random }, tallies);
          const size = `${people} × ${photos}`;
          named.set(
            size,
            (named.get(size) ?? new Map<string, number>()).set(basename(root), shareOf(tallies.default.strangers)),
          );
          console.log(
            `${size.padStart(15)} ${threshold.toFixed(4)} ` +
              `${WAYS.map((way) => rate(tallies[way].strangers)).join(" ")} ` +
              WAYS.map((way) => rate(tallies[way].known)).join(" "),
          );
        }
      }
    }
  } finally {
    await encoder.close();
  }
  console.log("\nstrangers named by the default, worst population : best");
  for (const [size, rates] of named) console.log(`${size.padStart(15)} ${worstToBest(rates)}`);
}

function worstToBest(rates: ReadonlyMap<string, number>): string {
  const ascending = [...rates].sort(([, a], [, b]) => a - b);
  const [best, worst] = [ascending[0], ascending.at(-1)];
  if (best === undefined || worst === undefined || ascending.length < 2) return "one population alone";
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  return (
    `${worst[0]} ${percent(worst[1])} : ${best[0]} ${percent(best[1])} = ` +
    (best[1] === 0 ? "∞" : (worst[1] / best[1]).toFixed(1))
  );
}

void main();
