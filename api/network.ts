import { z } from "zod";
import { networkEstimateSchema, networkStateSchema } from "../lib/gallery/network-state";
import { HttpError, languageOfRequest } from "./http/answer-error";
import { bodyOf, queryOf } from "./http/request";
import { ofGallery, type Route } from "./routes";
import { phrase } from "../lib/words/sentence";
import { own } from "../lib/validate";

/**
 * A built-in id, or a pack's. A path would have whoever may look at people look at files too: it can be chosen in the
 * gallery's form.
 */
const key = z
  .string()
  .regex(/^[\w.+-]{1,100}$/, own("api.networkId"))
  .refine((id) => !id.endsWith(".json"), own("api.noFileName"));

const estimateQuery = z.object({ network: key });

const networkBody = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("change"), network: key }),
  z.strictObject({ do: z.enum(["pause", "continue", "cancel", "accept", "undo", "keep", "dismiss"]) }),
]);

/** Measuring takes the networks from the cameras for a moment. */
let estimating = false;

export const network: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/network",
      permission: "read",
      summary: "Which network decides, how a change of it goes on, and whether it can be taken back",
      answers: networkStateSchema.nullable(),
    },
    async ({ gallery, request }) => gallery.networkIn(languageOfRequest(request)),
  ),
  ofGallery(
    {
      method: "get",
      path: "/network/estimate",
      permission: "read",
      summary:
        "What a change to a network would cost on this computer, measured on a few of the gallery's photos, " +
        "and who could not come along",
      query: estimateQuery,
      answers: networkEstimateSchema,
    },
    async ({ gallery, request }) => {
      const { network: wanted } = queryOf(request, estimateQuery);
      if (estimating) throw new HttpError(503, "busy", phrase("api.estimateBusy"));
      estimating = true;
      const estimate = await gallery.networks.estimate(wanted).finally(() => {
        estimating = false;
      });
      return estimate;
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/network",
      permission: "write",
      summary:
        "Change to another network in the background; pause that, go on, cancel it, accept that some people " +
        "stay behind; take a change back, keep it for good, or decline the offer of one",
      body: networkBody,
      answers: networkStateSchema.nullable(),
    },
    async ({ gallery, request }) => {
      const wanted = await bodyOf(request, networkBody);
      const { networks } = gallery;
      switch (wanted.do) {
        case "change":
          await networks.changeTo(wanted.network);
          break;
        case "pause":
        case "continue":
          networks.pause(wanted.do === "pause");
          break;
        default:
          await networks[wanted.do]();
      }
      return gallery.networkIn(languageOfRequest(request));
    },
  ),
];
