import type { Node, NodeAPI, NodeDef } from "node-red";
import {
  challengeSchema,
  livenessOptionsSchema,
  LivenessWatch,
  type Outcome,
  type Prompt,
} from "../../lib/liveness/watch";
import type { Task } from "../../lib/liveness/turn";
import { type FaceMessage, readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { speakAs } from "../common/language";
import { onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart, liveStatus, type Status } from "../common/status";

export interface FaceLivenessDef extends NodeDef {
  turns: string | number;
  seconds: string | number;
  everybody: boolean | string;
  cues: boolean | string;
  mirrored: boolean | string;
}

/** How often it is looked whether a challenge has run out though no frame comes. */
const TICK_MS = 500;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceLiveness(this: Node, def: FaceLivenessDef): void {
    RED.nodes.createNode(this, def);
    let watch: LivenessWatch;
    let mirrored: boolean;
    try {
      requireVariables({ ...def });
      mirrored = optionalFlag(def.mirrored) ?? false;
      watch = new LivenessWatch(
        parseOptions(
          livenessOptionsSchema,
          {
            turns: optionalNumber(def.turns),
            seconds: optionalNumber(def.seconds),
            everybody: optionalFlag(def.everybody),
            cues: optionalFlag(def.cues),
          },
          "face-liveness",
        ),
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const show = liveStatus(this);
    const tell = (told: Prompt | Outcome): FaceMessage => {
      const task = "task" in told ? taskOf(told, mirrored) : undefined;
      show(statusOf(RED, told, task));
      return messageOf(RED, told, task);
    };
    const ticker = setInterval(() => {
      for (const outcome of watch.pass()) this.send([null, tell(outcome)]);
    }, TICK_MS);
    onInput(this, async (message, send) => {
      const { challenge } = message as { challenge?: unknown };
      if (challenge !== undefined) {
        watch.ask(parseOptions(challengeSchema, challenge, "msg.challenge"));
        delete message["challenge"];
        show({ fill: "blue", shape: "ring", text: RED._("face-liveness.status.waiting") });
        if (message.faces === undefined) return;
      }
      const faces = readFaces(message);
      const { faces: examined, told } = await watch.frame(readPicture(message), faces);
      message.faces = examined;
      // First what was found out, so that whoever waits for it decides about this very frame.
      for (const each of told) send([null, tell(each)]);
      send([message, null]);
    });
    this.on("close", () => clearInterval(ticker));
  }
  RED.nodes.registerType("face-liveness", FaceLiveness);
}

/** Left and right as the person sees them. */
function taskOf({ task }: Prompt, mirrored: boolean): Task {
  return mirrored ? ({ left: "right", right: "left", front: "front" } as const)[task] : task;
}

/** What the second output sends: words to say or show, and what they are about. */
function messageOf(RED: NodeAPI, told: Prompt | Outcome, task: Task | undefined): FaceMessage {
  const words = RED._(`face-liveness.prompt.${task ?? ("reason" in told ? told.reason : "")}`);
  return {
    topic: told.camera,
    payload: words,
    say: words,
    lang: RED._("language"),
    challenge: { ...told, ...(task === undefined ? {} : { task }) },
  };
}

function statusOf(RED: NodeAPI, told: Prompt | Outcome, task: Task | undefined): Status {
  if ("task" in told)
    return {
      fill: "blue",
      shape: "dot",
      text: `${told.step}/${told.of} ${RED._(`face-liveness.status.${task ?? ""}`)}`,
    };
  const { result } = told.liveness;
  return {
    fill: result === "passed" ? "green" : result === "failed" ? "red" : "yellow",
    shape: "dot",
    text: RED._(`face-liveness.status.${result}`),
  };
}
