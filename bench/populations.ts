/**
 * Who is called by a name: strangers who are, and people who are enrolled and are, in galleries of several sizes and for populations apart,
 * by Euclidean and by cohort-normalised distance, each with the model's own τ, through the gallery's own search and decision.
 *   npm run bench:populations -- --data DIR [--data DIR]... [--model ID] [--photos 1] [--people 5,10,20] [--draws 20]
 * Each DIR has a folder for each person (LFW's layout). In each draw so many people are enrolled, each by so many of their photos; their
 * other photos are the known faces, and one photo of everybody else the strangers. Photos without a usable face are left out and counted.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { createEncoder, type FaceEncoder } from "../lib/embed/encode";
import { type DistanceKind, Roster } from "../lib/gallery/roster";
import { identify, matchOptionsSchema } from "../lib/match/match";
import { encodePhoto, readFolders } from "./photos";
import { byGroups, mean, seeded, wilson } from "./statistics";

const KINDS: readonly DistanceKind[] = ["euclidean", "cohort"];

/** Embeddings by person. */
type Population = Map<string, Float32Array[]>;

interface Tally {
  hits: number;
  total: number;
}

const rate = (draws: readonly Tally[]): string => {
  const total = draws.reduce((sum, draw) => sum + draw.total, 0);
  if (total === 0) return "–".padStart(20);
  const share = mean(draws.filter((draw) => draw.total > 0).map((draw) => draw.hits / draw.total));
  const { low, high } = draws.length > 1 ? byGroups(draws) : wilson(draws[0]?.hits ?? 0, total);
  return `${(100 * share).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`.padStart(20);
};

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  for (let at = left.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [left[at], left[other]] = [left[other] as T, left[at] as T];
  }
  return left;
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
  console.log(`\n${basename(root)}: ${files.length} photos, ${missing} without a usable face, ${population.size} people left`);
  return population;
}

/** One gallery, and everybody else before it. */
async function drawOnce(population: Population, { people, photos, encoder, random }: { people: number; photos: number; encoder: FaceEncoder; random: () => number }): Promise<Record<DistanceKind, { strangers: Tally; known: Tally }>> {
  const { model, threshold, normalisation } = encoder;
  const names = shuffled([...population.keys()], random);
  // Whoever has a photo to spare comes first: the others could not be known again. The rest of the places goes to anybody.
  const enrolled = new Set(shuffled(names.filter((name) => (population.get(name)?.length ?? 0) > photos), random).concat(names.filter((name) => population.get(name)?.length === photos)).slice(0, people));
  const roster = new Roster(model, { threshold, normalisation });
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
  const tallies = { euclidean: { strangers: { hits: 0, total: 0 }, known: { hits: 0, total: 0 } }, cohort: { strangers: { hits: 0, total: 0 }, known: { hits: 0, total: 0 } } };
  for (const kind of KINDS) {
    const options = matchOptionsSchema.parse({ distance: kind, margin: 0 });
    for (const { name, vector } of probes) {
      const { name: called } = await identify(vector, roster, options);
      const tally = enrolled.has(name) ? tallies[kind].known : tallies[kind].strangers;
      tally.total += 1;
      // A wrong name is no name for who is known.
      if (enrolled.has(name) ? called === name : called !== null) tally.hits += 1;
    }
  }
  await roster.close();
  return tallies;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: "string", multiple: true, default: [] }, model: { type: "string" }, photos: { type: "string", default: "1" }, people: { type: "string", default: "5,10,20" }, draws: { type: "string", default: "20" } } });
  if (values.data.length === 0) throw new Error("--data DIR is missing: a folder with a folder of photos for each person; more than once for several populations.");
  const encoder = await createEncoder({ model: values.model });
  console.log(`${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ${process.version}`);
  console.log(`model ${encoder.model}: τ ${encoder.threshold} Euclidean, ${encoder.normalisation?.threshold ?? "none"} cohort-normalised; ${values.photos} photo(s) a person, ${values.draws} draws; % [95 % by draws]`);
  try {
    for (const root of values.data) {
      const population = await encodeAll(encoder, root);
      console.log("people     strangers: Euclidean               cohort         known: Euclidean               cohort");
      for (const people of values.people.split(",").map(Number)) {
        const random = seeded(people);
        const draws: Record<DistanceKind, { strangers: Tally; known: Tally }>[] = [];
        for (let index = 0; index < Number(values.draws); index += 1) draws.push(await drawOnce(population, { people, photos: Number(values.photos), encoder, random }));
        const of = (kind: DistanceKind, who: "strangers" | "known"): string => rate(draws.map((each) => each[kind][who]));
        console.log(`${String(people).padStart(6)} ${of("euclidean", "strangers")} ${of("cohort", "strangers")} ${of("euclidean", "known")} ${of("cohort", "known")}`);
      }
    }
  } finally {
    await encoder.close();
  }
}

void main();
