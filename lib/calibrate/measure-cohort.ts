/** d' of photos to the people of a gallery, as face-match compares them. Pure; runs in a worker. */
import { Counter, findOutliers, type Measured, type MeasureTask, NearestPeople } from "./measure";
import { Space, type SpaceTask } from "./space";
import { edgeOf, type Histogram, seeded, trimmed } from "./statistics";

export type CohortTask = SpaceTask & Omit<MeasureTask, "photos">;

/** No d' is below: of embeddings at length 1 R is at most 2. */
const LEAST = -2;

/**
 * Genuine: each photo to the template of that person's other photos. Impostor: each photo, as if it was a stranger's,
 * to the template of
 * each other person.
 */
export function measureCohort(task: CohortTask): Measured {
  const { threshold, maxPairs, seed, maxNearest, maxOutliers } = task;
  const space = new Space(task);
  const { photos, persons } = space;
  const [genuine, impostor] = [new Counter(threshold, LEAST), new Counter(threshold, LEAST)];
  /** Nobody is nearer than where there is no other photo. */
  const own = new Float64Array(photos).fill(-Infinity);
  for (let row = 0; row < photos; row += 1) {
    const distance = space.own(row);
    if (distance === undefined) continue;
    genuine.add(distance);
    own[row] = distance;
  }

  const impostorPairs = photos * Math.max(0, persons - 1);
  const all = impostorPairs <= maxPairs;
  const nearest = new NearestPeople(maxNearest);
  /** A person who is nearer than their own. */
  const other = new Int32Array(photos).fill(-1);
  const bound = own.slice();
  for (let row = 0; row < photos; row += 1) {
    const mine = space.personOf(row);
    for (let person = 0; person < persons; person += 1) {
      if (person === mine) continue;
      const distance = space.other(row, person, all ? Infinity : Math.max(nearest.limit, bound[row] as number));
      if (all) impostor.add(distance);
      if (distance < nearest.limit) nearest.offer({ a: row, b: person, distance }, mine, person);
      if (distance < (bound[row] as number)) [bound[row], other[row]] = [distance, person];
    }
  }
  if (!all) {
    const random = seeded(seed);
    for (let drawn = 0; drawn < maxPairs; drawn += 1) {
      const [row, person] = [Math.floor(random() * photos), Math.floor(random() * persons)];
      if (person !== space.personOf(row)) impostor.add(space.other(row, person));
    }
  }
  const outliers = findOutliers(own, bound, other, threshold);
  const empty = Math.min(leading(genuine.counts), leading(impostor.counts));
  const isNothing = empty === genuine.counts.length;
  const histogram = (counts: Float64Array): Histogram => trimmed(counts.subarray(empty));
  return {
    from: isNothing ? 0 : edgeOf(empty - 1, LEAST),
    genuine: histogram(genuine.counts),
    impostor: histogram(impostor.counts),
    genuineMatches: genuine.matches,
    impostorMatches: impostor.matches,
    impostorPairs,
    // Of the other person the photo that people would compare.
    nearest: nearest.pairs.map(({ a, b, distance }) => ({ a, b: space.nearestRow(a, b), distance })),
    outliers: outliers.slice(0, maxOutliers).map(({ row, other: near, own: distance }) => ({
      row,
      own: distance,
      other: near === null ? null : { row: space.nearestRow(row, near.row), distance: near.distance },
    })),
    outlierCount: outliers.length,
  };
}

/** How many bins are empty before the first that is not. */
function leading(counts: Float64Array): number {
  const first = counts.findIndex((count) => count > 0);
  return first < 0 ? counts.length : first;
}
