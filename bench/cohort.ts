/**
 * Packs a cohort of 32-bit numbers for assets/cohorts and prints its sha256, which lib/embed/cohort.ts demands:
 *   node --import tsx bench/cohort.ts --rows FILE.f32 --dimensions 128 --out FILE.i8 [--model ID --data DIR]
 * With photos (DIR has a folder for each person) it prints how far the distances of their faces to the ten nearest
 * rows change.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { packRows, unpackRows } from "../lib/embed/cohort";
import { euclideanDistance, toUnitLength } from "../lib/embed/distance";
import { createEncoder } from "../lib/enrol/encoder";
import { encodePhoto, readFolders } from "./photos";

/** So many of the smallest distances count. */
const NEAREST = 10;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: "string" },
      dimensions: { type: "string" },
      out: { type: "string" },
      model: { type: "string" },
      data: { type: "string" },
    },
  });
  const dimensions = Number(values.dimensions);
  if (values.rows === undefined || values.out === undefined || !(dimensions > 0))
    throw new Error("--rows FILE, --dimensions N or --out FILE is missing.");
  const rows = new Float32Array(Uint8Array.from(readFileSync(values.rows)).buffer);
  const packed = packRows(rows, dimensions);
  writeFileSync(values.out, packed);
  console.log(`${rows.length / dimensions} rows, sha256 ${createHash("sha256").update(packed).digest("hex")}`);
  if (values.data === undefined) return;
  const encoder = await createEncoder({ model: values.model });
  const read = unpackRows(new Uint8Array(packed.buffer), dimensions).rows;
  let [worst, worstMean, faces] = [0, 0, 0];
  try {
    for (const { path } of readFolders(values.data)) {
      const face = await encodePhoto(encoder, readFileSync(path));
      if (face?.embedding === undefined) continue;
      const probe = toUnitLength(face.embedding);
      const [before, after] = [nearest(probe, rows, dimensions), nearest(probe, read, dimensions)];
      faces += 1;
      worst = Math.max(worst, ...before.map((distance, index) => Math.abs(distance - (after[index] as number))));
      worstMean = Math.max(worstMean, Math.abs(mean(before) - mean(after)));
    }
  } finally {
    await encoder.close();
  }
  console.log(
    `${faces} faces: distances to the ${NEAREST} nearest rows change by ${worst.toFixed(5)} at most, their ` +
      `means by ${worstMean.toFixed(5)}`,
  );
}

function nearest(probe: Float32Array, rows: Float32Array, dimensions: number): number[] {
  const distances = Array.from({ length: rows.length / dimensions }, (_, row) =>
    euclideanDistance(probe, rows.subarray(row * dimensions, (row + 1) * dimensions)),
  );
  return distances.sort((a, b) => a - b).slice(0, NEAREST);
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
