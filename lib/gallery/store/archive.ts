/** A gallery as one zip: records as lines of JSON, pictures as files; see docs/gallery-format.md. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { type Entry, open as openZip, type ZipFile as OpenZip } from "yauzl";
import { ZipFile } from "yazl";
import { z } from "zod";
import { UserError } from "../../errors";
import type { Anchor, Person, Photo, PhotoEmbedding, UnknownGroup } from "../people";
import { anchorSchema, embeddingSchema, personSchema, photoSchema, unknownSchema } from "./records";
import type { PeopleStore } from "./store";

export interface Imported {
  /** New ones. */
  people: number;
  photos: number;
  /** Photos that were here already. */
  skipped: number;
}

const FORMAT = "facenet-gallery";
const VERSION = 1;

/** Bounds of what is read: a zip may claim anything. */
const MAX_ENTRIES = 2_000_000;
const MAX_ZIP_BYTES = 64 * 2 ** 30;
const MAX_PICTURE_BYTES = 50 * 2 ** 20;
/** A million people, or four million embeddings. */
const MAX_RECORDS_BYTES = 2 ** 30;
const MAX_EMBEDDINGS_BYTES = 4 * 2 ** 30;
/** A few bytes of a zip can stand for a thousand times as many; no export of a gallery does. */
const MAX_GROWTH = 50;
const SMALL_BYTES = 64 * 2 ** 20;
const MAX_LINE_BYTES = 2 ** 20;
const MAX_HEADER_BYTES = 2 ** 16;
const RANDOM_BYTES = 6;
/** Pictures of an export that wait for a slow reader. */
const MOST_WAITING_BYTES = 32 * 2 ** 20;
const WAIT_MS = 5;
const PRIVATE_FILE = 0o600;
const NEWLINE = 0x0a;
const WAITING_ZIP = /^import-[0-9a-f]+\.zip$/;

/** Whether a file is a zip that was being imported. */
export function isWaitingZip(fileName: string): boolean {
  return WAITING_ZIP.test(fileName);
}

const headerSchema = z.object({ format: z.literal(FORMAT), version: z.literal(VERSION) });
const base64 = z.base64().max(2 ** 17);

const FILES = { people: "people.ndjson", photos: "photos.ndjson", embeddings: "embeddings.ndjson", anchors: "anchors.ndjson", unknowns: "unknowns.ndjson" } as const;
const PICTURE = /^(photos|thumbnails|unknowns)\/([0-9a-f]{8,64}(?:-\d{1,3})?)\.jpg$/;

export interface ExportOptions {
  write: (chunk: Uint8Array) => Promise<void>;
  /** Pictures that are kept elsewhere, in the watched folder. */
  bytesOf: (photo: Photo) => Promise<Buffer | undefined>;
}

export async function exportStore(store: PeopleStore, { write, bytesOf }: ExportOptions): Promise<void> {
  const zip = new ZipFile();
  const text = (name: string, lines: Iterable<string> | AsyncIterable<string>): void => {
    const source = Readable.from(lines);
    // The store was closed meanwhile, or a record cannot be read. Unheard, it would end the process.
    source.on("error", (error) => (zip.outputStream as Readable).destroy(error));
    zip.addReadStream(source, name, { mode: PRIVATE_FILE });
  };
  zip.addBuffer(Buffer.from(JSON.stringify({ format: FORMAT, version: VERSION, exportedAt: new Date().toISOString() })), "gallery.json", { mode: PRIVATE_FILE });
  text(FILES.people, store.people().map(line));
  text(FILES.photos, store.photos().map(line));
  text(FILES.embeddings, embeddingLines(store));
  text(FILES.anchors, store.anchors().map(({ vector, ...rest }) => line({ ...rest, vector: toBase64(vector) })));
  text(FILES.unknowns, store.unknowns().map(({ vectors, ...rest }) => line({ ...rest, vectors: vectors.map(toBase64) })));
  let ended = false;
  let sent = 0;
  const written = (async () => {
    for await (const chunk of zip.outputStream) {
      await write(chunk as Uint8Array);
      sent += (chunk as Uint8Array).length;
    }
  })().finally(() => { ended = true; });
  // Heard of where it is awaited, at the end.
  written.catch(() => undefined);
  let given = 0;
  const picture = async (name: string, bytes: Buffer | undefined): Promise<void> => {
    if (bytes === undefined) return;
    // JPEGs do not grow smaller.
    zip.addBuffer(bytes, name, { mode: PRIVATE_FILE, compress: false });
    given += bytes.length;
    // Never a whole gallery in memory.
    while (given - sent > MOST_WAITING_BYTES && !ended) await sleep(WAIT_MS);
  };
  try {
    for (const photo of store.photos()) {
      // Whoever asked has gone.
      if (ended) break;
      await picture(`photos/${photo.id}.jpg`, photo.origin.by === "folder" ? await bytesOf(photo) : await store.photoBytes(photo.id));
      await picture(`thumbnails/${photo.id}.jpg`, await store.thumbnail(photo.id));
    }
    for (const { id, pictures } of store.unknowns()) for (let index = 0; index < pictures; index += 1) await picture(`unknowns/${id}-${index}.jpg`, await store.unknownPicture(id, index));
  } finally {
    zip.end();
  }
  await written;
}

async function* embeddingLines(store: PeopleStore): AsyncGenerator<string> {
  for await (const { vector, ...rest } of store.allEmbeddings()) yield line({ ...rest, vector: toBase64(vector) });
}

/** Everything an export says, checked, before a single record is written. */
interface Contents {
  people: Map<string, Person>;
  photos: Map<string, Photo>;
  embeddings: Map<string, PhotoEmbedding[]>;
  anchors: Anchor[];
  unknowns: UnknownGroup[];
  /** Where the pictures are in the zip. */
  pictures: Map<string, Entry>;
}

export interface ImportOptions {
  /** Private, for the zip while it is read. */
  folder: string;
  /** Ends what only receives and reads: what is being added is added to its end. */
  signal?: AbortSignal | undefined;
  /** Waits until nobody else writes. Everything was received and checked before. */
  whileAdding?: ((add: () => Promise<Imported>) => Promise<Imported>) | undefined;
}

/**
 * People of one name are one person. What is here already stays as it is.
 * @throws a sentence when it is no export, or a damaged one: then nothing was added; the signal's reason
 */
export async function importInto(store: PeopleStore, bytes: AsyncIterable<Uint8Array>, { folder, signal, whileAdding = (work) => work() }: ImportOptions): Promise<Imported> {
  const path = join(folder, `import-${randomBytes(RANDOM_BYTES).toString("hex")}.zip`);
  try {
    await receive(bytes, path, signal);
    const zip = await openArchive(path);
    try {
      const contents = await readContents(zip, signal);
      await checkPictures(zip, contents, signal);
      return await whileAdding(() => add(store, zip, contents));
    } finally {
      zip.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function receive(bytes: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal | undefined): Promise<void> {
  await pipeline(bounded(endedBy(signal, bytes)), createWriteStream(path, { mode: PRIVATE_FILE, flags: "wx" }));
}

/** Ends at the signal also while the sender is silent, for which a pipeline's own signal waits. @throws the signal's reason */
async function* endedBy(signal: AbortSignal | undefined, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* bytes;
    return;
  }
  signal.throwIfAborted();
  const chunks = bytes[Symbol.asyncIterator]();
  let end: () => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    end = () => reject(signal.reason as Error);
    signal.addEventListener("abort", end, { once: true });
  });
  // Heard of in the race.
  ended.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), ended]);
      if (done === true) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", end);
    // Not awaited: a silent sender's answer comes when it comes.
    chunks.return?.()?.catch(() => undefined);
  }
}

async function add(store: PeopleStore, zip: OpenZip, { people, photos, embeddings, anchors, unknowns, pictures }: Contents): Promise<Imported> {
  const imported: Imported = { people: 0, photos: 0, skipped: 0 };
  const byName = new Map(store.people().map((person) => [person.name, person]));
  /** Ids in the export, and who they are here. */
  const here = new Map<string, Person>();
  for (const person of people.values()) {
    // Renamed since she was exported, perhaps.
    const known = byName.get(person.name) ?? store.person(person.id);
    if (known === undefined) {
      await store.putPerson(person);
      byName.set(person.name, person);
      imported.people += 1;
    }
    here.set(person.id, known ?? person);
  }
  const pictureOf = async (name: string): Promise<Buffer | undefined> => {
    const entry = pictures.get(name);
    return entry === undefined ? undefined : readEntry(zip, entry, MAX_PICTURE_BYTES);
  };
  for (const photo of photos.values()) {
    const person = here.get(photo.personId);
    if (person === undefined || store.photo(photo.id) !== undefined) {
      imported.skipped += 1;
      continue;
    }
    const picture = await pictureOf(`photos/${photo.id}.jpg`);
    await store.addPhoto({
      person: store.person(person.id) ?? person,
      photo: { ...photo, personId: person.id, origin: { by: "import" }, size: picture?.length ?? 0 },
      bytes: picture,
      thumbnail: await pictureOf(`thumbnails/${photo.id}.jpg`),
      embeddings: (embeddings.get(photo.id) ?? []).map((embedding) => ({ ...embedding, personId: person.id })),
    });
    imported.photos += 1;
  }
  const anchored = new Set(store.anchors().map(({ id }) => id));
  for (const anchor of anchors) {
    const against = anchor.against === null ? null : (here.get(anchor.against)?.id ?? undefined);
    if (against !== undefined && !anchored.has(anchor.id)) await store.putAnchor({ ...anchor, against });
  }
  const strangers = new Set(store.unknowns().map(({ id }) => id));
  for (const group of unknowns) {
    if (strangers.has(group.id)) continue;
    const found = await Promise.all(Array.from({ length: group.pictures }, (_, index) => pictureOf(`unknowns/${group.id}-${index}.jpg`)));
    const kept = found.filter((picture) => picture !== undefined);
    await store.putUnknown({ ...group, pictures: kept.length }, kept);
  }
  return imported;
}

async function readContents(zip: OpenZip, signal: AbortSignal | undefined): Promise<Contents> {
  const files = new Map<string, Entry>();
  const pictures = new Map<string, Entry>();
  for await (const entry of entriesOf(zip)) {
    const name = entry.fileName;
    if (PICTURE.test(name)) pictures.set(name, entry);
    else if (name === "gallery.json" || Object.values<string>(FILES).includes(name)) files.set(name, entry);
    else throw new UserError(`the zip holds ${JSON.stringify(name.slice(0, 100))}, which no export of a gallery has: nothing was imported.`);
  }
  const header = files.get("gallery.json");
  if (header === undefined || !headerSchema.safeParse(parsed((await readEntry(zip, header, MAX_HEADER_BYTES)).toString())).success) throw new UserError("the zip is no export of a gallery, or one of a newer version of this package: nothing was imported.");
  const contents: Contents = { people: new Map(), photos: new Map(), embeddings: new Map(), anchors: [], unknowns: [], pictures };
  const records = <T>(name: string, schema: z.ZodType<T>): AsyncGenerator<T> => recordsOf(zip, files.get(name), schema, signal);
  for await (const person of records(FILES.people, personSchema)) contents.people.set(person.id, person);
  for await (const photo of records(FILES.photos, photoSchema)) contents.photos.set(photo.id, photo);
  for await (const { vector, ...rest } of records(FILES.embeddings, embeddingSchema.and(z.object({ vector: base64 })))) {
    const of = contents.embeddings.get(rest.photoId) ?? [];
    contents.embeddings.set(rest.photoId, [...of, { ...rest, vector: fromBase64(vector) }]);
  }
  for await (const { vector, ...rest } of records(FILES.anchors, anchorSchema.and(z.object({ vector: base64 })))) contents.anchors.push({ ...rest, vector: fromBase64(vector) });
  for await (const { vectors, ...rest } of records(FILES.unknowns, unknownSchema.and(z.object({ vectors: z.array(base64).max(100) })))) contents.unknowns.push({ ...rest, vectors: vectors.map(fromBase64) });
  return contents;
}

/** Each picture can be read and is one. */
async function checkPictures(zip: OpenZip, { pictures }: Contents, signal: AbortSignal | undefined): Promise<void> {
  // Pictures may not share bytes, nor be packed: they are compressed already.
  const claimed = [...pictures.values()].reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  if (claimed > SMALL_BYTES + MAX_GROWTH * zip.fileSize) throw new UserError(`the pictures in the zip claim ${claimed} bytes, the zip has ${zip.fileSize}: nothing was imported.`);
  const JPEG_START = Buffer.of(0xff, 0xd8, 0xff);
  for (const [name, entry] of pictures) {
    signal?.throwIfAborted();
    const bytes = await readEntry(zip, entry, MAX_PICTURE_BYTES);
    if (!bytes.subarray(0, JPEG_START.length).equals(JPEG_START)) throw new UserError(`${name} in the zip is no JPEG: nothing was imported.`);
  }
}

async function* recordsOf<T>(zip: OpenZip, entry: Entry | undefined, schema: z.ZodType<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (entry === undefined) return;
  let number = 0;
  for await (const text of linesOf(await streamOf(zip, entry, entry.fileName === FILES.embeddings ? MAX_EMBEDDINGS_BYTES : MAX_RECORDS_BYTES))) {
    signal?.throwIfAborted();
    number += 1;
    if (text?.trim() === "") continue;
    const record = text === undefined ? undefined : schema.safeParse(parsed(text));
    if (record?.success !== true) throw new UserError(`line ${number} of ${entry.fileName} in the zip is malformed: nothing was imported.`);
    yield record.data;
  }
}

/** Undefined for a line that is longer than any record, and then no more. @throws a sentence when the zip is damaged */
async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  let waiting = Buffer.alloc(0);
  try {
    for await (const chunk of input) {
      const bytes = Buffer.concat([waiting, chunk]);
      let at = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
        yield bytes.subarray(at, end).toString();
        at = end + 1;
      }
      waiting = bytes.subarray(at);
      if (waiting.length > MAX_LINE_BYTES) {
        yield undefined;
        return;
      }
    }
  } catch (error) {
    throw noZip(error as Error);
  }
  yield waiting.toString();
}

async function* bounded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > MAX_ZIP_BYTES) throw new UserError(`the zip has more than ${MAX_ZIP_BYTES / 2 ** 30} GB: nothing was imported.`);
    yield chunk;
  }
}

function openArchive(path: string): Promise<OpenZip> {
  return new Promise((done, fail) => {
    openZip(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true, strictFileNames: true }, (error, zip) => (error ? fail(noZip(error)) : done(zip)));
  });
}

function noZip(error: Error): Error {
  return new UserError(`the file is no zip, or a damaged one (${error.message}): nothing was imported. Send the zip that the export made.`, { cause: error });
}

async function* entriesOf(zip: OpenZip): AsyncGenerator<Entry> {
  if (zip.entryCount > MAX_ENTRIES) throw new UserError(`the zip holds ${zip.entryCount} files, more than a gallery can: nothing was imported.`);
  for (;;) {
    const entry = await new Promise<Entry | undefined>((done, fail) => {
      const settle = (act: () => void): void => {
        zip.removeAllListeners();
        act();
      };
      zip.once("entry", (next: Entry) => settle(() => done(next)));
      zip.once("end", () => settle(() => done(undefined)));
      zip.once("error", (error: Error) => settle(() => fail(noZip(error))));
      zip.readEntry();
    });
    if (entry === undefined) return;
    yield entry;
  }
}

function streamOf(zip: OpenZip, entry: Entry, most: number): Promise<AsyncIterable<Buffer>> {
  if (entry.uncompressedSize > Math.max(SMALL_BYTES, MAX_GROWTH * entry.compressedSize)) return Promise.reject(new UserError(`${entry.fileName} in the zip claims to be ${Math.round(entry.uncompressedSize / entry.compressedSize)} times as large as it is in it: nothing was imported.`));
  if (entry.uncompressedSize > most) return Promise.reject(new UserError(`${entry.fileName} in the zip claims ${entry.uncompressedSize} bytes, ${most} are the most: nothing was imported.`));
  return new Promise((done, fail) => {
    zip.openReadStream(entry, (error, stream) => (error ? fail(noZip(error)) : done(summed(stream, entry))));
  });
}

/** yauzl checks sizes, but no sums: a picture that is not packed could change and be a picture still. @throws at the end, when it did */
async function* summed(stream: Readable, { fileName, crc32: expected }: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const chunk of stream) {
    sum = crc32(chunk as Buffer, sum);
    yield chunk as Buffer;
  }
  if (sum !== expected) throw new Error(`${fileName} does not have the checksum that is written in it`);
}

async function readEntry(zip: OpenZip, entry: Entry, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = await streamOf(zip, entry, most);
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch (error) {
    throw noZip(error as Error);
  }
  return Buffer.concat(chunks);
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  const vector = bytes.length % Float32Array.BYTES_PER_ELEMENT === 0 ? new Float32Array(bytes.buffer) : new Float32Array(0);
  if (vector.length === 0 || !vector.every(Number.isFinite)) throw new UserError("the zip holds an embedding that is none: nothing was imported.");
  return vector;
}
