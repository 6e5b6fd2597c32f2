import type { Look } from "../../lib/detect/look";
import type { Seen } from "../../lib/detect/tracker";
import type { Box, Frame } from "../../lib/message";

const SIDE = 44;

/** A pattern that differs from that of every other number as one face's fine structure does from another's. */
export function lookOf(person: number, shift = 0): Look {
  const waves = Array.from({ length: 6 }, (_, wave) => {
    const angle = person * 1.7 + wave * 2.4;
    const speed = 0.35 + 0.11 * ((person * 7 + wave * 3) % 5);
    return { x: Math.cos(angle) * speed, y: Math.sin(angle) * speed, phase: person * 5.1 + wave };
  });
  return Uint8Array.from(
    { length: SIDE * SIDE },
    (_, at) =>
      128 +
      12 *
        waves.reduce(
          (sum, { x, y, phase }) => sum + Math.sin(x * ((at % SIDE) + shift) + y * Math.floor(at / SIDE) + phase),
          0,
        ),
  );
}

/** A face of `person` with a box of `side` pixels around x, y. */
export function seenAt(person: number, x: number, y: number, side = 100): Seen {
  const box: Box = { x: x - side / 2, y: y - side / 2, width: side, height: side };
  return { box, score: 20, look: lookOf(person) };
}

/** A frame of a camera with 30 frames a second. */
export function frameAt(sequence: number, changes: Partial<Frame> = {}): Frame {
  return {
    source: "door",
    sequence,
    capturedAt: 1_000_000 + Math.round((sequence * 1000) / 30),
    width: 640,
    height: 480,
    ...changes,
  };
}
