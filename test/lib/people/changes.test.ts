import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { entryOf, idOf, pictureOf } from "./entries";
import { toldBy } from "./store-suite";

const open: LmdbStore[] = [];
const folderOf = (): string => join(mkdtempSync(join(tmpdir(), "changes-")), "people");

async function opened(folder: string): Promise<LmdbStore> {
  const store = await openStore({ folder });
  open.push(store);
  return store;
}

/** Beside what every store tells (store-suite.ts). */
describe("a store that was restored tells", () => {
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  it("nothing of what a restored backup has not, so that a view of the opened store is right", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    const backup = await readFile(join(folder, "backups/recent.mdb"));
    await store.addPhoto(entryOf(2));
    await open.pop()?.close();
    await writeFile(join(folder, "people.mdb"), pictureOf(1));
    await writeFile(join(folder, "backups/recent.mdb"), backup);
    const restored = await opened(folder);
    const people = restored.people().map(({ id }) => id);
    const heard = await toldBy(restored, async () => {
      await restored.removeMany({ people: [idOf(1), idOf(2)], photos: [] });
    });
    assert.deepEqual([people, heard], [[idOf(1)], [`-people ${idOf(1)} -photos ${idOf(1, "b")}`]]);
  });
});
