/** Packed 8-bit RGB, row by row. Moves between threads, so that it is in one place at a time. */
export interface Pixels {
  data: Uint8Array<ArrayBuffer>;
  /** Pixels of the picture as shown. */
  width: number;
  height: number;
}

/** What crosses to a worker: compressed or raw bytes to decode there, or pixels that were decoded before. */
export type PixelSource = { pixels: Pixels } | { bytes: Uint8Array<ArrayBuffer>; raw: { width: number; height: number } | undefined };

/**
 * The pixels of pictures that ride on messages, so that a frame is decoded once on its way through the stages.
 * Keyed by the memory of the payload: Node-RED's clone of a Buffer is another view of the same memory.
 * An entry lives as long as that memory does, or until a stage takes it. (Shared memory would let all threads read one copy,
 * but it is freed only when each of them has collected its garbage, and idle workers never do: gigabytes pile up.)
 */
export class PixelCache {
  readonly #byMemory = new WeakMap<ArrayBufferLike, Map<string, Pixels>>();

  /** The pixels, no longer here: they are to be moved to a worker. Whoever comes second decodes again. */
  take(payload: Buffer): Pixels | undefined {
    const views = this.#byMemory.get(payload.buffer);
    const pixels = views?.get(key(payload));
    views?.delete(key(payload));
    return pixels;
  }

  set(payload: Buffer, pixels: Pixels): void {
    // Small Buffers share one slab, which lives on with any of them: not worth keeping megabytes of pixels for.
    if (payload.buffer.byteLength > MOST_SLACK * payload.byteLength) return;
    const views = this.#byMemory.get(payload.buffer) ?? new Map<string, Pixels>();
    views.set(key(payload), pixels);
    this.#byMemory.set(payload.buffer, views);
  }
}

/** A payload that is a smaller part than this of its memory is a slice of something bigger. */
const MOST_SLACK = 2;

function key(payload: Buffer): string {
  return `${payload.byteOffset}:${payload.byteLength}`;
}

/** The one cache of this process; stages share a frame's pixels through it. */
export const pixelCache = new PixelCache();
