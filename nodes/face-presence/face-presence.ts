import type { Node, NodeAPI, NodeDef } from "node-red";
import { UserError } from "../../lib/errors";
import type { Gallery } from "../../lib/gallery/gallery";
import { CONTRACT_VERSION, type FaceMessage, readFaces, readFrame, readPicture } from "../../lib/message";
import { presenceOptionsSchema, type PresenceOptions } from "../../lib/presence/options";
import { GalleryPresence } from "../../lib/presence/presence";
import type { Alike } from "../../lib/presence/visits";
import { oneStranger } from "../../lib/unknowns/unknowns";
import { parseOptions } from "../../lib/validate";
import type { Presence } from "../../lib/visit";
import { speakAs } from "../common/language";
import { onClose } from "../common/on-close";
import { logFault, nameError, onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart, liveStatus, shortName, type Status } from "../common/status";
import { type FaceGalleryNode, galleryNodeOf, whenOpen } from "../face-gallery/face-gallery";

export interface FacePresenceDef extends NodeDef {
  gallery: string;
  /** Which zone each camera looks at: [{ camera, zone }]. */
  zones?: unknown[];
  /** Seconds. */
  away?: string | number;
  /** "quick", "normal" or "strict". */
  evidence?: string;
  /** Whether people whom the gallery does not know are told. */
  unknown?: boolean | string;
  /** Milliseconds. */
  maxAge?: string | number;
}

/** As other nodes see it. */
export interface FacePresenceNode extends Node {
  /** Id of the gallery whose people it watches; undefined where it could not be started. */
  watches?: string;
}

/** What asks for who is here. */
const WHO = "who";
/** Cameras of which late frames were told. */
const MOST_TOLD = 100;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FacePresence(this: FacePresenceNode, def: FacePresenceDef): void {
    RED.nodes.createNode(this, def);
    let people: FaceGalleryNode;
    let options: PresenceOptions;
    try {
      requireVariables({ ...def });
      people = galleryNodeOf(RED, def.gallery);
      options = parseOptions(
        presenceOptionsSchema,
        {
          zones: def.zones,
          away: optionalNumber(def.away),
          evidence: def.evidence || undefined,
          unknown: optionalFlag(def.unknown),
          maxAge: optionalNumber(def.maxAge),
        },
        "face-presence",
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    this.watches = people.id;
    const show = liveStatus(this);
    const late = new Set<string>();
    const begin = (gallery: Gallery): GalleryPresence => {
      const presence: GalleryPresence = new GalleryPresence({
        options,
        gallery: people.id,
        node: this.id,
        book: gallery.visits,
        alike: alikeIn(gallery),
        strangerOf: (face) => gallery.strangerOf(face),
        pictures: gallery.summary.keepPhotos,
        onVisit: (visit, message) => this.send([{ ...stamped(message), visit }, null]),
        onPresence: (state) => {
          show(statusOf(RED, state));
          this.send([null, { ...stamped(undefined), presence: state }]);
        },
        onProblem: (error) => {
          logFault(this, error);
          this.warn(nameError(this, error).message);
        },
      });
      const forget = (id: string): void => presence.forget(id);
      const merge: Parameters<typeof gallery.on<"merged">>[1] = (from, into) => presence.merge(from, into);
      gallery.on("forgotten", forget).on("merged", merge);
      this.on("close", () => gallery.off("forgotten", forget).off("merged", merge));
      return presence;
    };
    const beginning = people.gallery.then(begin);
    beginning.then(
      (presence) => show(statusOf(RED, presence.presence())),
      () => this.status({ fill: "red", shape: "ring", text: RED._("face-presence.status.gallery") }),
    );
    onInput(this, async (message, send) => {
      await whenOpen(people);
      const presence = await beginning;
      await presence.ready();
      if (message.faces === undefined && message.payload === WHO) {
        send([null, { ...message, presence: presence.presence() }]);
        return;
      }
      const faces = readFaces(message);
      if (faces.length > 0 && faces.every(({ identity }) => identity === undefined))
        throw new UserError("nodes.notMatched");
      const frame = readFrame(message);
      const picture = message.payload instanceof Uint8Array ? readPicture(message) : undefined;
      const turn = presence.see({ faces, frame, picture, message });
      if (turn !== "stale" || frame === undefined) return;
      show({ fill: "yellow", shape: "ring", text: RED._("face-presence.status.stale") });
      if (late.has(frame.source) || late.size >= MOST_TOLD) return;
      late.add(frame.source);
      this.warn(RED._("face-presence.warn.stale", { source: frame.source }));
    });
    onClose(this, async (removed) => (await beginning.catch(() => undefined))?.close(removed));
  }
  RED.nodes.registerType("face-presence", FacePresence);
}

/** A message of this version that keeps what was on another one. */
function stamped(message: object | undefined): FaceMessage {
  return { ...message, face: { version: CONTRACT_VERSION } };
}

/** Whether two faces are of one person, by the network that decides now. */
function alikeIn(gallery: Gallery): Alike {
  let by: { model: string; same: (a: Float32Array, b: Float32Array) => boolean } | undefined;
  return (a, b, model) => {
    const { roster } = gallery;
    if (model !== roster.model) return false;
    if (by?.model !== model) {
      const normalisation = gallery.comparison?.normalisation;
      by = { model, same: oneStranger({ threshold: roster.thresholdOf("euclidean"), normalisation }) };
    }
    return by.same(a, b);
  };
}

/** "2 here · Alice": how many, and the one of a name who was seen last. */
function statusOf(RED: NodeAPI, { here }: Presence): Status {
  if (here.length === 0) return { fill: "grey", shape: "dot", text: RED._("face-presence.status.nobody") };
  const named = here.find(({ name }) => name !== null)?.name ?? undefined;
  const text = RED._("face-presence.status.here", { number: here.length });
  return {
    fill: named === undefined ? "yellow" : "green",
    shape: "dot",
    text: named === undefined ? text : `${text} · ${shortName(named)}`,
  };
}
