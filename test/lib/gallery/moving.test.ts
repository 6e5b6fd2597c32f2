/** People who move to another computer take their attendance book along, and their visits. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { Attendance } from "../../../lib/attendance/attendance";
import { Rules } from "../../../lib/attendance/rules";
import { Gallery } from "../../../lib/gallery/gallery";
import { isBeside, openBeside } from "../../../lib/people/lmdb/beside";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Person } from "../../../lib/people/people";
import { filesIn, openArchive, readEntry } from "../../../lib/people/zip";
import { openBook } from "../../../lib/visits/lmdb-book";
import { FakeEncoder } from "../../support/fake-encoder";
import { jpegOf } from "../../support/visits";
import { exportOf } from "../../support/zip";
import { DAY, vectorOf, visitId, visitOf } from "../visits/visits";

const HOUR = 3_600_000;
const NOW = Date.now();

interface Kept {
  gallery: Gallery;
  attendance: Attendance;
  told: string[];
}

const roots: string[] = [];
const open: Kept[] = [];

async function opened({
  key,
  book = "book",
  keepVisits = true,
}: { key?: string; book?: string; keepVisits?: boolean } = {}): Promise<Kept> {
  const root = mkdtempSync(join(tmpdir(), "moving-"));
  roots.push(root);
  const folder = join(root, "people");
  const store = await openStore({ folder, key });
  const { secret, encrypted } = store;
  const nameOf = (id: string): string | undefined => store.person(id)?.name;
  const visits = keepVisits ? await openBook({ folder, secret, keepMs: 30 * DAY, nameOf }) : undefined;
  const place = { folder, name: "attendance", secret } as const;
  const gallery = new Gallery({
    folder: join(root, "photos"),
    encoder: new FakeEncoder(),
    store,
    visits,
    keepUnknownsMs: DAY,
    attendance: { isThere: () => isBeside(place), open: () => openBeside(place), folder, encrypted },
  });
  await gallery.start();
  const told: string[] = [];
  const attendance = new Attendance({
    book,
    gallery: "g",
    ledger: await gallery.attendance(),
    rules: new Rules({ timeZone: "UTC" }, "face-attendance"),
    people: gallery,
    visits,
  });
  attendance.on("checkIn", ({ id }) => told.push(id));
  await attendance.start();
  const kept = { gallery, attendance, told };
  open.push(kept);
  return kept;
}

/** Somebody with visits and a book that has a correction, and a visit that is the same as another. */
async function lived({ gallery, attendance }: Kept): Promise<Person> {
  const alice = await gallery.createPerson({ name: "Alice" });
  const came = [5 * HOUR, 5 * HOUR - 20_000, 3 * HOUR, HOUR];
  for (const [number, ago] of came.entries())
    await gallery.keptVisits.put(visitOf(number, { person: alice.id, name: "Alice", since: NOW - ago }), {
      snapshot: jpegOf(`picture ${number}`),
      embedding: { model: "fake", vector: vectorOf(number) },
    });
  await gallery.keptVisits.put(visitOf(9, { stranger: "c1", since: NOW - HOUR, until: null, confirmed: false }));
  await attendance.look();
  const [first = ""] = idsOf(attendance);
  await attendance.change(first, { type: "OUT", why: "she left", by: "carol" });
  return alice;
}

const idsOf = (attendance: Attendance): string[] =>
  attendance
    .csv("2000-01-01", "2100-01-01")
    .split("\r\n")
    .slice(1, -1)
    .map((line) => line.split(",")[9] ?? "");
const without = (csv: string): string => csv.replaceAll(/,[0-9a-f]{12},/g, ",");
const allOf = (attendance: Attendance): string => without(attendance.csv("2000-01-01", "2100-01-01"));

async function exported({ gallery }: Kept, options = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await gallery.exportTo(async (chunk) => void chunks.push(chunk), options);
  return Buffer.concat(chunks);
}

async function versionOf(zip: Buffer): Promise<unknown> {
  const path = join(roots[0] ?? "", "export.zip");
  writeFileSync(path, zip);
  const archive = await openArchive(path);
  try {
    const header = (await filesIn(archive, undefined)).get("gallery.json");
    assert.ok(header !== undefined);
    const read = await readEntry(archive, header, { most: 1000, small: 1000 });
    return (JSON.parse(read.toString()) as { version: unknown }).version;
  } finally {
    archive.close();
  }
}

const imported = (kept: Kept, zip: Buffer, books = ["book"]): ReturnType<Gallery["importFrom"]> =>
  kept.gallery.importFrom(Readable.from([zip]), { books });

async function close({ gallery, attendance }: Kept): Promise<void> {
  await attendance.close();
  await gallery.close();
}

describe("a gallery that moves", () => {
  afterEach(async () => {
    for (const kept of open.splice(0)) await close(kept);
    for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
  });

  it("takes its attendance book along with every correction, and tells nothing of it again", async () => {
    const from = await opened({ key: "open sesame" });
    await lived(from);
    const zip = await exported(from);
    const to = await opened();
    // Somebody of the name is there already, with a book of their own.
    const alice = await to.gallery.createPerson({ name: "Alice" });
    await to.attendance.add({ person: alice.id, type: "IN", at: NOW - 30 * HOUR, why: "before", by: null });
    const [own] = to.told;
    assert.deepEqual(await imported(to, zip), { people: 0, photos: 0, skipped: 0, checkIns: 3 });
    assert.equal(allOf(to.attendance).length > allOf(from.attendance).length, true);
    const ids = idsOf(from.attendance);
    assert.deepEqual(idsOf(to.attendance), [own, ...ids]);
    assert.deepEqual(
      to.attendance.history(ids[0] ?? "").history.map(({ what, why, by }) => [what, why, by]),
      [
        ["taken", "", null],
        ["changed", "she left", "carol"],
      ],
    );
    assert.deepEqual(to.told, [own]);
    assert.equal(to.attendance.tell(to.attendance.sending(ids[1] ?? "") as never).name, "Alice");
    assert.deepEqual(await imported(to, zip), { people: 0, photos: 0, skipped: 0, checkIns: 0 }, "twice is once");
    assert.equal(await to.gallery.keptVisits.count({}), 0, "no visits unless they are asked for");
  });

  it("takes its visits along on wish, pictures and embeddings too, and no check-in twice", async () => {
    const from = await opened();
    await lived(from);
    const zip = await exported(from, { visits: true });
    const to = await opened({ key: "open sesame" });
    assert.deepEqual(await imported(to, zip), { people: 1, photos: 0, skipped: 0, checkIns: 3, visits: 5 });
    await to.attendance.look();
    assert.equal(allOf(to.attendance), allOf(from.attendance));
    assert.deepEqual(to.told, []);
    const [before, after] = await Promise.all(
      [from, to].map(async ({ gallery }) => (await gallery.keptVisits.find({})).visits),
    );
    const bare = (visits: typeof before = []): unknown[] =>
      visits.map(({ revision: _revision, until, ...visit }) => ({ ...visit, until: until ?? visit.lastSeen }));
    assert.deepEqual(bare(after), bare(before));
    assert.deepEqual(to.gallery.keptVisits.open, [], "who was there is not here");
    assert.deepEqual(await to.gallery.keptVisits.snapshot(visitId(2)), jpegOf("picture 2"));
    assert.deepEqual(await to.gallery.keptVisits.embedding(visitId(2)), { model: "fake", vector: vectorOf(2) });
    assert.deepEqual(await imported(to, zip), { people: 0, photos: 0, skipped: 0, checkIns: 0, visits: 0 });
  });

  it("gives check-ins to the one book that is here where its flow got other ids", async () => {
    const from = await opened({ book: "old" });
    await lived(from);
    const zip = await exported(from);
    const to = await opened({ book: "new" });
    assert.equal((await imported(to, zip, ["new"])).checkIns, 3);
    assert.equal(allOf(to.attendance), allOf(from.attendance));
    const several = await opened({ book: "one" });
    await imported(several, zip, ["one", "other"]);
    assert.deepEqual(idsOf(several.attendance), [], "whose they are nobody can say");
    assert.equal([...(await several.gallery.attendance()).rows("old")].length, 3);
  });

  it("passes over what is too old here, and visits where none are kept", async () => {
    const from = await opened();
    const alice = await lived(from);
    await from.attendance.add({ person: alice.id, type: "IN", at: NOW - 100 * DAY, why: "long ago", by: null });
    const zip = await exported(from, { visits: true });
    const to = await opened({ keepVisits: false });
    const ledger = await to.gallery.attendance();
    const keep = { days: 40, calendar: { timeZone: "UTC", begins: 0 } };
    await ledger.exclusively(() => ledger.write("book", { keep }));
    assert.deepEqual(await imported(to, zip), { people: 1, photos: 0, skipped: 0, checkIns: 3, visits: 0 });
  });

  it("is of the first version as long as there is neither, so that earlier versions understand it", async () => {
    const empty = await opened();
    await empty.gallery.createPerson({ name: "Bob" });
    assert.equal(await versionOf(await exported(empty, { visits: true })), 1);
    await lived(empty);
    assert.equal(await versionOf(await exported(empty)), 2);
    const later = await exportOf({ "gallery.json": '{"format":"facenet-gallery","version":3}' });
    await assert.rejects(imported(empty, later), /one of a newer version of this package/);
  });

  it("refuses lines that are no check-ins or visits of its people, and changes nothing", async () => {
    const from = await opened();
    const alice = await lived(from);
    const to = await opened();
    const line = JSON.stringify({ book: "b", same: "0".repeat(24), person: alice.id, at: 1 });
    for (const [files, why] of [
      [{ "attendance.ndjson": line }, /line 1 of attendance\.ndjson .* not in the export/],
      [{ "attendance.ndjson": '{"book":"a:b"}' }, /line 1 of attendance\.ndjson/],
      [{ "visits.ndjson": '{"visit":"v"}' }, /line 1 of visits\.ndjson/],
      [{ "visits/00000001.jpg": "x" }, /visits\/00000001\.jpg in the zip is no JPEG/],
      [{ "visitors/00000001.jpg": "x" }, /visitors\/00000001\.jpg\\?", which no export of a gallery has/],
    ] as const)
      await assert.rejects(imported(to, await exportOf(files)), why, JSON.stringify(files));
    assert.deepEqual([idsOf(to.attendance), to.gallery.people], [[], []]);
  });
});
