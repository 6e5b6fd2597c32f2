import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Request } from "express";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { z } from "zod";
import { bodyOf, queryOf } from "../../api/http/request";
import { route } from "../../api/http/route";
import { presentationsSchema, reportOf } from "../../lib/liveness/figures";
import type { Camera } from "../../lib/capture/camera";
import {
  type ChallengeRequest,
  challengeSchema,
  livenessOptionsSchema,
  LivenessWatch,
  type Outcome,
  type Prompt,
} from "../../lib/liveness/watch";
import type { Task as Turning } from "../../lib/liveness/turn";
import { type FaceMessage, readFaces, readPicture } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import type { Liveness } from "../../lib/visit";
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

type Task = Turning | "flash";

/** What the page of the self-test is told: words alone, and what they are about. */
interface Line {
  /** Rises with each. */
  number: number;
  say: string;
  task?: Task;
  result?: Liveness["result"];
  by?: Liveness["by"];
}

interface FaceLivenessNode extends Node {
  selfTest?: { challenge(request: ChallengeRequest): number; told(after: number): Line[] };
}

const TYPE = "face-liveness";
/** More lines than a challenge has. */
const MOST_LINES = 200;

/** How often it is looked whether a challenge has run out though no frame comes. */
const TICK_MS = 500;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceLiveness(this: FaceLivenessNode, def: FaceLivenessDef): void {
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
        (id, plan) => {
          const { camera } = (RED.nodes.getNode(id) ?? {}) as { camera?: Camera };
          if (camera?.options.source !== "browser" || !camera.running) return false;
          camera.flash = plan;
          return true;
        },
      );
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const show = liveStatus(this);
    let number = 0;
    let lines: Line[] = [];
    const tell = (told: Prompt | Outcome): FaceMessage => {
      const task = "task" in told ? taskOf(told, mirrored) : undefined;
      show(statusOf(RED, told, task));
      const message = messageOf(RED, told, task);
      const outcome = "liveness" in told ? { result: told.liveness.result, by: told.liveness.by } : {};
      number += 1;
      lines = [
        ...lines,
        { number, say: message.payload as string, ...(task === undefined ? {} : { task }), ...outcome },
      ].slice(-MOST_LINES);
      return message;
    };
    this.selfTest = {
      challenge: (request) => {
        watch.ask(request);
        return number;
      },
      told: (after) => lines.filter((line) => line.number > after),
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
  RED.nodes.registerType(TYPE, FaceLiveness);

  const selfTestOf = (request: Request): FaceLivenessNode["selfTest"] =>
    (RED.nodes.getNode(String(request.params["id"])) as FaceLivenessNode | null)?.selfTest;
  /** Does the work of a node that runs, or answers 404. */
  const ofNode = (work: (selfTest: NonNullable<FaceLivenessNode["selfTest"]>, request: Request) => unknown) =>
    route(RED, async (request, response) => {
      const found = selfTestOf(request);
      if (found === undefined) response.sendStatus(404);
      else response.json(await work(found, request));
    });

  // The page holds nothing; what it asks is checked.
  RED.httpAdmin.get(
    "/facenet/liveness/:id",
    route(RED, async (request, response) => {
      if (selfTestOf(request) === undefined) {
        response.sendStatus(404);
        return;
      }
      response
        .type("html")
        .set({
          "Content-Security-Policy":
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'",
          "Cache-Control": "no-store",
        })
        .send(await readFile(join(__dirname, "page.html"), "utf8"));
    }),
  );
  RED.httpAdmin.post(
    "/facenet/liveness/:id/challenge",
    RED.auth.needsPermission(`${TYPE}.write`),
    ofNode(async (selfTest, request) => ({ number: selfTest.challenge(await bodyOf(request, challengeSchema)) })),
  );
  RED.httpAdmin.get(
    "/facenet/liveness/:id/told",
    RED.auth.needsPermission(`${TYPE}.read`),
    ofNode((selfTest, request) => ({ told: selfTest.told(queryOf(request, toldQuery).after) })),
  );
  RED.httpAdmin.post(
    "/facenet/liveness/:id/figures",
    RED.auth.needsPermission(`${TYPE}.read`),
    ofNode(async (_, request) => reportOf((await bodyOf(request, presentationsSchema)).presentations)),
  );
}

const toldQuery = z.object({ after: z.coerce.number().int().min(0) });

/** Left and right as the person sees them. */
function taskOf({ task }: Prompt, mirrored: boolean): Task {
  return mirrored ? ({ left: "right", right: "left", front: "front", flash: "flash" } as const)[task] : task;
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
