/** Clocks that differ, and are set while sites run: what they say is shown to people, and decides nothing. */
import assert from "node:assert/strict";
import { afterEach, describe, it, mock } from "node:test";
import { MemoryLog } from "../../support/memory-log";
import { eventually } from "../../support/node-red";
import { allSettled, closeSite, openSite, type TestSite } from "../../support/sites";
import { idOf, personOf } from "../people/entries";
import { added, contentsOf } from "../people/store-suite";

const DAY = 86_400_000;
const now = Date.now.bind(Date);
let ahead = 0;
/** Of all that asks in this process from now on: the sites' and the database's. */
const setClock = (ms: number): void => void (ahead = ms);

describe("sites whose clocks differ", () => {
  const open: TestSite[] = [];
  afterEach(async () => {
    for (const site of open.splice(0)) await closeSite(site);
    mock.restoreAll();
    setClock(0);
  });

  /** What comes of changes at two sites at once. @param clocks how far each is ahead, and the database */
  const story = async (clocks: { north: number; south: number; database: number }): Promise<object> => {
    const log = new MemoryLog();
    setClock(clocks.north);
    const north = await openSite(log, { name: "North" });
    setClock(clocks.south);
    const south = await openSite(log, { name: "South" });
    open.push(north, south);
    for (const number of [1, 2]) await north.act((store) => store.putMany(added(number)));
    await allSettled(open);
    for (const { line } of open) line.cut(true);
    const { people: [person] = [], ...others } = added(3);
    assert.ok(person);
    setClock(clocks.north);
    await north.act((store) => store.putPerson({ ...personOf(1), notes: "north", validUntil: 5000 }));
    await north.act((store) => store.putMany({ people: [{ ...person, name: "Alice" }], ...others }));
    await north.act((store) => store.removePerson(idOf(2)));
    setClock(clocks.south);
    await south.act((store) => store.putPerson({ ...personOf(1), notes: "south" }));
    await south.act((store) => store.putPerson({ ...personOf(2), notes: "south" }));
    await south.act((store) => store.putPerson({ ...personOf(4), name: "Alice" }));
    // The north reaches the database first, whatever its clock says.
    for (const { line, site } of open) {
      setClock(clocks.database);
      line.cut(false);
      await site.settled();
    }
    await allSettled(open);
    const [one, other] = [await contentsOf(north.store), await contentsOf(south.store)];
    assert.deepEqual(one, other);
    const numbers = log.list().map(({ number }) => number);
    assert.equal(new Set(numbers).size, numbers.length);
    const entries = await north.site.readSites();
    const [deletion] = north.site.deletions;
    assert.ok(deletion);
    await eventually(
      "both have answered",
      async () => (await north.site.readSites()).every(({ followed }) => followed >= deletion.number) || undefined,
    );
    for (const { site } of open) assert.equal((await site.verify()).differing, 0);
    const rules = open.map(({ site }) => site.conflicts.map(({ rule, fields }) => [rule, ...fields]));
    for (const site of open.splice(0)) await closeSite(site);
    return { contents: one, rules, head: log.head, records: log.list().length, sites: entries.length };
  };

  it("come to the same end as those whose clocks are right, lose nothing and double nothing", async () => {
    mock.method(Date, "now", () => now() + ahead);
    const right = await story({ north: 0, south: 0, database: 0 });
    for (const clocks of [
      { north: DAY, south: -DAY, database: 0 },
      { north: -3650 * DAY, south: 3650 * DAY, database: 40 * DAY },
    ])
      assert.deepEqual(await story(clocks), right);
  });

  it("tell how far they are though a clock is set back meanwhile, and nothing else happens", async () => {
    mock.method(Date, "now", () => now() + ahead);
    const log = new MemoryLog();
    const north = await openSite(log, { name: "North" });
    const south = await openSite(log, { name: "South", acknowledgeMs: 200 });
    open.push(north, south);
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    setClock(-DAY);
    await north.act((store) => store.putMany(added(2)));
    await eventually(
      "the south has said so",
      async () => [...log.entries.values()].find(({ name }) => name === "South")?.followed === 10 || undefined,
    );
  });
});
