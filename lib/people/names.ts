/** People's names and the files that carry them. */
import { basename, extname } from "node:path";
import { UserError } from "../errors";

/** Longest name, in characters: file systems allow 255 bytes, and a character may take nine of them when encoded. */
export const MAX_NAME_LENGTH = 80;
const MAX_FILE_BYTES = 240;

// What names another folder; control characters, lone surrogates, line ends and those that turn the direction of
// writing,
// by which a name would look like another's.
const FORBIDDEN = /[/\\\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** Windows' own devices, with or without an ending. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(?=\.|$)/iu;
/**
 * Legal in a name, awkward in a file: % and # mean something to us, the rest to Windows, @, $ and ~ in front to a NAS
 * or a desktop.
 */
const AWKWARD = /[%#:*?"<>|]|^[. @$~]|[. ]$/gu;

/**
 * The name as it is kept: trimmed, composed (NFC).
 * @throws a sentence when it is none, too long, or has slashes or control characters
 */
export function parseName(value: unknown): string {
  if (typeof value !== "string" || value.trim() === "")
    throw new UserError("people.nameMissing", { example: '{ name: "Alice" }' });
  const name = value.trim().normalize("NFC");
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
    const name = decodeURIComponent(part).trim().normalize("NFC");
    if (name !== "" && !FORBIDDEN.test(name)) return name;
  } catch {
    // "100%" is no encoding.
  }
  return part.trim().normalize("NFC");
}

/** The person a photo shows: `Alice/1.jpg` and `Alice.jpg` are Alice, `john#1.jpg` is john. */
export function nameOf(relativePath: string): string {
  const [first = "", ...rest] = relativePath.split(/[\\/]/);
  if (rest.length > 0) return decoded(first);
  const stem = basename(first, extname(first));
  return decoded(stem.replace(/(?<=.)#[^#]*$/u, ""));
}
