/** Connections to the database: few, each call bounded, and none that failed is used again. */
import type { Socket } from "node:net";
import type { Client, ClientConfig, Pool, PoolClient } from "pg";
import { inTime } from "../../workers/in-time";
import { phrase } from "../../words/sentence";
import { cutOff, LineError, sentenceFor } from "./errors";
import { type ParsedOptions, placeOf } from "./options";

export interface Limits {
  /** To be connected. */
  connectMs: number;
  /** Between two pieces of an answer. */
  idleMs: number;
  /** Of one call, all in all. */
  totalMs: number;
}

export const LIMITS: Limits = { connectMs: 10_000, idleMs: 30_000, totalMs: 600_000 };

/** The slowest line that is waited for, in bytes a millisecond: 256 kbit/s. */
const SLOWEST = 32;
/** What the server grants a statement, and the wait for a gallery that others write to. */
const STATEMENT_MS = 60_000;
const LOCK_MS = 20_000;
/** Beside the connection that listens. */
const MOST_LINES = 2;
/** To say goodbye. */
const END_MS = 1000;
const LOOKS = 8;

/** Settings of whoever runs the server or made the login, which would change what is written here. */
const SETTINGS = `
  select
    set_config('search_path', 'pg_catalog', false),
    set_config('DateStyle', 'ISO', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('statement_timeout', '${STATEMENT_MS}', false),
    set_config('lock_timeout', '${LOCK_MS}', false),
    set_config('idle_in_transaction_session_timeout', '${STATEMENT_MS}', false),
    set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false),
    -- What a push was told to be written is on the disk.
    case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end`;

export async function setUp(client: Client | PoolClient): Promise<void> {
  await client.query(SETTINGS);
}

/** The driver does not say how much has come. */
function socketOf(client: Client | PoolClient): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/**
 * What a connection is asked, or a LineError when nothing comes for too long.
 * @param bytes that are sent
 */
export function bounded<T>(
  client: Client | PoolClient,
  { idleMs, totalMs }: Pick<Limits, "idleMs" | "totalMs">,
  place: Pick<ParsedOptions, "host" | "port">,
  work: () => Promise<T>,
  bytes = 0,
): Promise<T> {
  const socket = socketOf(client);
  const mostIdle = idleMs + bytes / SLOWEST;
  const begun = performance.now();
  let [seen, seenAt] = [socket.bytesRead, begun];
  return new Promise<T>((resolve, reject) => {
    const timer = setInterval(
      () => {
        const now = performance.now();
        if (socket.bytesRead !== seen) [seen, seenAt] = [socket.bytesRead, now];
        if (now - seenAt < mostIdle && now - begun < totalMs + bytes / SLOWEST) return;
        clearInterval(timer);
        reject(new LineError(phrase("sites.pgSilent", { place: placeOf(place) })));
      },
      Math.ceil(idleMs / LOOKS),
    );
    work()
      .finally(() => clearInterval(timer))
      .then(resolve, reject);
  });
}

/** Connects one client, which then has its settings. @throws UserError */
export async function connectClient(
  options: ParsedOptions,
  config: ClientConfig,
  limits: Limits,
  onLost: (error: unknown) => void,
): Promise<Client> {
  const pg = await import("pg");
  const client = new pg.Client(config);
  client.on("error", onLost);
  client.on("end", () => onLost(undefined));
  try {
    await client.connect();
    await bounded(client, limits, options, () => setUp(client));
    return client;
  } catch (error) {
    await endClient(client);
    throw sentenceFor(error, options);
  }
}

/** Whether or not anybody is at the other end. Never rejects. */
export async function endClient(client: Client): Promise<void> {
  await inTime(client.end(), END_MS);
  socketOf(client).destroy();
}

/** At most two connections for calls. They end when nothing is asked for ten seconds. */
export class Lines {
  readonly #options: ParsedOptions;
  readonly #limits: Limits;
  /** Before the first call of a connection. */
  readonly #check: (client: PoolClient) => Promise<void>;
  readonly #ready = new WeakSet<PoolClient>();
  readonly #clients = new Set<PoolClient>();
  readonly #used = new Set<PoolClient>();
  #pool: Promise<Pool> | undefined;
  #closed = false;

  constructor(options: ParsedOptions, limits: Limits, check: (client: PoolClient) => Promise<void>) {
    this.#options = options;
    this.#limits = limits;
    this.#check = check;
  }

  /** @param bytes that are sent @throws UserError; LineError where the connection is gone */
  async call<T>(config: () => ClientConfig, work: (client: PoolClient) => Promise<T>, bytes = 0): Promise<T> {
    let client: PoolClient | undefined;
    let isSpoilt = true;
    try {
      this.#pool ??= this.#open(config());
      client = await (await this.#pool).connect();
      const used = client;
      this.#used.add(used);
      const done = await bounded(used, this.#limits, this.#options, () => this.#run(used, work), bytes);
      isSpoilt = false;
      return done;
    } catch (error) {
      const sentence = sentenceFor(error, this.#options);
      isSpoilt = sentence instanceof LineError;
      throw sentence;
    } finally {
      if (client !== undefined) {
        this.#used.delete(client);
        client.release(isSpoilt);
      }
    }
  }

  /** Those that are there end, and the next call makes new ones. Never rejects. */
  async renew(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    const clients = [...this.#clients];
    for (const client of this.#used) socketOf(client).destroy();
    if (pool !== undefined)
      await inTime(
        pool.then((each) => each.end()),
        END_MS,
      );
    // Those that have said goodbye and hear nothing.
    for (const client of clients) socketOf(client).destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.renew();
  }

  async #run<T>(client: PoolClient, work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (!this.#ready.has(client)) {
      await setUp(client);
      await this.#check(client);
      this.#ready.add(client);
    }
    return work(client);
  }

  async #open(config: ClientConfig): Promise<Pool> {
    const pg = await import("pg");
    if (this.#closed) throw cutOff(this.#options);
    const pool = new pg.Pool({ ...config, max: MOST_LINES });
    // Of one that nobody uses: the next call has another, and whoever listens hears of it too.
    pool.on("error", () => undefined);
    // Of one that is used: the call is told too. Without this it would end Node-RED.
    pool.on("connect", (client) => {
      client.on("error", () => undefined);
      this.#clients.add(client);
    });
    pool.on("remove", (client) => this.#clients.delete(client));
    return pool;
  }
}
