/** Whose an error is, and what is said of it. */
import { redact } from "./redact";
import { foreignWords } from "./words/foreign";
import {
  type Key,
  type Language,
  phrase,
  render,
  type Sentence,
  textOf,
  type Value,
  type ValuesOf,
} from "./words/sentence";

/** A key with its values, which are left out where its text has no placeholder and nothing follows. */
type Keyed = {
  [K in Key]: keyof ValuesOf<K> extends never
    ? [key: K, values?: Record<string, never>, options?: ErrorOptions]
    : [key: K, values: ValuesOf<K>, options?: ErrorOptions];
}[Key];

/**
 * A sentence for people: it names what came in, or the node or setting, and how to mend it. They read it in the
 * editor, in `error.message` of a catch node, and as a 4xx of the API, each in their language. Whatever is thrown and
 * is none of these is ours to mend: 500, and logged with its stack.
 *
 * It is thrown by its key, `throw new UserError("image.tooLarge", { megapixels: 50 })`; its texts are in
 * lib/words/en-US/image.ts and lib/words/zh-TW/image.ts, with `{megapixels}` where the value goes. The compiler checks
 * keys and values. A value may be the part of a sentence that differs, `phrase("image.noPicture")`, why something
 * failed, `reasonOf(error)`, or a list of these: they are rendered in the sentence's language, and lose their full
 * stop where the text goes on behind them. What waits to be read is kept as `error.sentence` or `phrase(…)`, never as
 * text, and said by `sentenceOf(error, language)` or `render(sentence, language)`. A subclass with a constructor of
 * its own takes a Sentence. Other packages, which no catalogue knows, give the words: `new UserError({ "en-US": "…",
 * "zh-TW": "…" })`, or the English alone.
 */
export class UserError extends Error {
  readonly sentence: Sentence;

  constructor(...keyed: Keyed);
  constructor(sentence: Sentence | `${string} ${string}`, options?: ErrorOptions);
  constructor(said: Sentence | string, ...rest: [object?, ErrorOptions?]) {
    const [values, options] = isKey(said) ? rest : [{}, ...rest];
    const sentence = typeof said !== "string" ? said : isKey(said) ? keyed(said, values) : { "en-US": said };
    super(render(sentence, "en-US"), options);
    this.sentence = sentence;
  }
}

const isKey = (said: Sentence | string): said is Key =>
  typeof said === "string" && textOf(said, "en-US") !== undefined;

function keyed(key: Key, values: object | undefined): Sentence {
  return { key, values: (values ?? {}) as Readonly<Record<string, Value>> };
}

/** Ours to mend, with a message that names no person and no secret: it may be logged as it is. */
export class Fault extends Error {}

/** The words of whatever was thrown. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What is said of an error to whoever asked, without the logins in it. */
export function sentenceOf(error: unknown, language: Language = "en-US"): string {
  return redact(error instanceof UserError ? render(error.sentence, language) : errorMessage(error));
}

/** Why something failed, to be said later. */
export function asSentence(error: unknown): Sentence {
  const reason = reasonOf(error);
  return typeof reason === "string" ? { "en-US": reason } : reason;
}

/** Why something failed, as a part of another sentence: ours as it is, what others say in their words. */
export function reasonOf(error: unknown): Sentence | string {
  if (error instanceof UserError) return error.sentence;
  return foreignWords(error, redact(errorMessage(error).split("\n")[0] ?? ""));
}

/** Sentences one after the other; undefined where there is none. */
export function oneAfterOther(sentences: readonly Sentence[]): Sentence | undefined {
  return sentences.reduceRight<Sentence | undefined>(
    (next, sentence) => (next === undefined ? sentence : phrase("common.and", { sentence, next })),
    undefined,
  );
}

const MOST_CAUSES = 5;

/**
 * An error for the log: its kind, code and places, and those of what caused it. Not its message, unless it is a
 * Fault's: a parser quotes
 * what it read, the system names files, and both may be somebody's.
 */
export function traceOf(error: unknown): string {
  const parts: string[] = [];
  for (
    let each: unknown = error;
    (parts.length === 0 || each !== undefined) && parts.length < MOST_CAUSES;
    each = each instanceof Error ? each.cause : undefined
  )
    parts.push(placesOf(each));
  return parts.join("\ncaused by ");
}

function placesOf(error: unknown): string {
  if (!(error instanceof Error)) return `no error but ${error === null ? "null" : `a ${typeof error}`}`;
  const { code } = error as NodeJS.ErrnoException;
  const shown = typeof code === "string" && /^[A-Z][A-Z0-9_]*$/.test(code) ? ` ${code}` : "";
  const kind = `${error.constructor.name}${shown}${error instanceof Fault ? `: ${error.message}` : ""}`;
  const places = String(error.stack)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  return [kind, ...places].join("\n");
}
