/**
 * Second factors, kept for each person: of a PIN, a badge and a lasting QR code what scrypt makes of it, never the
 * thing itself; codes for one time, with an end. They are compared with those of one person, the one whose face it is.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { UserError } from "../errors";
import { type Factor, FACTOR_KINDS, type FactorKind } from "../grant";
import { stretch } from "../people/lmdb/secret";
import { SerialQueue } from "../workers/serial-queue";
import type { Clock, FactorFound, Verified } from "./core";
import type { KeptFile } from "./kept-file";

const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** 128 bits: nobody guesses one, so that nothing needs to be stretched. */
const CODE_BYTES = 16;
const MOST_PEOPLE = 5000;
const MOST_CODES = 10;
const MINUTE_MS = 60_000;
/**
 * Of those that are set now. Whoever has the file tries a PIN in a tenth of a second (lib/people/lmdb/secret.ts): four
 * digits in a quarter of an hour, six in a day. A QR code is never typed.
 */
const LEAST_LENGTH: Readonly<Record<FactorKind, number>> = { pin: 6, badge: 4, qr: 8 };
export const MOST_FACTOR_LENGTH = 1000;
/** A year. */
export const MOST_CODE_MINUTES = 525_600;

const hashed = z.object({ salt: z.string(), hash: z.string(), setAt: z.number() });
const keptSchema = z.object({
  people: z.record(
    z.string(),
    z.object({
      pin: hashed.optional(),
      badge: hashed.optional(),
      qr: hashed.optional(),
      codes: z.array(hashed.extend({ until: z.number() })).default([]),
    }),
  ),
});
export const factorsSchema = keptSchema;
export type KeptFactors = z.infer<typeof keptSchema>;
type OfPerson = KeptFactors["people"][string];

/** What is there of a person, without any secret. */
export interface FactorEntry {
  person: string;
  kinds: FactorKind[];
  /** Until when each code for one time can be used, in milliseconds since the epoch. */
  codes: number[];
}

export class Factors {
  readonly #file: KeptFile<KeptFactors>;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  #kept: KeptFactors;
  /** Hashes of codes, and when each is over by the clock that is never set: to put the other one back helps nobody. */
  readonly #ends = new Map<string, number>();

  private constructor(file: KeptFile<KeptFactors>, clock: Clock, kept: KeptFactors) {
    this.#file = file;
    this.#clock = clock;
    this.#kept = kept;
    this.#followCodes();
  }

  /** @throws a sentence when what is kept cannot be read */
  static async open(file: KeptFile<KeptFactors>, clock: Clock): Promise<Factors> {
    return new Factors(file, clock, (await file.read()) ?? { people: {} });
  }

  list(): FactorEntry[] {
    const entries = Object.entries(this.#kept.people).map(([person, kept]) => ({
      person,
      kinds: FACTOR_KINDS.filter((kind) => kept[kind] !== undefined),
      codes: this.#valid(kept).map(({ until }) => until),
    }));
    return entries.filter(({ kinds, codes }) => kinds.length + codes.length > 0);
  }

  /** In place of the one before. @throws a sentence when it is too easily guessed; StorageError */
  async set(person: string, kind: FactorKind, value: string): Promise<void> {
    const text = plain(kind, value);
    refuseWeak(kind, text);
    const salt = randomBytes(SALT_BYTES);
    const hash = await stretch(text, salt, HASH_BYTES);
    const setAt = this.#clock.now();
    await this.#change(person, (kept) => {
      kept[kind] = { salt: salt.toString("base64"), hash: hash.toString("base64"), setAt };
    });
  }

  /** @returns a code for one time, which is told this once */
  async issue(person: string, minutes: number): Promise<{ code: string; until: number }> {
    const code = randomBytes(CODE_BYTES).toString("base64url");
    const salt = randomBytes(SALT_BYTES);
    const setAt = this.#clock.now();
    const until = setAt + minutes * MINUTE_MS;
    await this.#change(person, (kept) => {
      if (kept.codes.length >= MOST_CODES) throw new UserError("gate.tooManyCodes", { most: MOST_CODES });
      const hash = codeHash(code, salt).toString("base64");
      kept.codes.push({ salt: salt.toString("base64"), hash, setAt, until });
    });
    return { code, until };
  }

  /** @param kind "code" is all codes for one time; undefined is everything, as of somebody who is forgotten */
  async remove(person: string, kind?: FactorKind | "code"): Promise<void> {
    await this.#change(person, (kept) => {
      for (const each of FACTOR_KINDS) if (kind === undefined || kind === each) delete kept[each];
      if (kind === undefined || kind === "code") kept.codes = [];
    });
  }

  /**
   * Those of a gate that had its own; of one person's two of a kind the one that was set later counts. Twice is once.
   * @throws a sentence; StorageError
   */
  async takeIn(others: KeptFactors): Promise<void> {
    await this.#changes.run(async () => {
      const people = { ...this.#kept.people };
      for (const [person, theirs] of Object.entries(others.people))
        people[person] = later(people[person] ?? { codes: [] }, theirs);
      await this.#write(people);
    });
  }

  /**
   * 1:1, in the time that it takes however much of it is right. A code for one time is gone from the disk before it
   * counts.
   * @param only "code" takes nothing else
   */
  async verify(person: string, { kind, value }: Factor, only: "code" | undefined): Promise<Verified> {
    const text = plain(kind, value);
    if (kind === "qr" && (await this.#useUp(person, text))) return "code";
    const { [person]: kept } = this.#kept.people;
    if (kept === undefined) return "unset";
    const lasting = only === undefined ? kept[kind] : undefined;
    if (lasting === undefined) return kind === "qr" && this.#valid(kept).length > 0 ? "wrong" : "unset";
    const { salt, hash } = lasting;
    const right = isSame(await stretch(text, Buffer.from(salt, "base64"), HASH_BYTES), hash);
    return right ? (kind satisfies FactorFound) : "wrong";
  }

  /** Resolves once all is written that was asked for. */
  idle(): Promise<void> {
    return this.#changes.idle();
  }

  /** @returns whether it was a code of theirs; another gate may have used it up meanwhile */
  async #useUp(person: string, text: string): Promise<boolean> {
    const find = ({ codes }: OfPerson): OfPerson["codes"][number] | undefined =>
      codes.find(({ salt, hash }) => isSame(codeHash(text, Buffer.from(salt, "base64")), hash));
    const { [person]: kept } = this.#kept.people;
    if (kept === undefined || find({ ...kept, codes: this.#valid(kept) }) === undefined) return false;
    let used = false;
    await this.#change(person, (of) => {
      const code = find(of);
      used = code !== undefined;
      of.codes = of.codes.filter((each) => each !== code);
    });
    return used;
  }

  /** Codes whose time is not over. */
  #valid({ codes }: OfPerson): OfPerson["codes"] {
    const { now, elapsed } = { now: this.#clock.now(), elapsed: this.#clock.elapsed() };
    return codes.filter(({ until, hash }) => until > now && elapsed < (this.#ends.get(hash) ?? -Infinity));
  }

  /** What cannot be written has not changed. */
  async #change(person: string, change: (kept: OfPerson) => void): Promise<void> {
    await this.#changes.run(async () => {
      const before = this.#kept.people[person];
      const kept: OfPerson = { ...before, codes: before === undefined ? [] : this.#valid(before) };
      change(kept);
      if (before === undefined && isEmpty(kept)) return;
      await this.#write({ ...this.#kept.people, [person]: kept });
    });
  }

  async #write(all: KeptFactors["people"]): Promise<void> {
    const people = Object.fromEntries(Object.entries(all).filter(([, kept]) => !isEmpty(kept)));
    if (Object.keys(people).length > MOST_PEOPLE) throw new UserError("gate.tooManyPeople", { most: MOST_PEOPLE });
    await this.#file.write({ people });
    this.#kept = { people };
    this.#followCodes();
  }

  #followCodes(): void {
    const { now, elapsed } = { now: this.#clock.now(), elapsed: this.#clock.elapsed() };
    const codes = Object.values(this.#kept.people).flatMap((kept) => kept.codes);
    const hashes = new Set(codes.map(({ hash }) => hash));
    for (const hash of this.#ends.keys()) if (!hashes.has(hash)) this.#ends.delete(hash);
    for (const { hash, until } of codes) if (!this.#ends.has(hash)) this.#ends.set(hash, elapsed + until - now);
  }
}

function isEmpty(kept: OfPerson): boolean {
  return kept.codes.length === 0 && FACTOR_KINDS.every((kind) => kept[kind] === undefined);
}

/** Of each kind the one that was set later; all codes. */
function later(ours: OfPerson, theirs: OfPerson): OfPerson {
  const known = new Set(ours.codes.map(({ hash }) => hash));
  const merged: OfPerson = { ...ours, codes: [...ours.codes, ...theirs.codes.filter(({ hash }) => !known.has(hash))] };
  for (const kind of FACTOR_KINDS)
    if ((theirs[kind]?.setAt ?? -Infinity) > (ours[kind]?.setAt ?? -Infinity)) merged[kind] = theirs[kind];
  return merged;
}

/** As it is compared: readers write the number of a badge with and without marks, in small and capital letters. */
function plain(kind: FactorKind, value: string): string {
  const text = value.normalize("NFKC").trim();
  return kind === "badge" ? text.replace(/[\s:.-]/g, "").toUpperCase() : text;
}

function codeHash(code: string, salt: Buffer): Buffer {
  return createHash("sha256").update(salt).update(code).digest();
}

function isSame(found: Buffer, kept: string): boolean {
  const wanted = Buffer.from(kept, "base64");
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** @throws a sentence */
function refuseWeak(kind: FactorKind, text: string): void {
  const least = LEAST_LENGTH[kind];
  if (text.length < least) throw new UserError("gate.factorShort", { least });
  if (text.length > MOST_FACTOR_LENGTH) throw new UserError("gate.factorLong", { most: MOST_FACTOR_LENGTH });
  if (kind === "pin" && isRun(text)) throw new UserError("gate.pinEasy");
}

/** 0000, 1234, 9876: those that are tried first. */
function isRun(text: string): boolean {
  const codes = Array.from(text, (each) => each.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => code - (codes[index] ?? 0));
  return [0, 1, -1].some((step) => steps.every((each) => each === step));
}
