/** A log of sites in memory, with a line to each that can be cut, be slow, and lose answers. */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors";
import type {
  Change,
  ChangeLog,
  ChangeLogEvents,
  Epoch,
  Logged,
  LogIdentity,
  Page,
  Pushed,
  RecordKind,
  SiteEntry,
} from "../../lib/sites/change-log";

const PAGE_BYTES = 64 * 1024;

interface Dump {
  head: number;
  records: Map<string, Logged>;
  epochs: Epoch[];
}

const newEpoch = (from: number): Epoch => ({ id: randomBytes(8).toString("hex"), from });

export class MemoryLog {
  readonly salt = randomBytes(16);
  gallery = randomBytes(8).toString("hex");
  check: string | null = null;
  epochs: Epoch[] = [newEpoch(0)];
  head = 0;
  records = new Map<string, Logged>();
  readonly entries = new Map<string, SiteEntry>();
  readonly lines = new Set<MemoryLine>();
  /** Bytes that came in, sealed. */
  received = 0;
  pageRecords = 40;

  /** What a site is given as its log. */
  readonly connect = (site: { id: string; name: string }): MemoryLine => {
    const line = new MemoryLine(this, site);
    this.lines.add(line);
    return line;
  };

  /** As a dump of the database has it. */
  dump(): Dump {
    return { head: this.head, records: new Map(this.records), epochs: [...this.epochs] };
  }

  /** The lines to it are cut first, and mended then. */
  restore({ head, records, epochs }: Dump): void {
    this.head = head;
    this.epochs = [...epochs, newEpoch(head)];
    this.records = new Map(records);
  }

  list(): Logged[] {
    return [...this.records.values()].sort((one, other) => one.number - other.number);
  }
}

export class MemoryLine extends EventEmitter<ChangeLogEvents> implements ChangeLog {
  readOnly = false;
  readonly #log: MemoryLog;
  readonly #site: { id: string; name: string };
  #isCut = false;
  /** Answers that the site does not get though its push was written. */
  losesAnswers = 0;
  pushes = 0;
  /** Pages that the site has asked for. */
  reads = 0;

  constructor(log: MemoryLog, site: { id: string; name: string }) {
    super();
    this.#log = log;
    this.#site = site;
  }

  get site(): string {
    return this.#site.id;
  }

  cut(isCut: boolean): void {
    if (isCut === this.#isCut) return;
    this.#isCut = isCut;
    this.emit("reachable", !isCut, isCut ? cutError() : undefined);
  }

  async identity(): Promise<LogIdentity> {
    await this.#travel();
    const { gallery, salt, check, epochs } = this.#log;
    const { id, name } = this.#site;
    if (!this.#log.entries.has(id)) this.#log.entries.set(id, { id, name, followed: 0, answeredAt: Date.now() });
    return { gallery, salt, check, epochs: [...epochs] };
  }

  async giveCheck(check: string): Promise<string> {
    await this.#travel();
    this.#log.check ??= check;
    return this.#log.check;
  }

  async push(changes: readonly Change[]): Promise<Pushed> {
    await this.#travel();
    if (this.readOnly) throw new UserError("read only");
    this.pushes += 1;
    const keyOf = ({ kind, id }: Pick<Change, "kind" | "id">): string => `${kind} ${id}`;
    const stale = changes.flatMap((change) => {
      const there = this.#log.records.get(keyOf(change));
      return there === undefined || change.content === null || there.number === change.base ? [] : [there];
    });
    if (stale.length > 0) return { stale };
    const numbers = changes.map((change) => {
      const number = (this.#log.head += 1);
      const { kind, id, content } = change;
      this.#log.received += content?.length ?? 0;
      this.#log.records.set(keyOf(change), { kind, id, number, content, site: this.#site.id, at: Date.now() });
      return number;
    });
    for (const line of this.#log.lines) if (line !== this && !line.#isCut) line.emit("wake");
    if (this.losesAnswers > 0) {
      this.losesAnswers -= 1;
      throw cutError();
    }
    await this.#travel();
    return { numbers };
  }

  async after(number: number): Promise<Page> {
    await this.#travel();
    this.reads += 1;
    const changes: Logged[] = [];
    let bytes = 0;
    for (const each of this.#log.list()) {
      if (each.number <= number) continue;
      if (changes.length >= this.#log.pageRecords || bytes > PAGE_BYTES) break;
      changes.push(each);
      bytes += each.content?.length ?? 0;
    }
    return { changes, head: this.#log.head };
  }

  async deletedAfter(number: number): Promise<readonly Logged[]> {
    await this.#travel();
    return this.#log.list().filter((each) => each.number > number && (each.content === null || each.kind === "merge"));
  }

  async record(kind: RecordKind, id: string): Promise<Logged | undefined> {
    await this.#travel();
    return this.#log.records.get(`${kind} ${id}`);
  }

  async acknowledge(number: number): Promise<void> {
    await this.#travel();
    const { id, name } = this.#site;
    this.#log.entries.set(id, { id, name, followed: number, answeredAt: Date.now() });
  }

  async sites(): Promise<SiteEntry[]> {
    await this.#travel();
    return [...this.#log.entries.values()];
  }

  async removeSite(id: string): Promise<void> {
    await this.#travel();
    this.#log.entries.delete(id);
  }

  async close(): Promise<void> {
    this.#log.lines.delete(this);
  }

  async #travel(): Promise<void> {
    await sleep(0);
    if (this.#isCut) throw cutError();
  }
}

const cutError = (): UserError => new UserError("the database does not answer.");
