/**
 * A person of several photos, by cohort-normalised distance: is a probe best compared with the mean of them, with the
 * nearest of them, or with
 * both? And what do photos that are set aside (lib/search/outliers) change, where all photos are right and where one
 * is somebody else's?
 *   node --import tsx bench/ways.ts --data DIR[,DIR] [--data DIR]... [--model ID] [--photos 2,3,5] [--people 20]
 * [--draws 40]
 * Each --data is a population: a folder for each person (LFW's layout). In each draw so many people are enrolled, each
 * by so many of their
 * photos; their other photos are the known faces, one photo of everybody else the strangers.
 */
import { cpus } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { shuffled } from "../lib/calibrate/statistics";
import { euclideanDistance, toUnitLength } from "../lib/embed/distance";
import { createEncoder } from "../lib/enrol/encoder";
import type { Normalisation } from "../lib/embed/normalise";
import { meanOf, setAside } from "../lib/search/outliers";
import { crowding, neighboursOf, nobodies } from "../lib/search/crowd";
import type { Chunk, Hit } from "../lib/search/scan";
import { encodePeople, type Population } from "./population";
import { byGroups, seeded } from "./statistics";

/** d' of a probe to a person: to the mean of their photos, and to the nearest of them. */
interface Apart {
  mean: number;
  nearest: number;
}

const WAYS = {
  mean: ({ mean }) => mean,
  nearest: ({ nearest }) => nearest,
  "both: average": ({ mean, nearest }) => (mean + nearest) / 2,
  "both: the smaller": ({ mean, nearest }) => Math.min(mean, nearest),
  "both: the larger": ({ mean, nearest }) => Math.max(mean, nearest),
} as const satisfies Record<string, (apart: Apart) => number>;
type Way = keyof typeof WAYS;
const WAY_NAMES = Object.keys(WAYS) as Way[];

/** Of 100 strangers so many get a name. */
const FPIR = 0.01;

/** One probe of one draw, by each way. */
interface Trial {
  person: string;
  /** To the nearest person of the gallery. */
  nearest: Record<Way, number>;
  /** Whether that is who it is; a stranger is nobody. */
  right: Record<Way, boolean>;
}

interface Enrolled {
  name: string;
  photos: { unit: Float32Array; rated: number }[];
  template: Float32Array;
  rated: number;
}

/** A gallery of these people in memory, each with the others as cohort beside the built-in one. */
class Gallery {
  readonly #people: Enrolled[];
  readonly #crowd: Chunk;
  readonly #mean: number;

  constructor(
    people: readonly { name: string; units: readonly Float32Array[] }[],
    normalisation: Normalisation,
    robust: boolean,
  ) {
    const { rows, dimensions, mean } = normalisation;
    this.#mean = mean;
    const templates = people.map(({ units }) => {
      const aside = robust
        ? setAside(
            units.map((embedding) => ({ embedding, sure: false })),
            normalisation,
          )
        : new Map<number, number>();
      return meanOf(units.filter((_, index) => !aside.has(index)));
    });
    const builtIn = rows.length / dimensions;
    const owners = nobodies(builtIn + people.length);
    people.forEach((_, owner) => {
      owners[builtIn + owner] = owner;
    });
    this.#crowd = {
      values: Float32Array.from([...rows, ...templates.flatMap((template) => [...template])]),
      owners,
      rows: owners.length,
    };
    this.#people = people.map(({ name, units }, owner) => {
      const rate = (unit: Float32Array): number => crowding(neighboursOf(this.#crowd, unit), owner, mean);
      const template = templates[owner] as Float32Array;
      return { name, photos: units.map((unit) => ({ unit, rated: rate(unit) })), template, rated: rate(template) };
    });
  }

  look(person: string, probe: Float32Array): Trial {
    const around: Hit[] = neighboursOf(this.#crowd, probe);
    const nearest = Object.fromEntries(WAY_NAMES.map((way) => [way, Infinity])) as Record<Way, number>;
    const right = Object.fromEntries(WAY_NAMES.map((way) => [way, false])) as Record<Way, boolean>;
    for (const [owner, { name, photos, template, rated }] of this.#people.entries()) {
      const here = crowding(around, owner, this.#mean);
      const to = (unit: Float32Array, there: number): number =>
        euclideanDistance(probe, unit) - (here + there) / 2 + this.#mean;
      const apart: Apart = {
        mean: to(template, rated),
        nearest: Math.min(...photos.map((photo) => to(photo.unit, photo.rated))),
      };
      for (const way of WAY_NAMES) {
        const distance = WAYS[way](apart);
        if (distance >= nearest[way]) continue;
        nearest[way] = distance;
        right[way] = name === person;
      }
    }
    return { person, nearest, right };
  }
}

interface Drawing {
  people: number;
  photos: number;
  /** Whether one photo more is enrolled of each second person, which shows somebody else. */
  wrong: boolean;
  robust: boolean;
}

function draw(
  population: Population,
  { people, photos, wrong, robust }: Drawing,
  normalisation: Normalisation,
  random: () => number,
): { known: Trial[]; strangers: Trial[] } {
  const own = new Map([...population].map(([name, units]) => [name, shuffled(units, random)]));
  const able = shuffled(
    [...own.keys()].filter((name) => (own.get(name)?.length ?? 0) > photos),
    random,
  ).slice(0, people);
  const enrolled = new Set(able);
  const others = shuffled(
    [...own.keys()].filter((name) => !enrolled.has(name)),
    random,
  );
  // Whose face lies wrongly in the gallery is no stranger there.
  const misfiled = wrong ? others.splice(0, Math.ceil(able.length / 2)) : [];
  const gallery = new Gallery(
    able.map((name, index) => {
      const alien = index % 2 === 0 ? own.get(misfiled[index / 2] ?? "")?.[0] : undefined;
      return { name, units: [...(own.get(name) ?? []).slice(0, photos), ...(alien === undefined ? [] : [alien])] };
    }),
    normalisation,
    robust,
  );
  return {
    known: able.flatMap((name) => (own.get(name) ?? []).slice(photos).map((unit) => gallery.look(name, unit))),
    strangers: others.map((name) => gallery.look(name, own.get(name)?.[0] as Float32Array)),
  };
}

/** TPIR at FPIR 1 % with its 95 % interval by people, and its difference to another trial list by people. */
function rates(
  trials: { known: Trial[]; strangers: Trial[] },
  way: Way,
  base: { named: readonly boolean[] } | undefined,
): { words: string; named: boolean[] } {
  const distances = trials.strangers.map(({ nearest }) => nearest[way]).sort((a, b) => a - b);
  const tau = distances[Math.floor(FPIR * distances.length)] ?? Infinity;
  const named = trials.known.map(({ nearest, right }) => right[way] && nearest[way] < tau);
  const people = new Map<string, { hits: number; total: number; more: number }>();
  trials.known.forEach(({ person }, index) => {
    const { hits, total, more } = people.get(person) ?? { hits: 0, total: 0, more: 0 };
    people.set(person, {
      hits: hits + Number(named[index]),
      total: total + 1,
      more: more + Number(named[index]) - Number(base?.named[index] ?? false),
    });
  });
  const groups = [...people.values()];
  const share = (value: number): string => (100 * value).toFixed(2);
  const all = byGroups(groups);
  const difference = byGroups(groups.map(({ more, total }) => ({ hits: more, total })));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const hits = sum(groups.map((group) => group.hits)) / trials.known.length;
  const words = `${share(hits)} [${share(all.low)}, ${share(all.high)}]`;
  const against =
    base === undefined
      ? ""
      : `${share(sum(groups.map(({ more }) => more)) / trials.known.length)} [${share(difference.low)}, ` +
        `${share(difference.high)}]`;
  return { words: `${words.padEnd(24)} ${against.padEnd(22)} τ ${tau.toFixed(3)}`, named };
}

function compare(population: Population, drawing: Drawing, normalisation: Normalisation, draws: number): void {
  const random = seeded(drawing.photos);
  const all = Array.from({ length: draws }, () => draw(population, drawing, normalisation, random));
  const trials = { known: all.flatMap(({ known }) => known), strangers: all.flatMap(({ strangers }) => strangers) };
  if (trials.known.length === 0) return;
  const people = new Set(trials.known.map(({ person }) => person)).size;
  console.log(
    `  ${drawing.photos} photos${drawing.wrong ? ", and somebody else's of each second person" : ""}, ` +
      `outliers ${drawing.robust ? "set aside" : "in the mean"}: ${people} people known, ${trials.known.length} ` +
      `faces of theirs, ${trials.strangers.length} of strangers`,
  );
  let base: { named: boolean[] } | undefined;
  for (const way of WAY_NAMES) {
    const { words, named } = rates(trials, way, base);
    base ??= { named };
    console.log(`    ${way.padEnd(20)} ${words}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      model: { type: "string" },
      photos: { type: "string", default: "2,3,5" },
      people: { type: "string", default: "20" },
      draws: { type: "string", default: "40" },
    },
  });
  if (values.data.length === 0)
    throw new Error(
      "--data DIR is missing: a folder with a folder of photos for each person; more than once for several " +
        "populations.",
    );
  const encoder = await createEncoder({ model: values.model });
  const { normalisation } = encoder;
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      process.version,
  );
  try {
    if (normalisation === undefined) throw new Error(`${encoder.model} has no cohort.`);
    console.log(
      `model ${encoder.model}, up to ${values.people} people known, ${values.draws} draws. Known faces named ` +
        `in % where ${100 * FPIR} % of strangers are, difference to the first line; [95 % by people]`,
    );
    for (const data of values.data) {
      const roots = data.split(",");
      const { people } = await encodePeople(encoder, roots, new Map());
      const population = new Map([...people].map(([name, own]) => [name, own.map((each) => toUnitLength(each))]));
      console.log(`\n${roots.map((root) => basename(root)).join(" + ")}: ${population.size} people`);
      for (const photos of values.photos.split(",").map(Number))
        for (const wrong of [false, true])
          for (const robust of [false, true]) {
            compare(
              population,
              { people: Number(values.people), photos, wrong, robust },
              normalisation,
              Number(values.draws),
            );
          }
    }
  } finally {
    await encoder.close();
  }
}

void main();
