/** Two clocks: one that says what time it is, which is put right now and then, and one that only ever goes on. */

export interface Instant {
  /** Milliseconds since the epoch. */
  wall: number;
  /** Milliseconds of a clock that nobody sets. */
  mono: number;
}

/** When a frame was taken. */
export interface FrameTime {
  /** Milliseconds of the clock that only goes on. */
  at: number;
  /** Milliseconds since the epoch, not ahead of now. */
  wall: number;
  /** false: no time lies between frames. */
  live: boolean;
}

export type Clock = () => Instant;

export const systemClock: Clock = () => ({ wall: Date.now(), mono: performance.now() });

/** Less than this is no jump: clocks are drawn to the right time little by little, too. */
const JUMP_MS = 1000;

/** Notices when the wall clock was put forwards or back. */
export class Jumps {
  #ahead: number | undefined;

  /** @returns by how many milliseconds the wall clock was put forwards since it was asked last; 0 as a rule */
  since({ wall, mono }: Instant): number {
    const ahead = wall - mono;
    const by = ahead - (this.#ahead ?? ahead);
    this.#ahead = ahead;
    return Math.abs(by) >= JUMP_MS ? Math.round(by) : 0;
  }
}
