import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import type { PhotoEncoder } from "../../../lib/enrol/photo-encoder";
import { NotKept } from "../../../lib/enrol/not-kept";
import { Gallery } from "../../../lib/gallery/gallery";
import type { Person } from "../../../lib/people/people";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Quality } from "../../../lib/message";

/** "1 2" is one face with that embedding. */
const encoder: PhotoEncoder = {
  model: "fake",
  fingerprint: "1",
  threshold: 0.5,
  encode: (bytes) =>
    Promise.resolve([
      {
        box: { x: 0, y: 0, width: 1, height: 1 },
        score: 1,
        embedding: Float32Array.from(bytes.toString().split(" "), Number),
        model: "fake",
      },
    ]),
};

const open: Gallery[] = [];
async function galleryIn(root: string): Promise<Gallery> {
  const gallery = new Gallery({
    folder: join(root, "photos"),
    store: await openStore({ folder: join(root, "people") }),
    encoder,
    keepPhotos: false,
  });
  open.push(gallery);
  await gallery.start();
  return gallery;
}
const newRoot = (): string => mkdtempSync(join(tmpdir(), "corrections-"));
const names = (gallery: Gallery): string[] => gallery.people.map(({ name, photos }) => `${name} ${photos}`);
const seen = (...numbers: number[]): { vector: Float32Array; picture: undefined; note: string } => ({
  vector: Float32Array.from(numbers),
  picture: undefined,
  note: "Hall",
});

async function personOf(gallery: Gallery, fields: object, ...photos: string[]): Promise<Person> {
  const person = await gallery.createPerson(fields);
  for (const photo of photos)
    await gallery.addPhoto({ id: person.id }, Buffer.from(photo), {
      origin: "upload",
      accept: ["unlike", "resembles"],
    });
  return person;
}
const photoIds = (gallery: Gallery, { id }: Person): string[] => gallery.details(id).photos.map((photo) => photo.id);

describe("putting a gallery right", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
  });

  it(
    "makes one person of two, also after a restart: photos, notes, groups, days and what was said against the " +
      "first",
    async () => {
      const root = newRoot();
      const gallery = await galleryIn(root);
      const first = await personOf(
        gallery,
        { name: "Bob", notes: "plays the cello", groups: ["family"], consentOn: "2026-01-02" },
        "1 2",
        "1 3",
      );
      const second = await personOf(gallery, { name: "Robert", notes: "allergic to cats", groups: ["staff"] }, "9 9");
      await gallery.addAnchor(Float32Array.of(5, 5), first.id, "Hall");
      const merged: [string, string][] = [];
      gallery.on("merged", (from, { id }) => merged.push([from, id]));
      await gallery.merge(first.id, second.id);
      assert.deepEqual(merged, [[first.id, second.id]]);
      const isOne = async (now: Gallery): Promise<void> => {
        assert.deepEqual(names(now), ["Robert 3"]);
        const { notes, groups, consentOn } = now.details(second.id);
        assert.deepEqual(
          [notes, groups, consentOn],
          ["allergic to cats\nplays the cello", ["family", "staff"], "2026-01-02"],
        );
        assert.deepEqual(
          now.anchors().map(({ against }) => against),
          [second.id],
        );
        assert.equal((await now.roster.nearest(Float32Array.of(1, 2), 1, "euclidean"))[0]?.person.name, "Robert");
      };
      await isOne(gallery);
      await gallery.close();
      await isOne(await galleryIn(root));
      const everything = readdirSync(join(root, "people"), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
      assert.ok(!everything.some((text) => text.includes('"Bob"')), "the name that is no more is in no file");
    },
  );

  it("moves photos to somebody there and to somebody new, back again, and never out of the photo folder", async () => {
    const root = newRoot();
    mkdirSync(join(root, "photos"));
    writeFileSync(join(root, "photos/Filed.jpg"), "30 30");
    const gallery = await galleryIn(root);
    const alice = await personOf(gallery, { name: "Alice" }, "1 2", "1 3", "9 9");
    const before = photoIds(gallery, alice);
    const { person: bob } = await gallery.movePhotos(alice.id, before.slice(2), { name: " Bob " });
    assert.deepEqual(names(gallery), ["Alice 2", "Bob 1", "Filed 1"]);
    await gallery.movePhotos(bob.id, photoIds(gallery, bob), { id: alice.id });
    assert.deepEqual([names(gallery), photoIds(gallery, bob)], [["Alice 3", "Filed 1"], []]);
    const filed = gallery.listPeople({ search: "Filed" }).people[0] as unknown as Person;
    await assert.rejects(
      gallery.movePhotos(filed.id, photoIds(gallery, filed), { id: alice.id }),
      /Filed\.jpg lies in the photo folder, and its name says whose it is: rename the file/,
    );
    await assert.rejects(gallery.merge(filed.id, alice.id), /lies in the photo folder/);
    await assert.rejects(
      gallery.movePhotos(alice.id, photoIds(gallery, bob).concat("0123456789abcdef"), { id: bob.id }),
      /there is no photo/,
    );
    await assert.rejects(
      gallery.movePhotos(alice.id, photoIds(gallery, alice), { id: alice.id }),
      /these photos are Alice's already/,
    );
    assert.deepEqual(names(gallery), ["Alice 3", "Filed 1"], "what was refused changed nothing");
  });

  it("learns from an event who it is and who not, asks where the face is unlike, and takes both back", async () => {
    const gallery = await galleryIn(newRoot());
    const alice = await personOf(gallery, { name: "Alice" }, "0 0");
    const bob = await personOf(gallery, { name: "Bob" }, "3 0");
    const { photo, anchor } = await gallery.correct(seen(0.2, 0.3), { name: "Carol", not: alice.id });
    assert.deepEqual([photo.origin.by, anchor?.against], ["event", alice.id]);
    assert.equal((await gallery.roster.nearest(Float32Array.of(0.2, 0.3), 1, "euclidean"))[0]?.person.name, "Carol");
    await assert.rejects(
      gallery.correct(seen(7, 7), { name: "Bob", not: null }),
      (error: unknown) => error instanceof NotKept && error.judgement.findings[0]?.code === "unlike",
    );
    await gallery.correct(seen(7, 7), { name: "Bob", not: bob.id, accept: ["unlike"] });
    assert.deepEqual(
      gallery
        .corrections()
        .map(({ what, name }) => `${what} ${name}`)
        .sort(),
      ["is Bob", "is Carol", "not Alice"],
      "nobody is said not to be themselves",
    );
    for (const { id } of gallery.corrections()) await gallery.undoCorrection(id);
    assert.deepEqual([gallery.corrections(), gallery.anchors()], [[], []]);
    assert.equal((await gallery.roster.nearest(Float32Array.of(0.2, 0.3), 1, "euclidean"))[0]?.person.name, "Alice");
  });

  it("makes no photo of somebody far away, whoever says so", async () => {
    const gallery = await galleryIn(newRoot());
    await personOf(gallery, { name: "Alice" }, "0 0");
    const quality = (size: number): Quality => ({
      size,
      blur: 3,
      exposure: 120,
      pose: { yaw: 0, pitch: 0, roll: 0 },
      weight: 0.1,
    });
    const far = gallery.correct(
      { ...seen(0.2, 0.3), quality: quality(12) },
      { name: "Alice", not: null, accept: ["too_small", "no_face"] },
    );
    await assert.rejects(
      far,
      (error: unknown) => error instanceof NotKept && error.judgement.findings[0]?.code === "no_face",
    );
    await gallery.correct({ ...seen(0.2, 0.3), quality: quality(22) }, { name: "Alice", not: null });
    assert.deepEqual(names(gallery), ["Alice 2"]);
  });

  it("forgets the corrections of whoever is deleted", async () => {
    const gallery = await galleryIn(newRoot());
    const alice = await personOf(gallery, { name: "Alice" }, "0 0");
    await gallery.correct(seen(0.2, 0.3), { name: "Carol", not: alice.id });
    await gallery.forget("Carol");
    await gallery.forget("Alice");
    assert.deepEqual(gallery.corrections(), []);
  });
});
