/** What is known of the models that ship with the package, for galleries too small to know it of their own. */
import type { ModelStatistics } from "./calibration";
import { STATISTICS as DLIB_RESNET_V1 } from "./dlib-resnet-v1";
import { STATISTICS as MOBILEFACENET_192 } from "./mobilefacenet-192";

const BUILT_IN: ReadonlyMap<string, ModelStatistics> = new Map([DLIB_RESNET_V1, MOBILEFACENET_192].map((statistics) => [statistics.model, statistics]));

/** @returns undefined for a model that was never measured */
export function statisticsOf(model: string): ModelStatistics | undefined {
  return BUILT_IN.get(model);
}
