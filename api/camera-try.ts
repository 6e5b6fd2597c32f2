/**
 * The form's button "Try": one frame of what is typed there, before it is deployed, or the sentence that says why
 * there is none.
 */
import type { Request } from "express";
import { z } from "zod";
import { oneFrame } from "../lib/capture/one-frame";
import type { CameraOptions } from "../lib/capture/options";
import { UserError } from "../lib/errors";
import { closedPicture } from "../lib/image/open-picture";
import { thumbnail } from "../lib/image/thumbnail";
import type { Picture } from "../lib/message";
import type { AdminServer } from "./host";
import type { TriedAnswer } from "./answers";
import { HttpError } from "./http/answer-error";
import { refuseForms, refuseOtherSites } from "./http/refuse-sites";
import { bodyOf } from "./http/request";
import { route } from "./http/route";
import { phrase } from "../lib/words/sentence";

/** For all of it: a camera that has given no frame until then gives none to somebody who waits. */
const TRY_TIMEOUT_MS = 20_000;
/** Of all users together: each may start a process. */
const MOST_TRIES = 4;
/** For a form; a larger frame is made smaller. */
const SHOWN_WIDTH = 640;
const SHOWN_QUALITY = 80;

const typed = z.string().max(2000);
const text = typed.default("");
const number = z.union([z.string().max(100), z.number()]).default("");
const triedCamera = z.object({
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

/** What is typed into a camera's form. */
export type TriedCamera = z.infer<typeof triedCamera>;

/** What trying needs of the cameras that are deployed. */
export interface CameraForms {
  /** The form's values as options, as if it had been deployed. @throws UserError */
  optionsFor(tried: TriedCamera): CameraOptions;
  /** The next frame of a deployed camera that is the same; undefined where none is. */
  frameOfRunning(options: CameraOptions, signal: AbortSignal): Promise<Picture | undefined>;
}

export function registerCameraTry(server: AdminServer, forms: CameraForms): void {
  const trying = new Set<string>();
  server.httpAdmin.post(
    "/facenet/camera/try",
    server.auth.needsPermission("flows.write"),
    route(server, async (request, response) => {
      refuseOtherSites(request);
      refuseForms(request);
      const options = forms.optionsFor(await bodyOf(request, triedCamera));
      if (options.source === "browser") throw new UserError("api.tryOnPage");
      const who = userOf(request);
      if (trying.has(who)) throw new HttpError(429, "busy", phrase("api.triedAlready"));
      if (trying.size >= MOST_TRIES) throw new HttpError(503, "busy", phrase("api.othersTry"));
      trying.add(who);
      const gone = new AbortController();
      response.once("close", () => gone.abort(new UserError("api.nobodyWaits")));
      const slow = setTimeout(
        () => gone.abort(new UserError("api.tryLate", { seconds: TRY_TIMEOUT_MS / 1000 })),
        TRY_TIMEOUT_MS,
      );
      try {
        const picture = (await forms.frameOfRunning(options, gone.signal)) ?? (await oneFrame(options, gone.signal));
        const jpeg = await thumbnail(closedPicture(picture), SHOWN_WIDTH, SHOWN_QUALITY);
        const { width, height } = picture.frame ?? {};
        const answer: TriedAnswer = { jpeg: jpeg.toString("base64"), width, height };
        response.set("Cache-Control", "no-store").json(answer);
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
