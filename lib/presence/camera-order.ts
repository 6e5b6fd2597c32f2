/** Which frames come in time, and which are late, doubled or out of order. */
import { BoundedMap } from "../bounded-map";
import { cameraOf, type Frame, MOST_CAMERAS } from "../message";

/** Of a camera whose last frame is so far ahead of now the clock was put back. */
const AHEAD_MS = 1000;

/** `again`: it was seen before, as when a message went two ways. */
export type Turn = "next" | "again" | "stale";

export class CameraOrder {
  readonly #maxAgeMs: number;
  readonly #last = new BoundedMap<string, Pick<Frame, "capturedAt" | "sequence">>(MOST_CAMERAS);

  /** @param maxAgeMs 0 is no bound */
  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  /** @param wall milliseconds since the epoch */
  take(frame: Frame, wall: number): Turn {
    const { capturedAt, sequence, live } = frame;
    const camera = cameraOf(frame);
    const last = this.#last.get(camera);
    if (last !== undefined && last.capturedAt === capturedAt && last.sequence === sequence) return "again";
    // No time lies between the frames of a file, and its clock may be of any day.
    if (live !== false && this.#maxAgeMs > 0 && wall - capturedAt > this.#maxAgeMs) return "stale";
    const clockWentBack = last !== undefined && last.capturedAt > wall + AHEAD_MS;
    // A later number with an earlier time is a clock that went back, the other way round a camera that began anew.
    if (last !== undefined && sequence <= last.sequence && capturedAt <= last.capturedAt && !clockWentBack)
      return "stale";
    this.#last.set(camera, { capturedAt, sequence });
    return "next";
  }
}
