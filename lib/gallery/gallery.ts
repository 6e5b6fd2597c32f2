/**
 * The people a recognizer knows: kept in a store, found in memory, fed from a folder, from messages and from the
 * editor.
 */
import { EventEmitter, setMaxListeners } from "node:events";
import { z } from "zod";
import { USUAL_WANTED, type WantedThreshold } from "../calibrate/wanted";
import { euclideanDistance } from "../embed/distance";
import { said, UserError } from "../errors";
import { cropFace } from "../image/crop";
import { toKeptJpeg } from "../image/encode";
import { kindOf, type PhotoKind } from "../image/photo-file";
import { thumbnail as shrink } from "../image/thumbnail";
import type { Face, Picture, Point, Quality } from "../message";
import { parseOptions } from "../validate";
import { inTime } from "../workers/in-time";
import { Directory, type PeoplePage, type PeopleQuery } from "../search/directory";
import { NotFound } from "../people/errors";
import { type NetworkHost, type NetworkOptions, Networks } from "./change-network";
import { contentHash, newId } from "../people/hash";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { bestOf, type Finding, forEnrolment, type Judgement, judgePhoto, NEAR_DUPLICATE } from "../enrol/judge";
import { parseName } from "../people/names";
import type { DecidingNetwork, NetworkState } from "./network-state";
import {
  type Anchor,
  type CorrectionEntry,
  type Origin,
  type Person,
  personFieldsSchema,
  personPatchSchema,
  type Photo,
  type PhotoEmbedding,
  type Receipt,
  type UnknownGroup,
} from "../people/people";
import { isLeftOut, isSure, withLeftOut, withSure } from "../people/marks";
import { type Aside, asideOf } from "../search/outliers";
import { type Keeper, PhotoFolder, type Problem, type Progress } from "../enrol/photo-folder";
import { idOfPhoto, isBare, newPerson, NO_FIELDS, noteOf, photoOf, withPatch } from "../people/new-records";
import type { Comparison, DistanceKind, KnownEmbedding, Roster, Searchable } from "../search/roster";
import { StoreSearch } from "../search/store-search";
import { StorageError } from "../storage";
import { exportStore, importInto, type Imported } from "../people/archive";
import type { NewPhoto, PeopleStore, Refusal, StoreChange } from "../people/store";
import { type Sight, Strangers } from "../unknowns/strangers";
import { seenBy } from "../unknowns/seen-by";
import { oneStranger } from "../unknowns/unknowns";
import { SerialQueue } from "../workers/serial-queue";

export interface GalleryOptions {
  /** Opened for this gallery alone, which closes it. */
  store: PeopleStore;
  /** Folder of photos, watched; made if it is missing. */
  folder: string;
  encoder: PhotoEncoder;
  /** With it the gallery can change its network; `encoder` is what decides at first. */
  networks?: NetworkOptions | undefined;
  /** False keeps embeddings alone: no photo, no thumbnail. */
  keepPhotos?: boolean | undefined;
  /** How long strangers are kept for review after they were last seen, in ms; undefined keeps none. */
  keepUnknownsMs?: number | undefined;
  /** Milliseconds between two looks at the folder. */
  interval?: number | undefined;
}

/** A stranger as the editor shows them. */
export interface UnknownEntry extends Omit<UnknownGroup, "vectors" | "fingerprint" | "beside"> {
  /** The person who is nearest to them, however far. */
  nearest: { name: string; distance: number } | null;
}

/** A photo as the editor shows it. */
export interface PhotoEntry extends Photo {
  thumbnail: boolean;
  /** Whether it has an embedding of the present model. */
  usable: boolean;
  /** Why nobody is compared with it; null where it is compared. */
  aside: Aside | null;
  /** Whether somebody said that it is this person, however far from their other photos. */
  sure: boolean;
  /** Whether somebody left it out of recognition. */
  out: boolean;
}

export interface PersonDetails extends Person {
  photos: PhotoEntry[];
}

export interface Enrolled {
  name: string;
  /** Ids. */
  person: string;
  photo: string;
  /** How many photos the person has now. */
  photos: number;
}

export interface AddedPhoto {
  photo: Photo;
  person: Person;
  judgement: Judgement;
}

export interface AddPhotoOptions {
  origin: Exclude<Origin["by"], "folder">;
  /** Codes of findings that the sender has seen and accepts. */
  accept?: readonly string[] | undefined;
  /**
   * Which face of a group photo is meant: a point in it, pixels of the picture as shown. Only that face is kept of the
   * picture.
   */
  at?: Point | undefined;
}

export interface GallerySummary {
  people: number;
  photos: number;
  embeddings: number;
  model: string;
  /** τ of the Euclidean distance, … */
  threshold: number;
  /** … and of d'; null where the model has no cohort. */
  cohortThreshold: number | null;
  /**
   * τ of d' with one stranger of a hundred named, with the people who are here now; null where the model's d' was
   * never measured.
   */
  wanted: WantedThreshold | null;
  keepPhotos: boolean;
  encrypted: boolean;
  paused: boolean;
  unknowns: number;
  anchors: number;
  progress: Progress | null;
  /** Null where the gallery cannot change its network. */
  network: NetworkState | null;
  problems: Problem[];
}

/** A face as an event keeps it. */
export interface SeenFace {
  vector: Float32Array;
  /** Where it was measured. */
  quality?: Quality | undefined;
  picture: Buffer | undefined;
  /** Where and when. */
  note: string;
}

export interface Correction {
  /** Who it is. */
  name: unknown;
  /** Id of the person it was taken for. */
  not: string | null;
  /** Codes of findings that may pass. */
  accept?: readonly string[] | undefined;
}

export interface Corrected {
  person: Person;
  photo: Photo;
  anchor: Omit<Anchor, "vector"> | null;
}

interface GalleryEvents {
  /** Who is known has changed. */
  change: [];
  problem: [Problem];
  progress: [Progress];
  /** How a change of the network goes on, or that another one decides now. */
  network: [NetworkState];
  /** A person was deleted, by id and name. */
  forgotten: [id: string, name: string];
  /** The person of this id is the other one now, and is about to be deleted. */
  merged: [from: string, into: Person];
  /** A stranger came, by the id of their group. */
  unknown: [string];
}

/** What of a photo is written beside its record. */
interface Content {
  bytes: Buffer | undefined;
  thumbnail: Buffer | undefined;
  vector: Float32Array;
  /** What it was seen in, also where nothing of it is kept. */
  picture: Buffer | undefined;
}

/** Photos that no browser shows; they are told as JPEG. */
const SHOWN_AS_JPEG: ReadonlySet<PhotoKind | undefined> = new Set(["heic", "tiff"]);
/** Most pixels across of a face that was chosen from a group photo: enough for every network. */
const CHOSEN_SIDE = 640;
/** A thumbnail's side in pixels: twice as sharp as the 48 px at which lists show it. */
const THUMBNAIL_SIDE = 96;
const THUMBNAIL_QUALITY = 85;
/** When people were seen is written at this interval: a power cut may cost so much of it, and nothing else. */
const SEEN_INTERVAL_MS = 10_000;
/** How long closing waits for what is under way beside the disk: a network folder may hang, a search may be long. */
const PATIENCE_MS = 3000;
/** … and for an import that has begun to write. Node-RED waits fifteen seconds. */
const IMPORT_PATIENCE_MS = 10_000;
/**
 * How long a face waits for the folder's new photos: nobody is to be a stranger because their photo was not read yet,
 * and loading the networks for them alone takes half of this on a busy computer.
 */
const READY_MS = 60_000;

/** Whoever decides faces does so several times a second. */
const BUSY_MS = 2000;
/** No search takes so long. */
const LAST_SEARCH_MS = 30_000;
/** People whose preparation takes long enough to be told. */
const LARGE = 2000;

const CLOSED = "the gallery is closed.";

/** What `msg.enrol` may hold beside the name. */
const enrolSchema = z.looseObject({ accept: z.array(z.string().max(40)).max(20).default([]) });

/** Of a photo in the folder that does not count, so that a restart embeds nothing twice. */
const noteSchema = z.object({ hash: z.string(), fingerprint: z.string(), faces: z.number().int().min(0) });

export class Gallery extends EventEmitter<GalleryEvents> {
  readonly #options: GalleryOptions;
  readonly #store: PeopleStore;
  /** What decides; another one after a change of the network. */
  #encoder: PhotoEncoder;
  #search: StoreSearch;
  readonly #networks: Networks | undefined;
  /** When a face was decided last, ms since the epoch. */
  #decidedAt = 0;
  /** Of networks that decided before: searches may be under way in them. */
  readonly #formerSearches = new Set<StoreSearch>();
  readonly #directory: Directory;
  readonly #folder: PhotoFolder;
  #strangers: Strangers;
  #isOneStranger: (a: Float32Array, b: Float32Array) => boolean;
  readonly #problems = new Map<string, Problem>();
  #progress: Progress | undefined;
  /** Of people whose templates are made. */
  #preparing: Progress | undefined;
  #seen = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;
  #loaded: Promise<void> | undefined;
  #embeddingAnew: Promise<void> = Promise.resolve();
  /** Whether the disk refused an embedding that was made anew. */
  #staleLeft = false;
  /** How many people are never recognized, as far as it was told. */
  #toldUnused = 0;
  /** What the disk refuses, as far as it was told. */
  #told: readonly Refusal["code"][] = [];
  readonly #work = new SerialQueue();
  readonly #imports = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(options: GalleryOptions) {
    super();
    // Every node that matches listens.
    this.setMaxListeners(0);
    // Every picture that is being encoded listens.
    setMaxListeners(0, this.#closing.signal);
    this.#options = options;
    this.#store = options.store;
    this.#store.on("disk", this.#followDisk);
    this.#encoder = options.encoder;
    this.#directory = new Directory(options.store, (photo) => this.#hasThumbnail(photo));
    this.#search = this.#searchOf(options.encoder);
    this.#isOneStranger = oneStranger(options.encoder);
    this.#strangers = this.#strangersOf(options.encoder);
    this.#folder = new PhotoFolder(
      {
        folder: options.folder,
        interval: options.interval,
        exclusively: (work) => this.#exclusively(work),
        keeper: this.#keeper(),
      },
      this.#directory.files,
    );
    this.#folder.on("problem", (problem) => this.emit("problem", problem));
    this.#folder.on("progress", (progress) => this.emit("progress", progress));
    this.#folder.on("change", () => this.emit("change"));
    if (options.networks !== undefined)
      this.#networks = new Networks(this.#store, this.#networkHost(), options.networks);
    this.#store.on("change", this.#followStore);
    this.on("change", () => {
      this.#networks?.wake();
      this.#tellUnused();
    });
  }

  /**
   * Read who is known, look at the folder once and then again and again. Resolves after the first look, for every
   * caller; never rejects.
   */
  start(): Promise<void> {
    this.#started ??= this.#begin();
    return this.#started;
  }

  /** Once everybody is known who was known before. Never rejects. */
  async loaded(): Promise<void> {
    void this.start();
    await this.#loaded;
  }

  /**
   * Once the folder was looked at too, or after a while: thousands of new photos must not hold up who is known
   * already. Never rejects.
   */
  async ready(): Promise<void> {
    const started = this.start();
    await this.loaded();
    await inTime(started, READY_MS);
  }

  /** Whether new photos of the folder wait. */
  get paused(): boolean {
    return this.#folder.paused;
  }

  /** Stop embedding the folder's new photos, or go on where it stopped; so does a restart. */
  pause(paused: boolean): void {
    this.#folder.pause(paused);
    this.emit("change");
  }

  /** Nothing is written any more once this resolves; in bounded time, whatever workers, uploads or folders are at. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closing.abort(new UserError("the gallery is closed: nothing was imported."));
    clearInterval(this.#timer);
    // What is being added is added to its end; whatever else is under way has nothing to write any more.
    const adding = inTime(Promise.allSettled(this.#imports), IMPORT_PATIENCE_MS);
    await inTime(
      Promise.allSettled([
        this.#folder.close(),
        this.#strangers.close(),
        this.#embeddingAnew,
        this.#networks?.close(),
        this.#work.idle(),
      ]),
      PATIENCE_MS,
    );
    await adding;
    await this.#flushSeen();
    this.#store.off("disk", this.#followDisk).off("change", this.#followStore);
    this.#directory.close();
    await Promise.all([this.#search, ...this.#formerSearches].map((search) => search.close()));
    await this.#store.close();
  }

  /** What matching reads. */
  get roster(): Searchable {
    return this.#roster;
  }

  get #roster(): Roster {
    return this.#search.roster;
  }

  get summary(): GallerySummary {
    const { model, threshold, normalisation } = this.#encoder;
    return {
      people: this.#directory.size,
      photos: this.#directory.photoCount,
      embeddings: this.#roster.size,
      model,
      threshold,
      cohortThreshold: normalisation?.threshold ?? null,
      wanted: this.#roster.thresholdWanted(USUAL_WANTED) ?? null,
      keepPhotos: this.#keepsPhotos,
      encrypted: this.#store.encrypted,
      paused: this.paused,
      unknowns: this.#strangers.list.length,
      anchors: this.#store.anchors().length,
      progress: this.progress ?? null,
      network: this.network,
      problems: this.problems,
    };
  }

  /** Which network decides, and how a change of it goes on; null where it cannot be changed. */
  get network(): NetworkState | null {
    return this.#networks?.state ?? null;
  }

  /** What decides; undefined where it cannot be changed. */
  get deciding(): DecidingNetwork | undefined {
    return this.#networks?.deciding;
  }

  /** What can be done about the network. @throws a sentence where it cannot be changed */
  get networks(): Pick<
    Networks,
    "estimate" | "changeTo" | "cancel" | "undo" | "keep" | "dismiss" | "pause" | "accept"
  > {
    if (this.#networks === undefined) throw new UserError("the network of this gallery cannot be changed.");
    return this.#networks;
  }

  /**
   * Faces as the network that decides has them, and who is known to it: while the gallery changes its network, and
   * after, a face of the
   * other one is embedded anew. What cannot be is left as it is.
   * @param picture that the faces are in; undefined where there is none
   */
  async understand(
    faces: readonly Face[],
    picture: Picture | undefined,
  ): Promise<{ faces: Face[]; roster: Searchable }> {
    this.#decidedAt = Date.now();
    const [encoder, roster] = [this.#encoder, this.#roster];
    const foreign = faces.filter(({ embedding, model }) => embedding !== undefined && this.speaks(model));
    if (foreign.length === 0 || picture === undefined || encoder.embedAnew === undefined)
      return { faces: [...faces], roster };
    const anew = await encoder.embedAnew(picture, foreign);
    const byFace = new Map(foreign.map((face, index) => [face, anew[index]]));
    return {
      faces: faces.map((face) => (byFace.get(face)?.embedding === undefined ? face : (byFace.get(face) ?? face))),
      roster,
    };
  }

  /** Whether faces of another model than the gallery's are understood all the same. */
  speaks(model: string | undefined): boolean {
    return model !== undefined && (this.#networks?.speaks(model) ?? false);
  }

  /** People who can be recognized, with the number of their photos that count. */
  get people(): { name: string; photos: number }[] {
    return this.#directory.people.flatMap(({ id, name }) => {
      const photos = this.#roster.photosOf(id).length;
      return photos === 0 ? [] : [{ name, photos }];
    });
  }

  /** What is wrong now. */
  get problems(): Problem[] {
    return [
      ...this.#folder.problems,
      ...this.#problems.values(),
      ...this.#unusedProblems,
      ...this.#store.problems.map(({ code, message }) => ({ file: "", code, message })),
      ...this.#store.refusals.map(problemOf),
    ];
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#preparing ?? this.#folder.progress ?? this.#progress;
  }

  /** False while the folder is away: who was known before still is. */
  get readable(): boolean {
    return this.#folder.readable;
  }

  /** Look at the folder now. Never throws: what is wrong is a problem. */
  look(): Promise<void> {
    return this.#folder.look();
  }

  listPeople(query: PeopleQuery): PeoplePage {
    return this.#directory.list(query, this.#roster.unused);
  }

  person(id: string): PersonDetails | undefined {
    const person = this.#directory.person(id);
    if (person === undefined) return undefined;
    const aside = this.#roster.asideOf(id);
    const photos = this.#directory.photosOf(id).map((photo) => this.#entryOf(photo, aside));
    return { ...person, photos: photos.sort((a, b) => a.addedAt - b.addedAt) };
  }

  /** @throws NotFound */
  details(id: string): PersonDetails {
    this.#directory.known(id);
    return this.person(id) as PersonDetails;
  }

  nameOf(personId: string): string | undefined {
    return this.#directory.person(personId)?.name;
  }

  /** @throws a sentence when the fields are wrong; NameTaken when somebody is called so already */
  async createPerson(fields: unknown): Promise<Person> {
    const parsed = parseOptions(personFieldsSchema, fields, "the person");
    return this.#exclusively(async () => {
      this.#directory.refuseTaken(parsed.name);
      return this.#keepPerson(newPerson(parsed));
    });
  }

  /** @throws a sentence when the fields are wrong; NotFound; NameTaken when somebody else is called so */
  async updatePerson(id: string, patch: unknown): Promise<Person> {
    const parsed = parseOptions(personPatchSchema, patch, "the person");
    return this.#exclusively(async () => {
      const before = this.#directory.known(id);
      const person = withPatch(before, parsed);
      this.#directory.refuseTaken(person.name, id);
      const filed = this.#directory.photosOf(id).find(({ origin }) => origin.by === "folder");
      if (person.name !== before.name && filed?.origin.by === "folder")
        throw new UserError(
          `${before.name} cannot be renamed here: ${filed.origin.file} in the photo folder carries the name. ` +
            "Rename that file.",
        );
      if (person.validFrom !== null && person.validUntil !== null && person.validFrom > person.validUntil)
        throw new UserError("the person: validUntil must not lie before validFrom.");
      return this.#keepPerson(person);
    });
  }

  /**
   * Keep a photo of a person, whom it makes if they are new. When this resolves it is on disk and they are recognized.
   * @param value a name, or `{ name, accept }` with codes of findings that may pass
   * @throws a sentence when the name is no name, the photo is judged not worth keeping, or it cannot be written
   */
  async enrol(value: unknown, jpeg: Buffer): Promise<Enrolled> {
    const name = parseName((value as { name?: unknown } | null)?.name ?? value);
    const { accept } = typeof value === "string" ? { accept: [] } : parseOptions(enrolSchema, value, "msg.enrol");
    const { person, photo } = await this.addPhoto({ name }, jpeg, { origin: "message", accept }).catch(
      (error: unknown) => {
        if (!(error instanceof NotKept) || error.judgement.verdict !== "ask") throw error;
        throw new UserError(
          `${error.message} To keep it all the same set msg.enrol.accept = ` +
            `${JSON.stringify(error.judgement.findings.map(({ code }) => code))}.`,
          { cause: error },
        );
      },
    );
    return {
      name: person.name,
      person: person.id,
      photo: photo.id,
      photos: this.#directory.photosOf(person.id).length,
    };
  }

  /**
   * Judge a photo and keep it. When this resolves it is on disk and the person is recognized.
   * @param who somebody who is there by id, or anybody by name
   * @throws NotKept with the judgement when it is refused or asks; NotFound; a sentence when it is no picture or
   * cannot be written
   */
  async addPhoto(
    who: { id: string } | { name: string },
    picture: Buffer,
    { origin, accept = [], at }: AddPhotoOptions,
  ): Promise<AddedPhoto> {
    this.#refuseClosed();
    if ("id" in who) this.#directory.known(who.id);
    const all = forEnrolment(await this.encode(picture));
    const chosen = at === undefined ? undefined : faceAt(all, at);
    const faces = chosen === undefined ? all : [chosen];
    // The others in the photo did not ask to be kept.
    const jpeg =
      chosen === undefined ? picture : await cropFace({ bytes: picture, frame: undefined }, chosen.box, CHOSEN_SIDE);
    return this.#exclusively(async () => {
      const person = this.#personOf(who);
      const judgement = await this.#judge(person, faces, accept);
      const { face } = judgement;
      if (judgement.verdict !== "keep" || face?.embedding === undefined) throw new NotKept(judgement);
      const again = await this.#takeBack(person, face.embedding, judgement);
      if (again !== undefined) {
        this.emit("change");
        return { person, photo: again, judgement };
      }
      const photo = photoOf(person, {
        hash: contentHash(jpeg),
        origin: { by: origin },
        size: this.#keepsPhotos ? jpeg.length : 0,
        quality: face.quality,
        accepted: judgement.accepted,
      });
      await this.#keep(person, photo, {
        bytes: this.#keepsPhotos ? jpeg : undefined,
        thumbnail: await this.#thumbnailOf(picture, face),
        vector: face.embedding,
        picture: jpeg,
      });
      this.emit("change");
      return { person, photo, judgement };
    });
  }

  /**
   * Delete a person: photos, embeddings, notes, whatever was known. When this resolves it is gone from the disk.
   * @param value a name, or `{ name }`, or `{ id }`
   * @throws a sentence when there is nobody of that name, or a photo cannot be reached: then nothing may be called
   * deleted
   */
  async forget(value: unknown): Promise<Receipt & { name: string }> {
    const { id, name: called } = (typeof value === "object" && value !== null ? value : { name: value }) as {
      id?: unknown;
      name?: unknown;
    };
    const name = typeof id === "string" ? this.#directory.known(id).name : parseName(called);
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const person = this.#directory.named(name);
      const files = await this.#folder.remove(name);
      if (person === undefined && files.length === 0)
        throw new NotFound("there is nobody of that name in this gallery: check the spelling.");
      for (const file of files) await this.#forgetNote(file);
      const elsewhere =
        person === undefined ? [] : this.#directory.photosOf(person.id).filter(({ origin }) => origin.by !== "folder");
      const receipt: Receipt =
        person === undefined
          ? { what: "person", id: "", name, at: Date.now(), photos: 0, embeddings: 0, thumbnails: 0, backups: 0 }
          : await this.#store.removePerson(person.id);
      this.emit("change");
      return { ...receipt, name, photos: files.length + elsewhere.length };
    });
  }

  /** Delete one photo with its embeddings. @throws NotFound; a sentence when its file cannot be deleted */
  async removePhoto(personId: string, photoId: string): Promise<Receipt> {
    return this.#exclusively(async () => {
      const { origin } = this.#directory.photoOf(personId, photoId);
      this.#refuseUnused(personId, [photoId]);
      if (origin.by === "folder") await this.#folder.removePhoto(origin.file);
      const receipt = await this.#store.removePhotos([photoId]);
      this.emit("change");
      return receipt;
    });
  }

  /**
   * Use a photo that is set aside all the same, since it is this person; or set it aside again, if it is as far as
   * that.
   * @throws NotFound
   */
  async usePhoto(personId: string, photoId: string, sure: boolean): Promise<PhotoEntry> {
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const photo = withSure(this.#directory.photoOf(personId, photoId), sure);
      await this.#store.putMany({ photos: [{ photo, bytes: undefined, thumbnail: undefined, embeddings: [] }] });
      this.emit("change");
      return this.#entryOf(photo, this.#roster.asideOf(personId));
    });
  }

  /**
   * Leave a photo out of recognition, or use it again. It is kept either way.
   * @throws NotFound; a sentence when no other photo of the person would be used
   */
  async leaveOut(personId: string, photoId: string, out: boolean): Promise<PhotoEntry> {
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const before = this.#directory.photoOf(personId, photoId);
      if (out && !isLeftOut(before) && this.#roster.photosOf(personId).every((id) => id === photoId))
        throw new UserError(
          `the only photo by which ${this.#directory.known(personId).name} is recognized cannot be left out: ` +
            "add another one first, or delete the person",
        );
      const photo = await this.#keepOut(before, out);
      this.emit("change");
      return this.#entryOf(photo, this.#roster.asideOf(personId));
    });
  }

  /** The picture, or undefined where only embeddings are kept or the folder is away. @throws NotFound */
  async photoBytes(personId: string, photoId: string): Promise<Buffer | undefined> {
    const { origin } = this.#directory.photoOf(personId, photoId);
    const bytes = await (origin.by === "folder" ? this.#folder.bytes(origin.file) : this.#store.photoBytes(photoId));
    return bytes !== undefined && SHOWN_AS_JPEG.has(kindOf(bytes)) ? toKeptJpeg({ bytes, frame: undefined }) : bytes;
  }

  /** A small JPEG of the face, or undefined where none is kept. @throws NotFound */
  async thumbnail(personId: string, photoId: string): Promise<Buffer | undefined> {
    this.#directory.photoOf(personId, photoId);
    return this.#store.thumbnail(photoId);
  }

  /** Somebody was recognized. Written down now and then. */
  saw(personId: string, at: number): void {
    if (this.#directory.person(personId) === undefined) return;
    this.#directory.saw(personId, at);
    this.#seen.set(personId, at);
  }

  /**
   * A face matched nobody. Never adds a photo to anybody.
   * @throws a sentence when the stranger cannot be written down
   */
  async sawUnknown(face: Face, sight: Sight): Promise<void> {
    if (this.#options.keepUnknownsMs === undefined || this.#isIgnored(face)) return;
    const visitor = await this.#strangers.saw(face, sight);
    if (visitor !== undefined) this.emit("unknown", visitor.id);
  }

  /**
   * Whether somebody said of this stranger that they are nobody: as near to that face as sightings of one stranger are
   * to each other.
   */
  #isIgnored({ embedding }: Face): boolean {
    if (embedding === undefined || !this.#search.fits(embedding)) return false;
    return this.#store
      .anchors()
      .some(
        ({ against, fingerprint, vector }) =>
          against === null &&
          fingerprint === this.#encoder.fingerprint &&
          this.#search.fits(vector) &&
          this.#isOneStranger(embedding, vector),
      );
  }

  /** Strangers for review, last seen first. */
  async unknowns(): Promise<UnknownEntry[]> {
    return Promise.all(
      this.#strangers.list.map(async ({ vectors, fingerprint, beside: _beside, ...entry }) => {
        const [vector] = vectors;
        const [near] =
          vector === undefined || fingerprint !== this.#encoder.fingerprint || !this.#search.fits(vector)
            ? []
            : await this.#roster.nearest(vector, 1, this.#kind);
        return { ...entry, nearest: near === undefined ? null : { name: near.person.name, distance: near.distance } };
      }),
    );
  }

  /** @throws NotFound */
  unknownPicture(id: string, index: number): Promise<Buffer | undefined> {
    return this.#strangers.picture(id, index);
  }

  /**
   * A stranger is somebody: their embeddings and pictures become the person's photos.
   * @throws NotKept when they resemble somebody else and that is not accepted; NotFound; a sentence when the name is
   * no name
   */
  async nameUnknown(
    id: string,
    name: unknown,
    { accept = [] }: { accept?: readonly string[] | undefined } = {},
  ): Promise<Person> {
    const called = parseName(name);
    return this.#exclusively(async () => {
      const group = this.#strangers.known(id);
      const { model, fingerprint } = this.#encoder;
      if (group.fingerprint !== fingerprint)
        throw new UserError(
          `this stranger was seen with another model than ${model}: delete them, or name them from a newer visit.`,
        );
      const person = this.#personOf({ name: called });
      const [first] = group.vectors;
      const judgement = await this.#judge(person, first === undefined ? [] : [faceOf(first, model)], accept);
      if (judgement.verdict !== "keep") throw new NotKept(judgement);
      const accepted = judgement.accepted.filter((code) => code !== "near_left_out");
      const photos: NewPhoto[] = [];
      const again = first === undefined ? undefined : await this.#takeBack(person, first, judgement);
      for (const [index, vector] of group.vectors.entries()) {
        // It is kept already.
        if (index === 0 && again !== undefined) continue;
        const picture = index < group.pictures ? await this.#strangers.picture(id, index) : undefined;
        photos.push(await this.#seenPhoto(person, { vector, picture, by: "unknown", accepted }));
      }
      this.#refuseClosed();
      await this.#strangers.name(id, photos).finally(() => this.emit("change"));
      return person;
    });
  }

  /** "Not a person we know": from now on they are nobody, whomever they resemble. @throws NotFound; StorageError */
  async ignoreUnknown(id: string): Promise<{ anchors: string[] }> {
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const { vectors, firstSeenAt } = this.#strangers.known(id);
      const note = `ignored stranger, first seen ${new Date(firstSeenAt).toISOString()}`;
      const anchors = vectors.map((vector) => this.#anchorOf(vector, null, note));
      await this.#strangers.ignore(id, anchors).finally(() => this.emit("change"));
      return { anchors: anchors.map((anchor) => anchor.id) };
    });
  }

  /** @throws NotFound */
  async removeUnknown(id: string): Promise<Receipt> {
    return this.#strangers.remove(id).finally(() => this.emit("change"));
  }

  /** Several strangers at once; who is not here any more is passed over. */
  async removeUnknowns(ids: readonly string[]): Promise<Receipt> {
    return this.#strangers.removeMany(ids).finally(() => this.emit("change"));
  }

  /**
   * Somebody says who was seen: the face becomes a photo of that person, whom it makes if they are new, and speaks
   * against whoever it
   * was taken for.
   * @param not the person it was taken for, or null
   * @throws NotKept when it resembles somebody else, or is unlike the person, and that is not accepted; a sentence
   * when the name is no name
   */
  async correct(
    { vector, quality, picture, note }: SeenFace,
    { name, not, accept = [] }: Correction,
  ): Promise<Corrected> {
    const called = parseName(name);
    const { person, photo } = await this.#exclusively(async () => {
      this.#refuseClosed();
      const who = this.#personOf({ name: called });
      // Whoever it was taken for is near to it: that is what is being corrected.
      // A camera's frames are what they are, but somebody far away is nobody's photo.
      const [seen] = forEnrolment([{ ...faceOf(vector, this.#encoder.model), quality }]);
      const judgement = await this.#judge(
        who,
        [{ ...(seen as Face), quality: undefined }],
        accept,
        undefined,
        not ?? undefined,
      );
      if (judgement.verdict !== "keep") throw new NotKept(judgement);
      const again = await this.#takeBack(who, vector, judgement);
      if (again !== undefined) {
        this.emit("change");
        return { person: who, photo: again };
      }
      const added = await this.#seenPhoto(who, { vector, picture, by: "event", accepted: judgement.accepted });
      await this.#store.putMany({ people: [added.person], photos: [added] });
      this.emit("change");
      return { person: who, photo: added.photo };
    });
    const wrong = not === null || not === person.id || this.#directory.person(not) === undefined ? null : not;
    return { person, photo, anchor: wrong === null ? null : await this.addAnchor(vector, wrong, note) };
  }

  /** What people have said against or beside a decision, newest first; each can be taken back. */
  corrections(): CorrectionEntry[] {
    const against = this.#store.anchors().map(({ id, against: person, note, createdAt }) => ({
      id,
      at: createdAt,
      what: person === null ? ("ignored" as const) : ("not" as const),
      person,
      note,
    }));
    const told = [...this.#directory.photos]
      .filter(({ origin }) => origin.by === "event")
      .map(({ id, personId, addedAt }) => ({ id, at: addedAt, what: "is" as const, person: personId, note: "" }));
    return [...against, ...told]
      .map((entry) => ({ ...entry, name: entry.person === null ? null : (this.nameOf(entry.person) ?? null) }))
      .sort((a, b) => b.at - a.at);
  }

  /** Take a correction back: the decision is as it would have been. @throws NotFound */
  async undoCorrection(id: string): Promise<Receipt> {
    const photo = this.#directory.photo(id);
    if (photo?.origin.by === "event") return this.removePhoto(photo.personId, id);
    return this.removeAnchor(id);
  }

  /**
   * Photos of one person are another's, whom it makes if they are new.
   * @throws NotFound; a sentence when a photo lies in the photo folder, whose file says whose it is
   */
  async movePhotos(
    from: string,
    ids: readonly string[],
    to: { id: string } | { name: string },
  ): Promise<{ person: Person; photos: Photo[] }> {
    const target = "id" in to ? to : { name: parseName(to.name) };
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const person = this.#personOf(target);
      if (person.id === from) throw new UserError(`these photos are ${person.name}'s already: choose another person.`);
      const own = this.#ownPhotos(from, ids);
      this.#refuseUnused(from, ids);
      const photos = await this.#move(own, person);
      this.emit("change");
      return { person, photos };
    });
  }

  /**
   * Two are one: photos, notes, groups and corrections go over to the second, and the first is gone. What is filled in
   * of the second stays.
   * @throws NotFound; a sentence when they are the same, or a photo of the first lies in the photo folder
   */
  async merge(from: string, into: string): Promise<Person> {
    return this.#exclusively(async () => {
      this.#refuseClosed();
      const [first, second] = [this.#directory.known(from), this.#directory.known(into)];
      if (from === into) throw new UserError("a person cannot be merged with themselves: choose another person.");
      const photos = this.#ownPhotos(
        from,
        this.#directory.photosOf(from).map(({ id }) => id),
      );
      const person: Person = {
        ...second,
        notes: [second.notes, first.notes].filter((notes) => notes !== "").join("\n"),
        groups: [...new Set([...second.groups, ...first.groups])].sort(),
        consentOn: second.consentOn ?? first.consentOn,
        createdAt: Math.min(first.createdAt, second.createdAt),
        lastSeenAt: Math.max(first.lastSeenAt ?? 0, second.lastSeenAt ?? 0) || null,
      };
      // Two long notes may be too long together.
      parseOptions(personPatchSchema, { notes: person.notes, groups: person.groups }, "the merged person");
      await this.#keepPerson(person);
      const anchors = this.#store.anchors().filter(({ against }) => against === from);
      await this.#store.putMany({ anchors: anchors.map((anchor) => ({ ...anchor, against: into })) });
      await this.#move(photos, person);
      this.emit("merged", from, person);
      await this.#store.removePerson(from);
      this.emit("change");
      return this.#directory.known(into);
    });
  }

  /** Several photos of a person. @throws NotFound; a sentence when a file of the photo folder cannot be deleted */
  async removePhotos(personId: string, ids: readonly string[]): Promise<Receipt> {
    return this.#exclusively(async () => {
      const photos = ids.map((id) => this.#directory.photoOf(personId, id));
      this.#refuseUnused(personId, ids);
      for (const { origin } of photos) if (origin.by === "folder") await this.#folder.removePhoto(origin.file);
      return this.#store.removePhotos(ids).finally(() => this.emit("change"));
    });
  }

  /**
   * Delete strangers whom nobody has seen for too long, and what is kept of a former network; done by itself.
   * @param now ms since the epoch
   * @returns how many strangers
   */
  async sweep(now: number): Promise<number> {
    await this.#networks?.dropOld(now);
    return this.#strangers.sweep(now);
  }

  /**
   * Faces of a picture, as enrolment sees them.
   * @throws a sentence when it is no picture; at once when the gallery closes meanwhile
   */
  async encode(jpeg: Buffer): Promise<Face[]> {
    this.#refuseClosed();
    const { signal } = this.#closing;
    let stop = (): void => undefined;
    const closed = new Promise<never>((_, reject) => {
      stop = () => reject(new UserError(CLOSED));
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([this.#encoder.encode(jpeg), closed]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Every embedding of the present model with its photo and person. */
  embeddings(): Iterable<KnownEmbedding> {
    return this.#roster.embeddings();
  }

  /** Euclidean distance within which two photos of a person are nearly the same. */
  get nearDuplicate(): number {
    const { threshold, nearDuplicate = NEAR_DUPLICATE } = this.#encoder;
    return nearDuplicate * threshold;
  }

  /** What d' is normalised by now; undefined where the model has no cohort. */
  get comparison(): Comparison | undefined {
    return this.#roster.comparison;
  }

  anchors(): Omit<Anchor, "vector">[] {
    return this.#store.anchors().map(withoutVector);
  }

  /**
   * From now on nobody who is farther from a probe than this embedding is its identity.
   * @param against the person it speaks against; null is everybody
   * @throws NotFound when there is no such person
   */
  async addAnchor(vector: Float32Array, against: string | null, note: string): Promise<Omit<Anchor, "vector">> {
    return this.#exclusively(async () => {
      this.#refuseClosed();
      if (against !== null) this.#directory.known(against);
      const anchor = this.#anchorOf(vector, against, note);
      await this.#store.putMany({ anchors: [anchor] });
      this.emit("change");
      return withoutVector(anchor);
    });
  }

  /** @throws NotFound */
  async removeAnchor(id: string): Promise<Receipt> {
    return this.#exclusively(async () => {
      if (!this.#store.anchors().some((anchor) => anchor.id === id))
        throw new NotFound(`there is no negative anchor ${JSON.stringify(id)}: it may have been deleted meanwhile.`);
      return this.#store.removeAnchor(id).finally(() => this.emit("change"));
    });
  }

  /** Everything in one zip, see docs/gallery-format.md. */
  async exportTo(write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    this.#refuseClosed();
    await this.#flushSeen();
    await exportStore(this.#store, {
      write,
      bytesOf: (photo) => this.photoBytes(photo.personId, photo.id).catch(() => undefined),
    });
  }

  /** Add what an export holds to what is here. @throws a sentence when it is no export or a damaged one */
  async importFrom(zip: AsyncIterable<Uint8Array>): Promise<Imported> {
    this.#refuseClosed();
    const { model, fingerprint } = this.#encoder;
    const { dimensions } = this.#search;
    const importing = importInto(this.#store, zip, {
      signal: this.#closing.signal,
      spaces: new Map(dimensions === undefined ? [] : [[fingerprint, { model, dimensions }]]),
      keepPictures: this.#keepsPhotos,
      // Only what is written: a long upload holds nobody up.
      whileAdding: (add) =>
        this.#exclusively(async () => {
          this.#refuseClosed();
          try {
            return await add();
          } finally {
            await this.#roster.settled();
            this.emit("change");
          }
        }),
    });
    this.#imports.add(importing);
    return importing.finally(() => this.#imports.delete(importing));
  }

  /** What decides who somebody is, wherever nobody chose: d' where there is a cohort. */
  get #kind(): DistanceKind {
    return this.#roster.normalised ? "cohort" : "euclidean";
  }

  /**
   * Of each stranger who is kept the first embedding of a network: they are other people than those whom the gallery
   * knows.
   */
  #strangersBeside({ fingerprint }: PhotoEncoder): Float32Array[] {
    if (this.#options.keepUnknownsMs === undefined) return [];
    return this.#strangers.list.flatMap((group) => {
      const {
        vectors: [first],
        fingerprint: own,
      } = seenBy(fingerprint, group);
      return first !== undefined && own === fingerprint ? [first] : [];
    });
  }

  #searchOf(encoder: PhotoEncoder): StoreSearch {
    const search: StoreSearch = new StoreSearch(this.#store, encoder, {
      strangers: () => this.#strangersBeside(encoder),
      // Where the network changes, the old one decides until the new one is ready.
      onProgress: (done, total) => {
        if (search === this.#search) this.#prepare(done, total);
      },
    });
    return search;
  }

  #strangersOf({ model, fingerprint, threshold, normalisation }: PhotoEncoder): Strangers {
    const { keepUnknownsMs } = this.#options;
    return new Strangers(this.#store, {
      model,
      fingerprint,
      threshold,
      normalisation,
      onChange: () => this.#roster.changeStrangers(),
      ...(keepUnknownsMs === undefined ? {} : { retentionMs: keepUnknownsMs }),
    });
  }

  #entryOf(photo: Photo, aside: ReadonlyMap<string, number>): PhotoEntry {
    const distance = aside.get(photo.id);
    const { normalisation } = this.#encoder;
    return {
      ...photo,
      thumbnail: this.#hasThumbnail(photo),
      usable: this.#roster.has(photo.id),
      aside: distance === undefined || normalisation === undefined ? null : asideOf(distance, normalisation.threshold),
      sure: isSure(photo),
      out: isLeftOut(photo),
    };
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get #keepsPhotos(): boolean {
    return this.#options.keepPhotos ?? true;
  }

  async #begin(): Promise<void> {
    this.#loaded = this.#load().catch((error: unknown) =>
      this.#report({ file: "", code: "store", message: `the people cannot be read: ${said(error)}` }),
    );
    await this.#loaded;
    if (this.#closed) return;
    this.#timer = setInterval(() => {
      void this.#flushSeen();
      void this.#networks?.dropOld(Date.now());
    }, SEEN_INTERVAL_MS);
    this.#timer.unref();
    await this.#strangers
      .sweep(Date.now())
      .catch((error: unknown) =>
        this.#report({ file: "", code: "store", message: `old strangers cannot be deleted: ${said(error)}` }),
      );
    await this.#folder.start();
    if (this.#closed) return;
    await this.#networks?.start();
    this.#embeddingAnew = this.#embedAnew();
  }

  async #load(): Promise<void> {
    await this.#networks?.load();
    const { model } = this.#encoder;
    const strange = await this.#search.load();
    if (strange > 0)
      this.#report({
        file: "",
        code: "bad_record",
        message:
          `${strange} embeddings in the gallery have another length than those of the model ${model} and are ` +
          "left out; everybody else is known. Delete the photos that the sidebar shows as not usable, and add " +
          "them again.",
      });
  }

  /**
   * Another network decides. Who is known is searched with the old one until the new one is ready. Called exclusively.
   */
  async #adopt(encoder: PhotoEncoder, commit: () => Promise<void>): Promise<void> {
    const search = this.#searchOf(encoder);
    try {
      await search.load();
      await commit();
    } catch (error) {
      await search.close();
      throw error;
    }
    const [before, strangers] = [this.#search, this.#strangers];
    this.#encoder = encoder;
    this.#search = search;
    this.#isOneStranger = oneStranger(encoder);
    await strangers.close();
    this.#strangers = this.#strangersOf(encoder);
    this.#formerSearches.add(before);
    setTimeout(() => void before.close().finally(() => this.#formerSearches.delete(before)), LAST_SEARCH_MS).unref();
    this.emit("change");
  }

  #networkHost(): NetworkHost {
    const { signal } = this.#closing;
    return {
      signal,
      photos: () => this.#directory.photos,
      strangers: () => this.#strangers.list,
      isBusy: () => Date.now() - this.#decidedAt < BUSY_MS,
      photo: (id) => this.#directory.photo(id),
      nameOf: (id) => this.nameOf(id),
      bytesOf: ({ id, origin }) =>
        origin.by === "folder" ? this.#folder.bytes(origin.file) : this.#store.photoBytes(id),
      isKnown: (id) => this.#roster.has(id),
      strangerPicture: (id, index) => this.#strangers.picture(id, index),
      putBeside: (id, beside) => this.#strangers.putBeside(id, beside),
      exclusively: (work) => this.#exclusively(work),
      adopt: (encoder, commit) => this.#adopt(encoder, commit),
      onState: () => {
        if (this.#networks !== undefined && !this.#closed) this.emit("network", this.#networks.state);
      },
      report: (message) => this.#report({ file: "", code: "network", message }),
    };
  }

  /** Told of a large gallery only: the others are ready before anybody could read it. */
  #prepare(done: number, total: number): void {
    if (this.#preparing === undefined && total < LARGE) return;
    const progress: Progress = { what: "people", done, total };
    this.#preparing = done < total ? progress : undefined;
    this.emit("progress", progress);
  }

  /** After a change of the model: embed what photos are kept; the folder's are read anew anyway. Never rejects. */
  async #embedAnew(): Promise<void> {
    const stale = [...this.#directory.photos].filter(
      ({ id, origin }) => origin.by !== "folder" && !this.#roster.has(id),
    );
    let lost = 0;
    for (const [index, photo] of stale.entries()) {
      if (this.#closed) return;
      const bytes = photo.size > 0 ? await this.#store.photoBytes(photo.id).catch(() => undefined) : undefined;
      const vector =
        bytes === undefined ? undefined : bestOf(forEnrolment(await this.encode(bytes).catch(() => [])))?.embedding;
      // Not lost: its reading was interrupted.
      if (this.#closed) return;
      if (vector === undefined) lost += 1;
      else if (!(await this.#keepsEmbedding(photo, vector))) {
        this.#staleLeft = true;
        break;
      }
      this.#progress = { done: index + 1, total: stale.length };
      this.emit("progress", this.#progress);
    }
    this.#progress = undefined;
    if (stale.length > 0) this.emit("change");
    if (lost > 0)
      this.#report({
        file: "",
        code: "store",
        message:
          `${lost} photos have no embedding of the model ${this.#encoder.model}, and their pictures are not ` +
          "kept or show no face: enrol these people again.",
      });
  }

  /** @returns false when the disk refuses it now */
  #keepsEmbedding({ id, personId }: Photo, vector: Float32Array): Promise<boolean> {
    return this.#exclusively(async () => {
      // Deleted meanwhile.
      if (this.#directory.photo(id)?.personId !== personId) return true;
      await this.#store.putEmbeddings([this.#embeddingOf(id, personId, vector)]);
      return true;
    }).catch((error: unknown) => {
      if (!(error instanceof StorageError)) this.#report({ file: "", code: "store", message: said(error) });
      return !(error instanceof StorageError);
    });
  }

  /** A photo of the folder is there, or has changed. Called exclusively. */
  async #keepFile(file: string, name: string, bytes: Buffer): Promise<{ faces: number; doubt: string | undefined }> {
    const hash = contentHash(bytes);
    const { fingerprint } = this.#encoder;
    const before = this.#directory.photoIn(file);
    if (before?.id === idOfPhoto(hash, file) && this.#roster.has(before.id)) return { faces: 1, doubt: undefined };
    const note = noteSchema.safeParse(this.#store.note(noteOf(file)));
    if (note.success && note.data.hash === hash && note.data.fingerprint === fingerprint)
      return { faces: note.data.faces, doubt: undefined };
    let usable: Face[];
    try {
      usable = forEnrolment(await this.encode(bytes)).filter(({ embedding }) => embedding !== undefined);
    } catch (error) {
      // It is not the picture that counted; nothing is known of it when the gallery closes meanwhile.
      if (!this.#closed && before !== undefined && before.id !== idOfPhoto(hash, file)) await this.#dropFiles([file]);
      throw error;
    }
    const [face] = usable;
    if (usable.length !== 1 || face?.embedding === undefined) {
      await this.#dropFiles([file]);
      await this.#store.putNote(noteOf(file), { hash, fingerprint, faces: usable.length });
      return { faces: usable.length, doubt: undefined };
    }
    const person = this.#directory.named(name) ?? newPerson({ ...NO_FIELDS, name });
    const judgement = await this.#judge(person, usable, [], before?.id);
    const isCopy = judgement.findings.some(({ code }) => code === "near_left_out");
    const made = photoOf(person, {
      hash,
      origin: { by: "folder", file },
      size: 0,
      quality: face.quality,
      accepted: [],
    });
    // Embedded anew for another model, it is the photo of which it was said. Nobody can be asked about a copy of what
    // is left out: it is left out too, and told of where it is another file.
    if (before?.id === made.id) made.accepted.push(...before.accepted);
    const photo = isCopy ? withLeftOut(made, true) : made;
    // The new before the old, so that nobody is a stranger in between.
    await this.#keep(person, photo, {
      bytes: undefined,
      thumbnail: await this.#thumbnailOf(bytes, face),
      vector: face.embedding,
      picture: undefined,
    });
    if (before !== undefined && before.id !== photo.id) await this.#store.removePhotos([before.id]);
    await this.#forgetNote(file);
    return {
      faces: 1,
      doubt: doubtOf(judgement.findings, before !== undefined && isLeftOut(before)),
    };
  }

  /** Photos of the folder are gone. Called exclusively. */
  async #dropFiles(files: readonly string[]): Promise<void> {
    for (const file of files) await this.#forgetNote(file);
    const photos = files.flatMap((file) => this.#directory.photoIn(file) ?? []);
    const dropped = new Set(photos.map(({ id }) => id));
    // Somebody of whom nothing is known but the photos goes with them.
    const people = [...new Set(photos.map(({ personId }) => personId))].filter((id) => {
      const person = this.#directory.person(id);
      return (
        person !== undefined && isBare(person) && this.#directory.photosOf(id).every((photo) => dropped.has(photo.id))
      );
    });
    const leaving = new Set(people);
    const others = photos.filter(({ personId }) => !leaving.has(personId)).map(({ id }) => id);
    if (photos.length === 0) return;
    await this.#store.removeMany({ people, photos: others });
  }

  async #forgetNote(file: string): Promise<void> {
    if (this.#store.note(noteOf(file)) !== undefined) await this.#store.putNote(noteOf(file), undefined);
  }

  /** Photos that can be moved. @throws NotFound; a sentence when one lies in the photo folder */
  #ownPhotos(personId: string, ids: readonly string[]): Photo[] {
    const photos = ids.map((id) => this.#directory.photoOf(personId, id));
    const filed = photos.flatMap(({ origin }) => (origin.by === "folder" ? [origin.file] : []))[0];
    if (filed !== undefined)
      throw new UserError(
        `${filed} lies in the photo folder, and its name says whose it is: rename the file, or move it into ` +
          "the other person's folder.",
      );
    return photos;
  }

  /**
   * What somebody left out comes back only when somebody says so: without these photos the person would never be
   * recognized, though some are left. Deleting or moving all of them is no such case. Called exclusively.
   * @throws a sentence
   */
  #refuseUnused(personId: string, ids: readonly string[]): void {
    const used = this.#roster.photosOf(personId);
    if (used.length === 0 || used.some((id) => !ids.includes(id))) return;
    if (![...this.#roster.leftOutOf(personId).keys()].some((id) => !ids.includes(id))) return;
    const { name } = this.#directory.known(personId);
    throw new UserError(
      `${name} would never be recognized again: all their other photos are left out. Use one of these again first, ` +
        "add another photo, or choose them all.",
    );
  }

  /** Write that a photo is left out, or used again. Called exclusively. */
  async #keepOut(before: Photo, out: boolean): Promise<Photo> {
    const photo = withLeftOut(before, out);
    await this.#store.putMany({ photos: [{ photo, bytes: undefined, thumbnail: undefined, embeddings: [] }] });
    return photo;
  }

  /**
   * Somebody who sent a copy of a photo that is left out accepts that this one is used again. Called exclusively.
   * @returns it; undefined where nobody did
   */
  async #takeBack(
    person: Person,
    embedding: Float32Array,
    { accepted }: Pick<Judgement, "accepted">,
  ): Promise<Photo | undefined> {
    if (!accepted.includes("near_left_out")) return undefined;
    const [nearest] = [...this.#roster.leftOutOf(person.id)]
      .map(([id, vector]) => ({ id, distance: euclideanDistance(embedding, vector) }))
      .sort((a, b) => a.distance - b.distance);
    return nearest && this.#keepOut(this.#directory.photoOf(person.id, nearest.id), false);
  }

  /** Where nobody can be asked, as when a file of the photo folder goes, it is told. */
  get #unusedProblems(): Problem[] {
    const people = this.#roster.unused.size;
    return people === 0
      ? []
      : [
          {
            file: "",
            code: "left_out",
            message:
              `${people} of the people here ${people === 1 ? "is" : "are"} never recognized: all their photos are ` +
              "left out. The sidebar marks them; use one of the photos again, or add another.",
          },
        ];
  }

  #tellUnused(): void {
    const people = this.#roster.unused.size;
    const [problem] = this.#unusedProblems;
    if (people > this.#toldUnused && problem !== undefined) this.emit("problem", problem);
    this.#toldUnused = people;
  }

  /** The new before the old, so that a crash loses no photo. Called exclusively. */
  async #move(photos: readonly Photo[], person: Person): Promise<Photo[]> {
    const moved: NewPhoto[] = [];
    // Whoever has no other photo is to be known by these.
    const isOnly = this.#roster.photosOf(person.id).length === 0 && photos.every(isLeftOut);
    for (const photo of photos) {
      // What was said of it was said beside the photos of somebody else.
      const kept = withSure(isOnly ? withLeftOut(photo, false) : photo, false);
      const copy: Photo = { ...kept, id: idOfPhoto(photo.id, person.id), personId: person.id };
      const embeddings = (await this.#store.embeddingsOf(photo.id)).map((embedding) => ({
        ...embedding,
        photoId: copy.id,
        personId: person.id,
      }));
      moved.push({
        person,
        photo: copy,
        bytes: await this.#store.photoBytes(photo.id),
        thumbnail: await this.#store.thumbnail(photo.id),
        embeddings,
      });
    }
    await this.#store.putMany({ people: [person], photos: moved });
    await this.#store.removePhotos(photos.map(({ id }) => id));
    return moved.map(({ photo }) => photo);
  }

  /** A face that was seen, as a photo of a person. */
  async #seenPhoto(
    person: Person,
    {
      vector,
      picture,
      by,
      accepted,
    }: { vector: Float32Array; picture: Buffer | undefined; by: "unknown" | "event"; accepted: string[] },
  ): Promise<NewPhoto> {
    const bytes = this.#keepsPhotos ? picture : undefined;
    const hash = contentHash(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    const photo = photoOf(person, { hash, origin: { by }, size: bytes?.length ?? 0, quality: undefined, accepted });
    const thumbnail =
      bytes === undefined ? undefined : await shrink(bytes, THUMBNAIL_SIDE, THUMBNAIL_QUALITY).catch(() => undefined);
    return this.#newPhoto(person, photo, { bytes, thumbnail, vector, picture });
  }

  #personOf(who: { id: string } | { name: string }): Person {
    return "id" in who
      ? this.#directory.known(who.id)
      : (this.#directory.named(who.name) ?? newPerson({ ...NO_FIELDS, name: who.name }));
  }

  async #judge(
    person: Person,
    faces: readonly Face[],
    accept: readonly string[],
    except?: string,
    mistaken?: string,
  ): Promise<Judgement> {
    const own = this.#roster
      .photosOf(person.id)
      .filter((id) => id !== except)
      .flatMap((id) => this.#roster.embeddingOf(id) ?? []);
    const embedding = bestOf(faces)?.embedding;
    const near = embedding === undefined ? [] : await this.#roster.nearest(embedding, 3, this.#kind);
    const other = near.find((each) => each.person.id !== person.id && each.person.id !== mistaken);
    return judgePhoto({
      faces,
      own,
      leftOut: [...this.#roster.leftOutOf(person.id).values()],
      nearestOther: other === undefined ? null : { name: other.person.name, distance: other.distance },
      threshold: this.#encoder.threshold,
      nearDuplicate: this.#encoder.nearDuplicate,
      normalisation: this.#encoder.normalisation,
      accept,
    });
  }

  async #keepPerson(person: Person): Promise<Person> {
    this.#refuseClosed();
    await this.#store.putPerson(person);
    this.emit("change");
    return person;
  }

  async #keep(person: Person, photo: Photo, content: Content): Promise<void> {
    this.#refuseClosed();
    const added = await this.#newPhoto(person, photo, content);
    await this.#store.putMany({ people: [added.person], photos: [added] });
  }

  async #newPhoto(person: Person, photo: Photo, { bytes, thumbnail, vector, picture }: Content): Promise<NewPhoto> {
    // A picture that is kept is embedded by the change itself.
    const also = bytes === undefined && picture !== undefined ? ((await this.#networks?.alsoOf(picture)) ?? []) : [];
    const { id: photoId } = photo;
    return {
      person,
      photo,
      bytes,
      thumbnail,
      embeddings: [
        this.#embeddingOf(photoId, person.id, vector),
        ...also.map((other) => ({ ...other, photoId, personId: person.id })),
      ],
    };
  }

  #anchorOf(vector: Float32Array, against: string | null, note: string): Anchor {
    const { model, fingerprint } = this.#encoder;
    return { id: newId(), against, note, createdAt: Date.now(), model, fingerprint, vector };
  }

  #embeddingOf(photoId: string, personId: string, vector: Float32Array): PhotoEmbedding {
    const { model, fingerprint } = this.#encoder;
    return { photoId, personId, model, fingerprint, vector };
  }

  /** Undefined where none is to be kept, or none can be made. */
  async #thumbnailOf(bytes: Buffer, { box }: Face): Promise<Buffer | undefined> {
    return this.#keepsPhotos
      ? cropFace({ bytes, frame: undefined }, box, THUMBNAIL_SIDE).catch(() => undefined)
      : undefined;
  }

  #hasThumbnail({ size, origin }: Photo): boolean {
    return size > 0 || (origin.by === "folder" && this.#keepsPhotos);
  }

  #refuseClosed(): void {
    if (this.#closed) throw new UserError(CLOSED);
  }

  /** Never rejects. */
  async #flushSeen(): Promise<void> {
    if (this.#seen.size === 0) return;
    const seen = this.#seen;
    this.#seen = new Map();
    try {
      await this.#store.seen(seen);
    } catch (error) {
      // They wait on, with who was seen since.
      this.#seen = new Map([...seen, ...this.#seen]);
      if (!(error instanceof StorageError))
        this.#report({ file: "", code: "store", message: `when people were seen cannot be written: ${said(error)}` });
    }
  }

  readonly #followStore = ({ removed }: StoreChange): void => {
    for (const { id, name } of removed.people) {
      this.#seen.delete(id);
      this.emit("forgotten", id, name);
    }
  };

  /** Tell what the disk refuses; once it takes it again, write what waits. */
  readonly #followDisk = (): void => {
    const { refusals } = this.#store;
    for (const refusal of refusals) if (!this.#told.includes(refusal.code)) this.emit("problem", problemOf(refusal));
    this.#told = refusals.map(({ code }) => code);
    this.emit("change");
    if (this.#writable) void this.#catchUp();
  };

  get #writable(): boolean {
    return !this.#store.refusals.some(({ code }) => code === "unwritable_store");
  }

  /** Never rejects. */
  async #catchUp(): Promise<void> {
    if (this.#closed) return;
    await this.#flushSeen();
    this.#networks?.wake();
    await this.#strangers
      .catchUp()
      .catch((error: unknown) =>
        this.#report({ file: "", code: "store", message: `strangers cannot be written: ${said(error)}` }),
      );
    if (!this.#staleLeft) return;
    this.#staleLeft = false;
    this.#embeddingAnew = this.#embeddingAnew.then(() => this.#embedAnew());
  }

  #keeper(): Keeper {
    const writable = (): boolean => this.#writable;
    return {
      keep: (file, name, bytes) => this.#keepFile(file, name, bytes),
      drop: (files) => this.#dropFiles(files),
      get writable() {
        return writable();
      },
    };
  }

  /** One change at a time: a look must not take for a stranger's what is just being enrolled. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(work);
  }

  #report(problem: Problem): void {
    if (this.#problems.get(problem.code)?.message === problem.message) return;
    this.#problems.set(problem.code, problem);
    this.emit("problem", problem);
  }
}

/** A photo was judged not worth keeping, or asks first. */
export class NotKept extends UserError {
  /** The sentence may be logged: it names nobody. The findings do. */
  constructor(readonly judgement: Judgement) {
    const left = judgement.findings.filter(({ code }) => !judgement.accepted.includes(code));
    super(`the photo is not kept: ${left.map(({ message, unnamed }) => unnamed ?? message).join(" ")}`);
  }
}

function problemOf({ code, error }: Refusal): Problem {
  return { file: "", code, message: `${error.message} Until then whoever is known is recognized all the same.` };
}

function withoutVector({ vector: _vector, ...anchor }: Anchor): Omit<Anchor, "vector"> {
  return anchor;
}

/** The smallest face around a point. @throws a sentence when there is none */
function faceAt(faces: readonly Face[], { x, y }: Point): Face {
  const around = faces.filter(
    ({ box, embedding }) =>
      embedding !== undefined && x >= box.x && y >= box.y && x <= box.x + box.width && y <= box.y + box.height,
  );
  const [smallest] = around.toSorted((a, b) => a.box.width * a.box.height - b.box.width * b.box.height);
  if (smallest === undefined)
    throw new UserError(
      `there is no usable face at (${Math.round(x)}, ${Math.round(y)}) of the photo: choose the middle of a face.`,
    );
  return smallest;
}

/** What is doubtful of a photo that lies in the folder. @param known whether the file was left out before */
function doubtOf(findings: readonly Finding[], known: boolean): string | undefined {
  const sentences = findings.flatMap(({ code, message }) => {
    if (code === "near_duplicate") return [];
    if (code !== "near_left_out") return [message];
    return known
      ? []
      : [
          "it is nearly the same as a photo that is left out of recognition, and is left out too: use it again in " +
            "the sidebar, or remove it.",
        ];
  });
  return sentences.join(" ") || undefined;
}

/** A face of which nothing is known but the embedding. */
function faceOf(embedding: Float32Array, model: string): Face {
  return { box: { x: 0, y: 0, width: 1, height: 1 }, score: 1, embedding, model };
}
