/**
 * What a route is, and how it is registered: permission, other sites, errors and the gallery it is about, the same for
 * all.
 */
import { once } from "node:events";
import type { Request, Response } from "express";
import { z } from "zod";
import { UserError } from "../lib/errors";
import type { Gallery } from "../lib/gallery/gallery";
import { toKeptJpeg } from "../lib/image/encode";
import { MAX_PHOTO_BYTES } from "../lib/image/limits";
import { answerError, HttpError, sayable } from "./http/answer-error";
import { refuseOtherHosts } from "./http/refuse-hosts";
import { refuseForms, refuseOtherSites } from "./http/refuse-sites";
import { abandon, readUpload } from "./http/upload";
import type { AdminServer, DeployedNodes, ServedGallery } from "./host";
import { phrase } from "../lib/words/sentence";

/** Under Node-RED's admin root. */
export const API_ROOT = "/facenet/api";

export const PERMISSIONS = { read: "facenet.read", write: "facenet.write" } as const;

/** What a handler works with. */
export interface Call {
  deployed: DeployedNodes;
  request: Request;
  response: Response;
}

export interface GalleryCall extends Call {
  node: ServedGallery;
  gallery: Gallery;
}

/** What a route answers: JSON by a schema, or what the handler sends itself, by its type. */
type Answers = z.ZodType | "image/jpeg" | "application/zip" | "text/event-stream" | "text/plain" | "text/csv";
type Answered<A extends Answers> = A extends z.ZodType ? z.infer<A> : void;

interface RouteBase<A extends Answers = Answers> {
  method: "get" | "post" | "patch" | "delete";
  /** After API_ROOT; parameters as ":id". */
  path: string;
  permission: keyof typeof PERMISSIONS;
  summary: string;
  query?: z.ZodObject;
  /** A schema of JSON, or the type of what is uploaded. */
  body?: z.ZodType | "image/*" | "application/zip";
  answers: A;
  /** Status of success; 200 where it is not given. */
  status?: 201;
}

export type Route = RouteBase &
  (
    | { about: "gallery"; handle: (call: GalleryCall) => Promise<unknown> }
    | { about: "all"; handle: (call: Call) => Promise<unknown> }
  );

const ID = /^[\w.-]{1,100}$/;
/** Pictures and zips that come at once, of all galleries: they wait in memory. */
const MOST_UPLOADS = 8;
let uploads = 0;

/** A route about one gallery; its path begins with the gallery's id. */
export function ofGallery<A extends Answers>(
  base: RouteBase<A>,
  handle: (call: GalleryCall) => Promise<Answered<A>>,
): Route {
  return { ...base, path: `/:gallery${base.path}`, about: "gallery", handle };
}

export function ofAll<A extends Answers>(base: RouteBase<A>, handle: (call: Call) => Promise<Answered<A>>): Route {
  return { ...base, about: "all", handle };
}

export function register(server: AdminServer, deployed: DeployedNodes, routes: readonly Route[]): void {
  for (const route of routes) {
    server.httpAdmin[route.method](
      API_ROOT + route.path,
      server.auth.needsPermission(PERMISSIONS[route.permission]),
      (request, response) => {
        response.set({ "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" });
        answer({ server, deployed }, route, request, response)
          .catch((error: unknown) => answerError(server, response, error))
          .finally(() => abandon(request));
      },
    );
  }
}

async function answer(
  { server, deployed }: { server: AdminServer; deployed: DeployedNodes },
  route: Route,
  request: Request,
  response: Response,
): Promise<void> {
  refuseOtherHosts(server, request);
  refuseOtherSites(request);
  refuseForms(request);
  for (const value of Object.values(request.params))
    if (!ID.test(value)) throw new HttpError(404, "not_found", phrase("api.nothingHere"));
  if (route.about === "all") {
    tell(response, route, await route.handle({ deployed, request, response }));
    return;
  }
  const node = deployed.gallery(String(request.params["gallery"]));
  if (node === undefined) throw new HttpError(404, "no_gallery", phrase("api.noGallery"));
  await node.settled;
  if (node.waiting !== undefined) throw new HttpError(503, "gallery_waiting", node.waiting.sentence);
  const gallery = await node.gallery.catch((error: unknown) => {
    // The node itself has told the log.
    throw new HttpError(503, "gallery_failed", sayable(error));
  });
  await gallery.loaded();
  const upload = typeof route.body === "string";
  if (upload && uploads >= MOST_UPLOADS)
    throw new HttpError(503, "busy", phrase("api.uploadsBusy", { most: MOST_UPLOADS }));
  if (upload) uploads += 1;
  try {
    tell(response, route, await route.handle({ deployed, request, response, node, gallery }));
  } catch (error) {
    // Whatever went wrong, this is why.
    if (node.closing.aborted) throw new HttpError(503, "gallery_closed", phrase("api.galleryClosed"));
    throw error;
  } finally {
    if (upload) uploads -= 1;
  }
}

/** What is no JSON the handler has sent. */
function tell(response: Response, { answers, status }: Route, told: unknown): void {
  if (typeof answers !== "string") response.status(status ?? 200).json(told);
}

/**
 * The picture of a request as it is kept: a JPEG, upright, without metadata.
 * @throws an error with the status to answer
 */
export async function photoOf(request: Request): Promise<Buffer> {
  const bytes = await readUpload(request, MAX_PHOTO_BYTES, "image/*");
  return toKeptJpeg({ bytes, frame: undefined }).catch((error: unknown) => {
    throw error instanceof UserError ? new HttpError(422, "no_picture", error.sentence) : error;
  });
}

export function sendPicture(response: Response, jpeg: Buffer | undefined): void {
  if (jpeg === undefined) throw new HttpError(404, "no_picture", phrase("api.noPicture"));
  // Shown as a picture, or not at all.
  response.type("image/jpeg").set("Content-Security-Policy", "default-src 'none'; sandbox").send(jpeg);
}

/**
 * Writes an answer piece by piece, no faster than it is read.
 * @param closing of the gallery @returns throws once nobody reads any more, or the gallery closes
 */
export function writerOf(response: Response, closing: AbortSignal): (piece: string | Uint8Array) => Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, closing]);
  return async (piece) => {
    signal.throwIfAborted();
    if (!response.write(piece)) await once(response, "drain", { signal });
  };
}

/** "a,b" as a list. */
export const acceptQuery = z.object({
  accept: z
    .string()
    .max(500)
    .default("")
    .transform((text) => text.split(",").filter((code) => code !== "")),
});
