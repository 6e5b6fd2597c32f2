/** Sites of one gallery over a log in memory, each with an attendance book of its own cameras' visits. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Attendance, type AttendanceOptions, type Taken } from "../../lib/attendance/attendance";
import { Books } from "../../lib/attendance/books";
import { ELSEWHERE, type Ledger } from "../../lib/attendance/ledger";
import { Rules } from "../../lib/attendance/rules";
import { SharedCheckIns } from "../../lib/attendance/shared";
import { isBeside, openBeside } from "../../lib/people/lmdb/beside";
import { type LmdbStore, openStore } from "../../lib/people/lmdb/store";
import { Site } from "../../lib/sites/site";
import { SerialQueue } from "../../lib/workers/serial-queue";
import type { MemoryLine, MemoryLog } from "./memory-log";
import { headOfAll } from "./sites";
import { recordOf, VisitLog } from "./visit-log";

const DAYS = 30;
const MINUTE_MS = 60_000;

export interface AttendingSite {
  name: string;
  folder: string;
  store: LmdbStore;
  ledger: Ledger;
  site: Site;
  line: MemoryLine;
  visits: VisitLog;
  /** What was told of check-ins. */
  told: Taken[];
  attendance: Attendance;
  errors: unknown[];
  act: <T>(work: (store: LmdbStore) => Promise<T>) => Promise<T>;
  /** Somebody was at a camera for a minute; read at once. */
  sees: (person: string, at: string, zone?: string) => Promise<void>;
  /** "IN 08:00 North". */
  said: (day: string) => string[];
  close: () => Promise<void>;
}

export interface AttendingSiteOptions {
  name: string;
  folder?: string;
  cut?: boolean;
  rules?: object;
  /** False: nobody keeps a book there. */
  keeps?: boolean;
  keepDays?: number;
  now?: () => number;
  options?: Partial<AttendanceOptions>;
  closeMs?: number;
  wipedMs?: number;
}

export async function openAttendingSite(
  log: Pick<MemoryLog, "connect">,
  {
    name,
    folder = join(mkdtempSync(join(tmpdir(), "attending-")), "people"),
    cut = false,
    rules = {},
    keeps = true,
    keepDays = DAYS,
    now = () => Date.parse("2026-11-26T20:00Z"),
    options = {},
    closeMs = 60_000,
    wipedMs,
  }: AttendingSiteOptions,
): Promise<AttendingSite> {
  const store = await openStore({ folder });
  const errors: unknown[] = [];
  const place = { folder, name: "attendance", secret: store.secret } as const;
  const books = new Books(
    { isThere: () => isBeside(place), open: () => openBeside(place), folder, encrypted: store.encrypted },
    store,
    (error) => errors.push(error),
  );
  const ledger = await books.open();
  const queue = new SerialQueue();
  store.on("change", ({ removed }) => {
    if (removed.people.length > 0) books.forget(removed.people.map(({ id }) => id));
  });
  let line: MemoryLine | undefined;
  const site = await Site.open({
    store,
    beside: { folder, secret: store.secret },
    name,
    passPhrase: "a key",
    seenMs: 0,
    closeMs,
    wipedMs,
    exclusively: (work) => queue.run(work),
    book: (of) => new SharedCheckIns(ledger, of, now),
    merge: ({ from, into }) => ledger.merge(from.id, into.id),
    wipe: ({ people }) => books.wipe(people.map(({ id }) => id)),
    connect: (of) => {
      line = log.connect(of);
      if (cut) line.cut(true);
      return line;
    },
  });
  if (line === undefined) throw new Error("a site did not connect");
  const visits = new VisitLog();
  // As a book on a disk goes on.
  visits.revision = ledger.progress(`book of ${name}`).revision;
  const attendance = new Attendance({
    book: `book of ${name}`,
    gallery: "gallery",
    ledger,
    rules: new Rules({ timeZone: "UTC", ...rules }, "face-attendance"),
    people: { nameOf: (id) => store.person(id)?.name, groupsOf: (id) => store.person(id)?.groups ?? [] },
    site: name,
    visits,
    keepDays,
    now,
    onError: (error) => errors.push(error),
    ...options,
  });
  const told: Taken[] = [];
  attendance.on("checkIn", (taken) => told.push(taken));
  if (keeps) await attendance.start();
  let count = 0;
  return {
    name,
    folder,
    store,
    ledger,
    site,
    line,
    visits,
    told,
    attendance,
    errors,
    act: (work) => queue.run(() => work(store)),
    sees: async (person, at, zone = "door") => {
      count += 1;
      const from = Date.parse(at);
      const visit = `${name} ${at} ${count}`;
      visits.put(recordOf({ visit, person, stays: [[zone, from]], until: from + MINUTE_MS }));
      await attendance.look();
    },
    said: (day) =>
      attendance
        .day(day)
        .people.flatMap(({ checkIns }) =>
          checkIns.map(({ type, local, removed, site: of }) =>
            [type, local.slice(11, 16), of, ...(removed ? ["removed"] : [])].join(" "),
          ),
        ),
    close: async () => {
      await attendance.close();
      await site.close();
      await books.close();
      await store.close();
    },
  };
}

/** What a site keeps, of here and of others, as all are to keep it. */
export function checkInsOf({ ledger, name }: AttendingSite): object[] {
  return [`book of ${name}`, ELSEWHERE]
    .flatMap((book) => [...ledger.rows(book)])
    .map(({ id, person, type, at, removed, history }) => ({ id, person, type, at, removed, history }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** Once all sites have told each other all, and their books have looked at it. */
export async function allAttended(sites: readonly AttendingSite[]): Promise<void> {
  for (let quiet = 0, before: number | undefined; quiet < 3;) {
    for (const { site, attendance, ledger } of sites) {
      await site.settled();
      // What is deleted with its person, too.
      await ledger.exclusively(async () => undefined);
      await attendance.look();
      await attendance.settled();
    }
    const head = headOfAll(sites);
    quiet = head !== undefined && head === before ? quiet + 1 : 0;
    before = head;
  }
}
