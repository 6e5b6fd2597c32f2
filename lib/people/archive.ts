/** A gallery as one zip: records as lines of JSON, pictures as files; see docs/gallery-format.md. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ZipFile } from "yazl";
import { UserError } from "../errors";
import { PRIVATE_FILE } from "../files";
import { asStorageError } from "../storage";
import { phrase } from "../words/sentence";
import type { ArchivePart } from "./archive-part";
import type { Person, Photo } from "./people";
import { type Contents, FILES, FORMAT, HEADER, PICTURE_BOUNDS, readContents, VERSION, WITH_PARTS } from "./contents";
import { toBase64 } from "./records";
import type { PeopleStore, PhotoContent, Space, StrangerContent } from "./store";
import { openArchive, readEntry, type ZipFile as OpenZip } from "./zip";

export interface Imported {
  /** New ones. */
  people: number;
  photos: number;
  /** Photos that were here already. */
  skipped: number;
  /** New ones; undefined where the zip holds none. */
  checkIns?: number;
  visits?: number;
}

const MAX_ZIP_BYTES = 64 * 2 ** 30;
const RANDOM_BYTES = 6;
/** Pictures of an export that wait for a slow reader. */
const MOST_WAITING_BYTES = 32 * 2 ** 20;
const WAIT_MS = 5;
/** Records that are written in one transaction, and bytes of their pictures: each waits for the disk. */
const BATCH = 500;
const BATCH_BYTES = 32 * 2 ** 20;
const WAITING_ZIP = /^import-[0-9a-f]+\.zip$/;

/** Whether a file is a zip that was being imported. */
export function isWaitingZip(fileName: string): boolean {
  return WAITING_ZIP.test(fileName);
}

export interface ExportOptions {
  write: (chunk: Uint8Array) => Promise<void>;
  /** JPEG; without it what the store has. */
  bytesOf?: ((photo: Photo) => Promise<Buffer | undefined>) | undefined;
  /** What lies beside the people and is to come along. */
  parts?: readonly ArchivePart[] | undefined;
}

/** Everything in one zip. */
export async function exportStore(
  store: PeopleStore,
  { write, bytesOf = ({ id }) => store.photoBytes(id), parts: beside = [] }: ExportOptions,
): Promise<void> {
  const parts = beside.filter(({ isEmpty }) => !isEmpty);
  const version = parts.length === 0 ? VERSION : WITH_PARTS;
  const zip = new ZipFile();
  const text = (name: string, lines: Iterable<string> | AsyncIterable<string>): void => {
    const source = Readable.from(lines);
    // The store was closed meanwhile, or a record cannot be read. Unheard, it would end the process.
    source.on("error", (error) => (zip.outputStream as Readable).destroy(error));
    zip.addReadStream(source, name, { mode: PRIVATE_FILE });
  };
  zip.addBuffer(
    Buffer.from(JSON.stringify({ format: FORMAT, version, exportedAt: new Date().toISOString() })),
    HEADER,
    { mode: PRIVATE_FILE },
  );
  // As they are now: whose record is in the zip, theirs are the pictures in it.
  const [people, photos, unknowns] = [store.people(), store.photos(), store.unknowns()];
  const there = new Set(people.map(({ id }) => id));
  text(FILES.people, people.map(line));
  text(FILES.photos, photos.map(line));
  text(FILES.embeddings, embeddingLines(store));
  text(
    FILES.anchors,
    store.anchors().map(({ vector, ...rest }) => line({ ...rest, vector: toBase64(vector) })),
  );
  text(
    FILES.unknowns,
    unknowns.map(({ vectors, beside: _beside, ...rest }) => line({ ...rest, vectors: vectors.map(toBase64) })),
  );
  for (const part of parts) text(part.file, mapped(ofThese(part, there), line));
  let ended = false;
  let sent = 0;
  const written = (async () => {
    for await (const chunk of zip.outputStream) {
      await write(chunk as Uint8Array);
      sent += (chunk as Uint8Array).length;
    }
  })().finally(() => {
    ended = true;
  });
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
    for (const photo of photos) {
      // Whoever asked has gone.
      if (ended) break;
      await picture(`photos/${photo.id}.jpg`, await bytesOf(photo));
      await picture(`thumbnails/${photo.id}.jpg`, await store.thumbnail(photo.id));
    }
    for (const { id, pictures } of unknowns)
      for (let index = 0; index < pictures; index += 1)
        await picture(`unknowns/${id}-${index}.jpg`, await store.unknownPicture(id, index));
    for (const part of parts) {
      if (ended) break;
      for await (const [name, bytes] of part.pictures()) {
        if (ended) break;
        await picture(`${part.folder}/${name}.jpg`, bytes);
      }
    }
  } finally {
    zip.end();
  }
  await written;
}

/** Nobody can import what is of somebody who is not among the people: who came since, or was lost with a database. */
async function* ofThese(part: ArchivePart, people: ReadonlySet<string>): AsyncGenerator<object> {
  for await (const record of part.lines()) {
    const person = part.personOf(record);
    if (person === null || people.has(person)) yield record;
    else if (part.ofNobody !== undefined) yield part.ofNobody(record);
  }
}

async function* mapped<T, R>(items: AsyncIterable<T>, map: (item: T) => R): AsyncGenerator<R> {
  for await (const item of items) yield map(item);
}

async function* embeddingLines(store: PeopleStore): AsyncGenerator<string> {
  for await (const { vector, ...rest } of store.embeddings()) yield line({ ...rest, vector: toBase64(vector) });
}

export interface ImportOptions {
  /** Ends what only receives and reads: what is being added is added to its end. */
  signal?: AbortSignal | undefined;
  /** Of the present model's embeddings, by fingerprint, beside those that are in the store. */
  spaces?: ReadonlyMap<string, Space> | undefined;
  /** False takes embeddings alone; default true. */
  keepPictures?: boolean | undefined;
  /** What may lie beside the people. */
  parts?: readonly ArchivePart[] | undefined;
  /** Waits until nobody else writes. Everything was received and checked before. */
  whileAdding?: ((add: () => Promise<Imported>) => Promise<Imported>) | undefined;
}

/**
 * People of one name are one person. What is here already stays as it is.
 * @throws a sentence when it is no export, or a damaged one: then nothing was added; StorageError; the signal's reason
 */
export async function importInto(
  store: PeopleStore,
  bytes: AsyncIterable<Uint8Array>,
  { signal, spaces = new Map(), keepPictures = true, parts = [], whileAdding = (work) => work() }: ImportOptions = {},
): Promise<Imported> {
  const path = join(store.folder, `import-${randomBytes(RANDOM_BYTES).toString("hex")}.zip`);
  try {
    await receive(bytes, path, signal);
    const zip = await openArchive(path);
    try {
      const contents = await readContents(zip, {
        spaces: new Map([...(await store.spaces()), ...spaces]),
        parts,
        signal,
      });
      return await whileAdding(() =>
        add(store, contents, (name) => (keepPictures ? pictureIn(zip, contents, name) : Promise.resolve(undefined))),
      );
    } finally {
      zip.close();
    }
  } catch (error) {
    throw asStorageError(error, store.folder, phrase("people.importUnfinished"));
  } finally {
    await rm(path, { force: true });
  }
}

async function receive(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Made before anything can fail: a stream that is destroyed while it opens its file would make it after the removal.
  await (await open(path, "wx", PRIVATE_FILE)).close();
  await pipeline(bounded(endedBy(signal, bytes)), createWriteStream(path, { flags: "r+" }));
}

/**
 * Ends at the signal also while the sender is silent, for which a pipeline's own signal waits.
 * @throws the signal's reason
 */
async function* endedBy(
  signal: AbortSignal | undefined,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
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

async function pictureIn(zip: OpenZip, { pictures }: Contents, name: string): Promise<Buffer | undefined> {
  const entry = pictures.get(name);
  return entry === undefined ? undefined : readEntry(zip, entry, PICTURE_BOUNDS);
}

/** Add what is not here yet. @param pictureOf a file of the zip */
async function add(
  store: PeopleStore,
  { people, photos, embeddings, anchors, unknowns, parts }: Contents,
  pictureOf: (name: string) => Promise<Buffer | undefined>,
): Promise<Imported> {
  const byName = new Map(store.people().map((person) => [person.name, person]));
  /** Ids in the export, and who they are here. */
  const here = new Map<string, Person>();
  const newcomers: Person[] = [];
  for (const person of people.values()) {
    // Renamed since they were exported, perhaps.
    const known = byName.get(person.name) ?? store.person(person.id);
    if (known === undefined) {
      newcomers.push(person);
      byName.set(person.name, person);
    }
    here.set(person.id, known ?? person);
  }
  await inBatches(
    newcomers,
    () => 0,
    (batch) => store.putMany({ people: batch }),
  );
  const wanted = [...photos.values()].flatMap((photo) => {
    const person = here.get(photo.personId);
    return person === undefined || store.photo(photo.id) !== undefined ? [] : [{ ...photo, personId: person.id }];
  });
  const read = async (photo: Photo): Promise<PhotoContent> => {
    const bytes = await pictureOf(`photos/${photo.id}.jpg`);
    return {
      photo: { ...photo, origin: { by: "import" }, size: bytes?.length ?? 0 },
      bytes,
      thumbnail: await pictureOf(`thumbnails/${photo.id}.jpg`),
      embeddings: (embeddings.get(photo.id) ?? []).map((embedding) => ({ ...embedding, personId: photo.personId })),
    };
  };
  await inBatches(
    each(wanted, read),
    ({ bytes, thumbnail }) => (bytes?.length ?? 0) + (thumbnail?.length ?? 0),
    (batch) => store.putMany({ photos: batch }),
  );
  const anchored = new Set(store.anchors().map(({ id }) => id));
  const against = [...anchors.values()].flatMap((anchor) => {
    const person = anchor.against === null ? null : here.get(anchor.against)?.id;
    return person === undefined || anchored.has(anchor.id) ? [] : [{ ...anchor, against: person }];
  });
  await inBatches(
    against,
    () => 0,
    (batch) => store.putMany({ anchors: batch }),
  );
  const strangers = new Set(store.unknowns().map(({ id }) => id));
  const now = Date.now();
  const meet = async (id: string): Promise<StrangerContent[]> => {
    const group = unknowns.get(id);
    if (group === undefined) return [];
    const found = await Promise.all(
      Array.from({ length: group.pictures }, (_, index) => pictureOf(`unknowns/${id}-${index}.jpg`)),
    );
    const pictures = found.filter((picture) => picture !== undefined);
    // Who was seen in the future would stay for ever.
    return [
      {
        group: {
          ...group,
          firstSeenAt: Math.min(group.firstSeenAt, now),
          lastSeenAt: Math.min(group.lastSeenAt, now),
          pictures: pictures.length,
        },
        pictures,
      },
    ];
  };
  const met = each(
    [...unknowns.keys()].filter((id) => !strangers.has(id)),
    meet,
  );
  await inBatches(
    met,
    (contents) =>
      contents.reduce((sum, { pictures }) => sum + pictures.reduce((bytes, { length }) => bytes + length, 0), 0),
    (batch) => store.putMany({ unknowns: batch.flat() }),
  );
  const beside: Pick<Imported, "checkIns" | "visits"> = {};
  for (const { part, records } of parts) {
    beside[part.counts] = 0;
    await inBatches(
      records(),
      () => 0,
      async (batch) => {
        const added = await part.add(batch, {
          personOf: (id) => here.get(id)?.id,
          pictureOf: (name) => pictureOf(`${part.folder}/${name}.jpg`),
        });
        beside[part.counts] = (beside[part.counts] ?? 0) + added;
      },
    );
  }
  return { people: newcomers.length, photos: wanted.length, skipped: photos.size - wanted.length, ...beside };
}

async function* each<T, R>(items: readonly T[], make: (item: T) => Promise<R>): AsyncGenerator<R> {
  for (const item of items) yield await make(item);
}

/** Write many, some at a time. @param sizeOf bytes that wait in memory */
async function inBatches<T>(
  items: Iterable<T> | AsyncIterable<T>,
  sizeOf: (item: T) => number,
  write: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  let batch: T[] = [];
  let bytes = 0;
  for await (const item of items) {
    batch.push(item);
    bytes += sizeOf(item);
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    await write(batch);
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) await write(batch);
}

async function* bounded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > MAX_ZIP_BYTES) throw new UserError("people.zipTooLarge", { gigabytes: MAX_ZIP_BYTES / 2 ** 30 });
    yield chunk;
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
