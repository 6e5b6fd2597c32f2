/** Logging in to an HTTP camera: Basic (RFC 7617) and Digest (RFC 7616), whichever it asks for. */
import { createHash, randomBytes } from "node:crypto";
import type { Login } from "./options";

/** Hashes of Digest, the better first. */
const HASHES: Record<string, string> = { "SHA-512-256": "sha512-256", "SHA-256": "sha256", MD5: "md5" };
/** Schemes beside Basic, whose names begin a challenge. */
const OTHER_SCHEME = /(?:^|,)\s*(?:Digest|NTLM|Negotiate|Bearer|Kerberos|HOBA|Mutual|SCRAM-[\w-]+)(?![\w=-])/i;
const BASIC = /(?:^|,)\s*Basic(?![\w=-])/i;

interface DigestChallenge {
  realm: string;
  nonce: string;
  opaque: string | undefined;
  algorithm: string;
  /** As the camera wrote it; some know none. */
  named: string | undefined;
  session: boolean;
  qop: "auth" | "auth-int" | undefined;
}

/**
 * The Authorization header that answers a challenge. Digest comes before Basic, so that the password is not told where
 * it need not be.
 * @param challenge the WWW-Authenticate header, a letter for each of its bytes; a camera that sends none is taken to
 * mean Basic
 * @param count how often this challenge has been answered, from 1
 * @returns undefined where it asks for a kind of login that is not known here; a letter for each byte
 */
export function authorization(
  challenge: string,
  login: Login,
  method: string,
  path: string,
  count: number,
  cnonce = randomBytes(8).toString("hex"),
): string | undefined {
  const digest = digestOf(challenge);
  if (digest === undefined) {
    if (OTHER_SCHEME.test(challenge) && !BASIC.test(challenge)) return undefined;
    return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
  }
  const [user, password] = [bytesOf(login.user), bytesOf(login.password)];
  const { realm, nonce, opaque, algorithm, named, session, qop } = digest;
  const hash = (...parts: string[]): string =>
    createHash(HASHES[algorithm] as string)
      .update(parts.join(":"), "latin1")
      .digest("hex");
  const nc = count.toString(16).padStart(8, "0");
  const secret = session ? hash(hash(user, realm, password), nonce, cnonce) : hash(user, realm, password);
  // What is asked for here has no body.
  const asked = qop === "auth-int" ? hash(method, path, hash("")) : hash(method, path);
  const response = qop === undefined ? hash(secret, nonce, asked) : hash(secret, nonce, nc, cnonce, qop, asked);
  const quoted = (text: string): string => `"${text.replace(/[\r\n]/g, "").replace(/["\\]/g, "\\$&")}"`;
  return [
    `Digest username=${quoted(user)}, realm=${quoted(realm)}, nonce=${quoted(nonce)}, uri=${quoted(path)}, ` +
      `response="${response}"`,
    ...(named === undefined ? [] : [`algorithm=${named}`]),
    ...(qop === undefined ? [] : [`qop=${qop}, nc=${nc}`]),
    ...(qop === undefined && !session ? [] : [`cnonce="${cnonce}"`]),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ].join(", ");
}

/** Whether a challenge says that the login was right, but answered one that is out of date. */
export function isStale(challenge: string): boolean {
  return /[\s,]stale\s{0,9}=\s{0,9}"?true/i.test(challenge);
}

/** UTF-8, a letter for each byte. */
const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function digestOf(header: string): DigestChallenge | undefined {
  const challenges = header
    .split(/(?:^|,)\s*(?=(?:Digest|Basic)\s+\w+\s{0,9}=)/i)
    .flatMap((text): DigestChallenge[] => {
      if (!/^Digest\s/i.test(text)) return [];
      const fields = new Map(
        [...text.matchAll(/(?<!\w)(\w+)\s{0,9}=\s{0,9}(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(
          ([, name, quoted, plain]) => [name?.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain ?? ""],
        ),
      );
      const named = fields.get("algorithm") || undefined;
      const [, algorithm = "", session] = /^(.*?)(-sess)?$/i.exec((named ?? "MD5").toUpperCase()) ?? [];
      const offered =
        fields
          .get("qop")
          ?.toLowerCase()
          .split(/[\s,]+/)
          .filter((each) => each !== "") ?? [];
      const qop = (["auth", "auth-int"] as const).find((each) => offered.includes(each));
      if (HASHES[algorithm] === undefined || (offered.length > 0 && qop === undefined)) return [];
      return [
        {
          realm: fields.get("realm") ?? "",
          nonce: fields.get("nonce") ?? "",
          opaque: fields.get("opaque"),
          algorithm,
          named,
          session: session !== undefined,
          qop,
        },
      ];
    });
  return Object.keys(HASHES)
    .map((algorithm) => challenges.find((each) => each.algorithm === algorithm))
    .find((each) => each !== undefined);
}
