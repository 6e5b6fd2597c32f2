import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { FaceGalleryNode } from "../../nodes/face-gallery/face-gallery";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceMatch from "../../nodes/face-match/face-match";
import { admin, helper, nextError, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { groupPhoto, portrait } from "../support/photos";

type Spied = { on(event: string, listener: (call: { args: [unknown] }) => void): void };

const said: string[] = [];

/** A gallery node, and a face-match node that uses it. */
async function load(fields: object = {}, userDir = mkdtempSync(join(tmpdir(), "user-"))): Promise<FaceGalleryNode> {
  said.length = 0;
  helper.settings({ userDir });
  await helper.load([faceGallery, faceMatch], [
    { id: "g", type: "face-gallery", name: "family", folder: "photos", model: "dlib-resnet-v1", ...fields },
    { id: "m", type: "face-match", name: "", gallery: "g", mode: "identify", wires: [[], [], [], []] },
  ]);
  const node = helper.getNode("g") as FaceGalleryNode;
  for (const level of ["warn", "error", "log"]) (node as unknown as Spied).on(`call:${level}`, ({ args: [text] }) => void said.push(String(text)));
  return node;
}

async function peopleOf(node: FaceGalleryNode): Promise<string[]> {
  const gallery = await node.gallery;
  await gallery.start();
  return gallery.people.map(({ name, photos }) => `${name} ${photos}`);
}

describe("face-gallery", () => {
  let alice: Buffer;
  let userDir: string;
  before(async () => {
    await startServer();
    alice = await portrait("green");
    userDir = mkdtempSync(join(tmpdir(), "user-"));
    mkdirSync(join(userDir, "photos/Carol"), { recursive: true });
    writeFileSync(join(userDir, "photos/Alice.jpg"), alice);
    writeFileSync(join(userDir, "photos/Carol/1.jpg"), await portrait("blonde"));
    writeFileSync(join(userDir, "photos/Carol/2.jpg"), await sharp(await portrait("blonde")).modulate({ brightness: 0.8 }).jpeg().toBuffer());
    writeFileSync(join(userDir, "photos/Wall.png"), await sharp({ create: { width: 200, height: 200, channels: 3, background: "#999" } }).png().toBuffer());
    writeFileSync(join(userDir, "photos/Party.jpg"), groupPhoto(6));
    writeFileSync(join(userDir, "photos/Torn.jpg"), alice.subarray(0, 4000));
    writeFileSync(join(userDir, "photos/Empty.jpg"), "");
  });
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("reads the folder in the user folder and reports by name what is wrong with a photo", async () => {
    const node = await load({}, userDir);
    assert.deepEqual(await peopleOf(node), ["Alice 1", "Carol 2"]);
    const all = said.sort().join("\n");
    assert.match(all, /the photo Empty\.jpg cannot be used: .*empty/);
    assert.match(all, /the photo Party\.jpg shows 4 faces: cut it so that it shows only Party\./);
    assert.match(all, /the photo Torn\.jpg cannot be used: .*cut off or damaged/);
    assert.match(all, /the photo Wall\.png shows no face that can be used/);
    assert.equal(said.length, 4);
  });

  it("tells the editor who is in it and what is wrong, and nothing of the embeddings", async () => {
    await peopleOf(await load({}, userDir));
    const { status, body, text } = await admin().get("/facenet/gallery/g");
    assert.deepEqual([status, body["people"], body["progress"]], [200, [{ name: "Alice", photos: 1 }, { name: "Carol", photos: 2 }], null]);
    assert.deepEqual((body["problems"] as { file: string; code: string }[]).map(({ file, code }) => `${file} ${code}`).sort(), ["Empty.jpg unreadable_photo", "Party.jpg several_faces", "Torn.jpg unreadable_photo", "Wall.png no_face"]);
    assert.doesNotMatch(text, /embedding|hash/);
    assert.deepEqual([(await admin().get("/facenet/gallery/nobody")).status, (await admin().get("/facenet/gallery/m")).status], [404, 404]);
  });

  it("keeps the embeddings under the user folder, to itself, and reads them at the next start", async () => {
    const cache = join(userDir, "facenet/g/encodings");
    rmSync(cache, { recursive: true, force: true });
    await peopleOf(await load({}, userDir));
    const files = readdirSync(cache);
    assert.equal(files.length, 5, "Alice, Carol twice, Wall and Party; what could not be read is not known");
    if (process.platform !== "win32") assert.deepEqual([...new Set([cache, ...files.map((file) => join(cache, file))].map((path) => statSync(path).mode & 0o777))], [0o700, 0o600]);
    const [file = ""] = files;
    const { mtimeMs } = statSync(join(cache, file));
    await helper.unload();
    assert.deepEqual(await peopleOf(await load({}, userDir)), ["Alice 1", "Carol 2"]);
    assert.equal(statSync(join(cache, file)).mtimeMs, mtimeMs, "it was not made anew");
  });

  it("keeps photos in a private folder of its own where none is named", async () => {
    const own = mkdtempSync(join(tmpdir(), "user-"));
    const node = await load({ folder: "" }, own);
    await peopleOf(node);
    const photos = join(own, "facenet/g/photos");
    if (process.platform !== "win32") assert.equal(statSync(photos).mode & 0o777, 0o700);
    copyFileSync(join(userDir, "photos/Alice.jpg"), join(photos, "Alice.jpg"));
    await eventually("Alice", async () => ((await peopleOf(node)).join() === "Alice 1" ? true : undefined), 30_000);
  });

  it("deletes the embeddings with the node, and no photo", async () => {
    const dir = mkdtempSync(join(tmpdir(), "user-"));
    mkdirSync(join(dir, "photos"));
    writeFileSync(join(dir, "photos/Alice.jpg"), alice);
    await peopleOf(await load({}, dir));
    const cache = join(dir, "facenet/g/encodings");
    await helper.unload();
    assert.equal(readdirSync(cache).length, 1, "a restart keeps them");
    const node = await load({}, dir);
    await peopleOf(node);
    await (node as unknown as { close(removed: boolean): Promise<void> }).close(true);
    assert.deepEqual([existsSync(cache), readFileSync(join(dir, "photos/Alice.jpg")).equals(alice)], [false, true]);
  });

  it("says that the folder cannot be read, and goes on when it can", async () => {
    const dir = mkdtempSync(join(tmpdir(), "user-"));
    writeFileSync(join(dir, "photos"), "a file, not a folder");
    const node = await load({}, dir);
    await peopleOf(node);
    assert.equal((await node.gallery).readable, false);
    assert.match((await node.gallery).problems[0]?.message ?? "", /the folder .*photos cannot be read \(ENOTDIR\): check that it exists and that Node-RED may read it/);
    rmSync(join(dir, "photos"));
    mkdirSync(join(dir, "photos"));
    writeFileSync(join(dir, "photos/Alice.jpg"), alice);
    await eventually("Alice", async () => ((await peopleOf(node)).join() === "Alice 1" ? true : undefined), 30_000);
    assert.equal((await node.gallery).readable, true);
  });

  it("says that there is no such model, to the editor and to each message", async () => {
    const node = await load({ model: "facenet9000" });
    await assert.rejects(node.gallery, /there is no model "facenet9000": choose dlib-resnet-v1 or/);
    const { status, body } = await admin().get("/facenet/gallery/g");
    assert.equal(status, 503);
    assert.match(String(body["error"]), /there is no model "facenet9000"/);
    const error = nextError("m");
    send("m", { faces: [] });
    assert.match(await error, /there is no model "facenet9000"/);
  });
});
