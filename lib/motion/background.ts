/**
 * What a scene looks like while nothing happens in it, learned from small grey pictures of its frames, and where a
 * frame is otherwise. Pure; some tenths of a millisecond for 160 × 90 values.
 *
 * Each value has a fast mean (what is there now; rain and grain are gone from it), a slow one (the background), and
 * the mean of their difference (its noise). What the light does to a whole row, a flicker of lamps or the camera's
 * exposure, is taken out first: the median ratio of a row to its background.
 */
import type { Grey } from "../image/grey-thumbnail";
import type { Box } from "../message";

/** Time constants of the means, in milliseconds. */
const FAST_MS = 80;
/** What came and stays is background after about twice that: so long it is searched, though it moves no more. */
const SLOW_MS = 1000;
const NOISE_MS = 15_000;
/** For so long it is as if FIRST_NOISE had been seen already. */
const FIRST_MS = 1000;

/** A value has changed that is off by more than this, in grey levels, and by more than so many times its noise. */
const LEAST_CHANGE = 5;
const NOISES = 5;
/**
 * However restless a place is, what is off by so much counts: faces differ from what is behind them by more.
 */
const MOST_CHANGE = 20;
const FIRST_NOISE = 1;

/** Side of a cell, in values of the thumbnail. Changes are counted in squares of 2 × 2 cells, which overlap. */
const CELL = 4;
/**
 * So many of the 64 values of a square must have changed, and so many times more than usual there. Never more than the
 * smallest face has, of 24 pixels with the hair around it: 3 × 3 values and half as many again.
 */
const LEAST_COUNT = 4;
const TIMES_USUAL = 3;
const MOST_COUNT = 12;

/** The scene is as bright as never before if it is off by this ratio, and by so many times its usual flicker. */
const LEAST_LIGHT = 0.2;
const TIMES_FLICKER = 3;
const MOST_FLICKER = 0.5;

/** Darker values say nothing about a ratio. */
const DARK = 12;
const LEAST_OF_ROW = 8;
/** Of the ratios' histogram: steps of a 128th, up to 4. */
const RATIO_STEPS = 128;
const RATIO_BINS = 4 * RATIO_STEPS;

/** What is otherwise than the background. */
export type Changed = "nothing" | "everything" | Cells;

/** Boxes in values of the thumbnail, of cells that touch each other. */
export type Cells = readonly Box[];

/** With more separate places than this it is everything. */
const MOST_PLACES = 8;

const share = (elapsed: number, constant: number): number => 1 - Math.exp(-elapsed / constant);

export class Background {
  readonly width: number;
  readonly height: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #now: Float32Array;
  readonly #slow: Float32Array;
  readonly #noise: Float32Array;
  readonly #usual: Float32Array;
  readonly #counts: Uint16Array;
  readonly #histogram = new Uint16Array(RATIO_BINS);
  #flicker = 0;
  readonly #since: number;
  #at: number;

  /** @param first how it looks to begin with @param at milliseconds */
  constructor(first: Grey, at: number) {
    this.width = first.width;
    this.height = first.height;
    this.#columns = Math.ceil(first.width / CELL);
    this.#rows = Math.ceil(first.height / CELL);
    this.#now = Float32Array.from(first.data);
    this.#slow = Float32Array.from(first.data);
    this.#noise = new Float32Array(first.data.length).fill(FIRST_NOISE);
    this.#usual = new Float32Array(this.#columns * this.#rows);
    this.#counts = new Uint16Array(this.#columns * this.#rows);
    this.#since = at;
    this.#at = at;
  }

  /** Take in the next frame of the same size, in order of time. @returns where it is otherwise than those before */
  next(grey: Grey, at: number): Changed {
    const elapsed = Math.max(1, at - this.#at);
    this.#at = at;
    this.#blend(grey.data, share(elapsed, FAST_MS));
    const ratios = this.#ratios();
    // All of a short past counts alike.
    const noiseShare = Math.max(share(elapsed, NOISE_MS), elapsed / (FIRST_MS + at - this.#since));
    this.#count(ratios, noiseShare, share(elapsed, SLOW_MS));
    const light = this.#lightChanged(ratios, noiseShare);
    const changed = this.#changedSquares(noiseShare);
    if (light) return "everything";
    const places = placesOf(changed, this.#columns, this.#rows);
    if (places.length === 0) return "nothing";
    return places.length > MOST_PLACES ? "everything" : places;
  }

  #blend(data: Uint8Array, fast: number): void {
    const now = this.#now;
    for (let index = 0; index < data.length; index += 1)
      (now[index] as number) += fast * ((data[index] as number) - (now[index] as number));
  }

  /** Of each row to its background: 1 where it is as bright. */
  #ratios(): Float32Array {
    const histogram = this.#histogram;
    const ratios = new Float32Array(this.height).fill(1);
    for (let row = 0; row < this.height; row += 1) {
      histogram.fill(0);
      let valid = 0;
      for (let index = row * this.width, end = index + this.width; index < end; index += 1) {
        const slow = this.#slow[index] as number;
        if (slow < DARK) continue;
        const bin = Math.min(RATIO_BINS - 1, Math.round(((this.#now[index] as number) * RATIO_STEPS) / slow));
        (histogram[bin] as number) += 1;
        valid += 1;
      }
      if (valid >= LEAST_OF_ROW) ratios[row] = medianBin(histogram, valid) / RATIO_STEPS;
    }
    return ratios;
  }

  /** Counts in each cell what is otherwise, and learns the background and its noise. */
  #count(ratios: Float32Array, noiseShare: number, slowShare: number): void {
    const [now, slow, noise, counts] = [this.#now, this.#slow, this.#noise, this.#counts];
    counts.fill(0);
    for (let row = 0, index = 0; row < this.height; row += 1) {
      const ratio = ratios[row] as number;
      const louder = Math.max(1, ratio);
      const cells = Math.floor(row / CELL) * this.#columns;
      for (let column = 0; column < this.width; column += 1, index += 1) {
        const value = now[index] as number;
        const before = slow[index] as number;
        const off = Math.abs(value - Math.min(255, ratio * before));
        const usual = noise[index] as number;
        const least = Math.max(LEAST_CHANGE, NOISES * usual) * louder;
        if (off > Math.min(MOST_CHANGE, least)) (counts[cells + Math.floor(column / CELL)] as number) += 1;
        noise[index] = usual + noiseShare * (Math.min(off, MOST_CHANGE / NOISES) - usual);
        slow[index] = before + slowShare * (value - before);
      }
    }
  }

  #lightChanged(ratios: Float32Array, noiseShare: number): boolean {
    const ratio = median(ratios);
    const off = Math.abs(Math.log(Math.max(0.01, ratio)));
    const changed = off > Math.max(LEAST_LIGHT, TIMES_FLICKER * this.#flicker);
    this.#flicker += noiseShare * (Math.min(off, MOST_FLICKER) - this.#flicker);
    return changed;
  }

  /** By cell: whether it is in a square in which more has changed than does so usually. */
  #changedSquares(noiseShare: number): Uint8Array {
    const [columns, rows] = [this.#columns, this.#rows];
    const changed = new Uint8Array(columns * rows);
    const at = (column: number, row: number): number =>
      column < columns && row < rows ? (this.#counts[row * columns + column] as number) : 0;
    for (let row = 0, index = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1, index += 1) {
        const count = at(column, row) + at(column + 1, row) + at(column, row + 1) + at(column + 1, row + 1);
        const usual = this.#usual[index] as number;
        const needed = Math.min(MOST_COUNT, LEAST_COUNT + TIMES_USUAL * usual);
        this.#usual[index] = usual + noiseShare * (Math.min(count, MOST_COUNT) - usual);
        if (count < needed) continue;
        for (const [right, below] of SQUARE)
          if (column + right < columns && row + below < rows && at(column + right, row + below) > 0)
            changed[(row + below) * columns + column + right] = 1;
      }
    }
    return changed;
  }
}

const SQUARE = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;

/** Where half of the values lie below, within its bin as if they were spread evenly. */
function medianBin(histogram: Uint16Array, values: number): number {
  let below = 0;
  for (let bin = 0; bin < histogram.length; bin += 1) {
    const here = histogram[bin] as number;
    if (below + here >= values / 2) return bin - 0.5 + (values / 2 - below) / here;
    below += here;
  }
  return RATIO_STEPS;
}

function median(values: Float32Array): number {
  return values.toSorted()[values.length >> 1] as number;
}

/** The boxes of groups of cells that touch each other, also over corners, in values of the thumbnail. */
function placesOf(changed: Uint8Array, columns: number, rows: number): Box[] {
  const places: Box[] = [];
  const waiting: number[] = [];
  for (let first = 0; first < changed.length; first += 1) {
    if (changed[first] !== 1) continue;
    let [left, top, right, bottom] = [columns, rows, 0, 0];
    changed[first] = 0;
    waiting.push(first);
    for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
      const column = cell % columns;
      const row = (cell - column) / columns;
      left = Math.min(left, column);
      top = Math.min(top, row);
      right = Math.max(right, column + 1);
      bottom = Math.max(bottom, row + 1);
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y += 1) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x += 1) {
          const near = y * columns + x;
          if (changed[near] !== 1) continue;
          changed[near] = 0;
          waiting.push(near);
        }
      }
    }
    places.push({ x: left * CELL, y: top * CELL, width: (right - left) * CELL, height: (bottom - top) * CELL });
  }
  return places;
}
