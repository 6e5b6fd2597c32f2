/**
 * Changing the network of a gallery: every kept photo is embedded anew in the background while the old network
 * decides, then one write
 * makes the new one decide; what the old one knew is kept for a while, so that it can be taken back at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DLIB_RESNET, MOBILEFACENET } from "../embed/descriptor";
import { asSentence, reasonOf, UserError } from "../errors";
import { isLeftOut } from "../people/marks";
import { redact } from "../redact";
import { StorageError } from "../storage";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { bestOf, forEnrolment } from "../enrol/judge";
import type {
  ChangeStage,
  DecidingNetwork,
  LeftBehind,
  NetworkChange,
  NetworkEstimate,
  NetworkState,
} from "./network-state";
import {
  type Chosen,
  type NetworkNote,
  networkOf,
  type OpenNetwork,
  type OpenNetworkBy,
  photosOf,
  until,
  writeNetworkNote,
} from "./networks";
import type { Photo, PhotoEmbedding, UnknownGroup } from "../people/people";
import { packEmbedding } from "../people/records";
import type { PeopleStore, StoreChange } from "../people/store";
import { type Language, phrase, render, type Sentence } from "../words/sentence";

/** What a change asks of its gallery. */
export interface NetworkHost {
  photos(): Iterable<Photo>;
  photo(id: string): Photo | undefined;
  nameOf(personId: string): string | undefined;
  /** Undefined where no picture is kept or it cannot be read now. */
  bytesOf(photo: Photo): Promise<Buffer | undefined>;
  /** Whether the network that decides knows the photo. */
  isKnown(photoId: string): boolean;
  strangers(): readonly UnknownGroup[];
  strangerPicture(id: string, index: number): Promise<Buffer | undefined>;
  putBeside(id: string, beside: UnknownGroup["beside"]): Promise<void>;
  /** One change of the gallery at a time. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Have another network decide: all is prepared first, then `commit` writes it down, then it does. Called
   * exclusively.
   */
  adopt(encoder: PhotoEncoder, commit: () => Promise<void>): Promise<void>;
  /** Aborted when the gallery closes. */
  readonly signal: AbortSignal;
  /** Whether faces are being decided right now. */
  isBusy(): boolean;
  onState(): void;
  report(sentence: Sentence): void;
}

export interface NetworkOptions {
  /** As chooseNetworks found them. */
  chosen: Chosen;
  open: OpenNetworkBy;
}

/** Tries with one photo: a worker may have died. */
const TRIES = 2;
/** A network that cannot be used is tried again after so long. */
const FAILED_RETRY_MS = 60_000;
/** How often the progress is told. */
const TELL_MS = 500;
/** Photos on which it is measured how long one takes, the first of them loads the network and does not count. */
const SAMPLES = 3;
/** How the pace of the last photos counts against that of those before. */
const PACE = 0.1;

export class Networks {
  readonly #store: PeopleStore;
  readonly #host: NetworkHost;
  readonly #open: OpenNetworkBy;
  #deciding: OpenNetwork;
  #next: OpenNetwork | undefined;
  #note: NetworkNote;
  #written: NetworkNote | undefined;
  #stage: ChangeStage = "embedding";
  #error: Sentence | null = null;
  /** Photos that the next network knows, … */
  #known = new Set<string>();
  /** … and those that it cannot know. */
  readonly #lost = new Set<string>();
  readonly #lostStrangers = new Set<string>();
  /** Milliseconds a photo. */
  #pace: number | undefined;
  #paused = false;
  #accepted = false;
  #toldAt = 0;
  /** Ends the change that is under way. */
  #stop = new AbortController();
  /** Wakes whoever waits: paused, asked, or for the disk. */
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(store: PeopleStore, host: NetworkHost, { chosen: { deciding, next, note }, open }: NetworkOptions) {
    this.#store = store;
    this.#host = host;
    this.#open = open;
    this.#deciding = deciding;
    this.#next = next;
    this.#note = note;
    store.on("change", this.#follow);
  }

  /** Once everybody is known who was known before. Never rejects. */
  async start(): Promise<void> {
    await this.#write(this.#note).catch(this.#report);
    await this.dropOld(Date.now());
    if (this.#next !== undefined) this.#begin(this.#next);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
    this.#store.off("change", this.#follow);
  }

  /** @param language of why it does not go on */
  stateIn(language: Language): NetworkState {
    const { previous, dismissed } = this.#note;
    const { encoder } = this.#deciding;
    const { key, asInForm } = this.deciding;
    return {
      key,
      model: encoder.model,
      asInForm,
      change: this.#changeIn(language),
      previous:
        previous === undefined || previous.until === 0
          ? null
          : { key: previous.key, model: previous.model, until: previous.until },
      offer:
        encoder.model === DLIB_RESNET.id &&
        this.#next === undefined &&
        dismissed !== MOBILEFACENET.id &&
        !this.#isEmpty
          ? MOBILEFACENET.id
          : null,
    };
  }

  /** What decides, and how that stands to the gallery's form. */
  get deciding(): DecidingNetwork {
    const { form } = this.#note;
    return { key: this.#deciding.key, asInForm: this.#deciding.key === form, isBehindForm: this.#next?.key === form };
  }

  /** Whether faces that this model embedded are embedded anew to be decided: it decided before, or is to. */
  speaks(model: string): boolean {
    const { previous } = this.#note;
    return (
      model !== this.#deciding.encoder.model && (model === previous?.model || model === this.#next?.encoder.model)
    );
  }

  /**
   * Of a picture of which no bytes are kept: what the next network makes of it. Empty while nothing changes. Never
   * rejects.
   */
  async alsoOf(picture: Buffer): Promise<Pick<PhotoEmbedding, "model" | "fingerprint" | "vector">[]> {
    const next = this.#next?.encoder;
    if (next === undefined) return [];
    const vector = await vectorOf(next, picture).catch(() => undefined);
    return vector === undefined ? [] : [{ model: next.model, fingerprint: next.fingerprint, vector }];
  }

  /** Read what the next network knows already. */
  async load(): Promise<void> {
    if (this.#next !== undefined) await this.#lookAt(this.#next);
  }

  readonly #follow = ({ put }: StoreChange): void => {
    for (const { photoId, fingerprint } of put.embeddings)
      if (fingerprint === this.#next?.encoder.fingerprint) this.#known.add(photoId);
  };

  /** The disk takes something again, or somebody who could not come along has a new photo, or left. */
  wake(): void {
    if (this.#stage === "disk" || this.#stage === "asking") this.#wake();
  }

  /** Measured, on a few photos of this gallery. @throws a sentence when the network cannot be opened or used */
  async estimate(key: string): Promise<NetworkEstimate> {
    const encoder = await this.#open(key);
    await encoder.warmUp?.();
    const known = await photosOf(this.#store, encoder.fingerprint);
    const photos = [...this.#host.photos()].filter(({ id }) => !known.has(id));
    const there = photos.filter(hasPicture);
    const times: number[] = [];
    for (const photo of there.slice(0, SAMPLES)) {
      const bytes = await this.#host.bytesOf(photo);
      const start = performance.now();
      if (bytes !== undefined) await encoder.encode(bytes, true).catch(() => []);
      times.push(performance.now() - start);
    }
    const counted = times.length > 1 ? times.slice(1) : times;
    const each = counted.reduce((sum, ms) => sum + ms, 0) / counted.length;
    const record = (photo: Photo): number =>
      packEmbedding({
        photoId: photo.id,
        personId: photo.personId,
        model: encoder.model,
        fingerprint: encoder.fingerprint,
        vector: new Float32Array(encoder.dimensions ?? 1),
      }).length;
    const lost = new Set(photos.filter((photo) => !hasPicture(photo)).map(({ id }) => id));
    return {
      key,
      model: encoder.model,
      photos: there.length,
      seconds: times.length === 0 ? null : (each * there.length) / 1000,
      bytes: there.reduce((sum, photo) => sum + record(photo), 0),
      leftBehind: this.#leftBehind(encoder.fingerprint, lost, new Set()),
      threshold: encoder.threshold,
      cohortThreshold: encoder.normalisation?.threshold ?? null,
    };
  }

  /**
   * Change to a network; at once where it knows everybody already. A change that is under way ends.
   * @throws a sentence when it cannot be opened; StorageError
   */
  async changeTo(key: string): Promise<void> {
    const encoder = await this.#open(key);
    await this.#end();
    const note = { ...this.#note, target: key };
    await this.#write(note);
    if (encoder.fingerprint === this.#deciding.encoder.fingerprint) {
      this.#deciding = { key, encoder: this.#deciding.encoder };
      await this.#write({ ...note, deciding: networkOf(this.#deciding) });
      this.#host.onState();
      return;
    }
    const next = { key, encoder };
    await this.#lookAt(next);
    if (this.#missing.length === 0 && (await this.#switch(next))) return;
    this.#begin(next);
  }

  /** Give a change up: what was made for it is deleted. @throws StorageError */
  async cancel(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    await this.#end();
    await this.#write({ ...this.#note, target: this.#deciding.key });
    this.#host.onState();
    await this.#remove(next.encoder.fingerprint, () => true);
  }

  /**
   * What decided before decides again.
   * @throws a sentence when there is nothing to go back to, or it cannot be opened; StorageError
   */
  async undo(): Promise<void> {
    if (this.#next !== undefined) return this.cancel();
    const { previous } = this.#note;
    if (previous === undefined || previous.until === 0) throw new UserError("gallery.noWayBack");
    await this.changeTo(previous.key);
  }

  /** What was embedded with the network before is not needed any more. @throws StorageError */
  async keep(): Promise<void> {
    const { previous } = this.#note;
    if (previous === undefined || previous.until === 0) return;
    // Faces that it embedded are still understood.
    await this.#write({ ...this.#note, previous: { ...previous, until: 0 } });
    this.#host.onState();
    await this.#removeBefore(previous.fingerprint);
  }

  /** Never rejects: what the disk refuses waits for the next time. @param now ms since the epoch */
  async dropOld(now: number): Promise<void> {
    const { previous } = this.#note;
    if (previous !== undefined && previous.until > 0 && previous.until < now) await this.keep().catch(this.#report);
  }

  /** Somebody is not asked again. @throws StorageError */
  async dismiss(): Promise<void> {
    await this.#write({ ...this.#note, dismissed: MOBILEFACENET.id });
    this.#host.onState();
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    if (this.#stage === "paused" || this.#stage === "embedding") this.#tell(paused ? "paused" : "embedding");
    this.#wake();
  }

  /** Those who cannot come along may stay behind. */
  accept(): void {
    this.#accepted = true;
    this.#wake();
  }

  get #isEmpty(): boolean {
    for (const _ of this.#host.photos()) return false;
    return true;
  }

  #changeIn(language: Language): NetworkChange | null {
    const next = this.#next;
    if (next === undefined) return null;
    const { key, encoder } = next;
    let [done, total] = [0, 0];
    for (const { id } of this.#host.photos()) {
      total += 1;
      if (this.#known.has(id) || this.#lost.has(id)) done += 1;
    }
    const remainingMs = this.#pace === undefined ? null : Math.round(this.#pace * (total - done));
    return {
      key,
      model: encoder.model,
      stage: this.#stage,
      done,
      total,
      remainingMs,
      leftBehind: this.#leftBehind(encoder.fingerprint, this.#lost, this.#lostStrangers),
      error: this.#error && redact(render(this.#error, language)),
    };
  }

  /** @param lost photos that it cannot know */
  #leftBehind(fingerprint: string, lost: ReadonlySet<string>, lostStrangers: ReadonlySet<string>): LeftBehind {
    const known = new Map<string, boolean>();
    let photos = 0;
    for (const { id, personId, accepted } of this.#host.photos()) {
      if (!this.#host.isKnown(id)) continue;
      if (lost.has(id)) photos += 1;
      // Nobody is known by what is left out.
      if (!isLeftOut({ accepted })) known.set(personId, (known.get(personId) ?? false) || !lost.has(id));
    }
    const people = [...known].filter(([, comes]) => !comes).map(([id]) => ({ id, name: this.#host.nameOf(id) ?? id }));
    const strangers = this.#host
      .strangers()
      .filter(
        (group) =>
          group.fingerprint !== fingerprint &&
          group.beside?.fingerprint !== fingerprint &&
          (group.pictures === 0 || lostStrangers.has(group.id)),
      ).length;
    const corrections = this.#store
      .anchors()
      .filter((anchor) => anchor.fingerprint === this.#deciding.encoder.fingerprint).length;
    return { photos, people, strangers, corrections };
  }

  /** Read what a network knows already. */
  async #lookAt({ encoder }: OpenNetwork): Promise<void> {
    this.#known = new Set();
    const { fingerprint } = encoder;
    for (const id of await photosOf(this.#store, fingerprint)) this.#known.add(id);
    this.#lost.clear();
    this.#lostStrangers.clear();
  }

  /** Photos that are known now, and that the next network still has to look at. */
  get #missing(): Photo[] {
    return [...this.#host.photos()].filter(({ id }) => !this.#known.has(id) && !this.#lost.has(id));
  }

  #begin(next: OpenNetwork): void {
    this.#next = next;
    this.#stop = new AbortController();
    this.#pace = undefined;
    this.#accepted = false;
    this.#tell(this.#paused ? "paused" : "embedding");
    this.#running = this.#run(next, AbortSignal.any([this.#stop.signal, this.#host.signal])).catch(this.#report);
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
    this.#next = undefined;
    this.#error = null;
  }

  async #run(next: OpenNetwork, signal: AbortSignal): Promise<void> {
    await this.#lookAt(next);
    for (;;) {
      if (!(await this.#ready(next, signal))) return;
      const missing = this.#missing;
      for (const photo of missing) {
        await this.#whilePaused(signal);
        if (signal.aborted) return;
        await this.#embed(next, photo, signal);
        if (signal.aborted) return;
        this.#tellNow();
      }
      if (missing.length > 0) continue;
      for (const group of this.#host.strangers()) {
        await this.#whilePaused(signal);
        if (signal.aborted) return;
        await this.#embedStranger(next, group, signal);
      }
      if (!(await this.#asks(next, signal))) continue;
      if (signal.aborted) return;
      if (await this.#switch(next).catch((error: unknown) => this.#refused(error, signal))) return;
    }
  }

  /** Wait until the network can be used. @returns false when the change has ended */
  async #ready({ encoder }: OpenNetwork, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted) return false;
      try {
        await encoder.warmUp?.();
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        this.#error = asSentence(error);
        this.#tell("failed");
        await this.#waitFor(signal, FAILED_RETRY_MS);
        this.#error = null;
        this.#tell("embedding");
      }
    }
  }

  async #whilePaused(signal: AbortSignal): Promise<void> {
    while (this.#paused && !signal.aborted) await this.#waitFor(signal);
  }

  async #embed(next: OpenNetwork, photo: Photo, signal: AbortSignal): Promise<void> {
    const { encoder } = next;
    const start = performance.now();
    const bytes = hasPicture(photo) ? await this.#host.bytesOf(photo).catch(() => undefined) : undefined;
    let vector: Float32Array | undefined;
    for (let tries = 0; bytes !== undefined && tries < TRIES; tries += 1) {
      try {
        vector = await vectorOf(encoder, bytes);
        break;
      } catch (error) {
        if (signal.aborted) return;
        // Is it the picture, or the network?
        if (!(error instanceof UserError) && tries + 1 < TRIES) continue;
        if (!(await this.#ready(next, signal))) return;
      }
    }
    if (signal.aborted) return;
    if (vector === undefined) this.#lost.add(photo.id);
    else if (!(await this.#put(photo, encoder, vector, signal))) return;
    const took = performance.now() - start;
    // Cameras come first.
    const rest = this.#host.isBusy() ? took : 0;
    if (rest > 0) await sleep(rest, undefined, { signal }).catch(() => undefined);
    if (bytes !== undefined)
      this.#pace = this.#pace === undefined ? took + rest : this.#pace + PACE * (took + rest - this.#pace);
  }

  /** @returns false when the change has ended */
  async #put(
    { id, personId }: Photo,
    { model, fingerprint }: PhotoEncoder,
    vector: Float32Array,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (;;) {
      try {
        await this.#host.exclusively(async () => {
          // Deleted, or somebody else's meanwhile.
          if (signal.aborted || this.#host.photo(id)?.personId !== personId) return;
          await this.#store.putEmbeddings([{ photoId: id, personId, model, fingerprint, vector }]);
        });
        return !signal.aborted;
      } catch (error) {
        await this.#refused(error, signal);
        if (signal.aborted) return false;
      }
    }
  }

  /** Strangers come along as far as pictures of them are kept. */
  async #embedStranger(
    { encoder }: OpenNetwork,
    { id, pictures, fingerprint, beside }: UnknownGroup,
    signal: AbortSignal,
  ): Promise<void> {
    if (fingerprint === encoder.fingerprint || beside?.fingerprint === encoder.fingerprint) return;
    const vectors: Float32Array[] = [];
    for (let index = 0; index < pictures; index += 1) {
      const bytes = await this.#host.strangerPicture(id, index).catch(() => undefined);
      const vector = bytes === undefined ? undefined : await vectorOf(encoder, bytes).catch(() => undefined);
      if (vector !== undefined) vectors.push(vector);
    }
    if (signal.aborted) return;
    if (vectors.length === 0) this.#lostStrangers.add(id);
    // They are of no use to anybody else: what the disk refuses is not tried again.
    else
      await this.#host
        .putBeside(id, { model: encoder.model, fingerprint: encoder.fingerprint, vectors })
        .catch(() => this.#lostStrangers.add(id));
  }

  /** Ask, where people would not be known any more. @returns false when there may be more to embed now */
  async #asks(next: OpenNetwork, signal: AbortSignal): Promise<boolean> {
    if (
      this.#accepted ||
      this.#leftBehind(next.encoder.fingerprint, this.#lost, this.#lostStrangers).people.length === 0
    )
      return true;
    this.#tell("asking");
    await this.#waitFor(signal);
    if (!signal.aborted) this.#tell("embedding");
    return false;
  }

  /** @returns false when photos came in meanwhile */
  #switch(next: OpenNetwork): Promise<boolean> {
    return this.#host.exclusively(async () => {
      if (this.#host.signal.aborted || this.#missing.length > 0) return false;
      const given = this.#note.previous;
      const note = {
        ...this.#note,
        deciding: networkOf(next),
        previous: { ...networkOf(this.#deciding), until: until(Date.now()) },
      };
      await this.#host.adopt(next.encoder, () => this.#write(note));
      this.#deciding = next;
      this.#next = undefined;
      this.#error = null;
      this.#host.onState();
      // One step can be taken back, not all of them.
      const older = given?.fingerprint;
      if (older !== undefined && older !== note.previous.fingerprint && older !== note.deciding.fingerprint)
        this.#removeBefore(older).catch(this.#report);
      return true;
    });
  }

  /** Those that the present network does not know stay: nothing else is known of them. */
  async #removeBefore(fingerprint: string): Promise<void> {
    const known = await photosOf(this.#store, this.#deciding.encoder.fingerprint);
    await this.#remove(fingerprint, (id) => known.has(id));
  }

  async #remove(fingerprint: string, isGone: (photoId: string) => boolean): Promise<void> {
    for (const { id, beside } of this.#host.strangers())
      if (beside?.fingerprint === fingerprint) await this.#host.putBeside(id, undefined);
    await this.#store.removeEmbeddings(fingerprint, isGone);
  }

  /**
   * The disk refuses: wait until it takes something. Anything else is reported, and tried again later.
   * @returns false
   */
  async #refused(error: unknown, signal: AbortSignal): Promise<false> {
    if (signal.aborted) return false;
    if (!(error instanceof StorageError)) this.#report(error);
    this.#error = asSentence(error);
    this.#tell(error instanceof StorageError ? "disk" : "failed");
    await this.#waitFor(signal, FAILED_RETRY_MS);
    this.#error = null;
    if (!signal.aborted) this.#tell("embedding");
    return false;
  }

  async #write(note: NetworkNote): Promise<void> {
    if (JSON.stringify(note) !== JSON.stringify(this.#written)) await writeNetworkNote(this.#store, note);
    this.#note = note;
    this.#written = note;
  }

  /** Until something happens. */
  async #waitFor(signal: AbortSignal, ms?: number): Promise<void> {
    if (signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (ms !== undefined) timer = setTimeout(resolve, ms).unref();
    });
    clearTimeout(timer);
    this.#wake = () => undefined;
  }

  #tell(stage: ChangeStage): void {
    this.#stage = stage;
    this.#toldAt = performance.now();
    this.#host.onState();
  }

  #tellNow(): void {
    if (performance.now() - this.#toldAt >= TELL_MS) this.#tell(this.#stage);
  }

  readonly #report = (error: unknown): void => {
    if (!(error instanceof StorageError) && !this.#host.signal.aborted)
      this.#host.report(phrase("gallery.networkStuck", { reason: reasonOf(error) }));
  };
}

function hasPicture({ size, origin }: Photo): boolean {
  return size > 0 || origin.by === "folder";
}

/** Of the face that most raw detections agreed on. */
async function vectorOf(encoder: PhotoEncoder, bytes: Buffer): Promise<Float32Array | undefined> {
  return bestOf(forEnrolment(await encoder.encode(bytes, true)))?.embedding;
}
