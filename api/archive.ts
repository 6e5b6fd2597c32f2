import type { Request } from "express";
import { z } from "zod";
import { importAnswer } from "./answers";
import { HttpError } from "./http/answer-error";
import { queryOf } from "./http/request";
import { brokenOff } from "./http/upload";
import { ofGallery, type Route, writerOf } from "./routes";
import { phrase } from "../lib/words/sentence";

/** The second is what Windows calls a zip. */
const ZIP_TYPES = ["application/zip", "application/x-zip-compressed"];

/** Somebody who sends nothing for so long must not hold the gallery, … */
const SILENCE_MS = 15_000;
/** … nor who sends, after that, more slowly than a weak phone: bytes in a second of waiting for them. */
const LEAST_RATE = 16 * 1024;

const exportQuery = z.object({
  visits: z.stringbool().default(false).describe("true: with visits, their pictures and embeddings"),
});

/** The body of a request, piece by piece. @throws HttpError when it comes too slowly, or the gallery closes */
async function* piecesOf(request: Request, closing: AbortSignal): AsyncGenerator<Uint8Array> {
  // Left open at the end, for the answer.
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  let received = 0;
  let waited = 0;
  try {
    for (;;) {
      const asked = performance.now();
      const piece = await inTime(pieces.next(), closing);
      if (piece.done === true) return;
      received += piece.value.length;
      // What happens here between two pieces is our own slowness.
      waited += performance.now() - asked;
      if (waited > SILENCE_MS && (1000 * received) / waited < LEAST_RATE) throw tooSlow();
      yield piece.value;
    }
  } catch (error) {
    throw brokenOff(request) ?? error;
  } finally {
    // Ends after a piece that is still waited for.
    pieces.return?.().catch(() => undefined);
  }
}

function tooSlow(): HttpError {
  return new HttpError(408, "too_slow", phrase("api.importTooSlow"));
}

async function inTime<T>(work: Promise<T>, closing: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(tooSlow()), SILENCE_MS);
    const closed = (): void => reject(closing.reason as Error);
    closing.addEventListener("abort", closed);
    stop = () => {
      clearTimeout(timer);
      closing.removeEventListener("abort", closed);
    };
  });
  try {
    closing.throwIfAborted();
    return await Promise.race([work, stopped]);
  } finally {
    stop();
  }
}

export const archive: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/export",
      permission: "write",
      summary: "Everything in one zip, photos, embeddings and check-ins included, not encrypted; visits on wish",
      query: exportQuery,
      answers: "application/zip",
    },
    async ({ node, gallery, request, response }) => {
      const { visits } = queryOf(request, exportQuery);
      response.status(200).set({
        "Content-Type": "application/zip",
        "Content-Disposition": `attachment; filename="gallery-${new Date().toISOString().slice(0, 10)}.zip"`,
      });
      await gallery.exportTo(writerOf(response, node.closing), { visits });
      response.end();
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/import",
      permission: "write",
      summary: "Add what an export holds",
      body: "application/zip",
      answers: importAnswer,
    },
    async ({ deployed, node, gallery, request }) => {
      if (!request.is(ZIP_TYPES))
        throw new HttpError(415, "content_type", phrase("api.bodyType", { type: "application/zip" }));
      const id = request.params["gallery"];
      const books = deployed.attendances().flatMap((each) => (each.served?.gallery === id ? [each.id] : []));
      return gallery.importFrom(piecesOf(request, node.closing), { books });
    },
  ),
];
