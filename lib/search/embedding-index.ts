/**
 * Exact search for the nearest people among embeddings in memory. Of many they are kept as 8-bit numbers as well, by
 * which most are passed over (./sieve).
 */
import { heard } from "../observe/heard";
import { Fault, UserError } from "../errors";
import { StagePool } from "../workers/pool";
import { THREADS } from "../workers/threads";
import { Codes } from "./codes";
import { RowsByOwner } from "./rows-by-owner";
import { type Both, type Chunk, CHUNK_ROWS, FREE, type Hit, merge, scan, scanBoth } from "./scan";
import type { SearchTask } from "./search-worker";

export type { Hit } from "./scan";

/** A small gallery has a small first chunk, which doubles until it is a whole one. */
const FIRST_ROWS = 64;
/**
 * Up to so many numbers the main thread looks itself, in about a millisecond; a worker's answer takes nearly as long
 * to come.
 */
const INLINE_VALUES = 4096 * 128;

/** From so many numbers on codes are made: a search of fewer takes a few milliseconds. */
const CODED_VALUES = 131_072 * 128;
/** With each embedding that is added, so many of those that were there are given codes: no turn takes long. */
const CAUGHT_UP = 4;

const pool = new StagePool<SearchTask, Both>(__dirname, "search-worker", THREADS.search);

/** @throws a sentence when it holds a NaN or an infinity */
export function checkProbe(probe: Float32Array): void {
  if (!probe.every(Number.isFinite)) throw new UserError("search.notANumber");
}

export interface EmbeddingIndexOptions {
  biased?: boolean;
  codedFrom?: number | undefined;
}

export class EmbeddingIndex {
  readonly #dimensions: number;
  readonly #biased: boolean;
  readonly #chunks: Chunk[] = [];
  /** Rows that were removed, to be used again once no search looks at them. */
  #free: number[] = [];
  readonly #rowsByOwner = new RowsByOwner();
  /** By chunk, how many of its rows are not to be used again. */
  readonly #kept: number[] = [];
  /** Searches that workers are at; each ends when the last worker's part has. */
  readonly #reading = new Set<Promise<unknown>>();
  /** Undefined in a small index, and where this computer cannot. */
  #codes: Codes | undefined;
  /** Rows before it have codes; all have where it is Infinity. */
  #coded = 0;
  /** This computer has no vectors, or no more memory: what there are is not used, and goes with the embeddings. */
  #cannotCode = false;
  readonly #codedFrom: number;
  #size = 0;
  #acquired = false;
  #closed = false;

  /**
   * @param dimensions of every embedding here
   * @param biased whether distances are less what `add` and `rate` say
   * @param codedFrom from how many numbers in all codes are made
   */
  constructor(dimensions: number, { biased = false, codedFrom = CODED_VALUES }: EmbeddingIndexOptions = {}) {
    this.#dimensions = dimensions;
    this.#biased = biased;
    this.#codedFrom = codedFrom;
  }

  /** How many embeddings there are. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that are held for embeddings. */
  get bytes(): number {
    return this.#chunks.reduce(
      (sum, { values, owners, biases }) => sum + values.byteLength + owners.byteLength + (biases?.byteLength ?? 0),
      this.#codes?.bytes ?? 0,
    );
  }

  /** Whether searches pass over most embeddings by their 8-bit numbers. */
  get coded(): boolean {
    return !this.#cannotCode && this.#coded === Infinity;
  }

  /**
   * @param owner a whole number from 0 @param bias what is taken off its distances, in an index that is biased
   * @returns a handle of the embedding, until it is removed @throws Error when the length is not the index's
   */
  add(owner: number, embedding: Float32Array, bias = 0): number {
    if (embedding.length !== this.#dimensions)
      throw new Fault(`embeddings of ${embedding.length} and ${this.#dimensions} dimensions are in one gallery`);
    const row = this.#free.pop() ?? this.#append();
    const { chunk, at, index } = this.#place(row);
    this.#kept[index] = (this.#kept[index] ?? 0) + 1;
    chunk.values.set(embedding, at * this.#dimensions);
    chunk.owners[at] = owner;
    if (chunk.biases !== undefined) chunk.biases[at] = bias;
    this.#rowsByOwner.add(owner, row);
    this.#size += 1;
    this.#encode(row);
    return row;
  }

  /** No search that begins from now on finds it; once those under way have ended nothing of it is in memory. */
  remove(handle: number): void {
    const { chunk, at, index } = this.#place(handle);
    const owner = chunk.owners[at] ?? FREE;
    if (owner === FREE) return;
    chunk.owners[at] = FREE;
    // Whoever reads them now finds it or does not, as with the owner.
    this.#codes?.wipe(index, at);
    this.#rowsByOwner.remove(owner, handle);
    this.#size -= 1;
    // A worker that reads it now must not see half of it, nor somebody else's under the owner whom it has read
    // already.
    if (this.#reading.size === 0) this.#wipe(handle);
    // However the reading ends: nobody may be found who was taken out.
    else
      heard(
        "search",
        Promise.allSettled(this.#reading).then(() => this.#wipe(handle)),
      );
  }

  /** A copy. */
  embedding(handle: number): Float32Array {
    const { chunk, at } = this.#place(handle);
    return Float32Array.from(chunk.values.subarray(at * this.#dimensions, (at + 1) * this.#dimensions));
  }

  /** What is taken off the distances of an embedding. */
  bias(handle: number): number {
    const { chunk, at } = this.#place(handle);
    return chunk.biases?.[at] ?? 0;
  }

  setBias(handle: number, bias: number): void {
    const { chunk, at, index } = this.#place(handle);
    if (chunk.biases !== undefined) chunk.biases[at] = bias;
    this.#codes?.setBias(index, at, bias);
  }

  /**
   * The `count` nearest owners, nearest first; at one distance the lower owner. Exact, and off the main thread unless
   * it is quick.
   * @throws a sentence when the probe's length is not the index's or it holds a NaN or an infinity
   */
  async nearest(probe: Float32Array, count: number): Promise<Hit[]> {
    return (await this.nearestBoth(probe, count, 0)).biased;
  }

  /** As `nearest`, and the `plain` nearest owners by distance alone. @throws as nearest */
  async nearestBoth(probe: Float32Array, count: number, plain: number): Promise<Both> {
    this.#check(probe);
    if (this.#closed) throw new UserError("people.closed");
    if (this.#size * this.#dimensions <= INLINE_VALUES)
      return plain === 0
        ? { biased: scan(this.#chunks, probe, count), plain: [] }
        : scanBoth(this.#chunks, probe, count, plain);
    if (!this.#acquired) pool.acquire();
    this.#acquired = true;
    const codes = this.coded && this.#codes ? { memory: this.#codes.memory, layout: this.#codes.layout } : undefined;
    const parts = this.#shares().map((chunks) => pool.run({ chunks, probe, count, plain, codes }));
    const found = await this.#whileReading(parts);
    return {
      biased: merge(
        found.map((part) => part.biased),
        count,
      ),
      plain: merge(
        found.map((part) => part.plain),
        plain,
      ),
    };
  }

  /** Distance to one owner; Infinity when there is no embedding of theirs. @throws as nearest */
  nearestOf(probe: Float32Array, owner: number): number {
    this.#check(probe);
    const rows = this.#rowsByOwner.of(owner).map((row) => {
      const { chunk, at } = this.#place(row);
      return this.#part(chunk, at, at + 1);
    });
    return scan(rows, probe, 1)[0]?.distance ?? Infinity;
  }

  /** Distance to one embedding, less its bias. @throws as nearest */
  distanceTo(probe: Float32Array, handle: number): number {
    this.#check(probe);
    const { chunk, at } = this.#place(handle);
    return scan([this.#part(chunk, at, at + 1)], probe, 1)[0]?.distance ?? Infinity;
  }

  /** Handles of all embeddings, in memory that threads share. */
  handles(): Int32Array {
    const handles = new Int32Array(new SharedArrayBuffer(this.#size * Int32Array.BYTES_PER_ELEMENT));
    let count = 0;
    for (const [index, { owners, rows }] of this.#chunks.entries()) {
      for (let at = 0; at < rows; at += 1) {
        if (owners[at] === FREE) continue;
        handles[count] = index * CHUNK_ROWS + at;
        count += 1;
      }
    }
    return handles;
  }

  /**
   * Look at the embeddings as they are now, most likely in a worker; a handle is chunk × CHUNK_ROWS + row. Rows may
   * be removed meanwhile, but nobody else gets their places until it has ended.
   */
  async look<T>(work: (chunks: readonly Chunk[]) => Promise<T>): Promise<T> {
    const [answer] = await this.#whileReading([work(this.#chunks.map((chunk) => this.#part(chunk, 0, chunk.rows)))]);
    return answer as T;
  }

  /** Give embeddings a new bias, as they are rated. @param rate as in `look` */
  async rate(handles: Int32Array, rate: (chunks: readonly Chunk[]) => Promise<Float32Array>): Promise<void> {
    await this.look(async (chunks) => {
      const biases = await rate(chunks);
      for (const [place, handle] of handles.entries()) this.setBias(handle, biases[place] as number);
    });
  }

  /** Ends the workers when no other index uses them. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#acquired) await pool.release();
  }

  /** When one fails, the others read on. */
  async #whileReading<T>(parts: readonly Promise<T>[]): Promise<T[]> {
    const reading = Promise.allSettled(parts);
    this.#reading.add(reading);
    try {
      await reading;
      return await Promise.all(parts);
    } finally {
      this.#reading.delete(reading);
    }
  }

  #check(probe: Float32Array): void {
    if (probe.length !== this.#dimensions)
      throw new UserError("search.otherDimensions", { length: probe.length, dimensions: this.#dimensions });
    checkProbe(probe);
  }

  /** One part for each thread, of about the same number of rows. */
  #shares(): Chunk[][] {
    const rows = this.#chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    const share = Math.ceil(rows / THREADS.search);
    const shares: Chunk[][] = [];
    for (let from = 0; from < rows; from += share) shares.push(this.#between(from, Math.min(rows, from + share)));
    return shares;
  }

  #between(from: number, to: number): Chunk[] {
    const parts: Chunk[] = [];
    let begin = 0;
    for (const [index, chunk] of this.#chunks.entries()) {
      const first = Math.max(0, from - begin);
      const last = Math.min(chunk.rows, to - begin);
      if (first < last) parts.push({ ...this.#part(chunk, first, last), first: index * CHUNK_ROWS + first });
      begin += chunk.rows;
    }
    return parts;
  }

  /** Rows of a chunk, without a copy. */
  #part({ values, owners, biases }: Chunk, from: number, to: number): Chunk {
    return {
      values: values.subarray(from * this.#dimensions, to * this.#dimensions),
      owners: owners.subarray(from, to),
      rows: to - from,
      ...(biases === undefined ? {} : { biases: biases.subarray(from, to) }),
    };
  }

  /** @returns a row after the last one of the first chunk that has room */
  #append(): number {
    const found = this.#chunks.findIndex(({ rows }) => rows < CHUNK_ROWS);
    const index = found < 0 ? this.#chunks.length : found;
    const before = this.#chunks[index] ?? this.#allocate(0);
    const chunk =
      before.rows < before.owners.length ? before : this.#enlarged(before, index === 0 ? FIRST_ROWS : CHUNK_ROWS);
    this.#chunks[index] = chunk;
    chunk.rows += 1;
    return index * CHUNK_ROWS + chunk.rows - 1;
  }

  /** It was somebody's face: nothing of it stays. The memory of a chunk in which nobody is left is given back. */
  #wipe(row: number): void {
    const { chunk, at, index } = this.#place(row);
    chunk.values.fill(0, at * this.#dimensions, (at + 1) * this.#dimensions);
    this.#free.push(row);
    const kept = (this.#kept[index] ?? 0) - 1;
    this.#kept[index] = kept;
    if (kept > 0) return;
    this.#chunks[index] = this.#allocate(0);
    this.#free = this.#free.filter((each) => this.#place(each).index !== index);
  }

  /** Codes of a row that was added, and of a few that were there before there were any. */
  #encode(row: number): void {
    if (this.#cannotCode) return;
    if (this.#codes === undefined && this.#size * this.#dimensions < this.#codedFrom) return;
    this.#codes ??= Codes.of(this.#dimensions, this.#biased);
    this.#encodeRow(row);
    const end = this.#chunks.length * CHUNK_ROWS;
    for (let more = 0; more < CAUGHT_UP && this.#coded < end; more += 1) {
      const { chunk, at, index } = this.#place(this.#coded);
      if (at < chunk.rows) this.#encodeRow(this.#coded);
      this.#coded = at + 1 < chunk.rows ? this.#coded + 1 : (index + 1) * CHUNK_ROWS;
    }
    // Whatever comes later has codes from the start.
    if (this.#coded >= end) this.#coded = Infinity;
  }

  #encodeRow(row: number): void {
    const { chunk, at, index } = this.#place(row);
    if (this.#codes?.reserve(index) !== true) this.#cannotCode = true;
    else if (chunk.owners[at] === FREE) this.#codes.wipe(index, at);
    else this.#codes.write(index, at, chunk.values, at * this.#dimensions, chunk.biases?.[at] ?? 0);
  }

  #allocate(rows: number): Chunk {
    const owners = new Int32Array(new SharedArrayBuffer(rows * Int32Array.BYTES_PER_ELEMENT)).fill(FREE);
    const biases = this.#biased
      ? { biases: new Float32Array(new SharedArrayBuffer(rows * Float32Array.BYTES_PER_ELEMENT)) }
      : {};
    return {
      values: new Float32Array(new SharedArrayBuffer(rows * this.#dimensions * Float32Array.BYTES_PER_ELEMENT)),
      owners,
      rows: 0,
      ...biases,
    };
  }

  #enlarged({ values, owners, biases, rows }: Chunk, least: number): Chunk {
    const larger = this.#allocate(Math.min(CHUNK_ROWS, Math.max(least, owners.length * 2)));
    larger.values.set(values);
    larger.owners.set(owners);
    if (biases !== undefined) larger.biases?.set(biases);
    return { ...larger, rows };
  }

  #place(row: number): { chunk: Chunk; at: number; index: number } {
    const index = Math.floor(row / CHUNK_ROWS);
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new Fault(`there is no embedding ${row}`);
    return { chunk, at: row % CHUNK_ROWS, index };
  }
}
