/** Pictures out of a byte stream: multipart (MJPEG over HTTP, ffmpeg's mpjpeg) and PPM (ffmpeg's raw RGB with its size). */
import { UserError } from "../errors";
import { jpegSize } from "./jpeg";
import type { CapturedFrame } from "./source";

/** One frame may not be larger; more means that the stream is none. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const MAX_HEADER_BYTES = 8192;

export type Parser = (chunk: Buffer) => CapturedFrame[];

/** Bytes that wait for more, joined only when a frame may be complete: a large frame comes in hundreds of pieces. */
class Accumulator {
  #chunks: Buffer[] = [];
  #length = 0;
  wanted = 1;

  push(chunk: Buffer): Buffer | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length > MAX_FRAME_BYTES) throw new UserError(`the stream has no end of a frame within ${MAX_FRAME_BYTES / 1024 / 1024} MB: it is no camera's.`);
    if (this.#length < this.wanted) return undefined;
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  keep(rest: Buffer, wanted: number): void {
    this.#chunks = [rest];
    this.#length = rest.length;
    this.wanted = wanted;
  }
}

/** Multipart by Content-Length, else by the next boundary (RFC 2046, 5.1). */
export function multipartParser(): Parser {
  const buffer = new Accumulator();
  return (chunk) => {
    const frames: CapturedFrame[] = [];
    let rest = buffer.push(chunk);
    let wanted = 1;
    while (rest !== undefined && rest.length > 0) {
      const headerEnd = rest.indexOf("\r\n\r\n");
      if (headerEnd < 0) {
        if (rest.length > MAX_HEADER_BYTES) throw new UserError("the answer is no MJPEG stream: no header of a part.");
        break;
      }
      const header = rest.subarray(0, headerEnd).toString("latin1");
      const bodyStart = headerEnd + 4;
      const length = /content-length:\s*(\d+)/i.exec(header)?.[1];
      const boundary = /--[^\r\n]+/.exec(header)?.[0];
      const end: number = length === undefined ? rest.indexOf(`\r\n${boundary ?? "--"}`, bodyStart) : bodyStart + Number(length);
      if (end > MAX_FRAME_BYTES) throw new UserError("the answer is no MJPEG stream: a part is too large.");
      if (end < 0 || end > rest.length) {
        wanted = Math.max(end, rest.length + 1);
        break;
      }
      // A copy of its own: frames travel on, and the rest of the stream must not be kept alive by them.
      const bytes = Buffer.from(rest.subarray(bodyStart, end));
      const size = jpegSize(bytes);
      if (size !== undefined) frames.push({ bytes, ...size, encoding: "jpeg" });
      rest = rest.subarray(end);
    }
    if (rest !== undefined) buffer.keep(rest, wanted);
    return frames;
  };
}

/** Binary PPM (P6, 8 bits), one after the other. */
export function ppmParser(): Parser {
  const buffer = new Accumulator();
  return (chunk) => {
    const frames: CapturedFrame[] = [];
    let rest = buffer.push(chunk);
    let wanted = 1;
    while (rest !== undefined && rest.length > 0) {
      const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(rest.subarray(0, 64).toString("latin1"));
      if (header === null) {
        if (rest.length >= 64) throw new Error("ffmpeg's raw frames are not as expected.");
        break;
      }
      const [width, height] = [Number(header[1]), Number(header[2])];
      const end: number = header[0].length + width * height * 3;
      if (end > rest.length) {
        wanted = end;
        break;
      }
      frames.push({ bytes: Buffer.from(rest.subarray(header[0].length, end)), width, height, encoding: "rgb" });
      rest = rest.subarray(end);
    }
    if (rest !== undefined) buffer.keep(rest, wanted);
    return frames;
  };
}
