import { on } from "node:events";
import type { Request } from "express";
import { HttpError } from "./answer-error";
import { phrase } from "../../lib/words/sentence";

/** Somebody who sends a byte now and then must not hold the connection. */
const UPLOAD_TIMEOUT_MS = 15_000;
/**
 * What still comes of a body that nobody wants is thrown away for so long, so that its sender hears the answer and not
 * a reset.
 */
const LINGER_MS = 1000;

/** The body of a request, bounded in size and time. @throws HttpError */
export async function readUpload(request: Request, maxBytes: number, type: string): Promise<Buffer> {
  if (request.is(type) === false) throw new HttpError(415, "upload", phrase("api.bodyType", { type }));
  const tooLarge = new HttpError(413, "upload", phrase("api.bodyTooLarge", { bytes: maxBytes }));
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge;
  const slow = AbortSignal.timeout(UPLOAD_TIMEOUT_MS);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Not the stream's own iterator: that ends the connection before the answer is sent.
    for await (const [chunk] of on(request, "data", { signal: slow, close: ["end", "close"] }) as AsyncIterable<
      [Buffer]
    >) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    if (slow.aborted) throw new HttpError(408, "upload", phrase("api.bodyTooSlow"));
    throw brokenOff(request) ?? error;
  }
  if (!request.complete) throw bodyCut();
  return Buffer.concat(chunks);
}

/** Who sent has gone in the middle: nobody's mistake. Undefined where they have not. */
export function brokenOff(request: Request): HttpError | undefined {
  return request.destroyed && !request.complete ? bodyCut() : undefined;
}

function bodyCut(): HttpError {
  return new HttpError(400, "upload", phrase("api.bodyCut"));
}

/** The request is answered though its body may still come: end the connection, but not before the answer was heard. */
export function abandon(request: Request): void {
  if (request.complete) return;
  setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MS).unref();
}
