import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Gallery, type PhotoEncoder } from "../../../lib/gallery/gallery";
import type { Face } from "../../../lib/message";

/** Reads faces from the "photo's" text: "1 2" is one face with that embedding, "" none, "1 2;3 4" two; "bad" is no picture. */
class FakeEncoder implements PhotoEncoder {
  readonly threshold = 0.5;
  calls = 0;

  constructor(readonly model = "fake") {}

  encode(bytes: Buffer): Promise<Face[]> {
    this.calls += 1;
    const text = bytes.toString();
    if (text === "bad") return Promise.reject(new Error("it is no picture"));
    const box = { x: 0, y: 0, width: 1, height: 1 };
    return Promise.resolve(text === "" ? [] : text.split(";").map((part): Face => ({ box, score: 1, embedding: Float32Array.from(part.split(" "), Number), model: this.model })));
  }
}

const open: Gallery[] = [];
const INTERVAL = 50;

async function galleryIn(root: string, encoder: PhotoEncoder = new FakeEncoder()): Promise<Gallery> {
  const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder, interval: INTERVAL });
  open.push(gallery);
  await gallery.start();
  return gallery;
}

function rootWith(photos: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "gallery-"));
  mkdirSync(join(root, "photos"));
  for (const [file, content] of Object.entries(photos)) {
    mkdirSync(join(root, "photos", file, ".."), { recursive: true });
    writeFileSync(join(root, "photos", file), content);
  }
  return root;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `${what} did not happen`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

const names = (gallery: Gallery): string[] => gallery.people.map(({ name, photos }) => `${name} ${photos}`);

describe("Gallery", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
  });

  it("reads one photo each, and several", async () => {
    const gallery = await galleryIn(rootWith({ "Alice.jpg": "1 2", "Bob/1.jpg": "3 4", "Bob/2.jpg": "5 6", "john#1.jpg": "7 8", "notes.txt": "1 1", ".hidden.jpg": "1 1" }));
    assert.deepEqual(names(gallery), ["Alice 1", "Bob 2", "john 1"]);
    const { owners, dimensions, embeddings, model } = gallery.snapshot;
    assert.deepEqual([owners.length, dimensions, embeddings.length, model], [4, 2, 8, "fake"]);
  });

  it("sees a photo added, changed and removed", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = await galleryIn(root);
    writeFileSync(join(root, "photos/Bob.jpg"), "3 4");
    await until("Bob", () => names(gallery).join() === "Alice 1,Bob 1");
    writeFileSync(join(root, "photos/Alice.jpg"), "9 99");
    await until("the change", () => gallery.snapshot.embeddings.includes(9));
    rmSync(join(root, "photos/Bob.jpg"));
    await until("the removal", () => names(gallery).join() === "Alice 1");
  });

  it("reports a photo with no face, with several and that is no picture, by name, once", async () => {
    const root = rootWith({ "None.jpg": "", "Two.jpg": "1 2;3 4", "Bad.jpg": "bad", "Good.jpg": "1 2" });
    const gallery = await galleryIn(root);
    assert.deepEqual(gallery.problems.map(({ file, code }) => `${file} ${code}`).sort(), ["Bad.jpg unreadable_photo", "None.jpg no_face", "Two.jpg several_faces"]);
    assert.match(gallery.problems.find(({ file }) => file === "Two.jpg")?.message ?? "", /the photo Two\.jpg shows 2 faces: cut it/);
    assert.deepEqual(names(gallery), ["Good 1"]);
    let told = 0;
    gallery.on("problem", () => { told += 1; });
    await gallery.look();
    assert.equal(told, 0);
    writeFileSync(join(root, "photos/None.jpg"), "5 5");
    await until("the mend", () => gallery.problems.length === 2);
  });

  it("embeds nothing twice: a restart reads the cache", async () => {
    const root = rootWith({ "Alice.jpg": "1 2", "None.jpg": "" });
    await (await galleryIn(root)).close();
    const second = new FakeEncoder();
    assert.deepEqual(names(await galleryIn(root, second)), ["Alice 1"]);
    assert.equal(second.calls, 0);
  });

  it("embeds anew for another model, and when the cache is damaged", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    await (await galleryIn(root)).close();
    const other = new FakeEncoder("other");
    await (await galleryIn(root, other)).close();
    assert.equal(other.calls, 1);
    for (const file of readdirSync(join(root, "cache"))) writeFileSync(join(root, "cache", file), "{");
    assert.deepEqual(names(await galleryIn(root)), ["Alice 1"]);
  });

  it("enrols a photo durably and privately, and knows the person at once", async () => {
    const root = rootWith({});
    const gallery = await galleryIn(root);
    const enrolled = await gallery.enrol({ name: " Alice " }, Buffer.from("1 2"));
    assert.deepEqual([enrolled.name, enrolled.photos, names(gallery)], ["Alice", 1, ["Alice 1"]]);
    const photo = join(root, "photos", enrolled.file);
    assert.equal(readFileSync(photo, "utf8"), "1 2");
    if (process.platform !== "win32") assert.equal(statSync(photo).mode & 0o777, 0o600);
    await gallery.look();
    assert.deepEqual(names(gallery), ["Alice 1"]);
    await gallery.close();
    assert.deepEqual(names(await galleryIn(root)), ["Alice 1"]);
  });

  it("keeps nothing of a photo that cannot be enrolled", async () => {
    const root = rootWith({});
    const gallery = await galleryIn(root);
    await assert.rejects(gallery.enrol("Alice", Buffer.from("")), /the photo for Alice shows no face that can be used/);
    await assert.rejects(gallery.enrol("Alice", Buffer.from("1 2;3 4")), /shows 2 faces/);
    await assert.rejects(gallery.enrol("../Alice", Buffer.from("1 2")), /slash/);
    assert.deepEqual([readdirSync(join(root, "photos")), existsSync(join(root, "cache"))], [[], false]);
  });

  it("forgets a person for good: photos, embeddings, folder", async () => {
    const root = rootWith({ "Alice.jpg": "1 2", "Alice/more.jpg": "3 4", "Bob.jpg": "5 6" });
    const gallery = await galleryIn(root);
    assert.deepEqual(await gallery.forget({ name: "Alice" }), { name: "Alice", photos: 2 });
    assert.deepEqual([names(gallery), readdirSync(join(root, "photos")), readdirSync(join(root, "cache")).length], [["Bob 1"], ["Bob.jpg"], 1]);
    await assert.rejects(gallery.forget("Alice"), /there is nobody called Alice/);
  });

  it("deletes the embedding of a photo that was removed", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = await galleryIn(root);
    rmSync(join(root, "photos/Alice.jpg"));
    await until("the pruning", () => readdirSync(join(root, "cache")).length === 0);
    assert.deepEqual(names(gallery), []);
  });

  it("keeps who is known while the folder is away, says so, and goes on when it is back", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = await galleryIn(root);
    renameSync(join(root, "photos"), join(root, "away"));
    await until("the problem", () => gallery.problems.some(({ code }) => code === "unreadable_folder"));
    assert.match(gallery.problems[0]?.message ?? "", /cannot be read \(ENOENT\): check that it exists/);
    assert.deepEqual(names(gallery), ["Alice 1"]);
    renameSync(join(root, "away"), join(root, "photos"));
    await until("the return", () => gallery.problems.length === 0);
    assert.deepEqual(names(gallery), ["Alice 1"]);
  });

  it("does not follow a link out of the folder", { skip: process.platform === "win32" }, async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    writeFileSync(join(root, "outside.jpg"), "3 4");
    symlinkSync(join(root, "outside.jpg"), join(root, "photos/Mallory.jpg"));
    chmodSync(join(root, "outside.jpg"), 0o644);
    assert.deepEqual(names(await galleryIn(root)), ["Alice 1"]);
  });
});
