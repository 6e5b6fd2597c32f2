import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Attendance } from "../../../lib/attendance/attendance";
import { employeeIn, FrappeOutbox, outcomeOf } from "../../../lib/attendance/frappe";
import { Ledger } from "../../../lib/attendance/ledger";
import { Rules } from "../../../lib/attendance/rules";
import { Database } from "../../../lib/people/lmdb/database";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { render } from "../../../lib/words/sentence";
import { Frappe } from "../../support/frappe";
import { recordOf, VisitLog } from "../../support/visit-log";

const ALICE = "0000000000aa";
const BOB = "0000000000bb";

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 180_000; !holds(); await sleep(5)) if (Date.now() > end) assert.fail(`never: ${what}`);
}

interface Sending {
  book: Attendance;
  outbox: FrappeOutbox;
  log: VisitLog;
  ledger: Ledger;
  come: (person: string, at: string) => Promise<void>;
  states: () => string[];
  file: string;
}

describe("check-ins for Frappe HRMS", () => {
  let frappe: Frappe;
  before(async () => {
    frappe = await Frappe.start();
  });
  after(() => frappe.close());
  beforeEach(() => {
    frappe.logs.length = 0;
    frappe.requests.length = 0;
    frappe.mishaps.length = 0;
    frappe.employees.clear();
    frappe.employees.set("0042", "Active");
    frappe.employees.set("0043", "Active");
    Object.assign(frappe, { german: false, tracebacks: true, mayWriteTime: true });
  });

  const notes = new Map<string, string>();
  async function open(
    t: TestContext,
    options: object = {},
    file = join(mkdtempSync(join(tmpdir(), "frappe-")), "a.mdb"),
  ): Promise<Sending> {
    notes.set(ALICE, "likes tea\nEmployee: 0042").set(BOB, "employee：0043 \nnight shift");
    const database = await Database.open(file, noSecret);
    const ledger = await Ledger.open({ database }, { folder: file, encrypted: false, isKnown: () => true });
    const log = new VisitLog();
    const book = new Attendance({
      book: "book",
      gallery: "gallery",
      ledger,
      rules: new Rules({ timeZone: "Europe/Berlin" }, "face-attendance"),
      people: { nameOf: (id) => (id === ALICE ? "Alice" : "Bob") },
      visits: log,
      sends: true,
    });
    const outbox = new FrappeOutbox({
      attendance: book,
      frappe: { url: frappe.url, key: "key", secret: "secret", ...options },
      personOf: (id) => ({ name: id === ALICE ? "Alice" : "Bob", notes: notes.get(id) ?? "" }),
      onState: () => undefined,
      onError: (error) => assert.fail(error as Error),
      limits: { idleMs: 2000, totalMs: 4000, firstWaitMs: 20, longestWaitMs: 100 },
    });
    book.on("change", () => outbox.wake());
    t.after(async () => {
      await outbox.close();
      await book.close();
      await ledger.close();
    });
    let visits = 0;
    await book.start();
    return {
      book,
      outbox,
      log,
      ledger,
      file,
      come: async (person, at) => {
        const from = Date.parse(at);
        log.put(recordOf({ visit: `v${(visits += 1)}`, person, stays: [["door", from]], until: from + 9000 }));
        await book.look();
      },
      states: () =>
        (["waiting", "delivered", "refused"] as const).flatMap((state) =>
          book.sendings(state).map(({ type }) => `${type} ${state}`),
        ),
    };
  }

  it("are sent as its method takes them, field for field", async (t) => {
    const { come, states } = await open(t);
    await come(ALICE, "2026-11-26T07:03:05.999Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const [request] = frappe.requests;
    assert.deepEqual(request?.fields, {
      employee_field_value: "0042",
      timestamp: "2026-11-26 08:03:05",
      device_id: "door",
      log_type: "IN",
    });
    assert.equal(request.headers.authorization, "token key:secret");
    assert.equal(request.headers["content-type"], "application/json");
    assert.equal(request.headers.accept, "application/json");
  });

  it("name another field, and the person's name, where that is chosen", async (t) => {
    frappe.employees.set("Alice", "Active");
    const { come, states } = await open(t, { employeeFrom: "name", employeeField: "employee_name" });
    await come(ALICE, "2026-11-26T07:03:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const { employee_fieldname: field, employee_field_value: value } = frappe.requests[0]?.fields ?? {};
    assert.deepEqual([field, value], ["employee_name", "Alice"]);
  });

  it("are there once, though Frappe fails, hangs, breaks off, and takes what it does not answer", async (t) => {
    const { come, states } = await open(t);
    frappe.mishaps.push(
      "500",
      "502 page",
      "drop",
      "hang",
      "drop after it was taken",
      "429",
      "401",
      "200 page",
      "404 page",
    );
    await come(ALICE, "2026-11-26T07:00:00Z");
    await come(BOB, "2026-11-26T07:01:00Z");
    await come(ALICE, "2026-11-26T12:00:00Z");
    await until(
      "all are delivered",
      () => states().length === 3 && states().every((state) => state.endsWith("delivered")),
    );
    assert.deepEqual(
      frappe.logs.map(({ employee, time, log_type: type }) => `${employee} ${time} ${type}`),
      ["0042 2026-11-26 08:00:00 IN", "0043 2026-11-26 08:01:00 IN", "0042 2026-11-26 13:00:00 OUT"],
    );
  });

  it("wait on the disk while Frappe is away, and go out after a restart", async (t) => {
    const first = await open(t, { url: "http://127.0.0.1:9" });
    await first.come(ALICE, "2026-11-26T07:00:00Z");
    await until("it was tried", () => first.outbox.reason !== undefined);
    assert.match(
      render(first.outbox.reason ?? { "en-US": "" }, "en-US"),
      /^Frappe cannot be reached: .* It is tried again\.$/,
    );
    assert.deepEqual(first.states(), ["IN waiting"]);
    await first.outbox.close();
    // As killed: the file is opened by another, who knows nothing but what is on the disk.
    const copy = `${first.file}.copy`;
    const database = await Database.open(first.file, noSecret);
    await database.copyTo(copy);
    await database.close();
    const second = await open(t, {}, copy);
    second.outbox.wake();
    await until("it is delivered", () => second.states().join() === "IN delivered");
    assert.equal(frappe.logs.length, 1);
  });

  it("that Frappe refuses are a problem of their own, and do not block the others", async (t) => {
    frappe.employees.set("0042", "Inactive");
    const { come, states, book, outbox } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await come(BOB, "2026-11-26T07:01:00Z");
    await until("both were tried", () => states().length === 2 && book.sendings("waiting").length === 0);
    assert.deepEqual(states(), ["IN delivered", "IN refused"]);
    assert.equal(
      book.sendings("refused")[0]?.sending?.reason,
      "Transactions cannot be created for an Inactive Employee 0042 .",
    );
    frappe.employees.set("0042", "Active");
    assert.equal(await outbox.retry(), 1);
    await until("it is delivered", () => book.sendings("delivered").length === 2);
  });

  it("are known for duplicates by Frappe's function where its words are another language's", async (t) => {
    frappe.german = true;
    frappe.logs.push({ employee: "0042", time: "2026-11-26 08:00:00", log_type: "IN", device_id: "door" });
    const { come, states } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    assert.equal(frappe.logs.length, 1);
  });

  it("are known for duplicates where Frappe tells no tracebacks", async (t) => {
    frappe.tracebacks = false;
    frappe.logs.push({ employee: "0042", time: "2026-11-26 08:00:00", log_type: "IN", device_id: "door" });
    const { come, states } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
  });

  it("of somebody whose employee nobody said wait for it alone", async (t) => {
    const { come, states, outbox } = await open(t);
    notes.set(ALICE, "");
    await come(ALICE, "2026-11-26T07:00:00Z");
    await come(BOB, "2026-11-26T07:01:00Z");
    await until("the other one is delivered", () => states().includes("IN delivered"));
    await until("it is said", () => outbox.reason !== undefined);
    assert.match(render(outbox.reason ?? { "en-US": "" }, "en-US"), /^1 check-ins wait for an employee/);
    notes.set(ALICE, "employee: 0042");
    outbox.wake();
    await until("it is delivered", () => states().join() === "IN delivered,IN delivered");
    assert.equal(outbox.reason, undefined);
  });

  it("are sent as they were corrected, when they were corrected before", async (t) => {
    const { come, book, outbox, states } = await open(t);
    notes.set(ALICE, "");
    await come(ALICE, "2026-11-26T07:00:00Z");
    const [row] = book.sendings("waiting");
    await book.change(row?.id ?? "", { type: "OUT", why: "wrong door", by: null });
    notes.set(ALICE, "employee: 0042");
    outbox.wake();
    await until("it is delivered", () => states().join() === "OUT delivered");
    assert.equal(frappe.logs[0]?.log_type, "OUT");
  });

  const there = (): string[] =>
    frappe.logs.map(({ employee, time, log_type: type }) => `${employee} ${time.slice(11)} ${type}`);

  it("are changed in Frappe where they are corrected after that, in the same document", async (t) => {
    const { come, book, states } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const [{ id } = { id: "" }] = book.sendings("delivered");
    const name = frappe.logs[0]?.name;
    const correct = (change: object): Promise<unknown> => book.change(id, { ...change, why: "x", by: null });
    await correct({ type: "OUT", at: Date.parse("2026-11-26T16:00:00Z") });
    await until("it is changed", () => there().join() === "0042 17:00:00 OUT");
    await correct({ person: BOB });
    await until("it is another's", () => there().join() === "0043 17:00:00 OUT");
    await until("it is known", () => states().join() === "OUT delivered");
    assert.deepEqual([frappe.logs[0]?.name, frappe.requests.length], [name, 1]);
    await correct({ removed: true });
    await until("it is gone", () => there().length === 0);
    await until("it is known", () => states().length === 0);
    assert.equal(book.history(id).sending?.state, "withdrawn");
    await correct({ removed: false });
    await until("it is there again", () => there().join() === "0043 17:00:00 OUT");
  });

  it("are changed in Frappe too where the cameras say by now that it was somebody else", async (t) => {
    const { book, log, states } = await open(t);
    const from = Date.parse("2026-11-26T07:00:00Z");
    const script = { visit: "v", stays: [["door", from]] as const, until: from + 9000 };
    log.put(recordOf({ ...script, person: ALICE }));
    await book.look();
    await until("it is delivered", () => states().join() === "IN delivered");
    log.put(recordOf({ ...script, person: BOB }));
    await book.look();
    await until("it is his", () => there().join() === "0043 08:00:00 IN");
    log.put(recordOf({ ...script, person: null }));
    await book.look();
    await until("it is nobody's", () => there().length === 0);
  });

  it("are corrected once, though Frappe fails, breaks off, and takes what it does not answer", async (t) => {
    const { come, book, states } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const [{ id } = { id: "" }] = book.sendings("delivered");
    for (const [what, type] of [
      ["drop after it was taken", "OUT"],
      ["500", "IN"],
      ["hang", "OUT"],
      ["200 page", "IN"],
      // Of what stands before it, and knows nothing of the document.
      ["404 page", "OUT"],
    ] as const) {
      // Of the look for the document, of that for the employee, and of the change.
      frappe.mishaps.push(what, what, what);
      await book.change(id, { type, why: what, by: null });
      await until(what, () => there().join() === `0042 08:00:00 ${type}` && states().join() === `${type} delivered`);
    }
    frappe.mishaps.push("404 page", "drop after it was taken", "404 page", "drop after it was taken");
    await book.change(id, { removed: true, why: "x", by: null });
    await until("it is gone", () => there().length === 0 && states().length === 0);
  });

  it("are one where a crash came after Frappe took it, and a correction after that", async (t) => {
    frappe.mishaps.push("drop after it was taken", ...Array.from({ length: 200 }, () => "500" as const));
    const first = await open(t);
    await first.come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is there", () => frappe.logs.length === 1);
    await first.outbox.close();
    const copy = `${first.file}.corrected`;
    const database = await Database.open(first.file, noSecret);
    await database.copyTo(copy);
    await database.close();
    frappe.mishaps.length = 0;
    const second = await open(t, {}, copy);
    const [{ id } = { id: "" }] = second.book.sendings("waiting");
    await second.book.change(id, { type: "OUT", why: "wrong door", by: null });
    await until("it is corrected", () => second.states().join() === "OUT delivered");
    assert.deepEqual(there(), ["0042 08:00:00 OUT"]);
  });

  it("that an earlier version has delivered are found by what they were", async (t) => {
    const { come, book, states, ledger } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const [row] = book.sendings("delivered");
    assert.ok(row?.sending !== undefined);
    const { there: _there, ...sending } = row.sending;
    await ledger.exclusively(() => ledger.write("book", { rows: [{ ...row, sending }] }));
    await book.change(row.id, { at: row.at + 60_000, why: "the clock was late", by: null });
    await until("it is corrected", () => there().join() === "0042 08:01:00 IN");
  });

  it("wait with a reason where attendance is marked by them, until it is cancelled there", async (t) => {
    const { come, book, states, outbox } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is delivered", () => states().join() === "IN delivered");
    const [log] = frappe.logs;
    assert.ok(log !== undefined);
    log.attendance = "HR-ATT-1";
    const [{ id } = { id: "" }] = book.sendings("delivered");
    for (const change of [{ type: "OUT" as const }, { removed: true }]) {
      await book.change(id, { ...change, why: "x", by: null });
      await until("it is refused", () => book.history(id).sending?.state === "refused");
      assert.equal(book.history(id).sending?.problem, "linked");
      assert.deepEqual(there(), ["0042 08:00:00 IN"]);
    }
    log.attendance = null;
    assert.equal(await outbox.retry(), 1);
    await until("it is gone", () => there().length === 0);
  });

  it("say so where the user of Frappe may not set the time, and nothing wrong is taken for right", async (t) => {
    frappe.mayWriteTime = false;
    const { come, book, states, outbox } = await open(t);
    await come(ALICE, "2026-11-26T07:00:00Z");
    await until("it is refused", () => states().join() === "IN refused");
    const [row] = book.sendings("refused");
    assert.equal(row?.sending?.problem, "time");
    frappe.mayWriteTime = true;
    assert.equal(await outbox.retry(), 1);
    await until("it is right", () => there().join() === "0042 08:00:00 IN" && states().join() === "IN delivered");
  });

  it("need an address, a key and a field that can be", async (t) => {
    await assert.rejects(open(t, { url: "hr.example.com" }), /url: must be the address of the site/);
    await assert.rejects(open(t, { url: "https://a:b@hr.example.com" }), /url: must hold no login/);
    await assert.rejects(open(t, { key: "" }), /key: the key and the secret/);
    await assert.rejects(open(t, { key: "", secret: "" }), /HRMS: key: the key and the secret[^;]+$/);
    await assert.rejects(open(t, { employeeField: "Device Id" }), /employeeField: must be the name of a field/);
  });
});

describe("a person's notes", () => {
  it("name the employee in a line of their own, in both languages", () => {
    assert.equal(employeeIn("a\nemployee: HR-EMP-00042\nb"), "HR-EMP-00042");
    assert.equal(employeeIn("Employee ID: 42 "), "42");
    assert.equal(employeeIn("員工編號：A7"), "A7");
    assert.equal(employeeIn("she is an employee: of mine"), undefined);
    assert.equal(employeeIn(""), undefined);
  });
});

describe("an answer of Frappe", () => {
  it("that refuses a check-in is never a reason to stop, and one that is of all always is", () => {
    for (const status of [400, 403, 404, 409, 413, 417, 422]) assert.equal(outcomeOf(status, "{}").what, "refused");
    for (const status of [301, 401, 407, 408, 429, 500, 502, 503, 508])
      assert.equal(outcomeOf(status, "").what, "later");
    for (const status of [403, 404, 413, 417]) assert.equal(outcomeOf(status, "<html>").what, "later");
    assert.equal(outcomeOf(200, '{"message":{"name":"EMP-CKIN-1"}}').what, "delivered");
    assert.equal(outcomeOf(200, "<html>").what, "later");
  });
});
