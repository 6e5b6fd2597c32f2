/** The parts of a gallery, put together: what one tells the others goes through here. */
import type { Ledger } from "../attendance/ledger";
import { EmbedAnew } from "../enrol/embed-anew";
import { Enrolment } from "../enrol/enrolment";
import { FolderKeeper } from "../enrol/folder-keeper";
import type { GalleryHost } from "../enrol/host";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { PhotoFolder, type Problem, type Progress } from "../enrol/photo-folder";
import { reasonOf, UserError } from "../errors";
import { toKeptJpeg } from "../image/encode";
import type { Face } from "../message";
import { kindOf, type PhotoKind } from "../image/photo-file";
import { LastSeen } from "../people/last-seen";
import type { Person, Photo, PhotoEmbedding } from "../people/people";
import type { PeopleStore, Refusal } from "../people/store";
import { Directory } from "../search/directory";
import type { StoreSearch } from "../search/store-search";
import { Review } from "../unknowns/review";
import { SerialQueue } from "../workers/serial-queue";
import { Networks } from "./change-network";
import type { NetworkHost } from "./network-host";
import { Corrections } from "./corrections";
import { Deciding } from "./deciding";
import { Editing } from "./editing";
import { hasThumbnail } from "./entries";
import type { NetworkState } from "./network-state";
import type { GalleryOptions } from "./options";
import { Problems } from "./problems";
import { Sharing } from "./sharing";
import { Transfer } from "./transfer";
import { Visiting } from "./visiting";
import { phrase, type Sentence, worded } from "../words/sentence";

/** What a gallery tells of its parts. */
export interface Teller {
  change: () => void;
  problem: (problem: Problem) => void;
  progress: (progress: Progress) => void;
  network: (state: NetworkState) => void;
  merged: (from: string, into: Person) => Promise<void>;
  unknown: (id: string) => void;
  /** What the disk refuses of what lies beside people and visits. */
  refusals: () => readonly Refusal[];
}

/** What the parts need of the attendance books. */
export interface BooksOfParts {
  /** Undefined where they cannot be opened, which is told. */
  ledger: () => Promise<Ledger | undefined>;
  wipe: (people: readonly string[]) => Promise<void>;
  unwiped: () => boolean;
}

/** Photos that no browser shows; they are told as JPEG. */
const SHOWN_AS_JPEG: ReadonlySet<PhotoKind | undefined> = new Set(["heic", "tiff"]);
/** People whose preparation takes long enough to be told. */
const LARGE = 2000;

export class GalleryParts implements GalleryHost {
  readonly store: PeopleStore;
  readonly keepsPhotos: boolean;
  readonly signal: AbortSignal;
  readonly directory: Directory;
  readonly deciding: Deciding;
  readonly problems: Problems;
  readonly lastSeen: LastSeen;
  readonly enrolment: Enrolment;
  readonly embedAnew: EmbedAnew;
  readonly folder: PhotoFolder;
  readonly editing: Editing;
  readonly corrections: Corrections;
  readonly review: Review;
  readonly transfer: Transfer;
  readonly networks: Networks | undefined;
  readonly visiting: Visiting;
  readonly sharing: Sharing;
  readonly #tell: Teller;
  /** Of people whose templates are made. */
  #preparing: Progress | undefined;
  readonly #work = new SerialQueue();

  /** @param signal aborted when the gallery closes */
  constructor(options: GalleryOptions, signal: AbortSignal, tell: Teller, books: BooksOfParts) {
    const { store, folder, interval, encoder, networks, keepPhotos = true, keepUnknownsMs } = options;
    this.store = store;
    this.keepsPhotos = keepPhotos;
    this.signal = signal;
    this.#tell = tell;
    this.directory = new Directory(store, (photo) => hasThumbnail(photo, keepPhotos));
    this.deciding = new Deciding(store, encoder, {
      strangers: (network) => this.review.beside(network),
      onProgress: (done, total) => this.#prepare(done, total),
      onThreshold: tell.change,
    });
    this.problems = new Problems(
      store,
      () => this.search.roster,
      () => [...this.folder.problems, ...this.sharing.problems],
      tell.problem,
      { visits: options.visits, refusals: tell.refusals },
    );
    this.lastSeen = new LastSeen(store, (error) =>
      this.report("store", phrase("gallery.lastSeenUnwritten", { reason: reasonOf(error) })),
    );
    this.visiting = new Visiting(options.visits, this, (sentence) => this.report("store", sentence));
    this.enrolment = new Enrolment(this);
    this.embedAnew = new EmbedAnew(this, this.enrolment, tell.progress);
    const keeper = new FolderKeeper(this, this.enrolment, (from, into) => this.editing.absorb(from, into));
    const exclusively = <T>(work: () => Promise<T>): Promise<T> => this.exclusively(work);
    this.folder = new PhotoFolder({ folder, interval, exclusively, keeper }, this.directory.files);
    this.folder.on("problem", tell.problem).on("progress", tell.progress).on("change", tell.change);
    this.editing = new Editing(
      this,
      {
        enrolment: this.enrolment,
        folder: this.folder,
        visiting: this.visiting,
        sharing: { merged: (from, into) => this.sharing.merged(from, into) },
      },
      tell.merged,
    );
    this.sharing = new Sharing(options.site, {
      store,
      keepsPhotos: keepPhotos,
      fingerprint: () => this.encoder.fingerprint,
      exclusively,
      takeOver: (merge) => this.editing.takeOver(merge),
      ledger: options.attendanceSite === undefined ? undefined : books.ledger,
      wipeCheckIns: books.wipe,
      unwiped: books.unwiped,
      removeFile: (file) => this.folder.removePhoto(file),
      problem: tell.problem,
      changed: tell.change,
    });
    this.corrections = new Corrections(this, this.enrolment, this.editing);
    this.review = new Review(this, this.enrolment, {
      retentionMs: keepUnknownsMs,
      onVisit: tell.unknown,
      anchorOf: (vector, against, note) => this.corrections.anchorOf(vector, against, note),
    });
    this.transfer = new Transfer(this, (photo) => this.#jpegOf(photo));
    if (networks !== undefined) this.networks = new Networks(store, this.#networkHost(), networks);
  }

  get encoder(): PhotoEncoder {
    return this.deciding.encoder;
  }

  get search(): StoreSearch {
    return this.deciding.search;
  }

  /** Undefined when nothing is being embedded. */
  get progress(): Progress | undefined {
    return this.#preparing ?? this.folder.progress ?? this.embedAnew.progress;
  }

  async alsoOf(picture: Buffer): Promise<Pick<PhotoEmbedding, "model" | "fingerprint" | "vector">[]> {
    return (await this.networks?.alsoOf(picture)) ?? [];
  }

  encode(jpeg: Buffer): Promise<Face[]> {
    return this.enrolment.encode(jpeg);
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(work);
  }

  /** Once nothing is being changed. Never rejects. */
  idle(): Promise<void> {
    return this.#work.idle();
  }

  refuseClosed(): void {
    if (this.signal.aborted) throw new UserError("people.closed");
  }

  changed(): void {
    this.#tell.change();
  }

  report(code: "store" | "bad_record" | "network", sentence: Sentence): void {
    this.problems.report({ file: "", code, ...worded(sentence) });
  }

  /** As a browser shows it; undefined where only embeddings are kept or the folder is away. */
  async pictureOf(photo: Photo): Promise<Buffer | undefined> {
    const bytes = await this.#bytesOf(photo);
    return bytes !== undefined && SHOWN_AS_JPEG.has(kindOf(bytes)) ? toKeptJpeg({ bytes, frame: undefined }) : bytes;
  }

  /** Photos are kept as they came: PNG, WebP. */
  async #jpegOf(photo: Photo): Promise<Buffer | undefined> {
    const bytes = await this.#bytesOf(photo);
    if (bytes === undefined || kindOf(bytes) === "jpeg") return bytes;
    return toKeptJpeg({ bytes, frame: undefined }).catch(() => undefined);
  }

  #bytesOf({ id, origin }: Photo): Promise<Buffer | undefined> {
    return origin.by === "folder" ? this.folder.bytes(origin.file) : this.store.photoBytes(id);
  }

  #networkHost(): NetworkHost {
    const { signal } = this;
    return {
      signal,
      exclusively: (work) => this.exclusively(work),
      photos: () => this.directory.photos,
      strangers: () => this.review.strangers.list,
      isBusy: () => this.deciding.isBusy,
      photo: (id) => this.directory.photo(id),
      nameOf: (id) => this.directory.person(id)?.name,
      bytesOf: (photo) => this.#bytesOf(photo),
      isKnown: (id) => this.search.roster.has(id),
      strangerPicture: (id, index) => this.review.strangers.picture(id, index),
      putBeside: (id, beside) => this.review.strangers.putBeside(id, beside),
      adopt: async (encoder, commit) => {
        await this.deciding.adopt(encoder, commit);
        await this.review.adopt(encoder);
        this.changed();
      },
      onState: () => {
        if (this.networks !== undefined && !signal.aborted) this.#tell.network(this.networks.stateIn("en-US"));
      },
      report: (sentence) => this.report("network", sentence),
    };
  }

  /** Told of a large gallery only: the others are ready before anybody could read it. */
  #prepare(done: number, total: number): void {
    if (this.#preparing === undefined && total < LARGE) return;
    const progress: Progress = { what: "people", done, total };
    this.#preparing = done < total ? progress : undefined;
    this.#tell.progress(progress);
  }
}
