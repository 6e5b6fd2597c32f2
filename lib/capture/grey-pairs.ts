/** Which of the small grey pictures that ffmpeg makes beside its JPEGs belongs to which, told by their order. */
import type { Readable } from "node:stream";
import { BoundedMap } from "../bounded-map";
import type { Grey } from "../image/grey-thumbnail";
import { pgmParser } from "./multipart";

/** Either may be ahead of the other by so many: pipes are read in pieces. */
const MOST_APART = 32;

/** Reads the pipe that brings the grey pictures, always: a pause would hold up the JPEGs, too. */
export class GreyPairs {
  /** A frame's grey picture that is not there after so many milliseconds does not come. Tests wait longer. */
  static lateMs = 100;
  readonly #early = new BoundedMap<number, Grey>(MOST_APART);
  readonly #awaited = new BoundedMap<number, (grey: Grey | undefined) => void>(MOST_APART, (resolve) =>
    resolve(undefined),
  );
  #greys = 0;
  #frames = 0;
  #over = false;

  constructor(pipe: Readable) {
    const parse = pgmParser();
    pipe.on("data", (chunk: Buffer) => {
      if (this.#over) return;
      try {
        for (const grey of parse(chunk)) this.#came(grey);
      } catch {
        // Frames can do without.
        this.close();
      }
    });
    pipe.on("error", () => this.close());
  }

  /** Of the next frame; of each, in order, this is to be asked once. @returns undefined where there is none in time */
  next(): Promise<Grey | undefined> {
    const number = this.#frames;
    this.#frames += 1;
    const early = this.#early.get(number);
    this.#early.delete(number);
    if (early !== undefined || this.#over || number < this.#greys) return Promise.resolve(early);
    return new Promise((resolve) => {
      const settle = (grey: Grey | undefined): void => {
        clearTimeout(timer);
        this.#awaited.delete(number);
        resolve(grey);
      };
      const timer = setTimeout(settle, GreyPairs.lateMs, undefined);
      this.#awaited.set(number, settle);
    });
  }

  /** No more come. */
  close(): void {
    this.#over = true;
    this.#early.clear();
    for (const settle of this.#awaited.values()) settle(undefined);
  }

  #came(grey: Grey): void {
    const number = this.#greys;
    this.#greys += 1;
    const awaited = this.#awaited.get(number);
    if (awaited !== undefined) awaited(grey);
    else if (number >= this.#frames) this.#early.set(number, grey);
  }
}
