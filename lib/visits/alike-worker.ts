import type { Normalisation } from "../embed/normalise";
import { measureOf } from "../search/crowd";
import { serve } from "../workers/serve";
import { nearestRows, type NearRow } from "./near-rows";

/** Which rows are nearest to each of some probes. */
export interface NearTask {
  what: "near";
  probes: readonly Float32Array[];
  /** Row after row, as long as a probe. */
  values: Float32Array;
  count: number;
  /** Whether rows are compared at length 1. */
  unit: boolean;
}

/** How far some embeddings are from a probe, as the gallery decides about strangers. */
export interface MeasureTask {
  what: "measure";
  probe: Float32Array;
  vectors: readonly Float32Array[];
  normalisation: Normalisation | undefined;
}

export type AlikeTask = NearTask | MeasureTask;
/** Of "near" the rows of each probe, the nearest first; of "measure" the distances, in their order. */
export type AlikeAnswer = { rows: NearRow[][] } | { distances: number[] };

export default serve((task: AlikeTask): AlikeAnswer => {
  if (task.what === "near") return { rows: task.probes.map((probe) => nearestRows(probe, task)) };
  const measure = measureOf(task.normalisation);
  return { distances: task.vectors.map((vector) => measure(task.probe, vector)) };
});
