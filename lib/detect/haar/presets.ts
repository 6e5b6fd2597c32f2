/** The ways to search that have a name: for the node's form, for enrolment and for benches. */

export interface Preset {
  /** Whether faces are followed from frame to frame, and most of a frame is not searched. */
  tracking: boolean;
  /** Whether live frames are searched only where something moves. */
  motionGate: boolean;
  cascade: "frontalface_default";
  scaleFactor: number;
  minNeighbors: number;
  workingWidth: "auto" | 0;
}

/** Nearly as many faces as PHOTO, fewer false boxes, two thirds of the time (npm run bench:working-width). */
const FRAMES = { cascade: "frontalface_default", scaleFactor: 1.1, minNeighbors: 3, workingWidth: "auto" } as const;

export const PRESETS = {
  /** For cameras; what a new node has. */
  tracking: { ...FRAMES, tracking: true, motionGate: true },
  /** Every frame is searched whole. */
  accurate: { ...FRAMES, tracking: false, motionGate: false },
  /** For photos by which somebody is enrolled or looked up, which have time. */
  photo: { ...FRAMES, tracking: false, motionGate: false, minNeighbors: 5, workingWidth: 0 },
  /** detectMultiScale(gray, 1.3, 5), as in the program this package grew from. */
  original: { ...FRAMES, tracking: false, motionGate: false, scaleFactor: 1.3, minNeighbors: 5, workingWidth: 0 },
} as const satisfies Readonly<Record<string, Preset>>;
