/** One attendance book of two Node-REDs over a PostgreSQL server: in at one door, out at the other. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AttendanceBookAnswer, GalleryAnswer } from "../../api/answers";
import type { DayReport, MonthReport, ToldCheckIn } from "../../lib/attendance/pairs";
import type { Sites } from "../../lib/gallery/sites";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { Frappe } from "../support/frappe";
import { eventually, type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { Cable, noPostgres, PASSWORD, PostgresServer } from "../support/postgres";
import { messageOf } from "../support/visit-log";

const DAY = "2026-11-25";
const HOUR_MS = 3_600_000;

describe("two Node-REDs with one attendance book", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  let cable: Cable;
  let frappe: Frappe;
  const doors: NodeRed[] = [];
  let north: NodeRed;
  let south: NodeRed;
  let alice: string;
  let bob: string;

  const flowOf = (name: string, port: number): FlowNode[] => [
    {
      id: "g",
      type: "face-gallery",
      name: "People",
      model: "mobilefacenet-192",
      detector: "blazeface",
      // Visits come by message.
      keepVisits: "0",
      store: "shared",
      siteName: name,
      dbHost: "127.0.0.1",
      dbPort: String(port),
      dbName: "faces",
      dbUser: "doors",
      dbTls: false,
      dbCheckIns: "${SHARE_CHECK_INS}",
      credentials: { dbPassword: PASSWORD, sharedKey: "a key of both doors" },
    },
    { id: "t", type: "tab", label: "Attendance" },
    {
      id: "i",
      type: "http in",
      z: "t",
      url: "/visit",
      method: "post",
      x: 1,
      y: 1,
      wires: [["f", "r"]],
    },
    { id: "r", type: "http response", z: "t", statusCode: "200", x: 2, y: 2, wires: [] },
    {
      id: "f",
      type: "function",
      z: "t",
      func: "return { visit: msg.payload };",
      outputs: 1,
      x: 2,
      y: 1,
      wires: [["a"]],
    },
    {
      id: "a",
      type: "face-attendance",
      z: "t",
      name: "Book",
      gallery: "g",
      mode: "alternating",
      timeZone: "UTC",
      keepCheckIns: "3650",
      frappe: true,
      frappeUrl: frappe.url,
      credentials: { frappeKey: "key", frappeSecret: "secret" },
      x: 3,
      y: 1,
      wires: [[], []],
    },
  ];

  const start = async (name: string, port: number): Promise<NodeRed> => {
    const door = await startNodeRed([], { env: { SHARE_CHECK_INS: "true" } });
    doors.push(door);
    const answer = await fetch(`${door.url}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json", "Node-RED-API-Version": "v1" },
      body: JSON.stringify(flowOf(name, port)),
    });
    assert.ok(answer.ok, await answer.text());
    return door;
  };

  const ask = async <T>(door: NodeRed, path: string, init: RequestInit = {}): Promise<T> => {
    const answer = await fetchApi(`${door.url}/facenet/api${path}`, init);
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return (await answer.json()) as T;
  };
  const sending = (method: string, body: object): RequestInit => ({
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    await eventually(what, async () => ((await holds().catch(() => false)) ? true : undefined));
  };
  const inStep = async (door: NodeRed): Promise<boolean> => {
    const [gallery] = await ask<GalleryAnswer[]>(door, "/galleries");
    return gallery?.site?.reachable === true && gallery.site.waiting === 0;
  };

  let count = 0;
  /** Somebody was at the door. */
  const sees = async (door: NodeRed, person: string, time: string): Promise<void> => {
    count += 1;
    const from = Date.parse(`${DAY}T${time}:00Z`);
    const script = { visit: `v${count}`, person, stays: [["door", from] as const], until: from };
    const body = messageOf(script, { event: "confirmed", stay: 0, sequence: count, gallery: "g" });
    const answer = await fetch(`${door.url}/visit`, sending("POST", body));
    assert.equal(answer.status, 200);
  };
  const dayAt = (door: NodeRed): Promise<DayReport> => ask<DayReport>(door, `/g/attendance/a/days/${DAY}`);
  /** "Alice IN 08:00 North door". */
  const saidAt = async (door: NodeRed): Promise<string[]> =>
    (await dayAt(door)).people.flatMap(({ name, checkIns }) =>
      checkIns.map(({ type, local, site }) => `${name} ${type} ${local.slice(11, 16)} ${site}`),
    );
  const bothSay = async (...lines: string[]): Promise<void> => {
    for (const door of doors)
      await until(lines.join(", "), async () => (await saidAt(door)).join() === lines.join()).catch(async () =>
        assert.deepEqual(await saidAt(door), lines),
      );
  };

  before(async () => {
    frappe = await Frappe.start();
    frappe.employees.set("0042", "Active");
    server = await PostgresServer.create();
    server.role("doors");
    server.sql("create database faces owner doors");
    cable = await Cable.to(server.port);
    north = await start("North door", server.port);
    south = await start("South door", cable.port);
    for (const door of doors) await until("the site is in step", () => inStep(door));
    const enrol = async (name: string, notes: string): Promise<string> =>
      (await ask<{ id: string }>(north, "/g/people", sending("POST", { name, notes }))).id;
    alice = await enrol("Alice", "employee: 0042");
    bob = await enrol("Bob", "");
    await until(
      "the south knows both",
      async () => (await ask<GalleryAnswer[]>(south, "/galleries"))[0]?.people === 2,
    );
    for (const door of doors)
      await until("the book is open", async () => {
        const [book] = await ask<AttendanceBookAnswer[]>(door, "/g/attendance");
        return book?.site === (door === north ? "North door" : "South door");
      });
  });
  after(async () => {
    for (const door of doors) await door.stop();
    cable?.close();
    await server?.down();
    await frappe?.close();
  });

  it("has at both who came in at one and went out at the other, for the month and as CSV too", async () => {
    await sees(north, alice, "08:00");
    await bothSay("Alice IN 08:00 North door");
    await sees(south, alice, "17:30");
    await bothSay("Alice IN 08:00 North door", "Alice OUT 17:30 South door");
    for (const door of doors) {
      const [person] = (await dayAt(door)).people;
      assert.deepEqual([person?.ms, person?.missing], [9.5 * HOUR_MS, 0]);
      const month = await ask<MonthReport>(door, `/g/attendance/a/months/${DAY.slice(0, 7)}`);
      assert.deepEqual(month.people[0]?.days[0]?.sites, ["North door", "South door"]);
      const csv = await fetchApi(`${door.url}/facenet/api/g/attendance/a/csv?from=${DAY}`);
      assert.deepEqual(
        (await csv.text())
          .trim()
          .split("\r\n")
          .map((line) => line.split(",").at(-1)),
        ["site", "North door", "South door"],
      );
    }
  });

  it("has each check-in at Frappe HRMS once, and as it was corrected at the other door", async () => {
    await until("Frappe has both", async () => frappe.logs.length === 2);
    const row = (await dayAt(south)).people[0]?.checkIns[0] as ToldCheckIn;
    assert.equal(row.site, "North door");
    const path = `/g/attendance/a/check-ins/${row.id}`;
    await ask(south, path, sending("PATCH", { local: `${DAY} 07:45:00`, why: "the camera was late", by: "Ruth" }));
    await bothSay("Alice IN 07:45 North door", "Alice OUT 17:30 South door");
    await until("Frappe has the correction", async () =>
      [...frappe.logs].some((log) => JSON.stringify(log).includes(`${DAY} 07:45:00`)),
    );
    assert.equal(frappe.logs.length, 2);
  });

  it("goes on with the line cut; then everything is there once, and in turn", async () => {
    cable.cut(true);
    await sees(north, bob, "08:10");
    await sees(south, bob, "12:00");
    await until("the south has taken it", async () => (await saidAt(south)).at(-1) === "Bob IN 12:00 South door");
    cable.cut(false);
    await bothSay(
      "Alice IN 07:45 North door",
      "Alice OUT 17:30 South door",
      "Bob IN 08:10 North door",
      "Bob OUT 12:00 South door",
    );
  });

  it("is shown in the sidebar with the other door's name", async () => {
    const browser = await launch();
    try {
      for (const locale of ["en-US", "zh-TW"]) {
        const { page, complaints } = await openEditor(browser, { url: north.url }, { locale });
        await page.evaluate("RED.sidebar.show('facenet')");
        await page.locator("#facenet-tab-attendance").click();
        const section = page.locator(".facenet-attendance");
        await section.locator("input[type=date]").fill(DAY);
        await section.locator(".facenet-check-in", { hasText: "South door" }).first().waitFor();
        assert.equal(await section.locator(".facenet-check-in", { hasText: "North door" }).count(), 0);
        await section.getByText("North door").first().waitFor();
        await shoot(page, `attendance-of-sites-${locale}`);
        await assertAccessible(page, ".facenet-sidebar", `attendance of sites in ${locale}`);
        assert.deepEqual(complaints, []);
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });

  it("gives the database no word of it, and both sites are as it is", async () => {
    const dump = server.tool("pg_dump", ["--enable-row-security", "faces"], { user: "doors" });
    assert.match(dump, /checkIn/, "of which kind a record is can be seen");
    assert.doesNotMatch(dump, new RegExp(`Alice|Bob|${alice}|Ruth|camera`));
    for (const door of doors) {
      await until("it is in step", () => inStep(door));
      assert.equal((await ask<{ differing: number }>(door, "/g/sites/verify", sending("POST", {}))).differing, 0);
    }
  });

  it("is without whoever is deleted at one, with a receipt of each site", async () => {
    await ask(north, `/g/people/${bob}`, { method: "DELETE" });
    await bothSay("Alice IN 07:45 North door", "Alice OUT 17:30 South door");
    await until("both sites have answered", async () => {
      const { deletions } = await ask<Sites>(north, "/g/sites");
      return deletions[0]?.kind === "person" && deletions[0].missing.length === 0;
    });
    assert.equal(
      server.sql("select count(*) from facewire.records where kind = 'checkIn' and content is not null", {
        database: "faces",
      }),
      "2",
    );
  });
});
