import { BoundedMap } from "../bounded-map";
import { ByPayload } from "./by-payload";

/** Packed 8-bit RGB, row by row. Moves between threads, so that it is in one place at a time. */
export interface Pixels {
  data: Uint8Array<ArrayBuffer>;
  /** Pixels of the picture as shown. */
  width: number;
  height: number;
}

/** What crosses to a worker: compressed or raw bytes to decode there, or pixels that were decoded before. */
export type PixelSource =
  { pixels: Pixels } | { bytes: Uint8Array<ArrayBuffer>; raw: { width: number; height: number } | undefined };

interface Entry {
  /** Undefined where they were left behind in the worker. */
  pixels: Pixels | undefined;
  /** The camera; undefined is a photo. */
  source: string | undefined;
}

/** After so many frames of a camera whose pixels nobody came for they stay behind. */
const UNWANTED_AFTER = 3;
/** Of more cameras than these, those silent longest are forgotten. */
const MAX_SOURCES = 64;

/**
 * What stages share beside the message (docs/extending.md): the pixels of pictures that ride on messages, so that a
 * frame is decoded once on its way through the stages. Without them the result is the same, later.
 * An entry lives as long as the payload does, or until a stage takes it. (Shared memory would let all threads read one
 * copy, but it is freed only when each of them has collected its garbage, and idle workers never do: gigabytes pile
 * up.)
 *
 * Pixels that nobody takes cost the event loop its garbage collections, and while faces are followed nobody takes most
 * of them. So
 * where a camera's frames go untaken the next ones' pixels stay in the worker, until somebody asks for some; that
 * frame is decoded again.
 */
export class PixelCache {
  readonly #entries = new ByPayload<Entry>();
  /** How many frames of each camera in a row nobody came for. */
  readonly #untaken = new BoundedMap<string, number>(MAX_SOURCES);

  /** The pixels, no longer here: they are to be moved to a worker. Whoever comes second decodes again. */
  take(payload: Buffer): Pixels | undefined {
    const entry = this.#entries.get(payload);
    this.#entries.delete(payload);
    if (entry?.source !== undefined) this.#untaken.delete(entry.source);
    return entry?.pixels;
  }

  /**
   * Whether the pixels of this camera's next frame should ride on:
   * @param source undefined is a photo, whose pixels always do
   */
  wanted(source: string | undefined): boolean {
    return source === undefined || (this.#untaken.get(source) ?? 0) < UNWANTED_AFTER;
  }

  /** @param pixels undefined where they were not wanted */
  set(payload: Buffer, pixels: Pixels | undefined, source: string | undefined): void {
    if (this.#entries.set(payload, { pixels, source }) && source !== undefined) this.#count(source);
  }

  #count(source: string): void {
    this.#untaken.set(source, (this.#untaken.get(source) ?? 0) + 1);
  }
}

/** The one cache of this process; stages share a frame's pixels through it. */
export const pixelCache = new PixelCache();
