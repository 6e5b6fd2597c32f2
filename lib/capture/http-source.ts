/** HTTP cameras, in pure Node: an endless MJPEG stream, or a snapshot asked for again and again. */
import { reasonOf, UserError } from "../errors";
import { toKeptJpeg } from "../image/encode";
import { kindOf } from "../image/photo-file";
import { redactWords } from "../redact";
import type { Answer } from "./http-answer";
import { HttpClient } from "./http-client";
import { jpegSize } from "./jpeg";
import { END_OF_JPEG, multipartParser } from "./multipart";
import { type OptionsOf, secretsOf, shownUrl } from "./options";
import { type CapturedFrame, pause, type Source } from "./source";
import { phrase, type Sentence } from "../words/sentence";

/** Seconds for the answer to begin, between two pieces of it, and between two pictures of a stream. */
const DEFAULT_IDLE = 10;
/** A whole answer (of a stream: its beginning, with logins and redirects) may take as many times the idle bound. */
const TOTAL = 2;
const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;
const DEFAULT_SNAPSHOT_FPS = 1;
/** A stream may come faster than anybody wants it. */
const DEFAULT_STREAM_FPS = 120;
/** What comes behind a whole picture, or behind the told end of one that is not, is waited for as long. */
const LINGER_MS = 500;
/** A picture is no shorter in base64. */
const LEAST_ENCODED = 100;
/** As much as tells what kind of picture begins. */
const KIND_BYTES = 32;
/** As much of a type or of words is told as makes clear what they are. */
const MOST_TOLD = 150;

/**
 * Work on an answer, which ends when `signal` does, or when it takes too long though something comes now and then.
 * @param what it is, in a sentence
 */
async function within<T>(
  total: number,
  what: Sentence,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  let late = false;
  const stop = (): void => end.abort();
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, total);
  signal.addEventListener("abort", stop);
  try {
    return await work(end.signal);
  } catch (error) {
    if (late && !signal.aborted)
      throw new UserError(
        "capture.lost",
        { what, reason: phrase("capture.incomplete", { seconds: total / 1000 }) },
        { cause: error },
      );
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

export function mjpegSource(options: OptionsOf<"mjpeg">): Source {
  const { fps = DEFAULT_STREAM_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = phrase("capture.stream", { url: shownUrl(options) });
  return async ({ onFrame, signal }) => {
    const client = new HttpClient(options, idle);
    let answer: Answer | undefined;
    const stop = (): void => answer?.close();
    let frames = 0;
    let next = 0;
    try {
      answer = await within(TOTAL * idle, what, signal, (end) => client.get(end));
      signal.addEventListener("abort", stop);
      if (signal.aborted) return;
      for await (const frame of framesOf(answer, idle)) {
        frames += 1;
        const now = performance.now();
        if (now < next) continue;
        // A little early is in time: frames do not come by our clock.
        next = Math.max(next, now - 1000 / fps) + 1000 / fps;
        onFrame(frame);
      }
      if (signal.aborted) return;
      throw new UserError("capture.cameraEnded");
    } catch (error) {
      if (signal.aborted) return;
      if (answer === undefined) throw error;
      throw new UserError(
        lossOf(answer, frames, shownUrl(options), secretsOf(options)) ??
          phrase("capture.lost", { what, reason: reasonOf(error) }),
        { cause: error },
      );
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      client.end();
    }
  };
}

/** The newest picture of each piece of a stream, as a JPEG. @throws a phrase when none comes for `idle` ms */
async function* framesOf(answer: Answer, idle: number): AsyncGenerator<CapturedFrame> {
  let other: Buffer | undefined;
  const parse = multipartParser({
    onOther: (bytes) => {
      other = bytes;
    },
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    answer.close();
  }, idle);
  try {
    for await (const piece of answer.body(true)) {
      other = undefined;
      const newest = parse(piece).at(-1) ?? (other === undefined ? undefined : await asJpeg(other));
      if (newest === undefined) continue;
      timer.refresh();
      yield newest;
    }
  } catch (error) {
    if (!late) throw error;
  } finally {
    clearTimeout(timer);
  }
  if (late) throw new UserError("capture.noPictureFor", { seconds: idle / 1000 });
}

/** PNG, WebP and whatever else can be read here: one kind for all that comes after. @throws a sentence */
async function asJpeg(bytes: Buffer): Promise<CapturedFrame> {
  const jpeg = await toKeptJpeg({ bytes, frame: undefined });
  return { bytes: jpeg, ...(jpegSize(jpeg) as { width: number; height: number }), encoding: "jpeg" };
}

/** Why an answer was no stream, by what it said of itself, as a sentence; undefined where it may have been one. */
function lossOf({ type }: Answer, frames: number, url: string, secrets: readonly string[]): Sentence | undefined {
  const isPicture = /^image\//i.test(type) && frames <= 1;
  if (!isPicture && (frames > 0 || /^(multipart|video)\/|octet-stream/i.test(type))) return undefined;
  return phrase("capture.noMjpeg", {
    url,
    type: redactWords(type.slice(0, MOST_TOLD), secrets) || phrase("capture.withoutType"),
    mend: phrase(isPicture ? "capture.chooseSnapshot" : "capture.checkAddress"),
  });
}

export function snapshotSource(options: OptionsOf<"snapshot">): Source {
  const { fps = DEFAULT_SNAPSHOT_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = phrase("capture.snapshot", { url: shownUrl(options) });
  const secrets = secretsOf(options);
  return async ({ onFrame, signal }) => {
    const client = new HttpClient(options, idle);
    try {
      while (!signal.aborted) {
        const start = performance.now();
        const frame = await within(TOTAL * idle, what, signal, async (end) =>
          pictureOf(await client.get(end), what, secrets),
        );
        onFrame(frame);
        await pause(1000 / fps - (performance.now() - start), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      client.end();
    }
  };
}

/** The picture in an answer, as a JPEG. @throws a sentence */
async function pictureOf(answer: Answer, what: Sentence, secrets: readonly string[]): Promise<CapturedFrame> {
  if (/^multipart\//i.test(answer.type)) {
    answer.close();
    throw new UserError("capture.isStream", { what });
  }
  const reader = new SnapshotReader();
  try {
    await readTo(reader, answer);
  } catch (error) {
    answer.close();
    if (reader.frame === undefined)
      throw new UserError("capture.lost", { what, reason: reasonOf(error) }, { cause: error });
  }
  if (reader.frame !== undefined) return reader.frame;
  if (answer.cut) throw new UserError("capture.lost", { what, reason: phrase("capture.cutOff") });
  const { bytes } = reader;
  const size = jpegSize(bytes);
  // Some cameras write no end marker.
  if (size !== undefined)
    return {
      bytes: bytes.subarray(-2).equals(END_OF_JPEG) ? bytes : Buffer.concat([bytes, END_OF_JPEG]),
      ...size,
      encoding: "jpeg",
    };
  return asJpeg(fromText(bytes) ?? bytes).catch((error: unknown) => {
    const type = redactWords(answer.type.slice(0, MOST_TOLD), secrets);
    const named = type === "" ? what : phrase("capture.typed", { what, type });
    const reason = wordsIn(bytes, secrets) ?? (error instanceof UserError ? error.sentence : undefined);
    throw reason === undefined ? error : new UserError("capture.unusable", { what: named, reason }, { cause: error });
  });
}

/** Read a snapshot: at least its picture, wherever that ends. */
async function readTo(reader: SnapshotReader, answer: Answer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const linger = (): void => {
    timer ??= setTimeout(() => answer.close(), LINGER_MS);
  };
  try {
    for await (const piece of answer.body()) {
      reader.push(piece);
      // The rest of the answer, so that the connection can be used again.
      if (reader.frame !== undefined) linger();
    }
    if (!reader.broken) {
      answer.done();
      return;
    }
    linger();
    await readBeyond(reader, answer);
  } finally {
    clearTimeout(timer);
  }
}

/** What its header says is over; the picture says that it is not. */
async function readBeyond(reader: SnapshotReader, answer: Answer): Promise<void> {
  try {
    for await (const piece of answer.beyond()) {
      reader.push(piece);
      if (reader.frame !== undefined) break;
    }
  } catch {
    // No more came in time.
  } finally {
    answer.close();
  }
}

class SnapshotReader {
  /** The first JPEG, wherever it lies: some send a line before it, or the header of a part. */
  frame: CapturedFrame | undefined;
  readonly #pieces: Buffer[] = [];
  readonly #parse = multipartParser({ whatever: true });
  /** How it begins; whole pieces, of which the last is the first that makes it long enough. */
  #begin: Buffer = Buffer.alloc(0);
  #length = 0;

  /** @throws a sentence when it is too much */
  push(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > MAX_SNAPSHOT_BYTES)
      throw new UserError("capture.moreThanMegabytes", { megabytes: MAX_SNAPSHOT_BYTES / 1024 / 1024 });
    this.#pieces.push(piece);
    const isNew = this.#begin.length < KIND_BYTES;
    if (isNew) this.#begin = Buffer.concat([this.#begin, piece]);
    const kind = kindOf(this.#begin);
    // Other pictures may have a small JPEG in them.
    if (this.#begin.length >= KIND_BYTES && (kind === undefined || kind === "jpeg"))
      this.frame ??= this.#parse(isNew ? this.#begin : piece)[0];
  }

  /** What has come. */
  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** Whether nothing has come, or a JPEG without its end. */
  get broken(): boolean {
    return this.frame === undefined && (this.#length === 0 || kindOf(this.#begin) === "jpeg");
  }
}

/** A picture that comes as text: base64, a data URI, or one of these in JSON; undefined where it is none. */
function fromText(bytes: Buffer): Buffer | undefined {
  const text = longestIn(bytes.toString("latin1")).trim();
  const encoded = text.replace(/^data:[^,]{0,100},/i, "").replaceAll("\\/", "/");
  if (encoded.length < LEAST_ENCODED || !/^[\w+/\s-]+={0,2}$/.test(encoded)) return undefined;
  const decoded = Buffer.from(encoded, "base64");
  return kindOf(decoded) === undefined ? undefined : decoded;
}

/** The longest piece of a text between double quotes. */
function longestIn(text: string): string {
  let [longest, length] = [0, 0];
  for (let from = 0; from <= text.length;) {
    const quote = text.indexOf('"', from);
    const end = quote < 0 ? text.length : quote;
    if (end - from > length) [longest, length] = [from, end - from];
    from = end + 1;
  }
  return text.slice(longest, longest + length);
}

/** What an answer says that is words and no picture, for a sentence; undefined where it is neither, or a web page. */
function wordsIn(bytes: Buffer, secrets: readonly string[]): Sentence | undefined {
  const text = bytes.toString("utf8", 0, 4 * MOST_TOLD);
  if (
    text.trim() === "" ||
    /[^\P{C}\s]|\ufffd/u.test(text.slice(0, MOST_TOLD)) ||
    /^\s*<(?:!doctype html|html|head|body|svg)/i.test(text)
  )
    return undefined;
  const words = text
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();

  return phrase("capture.saysInstead", { words: redactWords(words, secrets).slice(0, MOST_TOLD) });
}
