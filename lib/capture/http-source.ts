/** HTTP cameras, in pure Node: an endless MJPEG stream, or a snapshot asked for again and again. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { jpegSize } from "./jpeg";
import { multipartParser } from "./multipart";
import { type OptionsOf, redact } from "./options";
import { assertReachable } from "./reach";
import { pause, type Source } from "./source";

/** For the answer to begin, and between two pieces of it. */
const SILENCE_MS = 10_000;
const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;
const DEFAULT_SNAPSHOT_FPS = 1;
/** A stream may come faster than anybody wants it. */
const DEFAULT_STREAM_FPS = 120;

function get(address: string, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(address);
  const { username, password } = url;
  const auth = username === "" ? {} : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).get(url, { ...auth, signal, timeout: SILENCE_MS }, (response) => {
      if (response.statusCode === 200) {
        resolve(response);
        return;
      }
      response.destroy();
      const mend = response.statusCode === 401 || response.statusCode === 403 ? "put the camera's user and password into the address (http://user:password@…)" : "check the path in the address";
      reject(new Error(`${redact(address)} answers ${response.statusCode}: ${mend}.`));
    });
    request.once("timeout", () => request.destroy(new Error(`gave nothing for ${SILENCE_MS / 1000} seconds`)));
    request.once("error", (error) => reject(new Error(`${redact(address)} failed: ${error.message}.`, { cause: error })));
  });
}

export function mjpegSource({ url, fps = DEFAULT_STREAM_FPS }: OptionsOf<"mjpeg">): Source {
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    if (signal.aborted) return;
    const response = await get(url, signal);
    const type = response.headers["content-type"] ?? "";
    if (!/^multipart\//i.test(type)) {
      response.destroy();
      throw new Error(`${redact(url)} is no MJPEG stream but ${type || "something without a type"}: ${/^image\//i.test(type) ? 'choose the source "HTTP snapshot"' : "check the address"}.`);
    }
    const parse = multipartParser();
    let next = 0;
    try {
      for await (const chunk of response) {
        const newest = parse(chunk as Buffer).at(-1);
        const now = performance.now();
        if (newest === undefined || now < next) continue;
        // A little early is in time: frames do not come by our clock.
        next = Math.max(next, now - 1000 / fps) + 1000 / fps;
        onFrame(newest);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw new Error(`the stream ${redact(url)} was lost: ${(error as Error).message}.`, { cause: error });
    } finally {
      response.destroy();
    }
    if (!signal.aborted) throw new Error(`the stream ${redact(url)} was lost: the camera ended it.`);
  };
}

export function snapshotSource({ url, fps = DEFAULT_SNAPSHOT_FPS }: OptionsOf<"snapshot">): Source {
  return async ({ onFrame, signal }) => {
    await assertReachable(url);
    while (!signal.aborted) {
      const start = performance.now();
      const response = await get(url, signal).catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (response === undefined) return;
      const chunks: Buffer[] = [];
      let length = 0;
      try {
        for await (const chunk of response) {
          length += (chunk as Buffer).length;
          if (length > MAX_SNAPSHOT_BYTES) throw new Error(`it has more than ${MAX_SNAPSHOT_BYTES / 1024 / 1024} MB`);
          chunks.push(chunk as Buffer);
        }
      } catch (error) {
        if (signal.aborted) return;
        throw new Error(`the snapshot ${redact(url)} was lost: ${(error as Error).message}.`, { cause: error });
      }
      const bytes = Buffer.concat(chunks);
      const size = jpegSize(bytes);
      if (size === undefined) throw new Error(`${redact(url)} answers with no JPEG: check the address, or choose another source.`);
      onFrame({ bytes, ...size, encoding: "jpeg" });
      await pause(1000 / fps - (performance.now() - start), signal);
    }
  };
}
