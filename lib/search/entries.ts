/** People and photos as lists and the editor show them. */
import { z } from "zod";
import { personSchema, photoSchema } from "../people/people";
import { countSchema } from "../validate";

/** A person as lists show them. */
export const personEntrySchema = personSchema.omit({ notes: true }).extend({
  photos: countSchema,
  thumbnail: photoSchema.shape.id.nullable().describe("A photo that has a thumbnail"),
  out: z.boolean().describe("Never recognized: all photos that could be compared are left out"),
});
export type PersonEntry = z.infer<typeof personEntrySchema>;

export const peoplePageSchema = z
  .object({
    total: countSchema.describe("On all pages"),
    groups: z.array(z.object({ name: z.string(), count: countSchema })).describe("Of the whole gallery"),
    people: z.array(personEntrySchema),
  })
  .meta({ id: "PeoplePage" });
export type PeoplePage = z.infer<typeof peoplePageSchema>;

/** Why a photo is set aside. */
export const asideSchema = z.object({
  distance: z.number().describe("Cohort-normalised, to the mean of the person's other photos"),
  threshold: z.number().describe("τ of that distance"),
  reason: z.string().describe("A sentence"),
});
export type Aside = z.infer<typeof asideSchema>;

export const photoEntrySchema = photoSchema
  .extend({
    thumbnail: z.boolean().describe("Whether there is one"),
    usable: z.boolean().describe("Whether it has an embedding of the present model"),
    aside: asideSchema.nullable().describe("Why nobody is compared with it; null where it is compared"),
    sure: z.boolean().describe("Whether somebody said that it is this person, however far from their other photos"),
    out: z
      .boolean()
      .describe("Whether somebody left it out of recognition: it is kept, and nobody is compared with it"),
  })
  .meta({ id: "PhotoEntry" });
export type PhotoEntry = z.infer<typeof photoEntrySchema>;

export const personDetailsSchema = personSchema
  .extend({ photos: z.array(photoEntrySchema) })
  .meta({ id: "PersonDetails" });
export type PersonDetails = z.infer<typeof personDetailsSchema>;
