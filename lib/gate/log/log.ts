/**
 * The log of a gate: entries are only ever appended, on disk before the door hears of them, chained by their hashes,
 * and bounded: the oldest segment makes room, which an entry says.
 */
import { readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { closeToOthers, removeDurable, writeDurable } from "../../files";
import type { Logged } from "../../grant";
import type { Secret } from "../../people/lmdb/secret";
import { asStorageError } from "../../storage";
import { SerialQueue } from "../../workers/serial-queue";
import { detailsLine, detailsOf, keepDetailsUpTo, peopleIn, readDetails } from "./details";
import {
  BEGINNING,
  commitmentOf,
  type Details,
  type Entry,
  hashOf,
  type NewEntry,
  newSalt,
  parseEntry,
  sha256,
} from "./entry";
import { detailsFile, Growing, linesOf, pictureFile, PICTURES, picturesOf, segmentFile, segmentsOf } from "./files";
import { type Verification, verifyLog } from "./verify";

/** About 300 bytes an entry: 3 MB, and with details twice that. */
const BOUNDS = { entries: 500, segments: 20, pictures: 500 };
export type LogBounds = typeof BOUNDS;

export interface OpenOptions {
  folder: string;
  secret: Secret;
  /** The newest entry that somebody remembers: where it is gone, that is said. */
  head: Logged | undefined;
  now: number;
  bounds?: LogBounds;
}

/** An entry with what is kept beside it. */
export interface LogRow {
  entry: Entry;
  /** Null where nothing was kept or it was deleted. */
  details: Omit<Details, "salt"> | null;
  pictured: boolean;
}

interface Segment {
  first: number;
  entries: number;
  log: Growing;
  details: Growing;
}

/** What somebody's own is of an entry. */
export type Own = Omit<Details, "salt" | "picture">;

export class GateLog {
  readonly #folder: string;
  readonly #secret: Secret;
  readonly #bounds: LogBounds;
  /** One entry after the other. */
  readonly #queue = new SerialQueue();
  #segments: number[] = [];
  #segment: Segment | undefined;
  #head: Logged = { sequence: 0, hash: BEGINNING };
  /** A picture may lie there of an entry that could not be written. */
  #stray = false;
  /** Entries that were somebody's own and are no more, which no entry says yet. */
  #unsaid = 0;

  private constructor({ folder, secret, bounds = BOUNDS }: OpenOptions) {
    this.#folder = folder;
    this.#secret = secret;
    this.#bounds = bounds;
  }

  /**
   * Goes on where the log ends; an end that a crash left half-written is cut off, and an entry says so.
   * @throws StorageError when the disk refuses it
   */
  static async open(options: OpenOptions): Promise<GateLog> {
    const log = new GateLog(options);
    try {
      await log.#open(options);
    } catch (error) {
      throw asStorageError(error, options.folder);
    }
    return log;
  }

  /** The newest entry. */
  get head(): Logged {
    return this.#head;
  }

  /**
   * On disk when it resolves.
   * @throws StorageError when the disk refuses it: then nothing was logged
   */
  append(entry: NewEntry, own?: Own, picture?: Buffer): Promise<Logged> {
    return this.#queue.run(async () => {
      try {
        return await this.#append(entry, own, picture);
      } catch (error) {
        throw asStorageError(error, this.#folder);
      }
    });
  }

  /** A page of the newest entries below a number, the newest first. */
  read({ below = Infinity, limit }: { below?: number | undefined; limit: number }): Promise<LogRow[]> {
    return this.#queue.run(async () => {
      const rows: LogRow[] = [];
      const pictures = new Set(await picturesOf(this.#folder));
      for (const first of this.#segments.toReversed()) {
        if (first >= below || rows.length >= limit) continue;
        const details = await readDetails(this.#folder, first, this.#secret);
        const entries = (await linesOf(segmentFile(this.#folder, first))).flatMap((line) => parseEntry(line) ?? []);
        for (const entry of entries.toReversed()) {
          if (entry.sequence >= below || rows.length >= limit) continue;
          const found = entry.details === null ? undefined : details.of(entry);
          const own = found === "changed" ? undefined : found;
          rows.push({
            entry,
            details: own === undefined ? null : ownOf(own),
            pictured: own?.picture != null && pictures.has(entry.sequence),
          });
        }
      }
      return rows;
    });
  }

  /** Of whom there is something in it. */
  people(): Promise<Set<string>> {
    return this.#queue.run(async () => {
      const people = new Set<string>();
      for (const first of this.#segments)
        for (const person of await peopleIn(this.#folder, first, this.#secret)) people.add(person);
      return people;
    });
  }

  /** A JPEG; undefined where there is none. */
  async picture(sequence: number): Promise<Buffer | undefined> {
    try {
      return this.#secret.open(await readFile(pictureFile(this.#folder, sequence)), String(sequence));
    } catch {
      return undefined;
    }
  }

  /** @param head an entry as somebody keeps it elsewhere */
  verify(head?: Logged): Promise<Verification> {
    return this.#queue.run(() => verifyLog(this.#folder, { secret: this.#secret, head }));
  }

  /**
   * Delete what is somebody's own; the chain holds. Where it fails half-way it can be done again.
   * @returns how many entries were theirs
   * @throws StorageError
   */
  forget(person: string, at: number): Promise<number> {
    return this.#queue.run(async () => {
      try {
        for (const first of this.#segments) {
          const theirs = await detailsOf(person, this.#folder, first, this.#secret);
          if (theirs.sequences.length === 0) continue;
          // Pictures first: their numbers stand in the details.
          await removeDurable(theirs.sequences.map((sequence) => pictureFile(this.#folder, sequence)));
          const size = await theirs.remove();
          // Of the others an end may be half-written, which the next line cuts off.
          if (first === this.#segment?.first)
            this.#segment.details = new Growing(this.#folder, detailsFile(this.#folder, first), size);
          this.#unsaid += theirs.sequences.length;
        }
        const forgotten = this.#unsaid;
        if (forgotten === 0) return 0;
        await this.#append({ at, kind: "forgot", note: forgotten });
        this.#unsaid = 0;
        return forgotten;
      } catch (error) {
        throw asStorageError(error, this.#folder);
      }
    });
  }

  /** Once nothing is being written. */
  async close(): Promise<void> {
    await this.#queue.idle();
  }

  async #open({ head, now }: OpenOptions): Promise<void> {
    await closeToOthers(this.#folder);
    await closeToOthers(join(this.#folder, PICTURES));
    this.#segments = await segmentsOf(this.#folder);
    const first = this.#segments.at(-1);
    const torn = first === undefined ? 0 : await this.#findEnd(first);
    await this.#dropStray();
    await this.#follow();
    if (torn > 0) await this.#append({ at: now, kind: "torn", note: torn });
    const kept = head !== undefined && head.sequence > 0 ? await this.#entryOf(head.sequence) : undefined;
    // Room that was made for others is no loss.
    if (head !== undefined && head.sequence >= (this.#segments[0] ?? 1) && kept?.hash !== head.hash)
      await this.#append({ at: now, kind: "cut", note: head.sequence });
  }

  /** Where a segment ends, and what of it was never finished. @returns how many bytes were cut off */
  async #findEnd(first: number): Promise<number> {
    const path = segmentFile(this.#folder, first);
    const lines = await linesOf(path);
    const rest = lines.pop() ?? "";
    const last = lines.at(-1);
    // A system that stops may leave zeros where a line was to be.
    const bad = rest !== "" ? rest : last !== undefined && parseEntry(last) === undefined ? `${lines.pop()}\n` : "";
    const good = Buffer.byteLength(lines.map((line) => `${line}\n`).join(""));
    const { size } = await stat(path);
    if (bad !== "") await truncate(path, good);
    const end = lines.flatMap((line) => parseEntry(line) ?? []).at(-1);
    const before = this.#segments.at(-2);
    if (end !== undefined) this.#head = { sequence: end.sequence, hash: end.hash };
    else if (before !== undefined) {
      const entries = (await linesOf(segmentFile(this.#folder, before))).flatMap((line) => parseEntry(line) ?? []);
      const previous = entries.at(-1);
      if (previous !== undefined) this.#head = { sequence: previous.sequence, hash: previous.hash };
    }
    return bad === "" ? 0 : size - good;
  }

  /** The newest segment as it is on the disk. */
  async #follow(): Promise<void> {
    const first = this.#segments.at(-1);
    if (first === undefined) {
      this.#segment = undefined;
      return;
    }
    const entries = (await linesOf(segmentFile(this.#folder, first))).length - 1;
    const [log, details] = [segmentFile(this.#folder, first), detailsFile(this.#folder, first)];
    this.#segment = {
      first,
      entries,
      log: new Growing(this.#folder, log, await sizeOf(log)),
      details: new Growing(this.#folder, details, await sizeOf(details)),
    };
  }

  /** What was kept beside an entry that a crash kept from being written is nobody's. */
  async #dropStray(): Promise<void> {
    const { sequence: last } = this.#head;
    const pictures = (await picturesOf(this.#folder)).filter((sequence) => sequence > last);
    await removeDurable(pictures.map((sequence) => pictureFile(this.#folder, sequence)));
    const first = this.#segments.at(-1);
    if (first !== undefined) await keepDetailsUpTo(last, this.#folder, first);
  }

  async #entryOf(sequence: number): Promise<Entry | undefined> {
    const first = this.#segments.findLast((each) => each <= sequence);
    if (first === undefined) return undefined;
    const lines = await linesOf(segmentFile(this.#folder, first));
    return lines.flatMap((line) => parseEntry(line) ?? []).find((entry) => entry.sequence === sequence);
  }

  async #append(
    { at, kind, reason = null, factor = null, note = null }: NewEntry,
    own?: Own,
    picture?: Buffer,
  ): Promise<Logged> {
    const segment = await this.#segmentWithRoom();
    const sequence = this.#head.sequence + 1;
    const details =
      own === undefined
        ? undefined
        : { ...own, salt: newSalt(), picture: picture === undefined ? null : sha256(picture) };
    if (this.#stray) await removeDurable([pictureFile(this.#folder, sequence)]);
    this.#stray = picture !== undefined;
    if (picture !== undefined && details !== undefined)
      await writeDurable(pictureFile(this.#folder, sequence), this.#secret.seal(picture, String(sequence)));
    if (details !== undefined) await segment.details.append(detailsLine(sequence, details, this.#secret));
    const unhashed = {
      sequence,
      at,
      kind,
      reason,
      factor,
      note,
      details: details === undefined ? null : commitmentOf(details),
      previous: this.#head.hash,
    };
    const hash = hashOf(unhashed);
    try {
      await segment.log.append(JSON.stringify({ ...unhashed, hash }));
    } catch (error) {
      // Another entry is to have this number, of somebody else perhaps.
      if (details !== undefined) segment.details.takeBack();
      throw error;
    }
    this.#stray = false;
    segment.entries += 1;
    this.#head = { sequence, hash };
    if (picture !== undefined) await this.#dropPictures();
    return this.#head;
  }

  async #segmentWithRoom(): Promise<Segment> {
    if (this.#segment !== undefined && this.#segment.entries < this.#bounds.entries) return this.#segment;
    const first = this.#head.sequence + 1;
    this.#segment = {
      first,
      entries: 0,
      log: new Growing(this.#folder, segmentFile(this.#folder, first), 0),
      details: new Growing(this.#folder, detailsFile(this.#folder, first), 0),
    };
    if (!this.#segments.includes(first)) this.#segments.push(first);
    await removeDurable([detailsFile(this.#folder, first)]);
    const old = this.#segments.slice(0, -this.#bounds.segments);
    const oldest = this.#segments.at(-this.#bounds.segments);
    if (old.length > 0 && oldest !== undefined) {
      // Said before it is done: a crash between leaves more than was said.
      await this.#append({ at: Date.now(), kind: "dropped", note: oldest });
      for (const gone of old) await this.#drop(gone, oldest);
      this.#segments = this.#segments.filter((each) => !old.includes(each));
    }
    return this.#segment;
  }

  /** @param until the first sequence that stays */
  async #drop(first: number, until: number): Promise<void> {
    const pictures = (await picturesOf(this.#folder)).filter((sequence) => sequence < until);
    await removeDurable([
      ...pictures.map((sequence) => pictureFile(this.#folder, sequence)),
      detailsFile(this.#folder, first),
      segmentFile(this.#folder, first),
    ]);
  }

  async #dropPictures(): Promise<void> {
    const old = (await picturesOf(this.#folder)).slice(0, -this.#bounds.pictures);
    await removeDurable(old.map((sequence) => pictureFile(this.#folder, sequence)));
  }
}

function ownOf({ salt: _salt, ...own }: Details): Omit<Details, "salt"> {
  return own;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
