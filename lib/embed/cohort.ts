/**
 * The cohorts that come with the package: faces of nobody with which a face is compared, to see how crowded the place
 * is where it
 * lies (NOTICE says how they were made). A row is kept as 8-bit numbers, its largest ±127, and scaled to length 1 when
 * it is read:
 * distances of the faces of 100 photos (LFW) to their ten nearest rows differ from those of the 32-bit rows by 0.0020
 * at most, and
 * their means by 0.0005 (dlib-resnet-v1; bench/cohort.ts).
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { assetFile } from "../assets";
import { UserError } from "../errors";
import { toUnitLength } from "./distance";
import { phrase, type Sentence } from "../words/sentence";

export interface Cohort {
  dimensions: number;
  /** Row after row, each of length 1. */
  rows: Float32Array;
}

const BUILT_IN: Readonly<Record<string, { dimensions: number; sha256: string }>> = {
  "dlib-resnet-v1": { dimensions: 128, sha256: "52dafeded7551b93ec4c80607126b84fb4b68e4cec68201ac0064d0a6876b784" },
  "mobilefacenet-192": { dimensions: 192, sha256: "36a37d08758eaa593ab279d050ac70d8e17101f193d1c24d88298725ad4c6dce" },
};

const LARGEST = 127;

/** A cohort's file. */
export interface CohortFile {
  file: string;
  sha256: string;
  dimensions: number;
}

const loaded = new Map<string, Promise<Cohort>>();
/** Of model packs, by model. */
const learned = new Map<string, CohortFile>();

/** Know the cohort of a pack's model, or that there is none. */
export function learnCohort(model: string, cohort: CohortFile | undefined): void {
  const before = learned.get(model);
  if (before?.file === cohort?.file && before?.sha256 === cohort?.sha256) return;
  loaded.delete(model);
  if (cohort === undefined) learned.delete(model);
  else learned.set(model, cohort);
}

/**
 * The cohort of a model, read once; not to be written into.
 * @returns undefined for a model that has none
 * @throws a sentence when the file is missing or damaged
 */
export async function loadCohort(model: string): Promise<Cohort | undefined> {
  const builtIn = Object.hasOwn(BUILT_IN, model) ? BUILT_IN[model] : undefined;
  const cohort =
    builtIn === undefined ? learned.get(model) : { ...builtIn, file: assetFile("cohorts", `${model}.i8`) };
  if (cohort === undefined) return undefined;
  const loading =
    loaded.get(model) ??
    readCohort(cohort, builtIn === undefined ? phrase("embed.packAgain") : phrase("embed.packageAgain"));
  loaded.set(model, loading);
  try {
    return await loading;
  } catch (error) {
    loaded.delete(model);
    throw error;
  }
}

async function readCohort({ file, dimensions, sha256 }: CohortFile, mend: Sentence): Promise<Cohort> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    throw new UserError("embed.cohortUnreadable", { file, code, mend }, { cause: error });
  }
  if (createHash("sha256").update(bytes).digest("hex") !== sha256)
    throw new UserError("embed.cohortDamaged", { file, mend });
  return unpackRows(bytes, dimensions);
}

/**
 * Rows as 8-bit numbers: a number is off by 1/254 of the largest of its row at most.
 * @param rows one after the other, of any length but 0
 */
export function packRows(rows: Float32Array, dimensions: number): Int8Array {
  const packed = new Int8Array(rows.length);
  for (let from = 0; from < rows.length; from += dimensions) {
    const row = rows.subarray(from, from + dimensions);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    packed.set(
      row.map((value) => Math.round((value / largest) * LARGEST)),
      from,
    );
  }
  return packed;
}

/** The rows that `packRows` packed, each at length 1. @param bytes two's complement */
export function unpackRows(bytes: Uint8Array, dimensions: number): Cohort {
  const rows = Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  for (let from = 0; from < rows.length; from += dimensions)
    rows.set(toUnitLength(rows.subarray(from, from + dimensions)), from);
  return { dimensions, rows };
}
