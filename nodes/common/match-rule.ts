import type { DistanceKind } from "../../lib/gallery/roster";
import type { Ruling } from "../../lib/match/match";

/** How a face-match node decides, as the API tells it: with variables put in. */
export interface MatchRule {
  /** Id of the gallery's node. */
  gallery: string;
  distance: DistanceKind;
  /** A fixed τ; undefined where none is set. */
  threshold: number | undefined;
  /** Share of strangers who may get a name; undefined is a fixed τ. */
  wanted: number | undefined;
  /** τ as it comes out now; undefined while the gallery is not open. */
  now(): Ruling | undefined;
}
