import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { allAttended, type AttendingSite, checkInsOf, openAttendingSite } from "../../support/attending-sites";
import { liveOf } from "../../support/forked-log";
import { KILLS } from "../../support/often";
import { MemoryLog } from "../../support/memory-log";
import { forkCompiled } from "../people/children";
import type { Said } from "./attending-child";

const folder = mkdtempSync(join(tmpdir(), "killed-attending-"));
const NAMES = ["North", "South"];

describe("sites with one attendance book that are killed", () => {
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    `lose no check-in that was told, double none, and are the same after ${KILLS} kills each`,
    {
      timeout: 900_000,
    },
    async () => {
      const log = new MemoryLog();
      const taken = new Set<string>();
      const lifeOf = async (name: string, index: number): Promise<void> => {
        for (let round = 0, first = index * 350; round < KILLS; round += 1) {
          const orders = { folder: join(folder, name), name, seed: 2 * round + index + 1, first };
          const child = forkCompiled("attendance/attending-child", orders);
          const said = await liveOf<Said>(child, { log, orders, lives: 1 + ((round * 5) % 13) });
          for (const { taken: id } of said) taken.add(id);
          first = (said.at(-1)?.visit ?? first) + 1;
        }
      };
      await Promise.all(NAMES.map(lifeOf));
      const sites: AttendingSite[] = [];
      for (const name of NAMES) sites.push(await openAttendingSite(log, { name, folder: join(folder, name) }));
      try {
        await allAttended(sites);
        const [north, south] = sites.map(checkInsOf) as { id: string }[][];
        assert.deepEqual(north, south);
        const ids = north?.map(({ id }) => id) ?? [];
        assert.equal(new Set(ids).size, ids.length);
        for (const id of taken) assert.ok(ids.includes(id), id);
        assert.ok(taken.size > KILLS, `${taken.size} were told`);
        for (const { site } of sites) assert.equal((await site.verify()).differing, 0);
      } finally {
        for (const site of sites) await site.close();
      }
    },
  );
});
