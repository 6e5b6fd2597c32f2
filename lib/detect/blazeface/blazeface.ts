/** BlazeFace, the full-range network of MediaPipe's face detection, as a detector. */
import { THREADS } from "../../workers/threads";
import type { Detector, Engine } from "../detector";
import { type BlazefaceOptions, blazefaceOptionsSchema } from "./options";
import { nearerParts } from "./parts";

const engine = (name: BlazefaceOptions["engine"]): Engine<BlazefaceOptions> => ({
  threads: THREADS.detect,
  load: () => (require("./finder") as typeof import("./finder")).BlazefaceDetector.load(name),
});

export const blazeface: Detector<BlazefaceOptions> = {
  id: "blazeface",
  schema: blazefaceOptionsSchema,
  nearerParts,
  photoOptions: blazefaceOptionsSchema.parse({}),
  engines: { auto: engine("auto"), wasm: engine("wasm"), onnx: engine("onnx") },
};
