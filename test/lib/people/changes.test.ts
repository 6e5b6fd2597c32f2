import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { seeded } from "../../../bench/statistics";
import { exportStore, importInto } from "../../../lib/people/archive";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import type { Anchor, Person, Photo, PhotoEmbedding, UnknownGroup } from "../../../lib/people/people";
import type { PeopleStore, StoreChange } from "../../../lib/people/store";
import { entryOf, idOf, personOf, pictureOf, vectorOf } from "./entries";

const open: LmdbStore[] = [];
const folderOf = (): string => join(mkdtempSync(join(tmpdir(), "changes-")), "people");

async function opened(folder = folderOf()): Promise<LmdbStore> {
  const store = await openStore({ folder });
  open.push(store);
  return store;
}

const anchorOf = (number: number, against: string | null = null): Anchor => ({
  id: idOf(number, "d"),
  against,
  note: "",
  createdAt: 1,
  model: "m",
  fingerprint: "f",
  vector: vectorOf(number),
});

const strangerOf = (number: number): UnknownGroup => ({
  id: idOf(number, "c"),
  firstSeenAt: 1,
  lastSeenAt: number,
  visits: 1,
  model: "m",
  fingerprint: "f",
  vectors: [vectorOf(number)],
  pictures: 0,
});

const embeddingOf = (number: number, fingerprint: string): PhotoEmbedding => ({
  photoId: idOf(number, "b"),
  personId: idOf(number),
  model: fingerprint,
  fingerprint,
  vector: vectorOf(number),
});

/** What a change says, ids alone: "-photos b… +people a…". */
function told({ removed, put }: StoreChange): string {
  const say = (sign: string, facts: StoreChange["put"] | StoreChange["removed"]): string[] =>
    (["people", "photos", "embeddings", "anchors", "unknowns"] as const).flatMap((kind) =>
      facts[kind].length === 0
        ? []
        : [`${sign}${kind} ${facts[kind].map((each) => ("photoId" in each ? each.photoId : each.id)).join(",")}`],
    );
  return [...say("-", removed), ...say("+", put)].join(" ");
}

/** What a store tells while something is done to it. */
async function toldBy(store: PeopleStore, work: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const listen = (change: StoreChange): void => void heard.push(told(change));
  store.on("change", listen);
  await work();
  store.off("change", listen);
  return heard;
}

/** A view that knows nothing but what it was told. */
class Replay {
  readonly #people = new Map<string, Person>();
  readonly #photos = new Map<string, Photo>();
  readonly #embeddings = new Map<string, PhotoEmbedding>();
  readonly #anchors = new Map<string, Anchor>();
  readonly #unknowns = new Map<string, UnknownGroup>();

  readonly follow = ({ removed, put }: StoreChange): void => {
    for (const { id } of removed.people) this.#people.delete(id);
    for (const { id } of removed.photos) {
      this.#photos.delete(id);
      for (const [key, { photoId }] of this.#embeddings) if (photoId === id) this.#embeddings.delete(key);
    }
    for (const { photoId, fingerprint } of removed.embeddings) this.#embeddings.delete(`${photoId} ${fingerprint}`);
    for (const { id } of removed.anchors) this.#anchors.delete(id);
    for (const { id } of removed.unknowns) this.#unknowns.delete(id);
    for (const person of put.people) this.#people.set(person.id, person);
    for (const photo of put.photos) this.#photos.set(photo.id, photo);
    for (const each of put.embeddings) this.#embeddings.set(`${each.photoId} ${each.fingerprint}`, each);
    for (const anchor of put.anchors) this.#anchors.set(anchor.id, anchor);
    for (const group of put.unknowns) this.#unknowns.set(group.id, group);
  };

  get state(): object {
    return stateOf({
      people: [...this.#people.values()],
      photos: [...this.#photos.values()],
      embeddings: [...this.#embeddings.values()],
      anchors: [...this.#anchors.values()],
      unknowns: [...this.#unknowns.values()],
    });
  }
}

/** In an order of its own. */
function stateOf(put: StoreChange["put"]): object {
  const keyOf = (each: { id: string } | PhotoEmbedding): string =>
    "photoId" in each ? `${each.photoId} ${each.fingerprint}` : each.id;
  return Object.fromEntries(
    Object.entries(put).map(([kind, facts]) => [kind, [...facts].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))]),
  );
}

/** What a store has. */
async function contentsOf(store: PeopleStore): Promise<object> {
  const embeddings: PhotoEmbedding[] = [];
  for await (const embedding of store.embeddings()) embeddings.push(embedding);
  return stateOf({
    people: store.people(),
    photos: store.photos(),
    embeddings,
    anchors: store.anchors(),
    unknowns: store.unknowns(),
  });
}

describe("the people store tells", () => {
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  it("what each kind of write has put and removed", async () => {
    const store = await opened();
    const [one, two] = [idOf(1), idOf(2)];
    const [photo, second] = [idOf(1, "b"), idOf(2, "b")];
    const writes: [what: string, () => Promise<unknown>, expected: string[]][] = [
      ["a person", () => store.putPerson(personOf(1)), [`+people ${one}`]],
      ["a new name", () => store.putPerson({ ...personOf(1), name: "Renamed" }), [`+people ${one}`]],
      ["when they were seen", () => store.seen(new Map([[one, 5]])), [`+people ${one}`]],
      ["nobody seen", () => store.seen(new Map([["aaaaaaaaaaaa", 5]])), []],
      ["a photo", () => store.addPhoto(entryOf(1)), [`+people ${one} +photos ${photo} +embeddings ${photo}`]],
      [
        "what is said of a photo",
        () =>
          store.putMany({
            photos: [{ photo: entryOf(1).photo, bytes: undefined, thumbnail: undefined, embeddings: [] }],
          }),
        [`+photos ${photo}`],
      ],
      [
        "two people become one",
        async () => {
          await store.addPhoto(entryOf(2));
          await store.putAnchor(anchorOf(2, two));
          await store.putMany({ anchors: [anchorOf(2, one)] });
          await store.removePerson(two);
        },
        [
          `+people ${two} +photos ${second} +embeddings ${second}`,
          `+anchors ${idOf(2, "d")}`,
          `+anchors ${idOf(2, "d")}`,
          `-people ${two} -photos ${second}`,
        ],
      ],
      [
        "another network",
        () => store.putEmbeddings([embeddingOf(1, "g"), embeddingOf(9, "g")]),
        [`+embeddings ${photo}`],
      ],
      ["a stranger", () => store.putUnknown(strangerOf(1)), [`+unknowns ${idOf(1, "c")}`]],
      [
        "… as another network has them",
        () => store.putUnknown({ ...strangerOf(1), beside: { model: "g", fingerprint: "g", vectors: [vectorOf(1)] } }),
        [`+unknowns ${idOf(1, "c")}`],
      ],
      [
        "the other network again no more",
        () => store.removeEmbeddings("g", () => true),
        [`-embeddings ${photo} +unknowns ${idOf(1, "c")}`],
      ],
      ["a network with its corrections", () => store.removeEmbeddings("f", () => false), [`-anchors ${idOf(2, "d")}`]],
      [
        "a stranger who is somebody",
        () => store.putMany({ people: [personOf(3)], photos: [entryOf(3)] }, { insteadOf: idOf(1, "c") }),
        [`-unknowns ${idOf(1, "c")} +people ${idOf(3)} +photos ${idOf(3, "b")} +embeddings ${idOf(3, "b")}`],
      ],
      [
        "a stranger who is nobody",
        async () => {
          await store.putUnknown(strangerOf(2));
          await store.ignoreUnknown(idOf(2, "c"), [anchorOf(3)]);
        },
        [`+unknowns ${idOf(2, "c")}`, `-unknowns ${idOf(2, "c")} +anchors ${idOf(3, "d")}`],
      ],
      ["a correction taken back", () => store.removeAnchor(idOf(3, "d")), [`-anchors ${idOf(3, "d")}`]],
      ["a photo deleted", () => store.removePhotos([photo, "bbbbbbbbbbbb"]), [`-photos ${photo}`]],
      ["a small note", () => store.putNote("key", 1), []],
      [
        "a person deleted, with the correction against them",
        async () => {
          await store.putAnchor(anchorOf(4, idOf(3)));
          await store.removePerson(idOf(3));
        },
        [`+anchors ${idOf(4, "d")}`, `-people ${idOf(3)} -photos ${idOf(3, "b")} -anchors ${idOf(4, "d")}`],
      ],
      [
        "strangers whose time is over",
        async () => {
          await store.putUnknown(strangerOf(3));
          await store.expireUnknowns([idOf(3, "c")]);
        },
        [`+unknowns ${idOf(3, "c")}`, `-unknowns ${idOf(3, "c")}`],
      ],
      ["several at once", () => store.removeMany({ people: [one], photos: [] }), [`-people ${one}`]],
    ];
    for (const [what, work, expected] of writes) assert.deepEqual(await toldBy(store, work), expected, what);
  });

  it("all of an import, kind by kind", async () => {
    const from = await opened();
    await from.addPhoto(entryOf(1));
    await from.putAnchor(anchorOf(1, idOf(1)));
    await from.putUnknown(strangerOf(1));
    const chunks: Uint8Array[] = [];
    await exportStore(from, { write: async (chunk) => void chunks.push(chunk) });
    const store = await opened();
    assert.deepEqual(await toldBy(store, () => importInto(store, Readable.from(chunks))), [
      `+people ${idOf(1)}`,
      `+photos ${idOf(1, "b")} +embeddings ${idOf(1, "b")}`,
      `+anchors ${idOf(1, "d")}`,
      `+unknowns ${idOf(1, "c")}`,
    ]);
  });

  it("nothing of what a restored backup has not, so that a view of the opened store is right", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    const backup = await readFile(join(folder, "backups/recent.mdb"));
    await store.addPhoto(entryOf(2));
    await open.pop()?.close();
    await writeFile(join(folder, "people.mdb"), pictureOf(1));
    await writeFile(join(folder, "backups/recent.mdb"), backup);
    const restored = await opened(folder);
    const people = restored.people().map(({ id }) => id);
    const heard = await toldBy(restored, async () => {
      await restored.removeMany({ people: [idOf(1), idOf(2)], photos: [] });
    });
    assert.deepEqual([people, heard], [[idOf(1)], [`-people ${idOf(1)} -photos ${idOf(1, "b")}`]]);
  });

  it("a change once it is on the disk, and not before", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    const there: unknown[] = [];
    store.on("change", ({ put }) => there.push(put.people.map(({ id }) => store.person(id)?.name)));
    const writing = store.putPerson(personOf(1));
    assert.deepEqual(there, []);
    await writing;
    assert.deepEqual(there, [["Person 1"]]);
  });

  it("the others, when one who listens fails, and writes all the same", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    let heard = 0;
    store.once("change", () => {
      throw new Error("a view at fault");
    });
    store.on("change", () => (heard += 1));
    await assert.rejects(store.addPhoto(entryOf(1)), /a view at fault/);
    await store.putPerson(personOf(2));
    await open.pop()?.close();
    const again = await opened(folder);
    assert.deepEqual(
      [heard, again.people().length, (await again.photoBytes(idOf(1, "b")))?.equals(pictureOf(1))],
      [2, 2, true],
    );
  });

  it("all there is to know: who only listened has what the disk has, after 500 writes of every kind", async () => {
    const folder = folderOf();
    const random = seeded(12);
    const below = (count: number): number => Math.floor(random() * count);
    const replay = new Replay();
    let store = await opened(folder);
    store.on("change", replay.follow);
    const PEOPLE = 12;
    const zips: Uint8Array[][] = [];
    /** Fast ones, which are chosen more often: each deletion rewrites the database and its backups. */
    const puts: ((n: number) => Promise<unknown>)[] = [
      (n) => store.putPerson({ ...personOf(n), name: `Person ${n} ${below(1000)}` }),
      (n) => store.addPhoto(entryOf(n)),
      (n) => store.seen(new Map([[idOf(n), below(1e6)]])),
      (n) => store.putEmbeddings([embeddingOf(n, "g"), embeddingOf(below(PEOPLE), "h")]),
      (n) => store.putAnchor(anchorOf(n, store.person(idOf(n)) === undefined ? null : idOf(n))),
      (n) => store.putUnknown({ ...strangerOf(n), beside: { model: "g", fingerprint: "g", vectors: [vectorOf(n)] } }),
      (n) => store.expireUnknowns([idOf(n, "c")]),
      (n) => store.putNote(`note ${n}`, n),
    ];
    const others: ((n: number) => Promise<unknown>)[] = [
      (n) => store.putMany({ people: [personOf(n)], photos: [entryOf(n)] }, { insteadOf: idOf(below(PEOPLE), "c") }),
      (n) => store.ignoreUnknown(idOf(n, "c"), [anchorOf(n + PEOPLE)]),
      (n) => store.removePhotos([idOf(n, "b"), idOf(below(PEOPLE), "b")]),
      (n) => store.removePerson(idOf(n)),
      (n) => store.removeMany({ people: [idOf(n)], photos: [idOf(below(PEOPLE), "b")] }),
      (n) => store.removeAnchor(idOf(n, "d")),
      (n) => store.removeUnknowns([idOf(n, "c")]),
      (n) => store.removeEmbeddings(["f", "g", "h"][n % 3] ?? "", (photoId) => photoId === idOf(n, "b")),
      async () => {
        const chunks: Uint8Array[] = [];
        await exportStore(store, { write: async (chunk) => void chunks.push(chunk) });
        zips.push(chunks);
      },
      async (n) => {
        const zip = zips[n % Math.max(1, zips.length)];
        if (zip !== undefined) await importInto(store, Readable.from(zip));
      },
    ];
    for (let write = 1; write <= 500; write += 1) {
      const kinds = random() < 0.8 ? puts : others;
      await kinds[below(kinds.length)]?.(below(PEOPLE));
      if (write % 20 === 0) assert.deepEqual(replay.state, await contentsOf(store), `after ${write} writes`);
      if (write % 100 > 0) continue;
      await open.pop()?.close();
      // Each deletion would write these anew too, in a process of its own.
      rmSync(join(folder, "backups"), { recursive: true });
      store = await opened(folder);
      assert.deepEqual(replay.state, await contentsOf(store), `as read from the disk after ${write} writes`);
      store.on("change", replay.follow);
    }
  });
});
