import type { Node, NodeAPI, NodeDef } from "node-red";
import { FaceDetector } from "../../lib/detect/detector";
import { FaceFollower } from "../../lib/detect/follower";
import { type DetectorOptions, detectorOptionsSchema, regionSchema } from "../../lib/detect/options";
import { trackingOptionsSchema } from "../../lib/detect/tracker";
import { addTiming, readOverride, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart, liveStatus, statusText, whileLoading } from "../common/status";

export interface HaarDetectDef extends NodeDef {
  engine: string;
  cascade: string;
  cascadeFile: string;
  scaleFactor: string | number;
  minNeighbors: string | number;
  minSize: string | number;
  maxSize: string | number;
  workingWidth: string | number;
  /** A flow made before there was the choice has a width, or none for the whole picture. */
  workingWidthType?: "auto" | "whole" | "num";
  /** "x, y, width, height" in pixels of the picture, or empty. */
  region: string;
  /** Whether faces are followed from frame to frame; a flow made before there was the choice follows them. */
  tracking?: boolean | string;
  fullEvery?: string | number;
}

/** The form's values as the detector's options. @throws a sentence */
export function optionsOf(def: HaarDetectDef): DetectorOptions {
  requireVariables({ ...def });
  return parseOptions(
    detectorOptionsSchema,
    {
      engine: def.engine || undefined,
      cascade: def.cascade === "file" ? def.cascadeFile : def.cascade || undefined,
      scaleFactor: optionalNumber(def.scaleFactor),
      minNeighbors: optionalNumber(def.minNeighbors),
      minSize: optionalNumber(def.minSize),
      maxSize: optionalNumber(def.maxSize),
      workingWidth: workingWidthOf(def),
      region: def.region || undefined,
    },
    "haar-detect",
  );
}

function workingWidthOf({ workingWidth, workingWidthType }: HaarDetectDef): "auto" | number | undefined {
  if (workingWidthType === "auto") return "auto";
  return workingWidthType === "whole" ? undefined : optionalNumber(workingWidth);
}

export default function register(RED: NodeAPI): void {
  function HaarDetect(this: Node, def: HaarDetectDef): void {
    RED.nodes.createNode(this, def);
    let detector: FaceDetector;
    let follower: FaceFollower | undefined;
    try {
      const options = optionsOf(def);
      const tracking = parseOptions(
        trackingOptionsSchema,
        { fullEvery: optionalNumber(def.fullEvery) },
        "haar-detect",
      );
      detector = new FaceDetector(options);
      follower = optionalFlag(def.tracking) === false ? undefined : new FaceFollower(detector, tracking);
    } catch (error) {
      failToStart(this, error);
      return;
    }
    // What is wrong with the engine or the cascade is told with the first picture too.
    whileLoading(this, detector.warmUp(), { failed: RED._("haar-detect.status.engine") });
    const show = liveStatus(this);
    onInput(this, async (message, send) => {
      const picture = readPicture(message);
      const { faces, width, height, timing } = await (follower ?? detector).detect(
        picture,
        readOverride(message, "region", regionSchema),
      );
      message.faces = faces;
      if (picture.frame !== undefined && (picture.frame.width !== width || picture.frame.height !== height))
        message.frame = { ...picture.frame, width, height };
      addTiming(message, timing);
      show({
        fill: faces.length > 0 ? "green" : "grey",
        shape: "dot",
        text: statusText(RED, "haar-detect.status.faces", { count: faces.length, ms: Math.round(timing.detect) }),
      });
      send(message);
    });
    this.on("close", (done: () => void) => {
      void detector.close().finally(done);
    });
  }
  RED.nodes.registerType("haar-detect", HaarDetect);
}
