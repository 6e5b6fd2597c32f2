/**
 * Does this gallery work? Each photo is a probe against everybody, its own person made without it, and so are the
 * strangers who are kept.
 * Photos that do harm are those without which these very probes come out better, and those nearer to somebody else,
 * unless the probes come
 * out worse without them; photos that do nothing are those without which nothing changes. By d', as
 * face-match identifies with this τ and margin, but that a rival's cohort has not the probe's own person in it: at
 * most too strict.
 * Pure; runs in a worker.
 */
import { Space, type SpaceTask } from "./space";

export interface KeepingTask extends SpaceTask {
  threshold: number;
  /** How much nearer than the runner-up the nearest person must be. */
  margin: number;
  /** Two photos of a person so near to each other, at length 1, are nearly the same. */
  nearDuplicate: number;
  /** How many photos are tried without, and pairs of people named, at most. */
  maxTried: number;
  maxPairs: number;
}

export interface Outcomes {
  /** Photos that are named rightly, wrongly, and not at all. */
  right: number;
  wrong: number;
  nobody: number;
  /** Strangers who are kept, and how many of them get a name. */
  strangers: number;
  named: number;
}

/** What becomes of one photo that is shown to the gallery. */
interface Trial {
  own: number;
  /** The nearest other person, and their d'; −1 where there is nobody else. */
  rival: number;
  distance: number;
  outcome: "right" | "wrong" | "nobody";
}

export interface RowProposal {
  row: number;
  why: "confusing" | "redundant";
  /** Who it is nearer to than to its own (confusing), or whose photo it nearly repeats: a row. */
  beside: number | null;
  before: Outcomes;
  after: Outcomes;
}

export interface ConfusedPair {
  a: number;
  b: number;
  /** Least d' of a photo of one to the other. */
  distance: number;
  /** A photo of each that shows it. */
  rows: [number, number];
  /** Photos of the two that are taken for the other, or for nobody since the other is as near. */
  confused: number;
}

export interface Kept {
  now: Outcomes;
  /** People of one photo: nothing is left to compare it with. */
  untested: number;
  proposals: RowProposal[];
  /** All proposals carried out, on the photos that are left and the strangers; null without any. */
  together: { before: Outcomes; after: Outcomes } | null;
  pairs: ConfusedPair[];
}

export function keep(task: KeepingTask): Kept {
  const { threshold, maxPairs } = task;
  const space = new Space(task);
  const trials = trialsOf(space, task);
  const now = outcomesOf(trials, strangersNamed(space, task), strangersOf(task));
  const all = Array.from({ length: space.photos }, (_, row) => row);
  let left = all;
  const proposals: RowProposal[] = [];
  for (const { row, why, beside } of suspects(space, trials, task)) {
    const without = left.filter((each) => each !== row);
    // Each of two that are nearly the same is redundant, but not both.
    if (beside !== null && why === "redundant" && !left.includes(beside)) continue;
    // Beside a wrong face of somebody else's a right one may look wrong.
    if (why === "confusing" && proposals.length > 0 && !isDoubtful(trialIn(task, left, row), threshold)) continue;
    const [before, after] = [measured(task, left, without), measured(task, without, without)];
    // A face that is somebody else's is wrong here also where the gallery has set it aside, so that the others lose
    // nothing by it.
    const isWorth =
      why === "redundant"
        ? isSame(before, after)
        : isBetter(before, after) || (beside !== null && isSame(before, after));
    if (!isWorth) continue;
    proposals.push({ row, why, beside, before, after });
    left = without;
  }
  const together =
    proposals.length === 0 ? null : { before: measured(task, all, left), after: measured(task, left, left) };
  const untested = all.filter((row) => space.rowsOf(space.personOf(row)).length === 1).length;
  return { now, untested, proposals, together, pairs: pairsOf(space, trials, threshold).slice(0, maxPairs) };
}

/** Of each photo that can be tested; undefined of the only one of a person. */
function trialsOf(space: Space, { threshold, margin }: KeepingTask): (Trial | undefined)[] {
  return Array.from({ length: space.photos }, (_, row) => {
    const own = space.own(row);
    if (own === undefined) return undefined;
    const [rival, second] = nearestTwo(space.persons, (person) => space.other(row, person), space.personOf(row));
    const distance = rival.distance;
    const [first, behind] = own <= distance ? [own, distance] : [distance, Math.min(own, second)];
    const isNamed = first <= threshold && behind - first >= margin && behind > first;
    return { own, rival: rival.person, distance, outcome: isNamed ? (own < distance ? "right" : "wrong") : "nobody" };
  });
}

function strangersOf({ strangers, dimensions }: SpaceTask): number {
  return strangers.length / Math.max(1, dimensions);
}

function strangersNamed(space: Space, task: KeepingTask): number {
  let named = 0;
  for (let stranger = 0; stranger < strangersOf(task); stranger += 1) {
    const distances = space.strangerDistances(stranger);
    const [first, second] = nearestTwo(space.persons, (person) => distances[person] as number, -1);
    if (first.distance <= task.threshold && second - first.distance >= task.margin) named += 1;
  }
  return named;
}

function nearestTwo(
  persons: number,
  distanceTo: (person: number) => number,
  except: number,
): [{ person: number; distance: number }, number] {
  let [person, distance, second] = [-1, Infinity, Infinity];
  for (let each = 0; each < persons; each += 1) {
    if (each === except) continue;
    const next = distanceTo(each);
    if (next < distance) [person, distance, second] = [each, next, distance];
    else if (next < second) second = next;
  }
  return [{ person, distance }, second];
}

function outcomesOf(trials: readonly (Trial | undefined)[], named: number, strangers: number): Outcomes {
  const count = (outcome: Trial["outcome"]): number => trials.filter((trial) => trial?.outcome === outcome).length;
  return { right: count("right"), wrong: count("wrong"), nobody: count("nobody"), strangers, named };
}

/** What the probes come to in a gallery of some rows. @param probes among them */
function measured(task: KeepingTask, rows: readonly number[], probes: readonly number[]): Outcomes {
  const part = partOf(task, rows);
  const space = new Space(part);
  const shown = new Set(probes);
  const trials = trialsOf(space, part).filter((_, place) => shown.has(rows[place] as number));
  return outcomesOf(trials, strangersNamed(space, part), strangersOf(part));
}

function partOf(task: KeepingTask, rows: readonly number[]): KeepingTask {
  const { vectors, dimensions, people, sure } = task;
  const values = new Float32Array(rows.length * dimensions);
  for (const [place, row] of rows.entries()) {
    values.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), place * dimensions);
  }
  // Nobody is left without a photo, so that their indices stay.
  const pick = (row: number): number => people[row] as number;
  return {
    ...task,
    vectors: values,
    people: Int32Array.from(rows, pick),
    sure: Uint8Array.from(rows, (row) => sure[row] as number),
  };
}

function trialIn(task: KeepingTask, rows: readonly number[], row: number): Trial | undefined {
  const part = partOf(task, rows);
  return trialsOf(new Space(part), part)[rows.indexOf(row)];
}

/** Nearer to somebody else than to its own, or too far from these. */
function isDoubtful(trial: Trial | undefined, threshold: number): boolean {
  return trial !== undefined && (trial.distance < trial.own || trial.own > threshold);
}

/** Photos that may do harm or nothing, the worst first; never the only one, nor what somebody is sure of. */
function suspects(
  space: Space,
  trials: readonly (Trial | undefined)[],
  { sure, nearDuplicate, threshold, maxTried }: KeepingTask,
): Pick<RowProposal, "row" | "why" | "beside">[] {
  const confusing = trials
    .flatMap((trial, row) => {
      if (trial === undefined || sure[row] === 1 || !isDoubtful(trial, threshold)) return [];
      const isNearer = trial.distance < trial.own;
      const beside = isNearer ? space.nearestRow(row, trial.rival) : null;
      return [{ row, why: "confusing" as const, beside, excess: trial.own - Math.min(trial.distance, threshold) }];
    })
    .sort((a, b) => b.excess - a.excess);
  const doubtful = new Set(confusing.map(({ row }) => row));
  const redundant = trials.flatMap((trial, row) => {
    const rows = space.rowsOf(space.personOf(row));
    // Of three one can go: a mean of two is more than one photo twice.
    if (trial === undefined || rows.length < 3 || doubtful.has(row)) return [];
    const beside = rows.find((each) => each < row && !doubtful.has(each) && space.apart(row, each) <= nearDuplicate);
    return beside === undefined ? [] : [{ row, why: "redundant" as const, beside }];
  });
  const listed = [...confusing.map(({ row, why, beside }) => ({ row, why, beside })), ...redundant];
  return listed.slice(0, maxTried);
}

function isBetter(before: Outcomes, after: Outcomes): boolean {
  const noWorse = after.right >= before.right && after.wrong <= before.wrong && after.named <= before.named;
  return noWorse && !isSame(before, after);
}

function isSame(before: Outcomes, after: Outcomes): boolean {
  return after.right === before.right && after.wrong === before.wrong && after.named === before.named;
}

/** People one of whom may be taken for the other, the nearest first. */
function pairsOf(space: Space, trials: readonly (Trial | undefined)[], threshold: number): ConfusedPair[] {
  const pairs = new Map<string, ConfusedPair>();
  for (let row = 0; row < space.photos; row += 1) {
    const person = space.personOf(row);
    const trial = trials[row];
    // The only photo of a person still tells how near somebody else is.
    const [near] = trial === undefined ? nearestTwo(space.persons, (each) => space.other(row, each), person) : [];
    const [rival, distance] = [trial?.rival ?? near?.person ?? -1, trial?.distance ?? near?.distance ?? Infinity];
    const isConfused = trial !== undefined && trial.outcome !== "right" && distance <= threshold;
    if (rival < 0 || !(distance <= threshold)) continue;
    const [a, b] = person < rival ? [person, rival] : [rival, person];
    const key = `${a} ${b}`;
    const pair = pairs.get(key) ?? { a, b, distance: Infinity, rows: [row, row], confused: 0 };
    const beside = space.nearestRow(row, rival);
    if (distance < pair.distance)
      Object.assign(pair, { distance, rows: person === a ? [row, beside] : [beside, row] });
    if (isConfused) pair.confused += 1;
    pairs.set(key, pair);
  }
  return [...pairs.values()].sort((one, other) => one.distance - other.distance);
}
