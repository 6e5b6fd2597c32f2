/**
 * A gate as a whole: the core decides; this gives it the time, compares second factors, keeps what must survive a
 * restart, and writes the log. Everything is done one thing after the other, and nobody is let in of whom the log has
 * no entry on the disk.
 */
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { z } from "zod";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import { closeToOthers } from "../files";
import { type Deny, type DenyReason, type FactorKind, type Grant, type Logged } from "../grant";
import { newId } from "../people/hash";
import { type Lock, takeLock } from "../people/lmdb/lock";
import type { Present } from "../visit";
import { phrase } from "../words/sentence";
import { SerialQueue } from "../workers/serial-queue";
import { asStorageError, StorageError } from "../storage";
import { type Clock, type CoreParts, type Effect, GateCore } from "./core";
import { type FactorEntry, Factors } from "./factors";
import { KeptFile, secretOf } from "./kept-file";
import { Lockouts, lockoutsSchema } from "./lockouts";
import { bringAlong, type FactorSet, factorsIn, shareFactors } from "./shared-factors";
import { type GateMessage, readGateMessage, tellCore } from "./receive";
import { GateLog, type LogRow, type Own } from "./log/log";
import type { Verification } from "./log/verify";
import type { EntryKind } from "./log/entry";

const stateSchema = z.object({
  lockouts: lockoutsSchema,
  spent: z.object({ factors: z.array(z.string()), visits: z.array(z.string()) }),
  /** The newest entry of the log when this was written. */
  head: z.object({ sequence: z.int().min(0), hash: z.string() }),
});
type State = z.infer<typeof stateSchema>;

/** People of a gallery of whom the gate keeps something: who is not in it any more is forgotten. */
const namedSchema = z.object({ gallery: z.string(), people: z.array(z.string()) });
type Named = z.infer<typeof namedSchema>;

export interface GateParts extends Omit<CoreParts, "lockouts" | "spent" | "sequence" | "rules" | "clock"> {
  /** Id and name of the gate's node. */
  id: string;
  name: string;
  /** Of its own. */
  folder: string;
  /** The gallery's pass phrase. */
  key?: string | undefined;
  /** Of the second factors of the gallery, where the gate shares them with others. */
  sharedFolder?: string | undefined;
  /** A reason in the language of who reads it. */
  say: (reason: DenyReason) => string;
  /** What the disk refuses, or is a mistake of ours. */
  onFault: (error: unknown) => void;
  clock?: Clock;
  /** Aborted when the node closes: nobody waits for the gate before any more. */
  closing: AbortSignal;
  /** The gate before, of the same node, is not closed yet. */
  onWait?: () => void;
  /** How often the disk is asked again to let go of somebody, in ms. */
  retryMs?: number;
}

interface GateEvents {
  grant: [Grant];
  deny: [Deny];
  /** Who could pass, or who is locked out, has changed. */
  change: [];
}

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Decisions that wait to be logged: a disk that is so slow has stopped. */
const MOST_WAITING = 100;
/** A grant that took so long to be logged is of somebody who has gone. */
const LOG_MS = 2000;
/** The gate before of the same node: Node-RED gives a node fifteen seconds to close. */
const HAND_OVER_MS = 20_000;
/** How often it is tried to forget somebody whom the disk keeps. */
const FORGET_RETRY_MS = 10_000;
/** Gates that were closed in this process. */
const MOST_GATES = 1000;
/** Faces of visits, for the log. */
const MOST_SNAPSHOTS = 50;
const MOST_SNAPSHOT_BYTES = 500_000;
/** The longest that setTimeout takes is 24 days; nothing waits for more than minutes. */
const MOST_TIMER_MS = 3_600_000;

/**
 * Of the newest message that counted, by the gate's folder: seals hold as long as the process, and after the clock was
 * put back an old message would look new to a gate that was deployed anew.
 */
const heard = new BoundedMap<string, number>(MOST_GATES);

/** What is to be done, and when that was decided, by the clock that only goes on. */
interface Due {
  effect: Effect;
  decided: number;
}

export class Gate extends EventEmitter<GateEvents> {
  readonly #parts: GateParts;
  readonly #clock: Clock;
  readonly #core: GateCore;
  readonly #lockouts: Lockouts;
  readonly #factors: FactorSet;
  readonly #log: GateLog;
  readonly #state: KeptFile<State>;
  readonly #namedFile: KeptFile<Named>;
  readonly #named: Set<string>;
  readonly #lock: Lock;
  readonly #queue = new SerialQueue();
  readonly #snapshots = new BoundedMap<string, Buffer>(MOST_SNAPSHOTS);
  /** As it is on the disk. */
  #kept = "";
  #timer: NodeJS.Timeout | undefined;
  /** People who were deleted, and of whom the disk has not let go yet. */
  readonly #forgetting = new Set<string>();
  #forgetTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    parts: GateParts,
    {
      core,
      lockouts,
      factors,
      log,
      state,
      namedFile,
      named,
      lock,
    }: {
      core: GateCore;
      lockouts: Lockouts;
      factors: FactorSet;
      log: GateLog;
      state: KeptFile<State>;
      namedFile: KeptFile<Named>;
      named: Set<string>;
      lock: Lock;
    },
  ) {
    super();
    this.#parts = parts;
    this.#clock = parts.clock ?? SYSTEM_CLOCK;
    this.#core = core;
    this.#lockouts = lockouts;
    this.#factors = factors;
    this.#log = log;
    this.#state = state;
    this.#namedFile = namedFile;
    this.#named = named;
    this.#lock = lock;
  }

  /**
   * Who was locked out before still is, whatever ended it.
   * @throws a sentence when what is kept cannot be read; StorageError when the disk refuses it
   */
  static async open(parts: GateParts): Promise<Gate> {
    const { folder, sharedFolder, key, closing, onWait = () => undefined, clock = SYSTEM_CLOCK } = parts;
    const handOver = { ms: HAND_OVER_MS, signal: closing, onWait };
    let lock: Lock | undefined;
    let factors: FactorSet | undefined;
    try {
      await closeToOthers(folder);
      lock = await takeLock(folder, undefined, handOver);
      const secret = await secretOf(folder, key);
      const state = new KeptFile(join(folder, "state"), secret, stateSchema);
      const kept = await state.read();
      const namedFile = new KeptFile(join(folder, "people"), secret, namedSchema);
      // What one cannot read is made anew by whom there is something.
      const before = await namedFile.read().catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        return undefined;
      });
      const named = new Set(before?.gallery === parts.gallery ? before.people : []);
      const own = factorsIn(folder, secret);
      if (sharedFolder === undefined) factors = ownSet(await Factors.open(own, clock));
      else {
        factors = await shareFactors({ folder: sharedFolder, key, clock, handOver });
        await bringAlong(own, folder, factors.factors);
      }
      const log = await GateLog.open({ folder: join(folder, "log"), secret, head: kept?.head, now: clock.now() });
      const lockouts = new Lockouts(() => clock.elapsed(), kept?.lockouts, factors.failures);
      const core = new GateCore({ ...parts, clock, lockouts, sequence: heard.get(folder), spent: kept?.spent });
      const gate = new Gate(parts, { core, lockouts, factors, log, state, namedFile, named, lock });
      await log.append({ at: clock.now(), kind: "began", note: lockouts.failuresOf(null) });
      await gate.#keep();
      return gate;
    } catch (error) {
      await factors?.release();
      await lock?.release();
      throw asStorageError(error, folder, phrase("gate.cannotOpen"));
    }
  }

  /** Who could pass now, if they give the second factor. */
  get ready(): Present[] {
    return this.#core.ready;
  }

  /** Whether second factors are the gallery's, and not this gate's alone. */
  get shared(): boolean {
    return this.#parts.sharedFolder !== undefined;
  }

  /** Whether a pass phrase seals what is kept. */
  get sealed(): boolean {
    return (this.#parts.key ?? "") !== "";
  }

  /** Failures in a row, and the wait that they cost. @param person null is the gate */
  lockOf(person: string | null): { failures: number; off: boolean; wait: number } {
    const locked = this.#lockouts.refusal(person);
    return {
      failures: this.#lockouts.failuresOf(person),
      off: locked?.reason === "switched_off",
      wait: locked?.wait ?? 0,
    };
  }

  /** People who have failed since they were let in last. */
  get failures(): Readonly<Record<string, number>> {
    return this.#lockouts.people;
  }

  /**
   * Take a message: presence or visit, a factor, or that somebody asks again. What comes of it is told by an event.
   * @throws a sentence when it is none of these, or more come than can be looked at
   */
  receive(message: GateMessage): void {
    const received = readGateMessage(message);
    const { visit, factor, ask } = received;
    if (factor !== undefined && this.#parts.options.factor === "none") throw new UserError("gate.noFactorAsked");
    // What is told of who is here is looked at in any case: it may take somebody's leave.
    if ((factor !== undefined || ask) && this.#queue.length >= MOST_WAITING) throw new UserError("gate.busy");
    if (visit !== undefined && this.#parts.options.pictures) this.#see(visit.visit, visit.snapshot);
    this.#begin(tellCore(this.#core, received));
  }

  /** What is kept of second factors, without them. */
  listFactors(): FactorEntry[] {
    return this.#factors.factors.list();
  }

  /** @throws a sentence when it is too easily guessed; StorageError */
  setFactor(person: string, kind: FactorKind, value: string): Promise<void> {
    return this.#queue.run(async () => {
      await this.#name([person]);
      await this.#factors.factors.set(person, kind, value);
      await this.#note("factor_set", person, kind);
    });
  }

  /** @returns a code for one time, and until when: it is told this once */
  issueCode(person: string, minutes: number): Promise<{ code: string; until: number }> {
    return this.#queue.run(async () => {
      await this.#name([person]);
      const issued = await this.#factors.factors.issue(person, minutes);
      await this.#note("code_issued", person, "code");
      return issued;
    });
  }

  removeFactor(person: string, kind: FactorKind | "code"): Promise<void> {
    return this.#queue.run(async () => {
      await this.#factors.factors.remove(person, kind);
      await this.#note("factor_removed", person, kind);
    });
  }

  /** Failures count from none again. @param person null is the gate, and everybody */
  reset(person: string | null): Promise<void> {
    return this.#queue.run(async () => {
      this.#lockouts.reset(person);
      await this.#keep();
      await this.#note("reset", person, null);
      this.emit("change");
    });
  }

  /**
   * Nothing of a person stays but entries of the log that do not say whose they are. What the disk keeps for now goes
   * as soon as it lets go of it.
   * @throws StorageError
   */
  forget(person: string): Promise<void> {
    return this.#orLater(async () => {
      this.#forgetting.add(person);
      await this.#forget(person);
    });
  }

  /**
   * Forget whoever was deleted from the gallery while nobody told the gate. Those of another gallery stay.
   * @param isMember of the gallery, which is loaded and undamaged
   * @throws StorageError; then it is done once the disk takes it
   */
  forgetGone(isMember: (person: string) => boolean): Promise<void> {
    return this.#orLater(async () => {
      const gone = [...this.#named].filter((person) => !isMember(person));
      for (const person of gone) this.#forgetting.add(person);
      for (const person of gone) await this.#forget(person);
      const kept = [
        ...this.#factors.factors.list().map(({ person }) => person),
        ...Object.keys(this.failures),
        ...(await this.#log.people()),
      ];
      await this.#name(kept.filter(isMember));
    });
  }

  readLog(query: { below?: number | undefined; limit: number }): Promise<LogRow[]> {
    return this.#log.read(query);
  }

  picture(sequence: number): Promise<Buffer | undefined> {
    return this.#log.picture(sequence);
  }

  verifyLog(head?: Logged): Promise<Verification> {
    return this.#log.verify(head);
  }

  /** Nothing is granted any more, and nothing written once this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#forgetTimer);
    await this.#queue.idle();
    heard.set(this.#parts.folder, this.#core.sequence);
    await this.#log.close();
    await this.#factors.release();
    await this.#lock.release();
  }

  /** Once all is told and written that came before. */
  async settled(): Promise<void> {
    await this.#queue.idle();
  }

  /** @throws StorageError; then whoever is to be forgotten is, once the disk takes it */
  #orLater(work: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      try {
        await work();
      } catch (error) {
        const refused = asStorageError(error, this.#parts.folder, phrase("gate.notForgotten"));
        if (refused instanceof StorageError) this.#forgetLater();
        throw refused;
      }
    });
  }

  async #forget(person: string): Promise<void> {
    this.#lockouts.reset(person);
    const results = [
      await settledOf(this.#log.forget(person, this.#clock.now())),
      await settledOf(this.#factors.factors.remove(person)),
      await settledOf(this.#keep()),
    ];
    this.emit("change");
    for (const result of results) if (result.status === "rejected") throw result.reason;
    if (this.#named.delete(person)) await this.#writeNamed();
    this.#forgetting.delete(person);
  }

  /** That something is kept of them is on the disk before it is. */
  async #name(people: readonly (string | null)[]): Promise<void> {
    const fresh = people.filter((person) => person !== null && !this.#named.has(person)) as string[];
    if (fresh.length === 0) return;
    for (const person of fresh) this.#named.add(person);
    try {
      await this.#writeNamed();
    } catch (error) {
      for (const person of fresh) this.#named.delete(person);
      throw error;
    }
  }

  async #writeNamed(): Promise<void> {
    await this.#namedFile.write({ gallery: this.#parts.gallery, people: [...this.#named] });
  }

  #forgetLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#forgetTimer);
    this.#forgetTimer = setTimeout(() => {
      const again = this.#queue.run(async () => {
        for (const person of this.#forgetting) if (!this.#closed) await this.#forget(person);
      });
      // Why it could not be was told when it was tried first.
      again.catch(() => this.#forgetLater());
    }, this.#parts.retryMs ?? FORGET_RETRY_MS).unref();
  }

  #begin(effects: readonly Effect[]): void {
    this.#do(effects).catch((error: unknown) => this.#parts.onFault(error));
  }

  /** Once each of these is done; what it brings is done, too. */
  async #do(effects: readonly Effect[]): Promise<void> {
    this.#wait();
    if (effects.length === 0) return;
    // A door that opens late opens for somebody else: what waits for the disk of others before it waits, too.
    const now = (some: readonly Effect[]): Due[] => some.map((effect) => ({ effect, decided: this.#clock.elapsed() }));
    const left = now(effects);
    await this.#queue.run(async () => {
      for (let due = left.shift(); due !== undefined && !this.#closed; due = left.shift())
        left.unshift(...now(await this.#doOne(due)));
    });
    this.#wait();
    this.emit("change");
  }

  /** Never rejects: what fails lets nobody in. */
  async #doOne({ effect, decided }: Due): Promise<Effect[]> {
    if (effect.do === "deny") {
      await this.#deny(effect);
      return [];
    }
    if (effect.do === "grant") {
      await this.#grant(effect, decided);
      return [];
    }
    const { attempt, person, factor, only } = effect;
    try {
      // That it was tried is on the disk before it is.
      await this.#keep();
      return this.#core.verified(attempt, await this.#factors.factors.verify(person, factor, only));
    } catch (error) {
      this.#parts.onFault(error);
      return this.#core.verified(attempt, "fault");
    }
  }

  /** @param decided when, by the clock that only goes on */
  async #grant({ present, person, name, evidence }: Extract<Effect, { do: "grant" }>, decided: number): Promise<void> {
    const { id: gate, name: gateName, options } = this.#parts;
    let log: Logged;
    try {
      // That it is used up is on the disk before it is of use.
      await this.#keep();
      await this.#name([person]);
      const entry = { at: this.#clock.now(), kind: "grant" as const, factor: evidence.factor };
      log = await this.#log.append(entry, ownOf(present, { person, name }), this.#snapshotOf(present));
    } catch (error) {
      this.#parts.onFault(error);
      await this.#notGranted(present);
      return;
    }
    if (this.#closed || this.#clock.elapsed() - decided > LOG_MS) {
      await this.#notGranted(present);
      return;
    }
    const at = this.#clock.now();
    const until = at + options.pulse;
    this.emit("grant", { id: newId(), gate, gateName, person, name, at, until, evidence, log });
  }

  /** It came to nothing, and may be tried again. */
  async #notGranted(present: Present): Promise<void> {
    this.#core.notGranted(present);
    await this.#deny({ do: "deny", reason: "fault", present, wait: null });
  }

  async #deny({ reason, present, wait }: Extract<Effect, { do: "deny" }>): Promise<void> {
    const { id: gate, name: gateName, say } = this.#parts;
    const { person = null, name = null, visit = null } = present ?? {};
    const at = this.#clock.now();
    let log: Logged | null = null;
    try {
      await this.#keep();
      // Whoever was deleted may still be told of for a moment: nothing of them is kept again.
      const isGone = person !== null && this.#parts.open() && this.#parts.known(person) === undefined;
      if (!isGone) await this.#name([person]);
      const own = present === undefined || isGone ? undefined : ownOf(present, { person, name });
      const picture = present === undefined || isGone ? undefined : this.#snapshotOf(present);
      log = await this.#log.append({ at, kind: "deny", reason }, own, picture);
    } catch (error) {
      this.#parts.onFault(error);
    }
    const text = say(reason);
    this.emit("deny", { id: newId(), gate, gateName, reason, text, at, person, name, visit, wait, log });
  }

  async #note(kind: EntryKind, person: string | null, factor: FactorKind | "code" | null): Promise<void> {
    const own = person === null ? undefined : { ...NOBODY, person, name: this.#parts.known(person)?.name ?? null };
    await this.#log.append({ at: this.#clock.now(), kind, factor }, own);
  }

  /** What must survive, if it has changed. */
  async #keep(): Promise<void> {
    await this.#factors.keep();
    const changing = { lockouts: this.#lockouts.kept, spent: this.#core.spent };
    const text = JSON.stringify(changing);
    if (text === this.#kept) return;
    await this.#state.write({ ...changing, head: this.#log.head });
    this.#kept = text;
  }

  /** Come back when something that waits is over. */
  #wait(): void {
    clearTimeout(this.#timer);
    const at = this.#core.wakeAt;
    if (at === undefined || this.#closed) return;
    const ms = Math.min(MOST_TIMER_MS, Math.max(0, Math.ceil(at - this.#clock.elapsed())));
    this.#timer = setTimeout(() => {
      this.#begin(this.#core.tick());
    }, ms);
  }

  #see(visit: string, snapshot: Buffer | undefined): void {
    if (snapshot !== undefined && snapshot.length <= MOST_SNAPSHOT_BYTES) this.#snapshots.set(visit, snapshot);
  }

  #snapshotOf({ visit }: Present): Buffer | undefined {
    return this.#parts.options.pictures ? this.#snapshots.get(visit) : undefined;
  }
}

/** What becomes of it: what one file keeps does not hold up the others. */
async function settledOf(work: Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}

/** Second factors of one gate alone. */
function ownSet(factors: Factors): FactorSet {
  return { factors, failures: undefined, keep: async () => undefined, release: async () => undefined };
}

const NOBODY: Own = {
  person: null,
  name: null,
  visit: null,
  zone: null,
  distance: null,
  threshold: null,
  sure: null,
  liveness: null,
};

function ownOf(
  { visit, zone, distance, threshold, sure, liveness }: Present,
  { person, name }: { person: string | null; name: string | null },
): Own {
  return { person, name, visit, zone, distance, threshold, sure, liveness: liveness ?? null };
}
