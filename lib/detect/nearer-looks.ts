/**
 * Which part of a camera's next frame is looked at from nearer, for faces too small to be seen in the whole. Pure.
 * One part a frame at most, each at most once a second, and only where something has changed since it was looked at
 * last, or after a longer time.
 */
import type { Box, Frame } from "../message";
import { changedIn, type Sketch } from "./sketch";

const EACH_MS = 1000;
const UNCHANGED_MS = 10_000;

interface Part {
  box: Box;
  /** When it was looked at last, milliseconds since the epoch, and how the frame was then. */
  at: number;
  sketch: Sketch | undefined;
}

export class NearerLooks {
  readonly #boxesOf: (frame: { width: number; height: number }) => Box[];
  #size = { width: 0, height: 0 };
  #parts: Part[] = [];
  #now: Sketch | undefined;
  #looking: Part | undefined;

  /** @param boxesOf a frame of this size, in its pixels */
  constructor(boxesOf: (frame: { width: number; height: number }) => Box[]) {
    this.#boxesOf = boxesOf;
  }

  /** What to look at in this frame besides; undefined is nothing. */
  next({ capturedAt }: Pick<Frame, "capturedAt">): Box | undefined {
    this.#looking = undefined;
    const waiting = this.#parts
      // A clock that was set back.
      .filter(({ at }) => capturedAt - at >= EACH_MS || capturedAt < at)
      .toSorted((a, b) => a.at - b.at);
    for (const part of waiting) {
      const box = this.#due(part, capturedAt);
      if (box === undefined) continue;
      this.#looking = part;
      return box;
    }
    return undefined;
  }

  #due({ box, at, sketch }: Part, capturedAt: number): Box | undefined {
    if (sketch === undefined || this.#now === undefined || capturedAt - at >= UNCHANGED_MS) return box;
    return changedIn(box, this.#size, sketch, this.#now);
  }

  /**
   * The frame was searched, and what `next` said with it.
   * @param frame with the width and height that the picture really has
   */
  update({ width, height, capturedAt }: Omit<Frame, "source">, sketch: Sketch | undefined): void {
    if (sketch === undefined) return;
    if (width !== this.#size.width || height !== this.#size.height) {
      this.#size = { width, height };
      this.#parts = this.#boxesOf(this.#size).map((box) => ({ box, at: -Infinity, sketch: undefined }));
    } else if (this.#looking !== undefined) Object.assign(this.#looking, { at: capturedAt, sketch });
    this.#now = sketch;
  }
}
