import type { Request } from "express";
import { HttpError } from "./answer-error";
import { phrase } from "../../lib/words/sentence";

/**
 * What a page of another site can send without asking first (Fetch standard, "CORS-safelisted request-header") is none
 * of these.
 */
const WRITE_TYPES = ["application/json", "image/*", "application/zip", "application/x-zip-compressed"];

/**
 * Without a login anybody who reaches Node-RED may use it; a page of another site in the browser of somebody who does
 * may not.
 * @throws HttpError
 */
export function refuseOtherSites(request: Request): void {
  const site = request.headers["sec-fetch-site"];
  const { origin, host } = request.headers;
  // Browsers of the last years tell; older ones tell the origin at least.
  const foreign =
    site === undefined ? origin !== undefined && hostOf(origin) !== host : site !== "same-origin" && site !== "none";
  if (foreign) throw new HttpError(403, "other_site", phrase("api.otherSite"));
}

/** @throws HttpError when a body could have come from a plain form */
export function refuseForms(request: Request): void {
  if (["GET", "HEAD", "DELETE"].includes(request.method)) return;
  if (!request.is(WRITE_TYPES)) throw new HttpError(415, "content_type", phrase("api.contentType"));
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
