/**
 * This package's detector and embedder, as the nodes call them, with the network that the others have too. Arguments:
 * the preset, the engine.
 */
import { haarOptionsSchema } from "../../lib/detect/haar/options";
import { PRESETS } from "../../lib/detect/haar/presets";
import { type Detected, FaceDetector } from "../../lib/detect/face-detector";
import { haar } from "../../lib/detect/haar/haar";
import { FaceFollower } from "../../lib/detect/follower";
import { trackingOptionsSchema } from "../../lib/detect/tracker";
import { DLIB_RESNET } from "../../lib/embed/descriptor";
import { embedderOptionsSchema, FaceEmbedder } from "../../lib/embed/embedder";
import type { Picture } from "../../lib/message";
import { measure } from "./measure";

/** One frame in detection, one in the networks, one on its way. */
const UNDER_WAY = 3;
/** The nodes' default, in pixels. */
const MIN_SIZE = 40;
/** Milliseconds between frames, as of a camera of 30 frames/s. */
const INTERVAL = 33;

const [, , , preset = "tracking", engine = "wasm"] = process.argv;

async function main(): Promise<void> {
  const detector = new FaceDetector(
    haar,
    haarOptionsSchema.parse({ ...(preset === "original" ? PRESETS.original : PRESETS.tracking), minSize: MIN_SIZE }),
  );
  const follower = preset === "tracking" ? new FaceFollower(detector, trackingOptionsSchema.parse({})) : detector;
  const embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ engine }));
  await embedder.warmUp();
  const begun = Date.now();
  let sequence = 0;
  let before: Promise<unknown> = Promise.resolve();
  // Frames of one camera are searched one after the other, as the node does.
  const detect = (picture: Picture): Promise<Detected> => {
    const next = before.then(() => follower.detect(picture));
    before = next;
    return next;
  };
  await measure(
    `ours, ${preset}${engine === "wasm" ? "" : `, engine ${engine}`}`,
    async (bytes, width, height) => {
      sequence += 1;
      const picture = {
        bytes,
        frame: {
          source: "bench",
          sequence,
          capturedAt: begun + sequence * INTERVAL,
          width,
          height,
          encoding: "rgb" as const,
        },
      };
      const { faces } = await detect(picture);
      const embedded = await embedder.embed(picture, faces);
      return embedded.faces.filter(({ embedding }) => embedding !== undefined).length;
    },
    UNDER_WAY,
  );
}

void main();
