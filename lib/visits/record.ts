/** Visits as bytes, and back, checked. */
import { z } from "zod";
import { Fault } from "../errors";
import { contentHash } from "../people/hash";
import { pack, unpack } from "../people/records";
import { presentSchema } from "../visit";
import type { Beside, NewVisitRecord, VisitRecord } from "./book";

const time = presentSchema.shape.since;

export const staySchema = z
  .object({
    zone: presentSchema.shape.zone,
    camera: presentSchema.shape.camera,
    source: presentSchema.shape.source,
    from: time,
    until: time.describe("When they were last seen there"),
  })
  .meta({ id: "Stay" });

/** As put says of it. */
export const newVisitSchema = presentSchema
  .omit({ camera: true, source: true, zone: true, denied: true, liveness: true })
  .extend({
    until: time.nullable().describe("When it ended; null as long as they are here"),
    stays: z.array(staySchema).describe("Where they were, in the order in which they came there"),
  });

export const visitRecordSchema = newVisitSchema
  .extend({
    pictured: z.boolean().describe("Whether there is a picture"),
    revision: z.number().int().min(0).describe("Rises with every write of the book"),
  })
  .meta({ id: "VisitRecord" });

/** Hex digits of a visit, whose own id may be anything. */
export const faceIdOf = (visit: string): string => contentHash(Buffer.from(visit));

/** What is kept of a visit under its number. */
export type Kept = VisitRecord & { embedded: boolean };

const keptSchema = visitRecordSchema.extend({ embedded: z.boolean().default(false) });

/** @throws what is no record, which is ours to mend */
export const checkedVisit = (record: NewVisitRecord): NewVisitRecord => newVisitSchema.parse(record);

export const packVisit = (kept: Kept): Buffer => pack(kept);
export const unpackVisit = (bytes: Buffer): Kept => keptSchema.parse(unpack(bytes).value);

type KeptFace = NonNullable<Beside["embedding"]>;

export const packFace = ({ model, vector }: KeptFace): Buffer => pack({ model }, [vector]);

export function unpackFace(bytes: Buffer): KeptFace {
  const { value, vectors } = unpack(bytes);
  const [vector] = vectors;
  if (vector === undefined || vectors.length > 1) throw new Fault("a visit's face must have one embedding");
  return { model: faceSchema.parse(value).model, vector };
}

const faceSchema = z.object({ model: z.string().max(200) });

const metaSchema = z.object({
  format: z.literal("facenet-visits"),
  version: z.literal(1),
  revision: z.number().int().min(0),
});
export type Meta = z.infer<typeof metaSchema>;

export const packMeta = (revision: number): Buffer =>
  pack({ format: "facenet-visits", version: 1, revision } satisfies Meta);
/** @throws Error when it is another version's */
export const unpackMeta = (bytes: Buffer): Meta => metaSchema.parse(unpack(bytes).value);

const numberSchema = z.object({ number: z.number().int().min(0) });
export const packNumber = (number: number): Buffer => pack({ number });
export const unpackNumber = (bytes: Buffer): number => numberSchema.parse(unpack(bytes).value).number;
