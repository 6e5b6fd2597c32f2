/**
 * What is known of the pictures that ride on messages, beside them in this process: keyed by the memory of the
 * payload, for Node-RED's clone of a Buffer is another view of the same memory. It lives as long as that memory does.
 */
export class ByPayload<Known> {
  readonly #byMemory = new WeakMap<ArrayBufferLike, Map<string, Known>>();

  get(payload: Buffer): Known | undefined {
    return this.#byMemory.get(payload.buffer)?.get(key(payload));
  }

  /** @returns whether it is kept: small Buffers share one slab, which lives on with any of them */
  set(payload: Buffer, known: Known): boolean {
    if (!hasOwnMemory(payload)) return false;
    const views = this.#byMemory.get(payload.buffer) ?? new Map<string, Known>();
    views.set(key(payload), known);
    this.#byMemory.set(payload.buffer, views);
    return true;
  }

  delete(payload: Buffer): void {
    this.#byMemory.get(payload.buffer)?.delete(key(payload));
  }
}

/**
 * The same bytes, copied only where they lie in a slab that others share: nothing is kept beside those. Which Buffers
 * do is Node.js's affair: up to 32 kB on Node.js 24, up to 4 kB before (`Buffer.poolSize`).
 */
export function withOwnMemory(payload: Buffer): Buffer {
  if (hasOwnMemory(payload)) return payload;
  const own = Buffer.allocUnsafeSlow(payload.byteLength);
  payload.copy(own);
  return own;
}

function hasOwnMemory(payload: Buffer): boolean {
  return payload.buffer.byteLength <= MOST_SLACK * payload.byteLength;
}

/** A payload that is a smaller part than this of its memory is a slice of something bigger. */
const MOST_SLACK = 2;

function key(payload: Buffer): string {
  return `${payload.byteOffset}:${payload.byteLength}`;
}
