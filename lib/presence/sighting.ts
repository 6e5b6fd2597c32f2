/** A face that one camera follows, and what its frames have said of it. */
import { weightOf } from "../embed/template";
import { carriedAgeOf } from "../match/track-vote";
import type { Face } from "../message";
import type { FrameTime } from "./clock";
import { Evidence, MOST_A_FRAME, NOBODY, type Says } from "./evidence";
import type { OpenVisit } from "./open-visit";

/** Frames nearer in time than this share pose, light and expression: they count in part. */
const INDEPENDENT_MS = 200;
/** Somebody seen again so much later is no flicker of the detector. */
const AGAIN_MS = 250;
/** In so many good frames somebody must be seen before they count. */
const LEAST_FRAMES = 2;
/** … and whoever is not named so much longer: with so many nats for nobody of the gallery, or in so many frames. */
const LEAST_OF_NOBODY = 3.5;
const LEAST_UNSETTLED = 4;
/** A frame of less weight tells hardly anybody apart, and counts for so much. */
const GOOD_WEIGHT = 0.2;
const POOR_WORTH = 0.25;

export class Sighting {
  readonly camera: string;
  readonly track: number | undefined;
  readonly evidence: Evidence;
  /** Whose it is, once that can be said. */
  visit: OpenVisit | undefined;
  /** Whether it looks otherwise than when it was embedded last: turned, or somebody else's. */
  looksOtherwise = false;
  /** Whether it was found to: its visit may be somebody else's. */
  changed = false;
  /** Whether what is known of the visit's person was settled by this face alone, as it looks now. */
  proved = false;
  /** The newest that tells anything. */
  embedding: Float32Array | undefined;
  model: string | undefined;
  /** When it was there last. */
  at: number;
  /** In which frame of all. */
  frame = -1;
  #look: number | undefined;
  #fused = 0;
  #embeddedAt: number | undefined;
  #firstAt: number | undefined;
  #seen = 0;
  #worth = 0;
  #again = false;

  constructor(camera: string, { track, look }: Face, { at }: FrameTime, enough: number) {
    this.camera = camera;
    this.track = track;
    this.#look = look;
    this.at = at;
    this.evidence = new Evidence(enough);
  }

  /** It is there in this frame. */
  follow({ look }: Face, { at }: FrameTime): void {
    this.at = at;
    if (look === this.#look) return;
    this.#look = look;
    this.looksOtherwise = true;
    this.proved = false;
  }

  /** @param isSame whether it is the face of before, turned; what was found of another one says nothing of this one */
  knowLook(isSame: boolean): void {
    this.looksOtherwise = false;
    this.changed = !isSame;
    if (isSame) return;
    this.evidence.clear();
    this.#firstAt = undefined;
    this.#seen = 0;
    this.#worth = 0;
    this.#again = false;
  }

  /** The same face, which another track followed up to now. */
  takeOver(earlier: Sighting): void {
    this.evidence.join(earlier.evidence);
    this.#firstAt = earlier.#firstAt;
    this.#embeddedAt = earlier.#embeddedAt;
    this.#seen = earlier.#seen;
    this.#worth = earlier.#worth;
  }

  /**
   * @returns how much a frame adds, 0 to 1: nothing where its face was not embedded anew, less the sooner it came
   */
  shareOf(face: Face, { at, live }: FrameTime): number {
    const age = carriedAgeOf(face);
    const fused = face.identity?.frames ?? 0;
    const embeddedAt = at - (age ?? 0);
    // A frame in which it was embedded may have been left out on the way here.
    const anew = age === undefined || (fused > this.#fused && embeddedAt > (this.#embeddedAt ?? -Infinity));
    this.#fused = Math.max(this.#fused, fused);
    if (!anew) return 0;
    const elapsed = live && this.#embeddedAt !== undefined ? embeddedAt - this.#embeddedAt : Infinity;
    this.#embeddedAt = embeddedAt;
    return Math.min(1, Math.max(0, elapsed) / INDEPENDENT_MS);
  }

  /** Take in what a frame says. */
  add(face: Face, { who, nats }: Says, share: number, { at, live }: FrameTime): void {
    if (share === 0) return;
    this.#firstAt ??= at;
    this.#seen += 1;
    // Of frames that come at once no more than one counts.
    this.#worth += (weightOf(face.quality) >= GOOD_WEIGHT ? 1 : POOR_WORTH) * share;
    if (face.embedding !== undefined && face.model !== undefined) {
      this.embedding = face.embedding;
      this.model = face.model;
    }
    if (who !== undefined) this.evidence.add(who, nats * share);
    this.#again ||= !live || at - this.#firstAt >= AGAIN_MS;
  }

  /** Whether it was seen more than once, and not only for a moment. */
  get seenAgain(): boolean {
    return this.#seen >= LEAST_FRAMES && this.#worth >= LEAST_FRAMES && this.#again;
  }

  /** … and somebody is there, whoever it is: known people are missed in a frame, too. */
  get isSomebody(): boolean {
    const { leader } = this.evidence;
    const isNobody = leader?.who === NOBODY && leader.lead >= LEAST_OF_NOBODY;
    return this.seenAgain && (isNobody || this.#worth >= LEAST_UNSETTLED);
  }

  /** Who leads by more than one frame can say. */
  get named(): string | undefined {
    const { leader } = this.evidence;
    return leader !== undefined && leader.who !== NOBODY && leader.lead > MOST_A_FRAME ? leader.who : undefined;
  }

  /** When it was seen first. @param time of now */
  begun(time: FrameTime): FrameTime {
    const first = Math.min(time.at, this.#firstAt ?? time.at);
    return { ...time, at: first, wall: Math.round(time.wall - (time.at - first)) };
  }

  /** In how many frames it was embedded anew. */
  get frames(): number {
    return this.#seen;
  }
}
