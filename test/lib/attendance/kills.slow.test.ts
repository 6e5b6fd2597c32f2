import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CheckIn } from "../../../lib/attendance/check-in";
import { Ledger } from "../../../lib/attendance/ledger";
import { Database } from "../../../lib/people/lmdb/database";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { KILLS } from "../../support/often";
import { BY_BOOK, BY_MESSAGE, randomOf, type Scene, visitsOf } from "./kill-script";

const INTERVAL_MS = 60_000;

/** The working day by the system's own words for a moment, which the program does not use. */
function workday(at: number, timeZone: string, begins: string): string {
  const [date = "", time = ""] = new Date(at).toLocaleString("sv-SE", { timeZone }).split(" ");
  if (time >= begins) return date;
  return new Date(Date.parse(`${date}T12:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

/** Which check-ins there must be, from the rules as people read them. */
function expected(scene: Scene): string[] {
  const { timeZone, rules } = scene;
  const { mode, dayBegins } = rules as { mode: string; dayBegins: string };
  const rows: { person: string; type: string; at: number; visit: string; zone: string }[] = [];
  for (const { visit, person, stays } of visitsOf(scene)) {
    if (person === null) continue;
    const own = (): typeof rows => rows.filter((row) => row.person === person);
    const considered =
      mode === "alternating" ? stays.slice(0, 1) : stays.filter(([zone]) => zone === "in" || zone === "out");
    for (const [zone, at] of considered) {
      const wanted = mode === "alternating" ? undefined : zone.toUpperCase();
      const last = own().findLast(({ type }) => wanted === undefined || type === wanted);
      if (last !== undefined && at - last.at < INTERVAL_MS && last.at - at < INTERVAL_MS) continue;
      const today = own().findLast((row) => workday(row.at, timeZone, dayBegins) === workday(at, timeZone, dayBegins));
      rows.push({ person, visit, at, zone, type: wanted ?? (today?.type === "IN" ? "OUT" : "IN") });
    }
  }
  return rows.map(({ person, visit, at, zone, type }) => `${visit} ${zone} ${person} ${type} ${at}`).sort();
}

describe("an attendance book whose process is killed at any moment", () => {
  it(`has each check-in once: ${BY_BOOK.visits} visits, ${KILLS} kills, messages again, clocks jump`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "attendance-kills-"));
    const [file, told] = [join(folder, "attendance.mdb"), join(folder, "told.txt")];
    const random = randomOf(Date.now());
    let kills = 0;
    let acknowledged = { sent: 0, revision: 0 };
    const total = 3 * BY_BOOK.visits;
    let child: ChildProcess;
    for (;;) {
      // What was sent last is sent again: nobody knows whether it was heard.
      const from = Math.max(0, acknowledged.sent - Math.floor(random() * 30));
      child = fork(join(__dirname, "kill-child.ts"), [file, told, String(from)], {
        execArgv: ["--import", "tsx"],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      const begun = acknowledged.revision;
      // So far into what is left that all kills find something under way.
      const far = begun + Math.floor((random() * 2 * (total - begun)) / (KILLS - kills + 1));
      const ended = once(child, "exit");
      let dying = false;
      child.on("message", (progress: typeof acknowledged) => {
        acknowledged = progress;
        if (dying || kills >= KILLS || progress.revision < far) return;
        dying = true;
        void sleep(random() * 6).then(() => child.kill("SIGKILL"));
      });
      const [code, signal] = (await ended) as [number | null, string | null];
      if (signal === "SIGKILL") kills += 1;
      else {
        assert.equal(code, 0);
        break;
      }
    }
    assert.equal(kills, KILLS);

    const database = await Database.open(file, noSecret);
    const ledger = await Ledger.open({ database }, { folder, encrypted: false, isKnown: () => true });
    const lines = readFileSync(told, "utf8").trim().split("\n");
    for (const scene of [BY_BOOK, BY_MESSAGE]) {
      const rows: CheckIn[] = [...ledger.rows(scene.book)];
      const found = rows.map(({ visit, zone, person, type, at }) => `${visit} ${zone} ${person} ${type} ${at}`).sort();
      const wanted = expected(scene);
      const [have, want] = [new Set(found), new Set(wanted)];
      assert.deepEqual(
        {
          doubled: found.length - have.size,
          lost: wanted.filter((row) => !have.has(row)).slice(0, 5),
          more: found.filter((row) => !want.has(row)).slice(0, 5),
          rows: found.length,
        },
        { doubled: 0, lost: [], more: [], rows: wanted.length },
        scene.book,
      );
      const heard = lines.filter((line) => line.startsWith(`${scene.book} `));
      assert.equal(new Set(heard).size, rows.length, "each check-in was told");
      assert.ok(heard.length - rows.length < rows.length / 10, "and hardly one again after a kill");
    }
    await ledger.close();
    rmSync(folder, { recursive: true });
  });
});
