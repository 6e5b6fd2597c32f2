/** The rows of a matrix that are nearest to a probe. */
import { toUnitLength } from "../embed/distance";

export interface NearRow {
  row: number;
  /** Euclidean. */
  distance: number;
}

/**
 * @param options `values`: row after row, as long as the probe; `count`: how many are wanted; `unit`: whether all are
 * compared at length 1
 * @returns the nearest first
 */
export function nearestRows(
  probe: Float32Array,
  { values, count, unit }: { values: Float32Array; count: number; unit: boolean },
): NearRow[] {
  const { length } = probe;
  const own = unit ? toUnitLength(probe) : probe;
  const distances = new Float64Array(values.length / length);
  for (let row = 0; row < distances.length; row += 1) {
    let [dot, square, ownSquare] = [0, 0, 0];
    for (let axis = 0, at = row * length; axis < length; axis += 1, at += 1) {
      const value = values[at] as number;
      const mine = own[axis] as number;
      dot += mine * value;
      square += value * value;
      ownSquare += mine * mine;
    }
    // |a − b|² = |a|² + |b|² − 2ab; of length 1 both squares are 1.
    const squared = unit ? 2 - (2 * dot) / (Math.sqrt(square) || 1) : ownSquare + square - 2 * dot;
    distances[row] = Math.sqrt(Math.max(0, squared));
  }
  return Array.from(distances, (distance, row) => ({ row, distance }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count);
}
