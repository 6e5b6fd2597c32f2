/** OpenCV's Haar cascades as a detector. */
import { THREADS } from "../../workers/threads";
import type { Detector } from "../detector";
import { type HaarOptions, haarOptionsSchema } from "./options";
import { PRESETS } from "./presets";

export const haar: Detector<HaarOptions> = {
  id: "haar",
  schema: haarOptionsSchema,
  photoOptions: haarOptionsSchema.parse(PRESETS.photo),
  engines: {
    wasm: {
      threads: THREADS.detect,
      load: () => (require("./wasm") as typeof import("./wasm")).WasmDetector.load(),
    },
    /** It has threads of its own, and a process that has to be ended. */
    native: {
      threads: 1,
      closes: true,
      load: () => {
        // Not `new (require(…)).NativeDetector()`: the compiler drops the parentheses, which then calls another thing.
        const { NativeDetector } = require("./native") as typeof import("./native");
        return new NativeDetector();
      },
    },
  },
};
