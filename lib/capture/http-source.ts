/** HTTP cameras, in pure Node: an endless MJPEG stream, or a snapshot asked for again and again. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { heard } from "../observe/heard";
import { reasonOf, UserError } from "../errors";
import { toKeptJpeg } from "../image/encode";
import { redact } from "../redact";
import { CertificateError, connectTrusted, type Trust } from "./certificate";
import { authorization } from "./http-login";
import { jpegSize } from "./jpeg";
import { multipartParser } from "./multipart";
import { type OptionsOf, splitLogin } from "./options";
import { assertReachable } from "./reach";
import { type CapturedFrame, pause, type Source } from "./source";
import { phrase, type Sentence } from "../words/sentence";

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
    heard("camera", open());
    return undefined;
  }
}

class RequestError extends UserError {
  constructor(
    sentence: Sentence,
    /** Whether the connection had been used before, and was closed without an answer. */
    readonly closedBefore: boolean,
    cause: Error,
  ) {
    super(sentence, { cause });
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
        (answer ?? asked).destroy(new UserError("capture.gaveNothing", { seconds: idle / 1000 })),
      );
      asked.once("error", (error: NodeJS.ErrnoException) => {
        if (error instanceof CertificateError) reject(error);
        else
          reject(
            new RequestError(
              phrase("capture.failed", { url: redact(address.href), reason: whyFailed(error) }),
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
        throw new UserError("capture.answers", {
          url: redact(address.href),
          status,
          advice: adviceOn(status, login === undefined || trusted, next),
        });
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

function adviceOn(status: number, trusted: boolean, next: URL | undefined): Sentence {
  if (status !== 401 && status !== 403)
    return next === undefined
      ? phrase("capture.checkPath")
      : phrase("capture.endlessRedirect", { next: redact(next.href) });
  return phrase(trusted ? "capture.giveLogin" : "capture.otherHostLogin");
}

/** What went wrong with a connection, for people. */
function whyFailed(error: NodeJS.ErrnoException): Sentence | string {
  const { code = "" } = error;
  if (code === "EPROTO" || code.startsWith("ERR_SSL"))
    return phrase("capture.noTls", { code: code === "EPROTO" ? phrase("capture.wrongProtocol") : code });
  return reasonOf(error);
}

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
  const { url, fps = DEFAULT_STREAM_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = phrase("capture.stream", { url: redact(url) });
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    if (signal.aborted) return;
    const ask = asker(options, idle);
    let response: IncomingMessage | undefined;
    const stop = (): void => {
      response?.destroy();
    };
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
      throw new UserError("capture.cameraEnded");
    } catch (error) {
      if (signal.aborted) return;
      if (response === undefined) throw error;
      throw new UserError(
        lossOf(response, frames, redact(url)) ?? phrase("capture.lost", { what, reason: reasonOf(error) }),
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
    () => response.destroy(new UserError("capture.noPictureFor", { seconds: idle / 1000 })),
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
function lossOf({ headers }: IncomingMessage, frames: number, url: string): Sentence | undefined {
  const type = headers["content-type"] ?? "";
  const isPicture = /^image\//i.test(type) && frames <= 1;
  if (!isPicture && (frames > 0 || /^(multipart|video)\/|octet-stream/i.test(type))) return undefined;
  return phrase("capture.noMjpeg", {
    url,
    type: type || phrase("capture.withoutType"),
    mend: phrase(isPicture ? "capture.chooseSnapshot" : "capture.checkAddress"),
  });
}

export function snapshotSource(options: OptionsOf<"snapshot">): Source {
  const { url, fps = DEFAULT_SNAPSHOT_FPS } = options;
  const idle = (options.idle ?? DEFAULT_IDLE) * 1000;
  const what = phrase("capture.snapshot", { url: redact(url) });
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
async function pictureOf(response: IncomingMessage, what: Sentence): Promise<CapturedFrame> {
  const type = response.headers["content-type"] ?? "";
  if (/^multipart\//i.test(type)) {
    response.destroy();
    throw new UserError("capture.isStream", { what });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += (chunk as Buffer).length;
      if (length > MAX_SNAPSHOT_BYTES)
        throw new UserError("capture.moreThanMegabytes", { megabytes: MAX_SNAPSHOT_BYTES / 1024 / 1024 });
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw new UserError("capture.lost", { what, reason: reasonOf(error) }, { cause: error });
  }
  const bytes = Buffer.concat(chunks);
  const size = jpegSize(bytes);
  if (size !== undefined) return { bytes, ...size, encoding: "jpeg" };
  // PNG, WebP and whatever else can be read here: one kind for all that comes after.
  const jpeg = await toKeptJpeg({ bytes, frame: undefined }).catch((error: unknown) => {
    const named = type === "" ? what : phrase("capture.typed", { what, type });
    throw error instanceof UserError
      ? new UserError("capture.unusable", { what: named, reason: error.sentence }, { cause: error })
      : error;
  });
  return { bytes: jpeg, ...(jpegSize(jpeg) as { width: number; height: number }), encoding: "jpeg" };
}
