/**
 * HEIC, the pictures of phones: decoded by an optional package, in a worker of its own, because libheif works for a
 * second and may trap.
 */
import { heard } from "../observe/heard";
import { StagePool } from "../workers/pool";
import type { HeicTask } from "./heic-worker";
import type { Pixels } from "./pixels";

/** Photos come in series; the worker waits so long for the next, in ms. */
const LINGER_MS = 30_000;
/** A 12-megapixel photo takes about a second of a server's core. */
const TIMEOUT_MS = 60_000;

const pool = new StagePool<HeicTask, Pixels>(__dirname, "heic-worker", 1);

/**
 * The pixels of a HEIC picture, upright.
 * @throws a sentence when the decoder is not installed, the picture is damaged, or it is too large
 */
export async function decodeHeic(bytes: Uint8Array): Promise<Pixels> {
  const copy = Uint8Array.from(bytes);
  pool.acquire();
  try {
    return await pool.run({ bytes: copy }, { transfer: [copy.buffer], timeoutMs: TIMEOUT_MS });
  } finally {
    setTimeout(() => heard("heic", pool.release()), LINGER_MS).unref();
  }
}
