import { z } from "zod";
import { downloads, downloadStateSchema, TooManyDownloads } from "../lib/models/downloads";
import { listedModelSchema, listModels } from "../lib/models/list";
import { HttpError, languageOfRequest } from "./http/answer-error";
import { bodyOf } from "./http/request";
import { type Call, ofAll, type Route } from "./routes";
import { phrase } from "../lib/words/sentence";

const nothing = z.strictObject({});

const idOf = ({ request }: Call): string => String(request.params["model"]);

export const models: Route[] = [
  ofAll(
    {
      method: "get",
      path: "/models",
      permission: "read",
      summary: "The networks that are here or can be downloaded, and packs that cannot be used",
      answers: z.array(listedModelSchema),
    },
    async ({ request }) => listModels(undefined, languageOfRequest(request)),
  ),
  ofAll(
    {
      method: "post",
      path: "/models/:model/download",
      permission: "write",
      summary: "Download a network, or go on where it stopped; GET models tells how far it is",
      body: nothing,
      answers: downloadStateSchema,
    },
    async (call) => {
      await bodyOf(call.request, nothing);
      const id = idOf(call);
      try {
        const state = downloads.start(id);
        if (state === undefined) throw new HttpError(404, "no_model", phrase("api.noModel", { id }));
        return state;
      } catch (error) {
        throw error instanceof TooManyDownloads ? new HttpError(503, "busy", error.sentence) : error;
      }
    },
  ),
  ofAll(
    {
      method: "delete",
      path: "/models/:model/download",
      permission: "write",
      summary: "Cancel a download, and remove what has come",
      answers: downloadStateSchema,
    },
    async (call) => {
      const id = idOf(call);
      const state = await downloads.cancel(id);
      if (state === undefined) throw new HttpError(404, "no_download", phrase("api.noDownload", { id }));
      return state;
    },
  ),
];
