/** Model packs made on the spot, around the tiny network of TF.js, which runs without anything optional. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packRows } from "../../lib/embed/cohort";
import { TINY_DIMENSIONS, tinyGraphModel, tinyOnnxModel } from "./tiny-models";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface TinyPack {
  id?: string;
  format?: "tfjs-graph" | "onnx";
  /** With a cohort and statistics, or without. */
  measured?: boolean;
  /** Fields of facenet-pack.json that are to be otherwise. */
  fields?: Record<string, unknown>;
  /** Fields of its descriptor that are to be otherwise. */
  descriptor?: Record<string, unknown>;
}

/** A cohort of a few rows, its R0 and τ. */
export const TINY_COHORT = { rows: 12, mean: 0.8, threshold: 0.5 };

/** Write a pack into a folder. @returns the path of its facenet-pack.json */
export function writePack(
  folder: string,
  { id = "tiny-pack", format = "tfjs-graph", measured = true, fields = {}, descriptor = {} }: TinyPack = {},
): string {
  const path = format === "onnx" ? tinyOnnxModel({ id }) : tinyGraphModel({ id });
  mkdirSync(folder, { recursive: true });
  cpSync(dirname(path), folder, { recursive: true });
  const described = {
    ...(JSON.parse(readFileSync(join(folder, "descriptor.json"), "utf8")) as { file: string }),
    l2Normalize: true,
    ...descriptor,
  };
  writeFileSync(join(folder, "LICENSE"), "Whoever made this for a test lets everybody do everything with it.\n");
  const rows = Float32Array.from({ length: TINY_COHORT.rows * TINY_DIMENSIONS }, (_, index) => Math.sin(index + 1));
  const cohort = Buffer.from(packRows(rows, TINY_DIMENSIONS).buffer);
  const statistics = Buffer.from(
    JSON.stringify({
      model: id,
      source: "measured on nothing, by a test",
      people: 2,
      photos: 4,
      genuine: [0, 3, 1],
      impostor: [...Array<number>(120).fill(0), 2000, 2000],
    }),
  );
  if (measured) {
    writeFileSync(join(folder, "cohort.i8"), cohort);
    writeFileSync(join(folder, "statistics.json"), statistics);
  }
  const figures = measured
    ? {
        cohort: {
          file: "cohort.i8",
          sha256: sha256(cohort),
          mean: TINY_COHORT.mean,
          threshold: TINY_COHORT.threshold,
        },
        statistics: { file: "statistics.json", sha256: sha256(statistics) },
      }
    : {};
  const pack = join(folder, "facenet-pack.json");
  writeFileSync(
    pack,
    JSON.stringify({
      facenetPack: 1,
      kind: "embedder",
      name: "Tiny",
      licence: { id: "CC0-1.0", file: "LICENSE" },
      size: statSync(join(folder, described.file)).size,
      descriptor: described,
      ...figures,
      ...fields,
    }),
  );
  return pack;
}

/** Write a pack as an npm package into a node_modules. @returns the path of its facenet-pack.json */
export function installPack(modules: string, name: string, pack: TinyPack = {}): string {
  const folder = join(modules, name);
  const path = writePack(folder, pack);
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name, version: "1.0.0", keywords: ["facenet-pack"], facenet: { pack: "facenet-pack.json" } }),
  );
  return path;
}
