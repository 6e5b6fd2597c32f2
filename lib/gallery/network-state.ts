/**
 * How the network of a gallery stands, as the API and the sidebar have it: types alone, which the editor reads too.
 */

/** What cannot come along, because no picture of it is kept, or none that shows a usable face. */
export interface LeftBehind {
  photos: number;
  /** People of whom nothing else is known: the new network would not know them. */
  people: { id: string; name: string }[];
  strangers: number;
  /** Negative anchors: they are embeddings alone. */
  corrections: number;
}

/**
 * "embedding": it goes on; "paused": somebody stopped it; "disk": the disk refuses, it goes on by itself; "failed":
 * the new network cannot
 * be used, it is tried again; "asking": all is embedded, but some people cannot come along, and somebody has to say
 * that they may stay behind.
 */
export type ChangeStage = "embedding" | "paused" | "disk" | "failed" | "asking";

/** A change that is under way. */
export interface NetworkChange {
  /** What findModel takes, … */
  key: string;
  /** … and the id of that model. */
  model: string;
  stage: ChangeStage;
  /** Photos. */
  done: number;
  total: number;
  /** At the pace so far; null where nothing was measured yet. */
  remainingMs: number | null;
  leftBehind: LeftBehind;
  /** Why it does not go on. */
  error: string | null;
}

export interface NetworkState {
  /** What decides who somebody is: what findModel takes, … */
  key: string;
  /** … and the id of that model. */
  model: string;
  /** Whether it is the one that the gallery's form names. */
  asInForm: boolean;
  change: NetworkChange | null;
  /** What decided before, and can again at once; `until` is in ms since the epoch. */
  previous: { key: string; model: string; until: number } | null;
  /** A surer network that this gallery could change to, as long as nobody said no: what findModel takes. */
  offer: string | null;
}

/** What decides who somebody is. */
export interface DecidingNetwork {
  /** What findModel takes. */
  key: string;
  /** Whether the gallery's form names it. */
  asInForm: boolean;
  /** Whether the gallery is changing to the one that the form names. */
  isBehindForm: boolean;
}

/** What a change would cost on this computer. */
export interface NetworkEstimate {
  key: string;
  model: string;
  /** Photos that would be embedded. */
  photos: number;
  /** As measured on a few of them just now; null in a gallery without any. */
  seconds: number | null;
  /** On the disk, without backups. */
  bytes: number;
  leftBehind: LeftBehind;
  /** τ of the new network. */
  threshold: number;
  cohortThreshold: number | null;
}
