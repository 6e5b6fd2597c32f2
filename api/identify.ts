import { z } from "zod";
import { USUAL_WANTED } from "../lib/calibrate/wanted";
import { decide } from "../lib/match/match";
import { matchOptionsSchema, thresholdSchema, wantedSchema } from "../lib/match/options";
import { ruleOf, rulingIn, rulingSchema } from "../lib/match/threshold";
import { distanceSchema } from "../lib/search/distance-kind";
import { languageOfRequest } from "./http/answer-error";
import { queryOf } from "./http/request";
import { type FacesAnswer, facesAnswer } from "./answers";
import { type GalleryCall, ofGallery, photoOf, type Route } from "./routes";

const judgingQuery = z.object({
  /** What τ is compared with; a model without a cohort is compared by Euclidean distance either way. */
  distance: distanceSchema.default("cohort"),
  /** A fixed τ, whatever strangers are wanted. */
  threshold: thresholdSchema.optional(),
  /**
   * Share of strangers who may get a name, from which τ of the cohort-normalised distance follows: 0.01 is one in a
   * hundred.
   */
  strangers: z.coerce.number().pipe(wantedSchema).default(USUAL_WANTED),
});

type Judging = z.infer<typeof judgingQuery>;

const judgingOf = ({ strangers, ...judging }: Judging) => matchOptionsSchema.parse({ ...judging, wanted: strangers });

const thresholdQuery = judgingQuery.extend({
  /** identify: who is it (1:K); verify: is it this person (1:1). */
  question: z.enum(["identify", "verify"]).default("identify"),
  /** In verification the claimed name; without it whoever has most photos. */
  claim: z.string().max(200).default(""),
});

/** What may be told of a face: everything but the embedding and the points. */
async function facesOf(
  { node, gallery, request }: GalleryCall,
  claim: string | undefined,
): Promise<FacesAnswer["faces"]> {
  const options = judgingOf(queryOf(request, judgingQuery));
  const faces = await gallery.encode(await photoOf(request));
  // What is still in memory of a gallery that was removed is nobody's business.
  node.closing.throwIfAborted();
  return Promise.all(
    faces.map(async (face) => ({
      box: face.box,
      score: face.score,
      quality: face.quality,
      rejected: face.rejected,
      identity: await decide(face, { gallery: gallery.roster, options, claim, age: undefined }),
    })),
  );
}

export const identify: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/threshold",
      permission: "read",
      summary: "τ as it comes out for a question with the people who are here now, and why",
      query: thresholdQuery,
      answers: rulingSchema,
    },
    async ({ gallery, request }) => {
      const { question, claim, ...judging } = queryOf(request, thresholdQuery);
      const ruled = ruleOf(gallery.roster, judgingOf(judging), question === "verify" ? claim : undefined);
      return rulingIn(ruled, languageOfRequest(request));
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/identify",
      permission: "read",
      summary: "Who is on this picture? (1:K; τ follows from the strangers wanted)",
      query: judgingQuery,
      body: "image/*",
      answers: facesAnswer,
    },
    async (call) => ({ faces: await facesOf(call, undefined) }),
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/verify",
      permission: "read",
      summary: "Is this person on this picture? (1:1; τ follows from the strangers wanted)",
      query: judgingQuery,
      body: "image/*",
      answers: facesAnswer,
    },
    async (call) => {
      const { name } = call.gallery.details(call.request.params["person"] ?? "");
      return { faces: await facesOf(call, name) };
    },
  ),
];
