import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { ZipFile } from "yazl";
import { openStore, type PeopleStore } from "../../../../lib/gallery/store/store";
import { entryOf, idOf, personOf, pictureOf, vectorOf } from "./entries";

const open: PeopleStore[] = [];

async function opened(key?: string): Promise<{ store: PeopleStore; folder: string }> {
  const folder = join(mkdtempSync(join(tmpdir(), "archive-")), "people");
  const store = await openStore({ folder, key });
  open.push(store);
  return { store, folder };
}

async function exported(store: PeopleStore, bytesOf?: Parameters<PeopleStore["exportTo"]>[1]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await store.exportTo(async (chunk) => { chunks.push(chunk); }, bytesOf);
  return Buffer.concat(chunks);
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const SIZE = 10_000;
  for (let at = 0; at < bytes.length; at += SIZE) yield bytes.subarray(at, at + SIZE);
}

/** A zip of such files; what is not said is as an export has it. */
async function zipOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries({ "gallery.json": '{"format":"facenet-gallery","version":1}', ...files })) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const stranger = { id: idOf(1, "c"), firstSeenAt: 1, lastSeenAt: 2, visits: 3, model: "m", fingerprint: "f", vectors: [vectorOf(500)], pictures: 2 };
const anchor = { id: idOf(1, "d"), against: idOf(1), note: "her sister", createdAt: 5, model: "m", fingerprint: "f", vector: vectorOf(600) };

describe("export and import", () => {
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  it("bring everything into an empty gallery, also from an encrypted one into a plain one", async () => {
    const { store } = await opened("correct horse");
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await store.putPerson(personOf(4));
    await store.putAnchor(anchor);
    await store.putUnknown(stranger, [pictureOf(500), pictureOf(501)]);
    const { store: other } = await opened();
    assert.deepEqual(await other.importFrom(pieces(await exported(store))), { people: 4, photos: 3, skipped: 0 });
    assert.deepEqual(other.people().sort((a, b) => (a.id < b.id ? -1 : 1)), [1, 2, 3, 4].map(personOf));
    assert.deepEqual(other.photo(idOf(2, "b")), { ...entryOf(2).photo, origin: { by: "import" } });
    assert.deepEqual([await other.photoBytes(idOf(2, "b")), await other.thumbnail(idOf(2, "b"))], [pictureOf(2), pictureOf(2, "thumbnail")]);
    const vectors: Float32Array[] = [];
    for await (const { vector } of other.embeddings("f")) vectors.push(vector);
    assert.deepEqual(vectors.sort(([a = 0], [b = 0]) => a - b), [1, 2, 3].map(vectorOf));
    assert.deepEqual([other.anchors(), other.unknowns(), await other.unknownPicture(stranger.id, 1)], [[anchor], [stranger], pictureOf(501)]);
  });

  it("leave what is here as it is, and take people of one name for one", async () => {
    const { store } = await opened();
    for (const number of [1, 2]) await store.addPhoto(entryOf(number));
    const zip = await exported(store);
    const { store: other } = await opened();
    await other.addPhoto(entryOf(2));
    await other.putPerson({ ...personOf(1), id: idOf(77), notes: "mine" });
    assert.deepEqual(await other.importFrom(pieces(zip)), { people: 0, photos: 1, skipped: 1 });
    assert.deepEqual([other.person(idOf(77))?.notes, other.photos(idOf(77)).length, other.person(idOf(1))], ["mine", 1, undefined]);
    assert.deepEqual(await other.importFrom(pieces(zip)), { people: 0, photos: 0, skipped: 2 });
  });

  it("leave somebody her new name who was renamed since, and make one of two of a name", async () => {
    const { store } = await opened();
    await store.addPhoto(entryOf(1));
    const zip = await exported(store);
    await store.putPerson({ ...personOf(1), name: "Renamed" });
    assert.deepEqual(await store.importFrom(pieces(zip)), { people: 0, photos: 0, skipped: 1 });
    assert.deepEqual(store.people().map(({ name }) => name), ["Renamed"]);
    const { store: other } = await opened();
    const twins = [personOf(1), { ...personOf(2), name: "Person 1" }].map((person) => JSON.stringify(person)).join("\n");
    assert.deepEqual(await other.importFrom(pieces(await zipOf({ "people.ndjson": twins }))), { people: 1, photos: 0, skipped: 0 });
    assert.deepEqual(other.people(), [personOf(1)]);
  });

  it("end when the one who asked has gone, without reading the other pictures", async () => {
    const { store } = await opened();
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await assert.rejects(store.exportTo(() => Promise.reject(new Error("the browser was closed"))), /the browser was closed/);
  });

  it("ends with an error when the store is closed meanwhile, not the process", async () => {
    const { store } = await opened();
    for (let number = 1; number <= 30; number += 1) await store.putPerson({ ...personOf(number), notes: randomBytes(5000).toString("hex") });
    await store.addPhoto(entryOf(31));
    let first = true;
    const exporting = store.exportTo(async () => {
      if (first) await store.close();
      first = false;
    });
    await assert.rejects(exporting, /closed/);
  });

  it("take pictures along that are kept elsewhere", async () => {
    const { store } = await opened();
    await store.addPhoto({ ...entryOf(1), photo: { ...entryOf(1).photo, size: 0, origin: { by: "folder", file: "Person 1.jpg" } }, bytes: undefined });
    const { store: other } = await opened();
    await other.importFrom(pieces(await exported(store, async ({ origin }) => (origin.by === "folder" && origin.file === "Person 1.jpg" ? pictureOf(1) : undefined))));
    assert.deepEqual([await other.photoBytes(idOf(1, "b")), other.photo(idOf(1, "b"))?.size], [pictureOf(1), pictureOf(1).length]);
  });

  const person = JSON.stringify(personOf(1));
  for (const [what, files, sentence] of [
    ["holds what no export has", { "run.sh": "rm" }, /holds "run\.sh", which no export of a gallery has: nothing was imported/],
    ["is of a newer version", { "gallery.json": '{"format":"facenet-gallery","version":2}' }, /no export of a gallery, or one of a newer version/],
    ["has a malformed record", { "people.ndjson": `${person}\n{"id":"../../x"}\n` }, /line 2 of people\.ndjson in the zip is malformed: nothing was imported/],
    ["has text instead of a record", { "people.ndjson": `${person}\nnot json\n` }, /line 2 of people\.ndjson/],
    ["has an embedding that is none", { "people.ndjson": person, "embeddings.ndjson": JSON.stringify({ photoId: idOf(1, "b"), personId: idOf(1), model: "m", fingerprint: "f", vector: "AAA=" }) }, /an embedding that is none/],
    ["has a picture that is none", { "people.ndjson": person, [`photos/${idOf(1, "b")}.jpg`]: "<script>" }, /is no JPEG: nothing was imported/],
    ["has a line longer than any record", { "people.ndjson": `${person}\n${"a".repeat(3 * 2 ** 20)}` }, /line 2 of people\.ndjson in the zip is malformed/],
    ["grows a thousandfold", { "people.ndjson": Buffer.alloc(100 * 2 ** 20, 0x0a) }, /people\.ndjson in the zip claims to be \d+ times as large as it is in it: nothing was imported/],
    ["has many pictures of nothing", Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`photos/aaaaaaa${index}.jpg`, Buffer.alloc(30 * 2 ** 20)])), /the pictures in the zip claim 94371840 bytes, the zip has \d+: nothing was imported/],
    ["has a picture of 60 MB", { "people.ndjson": person, [`photos/${idOf(1, "b")}.jpg`]: Buffer.alloc(60 * 2 ** 20) }, /claims 62914560 bytes, 52428800 are the most/],
  ] as const) {
    it(`refuse a zip that ${what}, and change nothing`, async () => {
      const { store, folder } = await opened();
      const before = readdirSync(folder).sort();
      await assert.rejects(store.importFrom(pieces(await zipOf(files))), sentence);
      assert.deepEqual([store.people(), readdirSync(folder).sort()], [[], before]);
    });
  }

  it("refuse a zip that names another folder", async () => {
    const { store, folder } = await opened();
    const zip = await zipOf({ "photos/aaaaaaaa.jpg": "x" });
    // The library that writes zips here refuses such names.
    const evil = Buffer.from(zip.toString("latin1").replaceAll("photos/aaaaaaaa.jpg", "../../../aaaaaa.jpg"), "latin1");
    await assert.rejects(store.importFrom(pieces(evil)), /no zip, or a damaged one \(.*relative path.*\): nothing was imported/);
    assert.deepEqual(readdirSync(join(folder, "..")), ["people"]);
  });

  it("refuse what is no zip, and one that is cut off or damaged", async () => {
    const { store } = await opened();
    await store.addPhoto(entryOf(1));
    const zip = await exported(store);
    const { store: other } = await opened();
    const damaged = Buffer.from(zip);
    damaged.fill(0x5a, 200, 400);
    for (const bytes of [Buffer.from("text"), Buffer.alloc(0), zip.subarray(0, zip.length / 2), damaged]) await assert.rejects(other.importFrom(pieces(bytes)), /no zip, or a damaged one .*: nothing was imported/);
    assert.deepEqual(other.people(), []);
  });

  it("refuse a picture in which one bit is not what it was, and change nothing", async () => {
    const { store } = await opened();
    const entry = entryOf(1);
    await store.addPhoto(entry);
    const zip = await exported(store);
    const at = zip.indexOf(entry.bytes ?? Buffer.alloc(0));
    const last = at + (entry.bytes?.length ?? 0) - 1;
    assert.ok(at > 0);
    const { store: other } = await opened();
    zip[last] = (zip[last] ?? 0) ^ 1;
    await assert.rejects(other.importFrom(pieces(zip)), /a damaged one \(photos\/\w+\.jpg does not have the checksum .*: nothing was imported/);
    assert.deepEqual([other.people(), other.photos()], [[], []]);
  });

  it("refuse a sender who breaks off, and leave nothing behind", async () => {
    const { store, folder } = await opened();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1000);
      throw new Error("the connection broke");
    }
    await assert.rejects(store.importFrom(broken()), /the connection broke/);
    assert.equal(readdirSync(folder).some((file) => file.startsWith("import-")), false);
  });
});
