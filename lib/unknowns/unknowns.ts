/**
 * Strangers, grouped as they are seen: whose visits belong together? In memory; what is worth keeping goes out as
 * records.
 */
import { randomBytes } from "node:crypto";
import { euclideanDistance } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import type { Quality } from "../message";
import { MAX_EXPOSURE, MIN_EXPOSURE, MIN_SIZE } from "../enrol/judge";
import type { UnknownGroup } from "../people/people";
import { type Measure, measureOf } from "../search/crowd";

export interface UnknownsOptions {
  /** Of the embeddings that are offered; groups of another fingerprint are kept but never compared. */
  model: string;
  fingerprint: string;
  /** τ of the model's Euclidean distance. */
  threshold: number;
  /** With it d' decides whose visits belong together, and its τ. */
  normalisation?: Normalisation | undefined;
  maxGroups?: number;
  /** How long a stranger is kept after they were last seen, in ms. */
  retentionMs?: number;
  /** Called when a stranger came or went. */
  onChange?: () => void;
}

/** A face that matched nobody. */
export interface Sighting {
  embedding: Float32Array;
  /** Undefined where it was not measured; such a face opens no group. */
  quality: Quality | undefined;
  /** Milliseconds since the epoch. */
  at: number;
  /** Names the camera. */
  source: string;
}

export interface Offered {
  /** The group as it is now; never changed afterwards. */
  group: UnknownGroup;
  isNew: boolean;
  /** The first sighting of a visit, also of the first one. */
  newVisit: boolean;
  /** Whether a picture of this sighting is worth keeping; the record of the store counts it once it is. */
  wantsPicture: boolean;
  /** Whether the group is worth writing to disk: not for every frame. */
  changed: boolean;
  /** Ids of groups that made room. */
  evicted: string[];
}

const MAX_GROUPS = 100;
const RETENTION_MS = 7 * 24 * 3600_000;
/** A visit ends when the stranger was not seen for so long. */
export const VISIT_GAP_MS = 60_000;
/** While somebody stays, `lastSeenAt` goes to disk so often. */
const SAVE_EVERY_MS = 60_000;

/**
 * Farthest from the nearest embedding of a group to belong to it, as a share of τ. A sighting is compared with up to
 * 500 embeddings,
 * so it must be stricter than τ. By d', photos in 20 random orders (people, photos: groups, of these such of several
 * people; pairs of strangers
 * that are near enough):
 *   MobileFaceNet  LFW 10, 100: 11.0, 0; 0 of 4,500.  265, 464: 287, 0; 0 of 107,158.  East Asian 90, 139: 93, 1; 1 of
 * 9,524.  South Asian 151, 151: 150, 1; 1 of 11,325
 *   dlib           LFW 10, 100: 15.6, 0; 0.           265, 464: 314, 0.6; 1.           East Asian 90, 139: 116, 1; 1.
 *        South Asian 151, 151: 150, 1; 1
 * (the one pair is the same with both: most likely one person under two names). At 0.9 it is 5 and 6 of 107,158 pairs,
 * so that one share suits
 * both networks. By Euclidean distance, which the original's network is compared by, dlib's joins 7.4 % of the East
 * Asian pairs.
 */
export const JOIN = 0.85;
/** Whether two faces are near enough to be one stranger's: by d' where there is a cohort. */
export function oneStranger({
  threshold,
  normalisation,
}: Pick<UnknownsOptions, "threshold" | "normalisation">): (a: Float32Array, b: Float32Array) => boolean {
  const measure = measureOf(normalisation);
  const bound = JOIN * (normalisation?.threshold ?? threshold);
  return (a, b) => measure(a, b) <= bound;
}

/**
 * An embedding is kept beside the others of its group when it is at least so far from each of them, as a share of τ:
 * another look.
 */
const DIVERSE = 0.5;
const MAX_VECTORS = 5;
export const MAX_PICTURES = 3;

/**
 * What opens a group must be better than what is recognized: one blurred face would gather others. 85 of 100 LFW
 * photos are as good.
 */
const OPEN_BLUR = 10;
const OPEN_DEGREES = 30;

/** What is known of a group beyond its record. */
interface Live {
  record: UnknownGroup;
  /** The last sighting, to tell two faces of one picture. */
  source: string;
  at: number;
  /** How many pictures were asked for. */
  asked: number;
  savedAt: number;
}

export class Unknowns {
  readonly #options: Required<Omit<UnknownsOptions, "normalisation">>;
  /** Who is who. */
  readonly #measure: Measure;
  /** Farthest from the nearest embedding of a group to belong to it. */
  readonly #join: number;
  readonly #groups = new Map<string, Live>();

  /** @param records as they were kept; what is too old or too much goes with the first call of expired */
  constructor({ normalisation, ...options }: UnknownsOptions, records: readonly UnknownGroup[] = []) {
    this.#options = { maxGroups: MAX_GROUPS, retentionMs: RETENTION_MS, onChange: () => undefined, ...options };
    this.#measure = measureOf(normalisation);
    this.#join = JOIN * (normalisation?.threshold ?? options.threshold);
    this.meet(records);
  }

  /** Groups that others made; those that are here already stay as they are. */
  meet(records: readonly UnknownGroup[]): void {
    for (const record of records)
      if (!this.#groups.has(record.id))
        this.#groups.set(record.id, {
          record,
          source: "",
          at: NaN,
          asked: record.pictures,
          savedAt: record.lastSeenAt,
        });
    if (records.length > 0) this.#options.onChange();
  }

  /** As the store has a group now. Whose sightings are newer here keeps them. */
  follow(record: UnknownGroup): void {
    const live = this.#groups.get(record.id);
    if (live === undefined) this.meet([record]);
    else {
      const { beside: _before, ...now } = live.record;
      const beside = record.beside === undefined ? {} : { beside: record.beside };
      live.record = { ...now, pictures: record.pictures, ...beside };
    }
  }

  /** Last seen first. */
  get records(): UnknownGroup[] {
    return [...this.#groups.values()].map(({ record }) => record).sort((a, b) => b.lastSeenAt - a.lastSeenAt);
  }

  /** Id of the group whose stranger a face is, if any. */
  groupOf(embedding: Float32Array): string | undefined {
    const { live, distance } = this.#nearest({ embedding, quality: undefined, at: NaN, source: "" });
    return distance <= this.#join ? live?.record.id : undefined;
  }

  record(id: string): UnknownGroup | undefined {
    return this.#groups.get(id)?.record;
  }

  /**
   * A stranger was seen. Cheap enough for every face of every frame.
   * @returns their group, or undefined when they are in none and the face is too poor to open one
   * @throws a sentence when the embedding is of another length than the others of its fingerprint, or holds a NaN
   */
  offer(sighting: Sighting): Offered | undefined {
    const { live, distance } = this.#nearest(sighting);
    if (live !== undefined && distance <= this.#join) return this.#joined(live, sighting);
    return isGood(sighting.quality) ? this.#open(sighting) : undefined;
  }

  /** @returns the record with it, or undefined when there is none */
  putBeside(id: string, beside: UnknownGroup["beside"]): UnknownGroup | undefined {
    const live = this.#groups.get(id);
    if (live === undefined) return undefined;
    const { beside: _before, ...record } = live.record;
    live.record = { ...record, ...(beside === undefined ? {} : { beside }) };
    return live.record;
  }

  /** Named, ignored or deleted. */
  remove(id: string): boolean {
    const there = this.#groups.delete(id);
    if (there) this.#options.onChange();
    return there;
  }

  /**
   * Let go of whom nobody has seen for long, and of what is too much.
   * @returns their ids, for the records to be deleted
   */
  expired(now: number): string[] {
    const old = [...this.#groups]
      .filter(([, { record }]) => now - record.lastSeenAt > this.#options.retentionMs)
      .map(([id]) => id);
    for (const id of old) this.#groups.delete(id);
    const gone = [...old, ...this.#shrinkTo(this.#options.maxGroups)];
    if (gone.length > 0) this.#options.onChange();
    return gone;
  }

  #nearest(sighting: Sighting): { live: Live | undefined; distance: number } {
    const nearest: { live: Live | undefined; distance: number } = { live: undefined, distance: Infinity };
    for (const live of this.#groups.values()) {
      const { vectors, fingerprint } = live.record;
      if (fingerprint !== this.#options.fingerprint) continue;
      // Of another length: nobody can say whose.
      if (vectors.some(({ length }) => length !== sighting.embedding.length)) continue;
      const distance = apart(this.#measure, sighting.embedding, vectors);
      // Two faces of one picture are two people, unless they are two boxes around one face.
      if (
        live.source === sighting.source &&
        live.at === sighting.at &&
        apart(euclideanDistance, sighting.embedding, vectors) > DIVERSE * this.#options.threshold
      )
        continue;
      if (distance < nearest.distance) Object.assign(nearest, { live, distance });
    }
    return nearest;
  }

  #open({ embedding, at, source }: Sighting): Offered {
    const { model, fingerprint, maxGroups } = this.#options;
    const evicted = this.#shrinkTo(maxGroups - 1);
    const record: UnknownGroup = {
      id: randomBytes(6).toString("hex"),
      firstSeenAt: at,
      lastSeenAt: at,
      visits: 1,
      model,
      fingerprint,
      vectors: [embedding.slice()],
      pictures: 0,
    };
    this.#groups.set(record.id, { record, source, at, asked: 1, savedAt: at });
    this.#options.onChange();
    return { group: record, isNew: true, newVisit: true, wantsPicture: true, changed: true, evicted };
  }

  #joined(live: Live, { embedding, quality, at, source }: Sighting): Offered {
    const { record } = live;
    const good = isGood(quality);
    const newVisit = at - record.lastSeenAt > VISIT_GAP_MS;
    const differs =
      good &&
      record.vectors.length < MAX_VECTORS &&
      apart(euclideanDistance, embedding, record.vectors) >= DIVERSE * this.#options.threshold;
    const wantsPicture = good && (newVisit || differs) && live.asked < MAX_PICTURES;
    const changed = newVisit || differs || at - live.savedAt >= SAVE_EVERY_MS;
    // Another camera's clock may be behind.
    const lastSeenAt = Math.max(record.lastSeenAt, at);
    live.record = {
      ...record,
      lastSeenAt,
      visits: record.visits + (newVisit ? 1 : 0),
      vectors: differs ? [...record.vectors, embedding.slice()] : record.vectors,
    };
    Object.assign(live, { source, at });
    if (wantsPicture) live.asked += 1;
    if (changed) live.savedAt = lastSeenAt;
    return { group: live.record, isNew: false, newVisit, wantsPicture, changed, evicted: [] };
  }

  /** Who came least often goes first, of them who was away longest. @returns ids */
  #shrinkTo(count: number): string[] {
    const surplus = this.#groups.size - count;
    if (surplus <= 0) return [];
    const ids = [...this.#groups.values()]
      .map(({ record }) => record)
      .sort((a, b) => a.visits - b.visits || a.lastSeenAt - b.lastSeenAt)
      .slice(0, surplus)
      .map(({ id }) => id);
    for (const id of ids) this.#groups.delete(id);
    return ids;
  }
}

function apart(measure: Measure, embedding: Float32Array, vectors: readonly Float32Array[]): number {
  return Math.min(...vectors.map((vector) => measure(embedding, vector)));
}

/** Whether a face may open a group or be shown as its picture. */
function isGood(quality: Quality | undefined): boolean {
  if (quality === undefined) return false;
  const { size, blur, exposure, pose } = quality;
  return (
    size >= MIN_SIZE &&
    blur >= OPEN_BLUR &&
    exposure >= MIN_EXPOSURE &&
    exposure <= MAX_EXPOSURE &&
    Math.abs(pose.yaw) <= OPEN_DEGREES &&
    Math.abs(pose.pitch) <= OPEN_DEGREES
  );
}
