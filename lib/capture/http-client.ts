/** Asks an HTTP camera again and again: logs in as it is asked to, remembers how, and follows where it is sent. */
import { BoundedMap } from "../bounded-map";
import { reasonOf, UserError } from "../errors";
import { redact } from "../redact";
import { CertificateError, connectTrusted, type Trust } from "./certificate";
import { type Answer, Connection } from "./http-answer";
import { authorization, isStale } from "./http-login";
import { type Login, splitLogin } from "./options";
import { connectTo } from "./reach";
import { phrase, type Sentence } from "../words/sentence";

const MAX_REDIRECTS = 5;
/** How often one question may be asked with a login: a challenge may be out of date by then. */
const MAX_LOGINS = 3;
const MAX_COOKIES = 20;
const MAX_COOKIE = 4096;
/** Answers that have a picture. 203 is of a proxy, 206 of a camera that nobody asked for a part. */
const GIVEN = new Set([200, 203, 206]);
/** Bytes that are looked at for a hint. */
const HINT_BYTES = 2048;

type Options = Trust & { url: string; user?: string | undefined; password?: string | undefined };

export class HttpClient {
  readonly #trust: Trust;
  readonly #first: URL;
  readonly #login: Login | undefined;
  readonly #idle: number;
  #challenge: string | undefined;
  #count = 0;
  /** By name. Of the camera's own host only, as the login. */
  readonly #cookies = new BoundedMap<string, string>(MAX_COOKIES);
  #kept: { origin: string; connection: Connection } | undefined;
  /** Whether a connection can be used again: some cameras leave it open and never answer on it. */
  #lasting = true;

  /** @param idle ms for the answer to begin, and between two pieces of it */
  constructor(options: Options, idle: number) {
    const { address, login } = splitLogin(options);
    this.#trust = options;
    this.#first = address;
    this.#login = login;
    this.#idle = idle;
  }

  /** Close the connection that waits for another question. */
  end(): void {
    this.#kept?.connection.close();
    this.#kept = undefined;
  }

  /** @param signal ends it, until the answer has been read @throws a sentence when no answer may have a picture */
  async get(signal: AbortSignal): Promise<Answer> {
    let address = this.#first;
    let asked: string | undefined;
    for (let redirects = 0, logins = 0; ;) {
      const trusted = this.#mayHaveLogin(address);
      const login = trusted ? this.#login : undefined;
      const answer = await this.#request(address, this.#headers(address, login), signal);
      const { status, headers } = answer;
      if (trusted) this.#keepCookies(headers.get("set-cookie") ?? []);
      if (GIVEN.has(status)) return answer;
      const words = (await answer.discard()).toString("latin1", 0, HINT_BYTES);
      const location = headers.get("location")?.[0];
      const next =
        status >= 301 && status <= 308 && location !== undefined && URL.canParse(location, address)
          ? new URL(location, address)
          : undefined;
      const challenge = headers.get("www-authenticate")?.join(", ") ?? "Basic";
      if (
        status === 401 &&
        login !== undefined &&
        (asked !== address.origin || (isStale(challenge) && logins < MAX_LOGINS))
      ) {
        asked = address.origin;
        logins += 1;
        this.#challenge = challenge;
        this.#count = 0;
      } else if (next !== undefined && /^https?:$/.test(next.protocol) && redirects < MAX_REDIRECTS) {
        redirects += 1;
        address = next;
      } else {
        const mayLogIn = this.#login === undefined || trusted;
        const advice = adviceOn(
          status,
          mayLogIn,
          next,
          address.protocol === "http:" && /\bhttps\b|\bSSL\b/i.test(words),
        );
        throw new UserError("capture.answers", { url: redact(address.href), status, advice });
      }
    }
  }

  /**
   * A login is for the host in the camera's address, whatever port it sends to; never for another one, and not
   * unencrypted where it was given for https.
   */
  #mayHaveLogin({ hostname, protocol }: URL): boolean {
    return hostname === this.#first.hostname && (protocol === "https:" || this.#first.protocol === "http:");
  }

  #headers(address: URL, login: Login | undefined): string[] {
    const lines: string[] = [];
    if (this.#mayHaveLogin(address) && this.#cookies.size > 0)
      lines.push(`Cookie: ${[...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ")}`);
    if (login === undefined || this.#challenge === undefined) return lines;
    this.#count += 1;
    const path = `${address.pathname}${address.search}`;
    const value = authorization(this.#challenge, login, "GET", path, this.#count);
    if (value === undefined) throw failed(address, new UserError("capture.unknownLogin"));
    return [...lines, `Authorization: ${value}`];
  }

  #keepCookies(told: readonly string[]): void {
    for (const text of told) {
      const [, name, value] = /^\s*([^=;\s]+)=([^;\r\n]*)/.exec(text.slice(0, MAX_COOKIE)) ?? [];
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value.trim());
    }
  }

  async #request(address: URL, headers: readonly string[], signal: AbortSignal): Promise<Answer> {
    const kept = this.#kept;
    this.#kept = undefined;
    if (this.#lasting && kept?.origin === address.origin && kept.connection.usable) {
      try {
        return await this.#ask(kept.connection, address, headers, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        // A camera may close a waiting connection at the moment it is used again. One that leaves it open without a
        // word does so each time.
        if (error instanceof UserError && error.cause instanceof UserError) this.#lasting = false;
      }
    } else kept?.connection.close();
    return this.#ask(await this.#open(address, signal), address, headers, signal);
  }

  async #open(address: URL, signal: AbortSignal): Promise<Connection> {
    if (address.protocol !== "https:") return new Connection(await connectTo(address, signal), this.#idle);
    // The one address that is wrong is told as everywhere; TLS has more ways to fail.
    const plain = await connectTo(address, signal);
    try {
      return new Connection(await connectTrusted(address, this.#trust, plain, signal), this.#idle);
    } catch (error) {
      throw error instanceof CertificateError ? error : failed(address, error);
    }
  }

  async #ask(connection: Connection, address: URL, headers: readonly string[], signal: AbortSignal): Promise<Answer> {
    const lines = [
      `GET ${address.pathname}${address.search} HTTP/1.1`,
      `Host: ${address.host}`,
      // Some answer 403 to whoever says nothing of itself.
      "User-Agent: node-red-facenet",
      "Accept: image/*, multipart/x-mixed-replace, */*",
      "Accept-Encoding: identity",
      `Connection: ${this.#lasting ? "keep-alive" : "close"}`,
      ...headers,
    ];
    try {
      const answer = await connection.ask(`${lines.join("\r\n")}\r\n\r\n`, signal);
      this.#kept = { origin: address.origin, connection };
      return answer;
    } catch (error) {
      connection.close();
      throw failed(address, error);
    }
  }
}

function adviceOn(status: number, trusted: boolean, next: URL | undefined, wantsTls: boolean): Sentence {
  if (status === 401 || status === 403) return phrase(trusted ? "capture.giveLogin" : "capture.otherHostLogin");
  if (next !== undefined) return phrase("capture.endlessRedirect", { next: redact(next.href) });
  if (status === 426 || (status === 400 && wantsTls)) return phrase("capture.tryHttps");
  if (status === 204) return phrase("capture.noPictureNow");
  return phrase(status === 429 || status >= 500 ? "capture.cameraBusy" : "capture.checkPath");
}

/** What went wrong with a connection, for people. */
function failed(address: URL, error: unknown): UserError {
  return new UserError("capture.failed", { url: redact(address.href), reason: whyFailed(error) }, { cause: error });
}

function whyFailed(error: unknown): Sentence | string {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "EPROTO" || code.startsWith("ERR_SSL"))
    return phrase("capture.noTls", { code: code === "EPROTO" ? phrase("capture.wrongProtocol") : code });
  return reasonOf(error);
}
