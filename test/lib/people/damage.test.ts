/** Files of a store that are gone, cannot be read or are replaced while it is open: nothing of them is made up. */
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Backups } from "../../../lib/people/lmdb/backups";
import { Database } from "../../../lib/people/lmdb/database";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import type { StoreProblem } from "../../../lib/people/store";
import { StorageError } from "../../../lib/storage";
import { noMount, smallDisk } from "../../support/small-disk";
import { entryOf, idOf, isWhole, pictureOf } from "./entries";

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), "damage-")), "people");
const DAY_MS = 86_400_000;

async function opened(
  t: TestContext,
  folder: string,
  key?: string,
): Promise<{ store: LmdbStore; problems: StoreProblem[] }> {
  const problems: StoreProblem[] = [];
  const store = await openStore({
    folder,
    ...(key === undefined ? {} : { key }),
    onProblem: (problem) => void problems.push(problem),
  });
  t.after(() => store.close());
  return { store, problems };
}

describe("a store", () => {
  it("makes no other salt while store.json cannot be read: all that was sealed would be lost", async (t) => {
    const folder = newFolder();
    const { store } = await opened(t, folder, "a pass phrase");
    await store.addPhoto(entryOf(1));
    await store.close();
    const meta = join(folder, "store.json");
    renameSync(meta, `${meta}.kept`);
    // Of root nothing else keeps a file from being read.
    symlinkSync("store.json", meta);
    await assert.rejects(openStore({ folder, key: "a pass phrase" }), /ELOOP/);
    rmSync(meta);
    renameSync(`${meta}.kept`, meta);
    const again = await opened(t, folder, "a pass phrase");
    assert.equal(await isWhole(again.store, 1), true);
    assert.deepEqual(again.problems, []);
  });

  it("brings the newest backup where its database is gone, and says so", async (t) => {
    const folder = newFolder();
    const { store } = await opened(t, folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    await store.close();
    for (const file of ["people.mdb", "people.mdb-lock", "closed.json"]) rmSync(join(folder, file), { force: true });
    const again = await opened(t, folder);
    assert.equal(await isWhole(again.store, 1), true);
    assert.deepEqual(
      again.problems.map(({ code }) => code),
      ["damaged_database"],
    );
    assert.match(again.problems[0]?.message ?? "", /was gone: the backup of .* took its place/);
  });

  it("acknowledges nothing that it would write into a file that was deleted", async (t) => {
    const folder = newFolder();
    const { store } = await opened(t, folder);
    await store.addPhoto(entryOf(1));
    const file = join(folder, "people.mdb");
    rmSync(file);
    await assert.rejects(
      store.addPhoto(entryOf(2)),
      (error) => error instanceof StorageError && error.reason === "ENOENT",
    );
    writeFileSync(file, "another one");
    await assert.rejects(store.addPhoto(entryOf(2)), (error) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /deleted or replaced while it was open .*start the flow again/);
      return true;
    });
    assert.deepEqual(
      store.people().map(({ id }) => id),
      [idOf(1)],
    );
  });

  it("reads a damaged picture from its copy also while the disk is full", { skip: noMount() }, async (t) => {
    const disk = smallDisk(16);
    t.after(() => disk.unmount());
    const folder = join(disk.folder, "people");
    const { store, problems } = await opened(t, folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    const photos = join(folder, "photos");
    const file = join(photos, readdirSync(photos)[0] ?? "");
    writeFileSync(file, "damaged");
    disk.fill();
    const id = idOf(1, "b");
    for (let times = 0; times < 2; times += 1) assert.deepEqual(await store.photoBytes(id), pictureOf(1));
    disk.empty();
    assert.deepEqual(await store.photoBytes(id), pictureOf(1));
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_picture"],
    );
    assert.ok(readFileSync(file).includes(pictureOf(1)));
    assert.equal(readdirSync(photos).filter((name) => name.endsWith(".tmp")).length, 0);
    await store.close();
  });
});

describe("backups", () => {
  it("move on also where the clock was far ahead when one was made", async (t) => {
    const folder = newFolder();
    const { store } = await opened(t, folder);
    await store.close();
    const database = await Database.open(join(folder, "people.mdb"), noSecret);
    t.after(() => database.close());
    const backups = new Backups(folder);
    const now = Date.now();
    for (const at of [now, now]) await backups.make(database, at);
    const day = join(folder, "backups/day.mdb");
    const ahead = (now + 3650 * DAY_MS) / 1000;
    utimesSync(day, ahead, ahead);
    await backups.make(database, now);
    assert.ok((await backups.madeAt()) !== undefined);
    assert.ok(statSync(day).mtimeMs < now + DAY_MS);
  });
});
