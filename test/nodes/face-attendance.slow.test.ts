/** An attendance book in a real Node-RED, by its messages and by its API. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { AttendanceBookAnswer } from "../../api/answers";
import type { DayReport, MonthReport, ToldCheckIn } from "../../lib/attendance/pairs";
import type { Person } from "../../lib/people/people";
import { fetchApi } from "../support/api";
import { attendanceFlow, BOOK, GALLERY, PLAIN_LOGINS, userDirWithLogin } from "../support/attendance-flow";
import { Frappe } from "../support/frappe";
import { build, eventually, type NodeRed, startNodeRed } from "../support/node-red";
import { messageOf } from "../support/visit-log";

/** Tokens, and what they permit: whoever has none may do nothing. */
const USERS = { carol: "*", dave: "facenet.read", eve: "flows.read" };
const SETTINGS = `adminAuth: { type: "credentials", users: [], tokens: (token) => Promise.resolve((${JSON.stringify(
  Object.fromEntries(Object.entries(USERS).map(([username, permissions]) => [username, { username, permissions }])),
)})[token] ?? null) },`;
const DAY = "2026-11-26";

describe("face-attendance in a Node-RED with logins", () => {
  let red: NodeRed;
  let frappe: Frappe;
  let alice: Person;
  const folder = mkdtempSync(join(tmpdir(), "attendance-node-"));
  const checkIns = join(folder, "check-ins.txt");

  const ask = (path: string, init: { method?: string; body?: unknown; user?: string } = {}): Promise<Response> =>
    fetchApi(`${red.url}/facenet/api/${GALLERY}${path}`, {
      method: init.method ?? (init.body === undefined ? "GET" : "POST"),
      headers: {
        Authorization: `Bearer ${init.user ?? "carol"}`,
        ...(init.body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
  const json = async <T>(answer: Promise<Response>): Promise<T> => (await answer).json() as Promise<T>;
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${red.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  let sequence = 0;
  const visit = async (at: string): Promise<void> => {
    const from = Date.parse(at);
    const script = { visit: `visit-${at}`, person: alice.id, stays: [["door", from] as const], until: from + 9000 };
    sequence += 1;
    await post("/visit", messageOf(script, { event: "confirmed", stay: 0, sequence, gallery: GALLERY }));
  };
  const told = (): ToldCheckIn[] =>
    existsSync(checkIns)
      ? readFileSync(checkIns, "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as ToldCheckIn)
      : [];

  const start = async (userDir = userDirWithLogin()): Promise<void> => {
    const flow = attendanceFlow({ frappe: true, frappeUrl: frappe.url, dayBegins: "04:00" }, { checkIns });
    red = await startNodeRed(flow, { settings: SETTINGS + PLAIN_LOGINS, userDir });
    await eventually("the book is open", async () => {
      const answer = await ask("/attendance");
      const [book] = answer.ok ? ((await answer.json()) as AttendanceBookAnswer[]) : [];
      assert.equal(book?.error, undefined);
      return book?.today ? true : undefined;
    });
  };
  before(async () => {
    build();
    frappe = await Frappe.start();
    frappe.employees.set("0042", "Active");
    await start();
    alice = await json<Person>(ask("/people", { body: { name: "Alice", notes: "employee: 0042" } }));
  });
  after(async () => {
    await red.stop();
    await frappe.close();
  });

  it("sends each check-in once, to the flow and to Frappe HRMS, also after a restart", async () => {
    await visit("2026-11-26T07:00:00Z");
    await visit("2026-11-26T07:00:00Z");
    await eventually("it is sent", () => (frappe.logs.length === 1 && told().length === 1 ? true : undefined));
    const { userDir } = red;
    await red.stop();
    await start(userDir);
    await visit("2026-11-26T07:00:00Z");
    await visit("2026-11-26T16:30:00Z");
    await eventually("the second is sent", () => (frappe.logs.length === 2 && told().length === 2 ? true : undefined));
    assert.deepEqual(
      told().map(({ name, type, local, zone }) => [name, type, local, zone]),
      [
        ["Alice", "IN", "2026-11-26 08:00:00", "door"],
        ["Alice", "OUT", "2026-11-26 17:30:00", "door"],
      ],
    );
    assert.deepEqual(
      frappe.logs.map(({ time, log_type: type }) => `${type} ${time}`),
      ["IN 2026-11-26 08:00:00", "OUT 2026-11-26 17:30:00"],
    );
  });

  it("deletes check-ins when their days are over, and its answer says from when on they are kept", async () => {
    const flow = attendanceFlow({ keepCheckIns: "1", timeZone: "UTC" });
    const other = await startNodeRed(flow, { settings: PLAIN_LOGINS });
    try {
      const path = `${other.url}/facenet/api/${GALLERY}`;
      const headers = { "Content-Type": "application/json" };
      const made = await eventually("the gallery", async () => {
        const answer = await fetchApi(`${path}/people`, { method: "POST", headers, body: '{ "name": "Bob" }' });
        return answer.ok ? ((await answer.json()) as Person) : undefined;
      });
      const { days, keptFrom } = await eventually("the book", async () => {
        const [book] = (await (await fetchApi(`${path}/attendance`)).json()) as AttendanceBookAnswer[];
        return book?.today ? book : undefined;
      });
      const yesterday = new Date(Date.now() - 86_400_000).toISOString();
      assert.deepEqual([days, keptFrom], [1, `${yesterday.slice(0, 7)}-01`]);
      const body = { person: made.id, type: "IN", local: "2026-01-01 08:00", why: "long ago" };
      const refused = await fetchApi(`${path}/attendance/${BOOK}/check-ins`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      assert.match(((await refused.json()) as { error: string }).error, /check-ins before .* are not kept/);
    } finally {
      await other.stop();
    }
  });

  it("answers a day, a month and a table by message, and a sentence to what it does not understand", async () => {
    const day = (await (await post("/ask", { day: DAY })).json()) as DayReport;
    assert.deepEqual(
      day.people.map(({ name, ms, missing }) => [name, ms, missing]),
      [["Alice", 9.5 * 3_600_000, 0]],
    );
    const month = (await (await post("/ask", { month: "2026-11" })).json()) as MonthReport;
    assert.equal(month.people[0]?.ms, 9.5 * 3_600_000);
    assert.match(
      await (await post("/ask", { day: DAY, csv: true })).text(),
      /Alice,OUT,2026-11-26 17:30:00,UTC\+01:00/,
    );
    assert.match(
      await (await post("/ask", { day: "yesterday" })).text(),
      /face-attendance: msg\.attendance: day: must be a day like 2026-11-26/,
    );
  });

  it("corrects by the API under the name of who asks, and tells what was before", async () => {
    const [book] = await json<AttendanceBookAnswer[]>(ask("/attendance"));
    assert.deepEqual(
      [book?.id, book?.mode, book?.timeZone, book?.sending?.problem],
      [BOOK, "alternating", "Europe/Berlin", null],
    );
    const added = { person: alice.id, type: "IN", local: `${DAY} 18:00`, why: "back for a call", by: "somebody else" };
    const { id } = await json<ToldCheckIn>(ask(`/attendance/${BOOK}/check-ins`, { body: added }));
    assert.equal((await json<ToldCheckIn>(ask(`/attendance/${BOOK}/check-ins`, { body: added }))).id, id);
    const patch = { removed: true, why: "it was another day" };
    await json(ask(`/attendance/${BOOK}/check-ins/${id}`, { method: "PATCH", body: patch }));
    const { history } = await json<{ history: { what: string; by: string; why: string }[] }>(
      ask(`/attendance/${BOOK}/check-ins/${id}`),
    );
    assert.deepEqual(
      history.map(({ what, by, why }) => [what, by, why]),
      [
        ["added", "carol", "back for a call"],
        ["removed", "carol", "it was another day"],
      ],
    );
    const day = await json<DayReport>(ask(`/attendance/${BOOK}/days/${DAY}`));
    assert.deepEqual(
      day.people[0]?.checkIns.map(({ type, removed }) => [type, removed]),
      [
        ["IN", false],
        ["OUT", false],
        ["IN", true],
      ],
    );
    assert.equal((await json<MonthReport>(ask(`/attendance/${BOOK}/months/2026-11`))).people.length, 1);
    const csv = await ask(`/attendance/${BOOK}/csv?from=${DAY}&to=${DAY}`);
    assert.equal(csv.headers.get("content-disposition"), `attachment; filename="attendance-${DAY}.csv"`);
    const bytes = Buffer.from(await csv.arrayBuffer());
    assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
    assert.equal(bytes.toString().trim().split("\r\n").length, 3);
  });

  it("asks for permission, and refuses what cannot be", async () => {
    const refused = async (status: number, ...request: Parameters<typeof ask>): Promise<void> => {
      const answer = await ask(...request);
      assert.equal(answer.status, status, JSON.stringify(request));
    };
    const add = { person: alice.id, type: "IN", local: `${DAY} 18:00`, why: "x" };
    await refused(401, "/attendance", { user: "eve" });
    await refused(200, "/attendance", { user: "dave" });
    await refused(401, `/attendance/${BOOK}/check-ins`, { user: "dave", body: add });
    await refused(401, `/attendance/${BOOK}/send`, { user: "dave", body: {} });
    await refused(404, "/attendance/nobody/days/2026-11-26");
    await refused(404, `/attendance/${BOOK}/check-ins/${"0".repeat(24)}`);
    await refused(404, `/attendance/${BOOK}/days/2026-02-30`);
    await refused(404, `/attendance/${BOOK}/months/2026-13`);
    await refused(400, `/attendance/${BOOK}/csv?from=yesterday`);
    await refused(400, `/attendance/${BOOK}/check-ins`, { body: { ...add, why: " " } });
    await refused(400, `/attendance/${BOOK}/check-ins`, { body: { ...add, local: `${DAY} 25:00` } });
    await refused(400, `/attendance/${BOOK}/check-ins`, { body: { ...add, at: 1 } });
    await refused(400, `/attendance/${BOOK}/check-ins`, { body: { person: alice.id, type: "IN", why: "x" } });
    await refused(404, `/attendance/${BOOK}/check-ins`, { body: { ...add, person: "ffffffffffff" } });
    assert.deepEqual(await json(ask(`/attendance/${BOOK}/send`, { body: {} })), { sent: 0 });
  });

  it("deletes the check-ins of a person who is deleted, and counts them in the receipt", async () => {
    const { checkIns: deleted } = await json<{ checkIns: number }>(ask(`/people/${alice.id}`, { method: "DELETE" }));
    assert.equal(deleted, 3);
    assert.deepEqual((await json<DayReport>(ask(`/attendance/${BOOK}/days/${DAY}`))).people, []);
  });
});
