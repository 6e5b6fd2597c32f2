/**
 * Photos of a person that are left out of their mean: a wrong face, or a very poor one, would pull it away from all
 * others.
 */
import { distanceText } from "../format";
import { dotOf, euclideanDistance, toUnitLength } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import type { Aside } from "./entries";
import { halfBy } from "./crowd";
import { type Language, phrase, render } from "../words/sentence";

/** One photo of a person. */
export interface OwnPhoto {
  embedding: Float32Array;
  /** Whether somebody said that it is this person all the same: it counts, however far. */
  sure: boolean;
}

export function asideOf(distance: number, threshold: number, language: Language = "en-US"): Aside {
  const reason = phrase("search.aside", { distance: distanceText(distance), threshold });
  return { distance, threshold, reason: render(reason, language) };
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
export interface Weighed {
  index: number;
  sure: boolean;
  unit: Float32Array;
  /** Half of R, by the built-in cohort alone: what is set aside does not depend on who else is in the gallery. */
  half: number;
}

/** Whether any photo of a person could be set aside. */
export function canSetAside(photos: readonly OwnPhoto[]): boolean {
  return photos.length >= LEAST_PHOTOS && !photos.every(({ sure }) => sure);
}

/** Photos at length 1. @param halfOf ½ R of one */
export function weigh(
  photos: readonly OwnPhoto[],
  units: readonly Float32Array[],
  halfOf: (unit: Float32Array, index: number) => number,
): Weighed[] {
  return photos.map(({ sure }, index) => {
    const unit = units[index] as Float32Array;
    return { index, sure, unit, half: sure ? 0 : halfOf(unit, index) };
  });
}

/** d' of a photo to the nearer of some means. @param halfOf ½ R of a mean */
export function distanceTo(
  photo: Weighed,
  others: readonly Float32Array[],
  mean: number,
  halfOf: (other: Float32Array, index: number) => number,
): number {
  return Math.min(
    ...others.map((other, index) => euclideanDistance(photo.unit, other) - photo.half - halfOf(other, index) + mean),
  );
}

/**
 * Which photos are set aside, each with its d' to the mean of the others that are used. The farthest goes first, as
 * long as it is beyond τ and
 * fewer than half of all have gone; what is within τ of the mean that is left comes back. What somebody is sure of
 * stays, and turns nobody out:
 * where such photos are among the others, the nearer of two means counts, with them and without.
 * (Of 331 photos of 97 people of LFW, three or more each, MobileFaceNet sets one aside; of 1,247 times that somebody
 * else's photo was put among
 * two to four of theirs, it alone in 1,244.)
 * @param photos always in one order: of two that are equally far the first goes
 * @returns by index
 */
export function setAside(photos: readonly OwnPhoto[], normalisation: Normalisation): Map<number, number> {
  return canSetAside(photos)
    ? setAsideOf(
        weigh(
          photos,
          photos.map(({ embedding }) => toUnitLength(embedding)),
          halfBy(normalisation),
        ),
        normalisation,
      )
    : new Map();
}

/** As `setAside`. @param weighed of photos of which one could be */
export function setAsideOf(weighed: readonly Weighed[], normalisation: Normalisation): Map<number, number> {
  const { mean, threshold } = normalisation;
  const half = halfBy(normalisation);
  const aside = new Map<number, number>();
  let used = weighed;
  const gone: Weighed[] = [];
  while (2 * (gone.length + 1) < weighed.length) {
    const farthest = farthestOf(used);
    if (farthest === undefined || distanceTo(farthest.photo, farthest.others, mean, half) <= threshold) break;
    gone.push(farthest.photo);
    used = used.filter((photo) => photo !== farthest.photo);
  }
  const others = gone.length === 0 ? [] : sumsOf(used).map(toUnitLength);
  for (const photo of gone) {
    const distance = distanceTo(photo, others, mean, half);
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

/**
 * The photo that is farthest from the means of the others for the place where it lies, and these; none where somebody
 * is sure of all.
 */
export function farthestOf(used: readonly Weighed[]): { photo: Weighed; others: Float32Array[] } | undefined {
  const sums = sumsOf(used);
  // Alone of its kind it is compared with the others only.
  const counted = used.filter(({ sure }) => !sure).length > 1 ? sums : sums.slice(0, 1);
  const lengths = counted.map((sum) => dotOf(sum, sum));
  let most = -Infinity;
  let found: Weighed | undefined;
  for (const photo of used) {
    if (photo.sure) continue;
    // Of the rest without the photo, r = s − x with x of length 1: r·x = s·x − 1, and r·r = s·s − 2 s·x + 1.
    const squares = counted.map((sum, index) => {
      const along = dotOf(sum, photo.unit);
      return 2 - (2 * (along - 1)) / Math.sqrt(Math.max((lengths[index] as number) - 2 * along + 1, Number.MIN_VALUE));
    });
    const distance = Math.sqrt(Math.max(0, Math.min(...squares))) - photo.half;
    if (distance > most) [most, found] = [distance, photo];
  }
  if (found === undefined) return undefined;
  const { unit } = found;
  const others = counted.map((sum) => {
    const rest = sum.slice();
    add(rest, unit, -1);
    return toUnitLength(rest);
  });
  return { photo: found, others };
}
