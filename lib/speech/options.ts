import { z } from "zod";
import { own } from "../validate";

const languageTag = z.string().refine(
  (tag) => {
    try {
      return Intl.getCanonicalLocales(tag).length === 1;
    } catch {
      return false;
    }
  },
  { error: own("common.language") },
);

export const speechOptionsSchema = z.object({
  /**
   * "espeak": eSpeak NG on WASM; "system": what the computer has; "auto": the first that is there; "none": only the
   * text.
   */
  engine: z.enum(["auto", "espeak", "system", "none"]).default("auto"),
  /** "auto" chooses by the script of each name. */
  language: z.union([z.literal("auto"), languageTag]).default("auto"),
  defaultLanguage: languageTag.default("en"),
  /** With {names} in it; empty takes the language's own. */
  template: z
    .string()
    .max(500)
    .refine((text) => text === "" || text.includes("{names}"), { error: own("speech.template") })
    .default(""),
  /** The engine's name of a voice ("en-us+f3", "Mei-Jia", "Microsoft Zira Desktop"); empty takes the language's. */
  voice: z
    .string()
    .regex(/^[\p{L}\p{N}+_(][\p{L}\p{N} ().+_/-]{0,79}$|^$/u, own("common.voice"))
    .default(""),
  /** Words a minute. */
  rate: z.number().int().min(80).max(450).default(160),
  play: z.boolean().default(false),
  /** Seconds that a person must have been away to be greeted again. */
  cooldown: z.number().min(0).max(86_400).default(60),
});

export type SpeechOptions = z.infer<typeof speechOptionsSchema>;
