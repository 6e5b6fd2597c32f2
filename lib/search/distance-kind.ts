import { z } from "zod";

/**
 * How far a probe is from a person: "euclidean" is the distance to the nearest of their photos; "cohort" is d' to the
 * mean of their photos, normalised by a cohort of other people (lib/embed/normalise).
 */
export const distanceSchema = z.enum(["cohort", "euclidean"]);
export type DistanceKind = z.infer<typeof distanceSchema>;
