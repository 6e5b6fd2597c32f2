import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { takeLock } from "../../../lib/people/lmdb/lock";
import { eventually } from "../../support/node-red";

const TIMES = { beatMs: 50, deadMs: 600 };

function folderHeldBy(holder: Partial<{ pid: number; startedAt: string; host: string; space: string }>): {
  folder: string;
  file: string;
} {
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  const file = join(folder, "in-use.json");
  writeFileSync(
    file,
    JSON.stringify({ pid: process.pid, startedAt: "1", host: hostname(), space: "", token: "x", ...holder }),
  );
  return { folder, file };
}

describe("the lock", () => {
  it("waits for a holder in another container, and takes over when it shows no life", async () => {
    const { folder, file } = folderHeldBy({ host: "another", pid: 1 });
    const lock = await takeLock(folder, TIMES);
    assert.equal((JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid, process.pid);
    await lock.release();
    assert.equal(existsSync(file), false);
  });

  it("takes over also while the computer's clock is put back", { timeout: 60_000 }, async (t) => {
    const { folder } = folderHeldBy({ host: "another", pid: 1 });
    let clock = Date.now();
    t.mock.method(Date, "now", () => (clock -= 1000));
    await (await takeLock(folder, TIMES)).release();
  });

  it(
    "waits for whoever of this process has the folder to hand it over, one after the other, and says that it " +
      "waits",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "lock-"));
      const first = await takeLock(folder, TIMES);
      const told: string[] = [];
      const later = ["second", "third"].map(async (name) => {
        const lock = await takeLock(folder, TIMES, {
          ms: 60_000,
          signal: new AbortController().signal,
          onWait: () => told.push(`${name} waits`),
        });
        told.push(`${name} has it`);
        await lock.release();
      });
      await eventually("the waiting", () => (told.length === 2 ? true : undefined));
      await first.release();
      await Promise.all(later);
      assert.deepEqual(told.toSorted(), ["second has it", "second waits", "third has it", "third waits"]);
    },
  );

  it("waits for a hand-over no longer than it may, nor once nobody wants it any more", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lock-"));
    const lock = await takeLock(folder, TIMES);
    const gone = new AbortController();
    await assert.rejects(
      takeLock(folder, TIMES, { ms: 50, signal: gone.signal, onWait: () => undefined }),
      /are used by another gallery of this Node-RED/,
    );
    await assert.rejects(
      takeLock(folder, TIMES, { ms: 60_000, signal: gone.signal, onWait: () => gone.abort(new Error("closed")) }),
      /closed|aborted/,
    );
    await lock.release();
    await (await takeLock(folder, TIMES)).release();
  });

  it("names a holder in another container that shows life, also one of the same name", async () => {
    for (const holder of [
      { host: "another", pid: 1 },
      { space: "pid:[1]", pid: 1 },
    ]) {
      const { folder, file } = folderHeldBy(holder);
      // Its clock is far behind ours.
      let seconds = 1000;
      const beat = setInterval(() => utimesSync(file, (seconds += 1), seconds), TIMES.beatMs);
      await assert.rejects(
        takeLock(folder, TIMES),
        new RegExp(`in use by another Node-RED \\(process 1 on ${holder.host ?? hostname()}\\)`),
      );
      clearInterval(beat);
    }
  });

  it(
    "shows life itself, takes half a file for none, and holds a folder under all its names",
    { skip: process.platform === "win32" },
    async () => {
      const { folder, file } = folderHeldBy({});
      writeFileSync(file, '{"pid":');
      const lock = await takeLock(folder, TIMES);
      utimesSync(file, 1000, 1000);
      await eventually("the holder showing life", () => statSync(file).mtimeMs > 2_000_000 || undefined);
      const other = `${folder}-other`;
      symlinkSync(folder, other);
      await assert.rejects(takeLock(other, TIMES), /are used by another gallery of this Node-RED/);
      await lock.release();
      await (await takeLock(other, TIMES)).release();
    },
  );
});
