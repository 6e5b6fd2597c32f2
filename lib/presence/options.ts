/** What can be set of presence. */
import { z } from "zod";
import type { Strictness } from "./evidence";

const MAX_ZONES = 500;
const text = z.string().trim().min(1).max(300);

export const presenceOptionsSchema = z.object({
  /** Seconds out of sight after which somebody has left. */
  away: z.number().min(0.5).max(86_400).default(30),
  /** How much evidence settles who somebody is. */
  evidence: z.enum(["quick", "normal", "strict"] satisfies Strictness[]).default("normal"),
  /** Whether visits of people whom the gallery does not know are told. */
  unknown: z.boolean().default(true),
  /** Milliseconds; older frames are `stale`. 0 is no bound. */
  maxAge: z.number().min(0).max(3_600_000).default(10_000),
  /** Which zone a camera, by its name or id, looks at; by default its name is its zone. */
  zones: z
    .array(z.object({ camera: text, zone: text }))
    .max(MAX_ZONES)
    .default([]),
});

export type PresenceOptions = z.infer<typeof presenceOptionsSchema>;
