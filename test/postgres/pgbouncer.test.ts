/** PgBouncer between sites and the database, in session mode, which LISTEN needs. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { numbersOf, put, told } from "../lib/sites/log-suite";
import { Opened, refusal, siteOf } from "../support/log-sites";
import { eventually, freePort } from "../support/node-red";
import { noPostgres, PASSWORD, PostgresServer } from "../support/postgres";
import { isInstalled } from "../support/programs";

const missing =
  noPostgres() || (isInstalled("pgbouncer") ? false : "needs PgBouncer (Debian: pgbouncer; /usr/sbin on the PATH)");

describe("PgBouncer in session mode", { skip: missing }, () => {
  const opened = new Opened();
  let server: PostgresServer;
  let bouncer: ChildProcess;
  let port: number;

  before(async () => {
    server = await PostgresServer.create();
    port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "pgbouncer-"));
    chmodSync(folder, 0o755);
    const users = join(folder, "users.txt");
    writeFileSync(users, `"gallery1" "${PASSWORD}"\n`);
    const config = join(folder, "pgbouncer.ini");
    writeFileSync(
      config,
      [
        "[databases]",
        `gallery1 = host=127.0.0.1 port=${server.port}`,
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${port}`,
        "unix_socket_dir =",
        "auth_type = scram-sha-256",
        `auth_file = ${users}`,
        "pool_mode = session",
        "default_pool_size = 10",
        "",
      ].join("\n"),
    );
    const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
    bouncer = spawn("pgbouncer", [...user, config], { stdio: "ignore" });
  });
  afterEach(() => opened.end());
  after(async () => {
    if (bouncer.exitCode === null) {
      const exited = once(bouncer, "exit");
      bouncer.kill("SIGKILL");
      await exited;
    }
    await server.down();
  });

  it("lets sites write, read and be woken", async () => {
    const options = { ...server.database(), port };
    const first = opened.open(options);
    await eventually("PgBouncer to listen", async () => first.identity().catch(() => undefined));
    const second = await opened.begin(options, siteOf(2));
    const woken = once(second, "wake");
    assert.deepEqual(numbersOf(await first.push([put("ada", "1")])), [1]);
    await woken;
    assert.deepEqual((await second.after(0)).changes.map(told), ["1 person ada=1 by 0"]);
    // What one session has set does not stay for the next.
    await opened.end();
    const third = await opened.begin(options, siteOf(3));
    assert.deepEqual(numbersOf(await third.push([put("bo", "2")])), [2]);
  });

  it("says in sentences what it refuses", async () => {
    const options = { host: "127.0.0.1", port, database: "gallery1", user: "gallery1", password: "guess" };
    assert.match(await refusal(options), /refuses the password of gallery1/);
    assert.match(await refusal({ ...options, password: PASSWORD, database: "gone" }), /no database “gone”/);
  });
});
