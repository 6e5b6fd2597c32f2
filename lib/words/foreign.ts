/**
 * What Node.js and libraries say of a failure, in English only. In English sentences their words stand as they are; in
 * the others what they mean, if it is known here, and their words in brackets, which help to look it up.
 */
import { type Key, phrase, type Sentence } from "./sentence";

/** A key of whose text {words} is the only placeholder. */
type Quoting = Extract<Key, `common.said${string}`>;

/** By the system's codes, as errno(3). */
const CODES: Readonly<Record<string, Quoting>> = {
  ECONNREFUSED: "common.saidRefused",
  ECONNRESET: "common.saidReset",
  EPIPE: "common.saidReset",
  UND_ERR_SOCKET: "common.saidReset",
  ETIMEDOUT: "common.saidLate",
  UND_ERR_CONNECT_TIMEOUT: "common.saidLate",
  UND_ERR_HEADERS_TIMEOUT: "common.saidLate",
  UND_ERR_BODY_TIMEOUT: "common.saidLate",
  ENOTFOUND: "common.saidUnknownName",
  EAI_AGAIN: "common.saidUnknownName",
  EHOSTUNREACH: "common.saidUnreachable",
  ENETUNREACH: "common.saidUnreachable",
  ENOENT: "common.saidMissing",
  ENOTDIR: "common.saidMissing",
  EACCES: "common.saidForbidden",
  EPERM: "common.saidForbidden",
  EMFILE: "common.saidTooManyOpen",
  ENFILE: "common.saidTooManyOpen",
  ENOMEM: "common.saidMemory",
  MODULE_NOT_FOUND: "common.saidNoModule",
  ERR_MODULE_NOT_FOUND: "common.saidNoModule",
};

/** By their words: of zips (yauzl), pictures (libvips, libheif), models (onnxruntime) and connections (undici). */
const WORDS: readonly (readonly [RegExp, Quoting])[] = [
  [/socket hang up|other side closed|terminated$/i, "common.saidReset"],
  [/end of central directory|not a zip/i, "common.saidNoZip"],
  [/out of memory|allocation failed|bad_alloc/i, "common.saidMemory"],
  [/premature|truncated|unexpected end|end of (?:file|stream|data|input)|too short|cut off/i, "common.saidEnds"],
  [
    /corrupt|damaged|invalid|malformed|bad |read error|unable to (?:parse|decode)|failed to (?:parse|load)/i,
    "common.saidDamaged",
  ],
];

/** Of a place in a text: Node.js 20 tells the character, later ones the line as well. */
const PLACE = / in JSON at position (\d+)(?: \(line (\d+) column (\d+)\))?/;

/** What JSON.parse complains of. Its own words quote what it read, which may be somebody's. */
function complaintOfJson(words: string): Sentence {
  const [, position, line, column] = PLACE.exec(words) ?? [];
  const character = /^Unexpected token '?(\P{Cc})'?,? /u.exec(words)?.[1];
  if (/^Unexpected end of JSON|^Unterminated string/.test(words)) return phrase("common.jsonEnds");
  if (line !== undefined && column !== undefined) return phrase("common.jsonAtLine", { line, column });
  if (position !== undefined) return phrase("common.jsonAt", { position: Number(position) + 1 });
  return character === undefined ? phrase("common.jsonBroken") : phrase("common.jsonCharacter", { character });
}

/** @param words the first line of what was said; a code or a name is the same in every language */
export function foreignWords(error: unknown, words: string): Sentence | string {
  if (error instanceof SyntaxError && /JSON/.test(words)) return complaintOfJson(words);
  const { code } = (error ?? {}) as { code?: unknown };
  const key = (typeof code === "string" && CODES[code]) || WORDS.find(([pattern]) => pattern.test(words))?.[1];
  if (key) return phrase(key, { words });
  return /\s/.test(words) ? phrase("common.saidOther", { words }) : words;
}
