/** Logging in to an HTTP camera: Basic (RFC 7617) and Digest (RFC 7616), whichever it asks for. */
import { createHash, randomBytes } from "node:crypto";
import type { Login } from "./options";

/** Hashes of Digest, the better first. */
const HASHES: Record<string, string> = { "SHA-256": "sha256", MD5: "md5" };

interface DigestChallenge {
  realm: string;
  nonce: string;
  opaque: string | undefined;
  algorithm: string;
  session: boolean;
  qop: boolean;
}

/**
 * The Authorization header that answers a challenge. Digest comes before Basic, so that the password is not told where
 * it need not be.
 * @param challenge the WWW-Authenticate header; a camera that sends none is taken to mean Basic
 * @param count how often this challenge has been answered, from 1
 */
export function authorization(
  challenge: string,
  { user, password }: Login,
  method: string,
  path: string,
  count: number,
  cnonce = randomBytes(8).toString("hex"),
): string {
  const digest = digestOf(challenge);
  if (digest === undefined) return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const { realm, nonce, opaque, algorithm, session, qop } = digest;
  const hash = (...parts: string[]): string =>
    createHash(HASHES[algorithm] as string)
      .update(parts.join(":"))
      .digest("hex");
  const nc = count.toString(16).padStart(8, "0");
  const secret = session ? hash(hash(user, realm, password), nonce, cnonce) : hash(user, realm, password);
  const response = qop
    ? hash(secret, nonce, nc, cnonce, "auth", hash(method, path))
    : hash(secret, nonce, hash(method, path));
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
  return [
    `Digest username=${quoted(user)}, realm=${quoted(realm)}, nonce=${quoted(nonce)}, uri=${quoted(path)}, ` +
      `response="${response}", algorithm=${algorithm}${session ? "-sess" : ""}`,
    ...(qop ? [`qop=auth, nc=${nc}, cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ].join(", ");
}

function digestOf(header: string): DigestChallenge | undefined {
  const challenges = header.split(/(?:^|,)\s*(?=(?:Digest|Basic)\s+\w+=)/i).flatMap((text): DigestChallenge[] => {
    if (!/^Digest\s/i.test(text)) return [];
    const fields = new Map(
      [...text.matchAll(/(?<!\w)(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(([, name, quoted, plain]) => [
        name?.toLowerCase(),
        quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "",
      ]),
    );
    const [, algorithm = "", session] =
      /^(.*?)(-sess)?$/i.exec((fields.get("algorithm") ?? "MD5").toUpperCase()) ?? [];
    const qop = fields.get("qop")?.split(/[\s,]+/);
    if (HASHES[algorithm] === undefined || (qop !== undefined && !qop.includes("auth"))) return [];
    return [
      {
        realm: fields.get("realm") ?? "",
        nonce: fields.get("nonce") ?? "",
        opaque: fields.get("opaque"),
        algorithm,
        session: session !== undefined,
        qop: qop !== undefined,
      },
    ];
  });
  return Object.keys(HASHES)
    .map((algorithm) => challenges.find((each) => each.algorithm === algorithm))
    .find((each) => each !== undefined);
}
