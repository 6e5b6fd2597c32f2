/**
 * The tail of a model's d' between strangers, from which τ follows that is wanted of them.
 *
 * d' is measured by the gallery itself: in each round everybody is enrolled once, in galleries of five, and compared
 * with everybody else. A cohort is drawn from half of such people, of whom strangers then seem farther than others
 * will be. How much is measured with cohorts that are drawn anew, in the same way, from halves of these people, and
 * taken off every τ.
 */
import { seeded, shuffled } from "../calibrate/statistics";
import { type Comparison, measureTail, pairsOf, type Tail, type TailPoint } from "../calibrate/tail";
import { euclideanDistance, toUnitLength } from "../embed/distance";
import type { FaceEncoder } from "../enrol/encoder";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { Roster } from "../search/roster";
import { COHORT_PLAN, drawNear } from "./draw-cohort";

/** People of a gallery. d' hardly depends on it: with 2 and 20 the same rate is at τ within 0.01. */
const GALLERY = 5;
/** Comparisons of a population, at least, if ROUNDS allow. */
const COMPARISONS = 100_000;
const ROUNDS = 5;
/** So many people of so many photos it takes to say how near strangers are to their mean. */
const LEAST_PEOPLE = 50;
const PHOTO_COUNTS = [2, 3, 5] as const;
/** Rates at which two distributions of distances are compared. */
const RATES = [0.01, 0.001] as const;

/** Drawings of a cohort from half of the people; of a person so many photos. */
const HALVES = 12;
const PHOTOS_OF_PERSON = 3;
/** So many neighbours has the Gaussian of which a row is drawn (NOTICE); dlib's network had 20. */
const COHORT_NEIGHBOURS: Readonly<Record<string, number>> = { "dlib-resnet-v1": 20 };
/** Pairs are too few for one in a thousand in half of a small population. */
const RATE_OF_HALF = 0.01;

/** Embeddings by person. */
export type Population = ReadonlyMap<string, readonly Float32Array[]>;

type Model = Pick<FaceEncoder, "model" | "threshold"> & { normalisation: Normalisation };

/** The tail of a model's d'. @param populations by name */
export async function tailOf(
  model: Model,
  populations: ReadonlyMap<string, Population>,
  source: string,
): Promise<Tail> {
  const compared = new Map<string, Comparison[]>();
  for (const [name, population] of populations) compared.set(name, await compare(model, population, 1));
  const unseen = Math.max(0, ...unseenNearer(model, populations).values());
  const points = measureTail([...compared.values()]).map((point): TailPoint => ({
    ...point,
    threshold: floor(point.threshold - unseen),
  }));
  let nearer = 0;
  const templates = [{ photos: 1, nearer }];
  for (const photos of PHOTO_COUNTS) {
    for (const [name, population] of populations) {
      if ([...population.values()].filter(({ length }) => length >= photos).length < LEAST_PEOPLE) continue;
      const [one, several] = [
        ascending(compared.get(name) ?? []),
        ascending(await compare(model, population, photos)),
      ];
      nearer = Math.max(nearer, ...RATES.map((rate) => quantile(one, rate) - quantile(several, rate)));
    }
    if (nearer > (templates.at(-1)?.nearer ?? 0)) templates.push({ photos, nearer: -floor(-nearer) });
  }
  return {
    source,
    populations: [...populations].map(([name, population]) => ({
      name,
      people: population.size,
      comparisons: pairsOf(compared.get(name) ?? []),
    })),
    points,
    templates,
  };
}

const floor = (distance: number): number => Math.floor(1e4 * distance) / 1e4;
const ascending = (comparisons: readonly Comparison[]): Float64Array =>
  Float64Array.from(comparisons, ({ distance }) => distance).sort();
const quantile = (distances: Float64Array, rate: number): number =>
  distances[Math.floor(rate * distances.length)] as number;

/**
 * Everybody of so many photos against one photo of everybody else, in galleries of GALLERY people, again and again.
 */
async function compare(
  { model, threshold, normalisation }: Model,
  population: Population,
  photos: number,
): Promise<Comparison[]> {
  const random = seeded(photos);
  const names = [...population.keys()];
  const able = names.filter((name) => (population.get(name)?.length ?? 0) >= photos);
  const comparisons: Comparison[] = [];
  for (let round = 0; round < ROUNDS && comparisons.length < COMPARISONS; round += 1) {
    const order = shuffled(able, random);
    for (let from = 0; from < order.length; from += GALLERY) {
      const enrolled = new Set(order.slice(from, from + GALLERY));
      const roster = new Roster(model, { threshold, normalisation });
      for (const name of enrolled) {
        roster.putPerson({ id: name, name, groups: [], validFrom: null, validUntil: null });
        for (const [index, vector] of shuffled(population.get(name) ?? [], random)
          .slice(0, photos)
          .entries())
          roster.putPhoto(`${name} ${index}`, name, vector);
      }
      await roster.refreshed();
      for (const [stranger, name] of names.entries()) {
        const own = population.get(name) ?? [];
        if (enrolled.has(name) || own.length === 0) continue;
        for (const { person, distance } of await roster.nearest(
          own[Math.floor(random() * own.length)] as Float32Array,
          GALLERY,
          "cohort",
        ))
          comparisons.push({ person: names.indexOf(person.id), stranger, distance });
      }
      await roster.close();
    }
  }
  return comparisons;
}

interface Photo {
  population: string;
  person: string;
  unit: Float32Array;
}

/**
 * For each population, by how much strangers are nearer to each other who shaped no cohort than people of whom half
 * did.
 */
function unseenNearer({ model }: Model, populations: ReadonlyMap<string, Population>): Map<string, number> {
  const photos = [...populations].flatMap(([population, people]) =>
    [...people].flatMap(([person, vectors]) =>
      vectors
        .slice(0, PHOTOS_OF_PERSON)
        .map((vector): Photo => ({ population, person: `${population} ${person}`, unit: toUnitLength(vector) })),
    ),
  );
  const apart = photos.map(({ unit }) => Float32Array.from(photos, (other) => euclideanDistance(unit, other.unit)));
  const differences = new Map([...populations.keys()].map((name) => [name, [] as number[]]));
  for (let half = 0; half < HALVES; half += 1) {
    const random = seeded(half + 1);
    const seen = new Set(
      [...populations].flatMap(([population, people]) =>
        shuffled([...people.keys()], random)
          .slice(0, people.size >> 1)
          .map((person) => `${population} ${person}`),
      ),
    );
    const shaping = photos.flatMap(({ person }, index) => (seen.has(person) ? [index] : []));
    const cohort = drawRows(photos, apart, shaping, {
      neighbours: COHORT_NEIGHBOURS[model] ?? COHORT_PLAN.neighbours,
      random,
    });
    const crowding = photos.map(({ unit }) =>
      mean(
        cohort
          .map((row) => euclideanDistance(unit, row))
          .sort((a, b) => a - b)
          .slice(0, NEIGHBOURS),
      ),
    );
    for (const population of populations.keys()) {
      const [all, unseen]: [number[], number[]] = [[], []];
      for (const [a, one] of photos.entries()) {
        for (let b = 0; b < a && one.population === population; b += 1) {
          const other = photos[b] as Photo;
          if (other.population !== population || other.person === one.person) continue;
          const distance = (apart[a]?.[b] as number) - ((crowding[a] as number) + (crowding[b] as number)) / 2;
          all.push(distance);
          if (!seen.has(one.person) && !seen.has(other.person)) unseen.push(distance);
        }
      }
      const at = (distances: number[]): number => quantile(Float64Array.from(distances).sort(), RATE_OF_HALF);
      differences.get(population)?.push(at(all) - at(unseen));
    }
  }
  return new Map([...differences].map(([population, each]) => [population, mean(each)]));
}

/** A cohort as the built-in ones were drawn. @param shaping indices of photos */
function drawRows(
  photos: readonly Photo[],
  apart: readonly Float32Array[],
  shaping: readonly number[],
  { neighbours, random }: { neighbours: number; random: () => number },
): Float32Array[] {
  const order = shuffled(shaping, random);
  return Array.from({ length: COHORT_PLAN.rows }, (_, row) => {
    const from = apart[order[row % order.length] as number] as Float32Array;
    const nearest = shaping.toSorted((a, b) => (from[a] as number) - (from[b] as number)).slice(0, neighbours);
    return drawNear(
      nearest.map((index) => (photos[index] as Photo).unit),
      random,
    );
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
