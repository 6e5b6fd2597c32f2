/**
 * Changing the network of a gallery: every kept photo is embedded anew in the background (change-run.ts) while the old
 * network decides, then one write makes the new one decide; what the old one knew is kept for a while, so that it can
 * be taken back at once.
 */
import { DLIB_RESNET, MOBILEFACENET } from "../embed/descriptor";
import { UserError } from "../errors";
import type { PhotoEmbedding } from "../people/people";
import type { PeopleStore } from "../people/store";
import type { Language } from "../words/sentence";
import { ChangeRun, vectorOf } from "./change-run";
import { estimateNetwork } from "./estimate-network";
import type { NetworkHost, NetworkOptions } from "./network-host";
import type { DecidingNetwork, NetworkEstimate, NetworkState } from "./network-state";
import {
  type NetworkNote,
  networkOf,
  type OpenNetwork,
  type OpenNetworkBy,
  photosOf,
  until,
  writeNetworkNote,
} from "./networks";

export class Networks {
  readonly #store: PeopleStore;
  readonly #host: NetworkHost;
  readonly #open: OpenNetworkBy;
  readonly #run: ChangeRun;
  #deciding: OpenNetwork;
  #note: NetworkNote;
  #written: NetworkNote | undefined;

  constructor(store: PeopleStore, host: NetworkHost, { chosen: { deciding, next, note }, open }: NetworkOptions) {
    this.#store = store;
    this.#host = host;
    this.#open = open;
    this.#deciding = deciding;
    this.#note = note;
    this.#run = new ChangeRun(
      store,
      host,
      {
        deciding: () => this.#deciding.encoder.fingerprint,
        switchTo: (network) => this.#switch(network),
      },
      next,
    );
  }

  /** Once everybody is known who was known before. Never rejects. */
  async start(): Promise<void> {
    await this.#write(this.#note).catch(this.#run.report);
    await this.dropOld(Date.now());
    if (this.#run.next !== undefined) this.#run.begin(this.#run.next);
  }

  async close(): Promise<void> {
    await this.#run.close();
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
      change: this.#run.stateIn(language),
      previous:
        previous === undefined || previous.until === 0
          ? null
          : { key: previous.key, model: previous.model, until: previous.until },
      offer:
        encoder.model === DLIB_RESNET.id &&
        this.#run.next === undefined &&
        dismissed !== MOBILEFACENET.id &&
        !this.#isEmpty
          ? MOBILEFACENET.id
          : null,
    };
  }

  /** What decides, and how that stands to the gallery's form. */
  get deciding(): DecidingNetwork {
    const { form } = this.#note;
    return {
      key: this.#deciding.key,
      asInForm: this.#deciding.key === form,
      isBehindForm: this.#run.next?.key === form,
    };
  }

  /** Whether faces that this model embedded are embedded anew to be decided: it decided before, or is to. */
  speaks(model: string): boolean {
    const { previous } = this.#note;
    return (
      model !== this.#deciding.encoder.model && (model === previous?.model || model === this.#run.next?.encoder.model)
    );
  }

  /**
   * Of a picture of which no bytes are kept: what the next network makes of it. Empty while nothing changes. Never
   * rejects.
   */
  async alsoOf(picture: Buffer): Promise<Pick<PhotoEmbedding, "model" | "fingerprint" | "vector">[]> {
    const next = this.#run.next?.encoder;
    if (next === undefined) return [];
    const vector = await vectorOf(next, picture).catch(() => undefined);
    return vector === undefined ? [] : [{ model: next.model, fingerprint: next.fingerprint, vector }];
  }

  /** Read what the next network knows already. */
  async load(): Promise<void> {
    if (this.#run.next !== undefined) await this.#run.lookAt(this.#run.next);
  }

  /** As ChangeRun's. */
  wake(): void {
    this.#run.wake();
  }

  /** As estimateNetwork. @throws a sentence when the network cannot be opened or used */
  async estimate(key: string): Promise<NetworkEstimate> {
    const deciding = this.#deciding.encoder.fingerprint;
    return estimateNetwork(this.#store, this.#host, { key, encoder: await this.#open(key), deciding });
  }

  /**
   * Change to a network; at once where it knows everybody already. A change that is under way ends.
   * @throws a sentence when it cannot be opened; StorageError
   */
  async changeTo(key: string): Promise<void> {
    const encoder = await this.#open(key);
    await this.#run.end();
    const note = { ...this.#note, target: key };
    await this.#write(note);
    if (encoder.fingerprint === this.#deciding.encoder.fingerprint) {
      this.#deciding = { key, encoder: this.#deciding.encoder };
      await this.#write({ ...note, deciding: networkOf(this.#deciding) });
      this.#host.onState();
      return;
    }
    const next = { key, encoder };
    await this.#run.lookAt(next);
    if (this.#run.isComplete && (await this.#switch(next))) return;
    this.#run.begin(next);
  }

  /** Give a change up: what was made for it is deleted. @throws StorageError */
  async cancel(): Promise<void> {
    const { next } = this.#run;
    if (next === undefined) return;
    await this.#run.end();
    await this.#write({ ...this.#note, target: this.#deciding.key });
    this.#host.onState();
    const { previous } = this.#note;
    // What decided before is gone back to as long as that is offered; and whom it alone knows it keeps.
    if (previous?.fingerprint === next.encoder.fingerprint && previous.until > 0) return;
    await this.#removeBefore(next.encoder.fingerprint);
  }

  /**
   * What decided before decides again.
   * @throws a sentence when there is nothing to go back to, or it cannot be opened; StorageError
   */
  async undo(): Promise<void> {
    if (this.#run.next !== undefined) return this.cancel();
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
    if (previous !== undefined && previous.until > 0 && previous.until < now)
      await this.keep().catch(this.#run.report);
  }

  /** Somebody is not asked again. @throws StorageError */
  async dismiss(): Promise<void> {
    await this.#write({ ...this.#note, dismissed: MOBILEFACENET.id });
    this.#host.onState();
  }

  pause(paused: boolean): void {
    this.#run.pause(paused);
  }

  /** Those who cannot come along may stay behind. */
  accept(): void {
    this.#run.accept();
  }

  get #isEmpty(): boolean {
    for (const _ of this.#host.photos()) return false;
    return true;
  }

  /** @returns false when photos came in meanwhile */
  #switch(next: OpenNetwork): Promise<boolean> {
    return this.#host.exclusively(async () => {
      if (this.#host.signal.aborted || !this.#run.isComplete) return false;
      const given = this.#note.previous;
      const note = {
        ...this.#note,
        deciding: networkOf(next),
        previous: { ...networkOf(this.#deciding), until: until(Date.now()) },
      };
      await this.#host.adopt(next.encoder, () => this.#write(note));
      this.#deciding = next;
      this.#run.finished();
      this.#host.onState();
      // One step can be taken back, not all of them.
      const older = given?.fingerprint;
      if (older !== undefined && older !== note.previous.fingerprint && older !== note.deciding.fingerprint)
        this.#removeBefore(older).catch(this.#run.report);
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

  async #write(note: NetworkNote): Promise<void> {
    if (JSON.stringify(note) !== JSON.stringify(this.#written)) await writeNetworkNote(this.#store, note);
    this.#note = note;
    this.#written = note;
  }
}
