/**
 * The people a recognizer knows, as a whole: kept in a store, found in memory, fed from a folder, from messages and
 * from the editor. Each of its parts has a room of its own; this one opens and closes them, and hands on to them.
 */
import { EventEmitter, setMaxListeners } from "node:events";
import { heard } from "../observe/heard";
import { Books } from "../attendance/books";
import type { Ledger } from "../attendance/ledger";
import type { AddedPhoto, AddPhotoOptions, Enrolled } from "../enrol/enrolment";
import { isWritable } from "../enrol/folder-keeper";
import { NEAR_DUPLICATE } from "../enrol/judge";
import type { Problem, Progress } from "../enrol/photo-folder";
import { reasonOf, UserError } from "../errors";
import type { Face, Picture } from "../message";
import type { Imported } from "../people/archive";
import type { Anchor, CorrectionEntry, Person, Photo, Receipt } from "../people/people";
import type { PeopleStore, StoreChange } from "../people/store";
import type { PeopleQuery } from "../search/directory";
import type { PeoplePage, PersonDetails, PhotoEntry } from "../search/entries";
import type { Comparison, KnownEmbedding } from "../search/known";
import type { Searchable } from "../search/roster";
import type { UnknownEntry } from "../unknowns/entry";
import type { Sight } from "../unknowns/strangers";
import { VisitsPart } from "../visits/archive";
import type { KeptVisits, VisitEvents } from "../visits/book";
import { NotFound } from "../people/errors";
import { inTime } from "../workers/in-time";
import type { Networks } from "./change-network";
import type { Corrected, Correction, SeenFace } from "./corrections";
import type { Deciding } from "./deciding";
import { personDetails } from "./entries";
import type { DecidingNetwork, NetworkState } from "./network-state";
import type { GalleryOptions } from "./options";
import { GalleryParts } from "./parts";
import type { AlikeFace } from "./visiting";
import type { GallerySummary } from "./figures";
import type { Sharing } from "./sharing";
import { summaryOf } from "./summary";
import { type Language, phrase } from "../words/sentence";

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
  /** Visits were written or deleted. */
  visits: VisitEvents["visits"];
}

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

export class Gallery extends EventEmitter<GalleryEvents> {
  readonly #store: PeopleStore;
  readonly #parts: GalleryParts;
  readonly #books: Books;
  /** What people call this site, where the sites share their check-ins. */
  readonly attendanceSite: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;
  #loaded: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: GalleryOptions) {
    super();
    // Every node that matches listens.
    this.setMaxListeners(0);
    // Every picture that is being encoded listens.
    setMaxListeners(0, this.#closing.signal);
    this.#store = options.store;
    this.attendanceSite = options.attendanceSite;
    const tellOfBooks = (error: unknown): void =>
      this.#parts.report("store", phrase("gallery.attendanceUnwritten", { reason: reasonOf(error) }));
    this.#books = new Books(options.attendance, options.store, tellOfBooks, () => {
      this.#parts.problems.tellOfDisk();
      this.emit("change");
    });
    this.#parts = new GalleryParts(
      options,
      this.#closing.signal,
      {
        change: () => this.emit("change"),
        problem: (problem) => this.emit("problem", problem),
        progress: (progress) => this.emit("progress", progress),
        network: (state) => this.emit("network", state),
        merged: async (from, into) => {
          await this.#books.merge(from, into.id);
          this.emit("merged", from, into);
        },
        unknown: (id) => this.emit("unknown", id),
        refusals: () => this.#books.refusals,
      },
      {
        ledger: () =>
          this.#books.open().catch((error: unknown) => {
            tellOfBooks(error);
            return undefined;
          }),
        wipe: (people) => this.#books.wipe(people),
        unwiped: () => this.#books.unwiped,
      },
    );
    // After its parts: whoever is told finds them as they are now.
    this.#store.on("change", this.#followStore).on("disk", this.#followDisk);
    this.visits?.on("disk", this.#followDisk).on("visits", (change) => this.emit("visits", change));
    this.on("change", () => {
      this.#parts.networks?.wake();
      this.#parts.problems.tellOfUnused();
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
    heard("gallery", this.start());
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
    return this.#parts.folder.paused;
  }

  /** Stop embedding the folder's new photos, or go on where it stopped; so does a restart. */
  pause(paused: boolean): void {
    this.#parts.folder.pause(paused);
    this.emit("change");
  }

  /** Nothing is written any more once this resolves; in bounded time, whatever workers, uploads or folders are at. */
  async close(): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#closing.abort(new UserError("people.importInterrupted"));
    clearInterval(this.#timer);
    // What is being added is added to its end; whatever else is under way has nothing to write any more.
    const adding = inTime(this.#parts.transfer.ended(), IMPORT_PATIENCE_MS);
    await inTime(
      Promise.allSettled([
        this.#parts.folder.close(),
        this.#parts.review.close(),
        this.#parts.embedAnew.ended(),
        this.#parts.networks?.close(),
        this.#parts.idle(),
      ]),
      PATIENCE_MS,
    );
    await adding;
    await this.#parts.lastSeen.flush();
    await this.#parts.sharing.close();
    this.#store.off("disk", this.#followDisk).off("change", this.#followStore);
    this.#parts.directory.close();
    await this.#parts.deciding.close();
    await this.#books.close();
    await this.visits?.close();
    await this.#store.close();
  }

  /** Who came when; undefined where no visits are kept. */
  get visits(): KeptVisits | undefined {
    return this.#parts.visiting.visits;
  }

  /** Visits that are open, of nodes that are not there any more, ended when somebody was last seen. Never rejects. */
  async endUnwatched(isWatched: (visit: string) => boolean): Promise<void> {
    const unwatched = (this.visits?.open ?? []).flatMap(({ visit }) => (isWatched(visit) ? [] : [visit]));
    if (unwatched.length > 0) await this.#parts.visiting.end(unwatched);
  }

  /** With the other sites of a shared gallery. */
  get sharing(): Pick<Sharing, "list" | "removeSite" | "verify"> {
    return this.#parts.sharing;
  }

  /** Check-ins of attendance books, opened when somebody asks first. @throws a sentence where none can be kept */
  attendance(): Promise<Ledger> {
    return this.#books.open();
  }

  /** @throws NotFound where no visits are kept */
  get keptVisits(): KeptVisits {
    if (this.visits === undefined) throw new NotFound("visits.noneKept");
    return this.visits;
  }

  /** See Alike: visits whose faces are most like those of a picture. @throws a sentence when it is no picture */
  alikeVisits(jpeg: Buffer, limit: number): Promise<AlikeFace[]> {
    return this.#parts.visiting.alike(jpeg, limit);
  }

  /** What matching reads. */
  get roster(): Searchable {
    return this.#parts.search.roster;
  }

  get summary(): GallerySummary {
    return this.summaryIn("en-US");
  }

  /** The same with its sentences in a language. */
  summaryIn(language: Language): GallerySummary {
    return summaryOf(this.#parts, language);
  }

  /** Which network decides, and how a change of it goes on; null where it cannot be changed. */
  get network(): NetworkState | null {
    return this.networkIn("en-US");
  }

  /** The same with its sentences in a language. */
  networkIn(language: Language): NetworkState | null {
    return this.#parts.networks?.stateIn(language) ?? null;
  }

  /** What decides; undefined where it cannot be changed. */
  get deciding(): DecidingNetwork | undefined {
    return this.#parts.networks?.deciding;
  }

  /** What can be done about the network. @throws a sentence where it cannot be changed */
  get networks(): Pick<
    Networks,
    "estimate" | "changeTo" | "cancel" | "undo" | "keep" | "dismiss" | "pause" | "accept"
  > {
    if (this.#parts.networks === undefined) throw new UserError("gallery.fixedNetwork");
    return this.#parts.networks;
  }

  /** See Deciding: faces as the network that decides has them, and who is known to it. */
  understand(faces: readonly Face[], picture: Picture | undefined): ReturnType<Deciding["understand"]> {
    return this.#parts.deciding.understand(faces, picture, (model) => this.speaks(model));
  }

  /** Whether faces of another model than the gallery's are understood all the same. */
  speaks(model: string | undefined): boolean {
    return model !== undefined && (this.#parts.networks?.speaks(model) ?? false);
  }

  /** People who can be recognized, with the number of their photos that count. */
  get people(): { name: string; photos: number }[] {
    return this.#parts.directory.people.flatMap(({ id, name }) => {
      const photos = this.#parts.search.roster.photosOf(id).length;
      return photos === 0 ? [] : [{ name, photos }];
    });
  }

  /** What is wrong now. */
  get problems(): Problem[] {
    return this.#parts.problems.list;
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#parts.progress;
  }

  /** False while the folder is away: who was known before still is. */
  get readable(): boolean {
    return this.#parts.folder.readable;
  }

  /** Now, besides now and then. Never throws: what is wrong is a problem. */
  scanFolder(): Promise<void> {
    return this.#parts.folder.scan();
  }

  listPeople(query: PeopleQuery): PeoplePage {
    return this.#parts.directory.list(query, this.#parts.search.roster.unused);
  }

  person(id: string): PersonDetails | undefined {
    return this.#parts.directory.person(id) && this.details(id);
  }

  /** @throws NotFound */
  details(id: string): PersonDetails {
    return personDetails(this.#parts, id);
  }

  nameOf(personId: string): string | undefined {
    return this.#parts.directory.person(personId)?.name;
  }

  /** Somebody without their photos; undefined where there is nobody of this id. */
  member(personId: string): Person | undefined {
    return this.#parts.directory.person(personId);
  }

  /** @throws a sentence when the fields are wrong; NameTaken when somebody is called so already */
  createPerson(fields: unknown): Promise<Person> {
    return this.#parts.editing.createPerson(fields);
  }

  /** @throws a sentence when the fields are wrong; NotFound; NameTaken when somebody else is called so */
  updatePerson(id: string, patch: unknown): Promise<Person> {
    return this.#parts.editing.updatePerson(id, patch);
  }

  /** See Enrolment: `msg.enrol`. */
  enrol(value: unknown, jpeg: Buffer): Promise<Enrolled> {
    return this.#parts.enrolment.enrol(value, jpeg);
  }

  /** See Enrolment. When this resolves the photo is on disk and the person is recognized. */
  addPhoto(who: { id: string } | { name: string }, picture: Buffer, options: AddPhotoOptions): Promise<AddedPhoto> {
    return this.#parts.enrolment.addPhoto(who, picture, options);
  }

  /** See Editing. When this resolves the person is gone from the disk. */
  async forget(value: unknown): Promise<Receipt & { name: string }> {
    const forgotten = await this.#parts.editing.forget(value);
    const checkIns = await this.#books.forgotten(forgotten.id);
    return { ...forgotten, ...(checkIns === undefined ? {} : { checkIns }) };
  }

  /** Delete one photo with its embeddings. @throws NotFound; a sentence when its file cannot be deleted */
  removePhoto(personId: string, photoId: string): Promise<Receipt> {
    return this.#parts.editing.removePhoto(personId, photoId);
  }

  /** Several photos of a person. @throws NotFound; a sentence when a file of the photo folder cannot be deleted */
  removePhotos(personId: string, ids: readonly string[]): Promise<Receipt> {
    return this.#parts.editing.removePhotos(personId, ids);
  }

  /** Whether a photo that is set aside is used all the same. @throws NotFound */
  usePhoto(personId: string, photoId: string, sure: boolean): Promise<PhotoEntry> {
    return this.#parts.editing.usePhoto(personId, photoId, sure);
  }

  /**
   * Leave a photo out of recognition, or use it again.
   * @throws NotFound; a sentence when no other one would be used
   */
  leaveOut(personId: string, photoId: string, out: boolean): Promise<PhotoEntry> {
    return this.#parts.editing.leaveOut(personId, photoId, out);
  }

  /** See Editing: photos of one person are another's. */
  movePhotos(
    from: string,
    ids: readonly string[],
    to: { id: string } | { name: string },
  ): Promise<{ person: Person; photos: Photo[]; usedAgain: number }> {
    return this.#parts.editing.movePhotos(from, ids, to);
  }

  /** See Editing: two are one, and the first is gone. */
  merge(from: string, into: string): Promise<Person & { usedAgain: number }> {
    return this.#parts.editing.merge(from, into);
  }

  /** The picture, or undefined where only embeddings are kept or the folder is away. @throws NotFound */
  async photoBytes(personId: string, photoId: string): Promise<Buffer | undefined> {
    return this.#parts.pictureOf(this.#parts.directory.photoOf(personId, photoId));
  }

  /** A small JPEG of the face, or undefined where none is kept. @throws NotFound */
  async thumbnail(personId: string, photoId: string): Promise<Buffer | undefined> {
    this.#parts.directory.photoOf(personId, photoId);
    return this.#store.thumbnail(photoId);
  }

  /** Somebody was recognized. Written down now and then. */
  saw(personId: string, at: number): void {
    if (this.#parts.directory.person(personId) === undefined) return;
    this.#parts.directory.saw(personId, at);
    this.#parts.lastSeen.saw(personId, at);
  }

  /** See Review: a face matched nobody. */
  sawUnknown(face: Face, sight: Sight): Promise<void> {
    return this.#parts.review.saw(face, sight);
  }

  /** Id of the group of strangers whom a face of the network that decides belongs to, if any. */
  strangerOf({ embedding, model }: Pick<Face, "embedding" | "model">): string | undefined {
    if (embedding === undefined || model !== this.roster.model) return undefined;
    return this.#parts.review.strangers.groupOf(embedding);
  }

  /** Strangers for review, last seen first. */
  unknowns(): Promise<UnknownEntry[]> {
    return this.#parts.review.entries();
  }

  /** @throws NotFound */
  unknownPicture(id: string, index: number): Promise<Buffer | undefined> {
    return this.#parts.review.strangers.picture(id, index);
  }

  /** See Review: a stranger is somebody; so were their visits. */
  async nameUnknown(id: string, name: unknown, options?: { accept?: readonly string[] | undefined }): Promise<Person> {
    const person = await this.#parts.review.name(id, name, options);
    await this.#parts.visiting.giveAtLast({ stranger: id }, person);
    return person;
  }

  /** See Review: a stranger is nobody. @throws NotFound; StorageError */
  ignoreUnknown(id: string): Promise<{ anchors: string[] }> {
    return this.#parts.review.ignore(id);
  }

  /** With their visits. @throws NotFound */
  async removeUnknown(id: string): Promise<Receipt> {
    this.#parts.review.strangers.known(id);
    return this.#parts.visiting.deleted(
      (visits) => visits.removeOfStrangers([id]),
      () => this.#parts.review.remove(id),
    );
  }

  /** Several strangers at once, with their visits; who is not here any more is passed over. */
  removeUnknowns(ids: readonly string[]): Promise<Receipt> {
    const { strangers } = this.#parts.review;
    return this.#parts.visiting.deleted(
      // Of whom somebody has named meanwhile the visits are that person's.
      (visits) => visits.removeOfStrangers(ids.filter((id) => strangers.has(id))),
      () => this.#parts.review.removeMany(ids),
    );
  }

  /** See Corrections: somebody says who was seen. */
  correct(seen: SeenFace, correction: Correction): Promise<Corrected> {
    return this.#parts.corrections.correct(seen, correction);
  }

  /** What people have said against or beside a decision, newest first; each can be taken back. */
  corrections(): CorrectionEntry[] {
    return this.#parts.corrections.list();
  }

  /** Take a correction back: the decision is as it would have been. @throws NotFound */
  undoCorrection(id: string): Promise<Receipt> {
    return this.#parts.corrections.undo(id);
  }

  anchors(): Omit<Anchor, "vector">[] {
    return this.#parts.corrections.anchors();
  }

  /** See Corrections. @throws NotFound when there is no such person */
  addAnchor(vector: Float32Array, against: string | null, note: string): Promise<Omit<Anchor, "vector">> {
    return this.#parts.corrections.addAnchor(vector, against, note);
  }

  /** @throws NotFound */
  removeAnchor(id: string): Promise<Receipt> {
    return this.#parts.corrections.removeAnchor(id);
  }

  /**
   * Delete strangers whom nobody has seen for too long, and what is kept of a former network; done by itself.
   * @param now ms since the epoch
   * @returns how many strangers
   */
  async sweep(now: number): Promise<number> {
    await this.#parts.networks?.dropOld(now);
    return this.#parts.review.strangers.sweep(now);
  }

  /** Faces of a picture, as enrolment sees them. @throws a sentence when it is no picture */
  encode(jpeg: Buffer): Promise<Face[]> {
    return this.#parts.enrolment.encode(jpeg);
  }

  /** Every embedding of the present model with its photo and person. */
  embeddings(): Iterable<KnownEmbedding> {
    return this.#parts.search.roster.embeddings();
  }

  /** Euclidean distance within which two photos of a person are nearly the same. */
  get nearDuplicate(): number {
    const { threshold, nearDuplicate = NEAR_DUPLICATE } = this.#parts.encoder;
    return nearDuplicate * threshold;
  }

  /** What d' is normalised by now; undefined where the model has no cohort. */
  get comparison(): Comparison | undefined {
    return this.#parts.search.roster.comparison;
  }

  /** Everything in one zip, see docs/gallery-format.md; visits where they are asked for. */
  async exportTo(write: (chunk: Uint8Array) => Promise<void>, { visits = false } = {}): Promise<void> {
    this.#parts.refuseClosed();
    await this.#parts.lastSeen.flush();
    await this.#parts.transfer.exportTo(write, [
      await this.#books.part(),
      ...(visits ? [new VisitsPart(this.visits)] : []),
    ]);
  }

  /**
   * Add what an export holds to what is here.
   * @param options `books`: ids of the face-attendance nodes that are deployed
   * @throws a sentence when it is no export or a damaged one
   */
  async importFrom(
    zip: AsyncIterable<Uint8Array>,
    { books = [] }: { books?: readonly string[] } = {},
  ): Promise<Imported> {
    this.#parts.refuseClosed();
    // Check-ins first: the books that read the visits then know theirs.
    return this.#parts.transfer.importFrom(zip, [await this.#books.part(books), new VisitsPart(this.visits)]);
  }

  async #begin(): Promise<void> {
    const { signal } = this.#parts;
    this.#loaded = this.#load().catch((error: unknown) =>
      this.#parts.report("store", phrase("gallery.unreadable", { reason: reasonOf(error) })),
    );
    await this.#loaded;
    if (signal.aborted) return;
    this.#timer = setInterval(() => {
      heard("gallery", this.#parts.lastSeen.flush());
      if (this.#parts.networks !== undefined) heard("gallery", this.#parts.networks.dropOld(Date.now()));
    }, SEEN_INTERVAL_MS);
    this.#timer.unref();
    await this.#parts.review.strangers
      .sweep(Date.now())
      .catch((error: unknown) =>
        this.#parts.report("store", phrase("gallery.strangersStay", { reason: reasonOf(error) })),
      );
    await this.#parts.visiting.removeOrphans((id) => this.#store.person(id) !== undefined);
    await this.#parts.folder.start();
    if (signal.aborted) return;
    await this.#parts.networks?.start();
    this.#parts.embedAnew.start();
  }

  async #load(): Promise<void> {
    // What others have deleted goes before anybody is recognized.
    await this.#parts.sharing.start();
    if (this.#closing.signal.aborted) return;
    await this.#parts.networks?.load();
    const { model } = this.#parts.encoder;
    const strange = await this.#parts.search.load();
    await this.#books.load();
    if (strange > 0) this.#parts.report("bad_record", phrase("gallery.strangeLengths", { number: strange, model }));
  }

  readonly #followStore = ({ removed }: StoreChange): void => {
    if (removed.people.length > 0) this.#books.forget(removed.people.map(({ id }) => id));
    for (const { id, name } of removed.people) {
      this.emit("forgotten", id, name);
      heard("gallery", this.#parts.visiting.forgot(id));
    }
  };

  /** Tell what the disk refuses; once it takes it again, write what waits. */
  readonly #followDisk = (): void => {
    this.#parts.problems.tellOfDisk();
    this.emit("change");
    if (isWritable(this.#store)) heard("gallery", this.#catchUp());
  };

  /** Never rejects. */
  async #catchUp(): Promise<void> {
    const { signal } = this.#parts;
    if (signal.aborted) return;
    await this.#parts.lastSeen.flush();
    this.#parts.networks?.wake();
    await this.#parts.visiting.catchUp();
    await this.#parts.review.strangers
      .catchUp()
      .catch((error: unknown) =>
        this.#parts.report("store", phrase("gallery.strangersUnwritten", { reason: reasonOf(error) })),
      );
    this.#parts.embedAnew.catchUp();
  }
}
