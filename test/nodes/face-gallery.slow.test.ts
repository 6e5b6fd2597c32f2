import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { FaceGalleryNode } from "../../nodes/face-gallery/face-gallery";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceMatch from "../../nodes/face-match/face-match";
import { admin, helper, nextError, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { HEIC_HALVES, isHeicRead } from "../support/heic";
import { keepLoaded } from "../support/keep-loaded";
import { groupPhoto, portrait } from "../support/photos";

type Spied = { on(event: string, listener: (call: { args: [unknown] }) => void): void };

const said: string[] = [];

/** A gallery node, and a face-match node that uses it. */
async function load(
  fields: object = {},
  userDir = mkdtempSync(join(tmpdir(), "user-")),
  credentials: object = {},
): Promise<FaceGalleryNode> {
  said.length = 0;
  helper.settings({ userDir });
  await helper.load(
    [faceGallery, faceMatch],
    [
      { id: "g", type: "face-gallery", name: "family", folder: "photos", model: "dlib-resnet-v1", ...fields },
      { id: "m", type: "face-match", name: "", gallery: "g", mode: "identify", wires: [[], [], [], [], []] },
    ],
    { g: credentials },
  );
  const node = helper.getNode("g") as FaceGalleryNode;
  for (const level of ["warn", "error", "log"])
    (node as unknown as Spied).on(`call:${level}`, ({ args: [text] }) => void said.push(String(text)));
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
  keepLoaded("dlib-resnet-v1");
  before(async () => {
    await startServer();
    alice = await portrait("green");
    userDir = mkdtempSync(join(tmpdir(), "user-"));
    mkdirSync(join(userDir, "photos/Carol"), { recursive: true });
    writeFileSync(join(userDir, "photos/Alice.jpg"), alice);
    writeFileSync(join(userDir, "photos/Carol/1.jpg"), await portrait("blonde"));
    writeFileSync(
      join(userDir, "photos/Carol/2.jpg"),
      await sharp(await portrait("blonde"))
        .modulate({ brightness: 0.8 })
        .jpeg()
        .toBuffer(),
    );
    writeFileSync(
      join(userDir, "photos/Wall.png"),
      await sharp({ create: { width: 200, height: 200, channels: 3, background: "#999" } })
        .png()
        .toBuffer(),
    );
    writeFileSync(join(userDir, "photos/Party.jpg"), groupPhoto(6));
    writeFileSync(join(userDir, "photos/Torn.jpg"), alice.subarray(0, 4000));
    writeFileSync(join(userDir, "photos/Empty.jpg"), "");
    writeFileSync(join(userDir, "photos/Phone.heic"), HEIC_HALVES);
    writeFileSync(join(userDir, "photos/Cut.jpg"), HEIC_HALVES.subarray(0, 300));
    writeFileSync(join(userDir, "photos/Old.bmp"), "BM");
  });
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("reads the folder in the user folder and reports by name what is wrong with a photo", async () => {
    const node = await load({}, userDir);
    assert.deepEqual(await peopleOf(node), ["Alice 1", "Carol 2"]);
    const { problems } = await node.gallery;
    const all = problems
      .map(({ message }) => message)
      .sort()
      .join("\n");
    assert.match(all, /the photo Empty\.jpg cannot be used: .*empty/);
    assert.match(all, /the photo Party\.jpg shows 4 faces: cut it so that it shows only Party\./);
    assert.match(all, /the photo Torn\.jpg cannot be used: .*cut off or damaged/);
    assert.match(all, /the photo Wall\.png shows no face that can be used/);
    // Read where heic-decode is installed; it shows nobody.
    assert.match(all, /the photo Phone\.heic (?:cannot be used: it is a HEIC picture|shows no face that can be used)/);
    assert.match(all, /the photo Cut\.jpg cannot be used: .*HEIC picture/);
    assert.match(all, /the photo Old\.bmp is of a format that cannot be read: save it as JPEG/);
    assert.equal(problems.length, 7);
    await eventually("three reports", () => (said.length >= 3 ? true : undefined));
    assert.deepEqual(
      said
        .map(
          (text) => /\((\w+)\): the sidebar Faces and this gallery's form say which and why/.exec(text)?.[1] ?? text,
        )
        .sort((a, b) => a.localeCompare(b)),
      ["no_face", "several_faces", "unreadable_photo"],
      "the log names nobody",
    );
  });

  it("tells the editor who is in it and what is wrong, and nothing of the embeddings", async () => {
    await peopleOf(await load({}, userDir));
    const { status, body, text } = await admin().get("/facenet/api/g/people");
    assert.deepEqual(
      [status, (body["people"] as { name: string; photos: number }[]).map(({ name, photos }) => `${name} ${photos}`)],
      [200, ["Alice 1", "Carol 2"]],
    );
    const [gallery] = (await admin().get("/facenet/api/galleries")).body as unknown as {
      problems: { file: string; code: string }[];
    }[];
    assert.deepEqual(gallery?.problems.map(({ file, code }) => `${file} ${code}`).sort(), [
      "Cut.jpg unreadable_photo",
      "Empty.jpg unreadable_photo",
      "Old.bmp unreadable_photo",
      "Party.jpg several_faces",
      `Phone.heic ${isHeicRead() ? "no_face" : "unreadable_photo"}`,
      "Torn.jpg unreadable_photo",
      "Wall.png no_face",
    ]);
    assert.doesNotMatch(text, /vector|hash/);
    assert.deepEqual(
      [(await admin().get("/facenet/api/nobody/people")).status, (await admin().get("/facenet/api/m/people")).status],
      [404, 404],
    );
  });

  it("keeps the embeddings under the user folder, to itself", { skip: process.platform === "win32" }, async () => {
    await peopleOf(await load({}, userDir));
    const kept = readdirSync(join(userDir, "facenet/g/people"), { recursive: true, withFileTypes: true });
    assert.ok(kept.some((entry) => entry.isFile()));
    for (const entry of kept)
      assert.equal(
        statSync(join(entry.parentPath, entry.name)).mode & 0o777,
        entry.isDirectory() ? 0o700 : 0o600,
        entry.name,
      );
  });

  it("keeps photos in a private folder of its own where none is named", async () => {
    const own = mkdtempSync(join(tmpdir(), "user-"));
    const node = await load({ folder: "" }, own);
    await peopleOf(node);
    const photos = join(own, "facenet/g/photos");
    if (process.platform !== "win32") assert.equal(statSync(photos).mode & 0o777, 0o700);
    copyFileSync(join(userDir, "photos/Alice.jpg"), join(photos, "Alice.jpg"));
    await eventually("Alice", async () => ((await peopleOf(node)).join() === "Alice 1" ? true : undefined));
  });

  it("keeps the people when the node is deleted, so that undoing brings them back, and says where", async () => {
    const dir = mkdtempSync(join(tmpdir(), "user-"));
    const node = await load({}, dir);
    await (await node.gallery).enrol("Alice", alice);
    await (node as unknown as { close(removed: boolean): Promise<void> }).close(true);
    await eventually("the note", () => (said.some((text) => text.includes("face-gallery.kept")) ? true : undefined));
    await helper.unload();
    assert.deepEqual(await peopleOf(await load({}, dir)), ["Alice 1"]);
  });

  it("keeps nothing plain with a pass phrase, and opens with no other", async () => {
    const dir = mkdtempSync(join(tmpdir(), "user-"));
    const opened = await load({}, dir, { key: "correct horse" });
    await (await opened.gallery).enrol("Alice Liddell", alice);
    await helper.unload();
    const files = readdirSync(join(dir, "facenet/g/people"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    assert.ok(
      files.length > 0 &&
        files.every((bytes) => !bytes.includes("Alice Liddell") && !bytes.includes(Buffer.from([0xff, 0xd8, 0xff]))),
    );
    await assert.rejects((await load({}, dir, { key: "battery staple" })).gallery, /pass phrase|key/);
    await helper.unload();
    assert.deepEqual(await peopleOf(await load({}, dir, { key: "correct horse" })), ["Alice Liddell 1"]);
  });

  it("says that the folder cannot be read, and goes on when it can", async () => {
    const dir = mkdtempSync(join(tmpdir(), "user-"));
    writeFileSync(join(dir, "photos"), "a file, not a folder");
    const node = await load({}, dir);
    await peopleOf(node);
    assert.equal((await node.gallery).readable, false);
    assert.match(
      (await node.gallery).problems[0]?.message ?? "",
      /the folder .*photos cannot be read \(ENOTDIR\): check that it exists and that Node-RED may read it/,
    );
    rmSync(join(dir, "photos"));
    mkdirSync(join(dir, "photos"));
    writeFileSync(join(dir, "photos/Alice.jpg"), alice);
    await eventually("Alice", async () => ((await peopleOf(node)).join() === "Alice 1" ? true : undefined));
    assert.equal((await node.gallery).readable, true);
  });

  it("says that there is no such model, to the editor and to each message", async () => {
    const node = await load({ model: "facenet9000" });
    await assert.rejects(node.gallery, /there is no model "facenet9000": choose mobilefacenet-192, dlib-resnet-v1 or/);
    const { status, body } = await admin().get("/facenet/api/g/people");
    assert.equal(status, 503);
    assert.match(String(body["error"]), /there is no model "facenet9000"/);
    const error = nextError("m");
    send("m", { faces: [] });
    assert.match(await error, /there is no model "facenet9000"/);
  });

  it("says that there is no such detector, and searches by the Haar cascade where it names that or none", async () => {
    const node = await load({ detector: "eagle" });
    await assert.rejects(node.gallery, /there is no detector "eagle": choose one of haar/);
    await helper.unload();
    assert.equal((await (await load({ detector: "haar" })).gallery).readable, true);
  });
});
