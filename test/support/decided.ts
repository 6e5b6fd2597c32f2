/** Faces as face-match decides them. */
import type { Face } from "../../lib/message";

const NAMES: Readonly<Record<string, string>> = { alice: "Alice", bob: "Bob" };

/** A face that is well enough to see. @param person an id, or null of a stranger */
export function decided(person: string | null, fields: Partial<Face> = {}): Face {
  const name = person === null ? null : (NAMES[person] ?? person);
  const direction = person === null ? 0 : 1 + Object.keys(NAMES).indexOf(person);
  return {
    box: { x: 100, y: 80, width: 60, height: 60 },
    score: 9,
    look: 0,
    model: "fake",
    embedding: Float32Array.of(direction, 1, 0, 0),
    quality: { size: 40, blur: 60, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 0.8 },
    identity: {
      outcome: person === null ? "unknown" : "match",
      name,
      person,
      groups: [],
      distance: person === null ? 1.4 : 0.6,
      threshold: 1,
      margin: 0.4,
      candidates: [],
      reason: person === null ? "above_threshold" : "below_threshold",
    },
    ...fields,
  };
}
