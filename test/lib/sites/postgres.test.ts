/** What can be said of PostgreSQL where there is none; with a server: test/postgres. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { inspect } from "node:util";
import { sentenceOf, UserError } from "../../../lib/errors";
import { LineError, sentenceFor } from "../../../lib/sites/postgres/errors";
import { configOf, parsePostgresOptions, placeOf } from "../../../lib/sites/postgres/options";
import { Opened, reachable } from "../../support/log-sites";
import { eventually } from "../../support/node-red";

const PLACE = { host: "db.example.com", port: 5432, database: "gallery", user: "door", password: "s3cret" };
const failed = (code: string, message = "words"): Error => Object.assign(new Error(message), { code });

describe("the way to a database, as it is given", () => {
  const parse = (more: object): ReturnType<typeof parsePostgresOptions> => parsePostgresOptions({ ...PLACE, ...more });

  it("has TLS unless nothing leaves this computer", () => {
    for (const host of ["db.example.com", "192.0.2.7", "2001:db8::7", "localhost.example.com"])
      assert.equal(parse({ host }).tls, true, host);
    for (const host of ["localhost", "db.localhost", "127.0.0.1", "127.3.2.1", "::1", "/run/postgresql"])
      assert.equal(parse({ host }).tls, false, host);
    assert.equal(parse({ host: "localhost", tls: true }).tls, true);
  });

  it("may not go without TLS elsewhere", () => {
    for (const host of ["db.example.com", "10.0.0.7", "::2", "localhost.example.com"])
      assert.throws(() => parse({ host, tls: false }), /leaves this computer: choose TLS/, host);
  });

  it("is refused with a sentence where it cannot be right", () => {
    assert.throws(
      () => parse({ host: "postgres://door:s3cret@db" }),
      (error) => {
        assert.match(sentenceOf(error), /^shared gallery: host: must be a name or an address/);
        assert.match(sentenceOf(error, "zh-TW"), /共用人臉庫/);
        assert.doesNotMatch(inspect(error), /s3cret/);
        return error instanceof UserError;
      },
    );
    assert.throws(() => parse({ port: 70_000 }), /port/);
    assert.throws(() => parse({ database: "" }), /database: is missing/);
    assert.throws(() => parse({ user: "ü".repeat(32) }), /user: must be a name of at most 63 bytes/);
  });

  it("checks the server's certificate, and takes nothing from the environment", () => {
    const { ssl, ...config } = configOf(parse({}), 1000);
    assert.ok(typeof ssl === "object");
    assert.equal(ssl.rejectUnauthorized, true);
    assert.doesNotMatch(inspect(config), /s3cret/);
    assert.ok(typeof config.password === "function");
    assert.equal(configOf(parse({ host: "localhost" }), 1000).ssl, false);
  });

  it("is named in sentences as people know it", () => {
    assert.equal(placeOf(PLACE), "db.example.com:5432");
    assert.equal(placeOf({ host: "::1", port: 1 }), "[::1]:1");
    assert.equal(placeOf({ host: "/run/postgresql", port: 5432 }), "/run/postgresql/.s.PGSQL.5432");
  });
});

describe("what PostgreSQL, TLS and the network say", () => {
  const SAID: readonly (readonly [error: Error, sentence: RegExp, ends: boolean])[] = [
    [failed("28P01"), /refuses the password of door/, true],
    [failed("28000"), /lets door not into “gallery”.*pg_hba\.conf/, true],
    [failed("3D000"), /there is no database “gallery”/, true],
    [failed("53300"), /connections of .* are taken.*max_connections/, false],
    [failed("53100"), /disk of the database .* is full.*goes on by itself/, false],
    [failed("53200"), /no memory left/, false],
    [failed("57P01"), /was stopped/, true],
    [failed("57P02"), /was stopped/, true],
    [failed("57P03"), /starts or stops just now/, true],
    [failed("57014"), /did not finish in time/, false],
    [failed("55P03"), /held the shared gallery .* too long/, false],
    [failed("25006"), /takes no changes just now/, false],
    [failed("42501"), /door has not all rights/, false],
    [failed("42P01"), /not all there any more/, false],
    [failed("58030"), /cannot read its disk/, false],
    [failed("ECONNREFUSED"), /nobody answers at/, true],
    [new AggregateError([failed("ECONNREFUSED"), failed("ENETUNREACH")]), /nobody answers at/, true],
    [failed("ENOTFOUND"), /no computer has the name of/, true],
    [failed("EHOSTUNREACH"), /no way leads to/, true],
    [failed("ECONNRESET"), /was cut/, true],
    [failed("08006"), /was cut/, true],
    [failed("08P01", "SASL authentication failed"), /refuses the password/, true],
    [failed("08P01", "no such database: gallery"), /no database “gallery”/, true],
    [new Error("Connection terminated unexpectedly"), /was cut/, true],
    [new Error("timeout expired"), /does not answer/, true],
    [new Error("The server does not support SSL connections"), /has no TLS/, true],
    [new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"), /refuses the password/, true],
    [failed("SELF_SIGNED_CERT_IN_CHAIN"), /nobody whom this computer trusts/, true],
    [failed("ERR_TLS_CERT_ALTNAME_INVALID"), /for another name/, true],
    [failed("CERT_HAS_EXPIRED"), /not valid today/, true],
    [failed("ERR_SSL_WRONG_VERSION_NUMBER"), /TLS fails/, true],
    [failed("XX000", "something new, password=s3cret"), /refuses: something new, password=… \(XX000\)/, false],
  ];

  for (const [error, sentence, ends] of SAID)
    it(`is a sentence in both languages: ${(error as NodeJS.ErrnoException).code ?? error.message}`, () => {
      const said = sentenceFor(error, PLACE);
      assert.match(sentenceOf(said), sentence);
      assert.match(sentenceOf(said, "zh-TW"), /[一-鿿]/);
      assert.ok(!sentenceOf(said, "zh-TW").includes("undefined"));
      assert.equal(said instanceof LineError, ends);
      assert.doesNotMatch(inspect(said, { depth: 9, showHidden: true }), /s3cret/);
    });

  it("is handed on where it is a sentence already", () => {
    const sentence = new UserError("sites.pgStandby");
    assert.equal(sentenceFor(sentence, PLACE), sentence);
  });
});

describe("a database that is not there", () => {
  const opened = new Opened();
  let door: Server;
  let knocked = 0;
  before(async () => {
    door = createServer((socket) => {
      knocked += 1;
      socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(door, "listening");
  });
  afterEach(() => opened.end());
  after(() => door.close());

  const options = (): typeof PLACE => ({
    ...PLACE,
    host: "127.0.0.1",
    port: (door.address() as { port: number }).port,
  });

  it("is told of once, and asked again and again meanwhile", async () => {
    const log = opened.open(options());
    let told = 0;
    log.on("reachable", () => {
      told += 1;
    });
    const [isReachable, reason] = await reachable(log);
    assert.equal(isReachable, false);
    assert.match(sentenceOf(reason), /was cut/);
    const from = knocked;
    await eventually("three more tries", async () => knocked >= from + 3 || undefined);
    assert.equal(told, 1);
  });

  it("lets no call wait: each is told why", async () => {
    const log = opened.open(options());
    for (const call of [log.identity(), log.after(0), log.sites(), log.acknowledge(1)])
      await assert.rejects(call, /was cut/);
    assert.equal(log.readOnly, false);
  });

  it("is asked no more by whoever is closed, also while they ask", async () => {
    const log = opened.open(options());
    await log.close();
    const from = knocked;
    await assert.rejects(log.after(0), /does not ask the database/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(knocked <= from + 1);
  });
});
