import { z } from "zod";
import { personFieldsSchema, personPatchSchema, personSchema, receiptSchema } from "../lib/people/people";
import { peoplePageSchema, personDetailsSchema, type PhotoEntry, photoEntrySchema } from "../lib/search/entries";
import { asideOf } from "../lib/search/outliers";
import type { Language } from "../lib/words/sentence";
import { languageOfRequest, told } from "./http/answer-error";
import { bodyOf, queryOf } from "./http/request";
import { addedAnswer, mergedAnswer, movedAnswer } from "./answers";
import { acceptQuery, ofGallery, photoOf, type Route, sendPicture } from "./routes";
import { own } from "../lib/validate";

const listQuery = z.object({
  search: z.string().max(200).default(""),
  group: z.string().max(100).optional(),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  sort: z.enum(["name", "lastSeen", "added"]).default("name"),
});

/** More at once would hold up the gallery for everybody. */
const MOST_AT_ONCE = 200;
const photoIds = z.array(z.string().max(64)).min(1).max(MOST_AT_ONCE);
const photosBody = z.strictObject({ photos: photoIds });
/** Somebody who is there by id, or anybody by name. */
const moveBody = z.strictObject({
  photos: photoIds,
  to: z.union([z.strictObject({ id: z.string().max(64) }), z.strictObject({ name: z.string().max(200) })]),
});
const mergeBody = z.strictObject({ into: z.string().max(64).describe("Id of the person who stays") });
const photoPatch = z
  .strictObject({
    sure: z
      .boolean()
      .optional()
      .describe(
        "true: it is this person, and is used however far it is from their other photos; false: it is set " +
          "aside if it is farther than τ",
      ),
    out: z.boolean().optional().describe("true: it is left out of recognition, and kept; false: it is used again"),
  })
  .refine(({ sure, out }) => sure !== undefined || out !== undefined, { message: own("api.sureOrOut") });
const photoQuery = acceptQuery.extend({
  at: z
    .string()
    .regex(/^\d{1,6}(?:\.\d{1,3})?,\d{1,6}(?:\.\d{1,3})?$/, own("api.point"))
    .transform((text) => {
      const [x = 0, y = 0] = text.split(",").map(Number);
      return { x, y };
    })
    .optional()
    .describe("Which face of a group photo: x,y in pixels of the picture as shown; only that face is kept"),
});

/** Express gives each parameter of the path as text. */
function param(params: Record<string, string>, name: string): string {
  return params[name] ?? "";
}

export const people: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/people",
      permission: "read",
      summary: "People, a page at a time, with the groups there are",
      query: listQuery,
      answers: peoplePageSchema,
    },
    async ({ gallery, request }) => gallery.listPeople(queryOf(request, listQuery)),
  ),
  ofGallery(
    {
      method: "post",
      path: "/people",
      permission: "write",
      summary: "Add a person",
      body: personFieldsSchema,
      status: 201,
      answers: personSchema,
    },
    async ({ gallery, request }) => gallery.createPerson(await bodyOf(request, personFieldsSchema)),
  ),
  ofGallery(
    {
      method: "get",
      path: "/people/:person",
      permission: "read",
      summary: "A person with notes and photos",
      answers: personDetailsSchema,
    },
    async ({ gallery, request }) => {
      const { photos, ...person } = gallery.details(param(request.params, "person"));
      return { ...person, photos: photos.map((photo) => photoIn(photo, languageOfRequest(request))) };
    },
  ),
  ofGallery(
    {
      method: "patch",
      path: "/people/:person",
      permission: "write",
      summary: "Change a person",
      body: personPatchSchema,
      answers: personSchema,
    },
    async ({ gallery, request }) =>
      gallery.updatePerson(param(request.params, "person"), await bodyOf(request, personPatchSchema)),
  ),
  ofGallery(
    {
      method: "delete",
      path: "/people/:person",
      permission: "write",
      summary: "Delete a person with everything that is known of them; answers the receipt",
      answers: receiptSchema,
    },
    async ({ gallery, request }) => gallery.forget({ id: param(request.params, "person") }),
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/photos",
      permission: "write",
      summary: "Judge a photo and keep it; 422 refuses it, 409 asks first",
      query: photoQuery,
      body: "image/*",
      status: 201,
      answers: addedAnswer,
    },
    async ({ gallery, request }) => {
      const { accept, at } = queryOf(request, photoQuery);
      const { photo, judgement } = await gallery.addPhoto(
        { id: param(request.params, "person") },
        await photoOf(request),
        { origin: "upload", accept, at },
      );
      return { photo, judgement: told(judgement, languageOfRequest(request)) };
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/people/:person/photos/:photo",
      permission: "read",
      summary: "A photo",
      answers: "image/jpeg",
    },
    async ({ gallery, request, response }) => {
      sendPicture(response, await gallery.photoBytes(param(request.params, "person"), param(request.params, "photo")));
    },
  ),
  ofGallery(
    {
      method: "patch",
      path: "/people/:person/photos/:photo",
      permission: "write",
      summary:
        "Use a photo that is set aside all the same, or leave one out of recognition, and take either back; " +
        "answers the photo",
      body: photoPatch,
      answers: photoEntrySchema,
    },
    async ({ gallery, request }) => {
      // An address that names nobody is told first, whatever the body.
      const { id } = gallery.details(param(request.params, "person"));
      const photo = param(request.params, "photo");
      const { sure, out } = await bodyOf(request, photoPatch);
      const left = out === undefined ? undefined : await gallery.leaveOut(id, photo, out);
      // The body says one of the two at least.
      const entry = left !== undefined && sure === undefined ? left : await gallery.usePhoto(id, photo, sure === true);
      return photoIn(entry, languageOfRequest(request));
    },
  ),
  ofGallery(
    {
      method: "get",
      path: "/people/:person/photos/:photo/thumbnail",
      permission: "read",
      summary: "The face of a photo, small",
      answers: "image/jpeg",
    },
    async ({ gallery, request, response }) => {
      sendPicture(response, await gallery.thumbnail(param(request.params, "person"), param(request.params, "photo")));
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/merge",
      permission: "write",
      summary: "This person is another one: photos, notes and groups go over, and this one is gone",
      body: mergeBody,
      answers: mergedAnswer,
    },
    async ({ gallery, request }) => {
      const { into } = await bodyOf(request, mergeBody);
      return gallery.merge(param(request.params, "person"), into);
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/photos/move",
      permission: "write",
      summary: "Photos are another person's, by id, or by a name that may be new",
      body: moveBody,
      answers: movedAnswer,
    },
    async ({ gallery, request }) => {
      const { photos, to } = await bodyOf(request, moveBody);
      return gallery.movePhotos(param(request.params, "person"), photos, to);
    },
  ),
  ofGallery(
    {
      method: "post",
      path: "/people/:person/photos/delete",
      permission: "write",
      summary: "Delete several photos at once; answers the receipt",
      body: photosBody,
      answers: receiptSchema,
    },
    async ({ gallery, request }) =>
      gallery.removePhotos(param(request.params, "person"), (await bodyOf(request, photosBody)).photos),
  ),
  ofGallery(
    {
      method: "delete",
      path: "/people/:person/photos/:photo",
      permission: "write",
      summary: "Delete a photo; answers the receipt",
      answers: receiptSchema,
    },
    async ({ gallery, request }) =>
      gallery.removePhoto(param(request.params, "person"), param(request.params, "photo")),
  ),
];

/** A photo, and why it is set aside in a language. */
function photoIn(photo: PhotoEntry, language: Language): PhotoEntry {
  const { aside } = photo;
  return { ...photo, aside: aside && asideOf(aside.distance, aside.threshold, language) };
}
