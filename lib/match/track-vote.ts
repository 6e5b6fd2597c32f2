/**
 * Who a followed face is, by all frames of its track. A frame shows a distance with an error of its own; what is
 * carried over from an earlier
 * frame shows nothing new. So a track counts as frames only those in which the face was embedded anew, each by its
 * weight, and less the
 * sooner it came after the last; the facenet-embed node has fused their embeddings, and what is compared with τ is the
 * distance of the fused
 * one. Where the face came to look otherwise, the fusing began anew: then the distances of before and after are
 * averaged.
 *
 * Somebody is named once their distance is far enough below τ for so many frames (`demandOf`), and keeps the name
 * until the
 * distance is above τ by more than a frame's error. So a stranger whom one frame of many brings below τ is not named,
 * and one poor
 * frame unnames nobody. As in a sequential test the bound is the stricter the fewer frames there are (O'Brien &
 * Fleming 1979, Biometrics 35).
 */
import { euclideanDistance } from "../embed/distance";
import { weightOf } from "../embed/template";
import { cameraOf, type Face, type Frame } from "../message";
import type { DecideContext } from "./match";
import type { MatchOptions } from "./options";
import { type Judge, judgeAlone, marginOf, type Rival, type Standing, tooNear, type Verdict } from "./policy";
import { type Compared, judgedBy } from "./threshold";

/** Tracks remembered, of all sources; of more the one that was silent longest is forgotten. */
const MAX_TRACKS = 512;
/**
 * A track that was silent for longer is forgotten; frames so far apart are of different scenes to the tracker, too.
 */
const SILENCE_MS = 2000;
/** Frames nearer in time than this share their errors (pose, light, expression) and count in part. */
const INDEPENDENT_MS = 250;

/**
 * The error of one good frame's distance, as a part of the model's Euclidean τ: how far it is from where it comes to
 * rest at the end of its
 * track (bench/films; 0.06 with the dlib ResNet, 0.09 with MobileFaceNet) …
 */
const ERROR = 0.08;
/** … and the part of its variance that all frames of a track have in common. */
const COMMON = 0.3;
/**
 * From this weight on a frame is a good one: its error was no less at a larger weight (found as 0.2 of weights by size
 * × sharpness; such frames weigh 0.63 to 0.81 now).
 */
const FULL_WEIGHT = 0.6;
/**
 * A name demands so many errors below τ, from one good frame and from ENOUGH. Less lets more strangers in over a track
 * than a photo does,
 * more keeps people waiting whom a frame alone names (bench/tracks).
 */
const DEMAND = 0.3;
const LEAST_DEMAND = 0.15;
const ENOUGH = 3;
/**
 * A name is kept up to so many errors above τ: 0.4 to 1.3 % of pairs of strangers' films and photos are so near (East
 * and South Asian ones).
 */
const KEEP = 1.25;
/** What was seen before the face came to look otherwise counts no more than so many good frames. */
const PAST = 0.5;
/** Frames count no more than this in all: who has stood there for an hour can still be somebody else now. */
const MOST = 12;
/** Embeddings of a track that are farther apart than this part of the model's Euclidean τ do not look the same. */
const ALIKE = 0.5;
/**
 * A frame of less than this part of the weight of the best one is too poor to take a name away by itself, within this
 * many times KEEP.
 */
const POOR = 0.5;
const EXCUSED = 2;
/** In so many frames somebody else must be the nearest before a track that had a name gets theirs. */
const CHALLENGES = 2;

/** What a face is compared with, and how. */
export interface Question extends Pick<DecideContext, "claim"> {
  gallery: Compared;
  options: Pick<MatchOptions, "distance" | "threshold">;
}

interface Circumstances {
  frame: Frame;
  /** Model, kind of distance and claim: of one nothing is known from another. */
  question: string;
  /** The model's τ of the Euclidean distance. */
  scale: number;
}

/**
 * Frames that show the same look: what they weigh beside others, how many good ones they are worth, and distances by
 * person.
 */
interface Piece {
  weight: number;
  count: number;
  distances: ReadonlyMap<string, number>;
}

interface Ballot {
  question: string;
  threshold: number | undefined;
  /** Of the newest frame. */
  sequence: number;
  seenAt: number;
  /** Of the newest frame in which the face was embedded anew. */
  embeddedAt: number;
  embedding: Float32Array;
  fused: number;
  frames: number;
  /** Whether that was the newest frame of all, and how much it weighs. */
  anew: boolean;
  weight: number;
  /** Of the best frame. */
  best: number;
  past: Piece;
  now: Piece;
  named: string | undefined;
  /** Who was named last, if anybody, and in how many frames somebody else has come nearer since. */
  last: string | undefined;
  challenges: number;
  /** Whether the newest frame was too poor to take the name away; the next one is not excused. */
  excused: boolean;
}

/** How far off the distance of a track may be: the standard error, for so many frames as they count. */
function errorOf(frames: number, scale: number): number {
  return ERROR * scale * Math.sqrt(COMMON + (1 - COMMON) / frames);
}

/** How far below τ a new name must be. */
function demandOf(frames: number, scale: number): number {
  const left = Math.max(0, 1 / Math.sqrt(frames) - 1 / Math.sqrt(ENOUGH)) / (1 - 1 / Math.sqrt(ENOUGH));
  return ERROR * scale * (LEAST_DEMAND + (DEMAND - LEAST_DEMAND) * left);
}

/**
 * How sure it is that more frames would not change what is said, 0..1: Φ(room / error), where room is how far the
 * distance is on its side
 * of τ, or how far the margin is on its side of the one wanted where that is less. It is no probability that it is
 * this person: τ sets that.
 */
export function sureOf(room: number, error: number): number {
  return normal(room / error);
}

/** Φ, to 1e-7 (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.2.17). */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

export class TrackVote {
  /** The one seen last is last. */
  readonly #ballots = new Map<string, Ballot>();

  /** How many tracks are remembered. */
  get size(): number {
    return this.#ballots.size;
  }

  /**
   * Somebody came to the gallery, left it, or is called otherwise: nothing of what was found among the others stays.
   */
  clear(): void {
    this.#ballots.clear();
  }

  /** How a face is judged: one of a photo, or that nobody follows, alone. */
  judgeOf(face: Face, frame: Frame | undefined, { gallery, options, claim }: Question): Judge {
    const { track, embedding } = face;
    if (track === undefined || embedding === undefined || frame === undefined) return judgeAlone;
    const question = JSON.stringify([gallery.model, judgedBy(gallery, options).kind, claim]);
    return (standing) =>
      this.#judge(face, embedding, { frame, question, scale: gallery.thresholdOf("euclidean") }, standing);
  }

  #judge(face: Face, embedding: Float32Array, circumstances: Circumstances, standing: Standing): Verdict {
    const key = `${face.track} ${cameraOf(circumstances.frame)}`;
    const before = this.#recall(key, embedding, circumstances, standing);
    const ballot =
      before === undefined
        ? begin(face, embedding, circumstances, standing)
        : goOn(before, face, embedding, circumstances, standing);
    this.#ballots.delete(key);
    if (standing.rivals.length > 0) this.#ballots.set(key, ballot);
    this.#forget(circumstances.frame.capturedAt);
    return verdictOf(ballot, circumstances.scale, standing);
  }

  /** What is known of the track, if it is still about the same face, and about what is asked. */
  #recall(
    key: string,
    embedding: Float32Array,
    { frame, question, scale }: Circumstances,
    { threshold }: Standing,
  ): Ballot | undefined {
    const known = this.#ballots.get(key);
    if (known === undefined || known.question !== question || known.threshold !== threshold) return undefined;
    const elapsed = frame.capturedAt - known.seenAt;
    if (frame.sequence <= known.sequence || !(elapsed >= 0 && elapsed <= SILENCE_MS)) return undefined;
    return embedding.length === known.embedding.length && euclideanDistance(embedding, known.embedding) <= scale
      ? known
      : undefined;
  }

  #forget(now: number): void {
    for (const [key, { seenAt }] of this.#ballots) {
      // A camera whose clock is behind is not silent: its tracks go when they are too many.
      if (this.#ballots.size <= MAX_TRACKS && !(now - seenAt > SILENCE_MS)) return;
      this.#ballots.delete(key);
    }
  }
}

/** How many good frames a frame of such a weight is worth, over 0 and at most 1. */
function worthOf(weight: number): number {
  return Math.min(1, weight / FULL_WEIGHT);
}

function distancesOf({ rivals }: Standing): Map<string, number> {
  return new Map(rivals.map(({ person, distance }) => [person.id, distance]));
}

function begin(face: Face, embedding: Float32Array, { frame, question }: Circumstances, standing: Standing): Ballot {
  const weight = weightOf(face.quality);
  return {
    question,
    threshold: standing.threshold,
    sequence: frame.sequence,
    seenAt: frame.capturedAt,
    embeddedAt: frame.capturedAt - (carriedAgeOf(face) ?? 0),
    embedding,
    fused: face.fused ?? 1,
    frames: face.fused ?? 1,
    anew: true,
    weight,
    best: weight,
    past: { weight: 0, count: 0, distances: new Map() },
    now: { weight, count: worthOf(weight), distances: distancesOf(standing) },
    named: undefined,
    last: undefined,
    challenges: 0,
    excused: false,
  };
}

function goOn(
  known: Ballot,
  face: Face,
  embedding: Float32Array,
  { frame, scale }: Circumstances,
  standing: Standing,
): Ballot {
  const ballot = { ...known, sequence: frame.sequence, seenAt: frame.capturedAt };
  const fused = face.fused ?? 1;
  // Nothing new; who is in the cohort may have changed what the same shows. A frame in which something was found may
  // have been dropped.
  if (carriedAgeOf(face) !== undefined && fused === known.fused)
    return { ...ballot, anew: false, now: { ...known.now, distances: distancesOf(standing) } };
  const weight = weightOf(face.quality);
  const embeddedAt = frame.capturedAt - (carriedAgeOf(face) ?? 0);
  const alike = euclideanDistance(embedding, known.embedding) <= ALIKE * scale;
  const fresh = alike ? Math.min(1, Math.max(0, embeddedAt - known.embeddedAt) / INDEPENDENT_MS) : 1;
  const goesOn = face.fused !== undefined && fused > known.fused;
  return {
    ...ballot,
    anew: true,
    embeddedAt,
    embedding,
    fused,
    frames: known.frames + (goesOn ? fused - known.fused : fused),
    best: Math.max(known.best, weight),
    past: goesOn ? known.past : joined(known.past, known.now, alike ? MOST : PAST, known.best),
    weight,
    now: {
      weight: weight * fresh + (goesOn ? known.now.weight : 0),
      count: Math.min(MOST, worthOf(weight) * fresh + (goesOn ? known.now.count : 0)),
      distances: distancesOf(standing),
    },
  };
}

/** Two pieces as one, that counts no more than `most` frames, of the weight `best` each. */
function joined(a: Piece, b: Piece, most: number, best: number): Piece {
  const distances = new Map(
    [...a.distances.keys(), ...b.distances.keys()].map((person) => [person, averaged(person, a, b)]),
  );
  return { weight: Math.min(most * best, a.weight + b.weight), count: Math.min(most, a.count + b.count), distances };
}

/** Who was not among the nearest was at least as far away as the last of them. */
function distanceIn({ distances }: Piece, person: string): number {
  return distances.get(person) ?? Math.max(...distances.values());
}

function averaged(person: string, a: Piece, b: Piece): number {
  if (a.distances.size === 0 || a.weight === 0) return distanceIn(b, person);
  if (b.distances.size === 0) return distanceIn(a, person);
  return (a.weight * distanceIn(a, person) + b.weight * distanceIn(b, person)) / (a.weight + b.weight);
}

/** Decides, and notes in the ballot whom. */
function verdictOf(ballot: Ballot, scale: number, { rivals, threshold, leastMargin }: Standing): Verdict {
  const { past, now, frames } = ballot;
  const count = Math.min(MOST, past.count + now.count);
  const ranked = rivals
    .map((rival) => ({ rival, distance: averaged(rival.person.id, past, now) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [first, second] = ranked;
  const alone = judgeAlone({ rivals, threshold, leastMargin });
  if (first === undefined) return alone;
  const { rival, distance } = first;
  const margin = marginOf(rival, second === undefined ? undefined : second.distance - distance);
  const [error, demand] = [errorOf(count, scale), demandOf(count, scale)];
  const wanted = (more: number): boolean => !tooNear(margin, leastMargin + more);
  const keeps =
    ballot.named === rival.person.id &&
    wanted(0) &&
    distance <= threshold + error * KEEP &&
    staysNear(ballot, rival.distance - threshold, rivals[0] === rival ? KEEP * ERROR * scale : 0);
  const nearEnough = distance <= threshold - demand && rival.distance <= threshold;
  const becomes = nearEnough && wanted(demand) && outweighs(ballot, rival);
  ballot.named = keeps || becomes ? rival.person.id : undefined;
  if (ballot.named !== undefined) Object.assign(ballot, { last: ballot.named, challenges: 0 });
  const room = Math.min(threshold - distance, margin === null ? Infinity : margin - leastMargin);
  const verdict = { rival, distance, margin, frames };
  if (keeps || becomes)
    return {
      ...verdict,
      sure: sureOf(room, error),
      reason: alone.rival === rival && alone.reason === "below_threshold" ? "below_threshold" : "track",
    };
  if (distance > threshold)
    return { ...verdict, sure: sureOf(distance - threshold, error), reason: "above_threshold" };
  return { ...verdict, sure: sureOf(-room, error), reason: nearEnough || !wanted(0) ? "margin" : "undecided" };
}

/** Whether a new name stands against the one before: that needs more than one frame. */
function outweighs(ballot: Ballot, { person }: Rival): boolean {
  if (ballot.last === undefined || ballot.last === person.id) return true;
  if (ballot.anew) ballot.challenges += 1;
  return ballot.challenges >= CHALLENGES;
}

/**
 * Whether this frame alone lets the name stand: it is near enough by itself, or the first that is too poor to say
 * otherwise.
 * @param above τ
 * @param bound how far that may be
 */
function staysNear(ballot: Ballot, above: number, bound: number): boolean {
  if (above <= bound) {
    ballot.excused = false;
    return true;
  }
  if (ballot.anew) ballot.excused = !ballot.excused && ballot.weight < POOR * ballot.best;
  return ballot.excused && above <= EXCUSED * bound;
}

/** Messages that were kept since an earlier version have only the name of before. */
export function carriedAgeOf({ carriedAgeMs, carried }: Face): number | undefined {
  return carriedAgeMs ?? carried;
}
