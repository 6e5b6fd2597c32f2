import type { Node, NodeAPI, NodeDef } from "node-red";
import { onClose } from "../common/on-close";
import { findModel } from "../../lib/models/find-model";
import { lookForPacksIn } from "../../lib/models/packs";
import { FaceEmbedder, embedderOptionsSchema } from "../../lib/embed/embedder";
import { shortEngineName } from "../../lib/tensor/engines";
import { addTiming, readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { nameError, onInput } from "../common/on-input";
import { migrated } from "../common/migrate";
import { MIGRATIONS } from "./migrations/index";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart, liveStatus, type Status, statusText, whileLoading } from "../common/status";
import { speakAs } from "../common/language";

export interface FacenetEmbedDef extends NodeDef {
  /** Id of a built-in model or of a model pack, or "file". */
  model: string;
  modelFile: string;
  engine: string;
  minSize: string | number;
  minSharpness: string | number;
  /** Of a flow made before there was the choice: they are left out. */
  covered?: boolean | string;
  chips: boolean | string;
  reembedAfter?: string | number;
}

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FacenetEmbed(this: Node, saved: FacenetEmbedDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    let embedder: Promise<FaceEmbedder>;
    try {
      requireVariables({ ...def });
      const options = parseOptions(
        embedderOptionsSchema,
        {
          engine: def.engine || undefined,
          minSize: optionalNumber(def.minSize),
          minSharpness: optionalNumber(def.minSharpness),
          covered: optionalFlag(def.covered),
          chips: optionalFlag(def.chips),
          reembedAfter: optionalNumber(def.reembedAfter),
        },
        "facenet-embed",
      );
      embedder = findModel(def.model === "file" ? def.modelFile : def.model).then(
        (model) => new FaceEmbedder(model, options),
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    this.status({ fill: "yellow", shape: "ring", text: RED._("facenet-embed.status.loading") });
    /** What ran last. */
    let engine = "";
    const load = async (): Promise<Status> => {
      const opened = await (await embedder).warmUp();
      engine = opened.engine;
      for (const error of opened.passedOver) this.warn(nameError(this, error).message);
      return { fill: "green", shape: "ring", text: statusText(RED, "facenet-embed.status.ready", { engine }) };
    };
    whileLoading(this, load(), { ready: (status) => status, failed: RED._("facenet-embed.status.model") });
    const show = liveStatus(this);
    onInput(this, async (message, send) => {
      const faces = readFaces(message);
      const { faces: embedded, timing, engine: ran } = await (await embedder).embed(readPicture(message), faces);
      engine = ran || engine;
      message.faces = embedded;
      addTiming(message, timing);
      const count = embedded.filter(({ embedding }) => embedding !== undefined).length;
      show({
        fill: count > 0 ? "green" : "grey",
        shape: "dot",
        text: statusText(RED, "facenet-embed.status.faces", {
          count,
          ms: Math.round(timing.align + timing.embed),
          engine: shortEngineName(engine),
        }),
      });
      send(message);
    });
    onClose(this, async () => (await embedder.catch(() => undefined))?.close());
  }
  lookForPacksIn(RED.settings.userDir ?? process.cwd());
  RED.nodes.registerType("facenet-embed", FacenetEmbed);
}
