/** What the form says of a gallery that many sites share. */
import { z } from "zod";
import { UserError } from "../../lib/errors";
import type { LmdbStore } from "../../lib/people/lmdb/store";
import { openPostgresLog } from "../../lib/sites/postgres/log";
import { parsePostgresOptions } from "../../lib/sites/postgres/options";
import { Site, type SiteOptions } from "../../lib/sites/site";
import type { OpenSite } from "../../lib/gallery/sharing";
import { optionalFlag, optionalNumber } from "../common/options";

export interface SharedDef {
  /** Where people are kept; a gallery made before there was the choice has none. */
  store?: string;
  /** Of the PostgreSQL server; empty for this computer's. */
  dbHost?: string;
  dbPort?: string | number;
  dbName?: string;
  dbUser?: string;
  /** Whether TLS protects the line; it may be left only where the line does not leave this computer. */
  dbTls?: boolean | string;
  /** Who has signed the server's certificate: a file, or its text. */
  dbCa?: string;
  /** What the gallery is called in its database. */
  dbGallery?: string;
  siteName?: string;
  /** Whether check-ins are shared, too. */
  dbCheckIns?: boolean | string;
}

export interface SharedKey {
  dbPassword?: string;
  /** Pass phrase that seals what leaves this site. */
  sharedKey?: string;
}

const MOST_NAME = 60;
/** Short ones are guessed by whoever has the database. */
const LEAST_KEY = 12;

const given = (text: string | undefined): string | undefined => text?.trim() || undefined;

/** What this site is called, where its check-ins are shared. @throws a sentence */
export function attendanceSiteOf(def: SharedDef): string | undefined {
  const shares = optionalFlag(def.dbCheckIns) === true && given(def.store) === "shared";
  return shares ? given(def.siteName) : undefined;
}

/**
 * @param beside where the site keeps what it knows
 * @returns undefined where the gallery is this computer's alone @throws a sentence
 */
export function sharedOf(
  def: SharedDef,
  login: SharedKey | undefined,
  { store, beside }: { store: LmdbStore; beside: SiteOptions["beside"] },
): OpenSite | undefined {
  const where = z.enum(["local", "shared"]).safeParse(given(def.store) ?? "local");
  if (!where.success) throw new UserError("sites.store");
  if (where.data === "local") return undefined;
  const name = given(def.siteName);
  if (name === undefined || Array.from(name).length > MOST_NAME)
    throw new UserError("sites.name", { most: MOST_NAME });
  const passPhrase = login?.sharedKey ?? "";
  if (Array.from(passPhrase).length < LEAST_KEY) throw new UserError("sites.key", { least: LEAST_KEY });
  const options = {
    host: given(def.dbHost),
    port: optionalNumber(def.dbPort),
    database: given(def.dbName),
    user: given(def.dbUser),
    password: login?.dbPassword || undefined,
    tls: optionalFlag(def.dbTls),
    ca: given(def.dbCa),
    gallery: given(def.dbGallery),
  };
  const checked = parsePostgresOptions(options);
  return (host) =>
    Site.open({ ...host, store, beside, name, passPhrase, connect: (site) => openPostgresLog(checked, site) });
}
