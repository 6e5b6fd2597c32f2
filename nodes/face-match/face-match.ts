import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Gallery } from "../../lib/gallery/gallery";
import { toKeptJpeg } from "../../lib/image/encode";
import { decide, matchOptionsSchema } from "../../lib/match/match";
import { addTiming, type Face, type FaceMessage, type Outcome, readFaces, readFrame, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput, type Send } from "../common/on-input";
import { optionalNumber } from "../common/options";
import { failToStart, liveStatus, type Status } from "../common/status";
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

type Show = (status: Status) => void;

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
    let mismatchTold = false;
    const show = liveStatus(this);
    ready.then(
      (gallery) => follow(RED, this, gallery, show),
      () => this.status({ fill: "red", shape: "ring", text: RED._("face-match.status.gallery") }),
    );

    const decideFaces = async (message: FaceMessage, send: Send): Promise<void> => {
      const gallery = await ready;
      if (changesGallery(message)) {
        const { name, photos } = await changeGallery(message, gallery);
        show({ fill: "blue", shape: "dot", text: `${shorten(name)} · ${photos}` });
        send(toOutputs([GALLERY_OUTPUT], message));
        return;
      }
      // Nobody is a stranger because her photo was not read yet.
      await gallery.start();
      const start = performance.now();
      const { snapshot } = gallery;
      const claim = def.mode === "verify" ? await claimOf(RED, this, def, message) : undefined;
      const frame = readFrame(message);
      // A camera's clock may be ahead of this one's.
      const age = frame === undefined ? undefined : Math.max(0, Date.now() - frame.capturedAt);
      const faces = readFaces(message).map((face): Face => ({ ...face, identity: decide(face, { snapshot, options, claim, age }) }));
      message.faces = faces;
      addTiming(message, { match: performance.now() - start, total: age ?? total(message) });
      if (!mismatchTold && faces.some(({ identity }) => identity?.reason === "model_mismatch")) {
        mismatchTold = true;
        this.warn(`the faces were embedded by another model than the gallery's (${snapshot.model}): choose the same one in facenet-embed and in the gallery.`);
      }
      show(gallery.readable || faces.some(({ identity }) => identity?.outcome === "match") ? statusOf(RED, faces) : unreadable(RED));
      const outputs = new Set(faces.map(({ identity }) => OUTPUT[identity?.outcome ?? "noface"]));
      // A false detection beside a face is not worth a message of its own.
      if (outputs.size > 1) outputs.delete(OUTPUT.noface);
      send(toOutputs(outputs.size === 0 ? [OUTPUT.noface] : [...outputs], message));
    };
    onInput(this, decideFaces, { awaited: changesGallery });
  }
  RED.nodes.registerType("face-match", FaceMatch);
}

/** Whether a message is about who is in the gallery rather than who is in the picture. */
function changesGallery(message: FaceMessage): boolean {
  return (message["enrol"] ?? message["forget"] ?? undefined) !== undefined;
}

async function changeGallery(message: FaceMessage, gallery: Gallery): Promise<{ name: string; photos: number }> {
  if ((message["forget"] ?? undefined) !== undefined) {
    if ((message["enrol"] ?? undefined) !== undefined) throw new Error("msg.enrol and msg.forget are both set: send one message for each.");
    const forgotten = await gallery.forget(message["forget"]);
    message["forgotten"] = forgotten;
    return forgotten;
  }
  const picture = readPicture(message);
  const foreign = Array.isArray(message.faces) ? message.faces.find(({ model }) => model !== undefined && model !== gallery.snapshot.model) : undefined;
  if (foreign !== undefined) throw new Error(`this face was embedded by the model ${foreign.model}, the gallery keeps those of ${gallery.snapshot.model}: choose the same one in facenet-embed and in the gallery.`);
  const enrolled = await gallery.enrol(message["enrol"], await toKeptJpeg(picture));
  message["enrolled"] = enrolled;
  return enrolled;
}

/** Show how the gallery does while no face comes: photos being read, how many people, a folder that is away. */
function follow(RED: NodeAPI, node: Node, gallery: Gallery, show: Show): void {
  const tell = (): void => {
    const { progress, readable } = gallery;
    if (!readable) show(unreadable(RED));
    else if (progress === undefined) show({ fill: "grey", shape: "dot", text: RED._("face-match.status.people", { number: gallery.people.length }) });
    else show({ fill: "blue", shape: "ring", text: RED._("face-match.status.reading", { done: progress.done, total: progress.total }) });
  };
  for (const event of ["change", "problem", "progress"] as const) gallery.on(event, tell);
  node.on("close", () => {
    for (const event of ["change", "problem", "progress"] as const) gallery.off(event, tell);
  });
  tell();
}

function unreadable(RED: NodeAPI): Status {
  return { fill: "red", shape: "ring", text: RED._("face-match.status.folder") };
}

/** The name that verification asks about. @throws a sentence when there is none */
async function claimOf(RED: NodeAPI, node: Node, def: FaceMatchDef, message: FaceMessage): Promise<string> {
  const claim: unknown = message["claim"] ?? (def.claim ? await evaluate(RED, node, def, message) : undefined);
  if (typeof claim !== "string" || claim.trim() === "") throw new Error("nobody is claimed: set msg.claim to the name of the person to verify.");
  return claim.trim().normalize("NFC");
}

/** The configured claim; context stores may answer later. */
function evaluate(RED: NodeAPI, node: Node, { claim, claimType }: FaceMatchDef, message: FaceMessage): Promise<unknown> {
  return new Promise((done, fail) => {
    RED.util.evaluateNodeProperty(claim, claimType || "str", node, message, (error, value: unknown) => (error ? fail(error) : done(value)));
  });
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

function statusOf(RED: NodeAPI, faces: readonly Face[]): Status {
  const identities = faces.map(({ identity }) => identity).filter((identity) => identity !== undefined);
  const match = identities.find(({ outcome }) => outcome === "match");
  if (match?.name != null) return { fill: "green", shape: "dot", text: `${shorten(match.name)} ${match.distance?.toFixed(2) ?? ""}` };
  const other = identities.find(({ outcome }) => outcome !== "noface");
  if (other === undefined) return { fill: "grey", shape: "ring", text: RED._("face-match.status.noface") };
  if (other.reason === "model_mismatch") return { fill: "red", shape: "ring", text: RED._("face-match.status.model") };
  return { fill: "yellow", shape: "ring", text: `${RED._(`face-match.status.${other.outcome}`)} ${other.distance?.toFixed(2) ?? ""}`.trim() };
}
