import type { Node, NodeAPI, NodeDef } from "node-red";
import { z } from "zod";
import { annotate, wordsBy } from "../../lib/image/annotate";
import { thumbnail } from "../../lib/image/thumbnail";
import { readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { Preview, servePreview } from "../common/preview";
import { failToStart, liveStatus, statusText } from "../common/status";
import { speakAs } from "../common/language";

export interface FaceAnnotateDef extends NodeDef {
  quality: string | number;
  preview: boolean | string;
}

const optionsSchema = z.object({
  /** Of the JPEG; 100 is the best and largest. */
  quality: z.number().int().min(1).max(100).default(85),
});

/** Of the picture below the node: about 8 kB. */
const PREVIEW_WIDTH = 320;
const PREVIEW_QUALITY = 60;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceAnnotate(this: Node, def: FaceAnnotateDef): void {
    RED.nodes.createNode(this, def);
    let options: z.infer<typeof optionsSchema>;
    let shown: boolean;
    try {
      requireVariables({ ...def });
      shown = optionalFlag(def.preview) ?? false;
      options = parseOptions(optionsSchema, { quality: optionalNumber(def.quality) }, "face-annotate");
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const words = wordsBy((key) => RED._(`face-annotate.word.${key}`));
    const preview = shown ? new Preview(RED, this) : undefined;
    const show = liveStatus(this);
    onInput(this, async (message, send) => {
      const faces = readFaces(message);
      const { jpeg, width, height } = await annotate(readPicture(message), faces, { ...options, words });
      message.payload = jpeg;
      // The payload is a JPEG now, whatever the camera sent.
      if (message.frame !== undefined) message.frame = { ...message.frame, width, height, encoding: "jpeg" };
      show({
        fill: "grey",
        shape: "dot",
        text: statusText(RED, "face-annotate.status.drawn", { count: faces.length }),
      });
      await preview?.offer(() => thumbnail(jpeg, PREVIEW_WIDTH, PREVIEW_QUALITY));
      send(message);
    });
    this.on("close", () => preview?.clear());
  }
  RED.nodes.registerType("face-annotate", FaceAnnotate);
  servePreview(RED, "face-annotate");
}
