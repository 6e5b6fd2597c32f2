/** What people ask for while something else goes on, and what of a gallery others can read. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import sharp from "sharp";
import { Gallery } from "../../../lib/gallery/gallery";
import { kindOf } from "../../../lib/image/photo-file";
import { exportStore } from "../../../lib/people/archive";
import type { ArchivePart } from "../../../lib/people/archive-part";
import { openStore } from "../../../lib/people/lmdb/store";
import { filesIn, openArchive, readEntry } from "../../../lib/people/zip";
import { openBook } from "../../../lib/visits/lmdb-book";
import { FakeEncoder } from "../../support/fake-encoder";
import { DAY, visitOf } from "../visits/visits";

let clean: (() => Promise<void> | void)[] = [];

/** Any picture is one of somebody. */
class PictureEncoder extends FakeEncoder {
  override encode(): ReturnType<FakeEncoder["encode"]> {
    return super.encode(Buffer.from("1 2"));
  }
}

async function galleryIn(root: string, encoder = new FakeEncoder()): Promise<Gallery> {
  const folder = join(root, "people");
  const store = await openStore({ folder });
  const { secret } = store;
  const visits = await openBook({ folder, secret, keepMs: 30 * DAY, nameOf: (id) => store.person(id)?.name });
  const gallery = new Gallery({ folder: join(root, "photos"), encoder, store, visits });
  clean.push(() => gallery.close());
  await gallery.start();
  return gallery;
}

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "meanwhile-"));
  clean.push(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

async function textIn(root: string, zip: Buffer, name: string): Promise<Buffer> {
  const path = join(root, "export.zip");
  writeFileSync(path, zip);
  const archive = await openArchive(path);
  try {
    const entry = [...(await filesIn(archive, undefined))].find(([file]) => file.startsWith(name))?.[1];
    assert.ok(entry !== undefined, name);
    return await readEntry(archive, entry, { most: 1_000_000, small: 1_000_000 });
  } finally {
    archive.close();
  }
}

describe("a gallery meanwhile", () => {
  afterEach(async () => {
    for (const each of clean.reverse()) await each();
    clean = [];
  });

  it("deletes who was meant by their id, though somebody else is called so by then", async () => {
    const gallery = await galleryIn(newRoot());
    const { id } = await gallery.createPerson({ name: "Alice" });
    const [, other] = await Promise.all([
      gallery.updatePerson(id, { name: "Alice (South door)" }),
      gallery.createPerson({ name: "Alice" }),
      gallery.forget({ id }),
    ]);
    assert.deepEqual(
      gallery.listPeople({}).people.map((person) => [person.id, person.name]),
      [[other.id, "Alice"]],
    );
  });

  it("keeps the visits of a stranger who was named before they were to be deleted", async () => {
    const gallery = await galleryIn(newRoot());
    const { id } = await gallery.createPerson({ name: "Bob" });
    await gallery.keptVisits.put(visitOf(1, { person: id, name: "Bob", stranger: "c1", since: Date.now() - 60_000 }));
    await gallery.removeUnknowns(["c1"]);
    assert.equal((await gallery.keptVisits.find({})).visits.length, 1);
  });

  it("exports photos of any format so that they can be imported", async () => {
    const root = newRoot();
    mkdirSync(join(root, "photos"));
    const picture = sharp({ create: { width: 40, height: 40, channels: 3, background: "#a52" } });
    writeFileSync(join(root, "photos", "Alice.png"), await picture.clone().png().toBuffer());
    const gallery = await galleryIn(root, new PictureEncoder());
    const chunks: Uint8Array[] = [];
    await gallery.exportTo(async (chunk) => void chunks.push(chunk), {});
    const zip = Buffer.concat(chunks);
    assert.equal(kindOf(await textIn(root, zip, "photos/")), "jpeg");
    const there = await galleryIn(newRoot(), new PictureEncoder());
    assert.equal((await there.importFrom(Readable.from([zip]), {})).photos, 1);
    assert.deepEqual(there.people, [{ name: "Alice", photos: 1 }]);
  });

  it("exports nothing of people who are not in the export", async () => {
    const root = newRoot();
    const store = await openStore({ folder: join(root, "people") });
    clean.push(() => store.close());
    const all = [
      { id: "1", person: null },
      { id: "2", person: "0000000000aa" },
    ];
    const part = (ofNobody?: (each: object) => object): ArchivePart => ({
      counts: "visits",
      file: "some.ndjson",
      schema: undefined as unknown as ArchivePart["schema"],
      isEmpty: false,
      lines: () => Readable.from(all) as AsyncIterable<object>,
      pictures: () => Readable.from([]) as AsyncIterable<readonly [string, Buffer]>,
      idOf: (each) => (each as { id: string }).id,
      personOf: (each) => (each as { person: string | null }).person,
      add: () => Promise.resolve(0),
      ...(ofNobody === undefined ? {} : { ofNobody }),
    });
    for (const [ofNobody, expected] of [
      [undefined, all.slice(0, 1)],
      [(each: object): object => ({ ...each, person: null }), all.map(({ id }) => ({ id, person: null }))],
    ] as const) {
      const chunks: Uint8Array[] = [];
      await exportStore(store, { write: async (chunk) => void chunks.push(chunk), parts: [part(ofNobody)] });
      const lines = (await textIn(root, Buffer.concat(chunks), "some")).toString().trimEnd().split("\n");
      assert.deepEqual(
        lines.map((line) => JSON.parse(line) as unknown),
        expected,
      );
    }
  });
});
