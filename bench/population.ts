/** People by their embeddings, galleries drawn from them, and shares with intervals by people. */
import { readFileSync } from "node:fs";
import { shuffled } from "../lib/calibrate/statistics";
import type { FaceEncoder } from "../lib/enrol/encoder";
import { Roster } from "../lib/search/roster";
import { encodePhoto, readFolders } from "./photos";
import { byGroups } from "./statistics";

/** Embeddings by person. */
export type Population = ReadonlyMap<string, readonly Float32Array[]>;

/** A face of somebody. */
export interface Probe {
  name: string;
  vector: Float32Array;
}

/** Who is enrolled by which embeddings, the other faces of the same people, and one of everybody else. */
export interface Drawn {
  enrolled: Map<string, Float32Array[]>;
  known: Probe[];
  strangers: Probe[];
}

export interface Tally {
  hits: number;
  total: number;
}

/** What became of faces, by the person whose they are: those of one go together. */
export type Tallies = Map<string, Tally>;

export function count(tallies: Tallies, person: string, hit: number, of = 1): void {
  const { hits, total } = tallies.get(person) ?? { hits: 0, total: 0 };
  tallies.set(person, { hits: hits + hit, total: total + of });
}

export function shareOf(tallies: Tallies): number {
  const [hits, total] = [...tallies.values()].reduce(
    ([sum, all], each) => [sum + each.hits, all + each.total],
    [0, 0],
  );
  return hits / total;
}

/** Two-sided 95 %. */
const TAIL = 0.025;

/**
 * 95 % interval by people. Where none or all succeed there is nothing to draw from: then it is the exact binomial
 * interval (Clopper & Pearson 1934) of as many trials as there are people, as if all of a person's were one.
 */
export function intervalOf(groups: readonly Tally[]): { low: number; high: number } {
  const bound = 1 - TAIL ** (1 / groups.length);
  if (groups.every(({ hits }) => hits === 0)) return { low: 0, high: bound };
  if (groups.every(({ hits, total }) => hits === total)) return { low: 1 - bound, high: 1 };
  return byGroups(groups);
}

/** In %, with its 95 % interval by people. */
export function rate(tallies: Tallies, digits = 2): string {
  if (tallies.size === 0) return "–";
  const { low, high } = intervalOf([...tallies.values()]);
  const percent = (share: number): string => (100 * share).toFixed(digits);
  return `${percent(shareOf(tallies))} [${percent(low)}, ${percent(high)}]`;
}

/**
 * Which folder's person goes by which other's name.
 * @param given pairs "A,B" of folders that show one person, which some public sets have
 */
export function sameOf(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(given.map((pair) => pair.split(",").reverse() as [string, string]));
}

/**
 * The people of some folders. Photos without a usable face are left out and counted.
 * @param same whom a folder shows who has another one too
 */
export async function encodePeople(
  encoder: FaceEncoder,
  roots: readonly string[],
  same: ReadonlyMap<string, string>,
): Promise<{ people: Map<string, Float32Array[]>; photos: number; missing: number }> {
  const people = new Map<string, Float32Array[]>();
  let missing = 0;
  const files = roots.flatMap((root) => readFolders(root));
  for (const { person, path } of files) {
    const embedding = (await encodePhoto(encoder, readFileSync(path)).catch(() => undefined))?.embedding;
    const name = same.get(person) ?? person;
    if (embedding === undefined) missing += 1;
    else people.set(name, [...(people.get(name) ?? []), embedding]);
  }
  return { people, photos: files.length, missing };
}

/**
 * So many people, each enrolled by so many photos. Whoever has a photo to spare comes first: the others could not be
 * known again. The rest of the places goes to anybody.
 */
export function drawGallery(
  population: Population,
  { people, photos }: { people: number; photos: number },
  random: () => number,
): Drawn {
  const names = shuffled([...population.keys()], random);
  const spare = names.filter((name) => (population.get(name)?.length ?? 0) > photos);
  const exact = names.filter((name) => population.get(name)?.length === photos);
  const chosen = new Set(shuffled(spare, random).concat(exact).slice(0, people));
  const drawn: Drawn = { enrolled: new Map(), known: [], strangers: [] };
  for (const name of names) {
    const own = shuffled(population.get(name) ?? [], random);
    if (chosen.has(name)) drawn.enrolled.set(name, own.slice(0, photos));
    const probes = (chosen.has(name) ? own.slice(photos) : own.slice(0, 1)).map((vector) => ({ name, vector }));
    (chosen.has(name) ? drawn.known : drawn.strangers).push(...probes);
  }
  return drawn;
}

/** What of a model a gallery needs. */
export type Model = Pick<FaceEncoder, "model" | "threshold" | "normalisation" | "tail">;

export async function rosterOf({ model, ...options }: Model, enrolled: Population): Promise<Roster> {
  const { threshold, normalisation, tail } = options;
  const roster = new Roster(model, { threshold, normalisation, tail });
  for (const [name, vectors] of enrolled) {
    roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
    for (const [index, vector] of vectors.entries()) roster.putPhoto(`${name} ${index}`, name, vector);
  }
  await roster.refreshed();
  return roster;
}
