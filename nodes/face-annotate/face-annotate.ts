import type { Node, NodeAPI, NodeDef } from "node-red";
import { z } from "zod";
import { annotate, wordsBy } from "../../lib/image/annotate";
import { BLURS, hidesBy } from "../../lib/image/hide";
import { thumbnail } from "../../lib/image/thumbnail";
import { readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { migrated } from "../common/migrate";
import { optionalFlag, optionalNumber, requireVariables, wordsOf } from "../common/options";
import { Preview, servePreview } from "../common/preview";
import { failToStart, liveStatus, statusText } from "../common/status";
import { speakAs } from "../common/language";
import { MIGRATIONS } from "./migrations/index";

export interface FaceAnnotateDef extends NodeDef {
  quality: string | number;
  preview: boolean | string;
  /** "jpeg" or "dataUrl". */
  output?: string;
  /** Whose faces are blurred: "none", "unknown" or "others". */
  blur?: string;
  /** "Alice, 小明": names or ids of people whose faces are not, where all others' are. */
  keep?: string;
}

const optionsSchema = z.object({
  /** Of the JPEG; 100 is the best and largest. */
  quality: z.number().int().min(1).max(100).default(85),
  output: z.enum(["jpeg", "dataUrl"]).default("jpeg"),
  blur: z.enum(BLURS).default("none"),
});

/** Of the picture below the node: about 8 kB. */
const PREVIEW_WIDTH = 320;
const PREVIEW_QUALITY = 60;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceAnnotate(this: Node, saved: FaceAnnotateDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    let options: z.infer<typeof optionsSchema>;
    let shown: boolean;
    try {
      requireVariables({ ...def });
      shown = optionalFlag(def.preview) ?? false;
      const { output, blur } = def;
      options = parseOptions(
        optionsSchema,
        { quality: optionalNumber(def.quality), output: output || undefined, blur: blur || undefined },
        "face-annotate",
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const words = wordsBy((key) => RED._(`face-annotate.word.${key}`));
    const hides = hidesBy(options.blur, wordsOf(def.keep?.replace(/[，、]/g, ",")));
    const preview = shown ? new Preview(RED, this) : undefined;
    const show = liveStatus(this);
    onInput(this, async (message, send) => {
      const faces = readFaces(message);
      const { jpeg, width, height } = await annotate(readPicture(message), faces, { ...options, words, hides });
      message.payload = options.output === "dataUrl" ? `data:image/jpeg;base64,${jpeg.toString("base64")}` : jpeg;
      // Who gets the picture gets the message; a face must not leave beside it what is hidden in it.
      if (faces.some((face) => face.chip !== undefined && hides(face)))
        message.faces = faces.map(({ chip, ...face }) =>
          chip === undefined || hides(face) ? face : { ...face, chip },
        );
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
