import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { seeded } from "../../../bench/statistics";
import { MemoryLog } from "../../support/memory-log";
import { allSettled, closeSite, openSite, type TestSite } from "../../support/sites";
import { contentsOf } from "../people/store-suite";
import { randomWrites } from "./random-writes";

const WRITES = Number(process.env["SITE_WRITES"] ?? 900);
const SEED = Number(process.env["SITE_SEED"] ?? 15);
const NAMES = ["North", "South", "West"];

describe("three sites of one gallery", () => {
  let sites: TestSite[] = [];
  afterEach(async () => {
    for (const site of sites) {
      site.line.cut(false);
      await closeSite(site);
    }
    sites = [];
  });

  it("are the same after many writes, with lines cut, answers lost and sites ended between", async () => {
    const random = seeded(SEED);
    const below = (count: number): number => Math.floor(random() * count);
    const log = new MemoryLog();
    const open = (name: string, folder?: string): Promise<TestSite> =>
      openSite(log, { name, strangers: true, closeMs: 0, ...(folder === undefined ? {} : { folder }) });
    for (const name of NAMES) sites.push(await open(name));
    const write = randomWrites(random);
    for (let count = 1; count <= WRITES; count += 1) {
      const at = below(sites.length);
      const site = sites[at];
      assert.ok(site);
      await site.act(write);
      const chance = random();
      if (chance < 0.05) site.line.cut(random() < 0.6);
      else if (chance < 0.08) site.line.losesAnswers += 1;
      else if (chance < 0.1) {
        // Whatever it was at: what it had not told is only in its store.
        site.line.cut(true);
        await closeSite(site);
        // Each deletion writes these anew.
        rmSync(join(site.folder, "backups"), { recursive: true, force: true });
        sites[at] = await open(site.name, site.folder);
      }
      if (count % 150 > 0) continue;
      for (const each of sites) each.line.cut(false);
      await allSettled(sites);
      const [first, ...others] = await Promise.all(sites.map(async ({ store }) => contentsOf(store)));
      for (const other of others) assert.deepEqual(other, first, `after ${count} writes`);
      const people = sites[0]?.store.people() ?? [];
      assert.equal(new Set(people.map(({ name }) => name)).size, people.length, `names after ${count} writes`);
      for (const { site: of } of sites) assert.equal((await of.verify()).differing, 0);
    }
  });
});
