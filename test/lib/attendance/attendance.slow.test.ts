import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { answerOf, type Asked, askedOf } from "../../../lib/attendance/ask";
import { Attendance, type AttendanceOptions, type Taken } from "../../../lib/attendance/attendance";
import { Books } from "../../../lib/attendance/books";
import { csvOf } from "../../../lib/attendance/csv";
import { hashOf } from "../../../lib/attendance/hash";
import { Ledger } from "../../../lib/attendance/ledger";
import type { ToldCheckIn } from "../../../lib/attendance/pairs";
import { Rules } from "../../../lib/attendance/rules";
import { newPerson } from "../../../lib/people/new-records";
import { isBeside, openBeside } from "../../../lib/people/lmdb/beside";
import { Database } from "../../../lib/people/lmdb/database";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { personFieldsSchema } from "../../../lib/people/people";
import type { StoreProblem } from "../../../lib/people/store";
import { messageOf, recordOf, type ScriptedVisit, VisitLog } from "../../support/visit-log";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

interface Kept {
  folder: string;
  /** What was told of the disk. */
  problems: readonly StoreProblem[];
  store: LmdbStore;
  books: Books;
  ledger: Ledger;
  /** Their ids. */
  alice: string;
  bob: string;
  open: (rules: object, visits?: VisitLog, options?: Partial<AttendanceOptions>) => Attendance;
  /** As after a restart. */
  reopen: (key?: string) => Promise<Kept>;
}

async function keep(
  t: TestContext,
  { key, folder = mkdtempSync(join(tmpdir(), "attendance-")) }: { key?: string; folder?: string } = {},
): Promise<Kept> {
  const store = await openStore({ folder, ...(key === undefined ? {} : { key }) });
  for (const name of ["Alice", "Bob"])
    if (!store.people().some((person) => person.name === name))
      await store.putPerson(newPerson(personFieldsSchema.parse({ name })));
  const errors: unknown[] = [];
  const place = { folder, name: "attendance", secret: store.secret } as const;
  const problems: StoreProblem[] = [];
  const onProblem = (problem: StoreProblem): void => {
    problems.push(problem);
  };
  const books = new Books(
    {
      isThere: () => isBeside(place),
      open: () => openBeside({ ...place, onProblem }),
      folder,
      encrypted: store.encrypted,
      onProblem,
    },
    store,
    (error) => errors.push(error),
  );
  await books.load();
  const close = async (): Promise<void> => {
    await books.close();
    await store.close();
  };
  t.after(close);
  const ledger = await books.open();
  const idOf = (name: string): string => store.people().find((person) => person.name === name)?.id ?? "";
  return {
    folder,
    problems,
    store,
    books,
    ledger,
    alice: idOf("Alice"),
    bob: idOf("Bob"),
    open: (rules, visits, options) =>
      new Attendance({
        book: "book",
        gallery: "gallery",
        ledger,
        rules: new Rules({ timeZone: "UTC", ...rules }, "face-attendance"),
        people: { nameOf: (id) => store.person(id)?.name },
        visits,
        now: () => Date.parse("2026-11-27T05:00Z"),
        ...options,
      }),
    reopen: async (again = key) => {
      await close();
      return keep(t, { folder, ...(again === undefined ? {} : { key: again }) });
    },
  };
}

let count = 0;
/** A visit of a minute. */
function visit(person: string | null, at: string, zone = "door"): ScriptedVisit {
  count += 1;
  const from = Date.parse(at);
  return { visit: `visit-${count}`, person, stays: [[zone, from]], until: from + MINUTE_MS };
}

/** What a book says of a person: "IN 08:00". */
function said(attendance: Attendance, day: string): string[] {
  return attendance
    .day(day)
    .people.flatMap(({ name, checkIns }) =>
      checkIns.map(({ type, local, removed }) => `${name} ${type} ${local.slice(11, 16)}${removed ? " removed" : ""}`),
    );
}

describe("an attendance book", () => {
  it("takes visits as IN and OUT in turn, and each working day anew", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({ dayBegins: "04:00" }, log);
    for (const at of ["2026-11-26T20:00Z", "2026-11-27T02:00Z", "2026-11-27T08:00Z"])
      log.put(recordOf(visit(kept.alice, at)));
    await book.start();
    assert.deepEqual(said(book, "2026-11-26"), ["Alice IN 20:00", "Alice OUT 02:00"]);
    assert.deepEqual(said(book, "2026-11-27"), ["Alice IN 08:00"]);
    const [shift] = book.day("2026-11-26").people;
    assert.deepEqual([shift?.ms, shift?.missing, shift?.spans.length], [6 * HOUR_MS, 0, 1]);
  });

  it("is a table of a day: from when until when, and hours, which go on while somebody is here", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const now = Date.parse("2026-11-26T17:45Z");
    const book = kept.open({ timeZone: "Europe/Berlin" }, log, { now: () => now });
    for (const [person, at] of [
      [kept.alice, "2026-11-26T07:03Z"],
      [kept.alice, "2026-11-26T12:00Z"],
      [kept.bob, "2026-11-26T08:00Z"],
      [kept.bob, "2026-11-26T12:00Z"],
      [kept.bob, "2026-11-26T17:15Z"],
    ] as const)
      log.put(recordOf(visit(person, at)));
    await book.start();
    assert.deepEqual(answerOf(book, askedOf({ day: "today", rows: true }) as Asked), [
      { name: "Alice", from: "08:03", to: "13:00", hours: "4:57", missing: 0 },
      { name: "Bob", from: "09:00", to: "", hours: "4:30", missing: 0 },
    ]);
    assert.throws(() => askedOf({ day: "today", rows: "yes" }), /msg\.attendance/);
  });

  it("counts hours that have passed, also over a night on which the clocks are changed", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({ dayBegins: "12:00", timeZone: "Europe/Berlin" }, log);
    for (const at of [
      "2026-03-28T22:00+01:00",
      "2026-03-29T06:00+02:00",
      "2026-10-24T22:00+02:00",
      "2026-10-25T06:00+01:00",
    ])
      log.put(recordOf(visit(kept.alice, at)));
    await book.start();
    assert.equal(book.day("2026-03-28").people[0]?.ms, 7 * HOUR_MS);
    assert.equal(book.day("2026-10-24").people[0]?.ms, 9 * HOUR_MS);
  });

  it("takes a visit soon after the last check-in for the same, also when it is read again later", async (t) => {
    const kept = await keep(t);
    const book = kept.open({});
    const visits = ["2026-11-26T08:00:00Z", "2026-11-26T08:00:59Z", "2026-11-26T12:00:00Z"].map((at) =>
      visit(kept.alice, at),
    );
    const tell = (): Promise<void>[] =>
      visits.map((each, index) =>
        book.takeVisit(messageOf(each, { event: "confirmed", stay: 0, sequence: index + 1 })),
      );
    await Promise.all([...tell(), ...tell(), ...tell().reverse()]);
    assert.deepEqual(said(book, "2026-11-26"), ["Alice IN 08:00", "Alice OUT 12:00"]);
  });

  it("in strict mode goes by the zone, and shows an IN after an IN as a missing OUT", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({ mode: "strict", zonesIn: ["gate camera"], zonesOut: ["exit"] }, log);
    for (const [at, zone] of [
      ["2026-11-26T08:00Z", "gate"],
      ["2026-11-26T09:00Z", "kitchen"],
      ["2026-11-26T10:00Z", "gate"],
      ["2026-11-26T10:00:20Z", "exit"],
      ["2026-11-26T18:00Z", "exit"],
    ] as const)
      log.put(recordOf(visit(kept.alice, at, zone)));
    await book.start();
    const [alice] = book.day("2026-11-26").people;
    assert.deepEqual(
      alice?.spans.map(({ ms, missing }) => [ms, missing]),
      [
        [null, "OUT"],
        [20_000, null],
        [null, "IN"],
      ],
    );
    assert.deepEqual([alice?.missing, alice?.ms], [2, 20_000]);
  });

  it("knows zones of a visit by messages as well as from the gallery's visits", async (t) => {
    const kept = await keep(t);
    const from = Date.parse("2026-11-26T08:00Z");
    const walk: ScriptedVisit = {
      visit: "walk",
      person: kept.alice,
      stays: [
        ["in", from],
        ["hall", from + 9000],
        ["out", from + 99_000],
      ],
      until: from + 120_000,
    };
    const rules = { mode: "strict", zonesIn: ["in"], zonesOut: ["out"] };
    const byMessage = kept.open(rules);
    const tell = (
      event: "arrived" | "confirmed" | "changed" | "left",
      stay: number,
      sequence: number,
    ): Promise<void> => byMessage.takeVisit(messageOf(walk, { event, stay, sequence }));
    await tell("arrived", 0, 1);
    assert.deepEqual(said(byMessage, "2026-11-26"), [], "it is not settled who it is");
    await tell("confirmed", 1, 2);
    await tell("changed", 2, 3);
    await tell("confirmed", 1, 2);
    await tell("left", 2, 4);
    const told = said(byMessage, "2026-11-26");
    assert.deepEqual(told, ["Alice IN 08:00", "Alice OUT 08:01"]);
    // From now on the gallery keeps visits: what is known of them is known by their ids.
    const log = new VisitLog();
    log.put(recordOf(walk));
    const byBook = kept.open(rules, log);
    await byBook.start();
    assert.deepEqual(said(byBook, "2026-11-26"), told);
  });

  it("takes no strangers, nobody who is unsure, and of groups only those that it is for", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({ groups: ["staff"] }, log);
    log.put(recordOf(visit(null, "2026-11-26T08:00Z")));
    log.put(recordOf(visit(kept.alice, "2026-11-26T09:00Z"), { confirmed: false }));
    log.put(recordOf({ ...visit(kept.alice, "2026-11-26T10:00Z"), groups: ["family"] }));
    log.put(recordOf({ ...visit(kept.bob, "2026-11-26T11:00Z"), groups: ["staff"] }));
    log.put(recordOf({ ...visit("ffffffffffff", "2026-11-26T12:00Z"), groups: ["staff"] }));
    await book.start();
    assert.deepEqual(said(book, "2026-11-26"), ["Bob IN 11:00"]);
  });

  it("follows the evidence when it says that it was somebody else, but not over what people said", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    const told: Taken[] = [];
    book.on("checkIn", (row) => told.push(row));
    const [first, second] = [visit(kept.alice, "2026-11-26T08:00Z"), visit(kept.alice, "2026-11-26T12:00Z")];
    log.put(recordOf(first));
    log.put(recordOf(second));
    await book.start();
    const [, out] = told;
    assert.ok(out);
    await book.change(out.id, { at: out.at + MINUTE_MS, why: "the clock was slow", by: "carol" });
    for (const each of [first, second]) log.put(recordOf({ ...each, person: kept.bob }));
    await book.look();
    assert.deepEqual(said(book, "2026-11-26"), ["Alice OUT 12:01", "Bob IN 08:00"]);
    assert.deepEqual(
      told.map(({ name, type, was }) => [name, type, was?.person]),
      [
        ["Alice", "IN", undefined],
        ["Alice", "OUT", undefined],
        ["Bob", "IN", kept.alice],
      ],
    );
    // Nobody of the gallery after all.
    log.put(recordOf({ ...first, person: null }));
    await book.look();
    assert.deepEqual(said(book, "2026-11-26"), ["Alice OUT 12:01", "Bob IN 08:00 removed"]);
  });

  it("tells each check-in once, and after a restart those that nobody heard", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const heard: string[] = [];
    const listen = (book: Attendance): Attendance =>
      book.on("checkIn", ({ local }) => heard.push(local.slice(11, 16)));
    const book = listen(kept.open({}, log));
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
    await book.start();
    await book.close();
    const again = await kept.reopen();
    log.put(recordOf(visit(again.alice, "2026-11-26T12:00Z")));
    await listen(again.open({}, log)).start();
    assert.deepEqual(heard, ["08:00", "12:00"]);
  });

  it("reads visits anew where the gallery's visits begin anew, and doubles none", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const visits = ["08:00", "12:00", "13:00"].map((time) => visit(kept.alice, `2026-11-26T${time}Z`));
    for (const each of visits) log.put(recordOf(each));
    await kept.open({}, log).start();
    const fresh = new VisitLog();
    fresh.put(recordOf(visits[2] as ScriptedVisit));
    fresh.put(recordOf(visit(kept.alice, "2026-11-26T18:00Z")));
    const book = kept.open({}, fresh);
    await book.start();
    assert.deepEqual(said(book, "2026-11-26"), [
      "Alice IN 08:00",
      "Alice OUT 12:00",
      "Alice IN 13:00",
      "Alice OUT 18:00",
    ]);
  });

  for (const [what, spoil, problem] of [
    ["damaged", (file) => writeFileSync(file, readFileSync(file).fill(0xff)), /^the check-ins in .* were damaged: /],
    ["gone", (file) => rmSync(file), /^the database of the check-ins in .* was gone: the backup of 20/],
  ] satisfies [what: string, spoil: (file: string) => void, problem: RegExp][])
    it(`goes on from its backup where its file is ${what}, and says so of check-ins`, async (t) => {
      const kept = await keep(t);
      const log = new VisitLog();
      log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
      await kept.open({}, log).start();
      await kept.ledger.backUp();
      await kept.books.close();
      spoil(join(kept.folder, "attendance", "attendance.mdb"));
      const again = await kept.reopen();
      assert.match(again.problems.map(({ message }) => message).join(), problem);
      assert.deepEqual(said(again.open({}), "2026-11-26"), ["Alice IN 08:00"]);
    });

  it("leaves out a record that is none, and says so", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
    await kept.open({}, log).start();
    await kept.books.close();
    const database = await Database.open(join(kept.folder, "attendance", "attendance.mdb"), noSecret);
    await database.write({ put: [["row:book:bad", Buffer.from("a record that is none")]] });
    await database.close();
    const again = await kept.reopen();
    assert.match(again.problems.map(({ message }) => message).join(), /^1 records of check-ins in .* are malformed/);
    assert.deepEqual(said(again.open({}), "2026-11-26"), ["Alice IN 08:00"]);
  });

  it("lets its database go where it cannot be opened, so that it can be opened again", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "attendance-")), "a.mdb");
    const database = await Database.open(file, noSecret);
    database.write = () => Promise.reject(new Error("the disk is full"));
    const options = { folder: file, encrypted: false, isKnown: () => true };
    await assert.rejects(Ledger.open({ database }, options), /the disk is full/);
    assert.throws(() => database.get("sealed"));
    const again = await Ledger.open({ database: await Database.open(file, noSecret) }, options);
    await again.close();
  });

  it("refuses visits of another gallery", async (t) => {
    const book = (await keep(t)).open({});
    const other = messageOf(visit(null, "2026-11-26T08:00Z"), {
      event: "left",
      stay: 0,
      sequence: 1,
      gallery: "other",
    });
    await assert.rejects(book.takeVisit(other), /of another gallery/);
  });

  it("refuses rules that cannot be", () => {
    const refused = (rules: object, why: RegExp): void =>
      assert.throws(() => new Rules(rules, "face-attendance"), why);
    refused({ mode: "strict" }, /zonesIn: strict check-ins need the zones/);
    refused({ mode: "strict", zonesIn: ["door"], zonesOut: ["door"] }, /zonesOut: a zone is either/);
    refused({ dayBegins: "25:00" }, /dayBegins: must be a time like 04:00/);
    refused({ minInterval: -1 }, /minInterval/);
    refused({ timeZone: "Mars/Olympus" }, /"Mars\/Olympus" is no time zone/);
  });
});

describe("a correction of an attendance book", () => {
  it("adds, changes, removes and restores, once each however often it is said, and keeps what was", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
    await book.start();
    const added = {
      person: kept.alice,
      type: "OUT",
      at: Date.parse("2026-11-26T17:00Z"),
      why: "the camera was off",
      by: "carol",
    } as const;
    const { id } = await book.add(added);
    assert.equal((await book.add(added)).id, id);
    const later = { at: Date.parse("2026-11-26T17:30Z"), why: "she stayed", by: null };
    await book.change(id, later);
    await book.change(id, later);
    await book.change(id, { removed: true, why: "wrong person", by: "dave" });
    await book.change(id, { removed: true, why: "wrong person", by: "dave" });
    assert.deepEqual(said(book, "2026-11-26"), ["Alice IN 08:00", "Alice OUT 17:30 removed"]);
    assert.equal(book.day("2026-11-26").people[0]?.missing, 1);
    await book.change(id, { removed: false, why: "it was her", by: "dave" });
    assert.equal(book.day("2026-11-26").people[0]?.ms, 9.5 * HOUR_MS);
    const again = (await kept.reopen()).open({}, log);
    assert.deepEqual(
      again.history(id).history.map(({ what, by, why, was }) => [what, by, why, was?.at]),
      [
        ["added", "carol", "the camera was off", undefined],
        ["changed", null, "she stayed", added.at],
        ["removed", "dave", "wrong person", later.at],
        ["restored", "dave", "it was her", later.at],
      ],
    );
  });

  it("counts for what comes after it", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
    await book.start();
    const add = (type: "IN" | "OUT", time: string): Promise<ToldCheckIn> =>
      book.add({ person: kept.alice, type, at: Date.parse(`2026-11-26T${time}Z`), why: "lunch", by: null });
    await add("IN", "13:00");
    await add("OUT", "12:00");
    log.put(recordOf(visit(kept.alice, "2026-11-26T17:00Z")));
    await book.look();
    assert.equal(said(book, "2026-11-26").at(-1), "Alice OUT 17:00");
    assert.equal(book.day("2026-11-26").people[0]?.ms, 8 * HOUR_MS);
  });

  it("names somebody who is there, and a check-in that is", async (t) => {
    const kept = await keep(t);
    const book = kept.open({});
    const add = { type: "IN", at: 0, why: "x", by: null } as const;
    await assert.rejects(book.add({ ...add, person: "ffffffffffff" }), /no such person/);
    await assert.rejects(book.change("0".repeat(24), { removed: true, why: "x", by: null }), /no such check-in/);
  });
});

/** Every byte of every file. */
function bytesIn(folder: string): Buffer {
  return Buffer.concat(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name))),
  );
}

describe("a check-in whose days are over", () => {
  /** November ends on 1 December; of its last night a shift goes on into that. */
  const OLD = [
    "2026-10-31T22:00Z",
    "2026-11-01T06:00:00Z",
    // The same as the one before it.
    "2026-11-01T06:00:30Z",
    "2026-11-30T22:00Z",
    "2026-12-01T06:00Z",
  ];
  const LATER = "2026-12-02T08:00Z";

  it("is deleted for real once its month is over for so many days, and a shift over its end whole", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    let now = Date.parse("2026-12-03T00:00Z");
    const rules = { mode: "strict", zonesIn: ["in"], zonesOut: ["out"] };
    const open = (): Attendance => kept.open(rules, log, { now: () => now, keepDays: 30 });
    for (const at of [...OLD, LATER]) {
      const each = visit(kept.alice, at, at.includes("T06") ? "out" : "in");
      log.put(recordOf({ ...each, visit: `visit of ${at}` }));
    }
    const book = open();
    const told: Taken[] = [];
    book.on("checkIn", (taken) => told.push(taken));
    await book.start();
    // October was kept until 1 December.
    assert.equal(book.keptFrom, "2026-11-01");
    assert.deepEqual(
      told.map(({ local }) => local.slice(5, 16)),
      ["11-01 06:00", "11-30 22:00", "12-01 06:00", "12-02 08:00"],
      "what is too old is no check-in",
    );
    await kept.ledger.backUp();
    now = Date.parse("2026-12-30T23:59:59.999Z");
    assert.equal(await kept.ledger.sweep(now), 0);
    now += 1;
    assert.ok(bytesIn(kept.folder).includes("visit of 2026-11-30T22:00Z"));
    assert.equal(await kept.ledger.sweep(now), 3);
    const bytes = bytesIn(kept.folder);
    for (const at of OLD) assert.ok(!bytes.includes(`visit of ${at}`), `${at}, in old pages or backups`);
    assert.ok(bytes.includes(`visit of ${LATER}`));
    assert.deepEqual(book.month("2026-11").people, []);
    assert.deepEqual(
      book.month("2026-12").people.map(({ missing, days }) => [missing, days.map(({ day }) => day)]),
      [[1, ["2026-12-02"]]],
      "no OUT without its IN is left",
    );
  });

  it("is not taken again when its visit is read anew, and nothing is added before it", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    let now = Date.parse("2026-11-20T00:00Z");
    const book = kept.open({}, log, { now: () => now, keepDays: 1 });
    const old = visit(kept.alice, "2026-11-10T08:00Z");
    log.put(recordOf(old));
    await book.start();
    assert.deepEqual(said(book, "2026-11-10"), ["Alice IN 08:00"]);
    now = Date.parse("2026-12-02T00:00Z");
    assert.equal(await kept.ledger.sweep(now), 1);
    // As after a merge: it is written anew.
    log.put(recordOf({ ...old, person: kept.bob }));
    await book.look();
    assert.deepEqual([...kept.ledger.rows("book")], []);
    const add = (at: string): Promise<ToldCheckIn> =>
      book.add({ person: kept.bob, type: "IN", at: Date.parse(at), why: "forgotten", by: null });
    await assert.rejects(add("2026-11-30T23:59Z"), /check-ins before 2026-12-01 are not kept/);
    const { id } = await add("2026-12-01T00:00Z");
    const change = { at: Date.parse("2026-11-01T00:00Z"), why: "earlier", by: null };
    await assert.rejects(book.change(id, change), /before 2026-12-01/);
  });

  it("goes also when its node is gone, and when a crash came before old pages were wiped", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log, { keepDays: 1 });
    log.put(recordOf(visit(kept.alice, "2026-11-10T08:00Z", "backdoor")));
    log.put(recordOf(visit(kept.alice, "2026-11-10T08:00:20Z")));
    await book.start();
    assert.equal(kept.ledger.same("book", [...log.ids].map((id) => hashOf(id, "visit"))[1] ?? ""), kept.alice);
    await book.close();
    const again = await kept.reopen();
    assert.equal(await again.ledger.sweep(Date.parse("2026-12-01T23:59Z")), 0);
    assert.equal(await again.ledger.sweep(Date.parse("2026-12-02T00:00Z")), 1);
    assert.ok(!bytesIn(kept.folder).includes("backdoor"));
    assert.ok(!bytesIn(join(kept.folder, "attendance")).includes(kept.alice), "nor whose visit was the same");
  });

  it("stays where nobody ever said for how long", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    log.put(recordOf(visit(kept.alice, "2026-11-10T08:00Z")));
    await book.start();
    assert.equal(await kept.ledger.sweep(Date.parse("2126-12-02T00:00Z")), 0);
    assert.deepEqual([book.keptFrom, book.keepDays], [null, undefined]);
  });
});

describe("a person whose attendance is kept", () => {
  it("is in no file any more once they were deleted, not even as whom somebody else was taken for", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    const mistaken = visit(kept.alice, "2026-11-26T07:00Z");
    log.put(recordOf(mistaken));
    for (let hour = 8; hour < 18; hour += 1)
      log.put(recordOf(visit(kept.alice, `2026-11-26T${String(hour).padStart(2, "0")}:00Z`)));
    await book.start();
    log.put(recordOf({ ...mistaken, person: kept.bob }));
    await book.look();
    await kept.ledger.backUp();
    assert.ok(bytesIn(kept.folder).includes(kept.alice));
    await kept.store.removePerson(kept.alice);
    kept.books.forget([kept.alice]);
    assert.equal(await kept.books.forgotten(kept.alice), 10);
    assert.ok(!bytesIn(kept.folder).includes(kept.alice), "neither in old pages nor in backups");
    assert.deepEqual(said(book, "2026-11-26"), ["Bob IN 07:00"]);
  });

  it("is told without check-ins too, however long after they were deleted", async (t) => {
    const kept = await keep(t);
    await kept.store.removePerson(kept.bob);
    kept.books.forget([kept.bob]);
    await setImmediate();
    assert.equal(await kept.books.forgotten(kept.bob), 0);
  });

  it("is forgotten at the next start where a crash came between", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z")));
    await kept.open({}, log).start();
    await kept.store.removePerson(kept.alice);
    const again = await kept.reopen();
    assert.deepEqual([...again.ledger.rows("book")], []);
  });

  it("keeps their check-ins when two are made one", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    const book = kept.open({}, log);
    const first = visit(kept.alice, "2026-11-26T08:00Z");
    log.put(recordOf(first));
    await book.start();
    await kept.books.merge(kept.alice, kept.bob);
    await kept.store.removePerson(kept.alice);
    // face-presence may not know it yet.
    log.put(recordOf(first));
    await book.look();
    assert.deepEqual(said(book, "2026-11-26"), ["Bob IN 08:00"]);
  });

  it("is sealed by the gallery's pass phrase, also when it comes later", async (t) => {
    const kept = await keep(t);
    const log = new VisitLog();
    log.put(recordOf(visit(kept.alice, "2026-11-26T08:00Z", "backdoor")));
    await kept.open({}, log).start();
    assert.ok(bytesIn(kept.folder).includes("backdoor"));
    const sealed = await kept.reopen("open sesame");
    assert.ok(!bytesIn(kept.folder).includes("backdoor"));
    assert.deepEqual(said(sealed.open({}), "2026-11-26"), ["Alice IN 08:00"]);
  });
});

describe("check-ins as CSV", () => {
  const row: ToldCheckIn = {
    id: "0".repeat(24),
    person: "0123456789ab",
    name: "Alice",
    type: "IN",
    at: Date.parse("2026-11-26T07:03:00Z"),
    local: "2026-11-26 08:03:00",
    day: "2026-11-26",
    zone: "door",
    source: "camera",
    site: "Back door",
    visit: null,
    removed: false,
    corrected: false,
  };

  it("begin with a byte order mark, and have a line of names", () => {
    assert.equal(
      csvOf([row], "Europe/Berlin"),
      "\uFEFFday,person,name,type,time,offset,zone,camera,visit,id,corrected,site\r\n" +
        `2026-11-26,0123456789ab,Alice,IN,2026-11-26 08:03:00,UTC+01:00,door,camera,,` +
        `${"0".repeat(24)},no,Back door\r\n`,
    );
  });

  it("hold no formula, and no line or comma that breaks them", () => {
    for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "|calc", "\r=1"])
      assert.ok(csvOf([{ ...row, name }], "UTC").includes(`,"'${name}",`), JSON.stringify(name));
    assert.ok(csvOf([{ ...row, name: 'a "b", c\nd' }], "UTC").includes(',"a ""b"", c\nd",'));
    assert.ok(csvOf([{ ...row, name: "王小明" }], "UTC").includes(",王小明,"));
  });
});
