/** Longest name that is said, in characters as a reader counts them; that of the gallery's names. */
const MAX_SPOKEN_CHARACTERS = 80;
/** More code units than so many characters have: a megabyte of a name is not looked at. */
const MAX_CODE_UNITS = 50 * MAX_SPOKEN_CHARACTERS;

/** Control characters and their kin, but not the joiners that Hindi and Persian are written with. */
const INVISIBLE = /(?![\u200c\u200d])\p{C}/gu;
/** What a synthesizer takes for markup or phonemes ([[…]] in eSpeak and say), or reads out: "slash", "underscore". */
const SIGNS = /[<>[\]{}|\\/_]/gu;
const EMOJI = /[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}\ufe0f\u20e3]\u200d?/gu;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const tidy = (text: string): string => text.replace(/\s+/gu, " ").trim();

/**
 * A name as it can be said: no markup, no control characters, no endless ones, emoji only where there is nothing else;
 * "" when nothing is left.
 */
export function speakable(name: string): string {
  const plain = tidy(name.slice(0, MAX_CODE_UNITS).normalize("NFC").replace(INVISIBLE, " ").replace(SIGNS, " "));
  const said = tidy(plain.replace(EMOJI, " ")) || plain;
  if (!/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(said)) return "";
  return Array.from(graphemes.segment(said), ({ segment }) => segment)
    .slice(0, MAX_SPOKEN_CHARACTERS)
    .join("")
    .trim();
}
