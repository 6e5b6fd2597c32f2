/**
 * What every people store must do, whichever database is under it: run by a test file of each
 * (lmdb-suite.test.ts). What is LMDB's alone (files, damage, backups) is in store.slow.test.ts.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { seeded } from "../../../bench/statistics";
import { exportStore, importInto } from "../../../lib/people/archive";
import type { Anchor, Person, Photo, PhotoEmbedding, UnknownGroup } from "../../../lib/people/people";
import type { PeopleStore, Records, StoreChange } from "../../../lib/people/store";
import { entryOf, idOf, personOf, pictureOf, vectorOf } from "./entries";

/** One kind of store. */
export interface StoreKind {
  name: string;
  /** An empty place of its own: a folder, a database. */
  place(): string | Promise<string>;
  open(place: string): Promise<PeopleStore>;
  /** Between the end of one store and the start of the next at a place. */
  whileClosed?(place: string): void | Promise<void>;
  /** What is not there any more where a place is opened on another computer. */
  ofComputer?: readonly "notes"[];
  /** Writes of the long test, of every kind. */
  writes: number;
}

/** A person with a photo. */
export const added = (number: number): Records => {
  const { person, ...photo } = entryOf(number);
  return { people: [person], photos: [photo] };
};

export const anchorOf = (number: number, against: string | null = null): Anchor => ({
  id: idOf(number, "d"),
  against,
  note: "",
  createdAt: 1,
  model: "m",
  fingerprint: "f",
  vector: vectorOf(number),
});

export const strangerOf = (number: number): UnknownGroup => ({
  id: idOf(number, "c"),
  firstSeenAt: 1,
  lastSeenAt: number,
  visits: 1,
  model: "m",
  fingerprint: "f",
  vectors: [vectorOf(number)],
  pictures: 0,
});

export const embeddingOf = (number: number, fingerprint: string): PhotoEmbedding => ({
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
export async function toldBy(store: PeopleStore, work: () => Promise<unknown>): Promise<string[]> {
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
export async function contentsOf(store: PeopleStore): Promise<object> {
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

const spaceOf = (model: string): { model: string; dimensions: number } => ({
  model: model === "f" ? "m" : model,
  dimensions: vectorOf(1).length,
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export function testStore(kind: StoreKind): void {
  const open: PeopleStore[] = [];
  const opened = async (place?: string): Promise<PeopleStore> => {
    const store = await kind.open(place ?? (await kind.place()));
    open.push(store);
    return store;
  };
  const closeAll = async (): Promise<void> => {
    for (const store of open.splice(0)) await store.close();
  };

  describe(`the people store on ${kind.name}`, () => {
    afterEach(closeAll);

    it("keeps people, photos, pictures, embeddings, anchors, strangers and notes over a restart", async () => {
      const place = await kind.place();
      const store = await opened(place);
      await store.putMany({ ...added(1), anchors: [anchorOf(1, idOf(1))] });
      await store.putEmbeddings([embeddingOf(1, "g")]);
      await store.putUnknown({ ...strangerOf(1), pictures: 1 }, [pictureOf(9)]);
      await store.putNote("a key", { any: ["thing"] });
      await store.putNote("another", 1);
      await store.putNote("another", undefined);
      await store.seen(
        new Map([
          [idOf(1), 77],
          [idOf(99), 78],
        ]),
      );
      await closeAll();
      await kind.whileClosed?.(place);
      const again = await opened(place);
      const { photo, bytes, thumbnail, embeddings } = entryOf(1);
      assert.deepEqual(again.people(), [{ ...personOf(1), lastSeenAt: 77 }]);
      assert.deepEqual([again.person(idOf(1))?.lastSeenAt, again.person(idOf(99))], [77, undefined]);
      assert.deepEqual([again.photos(), again.photos(idOf(1)), again.photos(idOf(2))], [[photo], [photo], []]);
      assert.deepEqual(again.photo(photo.id), photo);
      assert.deepEqual(again.anchors(), [anchorOf(1, idOf(1))]);
      assert.deepEqual(again.unknowns(), [{ ...strangerOf(1), pictures: 1 }]);
      const note = kind.ofComputer?.includes("notes") === true ? undefined : { any: ["thing"] };
      assert.deepEqual([again.note("a key"), again.note("another")], [note, undefined]);
      assert.deepEqual([await again.photoBytes(photo.id), await again.thumbnail(photo.id)], [bytes, thumbnail]);
      assert.deepEqual(await again.unknownPicture(idOf(1, "c"), 0), pictureOf(9));
      for (const index of [-1, 1]) assert.equal(await again.unknownPicture(idOf(1, "c"), index), undefined);
      assert.deepEqual(
        [await all(again.embeddings("f")), await all(again.embeddings("g"))],
        [embeddings, [embeddingOf(1, "g")]],
      );
      assert.equal((await again.embeddingsOf(photo.id)).length, 2);
      assert.deepEqual(await again.spaces(), new Map(["f", "g"].map((of) => [of, spaceOf(of)])));
    });

    it("forgets all of a person, and nothing of another, for good", async () => {
      const place = await kind.place();
      const store = await opened(place);
      await store.putMany({ ...added(1), anchors: [anchorOf(1, idOf(1)), anchorOf(2, idOf(2))] });
      await store.putMany(added(2));
      const { name, photos, embeddings, thumbnails } = await store.removePerson(idOf(1));
      // The anchor against them is an embedding too.
      assert.deepEqual([name, photos, embeddings, thumbnails], ["Person 1", 1, 2, 1]);
      await closeAll();
      await kind.whileClosed?.(place);
      const again = await opened(place);
      assert.deepEqual(
        [again.people(), again.photos(), again.anchors(), await all(again.embeddings())],
        [[personOf(2)], [entryOf(2).photo], [anchorOf(2, idOf(2))], entryOf(2).embeddings],
      );
      assert.deepEqual(
        [
          await again.photoBytes(idOf(1, "b")),
          await again.thumbnail(idOf(1, "b")),
          await again.embeddingsOf(idOf(1, "b")),
        ],
        [undefined, undefined, []],
      );
      assert.equal((await again.removePerson(idOf(1))).photos, 0);
    });

    it("writes all of what goes together or nothing", async () => {
      const store = await opened();
      const broken = { ...embeddingOf(2, "f"), vector: new Float32Array(0) };
      const { person, ...photo } = entryOf(2);
      await assert.rejects(store.putMany({ people: [person], photos: [{ ...photo, embeddings: [broken] }] }));
      assert.deepEqual([store.people(), store.photos(), await all(store.embeddings())], [[], [], []]);
      assert.equal(await store.photoBytes(photo.photo.id), undefined);
      await store.putMany(added(1));
      assert.equal(store.people().length, 1);
    });

    it("refuses a second one at its place with a sentence, and lets it in once it has closed", async () => {
      const place = await kind.place();
      const store = await opened(place);
      await store.putMany(added(1));
      await assert.rejects(kind.open(place), /used by another/);
      await closeAll();
      assert.equal((await opened(place)).people().length, 1);
    });

    it("writes nothing any more once it is closed, and closes twice", async () => {
      const store = await opened();
      await store.close();
      await store.close();
      for (const write of [
        () => store.putPerson(personOf(1)),
        () => store.putNote("key", 1),
        () => store.removePerson(idOf(1)),
        () => store.expireUnknowns([]),
      ])
        await assert.rejects(write(), /closed/);
    });

    it("takes what is written at the same time one after the other, and loses none of it", async () => {
      const store = await opened();
      await Promise.all(Array.from({ length: 30 }, (_, index) => store.putMany(added(index + 1))));
      assert.deepEqual([store.people().length, (await all(store.embeddings())).length], [30, 30]);
    });
  });

  describe(`the people store on ${kind.name} tells`, () => {
    afterEach(closeAll);

    it("what each kind of write has put and removed", async () => {
      const store = await opened();
      const [one, two] = [idOf(1), idOf(2)];
      const [photo, second] = [idOf(1, "b"), idOf(2, "b")];
      const writes: [what: string, () => Promise<unknown>, expected: string[]][] = [
        ["a person", () => store.putPerson(personOf(1)), [`+people ${one}`]],
        ["a new name", () => store.putPerson({ ...personOf(1), name: "Renamed" }), [`+people ${one}`]],
        ["when they were seen", () => store.seen(new Map([[one, 5]])), [`+people ${one}`]],
        ["nobody seen", () => store.seen(new Map([["aaaaaaaaaaaa", 5]])), []],
        ["a photo", () => store.putMany(added(1)), [`+people ${one} +photos ${photo} +embeddings ${photo}`]],
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
            await store.putMany(added(2));
            await store.putMany({ anchors: [anchorOf(2, two)] });
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
          () =>
            store.putUnknown({ ...strangerOf(1), beside: { model: "g", fingerprint: "g", vectors: [vectorOf(1)] } }),
          [`+unknowns ${idOf(1, "c")}`],
        ],
        [
          "the other network again no more",
          () => store.removeEmbeddings("g", () => true),
          [`-embeddings ${photo} +unknowns ${idOf(1, "c")}`],
        ],
        [
          "a network with its corrections",
          () => store.removeEmbeddings("f", () => false),
          [`-anchors ${idOf(2, "d")}`],
        ],
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
            await store.putMany({ anchors: [anchorOf(4, idOf(3))] });
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
      await from.putMany(added(1));
      await from.putMany({ anchors: [anchorOf(1, idOf(1))] });
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

    it("a change once it is on the disk, and not before", async () => {
      const place = await kind.place();
      const store = await opened(place);
      const there: unknown[] = [];
      store.on("change", ({ put }) => there.push(put.people.map(({ id }) => store.person(id)?.name)));
      const writing = store.putPerson(personOf(1));
      assert.deepEqual(there, []);
      await writing;
      assert.deepEqual(there, [["Person 1"]]);
    });

    it("the others, when one who listens fails, and writes all the same", async () => {
      const place = await kind.place();
      const store = await opened(place);
      let heard = 0;
      store.once("change", () => {
        throw new Error("a view at fault");
      });
      store.on("change", () => (heard += 1));
      await assert.rejects(store.putMany(added(1)), /a view at fault/);
      await store.putPerson(personOf(2));
      await open.pop()?.close();
      const again = await opened(place);
      assert.deepEqual(
        [heard, again.people().length, (await again.photoBytes(idOf(1, "b")))?.equals(pictureOf(1))],
        [2, 2, true],
      );
    });

    it("all there is to know: who only listened has what the disk has, after many writes of every kind", async () => {
      const place = await kind.place();
      const random = seeded(12);
      const below = (count: number): number => Math.floor(random() * count);
      const replay = new Replay();
      let store = await opened(place);
      store.on("change", replay.follow);
      const PEOPLE = 12;
      const zips: Uint8Array[][] = [];
      /** Fast ones, which are chosen more often: each deletion rewrites the database and its backups. */
      const puts: ((n: number) => Promise<unknown>)[] = [
        (n) => store.putPerson({ ...personOf(n), name: `Person ${n} ${below(1000)}` }),
        (n) => store.putMany(added(n)),
        (n) => store.seen(new Map([[idOf(n), below(1e6)]])),
        (n) => store.putEmbeddings([embeddingOf(n, "g"), embeddingOf(below(PEOPLE), "h")]),
        (n) => store.putMany({ anchors: [anchorOf(n, store.person(idOf(n)) === undefined ? null : idOf(n))] }),
        (n) =>
          store.putUnknown({ ...strangerOf(n), beside: { model: "g", fingerprint: "g", vectors: [vectorOf(n)] } }),
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
      for (let write = 1; write <= kind.writes; write += 1) {
        const kinds = random() < 0.8 ? puts : others;
        await kinds[below(kinds.length)]?.(below(PEOPLE));
        if (write % 20 === 0) assert.deepEqual(replay.state, await contentsOf(store), `after ${write} writes`);
        if (write % 100 > 0) continue;
        await open.pop()?.close();
        await kind.whileClosed?.(place);
        store = await opened(place);
        assert.deepEqual(replay.state, await contentsOf(store), `as read from the disk after ${write} writes`);
        store.on("change", replay.follow);
      }
    });
  });
}
