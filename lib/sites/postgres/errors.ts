/** What PostgreSQL, TLS and the network say of a failure, as sentences for people: what it is and how to mend it. */
import { UserError } from "../../errors";
import { redact } from "../../redact";
import { foreignWords } from "../../words/foreign";
import { type Key, phrase, type Sentence } from "../../words/sentence";
import { type ParsedOptions, placeOf } from "./options";

/** What all of these texts may name. */
type Place = Pick<ParsedOptions, "host" | "port" | "database" | "user" | "password">;
type Placed = Extract<Key, `sites.pgAt${string}`>;

/** The line is gone, or whoever is at its end: a new one is to be made. */
export class LineError extends UserError {}

/** PostgreSQL's SQLSTATE (appendix A of its manual), by code or class. */
const STATES: Readonly<Record<string, Placed>> = {
  "28P01": "sites.pgAtPassword",
  "28000": "sites.pgAtLogin",
  "3D000": "sites.pgAtDatabase",
  "53300": "sites.pgAtFull",
  "53100": "sites.pgAtDisk",
  "53200": "sites.pgAtMemory",
  "57P01": "sites.pgAtStops",
  "57P02": "sites.pgAtStops",
  "57P03": "sites.pgAtStarts",
  "57014": "sites.pgAtLate",
  "55P03": "sites.pgAtLocked",
  "40001": "sites.pgAtLocked",
  "40P01": "sites.pgAtLocked",
  "25006": "sites.pgAtReadOnly",
  "42501": "sites.pgAtRights",
  "3F000": "sites.pgAtTables",
  "42P01": "sites.pgAtTables",
  "42883": "sites.pgAtTables",
  "58030": "sites.pgAtDamage",
  XX001: "sites.pgAtDamage",
  XX002: "sites.pgAtDamage",
};

/** With these the server ends the line, or will not have one. Where others have them all, one that is here stays. */
const ENDS: ReadonlySet<string> = new Set(["28P01", "28000", "3D000", "57P01", "57P02", "57P03"]);

/** errno(3), of Node.js's network. */
const NETWORK: Readonly<Record<string, Placed>> = {
  ECONNREFUSED: "sites.pgAtRefused",
  ENOENT: "sites.pgAtNoSocket",
  EACCES: "sites.pgAtNoSocket",
  ENOTFOUND: "sites.pgAtUnknown",
  EAI_AGAIN: "sites.pgAtUnknown",
  EHOSTUNREACH: "sites.pgAtUnreachable",
  ENETUNREACH: "sites.pgAtUnreachable",
  EHOSTDOWN: "sites.pgAtUnreachable",
  ETIMEDOUT: "sites.pgAtSilent",
  ECONNRESET: "sites.pgAtCut",
  EPIPE: "sites.pgAtCut",
};

/** OpenSSL's verdicts, as Node.js names them. */
const TLS: Readonly<Record<string, Placed>> = {
  SELF_SIGNED_CERT_IN_CHAIN: "sites.pgAtStranger",
  DEPTH_ZERO_SELF_SIGNED_CERT: "sites.pgAtStranger",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "sites.pgAtStranger",
  UNABLE_TO_GET_ISSUER_CERT: "sites.pgAtStranger",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "sites.pgAtStranger",
  CERT_SIGNATURE_FAILURE: "sites.pgAtStranger",
  INVALID_CA: "sites.pgAtStranger",
  CERT_UNTRUSTED: "sites.pgAtStranger",
  CERT_REJECTED: "sites.pgAtStranger",
  ERR_TLS_CERT_ALTNAME_INVALID: "sites.pgAtOtherName",
  HOSTNAME_MISMATCH: "sites.pgAtOtherName",
  CERT_HAS_EXPIRED: "sites.pgAtExpired",
  CERT_NOT_YET_VALID: "sites.pgAtExpired",
};

/** The driver's and PgBouncer's words, which come without a code of their own. */
const WORDS: readonly (readonly [RegExp, Placed])[] = [
  [/does not support SSL/, "sites.pgAtNoTls"],
  [/error establishing an SSL connection/, "sites.pgAtNoTls"],
  [/^SASL|password authentication|auth(?:entication)? failed/i, "sites.pgAtPassword"],
  [/timeout expired|timeout exceeded|timed? ?out/i, "sites.pgAtSilent"],
  [/no such database/i, "sites.pgAtDatabase"],
  [/no more connections|too many (?:clients|connections)/i, "sites.pgAtFull"],
  [
    /Connection terminated|connection error and is not queryable|was closed|after calling end on the pool/i,
    "sites.pgAtCut",
  ],
  [/^(?:ssl|tls)|certificate/i, "sites.pgAtTls"],
];

/** Whatever came of asking, as a sentence. What is one already is handed on. */
export function sentenceFor(error: unknown, options: Place): UserError {
  if (error instanceof UserError) return error;
  const { code, message } = nameOf(error);
  const place = placeOf(options);
  const { user, database } = options;
  const key = keyOf(code, message);
  const sentence: Sentence =
    key === undefined
      ? phrase("sites.pgRefuses", { place, reason: foreignWords(undefined, wordsOf(code, message)) })
      : { key, values: { place, user, database } };
  // Neither stack nor cause: the driver's has the line's settings in it.
  return isOfTheLine(code, key) ? new LineError(sentence) : new UserError(sentence);
}

/** Several addresses of one host fail together, each for itself. */
function nameOf(error: unknown): { code: string; message: string } {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message } = (first ?? {}) as { code?: unknown; message?: unknown };
  return { code: typeof code === "string" ? code : "", message: typeof message === "string" ? message : "" };
}

function keyOf(code: string, message: string): Placed | undefined {
  const known = STATES[code] ?? NETWORK[code] ?? TLS[code];
  if (known !== undefined) return known;
  const said = WORDS.find(([pattern]) => pattern.test(message))?.[1];
  if (said !== undefined) return said;
  if (code.startsWith("08")) return "sites.pgAtCut";
  return /^(?:EPROTO|ERR_SSL|ERR_TLS)/.test(code) ? "sites.pgAtTls" : undefined;
}

function isOfTheLine(code: string, key: Placed | undefined): boolean {
  return ENDS.has(code) || (key !== undefined && STATES[code] === undefined);
}

function wordsOf(code: string, message: string): string {
  const line = redact(message.split("\n")[0] ?? "");
  return code === "" ? line : `${line} (${code})`;
}

/** What it is when a line ends and says nothing. */
export function cutOff(options: Pick<ParsedOptions, "host" | "port">): LineError {
  return new LineError(phrase("sites.pgAtCut", { place: placeOf(options) }));
}
