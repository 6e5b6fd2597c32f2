/**
 * Embeddings once more, as 8-bit numbers beside the full ones: a quarter of the bytes to read, and eight products at a
 * time (./sieve). Each x is kept as s·q, q whole numbers from −127 to 127, with |x − s·q|. In one WebAssembly
 * memory, which all threads share, and which grows by a chunk at a time and never shrinks.
 */
import { LARGEST_CODE, type Layout, layoutOf } from "./sieve";
import { CHUNK_ROWS } from "./scan";
import { newMemory, PAGE, type WasmMemory } from "./wasm";

/** What a 32-bit number may be below the 64-bit one it is made of, so that a bound stays one. */
const UP = 1 + 2 ** -22;
const LEAST = 2 ** -148;

/** The least 32-bit number of full precision: with it no code is beyond the largest. */
const LEAST_SCALE = 2 ** -126;
/** Added to a number and taken off again, it leaves the nearest whole one: Math.round takes twice as long. */
const WHOLE = 1.5 * 2 ** 52;

/** Of a chunk. */
interface Planes {
  codes: Int8Array;
  scales: Float32Array;
  norms: Float32Array;
  errors: Float32Array;
  biases: Float32Array;
}

export class Codes {
  readonly memory: WasmMemory;
  readonly layout: Layout;
  readonly #chunks: Planes[] = [];

  constructor(memory: WasmMemory, layout: Layout) {
    this.memory = memory;
    this.layout = layout;
  }

  /** Undefined where this computer cannot. */
  static of(dimensions: number, biased: boolean): Codes | undefined {
    try {
      const layout = layoutOf(dimensions, biased);
      return layout && new Codes(newMemory(), layout);
    } catch {
      return undefined;
    }
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Make room for a chunk. @returns whether there is any */
  reserve(index: number): boolean {
    const { memory, layout } = this;
    const missing = (index + 1) * layout.bytes - memory.buffer.byteLength;
    try {
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    } catch {
      return false;
    }
    while (this.#chunks.length <= index) this.#chunks.push(this.#planesOf(this.#chunks.length));
    return true;
  }

  /** In a chunk for which there is room. @param from where the embedding begins among the values */
  write(index: number, at: number, values: Float32Array, from: number, bias: number): void {
    const planes = this.#chunks[index] as Planes;
    const { codes } = planes;
    const { dimensions, stride } = this.layout;
    const begin = at * stride;
    let largest = 0;
    let square = 0;
    for (let axis = 0; axis < dimensions; axis += 1) {
      const size = Math.abs(values[from + axis] as number);
      square += size * size;
      if (size > largest) largest = size;
    }
    const isFinite = square < Infinity;
    const wanted = Math.fround(largest / LARGEST_CODE);
    const scale = isFinite && wanted >= LEAST_SCALE ? wanted : 0;
    const inverse = scale === 0 ? 0 : 1 / scale;
    let norm = 0;
    let lost = 0;
    for (let axis = 0; axis < dimensions; axis += 1) {
      const value = values[from + axis] as number;
      const code = scale === 0 ? 0 : value * inverse + WHOLE - WHOLE;
      const difference = value - scale * code;
      codes[begin + axis] = code;
      norm += code * code;
      lost += difference * difference;
    }
    planes.scales[at] = scale;
    planes.norms[at] = norm;
    // What holds something else than numbers is always looked at in full.
    planes.errors[at] = isFinite ? Math.sqrt(lost) * UP + LEAST : Infinity;
    planes.biases[at] = bias;
  }

  setBias(index: number, at: number, bias: number): void {
    const planes = this.#chunks[index];
    if (planes !== undefined) planes.biases[at] = bias;
  }

  /** Nothing of it stays, and it passes no sieve. */
  wipe(index: number, at: number): void {
    const planes = this.#chunks[index];
    if (planes === undefined) return;
    const { stride } = this.layout;
    planes.codes.fill(0, at * stride, (at + 1) * stride);
    for (const plane of [planes.norms, planes.errors, planes.biases]) plane[at] = 0;
    planes.scales[at] = NaN;
  }

  #planesOf(index: number): Planes {
    const { stride, scales, norms, errors, biases, bytes, biased } = this.layout;
    const { buffer } = this.memory;
    const plane = (offset: number): Float32Array => new Float32Array(buffer, index * bytes + offset, CHUNK_ROWS);
    return {
      codes: new Int8Array(buffer, index * bytes, CHUNK_ROWS * stride),
      scales: plane(scales),
      norms: plane(norms),
      errors: plane(errors),
      biases: biased ? plane(biases) : new Float32Array(0),
    };
  }
}
