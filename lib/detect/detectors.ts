/** The detectors there are. */
import { UserError } from "../errors";
import type { Detector } from "./detector";
import { blazeface } from "./blazeface/blazeface";
import { haar } from "./haar/haar";

const DETECTORS: readonly Detector[] = [haar, blazeface];

/** Ids, as settings name them. */
export const DETECTOR_IDS: readonly string[] = DETECTORS.map(({ id }) => id);

/** Of galleries that name none. */
export const DEFAULT_DETECTOR = haar.id;

/** @throws a sentence when there is no such detector */
export function detectorNamed(id: string): Detector {
  const detector = DETECTORS.find((each) => each.id === id);
  if (detector === undefined) throw new UserError("detect.noSuchDetector", { id, ids: DETECTOR_IDS });
  return detector;
}
