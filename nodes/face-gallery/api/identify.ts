import { z } from "zod";
import { decide, distanceSchema, matchOptionsSchema } from "../../../lib/match/match";
import type { Face } from "../../../lib/message";
import { queryOf } from "../../common/request";
import { facesAnswer } from "./answers";
import { type GalleryCall, ofGallery, photoOf, type Route } from "./routes";

/** A model without a cohort is compared by Euclidean distance either way. */
const distanceQuery = z.object({ distance: distanceSchema.default("cohort") });

/** What may be told of a face: everything but the embedding and the points. */
async function facesOf({ node, gallery, request }: GalleryCall, claim: string | undefined): Promise<Pick<Face, "box" | "score" | "quality" | "rejected" | "identity">[]> {
  const options = matchOptionsSchema.parse(queryOf(request, distanceQuery));
  const faces = await gallery.encode(await photoOf(request));
  // What is still in memory of a gallery that was removed is nobody's business.
  node.closing.throwIfAborted();
  return Promise.all(faces.map(async (face) => ({ box: face.box, score: face.score, quality: face.quality, rejected: face.rejected, identity: await decide(face, { gallery: gallery.roster, options, claim, age: undefined }) })));
}

export const identify: Route[] = [
  ofGallery({ method: "post", path: "/identify", permission: "read", summary: "Who is on this picture? (1:K, with the model's own τ)", query: distanceQuery, body: "image/*", answers: facesAnswer }, async (call) => {
    call.response.json({ faces: await facesOf(call, undefined) });
  }),
  ofGallery({ method: "post", path: "/people/:person/verify", permission: "read", summary: "Is this person on this picture? (1:1, with the model's own τ)", query: distanceQuery, body: "image/*", answers: facesAnswer }, async (call) => {
    const { name } = call.gallery.details(call.request.params["person"] ?? "");
    call.response.json({ faces: await facesOf(call, name) });
  }),
];
