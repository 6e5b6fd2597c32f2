/**
 * Second factors, kept for each person: of a PIN, a badge and a lasting QR code what scrypt makes of it, never the
 * thing itself; codes for one time, with an end. They are compared with those of one person, the one whose face it is.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { UserError } from "../errors";
import { type Factor, FACTOR_KINDS, type FactorKind } from "../grant";
import { stretch } from "../people/lmdb/secret";
import type { FactorFound, Verified } from "./core";
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
  readonly #kept: KeptFactors;

  private constructor(file: KeptFile<KeptFactors>, kept: KeptFactors) {
    this.#file = file;
    this.#kept = kept;
  }

  /** @throws a sentence when what is kept cannot be read */
  static async open(file: KeptFile<KeptFactors>): Promise<Factors> {
    return new Factors(file, (await file.read()) ?? { people: {} });
  }

  list(now: number): FactorEntry[] {
    return Object.entries(this.#kept.people).map(([person, kept]) => ({
      person,
      kinds: FACTOR_KINDS.filter((kind) => kept[kind] !== undefined),
      codes: kept.codes.flatMap(({ until }) => (until > now ? [until] : [])),
    }));
  }

  /** In place of the one before. @throws a sentence when it is too easily guessed; StorageError */
  async set(person: string, kind: FactorKind, value: string, now: number): Promise<void> {
    const text = plain(kind, value);
    refuseWeak(kind, text);
    const salt = randomBytes(SALT_BYTES);
    const hash = await stretch(text, salt, HASH_BYTES);
    await this.#change(person, (kept) => {
      kept[kind] = { salt: salt.toString("base64"), hash: hash.toString("base64"), setAt: now };
    });
  }

  /** @returns a code for one time, which is told this once */
  async issue(person: string, minutes: number, now: number): Promise<{ code: string; until: number }> {
    const code = randomBytes(CODE_BYTES).toString("base64url");
    const salt = randomBytes(SALT_BYTES);
    const until = now + minutes * MINUTE_MS;
    await this.#change(person, (kept) => {
      const valid = kept.codes.filter((each) => each.until > now);
      if (valid.length >= MOST_CODES) throw new UserError("gate.tooManyCodes", { most: MOST_CODES });
      const hash = codeHash(code, salt).toString("base64");
      kept.codes = [...valid, { salt: salt.toString("base64"), hash, setAt: now, until }];
    });
    return { code, until };
  }

  /** @param kind "code" is all codes for one time; undefined is everything, as of somebody who is forgotten */
  async remove(person: string, kind?: FactorKind | "code"): Promise<void> {
    if (this.#kept.people[person] === undefined) return;
    await this.#change(person, (kept) => {
      for (const each of FACTOR_KINDS) if (kind === undefined || kind === each) delete kept[each];
      if (kind === undefined || kind === "code") kept.codes = [];
    });
  }

  /**
   * 1:1, in the time that it takes however much of it is right. A code for one time is gone from the disk before it
   * counts.
   * @param only "code" takes nothing else
   */
  async verify(person: string, { kind, value }: Factor, only: "code" | undefined, now: number): Promise<Verified> {
    const kept = this.#kept.people[person];
    if (kept === undefined) return "unset";
    const text = plain(kind, value);
    const code =
      kind === "qr"
        ? kept.codes.find(
            ({ salt, hash, until }) => until > now && isSame(codeHash(text, Buffer.from(salt, "base64")), hash),
          )
        : undefined;
    if (code !== undefined) {
      await this.#change(person, (of) => {
        of.codes = of.codes.filter((each) => each !== code && each.until > now);
      });
      return "code";
    }
    const lasting = only === undefined ? kept[kind] : undefined;
    if (lasting === undefined) return kind === "qr" && kept.codes.some(({ until }) => until > now) ? "wrong" : "unset";
    const { salt, hash } = lasting;
    const right = isSame(await stretch(text, Buffer.from(salt, "base64"), HASH_BYTES), hash);
    return right ? (kind satisfies FactorFound) : "wrong";
  }

  /** What cannot be written has not changed. */
  async #change(person: string, change: (kept: OfPerson) => void): Promise<void> {
    const before = this.#kept.people[person];
    const kept: OfPerson = { ...before, codes: [...(before?.codes ?? [])] };
    change(kept);
    const people = { ...this.#kept.people, [person]: kept };
    if (kept.codes.length === 0 && FACTOR_KINDS.every((kind) => kept[kind] === undefined)) delete people[person];
    if (Object.keys(people).length > MOST_PEOPLE) throw new UserError("gate.tooManyPeople", { most: MOST_PEOPLE });
    await this.#file.write({ people });
    this.#kept.people = people;
  }
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
