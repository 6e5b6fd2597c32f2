/**
 * A folder of photos as a source of people: scanned again and again, each photo embedded once, what is wrong with
 * one said.
 */
import { EventEmitter } from "node:events";
import { readFile, rmdir } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { z } from "zod";
import { heard } from "../observe/heard";
import { reasonOf, UserError } from "../errors";
import { PHOTO_ENDINGS } from "../image/photo-file";
import { MAX_PHOTO_BYTES } from "../image/limits";
import { makePrivateFolder, removeDurable, removeStale } from "../files";
import { copiesOf, type Found, IN_CLOUD, isUnsure, originalIn, removeThumbnails, scanFolder, sizeIn } from "./folder";
import { nameOf, parseName, visibleName } from "../people/names";
import { StorageError } from "../storage";
import { countSchema } from "../validate";
import type { StoreProblem } from "../people/store";
import { SerialQueue } from "../workers/serial-queue";
import { phrase, type Sentence, worded, type Worded } from "../words/sentence";

/**
 * What is wrong with a photo, a person's folder or (`file` is "") the gallery: `code` for the program, `message` for
 * people.
 */
export interface Problem extends Worded {
  file: string;
  code:
    | "no_face"
    | "several_faces"
    | "unreadable_photo"
    | "unreadable_folder"
    | "unwritable_store"
    | "unwritable_backup"
    | "left_out"
    | "doubtful_photo"
    | "store"
    | "network"
    | "site"
    | StoreProblem["code"];
}

/** How far the photos that were new at the last scan are embedded. */
export const progressSchema = z.object({
  what: z
    .literal("people")
    .optional()
    .describe(
      "Instead of photos that are read, people of a large gallery who can be compared; at its start nobody is " +
        "recognized until all can",
    ),
  done: countSchema,
  total: countSchema,
});
export type Progress = z.infer<typeof progressSchema>;

/** A folder by its path, and which one stood there. */
export interface Place {
  path: string;
  identity: string;
}

/** Who keeps what the folder holds. */
export interface Keeper {
  /**
   * A photo is there, or has changed. @returns how many usable faces it shows (it counts only with one), and what is
   * doubtful about it
   * @throws a sentence when it is no picture
   */
  keep(file: string, name: string, bytes: Buffer): Promise<{ faces: number; doubt: Sentence | undefined }>;
  /**
   * Photos that are gone.
   * @param options.moving others wait to be read, which may be the same by new names: whoever has no photo left
   * stays until `sweep`
   */
  drop(files: readonly string[], options: { moving: boolean }): Promise<void>;
  /** All that waited is read: who was left without a photo goes. @param unread people of whom a file is there */
  sweep(unread: ReadonlySet<string>): Promise<void>;
  /** Which folder it was that held photos last. */
  readonly place: Place | undefined;
  keepPlace(place: Place): Promise<void>;
  /** Whether anything can be kept or dropped now; photos wait while not. */
  readonly writable: boolean;
}

export interface PhotoFolderOptions {
  /** Made if it is missing. */
  folder: string;
  keeper: Keeper;
  /** One change of the gallery at a time. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Milliseconds between two scans of the folder. */
  interval?: number | undefined;
}

/** A photo as it was read last. */
interface ReadPhoto {
  /** Size and times, to see a change without reading. */
  stamp: string;
  /** After a failure: how many there were, and when (performance.now()) it is tried again. */
  failed?: { times: number; retryAt: number };
}

interface PhotoFolderEvents {
  problem: [Problem];
  progress: [Progress];
  /** Who is known, or what is wrong, has changed. */
  change: [];
}

/** A change needs two scans to be seen and to be still, and must count within two seconds. */
const DEFAULT_INTERVAL_MS = 300;
/** The rest between scans of a large or slow folder: this many times as long as a scan took … */
const REST_FACTOR = 10;
/** … as far as the two seconds allow, … */
const LONG_REST_MS = 600;
/** … and where they cannot be kept at all, at least half of the time. */
const LONGEST_REST_MS = 10_000;
/** While thousands of photos are embedded people are told of as they come, in parts of this many. */
const TELL_EVERY = 50;
/**
 * A photo that failed is tried again: a worker may have died, a network folder hiccuped. First after this many
 * intervals, …
 */
const RETRY_INTERVALS = 8;
/** … then ever more rarely, at the most after this. */
const LONGEST_RETRY_MS = 600_000;

/** Key of the problem that is no file's. */
const FOLDER = "";

export class PhotoFolder extends EventEmitter<PhotoFolderEvents> {
  readonly #options: PhotoFolderOptions;
  readonly #interval: number;
  readonly #photos = new Map<string, ReadPhoto>();
  readonly #problems = new Map<string, Problem>();
  /** Stamps seen in the last scan, for photos that are still being written. */
  #seen: ReadonlyMap<string, string> = new Map();
  /** How long the last scan of the folder took, in ms, without embedding. */
  #scanTook = 0;
  /** Whether a photo was seen that may still be being written. */
  #unsettled = false;
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #scans = new SerialQueue();
  #paused = false;
  #closed = false;
  #firstScan = true;

  /** @param known photos of the folder that the keeper has from the last time */
  constructor(options: PhotoFolderOptions, known: Iterable<string>) {
    super();
    this.#options = options;
    this.#interval = options.interval ?? DEFAULT_INTERVAL_MS;
    // Without a stamp each is read again, and is gone if it is not there.
    for (const file of known) this.#photos.set(file, { stamp: "" });
  }

  /** Scan the folder once and then again and again. Resolves after the first scan; never rejects. */
  async start(): Promise<void> {
    const { folder, keeper } = this.#options;
    const isNew = this.#photos.size === 0 || (keeper.place !== undefined && keeper.place.path !== folder);
    // In the place of one that held photos nothing is made: a disk is to be mounted there, perhaps.
    if (isNew) await makePrivateFolder(folder).catch(() => undefined);
    await this.scan();
    this.#schedule(this.#interval);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#scans.idle();
  }

  /** What is wrong now. */
  get problems(): Problem[] {
    return [...this.#problems.values()];
  }

  /** Whether new photos wait. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Stop after the photo at work, or go on. */
  pause(paused: boolean): void {
    this.#paused = paused;
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** False while the folder is away. */
  get readable(): boolean {
    return !this.#problems.has(FOLDER);
  }

  /** Scan the folder now. Never throws: what is wrong is a problem. */
  async scan(): Promise<void> {
    const scan = (): Promise<void> =>
      this.#scan().catch((error: unknown) => {
        // Closed meanwhile, or the disk refuses, which its keeper tells: the next scan goes on.
        if (!this.#closed && !(error instanceof StorageError))
          this.#report({
            file: FOLDER,
            code: "unreadable_folder",
            ...worded(phrase("enrol.folderStuck", { folder: this.#options.folder, reason: reasonOf(error) })),
          });
      });
    await this.#scans.run(scan);
  }

  /**
   * Delete the photos of a person, and what a crash left of some. Call it exclusively.
   * @param person their name, and of a photo that is kept whose it is: somebody may be called otherwise than in the
   * names of their files, and somebody else as in these
   * @returns the photos deleted, relative to the folder
   * @throws a sentence when it cannot be told which there are, or they cannot be deleted: then nothing may be called
   * deleted
   */
  async remove(person: { name: string; owns: (file: string) => boolean | undefined }): Promise<string[]> {
    const { folder } = this.#options;
    const namesOf = (own: boolean): string[] =>
      [...this.#photos.keys()].filter((file) => person.owns(file) === own).map(nameOf);
    const others = new Set(namesOf(false));
    const names = new Set([...[visibleName(person.name)].filter((name) => !others.has(name)), ...namesOf(true)]);
    const theirs = (file: string): boolean => person.owns(file) ?? names.has(nameOf(file));
    const found = await this.#look((later) => [...later.vanished].some(theirs)).catch((error: unknown) => {
      throw new UserError("enrol.folderUndeletable", { folder, code: codeOf(error) }, { cause: error });
    });
    if (this.#isAnother(found)) throw new UserError("enrol.folderAnotherUndeletable", { folder });
    // What iCloud has elsewhere goes with what stands for it here.
    const unsure = [...found.unsure].find(([file, code]) => theirs(inFolder(file)) && code !== IN_CLOUD);
    if (unsure !== undefined) throw new UserError("enrol.photoUndeletable", { folder, code: unsure[1] });
    const photos = [...new Set([...found.photos.keys(), ...found.foreign, ...this.#photos.keys()])].filter(theirs);
    const copies = found.copies.filter((file) => theirs(originalIn(file) ?? file));
    const leftovers = found.leftovers.filter((file) => dirname(file) !== "." && theirs(file));
    await this.#removeFiles([...photos, ...copies, ...leftovers]);
    return photos;
  }

  /** Delete one photo. Call it exclusively. @throws a sentence when it cannot be deleted */
  async removePhoto(file: string): Promise<void> {
    const { folder } = this.#options;
    const copies = await copiesOf(folder, file).catch(this.#undeletable);
    await this.#removeFiles([file, ...copies]);
  }

  /** A photo's bytes, or undefined when it cannot be read now. */
  bytes(file: string): Promise<Buffer | undefined> {
    return this.#bytesOf(file).catch(() => undefined);
  }

  readonly #undeletable = (error: unknown): never => {
    const { folder } = this.#options;
    throw new UserError("enrol.filesUndeletable", { code: codeOf(error), folder }, { cause: error });
  };

  async #removeFiles(files: readonly string[]): Promise<void> {
    const { folder } = this.#options;
    const remove = async (): Promise<void> => {
      await removeDurable(files.map((file) => join(folder, file)));
      await removeThumbnails(folder, files);
    };
    await remove().catch(this.#undeletable);
    for (const file of files) {
      this.#photos.delete(file);
      this.#problems.delete(file);
    }
    // A folder in which there is something else stays.
    for (const place of new Set(files.map(dirname)))
      if (place !== ".") await rmdir(join(folder, place)).catch(() => undefined);
  }

  /** See what is there, and once more where that cannot be trusted. @throws the system's error */
  async #look(again: (found: Found) => boolean): Promise<Found> {
    const found = await scanFolder(this.#options.folder);
    return again(found) ? scanFolder(this.#options.folder) : found;
  }

  #schedule(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      heard(
        "photos",
        this.scan().finally(() => this.#schedule(this.#rest())),
      );
    }, delay);
    this.#timer.unref();
  }

  #rest(): number {
    if (this.#unsettled) return this.#interval;
    const wanted = Math.max(Math.min(REST_FACTOR * this.#scanTook, LONG_REST_MS), this.#scanTook);
    return Math.max(this.#interval, Math.min(wanted, LONGEST_REST_MS));
  }

  async #scan(): Promise<void> {
    if (this.#closed) return;
    const { exclusively, keeper } = this.#options;
    const changed = await exclusively(() => this.#compare());
    if (changed === undefined || !keeper.writable) return;
    let isAll = true;
    for (const [index, [file, stamp]] of changed.entries()) {
      if (this.#closed || this.#paused) return;
      if (!keeper.writable) {
        isAll = false;
        break;
      }
      // One by one, so that an enrolment need not wait for thousands.
      await exclusively(() => this.#read(file, stamp));
      this.#progress = { done: index + 1, total: changed.length };
      this.emit("progress", this.#progress);
      if ((index + 1) % TELL_EVERY === 0) this.emit("change");
    }
    this.#progress = undefined;
    if (isAll && !this.#unsettled) await exclusively(() => keeper.sweep(this.#unread()));
    if (changed.length > 0 || this.#firstScan) this.emit("change");
    this.#firstScan = false;
  }

  /**
   * See what is there, drop what is gone.
   * @returns the photos to read, or undefined when the folder cannot be read
   */
  async #compare(): Promise<[file: string, stamp: string][] | undefined> {
    const start = performance.now();
    const { folder, keeper } = this.#options;
    const goneIn = (found: Found): string[] =>
      [...this.#photos.keys()].filter((file) => !found.photos.has(file) && !isUnsure(found, file));
    let found: Found;
    try {
      // What is renamed while the folder is read may be met by neither name.
      found = await this.#look((first) => goneIn(first).length > 0);
    } catch (error) {
      // Keep who is known: a network folder that is away for a while must not lock everybody out.
      this.#report({
        file: FOLDER,
        code: "unreadable_folder",
        ...worded(phrase("enrol.folderUnreadable", { folder, code: codeOf(error) })),
      });
      return undefined;
    } finally {
      this.#scanTook = performance.now() - start;
    }
    if (this.#isAnother(found)) {
      this.#report({ file: FOLDER, code: "unreadable_folder", ...worded(phrase("enrol.folderAnother", { folder })) });
      return undefined;
    }
    const { photos, foreign, misnamed, alone, unsure } = found;
    const back = this.#problems.delete(FOLDER);
    await this.#rememberPlace(found);
    if (this.#firstScan) await removeStale(found.leftovers.map((file) => join(folder, file))).catch(() => undefined);
    const gone = keeper.writable ? goneIn(found) : [];
    const now = performance.now();
    const changed = [...photos].filter(([file, stamp]) => {
      const known = this.#photos.get(file);
      return known?.stamp === stamp ? known.failed !== undefined && now >= known.failed.retryAt : true;
    });
    if (gone.length > 0) await keeper.drop(gone, { moving: changed.length > 0 });
    for (const file of gone) this.#photos.delete(file);
    for (const [file, { code }] of this.#problems) {
      const stays =
        code === "unreadable_folder"
          ? unsure.has(file)
          : [this.#photos, foreign, misnamed, alone, unsure].some((files) => files.has(file));
      if (!stays) this.#problems.delete(file);
    }
    for (const file of foreign)
      this.#report({
        file,
        code: "unreadable_photo",
        ...worded(phrase("enrol.otherFormat", { file })),
      });
    for (const file of misnamed)
      this.#report({ file, code: "unreadable_photo", ...worded(phrase("enrol.fileMisnamed", { file })) });
    for (const [file, original] of alone)
      this.#report({ file, code: "unreadable_photo", ...worded(phrase("enrol.copyAlone", { file, original })) });
    for (const [file, code] of unsure)
      this.#report({
        file,
        code: "unreadable_folder",
        ...worded(
          code === IN_CLOUD
            ? phrase("enrol.fileInCloud", { file })
            : phrase("enrol.fileUnreadable", { file, folder, code }),
        ),
      });
    if (back || gone.length > 0) this.emit("change");
    const still = changed.filter(([file, stamp]) => this.#firstScan || this.#seen.get(file) === stamp);
    this.#unsettled = still.length < changed.length || found.vanished.size > 0;
    this.#seen = photos;
    return still;
  }

  /**
   * Whether it is empty and another one than held the photos: a network folder or a disk that is not mounted leaves
   * such a one, and nobody deleted anything. One that was emptied is still the same.
   */
  #isAnother({ isEmpty, identity }: Found): boolean {
    const { folder, keeper } = this.#options;
    if (!isEmpty || this.#photos.size === 0) return false;
    const { place } = keeper;
    return place === undefined || (place.path === folder && place.identity !== identity);
  }

  async #rememberPlace({ photos, identity }: Found): Promise<void> {
    const { folder: path, keeper } = this.#options;
    if (photos.size === 0 || !keeper.writable) return;
    if (keeper.place?.path !== path || keeper.place.identity !== identity) await keeper.keepPlace({ path, identity });
  }

  /** Of whom there is a file that cannot be read now: it may still be being copied. */
  #unread(): ReadonlySet<string> {
    return new Set([...this.#photos].flatMap(([file, { failed }]) => (failed === undefined ? [] : [nameOf(file)])));
  }

  /** Have a photo embedded, or find that it cannot be. */
  async #read(file: string, stamp: string): Promise<void> {
    const before = this.#photos.get(file);
    const name = nameOf(file);
    try {
      if (name === "") throw new UserError("enrol.fileNameless");
      if (sizeIn(stamp) > MAX_PHOTO_BYTES)
        throw new UserError("enrol.fileTooLarge", { megabytes: MAX_PHOTO_BYTES / 1024 / 1024 });
      const bytes = await this.#bytesOf(file);
      // Renamed or deleted since: the next scan tells which.
      if (bytes === undefined) {
        this.#unsettled = true;
        return;
      }
      const { faces, doubt } = await this.#options.keeper.keep(file, parseName(name), bytes);
      if (faces === 1 && doubt === undefined) this.#problems.delete(file);
      if (faces === 1 && doubt !== undefined)
        this.#report({ file, code: "doubtful_photo", ...worded(phrase("enrol.fileDoubtful", { file, doubt })) });
      if (faces === 0)
        this.#report({
          file,
          code: "no_face",
          ...worded(phrase("enrol.fileNoFace", { file })),
        });
      if (faces > 1)
        this.#report({
          file,
          code: "several_faces",
          ...worded(phrase("enrol.fileSeveralFaces", { file, faces, name })),
        });
      this.#photos.set(file, { stamp });
    } catch (error) {
      // Says nothing about the photo: it is read again at the next start, or once the disk takes it.
      if (this.#closed || error instanceof StorageError) return;
      const times = (before?.stamp === stamp ? (before.failed?.times ?? 0) : 0) + 1;
      this.#photos.set(file, {
        stamp,
        failed: {
          times,
          retryAt: performance.now() + Math.min(RETRY_INTERVALS * this.#interval * 2 ** (times - 1), LONGEST_RETRY_MS),
        },
      });
      this.#report({
        file,
        code: "unreadable_photo",
        ...worded(phrase("enrol.fileUnusable", { file, reason: reasonOf(error) })),
      });
    }
  }

  /**
   * Undefined when the photo is gone.
   * @throws a sentence when it cannot be read: it may be as it was, and still counts so
   */
  async #bytesOf(file: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.#options.folder, file));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw new UserError("enrol.fileForbidden", { code: codeOf(error) }, { cause: error });
    }
  }

  #report(problem: Problem): void {
    if (this.#problems.get(problem.file)?.message === problem.message) return;
    this.#problems.set(problem.file, problem);
    this.emit("problem", problem);
  }
}

/** A file in a folder that could not be looked at; of a photo, itself. */
const inFolder = (file: string): string =>
  PHOTO_ENDINGS.has(extname(file).toLowerCase()) ? file : join(file, "photo");

/** ENOSPC and the like. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? "error";
}
