/** Which photos to judge on: folders of people (LFW's layout), LFW's pairs.txt, or a list of pairs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import sharp from "sharp";
import type { FaceEncoder } from "../lib/enrol/encoder";
import type { Box, Face } from "../lib/message";

export interface PhotoFile {
  person: string;
  /** What is printed of it. */
  name: string;
  path: string;
}

export interface FilePair {
  a: string;
  b: string;
  same: boolean;
}

const PICTURE = /\.(jpe?g|png|webp|avif|gif)$/i;

/** A folder a person. */
export function readFolders(root: string): PhotoFile[] {
  const people = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const photos = people.flatMap((person) =>
    readdirSync(join(root, person))
      .filter((file) => PICTURE.test(file))
      .sort()
      .map((file) => ({ person, name: file, path: join(root, person, file) })),
  );
  if (photos.length === 0)
    throw new Error(
      `${root} has no folders with photos: give a folder that holds a folder of photos for each person.`,
    );
  return photos;
}

/** People who are looked at together. */
export interface SetOfPhotos {
  name: string;
  /** Folders with a folder for each person. */
  roots: string[];
}

function hasPhotos(folder: string): boolean {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isFile() && PICTURE.test(entry.name));
}

function folders(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(root, name))
    .sort();
}

/** @param given a folder of people; several of one set, with commas; or a folder of such folders, each a set */
export function readSets(given: string): SetOfPhotos[] {
  const roots = given.split(",");
  const inside =
    roots.length > 1 || folders(given).some(hasPhotos)
      ? []
      : folders(given).filter((folder) => folders(folder).some(hasPhotos));
  if (inside.length > 0) return inside.map((folder) => ({ name: basename(folder), roots: [folder] }));
  return [{ name: roots.map((root) => basename(root)).join(" + "), roots }];
}

/**
 * LFW's pairs.txt: "folds  pairs", then for each fold so many lines "name n m" (the same person) and as many "name n
 * name m".
 * @returns the folds
 */
export function readPairs(file: string, root: string): FilePair[][] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const [folds, pairs] = (lines[0] ?? "").split(/\s+/).map(Number);
  if (folds === undefined || pairs === undefined || !(folds >= 2) || lines.length !== 1 + 2 * folds * pairs)
    throw new Error(
      `${file} is no pairs.txt: its first line must say how many folds and pairs there are, and 2 × folds × ` +
        "pairs lines must follow.",
    );
  const path = (name: string, number: string): string => join(root, name, `${name}_${number.padStart(4, "0")}.jpg`);
  return Array.from({ length: folds }, (_, fold) =>
    lines.slice(1 + fold * 2 * pairs, 1 + (fold + 1) * 2 * pairs).map((line) => {
      const [name, first, second, third] = line.split(/\s+/) as [string, string, string, string | undefined];
      return third === undefined
        ? { a: path(name, first), b: path(name, second), same: true }
        : { a: path(name, first), b: path(second, third), same: false };
    }),
  );
}

/** The rows of a list, cell by cell. */
function cellsOf(file: string): { row: string; cells: string[] }[] {
  const rows = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^filea,/i.test(line));
  return rows.map((row) => ({ row, cells: row.split(",").map((cell) => cell.trim()) }));
}

function within(root: string, path: string): string {
  return isAbsolute(path) ? path : join(root, path);
}

/**
 * Lines of fileA,fileB,same with same 1 or 0 (or true or false); paths are relative to the list's folder or to `root`,
 * or absolute.
 */
export function readList(file: string, root = dirname(file)): FilePair[] {
  return cellsOf(file).map(({ row, cells: [a, b, same] }) => {
    if (a === undefined || b === undefined || !/^(0|1|true|false)$/i.test(same ?? ""))
      throw new Error(`"${row}" in ${file} is no pair: write fileA,fileB,1 for one person and fileA,fileB,0 for two.`);
    return { a: within(root, a), b: within(root, b), same: /^(1|true)$/i.test(same ?? "") };
  });
}

/** Lines of fileA,fileB: genuine pairs in one list, impostor pairs in the other; paths as in `readList`. */
export function readTwoLists(genuine: string, impostor: string, root?: string): FilePair[] {
  const read = (file: string, same: boolean): FilePair[] =>
    cellsOf(file).map(({ row, cells: [a, b, ...more] }) => {
      if (a === undefined || b === undefined || b === "" || more.length > 0)
        throw new Error(`"${row}" in ${file} is no pair: write fileA,fileB.`);
      return { a: within(root ?? dirname(file), a), b: within(root ?? dirname(file), b), same };
    });
  return [...read(genuine, true), ...read(impostor, false)];
}

/** Photos that are read without an error; what of the others is left out is said. */
export async function readable(files: readonly PhotoFile[]): Promise<(PhotoFile & { bytes: Buffer })[]> {
  const read: (PhotoFile & { bytes: Buffer })[] = [];
  const damaged: string[] = [];
  for (const file of files) {
    const bytes = readFileSync(file.path);
    if (
      await sharp(bytes, { failOn: "error" })
        .stats()
        .then(
          () => true,
          () => false,
        )
    )
      read.push({ ...file, bytes });
    else damaged.push(file.name);
  }
  if (damaged.length > 0) console.log(`left out, damaged or no pictures: ${damaged.join(", ")}`);
  if (read.length === 0) throw new Error("none of the photos can be read: they are damaged, or no pictures.");
  return read;
}

/** @throws a sentence when there are no pairs, or some name photos that are not there */
export function demandFiles(pairs: readonly FilePair[], list: string): void {
  if (pairs.length === 0) throw new Error(`${list} has no pairs.`);
  const missing = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))].filter((path) => !existsSync(path));
  if (missing.length > 0)
    throw new Error(
      `${list} names ${missing.length} photos that are not there, the first is ${missing[0]}: give the folder ` +
        "that it was written for.",
    );
}

/**
 * How much a face looks like the one that a photo of one person is meant to show: large, and near the middle. The
 * largest wins
 * (facenet, align_dataset_mtcnn.py: area of the box − 2 × square of its distance to the middle).
 */
export function prominence({ x, y, width, height }: Box, picture: { width: number; height: number }): number {
  return width * height - 2 * ((x + (width - picture.width) / 2) ** 2 + (y + (height - picture.height) / 2) ** 2);
}

/**
 * The usable face that a photo of one person is meant to show; undefined where there is none.
 * @throws Error when it is no picture
 */
export async function encodePhoto(encoder: FaceEncoder, bytes: Buffer): Promise<Face | undefined> {
  // As it is shown, not as it lies in the file.
  const { autoOrient: size } = await sharp(bytes).metadata();
  const [face] = (await encoder.encode(bytes))
    .filter(({ embedding }) => embedding !== undefined)
    .toSorted((a, b) => prominence(b.box, size) - prominence(a.box, size));
  return face;
}
