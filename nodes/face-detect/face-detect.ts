import type { Node, NodeAPI } from "node-red";
import { blazeface } from "../../lib/detect/blazeface/blazeface";
import type { BlazefaceOptions } from "../../lib/detect/blazeface/options";
import { type DetectingDef, detecting, detectorOptionsOf } from "../common/detecting";
import { migrated } from "../common/migrate";
import { optionalNumber } from "../common/options";
import { speakAs } from "../common/language";
import { MIGRATIONS } from "./migrations/index";

export interface FaceDetectDef extends DetectingDef {
  minScore: string | number;
  minSize: string | number;
  maxSize: string | number;
}

/** The form's values as the detector's options. @throws a sentence */
export function optionsOf(def: FaceDetectDef): BlazefaceOptions {
  return detectorOptionsOf(def, "face-detect", blazeface, ({ minScore, minSize, maxSize }) => ({
    minScore: optionalNumber(minScore),
    minSize: optionalNumber(minSize),
    maxSize: optionalNumber(maxSize),
  }));
}

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceDetect(this: Node, saved: FaceDetectDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    detecting(RED, this, def, blazeface, () => optionsOf(def));
  }
  RED.nodes.registerType("face-detect", FaceDetect);
}
