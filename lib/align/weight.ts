import type { Quality } from "../message";

/** Distance between the eyes from which more pixels tell nothing more: the chip's eyes are about that far apart. */
const FULL_SIZE = 60;
/** Sharpness from which a chip counts in full. */
const FULL_SHARPNESS = 60;
/** Nobody counts less: what is seen is never lost. */
const LEAST = 0.05;
const LEAST_FRONTAL = 0.1;

/** How much an embedding of such a face counts beside others of the same person: by size, sharpness and how frontal the face is. @returns see Quality.weight */
export function qualityWeight({ size, blur, pose }: Pick<Quality, "size" | "blur" | "pose">): number {
  const frontal = Math.max(LEAST_FRONTAL, Math.cos((pose.yaw * Math.PI) / 180) * Math.cos((pose.pitch * Math.PI) / 180));
  return Math.max(LEAST, Math.min(1, size / FULL_SIZE) * Math.min(1, blur / FULL_SHARPNESS) * frontal);
}
