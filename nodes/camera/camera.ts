import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Request } from "express";
import type { Node, NodeAPI } from "node-red";
import { onClose } from "../common/on-close";
import { z } from "zod";
import { UserError } from "../../lib/errors";
import { Camera, type CameraEvent } from "../../lib/capture/camera";
import { listDevices } from "../../lib/capture/devices";
import { FrameRate } from "../../lib/capture/frame-rate";
import { cameraNames } from "../../lib/capture/names";
import { cameraOptionsSchema, type CameraOptions } from "../../lib/capture/options";
import { Outage } from "../../lib/capture/outage";
import { FLASH_COLOURS } from "../../lib/flash-plan";
import { CONTRACT_VERSION, type FaceMessage, flashSchema, type Frame } from "../../lib/message";
import { parseOptions } from "../../lib/validate";
import { onInput } from "../common/on-input";
import { migrated } from "../common/migrate";
import { MIGRATIONS } from "./migrations/index";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart, type Status } from "../common/status";
import { registerCameraTry } from "../../api/camera-try";
import { queryOf } from "../../api/http/request";
import { route } from "../../api/http/route";
import { readUpload } from "../../api/http/upload";
import type { CameraDef, CameraLogin } from "./definition";
import { cameraForms } from "./forms";
import { say, speakAs } from "../common/language";
import { phrase } from "../../lib/words/sentence";

interface CameraNode extends Node<CameraLogin> {
  camera?: Camera;
}

const TYPE = "facewire-camera";
/** A browser's frame; 1280 × 720 takes a tenth of it. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;
/** How often the frame rate is looked at. It is shown when it has changed: each badge goes to every open editor. */
const STATUS_INTERVAL_MS = 2000;

/** The form's values as options. @throws a sentence */
export function optionsOf(def: CameraDef, id: string, login: Partial<CameraLogin> = {}): CameraOptions {
  requireVariables({ ...def, ...login });
  return parseOptions(
    cameraOptionsSchema,
    {
      source: def.source,
      name: def.name || id,
      url: def.url,
      user: login.user || undefined,
      password: login.password || undefined,
      device: def.device,
      path: def.path,
      width: optionalNumber(def.width),
      height: optionalNumber(def.height),
      fps: optionalNumber(def.fps),
      output: def.output || undefined,
      loop: optionalFlag(def.loop),
      realtime: optionalFlag(def.realtime),
      transport: def.transport || undefined,
      oldFfmpeg: optionalFlag(def.oldFfmpeg),
      certificate: def.certificate || undefined,
      fingerprint: def.certificate === "fingerprint" ? def.fingerprint || undefined : undefined,
      idle: optionalNumber(def.idle),
    },
    "camera",
  );
}

/** Which colours the page shows while it takes a frame. */
const flashQuery = z.object({ flash: flashSchema.shape.id.optional(), at: flashSchema.shape.at.optional() });

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function CameraConstructor(this: CameraNode, saved: CameraDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    let camera: Camera;
    let autostart: boolean;
    try {
      autostart = optionalFlag(def.autostart) ?? false;
      camera = new Camera(optionsOf(def, this.id, this.credentials), this.id);
    } catch (error) {
      failToStart(this, error);
      return;
    }
    this.camera = camera;
    const rate = new FrameRate();
    const outage = new Outage();
    let twins: string[] = [];
    let shown: Status = {};
    const show = (status: Status): void => {
      shown = status;
      if (twins.length === 0) this.status(status);
      else
        this.status({
          ...status,
          ...(status.fill === "red" ? {} : { fill: "yellow" as const }),
          text: `${status.text ?? ""} · ${RED._("facewire-camera.status.twin")}`,
        });
    };
    const named = {
      id: this.id,
      shared: (others: string[]): void => {
        const more = others.filter((id) => !twins.includes(id));
        twins = others;
        if (more.length > 0)
          this.warn(say(phrase("nodes.cameraNameTaken", { name: camera.options.name, others: more })));
        show(shown);
      },
    };
    const ticker = setInterval(() => {
      const fps = rate.changed(performance.now());
      if (fps !== undefined) show({ fill: "green", shape: "dot", text: `${fps} fps` });
    }, STATUS_INTERVAL_MS);

    camera.on("frame", (bytes: Buffer, frame: Frame) => {
      rate.count();
      const message: FaceMessage = { payload: bytes, frame, face: { version: CONTRACT_VERSION }, topic: frame.source };
      this.send([message, null]);
    });
    camera.on("event", ({ sentence, ...event }: CameraEvent) => {
      // The next tick must not show a lost camera as running.
      rate.reset(performance.now());
      show(statusOf(RED, event));
      if (event.event === "connected") outage.connected(performance.now());
      if (event.event === "stopped") outage.over();
      const reason = sentence === undefined ? "" : say(sentence);
      if (event.event === "lost" && outage.lost(event.reason ?? "", performance.now())) this.warn(reason);
      this.send([null, { topic: event.source, payload: sentence === undefined ? event : { ...event, reason } }]);
    });

    const begin = (how: "start" | "snapshot"): void => {
      if (!camera.running) show({ fill: "yellow", shape: "ring", text: RED._("facewire-camera.status.waiting") });
      camera[how]();
    };

    onInput(
      this,
      async (message) => {
        const { payload, topic } = message as { payload?: unknown; topic?: unknown };
        const command = [payload, topic].find((each) => each === "start" || each === "stop" || each === "snapshot");
        if (command === "start" || command === "snapshot") begin(command);
        else if (command === "stop") await camera.stop();
        else throw new UserError("nodes.cameraCommand");
      },
      { policy: "queue" },
    );

    onClose(this, () => {
      clearInterval(ticker);
      cameraNames.remove(camera.options.name, named);
      camera.removeAllListeners();
      return camera.stop();
    });
    cameraNames.add(camera.options.name, named);
    if (autostart) begin("start");
    else show({ fill: "grey", shape: "ring", text: RED._("facewire-camera.status.stopped") });
  }
  RED.nodes.registerType<CameraNode, CameraDef, object, CameraLogin>(TYPE, CameraConstructor, {
    credentials: { user: { type: "text" }, password: { type: "password" } },
  });

  const cameraFor = (request: Request): Camera | undefined => {
    const camera = (RED.nodes.getNode(String(request.params["id"])) as CameraNode | null)?.camera;
    return camera?.options.source === "browser" ? camera : undefined;
  };

  registerCameraTry(RED, cameraForms(RED, TYPE, optionsOf));

  // The page holds nothing; what it posts is checked.
  RED.httpAdmin.get(
    "/facenet/camera/:id",
    route(RED, async (request, response) => {
      const camera = cameraFor(request);
      if (camera === undefined) {
        response.sendStatus(404);
        return;
      }
      const { width, height, fps } = camera.options;
      const page = (await readFile(join(__dirname, "page.html"), "utf8")).replace(
        /\{\{(width|height|fps)\}\}/g,
        (_, name: "width" | "height" | "fps") => String({ width, height, fps }[name] ?? ""),
      );
      response
        .type("html")
        .set({
          "Content-Security-Policy":
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; " +
            "media-src blob:",
          "Cache-Control": "no-store",
        })
        .send(page);
    }),
  );

  RED.httpAdmin.post(
    "/facenet/camera/:id/frame",
    RED.auth.needsPermission(`${TYPE}.write`),
    route(RED, async (request, response) => {
      const camera = cameraFor(request);
      if (camera === undefined) {
        response.sendStatus(404);
        return;
      }
      const { flash, at } = queryOf(request, flashQuery);
      const shows = flash === undefined || at === undefined ? undefined : { id: flash, at };
      camera.push(await readUpload(request, MAX_FRAME_BYTES, "image/jpeg"), shows);
      // Told until it shows.
      if (shows !== undefined && shows.id === camera.flash?.id) camera.flash = undefined;
      if (camera.flash === undefined) response.sendStatus(204);
      else response.json({ flash: { ...camera.flash, rgb: camera.flash.colours.map((name) => FLASH_COLOURS[name]) } });
    }),
  );

  RED.httpAdmin.get(
    "/facenet/devices",
    RED.auth.needsPermission(`${TYPE}.read`),
    route(RED, async (_request, response) => {
      response.json(await listDevices());
    }),
  );
}

function statusOf(
  RED: NodeAPI,
  { event, retryIn }: CameraEvent,
): { fill: "green" | "red" | "grey" | "yellow"; shape: "dot" | "ring"; text: string } {
  const text = RED._(`facewire-camera.status.${event}`);
  if (event === "connected") return { fill: "green", shape: "dot", text };
  if (event === "lost")
    return {
      fill: "red",
      shape: "ring",
      text: retryIn === undefined ? text : `${text} · ${Math.round(retryIn / 1000)} s`,
    };
  return { fill: event === "notice" ? "yellow" : "grey", shape: "ring", text };
}
