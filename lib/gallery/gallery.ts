/** The people: a folder of photos as the database, watched, with their embeddings in memory. */
import { EventEmitter } from "node:events";
import { readdir, readFile, realpath, rmdir, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import type { Face } from "../message";
import { contentHash, EncodingCache, type PhotoEncoding } from "./cache";
import { makePrivateFolder, removeDurable, writeDurable } from "./files";
import { fileNameOf, nameOf, parseName, PHOTO_ENDINGS } from "./names";
import { type Encoding, makeSnapshot, type Snapshot } from "./snapshot";

/** Makes embeddings of photos; lib/embed's encoder, or a test's. */
export interface PhotoEncoder {
  readonly model: string;
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

/** A photo that counts for nobody, and why: `code` for the program, `message` for people. */
export interface Problem {
  file: string;
  code: "no_face" | "several_faces" | "unreadable_photo" | "unreadable_folder";
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

interface Photo {
  name: string;
  /** Size and time, to see a change without reading. */
  stamp: string;
  hash: string;
  encoding: PhotoEncoding | undefined;
}

interface GalleryEvents {
  change: [Snapshot];
  problem: [Problem];
  /** Photos embedded of those that were new. */
  progress: [done: number, total: number];
}

/** Twice within the two seconds in which a change must count. */
const DEFAULT_INTERVAL_MS = 400;
/** Looking at a large or slow folder must not become all that is done. */
const REST_FACTOR = 10;
/** A photo is a few megabytes; this is no photo. */
const MAX_PHOTO_BYTES = 50 * 1024 * 1024;
/** While thousands of photos are embedded people count as they come, in parts of this many. */
const PUBLISH_EVERY = 50;

export class Gallery extends EventEmitter<GalleryEvents> {
  readonly #options: GalleryOptions;
  readonly #cache: EncodingCache;
  readonly #photos = new Map<string, Photo>();
  readonly #problems = new Map<string, Problem>();
  /** Stamps seen in the last look, for photos that are still being written. */
  #seen = new Map<string, string>();
  #snapshot: Snapshot;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #closed = false;
  #firstLook = true;

  constructor(options: GalleryOptions) {
    super();
    this.#options = options;
    this.#cache = new EncodingCache(options.cacheFolder, options.encoder.model);
    this.#snapshot = makeSnapshot(options.encoder.model, options.encoder.threshold, []);
  }

  /** Look at the folder once and then again and again. Resolves after the first look. */
  async start(): Promise<void> {
    await makePrivateFolder(this.#options.folder).catch(() => undefined);
    await this.look();
    this.#schedule(this.#options.interval ?? DEFAULT_INTERVAL_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
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

  /** What is wrong now, by file. */
  get problems(): Problem[] {
    return [...this.#problems.values()];
  }

  /** Look at the folder now. Never throws: what is wrong is a problem. */
  async look(): Promise<void> {
    await this.#exclusively(() => this.#look()).catch((error: unknown) => this.#report({ file: "", code: "unreadable_folder", message: `the folder ${this.#options.folder} cannot be kept up with: ${error instanceof Error ? error.message : String(error)}` }));
  }

  /**
   * Keep a photo of a person. When this resolves the photo is on disk and she is recognized.
   * @param jpeg the photo
   * @throws a sentence when the name is no name, or the photo does not show exactly one usable face
   */
  async enrol(name: unknown, jpeg: Buffer): Promise<Enrolled> {
    const person = parseName((name as { name?: unknown } | null)?.name ?? name);
    return this.#exclusively(async () => {
      const encoding = await this.#encode(jpeg);
      if (encoding.faces !== 1) throw new Error(`the photo for ${person} shows ${encoding.faces === 0 ? "no face that can be used" : `${encoding.faces} faces`}: send one that shows only her or his face, from the front.`);
      const hash = contentHash(jpeg);
      const file = join(fileNameOf(person), `${hash.slice(0, 16)}.jpg`);
      const path = join(this.#options.folder, file);
      await makePrivateFolder(join(this.#options.folder, fileNameOf(person)));
      await this.#cache.set(hash, encoding);
      await writeDurable(path, jpeg);
      const stamp = await this.#stamp(path);
      this.#photos.set(file, { name: person, stamp, hash, encoding });
      this.#seen.set(file, stamp);
      this.#publish();
      return { name: person, file, photos: this.people.find((each) => each.name === person)?.photos ?? 0 };
    });
  }

  /** Delete a person: photos and embeddings. @returns how many photos were deleted @throws a sentence when there is nobody of that name */
  async forget(name: unknown): Promise<{ name: string; photos: number }> {
    const person = parseName((name as { name?: unknown } | null)?.name ?? name);
    return this.#exclusively(async () => {
      const files = [...this.#photos].filter(([, photo]) => photo.name === person).map(([file]) => file);
      if (files.length === 0) throw new Error(`there is nobody called ${person} in this gallery: check the spelling.`);
      for (const file of files) {
        await removeDurable(join(this.#options.folder, file));
        this.#photos.delete(file);
        this.#problems.delete(file);
      }
      await this.#prune();
      await rmdir(join(this.#options.folder, fileNameOf(person))).catch(() => undefined);
      this.#publish();
      return { name: person, photos: files.length };
    });
  }

  #schedule(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      const start = performance.now();
      void this.look().finally(() => this.#schedule(Math.max(this.#options.interval ?? DEFAULT_INTERVAL_MS, REST_FACTOR * Math.min(performance.now() - start, 1000))));
    }, delay);
    this.#timer.unref();
  }

  /** One thing at a time: a look must not see a photo that is just being enrolled as somebody else's. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#work.then(work, work);
    this.#work = next.catch(() => undefined);
    return next;
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    let found: Map<string, string>;
    try {
      found = await this.#list();
      if (this.#problems.delete("")) this.#publish();
    } catch (error) {
      // Keep who is known: a network folder that is away for a while must not lock everybody out.
      this.#report({ file: "", code: "unreadable_folder", message: `the folder ${this.#options.folder} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"}): check that it exists and that Node-RED may read it.` });
      return;
    }
    const gone = [...this.#photos.keys()].filter((file) => !found.has(file));
    for (const file of gone) this.#photos.delete(file);
    for (const file of this.#problems.keys()) if (file !== "" && !found.has(file)) this.#problems.delete(file);
    const changed = [...found].filter(([file, stamp]) => this.#photos.get(file)?.stamp !== stamp && (this.#firstLook || this.#seen.get(file) === stamp));
    this.#seen = found;
    let done = 0;
    for (const [file, stamp] of changed) {
      if (this.#closed) return;
      await this.#read(file, stamp);
      done += 1;
      this.emit("progress", done, changed.length);
      if (done % PUBLISH_EVERY === 0) this.#publish();
    }
    if (gone.length > 0 || changed.length > 0 || this.#firstLook) {
      await this.#prune();
      this.#publish();
    }
    this.#firstLook = false;
  }

  /** Every photo in the folder and in the folders in it, with its stamp. */
  async #list(): Promise<Map<string, string>> {
    const { folder } = this.#options;
    const root = await realpath(folder);
    const found = new Map<string, string>();
    const files: string[] = [];
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) for (const inside of await readdir(join(folder, entry.name)).catch(() => [])) files.push(join(entry.name, inside));
      else files.push(entry.name);
    }
    for (const file of files) {
      if (!PHOTO_ENDINGS.has(extname(file).toLowerCase()) || file.split(sep).at(-1)?.startsWith(".")) continue;
      const path = join(folder, file);
      const stamp = await this.#stampInside(root, path);
      if (stamp !== undefined) found.set(file, stamp);
    }
    return found;
  }

  /** The stamp of a file that lies in the folder, also when followed; a link that leads out of it does not count. */
  async #stampInside(root: string, path: string): Promise<string | undefined> {
    try {
      const real = await realpath(path);
      if (relative(root, real).startsWith("..")) return undefined;
      return await this.#stamp(real);
    } catch {
      return undefined;
    }
  }

  async #stamp(path: string): Promise<string> {
    const { size, mtimeMs } = await stat(path);
    return `${size} ${mtimeMs}`;
  }

  async #read(file: string, stamp: string): Promise<void> {
    const photo: Photo = { name: nameOf(file), stamp, hash: "", encoding: undefined };
    this.#photos.set(file, photo);
    this.#problems.delete(file);
    try {
      if (Number(stamp.split(" ")[0]) > MAX_PHOTO_BYTES) throw new Error(`it has more than ${MAX_PHOTO_BYTES / 1024 / 1024} MB`);
      const bytes = await readFile(join(this.#options.folder, file));
      photo.hash = contentHash(bytes);
      const cached = await this.#cache.get(photo.hash);
      photo.encoding = cached ?? (await this.#encode(bytes));
      if (cached === undefined) await this.#cache.set(photo.hash, photo.encoding);
    } catch (error) {
      this.#report({ file, code: "unreadable_photo", message: `the photo ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}` });
      return;
    }
    const { faces } = photo.encoding;
    if (faces === 0) this.#report({ file, code: "no_face", message: `the photo ${file} shows no face that can be used: take one from the front, sharp and at least 100 pixels wide.` });
    if (faces > 1) this.#report({ file, code: "several_faces", message: `the photo ${file} shows ${faces} faces: cut it so that it shows only ${photo.name}.` });
  }

  async #encode(bytes: Buffer): Promise<PhotoEncoding> {
    const usable = (await this.#options.encoder.encode(bytes)).filter(({ embedding }) => embedding !== undefined);
    return { faces: usable.length, embedding: usable.length === 1 ? usable[0]?.embedding : undefined };
  }

  async #prune(): Promise<void> {
    await this.#cache.prune(new Set([...this.#photos.values()].map(({ hash }) => hash)));
  }

  #report(problem: Problem): void {
    if (this.#problems.get(problem.file)?.message === problem.message) return;
    this.#problems.set(problem.file, problem);
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
