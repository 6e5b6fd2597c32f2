/** How visits are told to Home Assistant. */
import { z } from "zod";
import { own } from "../validate";

/** Levels of a topic to publish to (MQTT 3.1.1, 1.5.3 and 4.7): no wildcards, none empty, nothing brokers refuse. */
const LEVELS = /^(?!\$)[^+#/\p{Cc}\p{Cs}\p{NChar}]+(?:\/[^+#/\p{Cc}\p{Cs}\p{NChar}]+)*$/u;

export const notifyOptionsSchema = z.object({
  /** Of the topics by which Home Assistant finds devices; its own default. */
  prefix: z
    .string()
    .max(200)
    .regex(LEVELS, { error: () => own("notify.levels") })
    .default("homeassistant"),
  /** What the device is called in Home Assistant. */
  device: z.string().trim().min(1).max(100).default("Faces"),
  /** Whether people's topics have their names, and not their ids, in them: every client of the broker sees topics. */
  namedTopics: z.boolean().default(false),
  /** Whether pictures are published, of people and of strangers. */
  pictures: z.boolean().default(true),
  /** Whether strangers are told of. */
  strangers: z.boolean().default(true),
  /** Seconds that an event waits for the broker; after that it is news to nobody, and is dropped. */
  patience: z.number().min(1).max(3600).default(60),
});
export type NotifyOptions = z.infer<typeof notifyOptionsSchema>;
