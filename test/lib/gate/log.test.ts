import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { GateLog, type LogBounds, type Own } from "../../../lib/gate/log/log";
import { hashOf, type Entry } from "../../../lib/gate/log/entry";
import { verifyLog } from "../../../lib/gate/log/verify";
import type { Logged } from "../../../lib/grant";
import { noSecret } from "../../../lib/people/lmdb/secret";

const ROOT = join(__dirname, "../../..");
const root = mkdtempSync(join(tmpdir(), "gate-log-"));
let folders = 0;
const newFolder = (): string => join(root, String((folders += 1)));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const own = (person: string): Own => ({
  person,
  name: person.toUpperCase(),
  visit: `visit of ${person}`,
  zone: "door",
  distance: 0.5,
  threshold: 0.9,
  sure: 0.99,
  liveness: { result: "passed", by: "turn", at: 1 },
});

async function written(
  entries: number,
  bounds?: LogBounds,
): Promise<{ folder: string; log: GateLog; heads: Logged[] }> {
  const folder = newFolder();
  const log = await GateLog.open({ folder, secret: noSecret, head: undefined, now: 1, ...(bounds && { bounds }) });
  const heads: Logged[] = [];
  for (let at = 1; at <= entries; at += 1) {
    const person = at % 2 === 0 ? "bob" : "alice";
    heads.push(await log.append({ at, kind: "deny", reason: "stale" }, own(person), Buffer.from(`picture ${at}`)));
  }
  return { folder, log, heads };
}

const segment = (folder: string, index = 0): string =>
  join(
    folder,
    readdirSync(folder)
      .filter((name) => name.endsWith(".log"))
      .sort()[index] ?? "",
  );
const linesIn = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
const write = (file: string, lines: readonly string[]): void =>
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));

/** A copy of a log, changed. @returns where it is found to break */
async function broken(
  folder: string,
  change: (copy: string) => void,
  head?: Logged,
): Promise<{ sequence: number; fault: string } | null> {
  const copy = newFolder();
  cpSync(folder, copy, { recursive: true });
  change(copy);
  const found = await verifyLog(copy, { secret: noSecret, head });
  assert.equal(found.ok, found.broken === null);
  return found.broken;
}

describe("the log of a gate", () => {
  it("is a chain in which every change is found where it was made", async () => {
    const { folder, log, heads } = await written(6);
    assert.deepEqual((await log.verify()).ok, true);
    const edit =
      (index: number, change: (entry: Entry) => Entry | string): ((copy: string) => void) =>
      (copy) => {
        const lines = linesIn(segment(copy));
        const changed = change(JSON.parse(lines[index] ?? "") as Entry);
        lines[index] = typeof changed === "string" ? changed : JSON.stringify(changed);
        write(segment(copy), lines);
      };
    const rehashed = (entry: Entry): Entry => ({ ...entry, hash: hashOf(entry) });
    const lines =
      (change: (lines: string[]) => readonly string[]): ((copy: string) => void) =>
      (copy) =>
        write(segment(copy), change(linesIn(segment(copy))));
    assert.equal(await broken(folder, () => undefined), null);
    for (const [change, fault] of [
      [edit(2, (entry) => ({ ...entry, at: 99 })), { sequence: 3, fault: "hash" }],
      [edit(2, (entry) => ({ ...entry, kind: "grant", reason: null })), { sequence: 3, fault: "hash" }],
      [edit(2, (entry) => rehashed({ ...entry, at: 99 })), { sequence: 4, fault: "previous" }],
      [edit(2, () => "{"), { sequence: 3, fault: "unreadable" }],
      [lines((all) => all.toSpliced(2, 1)), { sequence: 4, fault: "sequence" }],
      [lines((all) => all.toSpliced(2, 0, all[1] ?? "")), { sequence: 2, fault: "sequence" }],
      [lines((all) => [all[1] ?? "", all[0] ?? "", ...all.slice(2)]), { sequence: 1, fault: "sequence" }],
      [lines((all) => all.slice(1)), { sequence: 2, fault: "beginning" }],
    ] as const)
      assert.deepEqual(await broken(folder, change), fault);
    const details = (change: (text: string) => string) => (copy: string) => {
      const file = segment(copy).replace(/log$/, "details");
      writeFileSync(file, change(readFileSync(file, "utf8")));
    };
    const swapped = details((text) => {
      const [first, second, ...rest] = text.split("\n");
      const sealedOf = (line = ""): string => (JSON.parse(line) as { sealed: string }).sealed;
      const line = (sequence: number, sealed: string): string => JSON.stringify({ sequence, sealed });
      return [line(1, sealedOf(second)), line(2, sealedOf(first)), ...rest].join("\n");
    });
    assert.deepEqual(await broken(folder, swapped), { sequence: 1, fault: "details" });
    const [picture] = readdirSync(join(folder, "pictures")).sort();
    const repainted = (copy: string): void =>
      writeFileSync(join(copy, "pictures", picture ?? ""), noSecret.seal(Buffer.from("another"), "1"));
    assert.deepEqual(await broken(folder, repainted), { sequence: 1, fault: "picture" });
    // An end that was cut off is found by whoever keeps an entry elsewhere.
    const cut = lines((all) => all.slice(0, 4));
    assert.equal(await broken(folder, cut), null);
    assert.deepEqual(await broken(folder, cut, heads[4]), { sequence: 5, fault: "head" });
    assert.equal(await broken(folder, cut, heads[3]), null);
  });

  it("says at the next start that an end which it had was cut off", async () => {
    const { folder, log, heads } = await written(5);
    await log.close();
    write(segment(folder), linesIn(segment(folder)).slice(0, 3));
    const again = await GateLog.open({ folder, secret: noSecret, head: heads[4], now: 9 });
    const [newest] = await again.read({ limit: 1 });
    assert.deepEqual([newest?.entry.kind, newest?.entry.note, newest?.entry.sequence], ["cut", 5, 4]);
    assert.deepEqual((await again.verify()).broken, { sequence: 4, fault: "cut" });
  });

  it("is bounded: the oldest makes room, which it says, and the chain is carried on", async () => {
    const bounds = { entries: 10, segments: 3, pictures: 4 };
    const { folder, log, heads } = await written(95, bounds);
    const files = readdirSync(folder).filter((name) => name.endsWith(".log"));
    assert.equal(files.length, 3);
    assert.equal(readdirSync(folder).filter((name) => name.endsWith(".details")).length, 3);
    assert.equal(readdirSync(join(folder, "pictures")).length, 4);
    const found = await log.verify();
    assert.deepEqual([found.ok, found.last], [true, heads.at(-1)]);
    assert.ok((found.first ?? 0) > 60 && found.entries <= 30);
    // Who takes out more than made room is found.
    assert.deepEqual((await broken(folder, (copy) => rmSync(segment(copy))))?.fault, "beginning");
    // An entry of before that somebody keeps says nothing any more.
    assert.equal((await log.verify(heads[0])).ok, true);
    await log.close();
    const again = await GateLog.open({ folder, secret: noSecret, head: heads[0], now: 1, bounds });
    assert.deepEqual(again.head, heads.at(-1));
  });

  it("deletes what is a person's, in every segment, and holds", async () => {
    const { folder, log } = await written(25, { entries: 10, segments: 5, pictures: 100 });
    assert.equal(await log.forget("alice", 30), 13);
    const found = await log.verify();
    assert.deepEqual([found.ok, found.forgotten], [true, 13]);
    const rows = await log.read({ limit: 100 });
    assert.equal(rows[0]?.entry.kind, "forgot");
    assert.deepEqual(new Set(rows.map(({ details }) => details?.person ?? null)), new Set([null, "bob"]));
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
      if (name.includes(".")) {
        const text = readFileSync(join(folder, name), "utf8");
        assert.ok(!Buffer.from(text, "base64").toString("latin1").includes("ALICE"), name);
        assert.ok(!text.includes("ALICE"), name);
      }
    assert.equal(readdirSync(join(folder, "pictures")).length, 12);
    // Nobody else's went with it.
    assert.equal(rows.filter(({ pictured }) => pictured).length, 12);
  });

  it("drops what was kept beside an entry that a crash kept from being written", async () => {
    const { folder, log } = await written(3);
    await log.close();
    const file = segment(folder);
    write(file, linesIn(file).slice(0, 2));
    assert.equal(readdirSync(join(folder, "pictures")).length, 3);
    const again = await GateLog.open({ folder, secret: noSecret, head: undefined, now: 5 });
    assert.equal(readdirSync(join(folder, "pictures")).length, 2);
    assert.equal(linesIn(file.replace(/log$/, "details")).length, 2);
    await again.append({ at: 6, kind: "grant" }, own("carol"));
    const found = await again.verify();
    assert.deepEqual([found.ok, found.forgotten, found.entries], [true, 0, 3]);
  });

  it("is checked by a program, which says where it breaks", async () => {
    const { folder, log, heads } = await written(4);
    await log.close();
    const run = (...args: string[]): [number | null, string] => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", join(ROOT, "lib/gate/log/verify-cli.ts"), ...args],
        { encoding: "utf8", cwd: ROOT, timeout: 120_000 },
      );
      return [status, stdout + stderr];
    };
    const [, , third] = heads;
    assert.ok(third !== undefined);
    const [status, said] = run(folder, `${third.sequence}:${third.hash}`);
    assert.deepEqual([status, /4 entries, 1 to 4, unbroken/.test(said)], [0, true], said);
    write(segment(folder), linesIn(segment(folder)).toSpliced(1, 1));
    const [wrong, where] = run(folder);
    assert.deepEqual([wrong, /breaks at entry 3: sequence/.test(where)], [1, true], where);
    const [misused, how] = run();
    assert.deepEqual([misused, how.includes("facenet-verify-log")], [2, true]);
    assert.ok(existsSync(folder));
  });
});
