/** Who is known, for whoever measures them: its threshold, its own people (lib/calibrate). */
import type { Normalisation } from "../embed/normalise";

/** The embedding of a photo. */
export interface KnownEmbedding {
  photoId: string;
  personId: string;
  vector: Float32Array;
  /** Whether somebody said that it is this person: then it is never set aside. */
  sure: boolean;
}

/** Beside its own people: what d' of a gallery is normalised by. */
export interface Comparison {
  normalisation: Normalisation;
  /** Strangers who are kept, one embedding each. */
  strangers: readonly Float32Array[];
}
