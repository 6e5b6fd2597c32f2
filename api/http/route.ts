import type { Request, RequestHandler, Response } from "express";
import type { AdminServer } from "../host";
import { answerError } from "./answer-error";
import { refuseOtherHosts } from "./refuse-hosts";
import { abandon } from "./upload";

/** An admin route that answers with an error when its work throws, instead of ending Node-RED. */
export function route(
  server: AdminServer,
  work: (request: Request, response: Response) => Promise<void>,
): RequestHandler {
  return (request, response) => {
    const answer = async (): Promise<void> => {
      refuseOtherHosts(server, request);
      await work(request, response);
    };
    answer()
      .catch((error: unknown) => answerError(server, response, error))
      .finally(() => abandon(request));
  };
}
