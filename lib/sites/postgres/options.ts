/** Where the database is, who asks there, and how the line to it is kept from other ears. */
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { isAbsolute } from "node:path";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";
import { z } from "zod";
import { reasonOf, UserError } from "../../errors";
import { own, parseOptions } from "../../validate";
import { phrase } from "../../words/sentence";

/** Of a name in PostgreSQL, in bytes (NAMEDATALEN - 1). */
const MOST_NAME_BYTES = 63;
const MOST_PASSWORD = 1000;
/** A company's certificates, one after the other, are a tenth of this. */
const MOST_CA = 256 * 1024;
/** Of those who ask, as the database's own lists of connections have it. */
const APPLICATION = "facewire";

const nameSchema = z
  .string()
  .min(1, own("common.missing"))
  .refine((name) => Buffer.byteLength(name) <= MOST_NAME_BYTES && !name.includes("\0"), own("sites.pgName"));

export const postgresSchema = z.object({
  /** A name or an address; or the folder of a UNIX socket, which begins with a slash. */
  host: z
    .string()
    .max(255)
    .regex(/^(?:[\w.:%-]+|\/\P{Cc}*)$/u, own("sites.pgHost"))
    .default("localhost"),
  port: z.int().min(1).max(65_535).default(5432),
  database: nameSchema,
  user: nameSchema,
  password: z.string().max(MOST_PASSWORD).default(""),
  /** Left out: unless the database is on this computer. It may be left only there. */
  tls: z.boolean().optional(),
  /** Who has signed the server's certificate, as PEM or the path of such a file; left out: who Node.js trusts. */
  ca: z.string().max(MOST_CA).optional(),
  /** Name of the gallery in its database: the same at each of its sites. */
  gallery: nameSchema.default("people"),
});
export type PostgresOptions = z.input<typeof postgresSchema>;
export type ParsedOptions = z.infer<typeof postgresSchema>;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

/** Whether what is sent there does not leave this computer. */
function isHere(host: string): boolean {
  if (host.startsWith("/")) return true;
  const family = isIP(host);
  if (family > 0) return LOOPBACK.check(host, family === 6 ? "ipv6" : "ipv4");
  return /^(?:.+\.)?localhost\.?$/i.test(host);
}

/** @throws UserError */
export function parsePostgresOptions(options: unknown): ParsedOptions & { tls: boolean } {
  const parsed = parseOptions(postgresSchema, options, phrase("sites.pgWhat"));
  const { host } = parsed;
  const tls = !host.startsWith("/") && (parsed.tls ?? !isHere(host));
  if (!tls && !isHere(host)) throw new UserError("sites.pgTlsNeeded", { host });
  return { ...parsed, tls };
}

/** "db.example.com:5432", for sentences. */
export function placeOf({ host, port }: Pick<ParsedOptions, "host" | "port">): string {
  if (host.startsWith("/")) return `${host}/.s.PGSQL.${port}`;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * As the driver takes it; nothing comes from the environment or from files of the login of this process.
 * @throws UserError where the file of certificates cannot be read
 */
export function configOf(options: ParsedOptions & { tls: boolean }, connectMs: number): ClientConfig {
  const { host, port, database, user, password, tls, ca } = options;
  return {
    host,
    port,
    database,
    user,
    // A function: the driver keeps no text of it, and looks for no other where it is empty.
    password: () => password,
    ssl: tls ? tlsOf(ca) : false,
    application_name: APPLICATION,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
  };
}

function tlsOf(ca: string | undefined): ConnectionOptions {
  return { rejectUnauthorized: true, minVersion: "TLSv1.2", ...(ca ? { ca: certificatesOf(ca) } : {}) };
}

function certificatesOf(ca: string): string {
  const isText = ca.includes("-----BEGIN");
  if (!isText && !isAbsolute(ca.trim())) throw new UserError("sites.pgCaNeither");
  let text = ca;
  try {
    if (!isText) text = readFileSync(ca.trim(), "utf8");
  } catch (error) {
    throw new UserError("sites.pgCaUnread", { reason: reasonOf(error) }, { cause: error });
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new UserError("sites.pgCaNone");
  return text;
}
