import { z } from "zod";
import { NotFound } from "../lib/people/errors";
import { receiptSchema, timeSchema } from "../lib/people/people";
import type { VisitRecord } from "../lib/visits/book";
import { visitRecordSchema } from "../lib/visits/record";
import { alikeAnswer, visitPageAnswer } from "./answers";
import { bodyOf, queryOf } from "./http/request";
import { type GalleryCall, ofGallery, photoOf, type Route, sendPicture } from "./routes";

const MOST_ON_A_PAGE = 500;
const DAY_MS = 86_400_000;

const time = timeSchema.or(z.coerce.number().pipe(timeSchema));
const listQuery = z.object({
  person: z.string().max(300).optional().describe("Id of a person"),
  stranger: z.string().max(300).optional().describe("Id of a group of strangers"),
  zone: z.string().max(300).optional(),
  known: z.stringbool().optional().describe("true: people of the gallery; false: others"),
  from: time.optional().describe("Visits that were not over by then, milliseconds since the epoch"),
  to: time.optional().describe("Visits that had begun before, milliseconds since the epoch"),
  cursor: z.string().max(100).optional().describe("`next` of the page before"),
  offset: z.coerce.number().int().min(0).max(1e6).default(0).describe("Visits that are passed over"),
  limit: z.coerce.number().int().min(1).max(MOST_ON_A_PAGE).default(50),
});
const alikeQuery = z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) });
const visitsBody = z.strictObject({ visits: z.array(z.string().max(300)).min(1).max(1000) });

const NO_VISIT = "visits.gone";

async function visitOf({ gallery, request }: GalleryCall): Promise<VisitRecord> {
  const record = await gallery.keptVisits.get(request.params["visit"] ?? "");
  if (record === undefined) throw new NotFound(NO_VISIT);
  return record;
}

export const visits: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/visits",
      permission: "read",
      summary: "Who came when, the newest first, a page at a time",
      query: listQuery,
      answers: visitPageAnswer,
    },
    async ({ gallery, request }) => {
      const book = gallery.keptVisits;
      const query = queryOf(request, listQuery);
      const { visits: found, next = null } = await book.find(query);
      return {
        visits: found,
        next,
        matching: await book.count(query),
        zones: [...book.zones],
        total: book.size,
        days: book.keepMs / DAY_MS,
      };
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/visits/here",
      permission: "read",
      summary: "Who is here now: visits that have not ended",
      answers: z.array(visitRecordSchema),
    },
    async ({ gallery }) => [...gallery.keptVisits.open],
  ),
  ofGallery(
    {
      method: "post",
      path: "/visits/alike",
      permission: "read",
      summary: "Was this face here before? Of each face of a picture the visits most like it",
      query: alikeQuery,
      body: "image/*",
      answers: alikeAnswer,
    },
    async ({ node, gallery, request }) => {
      const { limit } = queryOf(request, alikeQuery);
      // Asked for first: no picture is looked at for nothing.
      const { size } = gallery.keptVisits;
      const faces = await gallery.alikeVisits(await photoOf(request), limit);
      // What is still in memory of a gallery that was removed is nobody's business.
      node.closing.throwIfAborted();
      return {
        // Distances are by the cohort where the network has one.
        threshold: gallery.roster.thresholdOf("cohort"),
        total: size,
        faces: faces.map(({ face: { box, score, quality, rejected }, visits: alike }) => ({
          box,
          score,
          quality,
          rejected,
          visits: alike,
        })),
      };
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/visits/delete",
      permission: "write",
      summary: "Delete several visits at once; who is not there any more is passed over; answers the receipt",
      body: visitsBody,
      answers: receiptSchema,
    },
    async ({ gallery, request }) => {
      const book = gallery.keptVisits;
      return book.remove((await bodyOf(request, visitsBody)).visits);
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/visits/:visit",
      permission: "read",
      summary: "One visit",
      answers: visitRecordSchema,
    },
    visitOf,
  ),
  ofGallery(
    {
      method: "get",
      path: "/visits/:visit/picture",
      permission: "read",
      summary: "The face of a visit",
      answers: "image/jpeg",
    },
    async (call) => {
      const { visit } = await visitOf(call);
      sendPicture(call.response, await call.gallery.keptVisits.snapshot(visit));
    },
  ),
  ofGallery(
    {
      method: "delete",
      path: "/visits/:visit",
      permission: "write",
      summary: "Delete a visit with its picture and embedding; answers the receipt",
      answers: receiptSchema,
    },
    async (call) => {
      const { visit } = await visitOf(call);
      return call.gallery.keptVisits.remove([visit]);
    },
  ),
  ofGallery(
    {
      method: "delete",
      path: "/people/:person/visits",
      permission: "write",
      summary: "Delete all visits of a person, who stays; answers the receipt",
      answers: receiptSchema,
    },
    async ({ gallery, request }) => {
      const { id } = gallery.details(request.params["person"] ?? "");
      return gallery.keptVisits.removeOf(id);
    },
  ),
];
