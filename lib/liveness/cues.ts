/**
 * What is seen in passing, without a challenge: a face that becomes narrow as a thing does that is turned, and whose
 * nose stays in its plane all the while, is a picture. It can only ever deny: a picture that is held still looks
 * like a face, and so does a screen.
 */
import type { Point } from "../message";
import { median } from "./homography";
import { offPlaneOf } from "./parallax";

/** See OffPlane.width: narrower faces were turned by 30° and more. */
const NARROW = 0.86;
/**
 * How far the nose may have gone beyond the plane of the rest, to the side or up and down: a head that nods or laughs
 * becomes narrow, too. Of photos of 88 people, theirs one after the other as if they were a film's, it denies none; of
 * 30 rendered prints that were turned once and back it denies 10, of 30 screens 7 (simulated).
 */
const STAYED = 0.05;
/** Of so many frames the median counts, … */
const LEAST_FRAMES = 5;
/** … and of no more than the newest of these. */
const MOST_FRAMES = 15;

/** The frames of one track. */
export class PassingCue {
  #widest: readonly Point[] | undefined;
  #stayed: number[] = [];

  /**
   * @param landmarks 68, of a frame in which they were found anew
   * @returns whether it is a picture that was turned
   */
  isFlat(landmarks: readonly Point[]): boolean {
    const widest = this.#widest;
    const seen = widest === undefined ? undefined : offPlaneOf(widest, landmarks, "left");
    if (seen === undefined || seen.width > 1) {
      this.#widest = landmarks;
      return false;
    }
    if (seen.width < NARROW) this.#stayed = [...this.#stayed, Math.hypot(seen.nose, seen.down)].slice(-MOST_FRAMES);
    return this.#stayed.length >= LEAST_FRAMES && median(this.#stayed) < STAYED;
  }
}
