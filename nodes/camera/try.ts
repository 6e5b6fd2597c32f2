/**
 * The form's button "Try": one frame of what is typed there, before it is deployed, or the sentence that says why
 * there is none.
 */
import { once } from "node:events";
import type { Request } from "express";
import type { Node, NodeAPI } from "node-red";
import { z } from "zod";
import type { Camera } from "../../lib/capture/camera";
import { oneFrame } from "../../lib/capture/one-frame";
import type { CameraOptions } from "../../lib/capture/options";
import { UserError } from "../../lib/errors";
import { thumbnail } from "../../lib/image/thumbnail";
import { closedPicture } from "../../lib/image/open-picture";
import type { Frame, Picture } from "../../lib/message";
import { HttpError } from "../../api/http/answer-error";
import { refuseForms, refuseOtherSites } from "../../api/http/refuse-sites";
import { bodyOf } from "../../api/http/request";
import { route } from "../../api/http/route";
import type { CameraDef, CameraLogin } from "./camera";

/** For all of it: a camera that has given no frame until then gives none to somebody who waits. */
const TRY_TIMEOUT_MS = 20_000;
/** Of all users together: each may start a process. */
const MOST_TRIES = 4;
/** For a form; a larger frame is made smaller. */
const SHOWN_WIDTH = 640;
const SHOWN_QUALITY = 80;
/** What Node-RED's editor has in a password field that was left as it was. */
const UNCHANGED = "__PWRD__";

const typed = z.string().max(2000);
const text = typed.default("");
const number = z.union([z.string().max(100), z.number()]).default("");
const bodySchema = z.object({
  /** Of the node, whose stored login is taken where none is typed, and of its flow, whose variables count. */
  id: z.string().max(100),
  flow: z.string().max(100).optional(),
  fields: z.object({
    source: text,
    url: text,
    device: text,
    path: text,
    transport: text,
    certificate: text,
    fingerprint: text,
    width: number,
    height: number,
    idle: number,
    oldFfmpeg: z.union([z.boolean(), z.string().max(100)]).default(false),
  }),
  /** What is typed; absent or UNCHANGED: what is stored. */
  user: typed.optional(),
  password: typed.optional(),
});

type Deployed = Node & { camera?: Camera };
type OptionsOf = (def: CameraDef, id: string, login: Partial<CameraLogin>) => CameraOptions;

/** @param type of the camera node @param optionsOf its form's values as options */
export function serveTry(RED: NodeAPI, type: string, optionsOf: OptionsOf): void {
  const trying = new Set<string>();
  RED.httpAdmin.post(
    "/facenet/camera/try",
    RED.auth.needsPermission("flows.write"),
    route(RED, async (request, response) => {
      refuseOtherSites(request);
      refuseForms(request);
      const options = optionsFor(RED, type, optionsOf, await bodyOf(request, bodySchema));
      if (options.source === "browser")
        throw new UserError("a browser's camera is tried on its own page: deploy, then open it from this form.");
      const who = userOf(request);
      if (trying.has(who))
        throw new HttpError(429, "busy", "a camera is being tried already: wait until that has ended.");
      if (trying.size >= MOST_TRIES)
        throw new HttpError(503, "busy", "others try their cameras just now: wait a moment, then try again.");
      trying.add(who);
      const gone = new AbortController();
      response.once("close", () => gone.abort(new UserError("nobody waits for it any more.")));
      const slow = setTimeout(
        () => gone.abort(new UserError(`it gave no picture within ${TRY_TIMEOUT_MS / 1000} seconds.`)),
        TRY_TIMEOUT_MS,
      );
      try {
        const picture =
          (await frameOfRunning(RED, type, options, gone.signal)) ?? (await oneFrame(options, gone.signal));
        const jpeg = await thumbnail(closedPicture(picture), SHOWN_WIDTH, SHOWN_QUALITY);
        response
          .set("Cache-Control", "no-store")
          .json({ jpeg: jpeg.toString("base64"), width: picture.frame?.width, height: picture.frame?.height });
      } finally {
        clearTimeout(slow);
        trying.delete(who);
      }
    }),
  );
}

function userOf(request: Request): string {
  return (request as { user?: { username?: string } }).user?.username ?? "";
}

/** The form's values as options, as if it had been deployed. @throws UserError */
function optionsFor(
  RED: NodeAPI,
  type: string,
  optionsOf: OptionsOf,
  { id, flow, fields, user, password }: z.infer<typeof bodySchema>,
): CameraOptions {
  const configs: { id: string; type: string; z?: string }[] = [];
  RED.nodes.eachNode((config) => configs.push(config));
  const own = configs.find((config) => config.id === id && config.type === type);
  const stored: Partial<CameraLogin> = (own === undefined ? undefined : RED.nodes.getCredentials(id)) ?? {};
  // Whoever lives in the same flow knows its variables; a new node is not there yet.
  const neighbour = [
    id,
    ...configs.filter((config) => config.z !== undefined && config.z === flow).map((config) => config.id),
  ]
    .map((each) => RED.nodes.getNode(each) as Node | null)
    .find((each) => each !== null);
  const resolve = <T>(value: T): T => {
    const name =
      typeof value === "string"
        ? /^\$(?:\{(\S+)\}|\((\S+)\))$/
            .exec(value)
            ?.slice(1)
            .find((each) => each !== undefined)
        : undefined;
    if (name === undefined) return value;
    const found: unknown = RED.util.getSetting(neighbour as Node, name);
    if ((typeof found !== "string" && typeof found !== "number") || found === "")
      throw new UserError(`the environment variable ${name} is not set.`);
    return String(found) as T;
  };
  const values = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, resolve(value)]));
  const def = {
    ...values,
    name: "try",
    output: "jpeg",
    fps: "",
    loop: false,
    realtime: false,
  } as unknown as CameraDef;
  const secret = (value: string | undefined, kept: string | undefined): string =>
    resolve(value === undefined || value === UNCHANGED ? (kept ?? "") : value);
  return optionsOf(def, id, { user: secret(user, stored.user), password: secret(password, stored.password) });
}

/** What decides which camera it is and how it is reached. */
function identityOf(options: CameraOptions): string {
  return JSON.stringify({
    ...options,
    name: "",
    fps: 0,
    output: "",
    width: 0,
    height: 0,
    idle: 0,
    loop: false,
    realtime: false,
  });
}

/** A webcam serves one program at a time, and many cameras few: a deployed one that gives frames gives its next. */
async function frameOfRunning(
  RED: NodeAPI,
  type: string,
  options: CameraOptions,
  signal: AbortSignal,
): Promise<Picture | undefined> {
  const cameras: Camera[] = [];
  RED.nodes.eachNode((config) => {
    const camera = config.type === type ? (RED.nodes.getNode(config.id) as Deployed | null)?.camera : undefined;
    if (camera?.latest !== undefined) cameras.push(camera);
  });
  const same = cameras.find((camera) => identityOf(camera.options) === identityOf(options));
  if (same === undefined || options.source === "file" || options.source === "folder") return undefined;
  const [bytes, frame] = (await once(same, "frame", { signal }).catch((error: unknown) => {
    throw signal.aborted ? (signal.reason as Error) : error;
  })) as [Buffer, Frame];
  return { bytes, frame };
}
