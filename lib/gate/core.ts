/**
 * Decides about a door, and fails closed: whatever is missing, late, doubled, forged or unclear lets nobody in. It has
 * no clock, no disk and no timer of its own: it is told what came and what time it is, and says what to do.
 *
 * With a second factor an attempt begins when one is given, and waits for one face that may pass, for as long as the
 * window is; a face that could pass waits for a factor just as long. Without one each visit is an attempt. An attempt
 * ends in one grant or one deny; a factor is used up by it, whichever it is.
 */
import { BoundedMap } from "../bounded-map";
import { contentHash } from "../people/hash";
import type { DenyReason, Evidence, Factor } from "../grant";
import type { Presence, Present, Visit } from "../visit";
import type { Lockouts } from "./lockouts";
import type { GateOptions } from "./options";
import { isFailure, isSettled, type Known, refusalBy, RULES, type Rules, type Told } from "./rules";

export interface Clock {
  /** Milliseconds since the epoch, by this computer's clock. */
  now(): number;
  /** Milliseconds by a clock that is never set. */
  elapsed(): number;
}

export interface CoreParts {
  /** Id of the gallery whose people may pass. */
  gallery: string;
  options: GateOptions;
  clock: Clock;
  lockouts: Lockouts;
  isSealed: (told: Told) => boolean;
  /** Whether the gallery is open. */
  open: () => boolean;
  /** Whether it compares by d' alone. */
  normalised: () => boolean;
  /** As the gallery has them now. */
  known: (person: string) => Known | undefined;
  /** Whether there is such a face-presence still; what one said that is gone counts no more. */
  isThere?: ((node: string) => boolean) | undefined;
  /** Of the newest message that counted before this gate began, in this process; -1 before the first. */
  sequence?: number | undefined;
  /** What was used up before this gate began: hashes of factors' ids, and visits that were let in. */
  spent?: Spent | undefined;
  /** For tests. */
  rules?: Rules;
}

/** What counts once; the newest last. */
export interface Spent {
  factors: string[];
  visits: string[];
}

/** What is to be done. */
export type Effect =
  | { do: "verify"; attempt: number; person: string; factor: Factor; only: "code" | undefined }
  | { do: "grant"; present: Present; person: string; name: string; evidence: Evidence }
  | { do: "deny"; reason: DenyReason; present: Present | undefined; wait: number | null };

/** What came of a factor: it was the person's, it was not, they have none of this kind, or it could not be told. */
export type Verified = FactorFound | "wrong" | "unset" | "fault";
export type FactorFound = "pin" | "badge" | "qr" | "code";

interface Attempt {
  id: number;
  factor: Factor;
  /** By the clock that is never set. */
  deadline: number;
  /** Why it could not be tried so far; that a face is not seen any more hides nothing else. */
  why?: Refused | undefined;
}

/** What was said in a visit, so that it is said once. */
interface Standing {
  /** When they were first seen here by this gate, by the clock that is never set. */
  since: number;
  /** When every rule held last. */
  shown: number | undefined;
  /** When every rule held first, with no factor since. */
  waiting: number | undefined;
  told: Set<DenyReason>;
  /** Whether their failing was counted. */
  counted: boolean;
}

/** Whom a deny is about, and for how long it stays so. */
interface About {
  present?: Present | undefined;
  wait?: number | null;
}

/** What one face-presence has told of who is here: each speaks for its own cameras alone. */
interface Source {
  here: readonly Present[];
  /** When its newest message that counted came, by the clock that is never set. */
  toldAt: number;
  /** Of that message, or of one that was true and came too late. */
  sequence: number;
}

interface Refused {
  reason: DenyReason;
  present: Present | undefined;
}

type Chosen = { reason: undefined; present: Present } | Refused;

/** Of these one hears only where there is nothing else to say. */
const TIMES: ReadonlySet<DenyReason> = new Set(["stale", "not_told", "nobody_here"]);

/** A clock that is set goes otherwise than one that never is. */
const JUMP_MS = 1000;
/** Factors and visits that are remembered, so that each counts once. */
const MOST_SPENT = 500;
/** Far more face-presence nodes than look at one door. */
const MOST_SOURCES = 100;
/** Far more people than stand before a door. */
const MOST_VISITS = 1000;
/** Messages that do not count are told of so often at most, each kind: somebody may send thousands. */
const COMPLAINT_MS = 15_000;

/** Of these one hears when they come; the others are only why an attempt ended. */
const SUSPICIOUS: ReadonlySet<DenyReason> = new Set(["forged", "other_gallery", "retained"]);

export class GateCore {
  readonly #parts: CoreParts;
  readonly #rules: Rules;
  #last: { now: number; elapsed: number } | undefined;
  /** By the node's id; "" of messages that do not say whose they are. */
  readonly #sources = new BoundedMap<string, Source>(MOST_SOURCES, ({ sequence }) => {
    this.#sequence = Math.max(this.#sequence, sequence);
  });
  /** What no message counts below, whosever it is. */
  #sequence: number;
  /** Why the newest message did not count, if none has since. */
  #refused: DenyReason | undefined;
  readonly #complained = new Map<DenyReason, number>();
  readonly #standing = new BoundedMap<string, Standing>(MOST_VISITS);
  /** Hashes of ids. */
  readonly #factors = new BoundedMap<string, true>(MOST_SPENT);
  /** Visits that were let in, and have not asked again. */
  readonly #granted = new BoundedMap<string, true>(MOST_SPENT);
  #attempts = 0;
  /** A factor that waits for a face. */
  #waiting: Attempt | undefined;
  /** A factor that is being compared with what is kept of the person. */
  #verifying: (Attempt & { present: Present; person: string; void?: DenyReason }) | undefined;

  constructor(parts: CoreParts) {
    this.#parts = parts;
    this.#rules = parts.rules ?? RULES;
    this.#sequence = parts.sequence ?? -1;
    for (const factor of parts.spent?.factors ?? []) this.#factors.set(factor, true);
    for (const visit of parts.spent?.visits ?? []) this.#granted.set(visit, true);
  }

  get spent(): Spent {
    return { factors: [...this.#factors.keys()], visits: [...this.#granted.keys()] };
  }

  /** Of the newest message that counted. */
  get sequence(): number {
    return Math.max(this.#sequence, ...[...this.#sources.values()].map(({ sequence }) => sequence));
  }

  /** Who could pass now, if they give the factor. */
  get ready(): Present[] {
    return this.#candidates().filter((present) => this.#reasonOf(present) === undefined);
  }

  /** When tick() is to be called, by the clock that is never set; undefined where nothing waits. */
  get wakeAt(): number | undefined {
    const { window } = this.#parts.options;
    const ends = [...this.#standing.values()].flatMap(({ since, waiting = since }) => [
      since + window,
      waiting + window,
    ]);
    const now = this.#parts.clock.elapsed();
    const next = Math.min(
      this.#waiting?.deadline ?? Infinity,
      // What is over was said.
      ...ends.filter((end) => end > now),
    );
    return next === Infinity ? undefined : next;
  }

  /** `msg.presence`. */
  presence(presence: Presence, retained = false): Effect[] {
    return this.#hear(presence, presence.here, retained);
  }

  /** `msg.visit`, which tells of who else is here too. */
  visit(visit: Visit, retained = false): Effect[] {
    return this.#hear(visit, visit.event === "left" ? visit.others : [visit, ...visit.others], retained);
  }

  /** `msg.factor`. Without a factor in the options it is nothing. */
  factor(factor: Factor, retained = false): Effect[] {
    const { options, clock } = this.#parts;
    const before = this.#step();
    if (options.factor === "none") return before;
    // Whoever is here has given one.
    for (const present of this.#candidates()) this.#standingOf(present).told.add("factor_missing");
    const id = factor.id === undefined ? undefined : contentHash(Buffer.from(factor.id));
    const used = id !== undefined && this.#factors.has(id);
    const reason = refusalBy(this.#rules.factor, factor, { now: clock.now(), options, retained, used });
    if (id !== undefined) this.#factors.set(id, true);
    if (reason !== undefined) return [...before, this.#deny(reason)];
    const locked = this.#lockedFor(null, factor);
    if (locked !== undefined) return [...before, this.#deny(locked.reason, { wait: locked.wait })];
    const replaced = this.#waiting === undefined ? [] : [this.#deny("factor_replaced")];
    this.#attempts += 1;
    this.#waiting = { id: this.#attempts, factor, deadline: clock.elapsed() + options.window };
    return [...before, ...replaced, ...this.#decide()];
  }

  /** Somebody asks again, with a bell say: who was let in, or told why not, may be so once more. */
  ask(): Effect[] {
    const before = this.#step();
    const here = this.#candidates();
    for (const present of here) {
      const standing = this.#standingOf(present);
      standing.told.clear();
      standing.since = this.#parts.clock.elapsed();
      this.#granted.delete(present.visit);
    }
    if (here.length === 0 && this.#waiting === undefined) return [...before, this.#deny("nobody_here")];
    return [...before, ...this.#decide()];
  }

  /** Time has passed. */
  tick(): Effect[] {
    return [...this.#step(), ...this.#decide()];
  }

  /** What came of an effect "verify". */
  verified(attempt: number, verified: Verified): Effect[] {
    const before = this.#step();
    const tried = this.#verifying;
    if (tried === undefined || tried.id !== attempt) return before;
    this.#verifying = undefined;
    const { lockouts } = this.#parts;
    const { present, person } = tried;
    if (verified === "wrong") return [...before, this.#deny("factor_wrong", { present }), ...this.#decide()];
    // It was counted before it was tried.
    lockouts.takeBack(person);
    if (verified === "unset" || verified === "fault")
      return [...before, this.#deny(verified === "unset" ? "factor_unset" : "fault", { present }), ...this.#decide()];
    // They may have left meanwhile, or somebody else have come.
    const chosen = this.#choose(tried.factor);
    const now = chosen.reason === undefined ? chosen.present : undefined;
    const same = now?.person === person && isSame(now, present);
    const reason = tried.void ?? chosen.reason ?? (same ? undefined : "several_people");
    if (reason !== undefined || now === undefined)
      return [...before, this.#deny(reason ?? "fault", { present }), ...this.#decide()];
    return [...before, ...this.#grant(now, verified), ...this.#decide()];
  }

  #hear(told: Told, here: readonly Present[], retained: boolean): Effect[] {
    const before = this.#step();
    const { gallery, options, clock, isSealed } = this.#parts;
    const { node = "" } = told;
    const source = this.#sources.get(node) ?? { here: [], toldAt: -Infinity, sequence: this.#sequence };
    const reason = refusalBy(this.#rules.told, told, {
      now: clock.now(),
      gallery,
      sequence: source.sequence,
      retained,
      freshness: options.freshness,
      isSealed,
    });
    if (reason !== undefined) {
      this.#refused = reason;
      // What is true but too late, or early, is no truer when it comes again.
      if (reason === "late" || reason === "retained")
        this.#sources.set(node, { ...source, sequence: Math.max(source.sequence, told.sequence) });
      return [...before, ...this.#complain(reason)];
    }
    this.#refused = undefined;
    this.#sources.set(node, { here, toldAt: clock.elapsed(), sequence: told.sequence });
    this.#follow();
    return [...before, ...this.#decide()];
  }

  /** Say that a message does not count, now and then. */
  #complain(reason: DenyReason): Effect[] {
    const elapsed = this.#parts.clock.elapsed();
    if (!SUSPICIOUS.has(reason) || elapsed - (this.#complained.get(reason) ?? -Infinity) < COMPLAINT_MS) return [];
    this.#complained.set(reason, elapsed);
    return [this.#deny(reason)];
  }

  /** What was known before the clock was set counts no more. */
  #step(): Effect[] {
    const { clock } = this.#parts;
    const [now, elapsed] = [clock.now(), clock.elapsed()];
    const last = this.#last;
    this.#last = { now, elapsed };
    if (last === undefined || Math.abs(now - last.now - (elapsed - last.elapsed)) <= JUMP_MS) return [];
    for (const source of this.#sources.values()) Object.assign(source, { here: [], toldAt: -Infinity });
    this.#standing.clear();
    if (this.#verifying !== undefined) this.#verifying.void = "clock_jumped";
    if (this.#waiting === undefined) return [];
    this.#waiting = undefined;
    return [this.#deny("clock_jumped")];
  }

  /** Remember who is here, and since when they could pass. */
  #follow(): void {
    const elapsed = this.#parts.clock.elapsed();
    const here = this.#candidates();
    const visits = new Set(here.map(({ visit }) => visit));
    for (const visit of this.#standing.keys()) if (!visits.has(visit)) this.#standing.delete(visit);
    const letIn = new Set(here.flatMap(({ visit, person }) => (this.#granted.has(visit) ? (person ?? []) : [])));
    for (const present of here) {
      // Whom two see is let in once.
      if (present.person !== null && letIn.has(present.person)) this.#granted.set(present.visit, true);
      const standing = this.#standingOf(present);
      if (this.#reasonOf(present, { fresh: true }) !== undefined) {
        standing.waiting = undefined;
        continue;
      }
      standing.shown = elapsed;
      standing.waiting ??= elapsed;
    }
  }

  #standingOf({ visit }: Present): Standing {
    const found = this.#standing.get(visit);
    if (found !== undefined) return found;
    const standing: Standing = {
      since: this.#parts.clock.elapsed(),
      shown: undefined,
      waiting: undefined,
      told: new Set(),
      counted: false,
    };
    this.#standing.set(visit, standing);
    return standing;
  }

  /** What those have told who are still there. */
  get #there(): Source[] {
    const { isThere = () => true } = this.#parts;
    return [...this.#sources].flatMap(([node, source]) => (node === "" || isThere(node) ? [source] : []));
  }

  /** Whom any of them sees. */
  get #here(): Present[] {
    return this.#there.flatMap(({ here }) => here);
  }

  /** When somebody was told of last; without them, when anything was. */
  #toldAt(present?: Present): number {
    const sources = this.#there.filter(({ here }) => present === undefined || here.includes(present));
    return Math.max(-Infinity, ...sources.map(({ toldAt }) => toldAt));
  }

  /** Whoever stands where the gate looks. */
  #candidates(): Present[] {
    const { zones } = this.#parts.options;
    return this.#here.filter(({ zone }) => zones.length === 0 || zones.includes(zone));
  }

  /** Why somebody may not pass, as things are now. */
  #reasonOf(present: Present, { fresh = false } = {}): DenyReason | undefined {
    const { options, clock, open, normalised, known } = this.#parts;
    const elapsed = clock.elapsed();
    const shown = this.#standing.get(present.visit)?.shown;
    return refusalBy(this.#rules.present, present, {
      now: clock.now(),
      options,
      others: this.#here.filter((other) => other.zone === present.zone && !isSame(other, present)).length,
      known: present.person === null ? undefined : known(present.person),
      open: open(),
      normalised: normalised(),
      told: elapsed - this.#toldAt(present),
      shown: !fresh && options.factor !== "none" && shown !== undefined && elapsed - shown <= options.window,
    });
  }

  /** The one whose factor it can be, or why there is none. */
  #choose({ person }: Factor): Chosen {
    const candidates = this.#candidates().filter(
      (each) => person === undefined || each.person === person || each.name === person,
    );
    const judged = candidates.map((present) => ({ present, reason: this.#reasonOf(present) }));
    const [able, ...others] = judged
      .filter(({ reason }) => reason === undefined)
      .toSorted((a, b) => b.present.lastSeen - a.present.lastSeen);
    if (able !== undefined && others.some(({ present }) => !isSame(present, able.present)))
      return { reason: "several_people", present: undefined };
    if (able !== undefined) return { reason: undefined, present: able.present };
    const why = judged.find(({ reason }) => reason !== undefined && !isSettled(reason)) ?? judged[0];
    if (why?.reason !== undefined && why.reason !== "not_told") return { reason: why.reason, present: why.present };
    // Of an empty room face-presence says nothing more once it has said so.
    const silent = why === undefined && this.#toldAt() > -Infinity ? "nobody_here" : "not_told";
    return { reason: this.#refused ?? silent, present: why?.present };
  }

  #decide(): Effect[] {
    return this.#parts.options.factor === "none" ? this.#decideVisits() : this.#decideFactor();
  }

  #decideFactor(): Effect[] {
    const { clock, lockouts } = this.#parts;
    const waiting = this.#waiting;
    if (this.#verifying !== undefined) return [];
    if (waiting === undefined) return this.#tellOfMissing();
    const over = clock.elapsed() > waiting.deadline;
    const found = this.#choose(waiting.factor);
    // Nobody may have looked at the clock meanwhile.
    const chosen: Chosen =
      over && found.reason === undefined ? { reason: "factor_late", present: found.present } : found;
    if (chosen.reason !== undefined) {
      if (!TIMES.has(chosen.reason)) waiting.why = chosen;
      if (!isSettled(chosen.reason) && clock.elapsed() < waiting.deadline) return [];
      this.#waiting = undefined;
      const { reason, present } = isSettled(chosen.reason) ? chosen : (waiting.why ?? chosen);
      if (isFailure(reason)) lockouts.failed(null);
      return [this.#deny(reason, { present })];
    }
    const { present } = chosen;
    const { person } = present;
    this.#waiting = undefined;
    if (person === null) return [this.#deny("unknown_person", { present })];
    const locked = this.#lockedFor(person, waiting.factor);
    if (locked !== undefined) return [this.#deny(locked.reason, { present, wait: locked.wait })];
    const only = lockouts.refusal(person)?.reason === "switched_off" ? ("code" as const) : undefined;
    // Before it is tried: who ends the process meanwhile has failed.
    lockouts.failed(person);
    this.#verifying = { ...waiting, present, person };
    return [{ do: "verify", attempt: waiting.id, person, factor: waiting.factor, only }];
  }

  /** Somebody could pass, and gives no factor. */
  #tellOfMissing(): Effect[] {
    const { clock, options } = this.#parts;
    return this.#candidates().flatMap((present) => {
      const standing = this.#standingOf(present);
      if (standing.waiting === undefined || this.#granted.has(present.visit)) return [];
      if (clock.elapsed() - standing.waiting < options.window) return [];
      return this.#denyOnce(standing, "factor_missing", { present });
    });
  }

  #decideVisits(): Effect[] {
    const { clock, options, lockouts } = this.#parts;
    return this.#candidates().flatMap((present): Effect[] => {
      const standing = this.#standingOf(present);
      if (this.#granted.has(present.visit)) return [];
      const reason = this.#reasonOf(present);
      if (reason === undefined && present.person !== null) {
        const locked = lockouts.refusal(present.person);
        if (locked !== undefined) return this.#denyOnce(standing, locked.reason, { present, wait: locked.wait });
        return this.#grant(present, null);
      }
      if (reason === undefined || (!isSettled(reason) && clock.elapsed() - standing.since < options.window)) return [];
      if (isFailure(reason) && !standing.counted) {
        standing.counted = true;
        lockouts.failed(null);
      }
      return this.#denyOnce(standing, reason, { present });
    });
  }

  /** A code for one time may be tried where others are off, though not sooner. */
  #lockedFor(person: string | null, { kind }: Factor): { reason: DenyReason; wait: number } | undefined {
    const { lockouts } = this.#parts;
    const locked = lockouts.refusal(person);
    if (locked?.reason !== "switched_off" || kind !== "qr") return locked;
    const wait = lockouts.wait(person);
    return wait > 0 ? { reason: "locked", wait } : undefined;
  }

  /** A grant that came to nothing: it is not used up. */
  notGranted({ visit }: Present): void {
    this.#granted.delete(visit);
  }

  #grant(present: Present, factor: FactorFound | null): Effect[] {
    const { person, distance, threshold } = present;
    const known = person === null ? undefined : this.#parts.known(person);
    // Every rule held, so that none of these is missing.
    if (person === null || distance === null || threshold === null || known === undefined) return [];
    this.#standingOf(present).waiting = undefined;
    this.#granted.set(present.visit, true);
    this.#parts.lockouts.succeeded(factor === null ? null : person);
    const { visit, sure, zone, lastSeen, liveness = null } = present;
    const evidence = { visit, distance, threshold, sure, liveness, factor, zone, lastSeen };
    return [{ do: "grant", present, person, name: known.name, evidence }];
  }

  #denyOnce(standing: Standing, reason: DenyReason, about: About & { present: Present }): Effect[] {
    if (standing.told.has(reason)) return [];
    standing.told.add(reason);
    const { present } = about;
    const isTold = this.#candidates().some(
      (other) => other.visit !== present.visit && isSamePerson(other, present) && this.#hasTold(other, reason),
    );
    return isTold ? [] : [this.#deny(reason, about)];
  }

  #hasTold({ visit }: Present, reason: DenyReason): boolean {
    return this.#standing.get(visit)?.told.has(reason) === true;
  }

  #deny(reason: DenyReason, { present, wait = null }: About = {}): Effect {
    return { do: "deny", reason, present, wait };
  }
}

function isSamePerson(a: Present, b: Present): boolean {
  return a.person !== null && a.person === b.person;
}

/** Whether two tell of one: the same visit, or of one person two visits, whom two face-presence nodes see. */
function isSame(a: Present, b: Present): boolean {
  return a.visit === b.visit || isSamePerson(a, b);
}
