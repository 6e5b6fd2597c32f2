/**
 * Pictures out of a byte stream: JPEGs one after the other (MJPEG over HTTP, ffmpeg's mpjpeg), PPM and PGM (ffmpeg's
 * raw RGB and grey with their size).
 */
import { Fault, UserError } from "../errors";
import type { Grey } from "../image/grey-thumbnail";
import { ByteWindow } from "./byte-window";
import { jpegSize } from "./jpeg";
import type { CapturedFrame } from "./source";

/** One frame may not be larger; more means that the stream is none. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** What may stand between two pictures to be of use: a boundary and the header of a part. */
const MAX_HEADER_BYTES = 8192;
const tooLarge = (): UserError => new UserError("capture.frameTooLarge", { megabytes: MAX_FRAME_BYTES / 1024 / 1024 });

export type Parser = (chunk: Buffer) => CapturedFrame[];

const START = Buffer.from([0xff, 0xd8, 0xff]);
/** The end marker of a JPEG. */
export const END_OF_JPEG = Buffer.from([0xff, 0xd9]);
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** Of each of its parts: length, kind and checksum. */
const PNG_PART_BYTES = 12;
const RIFF = Buffer.from("RIFF");
const RIFF_HEAD_BYTES = 12;
const MARKER = 0xff;
const START_OF_IMAGE = 0xd8;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
/**
 * What may follow the data of a scan (ITU-T T.81, B.2.1): tables, another scan, the number of lines, application data,
 * a comment.
 */
const BETWEEN_SCANS = new Set([
  0xc4,
  0xcc,
  0xdb,
  0xdc,
  0xdd,
  START_OF_SCAN,
  0xfe,
  ...Array.from({ length: 16 }, (_, index) => 0xe0 + index),
]);

/** Markers without a length: TEM and RST0–7. */
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/**
 * JPEGs in a stream, each told as soon as its last byte is there. They are found by their own markers (ITU-T T.81,
 * B.1.1), because what
 * cameras write around them is often wrong: boundaries glued to a picture, other than announced or missing, lengths of
 * 0 or of
 * another picture, headers with LF alone or without any. Only a picture without its end marker is cut at the length
 * told, or else where the next begins.
 * @param options.whatever may come before the first, not only what a stream begins with
 * @param options.onOther is told PNG and WebP pictures, which are left out else
 */
export function multipartParser(options: { whatever?: boolean; onOther?: (bytes: Buffer) => void } = {}): Parser {
  const { whatever = false, onOther } = options;
  const window = new ByteWindow(MAX_FRAME_BYTES, tooLarge);
  let where: "between" | "segments" | "scan" | "other" = "between";
  /** How far the window has been searched; in "segments" the next marker, which may not have come yet. */
  let at = 0;
  /** Whether a scan of this picture has come, so that it may end. */
  let scanned = false;
  /** Whether the stream has shown that it is one. */
  let known = whatever;
  /** Whether pictures have end markers. */
  let marked = false;
  let header = { length: 0, boundary: "" };

  /** Whether a picture begins in what has come. */
  const findStart = (): boolean => {
    const { bytes } = window;
    const start = bytes.indexOf(START, at);
    const other = onOther === undefined ? -1 : firstOther(bytes, at, start);
    if (other >= 0) {
      known = true;
      window.drop(other);
      at = 0;
      where = "other";
      return true;
    }
    if (start < 0) {
      if (!known && bytes.length >= MAX_HEADER_BYTES) {
        assertStream(bytes);
        known = true;
      }
      at = Math.max(at, bytes.length - (RIFF_HEAD_BYTES - 1));
      if (known && at > MAX_HEADER_BYTES) {
        window.drop(at - MAX_HEADER_BYTES);
        at = MAX_HEADER_BYTES;
      }
      return false;
    }
    known = true;
    header = headerOf(bytes.toString("latin1", Math.max(0, start - MAX_HEADER_BYTES), start));
    window.drop(start);
    at = 2;
    scanned = false;
    where = "segments";
    return true;
  };

  /** Whether all segments before the data have come. */
  const passSegments = (): boolean => {
    const { bytes } = window;
    while (at + 1 < bytes.length) {
      const marker = bytes[at + 1] as number;
      if (marker === END_OF_IMAGE && scanned) {
        where = "scan";
        return true;
      }
      if (bytes[at] !== MARKER || marker === 0 || marker === START_OF_IMAGE || marker === END_OF_IMAGE)
        return restart(at);
      if (marker === MARKER) at += 1;
      else if (standsAlone(marker)) at += 2;
      else if (at + 3 >= bytes.length) return false;
      else if (bytes.readUInt16BE(at + 2) < 2) return restart(at + 2);
      else {
        at += 2 + bytes.readUInt16BE(at + 2);
        if (marker !== START_OF_SCAN) continue;
        scanned = true;
        where = "scan";
        return true;
      }
    }
    return false;
  };

  /** Whether a PNG or WebP picture has come whole, or is none. */
  const passOther = (): boolean => {
    const { bytes } = window;
    if (bytes.subarray(0, RIFF.length).equals(RIFF))
      at = RIFF_HEAD_BYTES - 4 + bytes.readUInt32LE(4) + (bytes.readUInt32LE(4) % 2);
    else {
      at = Math.max(at, PNG.length);
      for (let last = false; !last;) {
        if (bytes.length < at + PNG_PART_BYTES) return false;
        last = bytes.toString("latin1", at + 4, at + 8) === "IEND";
        const end = at + PNG_PART_BYTES + bytes.readUInt32BE(at);
        if (bytes.length < end) return false;
        at = end;
      }
    }
    if (bytes.length < at) return false;
    onOther?.(Buffer.from(bytes.subarray(0, at)));
    return restart(at);
  };

  /** What has come up to here is no picture; from here on one may begin. */
  const restart = (from: number): true => {
    window.drop(from);
    at = 0;
    where = "between";
    return true;
  };

  /** Where the picture ends; "on" at the next segment, undefined while more must come. */
  const passScan = (): number | "on" | undefined => {
    const { bytes } = window;
    const told =
      header.length > 0 &&
      bytes.length >= header.length + 4 &&
      /^\r?\n?--/.test(bytes.toString("latin1", header.length, header.length + 4))
        ? header.length
        : Infinity;
    for (;;) {
      const found = bytes.indexOf(MARKER, at);
      at = found < 0 ? Math.max(at, bytes.length) : found;
      if (at >= told) return told;
      if (at + 1 >= bytes.length) return undefined;
      const marker = bytes[at + 1] as number;
      if (marker === END_OF_IMAGE) return at + 2;
      if (marker === START_OF_IMAGE) {
        const boundary = header.boundary === "" ? -1 : bytes.subarray(0, at).lastIndexOf(header.boundary);
        return boundary < 0 ? at : boundary;
      }
      if (BETWEEN_SCANS.has(marker)) {
        where = "segments";
        return "on";
      }
      // Zero after data that looks like a marker, and restarts (B.1.1.5), are part of the data.
      at += marker === MARKER ? 1 : 2;
    }
  };

  /**
   * A copy, with an end marker where the camera never writes one. Missing from one among others it says that the
   * picture was cut off.
   */
  const ended = (bytes: Buffer): Buffer => {
    if (bytes.subarray(-2).equals(END_OF_JPEG)) marked = true;
    return marked ? Buffer.from(bytes) : Buffer.concat([bytes, END_OF_JPEG]);
  };

  return (chunk) => {
    window.push(chunk);
    const frames: CapturedFrame[] = [];
    for (;;) {
      if (where === "between" && !findStart()) return frames;
      if (where === "other" && !passOther()) return frames;
      if (where === "segments" && !passSegments()) return frames;
      if (where !== "scan") continue;
      const end = passScan();
      if (end === undefined) return frames;
      if (end === "on") continue;
      // A copy of its own: frames travel on, and the rest of the stream must not be kept alive by them.
      const bytes = ended(window.bytes.subarray(0, end));
      const size = jpegSize(bytes);
      if (size !== undefined) frames.push({ bytes, ...size, encoding: "jpeg" });
      restart(end);
    }
  };
}

/** Where a PNG or WebP picture begins before `end`; -1 where none does. */
function firstOther(bytes: Buffer, from: number, end: number): number {
  const part = end < 0 ? bytes : bytes.subarray(0, end);
  const png = part.indexOf(PNG, from);
  const within = png < 0 ? part : part.subarray(0, png);
  for (let at = within.indexOf(RIFF, from); at >= 0; at = within.indexOf(RIFF, at + 1))
    if (bytes.toString("latin1", at + 8, at + RIFF_HEAD_BYTES) === "WEBP") return at;
  return png;
}

/** What stands before a picture. */
function headerOf(text: string): { length: number; boundary: string } {
  const boundary = /--[^\r\n]+/.exec(text)?.[0] ?? "";
  const length = Number(
    /content-length:[^\S\n]{0,9}(\d{1,9})/i.exec(text.slice(Math.max(0, text.lastIndexOf("--"))))?.[1] ?? 0,
  );
  return { length, boundary };
}

/** @throws a sentence when no camera would begin like this */
function assertStream(bytes: Buffer): void {
  const text = bytes.toString("latin1", 0, MAX_HEADER_BYTES);
  const kind = /content-type:[^\S\n]{0,9}((?:image\/(?!p?jpe?g)|video\/(?!x-motion-jpeg|x-mjpeg))[\w.+-]{1,40})/i.exec(
    text,
  )?.[1];
  if (kind !== undefined) throw new UserError("capture.picturesAre", { kind });
  if (!/(?:^|[\r\n])--/.test(text)) throw new UserError("capture.noPart");
}

/** Binary PPM (P6, 8 bits), one after the other. */
export function ppmParser(): Parser {
  const parse = netpbmParser("P6", 3);
  return (chunk) =>
    parse(chunk).map(({ data, ...size }): CapturedFrame => ({ bytes: data, ...size, encoding: "rgb" }));
}

/** Binary PGM (P5, 8 bits), one after the other. */
export function pgmParser(): (chunk: Buffer) => Grey[] {
  return netpbmParser("P5", 1);
}

function netpbmParser(
  kind: "P5" | "P6",
  channels: number,
): (chunk: Buffer) => { data: Buffer; width: number; height: number }[] {
  const HEADER_BYTES = 64;
  const HEADER = new RegExp(`^${kind}\\s+(\\d+)\\s+(\\d+)\\s+255\\s`);
  const window = new ByteWindow(MAX_FRAME_BYTES, tooLarge);
  return (chunk) => {
    window.push(chunk);
    const pictures: { data: Buffer; width: number; height: number }[] = [];
    for (;;) {
      const { bytes } = window;
      const header = HEADER.exec(bytes.toString("latin1", 0, HEADER_BYTES));
      if (header === null) {
        if (bytes.length >= HEADER_BYTES) throw new Fault("ffmpeg's raw frames are not as expected.");
        return pictures;
      }
      const [width, height] = [Number(header[1]), Number(header[2])];
      const end = header[0].length + width * height * channels;
      if (end > bytes.length) return pictures;
      pictures.push({ data: Buffer.from(bytes.subarray(header[0].length, end)), width, height });
      window.drop(end);
    }
  };
}
