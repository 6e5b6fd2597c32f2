/** Which language to greet a name in, and the words. */

/** Languages with a greeting of ours; {names} is where the names go. */
export const TEMPLATES: Readonly<Record<string, string>> = {
  en: "Welcome {names}, have a nice day!",
  "zh-TW": "歡迎{names}，祝您有美好的一天！",
  "zh-CN": "欢迎{names}，祝您有美好的一天！",
  ja: "{names}さん、ようこそ。良い一日を！",
  ko: "{names}님, 환영합니다. 좋은 하루 되세요!",
  de: "Willkommen {names}, einen schönen Tag noch!",
  es: "¡Bienvenidos, {names}! ¡Que tengan un buen día!",
  fr: "Bienvenue {names}, bonne journée !",
  it: "Ciao {names}, buona giornata!",
  nl: "Welkom {names}, een fijne dag!",
  pt: "Olá {names}, tenha um bom dia!",
  pl: "Witaj {names}, miłego dnia!",
  ru: "Добро пожаловать, {names}, хорошего дня!",
  uk: "Ласкаво просимо, {names}, гарного дня!",
  el: "Καλώς ήρθατε {names}, καλή σας μέρα!",
  ar: "مرحبا {names}، نتمنى لك يوما سعيدا",
  hi: "स्वागत है {names}, आपका दिन शुभ हो!",
};

/** A script that is written in one language only, or mostly; the first that fits a name decides. */
const SCRIPTS: readonly [RegExp, string][] = [
  [/\p{Script=Hangul}/u, "ko"],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, "ja"],
  [/\p{Script=Han}/u, "zh-TW"],
  [/[іїєґІЇЄҐ]/u, "uk"],
  [/\p{Script=Cyrillic}/u, "ru"],
  [/\p{Script=Greek}/u, "el"],
  [/\p{Script=Arabic}/u, "ar"],
  [/\p{Script=Devanagari}/u, "hi"],
];

/** The default language, unless the name's script is not that language's. */
export function languageOf(name: string, defaultLanguage: string): string {
  const found = SCRIPTS.find(([script]) => script.test(name))?.[1];
  if (found === undefined) return defaultLanguage;
  // Somebody who set zh-CN or ja reads Han characters so.
  const [base] = defaultLanguage.split("-");
  const readsHan = base === "zh" || base === "ja";
  return found === "zh-TW" && readsHan ? defaultLanguage : found;
}

/** The greeting of a language, by its tag or by its first part. */
function templateOf(language: string): string {
  return TEMPLATES[language] ?? TEMPLATES[language.split("-")[0] ?? ""] ?? (language.startsWith("zh") ? (TEMPLATES["zh-TW"] as string) : (TEMPLATES["en"] as string));
}

export interface Greeting {
  text: string;
  /** BCP 47. */
  lang: string;
  names: string[];
}

/** Control characters, and what a synthesizer might take for markup, are not for saying. */
function speakable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}<>&]/gu, " ").replace(/\s+/g, " ").trim();
}

/**
 * One greeting for each language that the names ask for, in the order of the names; names are joined as the language does it.
 * @param language a BCP 47 tag, or "auto": by the script of each name
 * @param template with {names} in it; empty takes ours
 */
export function compose(names: readonly string[], language: string, defaultLanguage: string, template: string): Greeting[] {
  const byLanguage = new Map<string, string[]>();
  for (const name of names) {
    const lang = language === "auto" ? languageOf(name, defaultLanguage) : language;
    byLanguage.set(lang, [...(byLanguage.get(lang) ?? []), name]);
  }
  return [...byLanguage].map(([lang, some]) => {
    const joined = new Intl.ListFormat(lang, { type: "conjunction" }).format(some.map(speakable));
    return { lang, names: some, text: (template || templateOf(lang)).replaceAll("{names}", () => joined) };
  });
}
