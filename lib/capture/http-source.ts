/** HTTP cameras, in pure Node: an endless MJPEG stream, or a snapshot asked for again and again. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { sentenceOf, UserError } from "../errors";
import { toKeptJpeg } from "../image/encode";
import { redact } from "../redact";
import { CertificateError, connectTrusted, type Trust } from "./certificate";
import { authorization } from "./http-login";
import { jpegSize } from "./jpeg";
import { multipartParser } from "./multipart";
import { type OptionsOf, splitLogin } from "./options";
import { assertReachable } from "./reach";
import { type CapturedFrame, pause, type Source } from "./source";

type HttpOptions = OptionsOf<"mjpeg"> | OptionsOf<"snapshot">;

/** Seconds for the answer to begin, between two pieces of it, and between two pictures of a stream. */
const DEFAULT_IDLE = 10;
/** A whole answer (of a stream: its beginning, with logins and redirects) may take as many times the idle bound. */
const TOTAL = 2;
const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 3;
const DEFAULT_SNAPSHOT_FPS = 1;
/** A stream may come faster than anybody wants it. */
const DEFAULT_STREAM_FPS = 120;

/** Connections of https whose certificate is checked before a word is said on them. */
class TrustedAgent extends https.Agent {
  readonly #trust: Trust;

  constructor(trust: Trust) {
    super({ keepAlive: true });
    this.#trust = trust;
  }

  override createConnection(
    options: { host?: string | null; port?: number | string | null },
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const open = async (): Promise<void> => {
      try {
        const socket = await connectTrusted(options.host ?? "", Number(options.port), this.#trust);
        callback?.(null, socket);
      } catch (error) {
        callback?.(error as Error, undefined as unknown as Duplex);
      }
    };
    void open();
    return undefined;
  }
}

class RequestError extends UserError {
  constructor(
    message: string,
    /** Whether the connection had been used before, and was closed without an answer. */
    readonly closedBefore: boolean,
    cause: Error,
  ) {
    super(message, { cause });
  }
}

interface Ask {
  (signal: AbortSignal): Promise<IncomingMessage>;
  /** Close the connections that wait for another request. */
  end: () => void;
}

/** Asks an address again and again: logs in as it is asked to, remembers how, and follows where it is sent. */
function asker(options: HttpOptions, idle: number): Ask {
  const { address: first, login } = splitLogin(options);
  const plain = new http.Agent({ keepAlive: true });
  const secure = new TrustedAgent(options);
  let challenge: string | undefined;
  let count = 0;

  const request = (address: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      let answer: IncomingMessage | undefined;
      const [{ get }, agent] = address.protocol === "https:" ? [https, secure] : [http, plain];
      // Cameras write headers that no browser minds: LF alone, letters that are not allowed, data behind the end.
      const asked = get(address, { headers, signal, agent, timeout: idle, insecureHTTPParser: true }, (response) => {
        answer = response;
        resolve(response);
      });
      asked.once("timeout", () =>
        (answer ?? asked).destroy(new UserError(`it gave nothing for ${idle / 1000} seconds`)),
      );
      asked.once("error", (error: NodeJS.ErrnoException) => {
        if (error instanceof CertificateError) reject(error);
        else
          reject(
            new RequestError(
              `${redact(address.href)} failed: ${phraseOf(error)}.`,
              asked.reusedSocket && error.code === "ECONNRESET",
              error,
            ),
          );
      });
    });

  /** The camera may close a waiting connection at the moment it is used again. */
  const requestAgain = (...what: Parameters<typeof request>): Promise<IncomingMessage> =>
    request(...what).catch((error: unknown) => {
      if (error instanceof RequestError && error.closedBefore) return request(...what);
      throw error;
    });

  const ask = async (signal: AbortSignal): Promise<IncomingMessage> => {
    let address = first;
    let asked: string | undefined;
    for (let redirects = 0; ;) {
      const trusted = mayHaveLogin(first, address);
      const known = trusted ? login : undefined;
      count += 1;
      const headers: Record<string, string> =
        known === undefined || challenge === undefined
          ? {}
          : { authorization: authorization(challenge, known, "GET", `${address.pathname}${address.search}`, count) };
      const response = await requestAgain(address, headers, signal);
      const status = response.statusCode ?? 0;
      if (status === 200) return response;
      response.destroy();
      const { location } = response.headers;
      const next =
        status >= 301 && status <= 308 && location !== undefined && URL.canParse(location, address)
          ? new URL(location, address)
          : undefined;
      if (status === 401 && known !== undefined && asked !== address.origin) {
        asked = address.origin;
        challenge = response.headers["www-authenticate"] ?? "Basic";
        count = 0;
      } else if (next !== undefined && /^https?:$/.test(next.protocol) && redirects < MAX_REDIRECTS) {
        redirects += 1;
        address = next;
      } else {
        throw new UserError(
          `${redact(address.href)} answers ${status}: ${adviceOn(status, login === undefined || trusted, next)}.`,
        );
      }
    }
  };
  const end = (): void => {
    plain.destroy();
    secure.destroy();
  };
  return Object.assign(ask, { end });
}

/**
 * A login is for the host in the camera's address, whatever port it sends to; never for another one, and not
 * unencrypted where it was given for https.
 */
function mayHaveLogin(first: URL, address: URL): boolean {
  return address.hostname === first.hostname && (address.protocol === "https:" || first.protocol === "http:");
}

function adviceOn(status: number, trusted: boolean, next: URL | undefined): string {
  if (status !== 401 && status !== 403)
    return next === undefined
      ? "check the path in the address"
      : `it sends from one address to the next without end, or to one that is no HTTP address (${redact(next.href)})`;
  return trusted
    ? "put the camera's user and password into the node"
    : "the camera sent there, and what is not the host in the node's address (or is not encrypted, where that " +
        "one is) gets no password; put that address into the node if it is your camera's";
}

/** What went wrong with a connection, for people. */
function phraseOf({ code = "", message }: NodeJS.ErrnoException): string {
  if (code === "EPROTO" || code.startsWith("ERR_SSL"))
    return (
      `there is no TLS that this computer understands (${code === "EPROTO" ? "wrong protocol" : code}); perhaps ` +
      "the address begins with http:// or has another port"
    );
  return message;
}

/**
 * Work on an answer, which ends when `signal` does, or when it takes too long though something comes now and then.
 * @param what names it in a sentence
 */
async function within<T>(
  total: number,
  what: string,
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
      throw new UserError(`${what} was lost: its answer was not complete within ${total / 1000} seconds.`, {
        cause: error,
      });
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

export function mjpegSource(options: OptionsOf<"mjpeg">): Source {
  const { url, fps = DEFAULT_STREAM_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = `the stream ${redact(url)}`;
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    if (signal.aborted) return;
    const ask = asker(options, idle);
    let response: IncomingMessage | undefined;
    const stop = (): void => void response?.destroy();
    let frames = 0;
    let next = 0;
    try {
      response = await within(TOTAL * idle, what, signal, ask);
      signal.addEventListener("abort", stop);
      if (signal.aborted) return;
      for await (const frame of framesOf(response, idle)) {
        frames += 1;
        const now = performance.now();
        if (now < next) continue;
        // A little early is in time: frames do not come by our clock.
        next = Math.max(next, now - 1000 / fps) + 1000 / fps;
        onFrame(frame);
      }
      throw new UserError("the camera ended it");
    } catch (error) {
      if (signal.aborted) return;
      if (response === undefined) throw error;
      throw new UserError(
        lossOf(response, frames, redact(url)) ?? `${what} was lost: ${sentenceOf(error).replace(/\.$/, "")}.`,
        { cause: error },
      );
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      ask.end();
    }
  };
}

/** The newest picture of each piece of a stream. @throws a phrase when none comes for `idle` ms */
async function* framesOf(response: IncomingMessage, idle: number): AsyncGenerator<CapturedFrame> {
  const parse = multipartParser();
  const timer = setTimeout(
    () => response.destroy(new UserError(`it gave no picture for ${idle / 1000} seconds`)),
    idle,
  );
  try {
    for await (const chunk of response) {
      const newest = parse(chunk as Buffer).at(-1);
      if (newest === undefined) continue;
      timer.refresh();
      yield newest;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Why an answer was no stream, by what it said of itself, as a sentence; undefined where it may have been one. */
function lossOf({ headers }: IncomingMessage, frames: number, address: string): string | undefined {
  const type = headers["content-type"] ?? "";
  const isPicture = /^image\//i.test(type) && frames <= 1;
  if (!isPicture && (frames > 0 || /^(multipart|video)\/|octet-stream/i.test(type))) return undefined;
  return (
    `${address} is no MJPEG stream but ${type || "something without a type"}: ` +
    `${isPicture ? 'choose the source "HTTP snapshot"' : "check the address"}.`
  );
}

export function snapshotSource(options: OptionsOf<"snapshot">): Source {
  const { url, fps = DEFAULT_SNAPSHOT_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = `the snapshot ${redact(url)}`;
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    const ask = asker(options, idle);
    try {
      while (!signal.aborted) {
        const start = performance.now();
        const frame = await within(TOTAL * idle, what, signal, async (end) => pictureOf(await ask(end), what));
        onFrame(frame);
        await pause(1000 / fps - (performance.now() - start), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ask.end();
    }
  };
}

/** The picture in an answer, as a JPEG. @throws a sentence */
async function pictureOf(response: IncomingMessage, what: string): Promise<CapturedFrame> {
  const type = response.headers["content-type"] ?? "";
  if (/^multipart\//i.test(type)) {
    response.destroy();
    throw new UserError(`${what} is a stream: choose the source "HTTP stream (MJPEG)".`);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += (chunk as Buffer).length;
      if (length > MAX_SNAPSHOT_BYTES) throw new UserError(`it has more than ${MAX_SNAPSHOT_BYTES / 1024 / 1024} MB`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw new UserError(`${what} was lost: ${sentenceOf(error)}.`, { cause: error });
  }
  const bytes = Buffer.concat(chunks);
  const size = jpegSize(bytes);
  if (size !== undefined) return { bytes, ...size, encoding: "jpeg" };
  // PNG, WebP and whatever else can be read here: one kind for all that comes after.
  const jpeg = await toKeptJpeg({ bytes, frame: undefined }).catch((error: unknown) => {
    throw error instanceof UserError
      ? new UserError(
          `${what}${type === "" ? "" : ` (${type})`} is no picture that can be used: ${sentenceOf(error)}`,
          {
            cause: error,
          },
        )
      : error;
  });
  return { bytes: jpeg, ...(jpegSize(jpeg) as { width: number; height: number }), encoding: "jpeg" };
}
