/**
 * Between ffmpeg and an RTSP camera: a relay on the loopback interface, for one connection. It logs in and does TLS,
 * so that neither the camera's address nor its password stands in the list of processes, and it hears what the camera
 * says (RTSP 1.0, RFC 2326).
 */
import { randomBytes } from "node:crypto";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import { BoundedMap } from "../bounded-map";
import { reasonOf, UserError } from "../errors";
import { CertificateError, connectTrusted } from "./certificate";
import { authorization, isStale } from "./http-login";
import { type Login, type OptionsOf, secretsOf, splitLogin } from "./options";
import { redactWords } from "../redact";
import { connectTo, placeOf } from "./reach";
import { RtspReader } from "./rtsp-reader";
import { phrase, type Sentence } from "../words/sentence";

type RtspOptions = OptionsOf<"rtsp">;

export interface RtspRelay {
  /** What ffmpeg reads instead of the camera's address; it tells nothing of that. */
  url: string;
  /** Whether the camera sends on, or would. */
  readonly alive: boolean;
  /** What the camera said or did, as the end of a sentence; undefined when nothing was amiss. */
  reason(): Sentence | string | undefined;
  close(): void;
}

const MAX_REDIRECTS = 3;
/** Questions without an answer; some cameras never answer those that only keep the session alive. */
const MAX_ASKED = 64;
/** How often a question may be asked with a login: a challenge may be out of date by then. */
const MAX_LOGINS = 3;

interface Question {
  head: string;
  body: Buffer;
  /** How often it was asked with a login. */
  logins: number;
}

/**
 * Connect to the camera and listen for ffmpeg.
 * @throws a sentence when the camera cannot be reached or is not the one that was meant
 */
export async function openRelay(options: RtspOptions, signal: AbortSignal): Promise<RtspRelay> {
  const { address, login } = splitLogin(options);
  const camera = await connectCamera(address, options, signal);
  const session = new Session(options, address, login, camera, signal);
  try {
    await session.listen();
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

async function connectCamera(address: URL, options: RtspOptions, signal: AbortSignal): Promise<Socket> {
  // The one address that is wrong is told as everywhere; TLS has more ways to fail.
  const plain = await connectTo(address, signal);
  if (address.protocol !== "rtsps:") return plain;
  const { port } = placeOf(address);
  try {
    return await connectTrusted(address, options, plain, signal, []);
  } catch (error) {
    if (error instanceof CertificateError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? reasonOf(error);
    throw new UserError("capture.noTlsThere", { where: `${address.hostname}:${port}`, reason }, { cause: error });
  }
}

class Session implements RtspRelay {
  readonly #options: RtspOptions;
  readonly #signal: AbortSignal;
  readonly #login: Login | undefined;
  /** Says that who connects has read the arguments of ffmpeg. */
  readonly #token = randomBytes(16).toString("hex");
  readonly #server: Server;
  #address: URL;
  #camera: Socket;
  /** That sent us elsewhere. */
  #left: Socket | undefined;
  #client: Socket | undefined;
  #url = "";
  #reason: Sentence | string | undefined;
  #closed = false;
  /** What waits for its answer, by the number that the camera was given. */
  readonly #asked = new BoundedMap<number, Question>(MAX_ASKED);
  #sequence = 0;
  #challenge: string | undefined;
  #answered = 0;
  #redirects = 0;
  /** Whether ffmpeg has said that it wants no more. */
  #leaving = false;

  constructor(options: RtspOptions, address: URL, login: Login | undefined, camera: Socket, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#address = address;
    this.#login = login;
    this.#camera = camera;
    this.#server = createServer((client) => this.#accept(client));
    this.#server.on("error", () => this.close());
    this.#attend(camera);
  }

  get url(): string {
    return this.#url;
  }

  get alive(): boolean {
    return this.#reason === undefined;
  }

  reason(): Sentence | string | undefined {
    return this.#reason;
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
    this.#client?.destroy();
    this.#camera.destroy();
  }

  /** On the same IP version as the camera's, for which ffmpeg opens its UDP ports. */
  listen(): Promise<void> {
    const host = isIPv6(this.#camera.remoteAddress ?? "") ? "::1" : "127.0.0.1";
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, host, () => {
        const { port } = this.#server.address() as { port: number };
        this.#url = `rtsp://${host === "::1" ? "[::1]" : host}:${port}/${this.#token}`;
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    // One connection, and no second one.
    this.#server.close();
    if (this.#client !== undefined || this.#closed) {
      client.destroy();
      return;
    }
    this.#client = client;
    client.setNoDelay(true);
    const reader = new RtspReader({
      message: (head, body) => this.#fromClient(head, body),
      rest: (bytes) => this.#toCamera(bytes),
    });
    client.on("error", () => undefined);
    client.on("drain", () => this.#camera.resume());
    client.on("data", (chunk: Buffer) => this.#guard(() => reader.read(chunk)));
    client.on("close", () => this.close());
  }

  #attend(camera: Socket): void {
    camera.setNoDelay(true);
    const reader = new RtspReader({
      message: (head, body) => this.#fromCamera(head, body),
      rest: (bytes) => this.#toClient(bytes),
    });
    camera.on("error", (error) => {
      if (!this.#closed && !this.#isLeft(camera))
        this.#reason ??= phrase("capture.broke", { reason: reasonOf(error) });
    });
    camera.on("drain", () => this.#client?.resume());
    camera.on("data", (chunk: Buffer) => {
      if (camera === this.#camera) this.#guard(() => reader.read(chunk));
    });
    camera.on("close", () => {
      if (camera !== this.#camera || this.#closed || this.#isLeft(camera)) return;
      // Whoever was told that ffmpeg wants no more hangs up, maybe before ffmpeg does.
      if (!this.#leaving) this.#reason ??= phrase("capture.cameraEnded");
      // What came before it goes to ffmpeg yet.
      this.#client?.end();
      if (this.#client === undefined) this.close();
    });
  }

  #isLeft(camera: Socket): boolean {
    return camera === this.#left;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  #fail(reason: Sentence | string): void {
    this.#reason = reason;
    this.close();
  }

  #toClient(bytes: Buffer | string): void {
    if (this.#client?.writable === true && !this.#client.write(bytes, "latin1")) this.#camera.pause();
  }

  #toCamera(bytes: Buffer | string): void {
    if (this.#camera.writable && !this.#camera.write(bytes, "latin1")) this.#client?.pause();
  }

  #fromClient(head: string, body: Buffer): void {
    const [method, uri] = head.split(" ", 2);
    // An answer to what the camera asked.
    if (method === undefined || uri === undefined || method.startsWith("RTSP/")) {
      this.#toCamera(head);
      this.#toCamera(body);
      return;
    }
    this.#leaving ||= method === "TEARDOWN";
    if (this.#asked.size === 0 && this.#sequence === 0 && !uri.startsWith(this.#url))
      throw new UserError("capture.placeTaken");
    this.#ask({ head, body, logins: 0 });
  }

  /** The camera's address as ffmpeg would write it: with its port, without the login. */
  #target(): string {
    const { protocol, hostname, pathname, search } = this.#address;
    return `${protocol}//${hostname}:${placeOf(this.#address).port}${pathname}${search}`;
  }

  #ask(request: Question): void {
    const [method = "", uri = "*"] = request.head.split(" ", 2);
    const target = uri.startsWith(this.#url) ? this.#target() + uri.slice(this.#url.length) : uri;
    this.#sequence += 1;
    this.#asked.set(this.#sequence, request);
    let head = request.head.replace(uri, () => target).replace(/^CSeq:.*$/im, `CSeq: ${this.#sequence}`);
    if (this.#challenge !== undefined && this.#login !== undefined) {
      this.#answered += 1;
      const value = authorization(this.#challenge, this.#login, method, target, this.#answered);
      if (value === undefined) throw new UserError("capture.unknownLogin");
      head = head.replace(/\r\n\r\n$/, () => `\r\nAuthorization: ${value}\r\n\r\n`);
    }
    this.#toCamera(head);
    this.#toCamera(request.body);
  }

  #fromCamera(written: string, body: Buffer): void {
    // ffmpeg finds no field with a space before its colon.
    const head = written.replace(/^([\w-]+)[ \t]*:[ \t]*/gm, "$1: ");
    const [, text, words = ""] = /^RTSP\/\d\.\d +(\d{3}) ?([^\r\n]{0,200})/.exec(head) ?? [];
    const told = Number(/^CSeq: (\d+)/im.exec(head)?.[1]);
    // Some cameras tell no number, always the same, or the one before: they answer one after the other.
    const sequence = this.#asked.has(told) ? told : [...this.#asked.keys()][0];
    const request = sequence === undefined ? undefined : this.#asked.get(sequence);
    if (text === undefined || sequence === undefined || request === undefined) {
      if (head.startsWith("HTTP/")) throw new UserError("capture.webServer");
      // A question of the camera's own, which ffmpeg answers.
      this.#toClient(head);
      this.#toClient(body);
      return;
    }
    this.#asked.delete(sequence);
    const status = Number(text);
    const method = request.head.split(" ", 1)[0];
    if (status === 401 && this.#login !== undefined) {
      const challenge = [...head.matchAll(/^WWW-Authenticate: ([^\r\n]+)/gim)].map(([, value]) => value).join(", ");
      if (request.logins === 0 || (isStale(challenge) && request.logins < MAX_LOGINS)) {
        this.#challenge = challenge || "Basic";
        this.#answered = 0;
        this.#ask({ ...request, logins: request.logins + 1 });
        return;
      }
    }
    const location = /^Location: (\S+)/im.exec(head)?.[1];
    if (status >= 301 && status <= 305 && location !== undefined && (method === "OPTIONS" || method === "DESCRIBE")) {
      this.#follow(location, request).catch((error: unknown) => this.#fail(reasonOf(error)));
      return;
    }
    if (status >= 400 && method !== "GET_PARAMETER" && method !== "SET_PARAMETER")
      this.#reason = refusal(
        redactWords(`${status} ${words}`.trim(), secretsOf(this.#options)),
        this.#login !== undefined,
      );
    if (status === 200 && method === "DESCRIBE" && !/^m=video/m.test(body.toString("latin1")))
      throw new UserError("capture.noVideo");
    // RTP over UDP comes from the camera, not from here.
    const camera = this.#camera.remoteAddress;
    const passed = head
      .replace(/^CSeq:.*\r?\n/im, "")
      .replace(/\r?\n/, (end) => `${end}${/^CSeq:.*$/im.exec(request.head)?.[0] ?? "CSeq: 0"}${end}`)
      .replace(/^Transport:(?!.*TCP)(?!.*source=)[^\r\n]*/im, (line) =>
        camera === undefined ? line : `${line};source=${camera.replace(/^::ffff:/, "")}`,
      );
    this.#toClient(passed);
    this.#toClient(body);
  }

  /** Ask where the camera sends us: the same host gets the login, and what was encrypted stays so. */
  async #follow(location: string, request: Question): Promise<void> {
    this.#redirects += 1;
    const next = URL.canParse(location, this.#target()) ? new URL(location, this.#target()) : undefined;
    if (next === undefined || !/^rtsps?:$/.test(next.protocol) || next.hostname === "")
      throw new UserError("capture.sendsElsewhere");
    if (this.#redirects > MAX_REDIRECTS) throw new UserError("capture.sendsEndlessly");
    if (this.#address.protocol === "rtsps:" && next.protocol !== "rtsps:")
      throw new UserError("capture.sendsUnencrypted");
    if (this.#login !== undefined && placeOf(next).host !== placeOf(this.#address).host)
      throw new UserError("capture.sendsToOther", { host: next.hostname });
    next.username = "";
    next.password = "";
    const before = this.#camera;
    // It may hang up once it has said where to go.
    this.#left = before;
    const camera = await connectCamera(next, this.#options, this.#signal);
    before.destroy();
    if (this.#closed) {
      camera.destroy();
      return;
    }
    this.#address = next;
    this.#camera = camera;
    this.#challenge = undefined;
    this.#attend(camera);
    this.#ask({ ...request, logins: 0 });
  }
}

/** @param answer its number, and the words that the camera has for it */
function refusal(answer: string, loggedIn: boolean): Sentence {
  const status = { status: answer };
  switch (Number.parseInt(answer, 10)) {
    case 401:
    case 403:
      return phrase(loggedIn ? "capture.rtspWrongLogin" : "capture.rtspLogin", status);
    case 404:
      return phrase("capture.rtspPath", status);
    case 461:
      return phrase("capture.rtspTransport", status);
    case 453:
      return phrase("capture.rtspBusy", status);
    default:
      return phrase("capture.rtspAnswers", status);
  }
}
