import type { Request } from "express";

/** Somebody who sends a byte now and then must not hold the connection. */
const UPLOAD_TIMEOUT_MS = 15_000;

class UploadError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The body of a request, bounded in size and time. @throws an error with the HTTP status to answer */
export async function readUpload(request: Request, maxBytes: number, type: string): Promise<Buffer> {
  if (request.is(type) === false) throw new UploadError(415, `the body must be ${type}`);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw new UploadError(413, `the body has more than ${maxBytes} bytes`);
  const chunks: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(() => request.destroy(new UploadError(408, "the body came too slowly")), UPLOAD_TIMEOUT_MS);
  try {
    for await (const chunk of request) {
      length += (chunk as Buffer).length;
      if (length > maxBytes) throw new UploadError(413, `the body has more than ${maxBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}
