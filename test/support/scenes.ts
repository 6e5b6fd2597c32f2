/**
 * Scenes before cameras, frame by frame as they arrive: who stands where and when, how often a camera sends, when it
 * falls silent, what comes late or twice, and when the clock is set. Single frames err as those of walks.ts do.
 */
import { seeded } from "../../lib/calibrate/statistics";
import type { Face, Frame, Identity } from "../../lib/message";
import { Faces } from "./families";

export const ALIKE = 0.95;
const MODEL = "made-up";
const THRESHOLD = 1;
const EPOCH = 1_700_000_000_000;
/** See FOUND in lib/presence/evidence.ts. */
const FOUND = [
  [0.6, 0.92],
  [0.4, 0.79],
  [0.2, 0.42],
  [0, 0.03],
] as const;
const WRONG = 0.01;
const UNCLEAR = 0.03;
/** The tracker loses somebody who was gone for so long. */
const LOST_MS = 2000;

export interface Actor {
  /** Null of somebody whom the gallery does not know. */
  person: string | null;
  mean: Float32Array;
}

/** Somebody before a camera; times are milliseconds from the begin of the scene. */
export interface Stand {
  who: Actor;
  camera: string;
  from: number;
  until: number;
  /** The number of the track and how often its looks changed, where the detector does not tell people apart. */
  follow?: (at: number) => { track: number; look: number };
  /** What a frame names them as, in place of what chance makes of it. @param frame from 1 */
  named?: (frame: number) => string | null | undefined;
  /** Whether they stand still and look into the camera; else they come and go. */
  still?: boolean;
}

export interface Sending {
  fps: number;
  /** From when to when it sends nothing. */
  silent?: readonly (readonly [number, number])[];
  /** Milliseconds that a frame is on its way. */
  delay?: (random: () => number) => number;
  /** Every frame comes once more, so much later. */
  again?: (random: () => number) => number;
}

export interface Scene {
  stands: readonly Stand[];
  cameras: Readonly<Record<string, Sending>>;
  /** When the clock is set, and by how much. */
  jumps?: readonly { at: number; by: number }[];
}

export interface Arriving {
  /** By the clock that is never set. */
  at: number;
  frame: Frame;
  faces: Face[];
  /** Who is in it and well enough to see, named rightly, … */
  usable: string[];
  /** … or otherwise. */
  contrary: string[];
}

export class Stage {
  readonly #random: () => number;
  readonly #faces: Faces;
  #track = 1000;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#faces = new Faces(128, seed);
  }

  actor(person: string | null, like?: Actor): Actor {
    return { person, mean: like === undefined ? this.#faces.anybody() : this.#faces.like([like.mean], 0.9) };
  }

  wall({ jumps = [] }: Scene, at: number): number {
    return EPOCH + at + jumps.reduce((sum, jump) => sum + (jump.at <= at ? jump.by : 0), 0);
  }

  arrivals(scene: Scene): Arriving[] {
    const all = Object.entries(scene.cameras).flatMap(([camera, sending]) => this.#film(scene, camera, sending));
    return all.sort((a, b) => a.at - b.at);
  }

  #film(scene: Scene, camera: string, { fps, silent = [], delay, again }: Sending): Arriving[] {
    const random = this.#random;
    const stands = scene.stands.filter((stand) => stand.camera === camera);
    const actors = stands.map((stand) => new Acting(stand, () => (this.#track += 1)));
    const arriving: Arriving[] = [];
    const last = Math.max(...stands.map(({ until }) => until));
    let sequence = Math.floor(random() * 1000);
    for (let at = Math.min(...stands.map(({ from }) => from)); at < last; at += 1000 / fps) {
      sequence += 1;
      if (silent.some(([from, until]) => at >= from && at < until)) continue;
      const usable: string[] = [];
      const contrary: string[] = [];
      const faces = actors.flatMap((actor, index): Face[] => {
        const { stand } = actor;
        if (at < stand.from || at >= stand.until) return [];
        const face = this.#face(actor, at, index);
        const { person } = stand.who;
        if (person !== null && face.carriedAgeMs === undefined && (face.quality?.weight ?? 0) >= 0.4)
          (face.identity?.person === person ? usable : contrary).push(person);
        return [face];
      });
      const capturedAt = this.wall(scene, at);
      const frame: Frame = { source: camera, camera: `id-${camera}`, sequence, capturedAt, width: 640, height: 480 };
      const one = { at: at + (delay?.(random) ?? 20 + random() * 40), frame, faces, usable, contrary };
      arriving.push(delay === undefined ? one : { ...one, usable: [], contrary: [] });
      if (again !== undefined) arriving.push({ ...one, at: one.at + again(random), usable: [], contrary: [] });
    }
    return arriving;
  }

  #face(actor: Acting, at: number, index: number): Face {
    const { stand } = actor;
    const random = this.#random;
    const placed = {
      box: { x: 200 * index, y: 100, width: 100, height: 100 },
      score: 9,
      ...actor.followed(at, random),
    };
    const age = at - actor.embeddedAt;
    if (actor.face !== undefined && actor.face.track === placed.track && age < 250)
      return { ...actor.face, ...placed, carriedAgeMs: age };
    const way = (at - stand.from) / (stand.until - stand.from);
    const coming = 0.15 + 1.6 * Math.min(way, 1 - way * 0.7) + random() * 0.3 - 0.15;
    const weight = stand.still === true ? 0.7 : Math.min(0.95, Math.max(0.05, coming));
    actor.frames += 1;
    actor.embeddedAt = at;
    actor.face = {
      ...placed,
      model: MODEL,
      embedding: this.#faces.like([stand.who.mean], weight >= 0.4 ? 0.88 : 0.78),
      quality: { size: 50, blur: 50, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight },
      identity: this.#identity(stand, weight, actor.frames),
    };
    return actor.face;
  }

  #identity({ who, named }: Stand, weight: number, frames: number): Identity {
    const random = this.#random;
    const forced = named?.(frames);
    const found = FOUND.find(([least]) => weight >= least)?.[1] ?? 0;
    const free = random() < WRONG ? "mallory" : random() < found ? who.person : null;
    const person = forced === undefined ? free : forced;
    const nobody = { name: null, person: null, groups: [], threshold: THRESHOLD, candidates: [], frames };
    if (forced === undefined && random() < UNCLEAR)
      return { ...nobody, outcome: "unknown", reason: "undecided", distance: THRESHOLD - 0.02, margin: 0.01 };
    if (person === null)
      return {
        ...nobody,
        outcome: "unknown",
        reason: "above_threshold",
        distance: THRESHOLD + 0.02 + random() * 0.4,
        margin: null,
      };
    return {
      ...nobody,
      outcome: "match",
      reason: "below_threshold",
      name: `name of ${person}`,
      person,
      groups: ["family"],
      distance: THRESHOLD - 0.02 - random() * 0.28,
      margin: 0.2,
    };
  }
}

/** What a detector and facenet-embed remember of somebody. */
class Acting {
  readonly stand: Stand;
  readonly #next: () => number;
  face: Face | undefined;
  embeddedAt = -Infinity;
  frames = 0;
  #track: number;
  #look = 0;
  #at = Infinity;

  constructor(stand: Stand, next: () => number) {
    this.stand = stand;
    this.#next = next;
    this.#track = next();
  }

  followed(at: number, random: () => number): { track: number; look: number } {
    const { follow } = this.stand;
    if (follow !== undefined) return follow(at);
    if (at - this.#at > LOST_MS || random() < 0.004) Object.assign(this, { frames: 0, face: undefined });
    else if (random() < 0.01) this.#look += 1;
    if (this.face === undefined) this.#track = this.#next();
    this.#at = at;
    return { track: this.#track, look: this.#look };
  }
}
