import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { createEncoder, type FaceEncoder } from "../../lib/embed/encode";
import { Gallery } from "../../lib/gallery/gallery";
import { nameError } from "../common/on-input";

export interface FaceGalleryDef extends NodeDef {
  /** Of photos: absolute, or in Node-RED's user folder; empty for one of its own there. */
  folder: string;
  /** Built-in id, or "file". */
  model: string;
  modelFile: string;
}

/** The config node as other nodes see it. */
export interface FaceGalleryNode extends Node {
  /** Rejects with a sentence when the model cannot be used. Everybody in the folder is known once its start() resolves. */
  gallery: Promise<Gallery>;
}

/** @throws a sentence when the id is not that of a face-gallery node */
export function galleryOf(RED: NodeAPI, id: string | undefined): Promise<Gallery> {
  const node = (id ? RED.nodes.getNode(id) : undefined) as FaceGalleryNode | null | undefined;
  if (node?.gallery === undefined) throw new Error("no gallery is chosen: open the node and pick a face-gallery.");
  return node.gallery;
}

export default function register(RED: NodeAPI): void {
  function FaceGallery(this: FaceGalleryNode, def: FaceGalleryDef): void {
    RED.nodes.createNode(this, def);
    const userDir = RED.settings.userDir ?? process.cwd();
    const own = join(userDir, "facenet", this.id);
    const folder = def.folder ? resolve(userDir, def.folder) : join(own, "photos");
    const cacheFolder = join(own, "encodings");
    let encoder: FaceEncoder | undefined;
    const open = async (): Promise<Gallery> => {
      encoder = await createEncoder({ model: def.model === "file" ? def.modelFile : def.model });
      const gallery = new Gallery({ folder, cacheFolder, encoder });
      gallery.on("problem", ({ code, message }) => (code === "unreadable_folder" || code === "unwritable_cache" ? this.error(message) : this.warn(message)));
      void gallery.start();
      return gallery;
    };
    this.gallery = open();
    this.gallery.catch((error: unknown) => this.error(nameError(this, error).message));
    this.on("close", (removed: boolean, done: () => void) => {
      // The first look may still be going on: the gallery stops at the next photo.
      void this.gallery
        .then((gallery) => gallery.close())
        .catch(() => undefined)
        .then(() => encoder?.close())
        // Embeddings of a gallery that is no more are of no use to anybody honest; the photos are their owner's to delete.
        .then(() => (removed ? rm(cacheFolder, { recursive: true, force: true }) : undefined))
        .catch((error: unknown) => this.warn(nameError(this, error).message))
        .finally(done);
    });
  }
  RED.nodes.registerType("face-gallery", FaceGallery);

  RED.httpAdmin.get("/facenet/gallery/:id", RED.auth.needsPermission("face-gallery.read"), (request, response) => {
    const node = RED.nodes.getNode(String(request.params["id"])) as FaceGalleryNode | null;
    if (node?.gallery === undefined) {
      response.sendStatus(404);
      return;
    }
    node.gallery.then(
      (gallery) => response.json({ people: gallery.people, problems: gallery.problems, progress: gallery.progress ?? null }),
      (error: unknown) => response.status(503).json({ error: String(error instanceof Error ? error.message : error) }),
    );
  });
}
