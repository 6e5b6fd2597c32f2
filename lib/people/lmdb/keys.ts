/** Under which keys records lie in the database, and how each kind is read. */
import { z } from "zod";
import { contentHash } from "../hash";
import type { PhotoEmbedding } from "../people";
import { pack, unpack, unpackAnchor, unpackEmbedding, unpackPerson, unpackPhoto, unpackUnknown } from "../records";
import type { Secret } from "./secret";

export type RecordKind = "person" | "photo" | "anchor" | "unknown" | "note";

const FINGERPRINT_LENGTH = 16;

export class Keys {
  readonly #secret: Secret;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  of(kind: RecordKind, id: string): string {
    return `${kind}:${this.#secret.blind(id)}`;
  }

  /** Of a key that may be longer than LMDB's can be, and have somebody's name in it. */
  ofNote(key: string): string {
    return this.of("note", contentHash(Buffer.from(key)));
  }

  ofEmbedding({ photoId, fingerprint }: Pick<PhotoEmbedding, "photoId" | "fingerprint">): string {
    return `${this.beforeEmbeddingsOf(photoId)}${shortened(fingerprint)}`;
  }

  /** What the keys of all embeddings of a photo begin with. */
  beforeEmbeddingsOf(photoId: string): string {
    return `embedding:${this.#secret.blind(photoId)}:`;
  }
}

/** What the keys of all embeddings that were made alike end with. */
export function endingOf(fingerprint: string): string {
  return `:${shortened(fingerprint)}`;
}

export function kindOf(key: string): string {
  return key.slice(0, key.indexOf(":"));
}

function shortened(fingerprint: string): string {
  return contentHash(Buffer.from(fingerprint)).slice(0, FINGERPRINT_LENGTH);
}

const noteSchema = z.object({ key: z.string(), value: z.unknown() });

export const packNote = (key: string, value: unknown): Buffer => pack({ key, value });
export const unpackNote = (bytes: Buffer): z.infer<typeof noteSchema> => noteSchema.parse(unpack(bytes).value);

/** By kind of key. Each throws at what is no such record. */
export const READERS: Readonly<Record<string, (value: Buffer) => unknown>> = {
  person: unpackPerson,
  photo: unpackPhoto,
  anchor: unpackAnchor,
  unknown: unpackUnknown,
  note: unpackNote,
  embedding: unpackEmbedding,
};

/** What it returns, or undefined where it throws. */
export function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
