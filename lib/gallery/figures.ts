/** What a gallery tells of itself. */
import { z } from "zod";
import { wantedThresholdSchema } from "../calibrate/wanted";
import { progressSchema } from "../enrol/photo-folder";
import { countSchema } from "../validate";
import { networkStateSchema } from "./network-state";
import { siteSummarySchema } from "./sites";

const problemSchema = z.object({
  file: z.string().describe("In the photo folder; empty when it is not about one photo"),
  code: z.string(),
  message: z.string().describe("A sentence"),
});

export const gallerySummarySchema = z.object({
  people: countSchema,
  photos: countSchema,
  embeddings: countSchema.describe("Of the present model"),
  unknowns: countSchema,
  anchors: countSchema,
  model: z.string(),
  threshold: z.number().min(0).describe("τ of the model's Euclidean distance"),
  cohortThreshold: z
    .number()
    .nullable()
    .describe("τ of its cohort-normalised distance; null where the model has no cohort"),
  wanted: wantedThresholdSchema
    .nullable()
    .describe(
      "τ with one stranger of a hundred named, with the people who are here now; null where it cannot be said",
    ),
  keepPhotos: z.boolean(),
  encrypted: z.boolean(),
  paused: z.boolean().describe("Whether embedding the folder's new photos was stopped"),
  progress: progressSchema.nullable(),
  network: networkStateSchema.nullable().describe("null where the gallery cannot change its network"),
  site: siteSummarySchema.nullable().describe("null where the gallery is this computer's alone"),
  problems: z.array(problemSchema),
});
export type GallerySummary = z.infer<typeof gallerySummarySchema>;
