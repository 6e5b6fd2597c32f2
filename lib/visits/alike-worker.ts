import { serve } from "../workers/serve";
import { type Near, nearestRows, type NearRow } from "./near-rows";

/** Which rows are nearest to each of some probes. */
export interface AlikeTask extends Omit<Near, "within"> {
  probes: readonly Float32Array[];
  /** Of each probe: what is farther is not wanted. */
  within: readonly number[];
}

/** Of each probe, the nearest first. */
export type AlikeAnswer = NearRow[][];

export default serve(({ probes, within, ...near }: AlikeTask): AlikeAnswer =>
  probes.map((probe, at) => nearestRows(probe, { ...near, within: within[at] ?? Infinity })),
);
