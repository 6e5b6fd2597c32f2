/**
 * Several photos of a person enrolled: is a probe better compared with the nearest of them, as the gallery does, or
 * with one template,
 * the mean of them, plain or weighted by quality?
 */
import sharp from "sharp";
import { shuffled } from "../lib/calibrate/statistics";
import { euclideanDistance } from "../lib/embed/distance";
import { createEncoder } from "../lib/enrol/encoder";
import { Template, weightOf } from "../lib/embed/template";
import { encodePhoto, readable, readFolders } from "./photos";
import { byGroups, byPerson, equalErrorRate, operatingPoint, seeded } from "./statistics";

export interface TemplatePhoto {
  person: string;
  /** Undefined where no usable face was found; such a photo is not enrolled, and as a probe it matches nobody. */
  embedding: Float32Array | undefined;
  /** How much it counts in a weighted mean, over 0 and at most 1. */
  weight: number;
}

interface Enrolled {
  embedding: Float32Array;
  weight: number;
}

/** What a probe is compared with; the nearest counts. */
type Way = (enrolled: readonly Enrolled[]) => Float32Array[];

export const WAYS = {
  "nearest of the photos": (enrolled) => enrolled.map(({ embedding }) => embedding),
  mean: (enrolled) => [fuse(enrolled, () => 1)],
  "mean by size, sharpness, pose": (enrolled) => [fuse(enrolled, ({ weight }) => weight)],
} as const satisfies Record<string, Way>;

function fuse([first, ...rest]: readonly Enrolled[], weight: (photo: Enrolled) => number): Float32Array {
  const start = first as Enrolled;
  return rest.reduce(
    (template, photo) => template.with(photo.embedding, weight(photo)),
    Template.of(start.embedding, weight(start)),
  ).mean;
}

/** Who is enrolled by which photos, by index. */
export type Enrolment = ReadonlyMap<string, readonly number[]>;

/** So many random photos of each person who has more of them are enrolled: one probe must be left. */
export function drawEnrolments(photos: readonly TemplatePhoto[], count: number, draws: number, seed = 1): Enrolment[] {
  const random = seeded(seed);
  const usable = byPerson(photos.map(({ person }) => person)).map((group) =>
    group.filter((index) => photos[index]?.embedding !== undefined),
  );
  const able = usable.filter((group) => group.length > count);
  return Array.from(
    { length: draws },
    () =>
      new Map(
        able.map((group) => [
          (photos[group[0] as number] as TemplatePhoto).person,
          shuffled(group, random).slice(0, count),
        ]),
      ),
  );
}

interface Trial {
  person: string;
  /** To the person's own photos or template. */
  distance: number;
  /** Whether nobody else is as near. */
  first: boolean;
}

export interface Compared {
  /** In the order of draws and probes, the same for every way. */
  genuine: Trial[];
  /** Ascending. */
  impostor: Float32Array;
}

/** Every photo that is not enrolled, against everybody who is. */
export function compareProbes(photos: readonly TemplatePhoto[], enrolments: readonly Enrolment[], way: Way): Compared {
  const genuine: Trial[] = [];
  const impostor: number[] = [];
  for (const enrolment of enrolments) {
    const taken = new Set([...enrolment.values()].flat());
    const gallery = [...enrolment].map(([person, indices]) => ({
      person,
      templates: way(indices.map((index) => photos[index] as Enrolled)),
    }));
    photos.forEach(({ person, embedding }, index) => {
      if (taken.has(index)) return;
      let [own, others]: [number | undefined, number] = [undefined, Infinity];
      for (const { person: enrolled, templates } of gallery) {
        const distance =
          embedding === undefined
            ? Infinity
            : Math.min(...templates.map((template) => euclideanDistance(embedding, template)));
        if (enrolled === person) own = distance;
        else {
          impostor.push(distance);
          others = Math.min(others, distance);
        }
      }
      if (own !== undefined) genuine.push({ person, distance: own, first: own < others });
    });
  }
  return { genuine, impostor: Float32Array.from(impostor).sort() };
}

const COUNTS = [3, 5] as const;
const FMRS = [0.01, 0.001] as const;
const DRAWS = 20;
/** Of how photos are spoiled. */
const SEED = 1;

const percent = (share: number): string => (100 * share).toFixed(2);
const signed = (points: number): string => `${points < 0 ? "−" : "+"}${(100 * Math.abs(points)).toFixed(2)}`;

/** Print the tables. @param root a folder with a folder of photos for each person */
export async function compareTemplates(root: string): Promise<void> {
  console.log(
    `\nSeveral photos enrolled, ${DRAWS} draws; probes are all other photos. In brackets 95 % intervals by ` +
      "people; the difference is in points to the nearest of as many photos, on the same probes: one that holds " +
      "0 is noise. Each way has a τ of its own.",
  );
  for (const spoiled of [false, true]) {
    const photos = await encodeAll(root, spoiled);
    const weights = photos
      .flatMap(({ embedding, weight }) => (embedding === undefined ? [] : [weight]))
      .sort((a, b) => a - b);
    const what = spoiled
      ? "All photos spoiled, each by chance: turned, smaller, darker, softer, recompressed"
      : "The photos as they are";
    console.log(
      `${what}: ${photos.length - weights.length} of ${photos.length} without a usable face, weights ` +
        `${[0, weights.length >> 1, weights.length - 1].map((at) => weights[at]?.toFixed(2)).join(", ")} ` +
        "(least, median, most).",
    );
    for (const count of COUNTS) printTable(photos, count);
  }
}

function printTable(photos: readonly TemplatePhoto[], count: number): void {
  const enrolments = drawEnrolments(photos, count, DRAWS);
  const compared = Object.entries(WAYS).map(([name, way]) => ({ name, ...compareProbes(photos, enrolments, way) }));
  const base = compared[0] as Compared;
  if (base.genuine.length === 0) {
    console.log(`${count} photos: nobody has more with a usable face.`);
    return;
  }
  const heading = `${count} photos of ${enrolments[0]?.size} people`;
  console.log(
    `${heading.padEnd(32)} EER % ${"rank-1 %".padStart(23)} ` +
      FMRS.map((fmr) => `| ${`TMR@${100 * fmr} %`.padStart(23)} ${"difference".padStart(22)}     τ `).join(""),
  );
  for (const now of compared) {
    const distances = Float32Array.from(now.genuine, ({ distance }) => distance).sort();
    const rank = withInterval(now.genuine, ({ first }) => Number(first));
    console.log(
      `${`  ${now.name}`.padEnd(32)} ${percent(equalErrorRate(distances, now.impostor).eer).padStart(5)} ` +
        rank.padStart(23),
      FMRS.map((fmr) => operating(now, base, fmr)).join(" "),
    );
  }
  console.log(
    `  ${base.genuine.length.toLocaleString("en")} genuine and ${base.impostor.length.toLocaleString("en")} ` +
      "impostor comparisons, of the same photos again and again",
  );
}

/** TMR of one way at an FMR, and how it differs from the other's on the same probes. */
function operating(now: Compared, base: Compared, fmr: number): string {
  const [tau, before] = [operatingPoint(now.impostor, fmr).threshold, operatingPoint(base.impostor, fmr).threshold];
  const tmr = withInterval(now.genuine, ({ distance }) => Number(distance <= tau));
  const difference = withInterval(
    now.genuine,
    ({ distance }, index) => Number(distance <= tau) - Number((base.genuine[index] as Trial).distance <= before),
    signed,
  );
  return `| ${tmr.padStart(23)} ${difference.padStart(22)} ${tau.toFixed(3)}`;
}

/** The mean of what each trial scores, with its interval by people. */
function withInterval(
  trials: readonly Trial[],
  score: (trial: Trial, index: number) => number,
  format = percent,
): string {
  const groups = new Map<string, { hits: number; total: number }>();
  trials.forEach((trial, index) => {
    const { hits, total } = groups.get(trial.person) ?? { hits: 0, total: 0 };
    groups.set(trial.person, { hits: hits + score(trial, index), total: total + 1 });
  });
  const people = [...groups.values()];
  const { low, high } = byGroups(people);
  const share = people.reduce((sum, { hits }) => sum + hits, 0) / trials.length;
  return `${format(share)} [${format(low)}, ${format(high)}]`;
}

async function encodeAll(root: string, spoiled: boolean): Promise<TemplatePhoto[]> {
  const encoder = await createEncoder({});
  const random = seeded(SEED);
  try {
    const photos: TemplatePhoto[] = [];
    for (const { person, bytes } of await readable(readFolders(root))) {
      const face = await encodePhoto(encoder, spoiled ? await spoil(bytes, random) : bytes);
      photos.push({ person, embedding: face?.embedding, weight: weightOf(face?.quality) });
    }
    return photos;
  } finally {
    await encoder.close();
  }
}

/**
 * A photo made worse by chance, as a camera's are: weights have something to weigh only where photos differ in
 * quality.
 */
async function spoil(bytes: Buffer, random: () => number): Promise<Buffer> {
  const { width } = await sharp(bytes).metadata();
  const turned = await sharp(bytes)
    .rotate(16 * random() - 8, { background: "#556070" })
    .resize(Math.round(width * (0.75 + 0.25 * random())))
    .png()
    .toBuffer();
  return sharp(turned)
    .linear(0.5 + 0.5 * random())
    .blur(0.3 + 1.5 * random() ** 2)
    .jpeg({ quality: Math.round(40 + 50 * random()) })
    .toBuffer();
}
