/** Attendance books on a disk that is full: told, mended by itself, and nothing is kept of who was deleted. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Books } from "../../../lib/attendance/books";
import type { CheckIn } from "../../../lib/attendance/check-in";
import { hashOf } from "../../../lib/attendance/hash";
import { isBeside, openBeside } from "../../../lib/people/lmdb/beside";
import { noSecret } from "../../../lib/people/lmdb/secret";
import type { PeopleStore } from "../../../lib/people/store";
import { StorageError } from "../../../lib/storage";
import { eventually } from "../../support/node-red";
import { noMount, type SmallDisk, smallDisk } from "../../support/small-disk";

const DISK_MB = 16;
const BOOK = "book";
const ALICE = "aaaaaaaaaaaa";
const BOB = "bbbbbbbbbbbb";

const rowOf = (person: string, number: number): CheckIn => ({
  id: hashOf("test", person, number),
  person,
  type: number % 2 === 0 ? "IN" : "OUT",
  at: Date.now() - 1000 * number,
  zone: "door".repeat(20),
  source: "camera",
  visit: `visit-${number}`,
  serial: number,
  order: number,
  removed: false,
  history: [],
});

describe("attendance books on a full disk", { skip: noMount() }, () => {
  let disk: SmallDisk;
  let folder: string;
  let books: Books;
  let told: number;
  const codes = (): string[] => books.refusals.map(({ code }) => code);

  beforeEach(() => {
    disk = smallDisk(DISK_MB);
    folder = join(disk.folder, "people");
    mkdirSync(folder);
    told = 0;
    const place = { folder, name: "attendance", secret: noSecret } as const;
    const store = { problems: [], person: () => ({}) } as unknown as PeopleStore;
    const source = {
      isThere: () => isBeside(place),
      open: () => openBeside(place),
      folder,
      encrypted: false,
    };
    books = new Books(
      source,
      store,
      (error) => assert.fail(String(error)),
      () => {
        told += 1;
      },
    );
  });
  afterEach(async () => {
    await books.close();
    disk.unmount();
  });

  it("say that they cannot be opened, and are open once there is room, without anybody asking again", async () => {
    disk.fill();
    await assert.rejects(books.open(), (error) => {
      assert.ok(error instanceof StorageError);
      assert.equal(error.status, 507);
      assert.match(error.message, /^the attendance books cannot be opened: the disk is full \(ENOSPC/);
      return true;
    });
    assert.deepEqual([codes(), told], [["unwritable_store"], 1]);
    disk.empty();
    await eventually("the end of the refusal", () => (codes().length === 0 ? true : undefined));
    await (await books.open()).sweep(Date.now());
  });

  it("refuse a check-in with a sentence, and say when they take one again", async () => {
    const ledger = await books.open();
    await ledger.exclusively(() => ledger.write(BOOK, { rows: [rowOf(ALICE, 1)] }));
    disk.fill();
    const refused = await (async (): Promise<unknown> => {
      for (let number = 2; ; number += 200) {
        const rows = Array.from({ length: 200 }, (_, index) => rowOf(BOB, number + index));
        try {
          await ledger.exclusively(() => ledger.write(BOOK, { rows }));
        } catch (error) {
          return error;
        }
      }
    })();
    assert.ok(refused instanceof StorageError);
    assert.match(refused.message, /the disk is full/);
    assert.deepEqual(codes(), ["unwritable_store"]);
    disk.empty();
    await eventually("the end of the refusal", () => (codes().length === 0 ? true : undefined));
    await ledger.exclusively(() => ledger.write(BOOK, { rows: [rowOf(ALICE, 100_000)] }));
    assert.equal(ledger.rowsOf(BOOK, ALICE).length, 2);
  });

  it("keep nothing of a person who was deleted meanwhile, once there is room", async () => {
    const ledger = await books.open();
    const rows = Array.from({ length: 400 }, (_, number) => rowOf(number % 2 === 0 ? ALICE : BOB, number + 1));
    await ledger.exclusively(() => ledger.write(BOOK, { rows }));
    await ledger.backUp();
    disk.fill();
    books.forget([ALICE]);
    await assert.rejects(books.forgotten(ALICE), (error) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /^they are deleted .*(not be deleted|cannot be wiped) yet: the disk is full/s);
      return true;
    });
    assert.ok(codes().length > 0);
    // Asked again, as another site does for its receipt, it is no more done than before.
    await assert.rejects(books.wipe([ALICE]), StorageError);
    assert.ok(books.unwiped);
    disk.empty();
    await eventually("the end of the refusal", () => (codes().length === 0 ? true : undefined));
    await books.wipe([ALICE]);
    assert.equal(books.unwiped, false);
    assert.deepEqual([ledger.rowsOf(BOOK, ALICE).length, ledger.rowsOf(BOOK, BOB).length], [0, 200]);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        assert.ok(!readFileSync(join(entry.parentPath, entry.name)).includes(ALICE), `${entry.name} has Alice`);
  });
});
