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

/** "Copy" as Windows ("Bob - Copy (2)"), macOS ("Bob copy 2"), GNOME ("Bob (copy 1)") and Google Drive write it. */
const COPY = "copy|kopie|copie|copia|c\u00f3pia|kopia|複製|副本|複本|拷貝|拷贝|コピー|복사본";
/**
 * What desktops and browsers put after the name of a file that was there already, so that nobody is called so. Of a
 * bare number only one in brackets ("Bob (1)", Firefox' "Bob(1)"): "Robot 2" may be somebody.
 */
const COPIED = new RegExp(
  "(?:" +
    [
      String.raw` ?\(\d{1,3}\)`,
      ` - (?:${COPY})`,
      String.raw` \((?:another )?(?:${COPY})(?: \d{1,3})?\)`,
      " ?的 ?(?:副本|複本)",
    ].join("|") +
    ")$",
  "iu",
);
/** macOS' word follows a space alone. As it writes it: "Sara Copia" is called so. */
const COPIED_BY_MACOS =
  /(?: (?:copy|copie|copia|c\u00f3pia|Kopie|kopie|kopia|kopi|複製|副本|複本|拷貝|拷贝|コピー|복사본)|のコピー)(?: \d{1,3})?$/u;
const COPY_OF = /^copy of (?=.)|^「(.+)」的(?:副本|複本)$/iu;

function withoutCopy(name: string): string {
  const shorter = name.replace(COPY_OF, "$1").replace(COPIED, "");
  return shorter === name ? name.replace(COPIED_BY_MACOS, "") : shorter;
}

/** Without what converters put after a name (`Bob.heic`), and what says that it is a copy (`Bob - Copy (2)`). */
function stemOf(name: string, ofCopies: boolean): string {
  let shorter = name;
  if (PHOTO_ENDINGS.has(extname(name).toLowerCase())) shorter = basename(name, extname(name));
  else if (ofCopies) shorter = withoutCopy(name);
  return shorter === name || shorter.trim() === "" ? name : stemOf(shorter, ofCopies);
}

/**
 * The person a photo shows: `Alice/1.jpg`, `Alice.jpg` and `Alice.heic.jpg`, as converters write it, are Alice,
 * `john#1.jpg` is john, and so is `john (1).jpg`, as a browser calls a second download.
 */
export function nameOf(relativePath: string): string {
  return nameIn(relativePath, true);
}

/** As versions read it that took `Bob (1).jpg` for somebody called so. */
export function nameBefore(relativePath: string): string {
  return nameIn(relativePath, false);
}

function nameIn(relativePath: string, ofCopies: boolean): string {
  const [first = "", ...rest] = relativePath.split(/[\\/]/);
  if (rest.length > 0) return decoded(first);
  const stem = stemOf(basename(first, extname(first)).normalize("NFC"), ofCopies);
  return decoded(stem.replace(/(?<=.)#[^#]*$/u, ""));
}
