import type { Node, NodeAPI, NodeDef } from "node-red";
import { type FaceMessage, readFaces } from "../../lib/message";
import { Espeak, espeakInstalled } from "../../lib/speech/espeak";
import { Greeter, NO_ENGINE } from "../../lib/speech/greeter";
import { speechOptionsSchema } from "../../lib/speech/options";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { optionalNumber } from "../common/options";
import { route } from "../common/route";
import { failToStart } from "../common/status";

export interface TtsGreetDef extends NodeDef {
  engine: string;
  language: string;
  defaultLanguage: string;
  template: string;
  voice: string;
  rate: string | number;
  play: boolean;
  cooldown: string | number;
}

const STATUS_LENGTH = 20;

export default function register(RED: NodeAPI): void {
  function TtsGreet(this: Node, def: TtsGreetDef): void {
    RED.nodes.createNode(this, def);
    let greeter: Greeter;
    try {
      greeter = new Greeter(
        parseOptions(
          speechOptionsSchema,
          { engine: def.engine || undefined, language: def.language || undefined, defaultLanguage: def.defaultLanguage || undefined, template: def.template || undefined, voice: def.voice || undefined, rate: optionalNumber(def.rate), play: def.play, cooldown: optionalNumber(def.cooldown) },
          "tts-greet",
        ),
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const problem = (sentence: string): void => {
      this.status({ fill: "yellow", shape: "ring", text: RED._(sentence === NO_ENGINE ? "tts-greet.status.noEngine" : "tts-greet.status.silent") });
      this.warn(sentence);
    };
    onInput(this, async (message, send) => {
      const spoken = await greeter.greet(namesOf(message), problem);
      for (const { text, lang, names, wav, engine, problem: missing } of spoken) {
        if (missing === undefined) this.status({ fill: "green", shape: "dot", text: shorten(names.join(", ")) });
        else problem(missing);
        send({ ...message, payload: wav, text, lang, names, engine });
      }
    });
    this.on("close", () => greeter.close());
  }
  RED.nodes.registerType("tts-greet", TtsGreet);

  RED.httpAdmin.get("/facenet/voices", RED.auth.needsPermission("tts-greet.read"), route(async (_request, response) => {
    if (!espeakInstalled()) {
      response.json([]);
      return;
    }
    const espeak = new Espeak();
    try {
      response.json(await espeak.voices());
    } finally {
      espeak.close();
    }
  }));
}

/** The people to greet: matched faces, or `msg.names`. @throws a sentence when the message has neither */
function namesOf(message: FaceMessage): string[] {
  const { names } = message as { names?: unknown };
  if (message.faces === undefined && Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  if (message.faces === undefined) throw new Error('there is nobody to greet in this message: wire the first output of face-match here, or set msg.names = ["Alice"].');
  return readFaces(message).flatMap(({ identity }) => (identity?.outcome === "match" && identity.name !== null ? [identity.name] : []));
}

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= STATUS_LENGTH ? text : `${characters.slice(0, STATUS_LENGTH - 1).join("")}…`;
}
