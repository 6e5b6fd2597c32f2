/** Photos of a person that are left out of their mean: a wrong face, or a very poor one, would pull it away from all others. */
import { euclideanDistance, toUnitLength } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import type { FindingCode } from "./judge";
import type { Photo } from "./people";
import { crowding, neighboursOf, nobodies } from "./search/crowd";
import { type Chunk, FREE } from "./search/scan";

/** One photo of a person. */
export interface OwnPhoto {
  embedding: Float32Array;
  /** Whether somebody said that it is this person all the same: it counts, however far. */
  sure: boolean;
}

/** A photo that is set aside. */
export interface Aside {
  /** d' to the mean of the person's other photos. */
  distance: number;
  /** τ of d'. */
  threshold: number;
  /** A sentence. */
  reason: string;
}

export function asideOf(distance: number, threshold: number): Aside {
  return { distance, threshold, reason: `set aside: farther from their other photos than τ (${distance.toFixed(2)}, τ ${threshold}). It is kept, and nobody is compared with it until somebody says that it is this person.` };
}

/** The finding that somebody accepts who is sure that a photo unlike the others is that person's. */
const SURE = "unlike" satisfies FindingCode;

/** Whether somebody was sure. */
export function isSure({ accepted }: Pick<Photo, "accepted">): boolean {
  return accepted.includes(SURE);
}

export function withSure(photo: Photo, sure: boolean): Photo {
  return { ...photo, accepted: [...photo.accepted.filter((code) => code !== SURE), ...(sure ? [SURE] : [])] };
}

/** Of fewer photos nobody can tell which is the odd one. */
const LEAST_PHOTOS = 3;

/** The mean at length 1 of embeddings, each at length 1. */
export function meanOf(units: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(units[0]?.length ?? 0);
  for (const unit of units) add(sum, unit, 1);
  return toUnitLength(sum);
}

function add(sum: Float32Array, unit: Float32Array, times: number): void {
  for (let axis = 0; axis < sum.length; axis += 1) sum[axis] = (sum[axis] as number) + times * (unit[axis] as number);
}

/** A photo as it is weighed. */
interface Weighed {
  index: number;
  sure: boolean;
  unit: Float32Array;
  /** Half of R, by the built-in cohort alone: what is set aside does not depend on who else is in the gallery. */
  half: number;
}

/**
 * Which photos are set aside, each with its d' to the mean of the others that are used. The farthest goes first, as long as it is beyond τ and
 * fewer than half of all have gone; what is within τ of the mean that is left comes back. What somebody is sure of stays, and turns nobody out:
 * where such photos are among the others, the nearer of two means counts, with them and without.
 * (Of 331 photos of 97 people of LFW, three or more each, MobileFaceNet sets one aside; of 1,247 times that somebody else's photo was put among
 * two to four of theirs, it alone in 1,244.)
 * @param photos always in one order: of two that are equally far the first goes
 * @returns by index
 */
export function setAside(photos: readonly OwnPhoto[], { rows, dimensions, mean, threshold }: Normalisation): Map<number, number> {
  const aside = new Map<number, number>();
  if (photos.length < LEAST_PHOTOS || photos.every(({ sure }) => sure)) return aside;
  const crowd: Chunk = { values: rows, owners: nobodies(rows.length / dimensions), rows: rows.length / dimensions };
  const half = (unit: Float32Array): number => crowding(neighboursOf(crowd, unit), FREE, mean) / 2;
  const weighed = photos.map(({ embedding, sure }, index): Weighed => {
    const unit = toUnitLength(embedding);
    return { index, sure, unit, half: sure ? 0 : half(unit) };
  });
  const apart = (photo: Weighed, others: readonly Float32Array[]): number => Math.min(...others.map((template) => euclideanDistance(photo.unit, template) - photo.half - half(template) + mean));
  let used = weighed;
  const gone: Weighed[] = [];
  while (2 * (gone.length + 1) < photos.length) {
    const farthest = farthestOf(used);
    if (farthest === undefined || apart(farthest.photo, farthest.others) <= threshold) break;
    gone.push(farthest.photo);
    used = used.filter((photo) => photo !== farthest.photo);
  }
  const others = gone.length === 0 ? [] : sumsOf(used).map(toUnitLength);
  for (const photo of gone) {
    const distance = apart(photo, others);
    if (distance > threshold) aside.set(photo.index, distance);
  }
  return aside;
}

/** The sum of all photos, and that of those of which nobody said that they are sure, where it is another. */
function sumsOf(used: readonly Weighed[]): Float32Array[] {
  const unsure = used.filter(({ sure }) => !sure);
  return [used, ...(unsure.length === 0 || unsure.length === used.length ? [] : [unsure])].map((photos) => {
    const sum = new Float32Array(photos[0]?.unit.length ?? 0);
    for (const { unit } of photos) add(sum, unit, 1);
    return sum;
  });
}

/** The photo that is farthest from the means of the others for the place where it lies, and these; none where somebody is sure of all. */
function farthestOf(used: readonly Weighed[]): { photo: Weighed; others: Float32Array[] } | undefined {
  const sums = sumsOf(used);
  // Alone of its kind it is compared with the others only.
  const counted = used.filter(({ sure }) => !sure).length > 1 ? sums : sums.slice(0, 1);
  let most = -Infinity;
  let found: { photo: Weighed; others: Float32Array[] } | undefined;
  for (const photo of used) {
    if (photo.sure) continue;
    const others = counted.map((sum) => {
      const rest = sum.slice();
      add(rest, photo.unit, -1);
      return toUnitLength(rest);
    });
    const distance = Math.min(...others.map((other) => euclideanDistance(photo.unit, other))) - photo.half;
    if (distance > most) [most, found] = [distance, { photo, others }];
  }
  return found;
}
