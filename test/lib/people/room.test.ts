import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { seeded } from "../../../lib/calibrate/statistics";
import { type Lmdb, openLmdb } from "../../../lib/people/lmdb/open";
import { type Commit, pagesFor, Room, statsOf } from "../../../lib/people/lmdb/room";

const COMMITS = 200;
const READER_COMMITS = 20;
const BLOCK_BYTES = 512;
const MEGABYTE = 2 ** 20;

/** One that writes and deletes at random, as a store does: some records or hundreds, small or of megabytes. */
function commitOf(random: () => number, keys: string[]): Commit {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const count = pick([1, 1, 3, 30, 400]);
  const most = pick([40, 900, 2100, 9000, count < 10 ? 3 * MEGABYTE : 2500]);
  const put: [string, Buffer][] = [];
  const remove: string[] = [];
  // Only deletions, which append what they copy.
  if (random() < 0.15) return { put, remove: keys.splice(0, count * 2) };
  for (let number = 0; number < count; number += 1) {
    if (random() < 0.35 && keys.length > 0) {
      const [key] = keys.splice(Math.floor(random() * keys.length), 1) as [string];
      remove.push(key);
      put.push([`gone:${key}`, Buffer.alloc(30)]);
      continue;
    }
    const fresh = `${pick(["person", "photo", "embedding"])}:${Math.floor(random() * 2 ** 48).toString(16)}`;
    const key = random() < 0.2 && keys.length > 0 ? pick(keys) : fresh.padEnd(Math.floor(random() * 90), "0");
    keys.push(key);
    put.push([key, Buffer.alloc(Math.ceil(random() * most), 1)]);
  }
  return { put, remove };
}

const apply = (lmdb: Lmdb, { put, remove = [] }: Commit): Promise<void> =>
  lmdb.childTransaction(() => {
    for (const key of remove) lmdb.removeSync(key);
    for (const [key, value] of put) lmdb.putSync(key, value);
  });

describe("the room for a commit", () => {
  const folder = mkdtempSync(join(tmpdir(), "room-"));
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  for (const [what, reader] of [
    ["is enough for whatever LMDB writes", false],
    ["is enough also while a reader keeps LMDB from using pages again", true],
  ] as const)
    it(what, async () => {
      const lmdb = await openLmdb(join(folder, `${reader}.mdb`), { noSync: true });
      const random = seeded(reader ? 2 : 1);
      const keys: string[] = [];
      let held: { done: () => void } | undefined;
      for (let number = 0; number < COMMITS; number += 1) {
        if (number % READER_COMMITS === 0) {
          held?.done();
          held = reader ? lmdb.useReadTransaction() : undefined;
        }
        const commit = commitOf(random, keys);
        const pages = pagesFor(lmdb, commit);
        const before = statsOf(lmdb).lastPageNumber;
        await apply(lmdb, commit);
        const appended = statsOf(lmdb).lastPageNumber - before;
        assert.ok(appended <= pages, `commit ${number}: ${appended} pages, ${pages} were taken`);
      }
      held?.done();
      await lmdb.close();
    });

  it("is on the disk, also where an older version left holes", async () => {
    const path = join(folder, "holes.mdb");
    const lmdb = await openLmdb(path);
    await apply(lmdb, { put: [["a", Buffer.alloc(20_000, 7)]] });
    await lmdb.close();
    truncateSync(path, MEGABYTE);
    const sparse = statSync(path);
    if (sparse.blocks * BLOCK_BYTES >= sparse.size) return;
    const again = await openLmdb(path);
    const room = await Room.open(path, again);
    await room.take({ put: [["b", Buffer.alloc(10)]] });
    const { blocks, size } = statSync(path);
    assert.ok(blocks * BLOCK_BYTES >= size, `${blocks} blocks, ${size} bytes`);
    assert.ok(size >= MEGABYTE);
    assert.ok(again.get("a")?.equals(Buffer.alloc(20_000, 7)));
    await room.close();
    await again.close();
  });
});
