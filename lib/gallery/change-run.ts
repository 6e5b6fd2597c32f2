/**
 * Everybody whom a gallery knows is embedded anew by the network that is to decide next: in the background, with
 * pauses for cameras, whatever the disk and the network refuse meanwhile.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { bestOf, forEnrolment } from "../enrol/judge";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { asSentence, reasonOf, UserError } from "../errors";
import type { Photo, UnknownGroup } from "../people/people";
import type { PeopleStore, StoreChange } from "../people/store";
import { redact } from "../redact";
import { StorageError } from "../storage";
import { type Language, phrase, render, type Sentence } from "../words/sentence";
import { hasPicture, leftBehind } from "./estimate-network";
import type { NetworkHost } from "./network-host";
import type { ChangeStage, LeftBehind, NetworkChange } from "./network-state";
import { type OpenNetwork, photosOf } from "./networks";

/** Tries with one photo: a worker may have died. */
const TRIES = 2;
/** A network that cannot be used is tried again after so long. */
const FAILED_RETRY_MS = 60_000;
/** How often the progress is told. */
const TELL_MS = 500;
/** How the pace of the last photos counts against that of those before. */
const PACE = 0.1;

export interface ChangeHost {
  /** Fingerprint of the network that decides. */
  deciding(): string;
  /** Everybody is known to the next network: have it decide. @returns false when photos came in meanwhile */
  switchTo(next: OpenNetwork): Promise<boolean>;
}

export class ChangeRun {
  readonly #store: PeopleStore;
  readonly #host: NetworkHost;
  readonly #change: ChangeHost;
  #next: OpenNetwork | undefined;
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

  /** @param next what the gallery is changing to as it starts */
  constructor(store: PeopleStore, host: NetworkHost, change: ChangeHost, next: OpenNetwork | undefined) {
    this.#store = store;
    this.#host = host;
    this.#change = change;
    this.#next = next;
    store.on("change", this.#follow);
  }

  /** What is to decide; undefined while nothing changes. */
  get next(): OpenNetwork | undefined {
    return this.#next;
  }

  /** Whether the next network has looked at every photo. */
  get isComplete(): boolean {
    return this.#missing.length === 0;
  }

  /** Embed in the background what `next` does not know; lookAt has told what it knows. */
  begin(next: OpenNetwork): void {
    this.#next = next;
    this.#stop = new AbortController();
    this.#pace = undefined;
    this.#accepted = false;
    this.#tell(this.#paused ? "paused" : "embedding");
    this.#running = this.#run(next, AbortSignal.any([this.#stop.signal, this.#host.signal])).catch(this.report);
  }

  /** Give it up; resolves once nothing of it runs any more. */
  async end(): Promise<void> {
    await this.#halt();
    this.finished();
  }

  /** The next network decides. */
  finished(): void {
    this.#next = undefined;
    this.#error = null;
  }

  async close(): Promise<void> {
    await this.#halt();
    this.#store.off("change", this.#follow);
  }

  /** Read what a network knows already. */
  async lookAt({ encoder }: OpenNetwork): Promise<void> {
    this.#known = new Set();
    const { fingerprint } = encoder;
    for (const id of await photosOf(this.#store, fingerprint)) this.#known.add(id);
    this.#lost.clear();
    this.#lostStrangers.clear();
  }

  /** The disk takes something again, or somebody who could not come along has a new photo, or left. */
  wake(): void {
    if (this.#stage === "disk" || this.#stage === "asking") this.#wake();
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

  /** @param language of why it does not go on */
  stateIn(language: Language): NetworkChange | null {
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
      leftBehind: this.#leftBehind(next),
      error: this.#error && redact(render(this.#error, language)),
    };
  }

  readonly report = (error: unknown): void => {
    if (!(error instanceof StorageError) && !this.#host.signal.aborted)
      this.#host.report(phrase("gallery.networkStuck", { reason: reasonOf(error) }));
  };

  readonly #follow = ({ put }: StoreChange): void => {
    for (const { photoId, fingerprint } of put.embeddings)
      if (fingerprint === this.#next?.encoder.fingerprint) this.#known.add(photoId);
  };

  async #halt(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  #leftBehind({ encoder: { fingerprint } }: OpenNetwork): LeftBehind {
    return leftBehind(this.#store, this.#host, {
      deciding: this.#change.deciding(),
      fingerprint,
      lost: this.#lost,
      lostStrangers: this.#lostStrangers,
    });
  }

  /** Photos that are known now, and that the next network still has to look at. */
  get #missing(): Photo[] {
    return [...this.#host.photos()].filter(({ id }) => !this.#known.has(id) && !this.#lost.has(id));
  }

  async #run(next: OpenNetwork, signal: AbortSignal): Promise<void> {
    await this.lookAt(next);
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
      if (await this.#change.switchTo(next).catch((error: unknown) => this.#refused(error, signal))) return;
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
    if (this.#accepted || this.#leftBehind(next).people.length === 0) return true;
    this.#tell("asking");
    await this.#waitFor(signal);
    if (!signal.aborted) this.#tell("embedding");
    return false;
  }

  /**
   * The disk refuses: wait until it takes something. Anything else is reported, and tried again later.
   * @returns false
   */
  async #refused(error: unknown, signal: AbortSignal): Promise<false> {
    if (signal.aborted) return false;
    if (!(error instanceof StorageError)) this.report(error);
    this.#error = asSentence(error);
    this.#tell(error instanceof StorageError ? "disk" : "failed");
    await this.#waitFor(signal, FAILED_RETRY_MS);
    this.#error = null;
    if (!signal.aborted) this.#tell("embedding");
    return false;
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
}

/** Of the face that most raw detections agreed on. */
export async function vectorOf(encoder: PhotoEncoder, bytes: Buffer): Promise<Float32Array | undefined> {
  return bestOf(forEnrolment(await encoder.encode(bytes, true)))?.embedding;
}
