import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { calibrate, type CalibrateInput } from "../../../lib/calibrate/calibrate";
import { tryGallery } from "../../../lib/calibrate/keep";
import { NotKept } from "../../../lib/enrol/not-kept";
import { Gallery } from "../../../lib/gallery/gallery";
import type { GalleryOptions } from "../../../lib/gallery/options";
import { normalisationOf } from "../../../lib/embed/normalise";
import { toUnitLength } from "../../../lib/embed/distance";
import { seeded } from "../../../lib/calibrate/statistics";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { FakeEncoder } from "../../support/fake-encoder";

const open: Gallery[] = [];

/** With the store, for what only it can do. */
async function opened(
  root: string,
  options: Partial<GalleryOptions> = {},
): Promise<{ gallery: Gallery; store: LmdbStore }> {
  mkdirSync(join(root, "photos"), { recursive: true });
  const store = await openStore({ folder: join(root, "people") });
  const gallery = new Gallery({
    folder: join(root, "photos"),
    encoder: new FakeEncoder(),
    keepPhotos: false,
    interval: 50,
    keepUnknownsMs: 1e9,
    ...options,
    store,
  });
  open.push(gallery);
  await gallery.start();
  return { gallery, store };
}
const galleryIn = async (root: string, options?: Partial<GalleryOptions>): Promise<Gallery> =>
  (await opened(root, options)).gallery;
const newRoot = (): string => mkdtempSync(join(tmpdir(), "left-out-"));
const recognized = (gallery: Gallery): string[] => gallery.people.map(({ name, photos }) => `${name} ${photos}`);
const outOf = (gallery: Gallery, id: string): string[] =>
  gallery
    .details(id)
    .photos.filter(({ out }) => out)
    .map((photo) => photo.id);
const unrecognized = (gallery: Gallery): string[] =>
  gallery.listPeople({}).people.flatMap(({ name, out }) => (out ? [name] : []));
const problems = (gallery: Gallery): string[] => gallery.problems.map(({ code }) => code);

async function add(gallery: Gallery, name: string, text: string, accept: readonly string[] = []): Promise<string> {
  const { photo } = await gallery.addPhoto({ name }, Buffer.from(text), {
    origin: "upload",
    accept: ["unlike", "resembles", ...accept],
  });
  return photo.id;
}

/** A person with one photo in use and the others left out. */
async function withLeftOut(
  gallery: Gallery,
  name: string,
  used: string,
  ...out: string[]
): Promise<{ id: string; used: string; out: string[] }> {
  const first = await add(gallery, name, used);
  const id = gallery.listPeople({ search: name }).people[0]?.id ?? "";
  const others: string[] = [];
  for (const text of out) {
    const photo = await add(gallery, name, text);
    await gallery.leaveOut(id, photo, true);
    others.push(photo);
  }
  return { id, used: first, out: others };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition();) {
    assert.ok(Date.now() < deadline, `${what} did not happen`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

async function exported(gallery: Gallery): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  await gallery.exportTo(async (chunk) => {
    chunks.push(chunk);
  });
  return chunks;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("photos that are left out", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
  });

  /** Alice with 1.jpg in use and 2.jpg left out, both in the photo folder. */
  async function withFiles(): Promise<{ root: string; gallery: Gallery; id: string }> {
    const root = newRoot();
    mkdirSync(join(root, "photos", "Alice"), { recursive: true });
    writeFileSync(join(root, "photos", "Alice", "1.jpg"), "1 2");
    writeFileSync(join(root, "photos", "Alice", "2.jpg"), "1 2.3");
    const gallery = await galleryIn(root);
    const id = idOf(gallery, "Alice");
    await gallery.leaveOut(id, photoIn(gallery, "Alice", "Alice/2.jpg")?.id ?? "", true);
    return { root, gallery, id };
  }
  const idOf = (gallery: Gallery, name: string): string => gallery.listPeople({ search: name }).people[0]?.id ?? "";
  const filesOf = (gallery: Gallery, name: string): Record<string, boolean> => {
    const id = idOf(gallery, name);
    if (id === "") return {};
    return Object.fromEntries(
      gallery.details(id).photos.map(({ origin, out }) => [origin.by === "folder" ? origin.file : origin.by, out]),
    );
  };
  const photoIn = (gallery: Gallery, name: string, file: string) =>
    gallery.details(idOf(gallery, name)).photos.find(({ origin }) => origin.by === "folder" && origin.file === file);

  it("stay left out when their file is renamed in the photo folder, and when it goes and comes back", async () => {
    const { root, gallery } = await withFiles();
    const photos = join(root, "photos");
    renameSync(join(photos, "Alice", "2.jpg"), join(photos, "Alice", "at the door.jpg"));
    await until("the file by its new name", () => "Alice/at the door.jpg" in filesOf(gallery, "Alice"));
    assert.deepEqual(filesOf(gallery, "Alice"), { "Alice/1.jpg": false, "Alice/at the door.jpg": true });
    assert.deepEqual([recognized(gallery), problems(gallery)], [["Alice 1"], []]);
    renameSync(join(photos, "Alice", "at the door.jpg"), join(root, "away.jpg"));
    await until("it to be gone", () => !("Alice/at the door.jpg" in filesOf(gallery, "Alice")));
    renameSync(join(root, "away.jpg"), join(photos, "Alice", "at the door.jpg"));
    await until("it to be back", () => "Alice/at the door.jpg" in filesOf(gallery, "Alice"));
    assert.deepEqual(filesOf(gallery, "Alice"), { "Alice/1.jpg": false, "Alice/at the door.jpg": true });
    writeFileSync(join(root, "new.jpg"), "1 1.6");
    renameSync(join(root, "new.jpg"), join(photos, "Alice", "3.jpg"));
    await until("another photo", () => "Alice/3.jpg" in filesOf(gallery, "Alice"));
    assert.equal(filesOf(gallery, "Alice")["Alice/3.jpg"], false, "another photo is used");
  });

  it("stay left out when their folder is renamed, while Node-RED stands too, and files swap their names", async () => {
    const { root, gallery } = await withFiles();
    const photos = join(root, "photos");
    renameSync(join(photos, "Alice"), join(photos, "Alicia"));
    await until("Alicia", () => Object.keys(filesOf(gallery, "Alicia")).length === 2);
    assert.deepEqual(filesOf(gallery, "Alicia"), { "Alicia/1.jpg": false, "Alicia/2.jpg": true });
    await gallery.close();
    open.splice(0);
    renameSync(join(photos, "Alicia", "2.jpg"), join(photos, "Alicia", "0.jpg"));
    const again = await galleryIn(root);
    assert.deepEqual(filesOf(again, "Alicia"), { "Alicia/0.jpg": true, "Alicia/1.jpg": false });
    renameSync(join(photos, "Alicia", "1.jpg"), join(root, "1.jpg"));
    renameSync(join(photos, "Alicia", "0.jpg"), join(photos, "Alicia", "1.jpg"));
    renameSync(join(root, "1.jpg"), join(photos, "Alicia", "0.jpg"));
    const outIn = (file: string): boolean | undefined => filesOf(again, "Alicia")[`Alicia/${file}`];
    // The new is kept before the old goes: for a moment both are there.
    const isSwapped = (): boolean => outIn("1.jpg") === true && outIn("0.jpg") === false;
    await until("the other names", () => isSwapped() && again.details(idOf(again, "Alicia")).photos.length === 2);
    assert.deepEqual(recognized(again), ["Alicia 1"]);
  });

  it("are renamed like those that somebody was sure of: that stays too, but not as another person's", async () => {
    const { root, gallery, id } = await withFiles();
    const photos = join(root, "photos");
    await gallery.usePhoto(id, photoIn(gallery, "Alice", "Alice/1.jpg")?.id ?? "", true);
    renameSync(join(photos, "Alice", "1.jpg"), join(photos, "Alice", "0.jpg"));
    await until("the new name", () => photoIn(gallery, "Alice", "Alice/0.jpg") !== undefined);
    assert.equal(photoIn(gallery, "Alice", "Alice/0.jpg")?.sure, true);
    renameSync(join(photos, "Alice"), join(photos, "Bob"));
    await until("Bob", () => Object.keys(filesOf(gallery, "Bob")).length === 2);
    assert.deepEqual(
      [photoIn(gallery, "Bob", "Bob/0.jpg")?.sure, filesOf(gallery, "Bob")],
      [false, { "Bob/0.jpg": false, "Bob/2.jpg": true }],
    );
  });

  it("are never all that is left when a photo is deleted or moved: it is refused, and everything stays", async () => {
    const gallery = await galleryIn(newRoot());
    const { id, used, out } = await withLeftOut(gallery, "Alice", "1 2", "1 2.3");
    const [left = ""] = out;
    const refused = /Alice would never be recognized again: all their other photos are left out\. Use one of these/;
    await assert.rejects(gallery.removePhoto(id, used), refused);
    await assert.rejects(gallery.removePhotos(id, [used]), refused);
    await assert.rejects(gallery.movePhotos(id, [used], { name: "Bob" }), refused);
    await assert.rejects(gallery.leaveOut(id, used, true), /the only photo by which Alice is recognized/);
    assert.deepEqual([recognized(gallery), outOf(gallery, id), gallery.summary.people], [["Alice 1"], [left], 1]);
    assert.equal((await gallery.leaveOut(id, left, true)).out, true, "saying it twice is no mistake");
    await gallery.leaveOut(id, left, false);
    await gallery.removePhoto(id, used);
    assert.deepEqual(recognized(gallery), ["Alice 1"], "by the one that is used again");
  });

  it("may go with all the others, or alone, and so may the last photo where none is left out", async () => {
    const gallery = await galleryIn(newRoot());
    const alice = await withLeftOut(gallery, "Alice", "1 2", "1 2.3", "1 2.6");
    await gallery.removePhoto(alice.id, alice.out[0] ?? "");
    await gallery.removePhotos(alice.id, [alice.used, ...alice.out.slice(1)]);
    assert.deepEqual([gallery.details(alice.id).photos, unrecognized(gallery)], [[], []]);
    const bob = await withLeftOut(gallery, "Bob", "5 6");
    await gallery.removePhoto(bob.id, bob.used);
    const carol = await withLeftOut(gallery, "Carol", "8 9", "8 9.3");
    await gallery.movePhotos(carol.id, [carol.used, ...carol.out], { name: "Dora" });
    assert.deepEqual(recognized(gallery), ["Dora 1"], "what is left out stays so beside one that is used");
  });

  it("are not what a correction that is taken back leaves of a person", async () => {
    const gallery = await galleryIn(newRoot());
    const seen = { vector: Float32Array.of(1, 2), picture: undefined, note: "Hall" };
    const { person, photo } = await gallery.correct(seen, { name: "Alice", not: null });
    const left = await add(gallery, "Alice", "1 2.3");
    await gallery.leaveOut(person.id, left, true);
    await assert.rejects(gallery.undoCorrection(photo.id), /would never be recognized again/);
    assert.deepEqual(recognized(gallery), ["Alice 1"]);
  });

  it("are used by whomever they are moved to who has no other, and stay left out beside others", async () => {
    const gallery = await galleryIn(newRoot());
    const { id, out } = await withLeftOut(gallery, "Alice", "1 2", "5 6", "8 9");
    const first = await gallery.movePhotos(id, out.slice(0, 1), { name: "Bob" });
    assert.deepEqual([recognized(gallery), unrecognized(gallery)], [["Alice 1", "Bob 1"], []]);
    const { person, usedAgain } = await gallery.movePhotos(id, out.slice(1), { name: "Bob" });
    assert.deepEqual([first.usedAgain, usedAgain], [1, 0], "and it is said");
    assert.deepEqual([recognized(gallery), outOf(gallery, person.id).length], [["Alice 1", "Bob 1"], 1]);
  });

  it("stay left out when two people are one, and it is recognized by the photos of either", async () => {
    const gallery = await galleryIn(newRoot());
    const alice = await withLeftOut(gallery, "Alice", "1 2", "1 2.3");
    const ally = await withLeftOut(gallery, "Ally", "1 2.6", "1 2.9");
    assert.equal((await gallery.merge(ally.id, alice.id)).usedAgain, 0);
    assert.deepEqual([recognized(gallery), outOf(gallery, alice.id).length], [["Alice 2"], 2]);
    const empty = await gallery.createPerson({ name: "Empty" });
    await gallery.merge(alice.id, empty.id);
    assert.deepEqual([recognized(gallery), outOf(gallery, empty.id).length], [["Empty 2"], 2]);
  });

  it("are told of where nobody can be asked: the last file in use is gone from the photo folder", async () => {
    const root = newRoot();
    mkdirSync(join(root, "photos", "Alice"), { recursive: true });
    writeFileSync(join(root, "photos", "Alice", "1.jpg"), "1 2");
    writeFileSync(join(root, "photos", "Alice", "2.jpg"), "1 2.3");
    const gallery = await galleryIn(root);
    const told: string[] = [];
    gallery.on("problem", ({ code, message }) => told.push(`${code}: ${message}`));
    const id = gallery.listPeople({}).people[0]?.id ?? "";
    const fileOf = (name: string): string =>
      gallery.details(id).photos.find(({ origin }) => origin.by === "folder" && origin.file.endsWith(name))?.id ?? "";
    await gallery.leaveOut(id, fileOf("2.jpg"), true);
    await assert.rejects(gallery.removePhoto(id, fileOf("1.jpg")), /would never be recognized again/);
    assert.ok(existsSync(join(root, "photos", "Alice", "1.jpg")), "the file stays");
    assert.deepEqual([unrecognized(gallery), problems(gallery)], [[], []]);
    rmSync(join(root, "photos", "Alice", "1.jpg"));
    await until("Alice to be recognized no more", () => recognized(gallery).length === 0);
    await until("the word of it", () => told.length > 0);
    assert.deepEqual([unrecognized(gallery), problems(gallery)], [["Alice"], ["left_out"]]);
    assert.match(told.join(), /^left_out: 1 of the people here is never recognized: all their photos are left out\./);
    assert.ok(!told.join().includes("Alice"), "a log names nobody");
    await gallery.leaveOut(id, fileOf("2.jpg"), false);
    assert.deepEqual([recognized(gallery), unrecognized(gallery), problems(gallery)], [["Alice 1"], [], []]);
  });

  it("are told of when an import brings nothing else of a person", async () => {
    const first = await galleryIn(newRoot());
    const { id, used } = await withLeftOut(first, "Alice", "1 2", "1 2.3");
    const all = await exported(first);
    const [other, again] = [await galleryIn(newRoot()), await galleryIn(newRoot())];
    await other.importFrom(streamOf(all));
    assert.deepEqual([recognized(other), outOf(other, id).length], [["Alice 1"], 1]);
    // An older version let the last one go.
    const root = newRoot();
    const { store, gallery: old } = await opened(root);
    await old.importFrom(streamOf(all));
    await store.removePhoto(used);
    await again.importFrom(streamOf(await exported(old)));
    assert.deepEqual([recognized(again), unrecognized(again), problems(again)], [[], ["Alice"], ["left_out"]]);
    const merging = await galleryIn(newRoot());
    await merging.importFrom(streamOf(await exported(again)));
    const { id: bob } = await merging.createPerson({ name: "Bob" });
    assert.equal((await merging.merge(id, bob)).usedAgain, 1, "whoever has no other is known by what was left out");
    assert.deepEqual([recognized(merging), problems(merging)], [["Bob 1"], []]);
    await again.importFrom(streamOf(all));
    assert.deepEqual([recognized(again), outOf(again, id).length, problems(again)], [["Alice 1"], 1, []]);
  });

  it("are found again in a copy, by its bytes or by the picture, and used when somebody says so", async () => {
    for (const copy of ["1 2.3", "1 2.35"]) {
      const gallery = await galleryIn(newRoot());
      const { id, out } = await withLeftOut(gallery, "Alice", "1 2", "1 2.3");
      const asked = await gallery.addPhoto({ id }, Buffer.from(copy), { origin: "upload" }).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.ok(asked instanceof NotKept, copy);
      assert.deepEqual(
        [asked.judgement.verdict, asked.judgement.findings.map(({ code }) => code)],
        ["ask", ["near_left_out"]],
      );
      assert.match(asked.message, /nearly the same as one that is left out of recognition/);
      await assert.rejects(gallery.enrol("Alice", Buffer.from(copy)), /set msg\.enrol\.accept = \["near_left_out"\]/);
      assert.deepEqual([recognized(gallery), outOf(gallery, id)], [["Alice 1"], out], "nothing has changed");
      const { photo } = await gallery.addPhoto({ id }, Buffer.from(copy), {
        origin: "upload",
        accept: ["near_left_out"],
      });
      assert.deepEqual([photo.id, photo.accepted.includes("near_left_out")], [out[0], false]);
      assert.deepEqual([recognized(gallery), outOf(gallery, id)], [["Alice 2"], []], "no second one is kept");
      await assert.rejects(gallery.addPhoto({ id }, Buffer.from(copy), { origin: "upload" }), /kept already/);
    }
  });

  it("are somebody's alone: a copy is another person's photo as ever", async () => {
    const gallery = await galleryIn(newRoot());
    await withLeftOut(gallery, "Alice", "1 2", "5 6");
    await add(gallery, "Bob", "5 6");
    assert.deepEqual(recognized(gallery), ["Alice 1", "Bob 1"]);
  });

  it("are found again in a stranger who is named, and in an event of which somebody says who it was", async () => {
    const gallery = await galleryIn(newRoot());
    const { id } = await withLeftOut(gallery, "Alice", "1 2", "5 6", "8 9");
    await gallery.sawUnknown(
      {
        box: { x: 0, y: 0, width: 1, height: 1 },
        score: 1,
        embedding: Float32Array.of(5, 6.05),
        model: "fake",
        quality: { size: 100, blur: 100, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 },
      },
      { at: Date.now(), source: "Hall", crop: () => Promise.resolve(undefined) },
    );
    const stranger = (await gallery.unknowns())[0]?.id ?? "";
    await assert.rejects(gallery.nameUnknown(stranger, "Alice"), NotKept);
    assert.equal((await gallery.unknowns()).length, 1);
    await gallery.nameUnknown(stranger, "Alice", { accept: ["near_left_out"] });
    assert.deepEqual([recognized(gallery), await gallery.unknowns()], [["Alice 2"], []]);
    const seen = { vector: Float32Array.of(8, 9.05), picture: undefined, note: "Hall" };
    await assert.rejects(gallery.correct(seen, { name: "Alice", not: null }), NotKept);
    await gallery.correct(seen, { name: "Alice", not: null, accept: ["near_left_out"] });
    assert.deepEqual([recognized(gallery), outOf(gallery, id)], [["Alice 3"], []]);
  });

  it("leave a copy of theirs out that somebody puts into the photo folder, and tell of it", async () => {
    const root = newRoot();
    mkdirSync(join(root, "photos", "Alice"), { recursive: true });
    for (const [file, text] of [
      ["1.jpg", "1 2"],
      ["2.jpg", "1 2.3"],
    ] as const)
      writeFileSync(join(root, "photos", "Alice", file), text);
    const gallery = await galleryIn(root);
    const id = gallery.listPeople({}).people[0]?.id ?? "";
    const second = gallery.details(id).photos.find(({ origin }) => origin.by === "folder" && /2/.test(origin.file));
    await gallery.leaveOut(id, second?.id ?? "", true);
    writeFileSync(join(root, "photos", "Alice", "copy.tmp"), "1 2.31");
    renameSync(join(root, "photos", "Alice", "copy.tmp"), join(root, "photos", "Alice", "3.jpg"));
    await until("the copy", () => gallery.details(id).photos.length === 3);
    await until("the word of it", () => gallery.problems.length > 0);
    assert.deepEqual([recognized(gallery), outOf(gallery, id).length], [["Alice 1"], 2]);
    assert.match(
      gallery.problems.map(({ message }) => message).join(),
      /3\.jpg is kept, but look at it: it is nearly the same as a photo that is left out/,
    );
  });

  it("count neither where the gallery is tried nor where τ is calibrated: as if they were deleted", async () => {
    const normalisation = await normalisationOf({ id: "dlib-resnet-v1", dimensions: 128 });
    assert.ok(normalisation);
    const encoder = Object.assign(new FakeEncoder(), { dimensions: 128, normalisation });
    const gallery = await galleryIn(newRoot(), { encoder });
    const random = seeded(7);
    const near = (centre: Float32Array, spread: number): Float32Array =>
      toUnitLength(centre.map((value) => value + spread * (random() - 0.5)));
    const person = (row: number): Float32Array => normalisation.rows.slice(row * 128, (row + 1) * 128);
    for (const [name, row] of [
      ["Alice", 120],
      ["Bob", 300],
    ] as const)
      for (let photo = 0; photo < 3; photo += 1) await add(gallery, name, [...near(person(row), 0.06)].join(" "));
    const wrong = await add(gallery, "Alice", [...near(person(300), 0.06)].join(" "));
    const id = gallery.listPeople({ search: "alice" }).people[0]?.id ?? "";
    const measured = async (): Promise<{ photos: number; all: unknown[] }> => {
      const embeddings = [...gallery.embeddings()];
      const names = new Map(embeddings.map(({ personId }) => [personId, gallery.nameOf(personId) ?? ""]));
      const { comparison } = gallery;
      assert.ok(comparison);
      const { threshold } = normalisation;
      const input: CalibrateInput = { embeddings, names, comparison, threshold, stats: undefined, wantedFmr: 0.001 };
      const tried = await tryGallery({ embeddings, names, comparison, threshold, margin: 0, nearDuplicate: 0.01 });
      return { photos: embeddings.length, all: [await calibrate(input), tried] };
    };
    const before = await measured();
    await gallery.leaveOut(id, wrong, true);
    const left = await measured();
    assert.deepEqual([before.photos, left.photos], [7, 6]);
    assert.notDeepEqual(left.all, before.all);
    await gallery.removePhoto(id, wrong);
    assert.deepEqual((await measured()).all, left.all);
  });

  it("are still left out in a backup that is restored", async () => {
    const root = newRoot();
    const { gallery, store } = await opened(root);
    const { id, out } = await withLeftOut(gallery, "Alice", "1 2", "1 2.3");
    await store.backup();
    await gallery.close();
    open.splice(0);
    const copy = newRoot();
    cpSync(root, copy, { recursive: true });
    const database = readdirSync(join(copy, "people")).find((file) => file.endsWith(".mdb")) ?? "";
    writeFileSync(join(copy, "people", database), Buffer.alloc(65536, 7));
    const restored = await galleryIn(copy);
    assert.deepEqual([recognized(restored), outOf(restored, id)], [["Alice 1"], out]);
  });

  it("are deleted for good: no byte of one is left in any file, backups among them", async () => {
    const root = newRoot();
    const { gallery, store } = await opened(root, { keepPhotos: true });
    const { id, out } = await withLeftOut(gallery, "Alice", "1 2", "1.625 2.375");
    const [left = ""] = out;
    await store.backup();
    const bytes = Buffer.from(Float32Array.of(1.625, 2.375).buffer);
    const anywhere = (needle: string | Buffer): boolean =>
      readdirSync(join(root, "people"), { recursive: true, withFileTypes: true }).some((entry) => {
        const path = join(entry.parentPath, entry.name);
        return entry.isFile() && existsSync(path) && readFileSync(path).includes(needle);
      });
    for (const needle of [left, "1.625 2.375", bytes, "left_out"]) assert.ok(anywhere(needle), "the test can see it");
    const receipt = await gallery.removePhoto(id, left);
    assert.deepEqual([receipt.photos, receipt.embeddings], [1, 1]);
    for (const needle of [left, "1.625 2.375", bytes, "left_out"])
      assert.equal(anywhere(needle), false, String(needle).slice(0, 40));
    assert.deepEqual(recognized(gallery), ["Alice 1"]);
  });
});
