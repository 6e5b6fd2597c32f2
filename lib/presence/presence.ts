/**
 * Presence in one gallery: visits as they are told, kept over restarts, and who is here. What is told is on disk
 * first, where there is a book and its disk takes it in time, so that nothing is told twice after a power cut; a disk
 * that refuses holds nobody up.
 */
import { setTimeout } from "node:timers/promises";
import { BoundedMap } from "../bounded-map";
import { cropFace } from "../image/crop";
import type { Face, Picture } from "../message";
import type { Presence, Present, Visit } from "../visit";
import { UserError } from "../errors";
import type { Beside, NewVisitRecord, VisitBook, VisitRecord } from "../visits/book";
import { inTime } from "../workers/in-time";
import { SerialQueue } from "../workers/serial-queue";
import { type Clock, systemClock } from "./clock";
import { leaveOpen, prefixOf, takeLeftOpen, watcherOf } from "./left-open";
import type { OpenVisit } from "./open-visit";
import type { PresenceOptions } from "./options";
import { sealOf } from "./seal";
import { type Alike, type Frameful, type Happening, type RestoredVisit, Visits } from "./visits";
import type { Turn } from "./camera-order";

/** Of the picture of a visit, in pixels. */
const SNAPSHOT_SIDE = 256;
/** A picture that takes longer is left out; … */
const CROP_MS = 2000;
/** … so is one while so much waits to be told: each holds its frame in memory. */
const MOST_PICTURED = 8;
/** Of what waits to be told, beyond this nothing more is taken: the newest state comes with the next second. */
const MOST_WAITING = 500;
/** How long what is told waits for the disk. */
const WRITE_MS = 1000;
/** A disk that refused is tried again after this; nothing waits for it in between. */
const RETRY_MS = 10_000;
/** Who is here is told again so often while somebody is. */
const STATE_MS = 1000;
/** When somebody was last seen is written so often, or as often as a third of the time that they may be away. */
const KEEP_MS = 5000;
/** How long closing waits. */
const CLOSE_MS = 3000;

/** Visits that wait for the disk; of more the oldest are not kept. */
const MOST_UNWRITTEN = 500;
/** Deleted people of whom nothing is written any more. */
const MOST_FORGOTTEN = 1000;

type Book = Pick<VisitBook, "open" | "put" | "embedding" | "snapshot">;

export interface PresenceParts {
  options: PresenceOptions;
  /** Id of the gallery's node. */
  gallery: string;
  /** Id of the node whose presence it is: its visits are its own after a restart, too. */
  node: string;
  book: Book | undefined;
  alike: Alike;
  strangerOf?: ((face: Face) => string | undefined) | undefined;
  /** Whether pictures are kept. */
  pictures: boolean;
  onVisit: (visit: Visit, message: object | undefined) => void;
  onPresence: (presence: Presence) => void;
  /** What went wrong on the way; that the disk refuses visits is told once until it takes one again. */
  onProblem: (error: unknown) => void;
  clock?: Clock | undefined;
}

/** A frame whose faces were decided. */
export interface DecidedFrame extends Frameful {
  /** Undefined where the message has none any more. */
  picture: Picture | undefined;
  /** What it came with. */
  message?: object | undefined;
}

/** The number of what was told last, by the gallery: it rises over restarts, too. */
const sequences = new Map<string, number>();

function nextSequence(gallery: string): number {
  const next = Math.max((sequences.get(gallery) ?? 0) + 1, Date.now());
  sequences.set(gallery, next);
  return next;
}

export class GalleryPresence {
  readonly #parts: PresenceParts;
  readonly #visits: Visits;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #queue = new SerialQueue();
  readonly #timer: NodeJS.Timeout;
  /** When each visit was written last, by the clock that only goes on. */
  readonly #written = new WeakMap<OpenVisit, { at: number; lastSeen: number }>();
  readonly #unwritten = new BoundedMap<string, { record: NewVisitRecord; beside: Beside }>(MOST_UNWRITTEN);
  readonly #forgotten = new BoundedMap<string, true>(MOST_FORGOTTEN);
  readonly #ready: Promise<void>;
  #stateAt = -Infinity;
  #stateSaid = "";
  #refusedAt: number | undefined;
  #closed = false;

  constructor(parts: PresenceParts) {
    const { options, alike, strangerOf, clock = systemClock } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#prefix = prefixOf(parts.node);
    this.#visits = new Visits({ options, prefix: this.#prefix, alike, strangerOf });
    this.#ready = this.#restore();
    this.#timer = setInterval(() => this.#pass(), Math.min(STATE_MS, (options.away * 1000) / 4));
    this.#timer.unref();
  }

  /** Who is here, the one seen last first. */
  get here(): Present[] {
    return this.#visits.open.reverse().map((visit) => visit.present());
  }

  /** Once it is known who was here before a restart. Never rejects. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** The faces of a frame were decided; nothing waits for what comes of it. Call it once `ready` has resolved. */
  see({ picture, message, ...frame }: DecidedFrame): Turn {
    const { turn, happened } = this.#visits.see(frame, this.#clock());
    for (const each of happened) this.#tell(each, picture, message);
    this.#tellState(happened.length > 0);
    return turn;
  }

  /** Who is here, sealed. */
  presence(): Presence {
    return this.#seal({ here: this.here });
  }

  /** A person was deleted. */
  forget(person: string): void {
    this.#visits.forget(person);
    this.#forgotten.set(person, true);
    for (const [id, { record }] of this.#unwritten) if (record.person === person) this.#unwritten.delete(id);
    this.#tellState(true);
  }

  merge(from: string, into: { id: string; name: string; groups: string[] }): void {
    for (const each of this.#visits.merge(from, into)) this.#tell(each);
    this.#tellState(true);
  }

  /**
   * Nothing is told or written any more once this resolves.
   * @param over whether the node is gone for good: then everybody's visit is over
   */
  async close(over: boolean): Promise<void> {
    clearInterval(this.#timer);
    const { gallery, node } = this.#parts;
    const open = this.#told;
    if (!over)
      leaveOpen(
        gallery,
        node,
        open.map((visit) => ({
          record: visit.record(false),
          faces: visit.faces,
          snapshot: visit.snapshot,
          there: visit.there,
        })),
      );
    const written = this.#queue.run(async () => {
      this.#closed = true;
      for (const visit of open) this.#note(visit, visit.record(over));
      await this.#write();
    });
    await inTime(written, CLOSE_MS);
    this.#closed = true;
  }

  /** Of whom something was told; only that is kept. */
  get #told(): OpenVisit[] {
    return this.#visits.open.filter(({ told }) => told);
  }

  async #restore(): Promise<void> {
    const { book, gallery, node } = this.#parts;
    const left = takeLeftOpen(gallery, node);
    const kept = left ?? (await this.#read(book));
    const happened = this.#visits.restore(kept, this.#clock(), this.#keepEvery);
    for (const each of happened) this.#tell(each);
    this.#endStrays(happened);
    this.#tellState(happened.length > 0 || this.here.length > 0);
  }

  /** Open in the book and not here: their end could not be written before a redeploy. They were told that it came. */
  #endStrays(happened: readonly Happening[]): void {
    const known = new Set([...this.#visits.open, ...happened.map(({ visit }) => visit)].map(({ id }) => id));
    const strays = this.#mine.filter(({ visit }) => !known.has(visit));
    for (const { revision: _revision, pictured: _pictured, ...stray } of strays)
      this.#unwritten.set(stray.visit, { record: { ...stray, until: stray.lastSeen }, beside: {} });
    if (strays.length > 0) this.#later(() => this.#write());
  }

  /** Visits of this node that are open in the book. */
  get #mine(): VisitRecord[] {
    return (this.#parts.book?.open ?? []).filter(({ visit }) => watcherOf(visit) === this.#parts.node);
  }

  async #read(book: Book | undefined): Promise<RestoredVisit[]> {
    return Promise.all(
      this.#mine.map(async ({ revision: _revision, pictured, ...record }) => {
        const face = await book?.embedding(record.visit).catch(() => undefined);
        const snapshot = pictured ? await book?.snapshot(record.visit).catch(() => undefined) : undefined;
        return {
          record,
          faces: face === undefined ? undefined : { model: face.model, vectors: [face.vector] },
          snapshot,
        };
      }),
    );
  }

  #pass(): void {
    const now = this.#clock();
    const happened = this.#visits.pass(now);
    for (const each of happened) this.#tell(each);
    this.#tellState(happened.length > 0);
    const every = this.#keepEvery;
    for (const visit of this.#told) {
      const { lastSeen } = visit;
      const written = this.#written.get(visit);
      if (written === undefined) this.#written.set(visit, { at: now.mono, lastSeen });
      else if (lastSeen !== written.lastSeen && now.mono - written.at >= every) this.#note(visit, visit.record(false));
    }
    if (this.#unwritten.size > 0 && this.#takesWrites) this.#later(() => this.#write());
  }

  /** What happened is as it is now; it is told in its turn. */
  #tell({ visit, box, present, record, ...what }: Happening, picture?: Picture, message?: object): void {
    const others = this.here.filter((each) => each.visit !== visit.id);
    const crop =
      box !== undefined && picture !== undefined && this.#parts.pictures && this.#queue.length < MOST_PICTURED
        ? cropFace(picture, box, SNAPSHOT_SIDE).catch(() => undefined)
        : undefined;
    this.#later(async () => {
      if (crop !== undefined) {
        const snapshot = await Promise.race([crop, setTimeout(CROP_MS, undefined, { ref: false })]);
        visit.snapshot = snapshot ?? visit.snapshot;
      }
      this.#note(visit, record);
      await this.#write();
      const { snapshot } = visit;
      const told = this.#seal({ ...present, ...what, others });
      this.#parts.onVisit({ ...told, ...(snapshot === undefined ? {} : { snapshot }) }, message);
    });
  }

  /** @param news whether it is not the same as before, but for when they were last seen */
  #tellState(news: boolean): void {
    const { mono } = this.#clock();
    if (!news && mono - this.#stateAt < STATE_MS) return;
    const said = JSON.stringify(this.#visits.open.map(({ id, lastSeen }) => [id, lastSeen]));
    if (!news && said === this.#stateSaid) return;
    this.#stateAt = mono;
    this.#stateSaid = said;
    this.#later(() => this.#parts.onPresence(this.presence()));
  }

  #seal<T extends object>(told: T): T & Pick<Presence, "gallery" | "node" | "at" | "sequence" | "seal"> {
    const { gallery, node } = this.#parts;
    const numbered = { ...told, gallery, node, at: this.#clock().wall, sequence: nextSequence(gallery) };
    return { ...numbered, seal: sealOf(numbered) };
  }

  #later(work: () => Promise<void> | void): void {
    if (this.#closed || this.#queue.length >= MOST_WAITING) return;
    this.#queue.run(() => (this.#closed ? undefined : work())).catch(this.#parts.onProblem);
  }

  /** To be written as it is in this record. */
  #note(visit: OpenVisit, record: NewVisitRecord): void {
    if (this.#parts.book === undefined || (record.person !== null && this.#forgotten.has(record.person))) return;
    this.#written.set(visit, { at: this.#clock().mono, lastSeen: record.lastSeen });
    const { faces, snapshot } = visit;
    const vector = faces?.vectors.at(-1);
    this.#unwritten.set(visit.id, {
      record,
      beside: {
        ...(snapshot === undefined ? {} : { snapshot }),
        ...(faces === undefined || vector === undefined ? {} : { embedding: { model: faces.model, vector } }),
      },
    });
  }

  get #keepEvery(): number {
    return Math.min(KEEP_MS, (this.#parts.options.away * 1000) / 3);
  }

  get #takesWrites(): boolean {
    return this.#refusedAt === undefined || this.#clock().mono - this.#refusedAt >= RETRY_MS;
  }

  /** Write what waits, as far as the disk takes it in time. Never rejects. */
  async #write(): Promise<void> {
    const { book } = this.#parts;
    if (book === undefined || !this.#takesWrites) return;
    let ended = false;
    const write = async (): Promise<void> => {
      try {
        await this.#writeAll(book);
        this.#refusedAt = undefined;
      } catch (error) {
        this.#refused(error);
      }
      ended = true;
    };
    await inTime(write(), WRITE_MS);
    if (!ended) this.#refused(new UserError("presence.slowDisk"));
  }

  async #writeAll(book: Book): Promise<void> {
    for (const [id, waiting] of this.#unwritten) {
      await book.put(waiting.record, waiting.beside);
      // It may have changed meanwhile.
      if (this.#unwritten.get(id) === waiting) this.#unwritten.delete(id);
    }
  }

  #refused(error: unknown): void {
    const known = this.#refusedAt !== undefined;
    this.#refusedAt = this.#clock().mono;
    if (!known) this.#parts.onProblem(error);
  }
}
