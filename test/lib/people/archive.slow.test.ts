import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { ZipFile } from "yazl";
import { UserError } from "../../../lib/errors";
import { type ExportOptions, exportStore, importInto } from "../../../lib/people/archive";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { exportOf } from "../../support/zip";
import { processorTime } from "../../support/processor-time";
import { entryOf, idOf, personOf, pictureOf, vectorOf } from "./entries";

const open: LmdbStore[] = [];

async function opened(key?: string): Promise<{ store: LmdbStore; folder: string }> {
  const folder = join(mkdtempSync(join(tmpdir(), "archive-")), "people");
  const store = await openStore({ folder, key });
  open.push(store);
  return { store, folder };
}

async function exported(store: LmdbStore, bytesOf?: ExportOptions["bytesOf"]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await exportStore(store, { write: async (chunk) => void chunks.push(chunk), bytesOf });
  return Buffer.concat(chunks);
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const SIZE = 10_000;
  for (let at = 0; at < bytes.length; at += SIZE) yield bytes.subarray(at, at + SIZE);
}

const stranger = {
  id: idOf(1, "c"),
  firstSeenAt: 1,
  lastSeenAt: 2,
  visits: 3,
  model: "m",
  fingerprint: "f",
  vectors: [vectorOf(500)],
  pictures: 2,
};
const anchor = {
  id: idOf(1, "d"),
  against: idOf(1),
  note: "her sister",
  createdAt: 5,
  model: "m",
  fingerprint: "f",
  vector: vectorOf(600),
};

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
    assert.deepEqual(await importInto(other, pieces(await exported(store))), { people: 4, photos: 3, skipped: 0 });
    assert.deepEqual(
      other.people().sort((a, b) => (a.id < b.id ? -1 : 1)),
      [1, 2, 3, 4].map(personOf),
    );
    assert.deepEqual(other.photo(idOf(2, "b")), { ...entryOf(2).photo, origin: { by: "import" } });
    assert.deepEqual(
      [await other.photoBytes(idOf(2, "b")), await other.thumbnail(idOf(2, "b"))],
      [pictureOf(2), pictureOf(2, "thumbnail")],
    );
    const vectors: Float32Array[] = [];
    for await (const { vector } of other.embeddings("f")) vectors.push(vector);
    assert.deepEqual(
      vectors.sort(([a = 0], [b = 0]) => a - b),
      [1, 2, 3].map(vectorOf),
    );
    assert.deepEqual(
      [other.anchors(), other.unknowns(), await other.unknownPicture(stranger.id, 1)],
      [[anchor], [stranger], pictureOf(501)],
    );
  });

  it("leave what is here as it is, and take people of one name for one", async () => {
    const { store } = await opened();
    for (const number of [1, 2]) await store.addPhoto(entryOf(number));
    const zip = await exported(store);
    const { store: other } = await opened();
    await other.addPhoto(entryOf(2));
    await other.putPerson({ ...personOf(1), id: idOf(77), notes: "mine" });
    assert.deepEqual(await importInto(other, pieces(zip)), { people: 0, photos: 1, skipped: 1 });
    assert.deepEqual(
      [other.person(idOf(77))?.notes, other.photos(idOf(77)).length, other.person(idOf(1))],
      ["mine", 1, undefined],
    );
    assert.deepEqual(await importInto(other, pieces(zip)), { people: 0, photos: 0, skipped: 2 });
  });

  it("leave somebody their new name who was renamed since, and make one of two of a name", async () => {
    const { store } = await opened();
    await store.addPhoto(entryOf(1));
    const zip = await exported(store);
    await store.putPerson({ ...personOf(1), name: "Renamed" });
    assert.deepEqual(await importInto(store, pieces(zip)), { people: 0, photos: 0, skipped: 1 });
    assert.deepEqual(
      store.people().map(({ name }) => name),
      ["Renamed"],
    );
    const { store: other } = await opened();
    const twins = [personOf(1), { ...personOf(2), name: "Person 1" }]
      .map((person) => JSON.stringify(person))
      .join("\n");
    assert.deepEqual(await importInto(other, pieces(await exportOf({ "people.ndjson": twins }))), {
      people: 1,
      photos: 0,
      skipped: 0,
    });
    assert.deepEqual(other.people(), [personOf(1)]);
  });

  it("end when the one who asked has gone, without reading the other pictures", async () => {
    const { store } = await opened();
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await assert.rejects(
      exportStore(store, { write: () => Promise.reject(new Error("the browser was closed")) }),
      /the browser was closed/,
    );
  });

  it("ends with an error when the store is closed meanwhile, not the process", async () => {
    const { store } = await opened();
    for (let number = 1; number <= 30; number += 1)
      await store.putPerson({ ...personOf(number), notes: randomBytes(5000).toString("hex") });
    await store.addPhoto(entryOf(31));
    let first = true;
    const exporting = exportStore(store, {
      write: async () => {
        if (first) await store.close();
        first = false;
      },
    });
    await assert.rejects(exporting, /closed/);
  });

  it("take pictures along that are kept elsewhere", async () => {
    const { store } = await opened();
    await store.addPhoto({
      ...entryOf(1),
      photo: { ...entryOf(1).photo, size: 0, origin: { by: "folder", file: "Person 1.jpg" } },
      bytes: undefined,
    });
    const { store: other } = await opened();
    await importInto(
      other,
      pieces(
        await exported(store, async ({ origin }) =>
          origin.by === "folder" && origin.file === "Person 1.jpg" ? pictureOf(1) : undefined,
        ),
      ),
    );
    assert.deepEqual(
      [await other.photoBytes(idOf(1, "b")), other.photo(idOf(1, "b"))?.size],
      [pictureOf(1), pictureOf(1).length],
    );
  });

  const person = JSON.stringify(personOf(1));
  for (const [what, files, sentence] of [
    [
      "holds what no export has",
      { "run.sh": "rm" },
      /holds "run\.sh", which no export of a gallery has: nothing was imported/,
    ],
    [
      "is of a newer version",
      { "gallery.json": '{"format":"facenet-gallery","version":3}' },
      /no export of a gallery, or one of a newer version/,
    ],
    [
      "has a malformed record",
      { "people.ndjson": `${person}\n{"id":"../../x"}\n` },
      /line 2 of people\.ndjson in the zip is malformed: nothing was imported/,
    ],
    ["has text instead of a record", { "people.ndjson": `${person}\nnot json\n` }, /line 2 of people\.ndjson/],
    [
      "has an embedding that is none",
      {
        "people.ndjson": person,
        "embeddings.ndjson": JSON.stringify({
          photoId: idOf(1, "b"),
          personId: idOf(1),
          model: "m",
          fingerprint: "f",
          vector: "AAA=",
        }),
      },
      /an embedding that is none/,
    ],
    [
      "has a picture that is none",
      { "people.ndjson": person, [`photos/${idOf(1, "b")}.jpg`]: "<script>" },
      /is no JPEG: nothing was imported/,
    ],
    [
      "has a line longer than any record",
      { "people.ndjson": `${person}\n${"a".repeat(3 * 2 ** 20)}` },
      /line 2 of people\.ndjson in the zip is malformed/,
    ],
    [
      "grows a thousandfold",
      { "people.ndjson": Buffer.alloc(100 * 2 ** 20, 0x0a) },
      /people\.ndjson in the zip claims to be \d+ times as large as it is in it: nothing was imported/,
    ],
    [
      "has many pictures of nothing",
      Object.fromEntries(
        Array.from({ length: 3 }, (_, index) => [`photos/aaaaaaa${index}.jpg`, Buffer.alloc(30 * 2 ** 20)]),
      ),
      /the pictures in the zip claim 94371840 bytes, the zip has \d+: nothing was imported/,
    ],
    [
      "has a picture of 60 MB",
      { "people.ndjson": person, [`photos/${idOf(1, "b")}.jpg`]: Buffer.alloc(60 * 2 ** 20) },
      /claims 62914560 bytes, 52428800 are the most/,
    ],
  ] as const) {
    it(`refuse a zip that ${what}, and change nothing`, async () => {
      const { store, folder } = await opened();
      const before = readdirSync(folder).sort();
      await assert.rejects(importInto(store, pieces(await exportOf(files))), sentence);
      assert.deepEqual([store.people(), readdirSync(folder).sort()], [[], before]);
    });
  }

  const vector = Buffer.from(vectorOf(1).buffer).toString("base64");
  const short = Buffer.from(vectorOf(1).slice(0, 64).buffer).toString("base64");
  const numbers = (...values: number[]): string => Buffer.from(Float32Array.from(values).buffer).toString("base64");
  const photo = JSON.stringify(entryOf(1).photo);
  const embedding = (fields: object = {}): string =>
    JSON.stringify({ photoId: idOf(1, "b"), personId: idOf(1), model: "m", fingerprint: "f", vector, ...fields });
  const anchored = (fields: object = {}): string => JSON.stringify({ ...anchor, vector, ...fields });
  const met = (fields: object = {}): string =>
    JSON.stringify({ ...stranger, pictures: 0, vectors: [vector], ...fields });
  const called = (name: string, fields: object = {}): string => JSON.stringify({ ...personOf(1), name, ...fields });
  const people = "people.ndjson";
  /** Files beside an unharmed person with a photo. */
  const wrong: readonly (readonly [what: string, files: Record<string, string>, sentence: RegExp])[] = [
    [
      "has an embedding of another length than the others",
      { "embeddings.ndjson": `${embedding()}\n${embedding({ photoId: idOf(2, "b"), vector: short })}` },
      /line 2 of embeddings\.ndjson .*its embedding has 64 numbers, others of its fingerprint have 128/,
    ],
    [
      "has an anchor of another length than the embeddings",
      { "embeddings.ndjson": embedding(), "anchors.ndjson": anchored({ vector: short }) },
      /line 1 of anchors\.ndjson .*64 numbers/,
    ],
    [
      "has a stranger of another length than the embeddings",
      { "embeddings.ndjson": embedding(), "unknowns.ndjson": met({ vectors: [vector, short] }) },
      /line 1 of unknowns\.ndjson .*64 numbers/,
    ],
    [
      "has an embedding longer than any network's",
      { "embeddings.ndjson": embedding({ vector: Buffer.alloc(4 * 8193, 1).toString("base64") }) },
      /an embedding that is none/,
    ],
    [
      "has an embedding of nothing but 0",
      { "embeddings.ndjson": embedding({ vector: numbers(0, 0, 0) }) },
      /an embedding that is none/,
    ],
    [
      "has an embedding with a NaN",
      { "embeddings.ndjson": embedding({ vector: numbers(1, NaN) }) },
      /an embedding that is none/,
    ],
    [
      "has an anchor with an infinity",
      { "anchors.ndjson": anchored({ vector: numbers(1, Infinity) }) },
      /line 1 of anchors\.ndjson .*an embedding that is none/,
    ],
    ["has a stranger without an embedding", { "unknowns.ndjson": met({ vectors: [] }) }, /line 1 of unknowns\.ndjson/],
    [
      "has an embedding of another model under one fingerprint",
      { "embeddings.ndjson": `${embedding()}\n${embedding({ photoId: idOf(2, "b"), model: "n" })}` },
      /it is of the model "n", others of its fingerprint are of "m"/,
    ],
    [
      "has a photo's embedding twice",
      { "embeddings.ndjson": `${embedding()}\n${embedding()}` },
      /line 2 of embeddings\.ndjson .*already/,
    ],
    [
      "has a photo with more embeddings than there are models",
      {
        "embeddings.ndjson": Array.from({ length: 33 }, (_, index) => embedding({ fingerprint: `f${index}` })).join(
          "\n",
        ),
      },
      /line 33 of embeddings\.ndjson .*at most 32/,
    ],
    [
      "has an id twice",
      { [people]: `${called("Alice")}\n${called("Bob")}` },
      /line 2 of people\.ndjson .*its id is an earlier line's/,
    ],
    [
      "has a photo's id twice",
      { "photos.ndjson": `${photo}\n${photo}` },
      /line 2 of photos\.ndjson .*its id is an earlier line's/,
    ],
    [
      "has a name with a slash",
      { [people]: called("a/b") },
      /line 1 of people\.ndjson in the zip is malformed: nothing was imported.*name: the name has a slash/,
    ],
    [
      "has a name that turns the direction of writing",
      { [people]: called("Bob\u202ecilA") },
      /name: the name has a slash, a backslash or a control character/,
    ],
    ["has a name of spaces", { [people]: called("   ") }, /name: the name is missing/],
    ["has a name of 81 characters", { [people]: called("x".repeat(81)) }, /81 characters: 80 are the most/],
    [
      "has a group with a comma",
      { [people]: called("Alice", { groups: ["a,b"] }) },
      /groups\.0: must be a word without commas/,
    ],
    [
      "has more groups than a person may",
      { [people]: called("Alice", { groups: Array.from({ length: 51 }, (_, index) => `g${index}`) }) },
      /line 1 of people\.ndjson/,
    ],
    [
      "has a person who may pass until before they may",
      { [people]: called("Alice", { validFrom: 2, validUntil: 1 }) },
      /validUntil: must not end before it begins/,
    ],
    ["has a consent on the 31st of February", { [people]: called("Alice", { consentOn: "2026-02-31" }) }, /consentOn/],
    [
      "has a time that is none",
      { [people]: called("Alice").replace('"createdAt":1', '"createdAt":1e999') },
      /createdAt/,
    ],
    ["has a time after all times", { [people]: called("Alice", { lastSeenAt: 8.64e15 + 1 }) }, /lastSeenAt/],
    [
      "has a time before all times",
      { "photos.ndjson": photo.replace('"addedAt":2', '"addedAt":-2') },
      /line 1 of photos\.ndjson .*addedAt/,
    ],
    [
      "has an id that is a path",
      { "photos.ndjson": photo.replace(idOf(1, "b"), "../../../../etc") },
      /line 1 of photos\.ndjson/,
    ],
    ["has JSON deeper than anybody reads", { [people]: "[".repeat(500_000) }, /line 1 of people\.ndjson .*no JSON/],
    [
      "has a record deeper than anybody reads",
      { [people]: `${"[".repeat(400_000)}${"]".repeat(400_000)}` },
      /line 1 of people\.ndjson/,
    ],
    ["has an empty line", { [people]: `${called("Alice")}\n\n` }, /line 2 of people\.ndjson/],
    [
      "has more pictures than its records name",
      Object.fromEntries(
        Array.from({ length: 1003 }, (_, index) => [
          `photos/${idOf(index, "c")}.jpg`,
          pictureOf(1).toString("latin1"),
        ]),
      ),
      /the zip holds 1003 pictures, its records name 2/,
    ],
  ];
  for (const [what, files, sentence] of wrong) {
    it(`refuse a zip that ${what}, and change nothing, then or at the next start`, async () => {
      const { store, folder } = await opened();
      await assert.rejects(
        importInto(store, pieces(await exportOf({ [people]: person, "photos.ndjson": photo, ...files }))),
        (error) =>
          error instanceof UserError && sentence.test(error.message) && /nothing was imported/.test(error.message),
      );
      assert.deepEqual([store.people(), store.photos(), store.anchors(), store.unknowns()], [[], [], [], []]);
      await store.close();
      const told: string[] = [];
      const again = await openStore({ folder, onProblem: ({ message }) => told.push(message) });
      open.push(again);
      assert.deepEqual([again.people(), told], [[], []]);
    });
  }

  it(
    "refuse what does not fit what is in the gallery: an embedding, anchor or stranger of another length under " +
      "its fingerprint",
    async () => {
      const { store } = await opened();
      await store.addPhoto(entryOf(9));
      for (const files of [
        { "embeddings.ndjson": embedding({ vector: short }) },
        { "anchors.ndjson": anchored({ against: null, vector: short }) },
        { "unknowns.ndjson": met({ vectors: [short] }) },
      ]) {
        await assert.rejects(
          importInto(store, pieces(await exportOf({ [people]: person, "photos.ndjson": photo, ...files }))),
          /64 numbers, others of its fingerprint have 128/,
        );
      }
      const spaces = new Map([["new", { model: "n", dimensions: 128 }]]);
      await assert.rejects(
        importInto(
          store,
          pieces(
            await exportOf({
              "anchors.ndjson": anchored({ against: null, fingerprint: "new", model: "n", vector: short }),
            }),
          ),
          { spaces },
        ),
        /64 numbers, others of its fingerprint have 128/,
      );
      assert.deepEqual([store.people().length, store.anchors(), store.unknowns()], [1, [], []]);
      // Of another model they may be as long as they like.
      assert.deepEqual(
        await importInto(
          store,
          pieces(
            await exportOf({
              [people]: person,
              "photos.ndjson": photo,
              "embeddings.ndjson": embedding({ fingerprint: "g", model: "n", vector: short }),
            }),
          ),
        ),
        { people: 1, photos: 1, skipped: 0 },
      );
    },
  );

  it("take a person as a form would: the name composed and trimmed, groups in order and lower case", async () => {
    const { store } = await opened();
    await importInto(
      store,
      pieces(await exportOf({ [people]: called(" Zoe\u0308 ", { groups: ["Staff", "family", "staff"] }) })),
    );
    assert.deepEqual(
      store.people().map(({ name, groups }) => [name, groups]),
      [["Zo\u00eb", ["family", "staff"]]],
    );
  });

  it("let nobody be seen in the future, and stay for ever", async () => {
    const { store } = await opened();
    await importInto(store, pieces(await exportOf({ "unknowns.ndjson": met({ lastSeenAt: 8.64e15 }) })));
    assert.ok((store.unknowns()[0]?.lastSeenAt ?? Infinity) <= Date.now());
  });

  it("keep embeddings alone where pictures are not wanted", async () => {
    const { store } = await opened();
    await store.addPhoto(entryOf(1));
    const { store: other } = await opened();
    assert.deepEqual(await importInto(other, pieces(await exported(store)), { keepPictures: false }), {
      people: 1,
      photos: 1,
      skipped: 0,
    });
    const id = idOf(1, "b");
    assert.deepEqual(
      [other.photo(id)?.size, await other.photoBytes(id), await other.thumbnail(id)],
      [0, undefined, undefined],
    );
  });

  it("cost seconds, not minutes, for what fits into few bytes", async () => {
    const costly: readonly (readonly [Record<string, string | Buffer>, number | RegExp])[] = [
      [
        { "embeddings.ndjson": `${embedding()}\n`.repeat(40_000) },
        /embeddings\.ndjson in the zip claims to be \d+ times as large/,
      ],
      [
        { "embeddings.ndjson": `${embedding({ vector: numbers(1) })}\n`.repeat(40_000) },
        /line 2 of embeddings\.ndjson/,
      ],
      [
        {
          "embeddings.ndjson": Array.from({ length: 40_000 }, (_, index) =>
            embedding({ fingerprint: `f${index}`, vector: numbers(1) }),
          ).join("\n"),
        },
        /line 33 of embeddings\.ndjson/,
      ],
      [{ [people]: Buffer.alloc(60_000_000, "\n") }, /people\.ndjson in the zip claims to be \d+ times as large/],
      [{ [people]: Buffer.alloc(8_000_000, "\n") }, /line 1 of people\.ndjson/],
      [
        {
          [people]: Array.from({ length: 20_000 }, (_, index) =>
            JSON.stringify({ ...personOf(index), notes: "" }),
          ).join("\n"),
        },
        20_000,
      ],
    ];
    for (const [files, outcome] of costly) {
      const { store } = await opened();
      const zip = await exportOf(files);
      const spent = processorTime();
      const result = await importInto(store, pieces(zip)).then(
        ({ people: count }) => count,
        (error: unknown) => String(error),
      );
      // These took 20, 62 and 79 s, and as much waiting.
      assert.ok(spent() < 8000, `${spent()} ms`);
      if (typeof outcome === "number") assert.equal(result, outcome);
      else assert.match(String(result), outcome);
    }
  });

  it("refuse files that share their bytes, and two of one name", async () => {
    const { store } = await opened();
    const names = ["photos/aaaaaaa0.jpg", "photos/aaaaaaa1.jpg"] as const;
    const zip = await exportOf({ [names[0]]: pictureOf(1), [names[1]]: pictureOf(1) });
    const place = (name: string): number => zip.lastIndexOf(name) - 46;
    const shared = Buffer.from(zip);
    // The second entry of the directory leads to the first one's bytes.
    zip.copy(shared, place(names[1]) + 42, place(names[0]) + 42, place(names[0]) + 46);
    await assert.rejects(
      importInto(store, pieces(shared)),
      /shares its bytes with another file in the zip: nothing was imported/,
    );
    const twice = Buffer.from(zip.toString("latin1").replaceAll(names[1], names[0]), "latin1");
    await assert.rejects(
      importInto(store, pieces(twice)),
      /holds "photos\/aaaaaaa0\.jpg" twice: nothing was imported/,
    );
  });

  it("pass over folders, which a zip that was packed anew has, and refuse what is encrypted", async () => {
    const { store } = await opened();
    const zip = new ZipFile();
    for (const name of ["photos", "thumbnails"]) zip.addEmptyDirectory(name);
    zip.addBuffer(Buffer.from('{"format":"facenet-gallery","version":1}'), "gallery.json");
    zip.end();
    const packed: Buffer[] = [];
    for await (const chunk of zip.outputStream) packed.push(chunk as Buffer);
    assert.deepEqual(await importInto(store, pieces(Buffer.concat(packed))), { people: 0, photos: 0, skipped: 0 });
    const secret = await exportOf({ "people.ndjson": "{}" });
    for (let at = 0; at < secret.length - 12; at += 1) {
      // The first bit of the flags, before each file and in the directory (APPNOTE.TXT 4.4.4).
      if (secret.readUInt32LE(at) === 0x04034b50) secret.writeUInt8(secret.readUInt8(at + 6) | 1, at + 6);
      if (secret.readUInt32LE(at) === 0x02014b50) secret.writeUInt8(secret.readUInt8(at + 8) | 1, at + 8);
    }
    await assert.rejects(
      importInto(store, pieces(secret)),
      /"gallery\.json" in the zip is encrypted: nothing was imported/,
    );
  });

  it("refuse a zip that names another folder", async () => {
    const { store, folder } = await opened();
    const zip = await exportOf({ "photos/aaaaaaaa.jpg": "x" });
    // The library that writes zips here refuses such names.
    const evil = Buffer.from(
      zip.toString("latin1").replaceAll("photos/aaaaaaaa.jpg", "../../../aaaaaa.jpg"),
      "latin1",
    );
    await assert.rejects(
      importInto(store, pieces(evil)),
      /no zip, or a damaged one \(.*relative path.*\): nothing was imported/,
    );
    assert.deepEqual(readdirSync(join(folder, "..")), ["people"]);
  });

  it("refuse what is no zip, and one that is cut off or damaged", async () => {
    const { store } = await opened();
    await store.addPhoto(entryOf(1));
    const zip = await exported(store);
    const { store: other } = await opened();
    const damaged = Buffer.from(zip);
    damaged.fill(0x5a, 200, 400);
    for (const bytes of [Buffer.from("text"), Buffer.alloc(0), zip.subarray(0, zip.length / 2), damaged])
      await assert.rejects(importInto(other, pieces(bytes)), /no zip, or a damaged one .*: nothing was imported/);
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
    await assert.rejects(
      importInto(other, pieces(zip)),
      /a damaged one \(photos\/\w+\.jpg does not have the checksum .*: nothing was imported/,
    );
    assert.deepEqual([other.people(), other.photos()], [[], []]);
  });

  it("refuse a sender who breaks off, and leave nothing behind", async () => {
    const { store, folder } = await opened();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1000);
      throw new Error("the connection broke");
    }
    await assert.rejects(importInto(store, broken()), /the connection broke/);
    assert.equal(
      readdirSync(folder).some((file) => file.startsWith("import-")),
      false,
    );
  });
});
