/** Who answers at the other end of TLS: the same check for https and rtsps. */
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { z } from "zod";
import { errorMessage, UserError } from "../errors";
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

/** A fingerprint as people copy it: from our sentence, from `openssl x509 -fingerprint -sha256`, from a browser. */
export const fingerprintSchema = z
  .string()
  .transform((text) =>
    (
      text
        .replace(/^.*[=]|^\s*sha-?256:?/i, "")
        .replace(/[:\s-]/g, "")
        .toUpperCase()
        .match(/../g) ?? []
    ).join(":"),
  )
  .refine((text) => /^(?:[\dA-F]{2}:){31}[\dA-F]{2}$/.test(text), {
    error: own("common.fingerprint"),
  });

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
 * Connect, shake hands and check the certificate, before anything is told to the other end.
 * @param host as in an address: a name, an IPv4 address, or an IPv6 address with or without brackets
 * @param signal ends it
 * @param alpn the protocols to offer; some servers refuse one that they don't know
 * @throws CertificateError when the certificate is not the one chosen; Error when nobody answers or there is no TLS
 */
export function connectTrusted(
  host: string,
  port: number,
  trust: Trust,
  signal?: AbortSignal,
  alpn: string[] = ["http/1.1"],
): Promise<TLSSocket> {
  const bare = host.replace(/^\[|\]$/g, "");
  // What is not verified may be as old as it is: cameras with TLS 1.0 and keys of 1024 bits are sold still.
  const old = trust.certificate === "verify" ? {} : { minVersion: "TLSv1" as const, ciphers: "DEFAULT:@SECLEVEL=0" };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal?.removeEventListener("abort", stop);
      socket.destroy();
      reject(error);
    };
    const stop = (): void => fail(new UserError("capture.wasStopped"));
    // Checked below, so that the sentence can tell the fingerprint.
    const socket = connect({
      host: bare,
      port,
      ...(isIP(bare) === 0 ? { servername: bare } : {}),
      rejectUnauthorized: false,
      ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
      timeout: HANDSHAKE_TIMEOUT_MS,
      ...old,
    });
    socket.on("error", fail);
    socket.once("timeout", () => fail(new UserError("capture.tlsLate", { seconds: HANDSHAKE_TIMEOUT_MS / 1000 })));
    socket.once("close", () => fail(new UserError("capture.tlsClosed")));
    signal?.addEventListener("abort", stop);
    if (signal?.aborted === true) stop();
    socket.once("secureConnect", () => {
      const complaint = complaintOf(socket, `${host}:${port}`, trust);
      if (complaint !== undefined) {
        fail(new CertificateError(complaint));
        return;
      }
      signal?.removeEventListener("abort", stop);
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      resolve(socket);
    });
  });
}

/** What is wrong with the certificate that was shown, as a sentence; undefined when it is the one chosen. */
function complaintOf(socket: TLSSocket, where: string, { certificate, fingerprint }: Trust): Sentence | undefined {
  if (certificate === "any") return undefined;
  const shown = (socket.getPeerCertificate().fingerprint256 as string | undefined) ?? phrase("capture.noFingerprint");
  if (certificate === "fingerprint") {
    if (shown === fingerprint) return undefined;
    return phrase("capture.otherFingerprint", { where, shown });
  }
  if (socket.authorized) return undefined;
  const said: unknown = socket.authorizationError;
  const code = said instanceof Error ? ((said as NodeJS.ErrnoException).code ?? errorMessage(said)) : String(said);
  return phrase("capture.unverified", { where, reason: REASONS[code] ?? code, shown });
}
