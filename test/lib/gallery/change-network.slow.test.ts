import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { UserError } from "../../../lib/errors";
import { Gallery } from "../../../lib/gallery/gallery";
import type { GalleryOptions } from "../../../lib/gallery/options";
import { chooseNetworks } from "../../../lib/gallery/networks";
import { openStore } from "../../../lib/people/lmdb/store";
import { decideBy } from "../../../lib/match/match";
import { IDENTIFY } from "../../../lib/match/policy";
import { matchOptionsSchema } from "../../../lib/match/options";
import type { Face, Picture } from "../../../lib/message";
import { FakeEncoder } from "../../support/fake-encoder";

const OPTIONS = matchOptionsSchema.parse({});
const QUALITY = { size: 100, blur: 100, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 };
const BOX = { x: 0, y: 0, width: 1, height: 1 };

/** A network of its own: the same faces, other numbers and more of them; it can be held up, and be broken. */
class Network extends FakeEncoder {
  readonly dimensions = 3;
  broken = false;
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
    this.#held = undefined;
  }

  async warmUp(): Promise<void> {
    if (this.broken) throw new UserError("the model file is gone.");
  }

  override async encode(bytes: Buffer): Promise<Face[]> {
    const faces = await super.encode(bytes);
    await this.#held;
    return faces.map((face) => ({ ...face, embedding: face.embedding && numbersOf(this.model, face.embedding) }));
  }

  /** The picture is the face's text, as in encode. */
  async embedAnew({ bytes }: Picture, faces: readonly Face[]): Promise<Face[]> {
    const vector = Float32Array.from(bytes.toString().split(" "), Number);
    return faces.map((face) => ({ ...face, embedding: numbersOf(this.model, vector), model: this.model }));
  }
}

/** What a network makes of a face. */
function numbersOf(model: string, vector: Float32Array): Float32Array {
  return Float32Array.from([...vector, model.length]);
}

const open: Gallery[] = [];

interface Opened {
  gallery: Gallery;
  networks: Record<"old" | "newer" | "third", Network>;
}

type Options = Partial<Omit<GalleryOptions, "networks">> & { networks?: Opened["networks"] };

/** A gallery whose form names a network. */
async function galleryIn(
  root: string,
  form: string,
  {
    networks = { old: new Network("old", "o"), newer: new Network("newer", "n"), third: new Network("thirdly", "t") },
    ...options
  }: Options = {},
): Promise<Opened> {
  const byKey: Partial<Record<string, Network>> = networks;
  const openBy = async (key: string): Promise<Network> => {
    const network = byKey[key];
    if (network === undefined) throw new UserError(`there is no model "${key}".`);
    return network;
  };
  const store = await openStore({ folder: join(root, "people") });
  const chosen = await chooseNetworks(store, form, openBy);
  const gallery = new Gallery({
    folder: join(root, "photos"),
    interval: 50,
    keepUnknownsMs: 1e9,
    ...options,
    store,
    encoder: chosen.deciding.encoder,
    networks: { chosen, open: openBy },
  });
  open.push(gallery);
  await gallery.start();
  return { gallery, networks };
}

function newRoot(photos: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), "network-"));
  mkdirSync(join(root, "photos"));
  for (const [file, content] of Object.entries(photos)) writeFileSync(join(root, "photos", file), content);
  return root;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition());) {
    assert.ok(Date.now() < deadline, `${what} did not happen`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Whether these numbers are anywhere in the store's files. */
function holds(root: string, ...numbers: number[]): boolean {
  const bytes = Buffer.from(Float32Array.from(numbers).buffer);
  const folder = join(root, "people");
  const contentOf = (path: string): Buffer => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0));
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && contentOf(join(entry.parentPath, entry.name)).includes(bytes),
  );
}

/** Who it is, as a node says that embeds with this network. */
async function who({ gallery, networks }: Opened, text: string, by: "old" | "newer" = "old"): Promise<string | null> {
  const network = networks[by];
  const [vector] = text.split(";").map((part) => numbersOf(network.model, Float32Array.from(part.split(" "), Number)));
  const {
    faces: [face],
    roster,
  } = await gallery.understand([{ box: BOX, score: 1, embedding: vector, model: network.model }], {
    bytes: Buffer.from(text),
    frame: undefined,
  });
  if (face?.model !== roster.model || face.embedding === undefined) return "not understood";
  return (await decideBy(IDENTIFY, face.embedding, roster, OPTIONS)).name;
}

const model = ({ gallery }: Opened): string => gallery.summary.model;
const done = (opened: Opened, to: string): Promise<void> =>
  until(`the change to ${to}`, () => opened.gallery.network?.change === null && model(opened) === to);

describe("changing the network of a gallery", () => {
  afterEach(async () => {
    for (const gallery of open.splice(0)) await gallery.close();
  });

  /** Alice by a file, Bob by an enrolment; the second start wants the newer network, which waits. */
  async function changing(options: Options = {}): Promise<Opened & { root: string }> {
    const root = newRoot({ "Alice.jpg": "1 2" });
    const first = await galleryIn(root, "old", options);
    await first.gallery.enrol("Bob", Buffer.from("5 6"));
    await first.gallery.close();
    const networks = {
      old: new Network("old", "o"),
      newer: new Network("newer", "n"),
      third: new Network("thirdly", "t"),
    };
    networks.newer.hold();
    const opened = await galleryIn(root, "newer", { ...options, networks });
    await until("the first photo", () => networks.newer.calls === 1);
    return { ...opened, root };
  }

  it("lets the old network decide until every photo is embedded anew, whichever network a face is of", async () => {
    const opened = await changing();
    const { gallery, networks } = opened;
    assert.deepEqual(
      [model(opened), gallery.network?.key, gallery.network?.asInForm, gallery.network?.change?.key],
      ["old", "old", false, "newer"],
    );
    for (const by of ["old", "newer"] as const)
      assert.deepEqual(
        [await who(opened, "1 2", by), await who(opened, "5 6", by), await who(opened, "90 90", by)],
        ["Alice", "Bob", null],
        by,
      );
    assert.equal(networks.old.calls, 0, "nobody is embedded by the old network again");
    networks.newer.release();
    await done(opened, "newer");
    for (const by of ["old", "newer"] as const)
      assert.deepEqual(
        [await who(opened, "1 2", by), await who(opened, "5 6", by), await who(opened, "90 90", by)],
        ["Alice", "Bob", null],
        by,
      );
    assert.deepEqual(
      [gallery.network?.asInForm, gallery.network?.previous?.key, networks.newer.calls],
      [true, "old", 2],
    );
  });

  it("at no moment does not know somebody who is known", async () => {
    const opened = await changing();
    let asked = 0;
    const wrong: (string | null)[] = [];
    let going = true;
    const asking = (async () => {
      while (going) {
        for (const by of ["old", "newer"] as const) {
          const name = await who(opened, "5 6", by);
          asked += 1;
          if (name !== "Bob") wrong.push(name);
        }
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    })();
    await until("some questions", () => asked > 20);
    opened.networks.newer.release();
    await done(opened, "newer");
    const before = asked;
    await until("some more questions", () => asked > before + 20);
    going = false;
    await asking;
    assert.deepEqual(wrong, []);
  });

  it("tells how far it is, and how long it takes still", async () => {
    const opened = await changing();
    const { gallery, networks } = opened;
    assert.deepEqual(
      [gallery.network?.change?.done, gallery.network?.change?.total, gallery.network?.change?.remainingMs],
      [0, 2, null],
    );
    const heard: (number | undefined)[] = [];
    gallery.on("network", ({ change }) => heard.push(change?.done));
    gallery.networks.pause(true);
    networks.newer.release();
    await until("one photo", () => gallery.network?.change?.done === 1);
    assert.equal(gallery.network?.change?.stage, "paused");
    assert.ok((gallery.network.change.remainingMs ?? -1) >= 0);
    gallery.networks.pause(false);
    await done(opened, "newer");
    assert.ok(heard.includes(undefined), "the end is told");
  });

  it("goes on where it was after a restart, and embeds nothing twice", async () => {
    const { gallery, networks, root } = await changing();
    gallery.networks.pause(true);
    networks.newer.release();
    await until("one photo", () => gallery.network?.change?.done === 1);
    await gallery.close();
    const again = await galleryIn(root, "newer");
    await done(again, "newer");
    assert.deepEqual(
      [again.networks.newer.calls, await who(again, "1 2"), await who(again, "5 6")],
      [1, "Alice", "Bob"],
    );
  });

  it("knows whoever is enrolled meanwhile with both networks, and nobody who is deleted", async () => {
    for (const keepPhotos of [true, false]) {
      const opened = await changing({ keepPhotos: true });
      const { gallery, networks, root } = opened;
      networks.newer.release();
      await done(opened, "newer");
      // Back, and forth again with somebody new on the way.
      await gallery.networks.undo();
      await gallery.close();
      const next = await galleryIn(root, "old", { keepPhotos });
      next.networks.third.hold();
      await next.gallery.networks.changeTo("third");
      await until("the first photo", () => next.networks.third.calls === 1);
      next.gallery.networks.pause(true);
      next.networks.third.release();
      await next.gallery.enrol("Carol", Buffer.from("20 20"));
      await next.gallery.forget("Bob");
      assert.equal(await who(next, "20 20"), "Carol");
      next.gallery.networks.pause(false);
      await done(next, "thirdly");
      assert.deepEqual(
        [await who(next, "20 20"), await who(next, "1 2"), await who(next, "5 6")],
        ["Carol", "Alice", null],
        `keepPhotos: ${keepPhotos}`,
      );
      for (const name of ["old", "newer", "thirdly"])
        assert.ok(!holds(root, ...numbersOf(name, Float32Array.of(5, 6))), `nothing is left of Bob by ${name}`);
      assert.ok(holds(root, ...numbersOf("old", Float32Array.of(1, 2))), "the test sees what is kept");
      await next.gallery.close();
    }
  });

  it("takes a change back at once and embeds nothing for it; so does the form", async () => {
    const opened = await changing();
    const { gallery, networks, root } = opened;
    networks.newer.release();
    await done(opened, "newer");
    const calls = networks.old.calls;
    await gallery.networks.undo();
    assert.deepEqual(
      [model(opened), gallery.network?.change, gallery.network?.previous?.key, networks.old.calls],
      ["old", null, "newer", calls],
    );
    assert.deepEqual([await who(opened, "1 2"), await who(opened, "5 6", "newer")], ["Alice", "Bob"]);
    await gallery.close();
    // The form still names the newer one: what was said last holds.
    const second = await galleryIn(root, "newer");
    assert.deepEqual(
      [model(second), second.gallery.network?.change, second.gallery.network?.asInForm],
      ["old", null, false],
    );
    await second.gallery.close();
    const third = await galleryIn(root, "old");
    await third.gallery.close();
    const forth = await galleryIn(root, "newer");
    assert.deepEqual([model(forth), forth.gallery.network?.change, forth.networks.newer.calls], ["newer", null, 0]);
  });

  it("embeds for an undo only who was enrolled since", async () => {
    const opened = await changing();
    const { gallery, networks } = opened;
    networks.newer.release();
    await done(opened, "newer");
    await gallery.enrol("Carol", Buffer.from("20 20"));
    const calls = networks.old.calls;
    await gallery.networks.undo();
    await done(opened, "old");
    assert.deepEqual(
      [networks.old.calls - calls, await who(opened, "20 20"), await who(opened, "1 2")],
      [1, "Carol", "Alice"],
    );
  });

  it("has the way back still where that was cancelled, and embeds nobody for it whom it knew", async () => {
    const opened = await changing();
    const { gallery, networks } = opened;
    networks.newer.release();
    await done(opened, "newer");
    await gallery.enrol("Carol", Buffer.from("20 20"));
    const calls = networks.old.calls;
    gallery.networks.pause(true);
    await gallery.networks.undo();
    await gallery.networks.cancel();
    assert.deepEqual([await who(opened, "1 2"), await who(opened, "20 20")], ["Alice", "Carol"]);
    gallery.networks.pause(false);
    await gallery.networks.undo();
    await done(opened, "old");
    assert.deepEqual(
      [networks.old.calls - calls, await who(opened, "20 20"), await who(opened, "1 2")],
      [1, "Carol", "Alice"],
    );
  });

  it("is cancelled without a trace, and stays so after a restart", async () => {
    const { gallery, networks, root } = await changing();
    gallery.networks.pause(true);
    networks.newer.release();
    await until("one photo", () => gallery.network?.change?.done === 1);
    assert.ok(
      holds(root, ...numbersOf("newer", Float32Array.of(1, 2))) ||
        holds(root, ...numbersOf("newer", Float32Array.of(5, 6))),
      "the test sees what is kept",
    );
    await gallery.networks.cancel();
    assert.deepEqual([gallery.summary.model, gallery.network?.change], ["old", null]);
    for (const face of [
      [1, 2],
      [5, 6],
    ])
      assert.ok(!holds(root, ...numbersOf("newer", Float32Array.from(face))));
    await gallery.close();
    const again = await galleryIn(root, "newer");
    assert.deepEqual([model(again), again.gallery.network?.change, again.networks.newer.calls], ["old", null, 0]);
  });

  it("keeps what the old network knew until somebody is content, and then not on the disk either", async () => {
    const opened = await changing();
    const { gallery, networks, root } = opened;
    networks.newer.release();
    await done(opened, "newer");
    assert.ok(holds(root, ...numbersOf("old", Float32Array.of(5, 6))));
    await gallery.networks.keep();
    assert.ok(!holds(root, ...numbersOf("old", Float32Array.of(5, 6))));
    assert.equal(gallery.network?.previous, null);
    await assert.rejects(gallery.networks.undo(), /there is no model to go back to/);
    assert.equal(await who(opened, "5 6", "old"), "Bob", "a node that embeds by the old network is understood still");
  });

  it("lets go of it by itself after a month, and of what was before with the next change", async () => {
    const opened = await changing();
    const { gallery, networks, root } = opened;
    networks.newer.release();
    await done(opened, "newer");
    const until_ = gallery.network?.previous?.until ?? 0;
    assert.ok(until_ > Date.now() + 29 * 86_400_000 && until_ < Date.now() + 31 * 86_400_000);
    await gallery.networks.changeTo("third");
    await done(opened, "thirdly");
    await until("the oldest is gone", () => !holds(root, ...numbersOf("old", Float32Array.of(5, 6))));
    assert.ok(holds(root, ...numbersOf("newer", Float32Array.of(5, 6))));
    await gallery.sweep(Date.now() + 32 * 86_400_000);
    assert.ok(!holds(root, ...numbersOf("newer", Float32Array.of(5, 6))));
  });

  it("names before who cannot come along, asks, and keeps all that is known of them", async () => {
    const root = newRoot({ "Alice.jpg": "1 2" });
    const first = await galleryIn(root, "old", { keepPhotos: false });
    await first.gallery.enrol("Bob", Buffer.from("5 6"));
    const { leftBehind, photos } = await first.gallery.networks.estimate("newer");
    assert.deepEqual([photos, leftBehind.photos, leftBehind.people.map(({ name }) => name)], [1, 1, ["Bob"]]);
    await first.gallery.networks.changeTo("newer");
    await until("a question", () => first.gallery.network?.change?.stage === "asking");
    assert.deepEqual(
      [
        model(first),
        await who(first, "5 6"),
        first.gallery.network?.change?.leftBehind.people.map(({ name }) => name),
      ],
      ["old", "Bob", ["Bob"]],
    );
    first.gallery.networks.accept();
    await done(first, "newer");
    assert.deepEqual(
      [await who(first, "1 2"), await who(first, "5 6"), first.gallery.summary.people],
      ["Alice", null, 2],
    );
    await first.gallery.networks.keep();
    assert.ok(holds(root, ...numbersOf("old", Float32Array.of(5, 6))), "nothing else is known of Bob");
    assert.ok(!holds(root, ...numbersOf("old", Float32Array.of(1, 2))));
  });

  it("keeps photos left out through a change and an undo, and knows nobody by them alone", async () => {
    const root = newRoot({ "Bob.jpg": "5 6.3", "Alice.jpg": "1 2" });
    const opened = await galleryIn(root, "old", { keepPhotos: false });
    const { gallery } = opened;
    const { person: bob } = await gallery.enrol({ name: "Bob", accept: ["unlike"] }, Buffer.from("5 6"));
    const filed = gallery.details(bob).photos.find(({ origin }) => origin.by === "folder")?.id ?? "";
    await gallery.leaveOut(bob, filed, true);
    const { leftBehind } = await gallery.networks.estimate("newer");
    assert.deepEqual([leftBehind.photos, leftBehind.people.map(({ name }) => name)], [1, ["Bob"]]);
    await gallery.networks.changeTo("newer");
    await until("a question", () => gallery.network?.change?.stage === "asking");
    assert.deepEqual(
      gallery.network?.change?.leftBehind.people.map(({ name }) => name),
      ["Bob"],
    );
    gallery.networks.accept();
    await done(opened, "newer");
    const out = (): unknown[] => [
      gallery.details(bob).photos.flatMap((photo) => (photo.out ? [photo.id] : [])),
      gallery.listPeople({}).people.flatMap((person) => (person.out ? [person.name] : [])),
      gallery.people.map(({ name }) => name),
      gallery.problems.map(({ code }) => code).filter((code) => code === "left_out"),
    ];
    assert.deepEqual([await who(opened, "5 6.3"), out()], [null, [[filed], ["Bob"], ["Alice"], ["left_out"]]]);
    await gallery.networks.undo();
    assert.deepEqual([await who(opened, "5 6"), out()], ["Bob", [[filed], [], ["Alice", "Bob"], []]]);
    await gallery.leaveOut(bob, filed, false);
    await gallery.networks.changeTo("newer");
    await done(opened, "newer");
    assert.equal(await who(opened, "5 6.3"), "Bob");
  });

  it("needs no answer any more when whoever was left behind is enrolled anew", async () => {
    const root = newRoot();
    const first = await galleryIn(root, "old", { keepPhotos: false });
    await first.gallery.enrol("Bob", Buffer.from("5 6"));
    await first.gallery.networks.changeTo("newer");
    await until("a question", () => first.gallery.network?.change?.stage === "asking");
    await first.gallery.enrol({ name: "Bob", accept: ["near_duplicate"] }, Buffer.from("5 6.2"));
    await done(first, "newer");
    assert.equal(await who(first, "5 6"), "Bob");
  });

  it("takes strangers along whose pictures are kept, and says how many are not, nor corrections", async () => {
    const opened = await galleryIn(newRoot({ "Alice.jpg": "1 2" }), "old");
    const { gallery, networks } = opened;
    const stranger = (text: string): Face => ({
      box: BOX,
      score: 1,
      quality: QUALITY,
      model: "old",
      embedding: numbersOf("old", Float32Array.from(text.split(" "), Number)),
    });
    await gallery.sawUnknown(stranger("50 50"), {
      at: Date.now(),
      source: "door",
      crop: async () => Buffer.from("50 50"),
    });
    await gallery.sawUnknown(stranger("80 80"), { at: Date.now(), source: "door", crop: async () => undefined });
    await gallery.addAnchor(numbersOf("old", Float32Array.of(1, 9)), null, "nobody");
    const { leftBehind } = await gallery.networks.estimate("newer");
    assert.deepEqual([leftBehind.strangers, leftBehind.corrections], [1, 1]);
    await gallery.networks.changeTo("newer");
    await done(opened, "newer");
    const kept = (await gallery.unknowns()).find(({ model: by }) => by === "newer");
    assert.ok(kept !== undefined);
    await gallery.sawUnknown(
      { ...stranger("50 50"), model: "newer", embedding: numbersOf("newer", Float32Array.of(50, 50)) },
      { at: Date.now() + 3_600_000, source: "door", crop: async () => undefined },
    );
    assert.equal(
      (await gallery.unknowns()).find(({ id }) => id === kept.id)?.visits,
      2,
      "known again by the new network",
    );
    await gallery.networks.undo();
    assert.equal((await gallery.unknowns()).filter(({ model: by }) => by === "old").length, 2);
    assert.equal(networks.old.calls, 1);
    const { id } = kept;
    const { embeddings } = await gallery.removeUnknown(id);
    assert.equal(embeddings, 2, "of both networks");
  });

  it("says why the new network cannot be used, and everybody is known by the old one", async () => {
    const opened = await galleryIn(newRoot({ "Alice.jpg": "1 2" }), "old");
    opened.networks.newer.broken = true;
    await opened.gallery.networks.changeTo("newer");
    await until("a failure", () => opened.gallery.network?.change?.stage === "failed");
    assert.deepEqual(
      [opened.gallery.network?.change?.error, await who(opened, "1 2")],
      ["the model file is gone.", "Alice"],
    );
    await assert.rejects(opened.gallery.networks.changeTo("nothing"), /there is no model "nothing"/);
    await opened.gallery.networks.cancel();
    assert.equal(opened.gallery.network?.change, null);
  });

  it("embeds a photo again whose worker died, and never takes it for lost", async () => {
    const opened = await galleryIn(newRoot({ "Alice.jpg": "1 2" }), "old");
    opened.networks.newer.failing = 1;
    await opened.gallery.networks.changeTo("newer");
    await done(opened, "newer");
    assert.deepEqual([await who(opened, "1 2"), opened.networks.newer.calls], ["Alice", 2]);
  });

  it("changes an old gallery that never wrote down which network it has, too", async () => {
    const root = newRoot({ "Alice.jpg": "1 2" });
    const store = await openStore({ folder: join(root, "people") });
    const former = new Gallery({
      folder: join(root, "photos"),
      store,
      encoder: new Network("dlib-resnet-v1", "o"),
      interval: 50,
    });
    await former.start();
    await former.close();
    const networks = {
      old: new Network("old", "x"),
      newer: new Network("newer", "n"),
      third: new Network("thirdly", "t"),
      "dlib-resnet-v1": new Network("dlib-resnet-v1", "o"),
    };
    networks.newer.hold();
    const opened = await galleryIn(root, "newer", { networks });
    assert.deepEqual([model(opened), opened.gallery.network?.change?.key], ["dlib-resnet-v1", "newer"]);
    networks.newer.release();
    await done(opened, "newer");
  });

  it("offers the surer network to a gallery of dlib's that knows somebody, until somebody says no", async () => {
    const root = newRoot();
    const networks = {
      old: new Network("old", "x"),
      newer: new Network("newer", "n"),
      third: new Network("thirdly", "t"),
      "dlib-resnet-v1": new Network("dlib-resnet-v1", "o"),
    };
    const opened = await galleryIn(root, "dlib-resnet-v1", { networks });
    assert.equal(opened.gallery.network?.offer, null, "there is nobody in it");
    await opened.gallery.enrol("Bob", Buffer.from("5 6"));
    assert.equal(opened.gallery.network?.offer, "mobilefacenet-192");
    await opened.gallery.networks.dismiss();
    await opened.gallery.close();
    const again = await galleryIn(root, "dlib-resnet-v1", { networks });
    assert.equal(again.gallery.network?.offer, null);
    assert.equal(model(again), "dlib-resnet-v1", "never changed by itself");
  });

  it("keeps both networks' embeddings of photos that are moved, exported and imported meanwhile", async () => {
    const opened = await changing();
    const { gallery, networks } = opened;
    gallery.networks.pause(true);
    networks.newer.release();
    await until("one photo", () => gallery.network?.change?.done === 1);
    gallery.networks.pause(false);
    await done(opened, "newer");
    const calls = networks.newer.calls;
    const bob = gallery.listPeople({}).people.find(({ name }) => name === "Bob");
    assert.ok(bob !== undefined);
    const details = gallery.details(bob.id);
    await gallery.movePhotos(
      bob.id,
      details.photos.map(({ id }) => id),
      { name: "Robert" },
    );
    await gallery.networks.undo();
    assert.deepEqual([model(opened), await who(opened, "5 6"), networks.newer.calls], ["old", "Robert", calls]);
    const chunks: Uint8Array[] = [];
    await gallery.exportTo(async (chunk) => void chunks.push(chunk));
    assert.match(Buffer.concat(chunks).toString("latin1"), /embeddings\.ndjson/);
    const other = await galleryIn(newRoot(), "newer");
    // What these pictures are nobody can show: they stay out of it.
    await other.gallery.importFrom(Readable.from(chunks));
    assert.deepEqual([await who(other, "5 6", "newer"), await who(other, "1 2", "newer")], ["Robert", "Alice"]);
  });
});
