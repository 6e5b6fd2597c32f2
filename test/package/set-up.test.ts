import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(__dirname, "../..");
const SECOND = 1000;

/** The set-up in a project whose build takes a moment and notes that it ran. */
function project(): {
  setUp: () => Promise<number | null>;
  change: (file: string) => void;
  builds: () => number;
  lock: string;
} {
  const folder = mkdtempSync(join(tmpdir(), "project-"));
  const change = (file: string): void => {
    writeFileSync(join(folder, file), String(Math.random()));
    // Whatever the file system's clock can tell apart.
    const later = new Date(Date.now() + SECOND);
    utimesSync(join(folder, file), later, later);
  };
  for (const place of ["scripts", "lib", "node_modules", "dist"]) mkdirSync(join(folder, place));
  cpSync(join(ROOT, "scripts/setup.mjs"), join(folder, "scripts/setup.mjs"));
  writeFileSync(
    join(folder, "scripts/build.mjs"),
    `
    import { appendFileSync, writeFileSync } from "node:fs";
    import { setTimeout } from "node:timers/promises";
    appendFileSync("builds", "x");
    await setTimeout(300);
    writeFileSync("dist/.built", "");
`,
  );
  writeFileSync(join(folder, "package-lock.json"), "{}");
  writeFileSync(join(folder, "node_modules/.package-lock.json"), "{}");
  return {
    change,
    setUp: async () =>
      (
        (await once(spawn(process.execPath, [join(folder, "scripts/setup.mjs")], { stdio: "ignore" }), "exit")) as [
          number | null,
        ]
      )[0],
    builds: () => (existsSync(join(folder, "builds")) ? readFileSync(join(folder, "builds"), "utf8").length : 0),
    lock: join(folder, ".set-up"),
  };
}

describe("set-up", () => {
  it("builds what is out of date, and only that", async () => {
    const { setUp, change, builds } = project();
    assert.deepEqual([await setUp(), builds()], [0, 1]);
    assert.deepEqual([await setUp(), builds()], [0, 1], "nothing has changed");
    change("lib/new.ts");
    assert.deepEqual([await setUp(), builds()], [0, 2]);
  });

  it("is done by one of several processes, and the others wait for it", async () => {
    const { setUp, builds, lock } = project();
    assert.deepEqual(await Promise.all([setUp(), setUp(), setUp()]), [0, 0, 0]);
    assert.equal(builds(), 1);
    assert.equal(existsSync(lock), false);
  });

  it("goes on after one that was killed", async () => {
    const { setUp, builds, lock } = project();
    const killed = spawn(process.execPath, ["-e", ""]);
    await once(killed, "exit");
    writeFileSync(lock, String(killed.pid));
    assert.deepEqual([await setUp(), builds()], [0, 1]);
  });
});
