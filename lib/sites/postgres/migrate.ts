/** The tables of shared galleries in a database, made and brought up to date by the first site that comes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { UserError } from "../../errors";

const FOLDER = join(__dirname, "migrations");
const FILE = /^(\d{3})-([a-z-]+)\.sql$/;
/** Of PostgreSQL; 15. */
const OLDEST_SERVER = 150_000;
/** Of all that ask in one database, this package's; any number, always the same. */
const LOCK = 4_730_215;

export interface Migration {
  number: number;
  name: string;
  sql: string;
}

export function readMigrations(folder = FOLDER): Migration[] {
  return readdirSync(folder)
    .flatMap((file) => {
      const [, number, name] = FILE.exec(file) ?? [];
      if (number === undefined || name === undefined) return [];
      return [{ number: Number(number), name, sql: readFileSync(join(folder, file), "utf8") }];
    })
    .sort((one, other) => one.number - other.number);
}

/** What is asked of a server before anything else. */
interface Facts {
  server: number;
  encoding: string;
  user: string;
  database: string;
  /** A standby, which takes nothing. */
  recovers: boolean;
  schema: boolean;
  usable: boolean;
  creates: boolean;
}

const FACTS = `
  select
    current_setting('server_version_num')::integer as server,
    getdatabaseencoding() as encoding,
    current_user as "user",
    current_database() as database,
    pg_is_in_recovery() as recovers,
    schema.oid is not null as schema,
    coalesce(has_schema_privilege(schema.oid, 'usage'), false) as usable,
    has_database_privilege(current_database(), 'create') as creates
  from (select 1) as one left join pg_namespace as schema on nspname = 'facewire'`;

/**
 * Makes or changes the tables where that is to be done; sites that come at once wait for each other.
 * @returns whether the server is a standby
 * @throws a sentence where the server is too old, the tables are of a newer version, or the login may not
 */
export async function migrate(client: Client, migrations = readMigrations()): Promise<boolean> {
  const facts = (await client.query<Facts>(FACTS)).rows[0] as Facts;
  const { user, database } = facts;
  if (facts.server < OLDEST_SERVER) throw new UserError("sites.pgOld", { version: versionOf(facts.server) });
  if (facts.encoding !== "UTF8") throw new UserError("sites.pgEncoding", { database, encoding: facts.encoding });
  if (facts.schema && !facts.usable) throw new UserError("sites.pgMayNotUse", { user });
  const newest = migrations.at(-1)?.number ?? 0;
  if (await isUpToDate(client, facts, newest)) return facts.recovers;
  if (facts.recovers) throw new UserError("sites.pgStandby");
  await inTransaction(client, async () => {
    await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
    // Another site may have made them meanwhile.
    const now = (await client.query<Facts>(FACTS)).rows[0] as Facts;
    if (await isUpToDate(client, now, newest)) return;
    if (!now.schema && !now.creates) throw new UserError("sites.pgMayNotCreate", { user, database });
    const owner = await ownerOf(client);
    if (owner !== undefined && !owner.isMine) throw new UserError("sites.pgOutdated", { user, owner: owner.name });
    await client.query("create schema if not exists facewire");
    await client.query(
      "create table if not exists facewire.migrations (" +
        "number integer primary key, name text not null, at timestamptz not null default clock_timestamp())",
    );
    const done = await versionIn(client);
    for (const { number, name, sql } of migrations) {
      if (number <= done) continue;
      await client.query(sql);
      await client.query("insert into facewire.migrations (number, name) values ($1, $2)", [number, name]);
    }
  });
  return false;
}

async function isUpToDate(client: Client, { schema, user }: Facts, newest: number): Promise<boolean> {
  const owner = schema ? await ownerOf(client) : undefined;
  if (owner === undefined) return false;
  if (!owner.mayRead) throw new UserError("sites.pgMayNotUse", { user });
  const there = await versionIn(client);
  if (there > newest) throw new UserError("sites.pgNewer", { there, here: newest });
  return there === newest;
}

async function versionIn(client: Client): Promise<number> {
  const { rows } = await client.query<{ newest: number }>(
    "select coalesce(max(number), 0) as newest from facewire.migrations",
  );
  return rows[0]?.newest ?? 0;
}

interface Owner {
  name: string;
  isMine: boolean;
  mayRead: boolean;
}

/** Of the tables; undefined where there are none. */
async function ownerOf(client: Client): Promise<Owner | undefined> {
  const { rows } = await client.query<Owner>(
    `select pg_get_userbyid(relowner) as name,
       pg_has_role(relowner, 'usage') as "isMine", has_table_privilege(pg_class.oid, 'select') as "mayRead"
     from pg_class join pg_namespace as schema on schema.oid = relnamespace
     where nspname = 'facewire' and relname = 'migrations'`,
  );
  return rows[0];
}

/** Nothing of it where it fails. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    const done = await work();
    await client.query("commit");
    return done;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

const MAJOR = 10_000;

function versionOf(server: number): string {
  return `${Math.floor(server / MAJOR)}.${server % MAJOR}`;
}
