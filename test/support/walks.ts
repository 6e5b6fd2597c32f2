/**
 * Scripted walks past the cameras of one gallery: what face-match would say of each frame, with the errors that single
 * frames have (see Quality in lib/message.ts and lib/presence/evidence.ts), late and doubled frames, tracks that
 * break, looks that change, and an embedding once in a while as facenet-embed makes one.
 */
import { seeded } from "../../lib/calibrate/statistics";
import type { Face, Frame, Identity } from "../../lib/message";
import { Faces } from "./families";

export const CAMERAS = ["gate", "hall", "office"] as const;
export const THRESHOLD = 1;
/** Of the made-up network; two faces of a person are about 0.7 apart, two people 1.4. */
export const MODEL = "made-up";
export const ALIKE = 0.95;

export interface Walker {
  id: string;
  /** null of somebody whom the gallery does not know. */
  person: string | null;
  mean: Float32Array;
}

/** Somebody before a camera, milliseconds from the walk's begin. */
export interface Leg {
  walker: Walker;
  camera: string;
  from: number;
  until: number;
}

/** A frame as it arrives. */
export interface Arrival {
  /** When it arrives, milliseconds of the test's clock. */
  at: number;
  frame: Frame;
  faces: Face[];
  /** Who is in it with a face that was embedded anew, is well enough to see, and is named rightly. */
  usable: Walker[];
  /** … of whom such a frame says something else, as one in ten does. */
  contrary: Walker[];
}

const FOUND = [
  [0.6, 0.92],
  [0.4, 0.79],
  [0.2, 0.42],
  [0, 0.03],
] as const;
/** Frames in which somebody has another's name, and a stranger anybody's. */
const WRONG = 0.01;
const UNCLEAR = 0.03;
const LATE = 0.02;
const TOO_LATE = 0.003;
const DOUBLED = 0.3;
const BROKEN_TRACK = 0.004;
const OTHER_LOOK = 0.01;

export interface Town {
  known: Walker[];
  strangers: Walker[];
}

export class Walks {
  readonly #random: () => number;
  readonly #faces: Faces;
  readonly town: Town;
  #track = 0;
  #sequence = new Map<string, number>();

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#faces = new Faces(128, seed);
    const walker = (id: string, person: string | null): Walker => ({ id, person, mean: this.#faces.anybody() });
    this.town = {
      known: Array.from({ length: 8 }, (_, index) => walker(`known ${index}`, `person${index}`)),
      strangers: Array.from({ length: 8 }, (_, index) => walker(`stranger ${index}`, null)),
    };
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }

  /** One to three people, each past some of the cameras in an order of their own, some of them side by side. */
  walk(): Leg[] {
    const everybody = [...this.town.known, ...this.town.strangers];
    const number = this.pick([1, 1, 1, 2, 2, 3]);
    const walkers = new Set<Walker>();
    while (walkers.size < number) walkers.add(this.pick(everybody));
    return [...walkers].flatMap((walker) => {
      const route = [...CAMERAS].sort(() => this.#random() - 0.5).slice(0, this.pick([1, 2, 3, 3]));
      let from = this.between(0, 3000);
      return route.map((camera) => {
        const until = from + this.between(4000, 9000);
        const leg = { walker, camera, from, until };
        // Cameras see the same place now and then; else somebody walks from one to the other.
        from = this.chance(0.15) ? until - 1000 : until + this.between(300, 15_000);
        return leg;
      });
    });
  }

  /** What the cameras send, in the order in which it arrives. @param begin of the walk, on the test's clock */
  arrivals(legs: readonly Leg[], begin: number): Arrival[] {
    const arrivals = CAMERAS.flatMap((camera) =>
      this.#film(
        camera,
        legs.filter((leg) => leg.camera === camera),
        begin,
      ),
    );
    return arrivals.sort((a, b) => a.at - b.at);
  }

  #film(camera: string, legs: readonly Leg[], begin: number): Arrival[] {
    if (legs.length === 0) return [];
    const interval = 1000 / this.pick([5, 8, 12]);
    const reembed = this.pick([0, 250, 500, 1000]);
    const actors = legs.map((leg) => ({
      leg,
      track: this.#nextTrack(),
      look: 0,
      embeddedAt: -Infinity,
      face: undefined as Face | undefined,
      frames: 0,
    }));
    const last = Math.max(...legs.map(({ until }) => until));
    const arrivals: Arrival[] = [];
    for (let at = Math.min(...legs.map(({ from }) => from)); at < last; at += interval) {
      const frame: Frame = {
        source: camera,
        camera: `id-${camera}`,
        sequence: this.#next(camera),
        capturedAt: begin + at,
        width: 640,
        height: 480,
      };
      const usable: Walker[] = [];
      const contrary: Walker[] = [];
      const faces = actors.flatMap((actor, index): Face[] => {
        const { leg } = actor;
        if (at < leg.from || at >= leg.until) return [];
        if (this.chance(BROKEN_TRACK))
          Object.assign(actor, { track: this.#nextTrack(), look: 0, embeddedAt: -Infinity, frames: 0 });
        else if (this.chance(OTHER_LOOK)) Object.assign(actor, { look: actor.look + 1, embeddedAt: -Infinity });
        // They come nearer, and turn away at the end.
        const way = (at - leg.from) / (leg.until - leg.from);
        const weight = Math.min(
          0.95,
          Math.max(0.05, 0.15 + 1.6 * Math.min(way, 1 - way * 0.7) + this.between(-0.15, 0.15)),
        );
        const age = at - actor.embeddedAt;
        const placed = {
          box: { x: 200 * index, y: 100, width: 100, height: 100 },
          score: 9,
          track: actor.track,
          look: actor.look,
        };
        if (age < reembed && actor.face !== undefined) return [{ ...actor.face, ...placed, carriedAgeMs: age }];
        actor.frames += 1;
        const identity = this.#identity(leg.walker, weight, actor.frames);
        const face: Face = {
          ...placed,
          model: MODEL,
          embedding: this.#faces.like([leg.walker.mean], weight >= 0.4 ? 0.88 : 0.78),
          quality: { size: 50, blur: 50, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight },
          identity,
        };
        Object.assign(actor, { face, embeddedAt: at });
        if (leg.walker.person !== null && weight >= 0.4)
          (identity.person === leg.walker.person ? usable : contrary).push(leg.walker);
        return [face];
      });
      if (faces.length === 0 && !this.chance(0.2)) continue;
      const delay = this.chance(TOO_LATE) ? 15_000 : this.chance(LATE) ? 3 * interval : this.between(20, 60);
      const arrival = {
        at: begin + at + delay,
        frame,
        faces,
        ...(delay > interval ? { usable: [], contrary: [] } : { usable, contrary }),
      };
      arrivals.push(arrival);
      // Of a frame with known people and strangers face-match sends two messages.
      if (this.chance(DOUBLED)) arrivals.push({ ...arrival, usable: [], contrary: [] });
    }
    return arrivals;
  }

  #identity({ person }: Walker, weight: number, frames: number): Identity {
    const found = FOUND.find(([least]) => weight >= least)?.[1] ?? 0;
    const named = this.chance(WRONG)
      ? this.pick(this.town.known).person
      : person !== null && this.chance(found)
        ? person
        : null;
    const below = this.between(0.02, 0.3);
    const nobody = { name: null, person: null, groups: [], threshold: THRESHOLD, candidates: [], frames };
    if (this.chance(UNCLEAR))
      return {
        ...nobody,
        outcome: this.chance(0.5) ? "ambiguous" : "unknown",
        reason: "undecided",
        distance: THRESHOLD - 0.02,
        margin: 0.01,
      };
    if (named === null)
      return {
        ...nobody,
        outcome: "unknown",
        reason: "above_threshold",
        distance: THRESHOLD + this.between(0.02, 0.4),
        margin: null,
      };
    return {
      ...nobody,
      outcome: "match",
      name: `name of ${named}`,
      person: named,
      groups: ["family"],
      reason: "below_threshold",
      distance: THRESHOLD - below,
      margin: 0.2,
    };
  }

  #nextTrack(): number {
    this.#track += 1;
    return this.#track;
  }

  #next(camera: string): number {
    const next = (this.#sequence.get(camera) ?? -1) + 1;
    this.#sequence.set(camera, next);
    return next;
  }
}
