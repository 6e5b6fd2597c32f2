/** People, photos, embeddings, anchors and strangers as bytes, and back, checked. */
import { z } from "zod";
import { Fault } from "../errors";
import {
  type Anchor,
  anchorSchema,
  embeddingSchema,
  type Person,
  personSchema,
  type Photo,
  type PhotoEmbedding,
  photoSchema,
  type UnknownGroup,
  unknownSchema,
} from "./people";

/** Numbers in the text, so that an earlier version passes over them. */
const besideSchema = z.object({
  beside: z.object({
    model: unknownSchema.shape.model,
    fingerprint: unknownSchema.shape.fingerprint,
    vectors: z
      .array(
        z
          .base64()
          .max(2 ** 17)
          .transform(toVector),
      )
      .max(100),
  }),
});

const LENGTH_BYTES = 4;
const FLOAT_BYTES = 4;
export const MAX_DIMENSIONS = 8192;
export const MAX_VECTORS = 100;

/**
 * JSON, then numbers: a length, the text, the number of vectors, each with its length. Little-endian, as every machine
 * we run on.
 */
export function pack(value: object, vectors: readonly Float32Array[] = []): Buffer {
  // What could not be read again must not be written.
  if (vectors.length > MAX_VECTORS || vectors.some(({ length }) => length === 0 || length > MAX_DIMENSIONS))
    throw new Fault("a record has too many embeddings, or one that is too long");
  const text = Buffer.from(JSON.stringify(value));
  const parts = [lengthOf(text.length), text, lengthOf(vectors.length)];
  for (const vector of vectors)
    parts.push(lengthOf(vector.length), Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength));
  return Buffer.concat(parts);
}

/** @throws Error when it is not what pack made */
export function unpack(bytes: Buffer): { value: unknown; vectors: Float32Array[] } {
  let at = 0;
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw new Fault("a record is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const count = (most: number): number => {
    const length = take(LENGTH_BYTES).readUInt32LE();
    if (length > most) throw new Fault("a record is malformed");
    return length;
  };
  const value: unknown = JSON.parse(take(count(bytes.length)).toString());
  const vectors: Float32Array[] = [];
  for (let left = count(MAX_VECTORS); left > 0; left -= 1)
    vectors.push(new Float32Array(Uint8Array.from(take(count(MAX_DIMENSIONS) * FLOAT_BYTES)).buffer));
  if (!vectors.every((vector) => vector.length > 0 && vector.every(Number.isFinite)))
    throw new Fault("a record holds an embedding that is none");
  return { value, vectors };
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32LE(length);
  return bytes;
}

export const packPerson = (person: Person): Buffer => pack(person);
export const packPhoto = (photo: Photo): Buffer => pack(photo);
export const packEmbedding = ({ vector, ...rest }: PhotoEmbedding): Buffer => pack(rest, [vector]);
export const packAnchor = ({ vector, ...rest }: Anchor): Buffer => pack(rest, [vector]);
export const packUnknown = ({ vectors, beside, ...rest }: UnknownGroup): Buffer =>
  pack(
    { ...rest, ...(beside === undefined ? {} : { beside: { ...beside, vectors: beside.vectors.map(toBase64) } }) },
    vectors,
  );

export const unpackPerson = (bytes: Buffer): Person => personSchema.parse(unpack(bytes).value);
export const unpackPhoto = (bytes: Buffer): Photo => photoSchema.parse(unpack(bytes).value);
export function unpackEmbedding(bytes: Buffer): PhotoEmbedding {
  const { value, vectors } = unpack(bytes);
  return { ...embeddingSchema.parse(value), vector: only(vectors) };
}
export function unpackAnchor(bytes: Buffer): Anchor {
  const { value, vectors } = unpack(bytes);
  return { ...anchorSchema.parse(value), vector: only(vectors) };
}
export function unpackUnknown(bytes: Buffer): UnknownGroup {
  const { value, vectors } = unpack(bytes);
  const beside = besideSchema.safeParse(value);
  return { ...unknownSchema.parse(value), vectors, ...(beside.success ? beside.data : {}) };
}

export function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

export function toVector(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return bytes.length % Float32Array.BYTES_PER_ELEMENT === 0 ? new Float32Array(bytes.buffer) : new Float32Array(0);
}

function only(vectors: readonly Float32Array[]): Float32Array {
  const [vector] = vectors;
  if (vector === undefined || vectors.length > 1) throw new Fault("a record must hold one embedding");
  return vector;
}
