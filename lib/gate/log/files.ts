/** Where a log lies: segments of entries, beside each the details of its entries, and the pictures. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { PRIVATE_FILE, namesIn, readIfThere, syncFolder } from "../../files";

const DIGITS = 10;
const SEGMENT = /^(\d{10})\.log$/;
export const PICTURES = "pictures";

const padded = (sequence: number): string => String(sequence).padStart(DIGITS, "0");

export const segmentFile = (folder: string, first: number): string => join(folder, `${padded(first)}.log`);
export const detailsFile = (folder: string, first: number): string => join(folder, `${padded(first)}.details`);
export const pictureFile = (folder: string, sequence: number): string => join(folder, PICTURES, padded(sequence));

/** The first sequence of each segment, the oldest first. */
export async function segmentsOf(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The sequences that have a picture, the oldest first. */
export async function picturesOf(folder: string): Promise<number[]> {
  return (await namesIn(join(folder, PICTURES)))
    .filter((name) => /^\d{10}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** The lines of a file; the last is what follows the last line's end, "" where nothing does. */
export async function linesOf(path: string): Promise<string[]> {
  return ((await readIfThere(path))?.toString() ?? "").split("\n");
}

/** A file that only grows. What could not be written whole is cut off again before the next. */
export class Growing {
  readonly #path: string;
  readonly #folder: string;
  /** Bytes that are known to be whole, … */
  #size: number;
  /** … without the line that was appended last. */
  #before: number;

  constructor(folder: string, path: string, size: number) {
    this.#folder = folder;
    this.#path = path;
    this.#size = size;
    this.#before = size;
  }

  /** On disk when it resolves. @throws the system's error */
  async append(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`);
    const file = await open(this.#path, "a", PRIVATE_FILE);
    let from: number;
    try {
      const { size } = await file.stat();
      from = Math.min(size, this.#size);
      if (size > from) await file.truncate(from);
      await file.appendFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    // A new file is an entry of its folder.
    if (from === 0) await syncFolder(this.#folder);
    this.#before = from;
    this.#size = from + bytes.length;
  }

  /** The line that was appended last is cut off before the next. */
  takeBack(): void {
    this.#size = this.#before;
  }
}
