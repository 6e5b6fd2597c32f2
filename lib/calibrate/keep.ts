/**
 * Does a gallery work, and what would make it work better? Measured in a worker; plain values: they travel as JSON.
 */
import { z } from "zod";
import type { Comparison, KnownEmbedding } from "../search/known";
import { countSchema } from "../validate";
import { StagePool } from "../workers/pool";
import { countedSchema, type PhotoOf, photoOfSchema } from "./calibration";
import { byPerson, choose, packSpace } from "./calibrate";
import type { Kept, KeepingTask, Outcomes } from "./keeping";
import { shareSchema } from "./figures";
import { errorRate } from "./statistics";

export interface KeepInput {
  embeddings: readonly KnownEmbedding[];
  /** By id of the person. */
  names: ReadonlyMap<string, string>;
  comparison: Comparison;
  /** τ of d'. */
  threshold: number;
  /** As face-match's. */
  margin: number;
  /** Euclidean distance, at length 1, within which two photos of a person are nearly the same. */
  nearDuplicate: number;
}

const triedSchema = shareSchema.nullable().describe("null where there was none to try");
export const worksSchema = z
  .object({ right: triedSchema, wrong: triedSchema, nobody: triedSchema, strangersNamed: triedSchema })
  .meta({ id: "Works" });
/** What became of the probes; each with its 95 % interval. */
export type Works = z.infer<typeof worksSchema>;

const adviceSchema = z
  .enum(["more_photos", "verify", "second_factor"])
  .describe(
    "more_photos: somebody of the two has few; verify and second_factor: what to do where two cannot be told apart",
  );
export type Advice = z.infer<typeof adviceSchema>;

const normalised = z.number().describe("Cohort-normalised, which may be below 0");

const confusedPeopleSchema = z.object({
  a: photoOfSchema,
  b: photoOfSchema,
  distance: normalised.describe("The least of a photo of one to the other"),
  confused: countSchema.describe("Photos of either that are not named rightly since the other is as near"),
  advice: z.array(adviceSchema),
});
export type ConfusedPeople = z.infer<typeof confusedPeopleSchema>;

const proposalSchema = z.object({
  photo: photoOfSchema,
  why: z
    .enum(["confusing", "redundant"])
    .describe(
      "confusing: nearer to somebody else, or far from its own, and without it nothing comes out worse; " +
        "redundant: just the same",
    ),
  beside: photoOfSchema
    .nullable()
    .describe("To whom it is nearer than to its own person, or which photo it nearly repeats"),
  before: worksSchema.describe("On the photos that would be left, and the strangers"),
  after: worksSchema,
});
/** A photo that the gallery would do without. */
export type Proposal = z.infer<typeof proposalSchema>;

export const galleryWorksSchema = z
  .object({
    threshold: normalised.describe("τ"),
    margin: z.number(),
    people: countedSchema,
    photos: countedSchema,
    untested: countSchema.describe("People of one photo, who cannot be tested"),
    now: worksSchema,
    proposals: z.array(proposalSchema),
    together: z.object({ before: worksSchema, after: worksSchema }).nullable().describe("All proposals carried out"),
    pairs: z.array(confusedPeopleSchema),
  })
  .meta({ id: "Trial" });
export type GalleryWorks = z.infer<typeof galleryWorksSchema>;

/** Of so many photos a trial takes a second or two; of more whole people are drawn. */
const MAX_PHOTOS = 1000;
/** Photos tried without, one after the other. */
const MAX_TRIED = 20;
const MAX_PAIRS = 20;
const TIMEOUT_MS = 600_000;
/** A person of fewer gains by more (design: mean of 3 photos instead of 1). */
const ENOUGH_PHOTOS = 3;

const pool = new StagePool<KeepingTask, Kept>(__dirname, "keep-worker", 1);

/** Try the gallery on its own photos and on the strangers who are kept. */
export async function tryGallery(input: KeepInput): Promise<GalleryWorks> {
  const { embeddings, names, comparison, threshold, margin, nearDuplicate } = input;
  const groups = byPerson(embeddings);
  const chosen = choose(groups, MAX_PHOTOS);
  const rows = chosen.flat();
  const bounds = { maxTried: MAX_TRIED, maxPairs: MAX_PAIRS };
  const task = { ...(await packSpace(rows, comparison)), threshold, margin, nearDuplicate, ...bounds };
  pool.acquire();
  let kept: Kept;
  try {
    kept = await pool.run(task, { timeoutMs: TIMEOUT_MS });
  } finally {
    await pool.release();
  }
  const photoOf = (row: number): PhotoOf => {
    const { personId, photoId } = rows[row] as KnownEmbedding;
    return { personId, name: names.get(personId) ?? personId, photoId };
  };
  const effect = ({ before, after }: { before: Outcomes; after: Outcomes }): { before: Works; after: Works } => ({
    before: worksOf(before),
    after: worksOf(after),
  });
  return {
    threshold,
    margin,
    people: { counted: chosen.length, of: groups.length },
    photos: { counted: rows.length, of: embeddings.length },
    untested: kept.untested,
    now: worksOf(kept.now),
    proposals: kept.proposals.map(({ row, why, beside, ...measured }) => ({
      photo: photoOf(row),
      why,
      beside: beside === null ? null : photoOf(beside),
      ...effect(measured),
    })),
    together: kept.together === null ? null : effect(kept.together),
    pairs: kept.pairs.map(({ a, b, rows: [first, second], distance, confused }) => {
      const few = [a, b].some((person) => (chosen[person]?.length ?? 0) < ENOUGH_PHOTOS);
      const advice: Advice[] = [...(few ? (["more_photos"] as const) : []), "verify", "second_factor"];
      return { a: photoOf(first), b: photoOf(second), distance, confused, advice };
    }),
  };
}

function worksOf({ right, wrong, nobody, strangers, named }: Outcomes): Works {
  const tested = right + wrong + nobody;
  return {
    right: errorRate(right, tested),
    wrong: errorRate(wrong, tested),
    nobody: errorRate(nobody, tested),
    strangersNamed: errorRate(named, strangers),
  };
}
