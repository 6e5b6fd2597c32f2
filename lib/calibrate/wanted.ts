/** τ of d' from what is wanted: of all strangers at most such a share gets a name. */
import { trialsFor } from "./statistics";
import { rateAt, type Tail } from "./tail";

/** Of a hundred strangers one, where nobody chose. */
export const USUAL_WANTED = 0.01;

/** How many people there are of whom so many photos count, by number of photos, from 1 on. */
export type PhotoCounts = ReadonlyMap<number, number>;

export interface WantedThreshold {
  /** The share of strangers who may get a name. */
  wanted: number;
  /** τ of d' that came out. */
  threshold: number;
  /** With whom a stranger is compared; in verification it is one. */
  people: number;
  /** Of a person; both are 0 where there is nobody. */
  photos: { least: number; most: number };
  /** Of strangers who get a name at this τ, in the population where most do, and the upper 95 % bound. */
  strangers: { share: number; high: number };
  /** Pairs of different people that it rests on. */
  comparisons: number;
  /** False: it takes more comparisons to support so small a rate; it is extrapolated. */
  supported: boolean;
}

/** τ is kept to so many parts of 1, rounded down. */
const STEPS = 1e4;
/** τ between two steps is not worth more halvings. */
const HALVINGS = 60;

/** False positives among all people: 1 − Π(1 − FMR). Comparisons count as independent, which is at most too strict. */
function falsePositives(tail: Tail, counts: PhotoCounts, threshold: number): { share: number; high: number } {
  let [share, high] = [0, 0];
  for (const [photos, people] of counts) {
    const rate = rateAt(tail, threshold, photos);
    share += people * Math.log1p(-rate.fmr);
    high += people * Math.log1p(-rate.high);
  }
  return { share: -Math.expm1(share), high: -Math.expm1(high) };
}

/**
 * The largest τ at which, by its upper 95 % bound, at most the wanted share of strangers gets a name. It never grows
 * when people or
 * photos are added, nor when fewer strangers are wanted. An empty gallery is judged as one with its first photo.
 * @param wanted above 0 and below 1 @param counts in verification one person alone
 */
export function thresholdFor(wanted: number, tail: Tail, counts: PhotoCounts): WantedThreshold {
  const present = [...counts].filter(([, people]) => people > 0);
  const judged = present.length === 0 ? new Map([[1, 1]]) : new Map(present);
  const [first, last] = [tail.points[0]?.threshold ?? 0, tail.points.at(-1)?.threshold ?? 0];
  let [low, high] = [first, last];
  while (falsePositives(tail, judged, low).high > wanted) low -= last - first;
  if (falsePositives(tail, judged, high).high <= wanted) low = high;
  for (let halving = 0; halving < HALVINGS && high > low; halving += 1) {
    const middle = (low + high) / 2;
    if (falsePositives(tail, judged, middle).high <= wanted) low = middle;
    else high = middle;
  }
  const threshold = Math.floor(low * STEPS + 1e-6) / STEPS;
  const people = [...judged.values()].reduce((sum, count) => sum + count, 0);
  const photos = present.map(([count]) => count);
  const comparisons = tail.populations.reduce((sum, population) => sum + population.comparisons, 0);
  return {
    wanted,
    threshold,
    people: present.length === 0 ? 0 : people,
    photos: {
      least: photos.length === 0 ? 0 : Math.min(...photos),
      most: photos.length === 0 ? 0 : Math.max(...photos),
    },
    strangers: falsePositives(tail, judged, threshold),
    comparisons,
    supported: comparisons >= trialsFor(wanted / people),
  };
}

/** Why τ is what it is, as a sentence. */
export function whyOf({
  wanted,
  threshold,
  people,
  photos: { least, most },
  strangers,
  comparisons,
  supported,
}: WantedThreshold): string {
  const photos = least === most ? `${least} photo${least === 1 ? "" : "s"}` : `${least} to ${most} photos`;
  const whom =
    people === 0
      ? "nobody enrolled yet"
      : `${people.toLocaleString("en")} ${people === 1 ? "person" : "people"} by ${photos}`;
  const beyond = supported ? "" : "; these support no rate so small: beyond them it is extrapolated";
  return (
    `1 in ${Number((1 / wanted).toPrecision(3)).toLocaleString("en")} strangers, ${whom}: τ ${threshold} ` +
    `(expected ${percent(strangers.share)} %, upper 95 % bound ${percent(strangers.high)} %, from ` +
    `${comparisons.toLocaleString("en")} comparisons of different people${beyond})`
  );
}

const percent = (share: number): string => String(Number((100 * share).toPrecision(2)));
