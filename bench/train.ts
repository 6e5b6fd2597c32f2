/**
 * Does a projection of the embeddings, learned with the triplet loss (bench/projection), help beside the cohort?
 *   npm run bench:train -- --data DIR[,DIR] [--data DIR]... [--model ID] [--splits 5] [--margin 0.2,0.6]
 *     [--hold 0.03] [--same A,B]...
 * Each --data is a population: a folder for each person (LFW's layout). --same names two folders that show one person.
 * The cohort's rows are projected too; R0 and τ stay.
 * - General: learned on half of the people of a population (those of two photos or more), judged on the other half and
 *   on all people of the other populations, pair by pair; and in galleries of ten people by one photo each.
 * - Own: learned on the photos that a gallery of so many people has, judged on their other photos and on strangers.
 * Every figure is before → after, on the same faces, with the difference's 95 % interval by people.
 */
import { basename } from "node:path";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { shuffled } from "../lib/calibrate/statistics";
import { USUAL_WANTED } from "../lib/calibrate/wanted";
import { DEFAULT_MODEL } from "../lib/embed/descriptor";
import { toUnitLength } from "../lib/embed/distance";
import type { Normalisation } from "../lib/embed/normalise";
import { createEncoder } from "../lib/enrol/encoder";
import { decideBy } from "../lib/match/match";
import { IDENTIFY } from "../lib/match/policy";
import { matchOptionsSchema } from "../lib/match/options";
import { measureOf } from "../lib/search/crowd";
import { meanOf } from "../lib/search/outliers";
import {
  count,
  type Drawn,
  drawGallery,
  encodePeople,
  type Model,
  type Population,
  type Probe,
  rosterOf,
  sameOf,
  shareOf,
  type Tallies,
} from "./population";
import { type Learning, learnProjection, MARGIN, type Mining, project } from "./projection";
import { byGroups, equalErrorRate, mean, operatingPoint, seeded } from "./statistics";

const FMRS = [0.001, 0.01] as const;
/** Of strangers so many get a name. */
const FPIR = 0.01;
/** Of fewer people nothing is said. */
const LEAST_JUDGED = 5;
/** The gallery of the general case, as in bench/populations. */
const GALLERY = { people: 10, photos: 1 };
const DRAWS = 2;
const MININGS: readonly Mining[] = ["semi-hard", "hard"];
/** Of fewer people nothing general is learned. */
const LEAST_LEARNED = 8;
/** Galleries of people who have photos to spare: so many photos learned. */
const OWN_PHOTOS = [2, 3, 4, 5] as const;
const OWN_PEOPLE = [10, 30, 60] as const;

/** Embeddings as they are, or projected: with the cohort that belongs to them. */
interface Space {
  model: Model & { normalisation: Normalisation };
  of(vector: Float32Array): Float32Array;
}

interface Projected extends Space {
  /** |W − I| as a share of |I|. */
  moved: number;
}

function plain(model: Space["model"]): Space {
  const units = new WeakMap<Float32Array, Float32Array>();
  return { model, of: (vector) => kept(units, vector, toUnitLength) };
}

function projected({ model }: Space, people: readonly (readonly Float32Array[])[], learning: Learning): Projected {
  const projection = learnProjection(people, learning);
  const { rows, dimensions } = model.normalisation;
  const mapped = rows.slice();
  for (let from = 0; from < rows.length; from += dimensions) {
    mapped.set(project(projection, rows.subarray(from, from + dimensions)), from);
  }
  const known = new WeakMap<Float32Array, Float32Array>();
  const off = projection.weights.map((value, index) => value - Number(index % (dimensions + 1) === 0));
  return {
    model: { ...model, normalisation: { ...model.normalisation, rows: mapped } },
    of: (vector) => kept(known, vector, (given) => project(projection, toUnitLength(given))),
    moved: Math.hypot(...off) / Math.sqrt(dimensions),
  };
}

function kept(
  map: WeakMap<Float32Array, Float32Array>,
  vector: Float32Array,
  make: (vector: Float32Array) => Float32Array,
): Float32Array {
  const value = map.get(vector) ?? make(vector);
  map.set(vector, value);
  return value;
}

/** A comparison: of which person's face, with which photos, of whom. */
interface Trial {
  person: string;
  face: Float32Array;
  with: readonly Float32Array[];
  same: boolean;
}

/** All pairs of photos. */
function pairsOf(population: Population): Trial[] {
  const all = [...population].flatMap(([person, vectors]) => vectors.map((vector) => ({ person, vector })));
  return all.flatMap(({ person, vector }, index) =>
    all.slice(index + 1).map((other): Trial => ({
      person,
      face: vector,
      with: [other.vector],
      same: other.person === person,
    })),
  );
}

/** Each face that is not enrolled with everybody who is. */
function probesOf({ enrolled, known, strangers }: Drawn): Trial[] {
  return [...known, ...strangers].flatMap(({ name, vector }) =>
    [...enrolled].map(([person, photos]) => ({ person: name, face: vector, with: photos, same: person === name })),
  );
}

const AT_EQUAL = "known named where 1 % of strangers are";
const MEASURES = ["TMR at FMR 0.1 %", "TMR at FMR 1 %", AT_EQUAL, "strangers named", "known named"] as const;
type Measure = (typeof MEASURES)[number];

interface Nearest {
  /** Whose the face is. */
  name: string;
  /** Whether they are the nearest, too. */
  right: boolean;
  distance: number;
}

/** Before and after, over all splits and draws. */
class Comparison {
  readonly #before = new Map<Measure, Tallies>(MEASURES.map((measure) => [measure, new Map()]));
  readonly #after = new Map<Measure, Tallies>(MEASURES.map((measure) => [measure, new Map()]));
  readonly #errors: { before: number; after: number }[] = [];
  readonly moved: number[] = [];

  /** Pair by pair, each space at its own τ of an FMR. */
  verify(trials: readonly Trial[], before: Space, after: Space): void {
    const genuine = trials.filter(({ same }) => same);
    if (new Set(genuine.map(({ person }) => person)).size < LEAST_JUDGED) return;
    const eers = [before, after].map((space) => {
      const distance = distances(space);
      const impostor = Float32Array.from(trials.filter(({ same }) => !same).map(distance)).sort();
      const own = Float32Array.from(genuine.map(distance));
      for (const [index, fmr] of FMRS.entries()) {
        const { allowed, threshold } = operatingPoint(impostor, fmr);
        // Fewer comparisons cannot support the rate.
        if (allowed < 1) continue;
        const tallies = this.#of(space === before, MEASURES[index] as Measure);
        for (const [place, { person }] of genuine.entries()) {
          count(tallies, person, Number((own[place] as number) <= threshold));
        }
      }
      return equalErrorRate(own.toSorted(), impostor).eer;
    });
    this.#errors.push({ before: eers[0] as number, after: eers[1] as number });
  }

  /** The nearest person of each draw's gallery, each space at its own τ of an FPIR over all draws. */
  search(draws: readonly Drawn[], before: Space, after: Space): void {
    for (const space of [before, after]) {
      const distance = distances(space);
      const nearest = ({ name, vector }: Probe, enrolled: Population): Nearest => {
        let best = { name, right: false, distance: Infinity };
        for (const [person, photos] of enrolled) {
          const here = distance({ face: vector, with: photos });
          if (here < best.distance) best = { name, right: person === name, distance: here };
        }
        return best;
      };
      const strangers = draws.flatMap(({ strangers: faces, enrolled }) =>
        faces.map((probe) => nearest(probe, enrolled).distance),
      );
      const { allowed, threshold } = operatingPoint(Float32Array.from(strangers).sort(), FPIR);
      if (allowed < 1) continue;
      const tallies = this.#of(space === before, AT_EQUAL);
      for (const { known, enrolled } of draws) {
        for (const probe of known) {
          const found = nearest(probe, enrolled);
          count(tallies, found.name, Number(found.right && found.distance <= threshold));
        }
      }
    }
  }

  /** By the product's default: τ from what is wanted of strangers. */
  async identify({ enrolled, known, strangers }: Drawn, before: Space, after: Space): Promise<void> {
    const options = matchOptionsSchema.parse({ wanted: USUAL_WANTED });
    for (const space of [before, after]) {
      const mapped = new Map(
        [...enrolled].map(([name, vectors]) => [name, vectors.map((vector) => space.of(vector))]),
      );
      const roster = await rosterOf(space.model, mapped);
      const called = async (vector: Float32Array): Promise<string | null> =>
        (await decideBy(IDENTIFY, space.of(vector), roster, options)).name;
      for (const { name, vector } of known) {
        count(this.#of(space === before, "known named"), name, Number((await called(vector)) === name));
      }
      for (const { name, vector } of strangers) {
        count(this.#of(space === before, "strangers named"), name, Number((await called(vector)) !== null));
      }
      await roster.close();
    }
  }

  #of(before: boolean, measure: Measure): Tallies {
    return (before ? this.#before : this.#after).get(measure) as Tallies;
  }

  /** One cell a measure, in %. */
  cells(): string[] {
    const rates = MEASURES.map((measure) => difference(this.#of(true, measure), this.#of(false, measure)));
    return [...rates.slice(0, FMRS.length), this.#eer(), ...rates.slice(FMRS.length)];
  }

  /** Means over the splits; the least and the largest difference. */
  #eer(): string {
    if (this.#errors.length === 0) return "–";
    const differences = this.#errors.map(({ before, after }) => 100 * (after - before));
    const before = mean(this.#errors.map((error) => error.before));
    const after = mean(this.#errors.map((error) => error.after));
    const range = `${signed(Math.min(...differences))} to ${signed(Math.max(...differences))}`;
    return `${(100 * before).toFixed(2)} → ${(100 * after).toFixed(2)} (${range})`;
  }
}

function signed(value: number): string {
  const text = value.toFixed(1);
  return value > 0 && text !== "0.0" ? `+${text}` : text.replace(/^-0\.0$/, "0.0").replace("-", "−");
}

function difference(before: Tallies, after: Tallies): string {
  if (before.size < LEAST_JUDGED) return "–";
  const gained = [...before].map(([person, { hits, total }]) => {
    const now = after.get(person)?.hits ?? 0;
    return { hits: now - hits, total };
  });
  const { low, high } = byGroups(gained);
  const shares = [before, after].map((tallies) => (100 * shareOf(tallies)).toFixed(2));
  return `${shares.join(" → ")} [${signed(100 * low)}, ${signed(100 * high)}]`;
}

function halves(population: Population, random: () => number): [learned: Population, judged: Population] {
  const names = shuffled([...population.keys()], random);
  const part = (chosen: readonly string[]): Population =>
    new Map(chosen.map((name) => [name, population.get(name) ?? []]));
  return [part(names.slice(0, names.length >> 1)), part(names.slice(names.length >> 1))];
}

/** d' of a face to the mean of photos, by the built-in cohort. */
function distances(space: Space): (trial: Pick<Trial, "face" | "with">) => number {
  const measure = measureOf(space.model.normalisation);
  const templates = new Map<readonly Float32Array[], Float32Array>();
  const template = (photos: readonly Float32Array[]): Float32Array => {
    const [first] = photos as [Float32Array];
    if (photos.length === 1) return space.of(first);
    const made = templates.get(photos) ?? meanOf(photos.map((photo) => space.of(photo)));
    templates.set(photos, made);
    return made;
  };
  return (trial) => measure(space.of(trial.face), template(trial.with));
}

const several = (population: Population): (readonly Float32Array[])[] =>
  [...population.values()].filter(({ length }) => length >= 2);

type Populations = ReadonlyMap<string, Population>;

interface Plan {
  before: Space;
  splits: number;
}

/** Learned on half of the people of some populations, judged on everybody else. */
async function general(
  populations: Populations,
  sources: readonly string[],
  learning: Learning,
  { before, splits }: Plan,
): Promise<Map<string, Comparison>> {
  const results = new Map([...populations.keys()].map((name) => [name, new Comparison()]));
  for (let split = 0; split < splits; split += 1) {
    const random = seeded(split + 1);
    const parts = new Map(sources.map((name) => [name, halves(populations.get(name) as Population, random)]));
    const after = projected(
      before,
      [...parts.values()].flatMap(([learned]) => several(learned)),
      learning,
    );
    for (const [name, comparison] of results) {
      const judged = parts.get(name)?.[1] ?? populations.get(name) ?? new Map();
      comparison.moved.push(after.moved);
      comparison.verify(pairsOf(judged), before, after);
      const draws = Array.from({ length: DRAWS }, () => drawGallery(judged, GALLERY, random));
      comparison.search(draws, before, after);
      for (const drawn of draws) await comparison.identify(drawn, before, after);
    }
  }
  return results;
}

/** Learned on what a gallery has of its own people. @param population whose people are enrolled, and strangers */
async function ofGallery(
  population: Population,
  size: { people: number; photos: number },
  learning: Learning,
  { before, splits }: Plan,
): Promise<Comparison> {
  const comparison = new Comparison();
  for (let split = 0; split < splits; split += 1) {
    const drawn = drawGallery(population, size, seeded(split + 1));
    const after = projected(before, [...drawn.enrolled.values()], learning);
    comparison.moved.push(after.moved);
    comparison.verify(probesOf(drawn), before, after);
    comparison.search([drawn], before, after);
    await comparison.identify(drawn, before, after);
  }
  return comparison;
}

function print(learned: string, judged: string, { mining, margin, hold }: Learning, comparison: Comparison): void {
  const way = `${mining}, α ${margin}, λ ${hold}, moved ${mean(comparison.moved).toFixed(2)}`;
  console.log(`| ${[learned, judged, way, ...comparison.cells()].join(" | ")} |`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      model: { type: "string", default: DEFAULT_MODEL.id },
      splits: { type: "string", default: "5" },
      hold: { type: "string", default: "0.03" },
      margin: { type: "string", default: `${MARGIN},0.6` },
      same: { type: "string", multiple: true, default: [] },
    },
  });
  if (values.data.length === 0) {
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person, once for each population.",
    );
  }
  const encoder = await createEncoder({ model: values.model });
  const populations = new Map<string, Population>();
  const { normalisation, model, threshold, tail } = encoder;
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ${process.version}`;
  console.log(`${new Date().toISOString().slice(0, 10)} · ${machine} · model ${model}`);
  try {
    if (normalisation === undefined) {
      throw new Error(`there is no cohort for the model ${model}: a projection beside it cannot be judged.`);
    }
    const same = sameOf(values.same);
    for (const given of values.data) {
      const roots = given.split(",");
      const name = roots.map((root) => basename(root)).join(" + ");
      const { people, photos, missing } = await encodePeople(encoder, roots, same);
      console.log(`\n${name}: ${photos} photos, ${missing} without a usable face, ${people.size} people left`);
      populations.set(name, people);
    }
  } finally {
    await encoder.close();
  }
  const plan: Plan = { before: plain({ model, threshold, tail, normalisation }), splits: Number(values.splits) };
  const margins = values.margin.split(",").map(Number);
  const ways = values.hold
    .split(",")
    .map(Number)
    .flatMap((hold) => margins.flatMap((margin) => MININGS.map((mining): Learning => ({ mining, margin, hold }))));
  const head = [...MEASURES.slice(0, FMRS.length), "EER", ...MEASURES.slice(FMRS.length)];
  console.log(`\n| learned on | judged on | how | ${head.join(" | ")} |`);
  console.log(`|${" --- |".repeat(3 + MEASURES.length + 1)}`);
  const able = [...populations]
    .filter(([, people]) => several(people).length >= 2 * LEAST_LEARNED)
    .map(([name]) => name);
  for (const sources of [...able.map((name) => [name]), ...(able.length > 1 ? [able] : [])]) {
    for (const learning of ways) {
      for (const [name, comparison] of await general(populations, sources, learning, plan)) {
        const judged = sources.includes(name) ? `${name}, other half` : name;
        print(`half of ${sources.join(" + ")}`, judged, learning, comparison);
      }
    }
  }
  for (const [name, population] of populations) {
    for (const photos of OWN_PHOTOS) {
      const spare = [...population.values()].filter(({ length }) => length > photos).length;
      for (const people of new Set(OWN_PEOPLE.map((wanted) => Math.min(wanted, spare)))) {
        if (people < Math.min(...OWN_PEOPLE)) continue;
        for (const learning of ways) {
          const comparison = await ofGallery(population, { people, photos }, learning, plan);
          print(`the gallery: ${people} × ${photos} photos`, name, learning, comparison);
        }
      }
    }
  }
}

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
