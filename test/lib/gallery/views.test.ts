import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { seeded } from "../../../lib/calibrate/statistics";
import { UserError } from "../../../lib/errors";
import { Gallery } from "../../../lib/gallery/gallery";
import { chooseNetworks } from "../../../lib/gallery/networks";
import type { Face } from "../../../lib/message";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { Directory } from "../../../lib/search/directory";
import type { Searchable } from "../../../lib/search/roster";
import { StoreSearch } from "../../../lib/search/store-search";
import { FakeEncoder } from "../../support/fake-encoder";

const JPEG_START = Buffer.of(0xff, 0xd8, 0xff);
const BOX = { x: 0, y: 0, width: 1, height: 1 };
const QUALITY = { size: 100, blur: 100, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 };
const MINUTE = 60_000;
/** Whatever may be asked about a photo. */
const ACCEPT = ["resembles", "unlike", "near_left_out"];

const pictureOf = (x: number, y: number): Buffer => Buffer.concat([JPEG_START, Buffer.from(`${x} ${y}`)]);

/** Of "photos" that begin as JPEGs do; each has numbers and a length of its own. */
class Network extends FakeEncoder {
  readonly dimensions: number;

  constructor(model: string, dimensions: number) {
    super(model, model);
    this.dimensions = dimensions;
  }

  /** Of a face at a place. */
  vectorOf(x: number, y: number): Float32Array {
    return Float32Array.from({ length: this.dimensions }, (_, index) => (index === 0 ? x : index === 1 ? y : 1));
  }

  override async encode(bytes: Buffer): Promise<Face[]> {
    const faces = await super.encode(bytes.subarray(JPEG_START.length));
    return faces.map((face) => ({
      ...face,
      embedding: this.vectorOf(face.embedding?.[0] ?? 0, face.embedding?.[1] ?? 0),
    }));
  }
}

const networks: Record<string, Network> = { one: new Network("one", 2), other: new Network("other", 3) };

async function networkOf(key: string): Promise<Network> {
  const network = networks[key];
  if (network === undefined) throw new UserError(`there is no model "${key}".`);
  return network;
}

/** Opened, and as it was before. */
async function opened(root: string): Promise<{ gallery: Gallery; store: LmdbStore }> {
  const store = await openStore({ folder: join(root, "people") });
  const chosen = await chooseNetworks(store, "one", networkOf);
  const gallery = new Gallery({
    store,
    folder: join(root, "photos"),
    // Looked at only when it is asked for.
    interval: 1e9,
    keepUnknownsMs: 1e12,
    encoder: chosen.deciding.encoder,
    networks: { chosen, open: networkOf },
  });
  await gallery.start();
  return { gallery, store };
}

const byKey = <T>(items: Iterable<T>, keyOf: (item: T) => string): T[] =>
  [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

/** Once no change of the network is under way. */
async function settled(gallery: Gallery): Promise<void> {
  for (const deadline = Date.now() + 60_000; gallery.network?.change !== null;) {
    assert.ok(Date.now() < deadline, `the network did not change: ${JSON.stringify(gallery.network?.change)}`);
    // Whoever has no picture stays behind.
    gallery.networks.accept();
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** All that people, nodes and the editor can see of a gallery, in an order of its own. */
async function seenOf(gallery: Gallery): Promise<object> {
  const { dimensions } = await networkOf(gallery.summary.model);
  const probe = Float32Array.from({ length: dimensions }, () => 1);
  const { people } = gallery.listPeople({ limit: 1000 });
  const { problems: _problems, progress: _progress, ...figures } = gallery.summary;
  return {
    figures,
    people: people.map(({ thumbnail, ...person }) => ({ ...person, thumbnail: thumbnail !== null })),
    details: people.map(({ id }) => {
      const { photos, ...person } = gallery.details(id);
      return { ...person, photos: byKey(photos, (photo) => photo.id) };
    }),
    known: byKey(gallery.embeddings(), ({ photoId }) => photoId),
    nearest: await nearestIn(gallery.roster, probe),
    anchors: byKey(gallery.roster.anchors(probe), ({ against, distance }) => `${against} ${distance}`),
    corrections: byKey(gallery.corrections(), ({ id }) => id),
    unknowns: byKey(await gallery.unknowns(), ({ id }) => id).map(({ nearest, ...group }) => ({
      ...group,
      nearest: nearest?.distance,
    })),
  };
}

/** Several may be as near. */
async function nearestIn(roster: Searchable, probe: Float32Array): Promise<object[]> {
  const near = await roster.nearest(probe, 1000, "euclidean");
  return byKey(near, ({ person }) => person.id).map(({ person, distance }) => ({ person, distance }));
}

/** What views that are made anew of a store have beside those of the gallery, which followed it. */
async function assertFollowed(gallery: Gallery, store: LmdbStore, when: string): Promise<void> {
  const search = new StoreSearch(store, await networkOf(gallery.summary.model), {
    strangers: () => [],
    onProgress: () => undefined,
    onThreshold: () => undefined,
  });
  const directory = new Directory(store, () => true);
  await search.load();
  const probe = Float32Array.from({ length: search.dimensions ?? 0 }, () => 1);
  assert.deepEqual(
    {
      known: byKey(gallery.embeddings(), ({ photoId }) => photoId),
      people: gallery.people,
      nearest: await nearestIn(gallery.roster, probe),
      unused: gallery
        .listPeople({ limit: 1000 })
        .people.filter(({ out }) => out)
        .map(({ id }) => id),
      anchors: byKey(gallery.roster.anchors(probe), ({ against, distance }) => `${against} ${distance}`),
    },
    {
      known: byKey(search.roster.embeddings(), ({ photoId }) => photoId),
      people: directory.people.flatMap(({ id, name }) => {
        const photos = search.roster.photosOf(id).length;
        return photos === 0 ? [] : [{ name, photos }];
      }),
      nearest: await nearestIn(search.roster, probe),
      unused: directory.people.filter(({ id }) => search.roster.unused.has(id)).map(({ id }) => id),
      anchors: byKey(search.roster.anchors(probe), ({ against, distance }) => `${against} ${distance}`),
    },
    when,
  );
  directory.close();
  await search.close();
}

describe("a gallery's views", () => {
  it("are those of the disk after 500 random deeds of every kind, whatever followed whatever", async () => {
    const root = mkdtempSync(join(tmpdir(), "views-"));
    mkdirSync(join(root, "photos"));
    const random = seeded(2024);
    const below = (count: number): number => Math.floor(random() * count);
    const any = <T>(items: readonly T[]): T | undefined => items[below(items.length)];
    let { gallery, store } = await opened(root);
    let now = Date.now() - 1e10;
    const zips: Uint8Array[][] = [];
    const network = (): Network => networks[gallery.summary.model] as Network;
    /** People are some way apart, and photos of one near to each other. */
    const photo = (): [x: number, y: number] => [below(20) + below(40) / 100, below(20) + below(40) / 100];
    const person = (): string => any(gallery.listPeople({ limit: 1000 }).people)?.id ?? "aaaaaaaaaaaa";
    const photosOf = (id: string): string[] => (gallery.person(id)?.photos ?? []).map((each) => each.id);
    const stranger = async (): Promise<string> => any(await gallery.unknowns())?.id ?? "aaaaaaaaaaaa";
    const files = (): string[] => readdirSync(join(root, "photos"));
    const look = async (): Promise<void> => {
      // What is new must be still for two looks.
      await gallery.scanFolder();
      await gallery.scanFolder();
    };
    const name = (): string => `Person ${below(30)}`;
    const see = (): Promise<void> =>
      gallery.sawUnknown(
        { box: BOX, score: 1, model: network().model, quality: QUALITY, embedding: network().vectorOf(...photo()) },
        // Later than what goes unwritten while somebody stays.
        { at: (now += 2 * MINUTE), source: "door", crop: async () => pictureOf(...photo()) },
      );

    const common: Record<string, () => Promise<unknown>> = {
      create: () => gallery.createPerson({ name: name(), groups: any([["staff"], []]) }),
      rename: () => gallery.updatePerson(person(), { name: `Person ${below(3000)}`, notes: `${below(9)}` }),
      add: () => gallery.addPhoto({ name: name() }, pictureOf(...photo()), { origin: "upload", accept: ACCEPT }),
      "add to": () => gallery.addPhoto({ id: person() }, pictureOf(...photo()), { origin: "upload", accept: ACCEPT }),
      enrol: () => gallery.enrol({ name: name(), accept: ACCEPT }, pictureOf(...photo())),
      file: async () => {
        writeFileSync(join(root, "photos", `${name()}#${below(3)}.jpg`), pictureOf(...photo()));
        await look();
      },
      use: async () => {
        const id = person();
        return gallery.usePhoto(id, any(photosOf(id)) ?? "", random() < 0.5);
      },
      "leave out": async () => {
        const id = person();
        return gallery.leaveOut(id, any(photosOf(id)) ?? "", random() < 0.5);
      },
      anchor: () => gallery.addAnchor(network().vectorOf(...photo()), any([person(), null]) ?? null, "said so"),
      correct: () =>
        gallery.correct(
          { vector: network().vectorOf(...photo()), picture: pictureOf(...photo()), note: "yesterday" },
          { name: name(), not: person(), accept: ACCEPT },
        ),
      see,
      "see again": see,
      saw: async () => gallery.saw(person(), (now += MINUTE)),
    };
    /** Each of them rewrites the database or waits for much. */
    const rare: Record<string, () => Promise<unknown>> = {
      forget: () => gallery.forget({ id: person() }),
      "delete a photo": async () => {
        const id = person();
        return gallery.removePhoto(id, any(photosOf(id)) ?? "");
      },
      "delete photos": async () => {
        const id = person();
        return gallery.removePhotos(id, photosOf(id).slice(0, 2));
      },
      move: async () => {
        const id = person();
        return gallery.movePhotos(id, photosOf(id).slice(0, 1 + below(2)), any([{ id: person() }, { name: name() }])!);
      },
      merge: () => gallery.merge(person(), person()),
      "delete a file": async () => {
        rmSync(join(root, "photos", any(files()) ?? "none"), { force: true });
        await look();
      },
      "take back": () => gallery.undoCorrection(any(gallery.corrections())?.id ?? ""),
      "name a stranger": async () => gallery.nameUnknown(await stranger(), name(), { accept: ACCEPT }),
      "ignore a stranger": async () => gallery.ignoreUnknown(await stranger()),
      "delete a stranger": async () => gallery.removeUnknown(await stranger()),
      "delete strangers": async () => gallery.removeUnknowns([await stranger(), await stranger()]),
      export: async () => {
        const chunks: Uint8Array[] = [];
        await gallery.exportTo(async (chunk) => void chunks.push(chunk));
        zips.push(chunks);
      },
      import: () => gallery.importFrom(Readable.from(any(zips) ?? [])),
      change: () => gallery.networks.changeTo(any(["one", "other"]) ?? ""),
      undo: async () => {
        await settled(gallery);
        await gallery.networks.changeTo(network().model === "one" ? "other" : "one");
        await settled(gallery);
        return gallery.networks.undo();
      },
      keep: () => gallery.networks.keep(),
    };

    const done = new Map<string, number>();
    for (let deed = 1; deed <= 500; deed += 1) {
      const [what, act] = any(Object.entries(random() < 0.75 ? common : rare)) as [string, () => Promise<unknown>];
      const was = await act().then(
        () => true,
        (error: unknown) => {
          // Asked for what is not there, or what people may not do.
          if (!(error instanceof UserError)) throw error;
          return false;
        },
      );
      if (was) done.set(what, (done.get(what) ?? 0) + 1);
      if (deed % 25 > 0) continue;
      await settled(gallery);
      await assertFollowed(gallery, store, `after ${deed} deeds, the last of them: ${what}`);
      if (deed % 100 > 0) continue;
      const before = await seenOf(gallery);
      await gallery.close();
      // Each deletion would write these anew too, in a process of its own.
      rmSync(join(root, "people/backups"), { recursive: true });
      ({ gallery, store } = await opened(root));
      await settled(gallery);
      assert.deepEqual(before, await seenOf(gallery), `as read from the disk after ${deed} deeds`);
    }
    await gallery.close();
    const kinds = [...Object.keys(common), ...Object.keys(rare)];
    assert.deepEqual(
      kinds.filter((kind) => !done.has(kind)),
      [],
      "each kind of deed was done",
    );
  });
});
