import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { liveOf } from "../../support/forked-log";
import { KILLS } from "../../support/often";
import { MemoryLog } from "../../support/memory-log";
import { allSettled, closeSite, openSite } from "../../support/sites";
import { forkCompiled } from "../people/children";
import { idOf, isWhole } from "../people/entries";
import { contentsOf } from "../people/store-suite";
import type { Said } from "./writing-child";

const folder = mkdtempSync(join(tmpdir(), "killed-sites-"));
const NAMES = ["North", "South"];

describe("sites that are killed", () => {
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it(`lose nobody who was enrolled, and are the same after ${KILLS} kills each`, { timeout: 900_000 }, async () => {
    const log = new MemoryLog();
    const enrolled = new Set<number>();
    const lifeOf = async (name: string, index: number): Promise<void> => {
      for (let round = 0, first = 1000 * (index + 1); round < KILLS; round += 1) {
        const orders = { folder: join(folder, name), name, seed: 2 * round + index + 1, first };
        const child = forkCompiled("sites/writing-child", orders);
        const said = await liveOf<Said>(child, { log, orders, lives: 1 + ((round * 5) % 13) });
        for (const { enrolled: number } of said) enrolled.add(number);
        // Whom it was enrolling as it was killed it may enrol again.
        first = (said.at(-1)?.enrolled ?? first - 1) + 1;
      }
    };
    await Promise.all(NAMES.map(lifeOf));
    const sites = await Promise.all(
      NAMES.map((name) => openSite(log, { name, folder: join(folder, name), strangers: true })),
    );
    try {
      await allSettled(sites);
      const [north, south] = await Promise.all(sites.map(async ({ store }) => contentsOf(store)));
      assert.deepEqual(north, south);
      assert.ok(enrolled.size > KILLS, `${enrolled.size} enrolled`);
      for (const { store } of sites)
        for (const number of enrolled) assert.ok(await isWhole(store, number), idOf(number));
      for (const { site } of sites) assert.equal((await site.verify()).differing, 0);
    } finally {
      for (const site of sites) await closeSite(site);
    }
  });
});
