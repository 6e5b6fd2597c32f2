import { setMaxListeners } from "node:events";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { z } from "zod";
import { heard } from "../../lib/observe/heard";
import { onClose } from "../common/on-close";
import { UserError } from "../../lib/errors";
import { BUILT_IN_MODELS, DLIB_RESNET } from "../../lib/embed/descriptor";
import { createEncoder, type FaceEncoder } from "../../lib/enrol/encoder";
import { Gallery } from "../../lib/gallery/gallery";
import type { OpenSite } from "../../lib/gallery/sharing";
import { chooseNetworks } from "../../lib/gallery/networks";
import { isBeside, openBeside } from "../../lib/people/lmdb/beside";
import { openPatiently, type Waiting, whenDiskTakes } from "../../lib/people/lmdb/open-patiently";
import { lookForPacksIn } from "../../lib/models/packs";
import { dropLeftOpen, forgetLeftOpen, watcherOf } from "../../lib/presence/left-open";
import { deleteBook, openBook } from "../../lib/visits/lmdb-book";
import { Journal } from "../../lib/observe/journal";
import { parseOptions } from "../../lib/validate";
import type { KeptVisits } from "../../lib/visits/book";
import { phrase, type Worded } from "../../lib/words/sentence";
import { inTime } from "../../lib/workers/in-time";
import type { ServedGallery } from "../../api/host";
import { logFault, nameError } from "../common/on-input";
import { migrated } from "../common/migrate";
import { MIGRATIONS } from "./migrations/index";
import { attendanceSiteOf, type SharedDef, sharedOf, type SharedKey } from "./shared";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { serveApi } from "../common/serve-api";
import { say, speakAs } from "../common/language";

export interface FaceGalleryDef extends NodeDef, SharedDef {
  /** Of photos: absolute, or in Node-RED's user folder; empty for one of its own there. */
  folder: string;
  /** Id of a built-in model or of a model pack, or "file". */
  model: string;
  modelFile: string;
  /** Id of the detector that finds the faces of photos; a gallery made before there was the choice has none. */
  detector?: string;
  /** Whether pictures are kept, or embeddings alone. */
  keepPhotos?: boolean | string;
  /** Whether strangers are kept for review, … */
  keepUnknowns?: boolean | string;
  /** … for how many days. */
  unknownDays?: string | number;
  /** For how many days visits are kept; 0 keeps none. */
  keepVisits?: string | number;
  /** What nodes had before the network was changed in the editor, to take it back. */
  before?: unknown;
}

/** What nodes had while another network decided; the editor writes it (editor/network-nodes.ts). */
const beforeSchema = z.object({
  network: z.string(),
  nodes: z.array(
    z.object({ id: z.string(), was: z.object({ threshold: z.union([z.string(), z.number()]).optional() }) }),
  ),
});

export interface GalleryKey extends SharedKey {
  /** Pass phrase that encrypts what is kept; empty keeps it plain. */
  key?: string;
}

const DAY_MS = 86_400_000;
/** Node-RED waits fifteen seconds. What is not closed by then goes on closing, and the next gallery waits for it. */
const CLOSING_MS = 12_000;

const optionsSchema = z.object({
  keepPhotos: z.boolean().default(true),
  keepUnknowns: z.boolean().default(true),
  /** Days that a stranger is kept. */
  unknownDays: z.number().min(1).max(365).default(7),
  /** Days that a visit is kept. */
  keepVisits: z.number().min(0).max(3650).default(30),
});

/** The form's values as options. @throws a sentence */
function optionsOf(def: FaceGalleryDef, login: GalleryKey): z.infer<typeof optionsSchema> {
  requireVariables({ ...def, ...login });
  return parseOptions(
    optionsSchema,
    {
      keepPhotos: optionalFlag(def.keepPhotos),
      keepUnknowns: optionalFlag(def.keepUnknowns),
      unknownDays: optionalNumber(def.unknownDays),
      keepVisits: optionalNumber(def.keepVisits),
    },
    "face-gallery",
  );
}

/** The config node as other nodes, and the API, see it. */
export interface FaceGalleryNode extends Node<GalleryKey>, ServedGallery {
  /** Whether the model is one of those that come with the package. */
  builtIn: boolean;
  /**
   * τ that a face-match node had in its form while this network decided, "" for the network's own; undefined where
   * that is not known.
   */
  thresholdBefore(network: string, nodeId: string): string | undefined;
  /** A change is a "waiting" event. */
  waiting: Waiting | undefined;
}

/** @throws a sentence when the id is not that of a face-gallery node */
export function galleryNodeOf(RED: NodeAPI, id: string | undefined): FaceGalleryNode {
  const node = (id ? RED.nodes.getNode(id) : undefined) as FaceGalleryNode | null | undefined;
  if (node?.gallery === undefined) throw new UserError("nodes.noGallery");
  return node;
}

/**
 * The gallery of a node, once it is open.
 * @throws a sentence while its disk has no room: a gallery that is handed over comes in a moment, room perhaps never
 */
export async function whenOpen(people: FaceGalleryNode): Promise<Gallery> {
  await people.settled;
  if (people.waiting?.for === "disk") throw new UserError(people.waiting.sentence);
  return people.gallery;
}

/** What is wrong goes to the log, but no file's name: it is a person's. The sidebar and the form tell it. */
function report(node: FaceGalleryNode, gallery: Gallery): void {
  const told = new Set<string>();
  gallery.on("problem", ({ file, code, sentence }) => {
    if (file === "") node.error(say(sentence));
    else if (!told.has(code)) node.warn(say(phrase("nodes.photosNeedLook", { code })));
    if (file !== "") told.add(code);
  });
  gallery.on("change", () => {
    if (gallery.problems.length === 0) told.clear();
  });
}

/**
 * Visits of a face-presence node that was deleted, disabled, or given another gallery end here, however long ago: at
 * each start of the flows and each deploy.
 * @returns adds a gallery, until its node closes
 */
function watchFlows(RED: NodeAPI): (node: FaceGalleryNode) => void {
  const nodes = new Set<FaceGalleryNode>();
  /** Whether every node is there that is to be there. */
  let running = false;
  const end = async (node: FaceGalleryNode): Promise<void> => {
    const gallery = await node.gallery;
    if (!running || node.closing.aborted) return;
    const watches = (id: string): boolean =>
      (RED.nodes.getNode(id) as { watches?: unknown } | null | undefined)?.watches === node.id;
    dropLeftOpen(node.id, watches);
    await gallery.endUnwatched((visit) => watches(watcherOf(visit)));
  };
  const started = (): void => {
    running = true;
    // Why a gallery cannot be opened it says itself.
    for (const node of nodes) end(node).catch(() => undefined);
  };
  const stopping = (): void => {
    running = false;
  };
  return (node) => {
    if (nodes.size === 0) RED.events.on("flows:started", started).on("flows:stopping", stopping);
    nodes.add(node);
    node.on("close", () => {
      nodes.delete(node);
      if (nodes.size === 0) RED.events.off("flows:started", started).off("flows:stopping", stopping);
    });
  };
}

/** How many galleries watch a photo folder: instances of a subflow, or nodes that name the same. */
const watched = new Map<string, number>();

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  const endUnwatched = watchFlows(RED);
  function FaceGallery(this: FaceGalleryNode, saved: FaceGalleryDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    const userDir = RED.settings.userDir ?? process.cwd();
    const own = join(userDir, "facenet", this.id);
    const folder = def.folder ? resolve(userDir, def.folder) : join(own, "photos");
    if (watched.has(folder)) this.warn(RED._("face-gallery.shared", { folder }));
    watched.set(folder, (watched.get(folder) ?? 0) + 1);
    const encoders = new Map<string, Promise<FaceEncoder>>();
    /** Every network once, as long as the node lives: a change may be taken back. */
    const encoderOf = (key: string): Promise<FaceEncoder> => {
      const encoder = encoders.get(key) ?? createEncoder({ model: key, detector: def.detector || undefined });
      encoders.set(key, encoder);
      // What is missing may be brought.
      encoder.catch(() => encoders.delete(key));
      return encoder;
    };
    let settle = (): void => undefined;
    this.settled = new Promise((done) => {
      settle = done;
    });
    const wait = (waiting: Waiting | undefined): void => {
      settle();
      if (isDeepStrictEqual(waiting, this.waiting)) return;
      this.waiting = waiting;
      if (waiting?.for === "disk") this.error(nameError(this, new UserError(waiting.sentence)).message);
      this.emit("waiting");
    };
    const open = async (): Promise<Gallery> => {
      const options = optionsOf(def, this.credentials);
      const form = def.model === "file" ? def.modelFile : def.model || DLIB_RESNET.id;
      await encoderOf(form);
      const patience = { signal: closing.signal, onWait: wait };
      const onProblem = ({ sentence }: Worded): void => this.error(say(sentence));
      const kept = join(own, "people");
      const store = await openPatiently(
        { folder: kept, ...(this.credentials?.key ? { key: this.credentials.key } : {}), onProblem },
        patience,
      );
      const { secret } = store;
      let site: OpenSite | undefined;
      let attendanceSite: string | undefined;
      try {
        attendanceSite = attendanceSiteOf(def);
        site = sharedOf(def, this.credentials, { store, beside: { folder: kept, secret, onProblem } });
      } catch (error) {
        await store.close();
        throw error;
      }
      const books = { folder: kept, name: "attendance", secret } as const;
      const openVisits = async (): Promise<KeptVisits | undefined> => {
        const { keepVisits, keepPhotos: keepPictures } = options;
        if (keepVisits === 0) {
          await deleteBook(kept);
          return undefined;
        }
        const nameOf = (id: string): string | undefined => store.person(id)?.name;
        return openBook({ folder: kept, secret, keepMs: DAY_MS * keepVisits, keepPictures, nameOf, onProblem });
      };
      const visits = await whenDiskTakes(openVisits, patience).catch(async (error: unknown) => {
        await store.close();
        throw error;
      });
      const chosen = await chooseNetworks(store, form, encoderOf).catch(async (error: unknown) => {
        await visits?.close();
        await store.close();
        throw error;
      });
      const gallery = new Gallery({
        folder,
        store,
        visits,
        encoder: chosen.deciding.encoder,
        networks: { chosen, open: encoderOf },
        keepPhotos: options.keepPhotos,
        site,
        attendanceSite,
        attendance: {
          isThere: () => isBeside(books),
          open: () => openBeside({ ...books, onProblem }),
          folder: kept,
          encrypted: store.encrypted,
          onProblem,
        },
        keepUnknownsMs: options.keepUnknowns ? DAY_MS * options.unknownDays : undefined,
      });
      report(this, gallery);
      gallery.on("merged", (from, into) => this.journal.rename(from, into));
      gallery.on("forgotten", (id, name) => {
        this.journal.forget(id, name);
        forgetLeftOpen(this.id, id);
      });
      heard("face-gallery", gallery.start());
      return gallery;
    };
    const closing = new AbortController();
    // Every request that waits for something listens.
    setMaxListeners(0, closing.signal);
    this.closing = closing.signal;
    // Every node that matches listens.
    this.setMaxListeners(0);
    this.journal = new Journal();
    this.builtIn = def.model === undefined || def.model === "" || BUILT_IN_MODELS.includes(def.model);
    const before = beforeSchema.safeParse(def.before);
    this.thresholdBefore = (network, nodeId) => {
      const was =
        before.success && before.data.network === network
          ? before.data.nodes.find(({ id }) => id === nodeId)?.was.threshold
          : undefined;
      return was === undefined ? undefined : String(was).trim();
    };
    this.waiting = undefined;
    this.gallery = open().finally(() => wait(undefined));
    endUnwatched(this);
    this.gallery.catch((error: unknown) => {
      // It was still waiting.
      if (closing.signal.aborted) return;
      logFault(this, error);
      this.error(nameError(this, error).message);
    });
    onClose(this, (removed) => {
      closing.abort();
      const others = (watched.get(folder) ?? 1) - 1;
      if (others > 0) watched.set(folder, others);
      else watched.delete(folder);
      this.journal.close();
      const closed = this.gallery
        .then((gallery) => gallery.close())
        .catch(() => undefined)
        .then(async () => Promise.all([...encoders.values()].map(async (encoder) => (await encoder).close())))
        // Somebody who deleted the node by mistake gets the people back by undoing it.
        .then(() => (removed ? this.warn(RED._("face-gallery.kept", { folder: own })) : undefined))
        .catch((error: unknown) => this.warn(nameError(this, error).message));
      return inTime(closed, CLOSING_MS);
    });
  }
  RED.nodes.registerType<FaceGalleryNode, FaceGalleryDef, object, GalleryKey>("face-gallery", FaceGallery, {
    credentials: { key: { type: "password" }, dbPassword: { type: "password" }, sharedKey: { type: "password" } },
  });
  lookForPacksIn(RED.settings.userDir ?? process.cwd());
  serveApi(RED);
}
