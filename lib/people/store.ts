/**
 * The people store: where people, their photos and what is known of strangers are kept. An interface, so that another
 * database can take LMDB's place (./lmdb); docs/extending.md tells how. Memory follows it: whoever keeps a view
 * (search, lists, strangers) listens to its changes and writes nothing twice.
 */
import type { EventEmitter } from "node:events";
import type { StorageError } from "../storage";
import type { Worded } from "../words/sentence";
import type { Anchor, Person, Photo, PhotoEmbedding, Receipt, UnknownGroup } from "./people";

/** What embeddings of one fingerprint have in common. */
export interface Space {
  model: string;
  dimensions: number;
}

export interface StoreProblem extends Worded {
  code:
    | "bad_record"
    | "damaged_database"
    | "damaged_record"
    | "damaged_picture"
    | "no_backup"
    | "lost_pictures"
    | "unwritable_backup";
}

/** With these the people may be those of an earlier day, or some cannot be read: who is not there may not be gone. */
export const MAY_MISS: ReadonlySet<string> = new Set(["damaged_database", "no_backup", "bad_record"]);

/** What the disk refuses now. */
export interface Refusal {
  code: "unwritable_store" | "unwritable_backup";
  error: StorageError;
}

/** A photo with all that belongs to it. */
export interface PhotoContent {
  photo: Photo;
  bytes: Buffer | undefined;
  thumbnail: Buffer | undefined;
  embeddings: readonly PhotoEmbedding[];
}

/** … and the person it shows. */
export interface NewPhoto extends PhotoContent {
  person: Person;
}

export interface StrangerContent {
  group: UnknownGroup;
  /** New ones, beside those that are kept; group.pictures counts them already. */
  pictures: readonly Buffer[];
}

/** What is written at once. */
export interface Records {
  people?: readonly Person[];
  /** Of people who are here, or among these. */
  photos?: readonly PhotoContent[];
  anchors?: readonly Anchor[];
  unknowns?: readonly StrangerContent[];
}

/** An embedding that is gone while its photo stays. */
export type RemovedEmbedding = Pick<PhotoEmbedding, "photoId" | "fingerprint">;

/**
 * One write, all of it, told once it is on disk (of a deletion: once it is gone from old pages and backups, or these
 * cannot be wiped yet) and before anything else is written. Whoever follows applies what was removed first, then what
 * was put.
 */
export interface StoreChange {
  /** As they were last. A photo takes its embeddings along; a person's photos, and anchors against them, are named. */
  removed: {
    people: readonly Person[];
    photos: readonly Photo[];
    embeddings: readonly RemovedEmbedding[];
    anchors: readonly Anchor[];
    unknowns: readonly UnknownGroup[];
  };
  /** New ones, and those that were here and are so now. A photo that is put keeps the embeddings it has. */
  put: {
    people: readonly Person[];
    photos: readonly Photo[];
    embeddings: readonly PhotoEmbedding[];
    anchors: readonly Anchor[];
    unknowns: readonly UnknownGroup[];
  };
}

export interface StoreEvents {
  /** In the order of the writes. Listeners change memory alone, at once: whoever writes here waits for them. */
  change: [StoreChange];
  /** What the disk refuses has changed. */
  disk: [];
}

/**
 * Records are in memory as long as the store is open, so that they are read at once; embeddings and pictures are read
 * from the disk. Each write is all or nothing, is on disk when it resolves, and is told by a "change"; what the disk
 * refuses rejects with a StorageError, and then nothing was written. Each deletion is gone from backups and old pages
 * too when it resolves; where that cannot be done yet it rejects with a StorageError, though the change was told.
 */
export interface PeopleStore extends EventEmitter<StoreEvents> {
  /** Private, for what waits while it is received; what is forgotten in it goes at the next start. */
  readonly folder: string;
  readonly encrypted: boolean;
  /** What the disk refuses now; empty when all is well. Tried again and again. */
  readonly refusals: readonly Refusal[];
  /** What is wrong, or was found wrong since the start. */
  readonly problems: readonly StoreProblem[];

  people(): Person[];
  person(id: string): Person | undefined;
  photos(personId?: string): Photo[];
  photo(id: string): Photo | undefined;
  anchors(): Anchor[];
  unknowns(): UnknownGroup[];
  /** A small value kept under a key; undefined when there is none. */
  note(key: string): unknown;

  /** All that were made alike, or all there are. The event loop gets its turns. */
  embeddings(fingerprint?: string): AsyncIterable<PhotoEmbedding>;
  /** All that a photo has, of any model. */
  embeddingsOf(photoId: string): Promise<PhotoEmbedding[]>;
  /** What embeddings of one fingerprint have in common, by fingerprint. */
  spaces(): Promise<Map<string, Space>>;
  /** Undefined when it is not kept, or damaged beyond repair. */
  photoBytes(id: string): Promise<Buffer | undefined>;
  thumbnail(id: string): Promise<Buffer | undefined>;
  unknownPicture(id: string, index: number): Promise<Buffer | undefined>;

  /** What the person was called before is not to stay anywhere. */
  putPerson(person: Person): Promise<void>;
  /** @param options `insteadOf`: a stranger who is known now, and goes */
  putMany(records: Records, options?: { insteadOf?: string | undefined }): Promise<void>;
  /** Of photos that are here; another model's beside the first's. */
  putEmbeddings(embeddings: readonly PhotoEmbedding[]): Promise<void>;
  /**
   * It comes with every visitor, and need not be backed up soon.
   * @param pictures new ones, beside those that are kept; group.pictures counts them already
   */
  putUnknown(group: UnknownGroup, pictures?: readonly Buffer[]): Promise<void>;
  /** When people were seen last, ms since the epoch. Who is not here any more is passed over. */
  seen(times: ReadonlyMap<string, number>): Promise<void>;
  /** @param value anything that JSON can say; undefined deletes the note */
  putNote(key: string, value: unknown): Promise<void>;

  /** Everything that is known of a person: photos, thumbnails, embeddings, anchors against them. */
  removePerson(id: string): Promise<Receipt>;
  /** The receipt names them, separated by commas. */
  removePhotos(ids: readonly string[]): Promise<Receipt>;
  /** As both, at once. */
  removeMany(ids: { people: readonly string[]; photos: readonly string[] }): Promise<void>;
  removeAnchor(id: string): Promise<Receipt>;
  /** As removePhotos. */
  removeUnknowns(ids: readonly string[]): Promise<Receipt>;
  /** A stranger is to be nobody from now on: anchors in their place. */
  ignoreUnknown(id: string, anchors: readonly Anchor[]): Promise<Receipt>;
  /** Strangers whose time is over: gone from old pages and backups within a quarter of an hour. */
  expireUnknowns(ids: readonly string[]): Promise<void>;
  /**
   * Embeddings and anchors that were made alike, where `isGone` says so; strangers lose what they have of it beside.
   * @param options `alone`: the embeddings, and nothing else of their fingerprint
   */
  removeEmbeddings(
    fingerprint: string,
    isGone: (photoId: string) => boolean,
    options?: { alone?: boolean },
  ): Promise<void>;

  /** Nothing is written any more once this resolves. */
  close(): Promise<void>;
}
