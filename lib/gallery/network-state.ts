/** How the network of a gallery stands, as the API and the sidebar have it. */
import { z } from "zod";
import { idSchema } from "../people/people";
import { countSchema } from "../validate";

const networkKey = z.string().describe("A built-in id, a pack's, or the path of a descriptor");

export const leftBehindSchema = z
  .object({
    photos: countSchema.describe("Of which no picture is kept, or none that shows a usable face"),
    people: z
      .array(z.object({ id: idSchema, name: z.string() }))
      .describe("Of whom nothing else is known: the new network would not know them"),
    strangers: countSchema,
    corrections: countSchema.describe("Negative anchors: they are embeddings alone"),
  })
  .meta({ id: "LeftBehind" });
/** What cannot come along. */
export type LeftBehind = z.infer<typeof leftBehindSchema>;

const changeStageSchema = z
  .enum(["embedding", "paused", "disk", "failed", "asking"])
  .describe(
    "disk: the disk refuses, it goes on by itself; failed: the new network cannot be used, it is tried " +
      "again; asking: people would stay behind, and somebody has to accept that",
  );
export type ChangeStage = z.infer<typeof changeStageSchema>;

const networkChangeSchema = z
  .object({
    key: networkKey,
    model: z.string(),
    stage: changeStageSchema,
    done: countSchema,
    total: countSchema.describe("Photos"),
    remainingMs: countSchema.nullable().describe("At the pace so far"),
    leftBehind: leftBehindSchema,
    error: z.string().nullable().describe("Why it does not go on"),
  })
  .meta({ id: "NetworkChange" });
/** A change that is under way. */
export type NetworkChange = z.infer<typeof networkChangeSchema>;

export const networkStateSchema = z
  .object({
    key: networkKey.describe("What decides who somebody is"),
    model: z.string().describe("Its id"),
    asInForm: z.boolean().describe("Whether it is the one in the gallery's form"),
    change: networkChangeSchema.nullable().describe("Under way: until it is done the old network decides"),
    previous: z
      .object({ key: networkKey, model: z.string(), until: z.int().describe("So long its embeddings are kept") })
      .nullable()
      .describe("What decided before, and can again at once"),
    offer: networkKey.nullable().describe("A surer network that this gallery could change to"),
  })
  .meta({ id: "Network" });
export type NetworkState = z.infer<typeof networkStateSchema>;

/** What decides who somebody is. */
export interface DecidingNetwork {
  /** What findModel takes. */
  key: string;
  /** Whether the gallery's form names it. */
  asInForm: boolean;
  /** Whether the gallery is changing to the one that the form names. */
  isBehindForm: boolean;
}

export const networkEstimateSchema = z
  .object({
    key: networkKey,
    model: z.string(),
    photos: countSchema.describe("That would be embedded anew"),
    seconds: z.number().min(0).nullable().describe("As measured on a few of them just now; null where there are none"),
    bytes: countSchema.describe("On the disk, without backups"),
    leftBehind: leftBehindSchema,
    threshold: z.number().min(0).describe("τ of the new network"),
    cohortThreshold: z.number().nullable(),
  })
  .meta({ id: "NetworkEstimate" });
/** What a change would cost on this computer. */
export type NetworkEstimate = z.infer<typeof networkEstimateSchema>;
