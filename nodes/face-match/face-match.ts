import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Gallery } from "../../lib/gallery/gallery";
import { toKeptJpeg } from "../../lib/image/encode";
import { decide, matchOptionsSchema } from "../../lib/match/match";
import { addTiming, type Face, type FaceMessage, type Outcome, readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { optionalNumber } from "../common/options";
import { failToStart, liveStatus } from "../common/status";
import { galleryOf } from "../face-gallery/face-gallery";

export interface FaceMatchDef extends NodeDef {
  gallery: string;
  mode: "identify" | "verify";
  claim: string;
  claimType: string;
  threshold: string | number;
  margin: string | number;
  topK: string | number;
  maxAge: string | number;
}

/** Which output tells of which outcome. */
const OUTPUT: Record<Outcome, number> = { match: 0, unknown: 1, ambiguous: 1, noface: 2 };
const OUTPUTS = 4;
const GALLERY_OUTPUT = 3;

const STATUS_NAME_LENGTH = 14;

export default function register(RED: NodeAPI): void {
  function FaceMatch(this: Node, def: FaceMatchDef): void {
    RED.nodes.createNode(this, def);
    const setUp = () => ({
      options: parseOptions(matchOptionsSchema, { threshold: optionalNumber(def.threshold), margin: optionalNumber(def.margin), topK: optionalNumber(def.topK), maxAge: optionalNumber(def.maxAge) }, "face-match"),
      ready: galleryOf(RED, def.gallery),
    });
    let started: ReturnType<typeof setUp>;
    try {
      started = setUp();
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const { options, ready } = started;
    ready.catch(() => this.status({ fill: "red", shape: "ring", text: RED._("face-match.status.gallery") }));
    let mismatchTold = false;

    const show = liveStatus(this);
    onInput(this, async (message, send) => {
      const gallery = await ready;
      if (message["enrol"] !== undefined || message["forget"] !== undefined) {
        await changeGallery(message, gallery);
        const { name, photos } = (message["enrolled"] ?? message["forgotten"]) as { name: string; photos: number };
        this.status({ fill: "blue", shape: "dot", text: `${shorten(name)} · ${photos}` });
        send(toOutputs([GALLERY_OUTPUT], message));
        return;
      }
      const start = performance.now();
      const { snapshot } = gallery;
      const claim = def.mode === "verify" ? claimOf(RED, this, def, message) : undefined;
      const age = message.frame === undefined ? undefined : Date.now() - message.frame.capturedAt;
      const faces = readFaces(message).map((face): Face => ({ ...face, identity: decide(face, { snapshot, options, claim, age }) }));
      message.faces = faces;
      addTiming(message, { match: performance.now() - start, total: age ?? total(message) });
      if (!mismatchTold && faces.some(({ identity }) => identity?.reason === "model_mismatch")) {
        mismatchTold = true;
        this.warn(`the faces were embedded by another model than the gallery's (${snapshot.model}): choose the same one in facenet-embed and in the gallery.`);
      }
      show(statusOf(RED, faces));
      const outputs = new Set(faces.map(({ identity }) => OUTPUT[identity?.outcome ?? "noface"]));
      // A false detection beside a face is not worth a message of its own.
      if (outputs.size > 1) outputs.delete(OUTPUT.noface);
      send(toOutputs(outputs.size === 0 ? [OUTPUT.noface] : [...outputs], message));
    });
  }
  RED.nodes.registerType("face-match", FaceMatch);
}

async function changeGallery(message: FaceMessage, gallery: Gallery): Promise<void> {
  if (message["forget"] !== undefined) {
    message["forgotten"] = await gallery.forget(message["forget"]);
    return;
  }
  const picture = readPicture(message);
  const foreign = Array.isArray(message.faces) ? message.faces.find(({ model }) => model !== undefined && model !== gallery.snapshot.model) : undefined;
  if (foreign !== undefined) throw new Error(`this face was embedded by the model ${foreign.model}, the gallery keeps those of ${gallery.snapshot.model}: choose the same one in facenet-embed and in the gallery.`);
  message["enrolled"] = await gallery.enrol(message["enrol"], await toKeptJpeg(picture));
}

/** The name that verification asks about. @throws a sentence when there is none */
function claimOf(RED: NodeAPI, node: Node, def: FaceMatchDef, message: FaceMessage): string {
  const claim: unknown = message["claim"] ?? (def.claim ? RED.util.evaluateNodeProperty(def.claim, def.claimType || "str", node, message) : undefined);
  if (typeof claim !== "string" || claim.trim() === "") throw new Error("nobody is claimed: set msg.claim to the name of the person to verify.");
  return claim.trim().normalize("NFC");
}

/** One copy of the message for each output named, the first the message itself. */
function toOutputs(outputs: readonly number[], message: FaceMessage): (FaceMessage | null)[] {
  return Array.from({ length: OUTPUTS }, (_, index) => {
    const place = outputs.indexOf(index);
    return place < 0 ? null : place === 0 ? message : { ...message };
  });
}

function total({ timing = {} }: FaceMessage): number {
  return (timing.decode ?? 0) + (timing.detect ?? 0) + (timing.align ?? 0) + (timing.embed ?? 0) + (timing.match ?? 0);
}

function shorten(name: string): string {
  const characters = Array.from(name);
  return characters.length <= STATUS_NAME_LENGTH ? name : `${characters.slice(0, STATUS_NAME_LENGTH - 1).join("")}…`;
}

function statusOf(RED: NodeAPI, faces: readonly Face[]): { fill: "green" | "yellow" | "grey" | "red"; shape: "dot" | "ring"; text: string } {
  const identities = faces.map(({ identity }) => identity).filter((identity) => identity !== undefined);
  const match = identities.find(({ outcome }) => outcome === "match");
  if (match?.name != null) return { fill: "green", shape: "dot", text: `${shorten(match.name)} ${match.distance?.toFixed(2) ?? ""}` };
  const other = identities.find(({ outcome }) => outcome !== "noface");
  if (other === undefined) return { fill: "grey", shape: "ring", text: RED._("face-match.status.noface") };
  if (other.reason === "model_mismatch") return { fill: "red", shape: "ring", text: RED._("face-match.status.model") };
  return { fill: "yellow", shape: "ring", text: `${RED._(`face-match.status.${other.outcome}`)} ${other.distance?.toFixed(2) ?? ""}`.trim() };
}
