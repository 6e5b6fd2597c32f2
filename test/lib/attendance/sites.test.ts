/** One attendance book of all doors: what the sites of a gallery tell each other of check-ins. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { seeded } from "../../../bench/statistics";
import { isThere } from "../../../lib/attendance/check-in";
import type { Correction } from "../../../lib/attendance/attendance";
import { ELSEWHERE } from "../../../lib/attendance/ledger";
import { NotFound } from "../../../lib/people/errors";
import {
  allAttended,
  type AttendingSite,
  type AttendingSiteOptions,
  checkInsOf,
  openAttendingSite,
} from "../../support/attending-sites";
import { MemoryLog } from "../../support/memory-log";
import { eventually } from "../../support/node-red";
import { recordOf } from "../../support/visit-log";
import { idOf, personOf } from "../people/entries";

const DAY = "2026-11-26";
const HOUR_MS = 3_600_000;
const alice = idOf(1);
const bob = idOf(2);

const open: AttendingSite[] = [];

async function opened(log: MemoryLog, options: AttendingSiteOptions): Promise<AttendingSite> {
  const site = await openAttendingSite(log, options);
  open.push(site);
  return site;
}

async function closed(site: AttendingSite): Promise<void> {
  open.splice(open.indexOf(site), 1);
  await site.close();
}

/** Two sites that know Alice and Bob. */
async function two(
  log: MemoryLog,
  north: Partial<AttendingSiteOptions> = {},
  south: Partial<AttendingSiteOptions> = {},
): Promise<[AttendingSite, AttendingSite]> {
  const sites: [AttendingSite, AttendingSite] = [
    await opened(log, { name: "North", ...north }),
    await opened(log, { name: "South", ...south }),
  ];
  await sites[0].act((store) => store.putMany({ people: [personOf(1), personOf(2)] }));
  await allAttended(sites);
  return sites;
}

const cut = (sites: readonly AttendingSite[], isCut: boolean): void => {
  for (const { line } of sites) line.cut(isCut);
};

describe("an attendance book of all doors", () => {
  afterEach(async () => {
    for (const site of open.splice(0)) {
      assert.deepEqual(site.errors, []);
      await site.close();
    }
  });

  it("has who came in at one door and went out at another, with the names of both", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    await south.sees(alice, `${DAY}T17:30Z`);
    await allAttended(open);
    for (const site of [north, south]) {
      assert.deepEqual(site.said(DAY), ["IN 08:00 North", "OUT 17:30 South"]);
      const [person] = site.attendance.day(DAY).people;
      assert.deepEqual([person?.ms, person?.missing, person?.spans.length], [9.5 * HOUR_MS, 0, 1]);
      const [month] = site.attendance.month("2026-11").people;
      assert.deepEqual([month?.ms, month?.days[0]?.sites], [9.5 * HOUR_MS, ["North", "South"]]);
      const lines = site.attendance.csv(DAY, DAY).trimEnd().split("\r\n");
      assert.deepEqual(
        lines.map((line) => line.split(",").at(-1)),
        ["site", "North", "South"],
      );
    }
    // Each door tells of its own.
    assert.deepEqual(
      [north, south].map(({ told }) => told.map(({ type, site }) => [type, site])),
      [[["IN", "North"]], [["OUT", "South"]]],
    );
  });

  it("gives the database neither name nor face nor time nor place", async () => {
    const log = new MemoryLog();
    const [north] = await two(log);
    await north.sees(alice, `${DAY}T08:00Z`, "the-hall");
    await allAttended(open);
    const [row] = [...north.ledger.rows("book of North")];
    const sealed = log.list().filter(({ kind }) => kind === "checkIn");
    assert.equal(sealed.length, 1);
    const seen = Buffer.concat(log.list().flatMap(({ content }) => content ?? [])).toString("latin1");
    for (const word of [personOf(1).name, "the-hall", String(row?.at), alice, row?.id ?? "?", row?.visit ?? "?"])
      assert.ok(!seen.includes(word), word);
    assert.ok(log.list().every(({ id }) => id !== row?.id));
  });

  it("has everything once after days without a line, and what is due where one door did not know", async () => {
    const [north, south] = await two(new MemoryLog());
    cut([south], true);
    await north.sees(alice, `${DAY}T08:00Z`);
    await south.sees(alice, `${DAY}T12:00Z`);
    await south.sees(bob, `${DAY}T12:10Z`);
    await north.sees(alice, `${DAY}T17:00Z`);
    assert.deepEqual(south.said(DAY), ["IN 12:00 South", "IN 12:10 South"]);
    const { folder } = south;
    await closed(south);
    const again = await opened(new MemoryLog(), { name: "South", folder, cut: true });
    assert.deepEqual(again.said(DAY), ["IN 12:00 South", "IN 12:10 South"]);
    await closed(again);
    const log = new MemoryLog();
    await closed(north);
    const back = [
      await opened(log, { name: "North", folder: north.folder }),
      await opened(log, { name: "South", folder }),
    ];
    await allAttended(back);
    for (const site of back)
      assert.deepEqual(site.said(DAY), ["IN 08:00 North", "OUT 12:00 South", "IN 17:00 North", "IN 12:10 South"]);
    assert.deepEqual(checkInsOf(back[0] as AttendingSite), checkInsOf(back[1] as AttendingSite));
    // It was told as IN before.
    assert.deepEqual(
      back.map(({ told }) => told.map(({ type, local, was }) => [type, local.slice(11, 16), was?.type])),
      [[["IN", "17:00", "OUT"]], [["OUT", "12:00", "IN"]]],
    );
  });

  it("is one where two doors saw the same walk, and where the second did not know of the first", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00:00Z`);
    await allAttended(open);
    await south.sees(alice, `${DAY}T08:00:20Z`);
    await allAttended(open);
    for (const site of open) assert.deepEqual(site.said(DAY), ["IN 08:00 North"]);
    cut(open, true);
    await north.sees(bob, `${DAY}T09:00:00Z`);
    await south.sees(bob, `${DAY}T09:00:30Z`);
    await south.sees(bob, `${DAY}T16:00:00Z`);
    cut(open, false);
    await allAttended(open);
    for (const { said } of [north, south])
      assert.deepEqual(said(DAY), ["IN 08:00 North", "IN 09:00 North", "IN 09:00 South removed", "OUT 16:00 South"]);
    const [taken] = south.ledger.rowsOf("book of South", bob);
    assert.deepEqual(
      south.attendance.history(taken?.id ?? "").history.map(({ what }) => what),
      ["taken", "elsewhere"],
    );
  });

  it("reaches every site with what people correct, wherever they do it", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    const [row] = north.ledger.rowsOf("book of North", alice);
    const id = row?.id ?? "";
    await south.attendance.change(id, { at: Date.parse(`${DAY}T07:30Z`), why: "the camera was late", by: "Ruth" });
    await allAttended(open);
    await south.attendance.add({
      person: alice,
      type: "OUT",
      at: Date.parse(`${DAY}T16:00Z`),
      why: "by the back door",
      by: null,
    });
    await allAttended(open);
    for (const { said, attendance } of [north, south]) {
      assert.deepEqual(said(DAY), ["IN 07:30 North", "OUT 16:00 South"]);
      const [, change] = attendance.history(id).history;
      assert.deepEqual([change?.by, change?.why, change?.was?.at], ["Ruth", "the camera was late", row?.at]);
    }
  });

  it("keeps both corrections of different fields, and of one field the second, which is told", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00Z`);
    await north.sees(alice, `${DAY}T12:00Z`);
    await allAttended(open);
    const [first, second] = north.ledger.rowsOf("book of North", alice).map(({ id }) => id) as [string, string];
    const at = Date.parse(`${DAY}T07:00Z`);
    cut(open, true);
    await north.attendance.change(first, { at, why: "north", by: null });
    await south.attendance.change(first, { type: "OUT", why: "south", by: null });
    await north.attendance.change(second, { at: at + HOUR_MS, why: "north", by: null });
    await south.attendance.change(second, { at: at + 2 * HOUR_MS, why: "south", by: null });
    north.line.cut(false);
    await north.site.settled();
    south.line.cut(false);
    await allAttended(open);
    for (const { said, attendance } of [north, south]) {
      assert.deepEqual(said(DAY), ["OUT 07:00 North", "OUT 09:00 North"]);
      for (const id of [first, second])
        assert.deepEqual(
          attendance.history(id).history.map(({ why }) => why),
          ["", "north", "south"],
        );
    }
    assert.deepEqual(
      [north, south].map(({ site }) => site.conflicts.map(({ rule, person, fields }) => [rule, person, ...fields])),
      [[], [["corrected_twice", alice, "at"]]],
    );
  });

  it("takes one that was added at two doors for one", async () => {
    const [north, south] = await two(new MemoryLog());
    cut(open, true);
    const added = { person: alice, type: "IN", at: Date.parse(`${DAY}T08:00Z`), by: null } as const;
    await north.attendance.add({ ...added, why: "north" });
    await south.attendance.add({ ...added, why: "south" });
    north.line.cut(false);
    await north.site.settled();
    south.line.cut(false);
    await allAttended(open);
    for (const { said } of [north, south]) assert.deepEqual(said(DAY), ["IN 08:00 North"]);
  });

  it("is without whoever is deleted, at every site before it gives its receipt, and in the database", async () => {
    const log = new MemoryLog();
    const [north, south] = await two(log);
    await north.sees(alice, `${DAY}T08:00Z`);
    await north.sees(bob, `${DAY}T08:10Z`);
    await south.sees(alice, `${DAY}T17:00Z`);
    await allAttended(open);
    cut([south], true);
    await south.sees(alice, `${DAY}T19:00Z`);
    await north.act((store) => store.removePerson(alice));
    await allAttended([north]);
    const receipts = async (): Promise<string[]> => {
      const { number = 0 } = north.site.deletions.find(({ kind }) => kind === "person") ?? {};
      return (await north.site.readSites()).filter(({ followed }) => followed >= number).map(({ name }) => name);
    };
    assert.deepEqual(await receipts(), ["North"]);
    cut([south], false);
    await allAttended(open);
    assert.deepEqual((await receipts()).sort(), ["North", "South"]);
    for (const site of [north, south]) assert.deepEqual(site.said(DAY), ["IN 08:10 North"]);
    assert.equal(log.list().filter(({ kind, content }) => kind === "checkIn" && content !== null).length, 1);
    assert.equal((await south.site.verify()).differing, 0);
  });

  it("is without whoever is deleted at a site that keeps none, in the database too", async () => {
    const log = new MemoryLog();
    const [north, south] = await two(log, { wipedMs: 300 }, { wipedMs: 300 });
    const office = await opened(log, { name: "Office", keeps: false });
    await north.sees(alice, `${DAY}T08:00Z`);
    await north.sees(bob, `${DAY}T08:10Z`);
    await allAttended(open);
    await office.act((store) => store.removePerson(alice));
    const left = (): number => log.list().filter(({ kind, content }) => kind === "checkIn" && content !== null).length;
    await eventually("she is gone from the database", () => (left() === 1 ? true : undefined));
    await allAttended(open);
    for (const site of [north, south]) {
      assert.deepEqual(site.said(DAY), ["IN 08:10 North"]);
      assert.equal((await site.site.verify()).differing, 0);
    }
  });

  it("has a check-in once whose visit comes by an import, too", async () => {
    const rules = { minInterval: 0 };
    const [north, south] = await two(new MemoryLog(), { rules }, { rules });
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    const [visit] = await north.visits.since(0, 10);
    assert.ok(visit !== undefined);
    south.visits.put(visit);
    await south.attendance.look();
    await allAttended(open);
    for (const site of [north, south]) assert.deepEqual(site.said(DAY), ["IN 08:00 North"]);
    assert.deepEqual([...south.ledger.rows("book of South")], []);
  });

  it("says that one is otherwise that another door has had, though there is nothing to tell", async () => {
    const [north, south] = await two(new MemoryLog());
    cut(open, true);
    await north.sees(bob, `${DAY}T09:00:00Z`);
    await south.sees(bob, `${DAY}T09:00:40Z`);
    let removed = 0;
    south.attendance.on("change", () => {
      if (south.said(DAY).some((line) => line.endsWith("removed"))) removed += 1;
    });
    cut(open, false);
    await allAttended(open);
    assert.deepEqual(south.said(DAY), ["IN 09:00 North", "IN 09:00 South removed"]);
    assert.ok(removed > 0);
  });

  it("leaves what was told of somebody as it is once the book is not about them any more", async () => {
    const [north, south] = await two(new MemoryLog(), {}, { rules: { groups: ["staff"] } });
    await north.act((store) => store.putMany({ people: [{ ...personOf(2), groups: ["staff"] }] }));
    await north.sees(bob, `${DAY}T08:00Z`);
    await allAttended(open);
    const noon = Date.parse(`${DAY}T12:00Z`);
    const seen = recordOf({ visit: "at noon", person: bob, stays: [["door", noon]], until: noon + 60_000 });
    south.visits.put({ ...seen, groups: ["staff"] });
    await south.attendance.look();
    await allAttended(open);
    assert.deepEqual(south.said(DAY), ["IN 08:00 North", "OUT 12:00 South"]);
    await north.act((store) => store.putMany({ people: [{ ...personOf(2), groups: [] }] }));
    await north.sees(bob, `${DAY}T11:00Z`);
    await allAttended(open);
    const [row] = south.ledger.rowsOf("book of South", bob);
    assert.deepEqual([row?.type, row?.history.length, south.told.length], ["OUT", 1, 1]);
  });

  it("follows two people who are made one, at every site", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00Z`);
    await south.sees(bob, `${DAY}T17:00Z`);
    await allAttended(open);
    // Who is gone is told first when the line is back.
    south.line.cut(true);
    await north.act(async (store) => {
      await north.ledger.merge(bob, alice);
      await store.removePerson(bob);
    });
    await allAttended([north]);
    south.line.cut(false);
    await allAttended(open);
    for (const { said } of [north, south]) assert.deepEqual(said(DAY), ["IN 08:00 North", "IN 17:00 South"]);
    assert.deepEqual(checkInsOf(north), checkInsOf(south));
  });

  it("gives whoever somebody is now what was told of them by a site that had not heard of it", async () => {
    const log = new MemoryLog();
    const [north, south] = await two(log);
    const carol = idOf(3);
    // Between a site's reading and its telling, two are made one elsewhere; then nobody tells for a while.
    const push = south.line.push.bind(south.line);
    south.line.push = async (changes) => {
      south.line.push = push;
      await north.act(async (store) => {
        await store.putMany({ people: [personOf(3)] });
        await north.site.merged(bob, carol);
        await north.ledger.merge(bob, carol);
        await store.removePerson(bob);
      });
      await north.site.settled();
      cut([north], true);
      const pushed = await push(changes);
      cut([south], true);
      // As if they had been edited since.
      const [key, told] = [...log.records].findLast(([, { kind, content }]) => kind === "person" && content !== null)!;
      log.records.set(key, { ...told, number: (log.head += 1) });
      return pushed;
    };
    await south.sees(bob, `${DAY}T17:00Z`);
    await south.site.settled();
    assert.equal(log.list().filter(({ kind }) => kind === "checkIn").length, 1);
    log.pageRecords = 1;
    const west = await opened(log, { name: "West" });
    await allAttended([west]);
    assert.deepEqual(west.said(DAY), ["IN 17:00 South"]);
    cut([north, south], false);
    await allAttended(open);
    for (const site of open) {
      assert.deepEqual(site.said(DAY), ["IN 17:00 South"], site.name);
      assert.deepEqual(
        site.attendance.day(DAY).people.map(({ person }) => person),
        [carol],
        site.name,
      );
    }
    assert.deepEqual(checkInsOf(north), checkInsOf(west));
    assert.deepEqual(checkInsOf(north), checkInsOf(south));
  });

  it("is kept for as many days as each site says, and in the database as long as where it is from", async () => {
    const log = new MemoryLog();
    let now = Date.parse("2026-11-26T20:00Z");
    const clock = (): number => now;
    const [north, south] = await two(log, { keepDays: 10, now: clock }, { keepDays: 100, now: clock });
    await north.sees(alice, `${DAY}T08:00Z`);
    await south.sees(alice, `${DAY}T17:00Z`);
    await allAttended(open);
    now = Date.parse("2026-12-12T00:00Z");
    for (const { ledger } of open) await ledger.sweep(now);
    await allAttended(open);
    assert.deepEqual([north.said(DAY), south.said(DAY)], [[], ["IN 08:00 North", "OUT 17:00 South"]]);
    const kept = (): number => log.list().filter(({ kind, content }) => kind === "checkIn" && content !== null).length;
    assert.equal(kept(), 1);
    // After a restart of both it is the same, and nothing is told again.
    const { head } = log;
    const before = open.map(({ folder, name }) => ({ folder, name }));
    for (const { folder, name } of before) {
      await closed(open[0] as AttendingSite);
      await opened(log, { name, folder, keepDays: name === "North" ? 10 : 100, now: clock });
    }
    await allAttended(open);
    assert.deepEqual([open[0]?.said(DAY), open[1]?.said(DAY)], [[], ["IN 08:00 North", "OUT 17:00 South"]]);
    assert.equal(log.head, head);
    for (const { site } of open) assert.equal((await site.verify()).differing, 0);
    // What is corrected where it is still kept stays there.
    const [row] = (open[1] as AttendingSite).ledger.rows(ELSEWHERE);
    await open[1]?.attendance.change(row?.id ?? "", { at: (row?.at ?? 0) + 1000, why: "a second", by: null });
    await allAttended(open);
    assert.deepEqual([open[0]?.said(DAY), open[1]?.said(DAY).length, kept()], [[], 2, 1]);
  });

  it("is nowhere where nobody keeps one, and whole once somebody does", async () => {
    const [north, south] = await two(new MemoryLog(), {}, { keeps: false });
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    assert.deepEqual([...south.ledger.rows(ELSEWHERE)], []);
    await south.attendance.start();
    await allAttended(open);
    assert.deepEqual(south.said(DAY), ["IN 08:00 North"]);
    assert.equal((await south.site.verify()).differing, 0);
  });

  it("leaves what was taken before the sites shared as it was told", async () => {
    const log = new MemoryLog();
    const south = await opened(log, { name: "South", cut: true, options: { site: undefined } });
    await south.act((store) => store.putMany({ people: [personOf(1)] }));
    await south.sees(alice, `${DAY}T12:00Z`);
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany({ people: [personOf(1)] }));
    await north.sees(alice, `${DAY}T08:00Z`);
    await closed(south);
    const shares = await opened(log, { name: "South", folder: south.folder });
    await allAttended(open);
    assert.deepEqual(shares.said(DAY), ["IN 08:00 North", "IN 12:00 South"]);
    await shares.sees(alice, `${DAY}T17:00Z`);
    assert.deepEqual(shares.said(DAY), ["IN 08:00 North", "IN 12:00 South", "OUT 17:00 South"]);
  });

  it("is sent to another system by the site that it is from alone, corrections of others too", async () => {
    const [north, south] = await two(new MemoryLog(), { options: { sends: true } }, { options: { sends: true } });
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    const [row] = north.ledger.rowsOf("book of North", alice);
    assert.ok(row);
    assert.deepEqual(
      [north, south].map(({ attendance }) => attendance.sendings("waiting").map(({ id }) => id)),
      [[row.id], []],
    );
    const there = { person: alice, type: row.type, at: row.at, name: "HR-1" };
    await north.attendance.sent(row.id, { state: "delivered", tries: 1, at: row.at, reason: "", there });
    await allAttended(open);
    await south.attendance.change(row.id, { at: row.at - HOUR_MS, why: "earlier", by: null });
    await allAttended(open);
    const [waiting] = north.attendance.sendings("waiting");
    assert.deepEqual([waiting?.id, waiting?.sending?.there, waiting && isThere(waiting)], [row.id, there, false]);
    assert.deepEqual(south.attendance.sendings("waiting"), []);
  });

  it("loses and doubles nothing where the clocks of two doors differ", async () => {
    const [north, south] = await two(new MemoryLog());
    await north.sees(alice, `${DAY}T08:00Z`);
    await allAttended(open);
    // Ten minutes later, by a clock that is twenty behind.
    await south.sees(alice, `${DAY}T07:50Z`);
    await allAttended(open);
    for (const { said } of [north, south]) assert.deepEqual(said(DAY), ["OUT 07:50 South", "IN 08:00 North"]);
    assert.deepEqual(checkInsOf(north), checkInsOf(south));
    for (const { told } of [north, south]) assert.equal(told.length, 1);
  });

  it("is about the people of its groups alone, those of other sites too", async () => {
    const log = new MemoryLog();
    const [, south] = await two(log, {}, { rules: { groups: ["staff"] } });
    const [north] = open as [AttendingSite];
    await north.act((store) => store.putMany({ people: [{ ...personOf(2), groups: ["staff"] }] }));
    await north.sees(alice, `${DAY}T08:00Z`);
    await north.sees(bob, `${DAY}T09:00Z`);
    await allAttended(open);
    assert.deepEqual([north.said(DAY), south.said(DAY)], [["IN 08:00 North", "IN 09:00 North"], ["IN 09:00 North"]]);
  });
});

describe("three sites with one attendance book", () => {
  const COUNT = Number(process.env["SITE_WRITES"] ?? 300);
  const NAMES = ["North", "South", "West"];
  let sites: AttendingSite[] = [];
  afterEach(async () => {
    for (const site of sites) await site.close();
    sites = [];
  });

  it("are the same after many writes, with lines cut, answers lost and sites ended between", async () => {
    const random = seeded(Number(process.env["SITE_SEED"] ?? 15));
    const below = (number: number): number => Math.floor(random() * number);
    const log = new MemoryLog();
    for (const name of NAMES) sites.push(await openAttendingSite(log, { name, closeMs: 0 }));
    await sites[0]?.act((store) => store.putMany({ people: [1, 2, 3, 4].map((number) => personOf(number)) }));
    await allAttended(sites);
    for (let count = 1; count <= COUNT; count += 1) {
      const at = below(sites.length);
      const site = sites[at];
      assert.ok(site);
      const person = idOf(1 + below(4));
      const time = `${DAY}T${String(below(20)).padStart(2, "0")}:${String(below(60)).padStart(2, "0")}:00Z`;
      const rows = ["book of " + site.name, ELSEWHERE].flatMap((book) => [...site.ledger.rows(book)]);
      const row = rows[below(Math.max(1, rows.length))];
      const chance = random();
      // Whose it is may be deleted elsewhere in that moment.
      const change = async (correction: Partial<Correction>): Promise<void> => {
        const said = { ...correction, why: `${count}`, by: null };
        await site.attendance.change(row?.id ?? "", said).catch((error: unknown) => {
          if (!(error instanceof NotFound)) throw error;
        });
      };
      if (chance < 0.5 || row === undefined) {
        if (site.store.person(person) !== undefined) await site.sees(person, time);
      } else if (chance < 0.6) await change({ removed: !row.removed });
      else if (chance < 0.7) await change({ at: Date.parse(time) });
      else if (chance < 0.78) await change({ type: row.type === "IN" ? "OUT" : "IN" });
      else if (chance < 0.79) await site.act((store) => store.removePerson(person));
      else if (chance < 0.8) await site.act((store) => store.putMany({ people: [personOf(5)] }));
      else if (chance < 0.88) site.line.cut(random() < 0.6);
      else if (chance < 0.93) site.line.losesAnswers += 1;
      else if (chance < 0.96) {
        site.line.cut(true);
        await site.close();
        sites[at] = await openAttendingSite(log, { name: site.name, folder: site.folder, closeMs: 0 });
      }
      if (count % 100 > 0) continue;
      cut(sites, false);
      await allAttended(sites);
      const [first, ...others] = sites.map(checkInsOf);
      for (const other of others) assert.deepEqual(other, first, `after ${count} writes`);
      for (const { site: of, errors } of sites) assert.deepEqual([(await of.verify()).differing, errors], [0, []]);
    }
    assert.ok(checkInsOf(sites[0] as AttendingSite).length > 0);
  });
});
