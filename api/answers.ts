/**
 * What the API answers, as schemas: for the description of the API, for the handlers' and the editor's types, and for
 * the tests that hold each answer against it. What a room of lib/ states of its own is not said again here.
 */
import { z } from "zod";
import { MODES } from "../lib/attendance/check-in";
import { progressSchema } from "../lib/enrol/photo-folder";
import { toldJudgementSchema } from "../lib/enrol/judge";
import { gallerySummarySchema } from "../lib/gallery/figures";
import { rulingSchema } from "../lib/match/threshold";
import { bareIdentitySchema, boxSchema, qualitySchema, rejectReasonSchema } from "../lib/message";
import { anchorSchema, personSchema, photoSchema, timeSchema } from "../lib/people/people";
import { engineStateSchema, modelStateSchema, versionsSchema } from "../lib/observe/diagnosis";
import { failureSchema } from "../lib/observe/failures";
import { distanceSchema } from "../lib/search/distance-kind";
import { visitRecordSchema } from "../lib/visits/record";
import { countSchema } from "../lib/validate";

export const galleryAnswer = gallerySummarySchema
  .extend({
    id: z.string().describe("Of the node"),
    name: z.string(),
    model: gallerySummarySchema.shape.model.nullable(),
    threshold: gallerySummarySchema.shape.threshold.nullable(),
    error: z.string().optional().describe("Why it does not work at all"),
  })
  .meta({ id: "Gallery" });
export type GalleryAnswer = z.infer<typeof galleryAnswer>;

export const cameraAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    running: z.boolean(),
    width: countSchema.nullable().describe("Pixels of the newest frame; null while none comes"),
    height: countSchema.nullable(),
  })
  .meta({ id: "Camera" });
export type CameraAnswer = z.infer<typeof cameraAnswer>;

export const matcherAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    gallery: z.string(),
    distance: distanceSchema.describe("What its τ is compared with"),
    threshold: z.number().nullable().describe("A fixed τ as the node sets it; null where it sets none"),
    wanted: z
      .number()
      .nullable()
      .describe("The share of strangers who may get a name, from which its τ follows; null is a fixed τ"),
    decides: rulingSchema.nullable().describe("τ as it is now, and why; null while its gallery is not open"),
  })
  .meta({ id: "Matcher" });
export type MatcherAnswer = z.infer<typeof matcherAnswer>;

export const enrolmentAnswer = z.object({ paused: z.boolean(), progress: progressSchema.nullable() });

export const addedAnswer = z.object({ photo: photoSchema, judgement: toldJudgementSchema });
export type AddedAnswer = z.infer<typeof addedAnswer>;

export const captureAnswer = z.object({
  taken: z.array(addedAnswer.partial({ photo: true })),
  missed: z.string().nullable().describe("Why there are fewer than were asked for"),
});
export type CaptureAnswer = z.infer<typeof captureAnswer>;

const usedAgain = countSchema.describe(
  "Photos that were left out of recognition, and are used now because the person would have no other",
);
export const movedAnswer = z.object({ person: personSchema, photos: z.array(photoSchema), usedAgain });
export type MovedAnswer = z.infer<typeof movedAnswer>;
export const mergedAnswer = personSchema.extend({ usedAgain }).meta({ id: "MergedPerson" });
export type MergedAnswer = z.infer<typeof mergedAnswer>;

export const facesAnswer = z.object({
  faces: z.array(
    z.object({
      box: boxSchema.describe("Pixels of the picture as shown"),
      score: z.number(),
      quality: qualitySchema.strip().optional(),
      rejected: rejectReasonSchema.optional(),
      identity: bareIdentitySchema.meta({ id: "Identity" }),
    }),
  ),
});
export type FacesAnswer = z.infer<typeof facesAnswer>;

export const visitPageAnswer = z.object({
  visits: z.array(visitRecordSchema),
  next: z.string().nullable().describe("The cursor of the next page; null on the last"),
  matching: countSchema.describe("Visits that were asked for, on all pages"),
  zones: z.array(z.string()).describe("Every zone that somebody was in"),
  total: countSchema.describe("Visits that are kept, of whomever"),
  days: z.number().describe("For how many days a visit is kept"),
});
export type VisitPageAnswer = z.infer<typeof visitPageAnswer>;

export const alikeAnswer = z.object({
  threshold: z.number().describe("τ of these distances: up to it, it may well be the same person"),
  total: countSchema.describe("Visits that are kept; of them the newest 200,000 are looked at"),
  faces: z.array(
    z.object({
      box: boxSchema.describe("Pixels of the picture as shown"),
      score: z.number(),
      quality: qualitySchema.strip().optional(),
      rejected: rejectReasonSchema.optional(),
      visits: z
        .array(z.object({ visit: visitRecordSchema, distance: z.number() }))
        .describe("The nearest first; of those only that the deciding network has embedded"),
    }),
  ),
});
export type AlikeAnswer = z.infer<typeof alikeAnswer>;

export const anchorAnswer = anchorSchema
  .omit({ fingerprint: true })
  .extend({ againstName: z.string().nullable() })
  .meta({ id: "Anchor" });

export const correctedAnswer = z.object({ person: personSchema, photo: photoSchema, anchor: anchorAnswer.nullable() });

export const importAnswer = z.object({
  people: countSchema,
  photos: countSchema,
  skipped: countSchema.describe("Photos that were here already"),
  checkIns: countSchema.optional().describe("Check-ins that were not here, where the export holds any"),
  visits: countSchema.optional().describe("Visits that were not here, where the export holds any"),
});
export type ImportAnswer = z.infer<typeof importAnswer>;

/** Of POST facenet/camera/try. */
export const triedAnswer = z.object({
  jpeg: z.base64(),
  width: countSchema.optional().describe("Pixels of the camera's own frame"),
  height: countSchema.optional(),
});
export type TriedAnswer = z.infer<typeof triedAnswer>;

const time = timeSchema.describe("Milliseconds since the epoch");
const orNull = { count: countSchema.nullable(), text: z.string().nullable() };

/** For a report about this package: it names nobody, and nothing of this computer's network and disk. */
export const diagnosisAnswer = z
  .object({
    at: time,
    versions: versionsSchema.extend({ nodeRed: z.string() }),
    engines: z.array(engineStateSchema),
    models: z.array(modelStateSchema),
    galleries: z.array(
      z.object({
        id: z.string(),
        open: z.boolean(),
        people: orNull.count,
        photos: orNull.count,
        unknowns: orNull.count,
        model: orNull.text,
        encrypted: z.boolean().nullable(),
        problems: z.record(z.string(), countSchema).describe("How often each code is among its problems"),
      }),
    ),
    cameras: z.array(
      z.object({
        id: z.string(),
        source: orNull.text.describe("Null where it could not start"),
        scheme: orNull.text,
        running: z.boolean(),
        width: orNull.count,
        height: orNull.count,
        fps: z.number().nullable(),
      }),
    ),
    failures: z.array(failureSchema).describe("The newest first"),
  })
  .meta({ id: "Diagnosis" });
export type DiagnosisAnswer = z.infer<typeof diagnosisAnswer>;

export const attendanceBookAnswer = z
  .object({
    id: z.string().describe("Of the node"),
    name: z.string(),
    mode: z.enum(MODES).nullable().describe("Null where the node could not start"),
    timeZone: z.string().nullable(),
    today: z.string().nullable().describe("The present working day"),
    days: z.number().nullable().describe("For how many days check-ins are kept after the end of their month"),
    keptFrom: z.string().nullable().describe("The first day of which check-ins are kept"),
    site: z
      .string()
      .nullable()
      .describe("Name of this site, where the book has the check-ins of all sites of the gallery; else null"),
    sending: z
      .object({
        waiting: countSchema,
        refused: countSchema,
        problem: z.string().nullable().describe("Why nothing is sent now"),
      })
      .nullable()
      .describe("Null where check-ins go to no other system"),
    error: z.string().optional().describe("Why it does not work at all"),
  })
  .meta({ id: "AttendanceBook" });
export type AttendanceBookAnswer = z.infer<typeof attendanceBookAnswer>;

/** Every answer that is not the one asked for. */
export const errorAnswer = z
  .object({
    error: z.string().describe("A sentence: what is wrong, and the mend"),
    code: z.string(),
    judgement: toldJudgementSchema.optional().describe("Of a photo that is refused, or asks first"),
  })
  .meta({ id: "Error" });
export type ErrorAnswer = z.infer<typeof errorAnswer>;
