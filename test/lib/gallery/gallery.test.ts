import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Gallery, type PhotoEncoder } from "../../../lib/gallery/gallery";
import type { Face } from "../../../lib/message";

/** Reads faces from the "photo's" text: "1 2" is one face with that embedding, "" none, "1 2;3 4" two; "bad" is no picture. */
class FakeEncoder implements PhotoEncoder {
  readonly threshold = 0.5;
  calls = 0;
  /** How many of the next calls fail as if the worker had died. */
  failing = 0;

  constructor(
    readonly model = "fake",
    readonly fingerprint = "",
  ) {}

  encode(bytes: Buffer): Promise<Face[]> {
    this.calls += 1;
    if (this.failing > 0) {
      this.failing -= 1;
      return Promise.reject(new Error("the worker died"));
    }
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

  it("counts a photo within two seconds at its usual interval", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder: new FakeEncoder() });
    open.push(gallery);
    await gallery.start();
    const start = performance.now();
    writeFileSync(join(root, "photos/Bob.jpg"), "3 4");
    await until("Bob", () => names(gallery).includes("Bob 1"));
    const took = performance.now() - start;
    assert.ok(took < 2000, `${took} ms`);
  });

  it("waits for a photo that is still being written", async () => {
    const root = rootWith({});
    const encoder = new FakeEncoder();
    const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder, interval: 60_000 });
    open.push(gallery);
    await gallery.start();
    for (const part of ["1", "1 2", "1 2 3"]) {
      writeFileSync(join(root, "photos/Alice.jpg"), part);
      await gallery.look();
    }
    assert.deepEqual([encoder.calls, names(gallery)], [0, []]);
    await gallery.look();
    assert.deepEqual([encoder.calls, [...gallery.snapshot.embeddings]], [1, [1, 2, 3]]);
  });

  it("tries a photo again that failed because a worker died", async () => {
    const encoder = new FakeEncoder();
    encoder.failing = 1;
    const gallery = await galleryIn(rootWith({ "Alice.jpg": "1 2" }), encoder);
    assert.deepEqual(gallery.problems.map(({ message }) => message), ["the photo Alice.jpg cannot be used: the worker died"]);
    await until("the second try", () => names(gallery).join() === "Alice 1");
    assert.deepEqual([encoder.calls, gallery.problems], [2, []]);
  });

  it("counts a person as she was while her changed photo is read", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => { release = resolve; });
    class SlowEncoder extends FakeEncoder {
      override async encode(bytes: Buffer): Promise<Face[]> {
        if (this.calls > 0) await held;
        return super.encode(bytes);
      }
    }
    const gallery = await galleryIn(root, new SlowEncoder());
    writeFileSync(join(root, "photos/Alice.jpg"), "3 44");
    await gallery.look();
    const reading = gallery.look();
    await new Promise((resolve) => { setTimeout(resolve, 5 * INTERVAL); });
    const meanwhile = [names(gallery), gallery.problems, [...gallery.snapshot.embeddings]];
    release();
    await reading;
    assert.deepEqual(meanwhile, [["Alice 1"], [], [1, 2]]);
    await until("the new photo", () => gallery.snapshot.embeddings.includes(44));
  });

  it("embeds anew when the model changed but kept its id", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    await (await galleryIn(root, new FakeEncoder("fake", "one"))).close();
    const same = new FakeEncoder("fake", "one");
    await (await galleryIn(root, same)).close();
    const changed = new FakeEncoder("fake", "two");
    await galleryIn(root, changed);
    assert.deepEqual([same.calls, changed.calls], [0, 1]);
  });

  it("keeps the people of a person's folder that cannot be read, and says so", { skip: process.getuid?.() === 0 ? "root may read everything; the loop of links below stands for it" : process.platform === "win32" }, async () => {
    const root = rootWith({ "Alice/1.jpg": "1 2" });
    const gallery = await galleryIn(root);
    chmodSync(join(root, "photos/Alice"), 0);
    await until("the problem", () => gallery.problems.length === 1);
    assert.deepEqual(names(gallery), ["Alice 1"]);
    chmodSync(join(root, "photos/Alice"), 0o700);
    await until("the mend", () => gallery.problems.length === 0);
  });

  it("keeps who is known by a photo that cannot be looked at, and forgets nobody whose photos it cannot see", { skip: process.platform === "win32" }, async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = await galleryIn(root);
    // A link to itself fails with ELOOP for root too, as a broken network folder does with EIO.
    rmSync(join(root, "photos/Alice.jpg"));
    symlinkSync("Alice.jpg", join(root, "photos/Alice.jpg"));
    await until("the problem", () => gallery.problems.length === 1);
    assert.match(gallery.problems[0]?.message ?? "", /^Alice\.jpg in .* cannot be read \(ELOOP\): check its permissions/);
    assert.deepEqual([names(gallery), gallery.readable], [["Alice 1"], true]);
    await assert.rejects(gallery.forget("Alice"), /Alice cannot be deleted now: Alice\.jpg in .* cannot be read \(ELOOP\)/);
    assert.deepEqual(names(gallery), ["Alice 1"]);
  });

  it("does not call a person deleted while the folder is away", async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    const gallery = await galleryIn(root);
    renameSync(join(root, "photos"), join(root, "away"));
    await assert.rejects(gallery.forget("Alice"), /Alice cannot be deleted now: the folder .* cannot be read \(ENOENT\)/);
    assert.deepEqual([names(gallery), readdirSync(join(root, "away")), readdirSync(join(root, "cache")).length], [["Alice 1"], ["Alice.jpg"], 1]);
  });

  it("forgets a photo too that came a moment ago, that shows nobody, that cannot be decoded, and what a crash left", async () => {
    const root = rootWith({ "Alice/1.jpg": "1 2", "Alice/none.jpg": "", "Alice/phone.heic": "?", "Alice/.0123456789ab.tmp": "half", "Alice/keep.txt": "a note" });
    const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder: new FakeEncoder(), interval: 60_000 });
    open.push(gallery);
    await gallery.start();
    writeFileSync(join(root, "photos/Alice#new.jpg"), "3 4");
    assert.deepEqual(await gallery.forget("Alice"), { name: "Alice", photos: 4 });
    assert.deepEqual([readdirSync(join(root, "photos")), readdirSync(join(root, "photos/Alice")), readdirSync(join(root, "cache")), gallery.problems], [["Alice"], ["keep.txt"], [], []]);
  });

  it("says of a photo of a format nobody reads that it is one", async () => {
    const gallery = await galleryIn(rootWith({ "Alice.heic": "?", "Bob.jfif": "1 2" }));
    assert.deepEqual([names(gallery), gallery.problems.map(({ message }) => message)], [["Bob 1"], ["the photo Alice.heic is of a format that cannot be read: save it as JPEG."]]);
  });

  it("does not hang on what is no file", { skip: process.platform === "win32" }, async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    execFileSync("mkfifo", [join(root, "photos/Bob.jpg")]);
    mkdirSync(join(root, "photos/Carol/Dora.jpg"), { recursive: true });
    assert.deepEqual(names(await galleryIn(root)), ["Alice 1"]);
  });

  it("does not write through a link out of the folder", { skip: process.platform === "win32" }, async () => {
    const root = rootWith({});
    mkdirSync(join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), join(root, "photos/Alice"));
    const gallery = await galleryIn(root);
    await assert.rejects(gallery.enrol("Alice", Buffer.from("1 2")), /the photo cannot be kept in .*Alice \(it is a link that leads elsewhere\)/);
    assert.deepEqual([readdirSync(join(root, "elsewhere")), names(gallery)], [[], []]);
  });

  it("says that a photo cannot be kept, and keeps no embedding of it", async () => {
    const root = rootWith({});
    const gallery = await galleryIn(root);
    rmSync(join(root, "photos"), { recursive: true });
    writeFileSync(join(root, "photos"), "a file");
    await assert.rejects(gallery.enrol("Alice", Buffer.from("1 2")), /the photo cannot be kept in .* \(E(EXIST|NOTDIR)\): check that the folder is there/);
    assert.deepEqual([names(gallery), existsSync(join(root, "cache"))], [[], false]);
  });

  it("recognizes people though their embeddings cannot be kept, and says so once", async () => {
    const root = rootWith({ "Alice.jpg": "1 2", "Bob.jpg": "3 4" });
    writeFileSync(join(root, "cache"), "a file");
    let told = 0;
    const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder: new FakeEncoder(), interval: INTERVAL });
    open.push(gallery);
    gallery.on("problem", () => { told += 1; });
    await gallery.start();
    assert.deepEqual([names(gallery), gallery.problems.map(({ code }) => code), told], [["Alice 1", "Bob 1"], ["unwritable_cache"], 1]);
  });

  it("keeps its encodings from other users, also when the folder came back open to all", { skip: process.platform === "win32" }, async () => {
    const root = rootWith({ "Alice.jpg": "1 2" });
    mkdirSync(join(root, "cache"), { mode: 0o755 });
    await galleryIn(root);
    const [file = ""] = readdirSync(join(root, "cache"));
    assert.deepEqual([statSync(join(root, "cache")).mode & 0o777, statSync(join(root, "cache", file)).mode & 0o777], [0o700, 0o600]);
  });

  it("deletes what a crash left half-written, but nothing that may still be being written", async () => {
    const root = rootWith({ "Alice/.0123456789ab.tmp": "old", "Alice/.ba9876543210.tmp": "young", "Alice/.mine.tmp": "somebody's own" });
    const yesterday = Date.now() / 1000 - 86_400;
    for (const file of [".0123456789ab.tmp", ".mine.tmp"]) utimesSync(join(root, "photos/Alice", file), yesterday, yesterday);
    await galleryIn(root);
    assert.deepEqual(readdirSync(join(root, "photos/Alice")).sort(), [".ba9876543210.tmp", ".mine.tmp"]);
  });

  it("lets an enrolment in while many photos are embedded, and tells how far it is", async () => {
    const root = rootWith(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`P${index}.jpg`, `${index} 0`])));
    const encoder = new FakeEncoder();
    const gallery = new Gallery({ folder: join(root, "photos"), cacheFolder: join(root, "cache"), encoder, interval: INTERVAL });
    open.push(gallery);
    const steps: string[] = [];
    gallery.on("progress", ({ done, total }) => steps.push(`${done}/${total}`));
    const started = gallery.start();
    await until("the first photo", () => steps.length > 0);
    await gallery.enrol("Alice", Buffer.from("1 2"));
    assert.ok(steps.length < 20, `enrolled after ${steps.length}`);
    assert.ok(names(gallery).includes("Alice 1"));
    await started;
    assert.deepEqual([steps[0], steps.at(-1), gallery.progress, gallery.people.length], ["1/20", "20/20", undefined, 21]);
  });

  it("reads 2,000 photos without holding up anything else", async () => {
    const root = rootWith(Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`P${index}/1.jpg`, `${index} 0`])));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const gallery = await galleryIn(root);
    await gallery.look();
    delay.disable();
    assert.equal(gallery.people.length, 2000);
    assert.ok(delay.percentile(99) < 50e6, `${delay.percentile(99) / 1e6} ms`);
  });

  it("enrols a legal name of any kind and knows it after a restart", async () => {
    const root = rootWith({});
    const gallery = await galleryIn(root);
    const all = ["😀 Zoë", "CON", "50% Bob#2", "小明"];
    for (const [index, name] of all.entries()) await gallery.enrol({ name }, Buffer.from(`${index} 1`));
    await gallery.close();
    assert.deepEqual((await galleryIn(root)).people.map(({ name }) => name).sort(), all.sort());
  });

  it("is not written to once closed", async () => {
    const root = rootWith({});
    const gallery = await galleryIn(root);
    await gallery.close();
    await assert.rejects(gallery.enrol("Alice", Buffer.from("1 2")), /the gallery is closed/);
    assert.deepEqual(readdirSync(join(root, "photos")), []);
  });
});
