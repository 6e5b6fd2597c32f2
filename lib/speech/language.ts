/** Which language to greet a name in, and the words. */
import { speakable } from "./speakable";
import { HONORIFICS, TEMPLATES } from "./templates";

interface Writing {
  letters: string;
  /** The language that a name in these letters is greeted in. */
  language: string;
  /** Scripts (ISO 15924) of the languages that write with these letters. */
  scripts: readonly string[];
  /** Letters that only one of those languages has. */
  telling?: { letters: RegExp; language: string };
}

/** The first whose letters a name has decides; Latin is everybody's. */
const WRITINGS: readonly Writing[] = [
  { letters: String.raw`\p{Script=Hangul}`, language: "ko", scripts: ["Kore"] },
  { letters: String.raw`\p{Script=Hiragana}\p{Script=Katakana}ー`, language: "ja", scripts: ["Jpan"] },
  { letters: String.raw`\p{Script=Han}`, language: "zh-TW", scripts: ["Hant", "Hans", "Jpan"] },
  {
    letters: String.raw`\p{Script=Cyrillic}`,
    language: "ru",
    scripts: ["Cyrl"],
    telling: { letters: /[іїєґІЇЄҐ]/u, language: "uk" },
  },
  { letters: String.raw`\p{Script=Greek}`, language: "el", scripts: ["Grek"] },
  { letters: String.raw`\p{Script=Hebrew}`, language: "he", scripts: ["Hebr"] },
  { letters: String.raw`\p{Script=Arabic}`, language: "ar", scripts: ["Arab"] },
  { letters: String.raw`\p{Script=Devanagari}`, language: "hi", scripts: ["Deva"] },
  { letters: String.raw`\p{Script=Thai}`, language: "th", scripts: ["Thai"] },
];
const HAS = WRITINGS.map((writing) => ({ writing, pattern: new RegExp(`[${writing.letters}]`, "u") }));

const scriptOf = (language: string): string => new Intl.Locale(language).maximize().script ?? "Latn";

/** The default language, unless the name is written with letters that are not that language's. */
export function languageOf(name: string, defaultLanguage: string): string {
  const writing = HAS.find(({ pattern }) => pattern.test(name))?.writing;
  if (writing === undefined || writing.scripts.includes(scriptOf(defaultLanguage))) return defaultLanguage;
  return writing.telling?.letters.test(name) === true ? writing.telling.language : writing.language;
}

/** Our greeting of a language, by its tag, its script or its first part; undefined where we have none. */
function templateOf(language: string): string | undefined {
  const [base = ""] = language.split("-");
  const chinese = ["zh", "yue", "cmn"].includes(base)
    ? TEMPLATES[scriptOf(language) === "Hans" ? "zh-CN" : "zh-TW"]
    : undefined;
  return TEMPLATES[language] ?? chinese ?? TEMPLATES[base === "no" ? "nb" : base];
}

export interface Greeting {
  text: string;
  /** BCP 47. */
  lang: string;
  names: string[];
}

/**
 * One greeting for each language that the names ask for, in the order of the names; names are joined as the language
 * does it.
 * A language that we have no greeting for is greeted in English. A name with nothing to say in it is left out.
 * @param language a BCP 47 tag, or "auto": by the script of each name
 * @param template with {names} in it; empty takes ours
 */
export function compose(
  names: readonly string[],
  language: string,
  defaultLanguage: string,
  template: string,
): Greeting[] {
  const byLanguage = new Map<string, { name: string; spoken: string }[]>();
  for (const name of names) {
    const spoken = speakable(name);
    if (spoken === "") continue;
    const asked = language === "auto" ? languageOf(spoken, defaultLanguage) : language;
    const lang = template === "" && templateOf(asked) === undefined ? "en" : asked;
    byLanguage.set(lang, [...(byLanguage.get(lang) ?? []), { name, spoken }]);
  }
  return [...byLanguage].map(([lang, some]) => {
    const honorific = template === "" ? (HONORIFICS[lang.split("-")[0] ?? ""] ?? "") : "";
    const joined = new Intl.ListFormat(lang, { type: "conjunction" }).format(
      some.map(({ spoken }) => spoken + honorific),
    );
    const words = (template || (templateOf(lang) ?? "{names}")).replaceAll("{names}", () => joined);
    return { lang, names: some.map(({ name }) => name), text: words.replace(/\p{Cc}+/gu, " ") };
  });
}

/** A stretch of text and the language whose voice can read its letters. */
export interface Stretch {
  text: string;
  /** Undefined where the text's own language reads it. */
  language?: string;
}

/**
 * Cut a text where its language's voice does not know the letters: an English voice says "Chinese letter" for each one
 * of 小明.
 * eSpeak NG knows no kanji, so that a Japanese text has them read in Mandarin too.
 */
export function stretches(text: string, language: string): Stretch[] {
  const script = scriptOf(language);
  const foreign = WRITINGS.filter(
    ({ scripts, language: reader }) => !scripts.includes(script) || (script === "Jpan" && reader === "zh-TW"),
  );
  // Words of the same letters stay together.
  const runs = new RegExp(foreign.map(({ letters }) => `[${letters}]+(?:[\\s·・]+[${letters}]+)*`).join("|"), "gu");
  const found: Stretch[] = [];
  let end = 0;
  for (const { 0: run, index } of text.matchAll(runs)) {
    if (index > end) found.push({ text: text.slice(end, index) });
    found.push({ text: run, language: languageOf(run, "en") });
    end = index + run.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}
