/**
 * Sentences for people, in every language of this package. The catalogues lie beside this file, one a language and
 * room, with the same keys and placeholders in each (test/lib/words.test.ts).
 */
import * as english from "./en-US/rooms";
import * as chinese from "./zh-TW/rooms";

type English = typeof english;

export const LANGUAGES = ["en-US", "zh-TW"] as const;
export type Language = (typeof LANGUAGES)[number];

/** "ROOM.NAME" of a sentence in the catalogues. */
export type Key = { [R in keyof English]: `${R}.${keyof English[R] & string}` }[keyof English];

type TextOf<K extends Key> = K extends `${infer R extends keyof English}.${infer N}`
  ? N extends keyof English[R]
    ? English[R][N]
    : never
  : never;
type NamesIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** What stands in a placeholder: a sentence is rendered in the language of what it stands in; a list is joined. */
export type Value = string | number | Sentence | readonly Value[];

/** What the placeholders of a key need. */
export type ValuesOf<K extends Key> = { readonly [Name in NamesIn<TextOf<K>>]: Value };

/** Words that are in no catalogue, as another package's. */
export type Words = { readonly "en-US": string } & { readonly [L in Language]?: string };

/** What can be said in each language: plain data, which also goes between threads. */
export type Sentence = { readonly key: Key; readonly values: Readonly<Record<string, Value>> } | Words;

/** A sentence, or a part of one that stands in another's placeholder. */
export function phrase<K extends Key>(
  key: K,
  ...values: keyof ValuesOf<K> extends never ? [] : [values: ValuesOf<K>]
): Sentence {
  return { key, values: values[0] ?? {} };
}

const CATALOGUES: Readonly<Record<Language, { [R in keyof English]: Record<keyof English[R], string> }>> = {
  "en-US": english,
  "zh-TW": chinese,
};

/** The text of a key with its placeholders; undefined when no catalogue has it. */
export function textOf(key: string, language: Language): string | undefined {
  const [room = "", name = ""] = key.split(".");
  return (CATALOGUES[language] as Readonly<Record<string, Readonly<Record<string, string>>>>)[room]?.[name];
}

/** Every key there is. */
export function keysOf(language: Language): string[] {
  return Object.entries(CATALOGUES[language]).flatMap(([room, texts]) =>
    Object.keys(texts).map((name) => `${room}.${name}`),
  );
}

/** Ours of the languages that somebody reads: Chinese of any kind is answered in ours, everything else in English. */
export function languageOf(tag: string | undefined): Language {
  return tag !== undefined && /^zh\b/i.test(tag) ? "zh-TW" : "en-US";
}

export const PLACEHOLDER = /\{(\w+)\}/g;
const FULL_STOP = /[.。]$/;

/** A sentence in a language. Inside another it has no full stop, unless that ends with it. */
export function render(sentence: Sentence, language: Language): string {
  if (!("key" in sentence)) return sentence[language] ?? sentence["en-US"];
  const text = textOf(sentence.key, language) ?? sentence.key;
  return text.replace(PLACEHOLDER, (place, name: string, at: number) => {
    const value = sentence.values[name];
    if (value === undefined) return place;
    const words = renderValue(value, language);
    return typeof value === "object" && at + place.length < text.length ? words.replace(FULL_STOP, "") : words;
  });
}

function renderValue(value: Value, language: Language): string {
  if (typeof value !== "object") return String(value);
  if (isList(value)) return value.map((each) => renderValue(each, language)).join(language === "zh-TW" ? "、" : ", ");
  return render(value, language);
}

/** Array.isArray does not tell a readonly list from what is none. */
const isList = (value: Sentence | readonly Value[]): value is readonly Value[] => Array.isArray(value);

/** A sentence that is no error: as an error has it, the English is its message. */
export interface Worded {
  message: string;
  sentence: Sentence;
}

export function worded(sentence: Sentence): Worded {
  return { message: render(sentence, "en-US"), sentence };
}
