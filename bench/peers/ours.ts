/** This package's detector and embedder, as the nodes call them. Arguments: the preset, the engine. */
import { type DetectorOptions, detectorOptionsSchema, PRESET_ACCURATE, PRESET_ORIGINAL } from "../../lib/detect/options";
import { FaceDetector } from "../../lib/detect/detector";
import { findModel } from "../../lib/embed/descriptor";
import { embedderOptionsSchema, FaceEmbedder } from "../../lib/embed/embedder";
import { measure } from "./measure";

/** One frame in detection, one in the networks, one on its way. */
const UNDER_WAY = 3;
/** Smallest face, in pixels of a 640 × 480 picture; the nodes' default. */
const MIN_SIZE = 80;

const [, , , preset = "accurate", engine = "wasm"] = process.argv;
const PRESETS: Record<string, Partial<DetectorOptions>> = { accurate: { ...PRESET_ACCURATE, minSize: MIN_SIZE }, original: PRESET_ORIGINAL };

async function main(): Promise<void> {
  const detector = new FaceDetector(detectorOptionsSchema.parse(PRESETS[preset]));
  const embedder = new FaceEmbedder(await findModel(""), embedderOptionsSchema.parse({ engine }));
  await embedder.warmUp();
  let sequence = 0;
  await measure(`ours, ${preset}${engine === "wasm" ? "" : `, engine ${engine}`}`, async (bytes, width, height) => {
    const picture = { bytes, frame: { source: "bench", sequence: sequence++, capturedAt: Date.now(), width, height, encoding: "rgb" as const } };
    const { faces } = await detector.detect(picture);
    const embedded = await embedder.embed(picture, faces);
    return embedded.faces.filter(({ embedding }) => embedding !== undefined).length;
  }, UNDER_WAY);
}

void main();
