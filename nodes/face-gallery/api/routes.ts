/** What a route is, and how it is registered: permission, other sites, errors and the gallery it is about, the same for all. */
import type { Request, Response } from "express";
import type { NodeAPI } from "node-red";
import { z } from "zod";
import { NameTaken, NotFound } from "../../../lib/gallery/directory";
import { type Gallery, NotKept } from "../../../lib/gallery/gallery";
import type { Judgement } from "../../../lib/gallery/judge";
import { toKeptJpeg } from "../../../lib/image/encode";
import { sentence } from "../../../lib/validate";
import { readUpload } from "../../common/upload";
import type { FaceGalleryNode } from "../face-gallery";
import { HttpError, refuseForms, refuseOtherSites } from "./guard";

/** Under Node-RED's admin root. */
export const API_ROOT = "/facenet/api";

export const PERMISSIONS = { read: "facenet.read", write: "facenet.write" } as const;

/** What a handler works with. */
export interface Call {
  RED: NodeAPI;
  request: Request;
  response: Response;
}

export interface GalleryCall extends Call {
  node: FaceGalleryNode;
  gallery: Gallery;
}

interface RouteBase {
  method: "get" | "post" | "patch" | "delete";
  /** After API_ROOT; parameters as ":id". */
  path: string;
  permission: keyof typeof PERMISSIONS;
  summary: string;
  query?: z.ZodObject;
  /** A schema of JSON, or the type of what is uploaded. */
  body?: z.ZodType | "image/*" | "application/zip";
  /** Type of the answer; JSON where it is not given. */
  answers?: "image/jpeg" | "application/zip" | "text/event-stream" | "text/plain";
  /** Status of success; 200 where it is not given. */
  status?: 201;
}

export type Route = RouteBase & ({ about: "gallery"; handle: (call: GalleryCall) => Promise<void> } | { about: "all"; handle: (call: Call) => Promise<void> });

const ID = /^[\w.-]{1,100}$/;
const MAX_JSON_BYTES = 64 * 1024;
const MAX_PHOTO_BYTES = 50 * 1024 * 1024;

/** A route about one gallery; its path begins with the gallery's id. */
export function ofGallery(base: RouteBase, handle: (call: GalleryCall) => Promise<void>): Route {
  return { ...base, path: `/:gallery${base.path}`, about: "gallery", handle };
}

export function ofAll(base: RouteBase, handle: (call: Call) => Promise<void>): Route {
  return { ...base, about: "all", handle };
}

export function register(RED: NodeAPI, routes: readonly Route[]): void {
  for (const route of routes) {
    RED.httpAdmin[route.method](API_ROOT + route.path, RED.auth.needsPermission(PERMISSIONS[route.permission]), (request, response) => {
      response.set({ "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" });
      answer(RED, route, request, response).catch((error: unknown) => fail(response, error));
    });
  }
}

async function answer(RED: NodeAPI, route: Route, request: Request, response: Response): Promise<void> {
  refuseOtherSites(request);
  refuseForms(request);
  for (const value of Object.values(request.params)) if (!ID.test(value)) throw new HttpError(404, "not_found", "there is nothing at this address.");
  if (route.about === "all") {
    await route.handle({ RED, request, response });
    return;
  }
  const node = RED.nodes.getNode(String(request.params["gallery"])) as FaceGalleryNode | null;
  if (node?.gallery === undefined) throw new HttpError(404, "no_gallery", "there is no such gallery: deploy the flow, and look at the gallery's id.");
  const gallery = await node.gallery.catch((error: unknown) => {
    throw new HttpError(503, "gallery_failed", said(error));
  });
  await gallery.loaded();
  await route.handle({ RED, request, response, node, gallery });
}

function fail(response: Response, error: unknown): void {
  // The connection is beyond words once the answer has begun.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, code } = kindOf(error);
  response.status(status).json({ error: said(error), code, ...(error instanceof NotKept ? { judgement: told(error.judgement) } : {}) });
}

function kindOf(error: unknown): { status: number; code: string } {
  if (error instanceof HttpError) return error;
  if (error instanceof NotFound) return { status: 404, code: "not_found" };
  if (error instanceof NameTaken) return { status: 409, code: "name_taken" };
  if (error instanceof NotKept) return error.judgement.verdict === "ask" ? { status: 409, code: "asks" } : { status: 422, code: "refused" };
  const { status, cause } = error as { status?: unknown; cause?: { code?: unknown } | undefined };
  if (typeof status === "number") return { status, code: "upload" };
  // The system's own: a full disk, a folder that is away.
  return typeof cause?.code === "string" ? { status: 500, code: "storage" } : { status: 400, code: "invalid" };
}

/** A judgement without the face it is about. */
export function told({ findings, accepted, verdict }: Judgement): Omit<Judgement, "face"> {
  return { findings, accepted, verdict };
}

/** The query of a request. @throws HttpError that names the field */
export function queryOf<T extends z.ZodObject>(request: Request, schema: T): z.infer<T> {
  return checked(schema, request.query);
}

/** The JSON body of a request. @throws HttpError that names the field */
export async function bodyOf<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  // Node-RED has parsed it already, unless it was none.
  const parsed: unknown = request.body;
  if (typeof parsed === "object" && parsed !== null && request.readableEnded) return checked(schema, parsed);
  const text = (await readUpload(request, MAX_JSON_BYTES, "application/json")).toString();
  let json: unknown;
  try {
    json = text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, "malformed", `the body is no JSON: ${said(error)}.`);
  }
  return checked(schema, json);
}

/** The picture of a request as it is kept: a JPEG, upright, without metadata. @throws an error with the status to answer */
export async function photoOf(request: Request): Promise<Buffer> {
  const bytes = await readUpload(request, MAX_PHOTO_BYTES, "image/*");
  return toKeptJpeg({ bytes, frame: undefined }).catch((error: unknown) => {
    throw new HttpError(422, "no_picture", said(error).replace("msg.payload", "the body"));
  });
}

export function sendPicture(response: Response, jpeg: Buffer | undefined): void {
  if (jpeg === undefined) throw new HttpError(404, "no_picture", "this picture is not kept.");
  // Shown as a picture, or not at all.
  response.type("image/jpeg").set("Content-Security-Policy", "default-src 'none'; sandbox").send(jpeg);
}

/** "a,b" as a list. */
export const acceptQuery = z.object({ accept: z.string().max(500).default("").transform((text) => text.split(",").filter((code) => code !== "")) });

function checked<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new HttpError(400, "invalid", `${sentence(parsed.error)}.`);
  return parsed.data;
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
