/** What a node that finds faces does, whatever its detector: options, warm-up, region, tracks, the badge. */
import type { Node, NodeAPI, NodeDef } from "node-red";
import { onClose } from "./on-close";
import { UserError } from "../../lib/errors";
import { MOST_CAMERAS } from "../../lib/message";
import type { CommonOptions, Detector } from "../../lib/detect/detector";
import { FaceDetector, type FaceFinder } from "../../lib/detect/face-detector";
import { FaceFollower } from "../../lib/detect/follower";
import { GatedFinder } from "../../lib/detect/gated-finder";
import { regionSchema } from "../../lib/detect/region";
import { trackingOptionsSchema } from "../../lib/detect/tracker";
import { addTiming, readOverride, readPicture } from "../../lib/message";
import { shortEngineName } from "../../lib/tensor/engines";
import { parseOptions } from "../../lib/validate";
import { nameError, onInput } from "./on-input";
import { optionalFlag, optionalNumber, requireVariables } from "./options";
import { failToStart, liveStatus, statusText, whileLoading } from "./status";

/** The fields that the form of every such node has. */
export interface DetectingDef extends NodeDef {
  engine: string;
  /** "x, y, width, height" in pixels of the picture, or empty. */
  region: string;
  /** Whether faces are followed from frame to frame; a flow made before there was the choice follows them. */
  tracking?: boolean | string;
  fullEvery?: string | number;
  /** Whether live frames are searched only where something moves; those of a flow made before that are not. */
  motionGate?: boolean | string;
}

/**
 * The form's values as the detector's options.
 * @param own reads the fields that only this detector has, as its schema names them
 * @throws a sentence
 */
export function detectorOptionsOf<Def extends DetectingDef, Options extends CommonOptions>(
  def: Def,
  what: string,
  detector: Detector<Options>,
  own: (def: Def) => Readonly<Record<string, unknown>>,
): Options {
  requireVariables({ ...(def as DetectingDef) });
  const fields = { ...own(def), engine: def.engine || undefined, region: def.region || undefined };
  return parseOptions(detector.schema, fields, what);
}

/** Tells once that frames of more cameras come than can be followed. */
function tooManyCameras(node: Node): () => void {
  let told = false;
  return () => {
    if (!told) node.warn(nameError(node, new UserError("detect.tooManyCameras", { most: MOST_CAMERAS })).message);
    told = true;
  };
}

/**
 * Make a node find faces. Its locale has `status.engine`, `status.ready` (with __engine__), `status.still` and
 * `status.faces` (with __count__ and __ms__).
 * @param optionsOf throws a sentence; the node then says it at deploy and to each message
 */
export function detecting<Options extends CommonOptions>(
  RED: NodeAPI,
  node: Node,
  def: DetectingDef,
  detector: Detector<Options>,
  optionsOf: () => Options,
): void {
  let everywhere: FaceDetector<Options>;
  let finder: FaceFinder;
  try {
    const options = optionsOf();
    const tracking = parseOptions(trackingOptionsSchema, { fullEvery: optionalNumber(def.fullEvery) }, node.type);
    const [follows, gated] = [optionalFlag(def.tracking) !== false, optionalFlag(def.motionGate) === true];
    everywhere = new FaceDetector(detector, options);
    const warnOnce = tooManyCameras(node);
    finder = follows ? new FaceFollower(everywhere, tracking, warnOnce) : everywhere;
    if (gated) finder = new GatedFinder(finder, options.region, warnOnce);
  } catch (error) {
    failToStart(node, error);
    return;
  }
  // What is wrong with the engine or the options is told with the first picture too.
  whileLoading(node, everywhere.warmUp(), {
    ready: (engine) => ({
      fill: "green",
      shape: "ring",
      text: statusText(RED, `${node.type}.status.ready`, { engine: shortEngineName(engine) }),
    }),
    failed: RED._(`${node.type}.status.engine`),
  });
  const show = liveStatus(node);
  onInput(node, async (message, send) => {
    const picture = readPicture(message);
    const { faces, width, height, timing, searched } = await finder.detect(
      picture,
      readOverride(message, "region", regionSchema),
    );
    message.faces = faces;
    // A detector before this one may have said so of its own search.
    if (searched === false) message.searched = false;
    else delete message.searched;
    if (picture.frame !== undefined && (picture.frame.width !== width || picture.frame.height !== height))
      message.frame = { ...picture.frame, width, height };
    // Times of frames that were left out would pass for those of searches in every mean.
    if (searched !== false) addTiming(message, timing);
    show(
      searched === false
        ? { fill: "grey", shape: "ring", text: RED._(`${node.type}.status.still`) }
        : {
            fill: faces.length > 0 ? "green" : "grey",
            shape: "dot",
            text: statusText(RED, `${node.type}.status.faces`, { count: faces.length, ms: Math.round(timing.detect) }),
          },
    );
    send(message);
  });
  onClose(node, () => everywhere.close());
}
