/** Who answers at the other end of TLS: the same check for https and rtsps. */
import { constants } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { z } from "zod";
import { errorMessage, UserError } from "../errors";
import { connectTo, placeOf } from "./reach";
import { phrase, type Sentence } from "../words/sentence";
import { own } from "../validate";

/** Which certificate a camera may show. */
export interface Trust {
  /** "verify": one that Node.js trusts, for this host. "fingerprint": only this one. "any": whatever it shows. */
  certificate: "verify" | "fingerprint" | "any";
  /** SHA-256 of the certificate (DER) as upper-case hex with colons: "AB:CD:…". */
  fingerprint?: string | undefined;
}

/** The camera is not the one it should be, or cannot show that it is: a sentence says what to choose. */
export class CertificateError extends UserError {}

/** A camera in the house shakes hands in a fraction of this. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Signs between its digits, some of which nobody sees: Windows copies a mark of direction with it. */
const BETWEEN = "[\\s:.,\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060\\ufeff-]";
const DIGITS = `(?:[\\da-f]{2}${BETWEEN}{0,3}){31}[\\da-f]{2}`;
/** Of exactly so many. */
const SHA_256 = new RegExp(`(?<![\\da-f]|[\\da-f]{2}${BETWEEN}{1,3})${DIGITS}(?!${BETWEEN}{0,3}[\\da-f])`, "i");
/** A page of a browser that tells more of a certificate than this. */
const MAX_FINGERPRINT_TEXT = 2000;

/**
 * A fingerprint as people copy it: from our sentence, from `openssl x509 -fingerprint -sha256`, from a browser, with
 * what stands around it.
 */
export const fingerprintSchema = z
  .string()
  .max(MAX_FINGERPRINT_TEXT)
  .transform((text) => {
    const digits = SHA_256.exec(text.replace(/sha-?(?:256|1)/gi, "|"))?.[0].replace(/[^\da-f]/gi, "");
    return (digits?.toUpperCase().match(/../g) ?? []).join(":");
  })
  .refine((text) => text !== "", { error: own("common.fingerprint") });

/** Node.js' code of a failed verification, as a phrase. */
const REASONS: Record<string, Sentence> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: phrase("capture.selfSigned"),
  SELF_SIGNED_CERT_IN_CHAIN: phrase("capture.unknownAuthority"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: phrase("capture.unknownAuthority"),
  UNABLE_TO_GET_ISSUER_CERT: phrase("capture.unknownAuthority"),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: phrase("capture.unknownAuthority"),
  CERT_HAS_EXPIRED: phrase("capture.expired"),
  CERT_NOT_YET_VALID: phrase("capture.notYetValid"),
  ERR_TLS_CERT_ALTNAME_INVALID: phrase("capture.otherName"),
};

/**
 * Shake hands and check the certificate, before anything is told to the other end.
 * @param plain a connection to that address
 * @param signal ends it
 * @param alpn the protocols to offer; some servers refuse one that they don't know
 * @throws CertificateError when the certificate is not the one chosen; Error when there is no TLS
 */
export async function connectTrusted(
  address: URL,
  trust: Trust,
  plain: Socket,
  signal?: AbortSignal,
  alpn: string[] = ["http/1.1"],
): Promise<TLSSocket> {
  try {
    return await shakeHands(address, trust, plain, signal, alpn);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (trust.certificate !== "verify" || !/^(?:EPROTO|ECONNRESET$|ERR_SSL)/.test(code)) throw error;
    const shown = await fingerprintOfOld(address, signal, alpn).catch(() => undefined);
    if (shown === undefined) throw error;
    throw new CertificateError("capture.oldTls", { where: whereOf(address), shown }, { cause: error });
  }
}

/** Of a camera that speaks TLS as it was before 2008, or with keys as short as then; rejects where it does not. */
async function fingerprintOfOld(
  address: URL,
  signal: AbortSignal | undefined,
  alpn: string[],
): Promise<Sentence | string> {
  const socket = await shakeHands(address, { certificate: "any" }, await connectTo(address, signal), signal, alpn);
  const shown = fingerprintOf(socket);
  socket.destroy();
  return shown;
}

function shakeHands(
  address: URL,
  trust: Trust,
  plain: Socket,
  signal: AbortSignal | undefined,
  alpn: string[],
): Promise<TLSSocket> {
  const { host } = placeOf(address);
  // What is not verified may be as old as it is: cameras with TLS 1.0 and keys of 1024 bits are sold still.
  const old =
    trust.certificate === "verify"
      ? {}
      : {
          minVersion: "TLSv1" as const,
          ciphers: "DEFAULT:@SECLEVEL=0",
          secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
        };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal?.removeEventListener("abort", stop);
      socket.destroy();
      plain.destroy();
      reject(error);
    };
    const stop = (): void => fail(new UserError("capture.wasStopped"));
    // Checked below, so that the sentence can tell the fingerprint.
    const socket = connect({
      socket: plain,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
      ...old,
    });
    const late = (): void => fail(new UserError("capture.tlsLate", { seconds: HANDSHAKE_TIMEOUT_MS / 1000 }));
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, late);
    socket.on("error", fail);
    socket.once("close", () => fail(new UserError("capture.tlsClosed")));
    signal?.addEventListener("abort", stop);
    if (signal?.aborted === true) stop();
    socket.once("secureConnect", () => {
      const complaint = complaintOf(socket, whereOf(address), trust);
      if (complaint !== undefined) {
        fail(new CertificateError(complaint));
        return;
      }
      signal?.removeEventListener("abort", stop);
      socket.setTimeout(0, late);
      socket.off("timeout", late);
      resolve(socket);
    });
  });
}

function whereOf(address: URL): string {
  return `${address.hostname}:${placeOf(address).port}`;
}

function fingerprintOf(socket: TLSSocket): Sentence | string {
  return socket.getPeerCertificate().fingerprint256 ?? phrase("capture.noFingerprint");
}

/** What is wrong with the certificate that was shown, as a sentence; undefined when it is the one chosen. */
function complaintOf(socket: TLSSocket, where: string, { certificate, fingerprint }: Trust): Sentence | undefined {
  if (certificate === "any") return undefined;
  const shown = fingerprintOf(socket);
  if (certificate === "fingerprint") {
    if (shown === fingerprint) return undefined;
    return phrase("capture.otherFingerprint", { where, shown });
  }
  if (socket.authorized) return undefined;
  const said: unknown = socket.authorizationError;
  const code = said instanceof Error ? ((said as NodeJS.ErrnoException).code ?? errorMessage(said)) : String(said);
  return phrase("capture.unverified", { where, reason: REASONS[code] ?? code, shown });
}
