/** A gallery's change log in PostgreSQL: what it must do is in ../change-log.ts, its tables are in migrations/. */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Client, ClientConfig, PoolClient } from "pg";
import { UserError } from "../../errors";
import { phrase } from "../../words/sentence";
import type {
  Change,
  ChangeLog,
  ChangeLogEvents,
  Epoch,
  Logged,
  LogIdentity,
  Page,
  Pushed,
  RecordKind,
  SiteEntry,
} from "../change-log";
import { cutOff, LineError, sentenceFor } from "./errors";
import { bounded, connectClient, endClient, type Limits, LIMITS, Lines } from "./lines";
import { inTransaction, migrate } from "./migrate";
import { configOf, type ParsedOptions, parsePostgresOptions, placeOf, type PostgresOptions } from "./options";

const SALT_BYTES = 16;
const MOST_PAGE = 1000;
const MOST_PAGE_BYTES = 8 * 1024 * 1024;
/** Of what came while nobody listened; with its spread less than a minute. */
const POLL_MS = 45_000;
/** Before the first new try; each further one waits twice as long, up to the most. With its spread. */
const RETRY_MS = 500;
const MOST_RETRY_MS = 20_000;
/** What is added by chance: sites that lost the database together do not come back in one moment. */
const SPREAD = 0.3;

export interface Timing extends Limits {
  pollMs: number;
  retryMs: number;
}

/** The gallery as this login has it. */
interface Gallery {
  key: number;
  id: string;
  writes: boolean;
}

/** The driver takes bytes only as hexadecimal digits: this is a third less on the line. */
const RECORD = "kind, records.id, number, encode(content, 'base64') as content, site, at";

interface Row {
  kind: RecordKind;
  id: string;
  number: string;
  content: string | null;
  site: string;
  at: Date;
}

/** A connection is made at once and again whenever it is lost. @throws UserError for options that cannot be right */
export function openPostgresLog(
  options: PostgresOptions,
  site: { id: string; name: string },
  timing: Partial<Timing> = {},
): PostgresLog {
  return new PostgresLog(parsePostgresOptions(options), site, {
    ...LIMITS,
    pollMs: POLL_MS,
    retryMs: RETRY_MS,
    ...timing,
  });
}

export class PostgresLog extends EventEmitter<ChangeLogEvents> implements ChangeLog {
  readonly #options: ParsedOptions & { tls: boolean };
  readonly #site: { id: string; name: string };
  readonly #timing: Timing;
  readonly #lines: Lines;
  /** Undefined until the first connection. */
  #gallery: Gallery | undefined;
  /** The server that this is connected to, as facewire.life() has it. */
  #life: string | undefined;
  /** Of which identity() has told. */
  #told: string | undefined;
  #isStandby = false;
  #listener: Client | undefined;
  /** Why there is no connection; undefined where there is one or none was tried. */
  #reason: UserError | undefined;
  #said: boolean | undefined;
  #attempt: Promise<void> | undefined;
  /** Of the connections that were lost. */
  #ending: Promise<unknown> | undefined;
  #failures = 0;
  /** The newest number that anybody here has been told of. */
  #seen = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ParsedOptions & { tls: boolean }, site: { id: string; name: string }, timing: Timing) {
    super();
    this.#options = options;
    this.#site = site;
    this.#timing = timing;
    this.#lines = new Lines(options, timing, (client) => this.#isSame(client));
    this.#connect();
  }

  get readOnly(): boolean {
    return this.#gallery?.writes === false;
  }

  identity(): Promise<LogIdentity> {
    return this.#call(async (client, { key, writes }) => {
      const life = this.#life;
      if (!this.#isStandby) {
        if (writes)
          await client.query(
            "select case when current_setting('transaction_read_only') = 'off' then facewire.enter($1) end",
            [key],
          );
        await this.#answer(client, key, undefined);
      }
      const { rows } = await client.query<{ id: string; salt: Buffer; key_check: string | null }>({
        text: "select id, salt, key_check from facewire.galleries where key = $1",
        values: [key],
      });
      const epochs = await client.query<{ id: string; began_at: string }>(
        "select id, began_at from facewire.epochs where gallery = $1 order by place desc limit 50",
        [key],
      );
      const [row] = rows;
      if (row === undefined) throw this.#gone();
      this.#told = life;
      return {
        gallery: row.id,
        salt: row.salt,
        check: row.key_check,
        epochs: epochs.rows.map(({ id, began_at: from }): Epoch => ({ id, from: Number(from) })).reverse(),
      };
    }, true);
  }

  giveCheck(check: string): Promise<string> {
    return this.#call(async (client, { key, writes }) => {
      if (writes)
        await client.query("update facewire.galleries set key_check = $2 where key = $1 and key_check is null", [
          key,
          check,
        ]);
      const { rows } = await client.query<{ key_check: string | null }>(
        "select key_check from facewire.galleries where key = $1",
        [key],
      );
      if (rows[0] === undefined) throw this.#gone();
      if (rows[0].key_check === null) throw this.#readsOnly();
      return rows[0].key_check;
    });
  }

  async push(changes: readonly Change[]): Promise<Pushed> {
    if (changes.length === 0) return { numbers: [] };
    const contents = Buffer.concat(changes.flatMap(({ content }) => content ?? []));
    return this.#call(
      async (client, { key, writes }) => {
        if (!writes) throw this.#readsOnly();
        const { rows } = await client.query<Row & { stale: boolean }>({
          text: `select stale, ${RECORD} from facewire.push($1, $2, $3, $4, $5, $6, $7) as records`,
          values: [
            key,
            this.#site.id,
            changes.map(({ kind }) => kind),
            changes.map(({ id }) => id),
            changes.map(({ base }) => base),
            changes.map(({ content }) => content?.length ?? null),
            contents,
          ],
        });
        const last = rows[0];
        if (last === undefined) throw this.#gone();
        if (last.stale) return { stale: rows.map(loggedOf) };
        const head = Number(last.number);
        this.#seen = head;
        return { numbers: changes.map((_, index) => head - changes.length + 1 + index) };
      },
      false,
      contents.length,
    );
  }

  after(number: number): Promise<Page> {
    return this.#call(async (client, { key }) => {
      // One statement: what it sees is of one moment.
      const { rows } = await client.query<Row & { head: string }>(
        `with page as materialized (
           select number, coalesce(octet_length(content), 0) as size
           from facewire.records where gallery = $1 and number > $2 order by number limit ${MOST_PAGE}
         ),
         sized as (select number, sum(size) over (order by number) - size as before from page)
         select head, ${RECORD}
         from facewire.galleries left join facewire.records
           on gallery = key and number > $2
           and number <= (select max(number) from sized where before < ${MOST_PAGE_BYTES})
         where key = $1
         order by number`,
        [key, number],
      );
      const [first] = rows;
      if (first === undefined) throw this.#gone();
      this.#seen = Number(first.head);
      return { changes: first.kind === null ? [] : rows.map(loggedOf), head: this.#seen };
    });
  }

  deletedAfter(number: number): Promise<readonly Logged[]> {
    return this.#call(async (client, { key }) => {
      const { rows } = await client.query<Row>(
        // Each half has an index of its own.
        `select ${RECORD} from facewire.records
         where gallery = $1 and number > $2 and content is null
         union all
         select ${RECORD} from facewire.records
         where gallery = $1 and number > $2 and content is not null and kind = 'merge'
         order by number`,
        [key, number],
      );
      return rows.map(loggedOf);
    });
  }

  record(kind: RecordKind, id: string): Promise<Logged | undefined> {
    return this.#call(async (client, { key }) => {
      const { rows } = await client.query<Row>(
        `select ${RECORD} from facewire.records where gallery = $1 and kind = $2 and id = $3`,
        [key, kind, id],
      );
      return rows[0] && loggedOf(rows[0]);
    });
  }

  acknowledge(number: number): Promise<void> {
    return this.#call(async (client, { key }) => {
      if (!this.#isStandby) await this.#answer(client, key, number);
    });
  }

  sites(): Promise<SiteEntry[]> {
    return this.#call(async (client, { key }) => {
      const { rows } = await client.query<{ id: string; name: string; followed: string; answered_at: Date }>(
        "select id, name, followed, answered_at from facewire.sites where gallery = $1 order by name, id",
        [key],
      );
      return rows.map(({ id, name, followed, answered_at: at }) => ({
        id,
        name,
        followed: Number(followed),
        answeredAt: at.getTime(),
      }));
    });
  }

  removeSite(id: string): Promise<void> {
    return this.#call(async (client, { key }) => {
      await client.query("delete from facewire.sites where gallery = $1 and id = $2", [key, id]);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const listener = this.#listener;
    this.#listener = undefined;
    await Promise.all([this.#lines.close(), listener && endClient(listener)]);
    await this.#attempt;
    await this.#ending;
  }

  /** Where the login may: one that only reads may have been given no right to. */
  async #answer(client: PoolClient, key: number, followed: number | undefined): Promise<void> {
    const { rows } = await client.query<{ may: boolean }>(
      `select has_table_privilege('facewire.sites', 'insert') and has_table_privilege('facewire.sites', 'update')
         and current_setting('transaction_read_only') = 'off' as may`,
    );
    if (rows[0]?.may !== true) return;
    await client.query(
      `insert into facewire.sites as there (gallery, id, name, followed) values ($1, $2, $3, coalesce($4, 0))
       on conflict (gallery, id) do update
       set name = excluded.name, followed = coalesce($4, there.followed), answered_at = clock_timestamp()`,
      [key, this.#site.id, this.#site.name, followed],
    );
  }

  /**
   * @param isFirst identity() alone: after each start of the server nothing else may be asked before
   * @param bytes that are sent
   */
  async #call<T>(work: (client: PoolClient, gallery: Gallery) => Promise<T>, isFirst = false, bytes = 0): Promise<T> {
    if (this.#closed) throw this.#atPlace("sites.pgClosed");
    await this.#attempt;
    const gallery = this.#gallery;
    if (this.#reason !== undefined) throw this.#reason;
    if (gallery === undefined) throw this.#atPlace("sites.pgClosed");
    if (!isFirst && this.#told !== this.#life) throw this.#atPlace("sites.pgAnew");
    try {
      return await this.#lines.call(
        () => this.#config(),
        (client) => work(client, gallery),
        bytes,
      );
    } catch (error) {
      if (error instanceof LineError) this.#lost(error);
      throw error;
    }
  }

  /** Whether a new connection leads to the server that is known: another may have taken its place. */
  async #isSame(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ life: string }>("select facewire.life() as life");
    if (rows[0]?.life !== this.#life) throw new LineError(phrase("sites.pgAnew", this.#place));
  }

  #connect(): void {
    this.#attempt = this.#tryToConnect().finally(() => {
      this.#attempt = undefined;
    });
  }

  /** Never rejects. */
  async #tryToConnect(): Promise<void> {
    await this.#ending;
    let client: Client | undefined;
    try {
      client = await connectClient(this.#options, this.#config(), this.#timing, (error) => {
        if (client !== undefined && this.#listener === client) this.#lost(error ?? cutOff(this.#options));
      });
      const made = client;
      await bounded(made, this.#timing, this.#options, () => this.#begin(made));
      if (this.#closed) throw this.#atPlace("sites.pgClosed");
      this.#listener = made;
      this.#failures = 0;
      this.#reason = undefined;
      this.#say(true);
      this.#later(this.#timing.pollMs, () => this.#poll(made));
    } catch (error) {
      if (client !== undefined) await endClient(client);
      this.#failed(sentenceFor(error, this.#options));
    }
  }

  async #begin(client: Client): Promise<void> {
    this.#isStandby = await migrate(client);
    this.#gallery = await this.#find(client);
    if (this.#isStandby && this.#gallery.writes) throw new LineError(phrase("sites.pgStandby"));
    const { rows } = await client.query<{ life: string }>("select facewire.life() as life");
    this.#life = rows[0]?.life;
    // A standby tells nobody: there it is asked once a minute.
    if (this.#isStandby) return;
    client.on("notification", ({ payload }) => this.#hear(Number(payload)));
    await client.query(`listen "facewire_${this.#gallery.id}"`);
  }

  /** The gallery of that name, made where there is none. */
  async #find(client: Client): Promise<Gallery> {
    const find = async (): Promise<Gallery | undefined> => {
      const { rows } = await client.query<Gallery>(
        `select key, id,
           facewire.is_one_of(owner || writers) and has_table_privilege('facewire.records', 'insert')
           and has_table_privilege('facewire.records', 'update') as writes
         from facewire.galleries where name = $1`,
        [this.#options.gallery],
      );
      return rows[0];
    };
    const { gallery: name, user } = this.#options;
    const { rows } = await client.query<{ may: boolean; makes: boolean }>(
      `select has_table_privilege('facewire.galleries', 'select') and has_table_privilege('facewire.records', 'select')
           and has_table_privilege('facewire.sites', 'select')
           and has_table_privilege('facewire.epochs', 'select') as may,
         has_table_privilege('facewire.galleries', 'insert')
           and current_setting('transaction_read_only') = 'off' as makes`,
    );
    if (rows[0]?.may !== true) throw new UserError("sites.pgMayNotUse", { user });
    const found = await find();
    if (found !== undefined) return found;
    if (!rows[0].makes) throw new UserError("sites.pgNoGallery", { name, user });
    await inTransaction(client, () =>
      client.query("insert into facewire.galleries (name, salt) values ($1, $2) on conflict do nothing", [
        name,
        randomBytes(SALT_BYTES),
      ]),
    );
    const made = await find();
    if (made === undefined) throw new UserError("sites.pgNotLetIn", { name, user });
    return made;
  }

  #hear(number: number): void {
    if (number === this.#seen) return;
    this.#seen = number;
    this.emit("wake");
  }

  /** Also tells whether anybody is still at the other end. */
  async #poll(client: Client): Promise<void> {
    try {
      const { rows } = await bounded(client, this.#timing, this.#options, () =>
        client.query<{ head: string; recovers: boolean }>(
          "select head, pg_is_in_recovery() as recovers from facewire.galleries where key = $1",
          [this.#gallery?.key],
        ),
      );
      if (this.#listener !== client) return;
      const [row] = rows;
      if (row === undefined) throw this.#gone();
      if (row.recovers !== this.#isStandby) throw this.#atPlace("sites.pgAnew");
      this.#hear(Number(row.head));
      this.#later(this.#timing.pollMs, () => this.#poll(client));
    } catch (error) {
      if (this.#listener === client) this.#lost(error);
    }
  }

  /** The connection is gone: another one is made. */
  #lost(why: unknown): void {
    const listener = this.#listener;
    if (this.#closed || listener === undefined) return;
    this.#listener = undefined;
    this.#failed(sentenceFor(why, this.#options));
    this.#ending = Promise.all([this.#lines.renew(), endClient(listener)]);
  }

  #failed(reason: UserError): void {
    if (this.#closed) return;
    this.#reason = reason;
    const ms = Math.min(MOST_RETRY_MS, this.#timing.retryMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#later(ms, () => this.#connect());
    this.#say(false, reason);
  }

  #later(ms: number, work: () => unknown): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, ms * (1 + SPREAD * Math.random()));
  }

  /** Once for each change. */
  #say(isReachable: boolean, reason?: UserError): void {
    if (this.#said === isReachable) return;
    this.#said = isReachable;
    this.emit("reachable", isReachable, reason);
  }

  #config(): ClientConfig {
    return configOf(this.#options, this.#timing.connectMs);
  }

  get #place(): { place: string } {
    return { place: placeOf(this.#options) };
  }

  #atPlace(key: "sites.pgClosed" | "sites.pgAnew"): UserError {
    return new UserError(key, this.#place);
  }

  #gone(): UserError {
    const { gallery: name, user } = this.#options;
    return new UserError("sites.pgNotLetIn", { name, user });
  }

  #readsOnly(): UserError {
    return new UserError("sites.pgReadsOnly", { user: this.#options.user });
  }
}

function loggedOf({ kind, id, number, content, site, at }: Row): Logged {
  const bytes = content === null ? null : Buffer.from(content, "base64");
  return { kind, id, number: Number(number), content: bytes, site, at: at.getTime() };
}
