/**
 * An attendance book: check-ins from the visits of people who are known, each once, over restarts, crashes and
 * messages that come again; what people correct; days and months.
 */
import { EventEmitter } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../errors";
import { heard } from "../observe/heard";
import { NotFound } from "../people/errors";
import type { Visit } from "../visit";
import type { VisitBook } from "../visits/book";
import { type Change, type CheckIn, type CheckInType, isCorrected, isThere, type Sending, toSend } from "./check-in";
import { csvOf } from "./csv";
import { hashOf } from "./hash";
import { ELSEWHERE, type Followed, type Ledger, MOST_FOLLOWED, type Progress, type Same } from "./ledger";
import {
  type DayReport,
  dayReport,
  type DayRow,
  type MonthReport,
  monthReport,
  rowsOf,
  type ToldCheckIn,
} from "./pairs";
import { byTurnsId, type Candidate, type Rules, type Seen } from "./rules";
import { boundsOf, type Calendar, dayOf, stampOf } from "./time";

/** Who is in the gallery. */
export interface Names {
  nameOf(person: string): string | undefined;
  /** Of a person, in lower case. */
  groupsOf?(person: string): readonly string[];
}

export interface AttendanceOptions {
  /** Id of the book: of the node that keeps it. */
  book: string;
  /** Id of the gallery's node, as visits name it. */
  gallery: string;
  ledger: Ledger;
  rules: Rules;
  people: Names;
  /** Undefined where the gallery keeps no visits: then they come by message alone. */
  visits?: Pick<VisitBook, "revision" | "since"> | undefined;
  /** What people call this site, where the sites of a shared gallery share their check-ins. */
  site?: string | undefined;
  /** Whether check-ins go to another system. */
  sends?: boolean;
  /** For how many days check-ins are kept after the end of their month; without it as it was said before. */
  keepDays?: number;
  now?: () => number;
  /** Hears what keeps visits from being read: the disk, most likely; tried again. */
  onError?: (error: unknown) => void;
}

/** A check-in that is told once. */
export interface Taken extends ToldCheckIn {
  /** As it was told before, where the evidence, or another site's check-in, says by now that it is otherwise. */
  was?: { person: string | null; type: CheckInType; at: number } | undefined;
}

export interface Correction {
  person?: string | undefined;
  type?: CheckInType | undefined;
  /** Milliseconds since the epoch. */
  at?: number | undefined;
  removed?: boolean | undefined;
  why: string;
  by: string | null;
}

interface AttendanceEvents {
  /** Of one check-in, once; after a crash perhaps once more, with the same id. */
  checkIn: [Taken];
  /** Something is otherwise than it was. */
  change: [];
}

/** Visits of one transaction. */
const BATCH = 200;
/** How often it is looked whether there are new visits; a message wakes it at once. */
const LOOK_MS = 2000;
/** Nobody has more check-ins in a day; farther back is another one. */
const MOST_BEFORE = 64;
/** Of one check-in. */
const MOST_CHANGES = 200;

export class Attendance extends EventEmitter<AttendanceEvents> {
  readonly #options: AttendanceOptions;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #again = false;
  /** The largest `order` that was told, though the disk may not have taken it yet. */
  #told = 0;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #closed = false;

  constructor(options: AttendanceOptions) {
    super();
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get calendar(): Calendar {
    return this.#options.rules.calendar;
  }

  get mode(): Rules["mode"] {
    return this.#options.rules.mode;
  }

  /** What people call this site, where the sites share their check-ins. */
  get site(): string | undefined {
    return this.#options.site;
  }

  /** The present working day. */
  get today(): string {
    return dayOf(this.#now(), this.calendar);
  }

  /**
   * Read what came while nobody read, tell what was not told, and go on. Resolves once that is done.
   * @throws StorageError; then it can be started again
   */
  async start(): Promise<void> {
    const { ledger, book } = this.#options;
    // It may have been tried before.
    ledger.off("arrived", this.#followOthers).on("arrived", this.#followOthers);
    await this.#keepFor();
    await this.#share();
    const { told } = ledger.progress(book);
    await this.#tell([...ledger.rows(book)].filter(({ order }) => order > told));
    await this.look();
    if (this.#closed || this.#options.visits === undefined) return;
    this.#timer = setInterval(() => heard("attendance", this.look()), LOOK_MS);
    this.#timer.unref();
  }

  /** Read the visits that were written meanwhile. Never rejects. */
  look(): Promise<void> {
    const { visits } = this.#options;
    if (visits === undefined || this.#closed) return Promise.resolve();
    this.#again = true;
    this.#reading ??= this.#readAll(visits).finally(() => {
      this.#reading = undefined;
      // Asked after its last look, before this.
      if (this.#again) heard("attendance", this.look());
    });
    return this.#reading;
  }

  /**
   * A visit came by message: where the gallery keeps visits it says that there is something to read.
   * @throws a sentence when it is of another gallery
   */
  async takeVisit(visit: Visit): Promise<void> {
    const { gallery, visits, ledger, book } = this.#options;
    if (visit.gallery !== gallery) throw new UserError("attendance.otherGallery");
    if (visits !== undefined) {
      await this.look();
      return;
    }
    const taken = await ledger.exclusively(async () => {
      const all = ledger.followed(book);
      const followed = withVisit(
        all.find((each) => each.visit === visit.visit),
        visit,
      );
      if (followed === undefined) return [];
      const others = all.filter((each) => each.visit !== visit.visit);
      const now = visit.event === "left" ? others : [...others, followed].slice(-MOST_FOLLOWED);
      return this.#take([{ ...visit, stays: followed.stays }], { followed: now });
    });
    await this.#tell(taken);
  }

  /** @throws NotFound; a sentence; StorageError */
  async add({ person, type, at, why, by }: Required<Omit<Correction, "removed">>): Promise<ToldCheckIn> {
    const { ledger, book, people, sends = false } = this.#options;
    if (person === undefined || people.nameOf(person) === undefined) throw new NotFound("attendance.noPerson");
    if (type === undefined || at === undefined) throw new UserError("attendance.typeAndTime");
    this.#checkKept(at);
    const id = hashOf("added", person, type, at);
    const there = this.#row(id);
    // Said twice it is one; said again after it was removed it is there again.
    if (there !== undefined) return this.change(id, { removed: false, why, by });
    const row = await ledger.exclusively(async () => {
      const twin = this.#row(id);
      if (twin !== undefined) return twin;
      const progress = ledger.progress(book);
      const before = ledger.rowsOf(book, person).filter((each) => each.at <= at);
      const order = progress.order + 1;
      const added: CheckIn = {
        id,
        person,
        type,
        at,
        zone: "",
        source: "",
        visit: null,
        serial: Math.max(0, ...before.map(({ serial }) => serial)),
        order,
        removed: false,
        history: [{ what: "added", at: this.#now(), by, why, was: null }],
        ...(sends ? { sending: waiting(this.#now()) } : {}),
      };
      await ledger.write(book, { rows: [added], progress: { ...progress, order } });
      return added;
    });
    await this.#tell([row]);
    return this.tell(row);
  }

  /**
   * What is asked for already is no change.
   * @throws NotFound; a sentence; StorageError
   */
  async change(id: string, { why, by, ...wanted }: Correction): Promise<ToldCheckIn> {
    const { ledger, people } = this.#options;
    if (wanted.person !== undefined && people.nameOf(wanted.person) === undefined)
      throw new NotFound("attendance.noPerson");
    const changed = await ledger.exclusively(async () => {
      const row = this.#row(id);
      if (row === undefined) throw new NotFound("attendance.noCheckIn");
      const { person = row.person, type = row.type, at = row.at, removed = row.removed } = wanted;
      if (person === row.person && type === row.type && at === row.at && removed === row.removed) return row;
      if (at !== row.at) this.#checkKept(at);
      if (row.history.length >= MOST_CHANGES) throw new UserError("attendance.tooManyChanges", { most: MOST_CHANGES });
      const what = removed === row.removed ? "changed" : removed ? "removed" : "restored";
      const after = {
        ...row,
        person,
        type,
        at,
        removed,
        history: [...row.history, this.#changeOf(row, what, why, by)],
      };
      const sent = toSend(after, row, this.#now());
      await ledger.write(this.#bookOf(id), { rows: [sent] });
      return sent;
    });
    this.emit("change");
    return this.tell(changed);
  }

  day(day: string): DayReport {
    return dayReport(day, this.#attending());
  }

  /** A day as a table shows it. */
  rows(day: string): DayRow[] {
    return rowsOf(this.day(day), this.#now());
  }

  month(month: string): MonthReport {
    return monthReport(month, this.#attending());
  }

  /** Check-ins of some days as a table: see csvOf. @param from @param to days, both of them among these */
  csv(from: string, to: string): string {
    const [begin, end] = [boundsOf(from, this.calendar).from, boundsOf(to, this.calendar).to];
    // Told are only these: reading the clock on the wall for each of many years takes seconds.
    const told = this.#attending()
      .people.flatMap(({ rows }) => rows)
      .filter(({ at, removed }) => !removed && at >= begin && at < end)
      .sort((a, b) => a.at - b.at)
      .map((row) => this.tell(row));
    return csvOf(told, this.calendar.timeZone);
  }

  /** With all that was said of it. @throws NotFound */
  history(id: string): ToldCheckIn & { history: Change[] } {
    const row = this.#row(id);
    if (row === undefined) throw new NotFound("attendance.noCheckIn");
    return { ...this.tell(row), history: row.history };
  }

  tell(row: CheckIn): ToldCheckIn {
    const { person, at, sending } = row;
    const { timeZone } = this.calendar;
    return {
      id: row.id,
      person,
      name: this.#options.people.nameOf(person) ?? person,
      type: row.type,
      at,
      local: stampOf(at, timeZone),
      day: dayOf(at, this.calendar),
      zone: row.zone,
      source: row.source,
      site: this.#siteOf(row),
      visit: row.visit,
      removed: row.removed,
      corrected: isCorrected(row),
      ...(sending === undefined ? {} : { sending }),
    };
  }

  /** One as it is now. */
  sending(id: string): CheckIn | undefined {
    return this.#options.ledger.row(this.#options.book, id);
  }

  /** Those that go to another system, the oldest first. */
  sendings(state: Sending["state"]): CheckIn[] {
    const { ledger, book } = this.#options;
    return [...ledger.rows(book)]
      .filter(({ sending, removed }) => sending?.state === state && (!removed || sending.there !== undefined))
      .sort((a, b) => a.at - b.at || a.order - b.order);
  }

  /**
   * How the sending of a check-in goes on; one that is gone meanwhile is passed over, one that was changed meanwhile
   * waits again.
   * @throws StorageError
   */
  async sent(id: string, sending: Sending): Promise<void> {
    const { ledger, book } = this.#options;
    await ledger.exclusively(async () => {
      const row = ledger.row(book, id);
      if (row === undefined) return;
      const after = { ...row, sending };
      const isDone = sending.state === "refused" || isThere(after);
      await ledger.write(book, { rows: [isDone ? after : { ...after, sending: { ...sending, state: "waiting" } }] });
    });
    this.emit("change");
  }

  /** For how many days check-ins are kept after the end of their month; undefined: for ever. */
  get keepDays(): number | undefined {
    return this.#options.ledger.keep(this.#options.book)?.days;
  }

  /** The first day of which check-ins are kept; null where all are. */
  get keptFrom(): string | null {
    const from = this.#keptFrom;
    return from === -Infinity ? null : dayOf(from, this.calendar);
  }

  get #keptFrom(): number {
    return this.#options.ledger.keptFrom(this.#options.book, this.#now());
  }

  /** What is too old by the form's days goes before anything is told of it. */
  async #keepFor(): Promise<void> {
    const { ledger, book, keepDays } = this.#options;
    if (keepDays === undefined) return;
    const keep = { days: keepDays, calendar: this.calendar };
    await ledger.exclusively(async () => {
      if (!isDeepStrictEqual(ledger.keep(book), keep)) await ledger.write(book, { keep });
      if (this.#options.site === undefined && [...ledger.rows(ELSEWHERE)].length === 0) return;
      // Those of other sites are in every book: the longest counts.
      const others = ledger.books().flatMap((each) => (each === ELSEWHERE ? [] : (ledger.keep(each)?.days ?? [])));
      const longest = { ...keep, days: Math.max(keepDays, ...others) };
      if (!isDeepStrictEqual(ledger.keep(ELSEWHERE), longest)) await ledger.write(ELSEWHERE, { keep: longest });
    });
    // Deleted, at least; what cannot be wiped now is wiped later.
    await ledger.sweep(this.#now()).catch((error: unknown) => this.#options.onError?.(error));
  }

  /** @throws a sentence where nothing of that time is kept */
  #checkKept(at: number): void {
    if (at < this.#keptFrom) throw new UserError("attendance.tooOld", { day: this.keptFrom ?? "" });
  }

  /** What was begun is ended; nothing is begun any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#options.ledger.off("arrived", this.#followOthers);
    await this.#reading;
    await this.#looking;
  }

  /** Since when other sites' check-ins count: what there was before stays as it is. */
  async #share(): Promise<void> {
    const { ledger, book, site } = this.#options;
    await ledger.exclusively(async () => {
      const { elsewhere: _elsewhere, sharedSince, ...progress } = ledger.progress(book);
      const isShared = sharedSince !== undefined;
      if (isShared === (site !== undefined)) return;
      const now = isShared ? progress : { ...progress, elsewhere: 0, sharedSince: progress.order };
      await ledger.write(book, { progress: now });
    });
    await this.#lookElsewhere();
  }

  readonly #followOthers = (): void => {
    heard("attendance", this.#lookElsewhere());
    this.emit("change");
  };

  /** Once what other sites told is looked at. Never rejects. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  /** Other sites' check-ins may have come after those of here that are later. Never rejects. */
  #lookElsewhere(): Promise<void> {
    if (this.#closed || this.#options.site === undefined) return Promise.resolve();
    this.#lookAgain = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
      if (this.#lookAgain) heard("attendance", this.#lookElsewhere());
    });
    return this.#looking;
  }

  async #lookAll(): Promise<void> {
    try {
      while (this.#lookAgain && !this.#closed) {
        this.#lookAgain = false;
        await this.#tell(await this.#options.ledger.exclusively(() => this.#reorder()));
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError?.(error);
    }
  }

  /** Called exclusively. @returns what is to be told */
  async #reorder(): Promise<CheckIn[]> {
    const { ledger, book } = this.#options;
    const { elsewhere = 0 } = ledger.progress(book);
    const news = [...ledger.rows(ELSEWHERE)].filter(({ order }) => order > elsewhere);
    if (news.length === 0) return [];
    const draft = this.#draft();
    for (const [person, since] of sinceOf(news, this.calendar))
      // Of whom this book is not about any more, it knows no other door's.
      if (this.#isWanted(person)) draft.reorder(person, since, this.#foreign(person));
    const { rows } = draft;
    await ledger.write(book, {
      rows,
      progress: { ...draft.progress, elsewhere: news.reduce((last, { order }) => Math.max(last, order), 0) },
    });
    const told = rows.filter(({ removed }) => !removed);
    // Of what is one with another door's nothing is told, but it is otherwise than it was.
    if (rows.length > 0 && told.length === 0) this.emit("change");
    return told;
  }

  #draft(): Draft {
    const { ledger, book } = this.#options;
    const times = { now: this.#now(), keptFrom: this.#keptFrom };
    return new Draft(this.#options, ledger.progress(book), times, (person) => this.#foreign(person));
  }

  /** Of here, or of another site. */
  #row(id: string): CheckIn | undefined {
    return this.#options.ledger.row(this.#bookOf(id), id);
  }

  #bookOf(id: string): string {
    const { ledger, book } = this.#options;
    return ledger.row(book, id) === undefined ? ELSEWHERE : book;
  }

  #siteOf({ site }: CheckIn): string {
    return site?.name ?? this.#options.site ?? "";
  }

  #isWanted(person: string): boolean {
    const { people, rules } = this.#options;
    return people.groupsOf === undefined || rules.isWanted(people.groupsOf(person));
  }

  /** Check-ins that a person has at other sites, where this book is about them. */
  #foreign(person: string): readonly CheckIn[] {
    const rows = this.#options.ledger.rowsOf(ELSEWHERE, person);
    if (rows.length === 0 || !this.#isWanted(person)) return [];
    const keptFrom = this.#keptFrom;
    return rows.filter(({ at }) => at >= keptFrom);
  }

  async #readAll(visits: Pick<VisitBook, "revision" | "since">): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        while (!this.#closed && (await this.#readSome(visits)));
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError?.(error);
    }
  }

  /** @returns whether there may be more */
  async #readSome(visits: Pick<VisitBook, "revision" | "since">): Promise<boolean> {
    const { ledger, book } = this.#options;
    let more = false;
    const taken = await ledger.exclusively(async () => {
      const progress = ledger.progress(book);
      // Visits that begin anew are read anew: what is known of them is known by their ids.
      const from = visits.revision < progress.revision ? 0 : progress.revision;
      if (visits.revision <= from) return [];
      const read = await visits.since(from, BATCH);
      more = read.length === BATCH;
      return this.#take(read, { revision: read.at(-1)?.revision ?? from });
    });
    await this.#tell(taken);
    return more;
  }

  /** Called exclusively. @returns what is to be told */
  async #take(
    seen: readonly Seen[],
    { revision, followed }: { revision?: number; followed?: readonly Followed[] },
  ): Promise<CheckIn[]> {
    const { ledger, book } = this.#options;
    const before = ledger.progress(book);
    const draft = this.#draft();
    for (const visit of seen) draft.take(visit);
    const { rows, sames, told } = draft;
    const progress = { ...draft.progress, revision: revision ?? before.revision };
    const isChanged = rows.length > 0 || progress.revision !== before.revision;
    await ledger.write(book, { rows, sames, followed, ...(isChanged ? { progress } : {}) });
    // Of what is nobody's any more nothing is told, but it is otherwise than it was.
    if (rows.length > 0 && told.length === 0) this.emit("change");
    return told;
  }

  /** Each once; then it is noted that it was. */
  async #tell(rows: readonly CheckIn[]): Promise<void> {
    if (rows.length === 0) return;
    const { ledger, book } = this.#options;
    const sorted = [...rows].sort((a, b) => a.order - b.order);
    for (const row of sorted) {
      if (row.order <= Math.max(this.#told, ledger.progress(book).told)) continue;
      this.#told = row.order;
      const last = row.history.at(-1);
      const isOtherwise = last?.what === "reconsidered" || last?.what === "elsewhere";
      const was = isOtherwise ? (last.was ?? undefined) : undefined;
      if (!row.removed) this.emit("checkIn", { ...this.tell(row), ...(was === undefined ? {} : { was }) });
    }
    const told = sorted.at(-1)?.order ?? 0;
    await ledger.exclusively(async () => {
      const progress = ledger.progress(book);
      if (told > progress.told) await ledger.write(book, { progress: { ...progress, told } });
    });
    this.emit("change");
  }

  #attending(): Parameters<typeof dayReport>[1] {
    const { ledger, book, people } = this.#options;
    return {
      calendar: this.calendar,
      now: this.#now(),
      people: [...new Set([...ledger.people(book), ...ledger.people(ELSEWHERE)])]
        .map((person) => ({
          person,
          name: people.nameOf(person) ?? person,
          rows: [...ledger.rowsOf(book, person), ...this.#foreign(person)],
        }))
        .filter(({ rows }) => rows.length > 0)
        .sort((a, b) => a.name.localeCompare(b.name)),
      tell: (row) => this.tell(row),
      siteOf: (row) => this.#siteOf(row),
    };
  }

  #changeOf({ person, type, at }: CheckIn, what: Change["what"], why: string, by: string | null): Change {
    return { what, at: this.#now(), by, why, was: { person, type, at } };
  }
}

/** What some visits make of a book; nothing is written yet. */
class Draft {
  progress: Progress;
  readonly #options: AttendanceOptions;
  readonly #now: number;
  readonly #keptFrom: number;
  readonly #elsewhere: (person: string) => readonly CheckIn[];
  readonly #rows = new Map<string, CheckIn>();
  readonly #sames = new Map<string, Same>();

  /** @param elsewhere what a person has at other sites */
  constructor(
    options: AttendanceOptions,
    progress: Progress,
    { now, keptFrom }: { now: number; keptFrom: number },
    elsewhere: (person: string) => readonly CheckIn[],
  ) {
    this.#options = options;
    this.#elsewhere = elsewhere;
    this.#now = now;
    this.#keptFrom = keptFrom;
    this.progress = progress;
  }

  get rows(): CheckIn[] {
    return [...this.#rows.values()];
  }

  get sames(): Same[] {
    return [...this.#sames.values()];
  }

  /** What is to be told. */
  get told(): CheckIn[] {
    return this.rows.filter(({ order, removed }) => order > this.progress.told && !removed);
  }

  take(seen: Seen): void {
    const { rules, people } = this.#options;
    // It is not settled who it is, and may yet be whoever it was.
    if (!seen.confirmed) return;
    const { person } = seen;
    // Deleted, or made one with somebody else, which whoever follows them need not know yet.
    if (person !== null && people.nameOf(person) === undefined) return;
    const isOurs = rules.isOurs(seen) && person !== null;
    for (const candidate of rules.candidates(seen)) {
      // A visit that is read anew is no check-in again once that was deleted.
      if (candidate.at < this.#keptFrom) continue;
      // Of a visit that was imported, another site has told, or this one before it was set up anew.
      if (this.#options.ledger.row(ELSEWHERE, candidate.id) !== undefined) continue;
      const row = this.#row(candidate.id);
      if (row !== undefined && row.person === person) continue;
      if (row !== undefined) this.#reconsider(row, candidate, isOurs ? person : null);
      else if (isOurs) this.#takeNew(seen.visit, candidate, person);
    }
  }

  /**
   * Other sites' check-ins came: later ones of here, of the same working day, are of the kind that is due after them,
   * or one with them. What people said stays, and so does what was told before the sites shared.
   * @param since of each working day, its first moment that is otherwise
   */
  reorder(person: string, since: ReadonlyMap<string, number>, foreign: readonly CheckIn[]): void {
    const { ledger, book, rules } = this.#options;
    for (const [day, first] of since) {
      const { from, to } = boundsOf(day, rules.calendar);
      const all = [...ledger.rowsOf(book, person), ...foreign].filter(({ at }) => at >= from && at < to);
      /** The last one first. */
      const before: CheckIn[] = [];
      for (const row of all.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))) {
        const now = row.at >= first && this.#isFree(row) ? this.#placed(row, before) : row;
        if (!now.removed) before.unshift(now);
      }
    }
  }

  /** Whether it is for the cameras to say what it is. */
  #isFree(row: CheckIn): boolean {
    const { sharedSince = Infinity } = this.progress;
    if (row.site !== undefined || row.visit === null || row.order <= sharedSince) return false;
    if (isCorrected(row) || row.history.length >= MOST_CHANGES) return false;
    return !row.removed || row.history.at(-1)?.what === "elsewhere";
  }

  /** As it is after those that stand before it. */
  #placed(row: CheckIn, before: readonly CheckIn[]): CheckIn {
    const { rules } = this.#options;
    const { at } = row;
    const candidate = { at, type: row.id === byTurnsId(row.visit ?? "") ? null : row.type };
    // What is apart here stays so, whatever it is that came between.
    const removed = rules.sameAs(candidate, before)?.site !== undefined;
    const type = removed ? row.type : rules.turnOf(candidate, before);
    if (type === row.type && removed === row.removed) return row;
    const was = { person: row.person, type: row.type, at };
    const change: Change = { what: "elsewhere", at: this.#now, by: null, why: "", was };
    const { order } = this.#next();
    const after = toSend({ ...row, type, removed, order, history: [...row.history, change] }, row, this.#now);
    this.#rows.set(row.id, after);
    return after;
  }

  #takeNew(visit: string, candidate: Candidate, person: string): void {
    const { ledger, book, rules, sends = false } = this.#options;
    const { id, at, zone, source } = candidate;
    if ((this.#sames.get(id)?.person ?? ledger.same(book, id)) === person) return;
    const type = rules.typeOf(candidate, this.#latest(person));
    if (type === null) {
      this.#sames.set(id, { id, person, at });
      return;
    }
    this.#rows.set(id, {
      id,
      person,
      type,
      at,
      zone,
      source,
      visit,
      ...this.#next(),
      removed: false,
      history: [{ what: "taken", at: this.#now, by: null, why: "", was: null }],
      ...(sends ? { sending: waiting(this.#now) } : {}),
    });
  }

  /** The cameras say by now that it was somebody else, or nobody of those; what people said stays. */
  #reconsider(row: CheckIn, candidate: Candidate, person: string | null): void {
    const { rules, sends = false } = this.#options;
    if (isCorrected(row) || row.history.length >= MOST_CHANGES) return;
    const type = person === null ? null : rules.typeOf(candidate, this.#latest(person));
    if (type === null && row.removed) return;
    const { person: before, type: typeBefore, at } = row;
    const after: CheckIn = {
      ...row,
      ...(person === null || type === null
        ? { removed: true }
        : {
            person,
            type,
            removed: false,
            ...this.#next(),
            ...(sends && row.sending === undefined ? { sending: waiting(this.#now) } : {}),
          }),
      history: [
        ...row.history,
        {
          what: "reconsidered",
          at: this.#now,
          by: null,
          why: "",
          was: { person: before, type: typeBefore, at },
        },
      ],
    };
    this.#rows.set(row.id, toSend(after, row, this.#now));
  }

  #next(): { serial: number; order: number } {
    const { serial, order } = this.progress;
    this.progress = { ...this.progress, serial: serial + 1, order: order + 1 };
    return { serial: serial + 1, order: order + 1 };
  }

  #row(id: string): CheckIn | undefined {
    return this.#rows.get(id) ?? this.#options.ledger.row(this.#options.book, id);
  }

  /** Of a person, that count, the last one first. */
  #latest(person: string): CheckIn[] {
    const { ledger, book } = this.#options;
    const own = this.rows.filter((row) => row.person === person && !row.removed);
    const others = ledger.latest(book, person, MOST_BEFORE).filter(({ id }) => !this.#rows.has(id));
    const here = [...own, ...others];
    const elsewhere = this.#elsewhere(person)
      .filter(({ removed }) => !removed)
      .slice(-MOST_BEFORE)
      // Where they stand among those of here their time says.
      .map((row) => ({
        ...row,
        serial: Math.max(0, ...here.flatMap(({ at, serial }) => (at <= row.at ? serial : []))),
      }));
    return [...here, ...elsewhere].sort((a, b) => b.serial - a.serial || b.at - a.at);
  }
}

/** Whose working days are otherwise by some check-ins, and from when on; also where they were before. */
function sinceOf(news: readonly CheckIn[], calendar: Calendar): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  for (const { person, at, history } of news)
    for (const value of [{ person, at }, ...history.flatMap(({ was }) => was ?? [])]) {
      if (value.person === null) continue;
      const days = found.get(value.person) ?? new Map<string, number>();
      found.set(value.person, days);
      const day = dayOf(value.at, calendar);
      days.set(day, Math.min(days.get(day) ?? Infinity, value.at));
    }
  return found;
}

const waiting = (at: number): Sending => ({ state: "waiting", tries: 0, at, reason: "" });

/** Where a visit was, with what a message says. @returns undefined where it says nothing new */
function withVisit(before: Followed | undefined, visit: Visit): Followed | undefined {
  if (before !== undefined && visit.sequence <= before.sequence) return undefined;
  const stays = [...(before?.stays ?? [])];
  const go = (zone: string, source: string, camera: string): void => {
    const at = stays.length === 0 ? visit.since : visit.lastSeen;
    stays.push({ zone, source, camera, from: at, until: visit.lastSeen });
  };
  for (const zone of visit.zones)
    if (zone !== visit.zone && !stays.some((stay) => stay.zone === zone)) go(zone, "", "");
  if (stays.at(-1)?.zone !== visit.zone) go(visit.zone, visit.source, visit.camera);
  return { visit: visit.visit, sequence: visit.sequence, stays };
}
