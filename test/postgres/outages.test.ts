/** What happens to a database and the line to it while sites write and read: nothing is lost, nothing is doubled. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sentenceOf, UserError } from "../../lib/errors";
import { holdsUpTo, type Logged } from "../../lib/sites/change-log";
import type { PostgresLog } from "../../lib/sites/postgres/log";
import type { PostgresOptions } from "../../lib/sites/postgres/options";
import { numbersOf, put, read } from "../lib/sites/log-suite";
import { IMPATIENT, Opened, QUICK, reachable, siteOf } from "../support/log-sites";
import { eventually } from "../support/node-red";
import { Cable, noPostgres, PostgresServer } from "../support/postgres";
import { noMount, smallDisk } from "../support/small-disk";

/** In seconds on a quiet computer, which bench/sites.ts measures. */
const PATIENCE_MS = 180_000;

/** Until it is written, whatever becomes of the database meanwhile. @returns its number */
async function pushThrough(log: PostgresLog, id: string, text: string): Promise<number> {
  return eventually(`${id} to be written`, async () => {
    try {
      await log.identity();
      const answer = await log.push([put(id, text)]);
      if ("numbers" in answer) return answer.numbers[0];
      // It was written, and the answer was lost.
      assert.equal(answer.stale[0]?.content?.toString(), text);
      return answer.stale[0]?.number;
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      await sleep(20);
      return undefined;
    }
  });
}

const numbersIn = (changes: readonly Logged[]): number[] => changes.map(({ number }) => number);
const oneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe("a database of sites in trouble", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  const opened = new Opened();

  before(async () => {
    server = await PostgresServer.create();
  });
  afterEach(() => opened.end());
  after(() => server.down());

  it("takes 1,000 changes of four writers, and no reader skips one that is committed later", async () => {
    const [WRITERS, EACH] = [4, 250];
    const options = server.database();
    const writers: PostgresLog[] = [];
    for (let index = 0; index < WRITERS; index += 1) writers.push(await opened.begin(options, siteOf(index), {}));
    const readers = [await opened.begin(options, siteOf(8), {}), await opened.begin(options, siteOf(9), {})];
    const followed = readers.map(async (reader) => {
      const seen: number[] = [];
      while (seen.length < WRITERS * EACH) {
        const { changes } = await reader.after(seen.at(-1) ?? 0);
        for (const { number } of changes) {
          assert.equal(number, seen.length + 1, "a number was skipped");
          seen.push(number);
        }
      }
    });
    await Promise.all(
      writers.map(async (writer, index) => {
        for (let each = 0; each < EACH; each += 1) numbersOf(await writer.push([put(`${index} ${each}`, "x")]));
      }),
    );
    await Promise.all(followed);
  });

  it("has two connections of a site that works, and one of a site that rests", async () => {
    const options = server.database();
    const log = await opened.begin(options);
    const connections = (): number =>
      Number(server.sql(`select count(*) from pg_stat_activity where usename = '${options.user}'`));
    await Promise.all(Array.from({ length: 20 }, (_, index) => log.push([put(`p${index}`, "x")])));
    assert.equal(connections(), 3);
    await eventually("the idle ones to end", async () => connections() === 1 || undefined);
    assert.equal((await log.after(0)).changes.length, 20);
  });

  it("is killed again and again while sites write: all of it is there once, in one order", async () => {
    const own = await PostgresServer.create();
    try {
      const options = own.database();
      const EACH = 40;
      const writers = [opened.open(options, siteOf(1)), opened.open(options, siteOf(2))];
      const written = new Map<string, number>();
      const work = Promise.all(
        writers.map(async (writer, index) => {
          for (let each = 0; each < EACH; each += 1) {
            const id = `${index} ${each}`;
            written.set(id, await pushThrough(writer, id, `content of ${id}`));
          }
        }),
      );
      for (let kill = 1; kill <= 3; kill += 1) {
        await eventually("some to be written", async () => written.size >= kill * 20 || undefined);
        await own.down("SIGKILL");
        await own.up();
      }
      await work;
      const { changes, head } = await read(await opened.begin(options, siteOf(3)));
      assert.deepEqual(
        new Map(changes.map(({ id, number }) => [id, number])),
        new Map([...written].sort(([, one], [, other]) => one - other)),
      );
      assert.deepEqual(numbersIn(changes), oneTo(2 * EACH));
      assert.equal(head, 2 * EACH);
      for (const { id, content } of changes) assert.equal(content?.toString(), `content of ${id}`);
    } finally {
      await opened.end();
      await own.down();
    }
  });

  it("is replaced by a standby that has not everything: sites see from where, and write the rest again", async () => {
    const primary = await PostgresServer.create({ more: ["wal_level = replica", "max_wal_senders = 4"] });
    let standby: PostgresServer | undefined;
    const cable = await Cable.to(primary.port);
    try {
      const options = { ...primary.database(), port: cable.port };
      const log = await opened.begin(options);
      await log.push([put("ada", "1"), put("bo", "2")]);
      standby = await PostgresServer.standbyOf(primary);
      const { epochs } = await log.identity();
      // Whoever only reads may do so on a standby; whoever writes is told.
      const there = opened.open({ ...options, port: standby.port }, siteOf(2));
      const [isThere, why] = await reachable(there);
      assert.equal(isThere, false);
      assert.match(sentenceOf(why), /is a standby/);
      await standby.down();
      numbersOf(await log.push([put("cy", "3"), put("dee", "4")]));
      const lost = reachable(log);
      await primary.down("SIGKILL");
      await lost;

      await standby.up();
      standby.promote();
      await there.identity().catch(() => undefined);
      await eventually("the standby to be the primary", async () => there.identity().catch(() => undefined));
      await there.push([put("eve", "5"), put("fay", "6"), put("gus", "7")]);
      cable.lead(standby.port);
      await eventually("the new primary", async () => log.identity().catch(() => undefined));
      const held = holdsUpTo((await log.identity()).epochs, epochs);
      assert.equal(held, 2);
      // What was told after that is told anew.
      numbersOf(await log.push([put("cy", "3"), put("dee", "4")]));
      const { changes } = await read(there);
      assert.deepEqual(changes.map(({ id }) => id).join(" "), "ada bo eve fay gus cy dee");
      assert.deepEqual(numbersIn(changes), oneTo(7));
    } finally {
      await opened.end();
      cable.close();
      await primary.down();
      await standby?.down();
    }
  });

  it("is read from a standby by whoever only reads, without a word to it", async () => {
    const primary = await PostgresServer.create({ more: ["wal_level = replica", "max_wal_senders = 4"] });
    let standby: PostgresServer | undefined;
    try {
      const options = primary.database();
      const writer = await opened.begin(options);
      await writer.push([put("ada", "1")]);
      const user = primary.role("reader");
      primary.sql(
        `grant usage on schema facewire to reader; grant select on all tables in schema facewire to reader;
         grant insert, update on facewire.sites to reader;
         update facewire.galleries set readers = array_append(readers, 'reader')`,
        options,
      );
      standby = await PostgresServer.standbyOf(primary);
      const reader = await opened.begin({ ...options, user, port: standby.port }, siteOf(2));
      assert.equal((await reader.after(0)).changes.length, 1);
      await reader.acknowledge(1);
      const woken = once(reader, "wake");
      await writer.push([put("bo", "2")]);
      await woken;
      assert.equal((await reader.after(0)).head, 2);
    } finally {
      await opened.end();
      await standby?.down();
      await primary.down();
    }
  });

  describe("a line that is cut", () => {
    let cable: Cable;
    before(async () => {
      cable = await Cable.to(server.port);
    });
    afterEach(() => cable.cut(false));
    after(() => cable.close());

    /** By the line, to a log that is there. */
    async function beginThere(options: PostgresOptions): Promise<PostgresLog> {
      await opened.begin(options, siteOf(3));
      return opened.begin({ ...options, port: cable.port }, siteOf(1), IMPATIENT);
    }

    it("lets no call wait for ever, and carries on when it is whole: nothing is written twice", async () => {
      const options = server.database();
      const log = await beginThere(options);
      const other = await opened.begin(options, siteOf(2));
      await log.push([put("ada", "1")]);
      const lost = reachable(log);
      cable.cut(true);
      const begun = performance.now();
      await assert.rejects(log.push([put("bo", "2")]), /does not answer/);
      assert.ok(performance.now() - begun < PATIENCE_MS);
      assert.equal((await lost)[0], false);
      await assert.rejects(log.after(0), /does not answer/);
      await other.push([put("cy", "3")]);
      cable.cut(false);
      await eventually("the line to be there again", async () => log.identity().catch(() => undefined));
      await pushThrough(log, "bo", "2");
      const { changes } = await read(other);
      assert.deepEqual(changes.map(({ id }) => id).sort(), ["ada", "bo", "cy"]);
      assert.deepEqual(numbersIn(changes), oneTo(3));
      assert.deepEqual((await read(log)).changes, changes);
    });

    it("is noticed by whoever says nothing, and they hear what came meanwhile", async () => {
      const options = server.database();
      const log = await beginThere(options);
      const other = await opened.begin(options, siteOf(2));
      const lost = reachable(log);
      cable.cut(true);
      const [isReachable, reason] = await lost;
      assert.equal(isReachable, false);
      assert.match(sentenceOf(reason), /does not answer/);
      await other.push([put("ada", "1")]);
      const found = reachable(log);
      cable.cut(false);
      assert.equal((await found)[0], true);
      await log.identity();
      assert.equal((await log.after(0)).changes.length, 1);
    });

    it("holds nobody else up while it is cut in the middle of a change", async () => {
      const options = server.database();
      const log = await beginThere(options);
      const other = await opened.begin(options, siteOf(2));
      const large = { ...put("large", ""), content: Buffer.alloc(8 * 1024 * 1024, 1) };
      const cutOff = assert.rejects(log.push([large]), /./);
      cable.cut(true);
      // Held up, it would be refused.
      numbersOf(await other.push([put("ada", "1")]));
      await log.close();
      await cutOff;
    });

    it("may be closed: it ends in time", async () => {
      const log = await beginThere(server.database());
      cable.cut(true);
      const begun = performance.now();
      await log.close();
      assert.ok(performance.now() - begun < PATIENCE_MS);
    });

    it("carries each change in little more than its content", async () => {
      const options = server.database();
      const log = await opened.begin({ ...options, port: cable.port }, siteOf(1), { ...QUICK, pollMs: 60_000 });
      await log.push([put("warm", "")]);
      const SEALED = 1200;
      const used = cable.bytes;
      for (let each = 0; each < 50; each += 1)
        await log.push([{ ...put(String(each).padStart(32, "0"), ""), content: Buffer.alloc(SEALED, 7) }]);
      const bytes = (cable.bytes - used) / 50;
      assert.ok(bytes < SEALED + 1000, `${bytes} bytes a change`);
    });
  });

  describe("a backup", () => {
    it("by pg_dump of whoever runs the server is whole, and is restored under another name", async () => {
      const options = server.database();
      const log = await opened.begin(options);
      await log.push([put("ada", "1"), put("bo", "2")]);
      await log.push([{ kind: "person", id: "ada", base: 1, content: null }]);
      await log.giveCheck("checked");
      const { epochs, ...identity } = await log.identity();
      const written = await read(log);
      const copy = server.tool("pg_dump", [options.database]);
      server.sql(`create database restored owner ${options.user}`);
      server.sql(copy, { database: "restored" });
      await opened.end();
      const restored = await opened.begin({ ...options, database: "restored" });
      const { epochs: now, ...same } = await restored.identity();
      assert.deepEqual(same, identity);
      assert.deepEqual(await read(restored), written);
      assert.equal(holdsUpTo(now, epochs), 3);
      assert.deepEqual(numbersOf(await restored.push([put("cy", "4")])), [4]);
    });
  });

  describe("a clock that is wrong", () => {
    it("of a site changes nothing: order is by number", async (context) => {
      const options = server.database();
      const right = await opened.begin(options);
      const wrong = await opened.begin(options, siteOf(2));
      await right.push([put("ada", "1")]);
      context.mock.timers.enable({ apis: ["Date"], now: new Date("2001-01-01") });
      await wrong.push([put("bo", "2")]);
      context.mock.timers.setTime(new Date("2101-01-01").getTime());
      await wrong.push([put("ada", "1b", 1)]);
      context.mock.timers.reset();
      const { changes } = await read(right);
      assert.deepEqual(
        changes.map(({ number, id }) => `${number} ${id}`),
        ["2 bo", "3 ada"],
      );
      for (const { at } of changes) assert.ok(Math.abs(at - Date.now()) < 60_000, "the database's clock is told");
    });

    it("of the database changes nothing either", async () => {
      const options = server.database();
      const log = await opened.begin(options);
      await log.push([put("ada", "1"), put("bo", "2")]);
      server.sql("update facewire.records set at = '2001-01-01' where number = 2", options);
      assert.deepEqual(numbersIn((await log.after(0)).changes), [1, 2]);
    });
  });

  describe("a disk that is full", { skip: noMount() }, () => {
    it("is told of; nothing of what did not fit is there, and all of it when there is room again", async () => {
      const disk = smallDisk(24);
      const options = server.database();
      try {
        server.own(disk.folder);
        server.sql(`create tablespace small location '${disk.folder}'`);
        server.sql(`alter database ${options.database} set tablespace small`);
        const log = await opened.begin(options);
        await log.push([put("ada", "1")]);
        const large = { ...put("large", ""), content: Buffer.alloc(4 * 1024 * 1024, 1) };
        disk.fill();
        await assert.rejects(log.push([put("bo", "2"), large]), /the disk of the database .* is full/);
        assert.deepEqual(
          (await log.after(0)).changes.map(({ id }) => id),
          ["ada"],
        );
        disk.empty();
        assert.deepEqual(numbersOf(await log.push([put("bo", "2"), large])), [2, 3]);
      } finally {
        await opened.end();
        disk.empty();
        server.sql(`drop database ${options.database}`);
        server.sql("drop tablespace small");
        disk.unmount();
      }
    });

    it("may end the server: what it has said is written is there when there is room again, once", async () => {
      const disk = smallDisk(160);
      const own = await PostgresServer.create({
        folder: disk.folder,
        more: ["max_wal_size = 48MB", "min_wal_size = 32MB"],
      });
      try {
        const options = own.database();
        const log = await opened.begin(options);
        const content = Buffer.alloc(1024 * 1024, 1);
        const written: string[] = [];
        disk.fill(4 * 1024 * 1024);
        let refused: unknown;
        for (let each = 0; each < 100 && refused === undefined; each += 1)
          await log.push([{ ...put(`p${each}`, ""), content }]).then(
            () => written.push(`p${each}`),
            (error: unknown) => {
              refused = error;
            },
          );
        assert.match(sentenceOf(refused), /disk of the database .* is full|was cut|stopped|starts or stops/);
        disk.empty();
        await own.down("SIGKILL");
        await own.up();
        const last = `p${written.length}`;
        await eventually("the site to go on", async () => log.identity().catch(() => undefined));
        const answer = await log.push([{ ...put(last, ""), content }]);
        assert.ok("numbers" in answer || answer.stale[0]?.content?.equals(content));
        const { changes } = await read(log);
        assert.deepEqual(
          changes.map(({ id }) => id),
          [...written, last],
        );
        assert.deepEqual(numbersIn(changes), oneTo(written.length + 1));
      } finally {
        await opened.end();
        await own.down("SIGKILL");
        disk.unmount();
      }
    });
  });
});
