/** Which faces before which cameras are being challenged, and what was found out of those that were. */
import { z } from "zod";
import { eyesIn } from "../align/chip";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import type { FlashPlan } from "../flash-plan";
import { greyFace } from "../image/grey-face";
import { lightOn } from "../image/light";
import { cameraOf, type Face, type Frame, MOST_CAMERAS, type Picture } from "../message";
import type { Liveness } from "../visit";
import { PassingCue } from "./cues";
import { drawFlash, judgeLight, type LightSample } from "./flash";
import { drawSides, type Task, TurnChallenge, type TurnOutcome } from "./turn";

export const livenessOptionsSchema = z.object({
  /** How often the head is to be turned; each has one of two sides that nobody knows before. */
  turns: z.number().int().min(1).max(5).default(2),
  /** For each turn, and for looking into the camera before it; seconds. */
  seconds: z.number().min(2).max(30).default(6),
  /** Whether everybody who comes is challenged. */
  everybody: z.boolean().default(false),
  /** Whether what is seen in passing may deny. */
  cues: z.boolean().default(true),
});
export type LivenessOptions = z.infer<typeof livenessOptionsSchema>;

/** `msg.challenge`: of the largest face, or of this camera's, or of this track. */
export const challengeSchema = z.preprocess(
  (challenge) => (typeof challenge === "string" ? { by: challenge } : challenge),
  z.strictObject({
    /** `flash`: first colours by the page of a browser's camera, then the turns. */
    by: z.enum(["turn", "flash"]).default("turn"),
    /** Id or name of the camera. */
    camera: z.string().max(300).optional(),
    track: z.number().int().optional(),
  }),
);
export type ChallengeRequest = z.infer<typeof challengeSchema>;

interface Told {
  /** Id of the camera's node, else its name. */
  camera: string;
  track: number;
}

/** What somebody is to be told: what to do now, … */
export interface Prompt extends Told {
  task: Task | "flash";
  /** Which turn it is, from 1, and of how many. */
  step: number;
  of: number;
}

/** … or how it ended. */
export interface Outcome extends Told, Omit<TurnOutcome, "result"> {
  liveness: Liveness;
}

interface Running {
  track: number;
  by: "turn" | "flash";
  challenge: TurnChallenge;
  /** While colours are shown. */
  light: { plan: FlashPlan; samples: LightSample[] } | undefined;
  /** What was told last. */
  told: string;
  /** When a frame of the camera came, by the clock of this. */
  heard: number;
  /** Frames in a row in which somebody else was there, too. */
  company: number;
}

interface Watched {
  running: Running | undefined;
  results: BoundedMap<number, Liveness>;
  cues: BoundedMap<number, PassingCue>;
  /** In how many frames each was seen anew. */
  frames: BoundedMap<number, number>;
}

const MAX_TRACKS = 512;
/** Faces of one camera whose landmarks are remembered, 5 kB each: far more than are in one picture. */
const MAX_CUES = 64;
/** A new face is challenged once it was seen in so many frames: not everybody who walks past stays. */
const SETTLED = 3;
/** A face whose box is a smaller part of the challenged one's is somebody in the background. */
const COMPANY = 0.3;
const COMPANY_FRAMES = 2;
/** A challenge for a face that does not come is forgotten; milliseconds. */
const MOST_WAIT_MS = 30_000;

/** A camera that sends nothing for so long is gone. What happened between frames their own times tell. */
const SILENCE_MS = 10_000;

/** For the page's notice before the colours, and for them; milliseconds. */
const LIGHT_MS = 25_000;
/** Frames of one show of colours, at most. */
const MOST_SAMPLES = 300;

const areaOf = ({ box }: Face): number => box.width * box.height;

export class LivenessWatch {
  readonly #options: LivenessOptions;
  readonly #show: (camera: string, plan: FlashPlan) => boolean;
  readonly #now: () => number;
  readonly #cameras = new BoundedMap<string, Watched>(MOST_CAMERAS);
  #asked: (ChallengeRequest & { at: number }) | undefined;

  /**
   * @param show colours by the page of a browser's camera; whether there is one
   * @param now milliseconds of a clock that nobody sets
   */
  constructor(
    options: LivenessOptions,
    show: (camera: string, plan: FlashPlan) => boolean = () => false,
    now: () => number = () => performance.now(),
  ) {
    this.#options = options;
    this.#show = show;
    this.#now = now;
  }

  /** How many challenges go on. */
  get running(): number {
    return [...this.#cameras.values()].filter(({ running }) => running !== undefined).length;
  }

  /** The next face that fits is challenged; one that goes on ends. */
  ask(request: ChallengeRequest): void {
    this.#asked = { ...request, at: this.#now() };
  }

  /**
   * The faces of a frame, each with what is known of its track.
   * @throws a sentence when a challenge was asked for and nobody follows the faces, or the picture cannot be read
   */
  async frame(picture: Picture, faces: readonly Face[]): Promise<{ faces: Face[]; told: (Prompt | Outcome)[] }> {
    const { frame } = picture;
    if (frame === undefined) return { faces: [...faces], told: [] };
    const camera = cameraOf(frame);
    const watched = this.#watchedOf(camera);
    const told: (Prompt | Outcome)[] = [];
    for (const face of faces) this.#lookInPassing(watched, camera, face, told);
    this.#begin(watched, camera, frame, faces, told);
    const { running } = watched;
    if (running !== undefined) {
      running.heard = this.#now();
      await this.#see(running, picture, frame.capturedAt, faces);
      told.push(...this.#tell(watched, camera));
    }
    return {
      faces: faces.map((face) => {
        const liveness = face.track === undefined ? undefined : watched.results.get(face.track);
        return liveness === undefined ? face : { ...face, liveness };
      }),
      told,
    };
  }

  /** Time passes without a frame: challenges before cameras that fell silent end. */
  pass(): Outcome[] {
    const ended: Outcome[] = [];
    for (const [camera, watched] of this.#cameras) {
      const { running } = watched;
      if (running === undefined || this.#now() - running.heard < SILENCE_MS) continue;
      running.challenge.end("unsure", "lost");
      ended.push(...this.#tell(watched, camera).filter((each) => "liveness" in each));
    }
    return ended;
  }

  #watchedOf(camera: string): Watched {
    const watched = this.#cameras.get(camera) ?? {
      running: undefined,
      results: new BoundedMap(MAX_TRACKS),
      cues: new BoundedMap(MAX_CUES),
      frames: new BoundedMap(MAX_TRACKS),
    };
    this.#cameras.set(camera, watched);
    return watched;
  }

  #lookInPassing(watched: Watched, camera: string, face: Face, told: (Prompt | Outcome)[]): void {
    const { track, landmarks, rejected } = face;
    if (track === undefined || landmarks === undefined || rejected !== undefined) return;
    watched.frames.set(track, (watched.frames.get(track) ?? 0) + 1);
    if (!this.#options.cues || watched.running?.track === track) return;
    const cue = watched.cues.get(track) ?? new PassingCue();
    watched.cues.set(track, cue);
    if (!cue.isFlat(landmarks) || watched.results.get(track)?.result === "failed") return;
    const liveness: Liveness = { result: "failed", by: "cues", at: Date.now() };
    watched.results.set(track, liveness);
    told.push({ camera, track, liveness, reason: "flat", measured: [] });
  }

  #begin(
    watched: Watched,
    camera: string,
    { source, capturedAt }: Frame,
    faces: readonly Face[],
    told: (Prompt | Outcome)[],
  ): void {
    const asked = this.#asked;
    if (asked !== undefined && this.#now() - asked.at > MOST_WAIT_MS) this.#asked = undefined;
    const wanted =
      this.#asked !== undefined && [undefined, camera, source].includes(this.#asked.camera) ? this.#asked : undefined;
    if (wanted !== undefined && faces.length > 0 && faces.every(({ track }) => track === undefined)) {
      this.#asked = undefined;
      throw new UserError("liveness.noTracks");
    }
    const [largest] = faces
      .filter((face) => face.track !== undefined && (wanted?.track === undefined || face.track === wanted.track))
      .toSorted((a, b) => areaOf(b) - areaOf(a));
    if (largest?.track === undefined) return;
    const isNew =
      this.#options.everybody &&
      watched.running === undefined &&
      (watched.frames.get(largest.track) ?? 0) >= SETTLED &&
      !watched.results.has(largest.track);
    if (wanted === undefined && !isNew) return;
    if (wanted !== undefined) this.#asked = undefined;
    if (watched.running !== undefined) {
      watched.running.challenge.end("unsure", "lost");
      told.push(...this.#tell(watched, camera));
    }
    // What was known is no answer to a new question.
    watched.results.delete(largest.track);
    watched.cues.delete(largest.track);
    const by = wanted?.by ?? "turn";
    const light = by === "flash" ? { plan: drawFlash(), samples: [] } : undefined;
    if (light !== undefined && !this.#show(camera, light.plan)) throw new UserError("liveness.noFlash");
    const challenge =
      light === undefined
        ? this.#turnsFrom(capturedAt)
        : new TurnChallenge({ sides: ["left"], stepMs: LIGHT_MS }, capturedAt);
    watched.running = { track: largest.track, by, challenge, light, told: "", heard: this.#now(), company: 0 };
  }

  #turnsFrom(at: number): TurnChallenge {
    return new TurnChallenge({ sides: drawSides(this.#options.turns), stepMs: this.#options.seconds * 1000 }, at);
  }

  async #see(running: Running, picture: Picture, at: number, faces: readonly Face[]): Promise<void> {
    const { challenge } = running;
    const face = faces.find(({ track }) => track === running.track);
    if (face === undefined) {
      challenge.pass(at);
      return;
    }
    const others = faces.some((other) => other !== face && areaOf(other) >= COMPANY * areaOf(face));
    running.company = others ? running.company + 1 : 0;
    if (running.company >= COMPANY_FRAMES) challenge.end("unsure", "company");
    if (running.light !== undefined) {
      await this.#seeLight(running, running.light, picture, face, faces);
      return;
    }
    const { landmarks, quality, rejected, carriedAgeMs } = face;
    if (rejected !== undefined) challenge.pass(at);
    else if (landmarks === undefined || quality === undefined || carriedAgeMs !== undefined) challenge.stay(at);
    else if (challenge.outcome === undefined)
      challenge.see({ at, landmarks, yaw: quality.pose.yaw, grey: await greyFace(picture, eyesIn(landmarks)) });
  }

  async #seeLight(
    running: Running,
    { plan, samples }: NonNullable<Running["light"]>,
    picture: Picture,
    face: Face,
    faces: readonly Face[],
  ): Promise<void> {
    const { challenge } = running;
    const { flash, capturedAt = 0 } = picture.frame ?? {};
    challenge.stay(capturedAt);
    if (flash?.id !== plan.id || challenge.outcome !== undefined) return;
    const seen = await lightOn(
      picture,
      face.box,
      faces.filter((other) => other !== face).map(({ box }) => box),
    );
    if (seen !== undefined && samples.length < MOST_SAMPLES) samples.push({ at: flash.at, ...seen });
    if (flash.at < plan.colours.length * plan.eachMs) return;
    const verdict = judgeLight(plan, samples);
    if (verdict === "other") challenge.end("failed", "other_light");
    else if (verdict === "none") challenge.end("unsure", "no_light");
    else {
      running.light = undefined;
      running.challenge = this.#turnsFrom(capturedAt);
    }
  }

  /** What is new of it. */
  #tell(watched: Watched, camera: string): (Prompt | Outcome)[] {
    const { running } = watched;
    if (running === undefined) return [];
    const { track, by, challenge, light } = running;
    const { outcome, step } = challenge;
    const task = light === undefined ? challenge.task : "flash";
    if (outcome !== undefined) {
      const { result, reason, measured } = outcome;
      const liveness: Liveness = { result, by, at: Date.now() };
      watched.results.set(track, liveness);
      watched.running = undefined;
      return [{ camera, track, liveness, reason, measured }];
    }
    const now = `${task} ${step}`;
    if (now === running.told) return [];
    running.told = now;
    return [{ camera, track, task, step: step + 1, of: this.#options.turns }];
  }
}
