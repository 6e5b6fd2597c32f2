/**
 * What of a people store the sites share, record by record: which there are, what each is as bytes, and how they come
 * into a store. What is of this computer alone stays out: in which file of its photo folder a photo lies, how large
 * its picture is here, notes.
 */
import { z } from "zod";
import { Fault, UserError } from "../errors";
import { contentHash } from "../people/hash";
import {
  type Anchor,
  idSchema,
  type Person,
  personSchema,
  type Photo,
  type PhotoEmbedding,
  photoSchema,
  type UnknownGroup,
} from "../people/people";
import {
  packAnchor,
  packEmbedding,
  packPerson,
  packPhoto,
  packUnknown,
  unpackAnchor,
  unpackEmbedding,
  unpackPerson,
  unpackPhoto,
  unpackUnknown,
} from "../people/records";
import type { PeopleStore, PhotoContent, StrangerContent } from "../people/store";
import type { RecordKind } from "./change-log";
import type { First } from "./conflicts";
import type { Sealing } from "./sealing";
import { entryOf, type SharedBook, type SharedEntry } from "./shared-book";

export interface RecordKey {
  kind: RecordKind;
  /** Of a picture, a thumbnail: the photo's; of an embedding: "PHOTO FINGERPRINT". */
  id: string;
}

/** What is large, and may be left out where no pictures are kept. */
export const isPictureKind = (kind: RecordKind): boolean => kind === "picture" || kind === "thumbnail";

/** Two people are one. */
export interface Merge {
  /** Who is gone. */
  from: string;
  into: string;
}

export type SharedRecord =
  | { kind: "merge"; value: Merge }
  | { kind: "person"; value: Person }
  | { kind: "photo"; value: Photo }
  | { kind: "picture" | "thumbnail"; id: string; value: Buffer }
  | { kind: "embedding"; value: PhotoEmbedding }
  | { kind: "anchor"; value: Anchor }
  | { kind: "unknown"; value: StrangerContent }
  | { kind: "checkIn"; value: SharedEntry };

/** Of what is written here; what is newer is refused. */
const VERSION = 1;
const DIGEST_LENGTH = 32;
const LENGTH_BYTES = 4;
/** Of the 32 hex digits of a fingerprint: a photo has a few embeddings. */
const FINGERPRINT_DIGITS = 16;

const mergeSchema = z.object({ from: idSchema, into: idSchema });
const headSchema = z.object({
  version: z.literal(VERSION),
  id: z.string().max(300),
  first: z.object({ number: z.int().min(1), site: z.string().max(200) }).optional(),
});

export const embeddingId = ({ photoId, fingerprint }: Pick<PhotoEmbedding, "photoId" | "fingerprint">): string =>
  `${photoId} ${fingerprint}`;

export function embeddingOf(id: string): Pick<PhotoEmbedding, "photoId" | "fingerprint"> {
  const at = id.indexOf(" ");
  return { photoId: id.slice(0, at), fingerprint: id.slice(at + 1) };
}

export function keyOf(record: SharedRecord): RecordKey {
  switch (record.kind) {
    case "merge":
      return { kind: record.kind, id: record.value.from };
    case "picture":
    case "thumbnail":
      return { kind: record.kind, id: record.id };
    case "embedding":
      return { kind: record.kind, id: embeddingId(record.value) };
    case "unknown":
      return { kind: record.kind, id: record.value.group.id };
    default:
      return { kind: record.kind, id: record.value.id };
  }
}

/** Of a record, as the log has it. Those of a photo's embeddings begin with the photo's. */
export function logIdOf(sealing: Sealing, { kind, id }: RecordKey): string {
  if (kind !== "embedding") return sealing.blind(kind, id);
  const { photoId, fingerprint } = embeddingOf(id);
  return beforeEmbeddings(sealing, photoId) + sealing.blind("fingerprint", fingerprint).slice(0, FINGERPRINT_DIGITS);
}

/** What the log's ids of a photo's embeddings begin with. */
export const beforeEmbeddings = (sealing: Sealing, photoId: string): string => sealing.blind("embedding", photoId);

/** Whom a record belongs to, without whom it cannot be here. */
export function parentOf(record: SharedRecord): RecordKey | undefined {
  switch (record.kind) {
    case "photo":
      return { kind: "person", id: record.value.personId };
    case "picture":
    case "thumbnail":
      return { kind: "photo", id: record.id };
    case "embedding":
      return { kind: "photo", id: record.value.photoId };
    case "anchor":
      return record.value.against === null ? undefined : { kind: "person", id: record.value.against };
    case "checkIn":
      return { kind: "person", id: record.value.person };
    default:
      return undefined;
  }
}

/** What of a photo is the same at every site. */
export function sharedPhoto(photo: Photo): Photo {
  return photoSchema.parse({
    ...photo,
    origin: photo.origin.by === "folder" ? { by: "import" } : photo.origin,
    size: 0,
  });
}

/** A record without what is about its way here: equal bytes are equal records. */
export function bodyOf(record: SharedRecord): Buffer {
  switch (record.kind) {
    case "merge":
      return Buffer.from(JSON.stringify(mergeSchema.parse(record.value)));
    case "person":
      return packPerson(personSchema.parse(record.value));
    case "photo":
      return packPhoto(sharedPhoto(record.value));
    case "picture":
    case "thumbnail":
      return record.value;
    case "embedding": {
      const { photoId, personId, model, fingerprint, vector } = record.value;
      return packEmbedding({ photoId, personId, model, fingerprint, vector });
    }
    case "anchor": {
      const { id, against, note, createdAt, model, fingerprint, vector } = record.value;
      return packAnchor({ id, against, note, createdAt, model, fingerprint, vector });
    }
    case "unknown": {
      const { group, pictures } = record.value;
      const { id, firstSeenAt, lastSeenAt, visits, model, fingerprint, vectors, beside } = group;
      const packed = packUnknown({
        id,
        firstSeenAt,
        lastSeenAt,
        visits,
        model,
        fingerprint,
        vectors,
        beside,
        pictures: pictures.length,
      });
      return framed([packed, ...pictures]);
    }
    case "checkIn":
      return record.value.body;
  }
}

export const digestOf = (body: Uint8Array): string => contentHash(body).slice(0, DIGEST_LENGTH);

/** A record as it is sealed. @param first of a person who was in the log before */
export function toContent({ id }: RecordKey, body: Buffer, first?: First): Buffer {
  return framed([
    Buffer.from(JSON.stringify({ version: VERSION, id, ...(first === undefined ? {} : { first }) })),
    body,
  ]);
}

export interface Read {
  record: SharedRecord;
  body: Buffer;
  first: First | undefined;
}

/**
 * @param book whose entries are read; without it there are none
 * @throws UserError where a newer version of the package wrote it; Error when it is none
 */
export function fromContent(kind: RecordKind, content: Buffer, book?: SharedBook): Read {
  const [head, body] = unframed(content);
  if (head === undefined || body === undefined) throw new Fault("a shared record is cut off");
  const said: unknown = JSON.parse(head.toString());
  const { version } = z.object({ version: z.int() }).parse(said);
  if (version > VERSION) throw new UserError("sites.newerRecord");
  const { id, first } = headSchema.parse(said);
  const record = recordFrom(kind, id, body, book);
  if (keyOf(record).id !== id) throw new Fault("a shared record is another one than it says");
  return { record, body: bodyOf(record), first };
}

function recordFrom(kind: RecordKind, id: string, body: Buffer, book: SharedBook | undefined): SharedRecord {
  switch (kind) {
    case "merge":
      return { kind, value: mergeSchema.parse(JSON.parse(body.toString())) };
    case "person":
      return { kind, value: unpackPerson(body) };
    case "photo":
      return { kind, value: unpackPhoto(body) };
    case "picture":
    case "thumbnail":
      return { kind, id, value: body };
    case "embedding":
      return { kind, value: unpackEmbedding(body) };
    case "anchor":
      return { kind, value: unpackAnchor(body) };
    case "unknown": {
      const [group, ...pictures] = unframed(body);
      if (group === undefined) throw new Fault("a shared record is cut off");
      return { kind, value: { group: unpackUnknown(group), pictures } };
    }
    case "checkIn": {
      if (book === undefined) throw new Fault("an entry of a book came where there is none");
      return { kind, value: book.read(entryOf(body)) };
    }
  }
}

/** Reads records as a store has them; for a moment, in which nothing is written: it remembers lists. */
export class StoreReader {
  readonly #store: PeopleStore;
  readonly #book: SharedBook | undefined;
  #anchors: Map<string, Anchor> | undefined;
  #unknowns: Map<string, UnknownGroup> | undefined;

  constructor(store: PeopleStore, book?: SharedBook) {
    this.#store = store;
    this.#book = book;
  }

  /** Undefined where it has none. */
  async read({ kind, id }: RecordKey): Promise<SharedRecord | undefined> {
    const store = this.#store;
    switch (kind) {
      // Kept beside what is known of the log (./known.ts): no store has it.
      case "merge":
        return undefined;
      case "person": {
        const value = store.person(id);
        return value && { kind, value };
      }
      case "photo": {
        const value = store.photo(id);
        return value && { kind, value: sharedPhoto(value) };
      }
      case "picture":
      case "thumbnail": {
        if (store.photo(id) === undefined) return undefined;
        const value = await (kind === "picture" ? store.photoBytes(id) : store.thumbnail(id));
        return value && { kind, id, value };
      }
      case "embedding": {
        const { photoId, fingerprint } = embeddingOf(id);
        if (store.photo(photoId) === undefined) return undefined;
        const value = (await store.embeddingsOf(photoId)).find((each) => each.fingerprint === fingerprint);
        return value && { kind, value };
      }
      case "anchor": {
        this.#anchors ??= new Map(store.anchors().map((anchor) => [anchor.id, anchor]));
        const value = this.#anchors.get(id);
        return value && { kind, value };
      }
      case "unknown": {
        this.#unknowns ??= new Map(store.unknowns().map((group) => [group.id, group]));
        const group = this.#unknowns.get(id);
        if (group === undefined) return undefined;
        const pictures = await Promise.all(
          Array.from({ length: group.pictures }, (_, index) => store.unknownPicture(id, index)),
        );
        return { kind, value: { group, pictures: pictures.filter((picture) => picture !== undefined) } };
      }
      case "checkIn": {
        const value = this.#book?.get(id);
        return value && { kind, value };
      }
    }
  }
}

/** Whether a record that others need is in a store. */
export function isHere(store: PeopleStore, { kind, id }: RecordKey): boolean {
  return kind === "person" ? store.person(id) !== undefined : store.photo(id) !== undefined;
}

/**
 * Write records into a store at once, and into the book; who and what they belong to is here, or among them.
 * @param keepPictures false leaves pictures and thumbnails out
 */
export async function putRecords(
  store: PeopleStore,
  records: readonly SharedRecord[],
  { keepPictures, book }: { keepPictures: boolean; book?: SharedBook | undefined },
): Promise<void> {
  const people: Person[] = [];
  const anchors: Anchor[] = [];
  const unknowns: StrangerContent[] = [];
  const entries: SharedEntry[] = [];
  const photos = new Map<string, PhotoContent & { embeddings: PhotoEmbedding[] }>();
  const given = new Map(
    records.flatMap((record) => (record.kind === "photo" ? [[record.value.id, record.value] as const] : [])),
  );
  const contentOf = (id: string): PhotoContent & { embeddings: PhotoEmbedding[] } => {
    const found = photos.get(id);
    if (found !== undefined) return found;
    const [here, shared] = [store.photo(id), given.get(id)];
    const photo = shared === undefined ? here : { ...shared, ...own(here) };
    if (photo === undefined) throw new Fault("a part of a photo came without it");
    const made = { photo, bytes: undefined, thumbnail: undefined, embeddings: [] };
    photos.set(id, made);
    return made;
  };
  for (const record of records)
    switch (record.kind) {
      case "merge":
        break;
      case "person":
        people.push(record.value);
        break;
      case "photo":
        contentOf(record.value.id);
        break;
      case "embedding":
        contentOf(record.value.photoId).embeddings.push(record.value);
        break;
      case "anchor":
        anchors.push(record.value);
        break;
      case "unknown":
        unknowns.push(keepPictures ? record.value : { group: { ...record.value.group, pictures: 0 }, pictures: [] });
        break;
      case "checkIn":
        entries.push(record.value);
        break;
      default: {
        if (!keepPictures) break;
        const content = contentOf(record.id);
        if (record.kind === "thumbnail") content.thumbnail = record.value;
        else if (content.photo.origin.by !== "folder") {
          content.bytes = record.value;
          content.photo = { ...content.photo, size: record.value.length };
        }
      }
    }
  if (people.length + photos.size + anchors.length + unknowns.length > 0)
    await store.putMany({ people, photos: [...photos.values()], anchors, unknowns });
  // Whose they are is there now.
  if (entries.length > 0) await book?.put(entries);
}

/** What of a photo is this computer's. */
function own(here: Photo | undefined): Partial<Photo> {
  if (here === undefined) return { size: 0 };
  return { size: here.size, ...(here.origin.by === "folder" ? { origin: here.origin } : {}) };
}

function framed(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32LE(part.length);
      return [length, part];
    }),
  );
}

function unframed(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + LENGTH_BYTES;
    const end = start <= bytes.length ? start + bytes.readUInt32LE(at) : Infinity;
    if (end > bytes.length) throw new Fault("a shared record is cut off");
    parts.push(bytes.subarray(start, end));
    at = end;
  }
  return parts;
}
