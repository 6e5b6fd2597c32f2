/** What a user may meet on the way to a database, each with a sentence that says what it is and how to mend it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import { Client } from "pg";
import { sentenceOf } from "../../lib/errors";
import { migrate, type Migration, readMigrations } from "../../lib/sites/postgres/migrate";
import { openPostgresLog } from "../../lib/sites/postgres/log";
import { numbersOf, put, read, told } from "../lib/sites/log-suite";
import { IMPATIENT, Opened, reachable, refusal, siteOf } from "../support/log-sites";
import { eventually, freePort } from "../support/node-red";
import { makeCertificates, noPostgres, PASSWORD, PostgresServer } from "../support/postgres";

const USE = "grant usage on schema facewire to";

describe("connecting to PostgreSQL", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  const opened = new Opened();

  before(async () => {
    server = await PostgresServer.create({ hba: ["host all barred 127.0.0.1/32 reject"] });
  });
  afterEach(() => opened.end());
  after(() => server.down());

  describe("says what is wrong, in both languages, and no secret", () => {
    it("where nobody listens", async () => {
      const port = await freePort();
      assert.match(
        await refusal({ ...server.database(), port }),
        /nobody answers at 127\.0\.0\.1:\d+.*listen_addresses/,
      );
    });

    it("where a name leads to no computer", async () => {
      const said = await refusal({ ...server.database(), host: "nowhere.invalid", tls: true });
      assert.match(said, /no computer has the name of nowhere\.invalid:\d+.*找不到/);
    });

    it("where there is no socket", async () => {
      assert.match(
        await refusal({ ...server.database(), host: "/nowhere" }),
        /no PostgreSQL at \/nowhere\/\.s\.PGSQL\.\d+/,
      );
    });

    it("where somebody listens who never answers", async () => {
      const silent = createServer().listen(0, "127.0.0.1");
      await once(silent, "listening");
      const { port } = silent.address() as { port: number };
      assert.match(await refusal({ ...server.database(), port }, IMPATIENT), /does not answer.*沒有回應/);
      silent.close();
    });

    it("where somebody listens who is no PostgreSQL", async () => {
      const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
      await once(web, "listening");
      const { port } = web.address() as { port: number };
      assert.match(
        await refusal({ ...server.database(), port }),
        /127\.0\.0\.1:\d+.*(?:was cut|refuses|does not answer)/,
      );
      web.close();
    });

    it("where the password is another, or none is given", async () => {
      const options = server.database();
      assert.match(await refusal({ ...options, password: "guess" }), /refuses the password of gallery\d+/);
      assert.match(await refusal({ ...options, password: "" }), /refuses the password of gallery\d+/);
    });

    it("where there is no such login, which is the same to PostgreSQL", async () => {
      assert.match(await refusal({ ...server.database(), user: "nobody" }), /refuses the password of nobody/);
    });

    it("where the server lets a login not in from here", async () => {
      const options = server.database();
      assert.match(await refusal({ ...options, user: server.role("barred") }), /lets barred not into .*pg_hba\.conf/);
    });

    it("where there is no such database", async () => {
      assert.match(await refusal({ ...server.database(), database: "gone" }), /there is no database “gone” at/);
    });

    it("where the database cannot have every name", async () => {
      const { user } = server.database();
      server.sql(`create database ascii owner ${user} encoding 'SQL_ASCII' template template0 locale 'C'`);
      assert.match(
        await refusal({ ...server.database(), user, database: "ascii" }),
        /has the encoding SQL_ASCII.*UTF8/,
      );
    });

    it("where a login may make no tables", async () => {
      const options = server.database();
      const user = server.role("guest");
      assert.match(await refusal({ ...options, user }), /must run GRANT CREATE ON DATABASE "gallery\d+" TO "guest"/);
    });

    it("where a login may not use the tables that are there, until what the sentence says was done", async () => {
      const options = server.database();
      await opened.begin(options);
      const user = server.role("late");
      const said = await refusal({ ...options, user });
      assert.match(said, /GRANT USAGE ON SCHEMA facewire TO "late"/);
      const grants = [...said.matchAll(/GRANT [^;…；]*?TO "late"/g)].map(([grant]) => grant);
      server.sql([...new Set(grants)].join("; "), options);
      const notLetIn = await refusal({ ...options, user });
      assert.match(notLetIn, /late was not let into the shared gallery “people”/);
      server.sql(/UPDATE .*?;/.exec(notLetIn)?.[0] ?? "", options);
      const log = await opened.begin({ ...options, user }, siteOf(2));
      assert.equal(log.readOnly, false);
      assert.deepEqual(numbersOf(await log.push([put("ada", "1")])), [1]);
    });

    it("where the tables are of a newer version", async () => {
      const options = server.database();
      await opened.begin(options);
      server.sql("insert into facewire.migrations (number, name) values (999, 'of-tomorrow')", options);
      assert.match(await refusal(options), /newer version of this package \(999; here \d+\).*較新版本/);
    });

    it("where the tables are of an older version and the login may not change them", async () => {
      const options = server.database();
      await opened.begin(options);
      const user = server.role("second");
      server.sql(`${USE} second; grant all on all tables in schema facewire to second`, options);
      server.sql("delete from facewire.migrations", options);
      assert.match(await refusal({ ...options, user }), /older version, and second may not .* owner, gallery\d+/);
    });

    it("where all connections are taken, and goes on when one is free", async () => {
      const options = server.database();
      server.sql(`alter role ${options.user} connection limit 1`);
      const log = opened.open(options);
      await reachable(log);
      await assert.rejects(log.identity(), /all connections of 127\.0\.0\.1:\d+ are taken/);
      server.sql(`alter role ${options.user} connection limit 3`);
      assert.equal((await log.identity()).check, null);
    });

    it("where a statement is ended, of which nothing is written then", async () => {
      const options = server.database();
      const log = await opened.begin(options);
      const holder = new Client(options);
      await holder.connect();
      await holder.query("begin");
      await holder.query("select 1 from facewire.galleries for update");
      const refused = assert.rejects(log.push([put("ada", "1")]), /did not finish in time/);
      await eventually("the push to wait, and its end", async () => {
        const { rows } = await holder.query(
          `select pg_cancel_backend(pid) from pg_stat_activity
           where wait_event_type = 'Lock' and usename = current_user`,
        );
        return rows.length > 0 || undefined;
      });
      await refused;
      await holder.end();
      assert.deepEqual(await log.after(0), { changes: [], head: 0 });
      assert.deepEqual(numbersOf(await log.push([put("ada", "1")])), [1]);
    });

    it("where the database only reads for now", async () => {
      const options = server.database();
      await opened.begin(options);
      server.sql(`alter database ${options.database} set default_transaction_read_only = on`);
      const log = await opened.begin(options, siteOf(2));
      assert.equal(log.readOnly, false);
      await assert.rejects(log.push([put("ada", "1")]), /takes no changes just now/);
      assert.deepEqual(await log.after(0), { changes: [], head: 0 });
    });

    it("where the tables are gone", async () => {
      const options = server.database();
      const log = await opened.begin(options);
      server.sql("drop table facewire.records cascade", options);
      await assert.rejects(log.after(0), /are not all there any more.*backup/);
    });

    it("where it is closed", async () => {
      const log = await opened.begin(server.database());
      await log.close();
      await assert.rejects(log.after(0), /does not ask the database at 127\.0\.0\.1:\d+ any more/);
    });
  });

  describe("tables", () => {
    it("are made once when many sites come at once to an empty database, and all are of one gallery", async () => {
      const options = server.database();
      const logs = Array.from({ length: 8 }, (_, index) => opened.open(options, siteOf(index)));
      const identities = await Promise.all(logs.map((log) => log.identity()));
      assert.equal(new Set(identities.map(({ gallery, salt }) => `${gallery} ${salt.toString("hex")}`)).size, 1);
      assert.equal(server.sql("select count(*) from facewire.migrations", options), String(readMigrations().length));
      assert.equal((await logs[0]?.sites())?.length, 8);
    });

    it("are brought up to date once when many come at once, or not at all where that fails", async () => {
      const options = server.database();
      await opened.begin(options);
      const clients = Array.from({ length: 4 }, () => new Client(options));
      await Promise.all(clients.map((client) => client.connect()));
      const present = readMigrations();
      const next = (sql: string): Migration[] => [...present, { number: present.length + 1, name: "next", sql }];
      const version = (): string => server.sql("select max(number) from facewire.migrations", options);
      const broken = next("create table facewire.more (id integer); select 1 / 0");
      const outcomes = await Promise.allSettled(clients.map((client) => migrate(client, broken)));
      assert.ok(outcomes.every(({ status }) => status === "rejected"));
      assert.equal(server.sql("select to_regclass('facewire.more') is null", options), "t");
      assert.equal(version(), String(present.length));
      // A second time it would fail.
      await Promise.all(clients.map((client) => migrate(client, next("create table facewire.more (id integer)"))));
      assert.equal(version(), String(present.length + 1));
      await Promise.all(clients.map((client) => client.end()));
    });

    it("are of several galleries, which know nothing of each other", async () => {
      const options = server.database();
      const [one, other] = [
        await opened.begin({ ...options, gallery: "people" }),
        await opened.begin({ ...options, gallery: "staff" }),
      ];
      assert.notEqual((await one.identity()).gallery, (await other.identity()).gallery);
      await one.push([put("ada", "1")]);
      assert.deepEqual(await other.after(0), { changes: [], head: 0 });
      assert.deepEqual(numbersOf(await other.push([put("ada", "2")])), [1]);
      assert.deepEqual((await one.after(0)).changes.map(told), ["1 person ada=1 by 0"]);
    });

    it("stand on the disk beside the code that makes them, each with a number of its own", () => {
      const numbers = readMigrations().map(({ number }) => number);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index + 1),
      );
    });

    it("have no name that leads into a schema of somebody else's", async () => {
      const options = server.database();
      server.sql(
        `create schema ${options.user}; create function ${options.user}.encode(bytea, text) returns text
         language sql as 'select $$stolen$$'; 
         alter role ${options.user} set search_path = ${options.user}, pg_catalog`,
        options,
      );
      const log = await opened.begin(options);
      await log.push([put("ada", "mine")]);
      assert.deepEqual((await log.after(0)).changes.map(told), ["1 person ada=mine by 0"]);
    });

    it("work for a login whose settings are not the usual ones", async () => {
      const options = server.database();
      for (const setting of [
        "datestyle = 'German'",
        "timezone = 'Asia/Taipei'",
        "bytea_output = 'escape'",
        "default_transaction_isolation = 'serializable'",
        "synchronous_commit = off",
      ])
        server.sql(`alter role ${options.user} set ${setting}`);
      const [one, other] = [await opened.begin(options), await opened.begin(options, siteOf(2))];
      await Promise.all([one.push([put("ada", "1")]), other.push([put("bo", "2")])]);
      const { changes } = await read(one);
      assert.deepEqual(
        changes.map(({ number }) => number),
        [1, 2],
      );
      assert.ok(Math.abs((changes[0]?.at ?? 0) - Date.now()) < 60_000);
      const { epochs } = await one.identity();
      assert.deepEqual(epochs, (await other.identity()).epochs);
      assert.equal(epochs.length, 1);
    });
  });

  describe("tenants of one database", () => {
    it("see nothing of each other, whatever they ask", async () => {
      const options = server.database();
      await opened.begin({ ...options, gallery: "owner's" });
      for (const tenant of ["acme", "zeta"]) {
        server.role(tenant);
        server.sql(
          `${USE} ${tenant}; grant select, insert, update, delete on all tables in schema facewire to ${tenant}`,
          options,
        );
      }
      const acme = await opened.begin({ ...options, user: "acme", gallery: "acme's" }, siteOf(2));
      const zeta = await opened.begin({ ...options, user: "zeta", gallery: "zeta's" }, siteOf(3));
      await acme.push([put("ada", "of acme")]);
      await zeta.push([put("zoe", "of zeta")]);
      const asZeta = (text: string): string => server.sql(text, { database: options.database, user: "zeta" });
      assert.equal(asZeta("select name from facewire.galleries"), "zeta's");
      assert.equal(asZeta("select id from facewire.records"), "zoe");
      assert.equal(asZeta("select name from facewire.sites"), "Site 3");
      assert.equal(asZeta("select count(distinct gallery) from facewire.epochs"), "1");
      // Nor can they write there.
      asZeta(
        `update facewire.records set content = null; delete from facewire.sites;
         update facewire.galleries set head = 99`,
      );
      assert.throws(
        () => asZeta("insert into facewire.records (gallery, kind, id, number, site) select 2, 'person', 'x', 9, 'z'"),
        /row-level security/,
      );
      assert.throws(() => asZeta("update facewire.galleries set owner = 'acme'"), /row-level security/);
      assert.throws(() => asZeta("insert into facewire.migrations values (7, 'x')"), /row-level security/);
      assert.deepEqual((await acme.after(0)).changes.map(told), ["1 person ada=of acme by 0"]);
      // Not even whoever owns the tables.
      assert.equal(server.sql("select count(*) from facewire.records", options), "0");
    });

    it("have other names: one that another tenant has is refused", async () => {
      const options = server.database();
      await opened.begin(options);
      const user = server.role("third");
      server.sql(
        `${USE} third; grant select, insert, update, delete on all tables in schema facewire to third`,
        options,
      );
      assert.match(await refusal({ ...options, user }), /third was not let into the shared gallery “people”/);
    });
  });

  describe("a login that only reads", () => {
    it("follows and gives receipts, and writes nothing", async () => {
      const options = server.database();
      const writer = await opened.begin(options);
      await writer.push([put("ada", "1")]);
      const user = server.role("reader");
      server.sql(
        `${USE} reader; grant select on all tables in schema facewire to reader;
         grant insert, update on facewire.sites to reader;
         update facewire.galleries set readers = array_append(readers, 'reader')`,
        options,
      );
      const reader = await opened.begin({ ...options, user }, siteOf(2));
      assert.equal(reader.readOnly, true);
      assert.deepEqual((await reader.after(0)).changes.map(told), ["1 person ada=1 by 0"]);
      await assert.rejects(reader.push([put("bo", "2")]), /reader may only read the shared gallery/);
      await assert.rejects(reader.giveCheck("x"), /may only read/);
      await reader.acknowledge(1);
      assert.equal((await writer.sites()).find(({ id }) => id === siteOf(2).id)?.followed, 1);
      const woken = once(reader, "wake");
      await writer.push([put("cy", "3")]);
      await woken;
      const asReader = (text: string): string => server.sql(text, { database: options.database, user });
      assert.throws(() => asReader("update facewire.galleries set head = 0"), /permission denied/);
      assert.throws(() => asReader("delete from facewire.records"), /permission denied/);
    });

    it("writes nothing either where it was granted more than its gallery lets it", async () => {
      const options = server.database();
      const writer = await opened.begin(options);
      await writer.push([put("ada", "1")]);
      const user = server.role("half");
      server.sql(
        `${USE} half; grant all on all tables in schema facewire to half;
         update facewire.galleries set readers = array_append(readers, 'half')`,
        options,
      );
      const reader = await opened.begin({ ...options, user }, siteOf(2));
      assert.equal(reader.readOnly, true);
      server.sql("delete from facewire.records; update facewire.galleries set head = 7", {
        database: options.database,
        user,
      });
      assert.deepEqual((await writer.after(0)).changes.map(told), ["1 person ada=1 by 0"]);
    });
  });

  describe("a server that stops", () => {
    it("is told of as such, and found again when it is back", async () => {
      const own = await PostgresServer.create();
      try {
        const log = await opened.begin(own.database());
        const lost = reachable(log);
        await own.down();
        const [isReachable, reason] = await lost;
        assert.equal(isReachable, false);
        assert.match(sentenceOf(reason), /was stopped|was cut/);
        await assert.rejects(log.after(0));
        const found = reachable(log);
        await own.up();
        assert.deepEqual(await found, [true, undefined]);
        // Another start: nothing may be asked before whose log it is.
        await assert.rejects(log.after(0), /was started anew/);
        const { epochs } = await log.identity();
        assert.equal(epochs.length, 2);
        assert.deepEqual(await log.after(0), { changes: [], head: 0 });
      } finally {
        await opened.end();
        await own.down();
      }
    });
  });
});

describe("TLS to PostgreSQL", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  const opened = new Opened();
  const right = noPostgres() === false ? makeCertificates("127.0.0.1") : undefined;
  const wear = async (certificate: string, key: string): Promise<void> => {
    await server.down();
    server.configure(["ssl = on", `ssl_cert_file = '${certificate}'`, `ssl_key_file = '${key}'`]);
    await server.up();
  };

  before(async () => {
    server = await PostgresServer.create();
  });
  afterEach(() => opened.end());
  after(() => server.down());

  it("is needed where what is sent leaves this computer", () => {
    const options = { host: "db.example.com", database: "d", user: "u", tls: false };
    assert.throws(() => openPostgresLog(options, siteOf(1)), /what goes to db\.example\.com leaves this computer/);
  });

  it("is told of where the server has none", async () => {
    assert.match(await refusal({ ...server.database(), tls: true }), /has no TLS.*Nothing was sent.*沒有 TLS/);
  });

  it("is refused where nobody whom we trust has signed the certificate", async () => {
    await wear(right?.certificate as string, right?.key as string);
    const options = { ...server.database(), tls: true };
    assert.match(await refusal(options), /nobody whom this computer trusts .*password was not sent/);
    const other = makeCertificates("127.0.0.1");
    assert.match(await refusal({ ...options, ca: other.ca }), /nobody whom this computer trusts/);
  });

  it("is used where we trust them, by text and by file", async () => {
    const options = { ...server.database(), tls: true };
    for (const ca of [right?.ca as string, right?.caFile as string]) {
      const log = await opened.begin({ ...options, ca });
      await log.push([put(`of ${ca.length}`, "1")]);
      const used = server.sql(
        `select count(*) from pg_stat_ssl join pg_stat_activity using (pid)
         where ssl and application_name = 'facewire'`,
      );
      assert.equal(used, "2");
      await opened.end();
    }
  });

  it("says what is wrong with a file of certificates", async () => {
    const options = { ...server.database(), tls: true };
    assert.match(await refusal({ ...options, ca: "/nowhere/ca.crt" }), /cannot be read: .*ENOENT/);
    assert.match(await refusal({ ...options, ca: right?.key }), /no certificate is in/);
    assert.match(
      await refusal({ ...options, ca: readFileSync(right?.key as string, "utf8") }),
      /no certificate is in/,
    );
    assert.match(await refusal({ ...options, ca: "my company" }), /must be the text of a PEM file/);
  });

  it("is refused where the certificate is another computer's", async () => {
    const other = makeCertificates("db.example.com");
    await wear(other.certificate, other.key);
    assert.match(
      await refusal({ ...server.database(), tls: true, ca: other.ca }),
      /certificate of .* is for another name/,
    );
  });

  it("is refused where the certificate's time is over", async () => {
    const old = makeCertificates("127.0.0.1", { days: -1 });
    await wear(old.certificate, old.key);
    assert.match(await refusal({ ...server.database(), tls: true, ca: old.ca }), /is not valid today/);
  });

  it("sends no password to whoever only pretends to be a server", async () => {
    const heard: Buffer[] = [];
    const fake = createServer((socket) => {
      socket.on("data", (data) => heard.push(data));
      socket.on("error", () => undefined);
      socket.once("data", () => socket.write("N"));
    }).listen(0, "127.0.0.1");
    await once(fake, "listening");
    const { port } = fake.address() as { port: number };
    await refusal({ host: "127.0.0.1", port, database: "d", user: "u", password: PASSWORD, tls: true });
    fake.close();
    assert.ok(!Buffer.concat(heard).includes(PASSWORD));
  });
});
