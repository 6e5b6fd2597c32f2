/** The bytes of a picture in whatever a message carries: a Buffer, text, what JSON makes of either. */
import { types } from "node:util";
import { UserError } from "../errors";
import { phrase, type Sentence } from "../words/sentence";
import { MAX_PHOTO_BYTES } from "./limits";
import { kindOf, OTHER_PICTURE_ENDINGS, PHOTO_ENDINGS } from "./photo-file";

/** Of a file this much tells what it is. */
const HEAD_BYTES = 256;

/** Undefined where it is nobody's bytes. @throws a sentence when it means to be some and is not */
export function bytesIn(payload: unknown): Buffer | undefined {
  if (typeof payload === "string") return fromText(payload);
  const bytes = fromMemory(payload);
  if (bytes !== undefined) return textIn(bytes) ?? bytes;
  return fromNumbers(payload);
}

/** A function node's typed arrays are of a realm of their own, where `instanceof` says no. */
function fromMemory(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  if (types.isAnyArrayBuffer(value)) return Buffer.from(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  const { BYTES_PER_ELEMENT = 1 } = value as { BYTES_PER_ELEMENT?: number };
  return BYTES_PER_ELEMENT === 1 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : undefined;
}

/** A Buffer of base64, as what reads every message as binary gives it. */
function textIn(bytes: Buffer): Buffer | undefined {
  if (kindOf(bytes) !== undefined || bytes.length > MAX_BASE64_LENGTH) return undefined;
  const head = bytes.toString("latin1", 0, HEAD_BYTES);
  if (!TEXT_HEAD.test(head)) return undefined;
  return DATA_URI.test(head) || fromText(head.slice(0, WHOLE_HEAD)) !== undefined
    ? fromText(bytes.toString("latin1"))
    : undefined;
}

/** Begins as text does: what follows is looked at once it is known to be a picture's. */
const TEXT_HEAD = /^[\s\w+/\-"':;,=]+$/;
/** So many characters of base64, whole groups of four, are enough to know a picture by. */
const WHOLE_HEAD = 252;

/** What JSON makes of a Buffer, or of a typed array; a list of a file's bytes. */
function fromNumbers(value: unknown): Buffer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === "Buffer" && Array.isArray(data) && data.length <= MAX_PHOTO_BYTES) return Buffer.from(data as number[]);
  const at = (index: number): unknown => (value as Record<number, unknown>)[index];
  const head = Array.from({ length: HEAD_BYTES }, (_, index) => at(index));
  const end = head.findIndex((byte) => !isByte(byte));
  if (end >= 0 && end < LEAST_HEAD) return undefined;
  if (kindOf(Buffer.from(head.slice(0, end < 0 ? HEAD_BYTES : end) as number[])) === undefined) return undefined;
  const numbers: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return numbers.length <= MAX_PHOTO_BYTES ? Buffer.from(numbers as number[]) : undefined;
}

/** Fewer numbers than these are no file. */
const LEAST_HEAD = 16;
const isByte = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;

const DATA_URI = /^\s*data:([^,;]{0,100})((?:;[^,;]{0,100}){0,9}),/i;
/** … without the word, as some cut it off. */
const BARE_URI = /^\s*(?:[\w.+-]{1,50}\/[\w.+-]{1,50};)?base64,/i;
/** Four characters of base64 hold three bytes; line ends come on top. */
const MAX_BASE64_LENGTH = (MAX_PHOTO_BYTES * 3) / 2;

/**
 * Base64 in either alphabet, broken into lines or not (RFC 4648, RFC 2045), alone or in a data URI; a picture's file
 * that was read as Latin-1. Everything takes time that grows with the text, and not with its square.
 */
function fromText(text: string): Buffer | undefined {
  if (text.length > MAX_BASE64_LENGTH)
    throw new UserError("message.textTooLarge", { megabytes: MAX_PHOTO_BYTES / 1024 / 1024 });
  const plain = unquoted(text);
  const uri = DATA_URI.exec(plain);
  const [begin = "", , parameters = ""] = uri ?? BARE_URI.exec(plain) ?? [];
  if (uri !== null && !/;\s*base64\s*$/i.test(parameters)) throw new UserError("message.uriWithoutBase64");
  const encoded = plain.slice(begin.length);
  if (!isBase64(encoded)) {
    if (uri !== null) throw new UserError("message.uriDamaged");
    return fromLatin1(text);
  }
  const bytes = Buffer.from(withPluses(encoded), "base64");
  // "hello" is base64 too, of nothing.
  return uri !== null || kindOf(bytes) !== undefined ? bytes : undefined;
}

/** Without the quotes of JSON, those of Python's bytes, and the zero at the end of a text of C. */
function unquoted(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end -= 1;
  const trimmed = text.slice(0, end).trim();
  const [, begin = ""] = /^(b?["'])/.exec(trimmed) ?? [];
  return begin !== "" && trimmed.length > begin.length && trimmed.endsWith(begin.slice(-1))
    ? trimmed.slice(begin.length, -1)
    : trimmed;
}

function isBase64(text: string): boolean {
  const padding = text.indexOf("=");
  const body = padding < 0 ? text : text.slice(0, padding);
  return /\w/.test(body) && !/[^\w+/\-\s]/.test(body) && (padding < 0 || !/[^=\s]/.test(text.slice(padding)));
}

/** A form makes spaces of plus signs; of a picture's characters one in sixty-four is one. */
function withPluses(encoded: string): string {
  return encoded.includes(" ") && !/[+-]/.test(encoded) ? encoded.replaceAll(/(?<![\r\n]) (?![\r\n])/g, "+") : encoded;
}

function fromLatin1(text: string): Buffer | undefined {
  if (kindOf(Buffer.from(text.slice(0, HEAD_BYTES), "latin1")) === undefined || /[^\0-\xff]/.test(text))
    return undefined;
  return Buffer.from(text, "latin1");
}

/** What a payload that is no picture looks like, with the mend. */
export function whatIs(payload: unknown): Sentence {
  if (payload === undefined) return phrase("message.nothing");
  if (payload === null) return phrase("message.null");
  if (Array.isArray(payload)) return phrase("message.array");
  if (typeof payload !== "string") return phrase("message.ofType", { type: typeOf(payload) });
  const head = payload.slice(0, HEAD_BYTES);
  if (head.trim() === "" && payload.trim() === "") return phrase("message.emptyText");
  if (/^\s*(?:https?|rtsps?):\/\//i.test(head)) return phrase("message.address");
  if (/^\s*[[{]/.test(head)) return phrase("message.json");
  if (head.includes("\ufffd")) return phrase("message.mangled");
  const ending = payload.length > MOST_PATH ? "" : (/\.[a-z\d]{1,5}$/i.exec(payload.trim())?.[0].toLowerCase() ?? "");
  return PHOTO_ENDINGS.has(ending) || OTHER_PICTURE_ENDINGS.has(ending)
    ? phrase("message.fileName")
    : phrase("message.noBase64");
}

/** No file system has longer names. */
const MOST_PATH = 4096;

/** "Float32Array" tells more than "object". */
function typeOf(value: unknown): string {
  const name = typeof value === "object" ? Object.prototype.toString.call(value).slice("[object ".length, -1) : "";
  return /^\w{1,40}$/.test(name) && name !== "Object" ? name : typeof value;
}

/** How deep a picture is looked for in what is none, and at how many values. */
const DEEPEST = 3;
const MOST_VALUES = 200;

/**
 * Where else in a message there is a picture, as JavaScript writes it: "msg.payload.image", "msg.photo", or where an
 * "http in" node has what was uploaded, "msg.req.files[0].buffer". Undefined where there is none.
 */
export function placeOfPicture(message: Readonly<Record<string, unknown>>): string | undefined {
  try {
    const { files } = (message["req"] ?? {}) as { files?: unknown };
    return (
      placeIn(message["payload"], "msg.payload", DEEPEST) ??
      // Text that only begins as one is none.
      placeIn({ ...message, payload: undefined }, "msg", 1) ??
      placeIn(files, "msg.req.files", DEEPEST)
    );
  } catch {
    // A getter that throws, say.
    return undefined;
  }
}

function placeIn(all: unknown, begin: string, deepest: number): string | undefined {
  let left = MOST_VALUES;
  const search = (value: unknown, path: string, depth: number): string | undefined => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
    for (const key of Object.keys(value).slice(0, left)) {
      left -= 1;
      if (left < 0) return undefined;
      const inner: unknown = (value as Record<string, unknown>)[key];
      const place = path + (Array.isArray(value) ? `[${key}]` : partOf(key));
      if (isPicture(inner)) return place;
      const found = depth < deepest ? search(inner, place, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search(all, begin, 1);
}

function partOf(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function isPicture(value: unknown): boolean {
  if (typeof value === "string") return value.length > HEAD_BYTES && hasPictureHead(value.slice(0, HEAD_BYTES));
  const bytes = fromMemory(value) ?? fromNumbers(value);
  return bytes !== undefined && kindOf(bytes) !== undefined;
}

function hasPictureHead(head: string): boolean {
  const [begin = ""] = DATA_URI.exec(head) ?? BARE_URI.exec(head) ?? [];
  const body = head.slice(begin.length);
  return isBase64(body) && kindOf(Buffer.from(body, "base64")) !== undefined;
}
