/** People's names and the files that carry them. */
import { basename, extname } from "node:path";
import { UserError } from "../errors";
import { PHOTO_ENDINGS } from "../image/photo-file";

/** Longest name, in characters: file systems allow 255 bytes, and a character may take nine of them when encoded. */
export const MAX_NAME_LENGTH = 80;
const MAX_FILE_BYTES = 240;

// What names another folder; control characters, lone surrogates, line ends and those that turn the direction of
// writing,
// by which a name would look like another's.
const FORBIDDEN = /[/\\\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/**
 * Signs that nobody sees, which come with names that were copied: marks of the direction of writing, spaces of no
 * width, a byte order mark. With one of them a name would be another one that looks the same.
 */
const INVISIBLE = /[\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff]/gu;

/** As it is kept: without what nobody sees, trimmed, composed (NFC). */
export function visibleName(name: string): string {
  return name.replace(INVISIBLE, "").trim().normalize("NFC");
}

/** Windows' own devices, with or without an ending. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(?=\.|$)/iu;
/**
 * Legal in a name, awkward in a file: % and # mean something to us, the rest to Windows, @, $ and ~ in front to a NAS
 * or a desktop.
 */
const AWKWARD = /[%#:*?"<>|]|^[. @$~]|[. ]$/gu;

/**
 * The name as it is kept.
 * @throws a sentence when it is none, too long, or has slashes or control characters
 */
export function parseName(value: unknown): string {
  const name = typeof value === "string" ? visibleName(value) : "";
  if (name === "") throw new UserError("people.nameMissing", { example: '{ name: "Alice" }' });
  const { length } = Array.from(name);
  if (length > MAX_NAME_LENGTH) throw new UserError("people.nameLong", { length, most: MAX_NAME_LENGTH });
  if (FORBIDDEN.test(name) || name === "." || name === "..") throw new UserError("people.nameForbidden");
  if (Buffer.byteLength(fileNameOf(name)) > MAX_FILE_BYTES) throw new UserError("people.nameTooLongForFile");
  return name;
}

const percent = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

/** A name as a file or folder is called; comes back through nameOf. */
export function fileNameOf(name: string): string {
  const file = name.replace(AWKWARD, percent);
  return RESERVED.test(file) ? `${percent(file.charAt(0))}${file.slice(1)}` : file;
}

/** The name that a file or folder stands for. What is not of our making is meant as it stands: "100%", "a%2Fb". */
function decoded(part: string): string {
  try {
    const name = visibleName(decodeURIComponent(part));
    if (name !== "" && !FORBIDDEN.test(name)) return name;
  } catch {
    // "100%" is no encoding.
  }
  return visibleName(part);
}

/**
 * The person a photo shows: `Alice/1.jpg`, `Alice.jpg` and `Alice.heic.jpg`, as converters write it, are Alice,
 * `john#1.jpg` is john.
 */
export function nameOf(relativePath: string): string {
  const [first = "", ...rest] = relativePath.split(/[\\/]/);
  if (rest.length > 0) return decoded(first);
  let stem = basename(first, extname(first));
  while (PHOTO_ENDINGS.has(extname(stem).toLowerCase())) stem = basename(stem, extname(stem));
  return decoded(stem.replace(/(?<=.)#[^#]*$/u, ""));
}
