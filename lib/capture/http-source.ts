/** HTTP cameras, in pure Node: an endless MJPEG stream, or a snapshot asked for again and again. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { UserError } from "../errors";
import { redact } from "../redact";
import { authorization } from "./http-login";
import { jpegSize } from "./jpeg";
import { multipartParser } from "./multipart";
import { type OptionsOf, splitLogin } from "./options";
import { assertReachable } from "./reach";
import { pause, type Source } from "./source";

type HttpOptions = OptionsOf<"mjpeg"> | OptionsOf<"snapshot">;

/** For the answer to begin, between two pieces of it, and between two frames of a stream. */
const SILENCE_MS = 10_000;
const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 3;
const DEFAULT_SNAPSHOT_FPS = 1;
/** A stream may come faster than anybody wants it. */
const DEFAULT_STREAM_FPS = 120;

function request(address: URL, headers: Record<string, string>, silence: number, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    const asked = (address.protocol === "https:" ? https : http).get(address, { headers, signal, timeout: silence }, (response) => {
      answer = response;
      resolve(response);
    });
    asked.once("timeout", () => (answer ?? asked).destroy(silenceError(silence)));
    asked.once("error", (error) => reject(new UserError(`${redact(address.href)} failed: ${error.message}.`, { cause: error })));
  });
}

function silenceError(silence: number): Error {
  return new UserError(`it gave nothing for ${silence / 1000} seconds`);
}

/** Asks an address again and again: logs in as it is asked to, remembers how, and follows where it is sent. */
function asker(options: HttpOptions, silence: number, signal: AbortSignal): () => Promise<IncomingMessage> {
  const { address: first, login } = splitLogin(options);
  let challenge: string | undefined;
  let count = 0;
  return async () => {
    let address = first;
    let loggedIn = false;
    for (let redirects = 0; ; ) {
      // Another host gets no password.
      const known = login !== undefined && address.origin === first.origin ? login : undefined;
      count += 1;
      const headers: Record<string, string> = known === undefined || challenge === undefined ? {} : { authorization: authorization(challenge, known, "GET", `${address.pathname}${address.search}`, count) };
      const response = await request(address, headers, silence, signal);
      const status = response.statusCode ?? 0;
      if (status === 200) return response;
      response.destroy();
      const { location } = response.headers;
      if (status === 401 && known !== undefined && !loggedIn) {
        loggedIn = true;
        challenge = response.headers["www-authenticate"] ?? "Basic";
        count = 0;
      } else if (status >= 301 && status <= 308 && location !== undefined && redirects < MAX_REDIRECTS && URL.canParse(location, address) && /^https?:$/.test(new URL(location, address).protocol)) {
        redirects += 1;
        address = new URL(location, address);
      } else {
        throw new UserError(`${redact(address.href)} answers ${status}: ${status === 401 || status === 403 ? "put the camera's user and password into the node" : "check the path in the address"}.`);
      }
    }
  };
}

export function mjpegSource(options: OptionsOf<"mjpeg">, silence = SILENCE_MS): Source {
  const { url, fps = DEFAULT_STREAM_FPS } = options;
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    if (signal.aborted) return;
    const response = await asker(options, silence, signal)();
    const type = response.headers["content-type"] ?? "";
    if (!/^multipart\//i.test(type)) {
      response.destroy();
      throw new UserError(`${redact(url)} is no MJPEG stream but ${type || "something without a type"}: ${/^image\//i.test(type) ? 'choose the source "HTTP snapshot"' : "check the address"}.`);
    }
    const parse = multipartParser();
    let next = 0;
    let lastFrame = performance.now();
    try {
      for await (const chunk of response) {
        const newest = parse(chunk as Buffer).at(-1);
        const now = performance.now();
        if (newest !== undefined) lastFrame = now;
        else if (now - lastFrame > silence) throw silenceError(silence);
        if (newest === undefined || now < next) continue;
        // A little early is in time: frames do not come by our clock.
        next = Math.max(next, now - 1000 / fps) + 1000 / fps;
        onFrame(newest);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw new UserError(`the stream ${redact(url)} was lost: ${(error as Error).message}.`, { cause: error });
    } finally {
      response.destroy();
    }
    if (!signal.aborted) throw new UserError(`the stream ${redact(url)} was lost: the camera ended it.`);
  };
}

export function snapshotSource(options: OptionsOf<"snapshot">, silence = SILENCE_MS): Source {
  const { url, fps = DEFAULT_SNAPSHOT_FPS } = options;
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    const ask = asker(options, silence, signal);
    while (!signal.aborted) {
      const start = performance.now();
      const response = await ask().catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (response === undefined) return;
      const chunks: Buffer[] = [];
      let length = 0;
      try {
        for await (const chunk of response) {
          length += (chunk as Buffer).length;
          if (length > MAX_SNAPSHOT_BYTES) throw new UserError(`it has more than ${MAX_SNAPSHOT_BYTES / 1024 / 1024} MB`);
          chunks.push(chunk as Buffer);
        }
      } catch (error) {
        if (signal.aborted) return;
        throw new UserError(`the snapshot ${redact(url)} was lost: ${(error as Error).message}.`, { cause: error });
      }
      const bytes = Buffer.concat(chunks);
      const size = jpegSize(bytes);
      if (size === undefined) throw new UserError(`${redact(url)} answers with no JPEG: check the address, or choose another source.`);
      onFrame({ bytes, ...size, encoding: "jpeg" });
      await pause(1000 / fps - (performance.now() - start), signal);
    }
  };
}
