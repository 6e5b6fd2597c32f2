import type { Node, NodeAPI, NodeDef } from "node-red";
import { BoundedMap } from "../../lib/bounded-map";
import { UserError } from "../../lib/errors";
import { type FaceMessage, readFaces, readOverride } from "../../lib/message";
import { Espeak, espeakInstalled, type Voice } from "../../lib/speech/espeak";
import { Greeter, type Problem } from "../../lib/speech/greeter";
import { GreetedVisits } from "../../lib/speech/greeted-visits";
import { speechOptionsSchema } from "../../lib/speech/options";
import { parseOptions } from "../../lib/validate";
import { readVisit } from "../../lib/visit";
import { onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { route } from "../../api/http/route";
import { failToStart } from "../common/status";
import { runtimeLanguage, say, speakAs } from "../common/language";

export interface TtsGreetDef extends NodeDef {
  engine: string;
  language: string;
  defaultLanguage: string;
  template: string;
  voice: string;
  rate: string | number;
  play: boolean | string;
  cooldown: string | number;
}

const STATUS_LENGTH = 20;
/** Photos somebody sends by hand are greeted one after the other; more than these would be talked of long after. */
const MAX_WAITING = 10;
/** Nodes whose greetings are remembered over a deploy. */
const MAX_NODES = 100;
/** Characters of `msg.say`: half a minute. */
const LONGEST_SAYING = 500;

/** Visits that were greeted, by the node: a deploy ends no visit. */
const greetedBy = new BoundedMap<string, GreetedVisits>(MAX_NODES);

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function TtsGreet(this: Node, def: TtsGreetDef): void {
    RED.nodes.createNode(this, def);
    let greeter: Greeter;
    try {
      requireVariables({ ...def });
      greeter = new Greeter(
        parseOptions(
          speechOptionsSchema,
          {
            engine: def.engine || undefined,
            language: def.language || undefined,
            defaultLanguage: def.defaultLanguage || undefined,
            template: def.template || undefined,
            voice: def.voice || undefined,
            rate: optionalNumber(def.rate),
            play: optionalFlag(def.play),
            cooldown: optionalNumber(def.cooldown),
          },
          "tts-greet",
        ),
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const greeted = greetedBy.get(this.id) ?? new GreetedVisits();
    greetedBy.set(this.id, greeted);
    const report = ({ kind, sentence }: Problem): void => {
      this.status({ fill: "yellow", shape: "ring", text: RED._(`tts-greet.status.${kind}`) });
      this.warn(say(sentence));
    };
    // The newest frame takes a waiting one's place: who stands there is in it.
    onInput(
      this,
      async (message, send) => {
        const said = textOf(message);
        if (said !== undefined) {
          const lang = def.language && def.language !== "auto" ? def.language : (said.lang ?? runtimeLanguage());
          const { text, wav, engine, problem } = await greeter.say(said.text, lang, report);
          if (problem === undefined) this.status({ fill: "green", shape: "dot", text: shorten(text) });
          else report(problem);
          send({ ...message, payload: wav, text, lang, names: [], engine });
          return;
        }
        const names =
          message.visit === undefined ? namesOf(message) : greeted.names(readVisit(message.visit), whenOf(message));
        if (names === "late") {
          this.status({ fill: "yellow", shape: "ring", text: RED._("tts-greet.status.late") });
          return;
        }
        const template = readOverride(message, "template", speechOptionsSchema.shape.template);
        // Nothing says again that those of a photo, or of a visit, still stand there when the last greeting ends.
        if ((message.frame === undefined || message.visit !== undefined) && names.length > 0) await greeter.quiet();
        for (const { text, lang, names: spoken, wav, engine, problem } of await greeter.greet(
          names,
          report,
          template,
        )) {
          if (problem === undefined) this.status({ fill: "green", shape: "dot", text: shorten(spoken.join(", ")) });
          else report(problem);
          send({ ...message, payload: wav, text, lang, names: spoken, engine });
        }
      },
      { bound: MAX_WAITING, awaited: ({ visit }) => visit !== undefined },
    );
    this.on("close", (removed: boolean, done: () => void) => {
      if (removed) greetedBy.delete(this.id);
      greeter.close();
      done();
    });
  }
  RED.nodes.registerType("tts-greet", TtsGreet);

  // They do not change while Node-RED runs, and each question starts a process.
  let voices: Promise<Voice[]> | undefined;
  RED.httpAdmin.get(
    "/facenet/voices",
    RED.auth.needsPermission("tts-greet.read"),
    route(RED, async (_request, response) => {
      if (!espeakInstalled()) {
        response.json([]);
        return;
      }
      voices ??= listVoices().catch((error: unknown) => {
        voices = undefined;
        throw error;
      });
      response.json(await voices);
    }),
  );
}

async function listVoices(): Promise<Voice[]> {
  const espeak = new Espeak();
  try {
    return await espeak.voices();
  } finally {
    espeak.close();
  }
}

/** `msg.say` with `msg.lang`: words that are to be said as they are. @throws a sentence if it is no such text */
function textOf(message: FaceMessage): { text: string; lang: string | undefined } | undefined {
  const { say: text, lang } = message as { say?: unknown; lang?: unknown };
  if (text === undefined) return undefined;
  if (typeof text !== "string" || text.trim() === "" || text.length > LONGEST_SAYING)
    throw new UserError("nodes.nothingToSay", { most: LONGEST_SAYING });
  return { text, lang: typeof lang === "string" && isLanguage(lang) ? lang : undefined };
}

/** As Intl knows it. */
function isLanguage(lang: string): boolean {
  try {
    return Intl.getCanonicalLocales(lang).length === 1;
  } catch {
    return false;
  }
}

/** Now, and whether a broker had kept the message: then it says nothing of when it was told. */
function whenOf(message: FaceMessage): { now: number; retained: boolean } {
  return { now: Date.now(), retained: (message as { retain?: unknown }).retain === true };
}

/** The people to greet: matched faces, or `msg.names`. @throws a sentence when the message has neither */
function namesOf(message: FaceMessage): string[] {
  const { names } = message as { names?: unknown };
  if (message.faces === undefined && Array.isArray(names) && names.every((name) => typeof name === "string"))
    return names;
  if (message.faces === undefined) throw new UserError("nodes.nobodyToGreet");
  const faces = readFaces(message);
  if (faces.length > 0 && faces.every(({ identity }) => identity === undefined))
    throw new UserError("nodes.notMatched");
  return faces.flatMap(({ identity }) => {
    if (identity?.outcome !== "match") return [];
    if (typeof identity.name !== "string") throw new UserError("nodes.matchWithoutName");
    return [identity.name];
  });
}

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= STATUS_LENGTH ? text : `${characters.slice(0, STATUS_LENGTH - 1).join("")}…`;
}
