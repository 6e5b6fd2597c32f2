import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { makeSecret, noSecret, type Secret } from "../../../lib/people/lmdb/secret";
import type { StoreProblem } from "../../../lib/people/store";
import type { VisitRecord } from "../../../lib/visits/book";
import { type BookOptions, deleteBook, type LmdbVisitBook, openBook } from "../../../lib/visits/lmdb-book";
import { asPut, DAY, MINUTE, MORNING, pictureOf, staysIn, vectorOf, visitId, visitOf } from "./visits";

const ALICE = "00000000000a";
const BOB = "00000000000b";
/** Longer than these tests' visits are old. */
const FOR_EVER = 36_500 * DAY;

const folders: string[] = [];
const books: LmdbVisitBook[] = [];

function folderOf(): string {
  const folder = join(mkdtempSync(join(tmpdir(), "visits-")), "people");
  mkdirSync(folder);
  folders.push(folder);
  return folder;
}

async function opened(folder: string, options: Partial<BookOptions> = {}): Promise<LmdbVisitBook> {
  const book = await openBook({ folder, secret: noSecret, keepMs: FOR_EVER, now: () => MORNING, ...options });
  books.push(book);
  return book;
}

async function filled(folder: string, numbers: number, options: Partial<BookOptions> = {}): Promise<LmdbVisitBook> {
  const book = await opened(folder, options);
  for (let number = 1; number <= numbers; number += 1)
    await book.put(visitOf(number), {
      snapshot: pictureOf(number),
      embedding: { model: "m", vector: vectorOf(number) },
    });
  return book;
}

const idsOf = (visits: readonly VisitRecord[]): string[] => visits.map(({ visit }) => visit);

/** Whether any file of the folder holds these bytes. */
function holds(folder: string, needle: string | Buffer): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(needle),
  );
}

const bytesOf = (vector: Float32Array): Buffer => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);

describe("a visit book", () => {
  afterEach(async () => {
    for (const book of books.splice(0)) await book.close();
    for (const folder of folders.splice(0)) rmSync(join(folder, ".."), { recursive: true, force: true });
  });

  it("gives back what was put, over a restart too", async () => {
    const folder = folderOf();
    const book = await opened(folder);
    const put = await book.put(visitOf(1, { person: ALICE, name: "Alice", groups: ["staff"] }), {
      snapshot: pictureOf(1),
      embedding: { model: "m", vector: vectorOf(1) },
    });
    assert.deepEqual(asPut(put), visitOf(1, { person: ALICE, name: "Alice", groups: ["staff"] }));
    assert.equal(put.pictured, true);
    await book.close();
    const again = await opened(folder);
    assert.deepEqual(await again.get(visitId(1)), put);
    assert.deepEqual(await again.snapshot(visitId(1)), pictureOf(1));
    assert.deepEqual(await again.embedding(visitId(1)), { model: "m", vector: vectorOf(1) });
    assert.equal(await again.get(visitId(2)), undefined);
    assert.equal(await again.snapshot(visitId(2)), undefined);
    assert.equal(await again.embedding(visitId(2)), undefined);
    assert.equal(again.revision, put.revision);
  });

  it("keeps the picture and the embedding of a visit that is put again without them", async () => {
    const book = await filled(folderOf(), 1);
    const put = await book.put(visitOf(1, { frames: 99 }));
    assert.equal(put.pictured, true);
    assert.equal((await book.get(visitId(1)))?.frames, 99);
    assert.deepEqual(await book.snapshot(visitId(1)), pictureOf(1));
    await book.put(visitOf(1), { snapshot: pictureOf(2), embedding: { model: "n", vector: vectorOf(2) } });
    assert.deepEqual(await book.snapshot(visitId(1)), pictureOf(2));
    assert.deepEqual(await book.embedding(visitId(1)), { model: "n", vector: vectorOf(2) });
  });

  it("keeps no pictures where none are to be kept, and embeddings all the same", async () => {
    const folder = folderOf();
    const book = await filled(folder, 1, { keepPictures: false });
    assert.equal((await book.get(visitId(1)))?.pictured, false);
    assert.equal(await book.snapshot(visitId(1)), undefined);
    assert.deepEqual((await book.embedding(visitId(1)))?.vector, vectorOf(1));
    assert.equal(holds(folder, pictureOf(1)), false);
  });

  it("knows who is here, as they were left before a restart", async () => {
    const folder = folderOf();
    const book = await opened(folder);
    await book.put(visitOf(1, { until: null }));
    await book.put(visitOf(2, { until: null }));
    await book.put(visitOf(2));
    assert.deepEqual(idsOf(book.open), [visitId(1)]);
    await book.close();
    const again = await opened(folder);
    assert.deepEqual(idsOf(again.open), [visitId(1)]);
    await again.put(visitOf(1));
    assert.deepEqual(again.open, []);
  });

  it("tells what was written since a revision, in that order, each visit once and as it is now", async () => {
    const folder = folderOf();
    const book = await filled(folder, 5);
    const { revision } = book;
    await book.put(visitOf(2, { frames: 20 }));
    await book.put(visitOf(6));
    await book.put(visitOf(2, { frames: 21 }));
    const since = await book.since(revision, 10);
    assert.deepEqual(
      since.map(({ visit, frames }) => [visit, frames]),
      [
        [visitId(6), 6],
        [visitId(2), 21],
      ],
    );
    assert.deepEqual(idsOf(await book.since(revision, 1)), [visitId(6)]);
    assert.deepEqual(idsOf(await book.since(since[0]?.revision ?? 0, 10)), [visitId(2)]);
    assert.deepEqual(await book.since(book.revision, 10), []);
    await book.close();
    const again = await opened(folder);
    assert.deepEqual(idsOf(await again.since(0, 100)), [1, 3, 4, 5, 6, 2].map(visitId));
    assert.deepEqual(await again.since(revision, 10), since);
  });

  it("never uses a revision again, though the newest visit was removed before a restart", async () => {
    const folder = folderOf();
    const book = await filled(folder, 3);
    const { revision } = book;
    await book.remove([visitId(3)]);
    await book.close();
    const again = await opened(folder);
    assert.equal(again.revision, revision);
    assert.ok((await again.put(visitOf(4))).revision > revision);
  });

  it("finds visits by person, stranger, zone, whether they are known, and time, the newest first", async () => {
    const book = await opened(folderOf());
    const at = (number: number): number => MORNING + number * MINUTE;
    await book.put(visitOf(1, { person: ALICE, stays: staysIn(at(1), "door", "hall") }));
    await book.put(visitOf(3, { person: BOB, stays: staysIn(at(3), "hall") }));
    await book.put(visitOf(2, { stranger: "5", stays: staysIn(at(2), "yard") }));
    await book.put(visitOf(10, { person: ALICE, until: at(60) }));
    await book.put(visitOf(20, { until: null }));
    const found = async (query: Parameters<typeof book.find>[0]): Promise<string[]> =>
      idsOf((await book.find(query)).visits);
    assert.deepEqual(await found({}), [20, 10, 3, 2, 1].map(visitId));
    assert.deepEqual(await found({ person: ALICE }), [10, 1].map(visitId));
    assert.deepEqual(await found({ person: "nobody" }), []);
    assert.deepEqual(await found({ stranger: "5" }), [visitId(2)]);
    assert.deepEqual(await found({ zone: "hall" }), [3, 1].map(visitId));
    assert.deepEqual(await found({ zone: "cellar" }), []);
    assert.deepEqual(await found({ known: true }), [10, 3, 1].map(visitId));
    assert.deepEqual(await found({ known: false }), [20, 2].map(visitId));
    // Over at 5, at 4 and at 3; the one of 10 minutes lasts up to 60; the last one has not ended.
    assert.deepEqual(await found({ from: at(5) }), [20, 10, 3].map(visitId));
    assert.deepEqual(await found({ from: at(30) }), [20, 10].map(visitId));
    assert.deepEqual(await found({ to: at(3) }), [2, 1].map(visitId));
    assert.deepEqual(await found({ person: ALICE, zone: "door", from: at(0), to: at(2) }), [visitId(1)]);
    assert.deepEqual(book.zones, ["door", "hall", "yard"]);
  });

  it("pages without gaps and doubles, while visits come, change and go, and some began at one moment", async () => {
    const book = await opened(folderOf());
    const numbers = Array.from({ length: 40 }, (_, at) => at + 1);
    for (const number of [...numbers].sort((a, b) => ((a * 17) % 41) - ((b * 17) % 41)))
      await book.put(visitOf(number, { since: MORNING + Math.floor(number / 4) * MINUTE }));
    const expected = idsOf((await book.find({ limit: 500 })).visits);
    assert.equal(new Set(expected).size, 40);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await book.find({ cursor, limit: 7 });
      seen.push(...idsOf(page.visits));
      cursor = page.next;
      await book.put(visitOf(1000 + seen.length));
      await book.put(visitOf(2, { since: MORNING, frames: seen.length }));
      if (seen.length === 14) await book.remove([seen[13] ?? ""]);
    } while (cursor !== undefined);
    assert.deepEqual(seen, expected);
    await assert.rejects(book.find({ cursor: "of my own" }), /the cursor is none/);
  });

  it("deletes for real, with a receipt, also what had been written before and lies in the backup", async () => {
    const folder = folderOf();
    const book = await filled(folder, 30);
    await book.put(visitOf(7, { groups: ["a group of long ago"] }));
    await book.put(visitOf(7, { groups: [] }));
    await book.backup();
    for (const needle of [visitId(7), pictureOf(7), bytesOf(vectorOf(7)), "a group of long ago"])
      assert.ok(holds(folder, needle));
    const receipt = await book.remove([visitId(7), visitId(9), "never-here"]);
    assert.deepEqual(
      { ...receipt, at: 0 },
      {
        what: "visit",
        id: `${visitId(7)},${visitId(9)},never-here`,
        name: null,
        at: 0,
        photos: 0,
        visits: 2,
        embeddings: 2,
        thumbnails: 2,
        backups: 1,
      },
    );
    for (const needle of [visitId(7), visitId(9), pictureOf(7), bytesOf(vectorOf(7)), "a group of long ago"])
      assert.equal(holds(folder, needle), false, String(needle));
    assert.equal((await book.find({})).visits.length, 28);
    assert.equal(await book.get(visitId(7)), undefined);
    assert.ok(holds(folder, visitId(8)));
  });

  it("leaves nobody in a backup who was deleted while another was wiped from it", async () => {
    const folder = folderOf();
    const people = Array.from({ length: 8 }, (_, number) => `0000000000a${number}`);
    const book = await opened(folder);
    for (const [number, person] of people.entries())
      await book.put(visitOf(number, { person }), { embedding: { model: "m", vector: vectorOf(number) } });
    await book.close();
    const again = await opened(folder);
    await again.backup();
    await Promise.all(people.slice(1).map((person) => again.removeOf(person)));
    for (const [number] of people.entries())
      assert.equal(holds(folder, bytesOf(vectorOf(number))), number === 0, String(number));
  });

  it("does not bring back a visit that was removed while somebody was here", async () => {
    const folder = folderOf();
    const book = await opened(folder);
    await book.put(visitOf(1, { person: ALICE, until: null }));
    await book.removeOf(ALICE);
    const put = await book.put(visitOf(1, { person: ALICE }), { snapshot: pictureOf(1) });
    assert.equal(put.pictured, false);
    assert.equal(await book.get(visitId(1)), undefined);
    assert.equal(holds(folder, ALICE), false);
    assert.equal(holds(folder, pictureOf(1)), false);
  });

  it("deletes what is older than visits are kept, in steps between which it takes new ones", async () => {
    const folder = folderOf();
    const book = await filled(folder, 1000, { keepMs: 30 * DAY });
    await book.put(visitOf(2000, { until: null }));
    let taken = 0;
    let sweeping = true;
    const beats = (async () => {
      for (let number = 3000; sweeping; number += 1) {
        await book.put(visitOf(number, { since: MORNING + 31 * DAY + number }));
        if (sweeping) taken += 1;
      }
    })();
    const count = await book.sweep(MORNING + 30 * DAY + 902 * MINUTE);
    sweeping = false;
    await beats;
    // Number 900 was over at 902.
    assert.equal(count, 899);
    assert.equal(await book.get(visitId(899)), undefined);
    assert.notEqual(await book.get(visitId(900)), undefined);
    assert.equal(holds(folder, `"${visitId(500)}"`), false);
    assert.equal(holds(folder, pictureOf(500)), false);
    assert.deepEqual(idsOf((await book.find({ from: MORNING + 30 * DAY, limit: 1 })).visits).length, 1);
    // Held up until the end, there would be one or none.
    assert.ok(taken > 5, `${taken} visits were taken meanwhile`);
  });

  it("deletes a visit that was never ended, once nobody was seen for as long as visits are kept", async () => {
    const book = await opened(folderOf(), { keepMs: 30 * DAY });
    await book.put(visitOf(1, { until: null }));
    assert.equal(await book.sweep(MORNING + 29 * DAY), 0);
    assert.equal(await book.sweep(MORNING + 31 * DAY), 1);
    assert.deepEqual(book.open, []);
  });

  it("keeps no more than it may, and lets the oldest go", async () => {
    const book = await filled(folderOf(), 30, { most: 20 });
    assert.equal(await book.sweep(MORNING), 10);
    assert.deepEqual(idsOf((await book.find({})).visits).at(-1), visitId(11));
  });

  it("has the name that a person has now, and keeps it nowhere", async () => {
    const names = new Map([[ALICE, "Alice Original"]]);
    const folder = folderOf();
    const book = await opened(folder, { nameOf: (id) => names.get(id) });
    await book.put(visitOf(1, { person: ALICE, name: "Alice Original" }));
    assert.equal((await book.get(visitId(1)))?.name, "Alice Original");
    assert.equal(holds(folder, "Alice Original"), false);
    names.set(ALICE, "Alice Renamed");
    assert.equal((await book.find({ person: ALICE })).visits[0]?.name, "Alice Renamed");
  });

  it("gives a person's visits to whom they are one with, and a stranger's to whom they are named", async () => {
    const folder = folderOf();
    const book = await opened(folder, { nameOf: (id) => (id === BOB ? "Bob" : undefined) });
    for (let number = 1; number <= 450; number += 1)
      await book.put(visitOf(number, number % 2 === 0 ? { person: ALICE, name: "Alice" } : { stranger: "s1" }));
    await book.put(visitOf(500, { person: ALICE, stranger: "s1", until: null }));
    const { revision } = book;
    await book.give({ person: ALICE }, { id: BOB, name: "Bob" });
    assert.equal((await book.find({ person: ALICE })).visits.length, 0);
    assert.equal((await book.find({ person: BOB, limit: 500 })).visits.length, 226);
    assert.deepEqual(
      book.open.map(({ person, name }) => [person, name]),
      [[BOB, "Bob"]],
    );
    // Whoever reads on by revisions hears of it.
    assert.equal((await book.since(revision, 1000)).length, 226);
    await book.give({ stranger: "s1" }, { id: ALICE, name: "Alice" });
    assert.equal((await book.find({ person: ALICE, limit: 500 })).visits.length, 225);
    assert.equal((await book.find({ person: ALICE, limit: 1 })).visits[0]?.confirmed, true);
    await book.close();
    assert.equal((await (await opened(folder)).find({ person: BOB, limit: 500 })).visits.length, 226);
  });

  it("deletes visits of people who are not in the gallery any more", async () => {
    const book = await opened(folderOf());
    await book.put(visitOf(1, { person: ALICE }));
    await book.put(visitOf(2, { person: BOB }));
    await book.put(visitOf(3));
    assert.equal(await book.removeOrphans((id) => id === BOB), 1);
    assert.deepEqual(idsOf((await book.find({})).visits), [3, 2].map(visitId));
  });

  it("is encrypted as the gallery is: nobody finds a visit, a name, a picture or a face in it", async () => {
    const folder = folderOf();
    const secret = await makeSecret("a pass phrase", Buffer.alloc(16, 1));
    const book = await filled(folder, 3, { secret });
    await book.put(visitOf(4, { person: ALICE, name: "Alice", stays: staysIn(MORNING, "the back door") }));
    await book.backup();
    await book.close();
    for (const needle of [visitId(1), ALICE, "Alice", "the back door", pictureOf(1), bytesOf(vectorOf(1)), '"visit"'])
      assert.equal(holds(folder, needle), false, String(needle));
    const again = await opened(folder, { secret });
    assert.equal((await again.find({})).visits.length, 4);
    assert.deepEqual(await again.snapshot(visitId(1)), pictureOf(1));
    assert.deepEqual((await again.embedding(visitId(1)))?.vector, vectorOf(1));
  });

  it("is sealed anew when the gallery is given a pass phrase, and nothing plain is left", async () => {
    const folder = folderOf();
    const plain = await filled(folder, 250);
    await plain.backup();
    await plain.close();
    const secret: Secret = await makeSecret("a pass phrase", Buffer.alloc(16, 2));
    const book = await opened(folder, { secret });
    for (const needle of [visitId(1), visitId(250), pictureOf(1), bytesOf(vectorOf(1))])
      assert.equal(holds(folder, needle), false, String(needle));
    assert.equal((await book.find({ limit: 500 })).visits.length, 250);
    assert.deepEqual(await book.snapshot(visitId(1)), pictureOf(1));
    assert.deepEqual((await book.embedding(visitId(250)))?.vector, vectorOf(250));
    await book.put(visitOf(250, { frames: 1 }));
    assert.equal(book.size, 250);
  });

  it("begins with the backup when it is damaged, tells so, and its revision rises all the same", async () => {
    const folder = folderOf();
    const problems: StoreProblem["code"][] = [];
    const book = await filled(folder, 50);
    await book.backup();
    await book.put(visitOf(51), { snapshot: pictureOf(51) });
    const { revision } = book;
    await book.close();
    const path = join(folder, "visits.mdb");
    const bytes = readFileSync(path);
    // As a memory card does: pages in the midst of it are noise. The file is as long, and is not trusted.
    for (let at = 8192; at < bytes.length; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (at % 251);
    writeFileSync(path, bytes);
    const again = await opened(folder, { onProblem: ({ code }) => problems.push(code) });
    assert.deepEqual(problems, ["damaged_database"]);
    assert.equal((await again.find({ limit: 500 })).visits.length, 50);
    assert.deepEqual(await again.snapshot(visitId(50)), pictureOf(50));
    assert.equal(holds(join(folder, "visits"), pictureOf(51)), false);
    assert.ok((await again.put(visitOf(52))).revision > revision);
    // What was set aside may hold whoever is deleted.
    assert.equal((await again.remove([visitId(1)])).backups, 2);
    assert.equal(holds(folder, visitId(1)), false);
  });

  it("begins with the backup when it is gone, tells so, and begins anew without one", async () => {
    const folder = folderOf();
    const problems: StoreProblem[] = [];
    const book = await filled(folder, 50);
    await book.backup();
    await book.put(visitOf(51), { snapshot: pictureOf(51) });
    const { revision } = book;
    await book.close();
    rmSync(join(folder, "visits.mdb"));
    const again = await opened(folder, { onProblem: (problem) => problems.push(problem) });
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_database"],
    );
    assert.match(problems[0]?.message ?? "", /^the database of the visits in .* was gone: the backup of 20/);
    assert.equal((await again.find({ limit: 500 })).visits.length, 50);
    assert.deepEqual(await again.snapshot(visitId(50)), pictureOf(50));
    assert.ok((await again.put(visitOf(52))).revision > revision);
    await again.close();
    await deleteBook(folder);
    const anew = await opened(folder, { onProblem: (problem) => problems.push(problem) });
    assert.deepEqual([anew.size, problems.length], [0, 1]);
  });

  it("begins anew when it is damaged and has no backup, and tells so", async () => {
    const folder = folderOf();
    const problems: StoreProblem["code"][] = [];
    await (await filled(folder, 5)).close();
    writeFileSync(join(folder, "visits.mdb"), Buffer.alloc(65_536, 7));
    const book = await opened(folder, { onProblem: ({ code }) => problems.push(code) });
    assert.deepEqual(problems, ["no_backup"]);
    assert.deepEqual((await book.find({})).visits, []);
    await book.put(visitOf(1));
    assert.equal(book.size, 1);
  });

  it("is deleted as a whole where no visits are kept any more", async () => {
    const folder = folderOf();
    const book = await filled(folder, 3);
    await book.backup();
    await book.close();
    writeFileSync(join(folder, "people.mdb"), "of others");
    await deleteBook(folder);
    assert.deepEqual(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
      ["people.mdb"],
    );
  });

  it("writes nothing any more once closed", async () => {
    const book = await filled(folderOf(), 1);
    await book.close();
    await assert.rejects(book.put(visitOf(2)), /the gallery is closed/);
    await assert.rejects(book.remove([visitId(1)]), /the gallery is closed/);
  });
});
