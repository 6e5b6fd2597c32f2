/**
 * One site of a gallery: keeps its people store and the log that all sites share equal. The store is what recognition
 * reads and people write to, and waits for no network; this follows it, as every view does, and follows the log.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { asSentence, UserError } from "../errors";
import { failures } from "../observe/failures";
import type { Person, Photo } from "../people/people";
import type { BesideOptions } from "../people/lmdb/beside";
import type { PeopleStore, StoreChange } from "../people/store";
import type { Sentence } from "../words/sentence";
import { inTime } from "../workers/in-time";
import { Applying, type ApplyingHost } from "./applying";
import { type ChangeLog, holdsUpTo, type Logged, type RecordKind, type SiteEntry } from "./change-log";
import type { Conflict, Deletion } from "./conflicts";
import { KnownRecords } from "./known";
import { isPictureKind, logIdOf, type RecordKey, type SharedRecord } from "./records";
import { makeSealing, type Sealing } from "./sealing";
import type { SharedBook, WhyGone } from "./shared-book";
import { Telling } from "./telling";
import type { Verified } from "./verified";
import { verifyLog } from "./verifying";

export interface SiteOptions {
  /** Open as long as the site is. */
  store: PeopleStore;
  /** Where what is known of the log is kept: beside the people, sealed as they are. */
  beside: Omit<BesideOptions, "name">;
  /** What people call this site; unlike all others'. */
  name: string;
  /** The gallery's, the same at every site. */
  passPhrase: string;
  /** @param site this site's id */
  connect: (site: { id: string; name: string }) => ChangeLog;
  /** Whoever writes to the store goes through it; without it the site writes between others. */
  exclusively?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** False keeps no pictures of others either; default true. */
  keepPictures?: boolean | undefined;
  /** Whether strangers are shared; default false. */
  strangers?: boolean | undefined;
  /** Made with this site's id and name: the book whose entries are shared; without it there is none. */
  book?: ((site: { id: string; name: string }) => SharedBook) | undefined;
  /** Whether people are recognized here by embeddings of a fingerprint: these stay as long as their photos. */
  uses?: ((fingerprint: string) => boolean) | undefined;
  /** Two people are one, as another site says: see ApplyingHost. */
  merge?: ApplyingHost["merge"] | undefined;
  /** What is to go beside the store, before it goes from there: files of the photo folder. */
  wipe?: ((gone: { people: readonly Person[]; photos: readonly Photo[] }) => Promise<void>) | undefined;
  /** Whether of what was deleted something may still be on this computer, beside the store: then others wait. */
  unwiped?: (() => boolean) | undefined;
  /** How long it may be news to others that somebody was seen, in ms. */
  seenMs?: number | undefined;
  /** After how long entries of whom another site has deleted go from the log, if that did not delete them, in ms. */
  wipedMs?: number | undefined;
  /** How often the others are told how far this site is, where nothing was deleted, in ms. */
  acknowledgeMs?: number | undefined;
  /** How long comparing all with the log may take, in ms. */
  verifyMs?: number | undefined;
  /** How long closing waits for what is not told yet, in ms. */
  closeMs?: number | undefined;
}

export interface SiteState {
  /** Of this site. */
  id: string;
  name: string;
  /** Whether the database answers, and this site may follow it. */
  reachable: boolean;
  /** Why it does not. */
  reason: Sentence | undefined;
  /** Whether this site only follows. */
  readOnly: boolean;
  /** Records that the others have not been told of. */
  waiting: number;
  /** Up to which change all is done here; undefined before the database has answered once. */
  followed: number | undefined;
  /** The newest change of the gallery, as far as it is known here. */
  head: number | undefined;
  /** Records of the log that nobody can read with this site's key. */
  unreadable: number;
  /** When the whole log was compared with what is here, and both were the same; milliseconds since the epoch. */
  verifiedAt: number | null;
  /** How much of it is compared now, in percent; null where nothing is. */
  verifying: number | null;
  /** Records that were not the same when they were compared last; null before. */
  differing: number | null;
}

export interface SiteEvents {
  state: [];
}

/** Nobody changes the same records so often: then it waits for the next look. */
const MOST_STALE = 50;
const SEEN_MS = 10 * 60_000;
/** Longer than a site takes to tell that entries are somebody else's. */
const WIPED_MS = 2 * 60_000;
const CLOSE_MS = 3000;
/** Without deletions the others need not know soon how far a site is. */
const ACKNOWLEDGE_MS = 30_000;
/** At 5 million people with a photo each, over a line of 40 Mbit/s, it is half an hour. */
const VERIFY_MS = 3_600_000;
const VERIFY_AGAIN_MS = 3_600_000;
/** Of what is told later: it is looked for no sooner. */
const LEAST_LATER_MS = 100;
const RETRY_MS = 1000;
const MOST_RETRY_MS = 30_000;
const SITE_BYTES = 12;
const NAME = "sites";
export class Site extends EventEmitter<SiteEvents> {
  readonly #options: SiteOptions;
  readonly #exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #store: PeopleStore;
  readonly #known: KnownRecords;
  readonly #log: ChangeLog;
  readonly #telling: Telling;
  readonly #book: SharedBook | undefined;
  #sealing: Sealing | undefined;
  #applying: Applying | undefined;
  /** Whether the gallery's key is ours, and the log the one we know. */
  #isSettled = false;
  #compared = false;
  #wipedFirst = false;
  #reason: Sentence | undefined;
  #head: number | undefined;
  #sites: SiteEntry[] = [];
  /** `at` is of performance.now(): a clock that is set does not matter. */
  #acknowledged: { number: number; at: number } = { number: -1, at: -Infinity };
  #deletedSince = false;
  #again = false;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #later: NodeJS.Timeout | undefined;
  #verifying: Promise<Verified> | undefined;
  #progress: number | null = null;
  #differing: number | null = null;
  #verifyNext = -Infinity;
  #closing = false;
  #closed = false;
  readonly #firstWipe: Promise<void>;
  #wiped: () => void = () => undefined;
  #told = "";

  /** @throws the system's error where what is known cannot be opened */
  static async open(options: SiteOptions): Promise<Site> {
    const known = await KnownRecords.open({ ...options.beside, name: NAME }, () =>
      randomBytes(SITE_BYTES).toString("hex"),
    );
    const site = new Site(options, known);
    await site.#start();
    return site;
  }

  private constructor(options: SiteOptions, known: KnownRecords) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    this.#exclusively = options.exclusively ?? ((work) => work());
    this.#store = options.store;
    this.#known = known;
    const own = { id: known.meta.site, name: options.name };
    this.#book = options.book?.(own);
    this.#telling = new Telling({
      store: options.store,
      known,
      strangers: options.strangers === true,
      book: () => this.#kept,
      seenMs: options.seenMs ?? SEEN_MS,
      wipedMs: options.wipedMs ?? WIPED_MS,
    });
    this.#log = options.connect(own);
    this.#firstWipe = new Promise((done) => {
      this.#wiped = done;
    });
  }

  get #acknowledgeMs(): number {
    return this.#options.acknowledgeMs ?? ACKNOWLEDGE_MS;
  }

  get state(): SiteState {
    const { meta } = this.#known;
    return {
      id: meta.site,
      name: this.#options.name,
      reachable: this.#isSettled && this.#reason === undefined,
      reason: this.#reason,
      readOnly: this.#log.readOnly,
      waiting: this.#log.readOnly ? 0 : this.#telling.waiting,
      followed: meta.gallery === undefined ? undefined : meta.followed,
      head: this.#head,
      unreadable: this.#applying?.unreadable ?? 0,
      verifiedAt: meta.verifiedAt,
      verifying: this.#progress,
      differing: this.#differing,
    };
  }

  /** The newest first. */
  get conflicts(): Conflict[] {
    return this.#known.conflicts;
  }

  /** That this site told the others of, the newest first. */
  get deletions(): Deletion[] {
    return this.#known.deletions;
  }

  /** All sites as they were seen last, this one among them. */
  get sites(): readonly SiteEntry[] {
    return this.#sites;
  }

  /** @throws a sentence where the database does not answer */
  async readSites(): Promise<readonly SiteEntry[]> {
    this.#sites = await this.#log.sites();
    return this.#sites;
  }

  /** A site that will not come back. @throws a sentence where the database does not answer */
  async removeSite(id: string): Promise<void> {
    await this.#log.removeSite(id);
    await this.readSites();
    this.#tell();
  }

  /** Somebody is somebody else here from now on, and is about to be deleted. @throws the system's error */
  async merged(from: string, into: string): Promise<void> {
    await this.#telling.merged(from, into);
    this.#wake();
  }

  /**
   * Once what others have deleted is gone from here, or the database does not answer within a while: whoever
   * recognizes people waits for it. Never rejects.
   */
  async wiped(ms: number): Promise<void> {
    await inTime(this.#firstWipe, ms);
  }

  /** Once all that is known now is done, here and there; or the database does not answer. Never rejects. */
  async settled(): Promise<void> {
    this.#wake();
    while (this.#running !== undefined) await this.#running;
  }

  /**
   * Read the whole log again, and compare it with what is here. It also does so by itself, once after the first time
   * that all was told and followed.
   * @throws a sentence where the database does not answer
   */
  async verify(): Promise<Verified> {
    // Whoever asks meanwhile hears of the same one.
    this.#verifying ??= this.#verify(this.#settledSealing()).finally(() => {
      [this.#verifying, this.#progress] = [undefined, null];
      this.#tell();
    });
    return this.#verifying;
  }

  /** What is not told by then is told at the next start. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearTimeout(this.#later);
    if (this.#isSettled) {
      this.#telling.markSeen(true);
      await inTime(this.settled(), this.#options.closeMs ?? CLOSE_MS);
    }
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#later);
    this.#store.off("change", this.#follow);
    this.#book?.off("change", this.#followBook).off("gone", this.#followGone);
    this.#log.off("wake", this.#onWake).off("reachable", this.#onReachable);
    await this.#log.close();
    await this.#running;
    await this.#verifying?.catch(() => undefined);
    if (this.#sealing !== undefined) await this.#telling.bury(this.#sealing).catch(() => undefined);
    await this.#known.close();
  }

  async #verify(sealing: Sealing): Promise<Verified> {
    const { keepPictures = true, strangers = false, verifyMs = VERIFY_MS } = this.#options;
    const verified = await verifyLog({
      log: this.#log,
      store: this.#store,
      book: this.#kept,
      sealing,
      keys: () => this.#telling.keys(),
      isLeft: (record) => (isPictureKind(record.kind) && !keepPictures) || this.#isOver(record),
      isHereAlone: (key) => this.#isHereAlone(sealing, key),
      strangers,
      settled: () => this.settled(),
      isClosed: () => this.#closing,
      onProgress: ({ done, of }) => {
        const percent = of === 0 ? 100 : Math.floor((100 * done) / of);
        if (percent === this.#progress) return;
        this.#progress = percent;
        this.#tell();
      },
      mostMs: verifyMs,
    });
    this.#differing = verified.differing;
    if (verified.differing === 0) await this.#known.write({ meta: { verifiedAt: Date.now() } });
    return verified;
  }

  /** Once after the first fill; where it fails or finds that they differ, again after a while. */
  #verifyAtFirst(): void {
    const { meta } = this.#known;
    if (meta.verifiedAt !== null || this.#verifying !== undefined || this.#closing || !this.#isSettled) return;
    if (meta.followed !== this.#head || this.#telling.waiting > 0 || performance.now() < this.#verifyNext) return;
    this.#verifyNext = performance.now() + VERIFY_AGAIN_MS;
    // Who has it compared hears of the reason; a database that does not answer is told of anyway.
    this.verify().catch((error: unknown) => {
      if (!(error instanceof UserError)) failures.note("sites", error);
    });
  }

  async #start(): Promise<void> {
    this.#store.on("change", this.#follow);
    this.#book?.on("change", this.#followBook).on("gone", this.#followGone);
    this.#log.on("wake", this.#onWake).on("reachable", this.#onReachable);
    this.#wake();
  }

  readonly #onWake = (): void => this.#wake();

  readonly #onReachable = (isReachable: boolean, error: UserError | undefined): void => {
    this.#reason = isReachable ? undefined : error?.sentence;
    if (!isReachable) {
      this.#isSettled = false;
      // What was deleted meanwhile goes first.
      this.#wipedFirst = false;
      this.#tell();
      return;
    }
    this.#failures = 0;
    this.#wake();
  };

  readonly #follow = (change: StoreChange): void => {
    this.#telling.follow(change);
    this.#wake();
  };

  readonly #followBook = (ids: readonly string[]): void => {
    for (const id of ids) this.#telling.mark({ kind: "checkIn", id });
    this.#wake();
  };

  readonly #followGone = (ids: readonly string[], why: WhyGone): void => {
    this.#telling.followGone(ids, why);
    this.#wake();
  };

  /** The book, where somebody keeps it here. */
  get #kept(): SharedBook | undefined {
    return this.#book?.takes === true ? this.#book : undefined;
  }

  /** Whether the log has an entry of the book no more, as it is too old where it is from. */
  async #isHereAlone(sealing: Sealing, key: RecordKey): Promise<boolean> {
    return key.kind === "checkIn" && (await this.#known.get(key.kind, logIdOf(sealing, key)))?.over === true;
  }

  /** Whether a record of the log may be too old for here. */
  #isOver(record: SharedRecord): boolean {
    if (record.kind !== "checkIn") return false;
    const { at, site, book } = record.value;
    return this.#kept?.isOver(at, site === this.#known.meta.site ? book : undefined) === true;
  }

  #wake(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#running ??= this.#run()
      // Whoever hears of the state may fail; nobody awaits this.
      .catch((error: unknown) => failures.note("sites", error))
      .finally(() => {
        this.#running = undefined;
        // It may have been woken after its last look, before this.
        if (this.#again) this.#wake();
      });
  }

  async #run(): Promise<void> {
    // Not in the store's own turn.
    await sleep(0);
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#round();
        this.#failures = 0;
        if (this.#isSettled) this.#reason = undefined;
      } catch (error) {
        this.#failed(error);
      }
      this.#tell();
    }
    this.#beLater();
    this.#verifyAtFirst();
  }

  /** What is told later: how far this site is, and who was only seen. The log itself wakes whoever it has news for. */
  #beLater(): void {
    clearTimeout(this.#later);
    if (this.#closed || !this.#isSettled) return;
    const now = performance.now();
    const isBehind = this.#known.meta.followed !== this.#acknowledged.number;
    // A disk that refuses what is deleted holds up the answer, not the processor.
    const due = Math.min(
      isBehind ? Math.max(this.#acknowledged.at, now - this.#acknowledgeMs / 2) + this.#acknowledgeMs : Infinity,
      this.#log.readOnly ? Infinity : Math.min(this.#telling.seenDue, this.#telling.wipedDue),
    );
    if (due === Infinity) return;
    this.#later = setTimeout(
      () => {
        this.#telling.markSeen();
        this.#wake();
      },
      Math.max(LEAST_LATER_MS, due - now),
    );
    this.#later.unref();
  }

  #failed(error: unknown): void {
    this.#reason = asSentence(error);
    if (!(error instanceof UserError) && !this.#closed) failures.note("sites", error);
    clearTimeout(this.#retry);
    const ms = Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#wake(), ms * (1 + Math.random()));
    this.#retry.unref();
  }

  async #round(): Promise<void> {
    // Whatever becomes of the database: of whom was deleted nothing is kept.
    if (this.#sealing !== undefined) await this.#telling.bury(this.#sealing);
    if (!this.#isSettled) await this.#settle();
    await this.#lookForBook();
    if (!this.#compared) await this.#telling.compare(this.#settledSealing());
    this.#compared = true;
    if (!this.#wipedFirst) await this.#wipe();
    await this.#read();
    if (!this.#log.readOnly) await this.#push();
    await this.#acknowledge();
  }

  /** What was passed over while nobody kept the book here is read from now on, and what is in it is told. */
  async #lookForBook(): Promise<void> {
    const takes = this.#kept !== undefined;
    if (takes === (this.#known.meta.takes ?? false)) return;
    if (takes) {
      const unknown: [RecordKind, string][] = [];
      for await (const [logId] of this.#known.all("checkIn")) unknown.push(["checkIn", logId]);
      await this.#known.write({ unknown, meta: { takes, followed: 0 } });
      this.#compared = false;
    } else await this.#known.write({ meta: { takes } });
  }

  /** Whether the log is the one we know, and the key is the gallery's. @throws a sentence */
  async #settle(): Promise<void> {
    const { meta } = this.#known;
    const identity = await this.#log.identity();
    const salt = identity.salt.toString("base64");
    if (meta.gallery !== identity.gallery || meta.salt !== salt) {
      if (meta.gallery !== undefined)
        await this.#known.beginAnew({ gallery: identity.gallery, salt, epochs: [...identity.epochs] });
      else await this.#known.write({ meta: { gallery: identity.gallery, salt } });
      [this.#sealing, this.#compared] = [undefined, false];
    }
    const sealing = this.#sealing ?? (await makeSealing(this.#options.passPhrase, identity));
    const check = identity.check ?? (await this.#log.giveCheck(sealing.check));
    if (check !== sealing.check) throw new UserError("sites.otherKey");
    if (this.#sealing === undefined) {
      this.#sealing = sealing;
      this.#applying = this.#applyingWith(sealing);
    }
    const { epochs } = this.#known.meta;
    const held = epochs === undefined ? Infinity : holdsUpTo(identity.epochs, epochs);
    if (held !== Infinity) await this.#rewind(held);
    await this.#known.write({ meta: { epochs: [...identity.epochs] } });
    this.#sites = await this.#log.sites();
    this.#isSettled = true;
  }

  #applyingWith(sealing: Sealing): Applying {
    const { keepPictures = true, strangers = false, uses = () => false } = this.#options;
    const { wipe = async () => undefined, merge = async () => undefined } = this.#options;
    return new Applying({
      store: this.#store,
      known: this.#known,
      sealing,
      keepPictures,
      strangers,
      book: () => this.#kept,
      uses,
      merge,
      wipe,
      mark: (key) => {
        this.#telling.mark(key);
        this.#again = true;
      },
      nameOf: (id) =>
        id === undefined || id === this.#known.meta.site
          ? this.#options.name
          : (this.#sites.find((site) => site.id === id)?.name ?? id),
    });
  }

  #settledSealing(): Sealing {
    if (this.#sealing === undefined) throw new UserError("sites.notReached");
    return this.#sealing;
  }

  /** What others have deleted, before anything else of theirs. */
  async #wipe(): Promise<void> {
    const deleted = await this.#log.deletedAfter(this.#known.meta.followed);
    await this.#apply(deleted);
    this.#wipedFirst = true;
    this.#wiped();
  }

  async #read(): Promise<void> {
    for (let first = true; !this.#closed; first = false) {
      const { followed } = this.#known.meta;
      const { changes, head } = await this.#log.after(followed);
      this.#head = head;
      if (head < followed) return this.#rewind(head);
      const last = changes.at(-1)?.number;
      if (last === undefined) {
        if (first) await this.#exclusively(async () => this.#applying?.removeOrphans());
        return;
      }
      if (changes.some(({ site }) => !this.#sites.some(({ id }) => id === site)))
        this.#sites = await this.#log.sites();
      await this.#apply(changes, last);
      if (changes.some(({ content }) => content === null)) this.#deletedSince = true;
      this.#tell();
      if (last >= head) return;
    }
  }

  async #apply(changes: readonly Logged[], followed?: number): Promise<void> {
    const applying = this.#applying;
    if (applying === undefined) return;
    // Nobody waits for the network while it is asked for these.
    const heirs = await applying.heirs(changes, (kind, id) => this.#log.record(kind, id));
    await this.#exclusively(() => applying.apply(changes, { followed, heirs }));
  }

  /** @param number up to which what is known of the log still holds */
  async #rewind(number: number): Promise<void> {
    await this.#telling.rewind(number);
    this.#wipedFirst = false;
    this.#again = true;
  }

  async #push(): Promise<void> {
    let before = "";
    for (let stale = 0; !this.#closed;) {
      const batch = await this.#telling.take(this.#settledSealing());
      if (batch.length === 0) return;
      try {
        const answer = await this.#log.push(batch.map(({ change }) => change));
        if ("stale" in answer) {
          for (const { key } of batch) this.#telling.mark(key);
          await this.#apply(answer.stale);
          stale += 1;
          // What waits for somebody of whom a later page tells is told after that.
          const now = answer.stale.map(({ kind, id, number }) => `${kind} ${id} ${number}`).join();
          if (stale > MOST_STALE || now === before) return;
          before = now;
          continue;
        }
        if (!(await this.#telling.told(batch, answer.numbers))) this.#again = true;
        if (batch.some(({ change }) => change.content === null)) this.#deletedSince = true;
        this.#head = Math.max(this.#head ?? 0, answer.numbers.at(-1) ?? 0);
        stale = 0;
      } catch (error) {
        for (const { key } of batch) this.#telling.mark(key);
        throw error;
      }
      this.#tell();
    }
  }

  async #acknowledge(): Promise<void> {
    const { followed } = this.#known.meta;
    // What was deleted may still be in a backup here.
    if (this.#store.refusals.length > 0 || this.#options.unwiped?.() === true) return;
    if (followed === this.#acknowledged.number && !this.#deletedSince) return;
    if (!this.#deletedSince && performance.now() - this.#acknowledged.at < this.#acknowledgeMs) return;
    await this.#log.acknowledge(followed);
    this.#acknowledged = { number: followed, at: performance.now() };
    this.#deletedSince = false;
    this.#sites = await this.#log.sites();
  }

  /** Once for each state. */
  #tell(): void {
    const now = JSON.stringify(this.state);
    if (now === this.#told) return;
    this.#told = now;
    this.emit("state");
  }
}
