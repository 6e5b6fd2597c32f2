/**
 * Sites that share a gallery: how soon one knows what another enrolled, what it costs, and how long a new site needs.
 *   npm run bench:sites -- [--sites 100] [--rounds 20] [--people 10000] [--photos 5]
 * Needs PostgreSQL 15 or later on this computer. The sites are connections of this process with stand-in contents of
 * the size of sealed ones, without pictures; the database is as its makers set it, on this disk.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Change, ChangeLog } from "../lib/sites/change-log";
import { openPostgresLog } from "../lib/sites/postgres/log";
import { noPostgres, Cable, PostgresServer } from "../test/support/postgres";
import { seeded } from "./statistics";

/** As sealing makes them: a person's record; a photo's; 128 numbers of 4 bytes with what they belong to. */
const BYTES = { person: 420, photo: 300, embedding: 680 } as const;
const BATCH = 500;

const { values } = parseArgs({
  options: {
    sites: { type: "string", default: "100" },
    rounds: { type: "string", default: "20" },
    people: { type: "string", default: "10000" },
    photos: { type: "string", default: "5" },
  },
});
const [sites, rounds, people, photos] = [values.sites, values.rounds, values.people, values.photos].map(Number) as [
  number,
  number,
  number,
  number,
];
const random = seeded(1);
const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
const idOf = (kind: string, number: number): string => `${kind}${number}`.padStart(32, "0");
const siteOf = (number: number): { id: string; name: string } => ({
  id: idOf("site", number),
  name: `Site ${number}`,
});

/** Somebody with photos, as an enrolment is pushed. */
function enrolment(number: number): Change[] {
  const photo = Array.from({ length: photos }, (_, index) => number * photos + index);
  return [
    { kind: "person", id: idOf("a", number), base: 0, content: bytesOf(BYTES.person) },
    ...photo.map((each): Change => ({ kind: "photo", id: idOf("b", each), base: 0, content: bytesOf(BYTES.photo) })),
    ...photo.map((each): Change => ({
      kind: "embedding",
      id: idOf("c", each),
      base: 0,
      content: bytesOf(BYTES.embedding),
    })),
  ];
}

async function readFrom(log: ChangeLog, number: number): Promise<number> {
  for (let last = number; ;) {
    const { changes, head } = await log.after(last);
    last = changes.at(-1)?.number ?? head;
    if (last >= head) return last;
  }
}

/** A site that reads whenever it is woken. */
class Follower {
  followed = 0;
  readonly #log: ChangeLog;
  #again = false;
  #running = false;
  readonly #waiting = new Map<() => void, number>();

  constructor(log: ChangeLog) {
    this.#log = log;
    log.on("wake", () => void this.#read());
  }

  reached(number: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(resolve, number);
      this.#tell();
    });
  }

  #tell(): void {
    for (const [resolve, number] of this.#waiting)
      if (this.followed >= number) {
        this.#waiting.delete(resolve);
        resolve();
      }
  }

  async #read(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      this.followed = await readFrom(this.#log, this.followed);
      this.#tell();
    }
    this.#running = false;
  }
}

const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

async function main(): Promise<void> {
  const missing = noPostgres();
  if (missing !== false) throw new Error(missing);
  const server = await PostgresServer.create({
    more: [`max_connections = ${3 * sites + 20}`, "shared_buffers = 128MB", "max_wal_size = 1GB"],
  });
  const cable = await Cable.to(server.port);
  try {
    console.log(`${cpus().length} × ${cpus()[0]?.model}, PostgreSQL ${server.sql("show server_version")}`);
    const options = server.database();
    const connections = (): number =>
      Number(server.sql(`select count(*) from pg_stat_activity where usename = '${options.user}'`));

    const begun = performance.now();
    const logs = Array.from({ length: sites }, (_, index) => openPostgresLog(options, siteOf(index)));
    await Promise.all(logs.map((log) => log.identity()));
    const connecting = (performance.now() - begun) / 1000;
    console.log(`${sites} sites connected: ${connecting.toFixed(1)} s, ${connections()} connections`);
    const [writer, ...others] = logs;
    if (writer === undefined) throw new Error("no site");
    const followers = others.map((log) => new Follower(log));
    const times: { acknowledged: number; first: number; all: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const start = performance.now();
      const pushed = await writer.push(enrolment(people + round));
      const acknowledged = performance.now() - start;
      if (!("numbers" in pushed)) throw new Error("stale");
      const last = pushed.numbers.at(-1) ?? 0;
      const reached = followers.map(async (each) => {
        await each.reached(last);
        return performance.now() - start;
      });
      const first = await Promise.race(reached);
      times.push({ acknowledged, first, all: Math.max(...(await Promise.all(reached))) });
    }
    const line = (name: string, list: number[]): void =>
      console.log(
        `  ${name.padEnd(34)} median ${middle(list).toFixed(0)} ms, longest ${Math.max(...list).toFixed(0)} ms`,
      );
    console.log(`an enrolment of ${photos} photos, ${rounds} times:`);
    line(
      "acknowledged at its site",
      times.map(({ acknowledged }) => acknowledged),
    );
    line(
      "known at the first of the others",
      times.map(({ first }) => first),
    );
    line(
      `known at all ${followers.length} others`,
      times.map(({ all }) => all),
    );
    console.log(`  connections just after: ${connections()}`);
    await Promise.all(logs.map((log) => log.close()));

    const filler = openPostgresLog({ ...options, gallery: "filled", port: cable.port }, siteOf(1));
    await filler.identity();
    const filling = performance.now();
    const upBefore = cable.bytes;
    let records = 0;
    let content = 0;
    for (let number = 0, batch: Change[] = []; number < people; number += 1) {
      batch.push(...enrolment(number));
      if (batch.length < BATCH && number < people - 1) continue;
      records += batch.length;
      content += batch.reduce((sum, each) => sum + (each.content?.length ?? 0), 0);
      await filler.push(batch);
      batch = [];
    }
    const up = (performance.now() - filling) / 1000;
    const sent = (bytes: number, count: number): string =>
      `${(bytes / 1e6).toFixed(1)} MB on the line, ${(bytes / count).toFixed(0)} bytes a record`;
    console.log(`${people} × ${photos}: ${records} records of ${(content / 1e6).toFixed(1)} MB`);
    console.log(`  pushed by one site: ${up.toFixed(1)} s, ${sent(cable.bytes - upBefore, records)}`);
    const newcomer = openPostgresLog({ ...options, gallery: "filled", port: cable.port }, siteOf(2));
    await newcomer.identity();
    const downBefore = cable.bytes;
    const reading = performance.now();
    await readFrom(newcomer, 0);
    const down = (performance.now() - reading) / 1000;
    console.log(`  read by a new site: ${down.toFixed(1)} s, ${sent(cable.bytes - downBefore, records)}`);
    const disk = server.sql("select pg_size_pretty(pg_database_size(current_database()))", options);
    console.log(`  on the server's disk: ${disk}`);

    const single = cable.bytes;
    const ONE_BY_ONE = 100;
    for (let number = 0; number < ONE_BY_ONE; number += 1)
      await filler.push([{ kind: "person", id: idOf("z", number), base: 0, content: bytesOf(BYTES.person) }]);
    console.log(`a change of ${BYTES.person} bytes, pushed alone: ${sent(cable.bytes - single, ONE_BY_ONE)}`);
    await Promise.all([filler.close(), newcomer.close()]);
  } finally {
    cable.close();
    await server.down();
  }
}

void main();
