/** What trying a camera needs of the camera nodes: the form's values as options, and those that run. */
import { once } from "node:events";
import type { Node, NodeAPI } from "node-red";
import type { CameraForms, TriedCamera } from "../../api/camera-try";
import type { Camera } from "../../lib/capture/camera";
import type { CameraOptions } from "../../lib/capture/options";
import { UserError } from "../../lib/errors";
import type { Frame, Picture } from "../../lib/message";
import type { CameraDef, CameraLogin } from "./definition";

/** What Node-RED's editor has in a password field that was left as it was. */
const UNCHANGED = "__PWRD__";

type Deployed = Node & { camera?: Camera };
type OptionsOf = (def: CameraDef, id: string, login: Partial<CameraLogin>) => CameraOptions;

/** @param type of the camera node @param optionsOf its form's values as options */
export function cameraForms(RED: NodeAPI, type: string, optionsOf: OptionsOf): CameraForms {
  return {
    optionsFor: (tried) => optionsFor(RED, type, optionsOf, tried),
    frameOfRunning: (options, signal) => frameOfRunning(RED, type, options, signal),
  };
}

/** The form's values as options, as if it had been deployed. @throws UserError */
function optionsFor(
  RED: NodeAPI,
  type: string,
  optionsOf: OptionsOf,
  { id, flow, fields, user, password }: TriedCamera,
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
      throw new UserError("nodes.variableUnset", { name });
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
