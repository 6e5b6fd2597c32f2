/** τ of d' from what is wanted: of all strangers at most such a share gets a name. */
import { z } from "zod";
import { fixed, percent, percentAtMost } from "../format";
import { countSchema } from "../validate";
import { type OwnTail, ownTailSchema } from "./figures";
import { sum, trialsFor } from "./statistics";
import { rateAt, type Tail } from "./tail";
import { phrase, render, type Sentence } from "../words/sentence";

/** Of a hundred strangers one, where nobody chose. */
export const USUAL_WANTED = 0.01;

/** How many people there are of whom so many photos count, by number of photos, from 1 on. */
export type PhotoCounts = ReadonlyMap<number, number>;

export const wantedThresholdSchema = z
  .object({
    wanted: z.number().describe("The share of strangers who may get a name"),
    threshold: z
      .number()
      .describe(
        "τ of d' that came out: the largest at which the upper 95 % bound of strangers with a name is what is wanted",
      ),
    people: countSchema.describe("With whom a stranger is compared; in verification it is one"),
    photos: z.object({ least: countSchema, most: countSchema }).describe("Of a person"),
    strangers: z
      .object({ share: z.number(), high: z.number().describe("Upper 95 % bound") })
      .describe("Of strangers who get a name at this τ, in the population where most do"),
    tail: z
      .enum(["model", "gallery"])
      .describe("Which tail of d' decides, the heavier of both: the model's, or that of this gallery's own people"),
    comparisons: countSchema.describe("Pairs of different people whom that tail was measured on"),
    own: ownTailSchema
      .nullable()
      .describe("What the gallery's people, and the strangers kept, say; null where they are too few"),
    supported: z.boolean().describe("false: so small a rate takes more comparisons; it is extrapolated"),
  })
  .meta({ id: "WantedThreshold" });
export type WantedThreshold = z.infer<typeof wantedThresholdSchema>;

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
 * when people or photos are added, nor when fewer strangers are wanted. An empty gallery is judged as one with its
 * first photo.
 * @param wanted above 0 and below 1 @param model the tail of the model's d' @param counts in verification one person
 * alone @param own where strangers come nearer by it than by the model's tail, τ is as much less: from there on both
 * fall alike
 */
export function thresholdFor(wanted: number, model: Tail, counts: PhotoCounts, own?: OwnTail): WantedThreshold {
  const nearer = Math.max(0, own?.nearer ?? 0);
  const points = model.points.map((point) => ({ ...point, threshold: point.threshold - nearer }));
  const tail = { ...model, points };
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
  const people = sum([...judged.values()]);
  const photos = present.map(([count]) => count);
  const decided =
    own !== undefined && nearer > 0
      ? ({ tail: "gallery", comparisons: own.comparisons } as const)
      : ({ tail: "model", comparisons: sum(model.populations.map(({ comparisons }) => comparisons)) } as const);
  return {
    wanted,
    threshold,
    people: present.length === 0 ? 0 : people,
    photos: {
      least: photos.length === 0 ? 0 : Math.min(...photos),
      most: photos.length === 0 ? 0 : Math.max(...photos),
    },
    strangers: falsePositives(tail, judged, threshold),
    ...decided,
    own: own ?? null,
    supported: decided.comparisons >= trialsFor(wanted / people),
  };
}

/** Why τ is what it is. */
export function reasonOfThreshold({
  wanted,
  threshold,
  people,
  photos: { least, most },
  strangers,
  tail,
  comparisons,
  own,
  supported,
}: WantedThreshold): Sentence {
  const photos =
    least !== most
      ? phrase("calibrate.photosBetween", { least, most })
      : phrase(least === 1 ? "calibrate.photo" : "calibrate.photos", { photos: least });
  const whom =
    people === 0
      ? phrase("calibrate.nobody")
      : phrase(people === 1 ? "calibrate.personBy" : "calibrate.peopleBy", { people: grouped(people), photos });
  const count = grouped(comparisons);
  const from =
    tail === "gallery"
      ? phrase("calibrate.fromGallery", { comparisons: count, nearer: fixed(own?.nearer ?? 0, 3) })
      : own === null
        ? phrase("calibrate.fromModel", { comparisons: count })
        : phrase("calibrate.fromModelAlso", { comparisons: count, own: grouped(own.comparisons) });
  return phrase("calibrate.why", {
    strangers: grouped(Number((1 / wanted).toPrecision(3))),
    whom,
    threshold,
    expected: percent(strangers.share),
    bound: percentAtMost(strangers.high),
    from: supported ? from : phrase("calibrate.extrapolated", { from }),
  });
}

/** The same in English. */
export function whyOf(wanted: WantedThreshold): string {
  return render(reasonOfThreshold(wanted), "en-US");
}

const grouped = (number: number): string => number.toLocaleString("en");
