/**
 * Fetches one large file, once somebody asked for it: bounded, resumable, through a proxy where one is set, and never
 * half or wrong.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { z } from "zod";
import { makePrivateFolder, syncFolder } from "../files";
import { UserError } from "../errors";
import { phrase, type Sentence } from "../words/sentence";
import { storageReasonOf, StorageError } from "../storage";
import { DownloadError } from "./errors";

/** The one file that will do. */
export interface Wanted {
  /** For sentences: "SFace (OpenCV Zoo)". */
  name: string;
  /** Where it lies, each https; the next one is asked where one does not have it. */
  addresses: readonly string[];
  sha256: string;
  /** Bytes. */
  size: number;
}

export interface DownloadLimits {
  /** To be connected, to be answered, and between two pieces. */
  idleMs: number;
  /** All in all. */
  totalMs: number;
  /** Before it is asked again after a connection that broke. */
  retryMs: number;
}

export interface DownloadOptions {
  /** Where the whole file goes. What has come lies beside it as `.part`, and what it is a part of as `.part.json`. */
  file: string;
  /** Ends it; nothing of it is left then. */
  signal: AbortSignal;
  /** @param received bytes that are here */
  onProgress(received: number): void;
  limits?: Partial<DownloadLimits> | undefined;
  /** Servers that may be asked without TLS, such as "http://127.0.0.1:8080": a test's own. */
  plainOrigins?: readonly string[] | undefined;
}

const LIMITS: DownloadLimits = { idleMs: 30_000, totalMs: 3 * 3_600_000, retryMs: 1000 };
/** Connections that broke one after the other before anything came. */
const MOST_FAILURES = 3;
/** Of one download: whoever sends a byte and breaks off must not be asked for ever. */
const MOST_REQUESTS = 200;
const MOST_REDIRECTS = 5;
const TOO_MANY_REQUESTS = 429;

/** The connection broke, or the server is busy: asked again it may work. */
class Interrupted extends UserError {}
/** This address does not have it. */
class NotThere extends UserError {}

/** Whoever asked for it ended it. */
export class Cancelled extends UserError {}

/**
 * Fetch a file. What an earlier download left is gone on with where the server still has the same. Proxies are those
 * of the environment: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals or not.
 * @throws a sentence: Cancelled, a StorageError, or why it cannot be had. After a broken connection what has come is
 * kept.
 */
export async function download(wanted: Wanted, options: DownloadOptions): Promise<void> {
  const limits = { ...LIMITS, ...options.limits };
  const total = AbortSignal.timeout(limits.totalMs);
  const signal = AbortSignal.any([options.signal, total]);
  let part: Part | undefined;
  let agent: Dispatcher | undefined;
  try {
    await makePrivateFolder(dirname(options.file));
    part = await Part.open(options.file, wanted.size, signal);
    options.onProgress(part.received);
    await requireRoom(wanted, options.file, part.received);
    // 20 MB of memory that a Node-RED which downloads nothing needs not.
    const { EnvHttpProxyAgent, request: ask } = await import("undici");
    agent = agentOf(EnvHttpProxyAgent, limits);
    const transfer: Transfer = { wanted, options, limits, signal, part, agent, ask };
    if (part.received < wanted.size) await receiveAnywhere(transfer);
    await part.finish(options.file, wanted);
  } catch (error) {
    if (options.signal.aborted) await part?.remove();
    throw sentenceFor(error, wanted, options, total.aborted ? limits.totalMs : undefined);
  } finally {
    await part?.close();
    await agent?.destroy().catch(() => undefined);
  }
}

/** What every request of a download needs. */
interface Transfer {
  wanted: Wanted;
  options: DownloadOptions;
  limits: DownloadLimits;
  signal: AbortSignal;
  part: Part;
  agent: Dispatcher;
  ask: typeof request;
}

function sentenceFor(
  error: unknown,
  { name }: Wanted,
  { signal, file }: DownloadOptions,
  outOfTimeMs: number | undefined,
): unknown {
  if (signal.aborted) return new Cancelled("models.cancelled", { name }, { cause: error });
  if (outOfTimeMs !== undefined)
    return new DownloadError(
      "too_slow",
      phrase("models.tooSlow", { name, minutes: Math.ceil(outOfTimeMs / 60_000) }),
      { cause: error },
    );
  const reason = error instanceof UserError ? undefined : storageReasonOf(error);
  if (reason !== undefined) return storageError(name, file, reason, error);
  return error;
}

function storageError(name: string, file: string, reason: string, cause?: unknown): StorageError {
  const what = phrase("models.notDownloaded", { name });
  return new StorageError({ reason, what, folder: dirname(file), afterwards: phrase("models.thenAgain"), cause });
}

/** @throws StorageError where it cannot fit, before anything is fetched */
async function requireRoom({ name, size }: Wanted, file: string, received: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file));
  if (bavail * bsize < size - received) throw storageError(name, file, "ENOSPC");
}

function agentOf(Agent: typeof EnvHttpProxyAgent, { idleMs }: DownloadLimits): Dispatcher {
  try {
    return new Agent({ connectTimeout: idleMs, headersTimeout: idleMs, bodyTimeout: idleMs });
  } catch (error) {
    // Its value may hold a login.
    throw new DownloadError("proxy", phrase("models.proxy"), { cause: error });
  }
}

async function receiveAnywhere(transfer: Transfer): Promise<void> {
  const missed: Sentence[] = [];
  for (const address of transfer.wanted.addresses) {
    try {
      await receivePatiently(transfer, address);
      return;
    } catch (error) {
      if (transfer.signal.aborted || !(error instanceof NotThere || error instanceof Interrupted)) throw error;
      missed.push(error.sentence);
    }
  }
  const kept = transfer.part.received > 0 ? phrase("models.kept") : "";
  const all = missed.reduce((before, next) => phrase("models.missedAlso", { missed: before, next }));
  throw new DownloadError(
    "unreachable",
    phrase("models.unreachable", { name: transfer.wanted.name, missed: all, kept }),
  );
}

/**
 * Go on where a connection breaks. @throws NotThere, Interrupted when it breaks again and again, or what cannot be
 * mended
 */
async function receivePatiently(transfer: Transfer, address: string): Promise<void> {
  const { part, wanted, signal, limits } = transfer;
  let failures = 0;
  // Whoever starts anew has not come farther.
  let farthest = part.received;
  for (let asked = 1; part.received < wanted.size; asked += 1) {
    try {
      await receive(transfer, address);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      failures = part.received > farthest ? 1 : failures + 1;
      farthest = Math.max(farthest, part.received);
      if (failures >= MOST_FAILURES || asked >= MOST_REQUESTS) throw error;
      await sleep(limits.retryMs, undefined, { signal });
    }
  }
}

/** One request, redirects counted in. */
async function receive(transfer: Transfer, address: string): Promise<void> {
  const { part, signal, limits, agent, ask, options } = transfer;
  const rest =
    part.received > 0 && part.validator !== undefined
      ? { range: `bytes=${part.received}-`, "if-range": part.validator }
      : {};
  let url = new URL(address);
  for (let hops = 0; ; hops += 1) {
    requireTrusted(url, options.plainOrigins ?? []);
    const asked = url;
    const { statusCode, headers, body } = await ask(asked, {
      dispatcher: agent,
      signal,
      headersTimeout: limits.idleMs,
      bodyTimeout: limits.idleMs,
      headers: { ...rest, "accept-encoding": "identity" },
    }).catch((error: unknown) => {
      throw signal.aborted ? error : interruption(asked, error);
    });
    // Whoever leaves the body must say so, or the connection stays open.
    body.on("error", () => undefined);
    try {
      const header = (name: string): string | undefined => [headers[name]].flat()[0];
      if ([301, 302, 303, 307, 308].includes(statusCode)) {
        if (hops >= MOST_REDIRECTS) throw new NotThere("models.redirectsAgain", { host: asked.host });
        const target = header("location") ?? "";
        if (!URL.canParse(target, asked)) throw new NotThere("models.redirectsNowhere", { host: asked.host });
        url = new URL(target, asked);
        continue;
      }
      await accept(transfer, asked, statusCode, header);
      await write(transfer, asked, body);
      return;
    } finally {
      body.destroy();
    }
  }
}

/** @throws a sentence when it is no address that a program may be fetched from */
function requireTrusted(url: URL, plainOrigins: readonly string[]): void {
  if (url.username !== "" || url.password !== "")
    throw new DownloadError("not_https", phrase("models.redirectsWithLogin", { host: url.host }));
  if (url.protocol === "https:" || plainOrigins.includes(url.origin)) return;
  throw new DownloadError("not_https", phrase("models.notHttps", { address: `${url.protocol}//${url.host}` }));
}

/** Look at what the server is about to send, and make the part ready for it. */
async function accept(
  { part, wanted }: Transfer,
  { host }: URL,
  status: number,
  header: (name: string) => string | undefined,
): Promise<void> {
  if (status >= 500 || status === TOO_MANY_REQUESTS) throw new Interrupted("models.answers", { host, status });
  if (status === 416) {
    await part.restart(undefined);
    throw new Interrupted("models.noRest", { host });
  }
  if (status !== 200 && status !== 206) throw new NotThere("models.answers", { host, status });
  if (status === 206) {
    const [, from, of] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header("content-range") ?? "") ?? [];
    if (Number(from) !== part.received || (of !== "*" && Number(of) !== wanted.size)) {
      await part.restart(undefined);
      throw new Interrupted("models.otherPart", { host });
    }
  } else await part.restart(validatorOf(header));
  const length = header("content-length");
  const before = part.received;
  if (length !== undefined && Number(length) !== wanted.size - before) {
    await part.restart(undefined);
    throw new NotThere("models.otherSize", { host, bytes: before + Number(length), size: wanted.size });
  }
}

/**
 * What a server recognizes a file by when it is asked for the rest (RFC 9110, 13.1.5): a strong ETag, or the time of
 * its change.
 */
function validatorOf(header: (name: string) => string | undefined): string | undefined {
  const etag = header("etag");
  return etag?.startsWith('"') === true ? etag : etag === undefined ? header("last-modified") : undefined;
}

async function write(
  { part, wanted, signal, options }: Transfer,
  url: URL,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const piece = await pieces.next().catch((error: unknown) => {
      throw signal.aborted ? error : interruption(url, error);
    });
    if (piece.done === true) break;
    if (part.received + piece.value.length > wanted.size) {
      await part.remove();
      throw new DownloadError(
        "another_file",
        phrase("models.sendsMore", { host: url.host, size: wanted.size, name: wanted.name }),
      );
    }
    await part.append(piece.value);
    options.onProgress(part.received);
  }
  if (part.received < wanted.size)
    throw new Interrupted("models.ended", { host: url.host, received: part.received, size: wanted.size });
}

function interruption({ host }: URL, error: unknown): Interrupted {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "UND_ERR_BODY_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT")
    return new Interrupted("models.stopsAnswering", { host }, { cause: error });
  const reason = code?.startsWith("UND_") === false ? code : message;
  return new Interrupted("models.unreachableHost", { host, reason }, { cause: error });
}

const noteSchema = z.object({ validator: z.string(), size: z.number() });

/** What has come so far, with its hash. */
class Part {
  readonly #path: string;
  readonly #size: number;
  readonly #handle: FileHandle;
  #hash: Hash;
  #received = 0;
  #validator: string | undefined;
  #closed = false;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.#path = path;
    this.#size = size;
    this.#handle = handle;
    this.#hash = createHash("sha256");
  }

  /** Go on with what an earlier download left, if it says what it is a part of. */
  static async open(file: string, size: number, signal: AbortSignal): Promise<Part> {
    const path = `${file}.part`;
    const note = await readFile(`${path}.json`, "utf8")
      .then(
        (text) => noteSchema.safeParse(JSON.parse(text)).data,
        () => undefined,
      )
      .catch(() => undefined);
    const there = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    const goesOn = note?.size === size && there > 0 && there <= size;
    const part = new Part(path, size, await open(path, goesOn ? "r+" : "w"));
    if (!goesOn) return part;
    part.#validator = note.validator;
    for await (const piece of createReadStream(path, { signal })) part.#count(piece as Buffer);
    return part;
  }

  get received(): number {
    return this.#received;
  }

  get validator(): string | undefined {
    return this.#validator;
  }

  #count(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#received += piece.length;
  }

  async append(piece: Uint8Array): Promise<void> {
    let written = 0;
    while (written < piece.length)
      written += (await this.#handle.write(piece, written, piece.length - written, this.#received + written))
        .bytesWritten;
    this.#count(piece);
  }

  /** From the beginning. @param validator of what comes now */
  async restart(validator: string | undefined): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash("sha256");
    this.#received = 0;
    this.#validator = validator;
    if (validator === undefined) await rm(`${this.#path}.json`, { force: true });
    else await writeFile(`${this.#path}.json`, JSON.stringify({ validator, size: this.#size }));
  }

  /** Put the whole file in its place, if it is the right one. */
  async finish(file: string, { name, sha256 }: Wanted): Promise<void> {
    const digest = this.#hash.digest("hex");
    if (digest !== sha256) {
      await this.remove();
      throw new DownloadError("another_file", phrase("models.anotherFile", { name, digest, expected: sha256 }));
    }
    await this.#handle.sync();
    await this.close();
    await rename(this.#path, file);
    await rm(`${this.#path}.json`, { force: true });
    await syncFolder(dirname(file));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
    if (this.#received === 0) await this.remove();
  }

  /** Nothing of it is left. */
  async remove(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#handle.close();
    }
    await Promise.all([this.#path, `${this.#path}.json`].map((path) => rm(path, { force: true })));
  }
}
