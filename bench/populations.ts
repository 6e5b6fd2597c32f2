/**
 * Who is called by a name in galleries of several sizes, for populations apart, through the gallery's own search and
 * decision: by the default (τ follows from how many strangers may get a name), by the model's fixed τ of the
 * cohort-normalised distance, and by that of the Euclidean.
 * In each draw so many people are enrolled, each by so many of their photos; their other photos are the known faces,
 * and one photo of everybody else the strangers.
 */
import type { WantedThreshold } from "../lib/calibrate/wanted";
import { decideBy } from "../lib/match/match";
import { IDENTIFY } from "../lib/match/policy";
import { type MatchOptions, matchOptionsSchema } from "../lib/match/options";
import { ruleOf } from "../lib/match/threshold";
import { count, drawGallery, type Model, type Population, rate, rosterOf, shareOf, type Tallies } from "./population";
import { mean, seeded } from "./statistics";

/** How it is decided. */
const WAYS = ["default", "fixed τ", "Euclidean"] as const;

type Way = (typeof WAYS)[number];

/**
 * Shares of faces that are named; and of pairs of a face and an enrolled person that are within τ: FMR of two people,
 * TMR of one.
 */
type Outcome = Record<"strangers" | "known" | "fmr" | "tmr", Tallies>;

const outcome = (): Outcome => ({ strangers: new Map(), known: new Map(), fmr: new Map(), tmr: new Map() });

/** Of a column. */
const WIDTH = 22;

interface Draw {
  people: number;
  photos: number;
  strangers: number;
  encoder: Model;
  random: () => number;
}

/** τ of the default, and which tail of d' decides. */
type Ruled = Pick<WantedThreshold, "threshold" | "tail" | "own">;

/** One gallery, and everybody else before it. */
async function drawOnce(
  population: Population,
  { people, photos, strangers, encoder, random }: Draw,
  tallies: Record<Way, Outcome>,
): Promise<Ruled> {
  const { enrolled, known, strangers: others } = drawGallery(population, { people, photos }, random);
  const roster = await rosterOf(encoder, enrolled);
  const ways: Record<Way, MatchOptions> = {
    default: matchOptionsSchema.parse({ wanted: strangers }),
    "fixed τ": matchOptionsSchema.parse({ margin: 0 }),
    Euclidean: matchOptionsSchema.parse({ distance: "euclidean", margin: 0 }),
  };
  for (const way of WAYS) {
    for (const { name, vector } of [...known, ...others]) {
      const said = await decideBy(IDENTIFY, vector, roster, { ...ways[way], topK: people });
      // A wrong name is no name for who is known.
      if (enrolled.has(name)) count(tallies[way].known, name, Number(said.name === name));
      else count(tallies[way].strangers, name, Number(said.name !== null));
      const within = said.candidates.filter(({ distance }) => distance <= said.threshold);
      const own = within.some((candidate) => candidate.name === name);
      if (enrolled.has(name)) count(tallies[way].tmr, name, Number(own));
      count(tallies[way].fmr, name, within.length - Number(own), people - Number(enrolled.has(name)));
    }
  }
  const { threshold, wanted } = ruleOf(roster, ways.default);
  await roster.close();
  return { threshold, tail: wanted?.tail ?? "model", own: wanted?.own ?? null };
}

export interface Galleries {
  people: readonly number[];
  photos: readonly number[];
  draws: number;
  /** Of all strangers so many may get a name. */
  strangers: number;
}

/** FMR, and strangers named, by the default: by gallery and population. */
export type Compared = Map<string, Map<string, { fmr: number; strangers: number }>>;

/** Why a gallery of so many people cannot be had; undefined where it can. */
export function lacking(population: Population, people: number, photos: number): string | undefined {
  const able = [...population.values()].filter(({ length }) => length >= photos).length;
  return able >= people
    ? undefined
    : `not measured: ${able} people have ${photos} usable photo${photos === 1 ? "" : "s"}`;
}

/** Prints a row for each gallery, or why there is none. @param compared what the rows of all populations add to */
export async function printGalleries(
  encoder: Model,
  name: string,
  population: Population,
  { people: sizes, photos: counts, draws, strangers }: Galleries,
  compared: Compared,
): Promise<void> {
  const columns = ["FMR", "TMR", ...WAYS.map((way) => `strangers: ${way}`), ...WAYS.map((way) => `known: ${way}`)];
  console.log(`people × photos      τ ${columns.map((column) => column.padStart(WIDTH)).join(" ")}`);
  for (const photos of counts) {
    for (const people of sizes) {
      const size = `${people} × ${photos}`;
      const reason = lacking(population, people, photos);
      if (reason !== undefined) {
        console.log(`${size.padStart(15)} ${reason}`);
        continue;
      }
      const random = seeded(people);
      const tallies: Record<Way, Outcome> = { default: outcome(), "fixed τ": outcome(), Euclidean: outcome() };
      const ruled: Ruled[] = [];
      for (let index = 0; index < draws; index += 1)
        ruled.push(await drawOnce(population, { people, photos, strangers, encoder, random }, tallies));
      const { fmr, tmr, known } = tallies.default;
      compared.set(
        size,
        (compared.get(size) ?? new Map<string, { fmr: number; strangers: number }>()).set(name, {
          fmr: shareOf(fmr),
          strangers: shareOf(tallies.default.strangers),
        }),
      );
      const cells = [
        rate(fmr, 3),
        rate(tmr),
        ...WAYS.map((way) => rate(tallies[way].strangers)),
        ...WAYS.map((way) => rate(tallies[way].known)),
      ];
      const few =
        known.size === 0
          ? `; known not measured: nobody has more than ${photos} usable photo${photos === 1 ? "" : "s"}`
          : ` (${known.size} people known)`;
      const shown = cells.map((cell) => cell.padStart(WIDTH)).join(" ");
      console.log(`${size.padStart(15)} ${tauOf(ruled)} ${shown}${few}${ownOf(ruled)}`);
    }
  }
}

/** Mean over the draws; they differ where the gallery's own people decide. */
function tauOf(ruled: readonly Ruled[]): string {
  return mean(ruled.map(({ threshold }) => threshold)).toFixed(4);
}

/** How much nearer than by the model's tail strangers come by the gallery's own people. */
function ownOf(ruled: readonly Ruled[]): string {
  const own = ruled.flatMap(({ own: each }) => (each === null ? [] : [each.nearer]));
  if (own.length === 0) return "";
  const [least, most] = [Math.min(...own), Math.max(...own)].map((nearer) => nearer.toFixed(3));
  const deciding = ruled.filter(({ tail }) => tail === "gallery").length;
  return `; own tail ${least} to ${most} nearer, it decides in ${deciding} of ${ruled.length} draws`;
}

/** How far populations are apart, by gallery. */
export function printRatios(compared: Compared): void {
  console.log("\nby the default, worst population : best");
  for (const [size, rates] of compared) {
    const of = (what: "fmr" | "strangers", digits: number): string =>
      worstToBest(
        new Map(
          [...rates].filter(([, shares]) => !Number.isNaN(shares[what])).map(([name, shares]) => [name, shares[what]]),
        ),
        digits,
      );
    console.log(`${size.padStart(15)} FMR ${of("fmr", 4)}; strangers ${of("strangers", 2)}`);
  }
}

/** @param rates shares by population */
export function worstToBest(rates: ReadonlyMap<string, number>, digits: number): string {
  const ascending = [...rates].sort(([, a], [, b]) => a - b);
  const [best, worst] = [ascending[0], ascending.at(-1)];
  if (best === undefined || worst === undefined || ascending.length < 2) return "of one population alone";
  const percent = (share: number): string => `${(100 * share).toFixed(digits)} %`;
  const ratio = best[1] === 0 ? "no ratio: the best has none" : `= ${(worst[1] / best[1]).toFixed(1)}`;
  return `${worst[0]} ${percent(worst[1])} : ${best[0]} ${percent(best[1])} ${ratio}`;
}
