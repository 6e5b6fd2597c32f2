// The demo's flow: the import dialog's full recognizer, with the demo video as its camera, the demo's photos as its
// gallery,
// and core file nodes that keep greetings and annotated frames.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const EXAMPLE = "examples/03 - full recognizer.json";

/** Ids that the flow keeps from the example, so that the decisions can be followed. */
export const IDS = {
  camera: "fr_camera",
  detect: "fr_detect",
  embed: "fr_embed",
  match: "fr_match",
  greet: "fr_greet",
  annotate: "fr_annotate",
  gallery: "facewire_gallery",
};

/**
 * As the program this package grew from: what the presets *original* set, no bound on a face's size, each frame by
 * itself, its one sentence.
 * By node; fields as in a flow.
 */
const ORIGINAL = {
  [IDS.detect]: {
    cascade: "frontalface_default",
    scaleFactor: "1.3",
    minNeighbors: "5",
    minSize: "",
    workingWidth: "",
    workingWidthType: "whole",
    tracking: false,
  },
  [IDS.embed]: { model: "dlib-resnet-v1-box50", minSize: "0", reembedAfter: "0" },
  [IDS.match]: { distance: "euclidean", threshold: "0.7", margin: "0" },
  [IDS.greet]: { language: "en", template: "Welcome {names}, have a nice day!" },
  [IDS.gallery]: { model: "dlib-resnet-v1-box50" },
};

/** A file name for a greeting or a sight: letters and digits of any script, the rest as a dash. */
const SAFE = String.raw`.replace(/[^\p{L}\p{N}+]+/gu, "-")`;

const GREETING_NAME = (folder) => `// Nobody could speak: there is no sound to keep.
if (!Buffer.isBuffer(msg.payload)) return null;
msg.filename = ${JSON.stringify(folder)} + "/" + msg.names.join("+")${SAFE} + ".wav";
return msg;`;

const FRAME_NAME = (
  folder,
) => `// One picture a sight: it is written anew when other people come into view, so that the folder stays small.
const seen = msg.faces.map((face) => face.identity).filter((identity) => identity && identity.outcome !== "noface");
const sight = [...new Set(seen.map((identity) => identity.name || identity.outcome))].sort().join("+");
const before = context.get("sight");
context.set("sight", sight);
if (sight === "" || sight === before) return null;
msg.filename = ${JSON.stringify(folder)} + "/" + sight${SAFE} + ".jpg";
return msg;`;

/**
 * @param root of the package
 * @param demo paths of video, photos, greetings and frames
 * @param once whether the video plays one time; it starts when it is told to
 * @param original whether as the program this package grew from
 */
export function demoFlow(root, { video, photos, greetings, frames, once, original }) {
  const flow = JSON.parse(readFileSync(join(root, EXAMPLE), "utf8"));
  const node = (id) => {
    const found = flow.find((each) => each.id === id);
    if (found === undefined) throw new Error(`${EXAMPLE} has no node ${id}`);
    return found;
  };
  const { z } = node(IDS.camera);
  Object.assign(node(IDS.camera), {
    name: "demo video",
    source: "file",
    path: video,
    realtime: true,
    loop: !once,
    autostart: false,
  });
  // The figures in README are of Haar's boxes.
  Object.assign(node(IDS.gallery), { folder: photos, detector: "haar" });
  if (original) for (const [id, fields] of Object.entries(ORIGINAL)) Object.assign(node(id), fields);
  const keep = (from, id, name, func, row) => {
    node(from).wires[0].push(`${id}_name`);
    const { x } = node(from);
    return [
      {
        id: `${id}_name`,
        type: "function",
        z,
        name: `name the ${name}`,
        func,
        outputs: 1,
        timeout: 0,
        noerr: 0,
        initialize: "",
        finalize: "",
        libs: [],
        x: x + 190,
        y: row,
        wires: [[`${id}_file`]],
      },
      {
        id: `${id}_file`,
        type: "file",
        z,
        name: `keep the ${name}`,
        filename: "filename",
        filenameType: "msg",
        appendNewline: false,
        createDir: true,
        overwriteFile: "true",
        encoding: "none",
        x: x + 390,
        y: row,
        wires: [[]],
      },
    ];
  };
  const LOWER = 200;
  const lowest = Math.max(...flow.filter((each) => each.z === z).map(({ y }) => y));
  return [
    ...flow,
    ...keep(IDS.greet, "demo_greeting", "greeting", GREETING_NAME(greetings), lowest + LOWER),
    ...keep(IDS.annotate, "demo_frame", "frame", FRAME_NAME(frames), lowest + LOWER + 60),
  ];
}
