import { once } from "node:events";
import type { Request } from "express";
import { HttpError } from "./guard";
import { ofGallery, type Route } from "./routes";

/** Somebody who sends nothing for so long must not hold the connection. */
const SILENCE_MS = 15_000;

/** The body of a request, piece by piece. @throws HttpError when it stops coming */
async function* piecesOf(request: Request): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => request.destroy(new HttpError(408, "too_slow", "the body came too slowly: nothing was imported.")), SILENCE_MS);
  };
  try {
    wait();
    for await (const piece of request) {
      // What happens here between two pieces is our own slowness.
      clearTimeout(timer);
      yield piece as Uint8Array;
      wait();
    }
  } finally {
    clearTimeout(timer);
  }
}

export const archive: Route[] = [
  ofGallery({ method: "get", path: "/export", permission: "write", summary: "Everything in one zip, photos and embeddings included, not encrypted", answers: "application/zip" }, async ({ gallery, response }) => {
    response.status(200).set({ "Content-Type": "application/zip", "Content-Disposition": `attachment; filename="gallery-${new Date().toISOString().slice(0, 10)}.zip"` });
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    await gallery.exportTo(async (chunk) => {
      gone.signal.throwIfAborted();
      if (!response.write(chunk)) await once(response, "drain", { signal: gone.signal });
    });
    response.end();
  }),
  ofGallery({ method: "post", path: "/import", permission: "write", summary: "Add what an export holds", body: "application/zip" }, async ({ gallery, request, response }) => {
    if (!request.is("application/zip")) throw new HttpError(415, "content_type", "the body must be application/zip.");
    response.json(await gallery.importFrom(piecesOf(request)));
  }),
];
