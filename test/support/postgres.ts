/** A PostgreSQL server in processes of its own, in a folder of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PostgresOptions } from "../../lib/sites/postgres/options";
import { eventually, freePort } from "./node-red";

const DEBIAN = "/usr/lib/postgresql";
/** Whoever runs it where we are root, whom it refuses; nobody, which every Linux has. */
const NOBODY = 65_534;
export const SUPERUSER = "keeper";
export const PASSWORD = "s3cret-of-the-keeper";

const IS_ROOT = process.getuid?.() === 0;
const AS = IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {};

/** The newest one of Debian, or what is on the PATH. */
function programs(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(DEBIAN, version, "bin"));
  return [...folders, ...(process.env["PATH"] ?? "").split(":")].find(
    (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
  );
}

/** Why there is none here, or false. */
export function noPostgres(): string | false {
  return programs() === undefined ? "needs PostgreSQL 15 or later (Debian: postgresql)" : false;
}

/** Runs a program of PostgreSQL. */
function run(
  program: string,
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(join(programs() as string, program), args, {
    ...AS,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout;
}

/** A folder that the server's user may use. */
function ownFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), name));
  if (IS_ROOT) chownSync(folder, NOBODY, NOBODY);
  chmodSync(folder, 0o700);
  return folder;
}

/** Whatever stands above a folder, the server's user may go through. */
function open(folder: string): void {
  if (IS_ROOT) chmodSync(folder, statSync(folder).mode | 0o011);
}

export interface PostgresSetup {
  /** Lines of postgresql.conf. */
  more?: readonly string[];
  /** A folder to keep it in, on a disk of the test's. */
  folder?: string;
  /** Lines of pg_hba.conf, before the usual ones. */
  hba?: readonly string[];
}

export class PostgresServer {
  readonly port: number;
  readonly data: string;
  readonly sockets: string;
  #process: ChildProcess | undefined;
  #made = 0;

  private constructor(port: number, data: string, sockets: string) {
    this.port = port;
    this.data = data;
    this.sockets = sockets;
  }

  static async create({ more = [], folder, hba = [] }: PostgresSetup = {}): Promise<PostgresServer> {
    open(tmpdir());
    const data = folder ?? ownFolder("postgres-");
    if (folder !== undefined && IS_ROOT) chownSync(folder, NOBODY, NOBODY);
    const password = join(ownFolder("password-"), "password");
    writeFileSync(password, `${PASSWORD}\n`);
    if (IS_ROOT) chownSync(password, NOBODY, NOBODY);
    const cluster = join(data, "data");
    run("initdb", [
      "-D",
      cluster,
      "-U",
      SUPERUSER,
      "-A",
      "scram-sha-256",
      `--pwfile=${password}`,
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    ]);
    rmSync(password);
    const server = new PostgresServer(await freePort(), cluster, ownFolder("sockets-"));
    server.configure([
      `port = ${server.port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${server.sockets}'`,
      "shared_buffers = 16MB",
      "max_connections = 60",
      "max_wal_size = 64MB",
      ...more,
    ]);
    const rules = ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"];
    writeFileSync(join(cluster, "pg_hba.conf"), [...hba, ...rules, "local all all scram-sha-256", ""].join("\n"));
    await server.up();
    return server;
  }

  /** A streaming standby of another server. */
  static async standbyOf(primary: PostgresServer): Promise<PostgresServer> {
    const data = join(ownFolder("standby-"), "data");
    run(
      "pg_basebackup",
      ["-D", data, "-R", "-X", "stream", "-c", "fast", "-h", "127.0.0.1", "-p", String(primary.port), "-U", SUPERUSER],
      {
        env: { PGPASSWORD: PASSWORD },
      },
    );
    const standby = new PostgresServer(await freePort(), data, ownFolder("sockets-"));
    standby.configure([`port = ${standby.port}`, `unix_socket_directories = '${standby.sockets}'`]);
    await standby.up();
    return standby;
  }

  configure(lines: readonly string[]): void {
    appendFileSync(join(this.data, "postgresql.conf"), `${lines.join("\n")}\n`);
  }

  async up(): Promise<void> {
    await eventually("PostgreSQL to start", async () => {
      const child = spawn(join(programs() as string, "postgres"), ["-D", this.data], {
        ...AS,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = `${said}${text}`.slice(-10_000);
      });
      this.#process = child;
      while (child.exitCode === null && child.signalCode === null) {
        if (/ready to accept (?:read-only )?connections/.test(said)) return true;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      // Killed ones have not let go of everything at once.
      if (/still in use|already in use|another server|lock file/.test(said)) return undefined;
      throw new Error(`PostgreSQL ended: ${said}`);
    });
  }

  /** SIGINT: at once, in order (fast); SIGKILL: as when it crashes. */
  async down(signal: "SIGINT" | "SIGKILL" = "SIGINT"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** It may write to a folder. */
  own(folder: string): void {
    if (IS_ROOT) chownSync(folder, NOBODY, NOBODY);
  }

  promote(): void {
    run("pg_ctl", ["promote", "-D", this.data, "-w"]);
  }

  /** As whoever may do everything, or as another login. @returns rows, fields separated by | */
  sql(text: string, { database = "postgres", user = SUPERUSER }: { database?: string; user?: string } = {}): string {
    return run("psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", ...this.#line(user), database], {
      input: text,
      env: { PGPASSWORD: PASSWORD },
    }).trim();
  }

  /** pg_dump, or another one that reads or writes. */
  tool(
    program: "pg_dump" | "pg_restore",
    args: readonly string[],
    { user = SUPERUSER, input }: { user?: string; input?: string } = {},
  ): string {
    return run(program, [...this.#line(user), ...args], {
      env: { PGPASSWORD: PASSWORD },
      ...(input ? { input } : {}),
    });
  }

  /** A login of the keeper's password. */
  role(name: string, more = ""): string {
    this.sql(`create role "${name}" login password '${PASSWORD}' ${more}`);
    return name;
  }

  /** An empty database with a login that owns it. */
  database(): Required<Pick<PostgresOptions, "host" | "port" | "database" | "user" | "password">> {
    this.#made += 1;
    const name = `gallery${this.#made}`;
    this.role(name);
    this.sql(`create database ${name} owner ${name}`);
    return { host: "127.0.0.1", port: this.port, database: name, user: name, password: PASSWORD };
  }

  #line(user: string): string[] {
    return ["-h", "127.0.0.1", "-p", String(this.port), "-U", user];
  }
}

/** A line to a server that can be cut as a cable is: whatever is sent goes nowhere, and nobody is told. */
export class Cable {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isCut = false;
  #far = 0;
  /** Bytes that went through, of both ways. */
  bytes = 0;

  private constructor(port: number, server: Server) {
    this.port = port;
    this.#server = server;
  }

  static async to(port: number): Promise<Cable> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const cable = new Cable((server.address() as { port: number }).port, server);
    cable.lead(port);
    server.on("connection", (near) => cable.#join(near));
    return cable;
  }

  /** New connections go to another server, as when a name is given to another computer. */
  lead(port: number): void {
    this.#far = port;
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut;
    for (const pair of this.#pairs)
      for (const end of pair)
        if (isCut) end.pause();
        // What waited in the network comes late, as it does.
        else end.resume();
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) for (const end of pair) end.destroy();
  }

  #join(near: Socket): void {
    const far = new Socket({ allowHalfOpen: true });
    far.connect(this.#far, "127.0.0.1");
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on("data", (data) => {
        this.bytes += data.length;
        to.write(data);
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      if (this.#isCut) from.pause();
    }
  }
}

/** A certificate authority, and the certificate of a server that it has signed. */
export interface Certificates {
  ca: string;
  caFile: string;
  certificate: string;
  key: string;
}

export function makeCertificates(name: string, { days = 2 }: { days?: number } = {}): Certificates {
  const folder = ownFolder("certificates-");
  const at = (file: string): string => join(folder, file);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe", ...AS });
  openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "9",
    "-subj",
    "/CN=test authority",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.crt"),
  );
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    at("server.key"),
    "-out",
    at("server.csr"),
  );
  writeFileSync(at("names"), `subjectAltName=${/^[\d.]+$/.test(name) ? "IP" : "DNS"}:${name}\n`);
  openssl(
    "x509",
    "-req",
    "-in",
    at("server.csr"),
    "-CA",
    at("ca.crt"),
    "-CAkey",
    at("ca.key"),
    "-CAcreateserial",
    "-days",
    String(days),
    "-extfile",
    at("names"),
    "-out",
    at("server.crt"),
  );
  return {
    ca: execFileSync("cat", [at("ca.crt")], { encoding: "utf8" }),
    caFile: at("ca.crt"),
    certificate: at("server.crt"),
    key: at("server.key"),
  };
}
