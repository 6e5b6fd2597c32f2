/** Encodings of photos by content and model, so that a restart embeds nothing twice. A damaged entry is made anew. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { closeToOthers, removeDurable, writeDurable } from "./files";

const FLOAT_BYTES = 4;

const entrySchema = z.object({
  model: z.string(),
  /** Of all that decides about the embedding: a model may change and keep its id. */
  fingerprint: z.string(),
  /** How many usable faces the photo has; an embedding only for one. */
  faces: z.number().int().min(0),
  embedding: z.base64().optional(),
});

/** What is known of a photo. */
export interface PhotoEncoding {
  faces: number;
  embedding: Float32Array | undefined;
}

export function contentHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export class EncodingCache {
  readonly #folder: string;
  readonly #model: string;
  readonly #fingerprint: string;
  #closed: Promise<void> | undefined;

  constructor(folder: string, { model, fingerprint = "" }: { readonly model: string; readonly fingerprint?: string | undefined }) {
    this.#folder = folder;
    this.#model = model;
    this.#fingerprint = fingerprint;
  }

  async get(hash: string): Promise<PhotoEncoding | undefined> {
    try {
      const entry = entrySchema.parse(JSON.parse(await readFile(this.#path(hash), "utf8")));
      if (entry.model !== this.#model || entry.fingerprint !== this.#fingerprint || (entry.faces === 1) !== (entry.embedding !== undefined)) return undefined;
      if (entry.embedding === undefined) return { faces: entry.faces, embedding: undefined };
      const bytes = Buffer.from(entry.embedding, "base64");
      const embedding = new Float32Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.length / FLOAT_BYTES));
      return embedding.length > 0 && embedding.every(Number.isFinite) ? { faces: 1, embedding } : undefined;
    } catch {
      return undefined;
    }
  }

  async set(hash: string, { faces, embedding }: PhotoEncoding): Promise<void> {
    // Once is enough, but a failure is tried again.
    this.#closed ??= closeToOthers(this.#folder).catch((error: unknown) => {
      this.#closed = undefined;
      throw error;
    });
    await this.#closed;
    const entry = { model: this.#model, fingerprint: this.#fingerprint, faces, ...(embedding === undefined ? {} : { embedding: Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString("base64") }) };
    await writeDurable(this.#path(hash), Buffer.from(JSON.stringify(entry)));
  }

  /** Delete the entries of every model for photos that are not among `kept`. */
  async prune(kept: ReadonlySet<string>): Promise<void> {
    let files: string[];
    try {
      files = await readdir(this.#folder);
    } catch {
      return;
    }
    // "" is the hash of a photo that could not be read, and of what a crash left aside.
    await removeDurable(files.filter((file) => !kept.has(file.split(".")[0] || "-")).map((file) => join(this.#folder, file)));
  }

  #path(hash: string): string {
    return join(this.#folder, `${hash}.${this.#model}.json`);
  }
}
