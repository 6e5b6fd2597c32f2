import { z } from "zod";
import type { Gallery } from "../lib/gallery/gallery";
import { type Anchor, correctionSchema, personSchema, receiptSchema } from "../lib/people/people";
import { unknownEntrySchema } from "../lib/unknowns/entry";
import { bodyOf } from "./http/request";
import { anchorAnswer } from "./answers";
import { ofGallery, type Route, sendPicture } from "./routes";

const nameBody = z.strictObject({
  name: z.string().max(200),
  accept: z.array(z.string().max(40)).max(20).default([]),
});
const idsBody = z.strictObject({ ids: z.array(z.string().max(64)).min(1).max(1000) });
const emptyBody = z.strictObject({});

/** An anchor as it may be told: with whom it is about, without the embedding. */
export function shownAnchor(
  gallery: Gallery,
  { id, against, note, createdAt, model }: Omit<Anchor, "vector">,
): z.infer<typeof anchorAnswer> {
  return {
    id,
    against,
    againstName: against === null ? null : (gallery.nameOf(against) ?? null),
    note,
    createdAt,
    model,
  };
}

export const unknowns: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/unknowns",
      permission: "read",
      summary: "Strangers for review, last seen first",
      answers: z.array(unknownEntrySchema),
    },
    async ({ gallery }) => gallery.unknowns(),
  ),
  ofGallery(
    {
      method: "get",
      path: "/unknowns/:unknown/pictures/:index",
      permission: "read",
      summary: "A picture of a stranger, counted from 0",
      answers: "image/jpeg",
    },
    async ({ gallery, request, response }) => {
      sendPicture(
        response,
        await gallery.unknownPicture(request.params["unknown"] ?? "", Number(request.params["index"])),
      );
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/unknowns/:unknown/name",
      permission: "write",
      summary: "The stranger is somebody: keep them as that person; 409 asks first",
      body: nameBody,
      answers: z.strictObject({ person: personSchema }),
    },
    async ({ gallery, request }) => {
      const { name, accept } = await bodyOf(request, nameBody);
      return { person: await gallery.nameUnknown(request.params["unknown"] ?? "", name, { accept }) };
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/unknowns/:unknown/ignore",
      permission: "write",
      summary: "Nobody we know: never take them for anybody",
      body: emptyBody,
      answers: z.strictObject({ anchors: z.array(z.string()) }),
    },
    async ({ gallery, request }) => {
      await bodyOf(request, emptyBody);
      return gallery.ignoreUnknown(request.params["unknown"] ?? "");
    },
  ),
  ofGallery(
    {
      method: "delete",
      path: "/unknowns/:unknown",
      permission: "write",
      summary: "Delete a stranger; answers the receipt",
      answers: receiptSchema,
    },
    async ({ gallery, request }) => gallery.removeUnknown(request.params["unknown"] ?? ""),
  ),
  ofGallery(
    {
      method: "post",
      path: "/unknowns/delete",
      permission: "write",
      summary: "Delete several strangers at once; who is not there any more is passed over; answers the receipt",
      body: idsBody,
      answers: receiptSchema,
    },
    async ({ gallery, request }) => gallery.removeUnknowns((await bodyOf(request, idsBody)).ids),
  ),
  ofGallery(
    {
      method: "get",
      path: "/corrections",
      permission: "read",
      summary: "What people have said against or beside a decision, newest first",
      answers: z.array(correctionSchema),
    },
    async ({ gallery }) => gallery.corrections(),
  ),
  ofGallery(
    {
      method: "delete",
      path: "/corrections/:correction",
      permission: "write",
      summary: "Take a correction back; answers the receipt of what was deleted",
      answers: receiptSchema,
    },
    async ({ gallery, request }) => gallery.undoCorrection(request.params["correction"] ?? ""),
  ),
  ofGallery(
    {
      method: "get",
      path: "/anchors",
      permission: "read",
      summary: "Negative anchors: faces that are not somebody",
      answers: z.array(anchorAnswer),
    },
    async ({ gallery }) => gallery.anchors().map((anchor) => shownAnchor(gallery, anchor)),
  ),
  ofGallery(
    {
      method: "delete",
      path: "/anchors/:anchor",
      permission: "write",
      summary: "Delete a negative anchor; answers the receipt",
      answers: receiptSchema,
    },
    async ({ gallery, request }) => gallery.removeAnchor(request.params["anchor"] ?? ""),
  ),
];
