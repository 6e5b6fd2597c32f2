import type { Request, RequestHandler, Response } from "express";

/** An admin route that answers 500 with a sentence when its work throws, instead of ending Node-RED. */
export function route(work: (request: Request, response: Response) => Promise<void>): RequestHandler {
  return (request, response) => {
    work(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.status((error as { status?: number }).status ?? 500).json({ error: error instanceof Error ? error.message : String(error) });
    });
  };
}
