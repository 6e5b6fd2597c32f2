import type { Node, NodeAPI } from "node-red";
import { haar } from "../../lib/detect/haar/haar";
import type { HaarOptions } from "../../lib/detect/haar/options";
import { PRESETS } from "../../lib/detect/haar/presets";
import { type DetectingDef, detecting, detectorOptionsOf } from "../common/detecting";
import { migrated } from "../common/migrate";
import { MIGRATIONS } from "./migrations/index";
import { optionalNumber } from "../common/options";
import { speakAs } from "../common/language";

export interface HaarDetectDef extends DetectingDef {
  cascade: string;
  cascadeFile: string;
  scaleFactor: string | number;
  minNeighbors: string | number;
  minSize: string | number;
  maxSize: string | number;
  workingWidth: string | number;
  /** A flow made before there was the choice has a width, or none for the whole picture. */
  workingWidthType?: "auto" | "whole" | "num";
}

/** The form's values as the detector's options. @throws a sentence */
export function optionsOf(def: HaarDetectDef): HaarOptions {
  return detectorOptionsOf(def, "haar-detect", haar, ({ cascade, cascadeFile, ...fields }) => ({
    cascade: cascade === "file" ? cascadeFile : cascade || undefined,
    scaleFactor: optionalNumber(fields.scaleFactor),
    minNeighbors: optionalNumber(fields.minNeighbors),
    minSize: optionalNumber(fields.minSize),
    maxSize: optionalNumber(fields.maxSize),
    workingWidth: workingWidthOf(fields),
  }));
}

function workingWidthOf({
  workingWidth,
  workingWidthType,
}: Pick<HaarDetectDef, "workingWidth" | "workingWidthType">): "auto" | number | undefined {
  if (workingWidthType === "auto") return "auto";
  return workingWidthType === "whole" ? undefined : optionalNumber(workingWidth);
}

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function HaarDetect(this: Node, saved: HaarDetectDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    detecting(RED, this, def, haar, () => optionsOf(def));
  }
  // The form finds them as RED.settings.haarDetectPresets.
  RED.nodes.registerType<Node, HaarDetectDef, { haarDetectPresets: typeof PRESETS }, object>(
    "haar-detect",
    HaarDetect,
    {
      settings: { haarDetectPresets: { value: PRESETS, exportable: true } },
    },
  );
}
