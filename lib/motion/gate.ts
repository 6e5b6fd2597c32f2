/**
 * Which frames of one camera are searched for faces. Pure: it is told what was seen and found, and asked what to do.
 * It must never cost a face: what it leaves out is only what a search a moment ago saw, too, and found nobody in.
 */
import type { Thumbnail } from "../image/grey-thumbnail";
import type { Box, Frame } from "../message";
import { Background } from "./background";
import { around } from "./places";

/** Where to search a frame. */
export type Where = "nowhere" | "everywhere" | Box[];

/**
 * At the latest after so long a frame is searched whole, in milliseconds: for what changes too little or too slowly to
 * be seen. A frame of 1280 × 720 takes about 50 ms, so that it costs 2.5 % of a core; every second it would be twice
 * that, and what it finds has not moved for a while and stays.
 */
const WHOLE_EVERY_MS = 2000;
/** In a room in which nothing has moved for so long nobody is left who might turn round: then this will do. */
const EMPTY_AFTER_MS = 30_000;
const WHOLE_EVERY_EMPTY_MS = 5000;
/**
 * On a computer that is slow or has much to do, these searches take no more than a tenth of the time: else those of
 * some cameras would keep each other waiting, and what moves, too. But not seldomer than twice a minute.
 */
const TIMES_TAKEN = 10;
const SELDOMEST_MS = 30_000;
/** So long after the last face all is searched as ever: it may be found again at once, or its track needs it. */
const AFTER_FACE_MS = 2000;
/**
 * So long after a scene began, too: whoever stands still in it from the first frame on may be found in one of several
 * only, and small faces are looked for in one part of a frame after the other.
 */
const BEGINNING_MS = 2000;
/**
 * Of a camera whose frames are farther apart than this, in milliseconds, each is searched: little would be saved, and
 * who goes by may be in one of them alone.
 */
const SELDOM_MS = 1000;
/**
 * While nothing changes a frame is looked at this long after the last one, in milliseconds: opening a JPEG costs as
 * much as half of decoding it. A face that comes is looked for at most so much later, and within 300 ms.
 */
const LOOK_EVERY_MS = 180;

export class MotionGate {
  #background: Background | undefined;
  #last: Frame | undefined;
  #lookedAt = 0;
  #beganAt = 0;
  #wholeAt = -Infinity;
  #faceAt = -Infinity;
  #movedAt = -Infinity;
  /** Milliseconds of the last search of all, and of it or the one before, whichever was faster. */
  #tookLast = Infinity;
  #took = 0;
  #calm = false;

  /**
   * Before a frame is opened: whether it can be told already.
   * @returns undefined where it is to be looked at
   */
  ask(frame: Frame): Where | undefined {
    const { capturedAt: at } = frame;
    if (!this.#goesOn(frame)) {
      this.#background = undefined;
      this.#wholeAt = -Infinity;
      this.#faceAt = -Infinity;
    }
    const seldom = this.#comesSeldom(frame);
    this.#last = frame;
    if (this.#background === undefined || this.#whole(at)) return undefined;
    if (seldom || at - this.#faceAt <= AFTER_FACE_MS) return "everywhere";
    return this.#calm && at - this.#lookedAt < LOOK_EVERY_MS ? "nowhere" : undefined;
  }

  /** Look at a frame of which `ask` did not know. */
  look({ capturedAt: at }: Frame, { grey, ...picture }: Thumbnail): Where {
    this.#lookedAt = at;
    const background = this.#background;
    if (background === undefined || background.width !== grey.width || background.height !== grey.height) {
      this.#background = new Background(grey, at);
      this.#beganAt = at;
      this.#movedAt = at;
      this.#calm = false;
      return "everywhere";
    }
    const changed = background.next(grey, at);
    if (changed !== "nothing") this.#movedAt = at;
    const begins = at - this.#beganAt < BEGINNING_MS;
    this.#calm = changed === "nothing" && !begins;
    if (begins || this.#whole(at) || changed === "everything") return "everywhere";
    if (changed === "nothing") return "nowhere";
    return around(changed, background, picture) ?? "everywhere";
  }

  /**
   * A frame was searched.
   * @param found how many faces
   * @param took milliseconds of a search of all of it; undefined where it was of parts
   */
  searched({ capturedAt }: Frame, found: number, took: number | undefined): void {
    if (took !== undefined) {
      this.#wholeAt = capturedAt;
      // One that was held up says nothing about the computer.
      this.#took = Math.min(took, this.#tookLast);
      this.#tookLast = took;
    }
    if (found === 0) return;
    this.#faceAt = capturedAt;
    this.#movedAt = capturedAt;
  }

  #whole(at: number): boolean {
    const empty = at - this.#movedAt > EMPTY_AFTER_MS;
    const every = Math.max(empty ? WHOLE_EVERY_EMPTY_MS : WHOLE_EVERY_MS, TIMES_TAKEN * this.#took);
    return at - this.#wholeAt >= Math.min(SELDOMEST_MS, every);
  }

  /** Whether so few frames come that each is searched; not where a busy computer left out those in between. */
  #comesSeldom({ sequence, capturedAt }: Frame): boolean {
    if (this.#last === undefined) return false;
    const gap = capturedAt - this.#last.capturedAt;
    return gap > SELDOM_MS && (sequence === this.#last.sequence + 1 || gap >= TIMES_TAKEN * this.#took);
  }

  /** Whether a frame comes after the last one in the same scene. */
  #goesOn({ sequence, capturedAt, width, height }: Frame): boolean {
    const last = this.#last;
    return (
      last !== undefined &&
      sequence > last.sequence &&
      capturedAt >= last.capturedAt &&
      width === last.width &&
      height === last.height
    );
  }
}
