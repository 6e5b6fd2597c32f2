/**
 * Sites as processes of their own, each with its store on this disk: how soon all know whom one has enrolled.
 *   npm run build && node --import tsx bench/sites-processes.ts [--sites 100] [--rounds 10] [--photos 5]
 * Needs PostgreSQL 15 or later on this computer, and about 100 MB of memory a site.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { noPostgres, PostgresServer } from "../test/support/postgres";

const { values } = parseArgs({
  options: {
    sites: { type: "string", default: "100" },
    rounds: { type: "string", default: "10" },
    photos: { type: "string", default: "5" },
  },
});
const [sites, rounds, photos] = [values.sites, values.rounds, values.photos].map(Number) as [number, number, number];
/** Sites that start at once. */
const STARTING = 4;
const FIRST = 1;

interface Said {
  ready?: true;
  awaits?: number;
  acknowledged?: string;
  known?: string;
  /** Milliseconds since the epoch: all are on one computer. */
  asked?: number;
  at?: number;
  memory?: number;
  people?: number;
  failed?: string;
}

const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

/** What a site says next that has a field. */
async function said(child: ChildProcess, field: keyof Said): Promise<Said> {
  return new Promise((resolve, reject) => {
    const leave = (): void => void child.off("message", hear).off("exit", ended);
    const ended = (code: number | null): void => {
      leave();
      reject(new Error(`a site has ended: ${code}`));
    };
    const hear = (message: unknown): void => {
      const each = message as Said;
      if (each.failed === undefined && each[field] === undefined) return;
      leave();
      if (each.failed === undefined) resolve(each);
      else reject(new Error(each.failed));
    };
    child.on("message", hear).on("exit", ended);
  });
}

const load = (): string =>
  loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");

async function main(): Promise<void> {
  const missing = noPostgres();
  if (missing !== false) throw new Error(missing);
  const folder = mkdtempSync(join(tmpdir(), "bench-sites-"));
  const server = await PostgresServer.create({
    more: [`max_connections = ${3 * sites + 20}`, "shared_buffers = 128MB"],
  });
  const children: ChildProcess[] = [];
  try {
    const options = server.database();
    const version = server.sql("show server_version");
    console.log(`${cpus().length} × ${cpus()[0]?.model}, PostgreSQL ${version}, Node.js ${process.version}`);
    const begun = performance.now();
    while (children.length < sites) {
      const started = Array.from({ length: Math.min(STARTING, sites - children.length) }, (_, index) => {
        const number = children.length + index;
        const orders = { folder: join(folder, String(number)), name: `Site ${number}`, options };
        return fork(join(__dirname, "site-process.cjs"), [JSON.stringify(orders)], { execArgv: [] });
      });
      children.push(...started);
      await Promise.all(started.map((child) => said(child, "ready")));
    }
    console.log(`${sites} sites started: ${((performance.now() - begun) / 1000).toFixed(0)} s, load ${load()}`);
    const connections = Number(server.sql(`select count(*) from pg_stat_activity where usename = '${options.user}'`));
    console.log(`connections: ${connections}`);
    const times: { acknowledged: number; first: number; all: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const number = FIRST + round;
      const writer = children[(round * 7) % sites];
      if (writer === undefined) throw new Error("no site");
      const others = children.filter((child) => child !== writer);
      const noted = others.map((child) => said(child, "awaits"));
      for (const child of others) child.send({ awaits: number, photos });
      await Promise.all(noted);
      const known = others.map((child) => said(child, "known"));
      const acknowledged = said(writer, "acknowledged");
      writer.send({ enrol: number, photos });
      const { asked = 0, at: acknowledgedAt = 0 } = await acknowledged;
      const after = (await Promise.all(known)).map(({ at = 0 }) => at - acknowledgedAt);
      times.push({ acknowledged: acknowledgedAt - asked, first: Math.min(...after), all: Math.max(...after) });
    }
    const line = (name: string, list: number[]): void =>
      console.log(`  ${name.padEnd(36)} median ${middle(list)} ms, longest ${Math.max(...list)} ms`);
    console.log(`an enrolment of ${photos} photos, ${rounds} times, load ${load()}:`);
    line(
      "acknowledged at its site",
      times.map(({ acknowledged }) => acknowledged),
    );
    line(
      "… known at the first of the others",
      times.map(({ first }) => first),
    );
    line(
      `… on the disk at all ${sites - 1} others`,
      times.map(({ all }) => all),
    );
    const ends = children.map(async (child) => {
      const answer = said(child, "memory");
      const exited = once(child, "exit");
      child.send({ end: true });
      const told = await answer;
      await exited;
      return told;
    });
    const told = await Promise.all(ends);
    const memory = told.map((each) => (each.memory ?? 0) / 2 ** 20);
    const all = memory.reduce((sum, each) => sum + each, 0) / 1024;
    console.log(`memory of a site: median ${middle(memory).toFixed(0)} MB; of all ${all.toFixed(1)} GB`);
    if (told.some(({ people }) => people !== rounds)) throw new Error("a site does not know all");
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await server.down();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
