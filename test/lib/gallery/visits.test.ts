/** What becomes of visits when people and strangers are deleted, merged, named and renamed. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Gallery } from "../../../lib/gallery/gallery";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Person } from "../../../lib/people/people";
import type { VisitRecord } from "../../../lib/visits/book";
import { openBook } from "../../../lib/visits/lmdb-book";
import { FakeEncoder } from "../../support/fake-encoder";
import { DAY, pictureOf, visitId, visitOf } from "../visits/visits";

const MINUTE = 60_000;

const roots: string[] = [];
const open: Gallery[] = [];

async function opened(root?: string): Promise<Gallery> {
  const folder = root ?? mkdtempSync(join(tmpdir(), "visiting-"));
  if (root === undefined) roots.push(folder);
  const people = join(folder, "people");
  const store = await openStore({ folder: people });
  const visits = await openBook({
    folder: people,
    secret: store.secret,
    keepMs: 30 * DAY,
    nameOf: (id) => store.person(id)?.name,
  });
  const encoder = new FakeEncoder();
  const gallery = new Gallery({ folder: join(folder, "photos"), encoder, store, visits, keepUnknownsMs: DAY });
  open.push(gallery);
  await gallery.start();
  return gallery;
}

const rootOf = (): string => roots.at(-1) ?? "";

function holds(needle: string | Buffer): boolean {
  return readdirSync(rootOf(), { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(needle),
  );
}

async function put(gallery: Gallery, number: number, changes: Parameters<typeof visitOf>[1] = {}): Promise<void> {
  await gallery.keptVisits.put(visitOf(number, { since: Date.now() - number * MINUTE, ...changes }), {
    snapshot: pictureOf(number),
    embedding: { model: "fake", vector: Float32Array.of(number, 1) },
  });
}

async function enrolled(gallery: Gallery, name: string, photo: Buffer): Promise<Person> {
  const person = await gallery.createPerson({ name });
  await gallery.enrol(name, photo);
  return person;
}

async function visitsOf(gallery: Gallery): Promise<[visit: string, name: string | null][]> {
  const { visits } = await gallery.keptVisits.find({});
  return visits.map(({ visit, name }): [string, string | null] => [visit, name]);
}

describe("a gallery that keeps visits", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
    for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
  });

  it("deletes a person's visits with them, and its receipt counts them", async () => {
    const gallery = await opened();
    const person = await enrolled(gallery, "Alice", Buffer.from("1 2"));
    await put(gallery, 1, { person: person.id, name: "Alice" });
    await put(gallery, 2, { person: person.id, name: "Alice" });
    await put(gallery, 3);
    await gallery.keptVisits.put(visitOf(4, { person: person.id, until: null, since: Date.now() }));
    const receipt = await gallery.forget({ id: person.id });
    assert.deepEqual(
      [receipt.what, receipt.photos, receipt.visits, receipt.embeddings, receipt.thumbnails],
      ["person", 1, 3, 3, 2],
    );
    assert.deepEqual(await visitsOf(gallery), [[visitId(3), null]]);
    assert.deepEqual(gallery.keptVisits.open, []);
    assert.ok(holds(pictureOf(3)));
    for (const needle of [person.id, pictureOf(1), pictureOf(2), visitId(1)])
      assert.equal(holds(needle), false, String(needle));
  });

  it("gives visits to the person with whom somebody is one, and follows names", async () => {
    const gallery = await opened();
    const alice = await enrolled(gallery, "Alice", Buffer.from("1 2"));
    const alicia = await enrolled(gallery, "Alicia", Buffer.from("9 9"));
    await put(gallery, 1, { person: alice.id, name: "Alice" });
    await put(gallery, 2, { person: alicia.id, name: "Alicia" });
    const told: VisitRecord[] = [];
    gallery.on("visits", ({ put: changed }) => told.push(...changed));
    await gallery.merge(alicia.id, alice.id);
    assert.deepEqual(await visitsOf(gallery), [
      [visitId(1), "Alice"],
      [visitId(2), "Alice"],
    ]);
    assert.deepEqual(
      told.map(({ visit, person }) => [visit, person]),
      [[visitId(2), alice.id]],
    );
    await gallery.updatePerson(alice.id, { name: "Ms Liddell" });
    assert.deepEqual(
      (await visitsOf(gallery)).map(([, name]) => name),
      ["Ms Liddell", "Ms Liddell"],
    );
    assert.equal(readFileSync(join(rootOf(), "people", "visits.mdb")).includes("Alice"), false);
  });

  it("gives a stranger's visits to whom they are named, and deletes those of a stranger who is deleted", async () => {
    const gallery = await opened();
    const face = (x: number): Parameters<Gallery["sawUnknown"]>[0] => ({
      box: { x: 0, y: 0, width: 1, height: 1 },
      score: 1,
      embedding: Float32Array.of(x, 1),
      model: "fake",
      quality: { weight: 1, size: 90, blur: 90, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 } },
    });
    const sight = { at: Date.now(), source: "door", crop: async () => undefined };
    await gallery.sawUnknown(face(50), sight);
    await gallery.sawUnknown(face(80), { ...sight, at: sight.at + 1 });
    const [second = "", first = ""] = (await gallery.unknowns()).map(({ id }) => id);
    await put(gallery, 1, { stranger: first });
    await put(gallery, 2, { stranger: second });
    const person = await gallery.nameUnknown(first, "Vera");
    assert.deepEqual(await visitsOf(gallery), [
      [visitId(1), "Vera"],
      [visitId(2), null],
    ]);
    assert.equal((await gallery.keptVisits.get(visitId(1)))?.person, person.id);
    const receipt = await gallery.removeUnknown(second);
    assert.deepEqual([receipt.what, receipt.visits, receipt.embeddings], ["unknown", 1, 2]);
    assert.deepEqual(await visitsOf(gallery), [[visitId(1), "Vera"]]);
    assert.equal(holds(pictureOf(2)), false);
    await assert.rejects(gallery.removeUnknown(second), /there is no stranger/);
  });

  it("finds visits whose faces are like one of a photo, of the network that decides alone", async () => {
    const gallery = await opened();
    await put(gallery, 1);
    await put(gallery, 4);
    await put(gallery, 9);
    await gallery.keptVisits.put(visitOf(5, { since: Date.now() }), {
      embedding: { model: "another", vector: Float32Array.of(4, 1) },
    });
    const [one, ...others] = await gallery.alikeVisits(Buffer.from("4.1 1"), 2);
    assert.deepEqual(others, []);
    assert.deepEqual(
      one?.visits.map(({ visit, distance }) => [visit.visit, Number(distance.toFixed(3))]),
      [
        [visitId(4), 0.1],
        [visitId(1), 3.1],
      ],
    );
    assert.deepEqual(await gallery.alikeVisits(Buffer.from(""), 2), []);
  });

  it("deletes after a restart what a crash left of somebody who was deleted", async () => {
    const gallery = await opened();
    const person = await enrolled(gallery, "Alice", Buffer.from("1 2"));
    await put(gallery, 1, { person: person.id });
    await put(gallery, 2, { person: "0123456789ab", name: "Long Gone" });
    await gallery.close();
    const again = await opened(rootOf());
    assert.deepEqual(await visitsOf(again), [[visitId(1), "Alice"]]);
    assert.equal(holds("Long Gone"), false);
  });
});
