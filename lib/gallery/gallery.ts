/** The people: a folder of photos as the database, watched, with their embeddings in memory. */
import { EventEmitter } from "node:events";
import { readFile, realpath, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Face } from "../message";
import { contentHash, EncodingCache, type PhotoEncoding } from "./cache";
import { makePrivateFolder, removeDurable, removeStale, writeDurable } from "./files";
import { type Found, isInside, isUnsure, lookInto, sizeIn, stampOf } from "./folder";
import { fileNameOf, nameOf, parseName } from "./names";
import { type Encoding, makeSnapshot, type Snapshot } from "./snapshot";

/** Makes embeddings of photos; lib/embed's encoder, or a test's. */
export interface PhotoEncoder {
  readonly model: string;
  /** Changes whenever photos must be embedded anew though the model's id stays. */
  readonly fingerprint?: string;
  readonly threshold: number;
  encode(bytes: Buffer): Promise<Face[]>;
}

export interface GalleryOptions {
  /** Folder of photos; made if it is missing. */
  folder: string;
  /** Private folder for encodings. */
  cacheFolder: string;
  encoder: PhotoEncoder;
  /** Milliseconds between two looks at the folder. */
  interval?: number;
}

/** What is wrong with a photo, a person's folder or (`file` is "") the gallery: `code` for the program, `message` for people. */
export interface Problem {
  file: string;
  code: "no_face" | "several_faces" | "unreadable_photo" | "unreadable_folder" | "unwritable_cache";
  message: string;
}

export interface Person {
  name: string;
  photos: number;
}

export interface Enrolled {
  name: string;
  /** Of the photo, relative to the gallery's folder. */
  file: string;
  /** How many photos the person has now. */
  photos: number;
}

/** How far the photos that were new at the last look are embedded. */
export interface Progress {
  done: number;
  total: number;
}

interface Photo {
  name: string;
  /** Size and times, to see a change without reading. */
  stamp: string;
  hash: string;
  encoding: PhotoEncoding | undefined;
  /** After a failure: how many there were, and when (performance.now()) it is tried again. */
  failed?: { times: number; retryAt: number };
}

interface GalleryEvents {
  change: [Snapshot];
  problem: [Problem];
  progress: [Progress];
}

/** A change needs two looks to be seen and to be still, and must count within two seconds. */
const DEFAULT_INTERVAL_MS = 300;
/** The rest between looks at a large or slow folder: this many times as long as a look took … */
const REST_FACTOR = 10;
/** … as far as the two seconds allow, … */
const LONG_REST_MS = 600;
/** … and where they cannot be kept at all, at least half of the time. */
const LONGEST_REST_MS = 10_000;
/** A photo is a few megabytes; this is no photo. */
const MAX_PHOTO_BYTES = 50 * 1024 * 1024;
/** While thousands of photos are embedded people count as they come, in parts of this many. */
const PUBLISH_EVERY = 50;
/** A photo that failed is tried again: a worker may have died, a network folder hiccuped. First after this many intervals, … */
const RETRY_INTERVALS = 8;
/** … then ever more rarely, at the most after this. */
const LONGEST_RETRY_MS = 600_000;

/** Keys of problems that are no file's. */
const FOLDER = "";
const CACHE = "\0cache";

export class Gallery extends EventEmitter<GalleryEvents> {
  readonly #options: GalleryOptions;
  readonly #interval: number;
  readonly #cache: EncodingCache;
  readonly #photos = new Map<string, Photo>();
  readonly #problems = new Map<string, Problem>();
  /** Stamps seen in the last look, for photos that are still being written. */
  #seen: ReadonlyMap<string, string> = new Map();
  /** How long the last look at the folder took, in ms, without embedding. */
  #lookTook = 0;
  /** Whether a photo was seen that may still be being written. */
  #unsettled = false;
  #snapshot: Snapshot;
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;
  #looking: Promise<unknown> = Promise.resolve();
  #work: Promise<unknown> = Promise.resolve();
  #closed = false;
  #firstLook = true;

  constructor(options: GalleryOptions) {
    super();
    // Every node that matches listens.
    this.setMaxListeners(0);
    this.#options = options;
    this.#interval = options.interval ?? DEFAULT_INTERVAL_MS;
    this.#cache = new EncodingCache(options.cacheFolder, options.encoder);
    this.#snapshot = makeSnapshot(options.encoder.model, options.encoder.threshold, []);
  }

  /** Look at the folder once and then again and again. Resolves after the first look, for every caller; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#begin();
    return this.#started;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking.catch(() => undefined);
    await this.#work.catch(() => undefined);
  }

  /** What matching reads. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get people(): Person[] {
    const counts = new Map<string, number>();
    for (const { name, encoding } of this.#photos.values()) if (encoding?.embedding !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].map(([name, photos]) => ({ name, photos })).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** What is wrong now. */
  get problems(): Problem[] {
    return [...this.#problems.values()];
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** False while the folder is away: who was known before still is. */
  get readable(): boolean {
    return !this.#problems.has(FOLDER);
  }

  /** Look at the folder now. Never throws: what is wrong is a problem. */
  async look(): Promise<void> {
    const look = (): Promise<void> => this.#look().catch((error: unknown) => this.#report({ file: FOLDER, code: "unreadable_folder", message: `the folder ${this.#options.folder} cannot be kept up with: ${said(error)}` }));
    this.#looking = this.#looking.then(look);
    await this.#looking;
  }

  /**
   * Keep a photo of a person. When this resolves the photo is on disk and she is recognized.
   * @param jpeg the photo
   * @throws a sentence when the name is no name, the photo does not show exactly one usable face, or it cannot be written
   */
  async enrol(name: unknown, jpeg: Buffer): Promise<Enrolled> {
    const person = parseName((name as { name?: unknown } | null)?.name ?? name);
    const encoding = await this.#encode(jpeg);
    if (encoding.faces !== 1) throw new Error(`the photo for ${person} shows ${encoding.faces === 0 ? "no face that can be used" : `${encoding.faces} faces`}: send one that shows only her or his face, from the front.`);
    return this.#exclusively(async () => {
      if (this.#closed) throw new Error("the gallery is closed.");
      const hash = contentHash(jpeg);
      const file = join(fileNameOf(person), `${hash.slice(0, 16)}.jpg`);
      const stamp = await this.#keepPhoto(file, jpeg);
      this.#photos.set(file, { name: person, stamp, hash, encoding });
      this.#problems.delete(file);
      await this.#remember(hash, encoding);
      this.#publish();
      return { name: person, file, photos: this.people.find((each) => each.name === person)?.photos ?? 0 };
    });
  }

  /**
   * Delete a person: photos and embeddings. When this resolves they are gone from the disk.
   * @returns how many photos were deleted
   * @throws a sentence when there is nobody of that name, or the folder cannot be reached: then nothing may be called deleted
   */
  async forget(name: unknown): Promise<{ name: string; photos: number }> {
    const person = parseName((name as { name?: unknown } | null)?.name ?? name);
    const { folder } = this.#options;
    return this.#exclusively(async () => {
      const found = await lookInto(folder).catch((error: unknown) => {
        throw new Error(`${person} cannot be deleted now: the folder ${folder} cannot be read (${codeOf(error)}). Try again when it can.`, { cause: error });
      });
      const hers = (file: string): boolean => nameOf(file) === person;
      const unsure = [...found.unsure].find(([file]) => hers(file));
      if (unsure !== undefined) throw new Error(`${person} cannot be deleted now: ${unsure[0]} in ${folder} cannot be read (${unsure[1]}). Try again when it can.`);
      const photos = [...new Set([...found.photos.keys(), ...found.foreign, ...this.#photos.keys()])].filter(hers);
      const leftovers = found.leftovers.filter((file) => dirname(file) !== "." && hers(file));
      if (photos.length + leftovers.length === 0) throw new Error(`there is nobody called ${person} in this gallery: check the spelling.`);
      const files = [...photos, ...leftovers];
      await removeDurable(files.map((file) => join(folder, file))).catch((error: unknown) => {
        throw new Error(`the photos of ${person} cannot be deleted (${codeOf(error)}): check that Node-RED may write to ${folder}.`, { cause: error });
      });
      for (const file of photos) {
        this.#photos.delete(file);
        this.#problems.delete(file);
      }
      this.#publish();
      await this.#prune().catch((error: unknown) => {
        throw new Error(`the photos of ${person} are deleted, but not the embeddings in ${this.#options.cacheFolder} (${codeOf(error)}): check its permissions and restart Node-RED, or delete that folder.`, { cause: error });
      });
      // A folder in which there is something else stays.
      for (const place of new Set(files.map(dirname))) if (place !== ".") await rmdir(join(folder, place)).catch(() => undefined);
      return { name: person, photos: photos.length };
    });
  }

  async #begin(): Promise<void> {
    await makePrivateFolder(this.#options.folder).catch(() => undefined);
    await this.look();
    this.#schedule(this.#interval);
  }

  #schedule(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.look().then(() => this.#schedule(this.#rest()));
    }, delay);
    this.#timer.unref();
  }

  #rest(): number {
    if (this.#unsettled) return this.#interval;
    const wanted = Math.max(Math.min(REST_FACTOR * this.#lookTook, LONG_REST_MS), this.#lookTook);
    return Math.max(this.#interval, Math.min(wanted, LONGEST_REST_MS));
  }

  /** One change at a time: a look must not take for a stranger's what is just being enrolled. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#work.then(work, work);
    this.#work = next.catch(() => undefined);
    return next;
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    const changed = await this.#exclusively(() => this.#compare());
    if (changed === undefined) return;
    for (const [index, [file, stamp]] of changed.entries()) {
      if (this.#closed) return;
      // One by one, so that an enrolment need not wait for thousands.
      await this.#exclusively(() => this.#read(file, stamp));
      this.#progress = { done: index + 1, total: changed.length };
      this.emit("progress", this.#progress);
      if ((index + 1) % PUBLISH_EVERY === 0) this.#publish();
    }
    this.#progress = undefined;
    if (changed.length > 0 || this.#firstLook) {
      await this.#exclusively(() => this.#pruneOrSay());
      this.#publish();
    }
    this.#firstLook = false;
  }

  /** Look at what is there, drop what is gone. @returns the photos to read, or undefined when the folder cannot be read */
  async #compare(): Promise<[file: string, stamp: string][] | undefined> {
    const start = performance.now();
    const { folder } = this.#options;
    let found: Found;
    try {
      found = await lookInto(folder);
    } catch (error) {
      // Keep who is known: a network folder that is away for a while must not lock everybody out.
      this.#report({ file: FOLDER, code: "unreadable_folder", message: `the folder ${folder} cannot be read (${codeOf(error)}): check that it exists and that Node-RED may read it. Until then whoever was known before still is.` });
      return undefined;
    } finally {
      this.#lookTook = performance.now() - start;
    }
    const { photos, foreign, unsure } = found;
    const back = this.#problems.delete(FOLDER);
    if (this.#firstLook) await removeStale(found.leftovers.map((file) => join(folder, file))).catch(() => undefined);
    const gone = [...this.#photos.keys()].filter((file) => !photos.has(file) && !isUnsure(found, file));
    for (const file of gone) this.#photos.delete(file);
    for (const [file, { code }] of this.#problems) {
      const stays = file === CACHE || (code === "unreadable_folder" ? unsure.has(file) : this.#photos.has(file) || foreign.has(file) || unsure.has(file));
      if (!stays) this.#problems.delete(file);
    }
    for (const file of foreign) this.#report({ file, code: "unreadable_photo", message: `the photo ${file} is of a format that cannot be read: save it as JPEG.` });
    for (const [file, code] of unsure) this.#report({ file, code: "unreadable_folder", message: `${file} in ${folder} cannot be read (${code}): check its permissions. Until then its photos count as they were.` });
    if (gone.length > 0) await this.#pruneOrSay();
    if (back || gone.length > 0) this.#publish();
    const now = performance.now();
    const changed = [...photos].filter(([file, stamp]) => {
      const known = this.#photos.get(file);
      return known?.stamp === stamp ? known.failed !== undefined && now >= known.failed.retryAt : true;
    });
    const still = changed.filter(([file, stamp]) => this.#firstLook || this.#seen.get(file) === stamp);
    this.#unsettled = still.length < changed.length;
    this.#seen = photos;
    return still;
  }

  /** Embed a photo, or find that it cannot be. */
  async #read(file: string, stamp: string): Promise<void> {
    const before = this.#photos.get(file);
    // Shown only when all is known of it: until then the photo counts as it was.
    const photo: Photo = { name: nameOf(file), stamp, hash: "", encoding: undefined };
    try {
      if (sizeIn(stamp) > MAX_PHOTO_BYTES) throw new Error(`it has more than ${MAX_PHOTO_BYTES / 1024 / 1024} MB.`);
      let bytes: Buffer;
      try {
        bytes = await readFile(join(this.#options.folder, file));
      } catch (error) {
        if (codeOf(error) === "ENOENT") {
          this.#photos.delete(file);
          return;
        }
        // It may be as it was; whoever was known by it still is.
        photo.hash = before?.hash ?? "";
        photo.encoding = before?.encoding;
        throw new Error(`it cannot be read (${codeOf(error)}); check that Node-RED may read it.`, { cause: error });
      }
      photo.hash = contentHash(bytes);
      photo.encoding = await this.#cache.get(photo.hash);
      if (photo.encoding === undefined) {
        photo.encoding = await this.#encode(bytes);
        await this.#remember(photo.hash, photo.encoding);
      }
    } catch (error) {
      const times = (before?.stamp === stamp ? (before.failed?.times ?? 0) : 0) + 1;
      photo.failed = { times, retryAt: performance.now() + Math.min(RETRY_INTERVALS * this.#interval * 2 ** (times - 1), LONGEST_RETRY_MS) };
      this.#photos.set(file, photo);
      this.#report({ file, code: "unreadable_photo", message: `the photo ${file} cannot be used: ${said(error)}` });
      return;
    }
    this.#photos.set(file, photo);
    const { faces } = photo.encoding;
    if (faces === 1) this.#problems.delete(file);
    if (faces === 0) this.#report({ file, code: "no_face", message: `the photo ${file} shows no face that can be used: take one from the front, sharp and at least 100 pixels wide.` });
    if (faces > 1) this.#report({ file, code: "several_faces", message: `the photo ${file} shows ${faces} faces: cut it so that it shows only ${photo.name}.` });
  }

  async #encode(bytes: Buffer): Promise<PhotoEncoding> {
    const usable = (await this.#options.encoder.encode(bytes)).filter(({ embedding }) => embedding !== undefined);
    return { faces: usable.length, embedding: usable.length === 1 ? usable[0]?.embedding : undefined };
  }

  /** Put a photo into the folder. @returns its stamp @throws a sentence */
  async #keepPhoto(file: string, jpeg: Buffer): Promise<string> {
    const { folder } = this.#options;
    const path = join(folder, file);
    try {
      await makePrivateFolder(dirname(path));
      if (!isInside(await realpath(folder), await realpath(dirname(path)))) throw new Error("it is a link that leads elsewhere");
      await writeDurable(path, jpeg);
      return (await stampOf(path)) ?? "";
    } catch (error) {
      throw new Error(`the photo cannot be kept in ${dirname(path)} (${(error as NodeJS.ErrnoException).code ?? said(error)}): check that the folder is there, that Node-RED may write to it and that the disk is not full.`, { cause: error });
    }
  }

  /** Keep an encoding for the next start. Who cannot be kept is recognized all the same. */
  async #remember(hash: string, encoding: PhotoEncoding): Promise<void> {
    try {
      await this.#cache.set(hash, encoding);
      this.#problems.delete(CACHE);
    } catch (error) {
      this.#report({ file: FOLDER, code: "unwritable_cache", message: `embeddings cannot be kept in ${this.#options.cacheFolder} (${codeOf(error)}): photos will be embedded anew at the next start. Check its permissions and the disk.` }, CACHE);
    }
  }

  /** Delete the embeddings of photos that are no more. @throws the system's error */
  async #prune(): Promise<void> {
    await this.#cache.prune(new Set([...this.#photos.values()].map(({ hash }) => hash)));
  }

  async #pruneOrSay(): Promise<void> {
    await this.#prune().catch((error: unknown) => {
      this.#report({ file: FOLDER, code: "unwritable_cache", message: `embeddings of deleted photos are still in ${this.#options.cacheFolder} (${codeOf(error)}): check its permissions, or delete that folder.` }, CACHE);
    });
  }

  #report(problem: Problem, key = problem.file): void {
    if (this.#problems.get(key)?.message === problem.message) return;
    this.#problems.set(key, problem);
    this.emit("problem", problem);
  }

  #publish(): void {
    const encodings: Encoding[] = [];
    for (const { name, encoding } of this.#photos.values()) if (encoding?.embedding !== undefined) encodings.push({ name, embedding: encoding.embedding });
    const { encoder } = this.#options;
    this.#snapshot = makeSnapshot(encoder.model, encoder.threshold, encodings);
    this.emit("change", this.#snapshot);
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** ENOSPC and the like. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? "error";
}
