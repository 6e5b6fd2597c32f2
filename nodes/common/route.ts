import type { Request, RequestHandler, Response } from "express";
import type { NodeAPI } from "node-red";
import { answerError } from "./answer-error";
import { refuseOtherHosts } from "./refuse-hosts";
import { abandon } from "./upload";

/** An admin route that answers with an error when its work throws, instead of ending Node-RED. */
export function route(RED: NodeAPI, work: (request: Request, response: Response) => Promise<void>): RequestHandler {
  return (request, response) => {
    const answer = async (): Promise<void> => {
      refuseOtherHosts(RED, request);
      await work(request, response);
    };
    answer()
      .catch((error: unknown) => answerError(RED, response, error))
      .finally(() => abandon(request));
  };
}
