/**
 * Answers of HTTP cameras, read as they write them. Node.js' own reader refuses what every browser shows: lines of a
 * header that are none, lengths that are wrong, unknown or told twice, bodies that are said to be chunked and are not,
 * answers without a header.
 */
import type { Socket } from "node:net";
import { Readable, pipeline, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { UserError } from "../errors";
import { ByteWindow } from "./byte-window";

const MAX_HEAD_BYTES = 64 * 1024;
/** With what came together with it. */
const MOST_LOOKED_AT = 2 * 1024 * 1024;
const CR = 0x0d;
const LF = 0x0a;
/** The size of a chunk, with extensions that nobody uses; a line behind the last one. */
const MAX_LINE = 4096;
/** What is wanted no more may take so long and be so large, so that the connection can be used again. */
const DISCARD_MS = 500;
const DISCARD_BYTES = 64 * 1024;

const STATUS = /^(?:HTTP\/\d+(?:\.\d+)?|ICY)[ \t]+(\d{3})(?!\d)/i;
/** As much as tells whether it is one. */
const STATUS_BYTES = 5;
/** What a camera sends that writes no header: a picture, a part of a stream. */
const HEADLESS = /^(?:--|\xff\xd8\xff|Content-(?:Type|Length)[ \t]*:)/i;
/** As much as tells how a body is compressed, or that it is not. */
const MAGIC_BYTES = 4;
const NO_BODY = new Set([204, 304]);

/** Of each field its values in order; its name in lower case. */
export type Headers = ReadonlyMap<string, readonly string[]>;

export interface Answer {
  status: number;
  headers: Headers;
  /** Its Content-Type; empty where it has none. */
  type: string;
  /**
   * What is in it, decompressed. To be read once.
   * @param endless whether a stream is awaited: a length that is told is then another thing's
   */
  body(endless?: boolean): AsyncGenerator<Buffer>;
  /** Whether the body ended before its told end. */
  readonly cut: boolean;
  /** What comes though the body should have ended, until there is no more. */
  beyond(): AsyncGenerator<Buffer>;
  /** It is wanted no more: close the connection, unless that can be used again. */
  done(): void;
  /** Read what is wanted no more, where that is soon done, and @returns how it begins. */
  discard(): Promise<Buffer>;
  close(): void;
}

/** A connection to a camera, for one question after another. */
export class Connection {
  readonly #socket: Socket;
  readonly #incoming: AsyncIterator<Buffer>;
  #ahead: Buffer | undefined;
  /** Whether another question may be asked: the last answer has been read to its end, and nobody closes. */
  free = true;
  /** What no longer listens to the signal of the last question. */
  #forget: () => void = () => undefined;

  /** @param idle ms without a byte after which it is closed */
  constructor(socket: Socket, idle: number) {
    this.#socket = socket;
    this.#incoming = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    // Told where it is read, too.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#forget());
    socket.setTimeout(idle, () => socket.destroy(new UserError("capture.gaveNothing", { seconds: idle / 1000 })));
  }

  /** Whether it can be used again. Nothing may have come meanwhile. */
  get usable(): boolean {
    return this.free && !this.#socket.destroyed && this.#ahead === undefined && this.#socket.readableLength === 0;
  }

  close(): void {
    this.free = false;
    this.#socket.destroy();
  }

  /** @param head the question @param signal ends it, until the answer has been read @throws when there is no answer */
  async ask(head: string, signal: AbortSignal): Promise<Answer> {
    this.free = false;
    const stop = (): void => this.close();
    signal.addEventListener("abort", stop);
    this.#forget = () => signal.removeEventListener("abort", stop);
    if (signal.aborted) stop();
    this.#socket.write(head, "latin1");
    const { version, status, headers } = await this.#head();
    const connection = headers.get("connection")?.join().toLowerCase() ?? "";
    const mayStay = connection.includes("keep-alive") || (version === "1.1" && !connection.includes("close"));
    return new CameraAnswer(this, status, headers, () => {
      this.#forget();
      this.free = mayStay;
    });
  }

  /** What comes next; undefined when no more does. */
  async next(): Promise<Buffer | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) return ahead;
    const { value, done } = await this.#incoming.next();
    return done === true ? undefined : value;
  }

  /** Put back what belongs to what comes next. */
  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#ahead = bytes;
  }

  async #head(): Promise<Head> {
    const window = new ByteWindow(MOST_LOOKED_AT, () => new UserError("capture.noWebServer"));
    /** How far it has been searched for its end. */
    let searched = 0;
    for (;;) {
      const piece = await this.next();
      if (piece === undefined) throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      window.push(piece);
      for (let head = headIn(window, searched); head !== undefined; head = headIn(window, searched)) {
        searched = 0;
        window.drop(head.length);
        // What goes before the answer says nothing.
        if (head.status >= 100 && head.status < 200) continue;
        this.unread(Buffer.from(window.bytes));
        return head;
      }
      searched = window.bytes.length;
    }
  }
}

interface Head {
  version: string;
  status: number;
  headers: Headers;
  /** Bytes. */
  length: number;
}

/** The head of an answer; undefined while it is not whole. @throws a sentence when it is none */
function headIn(window: ByteWindow, searched: number): Head | undefined {
  while (window.bytes[0] === CR || window.bytes[0] === LF) window.drop(1);
  const { bytes } = window;
  if (bytes.length < STATUS_BYTES) return undefined;
  const begin = bytes.toString("latin1", 0, 64);
  if (!/^(?:HTTP\/|ICY[ \t])/i.test(begin)) return headless(begin);
  const from = Math.max(0, searched - 3);
  const end = /\r?\n\r?\n/.exec(bytes.toString("latin1", from, MAX_HEAD_BYTES));
  if (end === null) {
    if (bytes.length > MAX_HEAD_BYTES) throw new UserError("capture.noWebServer");
    return undefined;
  }
  const length = from + end.index + end[0].length;
  const text = bytes.toString("latin1", 0, length);
  const status = Number(STATUS.exec(text)?.[1] ?? 0);
  if (status === 0) throw new UserError("capture.noWebServer");
  return { version: /^HTTP\/(\S+)/i.exec(text)?.[1] ?? "", status, headers: headersOf(text), length };
}

/** @throws a sentence where what answers is none that shows pictures */
function headless(begin: string): Head {
  if (HEADLESS.test(begin)) return { version: "", status: 200, headers: new Map(), length: 0 };
  if (begin.startsWith("\x15\x03")) throw new UserError("capture.speaksTls");
  throw new UserError(begin.startsWith("RTSP/") ? "capture.speaksRtsp" : "capture.noWebServer");
}

/** Lines that are no field are left out; one that goes on in the next is joined. */
function headersOf(text: string): Headers {
  const headers = new Map<string, string[]>();
  const lines = text.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const values = headers.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    headers.set(name, values);
  }
  return headers;
}

class CameraAnswer implements Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly type: string;
  cut = false;
  readonly #connection: Connection;
  readonly #over: () => void;
  /** Whether the body has been read to its end. */
  #ended = false;

  /** @param over to be called when the body has been read to its end */
  constructor(connection: Connection, status: number, headers: Headers, over: () => void) {
    this.#connection = connection;
    this.status = status;
    this.headers = headers;
    this.type = headers.get("content-type")?.[0] ?? "";
    this.#over = over;
  }

  close(): void {
    this.#connection.close();
  }

  done(): void {
    if (!this.#connection.free) this.close();
  }

  async *body(endless = false): AsyncGenerator<Buffer> {
    yield* decompressed(this.#whole(endless), this.headers.get("content-encoding")?.join() ?? "");
  }

  async *beyond(): AsyncGenerator<Buffer> {
    this.#connection.free = false;
    for (let piece = await this.#connection.next(); piece !== undefined; piece = await this.#connection.next())
      yield piece;
  }

  async discard(): Promise<Buffer> {
    const timer = setTimeout(() => this.close(), DISCARD_MS);
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      for await (const piece of this.body()) {
        pieces.push(piece);
        length += piece.length;
        if (length > DISCARD_BYTES) break;
      }
    } catch {
      // It has said enough, or nothing.
    } finally {
      clearTimeout(timer);
      this.done();
    }
    return Buffer.concat(pieces);
  }

  async *#whole(endless: boolean): AsyncGenerator<Buffer> {
    try {
      if (NO_BODY.has(this.status)) this.#ended = true;
      else if (/chunked/i.test(this.headers.get("transfer-encoding")?.join() ?? "")) yield* this.#chunked();
      else yield* this.#upTo(this.#length(endless));
    } finally {
      if (this.#ended) this.#over();
      else this.close();
    }
  }

  /** Infinity where none is told, or one that cannot be meant: a stream has none. */
  #length(endless: boolean): number {
    const mayBeStream = /^(?:multipart|video)\//i.test(this.type);
    if (mayBeStream || (endless && /^$|octet-stream/i.test(this.type))) return Infinity;
    const told = (this.headers.get("content-length") ?? []).filter((text) => /^\d{1,15}$/.test(text)).map(Number);
    return told.length === 0 ? Infinity : Math.max(...told);
  }

  async *#upTo(length: number): AsyncGenerator<Buffer> {
    this.#ended = length === 0;
    for (let left = length; left > 0;) {
      const piece = await this.#connection.next();
      if (piece === undefined) {
        this.cut = length !== Infinity;
        return;
      }
      const part = piece.subarray(0, Math.min(left, piece.length));
      this.#connection.unread(piece.subarray(part.length));
      left -= part.length;
      this.#ended = left === 0;
      yield part;
    }
  }

  async *#chunked(): AsyncGenerator<Buffer> {
    const chunks = new Chunks();
    while (!chunks.over) {
      const piece = await this.#connection.next();
      if (piece === undefined) {
        this.cut = true;
        return;
      }
      const data = chunks.take(piece);
      if (data === undefined) {
        this.#connection.unread(chunks.begin);
        yield* this.#upTo(Infinity);
        return;
      }
      if (chunks.over) this.#connection.unread(chunks.rest);
      this.#ended = chunks.over;
      if (data.length > 0) yield data;
    }
  }
}

/** Takes "chunked" apart (RFC 9112, 7.1). */
class Chunks {
  /** Whether the last one has come. */
  over = false;
  /** What came behind the last one. */
  rest: Buffer = Buffer.alloc(0);
  #where: "size" | "data" | "after" | "trailer" = "size";
  #line: Buffer[] = [];
  #left = 0;
  #any = false;

  /** What came of a body that is not chunked. */
  get begin(): Buffer {
    return Buffer.concat(this.#line);
  }

  /** The data in this piece; undefined where this is not chunked at all. @throws a sentence when it breaks off */
  take(piece: Buffer): Buffer | undefined {
    const data: Buffer[] = [];
    for (let at = 0; at < piece.length && !this.over;) {
      if (this.#where === "data") {
        const part = piece.subarray(at, at + this.#left);
        data.push(part);
        this.#left -= part.length;
        at += part.length;
        if (this.#left === 0) this.#where = "after";
        continue;
      }
      const end = piece.indexOf(0x0a, at);
      const part = piece.subarray(at, end < 0 ? piece.length : end + 1);
      this.#line.push(part);
      at += part.length;
      if (end >= 0 && this.#ends()) {
        this.#line = [];
        if (this.over) this.rest = piece.subarray(at);
      } else if (end >= 0 || this.#lineLength() > MAX_LINE) {
        if (this.#any) throw new UserError("capture.brokenChunks");
        this.#line.push(piece.subarray(at));
        return undefined;
      }
    }
    return Buffer.concat(data);
  }

  #lineLength(): number {
    return this.#line.reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether the line that ends here may stand here. */
  #ends(): boolean {
    const line = Buffer.concat(this.#line).toString("latin1").trim();
    if (this.#where === "after") {
      this.#where = "size";
      return line === "" || this.#size(line);
    }
    if (this.#where === "trailer") {
      this.over = line === "";
      return true;
    }
    return this.#size(line);
  }

  #size(line: string): boolean {
    const size = /^([\da-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) return false;
    this.#any = true;
    this.#left = Number.parseInt(size, 16);
    this.#where = this.#left === 0 ? "trailer" : "data";
    return true;
  }
}

/** What is in a compressed body; one that is only said to be compressed is left as it is. */
async function* decompressed(body: AsyncGenerator<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  if (!/gzip|deflate|\bbr\b/i.test(encoding)) {
    yield* body;
    return;
  }
  let first: Buffer = Buffer.alloc(0);
  while (first.length < MAGIC_BYTES) {
    const { value, done } = await body.next();
    if (done === true) break;
    first = Buffer.concat([first, value]);
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield first;
    yield* body;
  };
  const open = openerOf(encoding, first);
  if (open === undefined) {
    yield* all();
    return;
  }
  // What fails comes out of it where it is read.
  pipeline(Readable.from(all(), { objectMode: false }), open, () => undefined);
  yield* open as AsyncIterable<Buffer>;
}

function openerOf(encoding: string, first: Buffer): Transform | undefined {
  const [one = 0, two = 0] = first;
  if (one === 0x1f && two === 0x8b) return createGunzip();
  // A picture, or a part of a stream.
  if (HEADLESS.test(first.toString("latin1", 0, 64))) return undefined;
  if (/\bbr\b/i.test(encoding)) return createBrotliDecompress();
  if (!/deflate/i.test(encoding)) return undefined;
  return (one & 15) === 8 && (one * 256 + two) % 31 === 0 ? createInflate() : createInflateRaw();
}
