/**
 * The head-turn challenge: somebody is asked to turn the head to sides that nobody knew before, and it is measured
 * whether what turned has depth. It tells a head from a flat or bent picture. It does not tell a head from a film of
 * one that turns as asked, nor from a mask.
 */
import { randomInt } from "node:crypto";
import { type GreyFace, intoGrey } from "../image/grey-face";
import type { Point } from "../message";
import { median } from "./homography";
import { MEASURED, offPlaneOf, type Parallax, parallaxOf, type Side } from "./parallax";
import { follow } from "./patches";

/** A frame of the face that is challenged. */
export interface View {
  /** Milliseconds since the epoch. */
  at: number;
  /** 68, pixels of the picture. */
  landmarks: readonly Point[];
  /** Degrees, over 0 to the right of the picture (lib/align/pose.ts). */
  yaw: number;
  grey: GreyFace;
}

/** What somebody is to do now. */
export type Task = "front" | Side;

export const TURN_REASONS = [
  "depth",
  "flat",
  "bent",
  "other_side",
  "little_depth",
  "jump",
  "late",
  "lost",
  "company",
  "other_light",
  "no_light",
] as const;
/**
 * `depth`: what turned has the depth of a head. `flat`, `bent`: it is a picture. `other_side`: it turned where nobody
 * asked it to. Of the rest nothing is known: `little_depth`, less than a head has and more than a picture; `jump`, it
 * moved too fast to be followed; `late`; `lost`, the face was out of sight; `company`, there was another face. Of a
 * colour flash before (flash.ts): `other_light` is a film, `no_light` tells nothing.
 */
export type TurnReason = (typeof TURN_REASONS)[number];

export interface TurnOutcome {
  result: "passed" | "failed" | "unsure";
  reason: TurnReason;
  /** Of each turn that was seen to its end. */
  measured: Parallax[];
}

export interface TurnOptions {
  /** Which sides, one after the other. */
  sides: readonly Side[];
  /** For each turn, and for looking into the camera before it; milliseconds. */
  stepMs: number;
}

/*
 * The bounds lie between rendered heads and rendered pictures, flat and bent (bench/liveness.ts, simulated): nothing
 * is said of what lies between two of them.
 */
/** A head turned by so many degrees, as the pose estimate sees them, shows its depth. */
const TURNED = 25;
/** Turned the wrong way. */
const ASTRAY = 20;
/** Looks into the camera, about: degrees from it, and from where the face looked at first. */
const FRONTAL = 22;
const BACK = 10;
/** Frames that tell how a face looks from the front, and that it has turned. */
const FRONT_VIEWS = 3;
const TURNED_VIEWS = 2;
/** See Parallax: as landmarks and as patches tell it, the mean over all turns. */
const LEAST_NOSE = { landmarks: 0.12, patches: 0.13 } as const;
const FLAT_NOSE = 0.08;
const LEAST_RELIEF = 0.018;
const BENT_RELIEF = 0;
/** A face that became so narrow was turned; its nose did not move beyond its plane by more than this: a picture. */
const NARROW = 0.86;
const STAYED = 0.06;
/** Patches that look less alike from frame to frame were not followed: the median of all. */
const LIKE = 0.7;
/** Degrees between two frames that no head turns by. */
const MOST_STEP = 30;
/** A face unseen for longer may be another one; milliseconds. */
const MOST_GAP_MS = 1500;

/** Sides that nobody can know before. */
export function drawSides(count: number): Side[] {
  return Array.from({ length: count }, () => (randomInt(2) === 0 ? "left" : "right"));
}

interface Turning {
  /** As the face looked from the front, in pixels of its grey picture and of the frame. */
  front: View;
  start: readonly Point[];
  /** Where the patches of it are in the last frame. */
  points: readonly Point[];
  last: View;
  shown: Parallax[];
}

export class TurnChallenge {
  readonly #options: TurnOptions;
  #step = 0;
  #stepBegan: number;
  #seen: number;
  #fronts: View[] = [];
  #base: number | undefined;
  #turning: Turning | undefined;
  /** Of frames that were turned the wrong way, in a row. */
  #astray = 0;
  /** Of all frames: of the narrowest, how far the nose went. */
  #narrowest: { width: number; nose: number } = { width: Infinity, nose: Infinity };
  readonly #measured: Parallax[] = [];
  #byLandmarks: number[] = [];
  #outcome: TurnOutcome | undefined;

  /** @param at when it begins, milliseconds since the epoch */
  constructor(options: TurnOptions, at: number) {
    this.#options = options;
    this.#stepBegan = at;
    this.#seen = at;
  }

  /** Undefined while it goes on. */
  get outcome(): TurnOutcome | undefined {
    return this.#outcome;
  }

  /** Which turn it is, from 0. */
  get step(): number {
    return this.#step;
  }

  get task(): Task {
    return this.#turning === undefined ? "front" : (this.#options.sides[this.#step] as Side);
  }

  /** The next frame of the face. */
  see(view: View): void {
    if (this.#outcome !== undefined || view.at <= this.#seen) return;
    this.pass(view.at);
    if (this.#outcome !== undefined) return;
    this.#seen = view.at;
    if (this.#turning === undefined) this.#lookFront(view);
    else this.#turn(view, this.#turning);
  }

  /** Time passes without a frame of the face that could be used. */
  pass(at: number): void {
    if (at - this.#seen > MOST_GAP_MS) this.end("unsure", "lost");
    else if (at - this.#stepBegan > this.#options.stepMs) this.#late();
  }

  /** The face is still there, looking as it did in the last frame that was seen. */
  stay(at: number): void {
    this.pass(at);
    if (this.#outcome !== undefined || at <= this.#seen) return;
    this.#seen = at;
    const last = this.#fronts.at(-1);
    if (this.#turning === undefined && last !== undefined) this.#lookFront({ ...last, at });
  }

  end(result: TurnOutcome["result"], reason: TurnReason): void {
    this.#outcome ??= { result, reason, measured: [...this.#measured] };
  }

  #late(): void {
    const { width, nose } = this.#narrowest;
    if (width < NARROW && nose < STAYED) this.end("failed", "flat");
    else this.end("unsure", "late");
  }

  #lookFront(view: View): void {
    const base = this.#base;
    const isFront = base === undefined ? Math.abs(view.yaw) <= FRONTAL : Math.abs(view.yaw - base) <= BACK;
    this.#fronts = isFront ? [...this.#fronts, view].slice(-FRONT_VIEWS) : [];
    if (this.#fronts.length < FRONT_VIEWS) return;
    this.#base ??= median(this.#fronts.map(({ yaw }) => yaw));
    const start = view.landmarks.map((point) => intoGrey(view.grey, point));
    this.#turning = { front: view, start, points: start, last: view, shown: [] };
    this.#fronts = [];
    this.#astray = 0;
    this.#stepBegan = view.at;
  }

  #turn(view: View, turning: Turning): void {
    const side = this.#options.sides[this.#step] as Side;
    const rise = (view.yaw - (this.#base as number)) * (side === "left" ? 1 : -1);
    const { points, likeness } = follow(
      turning.last.grey,
      view.grey,
      MEASURED.map((index) => turning.points[index] as Point),
    );
    if (Math.abs(view.yaw - turning.last.yaw) > MOST_STEP || median(likeness) < LIKE) {
      this.end("unsure", "jump");
      return;
    }
    turning.points = placed(turning.points, points);
    turning.last = view;
    const byLandmarks = offPlaneOf(turning.front.landmarks, view.landmarks, side);
    const byPatches = parallaxOf(
      placed(
        turning.start,
        MEASURED.map((index) => turning.start[index] as Point),
      ),
      turning.points,
      side,
    );
    if (byLandmarks === undefined || byPatches === undefined) return;
    const nose = Math.max(...[byLandmarks, byPatches].map((each) => Math.hypot(each.nose, each.down)));
    if (byLandmarks.width < this.#narrowest.width) this.#narrowest = { width: byLandmarks.width, nose };
    this.#astray = rise <= -ASTRAY ? this.#astray + 1 : 0;
    if (this.#astray >= TURNED_VIEWS) this.end("failed", "other_side");
    if (rise < TURNED || this.#outcome !== undefined) return;
    turning.shown.push(byPatches);
    this.#byLandmarks.push(byLandmarks.nose);
    if (turning.shown.length >= TURNED_VIEWS) this.#turned(turning.shown, view.at);
  }

  #turned(shown: readonly Parallax[], at: number): void {
    const middle = (pick: (each: Parallax) => number): number => median(shown.map(pick));
    this.#measured.push({
      nose: middle(({ nose }) => nose),
      down: middle(({ down }) => down),
      relief: middle(({ relief }) => relief),
      width: middle(({ width }) => width),
    });
    this.#step += 1;
    this.#turning = undefined;
    this.#stepBegan = at;
    if (this.#step === this.#options.sides.length) this.#judge();
  }

  #judge(): void {
    const nose = mean(this.#measured.map((each) => each.nose));
    const relief = mean(this.#measured.map((each) => each.relief));
    const least = Math.min(...this.#measured.map((each) => each.nose));
    if (nose < FLAT_NOSE) this.end("failed", "flat");
    else if (relief < BENT_RELIEF) this.end("failed", "bent");
    else if (
      nose < LEAST_NOSE.patches ||
      least < FLAT_NOSE ||
      relief < LEAST_RELIEF ||
      mean(this.#byLandmarks) < LEAST_NOSE.landmarks
    )
      this.end("unsure", "little_depth");
    else this.end("passed", "depth");
  }
}

/** The points with those MEASURED moved; an eye goes with its corners. */
function placed(points: readonly Point[], moved: readonly Point[]): Point[] {
  const all = [...points];
  MEASURED.forEach((index, at) => {
    all[index] = moved[at] as Point;
  });
  for (const first of [36, 42]) {
    const [a, b] = [all[first] as Point, all[first + 3] as Point];
    for (const lid of [1, 2, 4, 5]) all[first + lid] = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }
  return all;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
