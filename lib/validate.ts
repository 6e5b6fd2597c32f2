import { z } from "zod";
import { UserError } from "./errors";
import { type Key, type Language, LANGUAGES, phrase, render, type Sentence, type Words } from "./words/sentence";

/** How many. */
export const countSchema = z.int().min(0);

/** What zod complains of in a language beside English, which it speaks by itself. */
const COMPLAINTS: Readonly<Record<Exclude<Language, "en-US">, z.core.$ZodErrorMap>> = {
  "zh-TW": (issue) =>
    issue.code === "unrecognized_keys"
      ? `不認得的欄位：${issue.keys.map((key) => JSON.stringify(key)).join("、")}`
      : z.locales.zhTW().localeError(issue),
};

/** A schema's own complaint, as what zod is told in `params` of a check that is refused. */
export interface Complaint {
  sentence: Sentence;
}

/**
 * A zod error as one plain phrase: "faces.0.box.x: expected number, received NaN". At most three complaints.
 * A schema's own message is of `own`, or English alone; one with values is a custom issue with a Complaint as its
 * `params`.
 * @param schema @param value whose error it is
 */
export function complaintsOf(error: z.ZodError, schema: z.ZodType, value: unknown): Sentence {
  const issuesIn = (language: Language): z.core.$ZodIssue[] =>
    language === "en-US"
      ? error.issues
      : // Asked again: an issue does not keep what came in.
        (schema.safeParse(value, { error: COMPLAINTS[language] }).error?.issues ?? error.issues);
  const said = LANGUAGES.map((language) => [language, lineOf(issuesIn(language), language)]);
  return Object.fromEntries(said) as Words;
}

function lineOf(issues: readonly z.core.$ZodIssue[], language: Language): string {
  const MOST = 3;
  return issues
    .slice(0, MOST)
    .map((issue) => {
      const complaint = wordsOf(issue, language);
      if (issue.path.length === 0) return complaint;
      return render(phrase("common.wrong", { what: issue.path.join("."), complaints: complaint }), language);
    })
    .join(language === "zh-TW" ? "；" : "; ");
}

function wordsOf(issue: z.core.$ZodIssue, language: Language): string {
  const given = issue.code === "custom" ? (issue.params as Partial<Complaint> | undefined)?.sentence : undefined;
  if (given !== undefined) return render(given, language);
  const { message } = issue;
  const key = OWN.get(message);
  return key === undefined ? message.replace(PREFIX, "") : render({ key, values: {} }, language);
}

const OWN = new Map<string, Key>();

/** A message of a schema's own, in English, which complaintsOf says in every language. @param key without values */
export function own(key: Key): string {
  const message = render({ key, values: {} }, "en-US");
  OWN.set(message, key);
  return message;
}

/** What says no more than the rest. */
const PREFIX = /^(?:Invalid input: |無效的輸入值：)/;

/** Parse options once, fail loudly. @throws Error "WHAT: path: complaint" */
export function parseOptions<S extends z.ZodType>(schema: S, value: unknown, what: Sentence | string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new UserError("common.wrong", { what, complaints: complaintsOf(parsed.error, schema, value) });
  return parsed.data;
}
