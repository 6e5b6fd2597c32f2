/** Whose the photos of a folder are where a person is called otherwise than their files. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Gallery } from "../../../lib/gallery/gallery";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Person } from "../../../lib/people/people";
import type { PeopleStore } from "../../../lib/people/store";
import { FakeEncoder } from "../../support/fake-encoder";
import { eventually } from "../../support/node-red";

const INTERVAL_MS = 30;
let clean: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const each of clean.reverse()) await each();
  clean = [];
});

function rootWith(photos: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "folder-names-"));
  clean.push(() => rmSync(root, { recursive: true, force: true }));
  for (const [file, content] of Object.entries(photos)) write(root, file, content);
  return root;
}

function write(root: string, file: string, content: string): void {
  const path = join(root, "photos", file);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
}

async function galleryIn(root: string, encoder = new FakeEncoder()): Promise<Gallery> {
  const store = await openStore({ folder: join(root, "people") });
  const gallery = new Gallery({ folder: join(root, "photos"), encoder, interval: INTERVAL_MS, store });
  clean.push(() => gallery.close());
  await gallery.start();
  return gallery;
}

/** The store as it is, without a gallery over it. */
async function inStore(root: string, work: (store: PeopleStore) => Promise<void>): Promise<void> {
  const store = await openStore({ folder: join(root, "people") });
  await work(store);
  await store.close();
}

/** As an earlier version had it: each file of the folder shows somebody called as it is. */
async function ofTheirOwn(store: PeopleStore, names: Readonly<Record<string, string>>): Promise<void> {
  for (const [index, [file, name]] of Object.entries(names).entries()) {
    const photo = store.photos().find(({ origin }) => origin.by === "folder" && origin.file === file);
    const owner = photo && store.person(photo.personId);
    assert.ok(photo !== undefined && owner !== undefined, file);
    const person: Person = { ...owner, id: `0000000000b${index}`, name };
    const embeddings = await store.embeddingsOf(photo.id);
    await store.removePhotos([photo.id]);
    await store.putMany({
      people: [person],
      photos: [
        {
          photo: { ...photo, personId: person.id },
          bytes: undefined,
          thumbnail: undefined,
          embeddings: embeddings.map((each) => ({ ...each, personId: person.id })),
        },
      ],
    });
  }
}

const names = (gallery: Gallery): string[] => gallery.people.map(({ name, photos }) => `${name} ${photos}`).sort();
const idOf = (gallery: Gallery, name: string): string | undefined =>
  gallery.listPeople({ search: name }).people.find((each) => each.name === name)?.id;

describe("the names of files in a photo folder", () => {
  it("show whom they showed before another site renamed them; each is deleted with their own files", async () => {
    const root = rootWith({ "Bob.jpg": "1 2" });
    await (await galleryIn(root)).close();
    await inStore(root, async (store) => {
      const [bob] = store.people();
      assert.ok(bob !== undefined);
      await store.putPerson({ ...bob, name: "Bob (Back door)" });
    });
    const gallery = await galleryIn(root);
    await gallery.enrol("Bob", Buffer.from("9 10"));
    assert.deepEqual(names(gallery), ["Bob (Back door) 1", "Bob 1"]);
    write(root, "Bob.jpg", "1 2.1");
    write(root, "Bob/2.jpg", "1 2.4");
    const read = (second: number): boolean =>
      [...gallery.embeddings()].some(({ vector }) => Math.abs((vector[1] ?? 0) - second) < 1e-6);
    await eventually("both are read", () => (read(2.1) && read(2.4) && !read(2)) || undefined);
    assert.deepEqual(names(gallery), ["Bob (Back door) 2", "Bob 1"]);
    // Not read yet, it is most likely of whom the others of its name are.
    write(root, "Bob/3.jpg", "bad");

    await gallery.forget("Bob");
    await gallery.scanFolder();
    assert.deepEqual(names(gallery), ["Bob (Back door) 2"]);
    assert.deepEqual(readdirSync(join(root, "photos"), { recursive: true }).length, 4);

    const { photos } = await gallery.forget("Bob (Back door)");
    assert.deepEqual([photos, readdirSync(join(root, "photos"))], [3, []]);
    await gallery.close();
    assert.deepEqual(names(await galleryIn(root)), []);
  });

  it("keep somebody whom a photo showed, though it cannot be read while it is written anew", async () => {
    const root = rootWith({ "Bob.jpg": "1 2" });
    await (await galleryIn(root)).close();
    await inStore(root, async (store) => {
      const [bob] = store.people();
      assert.ok(bob !== undefined);
      await store.putPerson({ ...bob, name: "Robert" });
    });
    const gallery = await galleryIn(root);
    const before = idOf(gallery, "Robert");
    write(root, "Bob.jpg", "bad");
    await eventually(
      "it cannot be read",
      () => gallery.problems.some(({ code }) => code === "unreadable_photo") || undefined,
    );
    for (let scan = 0; scan < 3; scan++) await gallery.scanFolder();
    write(root, "Bob.jpg", "1 2.1");
    await eventually("it is read", () => names(gallery).length > 0 || undefined);
    assert.deepEqual([names(gallery), idOf(gallery, "Robert")], [["Robert 1"], before]);
  });

  it("call two people who were called as copies are by their names still, and a copy by whom it shows", async () => {
    const files = { "Chen (7).jpg": "1 2", "Chen (12).jpg": "50 60", "Sara Copia.jpg": "20 9", "Bob (1).jpg": "7 8" };
    const root = rootWith({ ...files, "Bob.jpg": "7 8.1" });
    await (await galleryIn(root)).close();
    const before = Object.fromEntries(Object.keys(files).map((file) => [file, file.slice(0, -4)]));
    await inStore(root, async (store) => {
      await ofTheirOwn(store, before);
      // Of the names that this version gives them nobody is left.
      const empty = store.people().filter(({ id }) => store.photos(id).length === 0);
      await store.removeMany({ people: empty.map(({ id }) => id), photos: [] });
    });
    const gallery = await galleryIn(root);
    const merged: string[][] = [];
    gallery.on("merged", (from, { name }) => merged.push([from, name]));
    await gallery.scanFolder();
    assert.deepEqual(names(gallery), ["Bob 2", "Chen (12) 1", "Chen (7) 1", "Sara Copia 1"]);
    // A Chen whom they do not resemble changes nothing, and is not looked at again and again.
    write(root, "Chen.jpg", "80 90");
    await eventually("Chen is there", () => names(gallery).length === 5 || undefined);
    await gallery.close();
    const encoder = new FakeEncoder();
    const again = await galleryIn(root, encoder);
    const read = encoder.calls;
    assert.deepEqual(names(again), ["Bob 2", "Chen (12) 1", "Chen (7) 1", "Chen 1", "Sara Copia 1"]);
    await again.close();
    const third = new FakeEncoder();
    assert.deepEqual(names(await galleryIn(root, third)).length, 5);
    assert.deepEqual([read <= 2, third.calls], [true, 0]);
  });

  it("give a copy's visits and check-ins to whom it shows", async () => {
    const root = rootWith({ "Bob.jpg": "1 2", "Bob (1).jpg": "1 2.1" });
    await (await galleryIn(root)).close();
    await inStore(root, (store) => ofTheirOwn(store, { "Bob (1).jpg": "Bob (1)" }));
    const store = await openStore({ folder: join(root, "people") });
    const gallery = new Gallery({
      folder: join(root, "photos"),
      encoder: new FakeEncoder(),
      interval: INTERVAL_MS,
      store,
    });
    clean.push(() => gallery.close());
    const told: string[] = [];
    gallery.on("merged", (from, { name }) => told.push(`${from} is ${name}`));
    gallery.on("forgotten", (_id, name) => told.push(`${name} is gone`));
    await gallery.start();
    assert.deepEqual(names(gallery), ["Bob 2"]);
    assert.deepEqual(told.slice(0, 1), ["0000000000b0 is Bob"]);
  });

  it("keep whose photo is moved once more just when it is read", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const photos = join(root, "photos");
    class MovingEncoder extends FakeEncoder {
      override encode(bytes: Buffer): ReturnType<FakeEncoder["encode"]> {
        if (bytes.toString() === "9 9" && existsSync(join(photos, "x.jpg"))) {
          mkdirSync(join(photos, "Alice"));
          renameSync(join(photos, "x.jpg"), join(photos, "Alice/1.jpg"));
        }
        return super.encode(bytes);
      }
    }
    const gallery = await galleryIn(root, new MovingEncoder());
    const before = idOf(gallery, "Alice");
    const forgotten: string[] = [];
    gallery.on("forgotten", (_id, name) => forgotten.push(name));
    renameSync(join(photos, "Alice.jpg"), join(photos, "x.jpg"));
    write(root, "a.jpg", "9 9");
    await eventually("both are read", () => names(gallery).join() === "Alice 1,a 1" || undefined);
    assert.deepEqual([idOf(gallery, "Alice"), forgotten], [before, []]);
  });
});
