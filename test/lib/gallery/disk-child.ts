/**
 * A gallery in a process of its own, which does what its parent says: a full disk may end the process, and must not.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Gallery } from "../../../lib/gallery/gallery";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { chooseNetworks } from "../../../lib/gallery/networks";
import { FakeEncoder } from "../../support/fake-encoder";
import { doAsAsked } from "../../support/acting-child";

/** A face that is good enough to open a group of strangers. */
const QUALITY = { size: 90, blur: 90, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 1 };
const BOX = { x: 0, y: 0, width: 1, height: 1 };
/** Longer than what fits into a page that is free by chance. */
const NOTES = "x".repeat(9000);
const PICTURE_BYTES = 20_000;
const FOR_EVER_MS = 1e13;

const vectorOf = (text: string): Float32Array => Float32Array.from(text.split(" "), Number);

let gallery: Gallery;
let store: LmdbStore;
const problems: string[] = [];

/** What the parent may ask for. */
export const acts = {
  async open(root: string, photos: string, keepPhotos = true) {
    mkdirSync(photos, { recursive: true });
    problems.length = 0;
    store = await openStore({ folder: join(root, "people"), onProblem: ({ code }) => problems.push(code) });
    gallery = new Gallery({
      folder: photos,
      store,
      encoder: new FakeEncoder(),
      interval: 50,
      keepPhotos,
      keepUnknownsMs: FOR_EVER_MS,
    });
    await gallery.start();
  },
  /** … whose form names a network, one of any name. */
  async openBy(root: string, photos: string, form: string) {
    mkdirSync(photos, { recursive: true });
    problems.length = 0;
    store = await openStore({ folder: join(root, "people"), onProblem: ({ code }) => problems.push(code) });
    const openBy = async (key: string): Promise<FakeEncoder> => new FakeEncoder(key, key);
    const chosen = await chooseNetworks(store, form, openBy);
    gallery = new Gallery({
      folder: photos,
      store,
      encoder: chosen.deciding.encoder,
      networks: { chosen, open: openBy },
      interval: 50,
    });
    await gallery.start();
  },
  changeTo: (key: string) => gallery.networks.changeTo(key),
  pause: (paused: boolean) => gallery.networks.pause(paused),
  network: () => gallery.network,
  close: () => gallery.close(),
  /** What the store told beside the gallery's problems. */
  told: () => problems,
  problems: () => gallery.problems.map(({ code, message }) => ({ code, message })),
  create: (name: string) => gallery.createPerson({ name, notes: NOTES }).then(({ id }) => id),
  rename: (id: string, name: string) => gallery.updatePerson(id, { name }).then(() => undefined),
  enrol: (name: string, face: string) => gallery.enrol(name, Buffer.from(face)).then(({ person }) => person),
  forget: (name: string) => gallery.forget(name).then(() => undefined),
  removePhoto: (id: string) => gallery.removePhoto(id, gallery.details(id).photos[0]?.id ?? "").then(() => undefined),
  /** Names in the list; notes are kept with them. */
  names: () => gallery.listPeople({}).people.map(({ name }) => name),
  /** Who has the face, however far within τ. */
  who: async (face: string) =>
    (await gallery.roster.nearest(vectorOf(face), 1, "euclidean"))
      .filter(({ distance }) => distance < 0.5)
      .map(({ person }) => person.name),
  /** Somebody was seen, and that is to be written now. */
  saw: async (id: string, at: number) => {
    gallery.saw(id, at);
    await gallery.exportTo(async () => undefined);
  },
  seen: () => store.people().map(({ lastSeenAt }) => lastSeenAt),
  meet: (face: string, at: number) =>
    gallery.sawUnknown(
      { box: BOX, score: 1, embedding: vectorOf(face), quality: QUALITY, model: "fake" },
      { at, source: "cam", crop: async () => Buffer.alloc(PICTURE_BYTES, 1) },
    ),
  strangers: async () => (await gallery.unknowns()).map(({ id, pictures }) => ({ id, pictures })),
  kept: () => store.unknowns().map(({ id, pictures }) => ({ id, pictures })),
  sweep: (now: number) => gallery.sweep(now),
  name: (id: string, name: string) => gallery.nameUnknown(id, name).then(() => undefined),
  ignore: (id: string) => gallery.ignoreUnknown(id).then(() => undefined),
  against: (face: string, id: string) => gallery.addAnchor(vectorOf(face), id, "").then(() => undefined),
  anchors: () => gallery.anchors().length,
  backup: () => store.backup(),
  export: async () => {
    const chunks: Uint8Array[] = [];
    await gallery.exportTo(async (chunk) => void chunks.push(chunk));
    return Buffer.concat(chunks).toString("base64");
  },
  import: async (zip: string) => gallery.importFrom(Readable.from([Buffer.from(zip, "base64")])),
};

export type Acts = typeof acts;

doAsAsked(acts);
