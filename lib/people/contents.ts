/**
 * What an export says, read and checked to its end before a single record is written: by the same rules as whatever
 * else comes in.
 */
import { z } from "zod";
import { UserError } from "../errors";
import { complaintsOf, own } from "../validate";
import { phrase, type Sentence } from "../words/sentence";
import {
  type Anchor,
  anchorSchema,
  embeddingSchema,
  importedPersonSchema,
  type Person,
  type Photo,
  type PhotoEmbedding,
  photoSchema,
  type UnknownGroup,
  unknownSchema,
} from "./people";
import type { ArchivePart } from "./archive-part";
import { MAX_DIMENSIONS, MAX_VECTORS, toVector } from "./records";
import type { Space } from "./store";
import { type Bounds, checkClaims, type Entry, filesIn, linesOf, readEntry, type ZipFile } from "./zip";

export const FORMAT = "facenet-gallery";
/** What holds people alone is of the first version, which earlier versions of this package understand. */
export const VERSION = 1;
/** … and with check-ins or visits of the second, which they refuse. */
export const WITH_PARTS = 2;
export const HEADER = "gallery.json";
export const FILES = {
  people: "people.ndjson",
  photos: "photos.ndjson",
  embeddings: "embeddings.ndjson",
  anchors: "anchors.ndjson",
  unknowns: "unknowns.ndjson",
} as const;
const PICTURE = /^([a-z]+)\/([0-9a-f]{8,64}(?:-\d{1,3})?)\.jpg$/;
const FOLDERS = ["photos", "thumbnails", "unknowns"];

const MEGABYTE = 2 ** 20;
const HEADER_BOUNDS: Bounds = { most: 2 ** 16, small: 2 ** 16 };
/** A million people, or four million embeddings; and what few bytes may stand for is read within seconds. */
const RECORDS_BOUNDS: Bounds = { most: 1024 * MEGABYTE, small: 8 * MEGABYTE };
const RECORDS: ReadonlySet<string> = new Set([FILES.people, FILES.photos, FILES.anchors, FILES.unknowns]);
const EMBEDDINGS_BOUNDS: Bounds = { most: 4096 * MEGABYTE, small: 8 * MEGABYTE };
export const PICTURE_BOUNDS: Bounds = { most: 50 * MEGABYTE, small: 64 * MEGABYTE };
/** Pictures beside those that records name: of who was deleted while the export was made. */
const SPARE_PICTURES = 1000;
/** One for each model that a photo was embedded with. */
const MOST_EMBEDDINGS_OF_PHOTO = 32;
/** Far beyond what any network gives; squares and sums of such numbers are exact enough still. */
const LARGEST_VALUE = 1e6;
const JPEG_START = Buffer.of(0xff, 0xd8, 0xff);

const headerSchema = z.object({ format: z.literal(FORMAT), version: z.literal([VERSION, WITH_PARTS]) });
const base64 = z.base64().max(2 ** 17);
export const vectorSchema = base64.transform(toVector).refine(isEmbedding, own("people.noEmbedding"));

const embeddingLine = embeddingSchema.and(z.object({ vector: vectorSchema }));
const anchorLine = anchorSchema.and(z.object({ vector: vectorSchema }));
const unknownLine = unknownSchema.and(z.object({ vectors: z.array(vectorSchema).min(1).max(MAX_VECTORS) }));

export interface Contents {
  people: Map<string, Person>;
  photos: Map<string, Photo>;
  /** By photo. */
  embeddings: Map<string, PhotoEmbedding[]>;
  anchors: Map<string, Anchor>;
  unknowns: Map<string, UnknownGroup>;
  /** Where the pictures are in the zip, by file name. */
  pictures: Map<string, Entry>;
  /** What lies beside the people: checked, but too much to be kept in memory. */
  parts: { part: ArchivePart; records: () => AsyncIterable<unknown> }[];
}

export interface ReadOptions {
  /** By fingerprint, of what is in the gallery already. */
  spaces: ReadonlyMap<string, Space>;
  /** What may lie beside the people. */
  parts: readonly ArchivePart[];
  signal: AbortSignal | undefined;
}

/** A record and the line it stands in. */
interface Line<T> {
  record: T;
  refuse: (why: Sentence) => UserError;
}

/** @throws a sentence when anything in the zip is not as an export has it */
export async function readContents(zip: ZipFile, { spaces, parts: beside, signal }: ReadOptions): Promise<Contents> {
  const files = await filesIn(zip, signal);
  const pictures = new Map<string, Entry>();
  const folders = new Set([...FOLDERS, ...beside.flatMap(({ folder }) => folder ?? [])]);
  const names = new Set([HEADER, ...Object.values<string>(FILES), ...beside.map(({ file }) => file)]);
  for (const [name, entry] of files) {
    if (folders.has(PICTURE.exec(name)?.[1] ?? "")) pictures.set(name, entry);
    else if (!names.has(name)) throw new UserError("people.zipForeign", { file: JSON.stringify(name.slice(0, 100)) });
  }
  const header = files.get(HEADER);
  if (
    header === undefined ||
    !headerSchema.safeParse(parsed((await readEntry(zip, header, HEADER_BOUNDS)).toString())).success
  )
    throw new UserError("people.zipNoExport");
  const lines = <T>(name: string, schema: z.ZodType<T>): AsyncGenerator<Line<T>> =>
    recordsOf(zip, files.get(name), schema, signal);
  const known = new Map(spaces);
  const people = await byId(lines(FILES.people, importedPersonSchema));
  const photos = await byId(lines(FILES.photos, photoSchema));
  const embeddings = await embeddingsOf(lines(FILES.embeddings, embeddingLine), known);
  const anchors = await byId(lines(FILES.anchors, anchorLine), (line) =>
    checkSpace(known, line, [line.record.vector]),
  );
  const unknowns = await byId(lines(FILES.unknowns, unknownLine), (line) =>
    checkSpace(known, line, line.record.vectors),
  );
  let named = 2 * photos.size + [...unknowns.values()].reduce((sum, group) => sum + group.pictures, 0);
  const parts: Contents["parts"] = [];
  for (const part of beside.filter(({ file }) => files.has(file))) {
    named += await checkPart(part, lines(part.file, part.schema), people);
    parts.push({ part, records: () => recordsIn(lines(part.file, part.schema)) });
  }
  await checkPictures(zip, pictures, named, signal);
  return { people, photos, embeddings, anchors, unknowns, pictures, parts };
}

/** @returns how many records there are @throws a sentence when two are the same, or one is nobody's */
async function checkPart(
  part: ArchivePart,
  lines: AsyncIterable<Line<unknown>>,
  people: ReadonlyMap<string, Person>,
): Promise<number> {
  const ids = new Set<string>();
  for await (const { record, refuse } of lines) {
    const [id, person] = [part.idOf(record), part.personOf(record)];
    if (ids.has(id)) throw refuse(phrase("people.lineTwice"));
    if (person !== null && !people.has(person)) throw refuse(phrase("people.lineNobody"));
    ids.add(id);
    part.announce?.(record);
  }
  return ids.size;
}

async function* recordsIn(lines: AsyncIterable<Line<unknown>>): AsyncGenerator {
  for await (const { record } of lines) yield record;
}

/** Records by their ids, each checked. @throws a sentence when two have the same */
async function byId<T extends { id: string }>(
  lines: AsyncIterable<Line<T>>,
  check: (line: Line<T>) => void = () => undefined,
): Promise<Map<string, T>> {
  const records = new Map<string, T>();
  for await (const line of lines) {
    if (records.has(line.record.id)) throw line.refuse(phrase("people.lineTwice"));
    check(line);
    records.set(line.record.id, line.record);
  }
  return records;
}

async function embeddingsOf(
  lines: AsyncIterable<Line<PhotoEmbedding>>,
  known: Map<string, Space>,
): Promise<Map<string, PhotoEmbedding[]>> {
  const embeddings = new Map<string, PhotoEmbedding[]>();
  for await (const line of lines) {
    const { photoId, fingerprint, vector } = line.record;
    const others = embeddings.get(photoId) ?? [];
    if (others.some((other) => other.fingerprint === fingerprint))
      throw line.refuse(phrase("people.lineEmbeddingTwice"));
    if (others.length >= MOST_EMBEDDINGS_OF_PHOTO)
      throw line.refuse(phrase("people.lineEmbeddings", { most: MOST_EMBEDDINGS_OF_PHOTO }));
    checkSpace(known, line, [vector]);
    others.push(line.record);
    embeddings.set(photoId, others);
  }
  return embeddings;
}

/** Only what is of one length and model can be compared: another one would make the gallery unreadable. */
function checkSpace(
  known: Map<string, Space>,
  { record: { model, fingerprint }, refuse }: Line<{ model: string; fingerprint: string }>,
  vectors: readonly Float32Array[],
): void {
  const space = known.get(fingerprint) ?? { model, dimensions: vectors[0]?.length ?? 0 };
  known.set(fingerprint, space);
  const other = vectors.find(({ length }) => length !== space.dimensions);
  if (other !== undefined)
    throw refuse(phrase("people.lineDimensions", { length: other.length, others: space.dimensions }));
  if (model !== space.model)
    throw refuse(phrase("people.lineModel", { model: JSON.stringify(model), others: JSON.stringify(space.model) }));
}

/** Each picture can be read and is one. */
async function checkPictures(
  zip: ZipFile,
  pictures: ReadonlyMap<string, Entry>,
  named: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkClaims(zip, pictures.values(), PICTURE_BOUNDS.small);
  if (pictures.size > named + SPARE_PICTURES)
    throw new UserError("people.zipPictures", { pictures: pictures.size, named });
  for (const [name, entry] of pictures) {
    signal?.throwIfAborted();
    const bytes = await readEntry(zip, entry, PICTURE_BOUNDS);
    if (!bytes.subarray(0, JPEG_START.length).equals(JPEG_START))
      throw new UserError("people.zipNoJpeg", { file: name });
  }
}

async function* recordsOf<T>(
  zip: ZipFile,
  entry: Entry | undefined,
  schema: z.ZodType<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Line<T>> {
  if (entry === undefined) return;
  let number = 0;
  for await (const text of linesOf(zip, entry, RECORDS.has(entry.fileName) ? RECORDS_BOUNDS : EMBEDDINGS_BOUNDS)) {
    signal?.throwIfAborted();
    number += 1;
    const refuse = (why: Sentence): UserError =>
      new UserError("people.zipLine", { line: number, file: entry.fileName, why });
    // Nor is a line empty: millions of them fit into a few bytes.
    const json = text === undefined ? undefined : parsed(text);
    if (json === undefined) throw refuse(text === undefined ? phrase("people.lineLong") : phrase("people.lineNoJson"));
    const record = schema.safeParse(json);
    if (!record.success) throw refuse(complaintsOf(record.error, schema, json));
    yield { record: record.data, refuse };
  }
}

/** Undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Numbers, not too many, and not all of them 0, from which everybody is equally far. */
function isEmbedding(vector: Float32Array): boolean {
  return (
    vector.length > 0 &&
    vector.length <= MAX_DIMENSIONS &&
    vector.some((value) => value !== 0) &&
    vector.every((value) => Math.abs(value) <= LARGEST_VALUE)
  );
}
