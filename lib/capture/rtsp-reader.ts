/** Takes a byte stream of RTSP apart: messages, and what lies between them (interleaved RTP, RFC 2326, 10.12). */
import { UserError } from "../errors";

export interface RtspParts {
  /** A whole request or answer: its head with the blank line, and its body. */
  message: (head: string, body: Buffer) => void;
  /** Everything else, to be passed on as it is. */
  rest: (bytes: Buffer) => void;
}

const DOLLAR = 0x24;
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
/** How a request or an answer begins. Some cameras write garbage between packets. */
const START = /^(?:[A-Z_]{3,16} \S|(?:RTSP|HTTP)\/\d)/;
/** As much as tells whether a message begins. */
const START_BYTES = 18;

/** Whether a message may begin with it. */
const isCapital = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;

export class RtspReader {
  readonly #parts: RtspParts;
  #waiting: Buffer[] = [];
  /** Bytes of a message that are still to come, where that is known. */
  #missing = 0;
  /** Bytes of an interleaved packet that are still to come. */
  #packet = 0;

  constructor(parts: RtspParts) {
    this.#parts = parts;
  }

  /** @throws a sentence when a message is too large */
  read(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#missing -= chunk.length;
    // Joined once: a body may come in pieces of a byte.
    if (this.#missing > 0) return;
    const data = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#missing = 0;
    // What lies between two messages goes on in one piece.
    let from = 0;
    let at = 0;
    const pass = (): void => {
      if (at > from) this.#parts.rest(data.subarray(from, at));
      from = at;
    };
    while (at < data.length) {
      if (this.#packet > 0) {
        const taken = Math.min(this.#packet, data.length - at);
        this.#packet -= taken;
        at += taken;
      } else if (data[at] === DOLLAR) {
        if (data.length - at < 4) break;
        this.#packet = 4 + data.readUInt16BE(at + 2);
      } else if (!isCapital(data[at] as number)) {
        at += 1;
      } else {
        const begin = data.subarray(at, at + START_BYTES).toString("latin1");
        if (!START.test(begin)) {
          if (data.length - at < START_BYTES && /^[A-Z_]/.test(begin) && !/[^\w /.*:]/.test(begin)) break;
          at += 1;
          continue;
        }
        pass();
        const end = this.#message(data, at);
        if (end === undefined) break;
        at = end;
        from = end;
      }
    }
    pass();
    if (at < data.length) this.#waiting.push(Buffer.from(data.subarray(at)));
  }

  /** Where the message that begins here ends; undefined while it is not whole. */
  #message(data: Buffer, at: number): number | undefined {
    const text = data.subarray(at, at + MAX_HEAD_BYTES).toString("latin1");
    // Some cameras end their lines with LF alone.
    const blank = /\r?\n\r?\n/.exec(text);
    if (blank === null) {
      if (data.length - at > MAX_HEAD_BYTES) throw new UserError("capture.endlessAnswer");
      return undefined;
    }
    const head = text.slice(0, blank.index + blank[0].length);
    const body = at + head.length;
    const length = Number(/^Content-Length[ \t]*:[ \t]*(\d+)/im.exec(head)?.[1] ?? 0);
    if (length > MAX_BODY_BYTES) throw new UserError("capture.answerTooLarge");
    this.#missing = body + length - data.length;
    if (this.#missing > 0) return undefined;
    this.#parts.message(head, Buffer.from(data.subarray(body, body + length)));
    return body + length;
  }
}
